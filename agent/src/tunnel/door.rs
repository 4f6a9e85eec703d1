//! The socket of the QUIC endpoint: UDP, and streams of TLS over TCP that carry the same packets where UDP does
//! not get through (see [`connect_shared::flow`]). Each stream has an address of its own, from a block that
//! no network routes, so that the endpoint tells them apart; whose it really is can be asked here.

use std::{
    collections::HashMap,
    fmt,
    io::{self, IoSliceMut},
    net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use connect_shared::{
    flow::{Inbox, Outbox, carry},
    udp::TunnelRuntime,
};
use quinn::{
    AsyncUdpSocket, Runtime as _, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
    time::sleep,
};

use crate::listener::Places;

/// Streams at once, of all addresses and of one: many people may come from behind one.
const MAX_FLOWS: usize = 1_024;
const MAX_FLOWS_OF_ONE: usize = 256;
/// A stream that brings nothing for so long is gone: a client keeps its tunnel alive more often.
const SILENCE: Duration = Duration::from_secs(45);
/// How long the way in may take at the most: handshake, HELLO, grant and record.
const WAY_IN: Duration = Duration::from_secs(30);
/// RFC 6666: packets to these addresses are discarded everywhere.
const BLOCK: u64 = 0x0100_0000_0000_0000;

/// The way in for packets.
pub struct Door {
    udp: Arc<dyn AsyncUdpSocket>,
    inbox: Inbox,
    flows: Mutex<HashMap<SocketAddr, Flow>>,
    places: Arc<Places>,
    next: AtomicU64,
    /// Whose turn it is to be read first.
    udp_first: AtomicBool,
}

struct Flow {
    outbox: Arc<Outbox>,
    origin: SocketAddr,
    /// Told when a tunnel in it was let in.
    admitted: Arc<Notify>,
}

/// A stream in the table; it is taken out when this is dropped.
struct Entered<'a> {
    door: &'a Door,
    address: SocketAddr,
}

impl Door {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            udp: TunnelRuntime.wrap_udp_socket(socket)?,
            inbox: Inbox::default(),
            flows: Mutex::default(),
            places: Places::new(MAX_FLOWS, MAX_FLOWS_OF_ONE),
            next: AtomicU64::new(1),
            udp_first: AtomicBool::new(true),
        }))
    }

    /// Carries the packets of a stream until it ends.
    pub async fn carry<S: AsyncRead + AsyncWrite>(&self, stream: S, origin: SocketAddr) {
        let Some(place) = self.places.enter(origin.ip()) else {
            return tracing::debug!(%origin, "no place for another stream of packets");
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let low = u128::from(BLOCK) << 64 | u128::from(number);
        let address = SocketAddr::new(IpAddr::V6(Ipv6Addr::from_bits(low)), 1);
        let outbox = Arc::new(Outbox::default());
        let admitted = Arc::new(Notify::new());
        let flow = Flow { outbox: Arc::clone(&outbox), origin, admitted: Arc::clone(&admitted) };
        self.flows().insert(address, flow);
        let entered = Entered { door: self, address };
        let mut carrying = pin!(carry(stream, address, &self.inbox, &outbox, SILENCE));
        let carried = tokio::select! {
            carried = &mut carrying => carried,
            () = admitted.notified() => carrying.await,
            // Whoever only trickles bytes keeps nobody's place.
            () = sleep(WAY_IN) => Err(io::ErrorKind::TimedOut.into()),
        };
        if let Err(error) = carried {
            tracing::debug!(%origin, %error, "a stream of packets ended early");
        }
        drop((entered, place));
    }

    /// A tunnel that came from this address is in.
    pub(super) fn admitted(&self, address: SocketAddr) {
        if let Some(flow) = self.flows().get(&address) {
            flow.admitted.notify_one();
        }
    }

    /// The address behind the one that the endpoint sees.
    pub(super) fn origin(&self, address: SocketAddr) -> SocketAddr {
        if !is_flow(address) {
            return address;
        }
        self.flows().get(&address).map_or(address, |flow| flow.origin)
    }

    fn flows(&self) -> MutexGuard<'_, HashMap<SocketAddr, Flow>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.door.flows().remove(&self.address);
    }
}

/// No packet of the network has such an address, for no answer could reach it.
fn is_flow(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V6(ip) => u64::try_from(ip.to_bits() >> 64) == Ok(BLOCK),
        IpAddr::V4(_) => false,
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("udp", &self.udp).finish_non_exhaustive()
    }
}

impl AsyncUdpSocket for Door {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.udp).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        if !is_flow(transmit.destination) {
            return self.udp.try_send(transmit);
        }
        // A stream that is gone loses packets, as a network does.
        let outbox = self.flows().get(&transmit.destination).map(|flow| Arc::clone(&flow.outbox));
        if let Some(outbox) = outbox {
            outbox.push(transmit);
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        // In turn, so that neither way can keep the other one out.
        if self.udp_first.fetch_xor(true, Ordering::Relaxed) {
            if let Poll::Ready(received) = self.poll_udp(context, buffers, meta) {
                return Poll::Ready(received);
            }
            return self.inbox.poll(context, buffers, meta).map(Ok);
        }
        if let Poll::Ready(count) = self.inbox.poll(context, buffers, meta) {
            return Poll::Ready(Ok(count));
        }
        self.poll_udp(context, buffers, meta)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.udp.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.udp.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.udp.may_fragment()
    }
}

impl Door {
    /// What comes by UDP. A packet that claims to come from a stream is a forgery.
    fn poll_udp(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let received = self.udp.poll_recv(context, buffers, meta);
        if let Poll::Ready(Ok(count)) = received {
            for forged in meta.iter_mut().take(count).filter(|meta| is_flow(meta.addr)) {
                // Without bytes it is no packet.
                forged.len = 0;
            }
        }
        received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_has_an_address_that_no_network_has_and_is_known_by_its_own() {
        let door = Door::new(UdpSocket::bind("127.0.0.1:0").expect("a port")).expect("a door");
        let origin = "192.0.2.7:4711".parse().expect("an address");
        let (near, far) = tokio::io::duplex(100);
        let carrying = {
            let door = Arc::clone(&door);
            tokio::spawn(async move { door.carry(near, origin).await })
        };
        while door.flows().is_empty() {
            tokio::task::yield_now().await;
        }
        let address = *door.flows().keys().next().expect("one");
        assert!(is_flow(address));
        assert_eq!(door.origin(address), origin);
        assert_eq!(door.origin(origin), origin);
        drop(far);
        carrying.await.expect("no panic");
        assert!(door.flows().is_empty());
    }
}
