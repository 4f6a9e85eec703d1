//! Keeps a session alive: renews its grant well before the end, listens to what the agent says, and tells
//! why it is over.

use std::{future::Future, pin::Pin, time::Duration};

use connect_shared::{
    api::{GrantRequest, GrantResponse},
    error::{ErrorReport, Exit},
    frame::{Frame, Notice},
};
use quinn::Connection;
use tokio::time::{Instant, sleep_until};

use super::board::Board;
use crate::{
    api::ControlApi,
    console::Console,
    failure::{self, Outcome},
    identity::Holder,
    tunnel::{self, Control},
};

/// A grant is renewed when this share of its life is over, in percent.
const RENEW_AT: u64 = 70;
/// A refused renewal is tried again when half of what is left is over, but not more often than this.
const LEAST_PAUSE: Duration = Duration::from_secs(5);
/// Most that the agent's clock may make us wait: a day.
const LONGEST: u64 = 24 * 60 * 60;

type Renewal = Pin<Box<dyn Future<Output = Outcome<GrantResponse>> + Send>>;

pub(super) struct Keeper {
    control: Control,
    connection: Connection,
    api: ControlApi,
    holder: Holder,
    wanted: GrantRequest,
    console: Console,
    board: Board,
    /// By this machine's steady clock, which is not the agent's.
    ends: Instant,
    renew: Instant,
    renewal: Option<Renewal>,
}

impl Keeper {
    pub(super) fn new(
        control: Control,
        connection: Connection,
        api: ControlApi,
        holder: Holder,
        wanted: GrantRequest,
        console: Console,
        board: Board,
    ) -> Self {
        let now = Instant::now();
        let expires_at = board.now().expires_at;
        let mut keeper = Self {
            control,
            connection,
            api,
            holder,
            wanted,
            console,
            board,
            ends: now,
            renew: now,
            renewal: None,
        };
        keeper.schedule(expires_at);
        keeper
    }

    /// Runs to the end of the session and says why it ended.
    pub(super) async fn run(mut self) -> ErrorReport {
        loop {
            let renewing = self.renewal.is_some();
            let ended = tokio::select! {
                frame = self.control.next() => match frame {
                    Ok(Some(frame)) => self.heard(frame),
                    Ok(None) => Some(tunnel::lost(&self.connection.closed().await)),
                    Err(report) => Some(report),
                },
                granted = pending(&mut self.renewal) => self.renewed(granted).await,
                () = sleep_until(self.renew), if !renewing => {
                    self.renewal = Some(self.start_renewal());
                    None
                }
            };
            if let Some(report) = ended {
                return self.over(report);
            }
        }
    }

    fn heard(&mut self, frame: Frame) -> Option<ErrorReport> {
        let resource = &self.wanted.resource;
        match frame {
            Frame::Notice(Notice::Renewed { expires_at }) => {
                self.schedule(expires_at);
                self.board.change(|info| info.expires_at = expires_at);
            }
            Frame::Notice(Notice::RenewalRefused { error }) => self.put_off(&error),
            Frame::Notice(Notice::Expiring { .. }) => {
                let left = self.ends.saturating_duration_since(Instant::now()).as_secs();
                self.console
                    .warn(&format!("the session of {resource} ends in {left} s and could not be renewed"));
            }
            Frame::Notice(Notice::Draining) => {
                self.console.warn(&format!("the agent takes no new connections to {resource} any more"));
            }
            Frame::Notice(Notice::Closed { error }) => return Some(error),
            _ => {
                return Some(failure::unexpected(
                    "the agent sent a frame that does not belong on a control stream",
                ));
            }
        }
        None
    }

    async fn renewed(&mut self, granted: Outcome<GrantResponse>) -> Option<ErrorReport> {
        self.renewal = None;
        // Until the agent has answered, nothing more is asked for.
        self.renew = self.ends;
        match granted {
            Ok(granted) => self.control.renew(granted.grant).await.err(),
            Err(report) => {
                self.put_off(&report);
                None
            }
        }
    }

    /// A renewal failed: the grant goes on to its end, and there is time to try again.
    fn put_off(&mut self, report: &ErrorReport) {
        let left = self.ends.saturating_duration_since(Instant::now());
        self.console.warn(&format!(
            "the session of {} goes on for {} s but could not be renewed: {}",
            self.wanted.resource,
            left.as_secs(),
            report.message
        ));
        if let Some(next) = report.help.first() {
            self.console.say(&format!("  next: {next}"));
        }
        self.renew = Instant::now() + (left / 2).max(LEAST_PAUSE);
    }

    fn start_renewal(&self) -> Renewal {
        let (api, holder, wanted) = (self.api.clone(), self.holder.clone(), self.wanted.clone());
        Box::pin(async move {
            let sign_in = holder.confirmed().await?;
            api.grant(sign_in.id_token.reveal(), &wanted).await
        })
    }

    fn schedule(&mut self, expires_at: u64) {
        let left = expires_at.saturating_sub(crate::identity::now()).min(LONGEST);
        let now = Instant::now();
        self.ends = now + Duration::from_secs(left);
        self.renew = now + renew_after(left);
    }

    /// An end that the agent or the clock decided is an early end of the session.
    fn over(&self, mut report: ErrorReport) -> ErrorReport {
        if report.code == "tunnel_lost" && Instant::now() >= self.ends {
            report = ErrorReport::new(
                "grant_expired",
                Exit::SessionEnded,
                format!(
                    "the session of `{}` is over: its grant ended and could not be renewed",
                    self.wanted.resource
                ),
            )
            .help(format!("connect open {}", self.wanted.resource));
        }
        report
    }
}

/// How long to wait before a grant of so many seconds is renewed.
const fn renew_after(left: u64) -> Duration {
    Duration::from_millis(left.saturating_mul(10).saturating_mul(RENEW_AT))
}

async fn pending(renewal: &mut Option<Renewal>) -> Outcome<GrantResponse> {
    match renewal {
        Some(renewal) => renewal.await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_renewed_when_seventy_percent_of_its_life_are_over() {
        assert_eq!(renew_after(600), Duration::from_secs(420));
        assert_eq!(renew_after(0), Duration::ZERO);
    }
}
