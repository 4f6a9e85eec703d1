//! The right edge of a tiled tree: what is not yet in a full tile.

use std::convert::Infallible;

use super::{
    super::tree::{self, HASH_BYTES, Hash, HashSource, node_hash},
    Level, TILE_WIDTH, Tile,
};

/// A growing tree in tiles. Full tiles are handed out as they fill, and forgotten; memory is one partial
/// tile a level.
#[derive(Debug, Clone, Default)]
pub struct TileTree {
    size: u64,
    /// The partial tile of each level; always fewer than 256 hashes.
    edge: Vec<Vec<Hash>>,
}

impl TileTree {
    /// Takes the next leaf; `full` is called with each tile of hashes that it fills, lowest first.
    pub fn push(&mut self, leaf: Hash, mut full: impl FnMut(Tile, &[Hash])) {
        let mut hash = leaf;
        for level in 0..=super::MAX_LEVEL {
            let depth = usize::from(level);
            if self.edge.len() == depth {
                self.edge.push(Vec::with_capacity(usize::from(TILE_WIDTH)));
            }
            let Some(partial) = self.edge.get_mut(depth) else { break };
            partial.push(hash);
            if partial.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let index = self.size >> ((u32::from(level) + 1) * 8);
            full(Tile { level: Level::Hashes(level), index, width: TILE_WIDTH }, partial);
            hash = full_tile_root(partial);
            partial.clear();
        }
        self.size += 1;
    }

    /// The partial tile of each level, lowest first: all that [`TileTree::resume`] needs.
    #[must_use]
    pub fn edge(&self) -> &[Vec<Hash>] {
        &self.edge
    }

    /// A tree of `size` leaves from its edge. `None` if the edge is not that of such a tree.
    #[must_use]
    pub fn resume(size: u64, edge: Vec<Vec<Hash>>) -> Option<Self> {
        let mut levels = (0u32..).step_by(8).zip(&edge);
        let mask = u64::from(TILE_WIDTH) - 1;
        let fits = |(shift, hashes): (u32, &Vec<Hash>)| {
            size.checked_shr(shift).unwrap_or(0) & mask == hashes.len() as u64
        };
        let height = u32::try_from(edge.len()).unwrap_or(u32::MAX).saturating_mul(8);
        let complete = size.checked_shr(height).unwrap_or(0) == 0;
        (complete && levels.all(fits)).then_some(Self { size, edge })
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The partial tiles at this size, lowest first.
    pub fn partial(&self) -> impl Iterator<Item = (Tile, &[Hash])> {
        self.edge.iter().zip(0u8..).filter(|(hashes, _)| !hashes.is_empty()).map(|(hashes, level)| {
            let index = self.size >> ((u32::from(level) + 1) * 8);
            let width = u16::try_from(hashes.len()).unwrap_or(TILE_WIDTH);
            (Tile { level: Level::Hashes(level), index, width }, hashes.as_slice())
        })
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let Ok(root) = tree::root(self.size, &mut Edge(self));
        root
    }
}

/// The hashes that a root needs are all on the right edge.
struct Edge<'a>(&'a TileTree);

impl HashSource for Edge<'_> {
    type Error = Infallible;

    fn subtree(&mut self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let hashes = self.0.edge.get(level as usize / 8).map_or(&[][..], Vec::as_slice);
        let height = level % 8;
        let start = usize::try_from((index << height) % u64::from(TILE_WIDTH)).unwrap_or(0);
        // Invariant: asked only for the peaks of this very size, which the edge holds.
        let below = hashes.get(start..).and_then(|rest| rest.get(..1 << height)).unwrap_or(&[]);
        Ok(complete_root(below))
    }
}

/// The root over a power of two of hashes.
pub(super) fn complete_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row =
            row.chunks(2).filter_map(|pair| pair.iter().copied().reduce(|l, r| node_hash(&l, &r))).collect();
    }
    row.first().copied().unwrap_or_else(tree::empty_root)
}

/// The root over the 256 hashes of a full tile.
#[must_use]
pub fn full_tile_root(hashes: &[Hash]) -> Hash {
    complete_root(hashes)
}

/// The bytes of a tile.
#[must_use]
pub fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * HASH_BYTES);
    hashes.iter().for_each(|hash| bytes.extend_from_slice(&hash.0));
    bytes
}
