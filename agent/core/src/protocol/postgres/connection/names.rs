//! The name spaces of one connection, as the server keeps them: statements (protocol Parse and SQL
//! PREPARE share one), portals and cursors (Bind and DECLARE share the other).
//!
//! A change is made when its message is sent, so that what follows in the pipeline finds it, and taken
//! back if the server skips or refuses it.

use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;

use super::{
    exact::{Binds, Keep},
    intend::Analysed,
};
use crate::{
    mask::Field,
    protocol::postgres::values::Values,
    statement::{Shape, Statement},
};

/// Most names of one kind.
const MAX_NAMES: usize = 10_000;

/// Most bytes of text behind the names of one kind.
const MAX_TEXTS: usize = 64 << 20;

/// Fewer portals than this may stay until a pipeline is over.
const CROWDED: usize = 64;

/// A prepared statement.
pub(super) struct Prepared {
    /// The text that it was made from, and its place there.
    pub(super) text: Bytes,
    pub(super) place: usize,
    /// What is kept of statements that it becomes.
    pub(super) keep: Keep,
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
    /// For the commitment.
    pub(super) binds: Binds,
    /// What the Bind gives, if somebody may have to approve it.
    pub(super) values: Option<Values>,
    /// Shapes that only these values give it.
    pub(super) shapes: Vec<Shape>,
    /// The server's description of the portal itself, once it came; empty if it returns no rows. A
    /// statement's own description would not do: what EXECUTE or a view stands for may change between
    /// Parse and Bind, and only the portal is what the rows come from.
    pub(super) fields: OnceLock<Vec<Field>>,
    /// A Describe of it was sent, and not skipped.
    pub(super) asked: AtomicBool,
    /// The facts under which it was bound, if these are others than those of its statement.
    pub(super) settled: OnceLock<Arc<Statement>>,
    /// Rows that were given of it, where that is limited.
    pub(super) given: AtomicU64,
    pub(super) hold: Hold,
}

/// Whether a cursor outlives the transaction that declared it.
pub(super) struct Hold {
    /// WITH HOLD, and nothing has undone it.
    declared: AtomicBool,
    /// That transaction has committed.
    kept: AtomicBool,
}

impl Hold {
    pub(super) const fn new(declared: bool) -> Self {
        Self { declared: AtomicBool::new(declared), kept: AtomicBool::new(false) }
    }

    /// Its transaction is still open.
    fn is_open(&self) -> bool {
        self.declared.load(Relaxed) && !self.kept.load(Relaxed)
    }

    fn settle(&self, end: End) {
        match end {
            End::Committed => self.kept.store(true, Relaxed),
            End::RolledBack => self.declared.store(false, Relaxed),
        }
    }
}

/// How a transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Committed,
    RolledBack,
}

impl Portal {
    pub(super) const fn new(prepared: Arc<Prepared>, binds: Binds, values: Option<Values>) -> Self {
        Self {
            prepared,
            binds,
            values,
            shapes: Vec::new(),
            fields: OnceLock::new(),
            asked: AtomicBool::new(false),
            settled: OnceLock::new(),
            given: AtomicU64::new(0),
            hold: Hold::new(false),
        }
    }
}

/// One change of a name space, with what stood there before.
pub(super) enum NameChange {
    Statement { name: Bytes, before: Option<Arc<Prepared>> },
    Portal { name: Bytes, before: Option<Arc<Portal>> },
}

/// What stands behind a name.
trait Held {
    /// Bytes of the texts and types that it keeps.
    fn text(&self) -> usize;
}

impl Held for Prepared {
    fn text(&self) -> usize {
        self.text.len() + self.types.len() + self.sent.as_ref().map_or(0, Bytes::len)
    }
}

impl Held for Portal {
    fn text(&self) -> usize {
        self.prepared.text()
    }
}

/// The two name spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Statements,
    Portals,
}

impl NameChange {
    pub(super) const fn space(&self) -> Space {
        match self {
            Self::Statement { .. } => Space::Statements,
            Self::Portal { .. } => Space::Portals,
        }
    }

    pub(super) const fn name(&self) -> &Bytes {
        match self {
            Self::Statement { name, .. } | Self::Portal { name, .. } => name,
        }
    }

    /// An earlier change of the same name was not made: what that one had replaced is what this one replaces.
    pub(super) fn replaces_what(&mut self, earlier: Self) {
        match (self, earlier) {
            (Self::Statement { before, .. }, Self::Statement { before: first, .. }) => *before = first,
            (Self::Portal { before, .. }, Self::Portal { before: first, .. }) => *before = first,
            _ => {}
        }
    }

    /// There is nothing to go back to.
    pub(super) fn replaces_nothing(&mut self) {
        match self {
            Self::Statement { before, .. } => *before = None,
            Self::Portal { before, .. } => *before = None,
        }
    }
}

/// Names of one kind, and how much text is behind them.
struct Kept<T> {
    of: HashMap<Bytes, Arc<T>>,
    texts: usize,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { of: HashMap::new(), texts: 0 }
    }
}

impl<T: Held> Kept<T> {
    fn insert(&mut self, name: Bytes, value: Arc<T>) -> Option<Arc<T>> {
        self.texts += value.text();
        let before = self.of.insert(name, value);
        self.texts -= before.as_ref().map_or(0, |before| before.text());
        before
    }

    fn remove(&mut self, name: &[u8]) -> Option<Arc<T>> {
        let before = self.of.remove(name);
        self.texts -= before.as_ref().map_or(0, |before| before.text());
        before
    }

    fn retain(&mut self, keep: impl Fn(&Bytes, &Arc<T>) -> bool) {
        self.of.retain(|name, value| keep(name, value));
        self.texts = self.of.values().map(|value| value.text()).sum();
    }

    /// Whether there is room for what stands behind this name: one that is replaced, or none, takes no place.
    fn takes(&self, name: &[u8]) -> bool {
        let is_full = self.of.len() >= MAX_NAMES || self.texts > MAX_TEXTS;
        !is_full || name.is_empty() || self.of.contains_key(name)
    }
}

#[derive(Default)]
pub(super) struct Names {
    statements: Kept<Prepared>,
    portals: Kept<Portal>,
    /// With so many portals, those of transactions that are over are looked for among what is in flight, too.
    crowded: usize,
}

impl Names {
    pub(super) fn statement(&self, name: &[u8]) -> Option<&Arc<Prepared>> {
        self.statements.of.get(name)
    }

    pub(super) fn portal(&self, name: &[u8]) -> Option<&Arc<Portal>> {
        self.portals.of.get(name)
    }

    pub(super) fn statements(&self) -> impl Iterator<Item = (&Bytes, &Arc<Prepared>)> {
        self.statements.of.iter()
    }

    pub(super) fn portals(&self) -> impl Iterator<Item = (&Bytes, &Arc<Portal>)> {
        self.portals.of.iter()
    }

    /// Whether there is room for another name, or this one again.
    pub(super) fn takes(&self, space: Space, name: &[u8]) -> bool {
        match space {
            Space::Statements => self.statements.takes(name),
            Space::Portals => self.portals.takes(name),
        }
    }

    /// Whether there are so many portals that those which are over must go before the pipeline ends.
    pub(super) fn is_crowded(&self) -> bool {
        self.portals.of.len() >= self.crowded.max(CROWDED)
    }

    /// A transaction has ended so, and with it those cursors WITH HOLD that `begun` does not say to belong to what
    /// comes behind it.
    pub(super) fn settle_held(&self, end: End, begun: impl Fn(&Bytes, &Arc<Portal>) -> bool) {
        let open = self.portals().filter(|(_, portal)| portal.hold.is_open());
        for (_, portal) in open.filter(|(name, portal)| !begun(name, portal)) {
            portal.hold.settle(end);
        }
    }

    /// Whether there are cursors WITH HOLD whose transaction is still open.
    pub(super) fn may_hold(&self) -> bool {
        self.portals().any(|(_, portal)| portal.hold.is_open())
    }

    /// A transaction is over, and its portals with it: `begun` are those that were made for what comes behind it.
    pub(super) fn transaction_ended(&mut self, begun: impl Fn(&Bytes, &Arc<Portal>) -> bool) {
        self.portals.retain(|name, portal| portal.hold.declared.load(Relaxed) || begun(name, portal));
        self.crowded = self.portals.of.len() * 2;
    }

    pub(super) fn set_statement(&mut self, name: Bytes, prepared: Arc<Prepared>) -> NameChange {
        let name = own(&name);
        let before = self.statements.insert(name.clone(), prepared);
        NameChange::Statement { name, before }
    }

    pub(super) fn set_portal(&mut self, name: Bytes, portal: Arc<Portal>) -> NameChange {
        let name = own(&name);
        let before = self.portals.insert(name.clone(), portal);
        NameChange::Portal { name, before }
    }

    pub(super) fn drop_statement(&mut self, name: &Bytes) -> NameChange {
        NameChange::Statement { name: own(name), before: self.statements.remove(name) }
    }

    pub(super) fn drop_portal(&mut self, name: &Bytes) -> NameChange {
        NameChange::Portal { name: own(name), before: self.portals.remove(name) }
    }

    /// What is prepared, each statement as `change` has it.
    pub(super) fn change(&mut self, change: impl Fn(&Statement) -> Statement) {
        for prepared in self.statements.of.values_mut() {
            let facts = prepared.facts.as_ref().map(|facts| Arc::new(change(facts)));
            let Prepared { text, place, keep, version, sent, types, .. } = &**prepared;
            *prepared = Arc::new(Prepared {
                text: text.clone(),
                place: *place,
                keep: *keep,
                facts,
                version: *version,
                sent: sent.clone(),
                types: types.clone(),
            });
        }
    }

    pub(super) fn remove(&mut self, space: Space, name: &[u8]) {
        match space {
            Space::Statements => drop(self.statements.remove(name)),
            Space::Portals => drop(self.portals.remove(name)),
        }
    }

    /// Drops all names of a space but these.
    pub(super) fn retain(&mut self, space: Space, kept: &[Bytes]) {
        match space {
            Space::Statements => self.statements.retain(|name, _| kept.contains(name)),
            Space::Portals => self.portals.retain(|name, _| kept.contains(name)),
        }
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

/// A copy: a slice of a message would keep all of it, and what was read with it.
pub(super) fn own(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepared(text: usize) -> Arc<Prepared> {
        let text = Bytes::from(vec![b' '; text]);
        Arc::new(Prepared {
            text,
            place: 0,
            keep: Keep::Salt,
            facts: None,
            version: 0,
            sent: None,
            types: Bytes::new(),
        })
    }

    #[test]
    fn texts_are_counted_while_something_stands_for_them() {
        let mut names = Names::default();
        let half = MAX_TEXTS / 2 + 1;
        let first = names.set_statement("a".into(), prepared(half));
        let again = names.set_statement("a".into(), prepared(half));
        assert!(names.takes(Space::Statements, b"b"));
        let second = names.set_statement("b".into(), prepared(half));
        assert!(!names.takes(Space::Statements, b"c"));
        assert!(["a", "b", ""].iter().all(|name| names.takes(Space::Statements, name.as_bytes())));
        assert!(names.takes(Space::Portals, b"c"));
        for change in [second, again, first] {
            names.undo(change);
            assert!(names.takes(Space::Statements, b"c"));
        }
        assert_eq!(names.statements.texts, 0);
    }

    #[test]
    fn what_is_kept_of_a_message_is_counted_and_keeps_no_more() {
        let mut names = Names::default();
        let message = Bytes::from(vec![b'x'; 1 << 20]);
        let change = names.set_statement(message.slice(..3), prepared(7));
        let kept = names.statements().next().map(|(name, _)| name.as_ptr());
        assert!(kept.is_some_and(|kept| kept != message.as_ptr()));
        names.undo(change);
        let typed = Prepared {
            text: Bytes::from_static(b"select 1"),
            place: 0,
            keep: Keep::Salt,
            facts: None,
            version: 0,
            sent: Some(Bytes::from_static(b"select")),
            types: Bytes::from_static(b"\0\0"),
        };
        names.set_statement("s".into(), Arc::new(typed));
        assert_eq!(names.statements.texts, 8 + 6 + 2);
    }

    #[test]
    fn portals_end_with_their_transaction_and_those_with_hold_do_not() {
        let mut names = Names::default();
        let portal = |holds| {
            Arc::new(Portal { hold: Hold::new(holds), ..Portal::new(prepared(7), Binds::default(), None) })
        };
        for (name, holds) in [("p", false), ("held", true), ("next", false)] {
            names.set_portal(name.into(), portal(holds));
        }
        names.transaction_ended(|name, _| name == "next");
        let mut left: Vec<_> = names.portals().map(|(name, _)| name.clone()).collect();
        left.sort_unstable();
        assert_eq!((left, names.portals.texts), (vec!["held".into(), "next".into()], 14));
        let sooner = (0..CROWDED).map(|number| names.set_portal(format!("c{number}").into(), portal(false)));
        assert_eq!((sooner.count(), names.is_crowded()), (CROWDED, true));
    }
}
