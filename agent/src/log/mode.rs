//! What of the log a loss of power may take: nothing, or as little as is said.
//!
//! In `strict` an entry that somebody waits for is on stable storage before they go on. In `batch` that is still so
//! for everything but the INTENT of a statement that was proved to be read-only (and what opens and closes
//! connections): for these it is enough that the entry was written, in its place and behind all before it. They are
//! synced with the next entry that needs it, at the latest after a time, or with so many of them. A process that is
//! killed loses nothing by it; power that fails may take the last of them, and what was read meanwhile was seen
//! by somebody of whom nothing tells. Nothing that changes data, nobody's rights and no refusal is ever among them.

use std::{fmt, time::Duration};

use connect_shared::entry::Entry;

use super::queue::Haste;

/// The mode of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Strict,
    Batch {
        /// Longest time from writing an entry to the sync that it waits for.
        every: Duration,
        /// Most entries that wait for one.
        entries: u64,
    },
}

impl fmt::Display for Mode {
    /// As it stands in the log and is shown: the whole of what may be lost.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Strict => f.write_str("strict"),
            Self::Batch { every, entries } => {
                write!(f, "batch({} ms, {entries} entries)", every.as_millis())
            }
        }
    }
}

impl Mode {
    /// What whoever appends this and waits for it waits for.
    pub(super) fn haste(self, entry: &Entry) -> Haste {
        match (self, entry) {
            (Self::Strict, _) => Haste::Now,
            (Self::Batch { .. }, Entry::Intent(intent)) if intent.read_only => Haste::Written,
            (Self::Batch { .. }, Entry::ConnectionOpened { .. } | Entry::ConnectionClosed { .. }) => {
                Haste::Written
            }
            (Self::Batch { .. }, _) => Haste::Now,
        }
    }

    /// Whether so many entries, the first of them written so long ago, may wait for their sync.
    pub(super) fn lets_wait(self, waiting: u64, since: Duration) -> bool {
        match self {
            Self::Strict => false,
            Self::Batch { every, entries } => waiting < entries && since < every,
        }
    }

    /// How long a sync may be put off.
    pub(super) const fn delay(self) -> Duration {
        match self {
            Self::Strict => Duration::ZERO,
            Self::Batch { every, .. } => every,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reads_may_wait_for_its_sync() {
        let batch = Mode::Batch { every: Duration::from_millis(50), entries: 100 };
        let relaxed: Vec<Entry> =
            Entry::samples().into_iter().filter(|entry| batch.haste(entry) != Haste::Now).collect();
        let kinds: Vec<&str> = relaxed.iter().map(Entry::kind).collect();
        assert_eq!(kinds, ["connection_opened", "connection_closed", "intent"]);
        let [.., Entry::Intent(intent)] = relaxed.as_slice() else { panic!("an INTENT") };
        assert!(intent.read_only);
        let write =
            Entry::Intent(Box::new(connect_shared::entry::Intent { read_only: false, ..(**intent).clone() }));
        assert_eq!(batch.haste(&write), Haste::Now);
        assert!(Entry::samples().iter().all(|entry| Mode::Strict.haste(entry) == Haste::Now));
        assert_eq!(batch.to_string(), "batch(50 ms, 100 entries)");
    }

    #[test]
    fn a_sync_is_put_off_for_so_long_and_for_so_many() {
        let batch = Mode::Batch { every: Duration::from_millis(50), entries: 100 };
        let ms = Duration::from_millis;
        assert!(batch.lets_wait(99, ms(49)));
        assert!(!batch.lets_wait(100, ms(0)) && !batch.lets_wait(1, ms(50)));
        assert!(!Mode::Strict.lets_wait(0, ms(0)));
    }
}
