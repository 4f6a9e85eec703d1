//! Row security: the conditions that the server adds for the role whose rights count.
//!
//! That is the session's role for what a statement names itself, the owner for what a view reads (unless
//! the view says `security_invoker`), and for bodies of functions whoever runs them.

use super::{Binder, Bound, gap, set::Set};
use crate::{
    catalog::{Catalog, Details, Oid, Policy, Relation},
    lineage::{Gap, GapKind},
    session::Session,
};

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    Role(Oid),
    Unknown,
}

/// Whose rights count where a binder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Actors {
    /// Who runs the statement, or the function.
    invoker: Actor,
    /// The owner of the view that is being opened.
    owner: Option<Actor>,
}

/// Which rows were secured in something that was opened once for all who use it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::understand) enum Secured {
    #[default]
    Nothing,
    /// By the owner's rights.
    ForOwner,
    /// By the rights of whoever asked first.
    ForInvoker,
}

impl Actors {
    pub(super) fn of(catalog: &Catalog, session: &Session) -> Self {
        let name = match session.role() {
            Ok(None) => Some(&catalog.role),
            Ok(Some(name)) => Some(name),
            Err(_) => None,
        };
        let role = name.filter(|_| session.knows_rights()).and_then(|name| catalog.rights.by_name.get(name));
        Self { invoker: role.map_or(Actor::Unknown, |oid| Actor::Role(*oid)), owner: None }
    }

    /// Within a view.
    pub(super) fn in_view(self, view: &Relation) -> Self {
        let security = view.details.as_deref().and_then(|details| details.security);
        let owner = match security {
            Some(security) if security.invoker => None,
            Some(security) => Some(Actor::Role(security.owner)),
            None => Some(Actor::Unknown),
        };
        Self { owner, ..self }
    }

    /// Within a function's body. Whose a SECURITY DEFINER function is, the snapshot does not say.
    pub(super) const fn in_function(self, security_definer: bool) -> Self {
        let invoker = if security_definer { Actor::Unknown } else { self.invoker };
        Self { invoker, owner: None }
    }

    const fn current(self) -> Actor {
        match self.owner {
            Some(owner) => owner,
            None => self.invoker,
        }
    }
}

impl<'a> Binder<'a> {
    /// Conditions that row security adds.
    pub(super) fn policies(&mut self, relation: &Relation, command: u8, into: &mut Set) -> Bound<()> {
        let Some(details) = relation.details.as_deref().filter(|details| details.secures_rows()) else {
            return Ok(());
        };
        let secured = if self.actors.owner.is_some() { Secured::ForOwner } else { Secured::ForInvoker };
        self.facts.secured = self.facts.secured.max(secured);
        let of_command = details.policies.iter().filter(|policy| [command, b'*'].contains(&policy.command));
        for policy in of_command {
            match self.holds(details, policy) {
                Some(true) => self.secure(relation, policy, into)?,
                Some(false) => {}
                None => {
                    let name = relation.qualified_name();
                    self.gap(GapKind::Session, format!("which rows of {name} its row security shows"));
                }
            }
        }
        Ok(())
    }

    fn secure(&mut self, relation: &Relation, policy: &Policy, into: &mut Set) -> Bound<()> {
        if let Some(condition) = &policy.using {
            let flow = self.of_row(condition, relation)?;
            self.facts.reads.add(&flow.direct);
            into.add(&flow.direct);
            into.add(&flow.indirect);
        }
        Ok(())
    }

    /// Whether the role whose rights count is held to a policy.
    pub(super) fn holds(&self, details: &Details, policy: &Policy) -> Option<bool> {
        let Actor::Role(role) = self.actors.current() else { return None };
        let rights = &self.catalog.rights;
        Some(rights.is_held(role, details.security.as_ref()?)? && rights.applies(policy, role)?)
    }

    /// What was opened for the agent's own role, with the rights of a new connection, may show other rows
    /// here.
    pub(super) fn row_security_elsewhere(&self, secured: Secured) -> Option<Gap> {
        let own = || Actors::of(self.catalog, &Session::default()).invoker;
        let differs = match secured {
            Secured::Nothing => false,
            Secured::ForOwner => !self.session.knows_rights(),
            Secured::ForInvoker => self.actors.invoker != own() || !self.session.knows_rights(),
        };
        differs.then(|| gap(GapKind::Session, "which rows row security shows behind a view"))
    }
}
