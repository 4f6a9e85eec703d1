//! Queries: SELECT, VALUES, set operations, WITH.

use super::{
    CommonTable, Generator,
    scope::{Column, Level},
    types::Type,
};

/// A query and what comes out of it.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) sql: String,
    /// Names are empty where only the server knows them.
    pub(super) columns: Vec<Column>,
}

impl Generator<'_> {
    /// A query; with columns of these types if they are given.
    pub(super) fn query(&mut self, want: Option<&[Type]>) -> Query {
        let outermost = self.levels.is_empty();
        let known = self.tables.len();
        self.depth = self.depth.saturating_sub(1);
        let with = if self.depth > 0 && self.dice.chance(16) { self.with(outermost) } else { String::new() };
        let mut query = match self.dice.below(100) {
            0..10 if self.depth > 0 => self.set_operation(want),
            10..13 => self.values(want),
            _ => self.select(want),
        };
        query.sql.insert_str(0, &with);
        self.tables.truncate(known);
        self.depth += 1;
        query
    }

    /// A query with one column, of one row or so.
    pub(super) fn scalar_query(&mut self, data_type: Type) -> String {
        let query = self.query(Some(&[data_type]));
        query.sql
    }

    pub(super) fn inner_query(&mut self, types: &[Type]) -> String {
        self.query(Some(types)).sql
    }

    /// As [`Self::query`], where what stands before in FROM cannot be seen.
    pub(super) fn closed_query(&mut self, want: Option<&[Type]>) -> Query {
        let hidden = std::mem::take(self.level());
        let query = self.query(want);
        *self.level() = hidden;
        query
    }

    pub(super) fn some_types(&mut self) -> Vec<Type> {
        let count = 1 + self.dice.below(4);
        let one = |generator: &mut Self| {
            let from: &[Type] = if generator.dice.chance(70) { &Type::COMMON } else { &Type::STORED };
            *generator.dice.pick(from)
        };
        (0..count).map(|_| one(self)).collect()
    }

    fn set_operation(&mut self, want: Option<&[Type]>) -> Query {
        let types = want.map_or_else(|| self.some_types(), <[Type]>::to_vec);
        let left = self.select_core(Some(&types), false);
        let mut sql = left.sql;
        for _ in 0..=self.dice.below(2) {
            let right = match self.dice.below(5) {
                0 => format!("({})", self.query(Some(&types)).sql),
                1 => self.values_core(&types),
                _ => self.select_core(Some(&types), false).sql,
            };
            let operator = *self.dice.pick(&[
                "UNION",
                "UNION ALL",
                "UNION ALL",
                "UNION DISTINCT",
                "INTERSECT",
                "INTERSECT ALL",
                "EXCEPT",
                "EXCEPT ALL",
            ]);
            sql = if self.dice.chance(15) {
                format!("({sql}) {operator} {right}")
            } else {
                format!("{sql} {operator} {right}")
            };
        }
        if self.dice.chance(30) {
            let place = 1 + self.dice.below(types.len());
            sql.push_str(&format!(" ORDER BY {place} DESC NULLS LAST"));
        }
        sql.push_str(&self.limit());
        Query { sql, columns: left.columns }
    }

    fn values(&mut self, want: Option<&[Type]>) -> Query {
        let types = want.map_or_else(|| self.some_types(), <[Type]>::to_vec);
        let named = |(place, data_type): (usize, &Type)| Column {
            name: format!("column{}", place + 1),
            data_type: *data_type,
        };
        let columns = types.iter().enumerate().map(named).collect();
        let mut sql = self.values_core(&types);
        if self.dice.chance(20) {
            sql.push_str(" ORDER BY 1");
        }
        Query { sql, columns }
    }

    pub(super) fn values_core(&mut self, types: &[Type]) -> String {
        self.levels.push(Level::default());
        let row = |generator: &mut Self| {
            let values: Vec<String> = types.iter().map(|one| generator.expression(*one, 2)).collect();
            format!("({})", values.join(", "))
        };
        let rows: Vec<String> = (0..=self.dice.below(3)).map(|_| row(self)).collect();
        self.levels.pop();
        format!("VALUES {}", rows.join(", "))
    }

    fn select(&mut self, want: Option<&[Type]>) -> Query {
        self.select_core(want, true)
    }

    /// WITH, of one common table expression or more; they stay in sight.
    fn with(&mut self, outermost: bool) -> String {
        let recursive = self.dice.chance(35);
        let mut parts = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let part = match self.dice.below(10) {
                0..4 if recursive => self.recursive(),
                4..6 if outermost => self.writing_table(),
                _ => self.common_table(),
            };
            parts.push(part);
        }
        format!("WITH {}{} ", if recursive { "RECURSIVE " } else { "" }, parts.join(", "))
    }

    fn common_table(&mut self) -> String {
        let query = self.closed_query(None);
        let name = self.common_name();
        let how = *self.dice.pick(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
        let (list, columns) = self.renamed(query.columns);
        self.tables.push(CommonTable { name: name.clone(), columns });
        format!("{name}{list} AS {how}({})", query.sql)
    }

    fn writing_table(&mut self) -> String {
        let name = self.common_name();
        let (sql, columns) = self.write_returning();
        let (list, columns) =
            if columns.is_empty() { (String::new(), columns) } else { self.renamed(columns) };
        if !columns.is_empty() {
            self.tables.push(CommonTable { name: name.clone(), columns });
        }
        format!("{name}{list} AS ({sql})")
    }

    /// Now and then a table's own name, which is then not the table's.
    fn common_name(&mut self) -> String {
        if self.dice.chance(10) {
            let relation = &self.schema.relations[self.dice.below(self.schema.relations.len())];
            let name = relation.name.clone();
            if !self.tables.iter().any(|table| table.name == name) {
                return name;
            }
        }
        self.new_name("w")
    }

    /// A list of new names for all columns or the first; needed where only the server knows the names.
    pub(super) fn renamed(&mut self, mut columns: Vec<Column>) -> (String, Vec<Column>) {
        let nameless = columns.iter().any(|column| column.name.is_empty());
        if !nameless && self.dice.chance(70) {
            return (String::new(), columns);
        }
        let count = if nameless { columns.len() } else { 1 + self.dice.below(columns.len()) };
        for column in &mut columns[..count] {
            column.name = self.new_name("c");
        }
        let names: Vec<&str> = columns[..count].iter().map(|column| column.name.as_str()).collect();
        (format!(" ({})", names.join(", ")), columns)
    }

    fn recursive(&mut self) -> String {
        let types = self.some_types();
        let name = self.new_name("r");
        let columns: Vec<Column> =
            types.iter().map(|one| Column { name: self.new_name("c"), data_type: *one }).collect();
        let hidden = std::mem::take(self.level());
        let first = self.select_core(Some(&types), false).sql;
        let second = self.over_itself(&name, &columns);
        *self.level() = hidden;
        self.tables.push(CommonTable { name: name.clone(), columns: columns.clone() });
        let all = if self.dice.chance(65) { "UNION ALL" } else { "UNION" };
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let first_name = names[0];
        let mut sql = format!("{name} ({}) AS ({first} {all} {second})", names.join(", "));
        let mut added = Vec::new();
        if self.version >= 14 && self.dice.chance(25) {
            let [order, how] = [self.new_name("o"), (*self.dice.pick(&["BREADTH", "DEPTH"])).to_owned()];
            sql.push_str(&format!(" SEARCH {how} FIRST BY {first_name} SET {order}"));
            added.push(Column { name: order, data_type: Type::Other });
        }
        if self.version >= 14 && self.dice.chance(25) {
            let [mark, path] = [self.new_name("m"), self.new_name("p")];
            sql.push_str(&format!(" CYCLE {} SET {mark} USING {path}", names.join(", ")));
            added.push(Column { name: mark, data_type: Type::Boolean });
            added.push(Column { name: path, data_type: Type::Other });
        }
        self.tables.last_mut().expect("just pushed").columns.extend(added);
        sql
    }

    /// The second side of a recursive query.
    fn over_itself(&mut self, name: &str, columns: &[Column]) -> String {
        self.levels.push(Level::default());
        let item = self.named_item(name.to_owned(), columns.to_vec());
        let mut from = name.to_owned();
        self.level().items.push(item);
        if self.dice.chance(60) {
            let (sql, items) = self.table();
            let condition = {
                self.level().items.extend(items);
                self.condition()
            };
            from = format!("{from} JOIN {sql} ON {condition}");
        }
        let targets: Vec<String> = columns
            .iter()
            .map(|column| match column.data_type {
                Type::Integer => format!("{name}.{} + 1", column.name),
                data_type => self.expression(data_type, 2),
            })
            .collect();
        let condition =
            if self.dice.chance(60) { format!(" WHERE {}", self.condition()) } else { String::new() };
        self.levels.pop();
        format!("SELECT {} FROM {from}{condition}", targets.join(", "))
    }
}
