//! The handle that the rest of the agent holds.

mod keeper;
mod open;
mod publishing;
mod receipt;
mod wait;

use std::{
    fs::File,
    path::Path,
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
};

use connect_core::record::Seq;
use connect_shared::{
    attest::Envelope,
    entry::{Entry, PrincipalRef},
    ids::{ConnectionId, StatementId},
    proof::note::SigningKey,
};
use tokio::sync::watch;

#[cfg(test)]
pub(super) use self::open::{Opened, Opening, make_folders, unknown_end};
pub(crate) use self::wait::block_on;
pub(super) use self::{keeper::Failures, receipt::make_receipt};
use super::{
    Durability, Gate, LogClosed, Mode, PublicFolder, Published, StatementPlace,
    index::StatementIndex,
    leaf::{Prepared, whose},
    publish::Signal,
    queue::{Haste, Queue},
    texts::Texts,
    watermark::{DurableWait, Watermark},
};

/// What the handle and the threads share.
pub(super) struct Shared {
    pub(super) queue: Queue,
    pub(super) durability: watch::Sender<Durability>,
    pub(super) watermark: Arc<Watermark>,
    /// The same for as long as the log is open: whoever follows it does not hear of failures.
    pub(super) published: watch::Sender<Arc<Published>>,
    pub(super) index: Mutex<StatementIndex>,
    pub(super) signal: Signal,
    /// Wakes whoever opens the log again.
    pub(super) failures: Arc<Failures>,
}

impl Shared {
    /// Closes the log for good.
    pub(super) fn fail(&self, reason: &str) {
        tracing::error!(reason, "the log is closed: nothing runs any more");
        let reason: Arc<str> = reason.into();
        self.queue.close(LogClosed::Failed(Arc::clone(&reason)));
        self.durability.send_modify(|durability| {
            durability.failed.get_or_insert_with(|| Arc::clone(&reason));
        });
        self.watermark.fail();
        self.signal.failed(reason);
        self.failures.wake();
    }
}

/// The log. Clones are the same log; it is closed in order when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Log {
    /// `None` for the keeper's own use. It is dropped before `open`.
    _handle: Option<Arc<Handle>>,
    open: Arc<Open>,
    /// One opening and no later one.
    pinned: Option<Arc<Inner>>,
}

/// The log for as long as the agent runs, through all its openings.
struct Open {
    /// The opening in use: another one after each failure that was recovered from.
    now: RwLock<Arc<Inner>>,
    origin: String,
    verifier_key: String,
    public: PublicFolder,
    gate: Arc<Gate>,
    mode: Mode,
    failures: Arc<Failures>,
    keeper: Mutex<Option<JoinHandle<()>>>,
    /// Held until the threads have ended: no other process opens the folder.
    _lock: File,
}

/// One opening: from a replay to a failure or the end.
struct Inner {
    shared: Arc<Shared>,
    key: Arc<SigningKey>,
    texts: RwLock<Texts>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("origin", &self.open.origin).finish_non_exhaustive()
    }
}

impl Log {
    fn inner(&self) -> Arc<Inner> {
        match &self.pinned {
            Some(inner) => Arc::clone(inner),
            None => Arc::clone(&self.open.now.read().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// The log as it is open now. What began under one opening ends with it: whoever pairs entries (a
    /// database connection) must not go on in a later one, which has ended those pairs.
    pub(crate) fn pin(&self) -> Self {
        Self { pinned: Some(self.inner()), ..self.clone() }
    }

    /// What a loss of power may take.
    pub(crate) fn mode(&self) -> Mode {
        self.open.mode
    }

    /// What may not begin now.
    pub(crate) fn gate(&self) -> &Gate {
        &self.open.gate
    }

    /// Gives an entry its place in the log, at once and without I/O. The entry is safe when
    /// [`Log::durable`] says so, not before.
    ///
    /// # Errors
    /// The log takes no entries, or not this one. Nothing was appended.
    pub(crate) fn append(&self, entry: Entry) -> Result<Seq, LogClosed> {
        self.open.gate.admit(&entry)?;
        let haste = self.open.mode.haste(&entry);
        self.inner().shared.queue.append(Prepared::new(&entry)?, haste)
    }

    /// As [`Log::append`], for an entry that nobody waits for: it goes to the disk with the next one that
    /// is waited for, or a moment later by itself.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub(crate) fn append_in_passing(&self, entry: &Entry) -> Result<Seq, LogClosed> {
        self.inner().shared.queue.append(Prepared::new(entry)?, Haste::Soon)
    }

    /// Makes sure that a text stands before whatever is appended from here on. `None` if it did already.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub(crate) fn append_statement_text_once(
        &self,
        fingerprint: &str,
        sql: &str,
    ) -> Result<Option<Seq>, LogClosed> {
        self.append_once(fingerprint, || Entry::StatementText {
            fingerprint: fingerprint.to_owned(),
            sql: sql.to_owned(),
        })
    }

    /// The same for an [`Entry::StatementLineage`]. After a restart it may stand there twice.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub(crate) fn append_lineage_once(&self, lineage: &str, entry: &Entry) -> Result<Option<Seq>, LogClosed> {
        // No fingerprint begins so.
        self.append_once(&format!("lineage:{lineage}"), || entry.clone())
    }

    fn append_once(&self, key: &str, entry: impl FnOnce() -> Entry) -> Result<Option<Seq>, LogClosed> {
        let inner = self.inner();
        let texts = &inner.texts;
        if texts.read().unwrap_or_else(PoisonError::into_inner).has(key) {
            return Ok(None);
        }
        // Held over the append: whoever finds the text here finds it before them in the log.
        let mut texts = texts.write().unwrap_or_else(PoisonError::into_inner);
        if texts.has(key) {
            return Ok(None);
        }
        let entry = entry();
        self.open.gate.admit(&entry)?;
        // To this opening, whose texts these are.
        let seq = inner.shared.queue.append(Prepared::new(&entry)?, Haste::Soon)?;
        texts.insert(key);
        Ok(Some(seq))
    }

    /// Signs an attestation with the log's key: a DSSE envelope.
    pub(crate) fn sign_attestation(&self, payload: &[u8]) -> Envelope {
        Envelope::sign(payload, &self.inner().key)
    }

    /// How far the log is durable, as it goes.
    pub(crate) fn durable(&self) -> watch::Receiver<Durability> {
        self.inner().shared.durability.subscribe()
    }

    /// A way to wait for entry after entry, in one task.
    pub(crate) fn durable_wait(&self) -> DurableWait {
        DurableWait::new(Arc::clone(&self.inner().shared.watermark))
    }

    /// Waits until an entry is durable.
    ///
    /// # Errors
    /// The log closed before it was.
    pub(crate) async fn wait_durable(&self, seq: Seq) -> Result<(), LogClosed> {
        let inner = self.inner();
        let mut durable = inner.shared.durability.subscribe();
        inner.shared.queue.hurry();
        let reached = durable.wait_for(|now| now.upto > seq.0 || now.failed.is_some()).await;
        match reached.as_deref() {
            Ok(now) if now.upto > seq.0 => Ok(()),
            Ok(Durability { failed: Some(reason), .. }) => Err(LogClosed::Failed(Arc::clone(reason))),
            _ => Err(LogClosed::Stopped),
        }
    }

    /// What was last signed, as it goes.
    pub(crate) fn published(&self) -> watch::Receiver<Arc<Published>> {
        self.inner().shared.published.subscribe()
    }

    /// The time of the last entry, in milliseconds since 1970: no later one is before it.
    pub(crate) fn time(&self) -> u64 {
        self.inner().shared.queue.time()
    }

    /// Index that the next entry will get.
    pub(crate) fn next(&self) -> u64 {
        self.inner().shared.queue.next()
    }

    /// The last signed checkpoint. There is one from the first opening on.
    pub(crate) fn checkpoint_text(&self) -> Arc<str> {
        Arc::clone(&self.inner().shared.published.borrow().checkpoint)
    }

    /// What others need to check the log: `name+hash+base64`.
    pub(crate) fn verifier_key(&self) -> String {
        self.open.verifier_key.clone()
    }

    /// The log's identity.
    pub(crate) fn origin(&self) -> &str {
        &self.open.origin
    }

    /// The folder with `checkpoint`, `tile/…` and `blob/…`.
    pub(crate) fn public_dir(&self) -> &Path {
        self.open.public.path()
    }

    /// Index of the OUTCOME or denial of a statement, among the last that ended and are durable.
    #[cfg(test)]
    pub(crate) fn find_statement(&self, statement: StatementId) -> Option<u64> {
        self.statement(statement).map(|place| place.end)
    }

    /// Whose a statement was, and where it ended.
    pub(crate) fn statement(&self, statement: StatementId) -> Option<StatementPlace> {
        self.index(|index| index.find(statement).cloned())
    }

    /// The last statement of a principal that ended, and the index of its end.
    pub(crate) fn last_statement(&self, principal: &PrincipalRef) -> Option<(StatementId, u64)> {
        let whose = whose(&principal.idp, &principal.sub);
        self.index(|index| index.last_of(&whose).map(|place| (place.statement, place.end)))
    }

    /// The last statement on a connection that ended.
    pub(crate) fn last_on_connection(&self, connection: ConnectionId) -> Option<StatementPlace> {
        self.index(|index| index.last_on(connection).cloned())
    }

    fn index<T>(&self, look: impl FnOnce(&StatementIndex) -> T) -> T {
        look(&self.inner().shared.index.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes the log in order: what was appended becomes durable, a last checkpoint is signed over it,
    /// and the threads end. Blocks until then. A second call only says how the first one ended.
    ///
    /// # Errors
    /// The log had failed, or the last checkpoint could not be written.
    pub(crate) fn shutdown(&self) -> Result<(), LogClosed> {
        self.open.end();
        let inner = self.inner();
        let shared = &inner.shared;
        if let Some(reason) = &shared.durability.borrow().failed {
            return Err(LogClosed::Failed(Arc::clone(reason)));
        }
        let published = Arc::clone(&shared.published.borrow());
        match &published.failed {
            Some(reason) if published.size < shared.queue.next() => {
                Err(LogClosed::Unpublished(Arc::clone(reason)))
            }
            _ => Ok(()),
        }
    }
}

impl Inner {
    fn stop(&self) {
        self.shared.queue.close(LogClosed::Stopped);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log ended by a bug");
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Open {
    /// Nobody opens it again, and all that was appended goes to the disk.
    fn end(&self) {
        self.failures.end();
        let keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take();
        if keeper.is_some_and(|keeper| keeper.join().is_err()) {
            tracing::error!("the thread that keeps the log open ended by a bug");
        }
        let now = Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner));
        now.stop();
    }
}

/// Whoever has a log has this, but not the thread that keeps it open: the last one ends that thread.
struct Handle(Arc<Open>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.end();
    }
}
