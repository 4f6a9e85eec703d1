//! Expressions, each made to a type.

use super::{Generator, types::Type};

impl Generator<'_> {
    /// An expression of this type, this deep at most.
    pub(super) fn expression(&mut self, data_type: Type, depth: u32) -> String {
        if depth == 0 || self.dice.chance(30) {
            return self.leaf(data_type);
        }
        if self.dice.chance(12)
            && let Some(made) = self.aggregate_or_window(data_type, depth)
        {
            return made;
        }
        match self.dice.below(20) {
            0 => self.case(data_type, depth),
            1 => {
                let [a, b] = self.two(data_type, depth);
                format!("coalesce({a}, {b})")
            }
            2 if data_type.sorts() => {
                let [a, b] = self.two(data_type, depth);
                let name = self.dice.pick(&["nullif", "greatest", "least"]);
                // Two values of a type that cannot be told apart are not compared.
                if data_type == Type::Pair {
                    format!("coalesce({a}, {b})")
                } else {
                    format!("{name}({a}, {b})")
                }
            }
            3 if self.depth > 0 => format!("({})", self.scalar_query(data_type)),
            _ => self.special(data_type, depth - 1),
        }
    }

    pub(super) fn two(&mut self, data_type: Type, depth: u32) -> [String; 2] {
        [self.expression(data_type, depth - 1), self.expression(data_type, depth - 1)]
    }

    fn aggregate_or_window(&mut self, data_type: Type, depth: u32) -> Option<String> {
        let [aggregates, windows] = [self.level().aggregates, self.level().windows];
        match (aggregates, windows) {
            (true, true) if self.dice.chance(50) => self.aggregate(data_type, depth - 1),
            (true, false) => self.aggregate(data_type, depth - 1),
            (_, true) => self.window_call(data_type, depth - 1),
            _ => None,
        }
    }

    /// A column, else a literal.
    pub(super) fn leaf(&mut self, data_type: Type) -> String {
        if self.dice.chance(85)
            && let Some(column) = self.column(data_type)
        {
            return column;
        }
        if self.dice.chance(55)
            && let Some(made) = self.converted(data_type)
        {
            return made;
        }
        self.literal(data_type)
    }

    /// Any column of this query, made into the type.
    fn converted(&mut self, data_type: Type) -> Option<String> {
        let of: Vec<Type> = Type::STORED.into_iter().filter(|one| *one != data_type).collect();
        let other = *self.dice.pick(&of);
        let column = self.column(other)?;
        Some(match data_type {
            Type::Integer => format!("length({column}::text)"),
            Type::Big => format!("length({column}::text)::bigint"),
            Type::Numeric => format!("length({column}::text)::numeric"),
            Type::Float => format!("sqrt(length({column}::text))"),
            Type::Text | Type::Other => format!("{column}::text"),
            Type::Boolean => format!("({column} IS NOT NULL)"),
            Type::Date => format!("(date '2020-01-01' + length({column}::text))"),
            Type::Stamp => format!("to_timestamp(length({column}::text))"),
            Type::Json => format!("to_jsonb({column})"),
            Type::Integers => format!("ARRAY[length({column}::text)]"),
            Type::Texts => format!("ARRAY[{column}::text]"),
            Type::Pair => format!("ROW(1, {column}::text)::pair"),
            Type::Mood => return None,
        })
    }

    pub(super) fn literal(&mut self, data_type: Type) -> String {
        if self.dice.chance(4) {
            return format!("$?::{}", data_type.sql());
        }
        let literals: &[&str] = match data_type {
            Type::Integer => &["1", "0", "42", "-7", "NULL::integer"],
            Type::Big => &["10000000000", "5::bigint", "1::int8"],
            Type::Numeric => &["1.5", "0.25", "3::numeric"],
            Type::Float => &["1e3::float8", "2.5::double precision"],
            Type::Text | Type::Other => &["'x'::text", "'a b'::text", "$$y$$::text", "CAST('z' AS text)"],
            Type::Boolean => &["true", "false", "NULL::boolean"],
            Type::Date => &["current_date", "date '2020-02-03'", "'2021-01-01'::date"],
            Type::Stamp => &["now()", "current_timestamp", "timestamptz '2020-02-03 04:05:06+00'"],
            Type::Json => &[r#"'{"a": 1}'::jsonb"#, "'[1]'::jsonb"],
            Type::Integers => &["ARRAY[1, 2]", "'{3,4}'::integer[]", "ARRAY[]::integer[]"],
            Type::Texts => &["ARRAY['p', 'q']::text[]", "'{r}'::text[]"],
            Type::Pair => &["ROW(1, 'x')::pair", "NULL::pair"],
            Type::Mood => &["'sad'::mood", "'glad'::mood"],
        };
        (*self.dice.pick(literals)).to_owned()
    }

    fn case(&mut self, data_type: Type, depth: u32) -> String {
        let [a, b] = self.two(data_type, depth);
        if self.dice.chance(40) {
            let tested = *self.dice.pick(&Type::COMMON);
            let [test, when] = self.two(tested, depth);
            return format!("CASE {test} WHEN {when} THEN {a} ELSE {b} END");
        }
        let condition = self.expression(Type::Boolean, depth - 1);
        if self.dice.chance(50) {
            return format!("CASE WHEN {condition} THEN {a} END");
        }
        let other = self.expression(Type::Boolean, depth - 1);
        format!("CASE WHEN {condition} THEN {a} WHEN {other} THEN {b} END")
    }

    /// A condition.
    pub(super) fn condition(&mut self) -> String {
        self.expression(Type::Boolean, self.size)
    }
}
