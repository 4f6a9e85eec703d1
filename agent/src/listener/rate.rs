//! How often one address may begin a handshake: a handshake costs the agent a signature.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// Handshakes at once, and per second after that. Many people may share one address.
const BURST: f64 = 200.0;
const PER_SECOND: f64 = 40.0;
/// Addresses that are remembered.
const MAX_ADDRESSES: usize = 20_000;

/// A bucket of handshakes for each address; shared between TCP and UDP.
#[derive(Debug, Default)]
pub struct HandshakeRate {
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl HandshakeRate {
    /// Takes one handshake from the bucket of `address`; `false` if it is empty.
    pub fn admits(&self, address: IpAddr) -> bool {
        self.admits_at(address, Instant::now())
    }

    fn admits_at(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_ADDRESSES {
            // A full bucket is as good as a forgotten one.
            buckets.retain(|_, bucket| bucket.refilled(now) < BURST);
            if buckets.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let bucket = buckets.entry(origin(address)).or_insert(Bucket { tokens: BURST, at: now });
        bucket.tokens = bucket.refilled(now);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

impl Bucket {
    fn refilled(&self, now: Instant) -> f64 {
        let waited = now.saturating_duration_since(self.at).as_secs_f64();
        waited.mul_add(PER_SECOND, self.tokens).min(BURST)
    }
}

/// Whoever has one IPv6 address has its whole /64.
pub(super) fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_address_is_slowed_down_and_another_is_not() {
        let rate = HandshakeRate::default();
        let now = Instant::now();
        let hasty: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8::ffff".parse().expect("an address");
        let stranger: IpAddr = "192.0.2.7".parse().expect("an address");
        let admitted = (0..1_000).filter(|_| rate.admits_at(hasty, now)).count();
        assert_eq!(admitted, BURST as usize);
        assert!(!rate.admits_at(neighbour, now), "the same /64");
        assert!(rate.admits_at(stranger, now));
        assert!(rate.admits_at(hasty, now + Duration::from_secs(1)));
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_table_without_end() {
        let rate = HandshakeRate::default();
        let now = Instant::now();
        for number in 0..(MAX_ADDRESSES as u32 + 100) {
            rate.admits_at(IpAddr::from(number.to_be_bytes()), now);
        }
        assert_eq!(rate.buckets.lock().expect("not poisoned").len(), MAX_ADDRESSES);
        assert!(rate.admits_at("192.0.2.7".parse().expect("an address"), now + Duration::from_secs(60)));
    }
}
