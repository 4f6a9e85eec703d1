//! What principals have been given within the last hour, under each policy that limits it. One for all
//! connections of an agent: several sessions share what there is. Counts are taken before what they are for
//! leaves, so that all sessions together never have more; they are kept by whoever holds the store, and given
//! back after a restart.

pub mod persons;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

/// How long what was given counts, in minutes.
pub const WINDOW: u64 = 60;

/// Pairs of principal and policy that are kept apart; beyond that those whose hour is over are forgotten.
const MOST: usize = 20_000;

/// Whose, of what, under which policy. An AI agent takes what is its human's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UsageKey {
    pub idp: String,
    pub sub: String,
    pub resource: String,
    pub policy: String,
}

/// What was given within one minute since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    pub minute: u64,
    pub rows: u64,
    pub bytes: u64,
}

/// What may be given within an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    pub rows: Option<u64>,
    pub bytes: Option<u64>,
}

/// Why no more is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedUp {
    pub what: &'static str,
    pub most: u64,
    /// Minutes until some of it is there again.
    pub wait: u64,
}

#[derive(Debug, Default)]
struct Hour {
    /// By minute, the oldest first.
    given: VecDeque<Given>,
    /// What was given elsewhere, by other agents that share what there is.
    elsewhere: Vec<Given>,
    /// Minutes that changed since they were last asked for.
    changed_from: Option<u64>,
}

/// What everybody was given.
#[derive(Debug, Default)]
pub struct Usage {
    /// Whom they were given rows of.
    pub persons: persons::Persons,
    hours: Mutex<HashMap<UsageKey, Hour>>,
}

impl Usage {
    /// Whether anything is left.
    ///
    /// # Errors
    /// What is used up.
    pub fn left(&self, key: &UsageKey, allowance: Allowance, minute: u64) -> Result<(), UsedUp> {
        self.with(key, minute, allowance, |hour| match hour.over(allowance, 1, 1, minute) {
            Some(used_up) => Err(used_up),
            None => Ok(()),
        })
    }

    /// Takes so much, or nothing.
    ///
    /// # Errors
    /// There is not so much left.
    pub fn take(
        &self,
        key: &UsageKey,
        allowance: Allowance,
        (rows, bytes): (u64, u64),
        minute: u64,
    ) -> Result<(), UsedUp> {
        self.with(key, minute, allowance, |hour| {
            if let Some(used_up) = hour.over(allowance, rows, bytes, minute) {
                return Err(used_up);
            }
            hour.add(Given { minute, rows, bytes });
            hour.changed_from = Some(hour.changed_from.map_or(minute, |from| from.min(minute)));
            Ok(())
        })
    }

    /// Everything that was given since the last time that this was asked for, in whole minutes.
    #[must_use]
    pub fn changes(&self) -> Vec<(UsageKey, Given)> {
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = Vec::new();
        for (key, hour) in hours.iter_mut() {
            if let Some(from) = hour.changed_from.take() {
                let changed = hour.given.iter().filter(|given| given.minute >= from);
                changes.extend(changed.map(|given| (key.clone(), *given)));
            }
        }
        changes
    }

    /// These could not be kept: they are told again.
    pub fn changed_again(&self, changes: &[(UsageKey, Given)]) {
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, given) in changes {
            if let Some(hour) = hours.get_mut(key) {
                hour.changed_from =
                    Some(hour.changed_from.map_or(given.minute, |from| from.min(given.minute)));
            }
        }
    }

    /// Adds what was kept before a restart.
    pub fn load(&self, kept: Vec<(UsageKey, Given)>) {
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, given) in kept {
            hours.entry(key).or_default().add(given);
        }
    }

    /// What other agents gave, in place of what was known of them.
    pub fn learn(&self, elsewhere: Vec<(UsageKey, Given)>) {
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        hours.values_mut().for_each(|hour| hour.elsewhere.clear());
        for (key, given) in elsewhere {
            hours.entry(key).or_default().elsewhere.push(given);
        }
    }

    fn with(
        &self,
        key: &UsageKey,
        minute: u64,
        allowance: Allowance,
        work: impl FnOnce(&mut Hour) -> Result<(), UsedUp>,
    ) -> Result<(), UsedUp> {
        // Counts are whole at every moment, also where a thread died with the lock.
        let mut hours = self.hours.lock().unwrap_or_else(PoisonError::into_inner);
        if !hours.contains_key(key) {
            if hours.len() >= MOST {
                hours.retain(|_, hour| !hour.is_over(minute));
            }
            if hours.len() >= MOST {
                // Nobody can be counted any more, so nobody new is given anything.
                let what = if allowance.rows.is_some() { "rows" } else { "bytes" };
                return Err(UsedUp { what, most: 0, wait: WINDOW });
            }
        }
        let hour = hours.entry(key.clone()).or_default();
        hour.forget(minute);
        work(hour)
    }
}

impl Hour {
    fn forget(&mut self, minute: u64) {
        while self.given.front().is_some_and(|given| given.minute + WINDOW <= minute) {
            self.given.pop_front();
        }
    }

    /// What still counts at `minute`, here and elsewhere.
    fn counted(&self, minute: u64) -> impl Iterator<Item = &Given> {
        let elsewhere = self.elsewhere.iter().filter(move |given| given.minute + WINDOW > minute);
        self.given.iter().chain(elsewhere)
    }

    fn is_over(&self, minute: u64) -> bool {
        let mut all = self.given.iter().chain(&self.elsewhere);
        self.changed_from.is_none() && all.all(|given| given.minute + WINDOW <= minute)
    }

    fn over(&self, allowance: Allowance, rows: u64, bytes: u64, minute: u64) -> Option<UsedUp> {
        let sum = |count: fn(&Given) -> u64| self.counted(minute).map(count).fold(0, u64::saturating_add);
        let oldest = self.counted(minute).map(|given| given.minute).min();
        let wait = oldest.map_or(WINDOW, |oldest| (oldest + WINDOW).saturating_sub(minute));
        let over = |what, most: Option<u64>, more: u64, given: u64| {
            let most = most.filter(|most| given.saturating_add(more) > *most)?;
            Some(UsedUp { what, most, wait: wait.max(1) })
        };
        let of_rows = over("rows", allowance.rows, rows, sum(|given| given.rows));
        of_rows.or_else(|| over("bytes", allowance.bytes, bytes, sum(|given| given.bytes)))
    }

    /// A clock that was set back adds to the newest minute.
    fn add(&mut self, more: Given) {
        let place = self.given.iter().position(|given| given.minute == more.minute);
        match place.and_then(|place| self.given.get_mut(place)) {
            Some(given) => {
                given.rows = given.rows.saturating_add(more.rows);
                given.bytes = given.bytes.saturating_add(more.bytes);
            }
            None => {
                let behind = self.given.iter().take_while(|given| given.minute < more.minute).count();
                self.given.insert(behind, more);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HUNDRED: Allowance = Allowance { rows: Some(100), bytes: None };

    fn key(sub: &str, policy: &str) -> UsageKey {
        UsageKey { idp: "idp".into(), sub: sub.into(), resource: "shop".into(), policy: policy.into() }
    }

    #[test]
    fn all_of_an_hour_is_given_and_then_none_until_some_of_it_is_an_hour_old() {
        let (usage, ana) = (Usage::default(), key("ana", "p"));
        assert_eq!(usage.take(&ana, HUNDRED, (60, 1), 1_000), Ok(()));
        assert_eq!(usage.take(&ana, HUNDRED, (40, 1), 1_030), Ok(()));
        let used_up = UsedUp { what: "rows", most: 100, wait: 20 };
        assert_eq!(usage.take(&ana, HUNDRED, (1, 1), 1_040), Err(used_up));
        assert_eq!(usage.left(&ana, HUNDRED, 1_040), Err(used_up));
        // The first sixty are an hour old, the forty are not.
        assert_eq!(usage.take(&ana, HUNDRED, (61, 1), 1_060).map_err(|over| over.wait), Err(30));
        assert_eq!(usage.take(&ana, HUNDRED, (60, 1), 1_060), Ok(()));
    }

    #[test]
    fn others_and_other_policies_have_their_own() {
        let usage = Usage::default();
        assert_eq!(usage.take(&key("ana", "p"), HUNDRED, (100, 0), 5), Ok(()));
        assert!(usage.take(&key("ana", "p"), HUNDRED, (1, 0), 5).is_err());
        assert_eq!(usage.take(&key("ana", "q"), HUNDRED, (1, 0), 5), Ok(()));
        assert_eq!(usage.take(&key("li", "p"), HUNDRED, (1, 0), 5), Ok(()));
    }

    #[test]
    fn bytes_count_beside_rows() {
        let (usage, ana) = (Usage::default(), key("ana", "p"));
        let both = Allowance { rows: Some(100), bytes: Some(10) };
        assert_eq!(usage.take(&ana, both, (1, 10), 5), Ok(()));
        assert_eq!(usage.take(&ana, both, (1, 1), 5).map_err(|over| over.what), Err("bytes"));
    }

    #[test]
    fn what_was_given_before_a_restart_counts_behind_it() {
        let (usage, ana) = (Usage::default(), key("ana", "p"));
        assert_eq!(usage.take(&ana, HUNDRED, (99, 7), 5), Ok(()));
        let kept = usage.changes();
        assert_eq!(kept, [(ana.clone(), Given { minute: 5, rows: 99, bytes: 7 })]);
        assert!(usage.changes().is_empty(), "nothing changed since");
        usage.changed_again(&kept);
        assert_eq!(usage.changes(), kept, "it was not kept, so it is told again");
        let again = Usage::default();
        again.load(kept);
        assert!(again.take(&ana, HUNDRED, (2, 0), 6).is_err());
        assert_eq!(again.take(&ana, HUNDRED, (1, 0), 6), Ok(()));
    }

    #[test]
    fn what_other_agents_gave_counts_as_if_it_were_given_here() {
        let (usage, ana) = (Usage::default(), key("ana", "p"));
        assert_eq!(usage.take(&ana, HUNDRED, (30, 1), 1_010), Ok(()));
        let kept = usage.changes();
        let elsewhere = |minute, rows| vec![(key("ana", "p"), Given { minute, rows, bytes: 0 })];
        usage.learn(elsewhere(1_000, 60));
        assert_eq!(usage.take(&ana, HUNDRED, (11, 1), 1_020).map_err(|over| over.wait), Err(40));
        assert_eq!(usage.take(&ana, HUNDRED, (10, 1), 1_020), Ok(()));
        // What is told again is not added again, and is never kept as this agent's own.
        usage.learn(elsewhere(1_000, 60));
        assert!(usage.take(&ana, HUNDRED, (1, 1), 1_020).is_err());
        assert_eq!(kept.iter().map(|(_, given)| given.rows).sum::<u64>(), 30);
        assert_eq!(usage.changes(), [(ana.clone(), Given { minute: 1_020, rows: 10, bytes: 1 })]);
        assert_eq!(usage.take(&ana, HUNDRED, (60, 1), 1_060), Ok(()), "theirs are an hour old");
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nothing() {
        let (usage, ana) = (Usage::default(), key("ana", "p"));
        assert_eq!(usage.take(&ana, HUNDRED, (100, 0), 1_000), Ok(()));
        assert!(usage.take(&ana, HUNDRED, (1, 0), 900).is_err());
    }
}
