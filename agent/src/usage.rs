//! Keeps what principals were given within the hour, so that a restart gives nobody a new hour. Counts are
//! written every second and when the agent stops. A crash forgets those of its last second, and no more.
//!
//! Where several agents share a store, each learns every second what the others gave: what one gives counts at
//! another within two seconds, and while the store is away each counts for itself.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use connect_core::usage::{Usage, WINDOW};

use crate::{
    serve::now,
    store::{Store, StoreError},
};

/// How often counts are written.
const EVERY: Duration = Duration::from_secs(1);

/// Counts with where they are kept.
pub struct KeptUsage {
    pub counts: Arc<Usage>,
    store: Arc<dyn Store>,
}

impl std::fmt::Debug for KeptUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptUsage").finish_non_exhaustive()
    }
}

impl KeptUsage {
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { counts: Arc::default(), store })
    }

    /// Takes up what was kept: before anybody is let in.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn load(&self) -> Result<(), StoreError> {
        self.counts.load(self.store.usage(oldest()).await?);
        self.learn().await
    }

    /// Takes up what other agents gave.
    async fn learn(&self) -> Result<(), StoreError> {
        self.counts.learn(self.store.usage_elsewhere(oldest()).await?);
        Ok(())
    }

    /// Keeps what has changed, for as long as somebody holds the counts.
    pub fn follow(self: &Arc<Self>) {
        let usage = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(usage) = Weak::upgrade(&usage) else { return };
                let kept = match usage.keep().await {
                    Ok(()) => usage.learn().await,
                    Err(error) => Err(error),
                };
                if let Err(error) = kept {
                    tracing::warn!(%error, "what principals were given cannot be kept");
                }
            }
        });
    }

    /// Keeps what has changed.
    ///
    /// # Errors
    /// It cannot be written; it is tried again with the next.
    pub async fn keep(&self) -> Result<(), StoreError> {
        let changes = self.counts.changes();
        if changes.is_empty() {
            return Ok(());
        }
        let kept = self.store.keep_usage(changes.clone(), oldest()).await;
        if kept.is_err() {
            self.counts.changed_again(&changes);
        }
        kept
    }
}

/// The first minute that counts.
fn oldest() -> u64 {
    (now() / 60).saturating_sub(WINDOW)
}
