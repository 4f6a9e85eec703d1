//! What agents of one store tell each other: each does what another has done, and does not tell it again.

use std::{sync::Arc, time::Instant};

use connect_shared::entry::PrincipalRef;
use serde::{Deserialize, Serialize};

use super::{
    Lock, Revocations, Until, Untold, Whom,
    shut::{is_lifted, is_locked},
};

/// How far the clocks of two agents may be apart.
const SKEW: u64 = 5;
/// How long what ends by itself is told to agents that start: longer than any grant or token lasts.
const MEMORY: u64 = 25 * 60 * 60;
/// The same of what lets somebody in again who was kept out for a time: longer than that can be.
const LONG_MEMORY: u64 = 90 * 24 * 60 * 60;

/// What was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    ShutOut {
        whom: Whom,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        until: Until,
        why: String,
    },
    Restored {
        whom: Whom,
        lock: Lock,
    },
    Lifted {
        name: String,
    },
    /// What these keys had until `at`, and handed on, is worth nothing.
    Ended {
        keys: Vec<String>,
        why: String,
        at: u64,
    },
    OwnEnded {
        owner: PrincipalRef,
        why: String,
    },
}

impl Event {
    /// Until when an agent that starts must hear of it, in seconds since 1970-01-01T00:00:00Z. `None`: for ever, as a
    /// lock lasts, and what takes it off.
    pub const fn forgotten_at(&self, now: u64) -> Option<u64> {
        match self {
            Self::ShutOut { until: Until::Restored(_), .. } | Self::Restored { .. } => None,
            Self::ShutOut { until: Until::Time(end), .. } => Some(end.saturating_add(MEMORY)),
            Self::ShutOut { until: Until::SignedInAgainSince(moment), .. } => {
                Some(moment.saturating_add(MEMORY))
            }
            Self::Lifted { .. } => Some(now.saturating_add(LONG_MEMORY)),
            Self::Ended { .. } | Self::OwnEnded { .. } => Some(now.saturating_add(MEMORY)),
        }
    }

    /// As [`Revocations::hear`] does it.
    fn takes_back(&self, known: &Self, home: &str) -> bool {
        let Self::ShutOut { whom, name, until, .. } = known else { return false };
        match self {
            Self::Restored { whom: restored, lock } => is_locked(whom, until, (restored, lock), home),
            Self::Lifted { name: lifted } => is_lifted((whom, name.as_deref()), until, lifted, home),
            _ => false,
        }
    }
}

impl Revocations {
    /// From now on other agents hear of what is ordered here.
    pub(crate) fn tell_through(&self, untold: Arc<Untold>) {
        let _there_is_one = self.untold.set(untold);
    }

    /// Those of these events, in their order, that none of them takes back; those that take back are not among them.
    pub(crate) fn not_taken_back<T>(&self, events: Vec<(Event, T)>) -> Vec<(Event, T)> {
        let mut left: Vec<(Event, T)> = Vec::new();
        for (event, tag) in events {
            match &event {
                Event::Restored { .. } | Event::Lifted { .. } => {
                    left.retain(|(known, _)| !event.takes_back(known, &self.home));
                }
                _ => left.push((event, tag)),
            }
        }
        left
    }

    /// Does what another agent has done. How many sessions end.
    pub(crate) fn hear(&self, event: &Event, now: u64) -> usize {
        match event {
            Event::ShutOut { whom, name, until, why } => {
                let count = self.shut_out((whom, name.as_deref()), until, why, now);
                self.shut.keep();
                count
            }
            Event::Restored { whom, lock } => {
                self.shut.remove(whom, lock, &self.home, now);
                0
            }
            Event::Lifted { name } => {
                self.shut.lift(name, &self.home, now);
                0
            }
            Event::Ended { keys, why, at } => {
                // A grant of our own clock may be from before the cut, too.
                let count = self.cut_keys(keys, Instant::now(), why, at.saturating_add(SKEW));
                self.ended.keep(now);
                count
            }
            Event::OwnEnded { owner, why } => self.cut_own_here(owner, why, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_told_for_ever_and_nothing_is_forgotten_before_it_ends_by_itself() {
        let whom = Whom::Named("ana@example.com".into());
        let shut = |until| Event::ShutOut { whom: whom.clone(), name: None, until, why: String::new() };
        assert_eq!(shut(Until::Restored(Lock::Account)).forgotten_at(1_000), None);
        let restored = Event::Restored { whom: whom.clone(), lock: Lock::Account };
        assert_eq!(restored.forgotten_at(1_000), None, "else who starts later would know of the lock alone");
        assert!(shut(Until::Time(9_000_000)).forgotten_at(1_000).is_some_and(|end| end > 9_000_000));
        for event in [
            shut(Until::SignedInAgainSince(1_000)),
            Event::Ended { keys: Vec::new(), why: String::new(), at: 1_000 },
            Event::Lifted { name: "ana".into() },
        ] {
            assert!(event.forgotten_at(1_000).is_some_and(|end| end > 1_000 + 24 * 60 * 60), "{event:?}");
            let text = serde_json::to_string(&event).expect("JSON");
            assert_eq!(serde_json::from_str::<Event>(&text).expect("the same"), event);
        }
    }
}
