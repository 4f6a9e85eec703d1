//! The local address of a session: a loopback port or a Unix socket, for programs of this person only.

#[cfg(target_os = "linux")]
mod diagnosis;
pub(crate) mod peer;
mod port;
mod proc;
mod unix;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

pub(crate) use self::{
    port::{PortMemory, PortWish},
    unix::SocketFile,
};
use connect_shared::engine::Engine;

use crate::failure::{self, Outcome};

/// How long the few bytes of a cancel request may take to arrive on the loopback.
const CANCEL_PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

/// Between two looks at a request that is not whole: the socket stays readable, so nothing else wakes us.
const PEEK_AGAIN: std::time::Duration = std::time::Duration::from_millis(5);

/// Where local programs connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LocalAddress {
    Port(u16),
    Socket(std::path::PathBuf),
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "{}:{port}", Ipv4Addr::LOCALHOST),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Listens on a local address.
pub(crate) enum Listener {
    Tcp { listener: TcpListener, port: u16 },
    Unix { listener: UnixListener, file: SocketFile },
}

/// A program that has connected. Whose it is has yet to be asked: [`Local::check`].
pub(crate) enum Local {
    Tcp { stream: TcpStream, from: SocketAddr, port: u16 },
    Unix(UnixStream),
}

impl Local {
    /// Whether it is a program of this person.
    pub(crate) fn check(&self) -> Outcome<()> {
        match self {
            Self::Tcp { from, port, .. } => peer::check_tcp(*from, *port),
            Self::Unix(stream) => peer::check_unix(stream),
        }
    }

    /// Whether all that it says is a cancel request. Some drivers send it and are gone before the system
    /// can be asked whose they were; the request's own secret is what it is judged by, at the agent.
    pub(crate) async fn is_cancel_request(&self, engine: Engine) -> bool {
        let Self::Tcp { stream, .. } = self else { return false };
        let mut words = [0; 17];
        let length = engine.cancel_request_length();
        let whole = async {
            loop {
                match stream.peek(&mut words).await {
                    Ok(read) if read == length => {
                        return words.get(..read).is_some_and(|w| engine.is_cancel_request(w));
                    }
                    Ok(read) if read < length && read > 0 => tokio::time::sleep(PEEK_AGAIN).await,
                    _ => return false,
                }
            }
        };
        tokio::time::timeout(CANCEL_PATIENCE, whole).await.unwrap_or(false)
    }
}

impl Listener {
    /// On a loopback port.
    pub(crate) async fn tcp(port: u16) -> Outcome<Self> {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => {
                let port = listener.local_addr().map_or(port, |address| address.port());
                Ok(Self::Tcp { listener, port })
            }
            Err(error) => Err(port::busy(port, &error)),
        }
    }

    /// On a Unix socket.
    pub(crate) fn unix(path: &Path) -> Outcome<Self> {
        let (listener, file) = unix::bind(path)?;
        Ok(Self::Unix { listener, file })
    }

    pub(crate) fn address(&self) -> LocalAddress {
        match self {
            Self::Tcp { port, .. } => LocalAddress::Port(*port),
            Self::Unix { file, .. } => LocalAddress::Socket(file.path().to_owned()),
        }
    }

    /// The next program that connects. May be dropped and called again: no program is lost between.
    pub(crate) async fn accept(&self) -> Outcome<Local> {
        let problem = |error: std::io::Error| {
            failure::local("accept", format!("cannot take a local connection: {}", failure::reason(&error)))
        };
        match self {
            Self::Tcp { listener, port } => {
                let (stream, from) = listener.accept().await.map_err(problem)?;
                // Without this, every answer would wait for an acknowledgement.
                let _slower = stream.set_nodelay(true);
                Ok(Local::Tcp { stream, from, port: *port })
            }
            Self::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await.map_err(problem)?;
                Ok(Local::Unix(stream))
            }
        }
    }
}
