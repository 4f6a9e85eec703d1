//! The way to the agent: UDP first, and TLS over TCP beside it when UDP does not answer at once. Whichever gets
//! through first is taken.

use std::{
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use connect_shared::{
    error::{ErrorReport, Exit},
    flow::FlowSocket,
};
use quinn::{ClientConfig, ConnectionError};
use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

use super::{PATIENCE, SILENCE, Transport, Tunnel, Ways, socket};
use crate::{
    agents::Agent,
    api::{Address, other_certificate},
    certificate::{self, Speech},
    failure::{self, Outcome},
};

/// What is left for one more address.
const LEAST_PATIENCE: Duration = Duration::from_millis(300);
/// How long UDP is tried alone.
const HEAD_START: Duration = Duration::from_secs(1);
/// Addresses of one agent that are tried.
const MAX_PLACES: usize = 4;

/// A tunnel whose handshake is done.
pub(super) async fn dial(
    agent: &Agent,
    address: &Address,
    config: &ClientConfig,
    ways: Ways,
) -> Outcome<Tunnel> {
    let places = resolve(agent, address).await?;
    let by = |transport| each(agent, address, config, &places, transport);
    match ways {
        Ways::Only(transport) => by(transport).await,
        Ways::Any => {
            let late = async {
                sleep(HEAD_START).await;
                by(Transport::Tls).await
            };
            race(by(Transport::Quic), late).await
        }
    }
}

/// The first that gets through; if none does, what the first way said.
async fn race(
    quic: impl Future<Output = Outcome<Tunnel>>,
    tls: impl Future<Output = Outcome<Tunnel>>,
) -> Outcome<Tunnel> {
    let (mut quic, mut tls) = (pin!(quic), pin!(tls));
    tokio::select! {
        reached = &mut quic => match reached {
            // Whoever answers with another certificate does so on every way.
            Err(report) if report.exit != Exit::Unreachable => Err(report),
            Err(report) => tls.await.map_err(|other| both(report, other)),
            Ok(tunnel) => Ok(tunnel),
        },
        reached = &mut tls => match reached {
            Err(other) => quic.await.map_err(|report| both(report, other)),
            Ok(tunnel) => Ok(tunnel),
        },
    }
}

/// What became of both ways: by UDP in its words, and by TLS in a clause behind them. What is not about the
/// network is told alone, for it holds for every way.
fn both(mut udp: ErrorReport, tls: ErrorReport) -> ErrorReport {
    if udp.exit != Exit::Unreachable {
        return udp;
    }
    if tls.exit != Exit::Unreachable {
        return tls;
    }
    udp.message.push_str("; and ");
    udp.message.push_str(&tls.message);
    udp
}

/// Tries the agent's addresses in turn within [`PATIENCE`].
async fn each(
    agent: &Agent,
    address: &Address,
    config: &ClientConfig,
    places: &[SocketAddr],
    transport: Transport,
) -> Outcome<Tunnel> {
    let started = Instant::now();
    let mut places = places.iter().peekable();
    let mut last = silent(agent, address, transport);
    while let Some(place) = places.next() {
        let left = PATIENCE.saturating_sub(started.elapsed()).max(LEAST_PATIENCE);
        let share = if places.peek().is_some() { left / 2 } else { left };
        let attempt = async {
            match transport {
                Transport::Quic => by_udp(agent, address, config, *place).await,
                Transport::Tls => by_tls(agent, address, config, *place).await,
            }
        };
        match timeout(share, attempt).await {
            Ok(Ok(tunnel)) => return Ok(tunnel),
            Ok(Err(report)) => last = report,
            Err(_) => last = silent(agent, address, transport),
        }
    }
    Err(last)
}

async fn by_udp(
    agent: &Agent,
    address: &Address,
    config: &ClientConfig,
    place: SocketAddr,
) -> Outcome<Tunnel> {
    let endpoint = socket::endpoint(place)?;
    finish(agent, address, config, place, endpoint, Transport::Quic).await
}

async fn by_tls(
    agent: &Agent,
    address: &Address,
    config: &ClientConfig,
    place: SocketAddr,
) -> Outcome<Tunnel> {
    let unreachable = |error: std::io::Error| {
        let why = failure::reason(&error);
        failure::unreachable(
            "agent_unreachable",
            format!("the agent `{}` cannot be reached by TLS over TCP at {address}: {why}", agent.name),
        )
        .help("connect doctor")
    };
    let stream = TcpStream::connect(place).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    // The key is shown in the tunnel, not on the way to it.
    let tls = certificate::client_config(&agent.trust()?, None, Speech::Tunnel)?;
    let name = ServerName::try_from(address.bare_host().to_owned())
        .map_err(|error| failure::usage(format!("`{}` is no host name: {error}", address.host())))?;
    let stream = TlsConnector::from(Arc::new(tls)).connect(name, stream).await.map_err(unreachable)?;
    let socket = FlowSocket::new(place);
    let endpoint = socket::endpoint_over(Arc::clone(&socket))?;
    tokio::spawn(socket.run(stream, SILENCE));
    finish(agent, address, config, place, endpoint, Transport::Tls).await
}

async fn finish(
    agent: &Agent,
    address: &Address,
    config: &ClientConfig,
    place: SocketAddr,
    endpoint: quinn::Endpoint,
    transport: Transport,
) -> Outcome<Tunnel> {
    let connecting = endpoint
        .connect_with(config.clone(), place, address.bare_host())
        .map_err(|error| failure::usage(format!("`{}` is no host name: {error}", address.host())))?;
    let connection = connecting.await.map_err(|error| not_connected(agent, address, &error, transport))?;
    Ok(Tunnel { endpoint, connection, transport })
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
    Ok(found.take(MAX_PLACES).collect())
}

fn silent(agent: &Agent, address: &Address, transport: Transport) -> ErrorReport {
    match transport {
        Transport::Quic => no_answer(agent, address),
        Transport::Tls => failure::unreachable(
            "agent_unreachable",
            format!("the agent `{}` does not answer on TCP at {address}", agent.name),
        )
        .help("connect doctor"),
    }
}

/// The tunnel came up, and then nothing was said in it.
pub(super) fn no_welcome(agent: &Agent, address: &Address, transport: Transport) -> ErrorReport {
    let way = match transport {
        Transport::Quic => "UDP",
        Transport::Tls => "TLS over TCP",
    };
    let seconds = PATIENCE.as_secs();
    failure::unreachable(
        "agent_unreachable",
        format!(
            "the agent `{}` at {address} took a tunnel by {way} and then said nothing for {seconds} s; it may be \
             overloaded, or its log may stand still",
            agent.name
        ),
    )
    .help("try again in a moment")
    .help("connect doctor")
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

fn not_connected(
    agent: &Agent,
    address: &Address,
    error: &ConnectionError,
    transport: Transport,
) -> ErrorReport {
    match error {
        // CRYPTO_ERROR, RFC 9001 4.8: 0x0100 and the TLS alert.
        ConnectionError::TransportError(problem) if (0x100..0x200).contains(&u64::from(problem.code)) => {
            other_certificate(&agent.name, address, &problem.reason)
        }
        ConnectionError::TimedOut | ConnectionError::Reset => silent(agent, address, transport),
        other => failure::unreachable(
            "agent_unreachable",
            format!("cannot open a tunnel to the agent `{}` at {address}: {other}", agent.name),
        )
        .help("connect doctor"),
    }
}
