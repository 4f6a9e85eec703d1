//! How long a grant lasts, by two clocks: the wall's, which it names, and a steady one, so that setting
//! the wall's back lengthens no session.

use std::time::Duration;

use tokio::time::Instant;

/// The last part of a grant's life, in which its holder is reminded.
const REMINDER: Duration = Duration::from_secs(60);
/// Of a short grant: this part of it.
const REMINDER_DIVISOR: u32 = 5;
/// Longest sleep: a step of the wall's clock is noticed after it.
const GLANCE: Duration = Duration::from_secs(10);

/// The life of the grant in force.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lifetime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(super) expires_at: u64,
    deadline: Instant,
    reminder: Option<Instant>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Nothing,
    Reminder,
    End,
}

impl Lifetime {
    /// From now on. `wall` is the time since 1970-01-01T00:00:00Z.
    pub(super) fn new(expires_at: u64, wall: Duration, steady: Instant) -> Self {
        let left = Duration::from_secs(expires_at).saturating_sub(wall);
        let reminder = left.saturating_sub(REMINDER.min(left / REMINDER_DIVISOR));
        Self { expires_at, deadline: steady + left, reminder: Some(steady + reminder) }
    }

    /// When it ends, by the steady clock.
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What is due now. A reminder is due once.
    pub(super) fn due(&mut self, wall: Duration, steady: Instant) -> Due {
        if wall >= Duration::from_secs(self.expires_at) || steady >= self.deadline {
            return Due::End;
        }
        if self.reminder.is_some_and(|reminder| steady >= reminder) {
            self.reminder = None;
            return Due::Reminder;
        }
        Due::Nothing
    }

    /// When to ask again.
    pub(super) fn next_look(&self, steady: Instant) -> Instant {
        let next = self.reminder.unwrap_or(self.deadline).min(self.deadline);
        next.min(steady + GLANCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_reminder_comes_once_before_the_end() {
        let start = Instant::now();
        let mut life = Lifetime::new(1_600, wall(1_000), start);
        assert_eq!(life.due(wall(1_100), start + Duration::from_secs(100)), Due::Nothing);
        assert_eq!(life.due(wall(1_541), start + Duration::from_secs(541)), Due::Reminder);
        assert_eq!(life.due(wall(1_542), start + Duration::from_secs(542)), Due::Nothing);
        assert_eq!(life.due(wall(1_600), start + Duration::from_secs(600)), Due::End);
    }

    #[test]
    fn a_short_grant_is_reminded_of_in_its_last_fifth() {
        let start = Instant::now();
        let mut life = Lifetime::new(1_030, wall(1_000), start);
        assert_eq!(life.due(wall(1_023), start + Duration::from_secs(23)), Due::Nothing);
        assert_eq!(life.due(wall(1_025), start + Duration::from_secs(25)), Due::Reminder);
    }

    #[test]
    fn setting_the_clock_back_or_forth_never_lengthens_a_grant() {
        let start = Instant::now();
        let mut life = Lifetime::new(1_600, wall(1_000), start);
        assert_eq!(life.due(wall(0), start + Duration::from_secs(600)), Due::End);
        let mut life = Lifetime::new(1_600, wall(1_000), start);
        assert_eq!(life.due(wall(1_600), start + Duration::from_secs(1)), Due::End);
    }
}
