//! RENAME TO and SET SCHEMA.

use std::sync::Arc;

use super::{
    Change, Session,
    find::{Key, Meaning, Named},
};
use crate::catalog::{Catalog, code::Name};

impl Session {
    pub(super) fn rename(&mut self, named: &Named, missing_ok: bool, to: &Name, catalog: &Catalog) {
        let Some(from) = self.there(named, missing_ok, catalog) else { return };
        let to = (from.0.clone(), to.clone());
        self.carry(&from, to, catalog);
    }

    pub(super) fn move_to(&mut self, named: &Named, missing_ok: bool, to: &Name, catalog: &Catalog) {
        let Some(from) = self.there(named, missing_ok, catalog) else { return };
        let to = (to.clone(), from.1.clone());
        self.owned_sequences(&from, &to, catalog);
        self.carry(&from, to, catalog);
    }

    /// The full name of something that is about to have another.
    fn there(&mut self, named: &Named, missing_ok: bool, catalog: &Catalog) -> Option<Key> {
        match self.meaning(named, catalog) {
            Meaning::Own(key, _) | Meaning::Stored(key, _) | Meaning::Unclear(key) => Some(key),
            Meaning::Nowhere if missing_ok => None,
            Meaning::Nowhere | Meaning::Anywhere => {
                // It moved from somewhere to somewhere.
                self.touch(named, catalog);
                self.relations.stored_lost = true;
                self.changed();
                None
            }
        }
    }

    fn carry(&mut self, from: &Key, to: Key, catalog: &Catalog) {
        if self.is_doubtful(&from.1) {
            self.touch_everywhere(&from.1, catalog);
            return self.touch_everywhere(&to.1, catalog);
        }
        let own = self.own_copy(from, catalog);
        self.texts_are_stale(&from.1, catalog);
        for part in Arc::make_mut(&mut self.relations.parts) {
            part.rename(from, &to);
        }
        self.forget(from, catalog);
        let change = match own {
            Some(mut own) => {
                own.relation.schema = to.0.clone();
                own.relation.name = to.1.clone();
                Change::Known(Arc::new(own))
            }
            None => Change::Unknown,
        };
        self.put(to.clone(), change);
        self.follow_built_on(from, &to);
    }

    /// Own relations that were made over it are over it still.
    fn follow_built_on(&mut self, from: &Key, to: &Key) {
        let over: Vec<_> = self
            .relations
            .changed
            .iter()
            .filter_map(|(key, change)| match change {
                Change::Known(own) if own.life.built_on.contains(from) => Some((key.clone(), own.clone())),
                _ => None,
            })
            .collect();
        for (key, own) in over {
            let mut own = super::OwnRelation::clone(&own);
            for below in own.life.built_on.iter_mut().filter(|below| *below == from) {
                *below = to.clone();
            }
            self.put(key, Change::Known(Arc::new(own)));
        }
    }

    /// Sequences of a table's columns move with it. Which they are, only their names tell.
    fn owned_sequences(&mut self, from: &Key, to: &Key, catalog: &Catalog) {
        let prefix = format!("{}_", from.1);
        let stored = catalog.relations.values().filter(|relation| {
            relation.kind == crate::catalog::RelationKind::Sequence
                && relation.schema == from.0
                && relation.name.starts_with(&prefix)
        });
        let own =
            self.relations.changed.keys().filter(|(schema, name)| {
                *schema == from.0 && name.starts_with(&prefix) && name.contains("_seq")
            });
        let names: Vec<Name> =
            stored.map(|found| found.name.clone()).chain(own.map(|(_, name)| name.clone())).collect();
        for name in names {
            self.touch_key((from.0.clone(), name.clone()));
            self.touch_key((to.0.clone(), name));
        }
    }
}
