//! A client that sends several messages at once and tells what came back in order.

use crate::process::PATIENCE;
use std::{
    io::{BufReader, Read as _, Write as _},
    net::TcpStream,
};

use super::script::Message;

/// One connection to a server that asks for no password.
pub struct Talk {
    stream: BufReader<TcpStream>,
    /// Parameters that were reported at login.
    pub login: Vec<(String, String)>,
}

/// Something that the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A statement is done.
    Complete,
    Error(String),
    /// Transaction status.
    Ready(u8),
    Report(String, String),
    Row(Vec<Option<String>>),
    Other,
}

impl Talk {
    /// Connects.
    ///
    /// # Panics
    /// The server cannot be reached or wants a password.
    #[must_use]
    pub fn connect(port: u16, user: &str, database: &str, parameters: &[(&str, &str)]) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(PATIENCE)).expect("a TCP socket");
        let mut talk = Self { stream: BufReader::new(stream), login: Vec::new() };
        let mut startup = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in [("user", user), ("database", database)].iter().chain(parameters) {
            startup.extend(name.bytes().chain([0]).chain(value.bytes()).chain([0]));
        }
        startup.push(0);
        talk.send(&framed(None, &startup));
        for heard in talk.until_ready(1) {
            match heard {
                Heard::Report(name, value) => talk.login.push((name, value)),
                Heard::Error(message) => panic!("the server refuses the connection: {message}"),
                _ => {}
            }
        }
        talk
    }

    /// Runs a text and gives its rows.
    ///
    /// # Panics
    /// The server refuses it.
    pub fn command(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.send(&simple(sql));
        let rows = self.until_ready(1).into_iter().filter_map(|heard| match heard {
            Heard::Row(row) => Some(row),
            Heard::Error(message) => panic!("{message}: {sql}"),
            _ => None,
        });
        rows.collect()
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Everything up to so many ReadyForQuery.
    pub fn until_ready(&mut self, mut count: usize) -> Vec<Heard> {
        let mut heard = Vec::new();
        while count > 0 {
            let (kind, body) = self.message();
            let said = read(kind, &body);
            count -= usize::from(matches!(said, Heard::Ready(_)));
            heard.push(said);
        }
        heard
    }

    /// Bytes of one whole message, as they came.
    pub fn raw(&mut self) -> Vec<u8> {
        let (kind, body) = self.message();
        framed(Some(kind), &body)
    }

    fn message(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).expect("the server answers");
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the server answers");
        (head[0], body)
    }
}

/// Messages of the protocol that send this.
#[must_use]
pub fn bytes(message: &Message) -> Vec<u8> {
    match message {
        Message::Simple(groups) => groups.iter().flat_map(|group| simple(&group.join("; "))).collect(),
        Message::Extended(groups) => groups.iter().flat_map(|group| pipeline(group)).collect(),
    }
}

/// A simple query.
#[must_use]
pub fn simple(sql: &str) -> Vec<u8> {
    framed(Some(b'Q'), &[sql.as_bytes(), b"\0"].concat())
}

fn pipeline(statements: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for sql in statements {
        bytes.extend(framed(Some(b'P'), &[b"\0", sql.as_bytes(), b"\0\0\0"].concat()));
        bytes.extend(framed(Some(b'B'), b"\0\0\0\0\0\0\0\0"));
        bytes.extend(framed(Some(b'E'), b"\0\0\0\0\0"));
    }
    bytes.extend(framed(Some(b'S'), b""));
    bytes
}

/// A message of this type; `None`: the startup message.
#[must_use]
pub fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    kind.into_iter().chain(length.to_be_bytes()).chain(body.iter().copied()).collect()
}

/// What a message of the server says.
#[must_use]
pub fn read(kind: u8, body: &[u8]) -> Heard {
    let texts = || body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    match kind {
        b'C' => Heard::Complete,
        b'E' => Heard::Error(texts().collect::<Vec<_>>().join(" ")),
        b'Z' => Heard::Ready(body[0]),
        b'S' => {
            let mut texts = texts();
            Heard::Report(texts.next().unwrap_or_default(), texts.next().unwrap_or_default())
        }
        b'D' => Heard::Row(row(body)),
        b'R' => {
            assert_eq!(body, [0; 4], "the server wants a password");
            Heard::Other
        }
        _ => Heard::Other,
    }
}

fn row(body: &[u8]) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = &body[2..];
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length);
        if length == u32::MAX {
            values.push(None);
            rest = behind;
        } else {
            let (value, behind) = behind.split_at(length as usize);
            values.push(Some(String::from_utf8_lossy(value).into_owned()));
            rest = behind;
        }
    }
    values
}
