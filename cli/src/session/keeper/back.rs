//! When the tunnel falls silent or dies: another local port, another tunnel, and the first way again once it
//! works.

use std::{sync::Arc, time::Duration};

use connect_shared::{
    error::ErrorReport,
    frame::{Resume, Welcome},
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    super::{
        board::{TunnelInfo, TunnelState},
        pulse::{Pulse, Verdict},
        reach::{Reached, Standing, may_help, reach},
    },
    Keeper, Reaching,
};
use crate::{
    failure::{self, Outcome},
    relay::Live,
    tunnel::{self, Transport, Ways},
};

/// Between two attempts to come back.
const LEAST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A machine that answers, but without an agent, for so long: the agent's process is gone, and with it
/// everything that it kept.
const NOBODY: Duration = Duration::from_secs(20);
/// How long an agent is looked for that keeps nothing.
const LEAST_PARK: Duration = Duration::from_secs(20);

/// How long UDP is left alone after it got no answer, at first and later.
pub(super) const FIRST_PROMOTION: Duration = Duration::from_secs(10);
const LONGEST_PROMOTION: Duration = Duration::from_secs(30);

impl Keeper {
    pub(super) fn look(&mut self) {
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
        let standing = Standing { grant: self.grant.borrow().clone(), ends: self.ends };
        Box::pin(reach(self.entrance.clone(), standing, self.resume.clone(), ways))
    }

    /// When UDP is tried again, if this tunnel goes another way.
    pub(super) fn promotion(&self) -> Option<Instant> {
        let is_second_best = self.tunnel.transport() == Transport::Tls;
        (is_second_best && self.racing.is_none()).then_some(self.promote)
    }

    pub(super) fn promote(&mut self) {
        self.promote_after = (self.promote_after * 2).min(LONGEST_PROMOTION);
        self.promote = Instant::now() + self.promote_after;
        self.racing = Some(self.reaching(Ways::Only(Transport::Quic)));
    }

    /// Tries to get another tunnel for as long as the agent keeps what was in this one.
    pub(super) async fn come_back(&mut self, why: ErrorReport) -> Outcome<()> {
        self.link.send_replace(None);
        self.renewal = None;
        if self.racing.is_none() {
            self.say_gone(&why.message);
        }
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
                Ok(Err(report)) => {
                    tracing::debug!(%report, "not back yet");
                    self.say_gone(&why.message);
                }
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
    pub(super) fn adopt(&mut self, reached: Reached) {
        let Reached { tunnel, control, welcome, grant } = reached;
        let resumed = welcome.session == self.resume.session;
        let was_gone = self.board.now().tunnel.state == TunnelState::Reconnecting;
        let old = std::mem::replace(&mut self.tunnel, Arc::new(tunnel));
        self.control = control;
        self.grant.send_replace(grant);
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

    pub(super) fn publish(&mut self, welcome: Welcome) {
        self.number += 1;
        let way = self.tunnel.way();
        self.schedule(welcome.expires_at);
        self.park = Duration::from_secs(welcome.park);
        self.resume = Resume { session: welcome.session, secret: welcome.secret };
        let live = Live { number: self.number, session: welcome.session, tunnel: Arc::clone(&self.tunnel) };
        self.link.send_replace(Some(live));
        self.board.change(|info| {
            info.expires_at = welcome.expires_at;
            info.tunnel = TunnelInfo::up(way);
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
        let way = self.tunnel.way();
        self.board.change(|info| info.tunnel = TunnelInfo::up(way.clone()));
        let before = self.board.now();
        let resource = &self.entrance.wanted.resource;
        let connections = match before.connections {
            1 => "1 connection".to_owned(),
            several => format!("{several} connections"),
        };
        let way = match (way.transport, way.proxy) {
            (Transport::Quic, _) => String::new(),
            (Transport::Tls, None) => ", by TLS over TCP because UDP gets no answer".to_owned(),
            (Transport::Tls, Some(proxy)) => {
                format!(", by TLS through the proxy {proxy} because UDP gets no answer")
            }
        };
        self.console.say(&format!("The tunnel to {resource} is back, with {connections}{way}"));
    }
}

fn nobody(agent: &str) -> ErrorReport {
    failure::unreachable(
        "tunnel_lost",
        format!("the agent `{agent}` is not running any more, and what it kept is gone"),
    )
    .help("connect doctor")
}
