//! Decides about one statement: (principal, grant, resource, statement) → [`Verdict`]. The only place
//! that makes a [`Permit`].
//!
//! The rules are the default policy, described in [`DEFAULT_POLICY`] and written out in [`rules`].

mod rules;

use std::sync::OnceLock;

use connect_shared::{
    decision::{Decision, Obligation, Outcome, Reason, ReasonCode},
    ids::StatementId,
};

use crate::{
    principal::{GrantInForce, Principal, Resource},
    record::Permit,
    statement::{Protection, Statement},
};

/// The default policy in words. Its digest stands in every decision.
pub const DEFAULT_POLICY: &str = include_str!("decide/default_policy.txt");

/// The answer about one statement.
#[derive(Debug)]
pub enum Verdict {
    /// It may run, once.
    Permit(Permit, Decision),
    /// It may not. The SQLSTATE is the one to show to the client.
    Deny(Decision, &'static str),
}

/// SHA-256 of the policy that decides, in hexadecimal.
#[must_use]
pub fn policy_digest() -> &'static str {
    static DIGEST: OnceLock<String> = OnceLock::new();
    DIGEST.get_or_init(|| {
        use std::fmt::Write as _;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, DEFAULT_POLICY.as_bytes());
        digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _infallible = write!(text, "{byte:02x}");
            text
        })
    })
}

/// Decides by the default policy.
#[must_use]
pub fn decide(
    principal: &Principal,
    grant: &GrantInForce,
    resource: &Resource,
    statement: &Statement,
    id: StatementId,
) -> Verdict {
    match rules::denial(principal, grant, resource, statement) {
        Some((reason, sqlstate)) => Verdict::Deny(decision(Outcome::Deny, reason), sqlstate),
        None => {
            let obligations = obligations(statement);
            let permit = Permit::grant(id, obligations.clone(), statement.proof);
            Verdict::Permit(permit, decision(Outcome::Permit(obligations), granted(statement)))
        }
    }
}

fn decision(outcome: Outcome, reason: Reason) -> Decision {
    Decision { outcome, reasons: vec![reason], policy_digest: policy_digest().to_owned() }
}

fn granted(statement: &Statement) -> Reason {
    Reason {
        policy: rules::permitting(statement.kind).to_owned(),
        code: ReasonCode::Granted,
        object: None,
        message: "within the grant".to_owned(),
        hint: None,
    }
}

fn obligations(statement: &Statement) -> Vec<Obligation> {
    let (Protection::Projection { columns } | Protection::Masked { columns, .. }) = &statement.protection
    else {
        return Vec::new();
    };
    columns
        .iter()
        .map(|column| Obligation::Mask { column: column.name.clone(), label: column.label })
        .collect()
}

#[cfg(test)]
mod tests;
