//! Transactions and savepoints: what a rollback takes back.
//!
//! Each level keeps the state as it was when the level began; the parts of a state are shared, so that
//! keeping one costs little. A statement outside of BEGIN is a level of its own that ends with the message
//! (`xact.c`: implicit transaction blocks; in a pipeline: with Sync).

use std::{collections::HashMap, sync::Arc};

use super::{
    Change, OwnRelation, Relations, ServerState, Session,
    change::{Chain, Control, OnCommit},
    find::{Key, TEMPORARY},
    schemas::SchemaChange,
    settings::Settings,
};
use crate::{
    catalog::{Catalog, code::Name},
    lineage::Columns,
};

/// Most levels that are kept; what an inner one changed beyond that is not known after its rollback.
const MOST_LEVELS: usize = 2_000;

/// The transaction that is open.
#[derive(Debug, Clone, Default)]
pub(super) struct Transaction {
    /// The first is the transaction itself, the others are savepoints.
    levels: Arc<Vec<Level>>,
    /// Begun by BEGIN.
    explicit: bool,
    /// A statement failed: nothing runs before the rollback.
    failed: bool,
    /// Savepoints that were not kept.
    overflow: bool,
}

/// State at the beginning of a level.
#[derive(Debug, Clone)]
struct Level {
    savepoint: Option<Name>,
    settings: Settings,
    lasting: Settings,
    relations: Relations,
    schemas: Arc<HashMap<Name, SchemaChange>>,
    temporary: bool,
    rights_changed: bool,
}

impl Transaction {
    pub(super) fn is_open(&self) -> bool {
        !self.levels.is_empty()
    }

    pub(super) const fn is_explicit(&self) -> bool {
        self.explicit
    }

    pub(super) const fn is_failed(&self) -> bool {
        self.failed
    }

    /// The server's own word on where it stands.
    pub(super) fn take_state(&mut self, state: ServerState) {
        self.explicit = true;
        self.failed = state == ServerState::Failed;
    }

    /// How deep it is: 1 in a transaction without savepoints.
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }
}

impl Session {
    /// Makes sure that there is a transaction, which every statement has.
    pub(super) fn enter(&mut self) {
        if !self.transaction.is_open() {
            self.push_level(None);
        }
    }

    fn push_level(&mut self, savepoint: Option<Name>) {
        if self.transaction.levels.len() >= MOST_LEVELS {
            self.transaction.overflow = true;
            return;
        }
        let level = Level {
            savepoint,
            settings: self.settings.clone(),
            lasting: self.lasting.clone(),
            relations: self.relations.clone(),
            schemas: self.schemas.clone(),
            temporary: self.temporary,
            rights_changed: self.rights_changed,
        };
        Arc::make_mut(&mut self.transaction.levels).push(level);
    }

    fn restore(&mut self, level: Level) {
        self.settings = level.settings;
        self.lasting = level.lasting;
        self.relations = level.relations;
        self.schemas = level.schemas;
        self.temporary = level.temporary;
        self.rights_changed = level.rights_changed;
    }

    pub(super) fn control(&mut self, control: &Control, catalog: &Catalog) {
        match control {
            Control::Begin => self.transaction.explicit = true,
            Control::Commit(chain) => {
                if self.transaction.failed {
                    self.roll_back()
                } else {
                    self.commit(catalog)
                }
                self.chain(*chain);
            }
            Control::Rollback(chain) => {
                self.roll_back();
                self.chain(*chain);
            }
            Control::Savepoint(name) => self.push_level(Some(name.clone())),
            Control::Release(name) => self.release(name),
            Control::RollbackTo(name) => self.roll_back_to(name),
            Control::AtOnce if self.transaction.explicit => {}
            Control::AtOnce => self.commit(catalog),
            Control::Prepare => self.prepare_transaction(catalog),
            Control::CommitPrepared => self.lose(catalog),
        }
    }

    fn chain(&mut self, chain: Chain) {
        if chain == Chain::Next {
            self.enter();
            self.transaction.explicit = true;
        }
    }

    /// The transaction ends well: what was LOCAL ends with it.
    pub(super) fn commit(&mut self, catalog: &Catalog) {
        let before = self.transaction.levels.first().map(|level| level.relations.version);
        self.end_temporary_rows(catalog);
        if before.is_some_and(|version| version != self.relations.version) {
            self.relations.committed = Some(catalog.version);
        }
        self.settings = self.lasting.clone();
        self.transaction = Transaction::default();
        self.cursors_after_commit();
    }

    /// Everything since its beginning is undone.
    pub(super) fn roll_back(&mut self) {
        let first = self.transaction.levels.first().cloned();
        self.transaction = Transaction::default();
        if let Some(level) = first {
            self.restore(level);
        }
        self.cursors_since(0);
    }

    fn place_of(&self, savepoint: &Name) -> Option<usize> {
        self.transaction.levels.iter().rposition(|level| level.savepoint.as_ref() == Some(savepoint))
    }

    fn release(&mut self, savepoint: &Name) {
        let Some(place) = self.place_of(savepoint) else { return };
        Arc::make_mut(&mut self.transaction.levels).truncate(place);
        self.cursors_released(place);
    }

    fn roll_back_to(&mut self, savepoint: &Name) {
        self.transaction.failed = false;
        let level = self
            .place_of(savepoint)
            .and_then(|place| self.transaction.levels.get(place).cloned().map(|level| (place, level)));
        match level {
            Some((place, level)) => {
                Arc::make_mut(&mut self.transaction.levels).truncate(place + 1);
                self.restore(level);
                self.cursors_since(place);
                if self.transaction.overflow {
                    self.everything_unknown();
                }
            }
            // A savepoint that was not kept.
            None => self.everything_unknown(),
        }
    }

    /// Settings stay as after a commit; what was made is not there until somebody commits it.
    fn prepare_transaction(&mut self, catalog: &Catalog) {
        let (settings, lasting) = (self.lasting.clone(), self.lasting.clone());
        let base = self.transaction.levels.first().cloned();
        self.commit(catalog);
        if let Some(level) = base {
            self.restore(level);
        }
        (self.settings, self.lasting) = (settings, lasting);
    }

    /// Nothing that was set or made is known any more.
    pub(super) fn everything_unknown(&mut self) {
        let unknown = Settings { lexing: self.settings.lexing, ..Settings::unknown() };
        self.settings = match self.given_role() {
            // What could leave it never ran.
            Some(_) => Settings {
                authorization: self.reset.authorization.clone(),
                role: self.reset.role.clone(),
                ..unknown
            },
            None => unknown,
        };
        self.lasting = self.settings.clone();
        self.temporary = true;
        self.relations.stored_lost = true;
        self.relations.temporary_lost = true;
        self.changed();
    }

    /// Stored objects changed that cannot be named.
    pub(super) fn lose(&mut self, catalog: &Catalog) {
        self.relations.stored_lost = true;
        self.relations.committed = Some(catalog.version);
        self.changed();
    }

    /// A statement failed, or a message of the protocol: all that is in the open transaction is lost unless
    /// a savepoint keeps it.
    pub fn failed(&mut self, catalog: &Catalog) {
        if self.transaction.explicit {
            self.transaction.failed = true;
        } else {
            self.roll_back();
        }
        self.refresh(catalog);
    }

    /// The end of a message or pipeline, if all went well: a transaction that nobody began ends there.
    pub fn sync(&mut self, catalog: &Catalog) {
        if self.transaction.is_open() && !self.transaction.explicit {
            self.commit(catalog);
            self.refresh(catalog);
        }
    }

    /// Whether a transaction is open that ends with the message or pipeline.
    #[must_use]
    pub fn ends_with_message(&self) -> bool {
        self.transaction.is_open() && !self.transaction.explicit
    }

    /// ON COMMIT DROP and ON COMMIT DELETE ROWS.
    fn end_temporary_rows(&mut self, catalog: &Catalog) {
        let ends = |(key, change): (&Key, &Change)| match change {
            Change::Known(own) if own.life.on_commit != OnCommit::PreserveRows => {
                Some((key.clone(), own.clone()))
            }
            _ => None,
        };
        let temporary: Vec<_> = self.relations.changed.iter().filter_map(ends).collect();
        for (key, own) in temporary.into_iter().filter(|((schema, _), _)| &**schema == TEMPORARY) {
            match own.life.on_commit {
                OnCommit::Drop => self.drop_relation(&key, catalog),
                OnCommit::DeleteRows => self.emptied(key, &own),
                OnCommit::PreserveRows => {}
            }
        }
    }

    /// A temporary table without rows: nothing flowed into it.
    pub(super) fn emptied(&mut self, key: Key, own: &OwnRelation) {
        if own.sources.values().all(Columns::is_empty) && own.indirect.is_empty() {
            return;
        }
        // Gaps stay: some are of what hangs on the table, not of its rows.
        let mut own = own.clone();
        own.sources.clear();
        own.indirect.clear();
        self.put(key, Change::Known(Arc::new(own)));
    }
}
