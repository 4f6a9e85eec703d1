//! Keeps a session alive: renews its grant well before the end, listens to what the agent says, gets another
//! tunnel when this one dies or falls silent, and tells why it is over.

mod back;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use connect_shared::{
    api::GrantResponse,
    error::{ErrorReport, Exit},
    frame::{Frame, Notice, Resume},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    board::Board,
    pulse::Pulse,
    reach::{Entrance, Reached},
};
use crate::{
    console::Console,
    failure::{self, Outcome},
    relay::Live,
    tunnel::{self, Control, Tunnel},
};

/// A grant is renewed when this share of its life is over, in percent.
const RENEW_AT: u64 = 70;
/// A refused renewal is tried again when half of what is left is over, but not more often than this.
const LEAST_PAUSE: Duration = Duration::from_secs(5);
/// Most that the agent's clock may make us wait: a day.
const LONGEST: u64 = 24 * 60 * 60;

type Renewal = Pin<Box<dyn Future<Output = Outcome<GrantResponse>> + Send>>;
type Reaching = Pin<Box<dyn Future<Output = Outcome<Reached>> + Send>>;

pub(super) struct Keeper {
    entrance: Entrance,
    console: Console,
    board: Board,
    control: Control,
    tunnel: Arc<Tunnel>,
    link: watch::Sender<Option<Live>>,
    number: u64,
    resume: Resume,
    /// For how long the agent keeps connections whose tunnel is gone.
    park: Duration,
    grant: watch::Sender<String>,
    /// By this machine's steady clock, which is not the agent's.
    ends: Instant,
    renew: Instant,
    renewal: Option<Renewal>,
    pulse: Pulse,
    /// Another tunnel, tried beside one that is silent.
    racing: Option<Reaching>,
    /// When UDP is tried again beside a tunnel that goes by TLS, and how long after that.
    promote: Instant,
    promote_after: Duration,
}

/// How it goes on.
enum Turn {
    GoOn,
    Lost(ErrorReport),
    Over(ErrorReport),
}

impl Keeper {
    /// Keeps what was `reached`; others find the tunnel of the moment at the receiver.
    pub(super) fn new(
        entrance: Entrance,
        reached: Reached,
        console: Console,
        board: Board,
    ) -> (Self, watch::Receiver<Option<Live>>) {
        let now = Instant::now();
        let Reached { tunnel, control, welcome, grant } = reached;
        let (link, receiver) = watch::channel(None);
        let pulse = Pulse::new(now, tunnel.datagrams());
        let mut keeper = Self {
            entrance,
            console,
            board,
            control,
            tunnel: Arc::new(tunnel),
            link,
            number: 0,
            resume: Resume { session: welcome.session, secret: String::new() },
            park: Duration::ZERO,
            grant: watch::channel(grant).0,
            ends: now,
            renew: now,
            renewal: None,
            pulse,
            racing: None,
            promote: now + back::FIRST_PROMOTION,
            promote_after: back::FIRST_PROMOTION,
        };
        keeper.publish(welcome);
        (keeper, receiver)
    }

    /// The grant of each moment.
    pub(super) fn granted(&self) -> watch::Receiver<String> {
        self.grant.subscribe()
    }

    /// Runs to the end of the session and says why it ended.
    pub(super) async fn run(mut self) -> ErrorReport {
        loop {
            let ended = match self.turn().await {
                Turn::GoOn => None,
                Turn::Over(report) => Some(report),
                Turn::Lost(report) => self.come_back(report).await.err(),
            };
            if let Some(report) = ended {
                return self.over(report);
            }
        }
    }

    async fn turn(&mut self) -> Turn {
        let (renewing, promotion) = (self.renewal.is_some(), self.promotion());
        tokio::select! {
            frame = self.control.next() => match frame {
                Ok(Some(frame)) => self.heard(frame).map_or(Turn::GoOn, Turn::Over),
                Ok(None) => {
                    // The agent closes the tunnel behind it, and says why.
                    let report = tunnel::lost(&self.tunnel.connection().closed().await);
                    self.gone(report)
                }
                Err(report) => self.gone(report),
            },
            granted = pending(&mut self.renewal) => self.renewed(granted).await,
            () = sleep_until(self.renew), if !renewing => {
                let entrance = self.entrance.clone();
                self.renewal = Some(Box::pin(async move { entrance.grant().await }));
                Turn::GoOn
            }
            reached = pending(&mut self.racing) => {
                self.racing = None;
                if let Ok(reached) = reached {
                    self.adopt(reached);
                }
                Turn::GoOn
            }
            () = at(promotion) => {
                self.promote();
                Turn::GoOn
            }
            () = sleep_until(self.pulse.next()) => {
                self.look();
                Turn::GoOn
            }
        }
    }

    /// The tunnel is gone: by the network, or for good.
    fn gone(&self, report: ErrorReport) -> Turn {
        match self.tunnel.end() {
            Some(Ok(why)) => Turn::Lost(why),
            Some(Err(why)) => Turn::Over(why),
            None => Turn::Over(report),
        }
    }

    fn heard(&mut self, frame: Frame) -> Option<ErrorReport> {
        let resource = &self.entrance.wanted.resource;
        match frame {
            Frame::Notice(Notice::Renewed { expires_at }) => {
                self.schedule(expires_at);
                self.board.change(|info| (info.expires_at, info.warning) = (expires_at, None));
            }
            Frame::Notice(Notice::RenewalRefused { error }) => self.put_off(&error),
            Frame::Notice(Notice::Expiring { .. }) => {
                let left = self.ends.saturating_duration_since(Instant::now()).as_secs();
                self.warn(&format!("the session of {resource} ends in {left} s and could not be renewed"));
            }
            Frame::Notice(Notice::Draining) => {
                self.warn(&format!("the agent takes no new connections to {resource} any more"));
            }
            // Whoever hears this is told the end next.
            Frame::Notice(Notice::Lapsed) => {}
            Frame::Notice(Notice::Closed { error }) => return Some(error),
            _ => {
                return Some(failure::unexpected(
                    "the agent sent a frame that does not belong on a control stream",
                ));
            }
        }
        None
    }

    async fn renewed(&mut self, granted: Outcome<GrantResponse>) -> Turn {
        self.renewal = None;
        // Until the agent has answered, nothing more is asked for.
        self.renew = self.ends;
        match granted {
            Ok(granted) => {
                self.grant.send_replace(granted.grant.clone());
                match self.control.renew(granted.grant).await {
                    Ok(()) => Turn::GoOn,
                    Err(report) => self.gone(report),
                }
            }
            Err(report) => {
                self.put_off(&report);
                Turn::GoOn
            }
        }
    }

    /// A renewal failed: the grant goes on to its end, and there is time to try again.
    fn put_off(&mut self, report: &ErrorReport) {
        let left = self.ends.saturating_duration_since(Instant::now());
        self.warn(&format!(
            "the session of {} goes on for {} s but could not be renewed: {}",
            self.entrance.wanted.resource,
            left.as_secs(),
            report.message
        ));
        if let Some(next) = report.help.first() {
            self.console.say(&format!("  next: {next}"));
        }
        self.renew = Instant::now() + (left / 2).max(LEAST_PAUSE);
    }

    /// For whoever sees the terminal, and whoever asks.
    fn warn(&self, words: &str) {
        self.console.warn(words);
        self.board.change(|info| info.warning = Some(words.to_owned()));
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
                    self.entrance.wanted.resource
                ),
            )
            .help(format!("connect open {}", self.entrance.wanted.resource));
        }
        report
    }
}

/// How long to wait before a grant of so many seconds is renewed.
const fn renew_after(left: u64) -> Duration {
    Duration::from_millis(left.saturating_mul(10).saturating_mul(RENEW_AT))
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

async fn pending<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
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
