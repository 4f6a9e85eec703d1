//! A small ordered set of columns: most have none or one.

use crate::lineage::{ColumnId, Columns};

/// Columns, each once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::understand) struct Set(Vec<ColumnId>);

impl Set {
    pub(super) const NONE: Self = Self(Vec::new());

    pub(super) fn one(column: ColumnId) -> Self {
        Self(vec![column])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, column: ColumnId) {
        if let Err(place) = self.0.binary_search(&column) {
            self.0.insert(place, column);
        }
    }

    /// Adds all of another; says whether anything was new.
    pub(super) fn add(&mut self, other: &Self) -> bool {
        if other.is_empty() {
            return false;
        }
        let before = self.0.len();
        if before == 0 {
            self.0.clone_from(&other.0);
        } else if let [only] = other.0.as_slice() {
            self.insert(*only);
        } else {
            self.0.extend_from_slice(&other.0);
            self.0.sort_unstable();
            self.0.dedup();
        }
        self.0.len() != before
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ColumnId> + '_ {
        self.0.iter().copied()
    }

    pub(super) fn into_columns(self) -> Columns {
        self.0.into_iter().collect()
    }
}

impl FromIterator<ColumnId> for Set {
    fn from_iter<I: IntoIterator<Item = ColumnId>>(columns: I) -> Self {
        let mut all: Vec<ColumnId> = columns.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }
}
