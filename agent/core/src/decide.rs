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
    approval::Approved,
    principal::{GrantInForce, Principal, Resource},
    record::{Permit, ReadProof},
    statement::{Protection, Statement},
};

use self::rules::Objection;

/// The default policy in words. Its digest stands in every decision.
pub const DEFAULT_POLICY: &str = include_str!("decide/default_policy.txt");

/// The answer about one statement.
#[derive(Debug)]
pub enum Verdict {
    /// It may run, once.
    Permit(Permit, Decision),
    /// It may run once somebody has approved it.
    Hold(Decision),
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

/// Decides by the default policy. An approval is context: it answers what would be held, and nothing that is
/// denied.
#[must_use]
pub fn decide(
    principal: &Principal,
    grant: &GrantInForce,
    resource: &Resource,
    statement: &Statement,
    id: StatementId,
    approved: Option<Approved<'_>>,
) -> Verdict {
    let reason = match (rules::objection(principal, grant, resource, statement), approved) {
        (Some(Objection::Deny(reason, sqlstate)), _) => {
            return Verdict::Deny(decision(Outcome::Deny, reason), sqlstate);
        }
        (Some(Objection::Hold(reason)), None) => return Verdict::Hold(decision(Outcome::Hold, reason)),
        (Some(Objection::Hold(reason)), Some(approved)) => by_approval(reason, approved),
        (None, _) => granted(statement),
    };
    let obligations = obligations(statement);
    // What a human has looked at is never sent before its record is durable.
    let proof = if approved.is_some() { ReadProof::MayWrite } else { statement.proof };
    let permit = Permit::grant(id, obligations.clone(), proof);
    Verdict::Permit(permit, decision(Outcome::Permit(obligations), reason))
}

fn by_approval(held: Reason, approved: Approved<'_>) -> Reason {
    let request = approved.request().to_string();
    Reason {
        code: ReasonCode::Approved,
        message: format!("approved by {} in {request}", approved.by()),
        object: Some(request),
        hint: None,
        ..held
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
