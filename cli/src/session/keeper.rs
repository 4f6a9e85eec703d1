//! Keeps a session alive: renews its grant well before the end, listens to what the agent says, gets another
//! tunnel when this one dies or falls silent, and tells why it is over.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use connect_shared::{
    api::GrantResponse,
    error::{ErrorReport, Exit},
    frame::{Frame, Notice, Resume, Welcome},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{
    board::{Board, TunnelInfo, TunnelState},
    pulse::{Pulse, Verdict},
    reach::{Entrance, Reached, Standing, may_help, reach},
};
use crate::{
    console::Console,
    failure::{self, Outcome},
    relay::Live,
    tunnel::{self, Control, Transport, Tunnel, Ways},
};

/// A grant is renewed when this share of its life is over, in percent.
const RENEW_AT: u64 = 70;
/// A refused renewal is tried again when half of what is left is over, but not more often than this.
const LEAST_PAUSE: Duration = Duration::from_secs(5);
/// Most that the agent's clock may make us wait: a day.
const LONGEST: u64 = 24 * 60 * 60;

/// Between two attempts to come back.
const LEAST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A machine that answers, but without an agent, for so long: the agent's process is gone, and with it
/// everything that it kept.
const NOBODY: Duration = Duration::from_secs(20);
/// How long an agent is looked for that keeps nothing.
const LEAST_PARK: Duration = Duration::from_secs(20);

/// How long UDP is left alone after it got no answer, at first and later.
const FIRST_PROMOTION: Duration = Duration::from_secs(10);
const LONGEST_PROMOTION: Duration = Duration::from_secs(300);

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
    grant: String,
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
            grant,
            ends: now,
            renew: now,
            renewal: None,
            pulse,
            racing: None,
            promote: now + FIRST_PROMOTION,
            promote_after: FIRST_PROMOTION,
        };
        keeper.publish(welcome);
        (keeper, receiver)
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

    fn look(&mut self) {
        let now = Instant::now();
        match self.pulse.look(now, self.tunnel.datagrams()) {
            Verdict::Alive => {
                // An attempt to come back, not one to get a better way.
                if self.board.now().tunnel.state == TunnelState::Reconnecting {
                    self.racing = None;
                    self.say_back();
                }
            }
            Verdict::Wait => {}
            Verdict::Rebind => {
                if let Err(report) = self.tunnel.rebind() {
                    tracing::debug!(%report, "no other local port");
                }
            }
            Verdict::Race if self.board.now().tunnel.state == TunnelState::Reconnecting => {
                if self.racing.is_none() {
                    self.racing = Some(self.reaching(Ways::Any));
                }
            }
            Verdict::Race => {
                let silence = self.pulse.silence(now).as_secs();
                self.say_gone(&format!("the agent has been silent for {silence} s"));
                self.racing = Some(self.reaching(Ways::Any));
            }
        }
    }

    fn reaching(&self, ways: Ways) -> Reaching {
        let standing = Standing { grant: self.grant.clone(), ends: self.ends };
        Box::pin(reach(self.entrance.clone(), standing, self.resume.clone(), ways))
    }

    /// When UDP is tried again, if this tunnel goes another way.
    fn promotion(&self) -> Option<Instant> {
        let is_second_best = self.tunnel.transport() == Transport::Tls;
        (is_second_best && self.racing.is_none()).then_some(self.promote)
    }

    fn promote(&mut self) {
        self.promote_after = (self.promote_after * 2).min(LONGEST_PROMOTION);
        self.promote = Instant::now() + self.promote_after;
        self.racing = Some(self.reaching(Ways::Only(Transport::Quic)));
    }

    /// Tries to get another tunnel for as long as the agent keeps what was in this one.
    async fn come_back(&mut self, why: ErrorReport) -> Outcome<()> {
        self.link.send_replace(None);
        self.renewal = None;
        self.say_gone(&why.message);
        let since = Instant::now();
        let (mut wait, mut nobody_since) = (LEAST_WAIT, None);
        let mut attempt = self.racing.take().unwrap_or_else(|| self.reaching(Ways::Any));
        loop {
            let left = self.park.max(LEAST_PARK).saturating_sub(since.elapsed());
            match timeout(left, attempt).await {
                Ok(Ok(reached)) => {
                    self.adopt(reached);
                    return Ok(());
                }
                Ok(Err(report)) if !may_help(&report) => return Err(report),
                Ok(Err(report)) => tracing::debug!(%report, "not back yet"),
                Err(_) => return Err(why),
            }
            if tunnel::is_nobody_there(&self.entrance.agent).await {
                if nobody_since.get_or_insert_with(Instant::now).elapsed() >= NOBODY {
                    return Err(nobody(&self.entrance.agent.name));
                }
            } else {
                nobody_since = None;
            }
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            attempt = self.reaching(Ways::Any);
        }
    }

    /// Another tunnel takes the place of the one before.
    fn adopt(&mut self, reached: Reached) {
        let Reached { tunnel, control, welcome, grant } = reached;
        let resumed = welcome.session == self.resume.session;
        let was_gone = self.board.now().tunnel.state == TunnelState::Reconnecting;
        let old = std::mem::replace(&mut self.tunnel, Arc::new(tunnel));
        self.control = control;
        self.grant = grant;
        self.renewal = None;
        self.racing = None;
        let now = Instant::now();
        self.pulse = Pulse::new(now, self.tunnel.datagrams());
        (self.promote, self.promote_after) = (now + FIRST_PROMOTION, FIRST_PROMOTION);
        self.publish(welcome);
        old.abandon();
        if !resumed && self.board.now().connections > 0 {
            self.console.warn("the agent did not keep the session: its database connections are lost");
        }
        if was_gone {
            self.say_back();
        } else {
            let resource = &self.entrance.wanted.resource;
            self.console.say(&format!("UDP gets through again: the tunnel to {resource} goes by QUIC"));
        }
    }

    fn publish(&mut self, welcome: Welcome) {
        self.number += 1;
        let transport = self.tunnel.transport();
        self.schedule(welcome.expires_at);
        self.park = Duration::from_secs(welcome.park);
        self.resume = Resume { session: welcome.session, secret: welcome.secret };
        let live = Live { number: self.number, session: welcome.session, tunnel: Arc::clone(&self.tunnel) };
        self.link.send_replace(Some(live));
        self.board.change(|info| {
            info.expires_at = welcome.expires_at;
            info.tunnel = TunnelInfo::up(transport);
        });
    }

    /// Once for each time that it is gone.
    fn say_gone(&self, why: &str) {
        if self.board.now().tunnel.state == TunnelState::Reconnecting {
            return;
        }
        self.board.change(|info| info.tunnel = TunnelInfo::reconnecting(why));
        let resource = &self.entrance.wanted.resource;
        self.console.warn(&format!("the tunnel to {resource} is interrupted: {why}; reconnecting"));
    }

    fn say_back(&self) {
        let transport = self.tunnel.transport();
        self.board.change(|info| info.tunnel = TunnelInfo::up(transport));
        let before = self.board.now();
        let resource = &self.entrance.wanted.resource;
        let connections = match before.connections {
            1 => "1 connection".to_owned(),
            several => format!("{several} connections"),
        };
        let way = match transport {
            Transport::Quic => "",
            Transport::Tls => ", by TLS over TCP because UDP gets no answer",
        };
        self.console.say(&format!("The tunnel to {resource} is back, with {connections}{way}"));
    }

    fn heard(&mut self, frame: Frame) -> Option<ErrorReport> {
        let resource = &self.entrance.wanted.resource;
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
                self.grant.clone_from(&granted.grant);
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
        self.console.warn(&format!(
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

fn nobody(agent: &str) -> ErrorReport {
    failure::unreachable(
        "tunnel_lost",
        format!("the agent `{agent}` is not running any more, and what it kept is gone"),
    )
    .help("connect doctor")
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
