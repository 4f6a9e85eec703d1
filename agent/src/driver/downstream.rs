//! The client's end of a connection: a stream of the tunnel, as bytes with offsets.

use std::collections::VecDeque;

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
    queued: usize,
    /// Offset of the next byte for the client.
    offset: u64,
    acknowledged: u64,
}

impl Downstream {
    pub(super) const fn new(send: quinn::SendStream, receive: quinn::RecvStream, buffer: BytesMut) -> Self {
        Self {
            reader: Reader { receive, buffer, offset: 0, ended: false },
            writer: Writer { send, queue: VecDeque::new(), queued: 0, offset: 0, acknowledged: 0 },
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

    /// Waits for the client's next bytes. Cancel-safe: bytes are kept until a whole frame is here.
    pub(super) async fn receive(&mut self) -> Result<Received, DownstreamError> {
        loop {
            if let Some(received) = self.take()? {
                return Ok(received);
            }
            let chunk = self.receive.read_chunk(READ, true).await;
            match chunk.map_err(|_| DownstreamError::Broken)? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk.bytes),
                None => {
                    self.ended = true;
                    return Ok(Received::End);
                }
            }
        }
    }

    fn take(&mut self) -> Result<Option<Received>, DownstreamError> {
        while let Some(frame) = Frame::decode(&mut self.buffer)? {
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
                self.push(Bytes::copy_from_slice(&header));
                self.push(part);
            }
        }
    }

    /// Queues a frame without data.
    pub(super) fn frame(&mut self, frame: &Frame) {
        let mut bytes = BytesMut::new();
        if frame.encode(&mut bytes).is_ok() {
            self.push(bytes.freeze());
        }
    }

    /// Says how far the client's bytes were taken, every now and then.
    pub(super) fn acknowledge(&mut self, offset: u64) {
        if offset - self.acknowledged >= ACKNOWLEDGE_EVERY {
            self.acknowledged = offset;
            self.frame(&Frame::Ack { offset });
        }
    }

    fn push(&mut self, bytes: Bytes) {
        self.queued += bytes.len();
        self.queue.push_back(bytes);
    }

    /// Sends some of what is queued. Cancel-safe: what was not sent stays queued.
    pub(super) async fn send(&mut self) -> Result<(), DownstreamError> {
        let queue = self.queue.make_contiguous();
        let written = self.send.write_chunks(queue).await.map_err(|_| DownstreamError::Broken)?;
        self.queued -= written.bytes;
        self.queue.drain(..written.chunks);
        Ok(())
    }

    /// Sends all that is queued, says that nothing follows, and ends the stream.
    pub(super) async fn finish(&mut self) {
        self.frame(&Frame::End { offset: self.offset });
        while self.queued > 0 {
            if self.send().await.is_err() {
                return;
            }
        }
        // Ending an ended stream changes nothing.
        let _already_ended = self.send.finish();
    }
}
