//! SELECT with its clauses.

use super::{
    Generator,
    query::Query,
    scope::{Column, Level},
    types::Type,
};

impl Generator<'_> {
    /// One SELECT. `whole`: it may have ORDER BY and LIMIT.
    pub(super) fn select_core(&mut self, want: Option<&[Type]>, whole: bool) -> Query {
        self.levels.push(Level::default());
        let from = self.clause_of_from();
        let condition =
            if self.dice.chance(45) { format!(" WHERE {}", self.condition()) } else { String::new() };
        let grouping = if self.dice.chance(22) { self.group() } else { Grouping::default() };
        let window = self.window_clause();
        self.level().windows = !grouping.grouped || self.dice.chance(30);
        let mut columns = Vec::new();
        let mut targets = self.targets(want, &mut columns);
        let group_by = self.group_by(&grouping, want, &mut targets, &mut columns);
        self.level().windows = false;
        let having = match grouping.grouped && self.dice.chance(40) {
            true => format!(" HAVING {}", self.condition()),
            false => String::new(),
        };
        let (distinct, order) = self.distinct_and_order(&targets, &columns, whole);
        self.level().aggregates = false;
        let mut sql = format!(
            "SELECT {distinct}{}{from}{condition}{group_by}{having}{window}{order}",
            targets.join(", ")
        );
        let plain = distinct.is_empty() && !grouping.grouped && window.is_empty() && !sql.contains(" OVER ");
        let lockable = plain && !from.is_empty() && self.levels.len() == 1;
        self.levels.pop();
        if whole {
            sql.push_str(&self.limit());
            if lockable && self.dice.chance(4) {
                let lock = self.dice.pick(&[" FOR UPDATE", " FOR SHARE SKIP LOCKED", " FOR NO KEY UPDATE"]);
                sql.push_str(lock);
            }
        }
        Query { sql, columns }
    }

    fn targets(&mut self, want: Option<&[Type]>, columns: &mut Vec<Column>) -> Vec<String> {
        let types = want.map_or_else(|| self.some_types(), <[Type]>::to_vec);
        let mut targets = Vec::new();
        if want.is_none() && self.dice.chance(18) {
            targets.extend(self.star(columns));
        }
        for data_type in types {
            let sql = match data_type {
                Type::Integer | Type::Text if want.is_none() && self.dice.chance(4) => self.series(data_type),
                _ => self.expression(data_type, self.size),
            };
            let (target, name) = self.aliased(sql);
            targets.push(target);
            columns.push(Column { name, data_type });
        }
        if want.is_none() && self.dice.chance(8) {
            targets.extend(self.whole_row(columns));
        }
        targets
    }

    /// With an alias or without; the name, if it is known then.
    fn aliased(&mut self, sql: String) -> (String, String) {
        if self.dice.chance(50) {
            let name = self.new_name("c");
            let word = if self.dice.chance(80) { "AS " } else { "" };
            return (format!("{sql} {word}{name}"), name);
        }
        let plain =
            sql.chars().all(|character| character.is_ascii_lowercase() || "_.0123456789".contains(character));
        let name = match sql.rsplit_once('.') {
            Some((_, name)) if plain && name.starts_with(|first: char| first.is_ascii_lowercase()) => {
                name.to_owned()
            }
            _ => String::new(),
        };
        (sql, name)
    }

    /// `*`, `t.*` or the fields of a composite.
    fn star(&mut self, columns: &mut Vec<Column>) -> Option<String> {
        if self.level().grouped.is_some() {
            return None;
        }
        if self.dice.chance(20)
            && let Some(pair) = self.column(Type::Pair)
        {
            columns.push(Column { name: "a".to_owned(), data_type: Type::Integer });
            columns.push(Column { name: "b".to_owned(), data_type: Type::Text });
            return Some(format!("({pair}).*"));
        }
        let items = self.level().items.clone();
        let merged = items.iter().any(|item| item.alias.is_empty());
        if self.dice.chance(50) && !items.is_empty() && !merged {
            columns.extend(items.iter().flat_map(|item| item.columns.clone()));
            return Some("*".to_owned());
        }
        let item = self.row_item()?;
        columns.extend(item.columns.clone());
        Some(if self.dice.chance(20) { format!("({}).*", item.alias) } else { format!("{}.*", item.alias) })
    }

    fn whole_row(&mut self, columns: &mut Vec<Column>) -> Option<String> {
        let item = self.row_item()?;
        let alias = &item.alias;
        let column = self.dice.pick(&item.columns).name.clone();
        let templates = [
            alias.clone(),
            format!("row_to_json({alias})"),
            format!("count({alias}) OVER ()"),
            format!("({alias}).{column}"),
            format!("ROW({alias}.*)"),
            format!("to_jsonb({alias}) -> 'x'"),
            format!("{alias} IS NOT NULL"),
            format!("{alias}::text"),
        ];
        let template = self.dice.pick(&templates).clone();
        let name = self.new_name("c");
        columns.push(Column { name: name.clone(), data_type: Type::Other });
        Some(format!("{template} AS {name}"))
    }

    /// A function that gives several rows.
    fn series(&mut self, data_type: Type) -> String {
        let template = match data_type {
            Type::Integer => self.dice.pick(&[
                "generate_series(1, {i})",
                "unnest({I})",
                "generate_series({i}, 9, 2) + {i}",
            ]),
            _ => self.dice.pick(&[
                "unnest({T})",
                "jsonb_array_elements_text({j})",
                "(regexp_matches({t}, 'x'))[1]",
            ]),
        };
        self.fill(template, 1)
    }

    /// Chooses what to group by.
    fn group(&mut self) -> Grouping {
        let mut keys = Vec::new();
        let own: Vec<(String, Type)> =
            self.own_columns().into_iter().filter(|(_, one)| one.sorts()).collect();
        if !own.is_empty() {
            for _ in 0..self.dice.below(4) {
                let key = self.dice.pick(&own).clone();
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            if self.dice.chance(20) {
                keys.push((self.fill("upper({t})", 0), Type::Text));
            }
        }
        let level = self.level();
        level.grouped = Some(keys.clone());
        level.aggregates = true;
        Grouping { grouped: true, keys }
    }

    fn group_by(
        &mut self,
        grouping: &Grouping,
        want: Option<&[Type]>,
        targets: &mut Vec<String>,
        columns: &mut Vec<Column>,
    ) -> String {
        let keys: Vec<String> = grouping.keys.iter().map(|(sql, _)| sql.clone()).collect();
        if keys.is_empty() {
            return String::new();
        }
        let list = keys.join(", ");
        match self.dice.below(12) {
            0 => format!(" GROUP BY ROLLUP ({list})"),
            1 => format!(" GROUP BY CUBE ({list})"),
            2 => format!(" GROUP BY GROUPING SETS (({list}), ({}), ())", keys[0]),
            3 if self.version >= 14 => format!(" GROUP BY DISTINCT ROLLUP ({list}), ROLLUP ({})", keys[0]),
            // By number or by the name of an output.
            4 | 5 if want.is_none() && keys.len() == 1 => {
                let name = self.new_name("k");
                targets.insert(0, format!("{list} AS {name}"));
                columns.insert(0, Column { name: name.clone(), data_type: grouping.keys[0].1 });
                if self.dice.chance(50) { " GROUP BY 1".to_owned() } else { format!(" GROUP BY {name}") }
            }
            6 if want.is_none() => {
                targets.push(format!("grouping({})", keys[0]));
                columns.push(Column { name: String::new(), data_type: Type::Integer });
                format!(" GROUP BY ROLLUP ({list})")
            }
            7 => format!(" GROUP BY ({list})"),
            _ => format!(" GROUP BY {list}"),
        }
    }

    fn distinct_and_order(
        &mut self,
        targets: &[String],
        columns: &[Column],
        whole: bool,
    ) -> (String, String) {
        let starred = targets.iter().any(|target| target.ends_with('*'));
        let sortable = columns.iter().all(|column| column.data_type.sorts()) && !starred;
        if sortable && self.dice.chance(8) {
            let order = if whole && self.dice.chance(40) { " ORDER BY 1".to_owned() } else { String::new() };
            return ("DISTINCT ".to_owned(), order);
        }
        if self.dice.chance(5) {
            let key = self.expression(Type::Text, 1);
            let order = match whole && self.dice.chance(50) {
                true => format!(" ORDER BY {key}, {}", self.order_key(columns, starred)),
                false => String::new(),
            };
            return (format!("DISTINCT ON ({key}) "), order);
        }
        if whole && self.dice.chance(30) {
            let keys: Vec<String> =
                (0..=self.dice.below(2)).map(|_| self.order_key(columns, starred)).collect();
            return (String::new(), format!(" ORDER BY {}", keys.join(", ")));
        }
        (String::new(), String::new())
    }

    fn order_key(&mut self, columns: &[Column], starred: bool) -> String {
        let direction = *self.dice.pick(&["", "", " DESC", " ASC NULLS FIRST", " USING <"]);
        let key = match self.dice.below(4) {
            0 if !starred && !columns.is_empty() => {
                let place = self.dice.below(columns.len());
                if columns[place].data_type.sorts() { format!("{}", place + 1) } else { "1".to_owned() }
            }
            1 => {
                let named: Vec<&Column> = columns
                    .iter()
                    .filter(|column| !column.name.is_empty() && column.data_type.sorts())
                    .collect();
                match named.is_empty() {
                    true => self.expression(Type::Integer, 1),
                    false => self.dice.pick(&named).name.clone(),
                }
            }
            _ => {
                let data_type = *self.dice.pick(&Type::COMMON);
                self.expression(data_type, 2)
            }
        };
        // A bare literal is a place, or wrong.
        let bare = key.starts_with(|first: char| first.is_ascii_digit() || first == '-') && key.len() > 1;
        let named = ["42", "0", "true", "false"].contains(&key.as_str());
        if bare || named { format!("1{direction}") } else { format!("{key}{direction}") }
    }

    pub(super) fn limit(&mut self) -> String {
        match self.dice.below(30) {
            0 => " LIMIT 5".to_owned(),
            1 => " LIMIT 3 OFFSET 2".to_owned(),
            2 => " OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY".to_owned(),
            3 if self.depth > 0 => format!(" LIMIT ({})", self.closed_query(Some(&[Type::Big])).sql),
            4 => " LIMIT $?::bigint".to_owned(),
            _ => String::new(),
        }
    }
}

/// What a SELECT is grouped by.
#[derive(Debug, Default)]
struct Grouping {
    grouped: bool,
    keys: Vec<(String, Type)>,
}
