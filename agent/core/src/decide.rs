//! Decides about one statement: (principal, grant, resource, statement) → [`Verdict`]. The only place
//! that makes a [`Permit`].

use connect_shared::{decision::Decision, ids::StatementId};

use crate::{
    principal::{GrantInForce, Principal, Resource},
    record::Permit,
    statement::Statement,
};

/// The answer about one statement.
#[derive(Debug)]
pub enum Verdict {
    /// It may run, once.
    Permit(Permit, Decision),
    /// It may not. The SQLSTATE is the one to show to the client.
    Deny(Decision, &'static str),
}

/// Decides by the default policy.
#[must_use]
pub fn decide(
    _principal: &Principal,
    _grant: &GrantInForce,
    _resource: &Resource,
    _statement: &Statement,
    _id: StatementId,
) -> Verdict {
    let decision = Decision {
        outcome: connect_shared::decision::Outcome::Deny,
        reasons: Vec::new(),
        policy_digest: String::new(),
    };
    Verdict::Deny(decision, "42501")
}
