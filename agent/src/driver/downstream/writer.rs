//! What goes to the client: queued for the stream of the moment, and kept until the client has it.

use std::{
    collections::VecDeque,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use connect_shared::{
    frame::{self, Frame, MAX_DATA, Opened},
    replay::{OffsetError, Replay},
};
use quinn::{SendStream, StoppedError, VarInt, WriteError};

use super::{
    super::kept::{Kept, Share},
    DownstreamError,
};

/// Code of a stream whose session was over before the client had all of it.
const GIVEN_UP: VarInt = VarInt::from_u32(3);
/// Most bytes for the client that may wait to be sent; beyond that the database is not read.
const MAX_QUEUED: usize = 256 * 1024;
/// Most bytes that the client has not acknowledged; beyond that the database is not read. It bounds what a
/// parked connection holds, and the speed: this much in a round trip.
const MAX_KEPT: usize = 4 * 1024 * 1024;
/// Bytes taken from the client between two acknowledgements.
const ACKNOWLEDGE_EVERY: u64 = 256 * 1024;
/// The same where an answer leaves anyway.
const ACKNOWLEDGE_BESIDE: u64 = 4 * 1024;
/// Data at least this long is handed on without a copy; what is shorter shares a buffer.
const LARGE: usize = 8 * 1024;

/// The end of a stream, waited for.
pub(in crate::driver) type Loss = Pin<Box<dyn Future<Output = DownstreamError> + Send>>;

pub(in crate::driver) struct Writer {
    send: Option<SendStream>,
    queue: VecDeque<Bytes>,
    /// Behind the queue: frames that are still joined by others.
    tail: BytesMut,
    /// Bytes in both.
    queued: usize,
    /// What was sent and is not acknowledged; also what is still in the queue.
    replay: Replay,
    share: Share,
    /// How far the client's bytes were taken, and how far it was told so.
    taken: u64,
    acknowledged: u64,
    /// Nothing will be added to the replay any more.
    ended: bool,
}

impl Writer {
    pub(super) fn new(send: SendStream, kept: Kept) -> Self {
        let mut writer = Self {
            send: Some(send),
            queue: VecDeque::new(),
            tail: BytesMut::new(),
            queued: 0,
            replay: Replay::default(),
            share: Share::new(kept),
            taken: 0,
            acknowledged: 0,
            ended: false,
        };
        writer.frame(&Frame::Opened(Opened::Accepted { resume_from: 0 }));
        writer
    }

    /// Everything from `offset` on that the client may not have.
    pub(super) fn since(&self, offset: u64) -> Result<Vec<Bytes>, OffsetError> {
        self.replay.since(offset)
    }

    /// Goes on with another stream: of the client's bytes the one at `expected` is next, those before `taken`
    /// were handed on; and it gets `again` from the byte `from` on.
    pub(super) fn attach(
        &mut self,
        send: SendStream,
        expected: u64,
        taken: u64,
        again: Vec<Bytes>,
        from: u64,
    ) {
        // It is kept, so it was sent.
        let _known = self.replay.acknowledge(from);
        self.share.set(self.replay.len());
        self.send = Some(send);
        (self.taken, self.acknowledged) = (taken, taken);
        self.frame(&Frame::Opened(Opened::Accepted { resume_from: expected }));
        self.again(again, from);
    }

    /// Whether the database may be read.
    pub(in crate::driver) fn has_room(&self) -> bool {
        self.queued < MAX_QUEUED && self.replay.len() < MAX_KEPT && self.share.has_room()
    }

    /// Whether the client has everything that there will ever be.
    pub(in crate::driver) const fn is_delivered(&self) -> bool {
        self.ended && self.replay.is_empty()
    }

    /// Queues bytes for the client.
    pub(in crate::driver) fn data(&mut self, mut bytes: Bytes) {
        if self.taken - self.acknowledged >= ACKNOWLEDGE_BESIDE {
            self.say_taken();
        }
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(MAX_DATA));
            let offset = self.replay.end();
            self.replay.push(&part);
            self.enqueue(offset, part);
        }
        self.share.set(self.replay.len());
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
    pub(in crate::driver) fn took(&mut self, offset: u64) {
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
    pub(in crate::driver) fn delivered(&mut self, offset: u64) -> Result<(), DownstreamError> {
        self.replay.acknowledge(offset)?;
        self.share.set(self.replay.len());
        Ok(())
    }

    /// Sends what is queued, as far as it goes; ready when all of it went.
    pub(in crate::driver) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), DownstreamError>> {
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
    pub(in crate::driver) fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.frame(&Frame::End { offset: self.replay.end() });
        }
    }

    /// Returns when the stream is of no use any more, without touching what it brings.
    pub(in crate::driver) fn loss(&self) -> Option<Loss> {
        let stopped = self.send.as_ref()?.stopped();
        Some(Box::pin(async move {
            match stopped.await {
                Err(StoppedError::ConnectionLost(_)) => DownstreamError::Lost,
                _ => DownstreamError::GivenUp,
            }
        }))
    }

    /// Ends the stream behind what it was given.
    pub(in crate::driver) fn finish(&mut self) {
        if let Some(send) = &mut self.send {
            // Ending an ended stream changes nothing.
            let _already_ended = send.finish();
        }
    }

    /// Ends the stream where it is: what the client has not taken it never gets.
    pub(in crate::driver) fn reset(&mut self) {
        if let Some(send) = &mut self.send {
            // An ended stream has nothing left to lose.
            let _already_ended = send.reset(GIVEN_UP);
        }
    }

    /// Gives back the room for what was sent.
    pub(in crate::driver) fn rest(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    pub(super) fn detach(&mut self) {
        self.send = None;
        self.queue = VecDeque::new();
        self.tail = BytesMut::new();
        self.queued = 0;
    }
}
