//! What other agents have not been told yet. While the store is away it stands in `untold.json` of the state folder,
//! so that a restart forgets none of it.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::{Event, kept::Kept};

/// Most that wait. Beyond it the oldest is not told: the others have been without the store for so long by then that
/// they have no sessions left.
const MOST: usize = 20_000;

#[derive(Debug)]
pub(crate) struct Untold {
    kept: Kept,
    waiting: Mutex<VecDeque<Event>>,
    more: Notify,
    /// The file names some.
    is_kept: AtomicBool,
}

impl Untold {
    /// # Errors
    /// The file is damaged: nobody could say what the others do not know.
    pub(crate) fn open(path: PathBuf) -> Result<Self, String> {
        let kept = Kept::new(path);
        let remedy =
            "restore it, or remove it once what was revoked here is revoked at the other agents, too";
        let waiting: VecDeque<Event> = kept.read("what other agents have not been told", remedy)?;
        let is_kept = AtomicBool::new(!waiting.is_empty());
        Ok(Self { kept, waiting: Mutex::new(waiting), more: Notify::new(), is_kept })
    }

    pub(super) fn add(&self, event: Event) {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST {
            waiting.pop_front();
        }
        waiting.push_back(event);
        drop(waiting);
        self.more.notify_one();
    }

    /// Something was added since this was last asked.
    pub(crate) async fn added(&self) {
        self.more.notified().await;
    }

    pub(crate) fn count(&self) -> usize {
        self.waiting().len()
    }

    pub(crate) fn first(&self) -> Option<Event> {
        self.waiting().front().cloned()
    }

    /// The first one was told.
    pub(crate) fn told(&self, event: &Event) {
        let mut waiting = self.waiting();
        if waiting.front() == Some(event) {
            waiting.pop_front();
        }
    }

    /// Writes down what still waits.
    pub(crate) fn keep(&self) {
        let some = self.count() > 0;
        if !self.is_kept.swap(some, Ordering::Relaxed) && !some {
            return;
        }
        if let Err(error) = self.kept.write(&self.waiting) {
            tracing::warn!(%error, "what other agents have not been told cannot be kept");
        }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_told_is_there_after_a_restart_and_in_its_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("untold.json");
        let untold = Untold::open(path.clone()).expect("opened");
        let lifted = |name: &str| Event::Lifted { name: name.into() };
        ["ana", "li", "sam"].into_iter().for_each(|name| untold.add(lifted(name)));
        untold.told(&lifted("ana"));
        untold.told(&lifted("ana"));
        untold.keep();
        let again = Untold::open(path.clone()).expect("opened");
        assert_eq!((again.count(), again.first()), (2, Some(lifted("li"))));
        std::fs::write(&path, "[{").expect("written");
        assert!(Untold::open(path).is_err_and(|error| error.contains("untold.json")));
    }
}
