//! The tunnel's end of a connection, as the pump needs it: chunks out, bytes in. Tests put memory in its
//! place.

use std::future::Future;

use bytes::{Bytes, BytesMut};
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};

/// Code of a stream that we give up.
const GIVEN_UP: VarInt = VarInt::from_u32(1);
/// Chunks that one read takes: about one DATA frame of packets.
const CHUNKS: usize = 32;

/// The stream is gone.
#[derive(Debug, Clone)]
pub(super) enum Broken {
    /// With the whole tunnel; there may be another.
    Tunnel,
    /// Alone, or by breaking the frames' rules.
    Stream(String),
}

/// Takes bytes to the agent.
pub(super) trait Sink: Send {
    /// All of the chunks, in order.
    fn send(&mut self, chunks: &mut [Bytes]) -> impl Future<Output = Result<(), Broken>> + Send;

    /// Nothing follows.
    fn finish(&mut self);
}

/// Brings bytes from the agent.
pub(super) trait Source: Send {
    /// Appends what is there; `false` at the end. Cancel-safe.
    fn receive(&mut self, buffer: &mut BytesMut) -> impl Future<Output = Result<bool, Broken>> + Send;

    /// Nothing more is wanted.
    fn stop(&mut self);
}

impl Sink for SendStream {
    async fn send(&mut self, chunks: &mut [Bytes]) -> Result<(), Broken> {
        self.write_all_chunks(chunks).await.map_err(|error| match error {
            WriteError::ConnectionLost(_) => Broken::Tunnel,
            other => Broken::Stream(other.to_string()),
        })
    }

    fn finish(&mut self) {
        let _already_ended = SendStream::finish(self);
    }
}

impl Source for RecvStream {
    async fn receive(&mut self, buffer: &mut BytesMut) -> Result<bool, Broken> {
        let mut chunks: [Bytes; CHUNKS] = std::array::from_fn(|_| Bytes::new());
        match self.read_chunks(&mut chunks).await {
            Ok(Some(count)) => {
                chunks.iter().take(count).for_each(|chunk| buffer.extend_from_slice(chunk));
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(ReadError::ConnectionLost(_)) => Err(Broken::Tunnel),
            Err(other) => Err(Broken::Stream(other.to_string())),
        }
    }

    fn stop(&mut self) {
        let _already_ended = RecvStream::stop(self, GIVEN_UP);
    }
}
