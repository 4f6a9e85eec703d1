//! How long a batch waits for those who are about to come: everybody whom the last sync woke answers, is asked again
//! and comes back with the next statement, a moment after each other. Whoever was first would take a sync for itself,
//! and all others would wait for it and for their own.

use std::time::{Duration, Instant};

/// Never longer, however slow the disk is.
const LONGEST: Duration = Duration::from_micros(500);

/// What the last batches were like.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Entries that somebody waited for, in the last two batches.
    awaited: [u64; 2],
    /// What a sync takes, smoothed.
    sync: Duration,
    /// Since when the last batch is on its way.
    taken: Option<Instant>,
}

impl Pace {
    /// The commit thread is back: the last batch is on the disk.
    pub(super) fn returned(&mut self, now: Instant) {
        if let Some(taken) = self.taken.take() {
            self.sync = (self.sync * 7 + now.saturating_duration_since(taken)) / 8;
        }
    }

    /// A batch goes, with so many entries that somebody waits for.
    pub(super) fn goes(&mut self, awaited: u64, now: Instant) {
        self.awaited = [awaited, self.awaited[0]];
        self.taken = Some(now);
    }

    /// How many are about to come.
    pub(super) fn expected(&self) -> u64 {
        self.awaited[0].max(self.awaited[1])
    }

    /// How long they are waited for: less than a sync of their own would cost the others.
    pub(super) fn patience(&self) -> Duration {
        (self.sync / 4).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_expected_as_came_before_and_one_alone_waits_for_nobody() {
        let mut pace = Pace::default();
        let start = Instant::now();
        assert_eq!((pace.expected(), pace.patience()), (0, Duration::ZERO));
        pace.goes(1, start);
        pace.goes(7, start);
        assert_eq!(pace.expected(), 7);
        pace.goes(2, start);
        assert_eq!(pace.expected(), 7, "a batch that went too early says little");
        pace.goes(2, start);
        assert_eq!(pace.expected(), 2);
    }

    #[test]
    fn patience_follows_the_disk_and_has_an_end() {
        let mut pace = Pace::default();
        let mut now = Instant::now();
        let mut sync = |pace: &mut Pace, time| {
            pace.goes(4, now);
            now += time;
            pace.returned(now);
        };
        (0..100).for_each(|_| sync(&mut pace, Duration::from_micros(400)));
        let patience = pace.patience();
        assert!(
            patience > Duration::from_micros(80) && patience <= Duration::from_micros(100),
            "{patience:?}"
        );
        (0..100).for_each(|_| sync(&mut pace, Duration::from_millis(40)));
        assert_eq!(pace.patience(), LONGEST);
    }
}
