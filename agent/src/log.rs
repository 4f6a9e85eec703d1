//! The log of this agent: the one writer of the Merkle log that `connect_shared::proof` checks.
//!
//! # What is promised
//! An entry whose index is below [`Durability::upto`] survives the end of the process and of power at any
//! instant, in its place, byte for byte; and nothing that the log has signed is ever contradicted by what
//! it signs later. Everything else may be lost, and only from the end.
//!
//! # How
//! ```text
//! append ──▶ queue (memory, bounded) ──▶ commit thread: one write, one fdatasync ──▶ segments/   the truth
//!                                                                                      │
//!                              publish thread: re-read, hash, sign ◀───────────────────┘
//!                                                     └──▶ public/   checkpoint, tile/…, blob/…
//! ```
//! [`queue`] gives every entry its index and its time at once. [`commit`] makes them durable in groups and
//! moves the watermark. [`publish`] follows behind, from the bytes that are on the disk, so that the
//! commit path never waits for it. [`replay`] is the way back after a stop of any kind. [`frame`] is the
//! form of a segment; it says what can and what cannot be told from a torn tail.
//!
//! # Order on the disk, and what recovery finds
//! 1. The signing key, then a checkpoint of the empty log, then the first segment: a log that has entries
//!    has a checkpoint. Without one it is refused.
//! 2. A blob (the body of an entry over 65,535 bytes), then the leaf that names it. A blob without a leaf
//!    is garbage and harmless.
//! 3. A batch: written, then synced, then acknowledged. A batch that was not synced may be torn anywhere;
//!    what is left of it is kept up to the first byte that is not as written, and the rest is cut.
//! 4. A checkpoint is signed over durable entries only. Tiles are written before it and are not synced:
//!    recovery makes every one of them again from the segments and writes those that differ.
//!
//! # Failure
//! An I/O error, a short write or a failed sync closes the log at once: the file is never synced again,
//! because a second sync may report success for pages that the first one lost. Every later append is
//! refused with the reason, and connections end. The way back is a replay from what the disk really has,
//! with all checks of a start; [`handle`]'s keeper does it as soon as the disk takes writes again.
//!
//! A full disk shows when room is set aside, before anything is written. Then the [`reserve`] is given up,
//! so that what runs can be closed in the log, and the [`gate`] lets nothing new begin until it is back.

mod commit;
mod disk;
mod error;
mod frame;
mod gate;
mod handle;
mod index;
mod key;
mod leaf;
mod measure;
mod mode;
mod options;
mod pace;
mod prune;
mod public;
mod publish;
mod queue;
mod replay;
mod reserve;
mod rotate;
mod segment;
mod texts;
mod watermark;

use std::sync::Arc;

use connect_shared::{
    entry::PrincipalRef,
    ids::{ConnectionId, StatementId},
};

pub(crate) use self::{
    error::{LogClosed, OpenError, ReceiptUnavailable},
    gate::Gate,
    handle::{Log, block_on},
    leaf::fits_leaf,
    measure::{MeasureArgs, measure},
    mode::Mode,
    options::LogOptions,
    prune::{PruneRule, PrunedLog, prune},
    public::{Keep, PublicFolder, WITNESSED, write_atomically},
    rotate::rotate,
    watermark::DurableWait,
};

/// How far the log is safe from a crash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Durability {
    /// Entries with an index below this are on stable storage.
    pub(crate) upto: u64,
    /// Set once, when the log has closed: nothing more will become durable.
    pub(crate) failed: Option<Arc<str>>,
}

/// What the log has last signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// Entries under the checkpoint. Their tiles are in the public folder.
    pub(crate) size: u64,
    /// The signed note.
    pub(crate) checkpoint: Arc<str>,
    /// Why publishing is behind: tried again with the next checkpoint. Entries are safe meanwhile.
    pub(crate) failed: Option<Arc<str>>,
}

/// What opening a log found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// Entries that were there.
    pub(crate) entries: u64,
    /// The end of an unfinished write, which was cut.
    pub(crate) torn: Option<TornTail>,
    /// Statements that had begun and whose end is not known; each has an `OUTCOME unknown` now.
    pub(crate) unknown: Vec<StatementId>,
    /// Public files that were missing or damaged and were written again.
    pub(crate) republished: u64,
}

/// Bytes of a write that never returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TornTail {
    /// Name of the segment.
    pub(crate) segment: String,
    /// Where the last whole entry ends.
    pub(crate) offset: u64,
    /// How much was cut.
    pub(crate) bytes: u64,
}

impl StatementPlace {
    /// Whether this principal sent it.
    pub(crate) fn is_of(&self, principal: &PrincipalRef) -> bool {
        *self.whose == *leaf::whose(&principal.idp, &principal.sub)
    }
}

/// Where a statement stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatementPlace {
    pub(crate) statement: StatementId,
    /// The principal, by provider and id.
    whose: Arc<str>,
    pub(crate) connection: ConnectionId,
    /// Index of its OUTCOME or denial.
    pub(crate) end: u64,
}

#[cfg(test)]
mod tests;
