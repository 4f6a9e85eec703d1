//! When bytes last moved, and which way: enough to tell a connection that waits for an answer from one that
//! waits for its user, in any protocol.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// An answer that paused for so long has ended.
const PAUSE: Duration = Duration::from_millis(200);

/// Times in microseconds since the connection began; 0 is never.
#[derive(Debug)]
pub(super) struct Traffic {
    began: Instant,
    up: AtomicU64,
    down: AtomicU64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { began: Instant::now(), up: AtomicU64::new(0), down: AtomicU64::new(0) }
    }
}

impl Traffic {
    /// The local program sent something.
    pub(super) fn went_up(&self) {
        self.up.store(self.now(), Ordering::Relaxed);
    }

    /// The agent sent something.
    pub(super) fn came_down(&self) {
        self.down.store(self.now(), Ordering::Relaxed);
    }

    /// Whether nothing seems to run: the agent had the last word, a while ago.
    pub(super) fn is_quiet(&self) -> bool {
        let (up, down) = (self.up.load(Ordering::Relaxed), self.down.load(Ordering::Relaxed));
        down >= up && self.now() >= down.saturating_add(u64::try_from(PAUSE.as_micros()).unwrap_or(u64::MAX))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_without_an_answer_is_not_quiet() {
        let traffic = Traffic { began: Instant::now() - Duration::from_secs(9), ..Traffic::default() };
        traffic.down.store(1_000, Ordering::Relaxed);
        traffic.up.store(2_000, Ordering::Relaxed);
        assert!(!traffic.is_quiet());
        traffic.down.store(3_000, Ordering::Relaxed);
        assert!(traffic.is_quiet());
        traffic.came_down();
        assert!(!traffic.is_quiet(), "an answer that just came may go on");
    }
}
