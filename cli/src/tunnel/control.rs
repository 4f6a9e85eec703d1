//! The control stream: the grant, its renewals, and what the agent says about the session.

use bytes::BytesMut;
use connect_shared::frame::{Frame, Renew};
use quinn::{RecvStream, SendStream};

use crate::failure::{self, Outcome};

const READ: usize = 16 * 1024;

/// The first stream of a tunnel.
pub(crate) struct Control {
    send: SendStream,
    receive: RecvStream,
    buffer: BytesMut,
}

impl Control {
    pub(super) fn new(send: SendStream, receive: RecvStream) -> Self {
        Self { send, receive, buffer: BytesMut::new() }
    }

    /// Shows a newer grant.
    pub(crate) async fn renew(&mut self, grant: String) -> Outcome<()> {
        self.send(&Frame::Renew(Renew { grant })).await
    }

    /// The agent's next frame; `None` when it has ended the stream. Cancel-safe: bytes are kept until a whole
    /// frame is there.
    pub(crate) async fn next(&mut self) -> Outcome<Option<Frame>> {
        loop {
            let decoded = Frame::decode(&mut self.buffer);
            if let Some(frame) =
                decoded.map_err(|error| failure::unexpected(format!("the agent sent a {error}")))?
            {
                return Ok(Some(frame));
            }
            match self.receive.read_chunk(READ, true).await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                Ok(None) => return Ok(None),
                Err(quinn::ReadError::ConnectionLost(error)) => return Err(super::lost(&error)),
                Err(error) => return Err(failure::unexpected(format!("the control stream broke: {error}"))),
            }
        }
    }

    pub(super) async fn send(&mut self, frame: &Frame) -> Outcome<()> {
        let mut bytes = BytesMut::new();
        frame.encode(&mut bytes).map_err(|error| failure::unexpected(error.to_string()))?;
        self.send.write_chunk(bytes.freeze()).await.map_err(|error| match error {
            quinn::WriteError::ConnectionLost(error) => super::lost(&error),
            other => failure::unexpected(format!("the control stream broke: {other}")),
        })
    }
}
