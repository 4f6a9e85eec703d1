//! The TCP half of the door: TLS 1.3, with HTTP/1.1 inside for the control API, or with the packets of a
//! tunnel where UDP does not get through.
//!
//! Strangers reach this code before anyone has proved anything, so everything is bounded: handshakes in
//! time and in number per address, connections in number and in life, headers and bodies in size. What
//! happens behind the router is [`crate::api`]'s.
//!
//! Read next: [`tls`] for why every client certificate is accepted.

mod bind;
mod certificates;
mod places;
mod rate;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Extension, Router};
use connect_shared::frame::ALPN;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::server::TlsStream;

pub use self::{
    bind::{BindError, Sockets},
    certificates::Certificates,
    places::{Place, Places},
    rate::HandshakeRate,
    tls::{ClientKey, TlsSetupError, server_config},
};
use crate::{grants::Thumbprint, tunnel::Door};

/// Connections at once, of all addresses and of one.
const MAX_CONNECTIONS: usize = 512;
const MAX_OF_ONE_ADDRESS: usize = 128;
/// From the first byte to a finished handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// From the start of a request to the end of its head.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// Life of one connection: a peer that trickles cannot hold a place for longer.
const CONNECTION_TIME: Duration = Duration::from_secs(120);
/// What open connections get when the agent stops.
const STOP_TIME: Duration = Duration::from_secs(3);
/// Head of a request, with an ID token in it.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;
/// Pause after the system refused to accept: without one, a lack of descriptors is a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who is at the other end of a connection, as far as the handshake proves it.
#[derive(Debug, Clone)]
pub struct Peer {
    pub address: SocketAddr,
    /// The certificate whose key the peer holds, if it showed one.
    pub certificate: Option<Thumbprint>,
}

/// The control API's listener.
pub struct Listener {
    socket: TcpListener,
    tls: Certificates,
    router: Router,
    rate: Arc<HandshakeRate>,
    door: Arc<Door>,
}

impl Listener {
    /// A listener that serves `router`, whose handlers find their [`Peer`] among the extensions.
    pub fn new(
        socket: TcpListener,
        tls: Certificates,
        router: Router,
        rate: Arc<HandshakeRate>,
        door: Arc<Door>,
    ) -> Self {
        Self { socket, tls, router, rate, door }
    }

    /// Serves until `stop` says so, then lets open requests end for a moment.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let places = Places::new(MAX_CONNECTIONS, MAX_OF_ONE_ADDRESS);
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, address)) => {
                        // A full house and a hasty address get a closed socket, which costs least.
                        if !self.rate.admits(address.ip()) {
                            continue;
                        }
                        let Some(place) = places.enter(address.ip()) else { continue };
                        let guest = Guest { stream, address, place };
                        let (tls, router) = (self.tls.clone(), self.router.clone());
                        open.spawn(receive(guest, tls, router, Arc::clone(&self.door), stop.clone()));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = open.join_next() => {}
                () = stopped(&mut stop) => break,
            }
        }
        drop(self.socket);
        let _finished = timeout(STOP_TIME, async { while open.join_next().await.is_some() {} }).await;
    }
}

/// Somebody who has connected.
struct Guest {
    stream: TcpStream,
    address: SocketAddr,
    place: Place,
}

async fn receive(
    guest: Guest,
    tls: Certificates,
    router: Router,
    door: Arc<Door>,
    stop: watch::Receiver<bool>,
) {
    let Guest { stream, address, place } = guest;
    let _small_answers_leave_at_once = stream.set_nodelay(true);
    let stream = match timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%address, %error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!(%address, "a TLS handshake took too long"),
    };
    if stream.get_ref().1.alpn_protocol() == Some(ALPN) {
        // It has its own places from here on, and ends with the tunnel in it and not with the control API.
        drop(place);
        tokio::spawn(async move { door.carry(stream, address).await });
        return;
    }
    serve(stream, address, router, stop).await;
    drop(place);
}

async fn serve(
    stream: TlsStream<TcpStream>,
    address: SocketAddr,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let peer = Peer { address, certificate: thumbprint(&stream) };
    let service = TowerToHyperService::new(router.layer(Extension(peer)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .max_headers(MAX_HEADERS)
        .max_header_size(MAX_HEAD)
        .max_buf_size(2 * MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let early = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = tokio::time::sleep(CONNECTION_TIME) => None,
        () = stopped(&mut stop) => None,
    };
    let ended = match early {
        Some(ended) => ended,
        None => {
            // The request that is being answered may end; no other begins.
            connection.as_mut().graceful_shutdown();
            timeout(STOP_TIME, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%address, %error, "a connection of the control API ended early");
    }
}

/// Returns when `stop` is set, or nobody can set it any more.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _set_or_gone = stop.wait_for(|stop| *stop).await.map(|_| ());
}

fn thumbprint(stream: &TlsStream<TcpStream>) -> Option<Thumbprint> {
    let (_, session) = stream.get_ref();
    session.peer_certificates().and_then(<[_]>::first).map(Thumbprint::of)
}
