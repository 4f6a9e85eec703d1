//! Names, each held once: schemas and columns have the same ones over and over.

use std::{collections::HashSet, sync::Arc};

use connect_core::catalog::code::Name;

/// Every name of the snapshots of one database.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<Name>);

impl Names {
    /// The one copy of a name.
    pub(super) fn of(&mut self, text: &str) -> Name {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let name: Name = text.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}
