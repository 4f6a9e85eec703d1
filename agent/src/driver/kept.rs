//! Bytes that are kept for clients until they say that they have them: bounded for each connection, and here
//! for a session and for the agent, so that nobody who reads slowly, or not at all, costs others their memory.
//!
//! It is back-pressure and nothing else: beyond the bounds a connection keeps little, and goes on as its own
//! client takes what it was sent.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Most bytes of one session, and of all of them.
const MAX_OF_SESSION: usize = 64 << 20;
const MAX_OF_AGENT: usize = 512 << 20;
/// What every connection may keep whatever the others do.
const LEAST: usize = 64 << 10;

/// What is kept for a session, and for all of them.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    session: Arc<AtomicUsize>,
    agent: Arc<AtomicUsize>,
}

impl Kept {
    /// Of another session of the same agent.
    #[must_use]
    pub fn of_session(&self) -> Self {
        Self { session: Arc::default(), agent: Arc::clone(&self.agent) }
    }

    fn is_full(&self) -> bool {
        self.session.load(Ordering::Relaxed) >= MAX_OF_SESSION
            || self.agent.load(Ordering::Relaxed) >= MAX_OF_AGENT
    }
}

/// What is kept for one connection; given back when this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Kept,
    counted: usize,
}

impl Share {
    pub(super) const fn new(of: Kept) -> Self {
        Self { of, counted: 0 }
    }

    /// So much is kept now.
    pub(super) fn set(&mut self, bytes: usize) {
        for total in [&self.of.session, &self.of.agent] {
            if bytes >= self.counted {
                total.fetch_add(bytes - self.counted, Ordering::Relaxed);
            } else {
                total.fetch_sub(self.counted - bytes, Ordering::Relaxed);
            }
        }
        self.counted = bytes;
    }

    /// Whether more may be kept.
    pub(super) fn has_room(&self) -> bool {
        self.counted < LEAST || !self.of.is_full()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greedy_session_stops_itself_and_every_connection_keeps_a_little() {
        let agent = Kept::default();
        let (greedy, modest) = (agent.of_session(), agent.of_session());
        let mut large: Vec<Share> = (0..16).map(|_| Share::new(greedy.clone())).collect();
        large.iter_mut().for_each(|share| share.set(4 << 20));
        assert!(large.iter().all(|share| !share.has_room()));
        assert!(Share::new(greedy).has_room(), "a new one goes on, if slowly");
        let mut other = Share::new(modest);
        other.set(1 << 20);
        assert!(other.has_room(), "another session is not its business");
        drop(large);
        other.set(0);
        assert_eq!(agent.agent.load(Ordering::Relaxed), 0, "all of it is given back");
    }

    #[test]
    fn all_sessions_together_are_bounded() {
        let agent = Kept::default();
        let mut all: Vec<Share> = (0..200).map(|_| Share::new(agent.of_session())).collect();
        all.iter_mut().for_each(|share| share.set(4 << 20));
        assert!(all.iter().all(|share| !share.has_room()));
    }
}
