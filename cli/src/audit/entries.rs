//! The entries of a log in a folder that was verified, one by one, with those of which only a hash stands in it.

use std::path::Path;

use connect_shared::{
    entry::{Entry, Leaf},
    error::ErrorReport,
    hexadecimal::hexadecimal,
    proof::{
        tile::{Level, MAX_BUNDLE_BYTES, TILE_WIDTH, Tile, decode_bundle},
        tree::plain_hash,
        verify::LogReader,
    },
};

use super::{folder::Folder, other_log};
use crate::failure::Outcome;

/// Longest body that stands beside the log.
const MAX_BODY: usize = 64 << 20;
/// Where the kind of a leaf stands, at the latest: behind its version and time.
const HEAD: usize = 96;

/// A log that was found sound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sound {
    pub(crate) size: u64,
    /// All before this is pruned.
    pub(crate) pruned: u64,
}

/// Goes through entries of these kinds before `upto`, in order: index, and the leaf with its whole entry.
pub(crate) fn each(
    place: &Path,
    (sound, upto): (Sound, u64),
    kinds: &[&str],
    visit: &mut dyn FnMut(u64, Leaf),
) -> Outcome<()> {
    let reader = Folder::find(place)?;
    let needles: Vec<Vec<u8>> =
        kinds.iter().chain(&["oversized"]).map(|kind| format!("\"kind\":\"{kind}\"").into_bytes()).collect();
    let wanted = |leaf: &[u8]| {
        let head = leaf.get(..HEAD.min(leaf.len())).unwrap_or_default();
        needles.iter().any(|needle| head.windows(needle.len()).any(|window| window == needle))
    };
    let width = u64::from(TILE_WIDTH);
    for number in sound.pruned / width..upto.min(sound.size).div_ceil(width) {
        let bytes = bundle(&reader, number, sound.size)?;
        let leaves = decode_bundle(&bytes).map_err(|_| unreadable(number * width))?;
        for (index, leaf) in (number * width..upto).zip(leaves).filter(|(_, leaf)| wanted(leaf)) {
            let leaf = whole(&reader, index, leaf)?;
            if kinds.contains(&leaf.entry.kind()) {
                visit(index, leaf);
            }
        }
    }
    Ok(())
}

/// A partial bundle may have been dropped since for the full one.
fn bundle(reader: &Folder, number: u64, size: u64) -> Outcome<Vec<u8>> {
    let missing = || unreadable(number * u64::from(TILE_WIDTH));
    let tile = Tile::of(Level::Entries, number, size).ok_or_else(missing)?;
    let file = |tile: Tile| reader.read(&tile.path(), MAX_BUNDLE_BYTES).ok().flatten();
    file(tile).or_else(|| file(tile.full())).ok_or_else(missing)
}

fn whole(reader: &Folder, index: u64, bytes: &[u8]) -> Outcome<Leaf> {
    let leaf: Leaf = serde_json::from_slice(bytes).map_err(|_| unreadable(index))?;
    let Entry::Oversized { sha256, .. } = &leaf.entry else { return Ok(leaf) };
    let body = reader.read(&format!("blob/{sha256}"), MAX_BODY).ok().flatten();
    let body = body.filter(|body| hexadecimal(&plain_hash(body).0) == *sha256);
    let entry = body.and_then(|body| serde_json::from_slice(&body).ok()).ok_or_else(|| unreadable(index))?;
    Ok(Leaf { entry, ..leaf })
}

fn unreadable(index: u64) -> ErrorReport {
    other_log(&format!("its entry {index} cannot be read"))
}
