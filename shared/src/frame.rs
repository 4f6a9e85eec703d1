//! Frames: everything that moves inside a tunnel. This file is their reference.
//!
//! # Streams
//! A tunnel is one QUIC connection (ALPN [`ALPN`]) with a client certificate. Its first bidirectional
//! stream, opened by the client, is the **control stream**; every other one is a **database connection**.
//!
//! # Layout
//! ```text
//! kind: u8 │ length: u24, big-endian │ payload: `length` bytes
//! ```
//! | kind | name | stream | payload |
//! |---|---|---|---|
//! | 0x01 | HELLO | control, client's first | JSON [`Hello`] |
//! | 0x02 | WELCOME | control, agent's first | JSON [`Welcome`] |
//! | 0x03 | RENEW | control, client | JSON [`Renew`] |
//! | 0x04 | NOTICE | control, agent | JSON [`Notice`] |
//! | 0x10 | OPEN | connection, client's first | JSON [`Open`] |
//! | 0x11 | OPENED | connection, agent's first | JSON [`Opened`] |
//! | 0x20 | DATA | connection | offset: u64, then bytes |
//! | 0x21 | ACK | connection | offset: u64: everything before it was delivered to the far socket |
//! | 0x22 | END | connection | offset: u64: no bytes follow it in this direction |
//! | 0x23 | ABORT | connection | JSON [`crate::error::ErrorReport`]: the connection is over, and why |
//!
//! Offsets count the bytes of one direction of one database connection from 0: DATA whose offset is not the
//! next one expected is a violation, and so is an ACK of what was never sent. JSON payloads ignore fields
//! that they do not know; a frame of an unknown kind is a violation; the version is agreed in HELLO and
//! OPEN.
//!
//! # Resuming
//! A tunnel that dies takes nothing with it. Each end keeps what the other has not acknowledged
//! ([`crate::replay`]); the agent keeps the session and its database connections for a bounded time. The
//! client comes with a new tunnel, whose HELLO names the session and the secret from WELCOME ([`Resume`]);
//! the certificate must be the same as before, and the grant one for the same principal and resource. The
//! newest tunnel of a session is the one that counts. In it, OPEN with [`Attempt::Resume`] says which byte
//! the client expects next, OPENED which one the agent does, and both go on from there.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    engine::Engine,
    error::ErrorReport,
    ids::{ConnectionId, SessionId, TunnelId},
};

/// The protocol in TLS's application-layer negotiation.
pub const ALPN: &[u8] = b"connect/1";

/// The version of these frames.
pub const VERSION: u16 = 1;

/// The code with which the agent closes a tunnel whose session goes on in another one.
pub const SUPERSEDED: u32 = 6;

/// Longest payload that a peer may announce: a DATA frame of 64 KiB, its offset, and room to spare.
pub const MAX_PAYLOAD: usize = 128 * 1024;

/// Most bytes that a sender puts into one DATA frame.
pub const MAX_DATA: usize = 64 * 1024;

/// Most bytes of one connection that a client sends ahead of the agent's acknowledgements; more is a
/// violation. The agent reads them even while it can hand nothing on, for the client's own acknowledgements
/// come behind them, and without those nothing may come back.
pub const MAX_AHEAD: usize = 2 * 1024 * 1024;

/// Largest datagram that either end sends or takes, where the path lets it through: path MTU discovery
/// finds out. Networks of one site often carry 9,000 bytes, and the loopback more.
pub const MAX_DATAGRAM: u16 = 8_952;

/// Bytes before a payload.
pub const HEADER: usize = 4;

/// Bytes of a DATA frame before its data.
pub const DATA_HEADER: usize = HEADER + 8;

/// Client → agent, first on the control stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub version: u16,
    /// The signed grant.
    pub grant: String,
    /// Program and version, for the record: `connect/0.1.0`.
    #[serde(default)]
    pub client: String,
    /// The session to go on with; absent: a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// Which session a new tunnel is for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    pub session: SessionId,
    /// From [`Welcome`].
    pub secret: String,
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resume({}, {} bytes)", self.session, self.secret.len())
    }
}

/// Agent → client: the grant is good.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    pub version: u16,
    pub tunnel: TunnelId,
    pub session: SessionId,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub expires_at: u64,
    /// What a later tunnel must say to go on with this session, beside proving the same key. It is worth
    /// nothing without the key.
    #[serde(default)]
    pub secret: String,
    /// For so many seconds at most the agent keeps database connections whose tunnel is gone.
    #[serde(default)]
    pub park: u64,
}

impl fmt::Debug for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Welcome")
            .field("tunnel", &self.tunnel)
            .field("session", &self.session)
            .field("expires_at", &self.expires_at)
            .field("park", &self.park)
            .finish_non_exhaustive()
    }
}

/// Client → agent: a newer grant for the same principal and resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    pub grant: String,
}

/// Agent → client, at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// A renewal was accepted.
    Renewed { expires_at: u64 },
    /// A renewal was refused; the current grant goes on to its end.
    RenewalRefused { error: ErrorReport },
    /// The grant ends soon.
    Expiring { expires_at: u64 },
    /// The grant is over: no byte moves any more. Who hears this is there, and the session ends; who does
    /// not may be asleep, and may come back with a renewed grant.
    Lapsed,
    /// The agent drains: no new connections.
    Draining,
    /// The session is over: every connection of it is closed.
    Closed { error: ErrorReport },
}

/// Client → agent, first on a connection's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    pub version: u16,
    pub connection: ConnectionId,
    pub resource: String,
    pub engine: Engine,
    /// Next offset that the client expects from the agent: 0 for a new connection.
    #[serde(default)]
    pub resume_from: u64,
    #[serde(default)]
    pub attempt: Attempt,
}

/// Whether the agent may know the connection already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attempt {
    /// It is new.
    #[default]
    First,
    /// It was opened in an earlier tunnel of this session, and that tunnel broke before the answer: the agent
    /// knows it or opens it, but never opens twice what it has seen.
    Again,
    /// It was accepted in an earlier tunnel: the agent knows it or refuses.
    Resume,
}

/// Agent → client: the answer to OPEN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opened {
    /// Go on; the agent expects this offset next.
    Accepted {
        resume_from: u64,
    },
    Refused {
        error: ErrorReport,
    },
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Hello(Hello),
    Welcome(Welcome),
    Renew(Renew),
    Notice(Notice),
    Open(Open),
    Opened(Opened),
    Data { offset: u64, bytes: Bytes },
    Ack { offset: u64 },
    End { offset: u64 },
    Abort(ErrorReport),
}

/// A peer that broke the rules of this file. It ends the stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("frame of unknown kind 0x{0:02x}")]
    UnknownKind(u8),
    #[error("frame of {0} bytes is over the limit of {MAX_PAYLOAD}")]
    TooLong(usize),
    #[error("frame of kind 0x{0:02x} has a payload that cannot be read")]
    Malformed(u8),
}

mod kind {
    pub(super) const HELLO: u8 = 0x01;
    pub(super) const WELCOME: u8 = 0x02;
    pub(super) const RENEW: u8 = 0x03;
    pub(super) const NOTICE: u8 = 0x04;
    pub(super) const OPEN: u8 = 0x10;
    pub(super) const OPENED: u8 = 0x11;
    pub(super) const DATA: u8 = 0x20;
    pub(super) const ACK: u8 = 0x21;
    pub(super) const END: u8 = 0x22;
    pub(super) const ABORT: u8 = 0x23;
}

impl Frame {
    /// Takes one whole frame from the front of `buffer`; `None` if it is not all there yet, and then
    /// nothing is taken. The length is checked before anything is reserved for it.
    ///
    /// # Errors
    /// The peer's violation; the stream must be ended.
    pub fn decode(buffer: &mut BytesMut) -> Result<Option<Self>, FrameError> {
        let [kind, a, b, c] = match buffer.first_chunk::<HEADER>() {
            Some(header) => *header,
            None => return Ok(None),
        };
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        if !is_known(kind) {
            return Err(FrameError::UnknownKind(kind));
        }
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLong(length));
        }
        if buffer.len() < HEADER + length {
            return Ok(None);
        }
        buffer.advance(HEADER);
        let payload = buffer.split_to(length).freeze();
        Self::from_payload(kind, payload).map(Some)
    }

    fn from_payload(kind: u8, mut payload: Bytes) -> Result<Self, FrameError> {
        Ok(match kind {
            kind::HELLO => Self::Hello(json(kind, &payload)?),
            kind::WELCOME => Self::Welcome(json(kind, &payload)?),
            kind::RENEW => Self::Renew(json(kind, &payload)?),
            kind::NOTICE => Self::Notice(json(kind, &payload)?),
            kind::OPEN => Self::Open(json(kind, &payload)?),
            kind::OPENED => Self::Opened(json(kind, &payload)?),
            kind::ABORT => Self::Abort(json(kind, &payload)?),
            kind::DATA if payload.len() >= 8 => Self::Data { offset: payload.get_u64(), bytes: payload },
            kind::ACK if payload.len() == 8 => Self::Ack { offset: payload.get_u64() },
            kind::END if payload.len() == 8 => Self::End { offset: payload.get_u64() },
            kind::DATA | kind::ACK | kind::END => return Err(FrameError::Malformed(kind)),
            other => return Err(FrameError::UnknownKind(other)),
        })
    }

    /// Appends the frame to `out`.
    ///
    /// # Errors
    /// A payload over [`MAX_PAYLOAD`].
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), FrameError> {
        match self {
            Self::Hello(body) => put_json(out, kind::HELLO, body),
            Self::Welcome(body) => put_json(out, kind::WELCOME, body),
            Self::Renew(body) => put_json(out, kind::RENEW, body),
            Self::Notice(body) => put_json(out, kind::NOTICE, body),
            Self::Open(body) => put_json(out, kind::OPEN, body),
            Self::Opened(body) => put_json(out, kind::OPENED, body),
            Self::Abort(body) => put_json(out, kind::ABORT, body),
            Self::Data { offset, bytes } => {
                put_header(out, kind::DATA, 8 + bytes.len())?;
                out.put_u64(*offset);
                out.put_slice(bytes);
                Ok(())
            }
            Self::Ack { offset } => put_offset(out, kind::ACK, *offset),
            Self::End { offset } => put_offset(out, kind::END, *offset),
        }
    }
}

/// Header and offset of a DATA frame whose `length` bytes follow without a copy.
///
/// # Errors
/// More than a payload may hold.
pub fn data_header(offset: u64, length: usize) -> Result<[u8; DATA_HEADER], FrameError> {
    let payload = length + 8;
    if payload > MAX_PAYLOAD {
        return Err(FrameError::TooLong(payload));
    }
    let size = u32::try_from(payload).map_err(|_| FrameError::TooLong(payload))?.to_be_bytes();
    let mut header = [kind::DATA, size[1], size[2], size[3], 0, 0, 0, 0, 0, 0, 0, 0];
    header[HEADER..].copy_from_slice(&offset.to_be_bytes());
    Ok(header)
}

const fn is_known(kind: u8) -> bool {
    matches!(
        kind,
        kind::HELLO
            | kind::WELCOME
            | kind::RENEW
            | kind::NOTICE
            | kind::OPEN
            | kind::OPENED
            | kind::DATA
            | kind::ACK
            | kind::END
            | kind::ABORT
    )
}

fn json<T: DeserializeOwned>(kind: u8, payload: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(payload).map_err(|_| FrameError::Malformed(kind))
}

fn put_json<T: Serialize>(out: &mut BytesMut, kind: u8, body: &T) -> Result<(), FrameError> {
    let payload = serde_json::to_vec(body).map_err(|_| FrameError::Malformed(kind))?;
    put_header(out, kind, payload.len())?;
    out.put_slice(&payload);
    Ok(())
}

fn put_offset(out: &mut BytesMut, kind: u8, offset: u64) -> Result<(), FrameError> {
    put_header(out, kind, 8)?;
    out.put_u64(offset);
    Ok(())
}

fn put_header(out: &mut BytesMut, kind: u8, length: usize) -> Result<(), FrameError> {
    if length > MAX_PAYLOAD {
        return Err(FrameError::TooLong(length));
    }
    let size = u32::try_from(length).map_err(|_| FrameError::TooLong(length))?;
    out.reserve(HEADER + length);
    out.put_u32(u32::from(kind) << 24 | size);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples() -> Vec<Frame> {
        let error = ErrorReport::new("grant_expired", crate::error::Exit::SessionEnded, "the grant is over");
        vec![
            Frame::Hello(Hello {
                version: VERSION,
                grant: "e30".into(),
                client: "connect/0.1.0".into(),
                resume: None,
            }),
            Frame::Hello(Hello {
                version: VERSION,
                grant: "e30".into(),
                client: String::new(),
                resume: Some(Resume { session: SessionId::from_random([2; 16]), secret: "s3cret".into() }),
            }),
            Frame::Welcome(Welcome {
                version: VERSION,
                tunnel: TunnelId::from_random([1; 16]),
                session: SessionId::from_random([2; 16]),
                expires_at: 1_800_000_000,
                secret: "s3cret".into(),
                park: 900,
            }),
            Frame::Renew(Renew { grant: "e30".into() }),
            Frame::Notice(Notice::Closed { error: error.clone() }),
            Frame::Open(Open {
                version: VERSION,
                connection: ConnectionId::from_random([3; 16]),
                resource: "prod-db".into(),
                engine: Engine::PostgreSql,
                resume_from: 0,
                attempt: Attempt::Resume,
            }),
            Frame::Opened(Opened::Refused { error: error.clone() }),
            Frame::Data { offset: 7, bytes: Bytes::from_static(b"hello") },
            Frame::Ack { offset: u64::MAX },
            Frame::End { offset: 12 },
            Frame::Abort(error),
        ]
    }

    #[test]
    fn every_frame_survives_the_wire_split_at_every_byte() {
        for frame in samples() {
            let mut wire = BytesMut::new();
            frame.encode(&mut wire).expect("a small frame encodes");
            let mut buffer = BytesMut::new();
            for (position, byte) in wire.iter().enumerate() {
                buffer.put_u8(*byte);
                let decoded = Frame::decode(&mut buffer).expect("a good frame");
                assert_eq!(decoded.is_some(), position + 1 == wire.len());
                if let Some(decoded) = decoded {
                    assert_eq!(decoded, frame);
                }
            }
        }
    }

    #[test]
    fn a_secret_is_in_no_debug_output() {
        for frame in samples() {
            assert!(!format!("{frame:?}").contains("s3cret"));
        }
    }

    #[test]
    fn a_length_over_the_limit_is_refused_before_its_payload_arrives() {
        let mut buffer = BytesMut::from(&[kind::DATA, 0xff, 0xff, 0xff][..]);
        assert_eq!(Frame::decode(&mut buffer), Err(FrameError::TooLong(0x00ff_ffff)));
    }

    #[test]
    fn a_data_header_is_what_encode_writes() {
        let frame = Frame::Data { offset: 99, bytes: Bytes::from_static(b"abc") };
        let mut wire = BytesMut::new();
        frame.encode(&mut wire).expect("a small frame encodes");
        let header = data_header(99, 3).expect("a small frame");
        assert_eq!(&wire[..header.len()], header);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = Frame::decode(&mut buffer) {}
        }
    }
}
