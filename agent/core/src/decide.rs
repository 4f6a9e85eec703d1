//! Decides about one statement: (principal, grant, resource, statement) → [`Verdict`]. The only place
//! that makes a [`Permit`].
//!
//! The rules are a Cedar policy set ([`set`]), asked once for each (action, relation) of the statement
//! ([`ask`]); what is not understood, or what masking cannot hold, is denied before any policy is asked.
//! What the rules said is [`Evaluated`], which can be kept ([`kept`]); a permit is made anew each time.

mod ask;
pub mod column;
mod evaluate;
mod force;
mod kept;
pub mod limit;
mod narrow;
mod set;
mod words;

use std::{sync::Arc, time::Duration};

use connect_shared::{
    decision::{Decision, Outcome, Reason, ReasonCode},
    ids::StatementId,
};

pub use self::{
    ask::is_program,
    evaluate::{Evaluated, Need},
    force::InForce,
    kept::Kept,
    set::{Act, DEFAULT_POLICY, Policies, PolicyProblem, SCHEMA},
    words::names,
};
use crate::{
    approval::Approved,
    principal::{GrantInForce, Principal, Resource},
    record::{Permit, ReadProof},
    statement::Statement,
};

/// The answer about one statement.
#[derive(Debug)]
pub enum Verdict {
    /// It may run, once.
    Permit(Permit, Decision),
    /// It may run once somebody has approved it.
    Hold(Decision, Need),
    /// It may not. The SQLSTATE is the one to show to the client.
    Deny(Decision, &'static str),
}

/// Who asks, for what, and when.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub principal: &'a Principal,
    pub grant: &'a GrantInForce,
    pub resource: &'a Resource,
    /// What the session says it is for.
    pub purpose: Option<&'a str>,
    /// Time since 1970.
    pub wall: Duration,
}

impl Asking<'_> {
    /// What the client said last; else why the grant was asked for.
    #[must_use]
    pub fn purpose(&self) -> Option<&str> {
        self.purpose.or(self.grant.reason.as_deref())
    }

    /// Whether a program acts, for somebody or on its own: an AI agent or a service.
    #[must_use]
    pub fn is_program(&self) -> bool {
        is_program(self.principal)
    }
}

impl Policies {
    /// The policies that decide where none are configured.
    #[must_use]
    pub fn default_set() -> Arc<Self> {
        use std::sync::OnceLock;
        static DEFAULT: OnceLock<Arc<Policies>> = OnceLock::new();
        Arc::clone(DEFAULT.get_or_init(|| Arc::new(Self::of_the_program())))
    }

    #[expect(clippy::expect_used, reason = "the text is part of the program, and a test loads it")]
    fn of_the_program() -> Self {
        Self::load(DEFAULT_POLICY).expect("the default policy loads")
    }

    /// Decides. An approval is context: it answers what would be held, and nothing that is denied.
    #[must_use]
    pub fn decide(
        &self,
        asking: &Asking<'_>,
        statement: &Statement,
        id: StatementId,
        approved: Option<Approved<'_>>,
    ) -> Verdict {
        evaluate::evaluate(self, asking, statement, approved).verdict(statement, id, approved)
    }
}

impl Evaluated {
    /// What follows from it for one execution.
    #[must_use]
    pub fn verdict(&self, statement: &Statement, id: StatementId, approved: Option<Approved<'_>>) -> Verdict {
        let decision = |outcome, reason: &Reason| Decision {
            outcome,
            reasons: vec![reason.clone()],
            shadow: self.shadow.clone(),
            policy_digest: self.digest.clone(),
        };
        let reason = match (&self.denied, &self.held, approved) {
            (Some((reason, sqlstate)), ..) => {
                return Verdict::Deny(decision(Outcome::Deny, reason), sqlstate);
            }
            (None, Some((reason, need)), None) => {
                return Verdict::Hold(decision(Outcome::Hold, reason), need.clone());
            }
            (None, Some((held, _)), Some(approved)) => &by_approval(&held.policy, approved),
            (None, None, _) => &self.permitted,
        };
        // What a human has looked at is never sent before its record is durable.
        let looked_at = approved.is_some() || self.released;
        let proof = if looked_at { ReadProof::MayWrite } else { statement.proof };
        let permit = Permit::grant(id, self.obligations.clone(), proof);
        let mut decided = decision(Outcome::Permit(self.obligations.clone()), reason);
        match self.released {
            true => decided.reasons.clone_from(&self.by_leave),
            false => decided.reasons.extend(self.by_leave.iter().cloned()),
        }
        Verdict::Permit(permit, decided)
    }
}

/// Why something may happen that a policy would not let happen by itself; its object is the request.
fn by_approval(policy: &str, approved: Approved<'_>) -> Reason {
    Reason {
        code: ReasonCode::Approved,
        message: approved.in_words(),
        object: Some(approved.request().to_string()),
        hint: None,
        policy: policy.to_owned(),
    }
}

#[cfg(test)]
mod custom_tests;
#[cfg(test)]
mod tests;
