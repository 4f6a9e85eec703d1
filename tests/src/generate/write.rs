//! INSERT, UPDATE, DELETE, MERGE.

use super::{
    Generator,
    schema::Relation,
    scope::{Column, Item, Level},
    types::Type,
};

impl Generator<'_> {
    /// A statement that writes.
    pub(super) fn write(&mut self) -> String {
        let known = self.tables.len();
        self.depth -= 1;
        let with = if self.dice.chance(12) {
            let parts: Vec<String> = (0..=self.dice.below(2)).map(|_| self.read_for_write()).collect();
            format!("WITH {} ", parts.join(", "))
        } else {
            String::new()
        };
        let (sql, _) = self.write_returning();
        self.tables.truncate(known);
        self.depth += 1;
        format!("{with}{sql}")
    }

    fn read_for_write(&mut self) -> String {
        let query = self.closed_query(None);
        let name = self.new_name("w");
        let (list, columns) = self.renamed(query.columns);
        self.tables.push(super::CommonTable { name: name.clone(), columns });
        format!("{name}{list} AS ({})", query.sql)
    }

    /// A statement that writes, and what RETURNING gives.
    pub(super) fn write_returning(&mut self) -> (String, Vec<Column>) {
        let writable: Vec<Relation> =
            self.schema.relations.iter().filter(|relation| relation.writable).cloned().collect();
        let relation = self.dice.pick(&writable).clone();
        let hidden = std::mem::take(&mut self.levels);
        self.levels.push(Level::default());
        let written = match self.dice.below(if self.merges(&relation) { 11 } else { 9 }) {
            0..4 => self.insert(&relation),
            4..7 => self.update(&relation),
            7..9 => self.delete(&relation),
            _ => self.merge(&relation),
        };
        self.levels = hidden;
        written
    }

    /// MERGE came with 15; before 17 it could not stand in WITH, nor write through a view.
    fn merges(&self, relation: &Relation) -> bool {
        self.version >= 17 || (self.version >= 15 && relation.is_stored && self.levels.is_empty())
    }

    fn named(&mut self, relation: &Relation) -> String {
        let shadowed = self.tables.iter().any(|table| table.name == relation.name);
        match shadowed || relation.only_qualified || self.dice.chance(30) {
            true => format!("{}.{}", relation.schema, relation.name),
            false => relation.name.clone(),
        }
    }

    /// Some columns that can be given a value, each once.
    fn some_columns(&mut self, relation: &Relation) -> Vec<Column> {
        let mut columns: Vec<Column> = relation.columns.clone();
        let count = 1 + self.dice.below(columns.len());
        let mut chosen = Vec::new();
        for _ in 0..count {
            let place = self.dice.below(columns.len());
            chosen.push(columns.swap_remove(place));
        }
        chosen
    }

    fn insert(&mut self, relation: &Relation) -> (String, Vec<Column>) {
        let name = self.named(relation);
        let columns = self.some_columns(relation);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let types: Vec<Type> = columns.iter().map(|column| column.data_type).collect();
        let source = match self.dice.below(10) {
            0 => " DEFAULT VALUES".to_owned(),
            1..5 => {
                let values = self.values_core(&types);
                let override_it = *self.dice.pick(&["", "", "", " OVERRIDING USER VALUE"]);
                format!(" ({}){override_it} {values}", names.join(", "))
            }
            _ => format!(" ({}) {}", names.join(", "), self.query(Some(&types)).sql),
        };
        let alias = if self.dice.chance(25) { self.new_name("t") } else { String::new() };
        let into = if alias.is_empty() { name } else { format!("{name} AS {alias}") };
        let target = if alias.is_empty() { relation.name.clone() } else { alias };
        let mut sql = format!("INSERT INTO {into}{source}");
        let row = relation.all_columns();
        if self.dice.chance(35) && !relation.uniques.is_empty() {
            sql.push_str(&self.conflict(relation, &target, &row));
        }
        self.level().items = vec![Item { alias: target, columns: row, has_row: true }];
        let columns = self.returning(&mut sql, false);
        (sql, columns)
    }

    fn conflict(&mut self, relation: &Relation, target: &str, row: &[Column]) -> String {
        let unique = self.dice.pick(&relation.uniques).clone();
        let arbiter = match &unique.constraint {
            Some(constraint) if self.dice.chance(30) => format!("ON CONSTRAINT {constraint}"),
            _ => format!("({})", unique.columns.join(", ")),
        };
        if self.dice.chance(25) {
            let arbiter = if self.dice.chance(40) { String::new() } else { format!("{arbiter} ") };
            return format!(" ON CONFLICT {arbiter}DO NOTHING");
        }
        let excluded = Item { alias: "excluded".to_owned(), columns: row.to_vec(), has_row: true };
        let stored = Item { alias: target.to_owned(), columns: row.to_vec(), has_row: true };
        self.level().items = vec![stored, excluded];
        let set = self.assignments(relation);
        let condition =
            if self.dice.chance(40) { format!(" WHERE {}", self.condition()) } else { String::new() };
        format!(" ON CONFLICT {arbiter} DO UPDATE SET {set}{condition}")
    }

    /// `a = …, (b, c) = …`
    fn assignments(&mut self, relation: &Relation) -> String {
        let mut columns = self.some_columns(relation);
        columns.truncate(4);
        let mut parts = Vec::new();
        if columns.len() > 2 && self.dice.chance(20) {
            let [first, second] = [columns.remove(0), columns.remove(0)];
            let types = [first.data_type, second.data_type];
            let value = match self.dice.chance(60) && self.depth > 0 {
                true => format!("({})", self.query(Some(&types)).sql),
                false => format!("ROW({}, {})", self.expression(types[0], 2), self.expression(types[1], 2)),
            };
            parts.push(format!("({}, {}) = {value}", first.name, second.name));
        }
        for column in columns {
            parts.push(self.assignment(&column));
        }
        parts.join(", ")
    }

    fn assignment(&mut self, column: &Column) -> String {
        let name = &column.name;
        match column.data_type {
            _ if self.dice.chance(5) => format!("{name} = DEFAULT"),
            Type::Integers if self.dice.chance(30) => {
                let [place, value] = self.two(Type::Integer, 2);
                format!("{name}[{place}] = {value}")
            }
            Type::Texts if self.dice.chance(30) => {
                format!("{name}[1:2] = {}", self.expression(Type::Texts, 1))
            }
            Type::Pair if self.dice.chance(40) => format!("{name}.b = {}", self.expression(Type::Text, 2)),
            Type::Json if self.version >= 14 && self.dice.chance(30) => {
                format!("{name}['k'] = {}", self.expression(Type::Json, 1))
            }
            data_type => format!("{name} = {}", self.expression(data_type, self.size)),
        }
    }

    fn target(&mut self, relation: &Relation) -> String {
        let name = self.named(relation);
        let columns = relation.all_columns();
        let alias = if self.dice.chance(50) { self.new_name("t") } else { String::new() };
        let item_name = if alias.is_empty() { relation.name.clone() } else { alias.clone() };
        self.level().items = vec![Item { alias: item_name, columns, has_row: true }];
        if alias.is_empty() { name } else { format!("{name} AS {alias}") }
    }

    /// What the target meets in FROM or USING.
    fn others(&mut self) -> Option<String> {
        if !self.dice.chance(45) {
            return None;
        }
        let target = self.level().items.clone();
        let (sql, items) = self.table();
        let level = self.level();
        level.items = target;
        level.items.extend(items);
        Some(sql)
    }

    fn update(&mut self, relation: &Relation) -> (String, Vec<Column>) {
        let target = self.target(relation);
        let from = self.others();
        let set = self.assignments(relation);
        let mut sql = format!("UPDATE {target} SET {set}");
        if let Some(from) = from {
            sql.push_str(&format!(" FROM {from}"));
        }
        if self.dice.chance(75) {
            sql.push_str(&format!(" WHERE {}", self.condition()));
        }
        let columns = self.returning(&mut sql, false);
        (sql, columns)
    }

    fn delete(&mut self, relation: &Relation) -> (String, Vec<Column>) {
        let target = self.target(relation);
        let mut sql = format!("DELETE FROM {target}");
        if let Some(using) = self.others() {
            sql.push_str(&format!(" USING {using}"));
        }
        if self.dice.chance(80) {
            sql.push_str(&format!(" WHERE {}", self.condition()));
        }
        let columns = self.returning(&mut sql, false);
        (sql, columns)
    }

    fn merge(&mut self, relation: &Relation) -> (String, Vec<Column>) {
        let target = self.target(relation);
        let own = self.level().items.clone();
        let (using, other) = self.table();
        self.level().items = own.iter().cloned().chain(other.clone()).collect();
        let mut sql = format!("MERGE INTO {target} USING {using} ON {}", self.condition());
        let count = 1 + self.dice.below(3);
        for number in 1..=count {
            let matched = self.dice.chance(60);
            self.level().items =
                if matched { own.iter().cloned().chain(other.clone()).collect() } else { other.clone() };
            let and = if number < count || self.dice.chance(40) {
                format!(" AND {}", self.expression(Type::Boolean, 2))
            } else {
                String::new()
            };
            let by_source = !matched && self.version >= 17 && self.dice.chance(30);
            if by_source {
                self.level().items = own.clone();
            }
            let action = match (matched || by_source, self.dice.below(5)) {
                (_, 0) => "DO NOTHING".to_owned(),
                (true, 1) => "DELETE".to_owned(),
                (true, _) => format!("UPDATE SET {}", self.assignments(relation)),
                (false, 1) => "INSERT DEFAULT VALUES".to_owned(),
                (false, _) => self.merge_insert(relation),
            };
            let when = match (matched, by_source) {
                (true, _) => "MATCHED",
                (false, true) => "NOT MATCHED BY SOURCE",
                (false, false) => "NOT MATCHED",
            };
            sql.push_str(&format!(" WHEN {when}{and} THEN {action}"));
        }
        self.level().items = own.into_iter().chain(other).collect();
        let columns = if self.version >= 17 { self.returning(&mut sql, true) } else { Vec::new() };
        (sql, columns)
    }

    fn merge_insert(&mut self, relation: &Relation) -> String {
        let columns = self.some_columns(relation);
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let values: Vec<String> = columns.iter().map(|column| self.expression(column.data_type, 2)).collect();
        format!("INSERT ({}) VALUES ({})", names.join(", "), values.join(", "))
    }

    fn returning(&mut self, sql: &mut String, merge: bool) -> Vec<Column> {
        if !self.dice.chance(45) {
            return Vec::new();
        }
        let target = self.level().items[0].clone();
        let mut columns = Vec::new();
        let mut targets = Vec::new();
        if self.dice.chance(20) {
            targets.push(format!("{}.*", target.alias));
            columns.extend(target.columns.clone());
        }
        let versions = self.version >= 18;
        for _ in 0..=self.dice.below(3) {
            let column = self.dice.pick(&target.columns).clone();
            let (value, data_type) = match self.dice.below(6) {
                0 if versions => (format!("old.{}", column.name), column.data_type),
                1 if versions => (format!("new.{}", column.name), column.data_type),
                2 => {
                    let data_type = *self.dice.pick(&Type::COMMON);
                    (self.expression(data_type, 2), data_type)
                }
                3 if merge => ("merge_action()".to_owned(), Type::Text),
                _ => (format!("{}.{}", target.alias, column.name), column.data_type),
            };
            let name = self.new_name("c");
            targets.push(format!("{value} AS {name}"));
            columns.push(Column { name, data_type });
        }
        sql.push_str(&format!(" RETURNING {}", targets.join(", ")));
        columns
    }
}
