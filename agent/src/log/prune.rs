//! Removing old entries, while no agent has the log open. Their hashes stay, and so does every proof.
//!
//! The order on the disk, and what a stop leaves:
//! 1. Texts that later entries refer to, once more, and the entry `pruned`; a checkpoint over them. Nothing is
//!    removed yet, and the next try writes another such entry.
//! 2. The public file `pruned`, a receipt of that entry, for those who check.
//! 3. The tiles of hashes, durable; the rest of the segment that the first kept entry stands in, as a segment of
//!    its own that does not count yet.
//! 4. `pruned.json`, the [`Base`]: from here on the log begins there. Whoever opens the log finishes.
//! 5. The new segment gets its name; older segments, bundles and bodies go.

mod base;
mod finish;
mod rewrite;
mod scan;

use std::{collections::HashSet, path::Path};

use connect_shared::{
    entry::Entry,
    hexadecimal::hexadecimal,
    proof::{
        pruning::PRUNED,
        tile::{Level, LogReader as _, MAX_BUNDLE_BYTES, TILE_WIDTH, Tile, decode_bundle},
        tree::plain_hash,
    },
};

pub(super) use self::{base::Base, finish::finish, rewrite::take_place};
use super::{
    LogOptions, OpenError,
    error::io_error,
    handle::{Log, block_on, make_receipt},
    leaf::Facts,
    public::{Keep, PublicFolder, write_atomically},
};

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PruneRule {
    /// As the operator says it.
    pub(crate) keep: String,
    /// What is older than so many milliseconds goes …
    pub(crate) age: u64,
    /// … by this clock, in milliseconds since 1970 …
    pub(crate) now: u64,
    /// … unless it stands here or later: a sink has not taken it yet.
    pub(crate) most: u64,
}

impl PruneRule {
    /// What is older goes. The last entry's time counts where the clock says more: one that is ahead when the
    /// agent starts must not take away what is young.
    fn before(&self, last: u64) -> u64 {
        self.now.min(last).saturating_sub(self.age)
    }
}

/// What was pruned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PrunedLog {
    pub(crate) from: u64,
    pub(crate) upto: u64,
    /// Index of the entry.
    pub(crate) index: u64,
}

/// Removes from the log in `dir` what the rule does not keep, in whole bundles of 256. Blocks. `None`: nothing.
///
/// # Errors
/// The log is open elsewhere or cannot be opened, or a file cannot be written. A second try goes on.
pub(crate) fn prune(
    dir: &Path,
    options: LogOptions,
    rule: &PruneRule,
) -> Result<Option<PrunedLog>, OpenError> {
    if !is_due(dir, rule)? {
        return Ok(None);
    }
    let (log, _) = Log::open(dir, options)?;
    let base = Base::load(dir)?.unwrap_or_default();
    let before = rule.before(log.time());
    let upto = scan::place(dir, &base, &log, before, rule.most)?;
    if upto <= base.upto {
        return Ok(None);
    }
    let found = scan::scan(dir, &base, &log, upto)?;
    let (mut again, mut seq) = (HashSet::new(), None);
    for entry in found.carried {
        again.extend(serde_json::to_vec(&entry).ok().map(|json| hex(&json)));
        seq = Some(append(&log, entry, seq)?);
    }
    let (open, connections) = (found.open, found.connections);
    let entry = Entry::Pruned { upto, keep: rule.keep.clone(), before, open, connections };
    let seq = append(&log, entry, seq)?;
    block_on(log.wait_durable(seq))?;
    log.publish_now_blocking()?;
    log.shutdown()?;
    // Its threads have ended, and its lock is held until this returns.
    let public = PublicFolder::new(log.public_dir());
    let published = log.published().borrow().clone();
    let receipt =
        make_receipt(&public, seq.0, &published).map_err(|error| OpenError::Pruning(error.to_string()))?;
    let file = public.path().join(PRUNED);
    write_atomically(&file, receipt.as_bytes(), Keep::Durable).map_err(io_error("write", file))?;
    let kept = |name: &String| !again.contains(name);
    let blobs = found.blobs.into_iter().filter(kept).collect();
    let next = Base { upto, edge: found.edge, blobs, done: false };
    commit(dir, &base, &next).map_err(io_error("prune", dir))?;
    Ok(Some(PrunedLog { from: base.upto, upto, index: seq.0 }))
}

/// Steps 3 to 5.
fn commit(dir: &Path, base: &Base, next: &Base) -> std::io::Result<()> {
    let public = dir.join("public");
    finish::keep_hashes(&public, base.upto, next.upto)?;
    rewrite::prepare(&dir.join("segments"), next.upto)?;
    next.store(dir)?;
    take_place(&dir.join("segments"), next.upto)?;
    finish(dir, next)
}

/// So many may be carried that they do not fit into the queue at once.
fn append(
    log: &Log,
    entry: Entry,
    last: Option<connect_core::record::Seq>,
) -> Result<connect_core::record::Seq, OpenError> {
    match (log.append(entry.clone()), last) {
        (Err(super::LogClosed::Full), Some(last)) => {
            block_on(log.wait_durable(last))?;
            Ok(log.append(entry)?)
        }
        (appended, _) => Ok(appended?),
    }
}

/// Whether the first bundle that is there is full and old. Opening the log takes as long as the log is.
fn is_due(dir: &Path, rule: &PruneRule) -> Result<bool, OpenError> {
    let base = Base::load(dir)?.unwrap_or_default();
    let width = u64::from(TILE_WIDTH);
    if base.upto + width > rule.most {
        return Ok(false);
    }
    let tile = Tile { level: Level::Entries, index: base.upto / width, width: TILE_WIDTH };
    let read = PublicFolder::new(dir.join("public")).read(&tile.path(), MAX_BUNDLE_BYTES);
    let Ok(Some(bytes)) = read else { return Ok(false) };
    let last = decode_bundle(&bytes).ok().and_then(|entries| entries.last().map(|leaf| leaf.to_vec()));
    let time = last.and_then(|leaf| Facts::read(&leaf).ok().map(|facts| facts.time));
    Ok(time.is_some_and(|time| time < rule.before(u64::MAX)))
}

fn hex(bytes: &[u8]) -> String {
    hexadecimal(&plain_hash(bytes).0)
}
