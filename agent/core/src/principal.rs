//! Who acts, on what, within which grant: the inputs of [`crate::decide`] beside the statement.

use std::sync::Arc;

use crate::{approval::Leaves, budget::actors::Part};
use connect_shared::{
    entry::PrincipalRef,
    grant::Action,
    ids::{ConnectionId, GrantId, RunId, SessionId},
};

/// The authenticated actor of a session. It never changes within one: who is another one is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub reference: PrincipalRef,
    /// The name that people read.
    pub name: String,
    pub groups: Vec<String>,
}

impl Principal {
    /// Whether rules and policies need not tell the two apart. Providers write one e-mail address in upper and
    /// lower case as it comes.
    #[must_use]
    pub fn is_seen_as(&self, other: &Self) -> bool {
        let named = self.reference == other.reference && self.is_named(&other.name);
        named && self.has_groups_of(other) && other.has_groups_of(self)
    }

    /// Whether this is the name of this one, in upper or lower case.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The groups in which an older view of the same one is, and this one is not. Who has another name is somebody's
    /// who is told apart by more than the groups: one of the jobs of a pipeline, or a person by way of another
    /// provider; of them this one says nothing.
    pub fn groups_lost_since<'o>(&self, older: &'o Self) -> impl Iterator<Item = &'o String> {
        let same = self.reference.is_same_person(&older.reference) && self.is_named(&older.name);
        older.groups.iter().filter(move |group| same && !self.groups.contains(group))
    }

    /// Whether this one is in every group that another one is in.
    #[must_use]
    pub fn has_groups_of(&self, other: &Self) -> bool {
        other.groups.iter().all(|group| self.groups.contains(group))
    }
}

/// What the grant in force allows on this resource. A renewal replaces it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantInForce {
    pub id: GrantId,
    pub actions: Vec<Action>,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// The AI agent's task that it is for.
    pub task: Option<Arc<str>>,
    pub narrowed: Narrowed,
    /// What was approved for its principal for a time.
    pub leaves: Leaves,
}

/// What a grant leaves out of what its principal could have. It is the same for the whole of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Narrowed {
    /// `schema.table` or `schema.*`; empty: all.
    pub tables: Arc<[String]>,
    /// Parts of a budget that were handed on, the widest first.
    pub parts: Arc<[Part]>,
}

impl Narrowed {
    /// Whether a relation (`schema.name`) is among the tables. Of a name with another dot in it nobody can say
    /// which schema it is of, so it never is.
    #[must_use]
    pub fn has(&self, relation: &str) -> bool {
        let plain = relation.bytes().filter(|byte| *byte == b'.').count() == 1;
        self.tables.is_empty() || plain && self.tables.iter().any(|table| covers(table, relation))
    }
}

/// Whether what one pattern means is part of what another one does. A name is a pattern of itself.
#[must_use]
pub fn covers(wider: &str, narrower: &str) -> bool {
    let all_of = |schema: &str| narrower.strip_prefix(schema).is_some_and(|rest| rest.starts_with('.'));
    wider == narrower || wider.strip_suffix(".*").is_some_and(all_of)
}

/// How careful the default policy is with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceClass {
    Production,
    /// Permits changes of schema and administration of one's own objects.
    Development,
}

/// A named database that can be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub name: String,
    /// The one database that it is.
    pub database: String,
    pub class: ResourceClass,
    /// Who may approve what the policy holds, in words; empty: nobody, and what would be held is denied.
    pub approvers: Vec<String>,
}

/// Everything about a connection that does not change with its statements.
#[derive(Debug, Clone)]
pub struct ConnectionFacts {
    pub session: SessionId,
    pub connection: ConnectionId,
    pub principal: Arc<Principal>,
    pub resource: Arc<Resource>,
    /// The run that the session is for.
    pub run: Option<RunId>,
    /// The AI agent's task that it is for.
    pub task: Option<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ana(name: &str, groups: &[&str]) -> Principal {
        Principal {
            reference: PrincipalRef { sub: "u-1".into(), idp: "https://id.example.com".into(), actor: None },
            name: name.into(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    #[test]
    fn who_is_somebody_elses_view_and_what_it_has_lost() {
        let older = ana("ana@example.com", &["a", "b"]);
        assert!(older.is_seen_as(&ana("Ana@Example.com", &["b", "a"])), "the case of an e-mail address");
        assert!(!older.is_seen_as(&ana("u-1", &["a", "b"])), "it has no address that is verified any more");
        assert!(!older.is_seen_as(&ana("ana@example.com", &["a"])));
        let lost = |newer: &Principal| newer.groups_lost_since(&older).cloned().collect::<Vec<_>>();
        assert_eq!(lost(&ana("Ana@example.com", &["a", "c"])), ["b"]);
        assert!(lost(&ana("ana@example.com", &["c", "b", "a"])).is_empty());
        assert!(lost(&ana("pipeline/ana", &[])).is_empty(), "of another it says nothing");
    }
}
