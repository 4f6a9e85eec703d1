//! The name spaces of one connection, as the server keeps them: statements (protocol Parse and SQL
//! PREPARE share one), portals and cursors (Bind and DECLARE share the other).
//!
//! A change is made when its message is sent, so that what follows in the pipeline finds it, and taken
//! back if the server skips or refuses it.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, atomic::AtomicU64},
};

use bytes::Bytes;

use super::intend::Analysed;
use crate::{
    mask::Field,
    protocol::postgres::values::Values,
    statement::{Shape, Statement},
};

/// Most names of one kind.
const MAX_NAMES: usize = 10_000;

/// Most bytes of text behind the names of statements.
const MAX_TEXTS: usize = 64 << 20;

/// A prepared statement.
pub(super) struct Prepared {
    /// The text that it was made from, and its place there.
    pub(super) text: Bytes,
    pub(super) place: usize,
    /// `None`: an empty query.
    pub(super) facts: Option<Arc<Statement>>,
    /// Version of the catalog that it was analysed against.
    pub(super) version: u64,
    /// What the server was sent in place of the text, if it was rewritten.
    pub(super) sent: Option<Bytes>,
    /// Types of its parameters, as Parse declared them; empty where it declared none.
    pub(super) types: Bytes,
}

impl Prepared {
    /// Its facts by a newer analysis of its text. If that would send the server something else, what it has
    /// may show what is protected by now: then it must be prepared again.
    pub(super) fn facts_now(&self, analysed: &Analysed) -> Option<Arc<Statement>> {
        let facts = analysed.statements.get(self.place)?;
        if self.sent == analysed.sent {
            return Some(facts.clone());
        }
        // The server's own words and SQLSTATE for a plan that is out of date: drivers prepare anew.
        Some(Arc::new(facts.refused_with("0A000", "cached plan must not change result type".to_owned())))
    }
}

/// A portal or cursor.
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    /// SHA-256 of the Bind, for the commitment.
    pub(super) binds: [u8; 32],
    /// What the Bind gives, if somebody may have to approve it.
    pub(super) values: Option<Values>,
    /// Shapes that only these values give it.
    pub(super) shapes: Vec<Shape>,
    /// The server's description of the portal itself, once it came; empty if it returns no rows. A
    /// statement's own description would not do: what EXECUTE or a view stands for may change between
    /// Parse and Bind, and only the portal is what the rows come from.
    pub(super) fields: OnceLock<Vec<Field>>,
    /// A Describe of it was sent.
    pub(super) asked: OnceLock<()>,
    /// The facts under which it was bound, if these are others than those of its statement.
    pub(super) settled: OnceLock<Arc<Statement>>,
    /// Rows that were given of it, where that is limited.
    pub(super) given: AtomicU64,
}

impl Portal {
    pub(super) const fn new(prepared: Arc<Prepared>, binds: [u8; 32], values: Option<Values>) -> Self {
        Self {
            prepared,
            binds,
            values,
            shapes: Vec::new(),
            fields: OnceLock::new(),
            asked: OnceLock::new(),
            settled: OnceLock::new(),
            given: AtomicU64::new(0),
        }
    }
}

/// One change of a name space, with what stood there before.
pub(super) enum NameChange {
    Statement { name: Bytes, before: Option<Arc<Prepared>> },
    Portal { name: Bytes, before: Option<Arc<Portal>> },
}

#[derive(Default)]
pub(super) struct Names {
    statements: HashMap<Bytes, Arc<Prepared>>,
    portals: HashMap<Bytes, Arc<Portal>>,
}

impl Names {
    pub(super) fn statement(&self, name: &[u8]) -> Option<&Arc<Prepared>> {
        self.statements.get(name)
    }

    pub(super) fn portal(&self, name: &[u8]) -> Option<&Arc<Portal>> {
        self.portals.get(name)
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = (&Bytes, &Arc<Prepared>)> {
        self.statements.iter()
    }

    pub(super) fn portals(&self) -> impl Iterator<Item = (&Bytes, &Arc<Portal>)> {
        self.portals.iter()
    }

    pub(super) fn is_full(&self) -> bool {
        let many = self.statements.len() >= MAX_NAMES || self.portals.len() >= MAX_NAMES;
        // Only asked when a name is made; the sum is cheap beside the analysis of the text.
        many || self.statements.values().map(|prepared| prepared.text.len()).sum::<usize>() > MAX_TEXTS
    }

    pub(super) fn set_statement(&mut self, name: Bytes, prepared: Arc<Prepared>) -> NameChange {
        let before = self.statements.insert(name.clone(), prepared);
        NameChange::Statement { name, before }
    }

    pub(super) fn set_portal(&mut self, name: Bytes, portal: Arc<Portal>) -> NameChange {
        let before = self.portals.insert(name.clone(), portal);
        NameChange::Portal { name, before }
    }

    pub(super) fn drop_statement(&mut self, name: &Bytes) -> NameChange {
        NameChange::Statement { name: name.clone(), before: self.statements.remove(name) }
    }

    pub(super) fn drop_portal(&mut self, name: &Bytes) -> NameChange {
        NameChange::Portal { name: name.clone(), before: self.portals.remove(name) }
    }

    /// What is prepared, each statement as `change` has it.
    pub(super) fn change(&mut self, change: impl Fn(&Statement) -> Statement) {
        for prepared in self.statements.values_mut() {
            let facts = prepared.facts.as_ref().map(|facts| Arc::new(change(facts)));
            let Prepared { text, place, version, sent, types, .. } = &**prepared;
            *prepared = Arc::new(Prepared {
                text: text.clone(),
                place: *place,
                facts,
                version: *version,
                sent: sent.clone(),
                types: types.clone(),
            });
        }
    }

    pub(super) fn clear_statements(&mut self) {
        self.statements.clear();
    }

    pub(super) fn clear_portals(&mut self) {
        self.portals.clear();
    }

    /// Takes a change back.
    pub(super) fn undo(&mut self, change: NameChange) {
        match change {
            NameChange::Statement { name, before: Some(before) } => {
                self.statements.insert(name, before);
            }
            NameChange::Statement { name, before: None } => {
                self.statements.remove(&name);
            }
            NameChange::Portal { name, before: Some(before) } => {
                self.portals.insert(name, before);
            }
            NameChange::Portal { name, before: None } => {
                self.portals.remove(&name);
            }
        }
    }
}
