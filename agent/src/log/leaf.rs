//! From an entry to the bytes of its leaf, and from a leaf back to what the log itself needs to know.
//!
//! An entry that does not fit into a leaf is not cut: its whole JSON goes into a file named by its hash,
//! and the leaf is an [`Entry::Oversized`] that commits to it.

use std::{borrow::Cow, sync::Arc};

use connect_shared::{
    entry::{CATALOGUE, Entry},
    hexadecimal::hexadecimal,
    ids::{ConnectionId, StatementId},
    proof::{tile::MAX_ENTRY_BYTES, tree::plain_hash},
};
use serde::Deserialize;

use super::error::LogClosed;

/// `{"v":1,"time":` with a time of 20 digits and a comma.
const MOST_BEFORE_ENTRY: usize = 40;
/// Longest JSON of an entry that fits into a leaf.
pub(super) const MAX_INLINE_BYTES: usize = MAX_ENTRY_BYTES - MOST_BEFORE_ENTRY;

/// Whether the whole of an entry stands in its leaf, so that a receipt proves all of it.
pub(crate) fn fits_leaf(entry: &Entry) -> bool {
    serde_json::to_vec(entry).is_ok_and(|json| json.len() <= MAX_INLINE_BYTES)
}

/// What the log remembers of an entry, for finding it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    Intent { statement: StatementId, whose: Arc<str>, connection: ConnectionId },
    Outcome { statement: StatementId },
    Denial { statement: StatementId, whose: Arc<str>, connection: ConnectionId },
}

/// Names a principal: two identity providers may give the same id to two people. No issuer holds a line
/// break.
pub(super) fn whose(idp: &str, sub: &str) -> Arc<str> {
    format!("{idp}\n{sub}").into()
}

/// The body of an entry that does not fit into a leaf.
#[derive(Debug)]
pub(super) struct Blob {
    /// Path below the public folder.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// An entry that is ready but for its time, which it gets with its place.
#[derive(Debug)]
pub(super) struct Prepared {
    /// JSON of the entry without its opening brace.
    tail: Vec<u8>,
    pub(super) note: Option<Note>,
    pub(super) blob: Option<Blob>,
}

impl Prepared {
    /// Whether it says how a statement ended that has begun.
    pub(super) const fn is_outcome(&self) -> bool {
        matches!(self.note, Some(Note::Outcome { .. }))
    }

    /// Encodes an entry. The work is done here, on the caller's thread and under no lock.
    pub(super) fn new(entry: &Entry) -> Result<Self, LogClosed> {
        // As long as most entries are.
        let mut json = Vec::with_capacity(1024);
        serde_json::to_writer(&mut json, entry).map_err(|_| LogClosed::Unwritable)?;
        let mut blob = None;
        if json.len() > MAX_INLINE_BYTES {
            let sha256 = hexadecimal(&plain_hash(&json).0);
            let path = format!("blob/{sha256}");
            let (of, statement) = kind_of(entry, &json)?;
            let length = json.len() as u64;
            let stand_in = Entry::Oversized { of, statement, sha256, length };
            let leaf = serde_json::to_vec(&stand_in).map_err(|_| LogClosed::Unwritable)?;
            blob = Some(Blob { path, bytes: std::mem::replace(&mut json, leaf) });
        }
        if json.first() != Some(&b'{') {
            return Err(LogClosed::Unwritable);
        }
        json.remove(0);
        Ok(Self { tail: json, note: note(entry), blob })
    }

    /// The leaf with this time, in parts.
    pub(super) fn leaf(&self, time: u64) -> (String, &[u8]) {
        (format!(r#"{{"v":{CATALOGUE},"time":{time},"#), &self.tail)
    }

    /// Bytes that wait for the disk with it.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.tail.len() + MOST_BEFORE_ENTRY + self.blob.as_ref().map_or(0, |blob| blob.bytes.len())
    }
}

fn kind_of(entry: &Entry, json: &[u8]) -> Result<(String, Option<StatementId>), LogClosed> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    let kind = serde_json::from_slice::<Kind>(json).map_err(|_| LogClosed::Unwritable)?.kind;
    let statement = match entry {
        Entry::Intent(intent) => Some(intent.statement),
        Entry::Outcome(outcome) => Some(outcome.statement),
        Entry::Denial(denial) => Some(denial.statement),
        _ => None,
    };
    Ok((kind, statement))
}

fn note(entry: &Entry) -> Option<Note> {
    match entry {
        Entry::Intent(intent) => Some(Note::Intent {
            statement: intent.statement,
            whose: whose(&intent.principal.idp, &intent.principal.sub),
            connection: intent.connection,
        }),
        Entry::Outcome(outcome) => Some(Note::Outcome { statement: outcome.statement }),
        Entry::Denial(denial) => Some(Note::Denial {
            statement: denial.statement,
            whose: whose(&denial.principal.idp, &denial.principal.sub),
            connection: denial.connection,
        }),
        _ => None,
    }
}

/// The fields of a leaf that the log needs when it is opened: a fraction of the work of reading it all.
#[derive(Debug, Deserialize)]
pub(super) struct Facts<'a> {
    #[serde(default)]
    pub(super) v: u16,
    #[serde(default)]
    pub(super) time: u64,
    #[serde(borrow)]
    pub(super) kind: Cow<'a, str>,
    #[serde(default, borrow)]
    pub(super) fingerprint: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub(super) sha256: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) upto: Option<u64>,
    #[serde(default)]
    statement: Option<StatementId>,
    #[serde(default)]
    connection: Option<ConnectionId>,
    #[serde(default, borrow)]
    principal: Option<Principal<'a>>,
}

#[derive(Debug, Deserialize)]
struct Principal<'a> {
    #[serde(borrow)]
    sub: Cow<'a, str>,
    #[serde(default, borrow)]
    idp: Cow<'a, str>,
}

impl<'a> Facts<'a> {
    pub(super) fn read(leaf: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(leaf)
    }

    /// What [`note`] gives for the entry.
    pub(super) fn note(&self) -> Option<Note> {
        let statement = self.statement?;
        let begun = || {
            let principal = self.principal.as_ref()?;
            Some((whose(&principal.idp, &principal.sub), self.connection?))
        };
        match self.kind.as_ref() {
            "intent" => begun().map(|(whose, connection)| Note::Intent { statement, whose, connection }),
            "denial" => begun().map(|(whose, connection)| Note::Denial { statement, whose, connection }),
            "outcome" => Some(Note::Outcome { statement }),
            _ => None,
        }
    }
}
