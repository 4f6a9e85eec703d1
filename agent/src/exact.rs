//! Exact texts and values of statements, sealed and beside the log: what the commitments in it are over. Whoever may
//! can be shown one and holds it against the log; whoever erases its key leaves a log of which every proof holds.
//!
//! # On the disk
//! ```text
//! texts.key          the agent's own key: wraps those below
//! texts/keys         one slot a connection and some hours: its key, wrapped. Erasing overwrites the slot in place
//! texts/*.sealed     AES-256-GCM under these keys, appended; never changed, removed when all its keys are gone
//! ```
//! Neither names a principal: a slot has the HMAC of who it is, so that it can be found by whoever knows the name.
//! Nothing is ever written in clear, and no database is between us and the disk that would keep copies of its pages.
//! What a disk itself keeps of a block that was written over is beyond any program.
//!
//! # What is promised
//! A statement never waits for its text. What does not fit into the queue, or cannot be written, is counted and
//! an entry (`texts_lost`). Texts are synced once a second: a loss of power may take those of the last one.
//!
//! [`writer`] has the thread, [`keyring`] the keys, [`sealed`] the form of a record, [`find`] the way back.

mod erase;
mod find;
mod keyring;
mod sealed;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use connect_core::machine::ExactText;
use connect_shared::{entry::PrincipalRef, ids::ConnectionId};
use zeroize::Zeroizing;

pub(crate) use self::{
    erase::{EraseArgs, erase},
    find::{Found, Sealed},
};
use self::{
    keyring::Wrapping,
    writer::{ConnectionKey, Writer},
};
use crate::{keys::KeyError, log::Log};

/// Name of the folder in `state_dir`, and of the key beside it.
const FOLDER: &str = "texts";
const KEY: &str = "texts.key";

/// Why texts cannot be kept or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExactError {
    #[error("the exact texts in `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl ExactError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// The texts of this agent. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    writer: Arc<Writer>,
    wrapping: Arc<Wrapping>,
    folder: PathBuf,
}

impl Texts {
    /// Whether there are any below `state`.
    pub(crate) fn are_in(state: &Path) -> bool {
        state.join(FOLDER).join(writer::KEYS).exists()
    }

    /// Keeps texts below the folder `state` for so long. The log is told of what is lost and erased.
    pub(crate) fn start(state: &Path, age: Duration, log: &Log) -> Result<Self, ExactError> {
        let folder = state.join(FOLDER);
        crate::keys::open_folder(&folder)?;
        let key = crate::keys::read_or_make_random(&state.join(KEY)).map(Zeroizing::new)?;
        let wrapping = Arc::new(Wrapping::new(&key, log.origin()));
        let writer = Arc::new(Writer::start(&folder, Arc::clone(&wrapping), age, log)?);
        Ok(Self { writer, wrapping, folder })
    }

    /// What a connection hands its texts to.
    pub(crate) fn keeper(&self, connection: ConnectionId, principal: &PrincipalRef) -> Keeper {
        let owner = self.wrapping.owner(&principal.sub);
        Keeper { writer: Arc::clone(&self.writer), key: Arc::new(ConnectionKey::new(connection, owner)) }
    }

    /// What was kept of a statement whose INTENT or denial was written then. Blocks.
    pub(crate) fn find(&self, sealed: &Sealed) -> Result<Found, ExactError> {
        // What was handed over before the question is found.
        self.writer.flush();
        find::find(&self.folder, &self.wrapping, sealed).map_err(ExactError::io(&self.folder))
    }

    /// Waits until all that was handed over is on the disk. Blocks.
    pub(crate) fn flush(&self) {
        self.writer.flush();
    }

    /// Statements whose texts were not kept since the agent started.
    pub(crate) fn lost(&self) -> u64 {
        self.writer.lost()
    }
}

/// Of one connection.
#[derive(Debug)]
pub(crate) struct Keeper {
    writer: Arc<Writer>,
    key: Arc<ConnectionKey>,
}

impl Keeper {
    /// Hands a text over, at once.
    pub(crate) fn keep(&self, text: ExactText) {
        self.writer.keep(&self.key, text);
    }

    /// A key for the salts of the connection: it is kept nowhere, the salts are, with the texts.
    pub(crate) fn salt_key() -> Result<Zeroizing<[u8; 32]>, KeyError> {
        crate::keys::random().map(Zeroizing::new)
    }
}
