//! Searching the log: what is asked and what is answered. Every row names the entries that it is made of
//! by their index, so that each can be proved.

use serde::{Deserialize, Serialize};

use crate::{
    decision::{OutcomeKind, ReasonCode},
    entry::{Entry, Leaf, PrincipalRef, StatementResult},
    ids::{RunId, SessionId, StatementId},
};

/// Most rows of one answer.
pub const MAX_ROWS: u32 = 1_000;
/// Longest text of one filter, in bytes.
pub const MAX_FILTER_BYTES: usize = 1_024;

/// What a row must be. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchFilter {
    /// Stable id or name of the principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Name of the AI agent that acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Relation that was read, written or objected to, as `schema.name` or `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Protected column that was masked or objected to, as `schema.table.column` or the end of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Label of a column that was masked, or the class that it belongs to (`pii`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<OutcomeKind>,
    /// Milliseconds since 1970-01-01T00:00:00Z, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Part of the normalised text of a statement, in any case of letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Kinds of entries: `intent`, `denial`, `grant_issued` …; none: all but heartbeats and texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

impl SearchFilter {
    /// Every text in it.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let single = [
            &self.principal,
            &self.actor,
            &self.resource,
            &self.table,
            &self.column,
            &self.label,
            &self.text,
        ];
        single.into_iter().flatten().chain(&self.kinds).map(String::as_str)
    }
}

/// Whose entries are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchScope {
    /// The caller's own.
    Own,
    /// Everybody's: for auditors.
    All,
}

/// In which order rows come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchOrder {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// `POST /v1/search`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    pub scope: SearchScope,
    #[serde(default)]
    pub filter: SearchFilter,
    #[serde(default)]
    pub order: SearchOrder,
    /// Only entries before this index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Only entries from this index on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// At most [`MAX_ROWS`].
    pub limit: u32,
    /// Where nothing is found: seconds to wait for something new, at most 20. Who waits is not shown entries
    /// about searches.
    #[serde(default)]
    pub wait: u8,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// `connect.search/1`
    pub schema: String,
    pub origin: String,
    /// Entries of the log that were looked through.
    pub indexed: u64,
    /// Entries that the log had signed by then; more than `indexed` if the index is behind.
    pub size: u64,
    pub rows: Vec<SearchRow>,
    /// Whether the limit cut the answer: ask again from the last row on.
    pub more: bool,
}

/// One statement with its end, or one other entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchRow {
    /// Index of its first entry.
    pub index: u64,
    /// Index of the OUTCOME of a statement that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_index: Option<u64>,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time: u64,
    /// The kind of its first entry.
    pub kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalRef>,
    /// The principal's name in the last grant before the index was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<StatementId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// The normalised text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<OutcomeKind>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<ReasonCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<StatementResult>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micros: Option<u64>,
    /// The entries themselves.
    pub entries: Vec<IndexedLeaf>,
}

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedLeaf {
    pub index: u64,
    pub leaf: Leaf,
}

/// What the index knows of a row beside its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowFacts {
    pub principal: Option<PrincipalRef>,
    pub name: Option<String>,
    pub resource: Option<String>,
    pub sql: Option<String>,
}

impl SearchRow {
    /// The row of an entry, and of the OUTCOME that belongs to it.
    #[must_use]
    pub fn new(first: IndexedLeaf, end: Option<IndexedLeaf>, facts: RowFacts) -> Self {
        let mut row = Self {
            index: first.index,
            end_index: end.as_ref().map(|end| end.index),
            time: first.leaf.time,
            kind: first.leaf.entry.kind().to_owned(),
            principal: facts.principal,
            name: facts.name,
            resource: facts.resource,
            statement: None,
            verb: None,
            sql: facts.sql,
            decision: None,
            reasons: Vec::new(),
            result: None,
            rows: None,
            micros: None,
            entries: Vec::new(),
        };
        match &first.leaf.entry {
            Entry::Intent(intent) => {
                row.statement = Some(intent.statement);
                row.verb = Some(intent.verb.clone());
                row.decision = Some(intent.decision.outcome.kind());
                row.reasons = intent.decision.reasons.iter().map(|reason| reason.code).collect();
            }
            Entry::Denial(denial) => {
                row.statement = Some(denial.statement);
                row.verb = Some(denial.verb.clone());
                row.decision = Some(denial.decision.outcome.kind());
                row.reasons = denial.decision.reasons.iter().map(|reason| reason.code).collect();
            }
            Entry::Explained { outcome, .. } => row.decision = Some(*outcome),
            _ => {}
        }
        if let Some(Entry::Outcome(outcome)) = end.as_ref().map(|end| &end.leaf.entry) {
            row.result = Some(outcome.result.clone());
            row.rows = Some(outcome.rows);
            row.micros = Some(outcome.micros);
        }
        row.entries = std::iter::once(first).chain(end).collect();
        row
    }
}
