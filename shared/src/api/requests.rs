//! `/v1/requests`: asking for access, and deciding about what others ask for.

use serde::{Deserialize, Serialize};

use super::Radius;
use crate::{
    grant::Action,
    ids::RequestId,
    label::Label,
    request::{RequestKind, RequestState},
};

/// Asks for access to a resource, or for one of the other things that are named in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessWish {
    pub resource: String,
    /// Empty: all that one may ask for.
    #[serde(default)]
    pub actions: Vec<Action>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Name of the AI agent that would act for the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// For how long it is wanted, in seconds; absent: as long as the agent usually gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// Not access, but to see these columns in clear: `schema.table.column`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmask: Vec<String>,
    /// Not access, but that what these rules would hold does not wait: ids of policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Not access, but that nothing waits, from now on and for a short time: it is reviewed afterwards.
    #[serde(default, skip_serializing_if = "is_false")]
    pub break_glass: bool,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub enum VerdictWish {
    /// `binding` is what the approver was shown: another one approves nothing.
    Approve {
        binding: String,
        /// The statement in its form with any values, instead of as it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        any_values: Option<AnyValues>,
    },
    Reject {
        #[serde(default)]
        reason: Option<String>,
    },
    /// By whoever asked.
    Withdraw,
}

/// How far a statement is approved with any values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnyValues {
    /// For how long, in seconds; absent: as long as one run would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// How many runs; absent: ten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
}

/// Requests that concern a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestList {
    /// `connect.requests/1`
    pub schema: String,
    /// The newest first.
    pub requests: Vec<RequestInfo>,
}

/// One request, as far as whoever asks may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestInfo {
    /// `connect.request/1`
    pub schema: String,
    pub id: RequestId,
    pub kind: RequestKind,
    pub state: RequestState,
    pub resource: String,
    /// The name that people read of whoever asks.
    pub principal: String,
    /// The AI agent that acts for the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who may decide, in words.
    pub approvers: Vec<String>,
    /// Whether it is the caller's own.
    pub own: bool,
    /// Whether the caller may decide it now.
    pub to_decide: bool,
    /// For access.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// For access: for how long, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// For a statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<HeldStatement>,
    /// Columns that are to be seen in clear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<LabelledColumn>,
    /// Rules whose statements need not wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// How many different persons must approve that; absent: one. Of a statement it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvals: Option<u32>,
    /// Runs that are left of a statement that was approved with any values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_left: Option<u32>,
    /// Digest of everything that an approval holds for.
    pub binding: String,
    /// Seconds since 1970.
    pub created_at: u64,
    /// Until when it can be decided; behind an approval, until when that can be used.
    pub expires_at: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<VerdictInfo>,
    /// Its page at the agent, if that has a console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl RequestInfo {
    /// How many different persons must approve it.
    #[must_use]
    pub fn needs(&self) -> u32 {
        self.statement.as_ref().map_or_else(|| self.approvals.unwrap_or(1), |statement| statement.approvals)
    }
}

/// A verdict that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictInfo {
    /// `approved`, `rejected` or `withdrawn`
    pub verdict: RequestState,
    /// The name that people read.
    pub by: String,
    /// Seconds since 1970.
    pub at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A statement that waits for an approval, as its approver sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldStatement {
    /// The exact text; absent in lists, and if the agent does not have it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The normal form, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalized: Option<String>,
    /// `delete`, `drop table` … of each statement of the text.
    pub verbs: Vec<String>,
    /// Values are bound to it beside the text: the approval holds for these and no others.
    pub with_parameters: bool,
    /// These values, each as people read it, in their order; empty if the agent does not have them any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<String>,
    /// Relations, as `schema.name`.
    pub reads: Vec<String>,
    pub writes: Vec<String>,
    /// Columns of these relations that hold protected values.
    pub labelled: Vec<LabelledColumn>,
    /// Who may approve it, as `group:X` and `principal:X`; empty: the approvers of the resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub who: Vec<String>,
    /// How many different persons must approve it.
    #[serde(default = "one")]
    pub approvals: u32,
    /// How long it can be run then, in seconds; absent: as the agent is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// Whether it may be approved in this form with any values, for several runs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub any_values: bool,
    /// Why it is held: the rule, and what it says.
    pub policy: String,
    pub why: String,
    /// What it would touch; absent: it changes no rows, or nobody could look in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<Box<Radius>>,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A column that holds protected values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelledColumn {
    /// `schema.table.column`
    pub column: String,
    pub label: Label,
}
