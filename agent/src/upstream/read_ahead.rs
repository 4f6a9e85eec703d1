//! Reads a socket in large pieces below TLS, which asks for its bytes in small ones.

use std::{
    future::Future as _,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BufMut as _, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// Room for one read while little comes.
const LEAST_ROOM: usize = 4 * 1024;
/// Most bytes that are taken at once.
const MOST_ROOM: usize = 64 * 1024;

/// A socket with what was read of it and not yet asked for.
#[derive(Debug)]
pub struct ReadAhead {
    socket: TcpStream,
    buffer: BytesMut,
    room: usize,
}

impl ReadAhead {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self { socket, buffer: BytesMut::new(), room: LEAST_ROOM }
    }

    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is reserved for what is not there.
        ready!(self.socket.poll_read_ready(context))?;
        self.buffer.reserve(self.room);
        let mut limited = (&mut self.buffer).limit(self.room);
        let count = ready!(pin!(self.socket.read_buf(&mut limited)).poll(context))?;
        if count == self.room && self.room < MOST_ROOM {
            self.room *= 2;
        } else if count < self.room / 4 && self.room > LEAST_ROOM {
            self.room /= 2;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ReadAhead {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.buffer.is_empty() {
            ready!(this.poll_fill(context))?;
        }
        let count = buffer.remaining().min(this.buffer.len());
        if let Some(bytes) = this.buffer.get(..count) {
            buffer.put_slice(bytes);
        }
        this.buffer.advance(count);
        if this.buffer.is_empty() {
            // An idle connection keeps no buffer.
            this.buffer = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ReadAhead {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::AsyncWriteExt as _,
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[tokio::test]
    async fn bytes_come_in_order_however_few_are_asked_for_and_the_end_comes_after_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let mut sender = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        let (socket, _) = listener.accept().await.expect("accepted");
        let sent: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
        let copy = sent.clone();
        let sending = tokio::spawn(async move { sender.write_all(&copy).await });
        let mut reader = ReadAhead::new(socket);
        let mut received = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let count = reader.read(&mut piece).await.expect("read");
            if count == 0 {
                break;
            }
            received.extend_from_slice(&piece[..count]);
        }
        sending.await.expect("no panic").expect("sent");
        assert_eq!(received, sent);
    }
}
