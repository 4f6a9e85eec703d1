//! The tunnel that a session has at the moment, if it has one, and whether anybody is at its other end.

use std::time::Duration;

use connect_shared::frame::Frame;
use quinn::{Connection, ConnectionError};
use tokio::time::Instant;

use super::{Control, Deaf, Event};

/// How long a client may take to show that it is there: any packet does.
const CALL: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_millis(20);

pub(super) enum Link {
    Up { connection: Connection, control: Control },
    Down,
}

impl Link {
    pub(super) const fn is_down(&self) -> bool {
        matches!(self, Self::Down)
    }

    /// What the client does next.
    pub(super) async fn next(&mut self) -> Event {
        let Self::Up { connection, control } = self else { return std::future::pending().await };
        tokio::select! {
            frame = control.frames.next() => Event::Control(frame),
            stream = connection.accept_bi() => match stream {
                Ok((send, receive)) => Event::Stream(send, receive),
                Err(error) if is_farewell(&error) => Event::Gone,
                Err(_) => Event::Lost,
            },
        }
    }

    pub(super) async fn say(&mut self, frame: &Frame) -> Result<(), Deaf> {
        match self {
            Self::Up { control, .. } => control.say(frame).await,
            Self::Down => Err(Deaf),
        }
    }

    fn heard(&self) -> u64 {
        match self {
            Self::Up { connection, .. } => connection.stats().udp_rx.datagrams,
            Self::Down => 0,
        }
    }
}

/// Whether the client ended the tunnel, and not the network.
pub(super) const fn is_farewell(error: &ConnectionError) -> bool {
    matches!(error, ConnectionError::ApplicationClosed(_))
}

/// The grant is over, and the client is asked whether it is there.
pub(super) struct LastCall {
    heard: u64,
    until: Instant,
}

/// Whether the client is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Present,
    Absent,
    /// It may still answer.
    None,
}

impl LastCall {
    pub(super) fn new(link: &Link, now: Instant) -> Self {
        Self { heard: link.heard(), until: now + CALL }
    }

    pub(super) fn answer(&self, link: &Link, now: Instant) -> Answer {
        match link.heard() {
            heard if heard > self.heard => Answer::Present,
            _ if now >= self.until => Answer::Absent,
            _ => Answer::None,
        }
    }

    pub(super) fn next(&self, now: Instant) -> Instant {
        now + LOOK
    }
}
