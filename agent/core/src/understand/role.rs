//! In a session that was given a role, nothing runs that could leave it: behind it stands the agent's own
//! account, which may be more than the principal. That a setting shows in the statement is easy to see; code
//! is another matter. A function that sets the role, or runs what it is given as SQL, must not be called, nor
//! be brought in to be called later by a default, a check or a trigger.
//!
//! What an administrator has put into domains, conditions of row security and indexes is not looked at: no
//! client chooses what runs there.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{Node, Token},
};

use super::{found::Found, refusal, tokens::Tokens, utility};
use crate::{
    catalog::Catalog,
    lineage::{GapKind, Lineage, Status},
    session::{Session, SessionChange, named_may_leave_role},
    statement::{Kind, Refusal},
};

/// One statement in a session.
pub(super) struct Asked<'a> {
    pub(super) node: &'a NodeEnum,
    pub(super) lineage: &'a Lineage,
    pub(super) change: &'a SessionChange,
    pub(super) catalog: &'a Catalog,
    pub(super) tokens: &'a Tokens<'a>,
    /// Where it begins and ends in the text.
    pub(super) range: std::ops::Range<usize>,
}

impl Asked<'_> {
    /// The same, or refused if it could leave the role that the session was given. That beats every other
    /// refusal: none of them is lifted by rewriting then.
    pub(super) fn kept(self, found: Found, session: &Session) -> Found {
        let Some(role) = session.given_role() else { return found };
        match self.leaves(found.kind) {
            Some(why) => found.refused(leaves(role, why)),
            None => found,
        }
    }

    fn leaves(&self, kind: Kind) -> Option<String> {
        if self.change.leaves_role_with(self.lineage, self.catalog) {
            return Some("this statement could leave it, or runs code that could".to_owned());
        }
        if brings_code(self.node) {
            return Some("code that is brought in now could leave it when it runs".to_owned());
        }
        // Where it is not known for certain which function a name means, all of the name count.
        let exact = matches!(kind, Kind::Read | Kind::Write | Kind::Transaction | Kind::SessionControl)
            && !has_doubts(self.lineage);
        if exact {
            return None;
        }
        let named = self.tokens.names(self.range.clone());
        let found = named.map(|(token, name)| match token {
            // A name in escapes may be any.
            Token::Uident => (true, name),
            _ => (named_may_leave_role(&name, self.catalog), name),
        });
        let (_, name) = { found }.find(|(leaves, _)| *leaves)?;
        Some(format!("the code behind `{name}` could leave it"))
    }
}

fn has_doubts(lineage: &Lineage) -> bool {
    let doubtful = |kind: GapKind| {
        matches!(
            kind,
            GapKind::Syntax
                | GapKind::NotReviewed
                | GapKind::TooLarge
                | GapKind::UnknownObject
                | GapKind::Ambiguous
                | GapKind::Session
                | GapKind::Changed
        )
    };
    lineage.status == Status::Opaque || lineage.gaps.iter().any(|gap| doubtful(gap.kind))
}

fn brings_code(node: &NodeEnum) -> bool {
    let inside = |element: &Node| element.node.as_ref().is_some_and(brings_code);
    match node {
        NodeEnum::CreateSchemaStmt(create) => create.schema_elts.iter().any(inside),
        other => utility::brings_code(other),
    }
}

fn leaves(role: &str, why: String) -> Refusal {
    refusal::refusal(
        ReasonCode::LeavesRole,
        None,
        format!("you work as the role `{role}` of this database, and {why}"),
        "Write what the code does as statements of your own, or ask an administrator of this resource.",
    )
}
