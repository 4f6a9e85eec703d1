//! The UDP socket under a tunnel, at both ends. It differs from the transport's own in what it asks the
//! system for:
//!
//! - It is not told when it becomes writable, which is after each datagram that leaves, unless a send had to
//!   wait: on the loopback and in fast networks that would wake the thread once more for every packet.
//! - A read that did not fill its buffers has emptied the socket, so the system is not asked again.
//! - A batch that is larger than an IP packet can be is sent as several. The system refuses it as a whole, and
//!   the transport takes that for a probe of the path that was too large, which is no error: whole batches
//!   would be lost again and again, as soon as the path takes large datagrams.
//!
//! And the transport's own tasks run behind all others that are ready, so that what several connections have
//! to say leaves in one packet.

use std::{
    fmt,
    future::Future,
    io::{self, IoSliceMut},
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use quinn::{
    AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller,
    udp::{RecvMeta, Transmit, UdpSocketState},
};
use tokio::io::{Interest, unix::AsyncFd};

/// The largest payload of a UDP datagram over IPv4, and so of a batch that the system cuts up (RFC 768, 791).
const MAX_BATCH: usize = 65_507;

/// Tokio, with this socket.
#[derive(Debug)]
pub struct TunnelRuntime;

impl Runtime for TunnelRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(Box::pin(Patient { future, waited: false }));
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket.set_nonblocking(true)?;
        let state = UdpSocketState::new((&socket).into())?;
        let socket = told_when(socket, Interest::READABLE)?;
        Ok(Arc::new(TunnelSocket { state, socket, full: AtomicBool::new(false) }))
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

#[expect(
    deprecated,
    reason = "a type could lie about its descriptor, for which the new constructor is unsafe; std's socket does not"
)]
fn told_when(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, interest)
}

/// A task that lets others go first, once each time that it is woken.
struct Patient {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    waited: bool,
}

impl Future for Patient {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.waited, true) {
            // Who wakes itself goes to the end of the line.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.waited = false;
        self.future.as_mut().poll(context)
    }
}

struct TunnelSocket {
    socket: AsyncFd<UdpSocket>,
    state: UdpSocketState,
    /// A send found no room, and nobody has found any since.
    full: AtomicBool,
}

impl fmt::Debug for TunnelSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelSocket").field("socket", self.socket.get_ref()).finish_non_exhaustive()
    }
}

impl AsyncUdpSocket for TunnelSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable { socket: self, waiting: None })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        // If the system stops in between, all of it is sent again, and the peer drops what it has already.
        let sent = parts(transmit).try_for_each(|part| self.state.send(self.socket.get_ref().into(), &part));
        if sent.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.full.store(true, Ordering::Relaxed);
        }
        sent
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.socket.poll_read_ready(context))?;
            match guard.try_io(|socket| self.state.recv(socket.get_ref().into(), buffers, meta)) {
                Ok(Ok(count)) => {
                    if count < buffers.len() {
                        // What comes from here on is told anew.
                        guard.clear_ready();
                    }
                    return Poll::Ready(Ok(count));
                }
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

/// The same in batches that the system takes.
fn parts<'t>(transmit: &'t Transmit<'t>) -> impl Iterator<Item = Transmit<'t>> {
    let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
    let batch = (MAX_BATCH / size).max(1) * size;
    transmit.contents.chunks(batch).map(move |contents| Transmit {
        contents,
        segment_size: transmit.segment_size.filter(|_| contents.len() > size),
        ..*transmit
    })
}

/// Waits for the socket to be writable, which the transport asks before each datagram. The system is asked only
/// where a send was refused, and to tell only while somebody waits.
#[derive(Debug)]
struct Writable {
    socket: Arc<TunnelSocket>,
    waiting: Option<AsyncFd<UdpSocket>>,
}

impl UdpPoller for Writable {
    fn poll_writable(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let waiting = match this.waiting.take() {
            Some(waiting) => waiting,
            None if !this.socket.full.load(Ordering::Relaxed) => return Poll::Ready(Ok(())),
            None => {
                let copy = this.socket.socket.get_ref().try_clone()?;
                told_when(copy, Interest::WRITABLE)?
            }
        };
        // Kept only while it is waited for: what was ready once may not be so the next time.
        let ready = waiting.poll_write_ready(context).map_ok(|_| ());
        if ready.is_pending() {
            this.waiting = Some(waiting);
        } else {
            this.socket.full.store(false, Ordering::Relaxed);
        }
        ready
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use quinn::udp::BATCH_SIZE;

    use super::*;
    use crate::frame::MAX_DATAGRAM;

    fn pair() -> [(Arc<dyn AsyncUdpSocket>, SocketAddr); 2] {
        [(); 2].map(|()| {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
            let address = socket.local_addr().expect("bound");
            (TunnelRuntime.wrap_udp_socket(socket).expect("wrapped"), address)
        })
    }

    async fn receive(socket: &Arc<dyn AsyncUdpSocket>, room: usize) -> Vec<u8> {
        let mut storage = vec![vec![0; usize::from(u16::MAX)]; room];
        let mut buffers: Vec<_> = storage.iter_mut().map(|bytes| IoSliceMut::new(bytes)).collect();
        let mut meta = vec![RecvMeta::default(); room];
        let count = poll_fn(|context| socket.poll_recv(context, &mut buffers, &mut meta)).await;
        let count = count.expect("received");
        drop(buffers);
        storage.iter().zip(&meta).take(count).flat_map(|(bytes, meta)| bytes[..meta.len].to_vec()).collect()
    }

    fn send(socket: &Arc<dyn AsyncUdpSocket>, to: SocketAddr, contents: &[u8]) {
        let transmit = Transmit { destination: to, ecn: None, contents, segment_size: None, src_ip: None };
        socket.try_send(&transmit).expect("sent");
    }

    #[tokio::test]
    async fn datagrams_that_come_one_by_one_and_in_bursts_all_arrive() {
        let [(one, _), (other, address)] = pair();
        for number in 0..50_u8 {
            send(&one, address, &[number]);
            assert_eq!(receive(&other, BATCH_SIZE).await, [number]);
        }
        for number in 0..100_u8 {
            send(&one, address, &[number]);
        }
        let mut received = Vec::new();
        while received.len() < 100 {
            received.extend(receive(&other, 8).await);
        }
        assert_eq!(received, (0..100).collect::<Vec<u8>>());
    }

    #[tokio::test]
    async fn a_batch_that_is_larger_than_a_packet_can_be_arrives_whole() {
        const SIZE: usize = MAX_DATAGRAM as usize;
        let [(one, _), (other, address)] = pair();
        let contents: Vec<u8> = (0..10 * SIZE - 7).map(|at| (at % 251) as u8).collect();
        let transmit = Transmit {
            destination: address,
            ecn: None,
            contents: &contents,
            segment_size: Some(SIZE),
            src_ip: None,
        };
        one.try_send(&transmit).expect("sent");
        let mut received = Vec::new();
        while received.len() < contents.len() {
            received.extend(receive(&other, 1).await);
        }
        assert!(received == contents, "something else arrived");
    }

    #[tokio::test]
    async fn after_a_send_that_was_refused_the_system_is_asked_once() {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let state = UdpSocketState::new((&socket).into()).expect("a socket");
        socket.set_nonblocking(true).expect("set");
        let socket = told_when(socket, Interest::READABLE).expect("watched");
        let socket = Arc::new(TunnelSocket { state, socket, full: AtomicBool::new(true) });
        let mut poller = Arc::clone(&socket).create_io_poller();
        poll_fn(|context| poller.as_mut().poll_writable(context)).await.expect("writable");
        assert!(!socket.full.load(Ordering::Relaxed), "there is room, as the system says");
        let at_once = poll_fn(|context| Poll::Ready(poller.as_mut().poll_writable(context))).await;
        assert!(at_once.is_ready(), "nobody is asked");
    }

    #[tokio::test]
    async fn a_socket_with_room_is_writable_each_time_it_is_asked() {
        let [(one, _), _] = pair();
        let mut poller = one.create_io_poller();
        for _ in 0..3 {
            poll_fn(|context| poller.as_mut().poll_writable(context)).await.expect("writable");
        }
    }
}
