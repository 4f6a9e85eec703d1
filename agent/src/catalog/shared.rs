//! What the reading task and its callers share: the snapshot, the questions, the answers.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use connect_core::catalog::Catalog;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

/// How long a question may wait for its answer.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// What the task and its callers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) resource: String,
    pub(super) current: watch::Sender<Option<Arc<Catalog>>>,
    /// The last question that was answered, and the answer.
    pub(super) answered: watch::Sender<Answer>,
    pub(super) asked: AtomicU64,
    pub(super) wake: Notify,
    last_error: Mutex<Option<String>>,
}

/// The outcome of one reading. It answers every question up to `upto`.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) upto: u64,
    pub(super) outcome: Result<Arc<Catalog>, String>,
}

impl Shared {
    pub(super) fn new(resource: String) -> Self {
        Self {
            resource,
            current: watch::Sender::new(None),
            answered: watch::Sender::new(Answer { upto: 0, outcome: Err(String::new()) }),
            asked: AtomicU64::new(0),
            wake: Notify::new(),
            last_error: Mutex::new(None),
        }
    }

    /// Asks for a reading that begins from now on; its answer has at least this number.
    pub(super) fn ask(&self) -> u64 {
        let question = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        self.wake.notify_one();
        question
    }

    /// Waits until `question` is answered; `None` if the reader has stopped.
    pub(super) async fn answer(&self, question: u64) -> Option<Answer> {
        let mut answered = self.answered.subscribe();
        let answer = timeout(ANSWER_TIME, answered.wait_for(|answer| answer.upto >= question)).await;
        answer.ok()?.ok().map(|answer| answer.clone())
    }

    /// Looks for changes now, as somebody begins to listen.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, error: Option<String>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}
