//! The client's end of a connection: a stream of the tunnel, as bytes with offsets. The stream may go and
//! another one come; what the client has not acknowledged is kept until then.

mod writer;

use std::{
    collections::VecDeque,
    future::Future as _,
    pin::pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use connect_shared::{
    frame::{Frame, FrameError, MAX_AHEAD},
    replay::OffsetError,
};
use quinn::{ReadError, RecvStream, SendStream};

pub(super) use self::writer::{Loss, Writer};
use super::Kept;

/// Most bytes that one read takes.
const READ: usize = 64 * 1024;
/// Shorter frames that wait are put together, until there is so much of them.
const SMALL: usize = 1 << 10;
const FULL: usize = 16 << 10;

/// What came from the client.
#[derive(Debug)]
pub(super) enum Received {
    Data(Bytes),
    /// It has everything before this offset.
    Acknowledged(u64),
    /// It will send no more.
    End,
}

/// Nothing more comes from this stream, or goes into it.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownstreamError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("a frame that does not belong on a connection")]
    UnexpectedFrame,
    #[error("data at offset {found} where {expected} was expected")]
    Offset { expected: u64, found: u64 },
    #[error(transparent)]
    Acknowledged(#[from] OffsetError),
    #[error("more than {MAX_AHEAD} bytes ahead of what was acknowledged")]
    TooFarAhead,
    /// The client gave it up.
    #[error("the client ended the stream")]
    GivenUp,
    /// With the whole tunnel; the client may come back.
    #[error("the tunnel is gone")]
    Lost,
}

/// A connection's streams, one after another.
pub(super) struct Downstream {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
}

pub(super) struct Reader {
    receive: Option<RecvStream>,
    buffer: BytesMut,
    /// Next offset that the client's data must have.
    offset: u64,
    /// Data that was not wanted yet, and its bytes.
    waiting: VecDeque<Bytes>,
    /// Behind them, small frames as one: each by itself costs more than it holds.
    small: BytesMut,
    waits: usize,
    /// The client has said its last byte, and that was told.
    ended: bool,
    told: bool,
}

impl Downstream {
    pub(super) fn new(send: SendStream, receive: RecvStream, buffer: BytesMut, kept: Kept) -> Self {
        let reader = Reader {
            receive: Some(receive),
            buffer,
            offset: 0,
            waiting: VecDeque::new(),
            small: BytesMut::new(),
            waits: 0,
            ended: false,
            told: false,
        };
        Self { reader, writer: Writer::new(send, kept) }
    }

    /// Lets the streams go. What was on its way is kept in the replay.
    pub(super) fn detach(&mut self) {
        self.reader.receive = None;
        self.reader.buffer = BytesMut::new();
        self.writer.detach();
    }

    /// Goes on with other streams, from the byte `from` that the client expects next.
    ///
    /// # Errors
    /// The client cannot mean that offset; nothing has changed then, and the stream is given back.
    pub(super) fn attach(
        &mut self,
        send: SendStream,
        receive: RecvStream,
        buffer: BytesMut,
        from: u64,
    ) -> Result<(), (SendStream, OffsetError)> {
        let again = match self.writer.since(from) {
            Ok(again) => again,
            Err(error) => return Err((send, error)),
        };
        self.detach();
        self.reader.receive = Some(receive);
        self.reader.buffer = buffer;
        let (expected, taken) = (self.reader.offset, self.reader.taken());
        self.writer.attach(send, expected, taken, again, from);
        Ok(())
    }
}

impl Reader {
    /// What the client says next. Its data waits here while nobody is `hungry`; all else is heard.
    pub(super) fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        hungry: bool,
    ) -> Poll<Result<Received, DownstreamError>> {
        loop {
            if hungry && let Some(bytes) = self.next_waiting() {
                self.waits -= bytes.len();
                return Poll::Ready(Ok(Received::Data(bytes)));
            }
            if self.ended && self.waits == 0 && !std::mem::replace(&mut self.told, true) {
                return Poll::Ready(Ok(Received::End));
            }
            match self.take()? {
                Some(Received::Data(bytes)) if !hungry => self.wait(bytes)?,
                Some(Received::End) => {}
                Some(received) => return Poll::Ready(Ok(received)),
                None => ready!(self.poll_read(context))?,
            }
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DownstreamError>> {
        let Some(receive) = &mut self.receive else { return Poll::Pending };
        let chunk = ready!(pin!(receive.read_chunk(READ, true)).poll(context));
        let chunk = chunk.map_err(|error| match error {
            ReadError::ConnectionLost(_) => DownstreamError::Lost,
            _ => DownstreamError::GivenUp,
        })?;
        match chunk {
            Some(chunk) => self.buffer.extend_from_slice(&chunk.bytes),
            None => {
                self.receive = None;
                self.ended = true;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Data that cannot be handed on yet. A client that keeps the rules has no more of it than that.
    fn wait(&mut self, bytes: Bytes) -> Result<(), DownstreamError> {
        self.waits += bytes.len();
        if self.waits > MAX_AHEAD {
            return Err(DownstreamError::TooFarAhead);
        }
        if bytes.len() < SMALL {
            self.small.extend_from_slice(&bytes);
        }
        if bytes.len() >= SMALL || self.small.len() >= FULL {
            self.waiting.extend((!self.small.is_empty()).then(|| self.small.split().freeze()));
        }
        if bytes.len() >= SMALL {
            self.waiting.push_back(bytes);
        }
        Ok(())
    }

    fn next_waiting(&mut self) -> Option<Bytes> {
        let small = || (!self.small.is_empty()).then(|| std::mem::take(&mut self.small).freeze());
        self.waiting.pop_front().or_else(small)
    }

    fn take(&mut self) -> Result<Option<Received>, DownstreamError> {
        let Some(frame) = Frame::decode(&mut self.buffer)? else { return Ok(None) };
        if self.buffer.is_empty() {
            // The frame's bytes are its own then, and may be changed in place; and an idle connection
            // keeps no buffer.
            self.buffer = BytesMut::new();
        }
        match frame {
            // One without bytes moves nothing, and could be sent without end.
            Frame::Data { offset, bytes } if !self.ended && !bytes.is_empty() => {
                self.expect(offset)?;
                self.offset += bytes.len() as u64;
                Ok(Some(Received::Data(bytes)))
            }
            Frame::End { offset } => {
                self.expect(offset)?;
                self.ended = true;
                Ok(Some(Received::End))
            }
            Frame::Ack { offset } => Ok(Some(Received::Acknowledged(offset))),
            Frame::Abort(_) => Err(DownstreamError::GivenUp),
            _ => Err(DownstreamError::UnexpectedFrame),
        }
    }

    const fn expect(&self, found: u64) -> Result<(), DownstreamError> {
        if found == self.offset {
            Ok(())
        } else {
            Err(DownstreamError::Offset { expected: self.offset, found })
        }
    }

    /// Offset up to which the client's bytes were handed on.
    pub(super) const fn taken(&self) -> u64 {
        self.offset - self.waits as u64
    }
}
