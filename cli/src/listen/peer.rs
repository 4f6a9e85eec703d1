//! Whose program is at the other end of a local connection. Only this person's are served; where that
//! cannot be told, nobody's.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::net::UnixStream;

use crate::failure::{self, Outcome};

/// Code of the refusal of a program whose user cannot be told.
pub(crate) const UNKNOWN: &str = "unknown_peer";

/// Checks the owner of a TCP connection from `from` to our `port`.
#[cfg(target_os = "linux")]
pub(super) fn check_tcp(from: SocketAddr, port: u16) -> Outcome<()> {
    use super::{
        diagnosis::{self, Answer},
        proc,
    };
    let SocketAddr::V4(from) = from else { return judge(None) };
    let ours = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    judge(match diagnosis::owner(from, ours) {
        Answer::Owner(owner) => Some(owner),
        Answer::Nobody => None,
        Answer::Silence => proc::owner(from.into(), ours.into()),
    })
}

/// Elsewhere the system does not say who owns a TCP connection.
#[cfg(not(target_os = "linux"))]
pub(super) fn check_tcp(_from: SocketAddr, _port: u16) -> Outcome<()> {
    judge(None)
}

/// Checks the owner of a Unix socket's other end.
pub(super) fn check_unix(stream: &UnixStream) -> Outcome<()> {
    judge(stream.peer_cred().ok().map(|credentials| credentials.uid()))
}

fn judge(owner: Option<u32>) -> Outcome<()> {
    let own = rustix::process::geteuid().as_raw();
    match owner {
        Some(owner) if owner == own => Ok(()),
        Some(owner) => Err(failure::local("foreign_peer", format!("refused a program of user {owner}"))),
        None => Err(failure::local(UNKNOWN, "refused a program whose user cannot be told")
            .help("use a Unix socket: connect open RESOURCE --socket PATH")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn other_people_and_unknown_ones_are_refused() {
        let own = rustix::process::geteuid().as_raw();
        assert!(judge(Some(own)).is_ok());
        assert!(judge(Some(own + 1)).is_err());
        assert!(judge(None).is_err(), "it fails closed");
    }

    #[tokio::test]
    async fn a_program_of_our_own_is_known_by_its_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listening");
        let port = listener.local_addr().expect("an address").port();
        let program = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        let (_stream, from) = listener.accept().await.expect("accepted");
        check_tcp(from, port).expect("ours");
        let somebody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert!(check_tcp(somebody, port).is_err(), "there is no such connection");
        drop(program);
    }
}
