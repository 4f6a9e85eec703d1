//! A bounded number of places, of which one address gets only its part: whoever sends much from one
//! address keeps the others out of nothing.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use super::rate::origin;

/// Places for peers that have not proved anything yet.
#[derive(Debug)]
pub struct Places {
    total: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One place; given back when this is dropped.
#[derive(Debug)]
pub struct Place {
    of: Arc<Places>,
    address: IpAddr,
}

impl Places {
    /// So many places, and so many of them for one address.
    pub fn new(total: usize, per_address: usize) -> Arc<Self> {
        Arc::new(Self { total, per_address, taken: Mutex::default() })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).total
    }

    /// A place for a peer from `address`, if there is one.
    pub fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let address = origin(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_address.get(&address).copied().unwrap_or(0);
        if taken.total >= self.total || own >= self.per_address {
            return None;
        }
        taken.total += 1;
        taken.by_address.insert(address, own + 1);
        Some(Place { of: Arc::clone(self), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(own) = taken.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                taken.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_every_place() {
        let places = Places::new(3, 2);
        let greedy: IpAddr = "192.0.2.1".parse().expect("an address");
        let other: IpAddr = "192.0.2.2".parse().expect("an address");
        let first = places.enter(greedy).expect("there is room");
        let _second = places.enter(greedy).expect("there is room");
        assert!(places.enter(greedy).is_none(), "its part is taken");
        let _third = places.enter(other).expect("there is room for others");
        assert!(places.enter(other).is_none(), "now it is full");
        drop(first);
        assert!(places.enter(greedy).is_some());
        assert_eq!(places.taken(), 2);
    }
}
