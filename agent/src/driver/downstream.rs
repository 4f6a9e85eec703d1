//! The client's end of a connection: a stream of the tunnel, as bytes with offsets.

use std::{
    collections::VecDeque,
    future::{Future as _, poll_fn},
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use connect_shared::{
    error::ErrorReport,
    frame::{self, Frame, FrameError, MAX_DATA, Opened},
};

/// Most bytes for the client that may wait; beyond that the database is not read.
pub(super) const MAX_QUEUED: usize = 256 * 1024;

/// Bytes taken from the client between two acknowledgements.
const ACKNOWLEDGE_EVERY: u64 = 256 * 1024;

/// Most bytes that one read takes.
const READ: usize = 64 * 1024;

/// Data at least this long is handed on without a copy; what is shorter shares a buffer.
const LARGE: usize = 8 * 1024;

/// What came from the client.
#[derive(Debug)]
pub(super) enum Received {
    Data(Bytes),
    /// It will send no more.
    End,
}

/// The client or the tunnel is gone, or broke the frames' rules.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownstreamError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a frame that does not belong on a connection")]
    UnexpectedFrame,
    #[error("data at offset {found} where {expected} was expected")]
    Offset { expected: u64, found: u64 },
    #[error("the tunnel's stream broke")]
    Broken,
}

/// A stream of the tunnel.
pub(super) struct Downstream {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
}

pub(super) struct Reader {
    receive: quinn::RecvStream,
    buffer: BytesMut,
    /// Next offset that the client's data must have.
    offset: u64,
    ended: bool,
}

pub(super) struct Writer {
    send: quinn::SendStream,
    queue: VecDeque<Bytes>,
    /// Behind the queue: frames that are still joined by others.
    tail: BytesMut,
    /// Bytes in both.
    queued: usize,
    /// Offset of the next byte for the client.
    offset: u64,
    acknowledged: u64,
}

impl Downstream {
    pub(super) fn new(send: quinn::SendStream, receive: quinn::RecvStream, buffer: BytesMut) -> Self {
        Self {
            reader: Reader { receive, buffer, offset: 0, ended: false },
            writer: Writer {
                send,
                queue: VecDeque::new(),
                tail: BytesMut::new(),
                queued: 0,
                offset: 0,
                acknowledged: 0,
            },
        }
    }

    /// Answers OPEN with a refusal.
    pub(super) async fn refuse(&mut self, error: ErrorReport) {
        self.writer.frame(&Frame::Opened(Opened::Refused { error }));
        self.writer.finish().await;
    }
}

impl Reader {
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The client's next bytes. What is not a whole frame is kept.
    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Received, DownstreamError>> {
        loop {
            if let Some(received) = self.take()? {
                return Poll::Ready(Ok(received));
            }
            let chunk = ready!(pin!(self.receive.read_chunk(READ, true)).poll(context));
            match chunk.map_err(|_| DownstreamError::Broken)? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk.bytes),
                None => {
                    self.ended = true;
                    return Poll::Ready(Ok(Received::End));
                }
            }
        }
    }

    fn take(&mut self) -> Result<Option<Received>, DownstreamError> {
        while let Some(frame) = Frame::decode(&mut self.buffer)? {
            if self.buffer.is_empty() {
                // The frame's bytes are its own then, and may be changed in place; and an idle connection
                // keeps no buffer.
                self.buffer = BytesMut::new();
            }
            match frame {
                Frame::Data { offset, bytes } => {
                    self.expect(offset)?;
                    self.offset += bytes.len() as u64;
                    return Ok(Some(Received::Data(bytes)));
                }
                Frame::End { offset } => {
                    self.expect(offset)?;
                    self.ended = true;
                    return Ok(Some(Received::End));
                }
                // Nothing is kept for resuming yet, so there is nothing to let go.
                Frame::Ack { .. } => {}
                Frame::Abort(_) => return Err(DownstreamError::Broken),
                _ => return Err(DownstreamError::UnexpectedFrame),
            }
        }
        Ok(None)
    }

    const fn expect(&self, found: u64) -> Result<(), DownstreamError> {
        if found == self.offset {
            Ok(())
        } else {
            Err(DownstreamError::Offset { expected: self.offset, found })
        }
    }

    /// Offset up to which the client's bytes were taken.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }
}

impl Writer {
    pub(super) const fn queued(&self) -> usize {
        self.queued
    }

    /// Queues bytes for the client.
    pub(super) fn data(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(MAX_DATA));
            // A part is at most `MAX_DATA` long, which a header can always say.
            if let Ok(header) = frame::data_header(self.offset, part.len()) {
                self.offset += part.len() as u64;
                self.queued += header.len() + part.len();
                self.tail.extend_from_slice(&header);
                if part.len() < LARGE {
                    self.tail.extend_from_slice(&part);
                } else {
                    self.close_tail();
                    self.queue.push_back(part);
                }
            }
        }
    }

    /// Queues a frame without data.
    pub(super) fn frame(&mut self, frame: &Frame) {
        let before = self.tail.len();
        if frame.encode(&mut self.tail).is_err() {
            self.tail.truncate(before);
        }
        self.queued += self.tail.len() - before;
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            self.queue.push_back(std::mem::take(&mut self.tail).freeze());
        }
    }

    /// Says how far the client's bytes were taken, every now and then.
    pub(super) fn acknowledge(&mut self, offset: u64) {
        if offset - self.acknowledged >= ACKNOWLEDGE_EVERY {
            self.acknowledged = offset;
            self.frame(&Frame::Ack { offset });
        }
    }

    /// Sends what is queued, as far as it goes; ready when all of it went.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DownstreamError>> {
        while self.queued > 0 {
            self.close_tail();
            let queue = self.queue.make_contiguous();
            let written = ready!(pin!(self.send.write_chunks(queue)).poll(context));
            let written = written.map_err(|_| DownstreamError::Broken)?;
            self.queued -= written.bytes;
            self.queue.drain(..written.chunks);
        }
        Poll::Ready(Ok(()))
    }

    /// Sends all that is queued, says that nothing follows, and ends the stream.
    pub(super) async fn finish(&mut self) {
        self.frame(&Frame::End { offset: self.offset });
        if poll_fn(|context| self.poll_send(context)).await.is_err() {
            return;
        }
        // Ending an ended stream changes nothing.
        let _already_ended = self.send.finish();
    }
}
