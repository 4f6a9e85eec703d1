//! What an approval holds for, and the proof that a statement has one.
//!
//! An approval releases nothing by itself: the statement is evaluated again, what it would be then is
//! digested again, and only if both digests are equal does [`crate::decide`] see it. So whatever is changed
//! between the look of the approver and the run (text, parameters, session, catalog, policy, principal)
//! makes it another statement, which is held anew.

mod leave;
mod reach;

use std::fmt;

use aws_lc_rs::hmac;
use connect_shared::{hexadecimal::hexadecimal, ids::RequestId};

pub use self::leave::{Leave, LeaveOf, Leaves};
pub(crate) use self::reach::Reach;
use crate::catalog::{Catalog, Relation};

/// Digest of everything that an approval holds for, in hexadecimal. Keyed, since what it is made of holds
/// values.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding(String);

impl Binding {
    /// Of a digest that was made elsewhere, in hexadecimal.
    #[must_use]
    pub const fn from_digest(digest: String) -> Self {
        Self(digest)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({})", self.0.get(..8).unwrap_or_default())
    }
}

/// An approval whose one use was taken for the statement that waits. It is not kept beyond it.
#[derive(Debug)]
pub struct Approval {
    request: RequestId,
    binding: Binding,
    by: String,
    how: How,
}

/// How something was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// This one statement.
    AsItIs,
    /// Its form.
    AnyValues,
    /// All of its kind.
    ForATime,
    /// That columns are seen.
    InClear,
    /// By nobody but whoever has broken the glass.
    Glass,
}

/// The proof that a statement is the one that was approved, or of a kind that was for a time. Only
/// [`Approval::covering`] and a [`Leave`] that holds give it.
#[derive(Debug, Clone, Copy)]
pub struct Approved<'a> {
    request: RequestId,
    by: &'a str,
    how: How,
}

impl Approval {
    /// As the store gave it. `by`: the name that people read.
    #[must_use]
    pub const fn new(request: RequestId, binding: String, by: String) -> Self {
        Self { request, binding: Binding(binding), by, how: How::AsItIs }
    }

    /// It was given for any values: the store has found it by the form of the statement.
    #[must_use]
    pub fn with_any_values(self) -> Self {
        Self { how: How::AnyValues, ..self }
    }

    /// The proof, if this is what was approved.
    #[must_use]
    pub fn covering(&self, binding: &Binding) -> Option<Approved<'_>> {
        (self.binding == *binding).then(|| self.continued())
    }

    /// The proof for what goes on under it: a portal that was begun with it.
    #[must_use]
    pub(crate) fn continued(&self) -> Approved<'_> {
        Approved { request: self.request, by: &self.by, how: self.how }
    }
}

impl Approved<'_> {
    /// The request that was approved.
    #[must_use]
    pub const fn request(self) -> RequestId {
        self.request
    }

    /// By whom.
    #[must_use]
    pub fn by(self) -> String {
        self.by.to_owned()
    }

    /// By whom, in which request, and for what if it was not for this one statement.
    pub(crate) fn in_words(self) -> String {
        let Self { request, by, how } = self;
        let more = match how {
            How::Glass => return format!("{by} has broken the glass: {request}"),
            How::AsItIs => "",
            How::AnyValues => ", with any values",
            How::ForATime => ", for a time",
            How::InClear => ", to be seen in clear for a time",
        };
        format!("approved by {by} in {request}{more}")
    }
}

/// Takes the parts of a [`Binding`], each with its length, so that none can pass for another.
pub(crate) struct Binder(hmac::Context);

impl Binder {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut binder = Self(hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key)));
        binder.part(b"connect.binding/1");
        binder
    }

    pub(crate) fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn parts<'p>(&mut self, parts: impl ExactSizeIterator<Item = &'p str>) {
        self.0.update(&(parts.len() as u64).to_be_bytes());
        for part in parts {
            self.part(part.as_bytes());
        }
    }

    pub(crate) fn finish(self) -> Binding {
        Binding(hexadecimal(self.0.sign().as_ref()))
    }

    /// The catalog, as far as it decides what statements mean or do: functions, operators, casts and rights
    /// as a whole, and the relations that they reach. Relations of other sessions alone (temporary ones) are
    /// left out, and so are labels, which are looked at when the statement is evaluated.
    pub(crate) fn catalog(&mut self, catalog: &Catalog, reach: &Reach) {
        let mut relations: Vec<&Relation> = catalog.relations.values().map(|relation| &**relation).collect();
        relations.retain(|relation| !relation.schema.starts_with("pg_t") && !relation.is_system());
        relations.retain(|relation| reach.has(relation));
        relations.sort_by_key(|relation| relation.oid);
        self.part(catalog.state.as_bytes());
        self.part(&(relations.len() as u64).to_be_bytes());
        for relation in relations {
            self.relation(relation);
        }
    }

    fn relation(&mut self, relation: &Relation) {
        let Relation { oid, schema, name, kind, columns, view_reads, view: _, children, runs_code, details } =
            relation;
        let head = format!("{oid:?}{schema:?}{name:?}{kind:?}{view_reads:?}{children:?}{runs_code}");
        self.part(head.as_bytes());
        for column in columns {
            let plain = crate::catalog::Column { label: None, ..column.clone() };
            self.part(format!("{plain:?}").as_bytes());
        }
        self.part(format!("{details:?}").as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(parts: &[&str]) -> Binding {
        let mut binder = Binder::new(&[7; 32]);
        parts.iter().for_each(|part| binder.part(part.as_bytes()));
        binder.finish()
    }

    #[test]
    fn parts_cannot_pass_for_each_other() {
        assert_eq!(bound(&["a", "bc"]), bound(&["a", "bc"]));
        assert_ne!(bound(&["a", "bc"]), bound(&["ab", "c"]));
        assert_ne!(bound(&["a"]), bound(&["a", ""]));
        let mut other = Binder::new(&[8; 32]);
        other.part(b"a");
        assert_ne!(bound(&["a"]), other.finish(), "nobody without the key can make one");
    }

    #[test]
    fn an_approval_covers_its_own_binding_only() {
        let binding = bound(&["a"]);
        let approval = Approval::new(RequestId::from_random([1; 16]), binding.0.clone(), "li".into());
        assert!(approval.covering(&binding).is_some());
        assert!(approval.covering(&bound(&["b"])).is_none());
    }
}
