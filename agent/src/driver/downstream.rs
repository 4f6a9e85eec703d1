//! The client's end of a connection: a stream of the tunnel, as bytes with offsets. The stream may go and
//! another one come; what the client has not acknowledged is kept until then.

use std::{
    collections::VecDeque,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use connect_shared::{
    frame::{self, Frame, FrameError, MAX_DATA, Opened},
    replay::{OffsetError, Replay},
};
use quinn::{ReadError, RecvStream, SendStream, StoppedError, WriteError};

/// Most bytes for the client that may wait to be sent; beyond that the database is not read.
const MAX_QUEUED: usize = 256 * 1024;

/// Most bytes that the client has not acknowledged; beyond that the database is not read. It bounds what a
/// parked connection holds, and the speed: this much in a round trip.
const MAX_KEPT: usize = 4 * 1024 * 1024;

/// Bytes taken from the client between two acknowledgements.
const ACKNOWLEDGE_EVERY: u64 = 256 * 1024;
/// The same where an answer leaves anyway.
const ACKNOWLEDGE_BESIDE: u64 = 4 * 1024;

/// Most bytes that one read takes.
const READ: usize = 64 * 1024;

/// Data at least this long is handed on without a copy; what is shorter shares a buffer.
const LARGE: usize = 8 * 1024;

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
    /// The client gave it up.
    #[error("the client ended the stream")]
    GivenUp,
    /// With the whole tunnel; the client may come back.
    #[error("the tunnel is gone")]
    Lost,
}

/// The end of a stream, waited for.
pub(super) type Loss = Pin<Box<dyn Future<Output = DownstreamError> + Send>>;

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
    ended: bool,
}

pub(super) struct Writer {
    send: Option<SendStream>,
    queue: VecDeque<Bytes>,
    /// Behind the queue: frames that are still joined by others.
    tail: BytesMut,
    /// Bytes in both.
    queued: usize,
    /// What was sent and is not acknowledged; also what is still in the queue.
    replay: Replay,
    /// How far the client's bytes were taken, and how far it was told so.
    taken: u64,
    acknowledged: u64,
    /// Nothing will be added to the replay any more.
    ended: bool,
}

impl Downstream {
    pub(super) fn new(send: SendStream, receive: RecvStream, buffer: BytesMut) -> Self {
        let mut writer = Writer {
            send: Some(send),
            queue: VecDeque::new(),
            tail: BytesMut::new(),
            queued: 0,
            replay: Replay::default(),
            taken: 0,
            acknowledged: 0,
            ended: false,
        };
        writer.frame(&Frame::Opened(Opened::Accepted { resume_from: 0 }));
        Self { reader: Reader { receive: Some(receive), buffer, offset: 0, ended: false }, writer }
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
        let again = match self.writer.replay.since(from) {
            Ok(again) => again,
            Err(error) => return Err((send, error)),
        };
        self.detach();
        // It is kept, so it was sent.
        let _known = self.writer.replay.acknowledge(from);
        self.reader.receive = Some(receive);
        self.reader.buffer = buffer;
        self.writer.send = Some(send);
        self.writer.taken = self.reader.offset;
        self.writer.acknowledged = self.reader.offset;
        self.writer.frame(&Frame::Opened(Opened::Accepted { resume_from: self.reader.offset }));
        self.writer.again(again, from);
        Ok(())
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
            let Some(receive) = &mut self.receive else { return Poll::Pending };
            let chunk = ready!(pin!(receive.read_chunk(READ, true)).poll(context));
            let chunk = chunk.map_err(|error| match error {
                ReadError::ConnectionLost(_) => DownstreamError::Lost,
                _ => DownstreamError::GivenUp,
            })?;
            match chunk {
                Some(chunk) => self.buffer.extend_from_slice(&chunk.bytes),
                None => {
                    self.ended = true;
                    return Poll::Ready(Ok(Received::End));
                }
            }
        }
    }

    fn take(&mut self) -> Result<Option<Received>, DownstreamError> {
        let Some(frame) = Frame::decode(&mut self.buffer)? else { return Ok(None) };
        if self.buffer.is_empty() {
            // The frame's bytes are its own then, and may be changed in place; and an idle connection
            // keeps no buffer.
            self.buffer = BytesMut::new();
        }
        match frame {
            Frame::Data { offset, bytes } => {
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

    /// Offset up to which the client's bytes were taken.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }
}

impl Writer {
    /// Whether the database may be read.
    pub(super) const fn has_room(&self) -> bool {
        self.queued < MAX_QUEUED && self.replay.len() < MAX_KEPT
    }

    /// Whether the client has everything that there will ever be.
    pub(super) const fn is_delivered(&self) -> bool {
        self.ended && self.replay.is_empty()
    }

    /// Queues bytes for the client.
    pub(super) fn data(&mut self, mut bytes: Bytes) {
        if self.taken - self.acknowledged >= ACKNOWLEDGE_BESIDE {
            self.say_taken();
        }
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(MAX_DATA));
            let offset = self.replay.end();
            self.replay.push(&part);
            self.enqueue(offset, part);
        }
    }

    /// Queues a DATA frame; where there is no stream, the replay has its bytes.
    fn enqueue(&mut self, offset: u64, part: Bytes) {
        if self.send.is_none() {
            return;
        }
        // A part is at most `MAX_DATA` long, which a header can always say.
        if let Ok(header) = frame::data_header(offset, part.len()) {
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

    /// Queues once more what was sent into another stream.
    fn again(&mut self, chunks: Vec<Bytes>, from: u64) {
        let mut offset = from;
        for mut chunk in chunks {
            while !chunk.is_empty() {
                let part = chunk.split_to(chunk.len().min(MAX_DATA));
                let at = offset;
                offset += part.len() as u64;
                self.enqueue(at, part);
            }
        }
        if self.ended {
            self.frame(&Frame::End { offset });
        }
    }

    /// Queues a frame without data, if there is a stream for it.
    fn frame(&mut self, frame: &Frame) {
        if self.send.is_none() {
            return;
        }
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

    /// Says how far the client's bytes were taken: beside the next answer, or after many.
    pub(super) fn took(&mut self, offset: u64) {
        self.taken = offset;
        if offset - self.acknowledged >= ACKNOWLEDGE_EVERY {
            self.say_taken();
        }
    }

    fn say_taken(&mut self) {
        self.acknowledged = self.taken;
        self.frame(&Frame::Ack { offset: self.taken });
    }

    /// The client has everything before `offset`.
    pub(super) fn delivered(&mut self, offset: u64) -> Result<(), DownstreamError> {
        Ok(self.replay.acknowledge(offset)?)
    }

    /// Sends what is queued, as far as it goes; ready when all of it went.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DownstreamError>> {
        let Some(send) = &mut self.send else { return Poll::Ready(Ok(())) };
        while self.queued > 0 {
            if !self.tail.is_empty() {
                self.queue.push_back(std::mem::take(&mut self.tail).freeze());
            }
            let queue = self.queue.make_contiguous();
            let written = ready!(pin!(send.write_chunks(queue)).poll(context));
            let written = written.map_err(|error| match error {
                WriteError::ConnectionLost(_) => DownstreamError::Lost,
                _ => DownstreamError::GivenUp,
            })?;
            self.queued -= written.bytes;
            self.queue.drain(..written.chunks);
        }
        Poll::Ready(Ok(()))
    }

    /// Says that nothing follows.
    pub(super) fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.frame(&Frame::End { offset: self.replay.end() });
        }
    }

    /// Returns when the stream is of no use any more, without touching what it brings.
    pub(super) fn loss(&self) -> Option<Loss> {
        let stopped = self.send.as_ref()?.stopped();
        Some(Box::pin(async move {
            match stopped.await {
                Err(StoppedError::ConnectionLost(_)) => DownstreamError::Lost,
                _ => DownstreamError::GivenUp,
            }
        }))
    }

    /// Ends the stream behind what it was given.
    pub(super) fn finish(&mut self) {
        if let Some(send) = &mut self.send {
            // Ending an ended stream changes nothing.
            let _already_ended = send.finish();
        }
    }

    fn detach(&mut self) {
        self.send = None;
        self.queue = VecDeque::new();
        self.tail = BytesMut::new();
        self.queued = 0;
    }
}
