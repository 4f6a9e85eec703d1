//! One port number for both halves: TCP for the control API, UDP for tunnels.

use std::{
    io,
    net::{SocketAddr, TcpListener, UdpSocket},
};

use rustix::net::sockopt;

/// What the UDP socket should be able to hold: at 1 Gbit/s, some 30 ms of a busy process.
const BUFFER: usize = 4 * 1024 * 1024;
/// How often a free TCP port is looked for whose UDP port is free too.
const ATTEMPTS: usize = 16;

/// The port cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "cannot listen on {protocol} {address}: {source}; is another agent running there? \
         Stop it, or set `listen` in the configuration to another address"
    )]
    Busy { protocol: &'static str, address: SocketAddr, source: io::Error },
    #[error("cannot set up the socket: {0}")]
    Setup(#[from] io::Error),
}

/// Both sockets on the same port.
#[derive(Debug)]
pub struct Sockets {
    pub tcp: tokio::net::TcpListener,
    pub udp: UdpSocket,
    pub address: SocketAddr,
}

impl Sockets {
    /// Binds both. Port 0 takes one that is free for both.
    ///
    /// # Errors
    /// The port is taken, or may not be used.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        let mut attempts = if address.port() == 0 { ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            let tcp = TcpListener::bind(address).map_err(|source| BindError::Busy {
                protocol: "TCP",
                address,
                source,
            })?;
            let bound = tcp.local_addr()?;
            match UdpSocket::bind(bound) {
                Ok(udp) => return Self::from_std(tcp, udp, bound),
                Err(_) if attempts > 0 => {}
                Err(source) => return Err(BindError::Busy { protocol: "UDP", address: bound, source }),
            }
        }
    }

    fn from_std(tcp: TcpListener, udp: UdpSocket, address: SocketAddr) -> Result<Self, BindError> {
        tcp.set_nonblocking(true)?;
        raise_buffers(&udp);
        Ok(Self { tcp: tokio::net::TcpListener::from_std(tcp)?, udp, address })
    }
}

/// Without room in the socket, a burst of packets is lost before the process wakes up.
fn raise_buffers(socket: &UdpSocket) {
    let _asked = sockopt::set_socket_recv_buffer_size(socket, BUFFER);
    let _asked = sockopt::set_socket_send_buffer_size(socket, BUFFER);
    let received = sockopt::socket_recv_buffer_size(socket).unwrap_or(0);
    let sent = sockopt::socket_send_buffer_size(socket).unwrap_or(0);
    // Linux reports twice what it grants, so that a grant of all reads as twice as much.
    if received.min(sent) < BUFFER {
        tracing::info!(
            wanted = BUFFER,
            received,
            sent,
            "the system limits UDP buffers, which slows large results down; \
             raise net.core.rmem_max and net.core.wmem_max"
        );
    }
}
