//! What a check found, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::Silence;
use crate::{
    ids::{ConnectionId, StatementId},
    proof::{checkpoint::Checkpoint, pruning::Pruning, tree::Hash},
};

/// Most faults, and most open INTENTs, that a report lists. All are counted.
pub const MAX_LISTED: usize = 1000;

/// How far a check has come, in entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What the log has signed, and was held against.
    pub checkpoint: Checkpoint,
    /// Entries that were read and hashed.
    pub entries: u64,
    /// What witnesses have cosigned, where their keys were given.
    pub witnessed: Option<Witnessed>,
    /// Entries that the log has removed and says so.
    pub pruned: Option<Pruned>,
    /// INTENTs among them.
    pub statements: u64,
    pub denials: u64,
    /// Time of the first and of the last entry, in milliseconds since 1970-01-01T00:00:00Z.
    pub first_time: Option<u64>,
    pub last_time: Option<u64>,
    /// INTENTs without OUTCOME at the end, at most [`MAX_LISTED`]: still running, or of an agent that was
    /// stopped and has not yet started again.
    pub open: Vec<OpenIntent>,
    pub open_total: u64,
    /// Times of which the log says nothing, in its order, at most [`MAX_LISTED`]: to be explained by somebody, and
    /// no fault.
    pub silences: Vec<Silence>,
    pub silences_total: u64,
    /// Starts of an agent whose log may lose its end with the power, at most [`MAX_LISTED`].
    pub relaxed: Vec<Relaxed>,
    /// What is wrong, in the order of the log, at most [`MAX_LISTED`].
    pub faults: Vec<Fault>,
    pub faults_total: u64,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.faults_total == 0
    }

    pub(super) fn add(&mut self, faults: Vec<Fault>) {
        self.faults_total += faults.len() as u64;
        self.faults.extend(faults);
        self.faults.sort_by_key(|fault| fault.index);
        self.faults.truncate(MAX_LISTED);
    }
}

/// The mode of a log that loses nothing of what somebody waited for.
pub const STRICT: &str = "strict";

/// From this entry on the log may lose as much of its end with the power as the mode says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relaxed {
    pub index: u64,
    /// `batch(100 ms, 1000 entries)`
    pub mode: String,
}

/// What witnesses have cosigned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// Entries under the cosigned checkpoint: what came after them is under the log's own word.
    pub size: u64,
    /// Names, and when each has cosigned, in seconds since 1970.
    pub by: Vec<(String, u64)>,
}

/// Entries that were removed by the operator's rule. Their hashes were checked, their content is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// All before this.
    pub upto: u64,
    /// The entry that says so.
    pub index: u64,
    /// The rule, and when it was applied, in milliseconds since 1970.
    pub keep: String,
    pub time: u64,
}

impl From<Pruning> for Pruned {
    fn from(Pruning { upto, index, keep, time, .. }: Pruning) -> Self {
        Self { upto, index, keep, time }
    }
}

/// A statement that has begun, and of which no end is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OpenIntent {
    pub index: u64,
    pub statement: StatementId,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The entry that it is about; `None` if it is about the log as a whole.
    pub index: Option<u64>,
    #[serde(flatten)]
    pub wrong: Wrong,
}

/// What can be wrong. The index is in [`Fault`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Wrong {
    /// The entries do not hash to the root that was signed. `computed` is absent if entries are missing.
    RootMismatch { signed: Hash, computed: Option<Hash> },
    /// The entry is not the one that the log's tiles have here.
    EntryChanged,
    /// So many entries are gone from here; what follows has moved up.
    EntriesDeleted { count: u64 },
    /// So many entries were put in here; what follows has moved down.
    EntriesInserted { count: u64 },
    /// Here stands the entry that belongs to another index.
    EntryMoved { from: u64 },
    /// Entries from here to before `upto` were changed together with the tile that would tell which.
    EntriesChanged { upto: u64 },
    /// Entries from here to before `upto` were signed and are not there.
    EntriesMissing { upto: u64 },
    /// Entries up to before `upto` were asked for, and the log has only `size`.
    NotThere { size: u64, upto: Option<u64> },
    /// The file with entries from here on is not a bundle.
    BundleMalformed { path: String, reason: String },
    /// The entry is not in a form of the catalogue.
    Unreadable { reason: String },
    /// The entry is older than one before it. Milliseconds since 1970-01-01T00:00:00Z.
    TimeWentBack { before: u64, time: u64 },
    /// The statement has an INTENT already.
    SecondIntent { statement: StatementId, first: u64 },
    /// The statement ended and never began.
    OutcomeWithoutIntent { statement: StatementId },
    /// The statement had ended already.
    SecondOutcome { statement: StatementId, first: u64 },
    /// The statement had no end when its connection was closed or the agent started anew, which entry `by` says.
    NeverEnded { statement: StatementId, by: u64 },
    /// A connection's INTENTs and denials are numbered, and some numbers are left out or come twice.
    SequenceBroken { connection: ConnectionId, expected: u64, found: u64 },
    /// A connection that ended says how many INTENTs and denials it had, and the log has another number of them.
    SequenceCut { connection: ConnectionId, said: u64, found: u64 },
    /// The entry is not in the tree that was signed: it or the hashes above it were changed.
    NotIncluded,
    /// The file `witnessed` is missing or is no checkpoint of this log.
    NotWitnessed { reason: String },
    /// Fewer witnesses than asked for have cosigned.
    TooFewWitnesses { found: usize, required: usize },
    /// The file beside the tiles that holds the body of this entry is not there.
    BodyMissing { path: String },
    /// The file with the body of this entry is not the one that was hashed into it.
    BodyChanged { path: String },
    /// A tile of hashes is not there. The entries do not need it; other tools do.
    TileMissing { path: String },
    /// A tile of hashes is longer or shorter than it must be.
    TileMalformed { path: String },
    /// A tile of hashes does not fit the entries, which are as signed.
    TileChanged { path: String },
    /// The log is shorter than it was: its tail was cut off.
    CutOff { label: String, size: u64 },
    /// The first `size` entries are not those of a checkpoint that was seen before: history was changed.
    HistoryChanged { label: String, size: u64 },
    /// The entry is not the one of a receipt that was given out.
    ReceiptContradicted { label: String },
    /// The receipt itself proves nothing.
    ReceiptInvalid { label: String, reason: String },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "entry {index}: ")?;
        }
        write!(f, "{}", self.wrong)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootMismatch { signed, computed: Some(computed) } => {
                write!(f, "the entries hash to the root {computed}, but {signed} was signed")
            }
            Self::RootMismatch { signed, computed: None } => {
                write!(
                    f,
                    "entries are missing or too many, so that the signed root {signed} cannot be reached"
                )
            }
            Self::EntryChanged => write!(f, "changed after it was written"),
            Self::EntriesDeleted { count: 1 } => write!(f, "deleted; the entries after it were moved up"),
            Self::EntriesDeleted { count } => {
                write!(f, "deleted with those after it, {count} in all; the rest was moved up")
            }
            Self::EntriesInserted { count: 1 } => {
                write!(f, "inserted later; the entries after it were moved down")
            }
            Self::EntriesInserted { count } => write!(f, "{count} entries were inserted here later"),
            Self::EntryMoved { from } => {
                write!(f, "out of order: this is the entry that was written as {from}")
            }
            Self::EntriesChanged { upto } => {
                write!(
                    f,
                    "changed after it was written, or one of those before {upto} (their hashes were changed too)"
                )
            }
            Self::EntriesMissing { upto } => {
                write!(f, "missing, with all before {upto}: signed, and not in the log")
            }
            Self::NotThere { size, upto: Some(upto) } => {
                write!(f, "not there, with all before {upto}: the log has {size} entries")
            }
            Self::NotThere { size, upto: None } => write!(f, "not there: the log has {size} entries"),
            Self::BundleMalformed { path, reason } => {
                write!(f, "the file `{path}`, which holds it, is damaged: {reason}")
            }
            Self::Unreadable { reason } => write!(f, "not an entry of the catalogue: {reason}"),
            Self::TimeWentBack { before, time } => {
                write!(f, "its time {time} is before the time {before} of an earlier entry")
            }
            other => other.fmt_meaning(f),
        }
    }
}

impl Wrong {
    /// Faults in what entries say, in files beside them, and against what was seen before.
    fn fmt_meaning(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecondIntent { statement, first } => {
                write!(f, "a second INTENT for {statement}, after that of entry {first}")
            }
            Self::OutcomeWithoutIntent { statement } => {
                write!(f, "an OUTCOME for {statement}, which has no INTENT")
            }
            Self::SecondOutcome { statement, first } => {
                write!(f, "a second OUTCOME for {statement}, after that of entry {first}")
            }
            Self::NeverEnded { statement, by } => {
                write!(f, "no OUTCOME for {statement} before entry {by}, when nothing was under way any more")
            }
            Self::SequenceBroken { connection, expected, found } => write!(
                f,
                "number {found} of the connection {connection}, whose next must be {expected}: entries are missing or were put in"
            ),
            Self::SequenceCut { connection, said, found } => write!(
                f,
                "the connection {connection} ended with {said} statements, and {found} are in the log: entries are missing or were put in"
            ),
            Self::NotIncluded => {
                write!(f, "not in the tree that was signed: it or the hashes above it were changed")
            }
            Self::NotWitnessed { reason } => write!(f, "no witness vouches for this log: {reason}"),
            Self::TooFewWitnesses { found, required } => {
                write!(f, "{found} of the given witnesses have cosigned, and {required} must")
            }
            Self::BodyMissing { path } => write!(f, "its body `{path}` is missing"),
            Self::BodyChanged { path } => write!(f, "its body `{path}` is not the one that was written"),
            Self::TileMissing { path } => write!(f, "the tile `{path}` is missing"),
            Self::TileMalformed { path } => write!(f, "the tile `{path}` has the wrong length"),
            Self::TileChanged { path } => {
                write!(f, "the tile `{path}` does not fit the entries, which are as signed")
            }
            Self::CutOff { label, size } => {
                write!(f, "{label} has {size} entries, more than the log: its tail was cut off")
            }
            Self::HistoryChanged { label, size } => {
                write!(f, "the first {size} entries are not those of {label}: history was changed")
            }
            Self::ReceiptContradicted { label } => write!(f, "not the entry that {label} proves"),
            Self::ReceiptInvalid { label, reason } => write!(f, "{label} proves nothing: {reason}"),
            _ => Ok(()),
        }
    }
}
