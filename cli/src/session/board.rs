//! What is known of a session at this moment, for its own parts and for other processes that ask.

use std::sync::Arc;

use connect_shared::{grant::Action, ids::RunId};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::client::ClientSettings;
use crate::tunnel::{Transport, Way};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Opening,
    Ready,
    Closing,
}

/// Whether there is a tunnel at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TunnelState {
    #[default]
    Opening,
    Up,
    /// Connections wait for another tunnel.
    Reconnecting,
}

/// The tunnel of a session, since when it is so, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct TunnelInfo {
    pub(crate) state: TunnelState,
    /// While it is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<Transport>,
    /// Where the proxy is that TLS goes through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proxy: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) since: u64,
    /// Why it is not up, or not by the first way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
}

impl TunnelInfo {
    pub(super) fn up(way: Way) -> Self {
        let why = match way.transport {
            Transport::Quic => None,
            Transport::Tls => Some("UDP got no answer".to_owned()),
        };
        let (transport, since) = (Some(way.transport), crate::identity::now());
        Self { state: TunnelState::Up, transport, proxy: way.proxy, since, why }
    }

    pub(super) fn reconnecting(why: &str) -> Self {
        let (since, why) = (crate::identity::now(), Some(why.to_owned()));
        Self { state: TunnelState::Reconnecting, transport: None, proxy: None, since, why }
    }

    /// In a cell of a table.
    pub(crate) fn words(&self, now: u64) -> String {
        match self.state {
            TunnelState::Opening => "-".to_owned(),
            TunnelState::Up => match self.transport {
                Some(Transport::Tls) => match &self.proxy {
                    Some(proxy) => format!("TLS through {proxy} (no UDP)"),
                    None => "TLS (no UDP)".to_owned(),
                },
                Some(Transport::Quic) | None => "QUIC".to_owned(),
            },
            TunnelState::Reconnecting => format!("reconnecting {} s", now.saturating_sub(self.since)),
        }
    }
}

/// One session, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SessionInfo {
    pub(crate) resource: String,
    pub(crate) agent: String,
    /// The group that the agent is of, if the session was opened by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    pub(crate) stage: Stage,
    pub(crate) pid: u32,
    /// Once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<ClientSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(default)]
    pub(crate) actions: Vec<Action>,
    /// Seconds since 1970-01-01T00:00:00Z.
    #[serde(default)]
    pub(crate) expires_at: u64,
    #[serde(default)]
    pub(crate) connections: usize,
    #[serde(default)]
    pub(crate) tunnel: TunnelInfo,
    /// The run that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    /// What was said last of its end to come: in the background nobody hears it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) warning: Option<String>,
}

/// Where the parts of a session read and write its state.
#[derive(Clone)]
pub(crate) struct Board {
    state: Arc<watch::Sender<SessionInfo>>,
    close: Arc<Notify>,
}

impl Board {
    pub(super) fn new(agent: &str, resource: &str) -> Self {
        let info = SessionInfo {
            resource: resource.to_owned(),
            agent: agent.to_owned(),
            group: None,
            stage: Stage::Opening,
            pid: std::process::id(),
            client: None,
            address: None,
            actions: Vec::new(),
            expires_at: 0,
            connections: 0,
            tunnel: TunnelInfo::default(),
            run: None,
            warning: None,
        };
        Self { state: Arc::new(watch::Sender::new(info)), close: Arc::default() }
    }

    pub(super) fn now(&self) -> SessionInfo {
        self.state.borrow().clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut SessionInfo)) {
        self.state.send_modify(change);
    }

    /// Waits until the session is not opening any more.
    pub(super) async fn settled(&self) -> SessionInfo {
        let mut state = self.state.subscribe();
        match state.wait_for(|info| info.stage != Stage::Opening).await {
            Ok(info) => info.clone(),
            Err(_) => self.now(),
        }
    }

    /// Asks the session to end.
    pub(super) fn request_close(&self) {
        self.close.notify_one();
    }

    /// Waits until somebody asked it to.
    pub(super) async fn close_requested(&self) {
        self.close.notified().await;
    }
}
