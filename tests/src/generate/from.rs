//! What stands in FROM.

use super::{
    Generator,
    scope::{Column, Item},
    types::Type,
};

impl Generator<'_> {
    /// FROM with its items, which are then in scope; now and then there is none.
    pub(super) fn clause_of_from(&mut self) -> String {
        if self.dice.chance(5) {
            return String::new();
        }
        let count = if self.dice.chance(75) { 1 } else { 2 + self.dice.below(2) };
        let mut parts = Vec::new();
        for _ in 0..count {
            let (sql, items) = self.item();
            self.level().items.extend(items);
            parts.push(sql);
        }
        format!(" FROM {}", parts.join(", "))
    }

    fn item(&mut self) -> (String, Vec<Item>) {
        match self.dice.below(100) {
            0..30 => self.join(),
            30..42 if self.depth > 0 => self.subquery(),
            42..50 => self.function(),
            50..53 => self.values_item(),
            _ => self.table(),
        }
    }

    /// A table, view or common table expression.
    pub(super) fn table(&mut self) -> (String, Vec<Item>) {
        if !self.tables.is_empty() && self.dice.chance(55) {
            let place = self.dice.below(self.tables.len());
            let table = self.tables[place].clone();
            // The innermost of a name is the one that is meant.
            let hidden = self.tables[place + 1..].iter().any(|other| other.name == table.name);
            if !hidden {
                return self.with_alias(table.name.clone(), table.name, table.columns, true);
            }
        }
        let relation = self.dice.pick(&self.schema.relations).clone();
        let shadowed = self.tables.iter().any(|table| table.name == relation.name);
        let mut sql = if shadowed || relation.only_qualified || self.dice.chance(25) {
            format!("{}.{}", relation.schema, relation.name)
        } else {
            relation.name.clone()
        };
        if relation.is_stored && self.dice.chance(4) {
            sql = format!("ONLY {sql}");
        }
        let columns = relation.all_columns();
        let (mut sql, items) = self.with_alias(sql, relation.name.clone(), columns, true);
        if relation.is_stored && self.dice.chance(4) {
            sql.push_str(" TABLESAMPLE bernoulli (10 + 5) REPEATABLE (1)");
        }
        (sql, items)
    }

    /// With an alias, which may give new names to columns.
    fn with_alias(
        &mut self,
        sql: String,
        own_name: String,
        mut columns: Vec<Column>,
        may_lack: bool,
    ) -> (String, Vec<Item>) {
        let taken = self.level().items.iter().any(|item| item.alias == own_name);
        if may_lack && !taken && self.dice.chance(30) {
            return (sql, vec![Item { alias: own_name, columns, has_row: true }]);
        }
        let alias = self.new_name("t");
        let word = if self.dice.chance(60) { " AS" } else { "" };
        let nameless = columns.iter().any(|column| column.name.is_empty());
        if !nameless && !self.dice.chance(8) {
            return (format!("{sql}{word} {alias}"), vec![Item { alias, columns, has_row: true }]);
        }
        let count = if nameless { columns.len() } else { 1 + self.dice.below(columns.len()) };
        for column in &mut columns[..count] {
            column.name = self.new_name("a");
        }
        let names: Vec<&str> = columns[..count].iter().map(|column| column.name.as_str()).collect();
        (format!("{sql}{word} {alias} ({})", names.join(", ")), vec![Item { alias, columns, has_row: true }])
    }

    pub(super) fn named_item(&mut self, alias: String, columns: Vec<Column>) -> Item {
        Item { alias, columns, has_row: true }
    }

    fn subquery(&mut self) -> (String, Vec<Item>) {
        let lateral = self.dice.chance(35);
        let query = if lateral { self.query(None) } else { self.closed_query(None) };
        let word = if lateral { "LATERAL " } else { "" };
        self.with_alias(format!("{word}({})", query.sql), String::new(), query.columns, false)
    }

    fn values_item(&mut self) -> (String, Vec<Item>) {
        let types = self.some_types();
        let hidden = std::mem::take(self.level());
        let sql = self.values_core(&types);
        *self.level() = hidden;
        let columns = types.iter().map(|one| Column { name: String::new(), data_type: *one }).collect();
        self.with_alias(format!("({sql})"), String::new(), columns, false)
    }

    /// Two items and how they meet. Only they can be seen from its condition.
    fn join(&mut self) -> (String, Vec<Item>) {
        let before = std::mem::take(&mut self.level().items);
        let (left, left_items) = if self.dice.chance(20) { self.join() } else { self.table() };
        self.level().items = left_items.clone();
        let kind = *self.dice.pick(&[
            "JOIN",
            "INNER JOIN",
            "LEFT JOIN",
            "LEFT OUTER JOIN",
            "RIGHT JOIN",
            "FULL JOIN",
            "CROSS JOIN",
        ]);
        let outer = kind.starts_with("RIGHT") || kind.starts_with("FULL");
        // Nothing can look to the left from the side that must be there.
        let hidden = if outer { std::mem::take(&mut self.level().items) } else { Vec::new() };
        let (right, right_items) = match self.dice.below(10) {
            0..2 if self.depth > 0 => self.subquery(),
            2 => self.function(),
            _ => self.table(),
        };
        if outer {
            self.level().items = hidden;
        }
        let mut items = left_items;
        let left_count = items.len();
        items.extend(right_items);
        self.level().items = items.clone();
        let (sql, items) = self.meeting(kind, [left, right], items, left_count);
        self.level().items = before;
        if self.dice.chance(8) { self.join_alias(sql, items) } else { (sql, items) }
    }

    fn meeting(
        &mut self,
        kind: &str,
        [left, right]: [String; 2],
        mut items: Vec<Item>,
        left_count: usize,
    ) -> (String, Vec<Item>) {
        if kind == "CROSS JOIN" {
            return (format!("{left} {kind} {right}"), items);
        }
        let common = common_columns(&items, left_count);
        if let Some(column) = common.first()
            && self.dice.chance(45)
        {
            let natural = self.dice.chance(15);
            let merged: Vec<Column> = if natural { common } else { vec![column.clone()] };
            for item in &mut items {
                item.columns
                    .retain(|own| !item.alias.is_empty() || merged.iter().all(|one| one.name != own.name));
            }
            let names: Vec<&str> = merged.iter().map(|one| one.name.as_str()).collect();
            let mut sql = match natural {
                true => format!("{left} NATURAL {kind} {right}"),
                false => format!("{left} {kind} {right} USING ({})", names.join(", ")),
            };
            if !natural && self.version >= 14 && self.dice.chance(15) {
                let alias = self.new_name("u");
                sql.push_str(&format!(" AS {alias}"));
                items.push(Item { alias, columns: merged.clone(), has_row: true });
            }
            items.insert(0, Item { alias: String::new(), columns: merged, has_row: false });
            return (sql, items);
        }
        let condition = self.condition();
        (format!("{left} {kind} {right} ON {condition}"), items)
    }

    /// A join with a name hides the names inside.
    fn join_alias(&mut self, sql: String, items: Vec<Item>) -> (String, Vec<Item>) {
        let merged: Vec<String> = items
            .iter()
            .filter(|item| item.alias.is_empty())
            .flat_map(|item| item.columns.iter().map(|column| column.name.clone()))
            .collect();
        let mut columns: Vec<Column> = Vec::new();
        for item in &items {
            let fresh = |column: &&Column| item.alias.is_empty() || !merged.contains(&column.name);
            columns.extend(item.columns.iter().filter(fresh).cloned());
        }
        let alias = self.new_name("j");
        (format!("({sql}) AS {alias}"), vec![Item { alias, columns, has_row: true }])
    }

    /// A function, or several side by side.
    fn function(&mut self) -> (String, Vec<Item>) {
        const FUNCTIONS: &[(&str, &[Type])] = &[
            ("generate_series(1, {i})", &[Type::Integer]),
            ("unnest({I})", &[Type::Integer]),
            ("unnest({I}, {T})", &[Type::Integer, Type::Text]),
            ("jsonb_each({j})", &[Type::Text, Type::Json]),
            ("jsonb_array_elements({j})", &[Type::Json]),
            ("jsonb_object_keys({j})", &[Type::Text]),
            ("regexp_matches({t}, 'x')", &[Type::Texts]),
            ("jsonb_populate_record(NULL::pair, {j})", &[Type::Integer, Type::Text]),
            ("rows_of({i})", &[Type::Integer, Type::Text]),
            ("pair_of({i})", &[Type::Integer, Type::Text]),
            ("twice({i})", &[Type::Integer]),
            ("current_date", &[Type::Date]),
            ("ROWS FROM (generate_series(1, {i}), unnest({T}))", &[Type::Integer, Type::Text]),
            ("ROWS FROM (rows_of({i}), twice({i}))", &[Type::Integer, Type::Text, Type::Integer]),
        ];
        match self.dice.below(20) {
            0 | 1 => return self.record_function(),
            2 => return self.xml_table(),
            3 | 4 if self.version >= 17 => return self.json_table(),
            _ => {}
        }
        let (template, types) = *self.dice.pick(FUNCTIONS);
        let mut sql = self.fill(template, 1);
        let mut columns: Vec<Column> =
            types.iter().map(|one| Column { name: self.new_name("f"), data_type: *one }).collect();
        if self.dice.chance(25) {
            sql.push_str(" WITH ORDINALITY");
            columns.push(Column { name: self.new_name("n"), data_type: Type::Big });
        }
        let alias = self.new_name("f");
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        (format!("{sql} AS {alias} ({})", names.join(", ")), vec![Item { alias, columns, has_row: true }])
    }

    fn record_function(&mut self) -> (String, Vec<Item>) {
        let function = *self.dice.pick(&["jsonb_to_record({j})", "jsonb_to_recordset({j})"]);
        let sql = self.fill(function, 1);
        let columns = self.two_columns();
        let alias = self.new_name("f");
        let [first, second] = [&columns[0].name, &columns[1].name];
        (
            format!("{sql} AS {alias} ({first} integer, {second} text)"),
            vec![Item { alias, columns, has_row: true }],
        )
    }

    fn two_columns(&mut self) -> Vec<Column> {
        [Type::Integer, Type::Text].map(|one| Column { name: self.new_name("f"), data_type: one }).to_vec()
    }

    fn xml_table(&mut self) -> (String, Vec<Item>) {
        let mut columns = self.two_columns();
        let [first, second] = [columns[0].name.clone(), columns[1].name.clone()];
        let count = self.new_name("n");
        let template = "XMLTABLE('/a/b' PASSING xmlparse(CONTENT {t}) COLUMNS ";
        let start = self.fill(template, 1);
        let default = self.fill("{t}", 1);
        let alias = self.new_name("x");
        columns.push(Column { name: count.clone(), data_type: Type::Integer });
        (
            format!(
                "{start}{first} integer PATH 'i', {second} text PATH 't' DEFAULT {default}, {count} FOR ORDINALITY) AS {alias}"
            ),
            vec![Item { alias, columns, has_row: true }],
        )
    }

    fn json_table(&mut self) -> (String, Vec<Item>) {
        let mut columns = self.two_columns();
        let [first, second] = [columns[0].name.clone(), columns[1].name.clone()];
        let [count, nested] = [self.new_name("n"), self.new_name("v")];
        let start = self.fill("JSON_TABLE({j}, '$[*]' PASSING {i} AS x COLUMNS (", 1);
        let alias = self.new_name("x");
        columns.push(Column { name: count.clone(), data_type: Type::Integer });
        columns.push(Column { name: nested.clone(), data_type: Type::Text });
        (
            format!(
                "{start}{first} integer PATH '$.a', {second} text PATH '$.b' DEFAULT 'q' ON EMPTY, \
                 {count} FOR ORDINALITY, NESTED PATH '$.c[*]' COLUMNS ({nested} text PATH '$.d'))) AS {alias}"
            ),
            vec![Item { alias, columns, has_row: true }],
        )
    }
}

/// Columns that both sides have once, of the same type.
fn common_columns(items: &[Item], left_count: usize) -> Vec<Column> {
    let [left, right] = [&items[..left_count], &items[left_count..]];
    let count = |side: &[Item], name: &str| {
        // A merged column stands for those of its name inside.
        let merged = side.iter().filter(|item| item.alias.is_empty());
        if merged.clone().flat_map(|item| &item.columns).any(|column| column.name == name) {
            return 1;
        }
        side.iter().flat_map(|item| &item.columns).filter(|column| column.name == name).count()
    };
    let mut common: Vec<Column> = Vec::new();
    for column in left.iter().flat_map(|item| &item.columns) {
        let fits = right.iter().flat_map(|item| &item.columns).any(|other| other == column);
        let seen = common.iter().any(|other| other.name == column.name);
        let once = count(left, &column.name) == 1 && count(right, &column.name) == 1;
        if fits && once && !seen && column.data_type.sorts() && !column.name.is_empty() {
            common.push(column.clone());
        }
    }
    common
}
