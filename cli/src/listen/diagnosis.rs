//! Who owns a TCP connection, asked of the kernel's socket diagnostics (`sock_diag(7)`): one exact question,
//! one answer, however many sockets there are.
//!
//! `/proc/net/tcp` cannot replace it: a table that changes while it is read may lack a line.

use std::{net::SocketAddrV4, time::Duration};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType,
    netlink::{self, SocketAddrNetlink},
    recv, sendto, socket_with, sockopt,
};

/// `SOCK_DIAG_BY_FAMILY`, `NLM_F_REQUEST`, `AF_INET`, `IPPROTO_TCP`.
const BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;
const IPV4: u8 = 2;
const TCP: u8 = 6;
/// Lengths of a netlink header and of an `inet_diag_sockid`, and where things are in an `inet_diag_msg`.
const HEADER: usize = 16;
const STATE: usize = HEADER + 1;
const ID: usize = HEADER + 4;
const UID: usize = ID + 48 + 12;
/// Ports and addresses within an id; an interface and a cookie follow.
const ID_ADDRESSES: usize = 4 + 16 + 16;
/// Only while a socket is in one of these it has its owner's user id for certain.
const ESTABLISHED: u8 = 1;
const CLOSE_WAIT: u8 = 8;

/// What the kernel said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Owner(u32),
    /// There is no such connection, or it is ending.
    Nobody,
    /// The kernel does not answer such questions here.
    Silence,
}

/// The user who owns the socket whose own end is `local` and whose other end is `remote`.
pub(super) fn owner(local: SocketAddrV4, remote: SocketAddrV4) -> Answer {
    let question = question(local, remote);
    let mut answer = [0; 1024];
    match exchange(&question, &mut answer) {
        Some(length) => read(answer.get(..length).unwrap_or_default(), &question),
        None => Answer::Silence,
    }
}

fn exchange(question: &[u8], answer: &mut [u8]) -> Option<usize> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )
    .ok()?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(Duration::from_secs(1))).ok()?;
    sendto(&socket, question, SendFlags::empty(), &SocketAddrNetlink::new(0, 0)).ok()?;
    recv(&socket, answer, RecvFlags::empty()).ok().map(|(length, _)| length)
}

/// A `nlmsghdr` and an `inet_diag_req_v2`.
fn question(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + 56);
    bytes.extend(72u32.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([IPV4, TCP, 0, 0]);
    bytes.extend(u32::MAX.to_ne_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    for end in [local, remote] {
        bytes.extend(end.ip().octets());
        bytes.extend([0; 12]);
    }
    // Any interface, no cookie.
    bytes.extend([0; 4]);
    bytes.extend([0xFF; 8]);
    bytes
}

/// An `inet_diag_msg` about exactly the socket that was asked for: for one that is not there the kernel may
/// answer with a listening one.
fn read(answer: &[u8], question: &[u8]) -> Answer {
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    if kind != Some(BY_FAMILY) {
        return Answer::Nobody;
    }
    let asked = question.get(HEADER + 8..HEADER + 8 + ID_ADDRESSES);
    if !answer.get(ID..ID + ID_ADDRESSES).is_some_and(|found| is_same_id(found, asked.unwrap_or_default())) {
        return Answer::Nobody;
    }
    let open = answer.get(STATE).is_some_and(|state| [ESTABLISHED, CLOSE_WAIT].contains(state));
    let uid = answer.get(UID..UID + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_ne_bytes);
    match uid {
        Some(uid) if open => Answer::Owner(uid),
        _ => Answer::Nobody,
    }
}

/// Ports agree, and addresses do, whether they are written as IPv4 or as mapped ones.
fn is_same_id(found: &[u8], asked: &[u8]) -> bool {
    let ports = |id: &[u8]| id.get(..4).map(<[u8]>::to_vec);
    let address = |id: &[u8], at: usize| -> Option<[u8; 4]> {
        let bytes = id.get(at..at + 16)?;
        let mapped = bytes.starts_with(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]);
        let four = if mapped { bytes.get(12..16)? } else { bytes.get(..4)? };
        four.try_into().ok()
    };
    ports(found) == ports(asked)
        && [4, 20].into_iter().all(|at| {
            let found = address(found, at);
            found.is_some() && found == address(asked, at)
        })
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use super::*;

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(address) => panic!("{address}"),
        }
    }

    #[test]
    fn each_of_many_connections_is_known_while_others_come_and_go() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listening");
        let ours = listener.local_addr().expect("an address");
        let own = rustix::process::geteuid().as_raw();
        for _ in 0..200 {
            let program = TcpStream::connect(ours).expect("connected");
            let (_accepted, from) = listener.accept().expect("accepted");
            assert_eq!(owner(v4(from), v4(ours)), Answer::Owner(own));
            drop(program);
        }
    }

    #[test]
    fn a_connection_that_is_ending_or_never_was_has_no_owner() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("listening");
        let ours = listener.local_addr().expect("an address");
        let program = TcpStream::connect(ours).expect("connected");
        let (accepted, from) = listener.accept().expect("accepted");
        drop(program);
        assert_eq!(owner(v4(from), v4(ours)), Answer::Nobody, "its program has closed it");
        drop(accepted);
        let stranger = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, ours.port());
        assert_eq!(owner(stranger, SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 1)), Answer::Nobody);
    }

    #[test]
    fn an_error_and_a_cut_answer_name_nobody() {
        let end = SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 9);
        let question = question(end, end);
        assert_eq!(read(&[], &question), Answer::Nobody);
        let mut error = vec![0; 36];
        error[4] = 2;
        assert_eq!(read(&error, &question), Answer::Nobody);
        let mut cut = vec![0; 40];
        cut[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        assert_eq!(read(&cut, &question), Answer::Nobody);
    }
}
