//! The database's end of a connection: bytes that wait for it, and bytes that came from it.

use std::{
    future::Future as _,
    io,
    mem::MaybeUninit,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use tokio::io::{AsyncRead as _, AsyncReadExt as _, AsyncWrite as _, ReadBuf};

use crate::{cancel::Registered, upstream::UpstreamStream};

/// Room for one read while little is said. It is on the stack: an idle connection keeps no buffer.
const LEAST_ROOM: usize = 4 * 1024;
/// Most bytes that are taken at once.
const MOST_ROOM: usize = 64 * 1024;

pub(super) struct Database {
    pub(super) stream: UpstreamStream,
    pub(super) queue: BytesMut,
    pub(super) cancel: Option<Registered>,
    buffer: BytesMut,
    room: usize,
    /// The stream may hold back what was written.
    flush: bool,
}

/// What a read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// [`Database::take`] gives them.
    Bytes,
    End,
}

impl Database {
    pub(super) fn new(stream: UpstreamStream, cancel: Option<Registered>) -> Self {
        let (queue, buffer) = (BytesMut::new(), BytesMut::new());
        Self { stream, queue, cancel, buffer, room: LEAST_ROOM, flush: false }
    }

    /// Writes what is queued, as far as it goes.
    pub(super) fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.queue.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(context, &self.queue))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.queue.advance(written);
            self.flush = true;
        }
        if self.flush {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.flush = false;
            // An idle connection keeps no buffer.
            self.queue = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Takes all that is there, up to [`MOST_ROOM`].
    pub(super) fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Arrived>> {
        loop {
            match self.read_once(context) {
                Poll::Ready(Ok(1..)) if self.buffer.len() < MOST_ROOM => {}
                // An end or an error is found again by the next read.
                _ if !self.buffer.is_empty() => return Poll::Ready(Ok(Arrived::Bytes)),
                Poll::Ready(Ok(_)) => return Poll::Ready(Ok(Arrived::End)),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.buffer = BytesMut::new();
                    return Poll::Pending;
                }
            }
        }
    }

    fn read_once(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let count = if self.room == LEAST_ROOM {
            ready!(self.read_little(context))?
        } else {
            self.buffer.reserve(self.room);
            let mut limited = (&mut self.buffer).limit(self.room);
            ready!(pin!(self.stream.read_buf(&mut limited)).poll(context))?
        };
        if count == self.room && self.room < MOST_ROOM {
            self.room *= 2;
        }
        Poll::Ready(Ok(count))
    }

    /// Takes room only for what has come.
    fn read_little(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [MaybeUninit::uninit(); LEAST_ROOM];
        let mut read = ReadBuf::uninit(&mut room);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        self.buffer.extend_from_slice(read.filled());
        Poll::Ready(Ok(read.filled().len()))
    }

    /// What has arrived.
    pub(super) fn take(&mut self) -> Bytes {
        if self.buffer.len() < self.room / 4 && self.room > LEAST_ROOM {
            self.room /= 2;
        }
        // Given away whole, so that whoever takes it may change it in place.
        std::mem::take(&mut self.buffer).freeze()
    }
}
