//! The public folder: the files that make this a `tlog-tiles` log for anyone who can read them.

use std::{
    io,
    path::{Path, PathBuf},
};

use connect_shared::proof::{
    pruning::{PRUNED, Pruning},
    rotation::is_rotation_path,
    tile::{Level, LogReader, ReadError, TILE_WIDTH, Tile, TileTree, encode_entry, encode_hashes},
    tree::Hash,
};

use super::disk::{DiskFile, create_folders, remove_folder, rename, sync_folder};

/// How much is read at once.
const READ_BYTES: usize = 256 * 1024;
/// For everybody whom the umask lets.
const FILE_MODE: u32 = 0o666;
const FOLDER_MODE: u32 = 0o777;

/// The last checkpoint that witnesses have cosigned, with their cosignatures.
pub(crate) const WITNESSED: &str = "witnessed";

/// Whether a file must survive a loss of power by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It can be made again from the segments.
    Derived,
    /// It cannot.
    Durable,
}

/// Writes a file so that a reader sees either what was there before or all of it.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8], keep: Keep) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = folder.join(name);
    let write = || {
        let file = DiskFile::create(&fresh, FILE_MODE)?;
        file.write_all_at(bytes, 0)?;
        if keep == Keep::Durable { file.sync_all() } else { Ok(()) }
    };
    match write() {
        // Folders are made when they are first needed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_folders(folder, FOLDER_MODE)?;
            write()?;
        }
        other => other?,
    }
    rename(&fresh, path)?;
    if keep == Keep::Durable { sync_folder(folder) } else { Ok(()) }
}

/// The public folder, as anyone reads it.
#[derive(Debug, Clone)]
pub(crate) struct PublicFolder(PathBuf);

impl PublicFolder {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Entries before this are pruned, or may be so any moment.
    pub(crate) fn pruned_upto(&self) -> u64 {
        Pruning::read(self).ok().flatten().map_or(0, |pruning| pruning.upto)
    }

    /// The file behind a path of the log, if the path has the form of one. Nothing outside of the folder
    /// can be reached.
    pub(crate) fn locate(&self, path: &str) -> Option<PathBuf> {
        let blob = path.strip_prefix("blob/");
        let is_blob = blob.is_some_and(|name| {
            name.len() == 64
                && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        });
        let is_file = path == "checkpoint" || path == WITNESSED || path == PRUNED || is_rotation_path(path);
        (is_file || is_blob || Tile::parse(path).is_some()).then(|| self.0.join(path))
    }
}

impl LogReader for PublicFolder {
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(file) = self.locate(path) else { return Ok(None) };
        read_capped(&file, limit).map_err(|error| ReadError(error.to_string()))
    }
}

/// Reads a file of at most `limit` bytes; `None` if there is none.
pub(super) fn read_capped(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match DiskFile::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    loop {
        let read = bytes.len();
        // One more than it may have, to see that it has more.
        let more = (limit - read).saturating_add(1).min(READ_BYTES);
        bytes.resize(read + more, 0);
        let found = file.read_at(bytes.get_mut(read..).unwrap_or_default(), read as u64)?;
        bytes.truncate(read + found);
        if found == 0 {
            return Ok(Some(bytes));
        }
        if bytes.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is longer than it can be"));
        }
    }
}

/// What is done with files that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// They are compared, and nothing is written: it is not yet known which of the two is good.
    Compare,
    /// They are compared, and written again where they differ.
    Repair,
    /// They are written.
    Write,
}

/// The tree and the tiles of the log, growing entry by entry.
#[derive(Debug, Clone)]
pub(super) struct PublicTree {
    folder: PathBuf,
    mode: Mode,
    tree: TileTree,
    /// The bundle that is not yet full.
    bundle: Vec<u8>,
    /// Files that were found to be missing or to differ.
    differing: u64,
}

impl PublicTree {
    /// An empty tree that compares what is in the folder and changes nothing.
    pub(super) fn comparing(folder: PathBuf) -> Self {
        Self { folder, mode: Mode::Compare, tree: TileTree::default(), bundle: Vec::new(), differing: 0 }
    }

    /// The tree of a pruned log before its first entry.
    pub(super) fn after(self, tree: TileTree) -> Self {
        Self { tree, ..self }
    }

    /// The same tree; from here on, what differs is written again.
    pub(super) fn repairing(self) -> Self {
        Self { mode: Mode::Repair, differing: 0, ..self }
    }

    /// The same tree; from here on, files are written without looking.
    pub(super) fn writing(self) -> Self {
        Self { mode: Mode::Write, ..self }
    }

    /// Files that were found to be missing or to differ.
    pub(super) const fn differing(&self) -> u64 {
        self.differing
    }

    pub(super) const fn size(&self) -> u64 {
        self.tree.size()
    }

    pub(super) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Takes the next entry, and writes what it completes. If writing fails the entry counts as not
    /// taken: the call can be repeated.
    pub(super) fn push(&mut self, leaf: &[u8], hash: Hash) -> io::Result<()> {
        let length = self.bundle.len();
        encode_entry(&mut self.bundle, leaf).map_err(io::Error::other)?;
        if !(self.size() + 1).is_multiple_of(u64::from(TILE_WIDTH)) {
            self.tree.push(hash, |_, _| {});
            return Ok(());
        }
        let before = self.tree.clone();
        let done = self.fill(hash);
        if done.is_err() {
            self.tree = before;
            self.bundle.truncate(length);
        }
        done
    }

    /// Takes an entry that fills its bundle, and perhaps tiles of several levels.
    fn fill(&mut self, hash: Hash) -> io::Result<()> {
        let mut full = Vec::new();
        self.tree.push(hash, |tile, hashes| full.push((tile, encode_hashes(hashes))));
        let Some((lowest, _)) = full.first() else { return Ok(()) };
        let entries = Tile { level: Level::Entries, ..*lowest };
        full.push((entries, self.bundle.clone()));
        for (tile, bytes) in &full {
            self.write(*tile, bytes)?;
            self.drop_partial(*tile)?;
        }
        self.bundle.clear();
        Ok(())
    }

    /// Writes the partial tiles that a checkpoint of this size needs.
    pub(super) fn write_partial(&mut self) -> io::Result<()> {
        let partial: Vec<_> =
            self.tree.partial().map(|(tile, hashes)| (tile, encode_hashes(hashes))).collect();
        for (tile, bytes) in &partial {
            self.write(*tile, bytes)?;
            if tile.level == Level::Hashes(0) {
                let bundle = std::mem::take(&mut self.bundle);
                let written = self.write(Tile { level: Level::Entries, ..*tile }, &bundle);
                self.bundle = bundle;
                written?;
            }
        }
        Ok(())
    }

    /// Partial tiles have served once the full one is there: readers fall back to it.
    fn drop_partial(&self, tile: Tile) -> io::Result<()> {
        if self.mode == Mode::Compare {
            return Ok(());
        }
        match remove_folder(&self.folder.join(format!("{}.p", tile.path()))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn write(&mut self, tile: Tile, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(tile.path());
        if self.mode != Mode::Write {
            // A file that cannot be read counts as one that differs.
            if read_capped(&path, bytes.len()).is_ok_and(|found| found.as_deref() == Some(bytes)) {
                return Ok(());
            }
            self.differing += 1;
        }
        if self.mode == Mode::Compare { Ok(()) } else { write_atomically(&path, bytes, Keep::Derived) }
    }
}
