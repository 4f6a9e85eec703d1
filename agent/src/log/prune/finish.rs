//! What stays of pruned entries is made durable; the rest is removed. Each step can be repeated.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use connect_shared::proof::tile::{Level, MAX_TILE_BYTES, TILE_WIDTH, Tile};

use super::{
    super::{
        disk::{remove_file, remove_folder, sync_folder},
        frame::segments,
        public::{Keep, read_capped, write_atomically},
    },
    Base,
};

/// Makes the full tiles of hashes over the entries in `from..upto` durable: from here on nothing is left that
/// they could be made from. They are written once more, because the system may hold pages that it believes to
/// be on the disk.
pub(super) fn keep_hashes(public: &Path, from: u64, upto: u64) -> io::Result<()> {
    let mut folders = BTreeSet::new();
    for level in 0u8.. {
        let span = (u32::from(level) + 1) * 8;
        let (first, end) = (from.checked_shr(span).unwrap_or(0), upto.checked_shr(span).unwrap_or(0));
        if end == 0 {
            break;
        }
        for index in first..end {
            let path = public.join(Tile { level: Level::Hashes(level), index, width: TILE_WIDTH }.path());
            let bytes = read_capped(&path, MAX_TILE_BYTES)?.ok_or(io::ErrorKind::NotFound)?;
            write_atomically(&path, &bytes, Keep::Durable)?;
            folders.extend(path.ancestors().skip(1).take_while(|a| a.starts_with(public)).map(PathBuf::from));
        }
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

/// Removes what stands before the base, and says so in it.
pub(in crate::log) fn finish(dir: &Path, base: &Base) -> io::Result<()> {
    let (folder, public) = (dir.join("segments"), dir.join("public"));
    for (_, path) in segments(&folder)?.into_iter().filter(|(first, _)| *first < base.upto) {
        remove_file(&path)?;
    }
    sync_folder(&folder)?;
    let mut touched = BTreeSet::new();
    for index in 0..base.upto / u64::from(TILE_WIDTH) {
        let path = public.join(Tile { level: Level::Entries, index, width: TILE_WIDTH }.path());
        let partial = public.join(format!("{}.p", path.strip_prefix(&public).unwrap_or(&path).display()));
        if gone(remove_file(&path))? | gone(remove_folder(&partial))? {
            touched.extend(path.parent().map(PathBuf::from));
        }
    }
    for name in &base.blobs {
        gone(remove_file(&public.join("blob").join(name)))?;
    }
    touched.insert(public.join("blob"));
    touched.iter().try_for_each(|folder| sync_folder(folder))?;
    Base { blobs: Vec::new(), done: true, ..base.clone() }.store(dir)
}

/// Whether there was something to remove.
fn gone(removed: io::Result<()>) -> io::Result<bool> {
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
