//! The tunnels: QUIC over UDP, or over TLS where UDP does not get through (see [`door`]), of CLI processes (see [`connect_shared::frame`]).
//!
//! A tunnel must show a client key to finish its handshake, and a grant bound to that key within seconds
//! after that; until then it costs a bounded place and nothing else. Its first stream carries the grant
//! and what is said about it; every other one is a database connection, given to [`crate::driver`] as
//! soon as its OPEN frame is read. This module never looks at what a database connection carries.
//!
//! A session outlives its tunnel: when the tunnel breaks or falls silent, the session's database connections
//! are parked, and another tunnel with the same key goes on with them.
//!
//! Read next: [`admission`] for the way in, [`session`] for the life of a tunnel, [`connection`] for its
//! streams, [`sessions`] and [`connections`] for what another tunnel may go on with.

mod admission;
mod close;
mod connection;
mod connections;
mod door;
mod endpoint;
mod frames;
mod lifetime;
mod session;
mod sessions;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use quinn::{Endpoint, Incoming};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

pub(crate) use self::admission::draining;
use self::{close::Close, sessions::Sessions};
pub use self::{
    door::Door,
    endpoint::{EndpointError, endpoint},
};
use crate::{
    listener::{HandshakeRate, Places, stopped},
    serve::Agent,
    shards::Shards,
};

/// Tunnels at once.
const MAX_TUNNELS: usize = 2_048;
/// Tunnels that have not shown a grant yet, of all addresses and of one.
const MAX_STRANGERS: usize = 256;
const MAX_STRANGERS_OF_ONE: usize = 64;
/// From this many strangers on, an address must prove that it is its own before it costs anything more.
const RETRY_FROM: usize = 32;
/// What sessions get to say their last words when the agent stops.
const STOP_TIME: Duration = Duration::from_secs(5);

/// The tunnels of one agent.
pub struct Tunnels {
    endpoint: Endpoint,
    door: Arc<Door>,
    agent: Arc<Agent>,
    rate: Arc<HandshakeRate>,
    places: Arc<Semaphore>,
    strangers: Arc<Places>,
    sessions: Arc<Sessions>,
    shards: Shards,
}

impl Tunnels {
    /// Tunnels that come in at an endpoint through its door.
    pub fn new(
        (endpoint, door): (Endpoint, Arc<Door>),
        agent: Arc<Agent>,
        rate: Arc<HandshakeRate>,
        shards: Shards,
    ) -> Self {
        Self {
            endpoint,
            door,
            agent,
            rate,
            places: Arc::new(Semaphore::new(MAX_TUNNELS)),
            strangers: Places::new(MAX_STRANGERS, MAX_STRANGERS_OF_ONE),
            sessions: Arc::default(),
            shards,
        }
    }

    /// Serves until `stop` says so, then ends every session with words that say why.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut open = JoinSet::new();
        let mut draining = self.agent.draining.clone();
        loop {
            let is_draining = *draining.borrow_and_update();
            if is_draining && open.is_empty() {
                break;
            }
            tokio::select! {
                incoming = self.endpoint.accept() => match incoming {
                    Some(incoming) => self.receive(incoming, &mut open, &stop),
                    None => break,
                },
                Some(_) = open.join_next() => {}
                _ = draining.changed(), if !is_draining => {}
                () = stopped(&mut stop) => break,
            }
        }
        self.endpoint.set_server_config(None);
        let _said = timeout(STOP_TIME, async { while open.join_next().await.is_some() {} }).await;
        self.endpoint.close(Close::Stopping.code(), Close::Stopping.words());
        let _sent = timeout(STOP_TIME, self.endpoint.wait_idle()).await;
    }

    fn receive(&self, incoming: Incoming, open: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
        let known = incoming.remote_address_validated();
        if !known && self.strangers.taken() >= RETRY_FROM {
            // RFC 9000, 8.1.2: whoever forged the address never hears of the token.
            if let Err(error) = incoming.retry() {
                error.into_incoming().ignore();
            }
            return;
        }
        let origin = self.door.origin(incoming.remote_address());
        let address = origin.ip();
        if !self.rate.admits(address) {
            return incoming.ignore();
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let stranger = self.strangers.enter(address);
        let (Ok(place), Some(stranger), Some(shard)) = (place, stranger, self.shards.place()) else {
            return incoming.refuse();
        };
        let session = admission::admit(
            Arc::clone(&self.agent),
            Arc::clone(&self.sessions),
            (incoming, origin),
            Arc::clone(&self.door),
            stranger,
            stop.clone(),
        );
        let thread = shard.handle().clone();
        let serving = async move {
            session.await;
            drop((place, shard));
        };
        // What it spawns stays on the same thread: the transport's own task and the connections.
        open.spawn_on(serving, &thread);
    }
}
