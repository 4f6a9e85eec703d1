//! The policy set that decides now. A new one takes its place as a whole; who decides already goes on with
//! the one that it began with.

use std::sync::{Arc, PoisonError, RwLock};

use super::Policies;

/// A place for the set in force.
#[derive(Debug)]
pub struct InForce(RwLock<Arc<Policies>>);

impl InForce {
    #[must_use]
    pub const fn new(policies: Arc<Policies>) -> Self {
        Self(RwLock::new(policies))
    }

    /// The set that decides.
    #[must_use]
    pub fn current(&self) -> Arc<Policies> {
        // What stands here is whole at every moment, also where a thread died with the lock.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another in its place.
    pub fn replace(&self, policies: Arc<Policies>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = policies;
    }
}
