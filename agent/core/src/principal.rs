//! Who acts, on what, within which grant: the inputs of [`crate::decide`] beside the statement.

use std::sync::Arc;

use crate::budget::actors::Part;
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
    /// Whether rules and policies cannot tell the two apart.
    #[must_use]
    pub fn is_seen_as(&self, other: &Self) -> bool {
        let named = self.reference == other.reference && self.name == other.name;
        named && self.has_groups_of(other) && other.has_groups_of(self)
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
