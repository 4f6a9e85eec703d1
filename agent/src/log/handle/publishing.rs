//! Asking for a checkpoint.

use std::sync::Arc;

use super::{
    super::{LogClosed, Published},
    Log, block_on,
};

impl Log {
    /// Signs a checkpoint over everything that was appended before the call, and waits for it.
    ///
    /// # Errors
    /// The log closed before that, or its public files could not be written.
    pub(crate) async fn publish_now(&self) -> Result<Arc<Published>, LogClosed> {
        self.publish_upto(self.next()).await
    }

    /// [`Log::publish_now`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Log::publish_now`].
    pub(crate) fn publish_now_blocking(&self) -> Result<Arc<Published>, LogClosed> {
        block_on(self.publish_now())
    }

    pub(super) async fn publish_upto(&self, size: u64) -> Result<Arc<Published>, LogClosed> {
        let inner = self.inner();
        let shared = &inner.shared;
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
}
