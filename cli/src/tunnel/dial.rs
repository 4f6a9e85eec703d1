//! The way to the agent: UDP first, and TLS over TCP beside it when UDP does not answer at once. Whichever gets
//! through first is taken. Where there is a proxy, TLS goes through it, and UDP goes as it does.

mod tls;
mod words;

use std::{
    net::SocketAddr,
    pin::pin,
    time::{Duration, Instant},
};

use connect_shared::error::{ErrorReport, Exit};
use quinn::ClientConfig;
use tokio::time::{sleep, timeout};

pub(super) use self::words::no_welcome;
use self::words::{not_connected, silent};
use super::{PATIENCE, Transport, Tunnel, Ways, socket};
use crate::{
    agents::Agent,
    api::Address,
    failure::{self, Outcome},
    proxy::{self, Proxy},
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
    let proxy = proxy::towards(address)?;
    let road = Road { agent, address, config, proxy: proxy.as_ref() };
    match ways {
        Ways::Only(transport) => road.by(transport).await,
        Ways::Any => {
            let late = async {
                sleep(HEAD_START).await;
                road.by(Transport::Tls).await
            };
            race(road.by(Transport::Quic), late).await
        }
    }
}

/// Where to, and what is needed for it.
struct Road<'a> {
    agent: &'a Agent,
    address: &'a Address,
    config: &'a ClientConfig,
    /// On the way that is TCP.
    proxy: Option<&'a Proxy>,
}

impl Road<'_> {
    async fn by(&self, transport: Transport) -> Outcome<Tunnel> {
        match (transport, self.proxy) {
            // The name is the proxy's to look up: nobody here may know it.
            (Transport::Tls, Some(proxy)) => {
                let reached = timeout(PATIENCE, self.by_proxy(proxy)).await;
                reached.unwrap_or_else(|_| Err(silent(self.agent, self.address, transport, self.proxy)))
            }
            _ => {
                let places = timeout(PATIENCE, resolve(self.agent, self.address)).await;
                let places = places.map_err(|_| silent(self.agent, self.address, transport, None))??;
                self.each(&places, transport).await
            }
        }
    }

    /// Tries the agent's addresses in turn within [`PATIENCE`].
    async fn each(&self, places: &[SocketAddr], transport: Transport) -> Outcome<Tunnel> {
        let started = Instant::now();
        let mut places = places.iter().peekable();
        let no_answer = || silent(self.agent, self.address, transport, None);
        let mut last = no_answer();
        while let Some(place) = places.next() {
            let left = PATIENCE.saturating_sub(started.elapsed()).max(LEAST_PATIENCE);
            let share = if places.peek().is_some() { left / 2 } else { left };
            let attempt = async {
                match transport {
                    Transport::Quic => self.by_udp(*place).await,
                    Transport::Tls => self.by_tls(*place).await,
                }
            };
            match timeout(share, attempt).await {
                Ok(Ok(tunnel)) => return Ok(tunnel),
                Ok(Err(report)) => last = report,
                Err(_) => last = no_answer(),
            }
        }
        Err(last)
    }

    async fn by_udp(&self, place: SocketAddr) -> Outcome<Tunnel> {
        let endpoint = socket::endpoint(place)?;
        self.finish(place, endpoint, Transport::Quic, None).await
    }

    async fn finish(
        &self,
        place: SocketAddr,
        endpoint: quinn::Endpoint,
        transport: Transport,
        proxy: Option<&Proxy>,
    ) -> Outcome<Tunnel> {
        let (agent, address) = (self.agent, self.address);
        let connecting = endpoint
            .connect_with(self.config.clone(), place, address.bare_host())
            .map_err(|error| failure::usage(format!("`{}` is no host name: {error}", address.host())))?;
        let connection =
            connecting.await.map_err(|error| not_connected(agent, address, &error, transport, proxy))?;
        Ok(Tunnel { endpoint, connection, transport, proxy: proxy.cloned() })
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
