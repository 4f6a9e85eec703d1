//! What Linux tells about TCP sockets in `/proc/net/tcp` and `/proc/net/tcp6`.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::ffi::OsStrExt as _,
};

/// States in which a socket still has its owner's user id.
const ESTABLISHED: u8 = 0x01;
const CLOSE_WAIT: u8 = 0x08;
const LISTEN: u8 = 0x0A;

/// One line of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    uid: u32,
    inode: u64,
}

/// How often a table is read: one that changes while it is read may lack a line.
const READINGS: usize = 3;

/// The user who owns the socket whose own end is `local` and whose other end is `remote`.
pub(super) fn owner(local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let is_it = |socket: &Socket| {
        let open = socket.state == ESTABLISHED || socket.state == CLOSE_WAIT;
        open && socket.local == local && socket.remote == remote
    };
    (0..READINGS).find_map(|_| find(is_it)).map(|socket| socket.uid)
}

/// The program that listens on a port, as far as this user may see it: name and process id.
pub(super) fn holder(port: u16) -> Option<(String, u32)> {
    let inode = find(|socket| socket.state == LISTEN && socket.local.port() == port)?.inode;
    let wanted = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(id) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(open) = fs::read_dir(process.path().join("fd")) else { continue };
        let holds = |file: fs::DirEntry| {
            fs::read_link(file.path()).is_ok_and(|target| target.as_os_str().as_bytes() == wanted.as_bytes())
        };
        if open.flatten().any(holds) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            return Some((name.trim().to_owned(), id));
        }
    }
    None
}

fn find(is_it: impl Fn(&Socket) -> bool) -> Option<Socket> {
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        let lines = BufReader::new(fs::File::open(table).ok()?).lines();
        lines.map_while(Result::ok).filter_map(|line| parse(&line)).find(&is_it)
    })
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`
fn parse(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote) = (address(words.next()?)?, address(words.next()?)?);
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let mut words = words.skip(3);
    let uid = words.next()?.parse().ok()?;
    let inode = words.nth(1)?.parse().ok()?;
    Some(Socket { local, remote, state, uid, inode })
}

/// Groups of four bytes in the machine's order, then the port. A mapped address is its IPv4 one.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    if !host.is_ascii() {
        return None;
    }
    let word = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes);
    let ip = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(host)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, group) in bytes.chunks_exact_mut(4).enumerate() {
                group.copy_from_slice(&word(host.get(at * 8..at * 8 + 8)?)?);
            }
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn a_line_gives_addresses_state_owner_and_inode() {
        let line = "   1: 0100007F:9C40 0100007F:3C48 01 00000000:00000000 00:00000000 00000000  1000        0 54321 1 0";
        let socket = parse(line).expect("a socket");
        assert_eq!(socket.local, "127.0.0.1:40000".parse().expect("an address"));
        assert_eq!(socket.remote, "127.0.0.1:15432".parse().expect("an address"));
        assert_eq!((socket.state, socket.uid, socket.inode), (ESTABLISHED, 1000, 54321));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        let mapped = "0000000000000000FFFF00000100007F:3C48";
        assert_eq!(address(mapped), "127.0.0.1:15432".parse().ok());
        assert_eq!(address("00000000000000000000000001000000:0001"), "[::1]:1".parse().ok());
    }

    #[test]
    fn headings_and_nonsense_are_no_sockets() {
        for line in ["", "  sl  local_address rem_address   st", "1: é00007F:1 x", "1: 0100007F:9C40"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listening");
        let port = listener.local_addr().expect("an address").port();
        assert_eq!(holder(port).map(|(_, id)| id), Some(std::process::id()));
    }
}
