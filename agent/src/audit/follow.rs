//! Keeping up with the log: a thread of its own, behind what is signed. It never holds up an entry.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
};

use connect_shared::{
    entry::Leaf,
    proof::{checkpoint::Checkpoint, note::VerifierKey, tile::TILE_WIDTH},
};
use tokio::sync::watch;

use super::{
    FILE, IndexError,
    leaves::{Leaves, decode},
    store::{Store, is_broken},
};
use crate::log::{Log, PublicFolder, Published, block_on};

/// Entries that are taken in one transaction, and their bytes.
const BATCH: (usize, usize) = (8_192, 16 << 20);
/// Statements come first: the thread is the last to get a processor.
const NICENESS: i32 = 10;

/// How far the index is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Entries that can be found.
    pub(crate) indexed: u64,
    /// Whether the index can be used at all.
    pub(crate) usable: bool,
}

/// The thread that follows a log.
#[derive(Debug)]
pub(crate) struct Follower {
    path: PathBuf,
    seen: watch::Receiver<Seen>,
    _thread: JoinHandle<()>,
}

impl Follower {
    /// Follows `log`, with the index in the folder `dir`. It ends with the log.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(crate) fn start(log: &Log, dir: &Path) -> std::io::Result<Self> {
        let path = dir.join(FILE);
        let (sender, seen) = watch::channel(Seen::default());
        let indexing = Indexing {
            path: path.clone(),
            origin: log.origin().to_owned(),
            public: PublicFolder::new(log.public_dir()),
            seen: sender,
            store: None,
        };
        let (key, published) = (log.verifier_key(), log.published());
        let thread = std::thread::Builder::new()
            .name("audit-index".to_owned())
            .spawn(move || follow(indexing, &key, published))?;
        Ok(Self { path, seen, _thread: thread })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How far it is, as it goes.
    pub(crate) fn seen(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }
}

fn follow(mut indexing: Indexing, key: &str, mut published: watch::Receiver<Arc<Published>>) {
    let _not_everywhere = rustix::process::nice(NICENESS);
    let Ok(key) = key.parse::<VerifierKey>() else { return };
    loop {
        let now = Arc::clone(&published.borrow_and_update());
        match Checkpoint::open(&now.checkpoint, &key) {
            Ok(checkpoint) => indexing.catch_up(&checkpoint),
            Err(error) => tracing::error!(%error, "the log's own checkpoint cannot be read"),
        }
        if block_on(published.changed()).is_err() {
            return;
        }
    }
}

/// An index on its way.
pub(super) struct Indexing {
    pub(super) path: PathBuf,
    pub(super) origin: String,
    pub(super) public: PublicFolder,
    pub(super) seen: watch::Sender<Seen>,
    pub(super) store: Option<Store>,
}

impl Indexing {
    /// A failure costs freshness and nothing else: the next checkpoint tries again.
    fn catch_up(&mut self, checkpoint: &Checkpoint) {
        if let Err(error) = self.index_upto(checkpoint, &mut |_| {}) {
            tracing::warn!(%error, "the search index is behind");
            let gone_back = self.store.as_mut().is_some_and(|store| store.go_back().is_ok());
            if is_broken(&error) || !gone_back {
                self.store = None;
            }
            if is_broken(&error) {
                let _made_anew = std::fs::remove_file(&self.path);
                self.seen.send_modify(|seen| seen.usable = false);
            }
        }
    }

    pub(super) fn index_upto(
        &mut self,
        checkpoint: &Checkpoint,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), IndexError> {
        let store = match &mut self.store {
            Some(store) => store,
            none => none.insert(Store::open(&self.path, &self.origin, &self.public)?),
        };
        let mut next = store.size()?;
        if next < self.seen.borrow().indexed {
            // It was made anew: what could be found cannot until it is there again.
            self.seen.send_replace(Seen::default());
        }
        let mut leaves = Leaves::new(self.public.clone(), checkpoint.size);
        let (mut batch, mut bytes): (Vec<(u64, Leaf)>, usize) = (Vec::new(), 0);
        while next < checkpoint.size {
            let number = next / u64::from(TILE_WIDTH);
            let start = number * u64::from(TILE_WIDTH);
            let bundle = leaves.bundle(number)?;
            for (index, entry) in (start..).zip(bundle).filter(|(index, _)| *index >= next) {
                let (leaf, length) = decode(&self.public, entry).ok_or(IndexError::Leaf(index))?;
                batch.push((index, leaf));
                bytes += length;
            }
            next = start + bundle.len() as u64;
            if next >= checkpoint.size || batch.len() >= BATCH.0 || bytes >= BATCH.1 {
                let complete = (next >= checkpoint.size).then_some(checkpoint);
                store.take(&batch, next, complete)?;
                batch.clear();
                bytes = 0;
                progress(next);
            }
        }
        self.seen.send_replace(Seen { indexed: checkpoint.size, usable: true });
        Ok(())
    }
}
