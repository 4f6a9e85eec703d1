//! The tunnel: one QUIC connection to the agent, over UDP or, where that does not get through, over TLS, with this
//! process's key, carrying its grant on the control stream and one stream for each database connection.

mod control;
mod dial;
mod socket;

use std::{sync::Arc, time::Duration};

use connect_shared::{
    error::ErrorReport,
    frame::{Frame, Hello, MAX_DATAGRAM, Notice, Resume, SUPERSEDED, VERSION, Welcome},
};
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, IdleTimeout, MtuDiscoveryConfig, TransportConfig,
    VarInt, crypto::rustls::QuicClientConfig,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

pub(crate) use self::control::Control;
use crate::{
    agents::Agent,
    api::Address,
    certificate::{self, ClientKey, Speech},
    failure::{self, Outcome},
    proxy::{self, Proxy},
};

/// How long the agent may take to answer on UDP, over all of its addresses.
const PATIENCE: Duration = Duration::from_secs(5);
/// A path that is silent for so long is gone; what is idle is kept alive well before.
const SILENCE: Duration = Duration::from_secs(20);
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long goodbyes may take.
const FAREWELL: Duration = Duration::from_millis(250);
/// Bytes that the agent may send ahead on one connection, and on all together.
const STREAM_WINDOW: u32 = 8 * 1024 * 1024;
const TUNNEL_WINDOW: u32 = 32 * 1024 * 1024;

/// What the packets of a tunnel travel in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Transport {
    /// UDP, as they are.
    Quic,
    /// TLS over TCP: UDP got no answer.
    Tls,
}

/// Which ways to an agent are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ways {
    /// UDP, and soon after it TLS.
    Any,
    Only(Transport),
}

/// The way of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) transport: Transport,
    /// Where the proxy is that it goes through, without its secret.
    pub(crate) proxy: Option<String>,
}

/// What moves on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Datagrams {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// A tunnel whose grant was accepted.
pub(crate) struct Tunnel {
    endpoint: Endpoint,
    connection: Connection,
    transport: Transport,
    /// Which TLS goes through.
    proxy: Option<Proxy>,
}

impl Tunnel {
    /// Connects, shows the grant, and is welcomed.
    /// With `resume`, for a session that another tunnel has left.
    pub(crate) async fn connect(
        agent: &Agent,
        key: &ClientKey,
        grant: &str,
        resume: Option<Resume>,
        ways: Ways,
    ) -> Outcome<(Self, Control, Welcome)> {
        let address: Address = agent.url.parse()?;
        let tunnel = Self::handshake(agent, &address, key, ways).await?;
        let greeting = timeout(PATIENCE, tunnel.greet(grant, resume)).await;
        match greeting {
            Ok(Ok((control, welcome))) => Ok((tunnel, control, welcome)),
            Ok(Err(report)) => Err(report),
            Err(_) => Err(dial::no_welcome(agent, &address, tunnel.transport)),
        }
    }

    async fn handshake(agent: &Agent, address: &Address, key: &ClientKey, ways: Ways) -> Outcome<Self> {
        let tls = certificate::client_config(&agent.trust()?, Some(key), Speech::Tunnel)?;
        let crypto =
            QuicClientConfig::try_from(tls).map_err(|error| failure::unexpected(error.to_string()))?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport()));
        dial::dial(agent, address, &config, ways).await
    }

    async fn greet(&self, grant: &str, resume: Option<Resume>) -> Outcome<(Control, Welcome)> {
        let opened = self.connection.open_bi().await;
        let (send, receive) = opened.map_err(|error| lost(&error))?;
        let mut control = Control::new(send, receive);
        let client = crate::program::NAME_AND_VERSION.to_owned();
        let hello = Hello { version: VERSION, grant: grant.to_owned(), client, resume };
        control.send(&Frame::Hello(hello)).await?;
        match control.next().await {
            Ok(Some(Frame::Welcome(welcome))) => Ok((control, welcome)),
            Ok(Some(Frame::Notice(Notice::Closed { error }))) => Err(error),
            Ok(Some(_)) => {
                Err(failure::unexpected("the agent began the tunnel with another frame than WELCOME"))
            }
            Ok(None) => Err(self.refused().await),
            Err(report) => Err(report),
        }
    }

    async fn refused(&self) -> ErrorReport {
        match timeout(FAREWELL, self.connection.closed()).await {
            Ok(error) => lost(&error),
            Err(_) => failure::unexpected("the agent ended the tunnel without a word"),
        }
    }

    /// The connection, for opening streams.
    pub(crate) fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// Says goodbye. The control stream has ended with whoever held it, which is how the agent knows; it
    /// closes the tunnel when it has ended what was on it, and nothing is left to wait for then.
    pub(crate) async fn close(&self) {
        if timeout(FAREWELL, self.connection.closed()).await.is_err() {
            self.cut().await;
        }
    }

    /// Lets it go without a word: it is dead, or the agent has another one.
    pub(crate) fn abandon(&self) {
        self.connection.close(VarInt::from_u32(0), b"");
    }

    pub(crate) const fn transport(&self) -> Transport {
        self.transport
    }

    /// The way that it goes, for people and programs.
    pub(crate) fn way(&self) -> Way {
        Way { transport: self.transport, proxy: self.proxy.as_ref().map(ToString::to_string) }
    }

    /// Takes another local port, which mends what a router on the way has forgotten. The connection stays.
    pub(crate) fn rebind(&self) -> Outcome<()> {
        if self.transport == Transport::Tls {
            // TCP mends itself, or is gone.
            return Ok(());
        }
        socket::rebind(&self.endpoint, self.connection.remote_address())
    }

    /// Datagrams that were sent and received so far.
    pub(crate) fn datagrams(&self) -> Datagrams {
        let stats = self.connection.stats();
        Datagrams { sent: stats.udp_tx.datagrams, received: stats.udp_rx.datagrams }
    }

    /// Why it is over, if it is: `Err` if the agent ended it for good.
    pub(crate) fn end(&self) -> Option<Result<ErrorReport, ErrorReport>> {
        let error = self.connection.close_reason()?;
        let report = lost(&error);
        Some(match error {
            ConnectionError::ApplicationClosed(close) if close.error_code != VarInt::from_u32(SUPERSEDED) => {
                Err(report)
            }
            _ => Ok(report),
        })
    }

    /// Closes it from this side, without waiting long for that to arrive.
    async fn cut(&self) {
        self.connection.close(VarInt::from_u32(0), b"done");
        let _best_effort = timeout(FAREWELL, self.endpoint.wait_idle()).await;
    }
}

/// Whether a tunnel to the agent would get through; nothing is said in it.
pub(crate) async fn probe(agent: &Agent, key: &ClientKey, ways: Ways) -> Outcome<()> {
    let tunnel = Tunnel::handshake(agent, &agent.url.parse()?, key, ways).await?;
    tunnel.cut().await;
    Ok(())
}

/// Whether the agent's machine says that nobody listens there, which a silent network does not.
pub(crate) async fn is_nobody_there(agent: &Agent) -> bool {
    let Ok(address) = agent.url.parse::<Address>() else { return false };
    // What a proxy says of it is the proxy's word.
    if !matches!(proxy::towards(&address), Ok(None)) {
        return false;
    }
    let connecting = tokio::net::TcpStream::connect((address.bare_host(), address.port()));
    let answer = timeout(PATIENCE, connecting).await;
    matches!(answer, Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(MAX_DATAGRAM);
    let silence = u32::try_from(SILENCE.as_millis()).unwrap_or(u32::MAX);
    transport
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(silence))))
        .mtu_discovery_config(Some(discovery))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(TUNNEL_WINDOW))
        .send_window(u64::from(STREAM_WINDOW));
    transport
}

/// The tunnel is gone.
pub(crate) fn lost(error: &ConnectionError) -> ErrorReport {
    let why = match error {
        ConnectionError::TimedOut => format!("the agent has been silent for {} s", SILENCE.as_secs()),
        ConnectionError::Reset => "the agent was started anew".to_owned(),
        ConnectionError::ApplicationClosed(close) if !close.reason.is_empty() => {
            format!("the agent closed it: {}", String::from_utf8_lossy(&close.reason))
        }
        ConnectionError::LocallyClosed => "it was closed here".to_owned(),
        other => other.to_string(),
    };
    failure::unreachable("tunnel_lost", format!("the tunnel to the agent is gone: {why}"))
        .help("connect doctor")
}
