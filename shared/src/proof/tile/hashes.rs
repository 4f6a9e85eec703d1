//! Proofs from tiles: the hashes of a log that lies elsewhere.

use super::{
    super::tree::{HASH_BYTES, Hash, HashSource},
    Level, MAX_TILE_BYTES, TILE_WIDTH, Tile,
    grow::complete_root,
};

/// Tiles that are kept while a proof is made. A proof touches two or three of each level.
const KEPT_TILES: usize = 64;

/// A log's files, by their path below its root: `checkpoint`, `tile/…`, `blob/<SHA-256 in hex>`.
pub trait LogReader {
    /// The file, or `None` if there is none. A file longer than `limit` bytes is an error.
    ///
    /// # Errors
    /// The file cannot be read; the text says why, for people.
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ReadError>;
}

/// A file of the log could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// Why a tile gives no hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    #[error("the tile `{0}` is missing")]
    Missing(String),
    #[error("the tile `{path}` has {found} bytes where its size needs {expected}")]
    Length { path: String, found: usize, expected: usize },
    #[error("the tile `{path}` cannot be read: {source}")]
    Read { path: String, source: ReadError },
    #[error("a tree of {size} entries has no such subtree")]
    Outside { size: u64 },
}

/// The hashes of the tree of `size` entries, read from its tiles as they are needed.
pub struct TileHashes<'a, R> {
    reader: &'a R,
    size: u64,
    kept: Vec<(Tile, Vec<Hash>)>,
}

impl<'a, R: LogReader> TileHashes<'a, R> {
    /// The tree of the first `size` entries of the log behind `reader`.
    pub const fn new(reader: &'a R, size: u64) -> Self {
        Self { reader, size, kept: Vec::new() }
    }

    fn tile(&mut self, tile: Tile) -> Result<&[Hash], TileError> {
        let found = self.kept.iter().position(|(kept, _)| *kept == tile);
        let at = match found {
            Some(at) => at,
            None => {
                let hashes = read_tile(self.reader, tile)?;
                if self.kept.len() >= KEPT_TILES {
                    self.kept.clear();
                }
                self.kept.push((tile, hashes));
                self.kept.len() - 1
            }
        };
        Ok(self.kept.get(at).map_or(&[], |(_, hashes)| hashes.as_slice()))
    }
}

/// Reads the hashes of a tile. A partial tile may have been dropped once the full one was there.
pub(in crate::proof) fn read_tile<R: LogReader>(reader: &R, tile: Tile) -> Result<Vec<Hash>, TileError> {
    let read = |tile: Tile| {
        let path = tile.path();
        reader.read(&path, MAX_TILE_BYTES).map_err(|source| TileError::Read { path, source })
    };
    let (tile, bytes) = match read(tile)? {
        Some(bytes) => (tile, bytes),
        None if tile.is_partial() => match read(tile.full())? {
            Some(bytes) => (tile.full(), bytes),
            None => return Err(TileError::Missing(tile.path())),
        },
        None => return Err(TileError::Missing(tile.path())),
    };
    let expected = usize::from(tile.width) * HASH_BYTES;
    if bytes.len() != expected {
        return Err(TileError::Length { path: tile.path(), found: bytes.len(), expected });
    }
    Ok(bytes.chunks_exact(HASH_BYTES).filter_map(Hash::from_bytes).collect())
}

impl<R: LogReader> HashSource for TileHashes<'_, R> {
    type Error = TileError;

    fn subtree(&mut self, level: u32, index: u64) -> Result<Hash, TileError> {
        let outside = TileError::Outside { size: self.size };
        let (tile_level, height) = (level / 8, level % 8);
        let start = index.checked_shl(height).ok_or_else(|| outside.clone())?;
        let level = Level::Hashes(u8::try_from(tile_level).map_err(|_| outside.clone())?);
        let tile =
            Tile::of(level, start / u64::from(TILE_WIDTH), self.size).ok_or_else(|| outside.clone())?;
        let offset = usize::try_from(start % u64::from(TILE_WIDTH)).unwrap_or(0);
        // A partial tile that was read from its full successor has more hashes than this size has.
        if offset + (1 << height) > usize::from(tile.width) {
            return Err(outside);
        }
        let below = self.tile(tile)?.get(offset..).and_then(|rest| rest.get(..1 << height));
        Ok(complete_root(below.ok_or(outside)?))
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::HashMap};

    use proptest::prelude::*;

    use super::*;
    use crate::proof::{
        tile::{TileTree, encode_hashes},
        tree::{
            Frontier, consistency_proof, inclusion_proof, leaf_hash, root, verify_consistency,
            verify_inclusion,
        },
    };

    #[derive(Default)]
    struct Files(RefCell<HashMap<String, Vec<u8>>>);

    impl LogReader for Files {
        fn read(&self, path: &str, _: usize) -> Result<Option<Vec<u8>>, ReadError> {
            Ok(self.0.borrow().get(path).cloned())
        }
    }

    fn entry(index: u64) -> Hash {
        leaf_hash(&index.to_be_bytes())
    }

    /// Files of a log of `size` entries whose last partial tiles are those of `size`.
    fn files(size: u64) -> (Files, TileTree) {
        let (files, mut tree) = (Files::default(), TileTree::default());
        for index in 0..size {
            tree.push(entry(index), |tile, hashes| {
                files.0.borrow_mut().insert(tile.path(), encode_hashes(hashes));
            });
        }
        for (tile, hashes) in tree.partial() {
            files.0.borrow_mut().insert(tile.path(), encode_hashes(hashes));
        }
        (files, tree)
    }

    fn frontier(size: u64) -> Frontier {
        let mut frontier = Frontier::default();
        (0..size).for_each(|index| frontier.push(entry(index)));
        frontier
    }

    #[test]
    fn the_tiles_at_every_edge_give_the_root_of_the_tree() {
        for size in [0, 1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000] {
            let (files, tree) = files(size);
            let expected = frontier(size).root();
            assert_eq!(tree.root(), expected, "{size}");
            assert_eq!(root(size, &mut TileHashes::new(&files, size)), Ok(expected), "{size}");
            let tiles: Vec<_> = tree.partial().map(|(tile, _)| tile).collect();
            for tile in tiles {
                assert_eq!(Tile::of(tile.level, tile.index, size), Some(tile));
            }
        }
    }

    #[test]
    fn a_missing_or_short_tile_is_named() {
        let (files, _) = files(300);
        files.0.borrow_mut().insert("tile/0/001.p/44".to_owned(), vec![0; 31]);
        let mut hashes = TileHashes::new(&files, 300);
        let expected = TileError::Length { path: "tile/0/001.p/44".into(), found: 31, expected: 44 * 32 };
        assert_eq!(hashes.subtree(0, 299), Err(expected));
        files.0.borrow_mut().remove("tile/0/000");
        assert_eq!(hashes.subtree(0, 0), Err(TileError::Missing("tile/0/000".into())));
        assert_eq!(hashes.subtree(0, 300), Err(TileError::Outside { size: 300 }));
        assert_eq!(hashes.subtree(60, u64::MAX), Err(TileError::Outside { size: 300 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn proofs_from_tiles_hold_also_when_partial_tiles_were_replaced_by_full_ones(
            size in 1u64..3000, pick in any::<u64>(), more in 0u64..600
        ) {
            let (files, tree) = files(size + more);
            let index = pick % size;
            let mut hashes = TileHashes::new(&files, size + more);
            let proof = inclusion_proof(index, size + more, &mut hashes).expect("in the tree");
            prop_assert_eq!(verify_inclusion(&entry(index), index, size + more, &proof, &tree.root()), Ok(()));
            let proof = consistency_proof(size, size + more, &mut hashes).expect("grown");
            let old = frontier(size).root();
            prop_assert_eq!(verify_consistency(size, &old, size + more, &tree.root(), &proof), Ok(()));
            // The older tree, where its partial tiles have become full ones.
            if size % 256 + more >= 256 {
                let mut older = TileHashes::new(&files, size);
                if let Ok(proof) = inclusion_proof(index, size, &mut older) {
                    prop_assert_eq!(verify_inclusion(&entry(index), index, size, &proof, &old), Ok(()));
                }
            }
        }
    }
}
