//! The handle that the rest of the agent holds.

mod open;
mod receipt;

use std::{
    fs::File,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex, PoisonError, RwLock},
    task::{Context, Poll, Wake, Waker},
    thread::{JoinHandle, Thread},
};

use connect_core::record::Seq;
use connect_shared::{
    attest::Envelope,
    entry::Entry,
    ids::{ConnectionId, StatementId},
    proof::note::SigningKey,
};
use tokio::sync::watch;

use super::{
    Durability, LogClosed, PublicFolder, Published, StatementPlace,
    index::StatementIndex,
    leaf::Prepared,
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
    pub(super) published: watch::Sender<Arc<Published>>,
    pub(super) index: Mutex<StatementIndex>,
    pub(super) signal: Signal,
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
    }
}

/// The log. Clones are the same log; it is closed in order when the last one is dropped.
#[derive(Clone)]
pub(crate) struct Log {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    texts: RwLock<Texts>,
    origin: String,
    verifier_key: String,
    key: Arc<SigningKey>,
    public: PublicFolder,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held until the threads have ended: no other process opens the folder.
    _lock: File,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("origin", &self.inner.origin).finish_non_exhaustive()
    }
}

impl Log {
    /// Gives an entry its place in the log, at once and without I/O. The entry is safe when
    /// [`Log::durable`] says so, not before.
    ///
    /// # Errors
    /// The log takes no entries, or not this one. Nothing was appended.
    pub(crate) fn append(&self, entry: Entry) -> Result<Seq, LogClosed> {
        self.inner.shared.queue.append(Prepared::new(&entry)?, Haste::Now)
    }

    /// As [`Log::append`], for an entry that nobody waits for: it goes to the disk with the next one that
    /// is waited for, or a moment later by itself.
    ///
    /// # Errors
    /// As [`Log::append`].
    pub(crate) fn append_in_passing(&self, entry: &Entry) -> Result<Seq, LogClosed> {
        self.inner.shared.queue.append(Prepared::new(entry)?, Haste::Soon)
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
        let texts = &self.inner.texts;
        if texts.read().unwrap_or_else(PoisonError::into_inner).has(key) {
            return Ok(None);
        }
        // Held over the append: whoever finds the text here finds it before them in the log.
        let mut texts = texts.write().unwrap_or_else(PoisonError::into_inner);
        if texts.has(key) {
            return Ok(None);
        }
        let seq = self.append_in_passing(&entry())?;
        texts.insert(key);
        Ok(Some(seq))
    }

    /// Signs an attestation with the log's key: a DSSE envelope.
    pub(crate) fn sign_attestation(&self, payload: &[u8]) -> Envelope {
        Envelope::sign(payload, &self.inner.key)
    }

    /// How far the log is durable, as it goes.
    pub(crate) fn durable(&self) -> watch::Receiver<Durability> {
        self.inner.shared.durability.subscribe()
    }

    /// A way to wait for entry after entry, in one task.
    pub(crate) fn durable_wait(&self) -> DurableWait {
        DurableWait::new(Arc::clone(&self.inner.shared.watermark))
    }

    /// Waits until an entry is durable.
    ///
    /// # Errors
    /// The log closed before it was.
    pub(crate) async fn wait_durable(&self, seq: Seq) -> Result<(), LogClosed> {
        let mut durable = self.durable();
        self.inner.shared.queue.hurry();
        let reached = durable.wait_for(|now| now.upto > seq.0 || now.failed.is_some()).await;
        match reached.as_deref() {
            Ok(now) if now.upto > seq.0 => Ok(()),
            Ok(Durability { failed: Some(reason), .. }) => Err(LogClosed::Failed(Arc::clone(reason))),
            _ => Err(LogClosed::Stopped),
        }
    }

    /// Signs a checkpoint over everything that was appended before the call, and waits for it.
    ///
    /// # Errors
    /// The log closed before that, or its public files could not be written.
    pub(crate) async fn publish_now(&self) -> Result<Arc<Published>, LogClosed> {
        self.publish_upto(self.inner.shared.queue.next()).await
    }

    /// [`Log::publish_now`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Log::publish_now`].
    pub(crate) fn publish_now_blocking(&self) -> Result<Arc<Published>, LogClosed> {
        block_on(self.publish_now())
    }

    async fn publish_upto(&self, size: u64) -> Result<Arc<Published>, LogClosed> {
        let shared = &self.inner.shared;
        let mut published = shared.published.subscribe();
        let now = Arc::clone(&published.borrow_and_update());
        if now.size >= size {
            return Ok(now);
        }
        shared.queue.hurry();
        let closed = || shared.queue.closed().unwrap_or(LogClosed::Stopped);
        if !shared.signal.want(size) {
            return Err(closed());
        }
        loop {
            // Each try, good or not, is a change; one that began before the call may fail for it.
            if published.changed().await.is_err() {
                return Err(closed());
            }
            let now = Arc::clone(&published.borrow_and_update());
            if now.size >= size {
                return Ok(now);
            }
            if let (Some(reason), None | Some(LogClosed::Stopped)) = (&now.failed, shared.queue.closed()) {
                return Err(LogClosed::Unpublished(Arc::clone(reason)));
            }
            if now.failed.is_some() || shared.signal.is_gone() {
                return Err(closed());
            }
        }
    }

    /// What was last signed, as it goes.
    #[cfg(test)]
    pub(crate) fn published(&self) -> watch::Receiver<Arc<Published>> {
        self.inner.shared.published.subscribe()
    }

    /// The last signed checkpoint. There is one from the first opening on.
    pub(crate) fn checkpoint_text(&self) -> Arc<str> {
        Arc::clone(&self.inner.shared.published.borrow().checkpoint)
    }

    /// What others need to check the log: `name+hash+base64`.
    pub(crate) fn verifier_key(&self) -> String {
        self.inner.verifier_key.clone()
    }

    /// The log's identity.
    pub(crate) fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// The folder with `checkpoint`, `tile/…` and `blob/…`.
    pub(crate) fn public_dir(&self) -> &Path {
        self.inner.public.path()
    }

    /// Index of the OUTCOME or denial of a statement, among the last that ended and are durable.
    #[cfg(test)]
    pub(crate) fn find_statement(&self, statement: StatementId) -> Option<u64> {
        self.statement(statement).map(|place| place.end)
    }

    /// Whose a statement was, and where it ended.
    pub(crate) fn statement(&self, statement: StatementId) -> Option<StatementPlace> {
        self.index().find(statement).cloned()
    }

    /// The last statement of a principal that ended, and the index of its end.
    pub(crate) fn last_statement(&self, sub: &str) -> Option<(StatementId, u64)> {
        self.index().last_of(sub).map(|place| (place.statement, place.end))
    }

    /// The last statement on a connection that ended.
    pub(crate) fn last_on_connection(&self, connection: ConnectionId) -> Option<StatementPlace> {
        self.index().last_on(connection).cloned()
    }

    fn index(&self) -> std::sync::MutexGuard<'_, StatementIndex> {
        self.inner.shared.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the log in order: what was appended becomes durable, a last checkpoint is signed over it,
    /// and the threads end. Blocks until then. A second call only says how the first one ended.
    ///
    /// # Errors
    /// The log had failed, or the last checkpoint could not be written.
    pub(crate) fn shutdown(&self) -> Result<(), LogClosed> {
        self.inner.stop();
        let shared = &self.inner.shared;
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

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future that needs no timer and no I/O on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}
