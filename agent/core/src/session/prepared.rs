//! Prepared statements, which SQL PREPARE and the protocol's Parse name alike. They are of the session: no
//! rollback takes them away. The server analyses one anew if the search path is another, and so must we.

use std::sync::Arc;

use pg_query::NodeEnum;

use super::{Fingerprint, Keeping, Session, SessionChange, change::NewPrepared, cursors::MOST_NAMES};
use crate::{
    catalog::{Catalog, code::Name},
    lineage::{GapKind, Lineage},
};

/// A prepared statement.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    node: Option<Arc<NodeEnum>>,
    pub(super) change: Arc<SessionChange>,
    /// State that it was analysed under.
    under: Fingerprint,
    catalog: u64,
}

impl Session {
    pub(super) fn prepare(&mut self, name: &Name, new: &NewPrepared, catalog: &Catalog) {
        if self.keeping == Keeping::Elsewhere || self.prepared.len() >= MOST_NAMES {
            return;
        }
        let prepared = Prepared {
            node: new.node.clone(),
            change: new.change.clone(),
            under: self.fingerprint(),
            catalog: catalog.version,
        };
        Arc::make_mut(&mut self.prepared).insert(name.clone(), new.lineage.clone());
        Arc::make_mut(&mut self.statements).insert(name.clone(), prepared);
    }

    /// `None`: all of them.
    pub(super) fn deallocate(&mut self, name: Option<&Name>) {
        match name {
            Some(name) => {
                Arc::make_mut(&mut self.prepared).remove(name);
                Arc::make_mut(&mut self.statements).remove(name);
            }
            None => {
                self.prepared = Arc::default();
                self.statements = Arc::default();
            }
        }
    }

    pub(super) fn executed(&self, name: &Name) -> Option<Arc<SessionChange>> {
        self.statements.get(name).map(|prepared| prepared.change.clone())
    }

    /// Makes [`Self::prepared`] say what this prepared statement means now: to be called before a
    /// statement that executes it is analysed. `analyse` gives lineage and change of the statement.
    pub fn refresh_prepared(
        &mut self,
        name: &str,
        catalog: &Catalog,
        analyse: impl FnOnce(&NodeEnum, &Self) -> (Lineage, SessionChange),
    ) {
        let Some((name, prepared)) = self.statements.get_key_value(name) else { return };
        if prepared.catalog == catalog.version && self.is_at(&prepared.under) {
            return;
        }
        let (name, node) = (name.clone(), prepared.node.clone());
        let (lineage, change) = match &node {
            Some(node) => analyse(node, self),
            // It was too large to be kept.
            None => (Lineage::opaque(GapKind::Session, name.to_string()), SessionChange::code_ran()),
        };
        let new = NewPrepared { node, lineage: Arc::new(lineage), change: Arc::new(change) };
        self.prepare(&name, &new, catalog);
    }
}
