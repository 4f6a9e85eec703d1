//! How many database connections may wait for another tunnel at once: each holds a connection of the
//! database and perhaps locks, so nobody may park without end.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use connect_shared::entry::PrincipalRef;

use crate::config::ParkConfig;

/// Parked connections of all principals, and of one.
const MAX_PARKED: usize = 1_024;
const MAX_PARKED_OF_ONE: usize = 128;

/// The places, and for how long one may be held.
#[derive(Debug)]
pub struct Parking {
    pub limits: ParkConfig,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_principal: HashMap<PrincipalRef, usize>,
}

/// One place; given back when this is dropped.
#[derive(Debug)]
pub struct ParkingPlace {
    of: Arc<Parking>,
    principal: PrincipalRef,
}

impl Parking {
    pub fn new(limits: ParkConfig) -> Arc<Self> {
        Arc::new(Self { limits, taken: Mutex::default() })
    }

    /// A place for a connection of `principal`, if there is one.
    pub fn enter(self: &Arc<Self>, principal: &PrincipalRef) -> Option<ParkingPlace> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_principal.get(principal).copied().unwrap_or(0);
        if taken.total >= MAX_PARKED || own >= MAX_PARKED_OF_ONE || self.limits.limit.is_zero() {
            return None;
        }
        taken.total += 1;
        taken.by_principal.insert(principal.clone(), own + 1);
        Some(ParkingPlace { of: Arc::clone(self), principal: principal.clone() })
    }
}

impl Drop for ParkingPlace {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(own) = taken.by_principal.get_mut(&self.principal) {
            *own -= 1;
            if *own == 0 {
                taken.by_principal.remove(&self.principal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(sub: &str) -> PrincipalRef {
        PrincipalRef { sub: sub.into(), idp: "https://id.example".into(), actor: None }
    }

    #[test]
    fn one_principal_cannot_park_without_end_and_takes_no_place_of_others() {
        let parking = Parking::new(ParkConfig::default());
        let greedy: Vec<_> = (0..5_000).filter_map(|_| parking.enter(&principal("eve"))).collect();
        assert_eq!(greedy.len(), MAX_PARKED_OF_ONE);
        assert!(parking.enter(&principal("ana")).is_some());
        drop(greedy);
        assert!(parking.enter(&principal("eve")).is_some(), "places come back");
        assert!(parking.taken.lock().expect("not poisoned").by_principal.is_empty());
    }

    #[test]
    fn all_of_them_together_are_bounded() {
        let parking = Parking::new(ParkConfig::default());
        let enter = |number: usize| parking.enter(&principal(&number.to_string()));
        let parked: Vec<_> = (0..5_000).filter_map(enter).collect();
        assert_eq!(parked.len(), MAX_PARKED);
    }

    #[test]
    fn where_nothing_is_to_be_parked_there_is_no_place() {
        let limits = ParkConfig { limit: std::time::Duration::ZERO, ..ParkConfig::default() };
        assert!(Parking::new(limits).enter(&principal("ana")).is_none());
    }
}
