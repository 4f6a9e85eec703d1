//! The QUIC endpoint: TLS, windows, timers and sizes.

use std::{net::UdpSocket, sync::Arc, time::Duration};

use connect_shared::{
    frame::{ALPN, MAX_DATAGRAM},
    udp::TunnelRuntime,
};
use quinn::{
    ConfigError, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig,
    VarInt,
    crypto::rustls::{NoInitialCipherSuite, QuicServerConfig},
};

use super::door::Door;
use crate::{
    keys::ServerCertificate,
    listener::{ClientKey, TlsSetupError, server_config},
    shards::Shards,
};

/// A path that is silent for so long is gone.
const IDLE: Duration = Duration::from_secs(30);
/// Keeps the path, and what is on it, alive.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Streams of one tunnel: its control stream and its database connections.
const MAX_STREAMS: u32 = 1_024;
/// What a peer may send ahead, on one stream and on all: 200 ms of 320 and of 640 Mbit/s.
const STREAM_WINDOW: u32 = 8 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
/// What we keep for retransmission.
const SEND_WINDOW: u64 = 16 * 1024 * 1024;
/// Handshakes that wait for us to look at them, and what they may send ahead.
const MAX_INCOMING: usize = 1_024;
const INCOMING_BUFFER: u64 = 64 * 1024;
const INCOMING_BUFFER_TOTAL: u64 = 8 * 1024 * 1024;

/// Tunnels cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error(transparent)]
    Tls(#[from] TlsSetupError),
    #[error("QUIC cannot be set up: {0}")]
    Crypto(#[from] NoInitialCipherSuite),
    #[error("QUIC cannot be set up: {0}")]
    Config(#[from] ConfigError),
    #[error("the UDP socket cannot be used: {0}")]
    Socket(#[from] std::io::Error),
}

/// An endpoint on `socket`, read by the first of `shards`; the door is for packets that come another way.
///
/// # Errors
/// The certificate or the socket cannot be used.
pub fn endpoint(
    socket: UdpSocket,
    certificate: &ServerCertificate,
    shards: &Shards,
) -> Result<(Endpoint, Arc<Door>), EndpointError> {
    let tls = server_config(certificate, ClientKey::Required, &[ALPN])?;
    let mut config = ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls)?));
    config
        .transport_config(Arc::new(transport()))
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL);
    // The task that reads the socket is spawned where this is called.
    let shard = shards.first();
    let _on_its_thread = shard.as_ref().map(tokio::runtime::Handle::enter);
    let runtime = Arc::new(TunnelRuntime);
    let door = Door::new(socket)?;
    let socket = Arc::clone(&door);
    let endpoint = Endpoint::new_with_abstract_socket(endpoint_config()?, Some(config), socket, runtime)?;
    Ok((endpoint, door))
}

fn endpoint_config() -> Result<EndpointConfig, EndpointError> {
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(MAX_DATAGRAM)?;
    Ok(config)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let mut discovery = MtuDiscoveryConfig::default();
    discovery.upper_bound(MAX_DATAGRAM);
    let idle = VarInt::from_u32(u32::try_from(IDLE.as_millis()).unwrap_or(30_000));
    transport
        .max_idle_timeout(Some(IdleTimeout::from(idle)))
        .mtu_discovery_config(Some(discovery))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW);
    transport
}
