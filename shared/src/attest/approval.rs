//! Approvals: who allowed what a run read or wrote, and where the log says so.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{decision::ReasonCode, entry::Intent, grant::Action, ids::RequestId, request::RequestKind};

/// A request that was approved, and what was done by that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub request: RequestId,
    /// For one statement, or for access to the resource for a time.
    pub of: RequestKind,
    pub resource: String,
    /// Everybody who approved it. Empty: the log no longer has those entries.
    pub by: Vec<Approver>,
}

/// One who approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// The name that people read.
    pub name: String,
    pub sub: String,
    pub idp: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Milliseconds since 1970-01-01T00:00:00Z, by the agent's clock, and the index of the entry.
    pub time: u64,
    pub index: u64,
}

/// Access that somebody approved, by what it lets do.
pub type ApprovedAccess = BTreeMap<Action, RequestId>;

/// The approvals without which a statement would not have run: its own, and those behind the access of its grant.
#[must_use]
pub fn behind(intent: &Intent, access: Option<&ApprovedAccess>) -> Vec<RequestId> {
    let own = intent.decision.reasons.iter().filter(|reason| reason.code == ReasonCode::Approved);
    let own = own.filter_map(|reason| reason.object.as_ref()?.parse().ok());
    let used = |action: &Action| *action == Action::Read || !intent.read_only;
    let access = access.into_iter().flatten().filter(|(action, _)| used(action));
    let mut all: Vec<RequestId> = own.chain(access.map(|(_, request)| *request)).collect();
    all.sort_unstable();
    all.dedup();
    all
}
