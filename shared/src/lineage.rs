//! Lineage of a statement in names, for people and programs outside of the agent: what comes out, what
//! each column is computed from, and what decided about its rows. `connect explain` and
//! `connect-agent analyze` show it; the rules are those of `connect-core`'s `lineage` module.
//!
//! Columns are `schema.table.column`, tables `schema.table`, functions `schema.name(type, …)`. A part that
//! holds a dot or a double quote stands in double quotes, as in SQL.

use serde::{Deserialize, Serialize};

use crate::label::Label;

/// How a reason begins that tells of something unknown which gets another name.
pub const UNKNOWN_RENAME: &str = "changed: what is renamed is not known, ";

/// Lineage of one statement, or of all statements of a text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageReport {
    /// What comes out, in the order of the statement: the result first, then each written table.
    pub outputs: Vec<OutputReport>,
    /// Columns that decide which rows, groups, order or branch.
    pub indirect: Vec<String>,
    /// Every stored column that is read for whatever purpose.
    pub reads: Vec<String>,
    /// Functions that are called, those behind operators and casts included.
    pub functions: Vec<String>,
    pub status: UnderstandingStatus,
    /// Why it is not complete, as `kind: what`; empty if it is.
    pub reasons: Vec<String>,
    /// Tables that get another name or schema, and columns that get another name. Nothing is read or written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renames: Vec<RenameReport>,
    /// Rows that are in two tables: those of partitions, and of children by inheritance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<PartReport>,
}

/// A table that gets another name or schema, or one whose columns get other names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenameReport {
    pub from: String,
    pub to: String,
    /// Its OID; absent for one that the session itself has made and that was not read from the server yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<u32>,
    /// Of a table that gets another name all of them.
    pub columns: Vec<RenamedColumn>,
}

/// What is in one table is seen in another one: a part that was written, in what it is a part of; what a part is read
/// of, in the part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReport {
    pub from: String,
    pub to: String,
    /// Their OIDs, where the server's are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_oid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_oid: Option<u32>,
    /// Whether the statement writes to the one, and so to the other.
    pub written: bool,
    pub columns: Vec<PartColumn>,
}

/// A column of two tables. Its name is the same in both, its numbers need not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartColumn {
    pub name: String,
    pub from: i16,
    pub to: i16,
}

/// A column under its two names, which may be the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenamedColumn {
    /// In its table.
    pub number: i16,
    pub from: String,
    pub to: String,
}

/// How much is understood.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnderstandingStatus {
    /// Everything.
    #[default]
    Complete,
    /// What is there is true; something more may flow.
    Partial,
    /// Nothing.
    Opaque,
}

impl UnderstandingStatus {
    /// The name in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Opaque => "opaque",
        }
    }
}

/// One thing that comes out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputReport {
    pub kind: OutputKind,
    /// The table that is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The statement makes this table; it was not there before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub created: bool,
    pub columns: Vec<OutputColumnReport>,
}

/// Where an output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    /// Rows to the client.
    Result,
    Table,
    /// A file or program of the server.
    File,
}

/// One column of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputColumnReport {
    pub name: String,
    /// As SQL writes it; absent where it is not known.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    /// Columns whose value can flow into this one.
    pub direct: Vec<String>,
    /// The stored column that this is, passed on as it is; absent for whatever is computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The label for which the client sees it masked; only `connect explain` knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<Label>,
}

/// Which column a name meant: by what stays when names change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnFact {
    /// The OID of its table.
    pub table: u32,
    /// Its number in the table.
    pub number: i16,
    /// Its label at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
}
