//! Notices that the machine's clock was set, and writes that into the log: its times are only as good as that
//! clock, and it never lets them go back. Time that a machine slept is a clock that was set ahead.

use std::time::{Duration, Instant};

use connect_shared::entry::Entry;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::agent::wall_clock;
use crate::log::Log;

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// Longest time between two readings that belong together.
const BETWEEN: Duration = Duration::from_millis(200);
/// What is less is told by nobody's watch.
const LEAST: i64 = 2_000;

/// Looks until what this gives is dropped. `last`: the time of the log's last entry when it was opened, in
/// milliseconds since 1970; a clock that is behind it was set back while the agent was stopped.
pub(super) fn follow(log: &Log, last: u64, parts: &mut JoinSet<()>) {
    let mut watch = Watch::new(milliseconds(wall_clock()), Instant::now());
    if let Some(by) = behind(last, watch.wall) {
        tell(log, by);
    }
    let log = log.clone();
    parts.spawn(async move {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let by = read().and_then(|(wall, steady)| watch.look(wall, steady));
            by.into_iter().for_each(|by| tell(&log, by));
        }
    });
}

/// Both clocks, unless so much time went by between them that they say nothing of each other.
fn read() -> Option<(i64, Instant)> {
    let before = Instant::now();
    let wall = milliseconds(wall_clock());
    (before.elapsed() < BETWEEN).then_some((wall, before))
}

fn tell(log: &Log, by: i64) {
    tracing::warn!(milliseconds = by, "the clock was set");
    let _closed_log_has_said_so = log.append(Entry::ClockStepped { by });
}

/// A clock of the wall beside one that only ever goes on.
#[derive(Debug)]
struct Watch {
    wall: i64,
    steady: Instant,
}

impl Watch {
    const fn new(wall: i64, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// By how much the wall's clock was set since it was last found to be. Small steps add up.
    fn look(&mut self, wall: i64, steady: Instant) -> Option<i64> {
        let passed = milliseconds(steady.saturating_duration_since(self.steady));
        let by = wall.saturating_sub(self.wall).saturating_sub(passed);
        if by.saturating_abs() < LEAST {
            return None;
        }
        *self = Self::new(wall, steady);
        Some(by)
    }
}

/// By how much a clock is behind the log, less than 0.
fn behind(last: u64, wall: i64) -> Option<i64> {
    let by = wall.saturating_sub(i64::try_from(last).unwrap_or(i64::MAX));
    (by <= -LEAST).then_some(by)
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_noticed_once_and_small_steps_add_up() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut watch = Watch::new(1_000_000, begin);
        assert_eq!(watch.look(1_010_100, at(10)), None);
        // An hour back.
        assert_eq!(watch.look(1_011_000 - 3_600_000, at(11)), Some(-3_600_000));
        assert_eq!(watch.look(1_012_000 - 3_600_000, at(12)), None);
        // And ahead again.
        assert_eq!(watch.look(1_013_000, at(13)), Some(3_600_000));
        // A second and a half each time.
        assert_eq!(watch.look(1_015_500, at(14)), None);
        assert_eq!(watch.look(1_018_000, at(15)), Some(3_000));
    }

    #[test]
    fn a_clock_that_was_set_back_while_nobody_looked_is_behind_the_log() {
        assert_eq!(behind(1_000_000, 1_000_000 - 60_000), Some(-60_000));
        assert_eq!(behind(1_000_000, 1_000_000 - 1_000), None);
        assert_eq!(behind(1_000_000, 9_000_000), None);
        assert_eq!(behind(u64::MAX, 0), Some(-i64::MAX));
    }
}
