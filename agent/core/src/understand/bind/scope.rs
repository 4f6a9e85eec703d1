//! Which names an expression sees, and what they mean: PostgreSQL's name spaces, level by level.

use std::{cell::Cell, rc::Rc};

use super::{
    flow::Flow,
    item::{Found, Item},
    window::Windows,
    with::CtesSeen,
};

/// Where something is bound: levels of FROM from inside out, and levels of WITH.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Env<'e, 'a> {
    pub(super) level: Option<&'e Level<'e, 'a>>,
    pub(super) ctes: Option<CtesSeen<'e, 'a>>,
    pub(super) windows: Option<&'e Windows<'a>>,
}

/// One query level: what its FROM shows.
#[derive(Debug, Default)]
pub(super) struct Level<'e, 'a> {
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) parent: Option<&'e Level<'e, 'a>>,
    /// How often something of it was named.
    pub(super) uses: Cell<usize>,
}

/// An item as a level shows it. Of a join the sides are known by name, their columns by the join.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    pub(super) item: Rc<Item<'a>>,
    /// `item.column` finds it.
    pub(super) by_name: bool,
    /// `column` alone finds its columns, and `*` shows them.
    pub(super) by_column: bool,
}

/// What a column reference means.
#[derive(Debug)]
pub(super) enum Meaning {
    None,
    /// A name that fits several.
    Ambiguous,
    Value(Flow),
}

impl<'a> Entry<'a> {
    pub(super) fn visible(item: Rc<Item<'a>>) -> Self {
        Self { item, by_name: true, by_column: true }
    }
}

impl<'e, 'a> Level<'e, 'a> {
    pub(super) const fn of(entries: Vec<Entry<'a>>, parent: Option<&'e Self>) -> Self {
        Self { entries, parent, uses: Cell::new(0) }
    }

    /// This level and those around it, from inside out.
    pub(super) fn outwards(&self) -> impl Iterator<Item = &Level<'_, 'a>> {
        std::iter::successors(Some(self), |level| level.parent)
    }

    /// A column by its name alone: the innermost level that has one decides.
    pub(super) fn column(&self, name: &str) -> Meaning {
        for level in self.outwards() {
            match level.own_column(name) {
                Meaning::None => {}
                found => {
                    level.used();
                    return found;
                }
            }
        }
        Meaning::None
    }

    fn used(&self) {
        self.uses.set(self.uses.get() + 1);
    }

    /// A column of this level alone.
    pub(super) fn own_column(&self, name: &str) -> Meaning {
        let mut found = Meaning::None;
        for entry in self.entries.iter().filter(|entry| entry.by_column) {
            match (entry.item.find(name), &found) {
                (Found::None, _) => {}
                (Found::One(place), Meaning::None) => found = Meaning::Value(entry.item.flow(place)),
                (Found::System(id, type_oid), Meaning::None) => {
                    found = Meaning::Value(entry.item.system_flow(id, type_oid));
                }
                _ => return Meaning::Ambiguous,
            }
        }
        found
    }

    /// An item by its name, or by schema and name.
    pub(super) fn item(&self, schema: Option<&str>, name: &str) -> Option<Rc<Item<'a>>> {
        self.outwards().find_map(|level| {
            let mut entries = level.entries.iter().filter(|entry| entry.by_name);
            let found = match schema {
                None => entries.find(|entry| entry.item.name == name),
                Some(schema) => entries.find(|entry| {
                    entry
                        .item
                        .relation
                        .is_some_and(|relation| *relation.name == *name && *relation.schema == *schema)
                }),
            };
            found.map(|entry| {
                level.used();
                Rc::clone(&entry.item)
            })
        })
    }
}
