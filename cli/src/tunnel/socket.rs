//! The UDP socket of a tunnel: bound to the wildcard address, so that the connection survives a change of
//! network, with buffers that hold more than one burst.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
};

use connect_shared::{flow::FlowSocket, frame::MAX_DATAGRAM, udp::TunnelRuntime};
use quinn::{Endpoint, EndpointConfig};
use rustix::net::sockopt;

use crate::failure::{self, Outcome};

/// What is asked for; the system may give less, which costs speed and nothing else.
const BUFFER: usize = 4 * 1024 * 1024;

/// An endpoint that can reach `peer`.
pub(super) fn endpoint(peer: SocketAddr) -> Outcome<Endpoint> {
    let socket = bind(peer)?;
    Endpoint::new(config()?, None, socket, Arc::new(TunnelRuntime)).map_err(|error| problem(&error))
}

/// An endpoint whose packets travel in a stream.
pub(super) fn endpoint_over(socket: Arc<FlowSocket>) -> Outcome<Endpoint> {
    Endpoint::new_with_abstract_socket(config()?, None, socket, Arc::new(TunnelRuntime))
        .map_err(|error| problem(&error))
}

fn config() -> Outcome<EndpointConfig> {
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(MAX_DATAGRAM).map_err(|error| failure::unexpected(error.to_string()))?;
    Ok(config)
}

/// Another socket under the endpoint.
pub(super) fn rebind(endpoint: &Endpoint, peer: SocketAddr) -> Outcome<()> {
    endpoint.rebind(bind(peer)?).map_err(|error| problem(&error))
}

fn bind(peer: SocketAddr) -> Outcome<UdpSocket> {
    let wildcard: SocketAddr = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(wildcard).map_err(|error| problem(&error))?;
    let _smaller = sockopt::set_socket_recv_buffer_size(&socket, BUFFER);
    let _smaller = sockopt::set_socket_send_buffer_size(&socket, BUFFER);
    if let Ok(given) = sockopt::socket_recv_buffer_size(&socket)
        && given < BUFFER
    {
        tracing::debug!(given, asked = BUFFER, "the system clamps UDP receive buffers (net.core.rmem_max)");
    }
    Ok(socket)
}

fn problem(error: &std::io::Error) -> connect_shared::error::ErrorReport {
    failure::local("udp", format!("cannot use UDP on this machine: {}", failure::reason(error)))
}
