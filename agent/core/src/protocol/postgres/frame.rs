//! Stop 1, frame: bytes → messages. A length is checked before anything is kept for it, and bodies that
//! nobody needs to see whole are handed on in pieces as they arrive.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes before a body: type and length.
pub const HEADER: usize = 5;

/// Whose bytes these are; errors say whose fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// What the reader wants to do with a message once its header is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Keep it until it is whole; more than this many bytes of body is a violation.
    Whole(usize),
    /// Hand it on in pieces.
    Stream,
    /// Keep it until it is whole if its body is at most this long, else throw its body away.
    WholeOrSkip(usize),
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A whole message: type, body, and the bytes of both as they came.
    Message(Message),
    /// The header of a message that is handed on in pieces; `body` bytes follow.
    Start { kind: u8, body: usize, header: Bytes },
    /// Some of the body of the message that was started.
    Part(Bytes),
    /// A message that was too long to keep; its body is thrown away as it arrives.
    Skipped { kind: u8, body: usize },
}

/// A whole message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: u8,
    /// Header and body.
    pub bytes: Bytes,
}

impl Message {
    /// Without type and length.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.bytes.slice(HEADER.min(self.bytes.len())..)
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({:?}, {} bytes)", char::from(self.kind), self.bytes.len())
    }
}

/// A length that the protocol does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("{0:?} sent a message with the illegal length {1}")]
    IllegalLength(Side, u32),
    #[error("{0:?} sent a message of type 0x{1:02x} with {2} bytes, which is over the limit")]
    TooLong(Side, u8, usize),
}

/// Cuts one direction of a connection into messages.
pub struct Framer {
    side: Side,
    buffer: BytesMut,
    /// Bytes of a streamed or skipped body that are still to come.
    body_left: usize,
    skipping: bool,
}

impl Framer {
    #[must_use]
    pub fn new(side: Side) -> Self {
        Self { side, buffer: BytesMut::new(), body_left: 0, skipping: false }
    }

    /// Takes more bytes.
    pub fn push(&mut self, bytes: Bytes) {
        if self.buffer.is_empty() {
            // The usual case: the driver's own buffer becomes ours without a copy.
            match bytes.try_into_mut() {
                Ok(buffer) => self.buffer = buffer,
                Err(bytes) => self.buffer.extend_from_slice(&bytes),
            }
        } else {
            self.buffer.extend_from_slice(&bytes);
        }
    }

    /// Gives back the room for what was taken.
    pub fn rest(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }

    /// Bytes that wait for the rest of their message, or for someone to take them.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The bytes that wait, for the startup phase, whose messages have no type.
    pub fn raw(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next piece; `None` until more bytes come. `plan` is asked once a message, with its type and
    /// the length of its body.
    ///
    /// # Errors
    /// The peer's violation; the connection must end.
    pub fn next(&mut self, plan: impl FnOnce(u8, usize) -> Plan) -> Result<Option<Piece>, FrameError> {
        if self.body_left > 0 {
            return Ok(self.rest_of_body());
        }
        let Some([kind, length @ ..]) = self.buffer.first_chunk::<HEADER>().copied() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(length);
        // The length counts itself; PostgreSQL takes lengths as signed.
        if length < 4 || length > i32::MAX as u32 {
            return Err(FrameError::IllegalLength(self.side, length));
        }
        let body = length as usize - 4;
        match plan(kind, body) {
            Plan::Whole(limit) if body > limit => Err(FrameError::TooLong(self.side, kind, body)),
            Plan::WholeOrSkip(limit) if body > limit => {
                self.buffer.advance(HEADER);
                (self.body_left, self.skipping) = (body, true);
                Ok(Some(Piece::Skipped { kind, body }))
            }
            Plan::Whole(_) | Plan::WholeOrSkip(_) => Ok(self.whole(kind, body)),
            Plan::Stream if body == 0 => Ok(self.whole(kind, body)),
            Plan::Stream => {
                let header = self.buffer.split_to(HEADER).freeze();
                (self.body_left, self.skipping) = (body, false);
                Ok(Some(Piece::Start { kind, body, header }))
            }
        }
    }

    /// Takes all whole messages of this type from the front at once, as one slice. `None` if there is
    /// none.
    pub fn run_of(&mut self, kind: u8) -> Option<Bytes> {
        if self.body_left > 0 {
            return None;
        }
        let mut end = 0;
        while let Some([first, length @ ..]) =
            self.buffer.get(end..).and_then(|rest| rest.first_chunk::<HEADER>()).copied()
        {
            let next = end + 1 + u32::from_be_bytes(length) as usize;
            if first != kind || next < end + HEADER || next > self.buffer.len() {
                break;
            }
            end = next;
        }
        (end > 0).then(|| self.buffer.split_to(end).freeze())
    }

    /// Whether a whole message of one of these types waits.
    #[must_use]
    pub fn has_whole(&self, kinds: &[u8]) -> bool {
        let mut rest: &[u8] = if self.body_left > 0 { &[] } else { &self.buffer };
        while let Some([kind, length @ ..]) = rest.first_chunk::<HEADER>() {
            let length = u32::from_be_bytes(*length) as usize;
            let Some(behind) = rest.get(length.saturating_add(1).max(HEADER)..) else { return false };
            if kinds.contains(kind) {
                return true;
            }
            rest = behind;
        }
        false
    }

    /// Whether a streamed message has begun and not ended: nothing may be put in between.
    #[must_use]
    pub const fn is_inside_message(&self) -> bool {
        self.body_left > 0 && !self.skipping
    }

    fn whole(&mut self, kind: u8, body: usize) -> Option<Piece> {
        let total = HEADER + body;
        if self.buffer.len() < total {
            return None;
        }
        Some(Piece::Message(Message { kind, bytes: self.buffer.split_to(total).freeze() }))
    }

    fn rest_of_body(&mut self) -> Option<Piece> {
        if self.buffer.is_empty() {
            return None;
        }
        let here = self.body_left.min(self.buffer.len());
        self.body_left -= here;
        let part = self.buffer.split_to(here).freeze();
        if self.skipping {
            // What is thrown away is still reported as an empty part, so that the caller's loop goes on.
            return Some(Piece::Part(Bytes::new()));
        }
        Some(Piece::Part(part))
    }
}

impl std::fmt::Debug for Framer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Framer")
            .field("side", &self.side)
            .field("buffered", &self.buffer.len())
            .field("body_left", &self.body_left)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_message_split_at_every_byte_comes_out_once_and_whole() {
        let wire = message(b'Q', b"select 1\0");
        let mut framer = Framer::new(Side::Client);
        for (position, byte) in wire.iter().enumerate() {
            framer.push(Bytes::copy_from_slice(&[*byte]));
            let piece = framer.next(|_, _| Plan::Whole(100)).expect("a legal message");
            assert_eq!(piece.is_some(), position + 1 == wire.len());
        }
    }

    #[test]
    fn illegal_lengths_are_refused_before_the_body_arrives() {
        for length in [0u32, 1, 3, 0x8000_0000, u32::MAX] {
            let mut framer = Framer::new(Side::Client);
            let mut wire = vec![b'Q'];
            wire.extend(length.to_be_bytes());
            framer.push(Bytes::from(wire));
            let refused = framer.next(|_, _| Plan::Whole(1 << 20));
            assert_eq!(refused, Err(FrameError::IllegalLength(Side::Client, length)));
        }
    }

    #[test]
    fn a_long_message_is_streamed_without_being_kept() {
        let mut framer = Framer::new(Side::Server);
        framer.push(Bytes::from(message(b'D', &[7; 10])));
        assert!(matches!(framer.next(|_, _| Plan::Stream), Ok(Some(Piece::Start { body: 10, .. }))));
        assert_eq!(framer.next(|_, _| Plan::Stream), Ok(Some(Piece::Part(Bytes::from_static(&[7; 10])))));
        assert_eq!(framer.next(|_, _| Plan::Stream), Ok(None));
        assert_eq!(framer.buffered(), 0);
    }

    #[test]
    fn a_skipped_message_leaves_the_next_one_readable() {
        let mut framer = Framer::new(Side::Client);
        framer.push(Bytes::from([message(b'Q', &[b'x'; 50]), message(b'S', b"")].concat()));
        let plan = |_, _| Plan::WholeOrSkip(20);
        assert_eq!(framer.next(plan), Ok(Some(Piece::Skipped { kind: b'Q', body: 50 })));
        assert_eq!(framer.next(plan), Ok(Some(Piece::Part(Bytes::new()))));
        assert!(matches!(framer.next(plan), Ok(Some(Piece::Message(Message { kind: b'S', .. })))));
    }
}
