//! Neutral facts about one statement: what [`crate::understand`] makes and [`crate::decide`] reads.

mod refuse;
mod schema;

use std::sync::Arc;

use connect_shared::{entry::TextRef, label::Label};

pub(crate) use self::schema::Schema;
use crate::{
    catalog::{Oid, Seen},
    lineage::Lineage,
    mask::Lines,
    record::ReadProof,
    session::{Fingerprint, SessionChange},
};

/// A text as the client sent it: one parse, any number of statements.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// In the order of the text. Empty for an empty query.
    pub statements: Vec<Statement>,
    /// Version of the catalog that it was analysed against.
    pub catalog_version: u64,
    /// It holds for every text that differs in nothing but small numbers.
    pub numbers_are_inert: bool,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Lower-case command, as in the command tag: `select`, `create table`, `begin` …
    pub verb: String,
    pub kind: Kind,
    pub text: TextRef,
    /// Normal form, where there is one.
    pub normalized: Option<String>,
    /// `schema.name` of relations read and written; for names that could mean several, all of them.
    pub reads: Vec<String>,
    pub writes: Vec<String>,
    pub proof: ReadProof,
    pub protection: Protection,
    /// Columns with labels that it reads in clear, since its principal may see them.
    pub shown: Vec<ProtectedColumn>,
    /// Clear values that an execution asks for or tests: constants and parameters that protected columns are
    /// compared with, or that are given to unique ones.
    pub lookups: u32,
    /// Protected columns that it gives values to.
    pub assigned: Vec<ProtectedColumn>,
    /// A constant in it is a mask and nothing else.
    pub gives_mask: bool,
    /// Numbers of parameters by whose values it shows settings: each value is looked at when it is given.
    pub settings: Vec<u16>,
    /// How it changes rows, as far as its text says.
    pub changes: Changes,
    /// Shapes that guardrails speak about.
    pub shapes: Vec<Shape>,
    /// What it changes for the statements after it.
    pub effect: Effect,
    /// What each output is computed from.
    pub lineage: Arc<Lineage>,
    /// What it changes for the lineage of those after it, if it succeeds.
    pub change: Arc<SessionChange>,
    /// State of the session that lineage and change are found under.
    pub under: Fingerprint,
}

/// Kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Changes {
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    /// Some of it is no part of the count that the server gives at the end: a data-modifying WITH.
    pub beside: bool,
}

impl Statement {
    /// How it changes rows; where the text does not say, everything that its verb may stand for.
    #[must_use]
    pub fn changes(&self) -> Changes {
        let Changes { insert, update, delete, beside } = self.changes;
        if insert || update || delete {
            return self.changes;
        }
        match self.verb.as_str() {
            "copy" => Changes { insert: true, beside, ..Changes::default() },
            "truncate" => Changes { delete: true, beside, ..Changes::default() },
            _ => Changes { insert: true, update: true, delete: true, beside },
        }
    }
}

/// What a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Read,
    /// INSERT, UPDATE, DELETE, MERGE, COPY FROM.
    Write,
    SchemaChange,
    Privilege,
    Administration,
    /// BEGIN, COMMIT, SAVEPOINT …
    Transaction,
    /// SET, SHOW, RESET, DISCARD, LISTEN, DEALLOCATE, CLOSE …
    SessionControl,
}

/// How the statement stands to protected columns: the classes of the masking design, by name.
#[derive(Debug, Clone, PartialEq)]
pub enum Protection {
    /// Class A: only the catalog, and nothing in it that holds values.
    Introspection,
    /// Class B: no protected column can be reached.
    Untouched,
    /// Class D: every protected column goes to the output unchanged and is used nowhere else. Origins
    /// in the server's result description are masked by this.
    Projection { columns: Vec<ProtectedColumn> },
    /// Class C: the statement computes with protected columns, and is rewritten so that it reads their
    /// masks in place of their values.
    Masked { columns: Vec<ProtectedColumn> },
    /// A protected relation is reached and no protected column is read; results need no mask, errors
    /// may still quote values.
    Avoided,
    /// Everything else: denied, with the reason.
    Refused(Refusal),
}

/// A column that must not be seen in clear.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProtectedColumn {
    pub relation: Oid,
    pub number: i16,
    /// `schema.table.column`
    pub name: String,
    /// That it is masked by, or shown in spite of.
    pub label: Label,
    /// How its principal sees it, where that is not as everybody does.
    pub seen: Option<Seen>,
}

impl ProtectedColumn {
    /// The label that it has for everybody, which is what policies speak about.
    #[must_use]
    pub fn own_label(&self) -> Label {
        self.seen.map_or(self.label, |seen| seen.label)
    }
}

/// Why a statement cannot be let through, in terms of what it does to protected columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: connect_shared::decision::ReasonCode,
    /// `schema.table.column`, `schema.table` or a function's name.
    pub object: Option<String>,
    /// What and why, for people.
    pub message: String,
    /// What to send instead, or the request to make.
    pub hint: Option<String>,
    /// SQLSTATE of the server's own error for the same mistake (`42601` syntax error, `42P01` undefined
    /// table), where that is what people and drivers expect. Else the code's own.
    pub sqlstate: Option<&'static str>,
    /// Set when a newer catalog snapshot may cure it: some object is not in this one.
    pub unknown_object: Option<String>,
}

/// Shapes that guardrails speak about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// UPDATE or DELETE of the named relation without a condition, or with one that is always true.
    Unbounded { relation: String, verb: &'static str },
    /// DROP, TRUNCATE …: what, on what.
    Destructive { what: String },
    /// COPY to or from a file or program of the server.
    ServerFile,
    /// It takes locks that others may wait for, by a function or by LOCK TABLE as a read does.
    Lock,
}

/// What a statement changes for those after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    None,
    /// The catalog may differ afterwards.
    Catalog,
    /// SQL PREPARE of this name; the inner statement's facts are this statement's own.
    Prepare {
        name: String,
    },
    /// EXECUTE of this name. `settings`: of each argument, whether it is a constant by which a setting may be shown.
    Execute {
        name: String,
        settings: Vec<bool>,
    },
    /// DEALLOCATE of this name, or of all.
    Deallocate {
        name: Option<String>,
    },
    /// DECLARE CURSOR. `holds`: WITH HOLD, beyond its transaction.
    Declare {
        name: String,
        holds: bool,
    },
    /// FETCH or MOVE.
    Fetch {
        name: String,
    },
    /// CLOSE of this cursor, or of all.
    CloseCursor {
        name: Option<String>,
    },
    /// DISCARD ALL.
    DiscardAll,
    /// COPY … FROM STDIN.
    CopyIn,
    /// COPY … TO STDOUT. `names`: a line of names comes first. `lines`: how the others are written, unless in binary.
    CopyOut {
        names: bool,
        lines: Lines,
    },
}
