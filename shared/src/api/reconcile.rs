//! Holding the log against a database: what is logged in there, and what has run there, that did not come
//! through the agent. Texts are normal forms: no literal of anybody is in an answer.

use serde::{Deserialize, Serialize};

/// `POST /v1/reconcile`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReconcileRequest {
    pub resource: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciliation {
    /// `connect.reconciliation/1`
    pub schema: String,
    pub resource: String,
    /// Its name at its server.
    pub database: String,
    /// The log's origin.
    pub origin: String,
    /// Entries of the log that were looked through.
    pub indexed: u64,
    /// When the server was asked, by the agent's clock: milliseconds since 1970-01-01T00:00:00Z.
    pub time: u64,
    /// The account with which the agent logs in there.
    pub account: String,
    /// Sessions of the agent that are open.
    pub own_sessions: u64,
    /// Sessions that are open and are not the agent's.
    pub sessions: Vec<ForeignSession>,
    pub statements: ForeignStatements,
}

/// Somebody who is logged in at the database and did not come through the agent. Names are their own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignSession {
    pub process: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Milliseconds since 1970-01-01T00:00:00Z, by the agent's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Its last statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
}

/// What `pg_stat_statements` knows and the log does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignStatements {
    /// Why nothing was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// Since when the server counts: milliseconds since 1970-01-01T00:00:00Z, by the agent's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Statements of the server that were compared.
    pub compared: u64,
    /// Statements that ran more often than the log says, most first.
    pub found: Vec<StatementCount>,
    /// Statements under the agent's account that no entry explains.
    pub unexplained: Vec<StatementCount>,
    /// Texts of its own that read no table: questions to the catalog and settings.
    #[serde(default)]
    pub own: u64,
    /// Texts that have the form of the samples that labels are found by: beginnings of values. Whoever has the
    /// password of the agent's account can ask so, too.
    #[serde(default)]
    pub samples: u64,
    /// Texts that read masks where their entries have columns. They ran no more often than entries are left that
    /// no other text explains.
    #[serde(default)]
    pub rewritten: u64,
    /// The server has more statements, and those that ran least were not looked at.
    #[serde(default)]
    pub cut: bool,
    /// How often the server has forgotten those that ran least, since it counts: they were not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<u64>,
    /// Statements under the agent's account that no entry explains, where the server counts since before the
    /// first entry that is kept, or does not say since when: they may have been in what was pruned. None of them
    /// is in a list.
    #[serde(default)]
    pub before_log: u64,
    /// Whether there are more of either than were given.
    pub more: bool,
}

impl ForeignStatements {
    /// Whether all was looked at that the server remembers, and the log explains it.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.found.is_empty() && self.unexplained.is_empty() && !self.cut && self.before_log == 0
    }
}

/// How often a statement ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementCount {
    pub role: String,
    /// So often, by the server.
    pub calls: u64,
    /// So often, by the log.
    pub recorded: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
}
