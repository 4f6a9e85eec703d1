//! The tunnel: one QUIC connection to the agent, with this process's key, carrying its grant on the control
//! stream and one stream for each database connection.

mod control;
mod socket;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use connect_shared::{
    error::ErrorReport,
    frame::{Frame, Hello, MAX_DATAGRAM, Notice, Resume, SUPERSEDED, VERSION, Welcome},
};
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, IdleTimeout, MtuDiscoveryConfig, TransportConfig,
    VarInt, crypto::rustls::QuicClientConfig,
};
use tokio::time::timeout;

pub(crate) use self::control::Control;
use crate::{
    agents::Agent,
    api::{Address, other_certificate},
    certificate::{self, ClientKey, Speech},
    failure::{self, Outcome},
};

/// How long the agent may take to answer on UDP, over all of its addresses.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is left for one more address.
const LEAST_PATIENCE: Duration = Duration::from_millis(300);
/// A path that is silent for so long is gone; what is idle is kept alive well before.
const SILENCE: Duration = Duration::from_secs(20);
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long goodbyes may take.
const FAREWELL: Duration = Duration::from_millis(250);
/// Bytes that the agent may send ahead on one connection, and on all together.
const STREAM_WINDOW: u32 = 8 * 1024 * 1024;
const TUNNEL_WINDOW: u32 = 32 * 1024 * 1024;

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
}

impl Tunnel {
    /// Connects, shows the grant, and is welcomed.
    /// With `resume`, for a session that another tunnel has left.
    pub(crate) async fn connect(
        agent: &Agent,
        key: &ClientKey,
        grant: &str,
        resume: Option<Resume>,
    ) -> Outcome<(Self, Control, Welcome)> {
        let address: Address = agent.url.parse()?;
        let tunnel = Self::handshake(agent, &address, key).await?;
        let greeting = timeout(PATIENCE, tunnel.greet(grant, resume)).await;
        match greeting {
            Ok(Ok((control, welcome))) => Ok((tunnel, control, welcome)),
            Ok(Err(report)) => Err(report),
            Err(_) => Err(no_answer(agent, &address)),
        }
    }

    async fn handshake(agent: &Agent, address: &Address, key: &ClientKey) -> Outcome<Self> {
        let tls = certificate::client_config(&agent.trust()?, Some(key), Speech::Tunnel)?;
        let crypto =
            QuicClientConfig::try_from(tls).map_err(|error| failure::unexpected(error.to_string()))?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport()));
        let (endpoint, connection) = dial(agent, address, &config).await?;
        Ok(Self { endpoint, connection })
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

    /// Takes another local port, which mends what a router on the way has forgotten. The connection stays.
    pub(crate) fn rebind(&self) -> Outcome<()> {
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
pub(crate) async fn probe(agent: &Agent, key: &ClientKey) -> Outcome<()> {
    let tunnel = Tunnel::handshake(agent, &agent.url.parse()?, key).await?;
    tunnel.cut().await;
    Ok(())
}

/// Whether the agent's machine says that nobody listens there, which a silent network does not.
pub(crate) async fn is_nobody_there(agent: &Agent) -> bool {
    let Ok(address) = agent.url.parse::<Address>() else { return false };
    let connecting = tokio::net::TcpStream::connect((address.bare_host(), address.port()));
    let answer = timeout(PATIENCE, connecting).await;
    matches!(answer, Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// Tries the agent's addresses in turn within [`PATIENCE`].
async fn dial(agent: &Agent, address: &Address, config: &ClientConfig) -> Outcome<(Endpoint, Connection)> {
    let started = Instant::now();
    let mut places = resolve(agent, address).await?.into_iter().peekable();
    let mut last = no_answer(agent, address);
    while let Some(place) = places.next() {
        let left = PATIENCE.saturating_sub(started.elapsed()).max(LEAST_PATIENCE);
        let share = if places.peek().is_some() { left / 2 } else { left };
        let endpoint = socket::endpoint(place)?;
        let connecting = endpoint
            .connect_with(config.clone(), place, address.bare_host())
            .map_err(|error| failure::usage(format!("`{}` is no host name: {error}", address.host())))?;
        match timeout(share, connecting).await {
            Ok(Ok(connection)) => return Ok((endpoint, connection)),
            Ok(Err(error)) => last = not_connected(agent, address, &error),
            Err(_) => last = no_answer(agent, address),
        }
    }
    Err(last)
}

async fn resolve(agent: &Agent, address: &Address) -> Outcome<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((address.bare_host(), address.port())).await;
    let found = found.map_err(|error| {
        let why = failure::reason(&error);
        failure::unreachable(
            "agent_unreachable",
            format!("cannot find the agent `{}` at {address}: {why}", agent.name),
        )
        .help("connect doctor")
    })?;
    Ok(found.take(4).collect())
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

fn no_answer(agent: &Agent, address: &Address) -> ErrorReport {
    let seconds = PATIENCE.as_secs();
    failure::unreachable(
        "agent_unreachable",
        format!(
            "the agent `{}` does not answer on UDP at {address} within {seconds} s; a firewall may block UDP port {}",
            agent.name,
            address.port()
        ),
    )
    .help("connect doctor")
}

fn not_connected(agent: &Agent, address: &Address, error: &ConnectionError) -> ErrorReport {
    match error {
        // CRYPTO_ERROR, RFC 9001 4.8: 0x0100 and the TLS alert.
        ConnectionError::TransportError(problem) if (0x100..0x200).contains(&u64::from(problem.code)) => {
            other_certificate(&agent.name, address, &problem.reason)
        }
        ConnectionError::TimedOut | ConnectionError::Reset => no_answer(agent, address),
        other => failure::unreachable(
            "agent_unreachable",
            format!("cannot open a tunnel to the agent `{}` at {address}: {other}", agent.name),
        )
        .help("connect doctor"),
    }
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
