//! The server's cancel key, which is the agent's to use and nobody else's to know.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::Protocol;
use crate::protocol::postgres::reader::{Reader, Short};

/// Longest secret of a cancel key, and the one that there was before 3.2.
const LONGEST_SECRET: usize = 256;
const OLD_SECRET: usize = 4;

/// The server's own cancel key. It never leaves the agent.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKey {
    pub process: u32,
    secret: Bytes,
}

impl ServerKey {
    #[must_use]
    pub const fn new(process: u32, secret: Bytes) -> Self {
        Self { process, secret }
    }

    /// As a server says it in this protocol.
    pub(super) fn read(body: Bytes, protocol: Protocol) -> Result<Self, Short> {
        let mut reader = Reader::new(body);
        let (process, secret) = (reader.u32()?, reader.rest());
        let good = match protocol {
            Protocol::Newest => (OLD_SECRET..=LONGEST_SECRET).contains(&secret.len()),
            Protocol::Oldest => secret.len() == OLD_SECRET,
        };
        if !good {
            return Err(Short);
        }
        // A copy: a slice would keep the buffer that it came in.
        Ok(Self { process, secret: Bytes::copy_from_slice(&secret) })
    }

    /// The request to cancel what runs under it.
    #[must_use]
    pub fn request(&self) -> Bytes {
        const CANCEL: u32 = 80_877_102;
        let mut out = BytesMut::with_capacity(12 + self.secret.len());
        out.put_u32(u32::try_from(12 + self.secret.len()).unwrap_or(u32::MAX));
        out.put_u32(CANCEL);
        out.put_u32(self.process);
        out.put_slice(&self.secret);
        out.freeze()
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({}, {} bytes)", self.process, self.secret.len())
    }
}
