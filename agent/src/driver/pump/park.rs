//! The time without a tunnel: the connection keeps its database and what the client has not got yet, for a
//! bounded time, and goes on with the stream of another tunnel. Also after its end, until the client has its
//! last words.

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use connect_core::machine::{Ending, Input};
use connect_shared::{
    error::{ErrorReport, Exit, UNANSWERED},
    replay::OffsetError,
};
use tokio::time::timeout;

use super::{
    super::downstream::{DownstreamError, Received},
    Event, Pump, Resume,
};
use crate::parking::ParkingPlace;

/// How long the last words may take to reach a client that reads slowly, and one whose session is over.
const LAST_WORDS: Duration = Duration::from_secs(5);
const LAST_WORDS_OF_A_SESSION: Duration = Duration::from_secs(1);

/// A connection without a tunnel.
pub(super) struct Parked {
    since: Instant,
    _place: ParkingPlace,
}

impl Pump {
    /// The tunnel is gone.
    pub(super) fn park(&mut self) {
        self.downstream.detach();
        if self.parked.is_some() {
            return;
        }
        match self.context.parking.enter(&self.context.facts.principal.reference) {
            Some(place) => {
                tracing::debug!(connection = %self.context.connection(), "parked");
                self.parked = Some(Parked { since: Instant::now(), _place: place });
            }
            None => self.feed(Input::End(full())),
        }
    }

    /// Another stream. One that asks for bytes that it cannot have is refused, and changes nothing.
    pub(super) fn resume(&mut self, resume: Resume) {
        let Resume { send, receive, buffered, from } = resume;
        match self.downstream.attach(send, receive, buffered, from) {
            Ok(()) => {
                tracing::debug!(connection = %self.context.connection(), from, "resumed");
                self.parked = None;
                self.loss = self.lapsed.then(|| self.downstream.writer.loss()).flatten();
            }
            Err((mut send, error)) => {
                tracing::debug!(connection = %self.context.connection(), %error, "not resumed");
                tokio::spawn(async move { super::super::refuse(&mut send, bad_offset(error)).await });
            }
        }
    }

    /// When waiting ends: sooner while others may wait for what this connection holds.
    pub(super) fn park_deadline(&self) -> Option<Instant> {
        let limits = &self.context.parking.limits;
        let limit = if self.machine.is_at_rest() { limits.limit } else { limits.in_transaction };
        self.parked.as_ref().map(|parked| parked.since + limit)
    }

    /// Whether the stream is gone; what it brings is left in it.
    pub(super) fn poll_lost(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        let Some(loss) = &mut self.loss else { return Poll::Pending };
        let error = ready!(loss.as_mut().poll(context));
        self.loss = None;
        Poll::Ready(Event::ClientGone(error))
    }

    /// After the end: waits until the client has the last words, over another tunnel if need be.
    pub(super) async fn see_off(&mut self, code: &str) {
        self.downstream.writer.end();
        if self.parked.is_some() && self.park_was_over(code) {
            return;
        }
        let nobody_listens = matches!(code, "terminated" | "client_closed" | "cancel" | "client_violation");
        let patience = if self.revoked { LAST_WORDS_OF_A_SESSION } else { LAST_WORDS };
        loop {
            if self.parked.is_none() {
                let finishing = self.finish(nobody_listens);
                match timeout(patience, finishing).await {
                    Ok(Err(DownstreamError::Lost)) if !nobody_listens && !self.revoked => {
                        self.downstream.detach();
                        let place = self.context.parking.enter(&self.context.facts.principal.reference);
                        let Some(place) = place else { return };
                        self.parked = Some(Parked { since: Instant::now(), _place: place });
                    }
                    // Dropped, the stream would still bring what is in it.
                    Err(_) if self.revoked => return self.downstream.writer.reset(),
                    // Delivered, given up, or too slow.
                    _ => return,
                }
            } else if !self.await_resume().await {
                return;
            }
        }
    }

    fn park_was_over(&self, code: &str) -> bool {
        self.revoked || matches!(code, "park_expired" | "park_full")
    }

    /// Sends the rest, and hears that it has arrived.
    async fn finish(&mut self, nobody_listens: bool) -> Result<(), DownstreamError> {
        let downstream = &mut self.downstream;
        poll_fn(|context| downstream.writer.poll_send(context)).await?;
        downstream.writer.finish();
        while !nobody_listens && !downstream.writer.is_delivered() {
            match poll_fn(|context| downstream.reader.poll_receive(context, true)).await? {
                Received::Acknowledged(offset) => downstream.writer.delivered(offset)?,
                // It may have sent more before it heard of the end.
                Received::Data(_) => {}
                Received::End => return Ok(()),
            }
        }
        Ok(())
    }

    /// Whether another stream came in time.
    async fn await_resume(&mut self) -> bool {
        let left = self.parked.as_ref().map_or(Duration::ZERO, |parked| {
            self.context.parking.limits.limit.saturating_sub(parked.since.elapsed())
        });
        let resumed = timeout(left, async {
            loop {
                let authority = poll_fn(|context| self.authority.poll(context));
                tokio::select! {
                    resume = poll_fn(|context| self.resumes.poll(context)) => return Some(resume),
                    _ = authority => match self.authority.latest() {
                        super::Authority::Ended(_) => return None,
                        super::Authority::InForce(_) | super::Authority::Lapsed => {}
                    },
                }
            }
        });
        match resumed.await {
            Ok(Some(resume)) => {
                self.resume(*resume);
                true
            }
            _ => false,
        }
    }
}

/// Nobody came back in time.
pub(super) fn expired() -> Ending {
    Ending {
        code: "park_expired".to_owned(),
        sqlstate: "57P01",
        message: "the tunnel was gone for longer than the agent keeps a connection".to_owned(),
        hint: Some(format!("Connect again; {UNANSWERED}.")),
    }
}

fn full() -> Ending {
    Ending {
        code: "park_full".to_owned(),
        sqlstate: "57P01",
        message: "the tunnel is gone, and the agent keeps no more connections".to_owned(),
        hint: Some(format!("Connect again; {UNANSWERED}.")),
    }
}

fn bad_offset(error: OffsetError) -> ErrorReport {
    let words = format!("this connection cannot be resumed from there: {error}");
    ErrorReport::new("resume_offset", Exit::SessionEnded, words).help("connect again")
}
