//! Lanes: of one key so many pass at once, and whoever else wants to waits for its own kind only. A key is known for as
//! long as somebody passes or waits.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A lane for each key.
pub struct Lanes<K: Eq + Hash> {
    at_once: usize,
    keys: Mutex<HashMap<K, Arc<Semaphore>>>,
}

/// A place in a lane, until it is dropped.
pub struct Passage<K: Eq + Hash + 'static> {
    of: &'static Lanes<K>,
    key: K,
    held: Option<OwnedSemaphorePermit>,
}

impl<K: Eq + Hash + Clone> Lanes<K> {
    pub fn new(at_once: usize) -> Self {
        Self { at_once, keys: Mutex::default() }
    }

    /// Waits until it may pass; `None` once nobody may any more.
    pub async fn enter(&'static self, key: K) -> Option<Passage<K>> {
        let of_key = self.with(|keys| {
            let made = || Arc::new(Semaphore::new(self.at_once));
            Arc::clone(keys.entry(key.clone()).or_insert_with(made))
        });
        // Whoever stops waiting leaves nothing behind.
        let mut passage = Passage { of: self, key, held: None };
        passage.held = Some(of_key.acquire_owned().await.ok()?);
        Some(passage)
    }
}

impl<K: Eq + Hash> Lanes<K> {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<K, Arc<Semaphore>>) -> T) -> T {
        act(&mut self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Eq + Hash> Drop for Passage<K> {
    fn drop(&mut self) {
        self.held = None;
        // Whoever waits or is about to has a share of it, and takes it away later.
        self.of.with(|keys| {
            if keys.get(&self.key).is_some_and(|own| Arc::strong_count(own) == 1) {
                keys.remove(&self.key);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_wants_many_waits_for_itself_and_others_do_not() {
        static LANES: LazyLock<Lanes<&str>> = LazyLock::new(|| Lanes::new(2));
        let now = |key| LANES.enter(key).now_or_never().flatten();
        let mut held = vec![now("ana"), now("ana")];
        assert!(held.iter().all(Option::is_some));
        let mut waiting = Box::pin(LANES.enter("ana"));
        assert!((&mut waiting).now_or_never().is_none());
        let mut left = Box::pin(LANES.enter("ana"));
        assert!((&mut left).now_or_never().is_none());
        assert!(now("li").is_some(), "another one is nobody's business");
        drop(left);
        held.pop();
        let own = waiting.now_or_never().flatten();
        assert!(own.is_some(), "it is its turn");
        assert!(now("ana").is_none());
        drop((held, own));
        assert!(LANES.with(|keys| keys.is_empty()), "nothing is left");
    }
}
