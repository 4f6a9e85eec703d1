//! `POST /v1/explain`: what would become of a text, without running anything of it.

use serde::{Deserialize, Serialize};

use super::Radius;
use crate::{
    decision::{Decision, OutcomeKind},
    grant::Action,
    label::Label,
    lineage::LineageReport,
};

/// Asks what would become of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainRequest {
    pub resource: String,
    /// One or more statements, as a client would send them on a new connection.
    pub sql: String,
    /// Schemas in the order of lookup; absent: those of a new connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_path: Option<Vec<String>>,
    /// Actions of the grant that is assumed. Empty: all that the principal may have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Name of the AI agent that would act for the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The task that the AI agent works on, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Why, as the grant that is assumed would have been asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the session would say that it is for (`connect.purpose`); absent: the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// A grant of the caller's own, bound to its certificate, in place of a sign-in: what holds is what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
}

/// What would become of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// `connect.explain/1`
    pub schema: String,
    pub resource: String,
    pub principal: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Actions of the grant that was assumed.
    pub actions: Vec<Action>,
    /// The strictest of the statements' outcomes: a text goes as a whole or not at all.
    pub outcome: OutcomeKind,
    /// SHA-256 of the policy set that decided, in hexadecimal.
    pub policy_digest: String,
    /// Major version of the server as text: `15`.
    pub server_version: String,
    /// In the order of the text; empty for an empty query.
    pub statements: Vec<ExplainedStatement>,
}

/// What would become of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedStatement {
    /// `select`, `update` …
    pub verb: String,
    pub kind: StatementKind,
    /// Whether it is proved to change nothing, locks and what a session keeps included.
    #[serde(default)]
    pub read_only: bool,
    pub decision: Decision,
    /// SQLSTATE that the client would get; absent if the statement is permitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// Columns that the client would see masked.
    pub masks: Vec<Mask>,
    /// Columns with labels that are read in clear.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clear: Vec<ClearColumn>,
    /// Rows that it leaves out, since they are hidden from whoever asks: `schema.table: condition`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden_rows: Vec<String>,
    /// Relations that it reads and writes, as `schema.name`.
    pub reads: Vec<String>,
    pub writes: Vec<String>,
    /// What it would touch; absent: it changes no rows, is denied, or nobody could look in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<Box<Radius>>,
    pub lineage: LineageReport,
}

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    Read,
    Write,
    SchemaChange,
    Privilege,
    Administration,
    Transaction,
    SessionControl,
}

/// One column with a label that is read in clear, since a rule shows it to the principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClearColumn {
    /// `schema.table.column`
    pub column: String,
    pub label: Label,
}

/// One column that is shown masked: which, how and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask {
    /// `schema.table.column`
    pub column: String,
    pub method: MaskMethod,
    /// Why: the class of the column.
    pub label: Label,
    pub place: MaskPlace,
}

/// Where a mask takes the value's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskPlace {
    /// In the rows of the result: the column is shown as it is stored and used for nothing else.
    Result,
    /// Where the database reads the column, so that whatever the statement computes, it computes with masks.
    Read,
}

/// How a value is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskMethod {
    /// By a keyed digest in the column's own type and format: equal values have equal masks.
    Keyed,
    /// The same for every value.
    Constant,
}
