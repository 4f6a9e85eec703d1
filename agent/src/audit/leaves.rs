//! Reading entries by their index from the public folder, a bundle at a time.

use std::{borrow::Cow, collections::HashMap};

use connect_shared::{
    api::IndexedLeaf,
    entry::{Entry, Leaf},
    hexadecimal::hexadecimal,
    proof::{
        tile::{Level, LogReader as _, MAX_BUNDLE_BYTES, TILE_WIDTH, Tile, decode_bundle},
        tree::plain_hash,
    },
};

use serde::Deserialize;

use super::IndexError;
use crate::log::PublicFolder;

/// Longest body of an oversized entry that is looked into.
const MAX_BODY_BYTES: usize = 64 << 20;
/// Bundles that are kept. One may have 17 MiB.
const KEPT: usize = 4;

/// The entries of a log of `size` entries.
#[derive(Debug)]
pub(crate) struct Leaves {
    public: PublicFolder,
    size: u64,
    bundles: HashMap<u64, Vec<Vec<u8>>>,
    /// Bytes of all entries that were given out.
    given: usize,
}

impl Leaves {
    pub(crate) fn new(public: PublicFolder, size: u64) -> Self {
        Self { public, size, bundles: HashMap::new(), given: 0 }
    }

    /// All entries of one bundle, in order.
    pub(super) fn bundle(&mut self, number: u64) -> Result<&[Vec<u8>], IndexError> {
        if !self.bundles.contains_key(&number) {
            if self.bundles.len() >= KEPT {
                self.bundles.clear();
            }
            let entries = self.read(number)?;
            self.bundles.insert(number, entries);
        }
        Ok(self.bundles.get(&number).map_or(&[], Vec::as_slice))
    }

    fn read(&self, number: u64) -> Result<Vec<Vec<u8>>, IndexError> {
        let missing = || IndexError::Leaf(number * u64::from(TILE_WIDTH));
        let tile = Tile::of(Level::Entries, number, self.size).ok_or_else(missing)?;
        // A partial bundle may have been dropped since for the full one.
        let read = |tile: Tile| self.public.read(&tile.path(), MAX_BUNDLE_BYTES).ok().flatten();
        let bytes = read(tile).or_else(|| read(tile.full())).ok_or_else(missing)?;
        let entries = decode_bundle(&bytes).map_err(|_| missing())?;
        let entries: Vec<_> = entries.into_iter().take(usize::from(tile.width)).map(<[u8]>::to_vec).collect();
        if entries.len() == usize::from(tile.width) { Ok(entries) } else { Err(missing()) }
    }

    /// When the first entry that is kept was written, in milliseconds since 1970, if something was pruned. `u64::MAX` if
    /// that entry cannot be read: it may be pruned by now.
    pub(super) fn kept_since(&mut self) -> Option<u64> {
        let first = self.public.pruned_upto();
        (first > 0).then(|| self.get(first).map_or(u64::MAX, |first| first.leaf.time))
    }

    /// The entry at `index`. Of an entry whose body stands elsewhere, the body.
    pub(crate) fn get(&mut self, index: u64) -> Result<IndexedLeaf, IndexError> {
        let missing = || IndexError::Leaf(index);
        let place = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
        let bytes = self.bundle(index / u64::from(TILE_WIDTH))?.get(place).ok_or_else(missing)?.clone();
        let (leaf, length) = decode(&self.public, &bytes).ok_or_else(missing)?;
        self.given += length;
        Ok(IndexedLeaf { index, leaf })
    }

    /// Bytes of all entries that were given out so far.
    pub(super) const fn given(&self) -> usize {
        self.given
    }
}

/// An entry from its bytes, or the body that it stands for, and the length of what was read.
pub(super) fn decode(public: &PublicFolder, bytes: &[u8]) -> Option<(Leaf, usize)> {
    let leaf = read_leaf(bytes)?;
    let Entry::Oversized { sha256, .. } = &leaf.entry else { return Some((leaf, bytes.len())) };
    let body = public.read(&format!("blob/{sha256}"), MAX_BODY_BYTES).ok().flatten();
    // What is not the body that the leaf commits to is nobody's word.
    let is_it = |body: &Vec<u8>| hexadecimal(&plain_hash(body).0) == *sha256;
    let Some(body) = body.filter(is_it) else { return Some((leaf, bytes.len())) };
    Some(match serde_json::from_slice::<Entry>(&body) {
        Ok(entry) => (Leaf { entry, ..leaf }, body.len()),
        Err(_) => (leaf, bytes.len()),
    })
}

/// What stands before the fields of an entry.
#[derive(Deserialize)]
struct Head<'a> {
    v: u16,
    time: u64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
}

/// A leaf from its bytes. Nearly all are of two kinds, and to find out by the way which one costs more than to look
/// first.
fn read_leaf(bytes: &[u8]) -> Option<Leaf> {
    let Head { v, time, kind } = serde_json::from_slice(bytes).ok()?;
    let entry = match &*kind {
        "intent" => Entry::Intent(serde_json::from_slice(bytes).ok()?),
        "outcome" => Entry::Outcome(serde_json::from_slice(bytes).ok()?),
        _ => return serde_json::from_slice(bytes).ok(),
    };
    Some(Leaf { v, time, entry })
}

#[cfg(test)]
mod tests {
    use connect_shared::entry::CATALOGUE;

    use super::*;

    #[test]
    fn every_kind_is_read_as_it_was_written() {
        for entry in Entry::samples() {
            let leaf = Leaf { v: CATALOGUE, time: 7, entry };
            let bytes = serde_json::to_vec(&leaf).expect("written");
            assert_eq!(read_leaf(&bytes), Some(leaf));
        }
    }

    #[test]
    fn what_is_no_leaf_is_none() {
        for bytes in
            [r#"{"v":1,"time":2}"#, r#"{"v":1,"time":2,"kind":"intent"}"#, r#"{"kind":"outcome"}"#, ""]
        {
            assert_eq!(read_leaf(bytes.as_bytes()), None, "{bytes}");
        }
    }
}
