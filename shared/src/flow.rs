//! Datagrams over a byte stream: the tunnel where UDP does not get through. The stream is TLS over TCP; in it
//! travel the very packets that would have travelled by UDP, each behind its length (u16, big-endian). So
//! there is one tunnel protocol with one set of rules, and only its lowest layer is another one: the client's
//! key, the grant, streams, limits and the way back are those of QUIC.
//!
//! What it costs: packets are sealed twice, and two congestion controls stand one upon the other. A stream
//! that is full loses packets as a full network would, and the upper one slows down.

use std::{
    collections::VecDeque,
    fmt,
    io::{self, IoSliceMut},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use quinn::{
    AsyncUdpSocket, UdpPoller,
    udp::{RecvMeta, Transmit},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::frame::MAX_DATAGRAM;

/// Bytes that wait to be written; beyond that, packets are lost.
const MAX_WAITING: usize = 256 * 1024;
/// Packets that were read and not taken yet, of all streams that share an inbox.
const MAX_ARRIVED: usize = 1_024;
/// Most bytes that one read takes.
const READ: usize = 64 * 1024;
/// Packets that one send may join.
const SEGMENTS: usize = 16;

/// Packets for one stream.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<BytesMut>,
    news: Notify,
}

/// Packets from streams.
pub struct Inbox {
    arrived: Mutex<Arrived>,
    room: Semaphore,
}

#[derive(Default)]
struct Arrived {
    packets: VecDeque<(SocketAddr, Bytes)>,
    waker: Option<Waker>,
}

impl Outbox {
    /// Queues the packets of a transmission, each behind its length.
    pub fn push(&self, transmit: &Transmit<'_>) {
        let mut waiting = lock(&self.waiting);
        for packet in transmit.contents.chunks(transmit.segment_size.unwrap_or(usize::MAX).max(1)) {
            let Ok(length) = u16::try_from(packet.len()) else { continue };
            if waiting.len() + packet.len() < MAX_WAITING {
                waiting.put_u16(length);
                waiting.put_slice(packet);
            }
        }
        drop(waiting);
        self.news.notify_one();
    }

    async fn next(&self) -> Bytes {
        loop {
            let taken = std::mem::take(&mut *lock(&self.waiting));
            if !taken.is_empty() {
                return taken.freeze();
            }
            self.news.notified().await;
        }
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self { arrived: Mutex::default(), room: Semaphore::new(MAX_ARRIVED) }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

impl Inbox {
    /// Adds a packet when there is room for it.
    async fn push(&self, from: SocketAddr, packet: Bytes) {
        if let Ok(room) = self.room.acquire().await {
            room.forget();
        }
        let mut arrived = lock(&self.arrived);
        arrived.packets.push_back((from, packet));
        let waker = arrived.waker.take();
        drop(arrived);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes packets, or asks to be woken.
    pub fn poll(
        &self,
        context: &Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<usize> {
        let mut arrived = lock(&self.arrived);
        let mut count = 0;
        for (buffer, meta) in buffers.iter_mut().zip(meta) {
            let Some((from, packet)) = arrived.packets.pop_front() else { break };
            // A packet longer than any that was agreed is cut, and so is none.
            let length = packet.len().min(buffer.len());
            buffer.iter_mut().zip(&packet).for_each(|(to, from)| *to = *from);
            *meta = RecvMeta { addr: from, len: length, stride: length, ecn: None, dst_ip: None };
            count += 1;
        }
        if count == 0 {
            arrived.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        self.room.add_permits(count);
        Poll::Ready(count)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries packets between a stream and the boxes until the stream ends, breaks the rules, or brings nothing
/// for so long.
///
/// # Errors
/// Why it ended, if not in order.
pub async fn carry<S: AsyncRead + AsyncWrite>(
    stream: S,
    from: SocketAddr,
    inbox: &Inbox,
    outbox: &Outbox,
    silence: Duration,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    tokio::select! {
        read = read(reader, from, inbox, silence) => read,
        written = write(writer, outbox) => written,
    }
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    from: SocketAddr,
    inbox: &Inbox,
    silence: Duration,
) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        while let Some(packet) = take(&mut buffer)? {
            inbox.push(from, packet).await;
        }
        buffer.reserve(READ);
        let read = timeout(silence, reader.read_buf(&mut buffer)).await;
        if read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
            return Ok(());
        }
    }
}

/// A whole packet from the front of the buffer. Its length is checked before it is waited for.
fn take(buffer: &mut BytesMut) -> io::Result<Option<Bytes>> {
    let Some([high, low]) = buffer.first_chunk::<2>().copied() else { return Ok(None) };
    let length = u16::from_be_bytes([high, low]);
    if length == 0 || length > MAX_DATAGRAM {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet of a length that none has"));
    }
    let length = usize::from(length);
    if buffer.len() < 2 + length {
        return Ok(None);
    }
    buffer.advance(2);
    Ok(Some(buffer.split_to(length).freeze()))
}

async fn write(mut writer: impl AsyncWrite + Unpin, outbox: &Outbox) -> io::Result<()> {
    loop {
        let packets = outbox.next().await;
        writer.write_all(&packets).await?;
        writer.flush().await?;
    }
}

/// A socket whose datagrams all travel over one stream to one peer.
#[derive(Debug)]
pub struct FlowSocket {
    peer: SocketAddr,
    inbox: Inbox,
    outbox: Outbox,
    over: AtomicBool,
}

impl FlowSocket {
    #[must_use]
    pub fn new(peer: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            peer,
            inbox: Inbox::default(),
            outbox: Outbox::default(),
            over: AtomicBool::new(false),
        })
    }

    /// Carries until the stream ends; then the socket is of no use any more, and says so.
    pub async fn run<S: AsyncRead + AsyncWrite>(self: Arc<Self>, stream: S, silence: Duration) {
        // The tunnel on top says that it is gone; why its stream ended adds nothing.
        let _why = carry(stream, self.peer, &self.inbox, &self.outbox, silence).await;
        self.over.store(true, Ordering::Release);
        let waker = lock(&self.inbox.arrived).waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl AsyncUdpSocket for FlowSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Always)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.outbox.push(transmit);
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        match self.inbox.poll(context, buffers, meta) {
            Poll::Ready(count) => Poll::Ready(Ok(count)),
            Poll::Pending if self.over.load(Ordering::Acquire) => {
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        // Of the peer's family, which is all that is looked at.
        Ok(match self.peer {
            SocketAddr::V4(_) => (std::net::Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, 0).into(),
        })
    }

    fn max_transmit_segments(&self) -> usize {
        SEGMENTS
    }

    fn may_fragment(&self) -> bool {
        false
    }
}

/// A full outbox loses packets; nobody waits for it.
#[derive(Debug)]
struct Always;

impl UdpPoller for Always {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn transmit(contents: &[u8], segment_size: Option<usize>) -> Transmit<'_> {
        let destination = ([127, 0, 0, 1], 9).into();
        Transmit { destination, ecn: None, contents, segment_size, src_ip: None }
    }

    async fn receive(socket: &Arc<FlowSocket>) -> io::Result<Vec<u8>> {
        let mut bytes = [0; 9_000];
        let mut meta = [RecvMeta::default()];
        let received =
            poll_fn(|context| socket.poll_recv(context, &mut [IoSliceMut::new(&mut bytes)], &mut meta));
        received.await?;
        Ok(bytes[..meta[0].len].to_vec())
    }

    #[tokio::test]
    async fn packets_arrive_whole_and_in_order_also_when_several_were_joined() {
        let (one, other) = tokio::io::duplex(100);
        let [left, right] = [1, 2].map(|port| FlowSocket::new(([127, 0, 0, 1], port).into()));
        tokio::spawn(Arc::clone(&left).run(one, Duration::from_secs(60)));
        tokio::spawn(Arc::clone(&right).run(other, Duration::from_secs(60)));
        left.try_send(&transmit(b"aaaabbbbcc", Some(4))).expect("sent");
        left.try_send(&transmit(&[7; 5_000], None)).expect("sent");
        right.try_send(&transmit(b"back", None)).expect("sent");
        for expected in [&b"aaaa"[..], b"bbbb", b"cc", &[7; 5_000]] {
            assert_eq!(receive(&right).await.expect("received"), expected);
        }
        assert_eq!(receive(&left).await.expect("received"), b"back");
    }

    #[tokio::test]
    async fn a_stream_that_ends_or_lies_about_lengths_ends_the_socket() {
        for bytes in [&b""[..], b"\0\0", b"\xff\xffx"] {
            let (mut far, near) = tokio::io::duplex(100);
            let socket = FlowSocket::new(([127, 0, 0, 1], 1).into());
            tokio::spawn(Arc::clone(&socket).run(near, Duration::from_secs(60)));
            far.write_all(bytes).await.expect("written");
            far.shutdown().await.expect("ended");
            assert!(receive(&socket).await.is_err());
        }
    }

    #[tokio::test]
    async fn what_nobody_takes_is_bounded() {
        let outbox = Outbox::default();
        for _ in 0..10_000 {
            outbox.push(&transmit(&[1; 1_200], None));
        }
        assert!(lock(&outbox.waiting).len() <= MAX_WAITING);
        let (mut far, near) = tokio::io::duplex(64 * 1024);
        let inbox = Arc::new(Inbox::default());
        let full = Arc::clone(&inbox);
        let carrying = tokio::spawn(async move {
            carry(near, ([127, 0, 0, 1], 1).into(), &full, &Outbox::default(), Duration::from_secs(60)).await
        });
        // A sender that is not read stops by itself: the stream is full.
        let flood = async { while far.write_all(b"\0\x01x").await.is_ok() {} };
        assert!(timeout(Duration::from_millis(300), flood).await.is_err());
        assert_eq!(lock(&inbox.arrived).packets.len(), MAX_ARRIVED);
        carrying.abort();
    }
}
