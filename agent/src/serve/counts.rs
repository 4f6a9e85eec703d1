//! What an agent has done since it started, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use connect_shared::entry::Entry;

/// Statements whose entries the log has taken.
#[derive(Debug, Default)]
pub struct Counts {
    intents: AtomicU64,
    denials: AtomicU64,
}

/// Which of them an entry counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Intent,
    Denial,
    Neither,
}

impl Counted {
    pub const fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Intent(_) => Self::Intent,
            Entry::Denial(_) => Self::Denial,
            _ => Self::Neither,
        }
    }
}

impl Counts {
    pub fn count(&self, what: Counted) {
        match what {
            Counted::Intent => self.intents.fetch_add(1, Ordering::Relaxed),
            Counted::Denial => self.denials.fetch_add(1, Ordering::Relaxed),
            Counted::Neither => 0,
        };
    }

    pub fn intents(&self) -> u64 {
        self.intents.load(Ordering::Relaxed)
    }

    pub fn denials(&self) -> u64 {
        self.denials.load(Ordering::Relaxed)
    }
}
