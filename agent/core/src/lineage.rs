//! What a statement computes from what: lineage by column, as neutral facts. Made by
//! `understand::bind`; read by masking, policy, the log, `connect explain` and `connect-agent analyze`.
//!
//! The rules are OpenLineage's split. *Direct*: columns whose value can flow into an output's value.
//! *Indirect*: columns that decide which rows, groups, order or branch. It is never silently wrong: what
//! is not understood lowers [`Status`] and is named by a [`Gap`].

mod names;
mod parts;
mod report;

use std::collections::BTreeSet;

pub(crate) use self::parts::wholes;
pub use self::{
    names::{Names, part},
    parts::Part,
    report::merge,
};
use crate::catalog::{Oid, code::Name};

/// A stored column: (table or materialized view OID, attribute number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnId {
    pub relation: Oid,
    /// `pg_attribute.attnum`; negative for system columns such as `ctid`.
    pub number: i16,
}

/// Stored columns, each once, in order.
pub type Columns = BTreeSet<ColumnId>;

/// Lineage of one statement.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lineage {
    /// What comes out: the result first if there is one, then each table that is written.
    pub outputs: Vec<Output>,
    /// One set a statement: what decides which rows, groups, order or branch.
    pub indirect: Columns,
    /// Every stored column that is read for whatever purpose; direct and indirect ones are among them.
    pub reads: Columns,
    /// Relations that are named, views and what is behind them included.
    pub relations: BTreeSet<Oid>,
    /// Functions that are called, by OID, those behind operators and casts included.
    pub functions: BTreeSet<Oid>,
    pub status: Status,
    /// Why it is not complete; empty if it is.
    pub gaps: Vec<Gap>,
    pub renames: Renames,
}

/// What gets another name or schema: no value moves, but whoever follows a table by its name has to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renames {
    pub known: Vec<Rename>,
    /// What gets another name of which nobody knows which table it is, as it is written.
    pub unknown: Vec<String>,
    /// What becomes a part of something.
    pub parts: Vec<Part>,
    /// A name was not found, or a schema may have more than is known: a newer snapshot may show it.
    pub missing: bool,
}

impl Renames {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unknown.is_empty() && self.parts.is_empty()
    }
}

/// A table that gets another name or schema, or one that has a column which gets another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    pub relation: Oid,
    /// Schema and name, before and after.
    pub from: (Name, Name),
    pub to: (Name, Name),
    /// By number, with both names. Of a table that gets another name all of them.
    pub columns: Vec<(i16, Name, Name)>,
}

/// One thing that comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub kind: OutputKind,
    pub columns: Vec<OutputColumn>,
}

/// Where an output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputKind {
    /// Rows to the client, COPY … TO STDOUT and cursors included.
    Result,
    /// A stored table that is written.
    Table(Oid),
    /// A relation that this statement makes (CREATE TABLE AS, CREATE VIEW …), not in the catalog yet.
    Created { schema: Name, name: Name },
    /// A file or program of the server.
    File,
}

/// One column of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    pub name: Name,
    /// Type; `Oid(0)` where it is not known.
    pub type_oid: Oid,
    pub direct: Columns,
    /// The stored column that this is, passed on as it is; for a result what the server names as its origin
    /// in the row description, with views opened.
    pub identity: Option<ColumnId>,
}

/// How much of a statement is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Status {
    /// Everything: the sets are exact.
    #[default]
    Complete,
    /// What is there is true; something more may flow, and the gaps say where.
    Partial,
    /// Nothing is known of what it reads or writes.
    Opaque,
}

impl Status {
    /// As it stands in JSON and in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Opaque => "opaque",
        }
    }
}

/// Something that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gap {
    pub kind: GapKind,
    /// What, in words: a function's signature, a node's name, a relation.
    pub what: String,
}

/// Why something is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapKind {
    /// The text does not parse.
    Syntax,
    /// Grammar newer than the server's, or a node that nobody has reviewed.
    NotReviewed,
    /// Bytes, tokens, depth or time over a limit.
    TooLarge,
    /// A name that the snapshot does not know.
    UnknownObject,
    /// Several overloads fit, or none.
    Ambiguous,
    /// A function whose body is not understood.
    OpaqueFunction,
    /// Text that is run as SQL, unknown before.
    DynamicSql,
    /// DO, CALL, FunctionCall.
    Code,
    /// A foreign table or a file: what is behind it is not in this database.
    Foreign,
    /// Triggers or rules that do more.
    Trigger,
    /// What the session did before is not known well enough (search_path, prepared statement, cursor).
    Session,
    /// An object was changed in this session and has not been read again.
    Changed,
}

impl GapKind {
    /// As it stands in JSON and in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::NotReviewed => "not-reviewed",
            Self::TooLarge => "too-large",
            Self::UnknownObject => "unknown-object",
            Self::Ambiguous => "ambiguous",
            Self::OpaqueFunction => "opaque-function",
            Self::DynamicSql => "dynamic-sql",
            Self::Code => "code",
            Self::Foreign => "foreign",
            Self::Trigger => "trigger",
            Self::Session => "session",
            Self::Changed => "changed",
        }
    }
}

impl Lineage {
    /// Nothing is known, and why.
    #[must_use]
    pub fn opaque(kind: GapKind, what: impl Into<String>) -> Self {
        Self { status: Status::Opaque, gaps: vec![Gap { kind, what: what.into() }], ..Self::default() }
    }
}
