//! DISCARD: ALL gives the session back as it began, TEMP drops what is temporary.

use std::sync::Arc;

use super::{
    Change, Session,
    find::TEMPORARY,
    settings::{Setting, Value},
};
use crate::catalog::Catalog;

impl Session {
    pub(super) fn discard_all(&mut self, catalog: &Catalog) {
        self.close_cursor(None);
        for settings in [&mut self.settings, &mut self.lasting] {
            settings.set(Setting::Authorization, &Value::Default, &self.reset);
        }
        self.reset_all();
        self.deallocate(None);
        self.discard_temporary(catalog);
    }

    /// The schema itself stays, empty.
    pub(super) fn discard_temporary(&mut self, _catalog: &Catalog) {
        self.relations.temporary_lost = false;
        if !self.relations.changed.keys().any(|(schema, _)| &**schema == TEMPORARY) {
            return;
        }
        let changed = Arc::make_mut(&mut self.relations.changed);
        changed.retain(|(schema, _), _| &**schema != TEMPORARY);
        self.reweigh();
        self.changed();
    }

    /// Counts anew what is kept.
    pub(super) fn reweigh(&mut self) {
        self.relations.weight = self.relations.changed.values().map(Change::weight).sum();
    }
}
