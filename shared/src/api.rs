//! The control API's bodies: JSON over HTTPS on the agent's TCP port. Fields are only ever added.
//!
//! | method and path | caller | answer |
//! |---|---|---|
//! | `GET /v1/agent` | anyone | [`AgentInfo`] |
//! | `GET /v1/resources` | `Authorization: Bearer <id token>` | [`ResourceList`] |
//! | `POST /v1/grants` [`GrantRequest`] | id token and a client certificate | [`GrantResponse`] |
//! | `POST /v1/grants` [`GrantRequest`] with [`HandOn`] | a grant of an AI agent and its client certificate, no id token | [`GrantResponse`]: a part of that grant for another one |
//! | `POST /v1/explain` [`ExplainRequest`] | as for a grant | [`Explanation`] |
//! | `POST /v1/runs/{run}/end` [`RunEnd`] | id token; one's own run | [`RunAttestation`] |
//! | `POST /v1/requests` [`AccessWish`] | as for a grant | [`RequestInfo`] |
//! | `GET /v1/requests` | id token; one's own, and those that one may decide | [`RequestList`] |
//! | `GET /v1/requests/{id}?wait=SECONDS` | the same | [`RequestInfo`], at the latest when it is decided |
//! | `POST /v1/requests/{id}/verdict` [`VerdictWish`] | as for a grant; approvers, or to withdraw one's own | [`RequestInfo`] |
//! | `POST /v1/revocations` [`RevocationRequest`] | id token; one's own sessions, `[grants] revokers` | [`RevocationAnswer`] |
//! | `POST /v1/back-channel-logout` | a logout token of an identity provider | as in OpenID Connect Back-Channel Logout 1.0 |
//! | `POST /v1/events` | a security event token of a `[[signals]]` transmitter | as in RFC 8935 |
//! | `GET /v1/receipts/last?connection=` , `GET /v1/receipts/{statement}` | id token; one's own statements | `text/plain`, a `c2sp.org/tlog-proof@v1` |
//! | `GET /v1/receipts/entry/{index}` | id token; one's own entries, auditors | the same of any entry |
//! | `POST /v1/search` [`SearchRequest`] | id token; one's own entries, auditors | [`SearchAnswer`] |
//! | `POST /v1/reconcile` [`ReconcileRequest`] | id token; auditors | [`Reconciliation`] |
//! | `POST /v1/text` [`TextRequest`] | id token; `[log] text_readers` | [`TextAnswer`] |
//! | `POST /v1/lineage` [`LineageQuestion`] | id token; one's own statements, auditors | [`LineageAnswer`] |
//! | `GET /log/consistency?from=` | anyone | how the log grew: hashes in base64, an empty line, the checkpoint |
//! | `GET /log/checkpoint` | anyone | signed note |
//! | `GET /log/tile/…` | id token; auditors | C2SP tlog-tiles |
//! | `GET /healthz`, `GET /readyz` | anyone | 200, or 503 with an [`crate::error::ErrorReport`] |
//!
//! Every error is an [`crate::error::ErrorReport`].

mod explain;
mod lineage;
mod radius;
mod reconcile;
mod requests;
mod search;
mod text;

use serde::{Deserialize, Serialize};

pub use self::{
    explain::{
        ClearColumn, ExplainRequest, ExplainedStatement, Explanation, Mask, MaskMethod, MaskPlace,
        StatementKind,
    },
    lineage::{
        Flow, LineageAnswer, LineageDirection, LineageEdge, LineageGap, LineageKind, LineageNode,
        LineageQuestion, MAX_DEPTH, Moment, Named, NodeKind,
    },
    radius::{CascadeEffect, CascadedTable, HowKnown, Radius, TouchedTable},
    reconcile::{ForeignSession, ForeignStatements, ReconcileRequest, Reconciliation, StatementCount},
    requests::{
        AccessWish, AnyValues, HeldStatement, LabelledColumn, RequestInfo, RequestList, VerdictInfo,
        VerdictWish,
    },
    search::{
        IndexedLeaf, MAX_FILTER_BYTES, MAX_ROWS, RowFacts, SearchAnswer, SearchFilter, SearchOrder,
        SearchRequest, SearchRow, SearchScope,
    },
    text::{MAX_TEXT_REASON, TextAnswer, TextRequest, text_commitment},
};
use crate::{
    attest::{Envelope, FileFact, Folder},
    engine::Engine,
    grant::{Action, BudgetPart, RunIdentity},
    ids::{GrantId, SessionId},
};

/// What an agent tells before anyone signs in: enough to sign in, and no resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInfo {
    /// `connect.agent/1`
    pub schema: String,
    pub name: String,
    pub version: String,
    pub identity: IdentityInfo,
    /// Other identity providers, for those who are not people of the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_identities: Vec<OtherIdentity>,
    pub log: LogInfo,
}

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityInfo {
    pub issuer: String,
    pub client_id: String,
    pub scopes: Vec<String>,
}

/// Another identity provider; its people and groups are known here as `name/…`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherIdentity {
    pub name: String,
    #[serde(flatten)]
    pub identity: IdentityInfo,
}

/// How to check the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInfo {
    pub origin: String,
    /// Verifier key of a signed note: `name+hash+base64`.
    pub verifier_key: String,
    /// What a loss of power may take: `strict` for nothing that somebody waited for, or how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
}

/// What a principal may open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceList {
    /// `connect.resources/1`
    pub schema: String,
    pub resources: Vec<ResourceInfo>,
}

/// One resource as its principal sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceInfo {
    pub name: String,
    pub engine: Engine,
    /// Major version of the server as text, where the agent has reached it: `15`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    pub database: String,
    /// `production` or `development`.
    pub class: String,
    pub actions: Vec<Action>,
    /// What may be done there once somebody has approved it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_request: Vec<Action>,
    /// Who may approve, in words; empty: nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// How many columns are shown masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_columns: Option<u64>,
}

/// Asks for a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    pub resource: String,
    /// Empty: all that the principal may have.
    #[serde(default)]
    pub actions: Vec<Action>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Name of the AI agent that acts for the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The run that the session is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunIdentity>,
    /// The task that the AI agent works on, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The tables that it is wanted for: `schema.table` or `schema.*`; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// Set where an AI agent hands a part of its own grant on: then nobody signs in, and the tunnel's key is the
    /// proof that the grant is the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hand_on: Option<Box<HandOn>>,
}

/// Hands a part of a grant on. `actor` of the request is the AI agent that gets it, below the one that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOn {
    /// The grant of the caller.
    pub grant: String,
    /// `x5t#S256` of the certificate of the one that gets it.
    pub certificate: String,
    /// For how long at most; never longer than the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// What it may take of the caller's budget.
    #[serde(default)]
    pub budget: BudgetPart,
}

/// Ends a run: what its files are, by the word of whoever ran it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEnd {
    pub inputs: Vec<FileFact>,
    pub outputs: Vec<FileFact>,
    /// The files of each folder among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folders: Vec<Folder>,
    /// Resources whose sessions were over before the command was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// Exit status of the command.
    pub status: u8,
}

/// Ends sessions: those of a principal, one, or all of the caller's own. Exactly one of the three is named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevocationRequest {
    /// By name, or by stable id at the agent's own identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default)]
    pub mine: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For how long a principal is kept out: an hour unless it says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Lets the principal in again, who was kept out for a time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lift: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationAnswer {
    /// `connect.revocation/1`
    pub schema: String,
    /// How many sessions are ended.
    pub sessions: u64,
    /// Until when the principal is kept out: seconds since 1970-01-01T00:00:00Z.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Whether the principal may come in again: nobody else keeps them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<bool>,
}

/// What the agent saw of a run, signed by it: an in-toto statement with a [`crate::attest::RunPredicate`]. A run
/// that failed has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAttestation {
    /// `connect.attestation/1`
    pub schema: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantResponse {
    /// `connect.grant/1`
    pub schema: String,
    pub id: GrantId,
    /// The signed JWT.
    pub grant: String,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub expires_at: u64,
    pub principal: String,
    pub resource: ResourceInfo,
}
