//! Tiles (`c2sp.org/tlog-tiles`): the tree and its entries as a set of files of at most 256 items each.
//!
//! [`TileTree`] makes them, [`TileHashes`] proves from them, [`encode_entry`] and [`decode_bundle`] are
//! the form of the entries themselves.

mod bundle;
mod grow;
mod hashes;

use super::checkpoint::parse_decimal;

pub(in crate::proof) use self::hashes::read_tile;
pub use self::{
    bundle::{BundleError, EntryTooLong, MAX_BUNDLE_BYTES, MAX_ENTRY_BYTES, decode_bundle, encode_entry},
    grow::{TileTree, encode_hashes, full_tile_root},
    hashes::{LogReader, ReadError, TileError, TileHashes},
};

/// Hashes or entries of a full tile.
pub const TILE_WIDTH: u16 = 256;
/// Bytes of a full tile of hashes.
pub const MAX_TILE_BYTES: usize = TILE_WIDTH as usize * 32;
/// 256^8 entries are more than any log has.
const MAX_LEVEL: u8 = 63;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// The entries themselves.
    Entries,
    /// Hashes of subtrees of 256^level entries.
    Hashes(u8),
}

/// The place of one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    pub level: Level,
    pub index: u64,
    /// 1 to 256; less than 256 is a partial tile.
    pub width: u16,
}

impl Tile {
    /// The tile with this place in a tree of `size` entries. `None` if it has none.
    #[must_use]
    pub fn of(level: Level, index: u64, size: u64) -> Option<Self> {
        let hashes = match level {
            Level::Entries => size,
            Level::Hashes(level) => size.checked_shr(u32::from(level) * 8).unwrap_or(0),
        };
        let before = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = hashes.checked_sub(before)?.min(u64::from(TILE_WIDTH));
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { level, index, width })
    }

    /// The whole tile at the same place.
    #[must_use]
    pub const fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// Whether it is not yet full.
    #[must_use]
    pub const fn is_partial(self) -> bool {
        self.width < TILE_WIDTH
    }

    /// Its path below the log's root: `tile/0/x001/234`, `tile/entries/000.p/7`.
    #[must_use]
    pub fn path(self) -> String {
        let mut number = format!("{:03}", self.index % 1000);
        let mut rest = self.index / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        let level = match self.level {
            Level::Entries => "entries".to_owned(),
            Level::Hashes(level) => level.to_string(),
        };
        let partial = if self.is_partial() { format!(".p/{}", self.width) } else { String::new() };
        format!("tile/{level}/{number}{partial}")
    }

    /// Reads a path. Only the one form that [`Tile::path`] writes is accepted, so that a path which
    /// passed can be joined to a folder.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = match level {
            "entries" => Level::Entries,
            number => Level::Hashes(u8::try_from(parse_decimal(number)?).ok().filter(|l| *l <= MAX_LEVEL)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, u16::try_from(parse_decimal(width)?).ok()?),
            None => (rest, TILE_WIDTH),
        };
        let index = number.split('/').try_fold(0u64, |index, part| {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let group = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok())??;
            index.checked_mul(1000)?.checked_add(group)
        })?;
        let tile = Self { level, index, width };
        (width > 0 && tile.path() == path).then_some(tile)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let path = |level, index, width| Tile { level, index, width }.path();
        assert_eq!(path(Level::Hashes(0), 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(Level::Entries, 0, 7), "tile/entries/000.p/7");
        assert_eq!(path(Level::Hashes(2), 1000, 256), "tile/2/x001/000");
    }

    #[test]
    fn a_tree_of_seventy_thousand_has_the_tiles_of_the_specification() {
        let width = |level, index| Tile::of(Level::Hashes(level), index, 70_000).map(|tile| tile.width);
        assert_eq!((width(0, 272), width(0, 273), width(0, 274)), (Some(256), Some(112), None));
        assert_eq!((width(1, 0), width(1, 1), width(1, 2)), (Some(256), Some(17), None));
        assert_eq!((width(2, 0), width(3, 0)), (Some(1), None));
        assert_eq!(Tile::of(Level::Hashes(63), u64::MAX, u64::MAX), None);
    }

    #[test]
    fn a_path_in_any_other_form_is_refused() {
        for path in [
            "tile/0/../../etc",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/x000/001",
            "tile/00/001",
            "tile/64/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/01",
            "tile/0/001/",
            "tile/0//001",
            "/tile/0/001",
            "tile/entries/",
            "tile/entries",
            "tile/0/001.p/",
            "tile/0/-01",
            "checkpoint",
        ] {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_tile_survives_its_path_and_the_oracle_writes_the_same(
            level in 0u8..=63, index in 0u64..(1 << 40), width in 1u16..=256, entries in any::<bool>()
        ) {
            let level = if entries { Level::Entries } else { Level::Hashes(level) };
            let tile = Tile { level, index, width };
            prop_assert_eq!(Tile::parse(&tile.path()), Some(tile));
            // The oracle writes the path of Go's sumdb, with the height in it.
            let number = match level { Level::Entries => 0, Level::Hashes(level) => level };
            let theirs = tlog_tiles::Tile::new(8, number, index, u32::from(width), entries).path();
            let expected = theirs.replacen("tile/8/data/", "tile/entries/", 1).replacen("tile/8/", "tile/", 1);
            prop_assert_eq!(tile.path(), expected);
        }

        #[test]
        fn parsing_a_path_never_panics(path in "(tile/)?[0-9a-z./]{0,40}") {
            let _ = Tile::parse(&path);
        }
    }
}
