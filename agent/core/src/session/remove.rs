//! DROP of relations, and TRUNCATE.

use super::{
    Session,
    change::Cascading,
    find::{Meaning, Named, TEMPORARY},
};
use crate::catalog::Catalog;

impl Session {
    pub(super) fn remove(&mut self, named: &Named, cascade: Cascading, catalog: &Catalog) {
        match self.meaning(named, catalog) {
            Meaning::Own(key, _) | Meaning::Stored(key, _) => self.drop_relation(&key, catalog),
            Meaning::Unclear(_) if self.is_doubtful(&named.name) => {
                self.touch_everywhere(&named.name, catalog);
            }
            Meaning::Unclear(key) => {
                self.forget(&key, catalog);
                if cascade == Cascading::Dependents {
                    self.relations.stored_lost = true;
                    self.changed();
                }
            }
            // IF EXISTS.
            Meaning::Nowhere => {}
            Meaning::Anywhere => self.touch_everywhere(&named.name, catalog),
        }
    }

    pub(super) fn truncate(&mut self, named: &Named, catalog: &Catalog) {
        match self.meaning(named, catalog) {
            Meaning::Own(key, own) if own.temporary && &*key.0 == TEMPORARY => {
                self.views_are_older(&key);
                self.emptied(key, &own);
            }
            _ => {}
        }
    }
}
