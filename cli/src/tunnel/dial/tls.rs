//! The way over TCP: TLS with the agent's certificate, and the tunnel's packets in it. Whoever carries the bytes is
//! not trusted; within, the tunnel has its own handshake.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use connect_shared::{error::ErrorReport, flow::FlowSocket};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{
    super::{SILENCE, Transport, Tunnel, socket},
    Road,
    words::no_tls,
};
use crate::{
    api::other_certificate,
    certificate::{self, Speech},
    failure::{self, Outcome},
    proxy::Proxy,
};

/// The agent's address where only a proxy knows it: of those that are kept for examples (RFC 5737). Packets in a
/// stream go to no address.
const SOMEWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

impl Road<'_> {
    pub(super) async fn by_tls(&self, place: SocketAddr) -> Outcome<Tunnel> {
        let problem = |error: std::io::Error| self.problem(None, &failure::reason(&error));
        let stream = TcpStream::connect(place).await.map_err(problem)?;
        stream.set_nodelay(true).map_err(problem)?;
        self.over(stream, place, None).await
    }

    pub(super) async fn by_proxy(&self, proxy: &Proxy) -> Outcome<Tunnel> {
        let stream = proxy.connect(self.address).await.map_err(|why| self.problem(Some(proxy), &why))?;
        self.over(stream, (SOMEWHERE, self.address.port()).into(), Some(proxy)).await
    }

    async fn over(&self, stream: TcpStream, place: SocketAddr, proxy: Option<&Proxy>) -> Outcome<Tunnel> {
        // The key is shown in the tunnel, not on the way to it.
        let tls = certificate::client_config(&self.agent.trust()?, None, Speech::Tunnel)?;
        let host = self.address.bare_host();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|error| failure::usage(format!("`{host}` is no host name: {error}")))?;
        let connecting = TlsConnector::from(Arc::new(tls)).connect(name, stream);
        let stream = connecting.await.map_err(|error| self.not_secured(proxy, &error))?;
        let socket = FlowSocket::new(place);
        let endpoint = socket::endpoint_over(Arc::clone(&socket))?;
        tokio::spawn(socket.run(stream, SILENCE));
        self.finish(place, endpoint, Transport::Tls, proxy).await
    }

    /// Somebody else's certificate is not a matter of the network.
    fn not_secured(&self, proxy: Option<&Proxy>, error: &std::io::Error) -> ErrorReport {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::InvalidCertificate(why)) = inner {
            return other_certificate(&self.agent.name, self.address, &certificate::words(why));
        }
        self.problem(proxy, &failure::reason(error))
    }

    fn problem(&self, proxy: Option<&Proxy>, why: &str) -> ErrorReport {
        no_tls(self.agent, self.address, proxy, why)
    }
}
