//! Opening a log: lock, key, checkpoint, replay, threads, and an end for every statement that has none.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Arc, Mutex, RwLock},
    thread::{self, JoinHandle},
};

use connect_shared::{
    entry::{Entry, OutcomeEntry, StatementResult},
    ids::StatementId,
    proof::{
        checkpoint::Checkpoint,
        note::{MAX_NOTE_BYTES, SigningKey},
        tree::empty_root,
    },
};
use tokio::sync::watch;

use super::{
    super::{
        Durability, Gate, LogClosed, LogOptions, OpenError, PublicFolder, Published, Recovery,
        commit::Committer,
        disk::{create_folders, sync_folder},
        error::io_error,
        frame, key, prune,
        public::{Keep, read_capped, write_atomically},
        publish::{Cursor, Publisher, Schedule, Signal},
        queue::Queue,
        replay::{Replay, Replayed},
        reserve::Reserve,
        segment::{DiskStore, SegmentStore},
        texts::Texts,
        watermark::Watermark,
    },
    Handle, Inner, Log, Open, Shared, block_on,
    keeper::Failures,
};

impl Log {
    /// Opens the log in the folder `dir`, or makes it. Every entry is read and hashed again, so this takes
    /// as long as the log is; it blocks.
    ///
    /// When it returns, every INTENT that had no OUTCOME has an `OUTCOME unknown`, durable, and a
    /// checkpoint over all of it is signed.
    ///
    /// # Errors
    /// The log is in use, its key or checkpoint is missing, or the segments are not what was
    /// acknowledged and signed. The error says which and what to do; the log is left as it was found.
    pub(crate) fn open(dir: &Path, options: LogOptions) -> Result<(Self, Recovery), OpenError> {
        let (log, recovery) =
            Self::open_with(dir, options.clone(), &|reserve| Box::new(DiskStore::new(Some(reserve))))?;
        log.keep_open(dir, options, Box::new(|reserve| Box::new(DiskStore::new(Some(reserve)))))?;
        Ok((log, recovery))
    }

    /// Opens the log once; nobody opens it again after a failure.
    pub(in crate::log) fn open_with(
        dir: &Path,
        options: LogOptions,
        store: &dyn Fn(Arc<Reserve>) -> Box<dyn SegmentStore>,
    ) -> Result<(Self, Recovery), OpenError> {
        let (segments, public) = (dir.join("segments"), dir.join("public"));
        make_folders(dir, &[&segments, &public, &public.join("blob")])?;
        let lock = lock(dir)?;
        let gate = Arc::new(Gate::default());
        let reserve = Arc::new(Reserve::new(dir, Arc::clone(&gate)));
        let failures = Arc::new(Failures::default());
        let published =
            watch::Sender::new(Arc::new(Published { size: 0, checkpoint: "".into(), failed: None }));
        let opening = Opening { dir, options: &options, published, failures: Arc::clone(&failures) };
        let (inner, recovery, verifier_key) = opening.open(store(reserve))?;
        let open = Open {
            now: RwLock::new(inner),
            origin: options.origin,
            verifier_key,
            public: PublicFolder::new(public),
            gate,
            mode: options.mode,
            failures,
            keeper: Mutex::default(),
            _lock: lock,
        };
        let open = Arc::new(open);
        let log = Self { _handle: Some(Arc::new(Handle(Arc::clone(&open)))), open, pinned: None };
        log.close_open_statements(&recovery.unknown)?;
        Ok((log, recovery))
    }

    /// Before anything else is appended: what was running when the agent stopped has an unknown end.
    pub(super) fn close_open_statements(&self, open: &[StatementId]) -> Result<(), OpenError> {
        let mut last = None;
        for statement in open {
            let entry = unknown_end(*statement);
            // So many may be open that they do not fit into the queue at once.
            match self.append(entry.clone()) {
                Ok(seq) => last = Some(seq),
                Err(LogClosed::Full) => {
                    last.map_or(Ok(()), |seq| block_on(self.wait_durable(seq)))?;
                    last = Some(self.append(entry)?);
                }
                Err(closed) => return Err(closed.into()),
            }
        }
        last.map_or(Ok(()), |seq| block_on(self.wait_durable(seq)))?;
        self.publish_now_blocking()?;
        Ok(())
    }
}

/// How a statement ended of which only the beginning is there.
pub(in crate::log) fn unknown_end(statement: StatementId) -> Entry {
    Entry::Outcome(Box::new(OutcomeEntry {
        statement,
        result: StatementResult::Unknown,
        rows: 0,
        bytes: 0,
        masked: Vec::new(),
        content: None,
        micros: 0,
    }))
}

/// Makes the log's folders, durable with their names.
pub(in crate::log) fn make_folders(dir: &Path, within: &[&Path]) -> Result<(), OpenError> {
    for folder in std::iter::once(&dir).chain(within) {
        let made = create_folders(folder, 0o700);
        let synced = made.and_then(|()| sync_folder(folder.parent().unwrap_or(Path::new("/"))));
        synced.map_err(io_error("create the folder", *folder))?;
    }
    Ok(())
}

/// Keeps other processes out for as long as the file is open.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(io_error("open the lock", &path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked(dir.to_owned())),
        Err(error) => Err(io_error("lock", path)(error.into())),
    }
}

/// The key and the last checkpoint; of a new log, made in this order. If we stop in between, recovery
/// finds a key and no segment, and goes on from there.
fn identity(
    segments: &Path,
    public: &Path,
    options: &LogOptions,
) -> Result<(SigningKey, Checkpoint, String), OpenError> {
    let path = public.join("checkpoint");
    let bytes = read_capped(&path, MAX_NOTE_BYTES).map_err(io_error("read the last checkpoint", &path))?;
    let Some(bytes) = bytes else {
        let begun = frame::segments(segments).map_err(io_error("list the segments in", segments))?;
        if !begun.is_empty() {
            return Err(OpenError::CheckpointMissing(path));
        }
        let key = key::load(&options.keys, &options.origin, key::Need::Make)?;
        let empty = Checkpoint { origin: options.origin.clone(), size: 0, root: empty_root() };
        let text = empty.sign(&key);
        write_atomically(&path, text.as_bytes(), Keep::Durable)
            .map_err(io_error("write the checkpoint", &path))?;
        return Ok((key, empty, text));
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        io_error("read the last checkpoint", &path)(io::Error::new(io::ErrorKind::InvalidData, error))
    })?;
    // Both keys have signed it, and the old one's place was not taken yet.
    let next = key::next(&options.keys, &options.origin)?;
    if next.is_some_and(|next| Checkpoint::open(&text, next.verifier()).is_ok()) {
        key::promote(&options.keys)?;
    }
    let key = key::load(&options.keys, &options.origin, key::Need::Keep)?;
    let checkpoint =
        Checkpoint::open(&text, key.verifier()).map_err(|source| OpenError::Checkpoint { path, source })?;
    Ok((key, checkpoint, text))
}

/// Opens what is in a folder whose lock is held.
pub(in crate::log) struct Opening<'a> {
    pub(in crate::log) dir: &'a Path,
    pub(in crate::log) options: &'a LogOptions,
    pub(in crate::log) published: watch::Sender<Arc<Published>>,
    pub(in crate::log) failures: Arc<Failures>,
}

/// What was found, and all that an open log is made of but its threads.
pub(in crate::log) struct Opened {
    pub(in crate::log) recovery: Recovery,
    pub(in crate::log) shared: Arc<Shared>,
    pub(in crate::log) committer: Committer,
    pub(in crate::log) publisher: Publisher,
    key: Arc<SigningKey>,
    texts: Texts,
}

impl Opening<'_> {
    pub(super) fn open(
        self,
        store: Box<dyn SegmentStore>,
    ) -> Result<(Arc<Inner>, Recovery, String), OpenError> {
        let dir = self.dir;
        let Opened { recovery, shared, committer, publisher, key, texts } = self.prepare(store)?;
        let verifier_key = key.verifier().to_string();
        let threads =
            spawn(dir, committer, publisher).inspect_err(|_| shared.queue.close(LogClosed::Stopped))?;
        let inner = Inner { shared, key, texts: RwLock::new(texts), threads: Mutex::new(threads) };
        Ok((Arc::new(inner), recovery, verifier_key))
    }

    /// The way back from whatever is on the disk, up to where entries can be taken.
    pub(in crate::log) fn prepare(self, store: Box<dyn SegmentStore>) -> Result<Opened, OpenError> {
        let (segments, public) = (self.dir.join("segments"), self.dir.join("public"));
        let (key, signed, text) = identity(&segments, &public, self.options)?;
        let now = Published { size: signed.size, checkpoint: text.into(), failed: None };
        self.published.send_replace(Arc::new(now));
        let base = prune::Base::load(self.dir)?;
        if let Some(base) = base.as_ref().filter(|base| !base.done) {
            prune::take_place(&segments, base.upto).map_err(io_error("finish pruning", self.dir))?;
        }
        let replay = Replay::new(&public, signed, self.options.indexed_statements, base.as_ref());
        let mut found = replay.run(&segments)?;
        if let Some(base) = base.as_ref().filter(|base| !base.done) {
            prune::finish(self.dir, base).map_err(io_error("finish pruning", self.dir))?;
        }
        let recovery = Recovery {
            entries: found.tree.size(),
            torn: found.torn.take(),
            unknown: found.open(),
            republished: found.republished,
        };
        self.assemble(store, key, found, recovery)
    }

    fn assemble(
        self,
        store: Box<dyn SegmentStore>,
        key: SigningKey,
        found: Replayed,
        recovery: Recovery,
    ) -> Result<Opened, OpenError> {
        let Self { dir, options, published, failures } = self;
        let (segments, public) = (dir.join("segments"), dir.join("public"));
        let (size, signed) = (found.tree.size(), published.borrow().size);
        let shared = Arc::new(Shared {
            queue: Queue::new(size, found.time, options.pending_bytes, Arc::clone(&options.clock)),
            durability: watch::Sender::new(Durability { upto: size, failed: None }),
            watermark: Arc::new(Watermark::new(size)),
            published,
            index: Mutex::new(found.index),
            signal: Signal::new(size, found.end),
            failures,
        });
        let folders = (segments.clone(), public.clone());
        let committer = Committer::new(
            Arc::clone(&shared),
            store,
            folders,
            (options.segment_bytes, options.mode),
            found.end,
        )
        .map_err(io_error("open the last segment in", &segments))?;
        let cursor = found.end.map(|end| Cursor::at(&segments, end, size)).transpose();
        let key = Arc::new(key);
        let publisher = Publisher {
            shared: Arc::clone(&shared),
            key: Arc::clone(&key),
            public,
            cursor: cursor.map_err(io_error("read the last segment in", &segments))?,
            segments,
            tree: found.tree,
            schedule: Schedule::new(
                options.checkpoint_every,
                options.checkpoint_entries,
                options.heartbeat_every,
            ),
            signed,
        };
        Ok(Opened { recovery, shared, committer, publisher, key, texts: found.texts })
    }
}

fn spawn(dir: &Path, committer: Committer, publisher: Publisher) -> Result<Vec<JoinHandle<()>>, OpenError> {
    let start = |name: &str, run: Box<dyn FnOnce() + Send>| {
        thread::Builder::new().name(name.to_owned()).spawn(run).map_err(io_error("start a thread for", dir))
    };
    let commit = start("log-commit", Box::new(move || committer.run()))?;
    let publish = start("log-publish", Box::new(move || publisher.run()))?;
    Ok(vec![commit, publish])
}
