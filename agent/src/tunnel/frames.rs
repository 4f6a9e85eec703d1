//! Frames of a control stream, and the first frame of a connection's stream.

use std::time::Duration;

use bytes::BytesMut;
use connect_shared::frame::{Frame, FrameError, HEADER, MAX_PAYLOAD};
use quinn::{RecvStream, SendStream};
use tokio::time::timeout;

/// A peer that does not take a few bytes for so long is gone.
const WRITE_TIME: Duration = Duration::from_secs(5);
/// Largest piece that is taken from the stream at once.
const PIECE: usize = HEADER + MAX_PAYLOAD;

/// Nothing more comes out of a stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadFrameError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the stream broke: {0}")]
    Stream(#[from] quinn::ReadError),
    #[error("the stream ended inside of a frame")]
    Cut,
}

/// Reads frames. At most one frame's bytes, and one piece, are in memory.
pub(super) struct FrameReader {
    stream: RecvStream,
    buffer: BytesMut,
}

impl FrameReader {
    pub(super) fn new(stream: RecvStream) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The next frame; `None` at the end of the stream. May be dropped and called again.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, ReadFrameError> {
        loop {
            if let Some(frame) = Frame::decode(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            match self.stream.read_chunk(PIECE, true).await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk.bytes),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(ReadFrameError::Cut),
            }
        }
    }

    /// The stream, and what was read behind the last frame.
    pub(super) fn into_parts(self) -> (RecvStream, BytesMut) {
        (self.stream, self.buffer)
    }
}

/// The peer cannot be told anything any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deaf;

/// Writes one frame, within a time.
pub(super) async fn write(stream: &mut SendStream, frame: &Frame) -> Result<(), Deaf> {
    let mut bytes = BytesMut::new();
    frame.encode(&mut bytes).map_err(|_| Deaf)?;
    match timeout(WRITE_TIME, stream.write_all(&bytes)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Deaf),
    }
}

/// Ends the stream and waits, for a moment, until the peer has all of it.
pub(super) async fn flush(stream: &mut SendStream, at_most: Duration) {
    if stream.finish().is_ok() {
        let _all_of_it_or_never = timeout(at_most, stream.stopped()).await;
    }
}
