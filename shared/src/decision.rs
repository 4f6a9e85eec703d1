//! Decisions: what was decided about a statement, and why. The same reason code reaches the SQL client,
//! the CLI's JSON error, the entry and `connect explain`.

use serde::{Deserialize, Serialize};

use crate::label::Label;

/// Why a rule spoke. One code for one cause, stable across releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// Within the grant, and no rule objects.
    Granted,
    /// The grant does not carry the action.
    NotGranted,
    /// UPDATE or DELETE without a condition, or with one that is always true.
    UnboundedWrite,
    /// DROP, TRUNCATE, and whatever else destroys more than rows it names.
    Destructive,
    /// A change of schema.
    SchemaChange,
    /// GRANT, REVOKE, roles, ownership.
    Privilege,
    /// Administration of the server: ALTER SYSTEM, VACUUM FULL, LOCK, pg_terminate_backend …
    Administration,
    /// A read of a protected column that is not a plain projection, so that a mask cannot hold it.
    ProtectedExpression,
    /// A protected column decides which rows are read or written.
    ProtectedCondition,
    /// Protected values would be written elsewhere.
    ProtectedCopy,
    /// A write that would test stored protected values (unique, referenced, arbiter).
    ProtectedProbe,
    /// A mask would be written over the value that it stands for.
    MaskedValue,
    /// More clear values would be looked up than one may.
    LookupBudget,
    /// The AI agents of a principal have taken what they may.
    ActorBudget,
    /// A catalog or statistic that holds values of protected columns.
    ValueBearingCatalog,
    /// Code that the text does not show.
    Opaque,
    /// Not understood: parse failure, unknown node or object, grammar newer than the server's.
    NotUnderstood,
    /// Over a limit on bytes, tokens or depth.
    TooLarge,
    /// A session setting that would weaken masking or the record.
    UnsafeSetting,
    /// It could leave the role that the connection has, or runs code that could.
    LeavesRole,
    /// The result description disagrees with the analysis.
    OriginMismatch,
    /// The record cannot be written.
    RecordUnavailable,
    /// The grant is over, or was revoked.
    GrantEnded,
    /// Somebody who may has approved this very statement.
    Approved,
    /// It was held, and whoever may approve has said no.
    Rejected,
    /// It was held, and nobody has decided in time.
    NotDecided,
    /// It was held, and whoever sent it took it back.
    Withdrawn,
    /// Approvals cannot be asked for now.
    ApprovalsUnavailable,
    /// A policy of this agent forbids it; its id and words say why.
    Policy,
    /// More rows than a statement may give.
    LimitRows,
    /// More rows than a statement may change, or so many that nobody can say how many.
    LimitChange,
    /// It took longer than a statement may.
    LimitTime,
    /// More rows or bytes than its principal may have within an hour.
    LimitHour,
    /// Rows of more different persons than its principal may see within an hour or a day.
    LimitPersons,
    /// A value that must never leave was on its way to the client.
    Canary,
    /// Rows that are hidden from its principal would be changed, or could not be left out.
    HiddenRows,
}

impl ReasonCode {
    /// SQLSTATE that carries the code to a SQL client. `42501` insufficient privilege, `0A000` feature not
    /// supported, `54000` program limit exceeded, `58030` I/O error, `28000` invalid authorization:
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    #[must_use]
    pub const fn sqlstate(self) -> &'static str {
        match self {
            Self::NotUnderstood | Self::Opaque => "0A000",
            Self::TooLarge
            | Self::LookupBudget
            | Self::ActorBudget
            | Self::LimitRows
            | Self::LimitChange
            | Self::LimitHour
            | Self::LimitPersons => "54000",
            Self::RecordUnavailable => "58030",
            Self::GrantEnded => "28000",
            Self::Withdrawn | Self::NotDecided | Self::LimitTime => "57014",
            _ => "42501",
        }
    }

    /// The name in JSON, entries and `DETAIL`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::NotGranted => "not_granted",
            Self::UnboundedWrite => "unbounded_write",
            Self::Destructive => "destructive",
            Self::SchemaChange => "schema_change",
            Self::Privilege => "privilege",
            Self::Administration => "administration",
            Self::ProtectedExpression => "protected_expression",
            Self::ProtectedCondition => "protected_condition",
            Self::ProtectedCopy => "protected_copy",
            Self::ProtectedProbe => "protected_probe",
            Self::MaskedValue => "masked_value",
            Self::LookupBudget => "lookup_budget",
            Self::ActorBudget => "actor_budget",
            Self::ValueBearingCatalog => "value_bearing_catalog",
            Self::Opaque => "opaque",
            Self::NotUnderstood => "not_understood",
            Self::TooLarge => "too_large",
            Self::UnsafeSetting => "unsafe_setting",
            Self::LeavesRole => "leaves_role",
            Self::OriginMismatch => "origin_mismatch",
            Self::RecordUnavailable => "record_unavailable",
            Self::GrantEnded => "grant_ended",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::NotDecided => "not_decided",
            Self::Withdrawn => "withdrawn",
            Self::ApprovalsUnavailable => "approvals_unavailable",
            Self::Policy => "policy",
            Self::LimitRows => "limit_rows",
            Self::LimitChange => "limit_change",
            Self::LimitTime => "limit_time",
            Self::LimitHour => "limit_hour",
            Self::LimitPersons => "limit_persons",
            Self::Canary => "canary",
            Self::HiddenRows => "hidden_rows",
        }
    }
}

/// One reason of a decision. `message` and `hint` are for people and name objects, never values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Id of the rule that spoke, for example `default/unbounded-write`.
    pub policy: String,
    pub code: ReasonCode,
    /// The table or column it is about, as `schema.table` or `schema.table.column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What and why, without final period.
    pub message: String,
    /// What to do next: a statement that would pass, or the request to make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a permitted statement is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obligation {
    /// Values of this column reach the client only as masks.
    Mask { column: String, label: Label },
    /// The statement reads this column in clear: a rule shows it to this principal.
    Show { column: String, label: Label },
    /// It gives at most so many rows, all that are fetched from one cursor together.
    LimitRows { most: u64, policy: String },
    /// It changes at most so many rows, or none.
    LimitChange { most: u64, policy: String },
    /// It runs for at most so many milliseconds.
    LimitTime { most: u64, policy: String },
    /// What its principal is given within an hour, by all statements that this policy permits.
    LimitHour {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        policy: String,
    },
    /// How many different persons its principal is given rows of, by all statements that this policy permits.
    LimitPersons {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hour: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        day: Option<u64>,
        policy: String,
    },
    /// Keep what is needed to reverse the change.
    Undoable,
}

/// Deny beats hold beats permit; the default is deny.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Deny,
    Hold,
    Permit(Vec<Obligation>),
}

/// An outcome without what it is bound to, the strictest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    Deny,
    Hold,
    Permit,
}

impl Outcome {
    /// Which of the three it is.
    #[must_use]
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Deny => OutcomeKind::Deny,
            Self::Hold => OutcomeKind::Hold,
            Self::Permit(_) => OutcomeKind::Permit,
        }
    }
}

/// What was decided about one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub outcome: Outcome,
    pub reasons: Vec<Reason>,
    /// What policies in shadow mode would have said; they change nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<Reason>,
    /// SHA-256 of the policy set that decided, in hexadecimal.
    pub policy_digest: String,
}

impl Decision {
    /// Whether the statement may run.
    #[must_use]
    pub const fn is_permit(&self) -> bool {
        matches!(self.outcome, Outcome::Permit(_))
    }

    /// As an entry holds it where a text could not be parsed. Whoever sent the text is told which word of it the
    /// parser met; to the log that may be a password, and it has only what kind of error it was.
    #[must_use]
    pub fn without_quotes(mut self) -> Self {
        for reason in &mut self.reasons {
            let what = reason.message.split('"').next().unwrap_or_default();
            let what = what.trim_end().trim_end_matches("at or near").trim_end().to_owned();
            reason.message = what;
            reason.object = None;
            reason.hint = None;
        }
        self
    }
}
