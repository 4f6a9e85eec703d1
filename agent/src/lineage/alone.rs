//! One at a time for each run: who ends one waits for nobody who ends another one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Blocking, PoisonError},
};

use connect_shared::ids::RunId;
use tokio::sync::{Mutex, OwnedMutexGuard};

type Locks = HashMap<RunId, Arc<Mutex<()>>>;

/// Of runs that are being ended, for as long as somebody does.
static ENDING: Blocking<Option<Locks>> = Blocking::new(None);

/// Nobody else ends this run while this value is there.
pub(super) struct Alone {
    run: RunId,
    held: Option<OwnedMutexGuard<()>>,
}

/// Waits until nobody else ends this run.
pub(super) async fn alone(run: RunId) -> Alone {
    let lock = with(|locks| Arc::clone(locks.entry(run).or_default()));
    // Whoever stops waiting leaves no lock behind.
    let mut alone = Alone { run, held: None };
    alone.held = Some(lock.lock_owned().await);
    alone
}

fn with<T>(act: impl FnOnce(&mut Locks) -> T) -> T {
    act(ENDING.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(HashMap::new))
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.held = None;
        // Whoever waits or is about to has a share of it, and takes it away later.
        with(|locks| {
            if locks.get(&self.run).is_some_and(|lock| Arc::strong_count(lock) == 1) {
                locks.remove(&self.run);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn who_ends_a_run_waits_for_who_ends_it_and_for_nobody_else() {
        let (one, other) = (RunId::from_random([71; 16]), RunId::from_random([72; 16]));
        let first = alone(one).await;
        let second = alone(other).now_or_never();
        assert!(second.is_some(), "another run is nobody's business");
        let mut waiting = Box::pin(alone(one));
        assert!((&mut waiting).now_or_never().is_none());
        let mut left = Box::pin(alone(one));
        assert!((&mut left).now_or_never().is_none());
        drop(left);
        drop(first);
        let third = waiting.now_or_never().expect("it is its turn");
        assert!(alone(one).now_or_never().is_none());
        drop((second, third));
        let kept = |run| with(|locks| locks.contains_key(&run));
        assert!(!kept(one) && !kept(other), "nothing is left");
    }
}
