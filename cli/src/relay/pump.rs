//! Both directions of one connection. Up: local bytes become DATA frames without a copy. Down: DATA frames
//! become local bytes, in the order of their offsets. The tunnel's streams may go and others come: what has
//! been said and heard stands here, not in them.

mod down;
mod up;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use connect_shared::{engine::Engine, error::ErrorReport, frame::Open};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};

use self::{down::Down, up::Up};
use super::{
    stream::{Broken, Sink, Source},
    traffic::Traffic,
};

/// How a connection ended, or a stream of it.
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

/// What the two directions tell each other.
#[derive(Debug, Default)]
struct Between {
    /// Of the agent's bytes, the local program has so many.
    delivered: AtomicU64,
    /// It is time to say so.
    due: Notify,
    /// Of the local program's bytes, the agent has so many.
    acknowledged: AtomicU64,
    /// It has more of them, or has opened the connection.
    news: Notify,
    /// One more than the byte that the agent expects next; 0 while it has not opened the connection.
    opened: AtomicU64,
}

impl Between {
    fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    fn resume_from(&self) -> Option<u64> {
        self.opened.load(Ordering::Relaxed).checked_sub(1)
    }
}

/// One connection.
pub(super) struct Pump<'a, R, W> {
    up: Up<'a, R>,
    down: Down<'a, W>,
    between: Arc<Between>,
}

impl<'a, R, W> Pump<'a, R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    /// A connection that begins with `first`.
    pub(super) fn new(
        reader: &'a mut R,
        writer: &'a mut W,
        first: Bytes,
        engine: Engine,
        traffic: Arc<Traffic>,
    ) -> Self {
        let between = Arc::new(Between::default());
        Self {
            up: Up::new(reader, first, between.clone(), traffic.clone()),
            down: Down::new(writer, engine, between.clone(), traffic),
            between,
        }
    }

    /// The byte of the agent that is expected next.
    pub(super) fn received(&self) -> u64 {
        self.down.received()
    }

    /// Whether the agent has ever opened it.
    pub(super) const fn was_opened(&self) -> bool {
        self.down.was_opened()
    }

    /// Whether the local program has whole messages, so that another one can follow.
    pub(super) const fn is_between_messages(&self) -> bool {
        self.down.is_between_messages()
    }

    /// Opens the connection on a stream, for the first time or again, and carries its bytes until one of them
    /// ends. The first bytes travel with the first OPEN: if it is refused, they are not looked at.
    pub(super) async fn run<S: Sink, T: Source>(
        &mut self,
        send: &mut S,
        receive: &mut T,
        open: &Open,
    ) -> Ended {
        self.between.opened.store(0, Ordering::Relaxed);
        self.down.start();
        let ended = tokio::select! {
            broken = self.up.run(send, open) => match broken {
                Broken::Tunnel => Ended::Broken(broken),
                // The agent may have said why before it let the stream go.
                Broken::Stream(_) => {
                    self.down.last_report(receive).await.map_or(Ended::Broken(broken), Ended::Told)
                }
            },
            ended = self.down.run(receive) => ended,
        };
        if matches!(ended, Ended::Orderly) {
            self.up.confirm(send).await;
        }
        if !matches!(ended, Ended::Broken(Broken::Tunnel)) {
            receive.stop();
        }
        ended
    }
}

#[cfg(test)]
mod tests;
