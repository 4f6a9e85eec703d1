//! A small table with a fixed number of places and a fixed lifetime: the newest entry pushes out the oldest.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Entries by key, oldest first. Searched from end to end: capacities are a few hundred.
#[derive(Debug)]
pub struct Bounded<V> {
    entries: VecDeque<Entry<V>>,
    capacity: usize,
    lifetime: Duration,
}

#[derive(Debug)]
struct Entry<V> {
    key: String,
    value: V,
    expires: Instant,
}

impl<V> Bounded<V> {
    pub fn new(capacity: usize, lifetime: Duration) -> Self {
        Self { entries: VecDeque::new(), capacity, lifetime }
    }

    pub fn insert(&mut self, now: Instant, key: String, value: V) {
        self.remove_expired(now);
        while self.entries.len() >= self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { key, value, expires: now + self.lifetime });
    }

    pub fn find(&mut self, now: Instant, key: &str) -> Option<&mut V> {
        self.remove_expired(now);
        self.entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.value)
    }

    pub fn remove(&mut self, now: Instant, key: &str) -> Option<V> {
        self.remove_expired(now);
        let place = self.entries.iter().position(|entry| entry.key == key)?;
        self.entries.remove(place).map(|entry| entry.value)
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.entries.retain(|entry| keep(&entry.value));
    }

    /// One lifetime for all: the oldest entry is also the first to expire.
    fn remove_expired(&mut self, now: Instant) {
        while self.entries.front().is_some_and(|entry| entry.expires <= now) {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn an_entry_is_gone_when_its_lifetime_is_over() {
        let start = Instant::now();
        let mut table = Bounded::new(4, MINUTE);
        table.insert(start, "code".into(), 1);
        assert_eq!(table.find(start + MINUTE - Duration::from_millis(1), "code"), Some(&mut 1));
        assert_eq!(table.find(start + MINUTE, "code"), None);
    }

    #[test]
    fn a_full_table_forgets_its_oldest_entry_and_never_grows() {
        let start = Instant::now();
        let mut table = Bounded::new(3, MINUTE);
        for n in 0..1000 {
            table.insert(start, n.to_string(), n);
        }
        assert_eq!(table.entries.len(), 3);
        assert_eq!(table.find(start, "996"), None);
        assert_eq!(table.find(start, "997"), Some(&mut 997));
    }

    #[test]
    fn an_entry_is_taken_once() {
        let start = Instant::now();
        let mut table = Bounded::new(3, MINUTE);
        table.insert(start, "a".into(), 1);
        assert_eq!(table.remove(start, "a"), Some(1));
        assert_eq!(table.remove(start, "a"), None);
    }
}
