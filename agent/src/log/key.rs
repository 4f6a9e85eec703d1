//! The log's signing key: one file that only its owner can read, in the text form of Go's `sumdb/note`.

use std::{io, path::Path};

use connect_shared::proof::note::SigningKey;

use super::{
    disk::{DiskFile, create_folders, rename, sync_folder},
    error::{OpenError, io_error},
    public::read_capped,
};

/// Longest file that can be a key.
const MAX_KEY_BYTES: usize = 1024;

/// What a log needs of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The log is new: make a key if there is none.
    Make,
    /// The log has been signed with it.
    Keep,
}

/// Name of the file, and of the one of the key that is to follow.
const FILE: &str = "log.key";
const NEXT: &str = "log.key.next";

/// Loads the key of `origin` from the folder `keys`, or makes it.
pub(super) fn load(keys: &Path, origin: &str, need: Need) -> Result<SigningKey, OpenError> {
    match read(keys, FILE, origin)? {
        Some(key) => Ok(key),
        None if need == Need::Make => make(keys, FILE, origin),
        None => Err(OpenError::KeyMissing(keys.join(FILE))),
    }
}

/// The key that is to follow, if one was made.
pub(super) fn next(keys: &Path, origin: &str) -> Result<Option<SigningKey>, OpenError> {
    read(keys, NEXT, origin)
}

/// The key that is to follow; it is made if there is none.
pub(super) fn load_next(keys: &Path, origin: &str) -> Result<SigningKey, OpenError> {
    match next(keys, origin)? {
        Some(key) => Ok(key),
        None => make(keys, NEXT, origin),
    }
}

/// The key that is to follow takes the place of the one that is there.
pub(super) fn promote(keys: &Path) -> Result<(), OpenError> {
    rename(&keys.join(NEXT), &keys.join(FILE)).map_err(io_error("change the log's key in", keys))?;
    sync_folder(keys).map_err(io_error("sync the folder for keys", keys))
}

fn read(keys: &Path, file: &str, origin: &str) -> Result<Option<SigningKey>, OpenError> {
    let path = keys.join(file);
    let bytes = read_capped(&path, MAX_KEY_BYTES).map_err(io_error("read the log's key", &path))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let mode = DiskFile::open(&path).and_then(|file| file.mode());
    let mode = mode.map_err(io_error("look at the log's key", &path))?;
    if mode & 0o077 != 0 {
        return Err(OpenError::KeyReadable(path));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| io_error("read the log's key", &path)(io::ErrorKind::InvalidData.into()))?;
    let key = SigningKey::from_text(&text).map_err(|source| OpenError::Key { path, source })?;
    if key.verifier().name() == origin {
        Ok(Some(key))
    } else {
        Err(OpenError::OtherOrigin { found: key.verifier().name().to_owned(), expected: origin.to_owned() })
    }
}

/// Makes a key. If we stop before the rename, recovery finds no key and no checkpoint, and begins again.
fn make(keys: &Path, file: &str, origin: &str) -> Result<SigningKey, OpenError> {
    let path = keys.join(file);
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| OpenError::Random)?;
    let key = SigningKey::from_seed(origin, seed)
        .map_err(|source| OpenError::Key { path: path.clone(), source })?;
    create_folders(keys, 0o700).map_err(io_error("create the folder for keys", keys))?;
    let fresh = keys.join("log.key.new");
    let written = DiskFile::create(&fresh, 0o600).and_then(|file| {
        file.write_all_at(format!("{}\n", key.to_text()).as_bytes(), 0)?;
        file.sync_all()
    });
    written.map_err(io_error("write the log's key", &fresh))?;
    rename(&fresh, &path).map_err(io_error("write the log's key", &path))?;
    sync_folder(keys).map_err(io_error("sync the folder for keys", keys))?;
    Ok(key)
}
