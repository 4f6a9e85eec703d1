//! How many different persons a principal has been given rows of, within the last hour and day. Whoever is met
//! again counts once. Nothing of anybody is kept: values are hashed with a key that lives as long as the process,
//! and so do the counts.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, PoisonError},
};

use super::{MOST, UsageKey};

/// Minutes of an hour and of a day.
const HOUR: u64 = 60;
const DAY: u64 = 24 * 60;

/// Most persons that a limit may speak of: so many are kept apart, sixteen bytes and a little more for each.
pub const MOST_PERSONS: u64 = 1_000_000;

/// Somebody, as a number that only this process can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Person(u64);

/// How many may be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PersonLimits {
    pub hour: Option<u64>,
    pub day: Option<u64>,
    /// Until nobody has been met for a day.
    pub rest: Option<u64>,
}

/// Why nobody more is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    pub window: &'static str,
    pub most: u64,
    /// Minutes until somebody of them is so long ago that there is room again.
    pub wait: u64,
}

/// Everybody whom everybody has met.
#[derive(Debug, Default)]
pub struct Persons {
    key: RandomState,
    met: Mutex<HashMap<UsageKey, Met>>,
}

/// Whom one principal has met under one limit.
#[derive(Debug, Default)]
struct Met {
    /// The last minute in which each was.
    last: HashMap<Person, u64>,
    /// How many there were last in a minute.
    by_minute: BTreeMap<u64, u64>,
}

impl Persons {
    /// Whoever this value of a domain stands for.
    #[must_use]
    pub fn person(&self, domain: u64, value: &[u8]) -> Person {
        Person(self.key.hash_one((domain, value)))
    }

    /// Whether nobody was counted yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Meets all of them, or nobody.
    ///
    /// # Errors
    /// They would be too many.
    pub fn meet(
        &self,
        who: &UsageKey,
        limits: PersonLimits,
        persons: &[Person],
        minute: u64,
    ) -> Result<(), TooMany> {
        // Counts are whole at every moment, also where a thread died with the lock.
        let mut all = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(who) && all.len() >= MOST {
            all.retain(|_, met| met.by_minute.last_key_value().is_some_and(|(last, _)| last + DAY > minute));
            if all.len() >= MOST {
                // Nobody can be counted any more, so nobody new is given anybody.
                return Err(TooMany { window: "hour", most: 0, wait: HOUR });
            }
        }
        let met = all.entry(who.clone()).or_default();
        if limits.rest.is_some() {
            met.rest(minute);
        }
        // A clock that was set back adds to the newest minute.
        let minute = met.by_minute.last_key_value().map_or(minute, |(last, _)| minute.max(*last));
        if limits.rest.is_none() {
            met.forget(minute, if limits.day.is_some() { DAY } else { HOUR });
        }
        met.check(limits, persons, minute)?;
        persons.iter().for_each(|person| met.add(*person, minute));
        Ok(())
    }
}

impl Met {
    fn forget(&mut self, minute: u64, window: u64) {
        let oldest = (minute + 1).saturating_sub(window);
        if self.by_minute.first_key_value().is_some_and(|(first, _)| *first < oldest) {
            self.last.retain(|_, last| *last >= oldest);
            self.by_minute = self.by_minute.split_off(&oldest);
        }
    }

    /// Everybody is forgotten at once, when it has been quiet for a day.
    fn rest(&mut self, minute: u64) {
        if self.by_minute.last_key_value().is_some_and(|(last, _)| last.saturating_add(DAY) <= minute) {
            *self = Self::default();
        }
    }

    fn check(&self, limits: PersonLimits, persons: &[Person], minute: u64) -> Result<(), TooMany> {
        let windows =
            [("hour", HOUR, limits.hour), ("day", DAY, limits.day), ("task", u64::MAX, limits.rest)];
        for (window, length, most) in windows {
            let Some(most) = most else { continue };
            let oldest = (minute + 1).saturating_sub(length);
            let known = self.by_minute.range(oldest..).map(|(_, count)| count).sum::<u64>();
            let is_new = |person: &&Person| self.last.get(*person).is_none_or(|last| *last < oldest);
            let new = persons.iter().filter(is_new);
            // Only near the limit does it matter that one may be there twice.
            let over = known.saturating_add(new.clone().count() as u64) > most
                && known.saturating_add(new.collect::<HashSet<_>>().len() as u64) > most;
            if over {
                let first = self.by_minute.range(oldest..).next().map_or(minute, |(first, _)| *first);
                return Err(TooMany {
                    window,
                    most,
                    wait: first.saturating_add(length).saturating_sub(minute).clamp(1, DAY),
                });
            }
        }
        Ok(())
    }

    fn add(&mut self, person: Person, minute: u64) {
        let before = self.last.insert(person, minute);
        if before == Some(minute) {
            return;
        }
        if let Some(count) = before.and_then(|before| self.by_minute.get_mut(&before)) {
            *count = count.saturating_sub(1);
        }
        *self.by_minute.entry(minute).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sub: &str) -> UsageKey {
        UsageKey { idp: "idp".into(), sub: sub.into(), resource: "shop".into(), policy: "p".into() }
    }

    fn people(persons: &Persons, range: std::ops::Range<u32>) -> Vec<Person> {
        range.map(|number| persons.person(7, &number.to_be_bytes())).collect()
    }

    const BOTH: PersonLimits = PersonLimits { hour: Some(10), day: Some(15), rest: None };

    #[test]
    fn whoever_is_met_again_counts_once_and_everybody_new_until_there_are_enough() {
        let persons = Persons::default();
        let ana = key("ana");
        for _ in 0..3 {
            assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 0..10), 100), Ok(()));
        }
        let over = TooMany { window: "hour", most: 10, wait: 60 };
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 9..11), 100), Err(over));
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 0..10), 100), Ok(()), "nobody was added");
        assert_eq!(persons.meet(&key("li"), BOTH, &people(&persons, 20..30), 100), Ok(()));
    }

    #[test]
    fn one_who_is_there_twice_in_a_result_is_one() {
        let persons = Persons::default();
        let twice = [people(&persons, 0..10), people(&persons, 0..10)].concat();
        assert_eq!(persons.meet(&key("ana"), BOTH, &twice, 5), Ok(()));
    }

    #[test]
    fn an_hour_ends_before_the_day_and_both_let_people_go() {
        let persons = Persons::default();
        let ana = key("ana");
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 0..10), 100), Ok(()));
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 10..15), 160), Ok(()), "another hour");
        let of_the_day = TooMany { window: "day", most: 15, wait: 1_380 };
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 15..16), 160), Err(of_the_day));
        // The first ten are met again, and so are no longer a day old.
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 0..5), 170), Ok(()));
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 20..25), 100 + 1_440), Ok(()));
        assert!(persons.meet(&ana, BOTH, &people(&persons, 25..26), 100 + 1_440).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_nobody() {
        let persons = Persons::default();
        let ana = key("ana");
        assert_eq!(persons.meet(&ana, BOTH, &people(&persons, 0..10), 1_000), Ok(()));
        assert!(persons.meet(&ana, BOTH, &people(&persons, 10..11), 500).is_err());
    }

    #[test]
    fn what_rests_for_a_day_forgets_everybody_and_nobody_before() {
        let persons = Persons::default();
        let (ana, ten) = (key("ana"), PersonLimits { rest: Some(10), ..PersonLimits::default() });
        assert_eq!(persons.meet(&ana, ten, &people(&persons, 0..9), 100), Ok(()));
        assert_eq!(persons.meet(&ana, ten, &people(&persons, 9..10), 100 + DAY - 1), Ok(()));
        let over = persons.meet(&ana, ten, &people(&persons, 10..11), 100 + 2 * DAY - 2);
        assert_eq!(over.map_err(|over| (over.window, over.most)), Err(("task", 10)));
        assert_eq!(persons.meet(&ana, ten, &people(&persons, 10..11), 100 + 2 * DAY - 1), Ok(()));
    }

    #[test]
    fn values_of_two_domains_are_two_persons() {
        let persons = Persons::default();
        assert_ne!(persons.person(1, b"x"), persons.person(2, b"x"));
        assert_eq!(persons.person(1, b"x"), persons.person(1, b"x"));
    }
}
