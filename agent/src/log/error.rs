//! What can go wrong, and what to do then.

use std::{io, path::PathBuf, sync::Arc};

use connect_shared::proof::{
    checkpoint::CheckpointError,
    note::KeyError,
    tile::TileError,
    tree::{Hash, ProveError},
};

/// The log does not take an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogClosed {
    /// Until the disk takes writes again.
    #[error(
        "the log is closed since a write failed: {0}; it opens again by itself once the disk takes writes"
    )]
    Failed(Arc<str>),
    /// For now: the disk is behind.
    #[error("too many entries wait for the disk; try again when it has caught up")]
    Full,
    /// This entry only.
    #[error("an entry of {0} bytes is larger than all that may wait for the disk")]
    TooLarge(usize),
    /// This entry only.
    #[error("the entry has no JSON form")]
    Unwritable,
    /// The agent is stopping.
    #[error("the log was closed in order, because the agent is stopping")]
    Stopped,
    /// For what would begin, until there is space.
    #[error("the disk of the log is full; what runs is closed in its reserve, and nothing new begins")]
    DiskFull,
    /// For new sessions, until there is space.
    #[error("the disk of the log is nearly full, so that no session is opened")]
    DiskScarce,
    /// For what would begin, until witnesses have cosigned again.
    #[error("too few witnesses have cosigned the log lately, so that nothing begins")]
    Unwitnessed,
    /// Entries are safe; only their checkpoint is late.
    #[error("the log could not publish a checkpoint: {0}; it is tried again with the next one")]
    Unpublished(Arc<str>),
}

/// A log could not be opened. It is left as it was found.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
    #[error("another process has the log `{}` open; stop it first", .0.display())]
    Locked(PathBuf),
    #[error("the log's key `{}` cannot be used: {source}", path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error("the log's key `{}` is readable by others; allow its owner only (chmod 600)", .0.display())]
    KeyReadable(PathBuf),
    #[error("the log's key `{}` is missing, and the log was signed with it; restore it", .0.display())]
    KeyMissing(PathBuf),
    #[error(
        "the log's key is for `{found}`, and the configured origin is `{expected}`; set `log.origin` back"
    )]
    OtherOrigin { found: String, expected: String },
    #[error("no random numbers for a new key")]
    Random,
    #[error("the log has entries and its last checkpoint `{}` is missing; restore it", .0.display())]
    CheckpointMissing(PathBuf),
    #[error("the log's last checkpoint `{}` is damaged: {source}; restore it", path.display())]
    Checkpoint { path: PathBuf, source: CheckpointError },
    #[error(
        "the segment `{segment}` is damaged at byte {offset}, where entry {index} begins: {reason}; entries there were \
         acknowledged, so the log is not opened; restore the segment from a copy"
    )]
    Damaged { segment: String, offset: u64, index: u64, reason: &'static str },
    #[error(
        "the segments hold {found} entries, and the log has signed {signed}; restore the missing ones from a copy"
    )]
    Shorter { found: u64, signed: u64 },
    #[error(
        "the first {size} entries of the segments hash to {found}, and the log has signed {signed}: an entry was \
         changed; restore the segments from a copy"
    )]
    Contradicted { size: u64, signed: Hash, found: Hash },
    #[error(
        "entry {index} is not in a form that this version knows ({reason}); was it written by a newer one?"
    )]
    Unreadable { index: u64, reason: String },
    #[error("the body `{path}` of entry {index} is missing or was changed; restore it from a copy")]
    Body { index: u64, path: String },
    #[error("the log's key is not changed: {0}")]
    Rotation(String),
    #[error("the log is not pruned: {0}")]
    Pruning(String),
    #[error(
        "the log begins with entry {upto}, and no entry of it says that those before were pruned; restore the log \
         from a copy"
    )]
    Unpruned { upto: u64 },
    #[error("the log closed while it was opened: {0}")]
    Closed(#[from] LogClosed),
}

/// There is no receipt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiptUnavailable {
    #[error("there is no entry {0} yet")]
    NoSuchEntry(u64),
    #[error(transparent)]
    Closed(#[from] LogClosed),
    #[error("the tiles do not give a proof: {0}; restarting the agent makes them anew")]
    Tile(#[from] ProveError<TileError>),
    #[error("the bundle with the entry cannot be read; restarting the agent makes it anew")]
    Bundle,
    #[error("the entry was pruned; a receipt that was made before still holds")]
    Pruned,
    #[error("the task that makes the receipt was cancelled")]
    Cancelled,
}

/// An I/O error of opening, with what was tried.
pub(super) fn io_error(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.into();
    move |source| OpenError::Io { what, path, source }
}
