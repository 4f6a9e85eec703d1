//! The log's signing key: one file that only its owner can read, in the text form of Go's `sumdb/note`.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use connect_shared::proof::note::SigningKey;

use super::{
    error::{OpenError, io_error},
    public::sync_folder,
};

/// What a log needs of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The log is new: make a key if there is none.
    Make,
    /// The log has been signed with it.
    Keep,
}

/// Loads the key of `origin` from the folder `keys`, or makes it.
pub(super) fn load(keys: &Path, origin: &str, need: Need) -> Result<SigningKey, OpenError> {
    let path = keys.join("log.key");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && need == Need::Make => {
            return make(keys, origin);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(OpenError::KeyMissing(path)),
        Err(error) => return Err(io_error("read the log's key", path)(error)),
    };
    let mode = fs::metadata(&path).map_err(io_error("look at the log's key", &path))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(OpenError::KeyReadable(path));
    }
    let key = SigningKey::from_text(&text).map_err(|source| OpenError::Key { path, source })?;
    if key.verifier().name() == origin {
        Ok(key)
    } else {
        Err(OpenError::OtherOrigin { found: key.verifier().name().to_owned(), expected: origin.to_owned() })
    }
}

/// Makes a key. If we stop before the rename, recovery finds no key and no checkpoint, and begins again.
fn make(keys: &Path, origin: &str) -> Result<SigningKey, OpenError> {
    let path = keys.join("log.key");
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| OpenError::Random)?;
    let key = SigningKey::from_seed(origin, seed)
        .map_err(|source| OpenError::Key { path: path.clone(), source })?;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(keys)
        .map_err(io_error("create the folder for keys", keys))?;
    let fresh = keys.join("log.key.new");
    let written =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).and_then(
            |mut file| {
                file.write_all(key.to_text().as_bytes())?;
                file.write_all(b"\n")?;
                file.sync_all()
            },
        );
    written.map_err(io_error("write the log's key", &fresh))?;
    fs::rename(&fresh, &path).map_err(io_error("write the log's key", &path))?;
    sync_folder(keys).map_err(io_error("sync the folder for keys", keys))?;
    Ok(key)
}
