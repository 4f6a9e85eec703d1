//! Reading one bundle of entries and the tile of hashes over it.

use super::{
    super::tile::{
        Level, LogReader, MAX_BUNDLE_BYTES, TILE_WIDTH, Tile, TileError, decode_bundle, read_tile,
    },
    VerifyError,
};
use crate::proof::tree::Hash;

/// Reads the bundle at its place. A partial bundle may have been dropped once the full one was there.
pub(super) fn read_bundle<R: LogReader>(
    reader: &R,
    tile: Tile,
) -> Result<Option<(Tile, Vec<u8>)>, VerifyError> {
    for candidate in [tile, tile.full()] {
        let path = candidate.path();
        match reader.read(&path, MAX_BUNDLE_BYTES) {
            Ok(Some(bytes)) => return Ok(Some((candidate, bytes))),
            Ok(None) => {}
            Err(source) => return Err(VerifyError::Read { path, source }),
        }
    }
    Ok(None)
}

/// The entries of a bundle, no more than the tree has if a fuller bundle was read in place of a partial
/// one.
pub(super) fn entries(asked: Tile, read: Tile, bytes: &[u8]) -> Result<Vec<&[u8]>, String> {
    let mut entries = decode_bundle(bytes).map_err(|error| error.to_string())?;
    if read.width > asked.width {
        entries.truncate(usize::from(asked.width));
    }
    Ok(entries)
}

/// The hashes that a tile file says, no more than the tree has.
///
/// # Errors
/// The file cannot be read at all. A tile that is missing or damaged is a finding: `Ok(Err(…))`.
pub(super) fn tile_hashes<R: LogReader>(
    reader: &R,
    tile: Tile,
) -> Result<Result<Vec<Hash>, TileError>, VerifyError> {
    match read_tile(reader, tile) {
        Ok(mut hashes) => {
            hashes.truncate(usize::from(tile.width));
            Ok(Ok(hashes))
        }
        Err(TileError::Read { path, source }) => Err(VerifyError::Read { path, source }),
        Err(error) => Ok(Err(error)),
    }
}

/// The bundle and the tile of level 0 at `index` in a tree of `size` entries.
pub(super) fn places(index: u64, size: u64) -> Option<(Tile, Tile)> {
    Some((Tile::of(Level::Entries, index, size)?, Tile::of(Level::Hashes(0), index, size)?))
}

/// How many bundles a tree of `size` entries has.
pub(super) const fn bundles(size: u64) -> u64 {
    size.div_ceil(TILE_WIDTH as u64)
}
