//! Holds a sign-in for one run: fresh whenever it is asked for, kept where the person wants it kept.
//!
//! A refresh token that rotates must be used by one process at a time, or the provider takes its second use
//! for theft and ends the whole family: an operating-system lock serialises that.

use std::{path::PathBuf, sync::Arc};

use tokio::sync::Mutex;

use super::{
    refresh,
    tokens::SignIn,
    workload::{Shared, Workload},
};
use crate::{
    agents::Identity,
    failure::{self, Outcome},
    keep::{Keep, Place},
    private::Lock,
};

/// The sign-in at one identity provider.
#[derive(Clone)]
pub(crate) struct Holder {
    identity: Identity,
    keep: Arc<Keep>,
    memory: Arc<Mutex<Option<SignIn>>>,
    /// A program signs in by itself: nothing is kept.
    workload: Option<Shared>,
}

impl Holder {
    pub(crate) fn new(identity: Identity, keep: Keep) -> Self {
        Self { identity, keep: Arc::new(keep), memory: Arc::default(), workload: None }
    }

    /// For a program with tokens of its own.
    pub(crate) fn of_workload(identity: Identity, keep: Keep, workload: Workload) -> Self {
        Self { workload: Some(Arc::new(workload)), ..Self::new(identity, keep) }
    }

    /// Whether a program signs in by itself here, so that no person could help.
    pub(crate) const fn is_workload(&self) -> bool {
        self.workload.is_some()
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// A sign-in whose ID token is good for a request, renewed if need be. It never asks anybody anything
    /// but a passphrase.
    pub(crate) async fn fresh(&self) -> Outcome<SignIn> {
        let mut memory = self.memory.lock().await;
        if let Some(held) = memory.as_ref().filter(|held| held.is_fresh()) {
            return Ok(held.clone());
        }
        if let Some(workload) = &self.workload {
            let fresh = workload.sign_in().await?;
            *memory = Some(fresh.clone());
            return Ok(fresh);
        }
        let _lock = self.lock().await?;
        // Another process may have renewed it while we waited for the lock.
        let kept = self.blocking(|keep, identity| keep.load(identity)).await?;
        let was_kept = kept.is_some();
        let Some(current) = kept.or_else(|| memory.clone()) else { return Err(nobody(&self.identity)) };
        let fresh = if current.is_fresh() { current } else { self.renew(&current, was_kept).await? };
        *memory = Some(fresh.clone());
        Ok(fresh)
    }

    /// A sign-in that the provider has confirmed just now: who was shut out there since is not renewed
    /// here. Without a refresh token the ID token must do, for as long as it is good.
    pub(crate) async fn confirmed(&self) -> Outcome<SignIn> {
        let mut memory = self.memory.lock().await;
        if let Some(workload) = &self.workload {
            let confirmed = workload.sign_in().await?;
            *memory = Some(confirmed.clone());
            return Ok(confirmed);
        }
        let _lock = self.lock().await?;
        let kept = self.blocking(|keep, identity| keep.load(identity)).await?;
        let was_kept = kept.is_some();
        let Some(current) = kept.or_else(|| memory.clone()) else { return Err(nobody(&self.identity)) };
        let cannot_ask = current.refresh_token.is_none() && current.is_fresh();
        let confirmed = if cannot_ask { current } else { self.renew(&current, was_kept).await? };
        *memory = Some(confirmed.clone());
        Ok(confirmed)
    }

    /// Takes a new sign-in and keeps it.
    pub(crate) async fn take(&self, sign_in: SignIn) -> Outcome<Place> {
        let mut memory = self.memory.lock().await;
        let _lock = self.lock().await?;
        *memory = Some(sign_in.clone());
        self.blocking(move |keep, identity| keep.store(identity, &sign_in)).await
    }

    /// Takes a sign-in for this run only.
    pub(crate) async fn borrow(&self, sign_in: SignIn) {
        *self.memory.lock().await = Some(sign_in);
    }

    /// Forgets it, here and where it was kept; what there was.
    pub(crate) async fn forget(&self) -> Outcome<Option<SignIn>> {
        let mut memory = self.memory.lock().await;
        let _lock = self.lock().await?;
        let kept = self.blocking(|keep, identity| keep.load(identity)).await.unwrap_or_default();
        self.blocking(|keep, identity| keep.remove(identity)).await?;
        Ok(kept.or_else(|| memory.take()))
    }

    async fn renew(&self, current: &SignIn, was_kept: bool) -> Outcome<SignIn> {
        let renewed = refresh::refresh(&self.identity, current).await?;
        if was_kept {
            // The old refresh token is used up: a renewed sign-in that is not stored is lost.
            let copy = renewed.clone();
            self.blocking(move |keep, identity| keep.store_again(identity, &copy)).await?;
        }
        Ok(renewed)
    }

    async fn lock(&self) -> Outcome<Lock> {
        let path: PathBuf = self.keep.lock_file(&self.identity);
        tokio::task::spawn_blocking(move || Lock::wait(&path)).await.map_err(crashed)?
    }

    /// Keychains, passphrases and disks block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keep, &Identity) -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let (keep, identity) = (self.keep.clone(), self.identity.clone());
        tokio::task::spawn_blocking(move || work(&keep, &identity)).await.map_err(crashed)?
    }
}

fn crashed(error: tokio::task::JoinError) -> connect_shared::error::ErrorReport {
    failure::unexpected(error.to_string())
}

fn nobody(identity: &Identity) -> connect_shared::error::ErrorReport {
    failure::sign_in_needed(format!("nobody is signed in at {}", identity.issuer))
}
