//! The end of a session, whatever ends it, and the words for it.

use std::time::Duration;

use connect_core::machine::Ending;
use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
    frame::{Frame, Notice},
};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    super::{admission, close::Close},
    Session,
    link::Link,
};
use crate::driver::Authority;

/// How long database connections may take to end, and then the last notice to arrive.
const END_TIME: Duration = Duration::from_secs(3);
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The same where somebody may not go on: the tunnel is closed behind them, whoever has not heard it all.
const CUT_TIME: Duration = Duration::from_millis(500);
const CUT_WORDS: Duration = Duration::from_millis(300);

impl Session {
    /// Tells the database connections, then the client, then the log.
    pub(super) async fn end(mut self, close: Close) {
        self.note_absence(close);
        self.arrivals.close();
        while let Ok(late) = self.arrivals.try_recv() {
            tokio::spawn(admission::come_too_late(late));
        }
        let report = self.last_report(close);
        let hint = report.help.first().cloned();
        let ending = Ending {
            code: close.as_str().to_owned(),
            sqlstate: "57P01",
            message: report.message.clone(),
            hint,
        };
        self.authority.send_replace(Authority::Ended(ending));
        let patience = if close == Close::Revoked { CUT_TIME } else { END_TIME };
        let began = Instant::now();
        self.connections_end_by(began + patience).await;
        self.hang_up(close, report).await;
        // Not a byte leaves after this.
        let cut = self.opened.watched.cut.borrow().as_ref().map(|cut| cut.at);
        let micros = cut.filter(|_| close == Close::Revoked).map(|at| at.elapsed().as_micros());
        let micros = micros.and_then(|micros| u64::try_from(micros).ok());
        self.connections_end_by(began + END_TIME).await;
        tracing::info!(session = %self.opened.id, code = close.as_str(), "a session ended");
        let entry = Entry::SessionClosed { session: self.opened.id, code: close.as_str().to_owned(), micros };
        if let Err(error) = self.agent.log.append(entry) {
            tracing::warn!(session = %self.opened.id, %error, "the end of a session could not be recorded");
        }
    }

    async fn connections_end_by(&mut self, deadline: Instant) {
        let _ended =
            timeout_at(deadline, async { while self.connections.join_next().await.is_some() {} }).await;
    }

    /// The last words, and the end of the tunnel: what of it has not arrived never does.
    async fn hang_up(&mut self, close: Close, report: ErrorReport) {
        let Link::Up { connection, control } = &mut self.link else { return };
        let last_words = async {
            if control.say(&Frame::Notice(Notice::Closed { error: report })).await.is_ok() {
                control.flush(LAST_WORDS).await;
            }
        };
        match close {
            Close::Done | Close::Violation => {}
            Close::Revoked => timeout(CUT_WORDS, last_words).await.unwrap_or_default(),
            _ => last_words.await,
        }
        connection.close(close.code(), close.words());
    }

    /// For how long its run waits for somebody to come back.
    fn note_absence(&mut self, close: Close) {
        if let Some(lasting) = &mut self.opened.lasting {
            match close {
                Close::Done => lasting.left_in_order(),
                _ => lasting.lost(self.agent.parking.limits.limit),
            }
        }
    }

    fn last_report(&self, close: Close) -> ErrorReport {
        let resource = &self.opened.grant.resource;
        let again = format!("connect {resource}");
        let report = |words: String| ErrorReport::new(close.as_str(), Exit::SessionEnded, words).help(again);
        match close {
            Close::Expired => report(format!("the grant for `{resource}` is over, and with it the session")),
            Close::RunEnded => {
                let words = format!("the run that this session of `{resource}` was of has ended");
                ErrorReport::new(close.as_str(), Exit::SessionEnded, words)
                    .help("run the command again: each run has an id of its own")
            }
            Close::Stopping => report(format!("the agent of `{resource}` is stopping")).retryable(),
            Close::Revoked => {
                let cut = self.opened.watched.cut.borrow();
                let why = cut.as_ref().map_or("for no reason that was given", |cut| cut.why.as_str());
                report(format!("the session of `{resource}` was revoked: {why}"))
            }
            _ => report(format!("the tunnel to `{resource}` was closed")),
        }
    }
}
