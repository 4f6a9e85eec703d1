//! The time of a grant: the reminder, the end, and what becomes of a session whose client is not there to hear
//! of it.

use std::time::Duration;

use connect_shared::frame::{Frame, Notice};
use tokio::time::Instant;

use super::{
    super::{close::Close, lifetime::Due},
    Session,
    link::{Answer, LastCall},
};
use crate::{driver::Authority, serve::wall_clock};

/// Until the next look where nothing is due.
const LONG: Duration = Duration::from_secs(3600);

impl Session {
    pub(super) fn next_look(&self, now: Instant) -> Instant {
        match &self.last_call {
            Some(call) => call.next(now),
            // Nothing is due before somebody comes, and then there is another grant.
            None if self.lapsed && self.link.is_down() => now + LONG,
            None => self.lifetime.next_look(now),
        }
    }

    pub(super) async fn look_at_the_clock(&mut self) -> Option<Close> {
        if let Some(call) = &self.last_call {
            return match call.answer(&self.link, Instant::now()) {
                Answer::Present => Some(Close::Expired),
                Answer::Absent => self.lose(),
                Answer::None => None,
            };
        }
        match self.lifetime.due(wall_clock(), Instant::now()) {
            Due::Nothing => None,
            Due::Reminder if self.link.is_down() => None,
            Due::Reminder => {
                let notice = Notice::Expiring { expires_at: self.lifetime.expires_at };
                self.say(&Frame::Notice(notice)).await
            }
            Due::End => self.lapse().await,
        }
    }

    pub(super) fn note_lapse(&self) {
        tracing::info!(session = %self.opened.id, "the grant of a session is over while nobody is there");
    }

    /// The grant is over: from here on not a byte moves. A client that is there has had its time to renew it;
    /// one that is not may come back with another.
    async fn lapse(&mut self) -> Option<Close> {
        self.lapsed = true;
        self.authority.send_replace(Authority::Lapsed);
        if self.link.is_down() {
            self.note_lapse();
            return None;
        }
        self.last_call = Some(LastCall::new(&self.link, Instant::now()));
        self.say(&Frame::Notice(Notice::Lapsed)).await
    }
}
