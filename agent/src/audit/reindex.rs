//! Making the index anew from the log, while no agent has it open.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use connect_shared::proof::{
    checkpoint::Checkpoint,
    note::{MAX_NOTE_BYTES, SigningKey},
    tile::LogReader as _,
};
use tokio::sync::watch;

use super::{
    FILE, IndexError,
    follow::{Indexing, Seen},
    store::Store,
};
use crate::log::PublicFolder;

/// Makes the index of the log in `dir` anew, and says how many entries it has.
///
/// # Errors
/// An agent has the log open, or a file cannot be read or written. The old index is there until the new one
/// is complete.
pub(crate) fn reindex(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, IndexError> {
    let _lock = lock(dir)?;
    let public = PublicFolder::new(dir.join("public"));
    let checkpoint = checkpoint(dir, &public)?;
    let (path, fresh) = (dir.join(FILE), dir.join(format!("{FILE}.new")));
    let store = Store::create(&fresh, &checkpoint.origin, &public)?;
    let mut indexing = Indexing {
        path: fresh.clone(),
        origin: checkpoint.origin.clone(),
        public,
        seen: watch::Sender::new(Seen::default()),
        store: Some(store),
    };
    indexing.index_upto(&checkpoint, &mut |done| progress(done, checkpoint.size))?;
    // Closing the last connection folds the write-ahead file into the index.
    drop(indexing);
    remove_beside(&path);
    std::fs::rename(&fresh, &path).map_err(|source| IndexError::Io { path, source })?;
    Ok(checkpoint.size)
}

/// A write-ahead file of the old index must never be taken for one of the new.
fn remove_beside(path: &Path) {
    for suffix in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _none = std::fs::remove_file(PathBuf::from(name));
    }
}

/// The checkpoint, by the agent's own key: its name is the origin.
fn checkpoint(dir: &Path, public: &PublicFolder) -> Result<Checkpoint, IndexError> {
    let words = |error: &dyn std::fmt::Display| IndexError::Checkpoint(error.to_string());
    let key = std::fs::read_to_string(dir.join("log.key")).map_err(|error| words(&error))?;
    let key = SigningKey::from_text(&key).map_err(|error| words(&error))?;
    let read = public.read("checkpoint", MAX_NOTE_BYTES).map_err(|error| words(&error))?;
    let text = String::from_utf8(read.unwrap_or_default()).map_err(|error| words(&error))?;
    Checkpoint::open(&text, key.verifier()).map_err(|error| words(&error))
}

fn lock(dir: &Path) -> Result<File, IndexError> {
    let path = dir.join("lock");
    let io = |source| IndexError::Io { path: path.clone(), source };
    let file = File::options().write(true).open(&path).map_err(io)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(IndexError::Locked(dir.to_owned())),
        Err(error) => Err(io(error.into())),
    }
}
