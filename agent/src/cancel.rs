//! Cancel keys: the agent shows keys of its own, and maps them to the server's.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use connect_core::{machine::CancelKey, principal::Principal, protocol::postgres::login::ServerKey};
use connect_shared::{
    entry::PrincipalRef,
    ids::{ConnectionId, SessionId},
};
use futures_util::task::AtomicWaker;

use crate::upstream::{Place, UpstreamConfig};

/// Every connection that can be cancelled. A key that is not in it reaches nobody.
#[derive(Debug, Default)]
pub struct CancelRegistry {
    keys: Mutex<HashMap<CancelKey, Cancellable>>,
}

/// What a key stands for.
#[derive(Debug, Clone)]
pub struct Cancellable {
    pub principal: Arc<Principal>,
    pub session: SessionId,
    pub connection: ConnectionId,
    pub upstream: Arc<UpstreamConfig>,
    /// Which of its hosts.
    pub place: Place,
    /// The server's own key.
    pub key: ServerKey,
    /// Tells the connection itself.
    pub told: Arc<Told>,
}

/// Tells a connection that its client asked to cancel what runs there.
#[derive(Debug, Default)]
pub struct Told {
    asked: AtomicBool,
    waker: AtomicWaker,
}

impl Told {
    pub fn tell(&self) {
        self.asked.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Ready if it was asked since the last time.
    pub fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        let asked = self.asked.load(Ordering::Acquire) && self.asked.swap(false, Ordering::AcqRel);
        if asked { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// A key in the registry; it is taken out when this is dropped.
#[derive(Debug)]
pub struct Registered {
    registry: Arc<CancelRegistry>,
    pub key: CancelKey,
}

impl CancelRegistry {
    /// Makes a key for a connection: with the server's process, which clients compare with what they are told
    /// elsewhere, and a secret of our own. `None` if the system gives no random bytes.
    #[must_use]
    pub fn register(self: &Arc<Self>, cancellable: Cancellable) -> Option<Registered> {
        loop {
            let key = CancelKey { process: cancellable.key.process, secret: random_secret()? };
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            if let std::collections::hash_map::Entry::Vacant(place) = keys.entry(key) {
                place.insert(cancellable);
                return Some(Registered { registry: self.clone(), key });
            }
        }
    }

    /// What runs under `key`, if it is the same principal's.
    #[must_use]
    pub fn find(&self, key: CancelKey, principal: &PrincipalRef) -> Option<Cancellable> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(&key).filter(|cancellable| cancellable.principal.reference == *principal).cloned()
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

fn random_secret() -> Option<u32> {
    let mut bytes = [0u8; 4];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(u32::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{Secret, UpstreamTls, Way};

    fn principal(sub: &str) -> PrincipalRef {
        PrincipalRef { sub: sub.into(), idp: "https://id.example".into(), actor: None }
    }

    fn cancellable(sub: &str) -> Cancellable {
        Cancellable {
            principal: Arc::new(Principal {
                reference: principal(sub),
                name: sub.into(),
                groups: Vec::new(),
            }),
            session: SessionId::from_random([1; 16]),
            connection: ConnectionId::from_random([2; 16]),
            upstream: Arc::new(UpstreamConfig {
                host: "127.0.0.1".into(),
                port: 1,
                database: "d".into(),
                user: "u".into(),
                password: Secret("p".into()),
                tls: UpstreamTls::Disable,
                way: Way::default(),
            }),
            key: ServerKey::new(1, bytes::Bytes::from_static(b"12345678")),
            place: Place { host: "127.0.0.1".into(), port: 1 },
            told: Arc::default(),
        }
    }

    #[test]
    fn a_key_reaches_its_own_principal_and_nobody_after_the_connection() {
        let registry = Arc::new(CancelRegistry::default());
        let registered = registry.register(cancellable("ana")).expect("random bytes");
        assert!(registry.find(registered.key, &principal("ana")).is_some());
        assert!(registry.find(registered.key, &principal("eve")).is_none());
        let key = registered.key;
        drop(registered);
        assert!(registry.find(key, &principal("ana")).is_none());
    }

    #[test]
    fn a_connection_is_told_once_for_all_that_was_asked_since() {
        let told = Told::default();
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(told.poll(&mut context).is_pending());
        told.tell();
        told.tell();
        assert!(told.poll(&mut context).is_ready());
        assert!(told.poll(&mut context).is_pending());
    }
}
