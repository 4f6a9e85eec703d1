//! Operators and functions that give a certain type.

use super::{Generator, types::Type};

/// Templates by type: `{i}` is an expression of type integer, and so on by [`placeholder`]; `{q:i}` a query
/// with one column of it.
const INTEGER: &[&str] = &[
    "({i} + {i})",
    "({i} - {i} * {i})",
    "(- {i})",
    "abs({i})",
    "mod({i}, 3)",
    "({i} % 5)",
    "length({t})",
    "char_length({t})",
    "position('a' IN {t})",
    "strpos({t}, {t})",
    "cardinality({I})",
    "array_length({T}, 1)",
    "({I})[{i}]",
    "({I})[1]",
    "extract(year FROM {d})::integer",
    "date_part('month', {s})::integer",
    "({d} - {d})",
    "CAST({n} AS integer)",
    "{B}::integer",
    "round({f})::int",
    "({j} ->> 'a')::integer",
    "({p}).a",
    "jsonb_array_length({j})",
    "array_position({I}, {i})",
    "ascii({t})",
    "num_nonnulls({t}, {i}, {d})",
    "twice({i})",
    "width_bucket({n}, 0, 10, 5)",
    "({b})::integer",
    "greatest({i}, {i}, 3)",
    "({i} # {i})",
    "bit_length({t})",
];
const BIG: &[&str] = &[
    "({i} + {B})",
    "({B} * {i})",
    "{i}::bigint",
    "abs({B})",
    "({B} / 2)",
    "hashtextextended({t}, 0)",
    "ceil({n})::bigint",
    "({B} & 255)",
    "({B} << 2)",
];
const NUMERIC: &[&str] = &[
    "({n} + {i})",
    "({n} * {n})",
    "({n} / 3)",
    "round({n}, 2)",
    "round({n}, {i})",
    "{i}::numeric",
    "trunc({n})",
    "({B} * {n})",
    "abs({n})",
    "extract(epoch FROM {s})::numeric",
    "to_number({t}, '999')",
    "({j} ->> 'n')::numeric(10,2)",
    "({n} ^ 2)",
    "scale({n})::numeric",
    "mod({n}, {n})",
    "rate({n}, {i})",
];
const FLOAT: &[&str] = &[
    "sqrt({f})",
    "({f} * {f})",
    "{n}::double precision",
    "({f} + {i})",
    "random()",
    "power({f}, 2)",
    "atan2({f}, {f})",
    "({f} - 0.5)",
    "|/ 2.0::float8",
];
const TEXT: &[&str] = &[
    "upper({t})",
    "lower({t})",
    "({t} || {t})",
    "({t} || {i})",
    "concat({t}, {i}, {d})",
    "concat_ws(', ', {t}, {t})",
    "substring({t} FROM 2 FOR 3)",
    "substring({t} FROM {i})",
    "substr({t}, {i})",
    "trim(BOTH 'x' FROM {t})",
    "trim({t})",
    "overlay({t} PLACING 'yy' FROM 2)",
    "replace({t}, 'a', {t})",
    "format('%s-%s', {t}, {i})",
    "{i}::text",
    "CAST({d} AS text)",
    "{e}::text",
    "to_char({s}, 'YYYY')",
    "to_char({n}, '999')",
    "({j} ->> {t})",
    "({j} #>> {T})",
    "array_to_string({T}, ',')",
    "({T})[{i}]",
    "md5({t})",
    "left({t}, 3)",
    "split_part({t}, '-', 1)",
    "regexp_replace({t}, '[0-9]+', {t}, 'g')",
    "({t} COLLATE \"C\")",
    "({p}).b",
    "quote_literal({t})",
    "reverse({t})",
    "lpad({t}, 10, {t})",
    "label_of({i})",
    "tagged({t}, {i})",
    "tagged(what => {t})",
    "translate({t}, 'ab', 'cd')",
    "initcap({t})",
    "{t}::varchar(10)::text",
    "encode({t}::bytea, 'hex')",
    "pg_typeof({t})::text",
    "current_user::text",
    "coalesce({t}, {t}, 'none')",
    "string_to_array({t}, ',') :: text",
    "{b}::text",
];
const BOOLEAN: &[&str] = &[
    "({i} = {i})",
    "({i} < {n})",
    "({B} >= {i})",
    "({t} <> {t})",
    "({d} > {d})",
    "({s} <= {d})",
    "({n} != {n})",
    "({b} AND {b})",
    "({b} OR {b})",
    "(NOT {b})",
    "({i} BETWEEN {i} AND {i})",
    "({d} NOT BETWEEN SYMMETRIC {d} AND {d})",
    "({i} IN (1, {i}, {i}))",
    "({t} NOT IN ('a', {t}))",
    "({t} IS NULL)",
    "({d} IS NOT NULL)",
    "({t} IS DISTINCT FROM {t})",
    "({i} IS NOT DISTINCT FROM {i})",
    "({b} IS TRUE)",
    "({b} IS NOT UNKNOWN)",
    "({t} LIKE 'a%')",
    "({t} NOT ILIKE {t})",
    "({t} SIMILAR TO '(a|b)%')",
    "({t} ~ '^x')",
    "({i} = ANY ({I}))",
    "({t} <> ALL ({T}))",
    "({I} && {I})",
    "({T} @> {T})",
    "({j} ? 'a')",
    "({j} @> {j})",
    "(({i}, {t}) = ({i}, {t}))",
    "(({i}, {d}) < ({i}, {d}))",
    "(ROW({i}, {t}) IS NOT NULL)",
    "(({d}, {d}) OVERLAPS ({d}, {d}))",
    "({e} = 'sad')",
    "({e} > {e})",
    "starts_with({t}, 'x')",
    "({i} IN ({q:i}))",
    "({t} NOT IN ({q:t}))",
    "({i} = ANY ({q:i}))",
    "({n} > ALL ({q:n}))",
    "({i} < SOME ({q:i}))",
    "(({i}, {t}) IN ({q:i,t}))",
    "EXISTS ({q:t})",
    "(NOT EXISTS ({q:i}))",
    "(({q:i}) > {i})",
    "isfinite({d})",
    "({p} = {p})",
    "({p} IS NULL)",
    "({t} = 'x')",
    "({j} IS NOT NULL)",
];
const DATE: &[&str] = &[
    "({d} + {i})",
    "({d} - 7)",
    "{s}::date",
    "date_trunc('month', {d})::date",
    "make_date(2020, 1, {i})",
    "({t} :: date)",
    "to_date({t}, 'YYYY-MM-DD')",
    "({d} + interval '1 month')::date",
];
const STAMP: &[&str] = &[
    "({s} + interval '1 day')",
    "({s} - {i} * interval '1 hour')",
    "date_trunc('day', {s})",
    "{d}::timestamptz",
    "({s} AT TIME ZONE 'UTC')::timestamptz",
    "to_timestamp({f})",
    "localtimestamp(0)::timestamptz",
    "clock_timestamp()",
];
const JSON: &[&str] = &[
    "jsonb_build_object('a', {t}, 'b', {i})",
    "jsonb_build_array({i}, {d})",
    "to_jsonb({T})",
    "to_jsonb({p})",
    "({j} -> 'a')",
    "({j} -> {i})",
    "({j} #> '{a,b}')",
    "({j} || {j})",
    "({j} - 'a')",
    "jsonb_set({j}, '{a}', {j})",
    "jsonb_strip_nulls({j})",
    "to_json({t})::jsonb",
    "({j})['a']",
    "row_to_json({p})::jsonb",
];
const INTEGERS: &[&str] = &[
    "ARRAY[{i}, {i}]",
    "array_append({I}, {i})",
    "({I} || {i})",
    "({i} || {I})",
    "({I} || {I})",
    "ARRAY({q:i})",
    "({I})[1:2]",
    "array_remove({I}, {i})",
    "string_to_array({t}, ',')::integer[]",
    "array_cat({I}, {I})",
];
const TEXTS: &[&str] = &[
    "ARRAY[{t}, {t}]",
    "string_to_array({t}, {t})",
    "({T} || {t})",
    "ARRAY({q:t})",
    "({T})[{i}:]",
    "{I}::text[]",
    "regexp_split_to_array({t}, ',')",
    "array_replace({T}, {t}, 'x')",
];
const PAIR: &[&str] = &["ROW({i}, {t})::pair", "({i}, {t})::pair", "pair_of({i})", "({q:p})"];
const MOOD: &[&str] = &["{t}::mood", "enum_first({e})", "({q:e})"];

impl Generator<'_> {
    /// Something that is particular to the type.
    pub(super) fn special(&mut self, data_type: Type, depth: u32) -> String {
        if self.version >= 16
            && self.dice.chance(4)
            && let Some(made) = self.new_json(data_type, depth)
        {
            return made;
        }
        let templates = match data_type {
            Type::Integer => INTEGER,
            Type::Big => BIG,
            Type::Numeric => NUMERIC,
            Type::Float => FLOAT,
            Type::Text | Type::Other => TEXT,
            Type::Boolean => BOOLEAN,
            Type::Date => DATE,
            Type::Stamp => STAMP,
            Type::Json => JSON,
            Type::Integers => INTEGERS,
            Type::Texts => TEXTS,
            Type::Pair => PAIR,
            Type::Mood => MOOD,
        };
        let template = *self.dice.pick(templates);
        self.fill(template, depth)
    }

    /// SQL/JSON of newer servers.
    fn new_json(&mut self, data_type: Type, depth: u32) -> Option<String> {
        let template = match (data_type, self.version) {
            (Type::Json, _) => "json_object('k': {t}, 'v': {i} RETURNING jsonb)",
            (Type::Boolean, 17..) if self.dice.chance(50) => {
                "json_exists({j}, '$.a ? (@ > $x)' PASSING {i} AS x)"
            }
            (Type::Boolean, _) => "({t} IS JSON OBJECT)",
            (Type::Text, 17..) => {
                "json_value({j}, '$.a' PASSING {i} AS x RETURNING text DEFAULT 'd' ON EMPTY)"
            }
            (Type::Integer, 17..) => "json_value({j}, '$.n' RETURNING integer)",
            (Type::Texts, 17..) => "json_query({j}, '$.l' RETURNING text[])",
            _ => return None,
        };
        Some(self.fill(template, depth))
    }

    /// Replaces the placeholders of a template.
    pub(super) fn fill(&mut self, template: &str, depth: u32) -> String {
        let mut made = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            made.push_str(before);
            let Some((name, after)) = after.split_once('}') else { break };
            let known =
                name.strip_prefix("q:").unwrap_or(name).split(',').all(|one| placeholder(one).is_some());
            if !known {
                // A literal brace, as in '{a,b}'.
                made.push('{');
                rest = &rest[before.len() + 1..];
                continue;
            }
            made.push_str(&self.filled(name, depth));
            rest = after;
        }
        made + rest
    }

    fn filled(&mut self, name: &str, depth: u32) -> String {
        match name.strip_prefix("q:") {
            None => self.expression(placeholder(name).expect("a placeholder"), depth),
            Some(types) => {
                let types: Vec<Type> = types.split(',').filter_map(placeholder).collect();
                if self.depth == 0 {
                    let values: Vec<String> = types.iter().map(|one| self.literal(*one)).collect();
                    return format!("SELECT {}", values.join(", "));
                }
                self.inner_query(&types)
            }
        }
    }
}

fn placeholder(name: &str) -> Option<Type> {
    Some(match name {
        "i" => Type::Integer,
        "B" => Type::Big,
        "n" => Type::Numeric,
        "f" => Type::Float,
        "t" => Type::Text,
        "b" => Type::Boolean,
        "d" => Type::Date,
        "s" => Type::Stamp,
        "j" => Type::Json,
        "I" => Type::Integers,
        "T" => Type::Texts,
        "p" => Type::Pair,
        "e" => Type::Mood,
        _ => return None,
    })
}
