//! The published log, leaf by leaf. Most leaves are passed over by a look at their bytes; only those that may
//! matter are read.

use std::ops::Range;

use connect_shared::{
    entry::{Entry, Leaf},
    proof::tile::{Level, LogReader as _, MAX_BUNDLE_BYTES, TILE_WIDTH, Tile, decode_bundle},
};

use crate::log::PublicFolder;

/// Longest body of an entry that does not fit into a leaf.
const MAX_BODY: usize = 64 << 20;

/// The log's own files cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{0} of the log cannot be read")]
pub(crate) struct Unreadable(String);

/// One entry with its place and time.
pub(super) struct Found {
    pub(super) index: u64,
    pub(super) time: u64,
    pub(super) entry: Entry,
}

/// Who goes through the log.
pub(super) trait Visitor {
    /// Whether a leaf may matter, by its bytes. Bodies that stand beside the log are always looked at.
    fn wants(&self, leaf: &[u8]) -> bool;

    fn visit(&mut self, found: Found);
}

/// Goes through these entries, in order, as far as they are not pruned.
pub(super) fn each(
    public: &PublicFolder,
    entries: Range<u64>,
    visitor: &mut impl Visitor,
) -> Result<(), Unreadable> {
    let width = u64::from(TILE_WIDTH);
    let Range { start, end: size } = entries;
    // Whole bundles are pruned.
    for number in public.pruned_upto().max(start) / width..size.div_ceil(width) {
        let bytes = bundle(public, number, size)?;
        let leaves = decode_bundle(&bytes).map_err(|_| Unreadable(format!("bundle {number}")))?;
        let leaves = (number * width..size).zip(leaves);
        for (index, leaf) in leaves.filter(|(index, _)| *index >= start) {
            if is_wanted_beside(leaf) || visitor.wants(leaf) {
                visitor.visit(read(public, index, leaf)?);
            }
        }
    }
    Ok(())
}

/// Whether a body stands beside the log that any run could be about.
fn is_wanted_beside(leaf: &[u8]) -> bool {
    const KINDS: [&[u8]; 5] = [
        b"\"of\":\"intent\"",
        b"\"of\":\"statement_lineage\"",
        b"\"of\":\"run_ended\"",
        b"\"of\":\"grant_issued\"",
        b"\"of\":\"request\"",
    ];
    has(leaf, b"\"kind\":\"oversized\"") && KINDS.iter().any(|kind| has(leaf, kind))
}

fn bundle(public: &PublicFolder, number: u64, size: u64) -> Result<Vec<u8>, Unreadable> {
    let missing = || Unreadable(format!("bundle {number}"));
    let tile = Tile::of(Level::Entries, number, size).ok_or_else(missing)?;
    // A partial bundle may have been dropped since for the full one.
    let file = |tile: Tile| public.read(&tile.path(), MAX_BUNDLE_BYTES).ok().flatten();
    file(tile).or_else(|| file(tile.full())).ok_or_else(missing)
}

fn read(public: &PublicFolder, index: u64, bytes: &[u8]) -> Result<Found, Unreadable> {
    let unreadable = || Unreadable(format!("entry {index}"));
    let Leaf { time, entry, .. } = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
    let entry = match entry {
        Entry::Oversized { sha256, .. } => {
            let body = public.read(&format!("blob/{sha256}"), MAX_BODY).ok().flatten();
            serde_json::from_slice(&body.ok_or_else(unreadable)?).map_err(|_| unreadable())?
        }
        entry => entry,
    };
    Ok(Found { index, time, entry })
}

/// Where the kind of a leaf stands, at the latest: behind its version and time.
const HEAD: usize = 96;

/// Whether a leaf is of one of these kinds.
pub(super) fn is_kind(leaf: &[u8], kinds: &[&str]) -> bool {
    let head = leaf.get(..HEAD.min(leaf.len())).unwrap_or_default();
    kinds.iter().any(|kind| has(head, format!("\"kind\":\"{kind}\"").as_bytes()))
}

/// Whether the bytes hold the needle.
pub(super) fn has(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
