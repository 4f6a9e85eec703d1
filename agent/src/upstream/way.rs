//! How a database is reached, beside its address: further hosts, certificates, time, and what is asked of it.

use std::{fmt, path::PathBuf, time::Duration};

use rustix::net::sockopt;
use tokio::net::TcpStream;

use super::SessionAttributes;

/// How long dialling and logging in at one host may take together, unless the configuration says otherwise.
pub const CONNECT_TIME: Duration = Duration::from_secs(10);

/// A silent connection is asked after this, then as often as this, so many times: what a router has forgotten
/// is found out in two minutes, and a router that counts silence does not forget.
const IDLE: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    pub port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// A certificate of the agent's own, with its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Tried in order when the first does not do.
    pub others: Vec<Place>,
    pub attributes: SessionAttributes,
    pub connect_time: Duration,
    pub certificate: Option<ClientCertificate>,
}

impl Default for Way {
    fn default() -> Self {
        Self {
            others: Vec::new(),
            attributes: SessionAttributes::Any,
            connect_time: CONNECT_TIME,
            certificate: None,
        }
    }
}

/// Asks for keepalive. A system that refuses has connections that last as long as it finds out itself.
pub(super) fn keep_alive(socket: &TcpStream) {
    let asked = sockopt::set_socket_keepalive(socket, true)
        .and_then(|()| sockopt::set_tcp_keepidle(socket, IDLE))
        .and_then(|()| sockopt::set_tcp_keepintvl(socket, INTERVAL))
        .and_then(|()| sockopt::set_tcp_keepcnt(socket, PROBES));
    if let Err(error) = asked {
        tracing::debug!(%error, "the system refuses to keep a connection to a database alive");
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_silent_connection_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let socket = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("connected");
        keep_alive(&socket);
        assert!(sockopt::socket_keepalive(&socket).expect("an option"));
        assert_eq!(sockopt::tcp_keepidle(&socket).expect("an option"), IDLE);
    }
}
