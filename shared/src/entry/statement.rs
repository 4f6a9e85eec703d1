//! The entries of one statement: its INTENT and its OUTCOME, or its denial.

use serde::{Deserialize, Serialize};

use super::PrincipalRef;
use crate::{
    decision::Decision,
    ids::{ConnectionId, GrantId, RunId, SessionId, StatementId},
};

/// INTENT: durable before a write's first byte is sent, and before a read's first result byte leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub statement: StatementId,
    pub session: SessionId,
    pub connection: ConnectionId,
    pub principal: PrincipalRef,
    pub grant: GrantId,
    pub resource: String,
    /// `select`, `update` …
    pub verb: String,
    /// Reference to a [`super::Entry::StatementText`]; of a text without a normal form, its length in bytes.
    pub text: TextRef,
    /// Hexadecimal SHA-256 over salt, exact text and binds.
    pub commitment: String,
    /// Whether it was proved to be read-only.
    pub read_only: bool,
    /// Relations that it reads and writes, as `schema.name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// Its number among the INTENTs and denials of its connection, from 0 on: a number that is left out
    /// shows an entry that was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The task of the AI agent that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What the session says that it is for; absent: what its grant was asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Reference to a [`super::Entry::StatementLineage`]; absent where nothing stored is read or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    pub decision: Decision,
}

/// How an entry names the text of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextRef {
    Fingerprint(String),
    /// No normal form: length in bytes.
    Length(u64),
}

/// OUTCOME: appended before completion is relayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeEntry {
    pub statement: StatementId,
    pub result: StatementResult,
    /// Rows returned or changed.
    pub rows: u64,
    /// Bytes of rows sent to the client.
    pub bytes: u64,
    /// Columns shown masked, as `schema.table.column`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
    /// Of a COPY to or from the client: a hash of its data under a key of the agent, in hexadecimal. Equal ones say that
    /// what the one gave, after masks, is what the other took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    pub micros: u64,
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementResult {
    Done,
    /// The server's error, by SQLSTATE.
    Failed(String),
    /// The agent cut it: the reason code.
    Cut(String),
    /// The agent stopped before the end was known.
    Unknown,
}

/// A statement that was not let through. Durable before its error is returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    pub statement: StatementId,
    pub session: SessionId,
    pub connection: ConnectionId,
    pub principal: PrincipalRef,
    pub grant: GrantId,
    pub resource: String,
    pub verb: String,
    pub text: TextRef,
    pub commitment: String,
    /// Its number among the INTENTs and denials of its connection, from 0 on: a number that is left out
    /// shows an entry that was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The task of the AI agent that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What the session says that it is for; absent: what its grant was asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    pub decision: Decision,
}

/// What the agent looks for on a connection of its own, before a statement runs: how many rows it would touch.
/// Nothing of the statement is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideLook {
    /// Whose statements they are.
    pub principal: PrincipalRef,
    /// The statements, in order.
    pub texts: Vec<TextRef>,
    /// The condition of one of them is planned as a query, and counted where that is cheap. Else only the catalog
    /// is asked.
    pub plans: bool,
}
