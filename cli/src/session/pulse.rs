//! Whether anybody is at the other end of the tunnel, judged by what moves on the wire. Asked seldom while
//! nothing is said, and often while answers are missing.

use std::time::Duration;

use tokio::time::Instant;

use crate::tunnel::Datagrams;

/// Between two looks while all is well and quiet: as often as something keeps the tunnel alive.
const REST: Duration = Duration::from_secs(5);
/// The same while much is said, or nothing is answered.
const WATCH: Duration = Duration::from_secs(1);
/// So many datagrams between two looks are more than keeping alive.
const BUSY: u64 = 6;
/// Silence after which another local port is tried, and after which another tunnel is.
const REBIND: Duration = Duration::from_secs(2);
const RACE: Duration = Duration::from_secs(4);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Something came.
    Alive,
    /// Nothing was to be expected, or not for long.
    Wait,
    /// A router on the way may have forgotten us.
    Rebind,
    /// The path may be gone: another tunnel is tried beside this one.
    Race,
}

#[derive(Debug)]
pub(super) struct Pulse {
    last: Datagrams,
    silent_since: Option<Instant>,
    rebound: bool,
    next: Instant,
}

impl Pulse {
    pub(super) fn new(now: Instant, datagrams: Datagrams) -> Self {
        Self { last: datagrams, silent_since: None, rebound: false, next: now + REST }
    }

    /// When to look.
    pub(super) const fn next(&self) -> Instant {
        self.next
    }

    /// How long nothing has been answered.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        self.silent_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    pub(super) fn look(&mut self, now: Instant, datagrams: Datagrams) -> Verdict {
        let sent = datagrams.sent.saturating_sub(self.last.sent);
        let received = datagrams.received.saturating_sub(self.last.received);
        self.last = datagrams;
        if received > 0 {
            (self.silent_since, self.rebound) = (None, false);
            self.next = now + if sent + received > BUSY { WATCH } else { REST };
            return Verdict::Alive;
        }
        if sent == 0 && self.silent_since.is_none() {
            self.next = now + REST;
            return Verdict::Wait;
        }
        self.next = now + WATCH;
        let silence = now.saturating_duration_since(*self.silent_since.get_or_insert(now));
        if silence >= RACE {
            Verdict::Race
        } else if silence >= REBIND && !self.rebound {
            self.rebound = true;
            Verdict::Rebind
        } else {
            Verdict::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sent: u64, received: u64) -> Datagrams {
        Datagrams { sent, received }
    }

    #[test]
    fn silence_is_first_met_with_another_port_and_then_with_another_tunnel() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(start, at(10, 10));
        assert_eq!(pulse.look(later(5), at(11, 10)), Verdict::Wait, "an answer may be on its way");
        assert_eq!(pulse.next(), later(6), "now it looks more often");
        assert_eq!(pulse.look(later(6), at(12, 10)), Verdict::Wait);
        assert_eq!(pulse.look(later(7), at(13, 10)), Verdict::Rebind);
        assert_eq!(pulse.look(later(8), at(13, 10)), Verdict::Wait, "one other port is enough");
        assert_eq!(pulse.look(later(9), at(13, 10)), Verdict::Race);
        assert_eq!(pulse.silence(later(9)), Duration::from_secs(4));
        assert_eq!(pulse.look(later(10), at(13, 11)), Verdict::Alive);
        assert_eq!(pulse.silence(later(10)), Duration::ZERO);
    }

    #[test]
    fn an_idle_tunnel_is_looked_at_as_often_as_it_is_kept_alive_and_never_suspected() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start, at(0, 0));
        let mut looks = 0;
        for minute in 1..=60 {
            while pulse.next() < start + Duration::from_secs(60 * minute) {
                let now = pulse.next();
                looks += 1;
                // A datagram each way in each interval.
                let seen = at(looks, looks);
                assert_eq!(pulse.look(now, seen), Verdict::Alive);
            }
        }
        assert!(looks <= 720, "{looks} looks in an hour");
        let mut pulse = Pulse::new(start, at(0, 0));
        assert_eq!(pulse.look(start + REST, at(0, 0)), Verdict::Wait, "nothing sent, nothing expected");
    }
}
