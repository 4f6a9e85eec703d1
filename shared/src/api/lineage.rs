//! `POST /v1/lineage`: where values came from, or where they went.
//!
//! The answer is a graph. Its nodes are columns, runs, files and principals; an edge says that values of the
//! first can have come to the second. A path goes forward in time: what was read before it was written
//! somewhere has nothing of that writing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::SearchScope;
use crate::{
    attest::{Approval, EMPTY_SHA256, FolderFile},
    ids::RequestId,
    label::Label,
    lineage::UnderstandingStatus,
};

/// Farthest that a question goes, in edges.
pub const MAX_DEPTH: u8 = 32;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineageQuestion {
    pub scope: SearchScope,
    /// The name of a column, table, run, job, file or principal; of a file its SHA-256 as well. Of columns
    /// and tables the end of the name will do.
    pub about: String,
    /// What it names; anything of that name if this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<LineageKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    pub direction: LineageDirection,
    /// In edges, at most [`MAX_DEPTH`].
    pub depth: u8,
    /// Only what runs and principals read and wrote from then on, in milliseconds since 1970. What flowed
    /// within the database before counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// Exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Of the columns that are asked about only what was done before they had a label.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_label: bool,
    /// The AI agent that asks for the principal: it asks about the principal's own statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The task that the AI agent works on, by its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What it is asked for, by the asker's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineageKind {
    Column,
    Table,
    Run,
    Job,
    File,
    Principal,
}

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineageDirection {
    /// Where it came from.
    Up,
    /// Where it went.
    Down,
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageAnswer {
    /// `connect.lineage/1`
    pub schema: String,
    pub origin: String,
    /// Entries of the log that were looked through.
    pub indexed: u64,
    /// Entries that the log had signed by then.
    pub size: u64,
    pub scope: SearchScope,
    pub direction: LineageDirection,
    /// Ids of what was asked about.
    pub roots: Vec<String>,
    /// What else is called so: it is not in the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<LineageKind>,
    pub nodes: Vec<LineageNode>,
    pub edges: Vec<LineageEdge>,
    /// The approvals that edges name: without them their statements would not have run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// Statements in the time that was asked about of which not everything is known: they can have done
    /// more than the edges say.
    pub gaps: Vec<LineageGap>,
    /// Whether there is more beyond the depth, or beyond what one answer holds.
    pub more: bool,
}

/// One thing that values come from or go to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageNode {
    /// Names it within the answer.
    pub id: String,
    /// How people call it.
    pub name: String,
    #[serde(flatten)]
    pub kind: NodeKind,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NodeKind {
    Column {
        resource: String,
        /// Its latest table.
        table: String,
        column: String,
        /// OID of the table and number of the column; absent if only its name is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oid: Option<u32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<i16>,
        /// Every name that it had, with when it was seen under it.
        names: Vec<Named>,
        /// The last label that it was seen with, and the first moment at which it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<Label>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        labelled: Option<Moment>,
    },
    Run {
        run: String,
        job: String,
        resource: String,
        /// All of its resources, if there are several; `resource` is the first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resources: Vec<String>,
        /// Id of its principal's node, and how people call it.
        principal: String,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        by: String,
        /// Exit status; absent while it goes on, or if nobody ended it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u8>,
    },
    File {
        /// Hexadecimal. Of a folder: in-toto's `dirHash`.
        sha256: String,
        length: u64,
        /// How many files it has, if it is a folder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<u64>,
        /// All of them, or none: the log may have no list any more, and an answer has room for so many.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        within: Vec<FolderFile>,
    },
    Principal {
        sub: String,
        idp: String,
        /// The AI agent that acted for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        actor: Option<String>,
    },
}

/// A name in its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub name: String,
    pub first: Moment,
    pub last: Moment,
}

/// An entry of the log, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Moment {
    pub index: u64,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub time: u64,
}

/// Values of `from` can have come to `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageEdge {
    pub from: String,
    pub to: String,
    pub flow: Flow,
    /// What was seen was a mask of this label; absent where it was the stored value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<Label>,
    /// Views between the two.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub through: BTreeSet<String>,
    pub statements: u64,
    /// Rows that these statements returned or changed.
    pub rows: u64,
    pub first: Moment,
    pub last: Moment,
    /// The worst of these statements.
    pub status: UnderstandingStatus,
    /// Approvals behind these statements.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub approvals: BTreeSet<RequestId>,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Values of the one are or go into values of the other.
    Direct,
    /// It decided which rows, groups, order or branch.
    Indirect,
    /// Somebody wrote values of his own.
    Written,
    /// A run named the file as an input, or as an output.
    Input,
    Output,
    /// One and the same under two identities: a table when it was made, and as it was found later.
    Same,
}

/// Statements that were not understood completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineageGap {
    /// Id of the run or principal whose statements these are; it may be no node of the graph.
    pub by: String,
    pub name: String,
    pub resource: String,
    pub status: UnderstandingStatus,
    pub statements: u64,
    /// The first of them.
    pub first: Moment,
    /// Why, of the first: `kind: what`.
    pub reasons: Vec<String>,
}

impl LineageQuestion {
    /// Whether it can be answered at all; else why not.
    ///
    /// # Errors
    /// In words.
    pub fn check(&self) -> Result<(), String> {
        if self.about.trim().is_empty() {
            return Err("it says not what about".to_owned());
        }
        if self.about == EMPTY_SHA256 {
            return Err("every empty file has this hash, so nothing can be known of it".to_owned());
        }
        let texts = [Some(&self.about), self.resource.as_ref()];
        if texts.into_iter().flatten().any(|text| text.len() > super::MAX_FILTER_BYTES) {
            return Err(format!("a name must have at most {} bytes", super::MAX_FILTER_BYTES));
        }
        if self.since.zip(self.until).is_some_and(|(since, until)| since >= until) {
            return Err("`since` is not before `until`, so nothing can be between them".to_owned());
        }
        if self.depth == 0 || self.depth > MAX_DEPTH {
            return Err(format!("`depth` must be between 1 and {MAX_DEPTH}"));
        }
        Ok(())
    }
}
