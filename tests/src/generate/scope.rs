//! What can be named where.

use super::{Generator, types::Type};

/// A column that can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// As SQL writes it.
    pub name: String,
    pub data_type: Type,
}

/// Something in FROM.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Empty for columns that a join merged: they are named alone.
    pub(super) alias: String,
    pub(super) columns: Vec<Column>,
    /// Its name alone means its whole row.
    pub(super) has_row: bool,
}

/// One query's own.
#[derive(Debug, Clone, Default)]
pub(super) struct Level {
    pub(super) items: Vec<Item>,
    /// Grouped by these: outside of aggregates nothing else can be named.
    pub(super) grouped: Option<Vec<(String, Type)>>,
    pub(super) aggregates: bool,
    pub(super) windows: bool,
    /// Names of WINDOW.
    pub(super) window_names: Vec<String>,
}

impl Generator<'_> {
    pub(super) fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        self.levels.last_mut().expect("just seen to")
    }

    /// Names a column of this type, mostly of this query, else of one around it.
    pub(super) fn column(&mut self, data_type: Type) -> Option<String> {
        let mut level = self.levels.len();
        while level > 0 {
            level -= 1;
            let candidates = self.candidates(level, data_type);
            let skip = level > 0 && self.dice.chance(15);
            if !candidates.is_empty() && !skip {
                return Some(self.dice.pick(&candidates).clone());
            }
        }
        None
    }

    fn candidates(&mut self, level: usize, data_type: Type) -> Vec<String> {
        let bare = self.dice.chance(20);
        let level = &self.levels[level];
        if let Some(grouped) = &level.grouped {
            let fits = grouped.iter().filter(|(_, other)| *other == data_type);
            return fits.map(|(sql, _)| sql.clone()).collect();
        }
        let mut found = Vec::new();
        for item in &level.items {
            for column in item.columns.iter().filter(|column| column.data_type == data_type) {
                let same = |other: &&Column| other.name == column.name;
                if item.columns.iter().filter(same).count() > 1 {
                    continue;
                }
                let alone = level.items.iter().flat_map(|item| &item.columns).filter(same).count() == 1;
                found.push(match item.alias.as_str() {
                    "" => column.name.clone(),
                    _ if bare && alone => column.name.clone(),
                    alias => format!("{alias}.{}", column.name),
                });
            }
        }
        found
    }

    /// Every column of this query, qualified, with its type.
    pub(super) fn own_columns(&self) -> Vec<(String, Type)> {
        let Some(level) = self.levels.last() else { return Vec::new() };
        let named = |item: &Item, column: &Column| match item.alias.as_str() {
            "" => column.name.clone(),
            alias => format!("{alias}.{}", column.name),
        };
        let each = |item: &Item| -> Vec<(String, Type)> {
            item.columns.iter().map(|column| (named(item, column), column.data_type)).collect()
        };
        level.items.iter().flat_map(each).collect()
    }

    /// An item of this query whose row can be named.
    pub(super) fn row_item(&mut self) -> Option<Item> {
        let level = self.levels.last()?;
        if level.grouped.is_some() {
            return None;
        }
        let items: Vec<Item> =
            level.items.iter().filter(|item| item.has_row && !item.alias.is_empty()).cloned().collect();
        if items.is_empty() { None } else { Some(self.dice.pick(&items).clone()) }
    }
}
