//! Both directions of one connection. Up: local bytes become DATA frames without a copy. Down: DATA frames
//! become local bytes, in the order of their offsets.

mod down;
mod up;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::{Bytes, BytesMut};
use connect_shared::{
    error::ErrorReport,
    frame::{Frame, Open},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};

use self::{down::Down, up::Up};
use super::{
    stream::{Broken, Sink, Source},
    traffic::Traffic,
};

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The agent had no more to say, and the local program has all of it.
    Orderly,
    /// The agent said why; the local program has not heard it.
    Told(ErrorReport),
    Broken(Broken),
    /// The local program does not read any more.
    LocalGone,
}

/// What of the agent's bytes the local program has, and whether it is time to say so.
#[derive(Debug, Default)]
struct Delivered {
    offset: AtomicU64,
    due: Notify,
}

impl Delivered {
    fn offset(&self) -> u64 {
        self.offset.load(Ordering::Relaxed)
    }
}

/// One connection.
pub(super) struct Pump<'a, R, W, S, T> {
    up: Up<'a, R, S>,
    down: Down<'a, W, T>,
}

impl<'a, R, W, S, T> Pump<'a, R, W, S, T>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
    S: Sink,
    T: Source,
{
    pub(super) fn new(
        reader: &'a mut R,
        writer: &'a mut W,
        send: S,
        receive: T,
        traffic: Arc<Traffic>,
    ) -> Self {
        let delivered = Arc::new(Delivered::default());
        Self {
            up: Up::new(reader, send, delivered.clone(), traffic.clone()),
            down: Down::new(writer, receive, delivered, traffic),
        }
    }

    /// Opens the connection and carries its bytes. The first of them travel with OPEN: if it is refused, they
    /// are not looked at.
    pub(super) async fn run(mut self, open: &Open, first: Bytes) -> Ended {
        let mut head = BytesMut::new();
        if let Err(error) = Frame::Open(open.clone()).encode(&mut head) {
            return Ended::Broken(Broken::Stream(error.to_string()));
        }
        let ended = tokio::select! {
            broken = self.up.run(head.freeze(), first) => {
                // The agent may have said why before it let the stream go.
                self.down.last_report().await.map_or(Ended::Broken(broken), Ended::Told)
            }
            ended = self.down.run() => ended,
        };
        if matches!(ended, Ended::Orderly) {
            self.up.finish();
        }
        self.down.stop();
        ended
    }
}

#[cfg(test)]
mod tests;
