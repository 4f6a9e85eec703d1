//! Silence: an agent that runs writes an entry at least every minute, if only a heartbeat. A longer gap between
//! two entries, where nothing says that the agent was stopped, is time in which it may have done anything and
//! written nothing. It is no proof that the log was changed: a machine that slept looks the same.

use serde::Serialize;

use super::report::MAX_LISTED;

/// Longest time between two entries of an agent that runs, in milliseconds: its heartbeat, and what a slow disk and a
/// busy machine may add.
pub const LONGEST_PAUSE: u64 = HEARTBEAT + TOLERANCE;
const HEARTBEAT: u64 = 60_000;
const TOLERANCE: u64 = 30_000;
/// That a clock was set ahead is noticed and written within so many milliseconds.
const NOTICED: u64 = 5_000;

/// Time of which the log says nothing, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Silence {
    /// The entry behind it.
    pub index: u64,
    pub from: u64,
    pub to: u64,
}

/// What an entry says of the agent that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// It starts: before that it was stopped. Or it goes on with a log that could not be written.
    Started,
    /// The log was opened. Nobody needs to serve for that: an agent that is about to start, and commands that
    /// prune it or change its key.
    Opened,
    /// Its clock was set by so many milliseconds.
    Stepped(i64),
    Serving,
}

/// The gaps so far.
#[derive(Debug, Default)]
pub(super) struct Silences {
    /// Index and time of the last entry.
    last: Option<(u64, u64)>,
    /// Gaps before entries that need no agent: explained if it starts next.
    opened: Vec<Silence>,
    /// A gap that may be a clock that was set ahead.
    stepping: Option<Silence>,
    found: Vec<Silence>,
    total: u64,
}

impl Silences {
    pub(super) fn look(&mut self, index: u64, time: u64, life: Life) {
        self.settle(time, life);
        let last = self.last.replace((index, time));
        // What is missing between two entries is a fault of its own.
        let last = last.filter(|(before, _)| before.checked_add(1) == Some(index));
        let Some((_, from)) = last.filter(|(_, from)| is_gap(time.saturating_sub(*from))) else { return };
        let gap = Silence { index, from, to: time };
        match life {
            Life::Started => {}
            Life::Opened => self.opened.push(gap),
            Life::Stepped(by) if explains(by, gap) => {}
            Life::Stepped(_) => self.add(gap),
            Life::Serving => self.stepping = Some(gap),
        }
    }

    /// Those that nothing explains, at most [`MAX_LISTED`], and how many. A log that ends behind entries that need no
    /// agent is one of an agent that is stopped.
    pub(super) fn finish(mut self) -> (Vec<Silence>, u64) {
        self.stepping.take().into_iter().for_each(|gap| self.add(gap));
        self.found.sort_by_key(|gap| gap.index);
        (self.found, self.total)
    }

    fn settle(&mut self, time: u64, life: Life) {
        match life {
            Life::Started => self.opened.clear(),
            Life::Opened => {}
            Life::Stepped(_) | Life::Serving => {
                for gap in std::mem::take(&mut self.opened) {
                    let earlier = self.stepping.replace(gap);
                    earlier.into_iter().for_each(|gap| self.add(gap));
                }
            }
        }
        let Some(gap) = self.stepping else { return };
        let is_over = time.saturating_sub(gap.to) > NOTICED || life == Life::Started;
        let is_explained = !is_over && matches!(life, Life::Stepped(by) if explains(by, gap));
        if is_over || is_explained {
            self.stepping = None;
        }
        if is_over {
            self.add(gap);
        }
    }

    fn add(&mut self, gap: Silence) {
        self.total += 1;
        if self.found.len() < MAX_LISTED {
            self.found.push(gap);
        }
    }
}

const fn is_gap(time: u64) -> bool {
    time > LONGEST_PAUSE
}

/// Whether a clock that was set by so much leaves no gap.
fn explains(by: i64, gap: Silence) -> bool {
    let ahead = u64::try_from(by).unwrap_or(0);
    !is_gap(gap.to.saturating_sub(gap.from).saturating_sub(ahead))
}
