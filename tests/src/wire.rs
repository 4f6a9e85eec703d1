//! A PostgreSQL client by hand, for tests that care about every byte: it sends a statement in each way that
//! the protocol has, and keeps what comes back, message by message.

mod bound;

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);

/// The ways in which a client can send one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    Simple,
    /// Results in text.
    Text,
    /// Results in binary.
    Binary,
    /// Prepared under a name and executed twice, in either format.
    PreparedTwice,
    /// A portal that is executed row by row.
    Limited,
    /// Between two other statements, with one Sync for all.
    Pipeline,
    /// Its text constants are parameters.
    Bound,
}

impl Mode {
    pub const ALL: [Self; 6] =
        [Self::Simple, Self::Text, Self::Binary, Self::PreparedTwice, Self::Limited, Self::Pipeline];

    /// These and the one that changes the text.
    pub const EVERY: [Self; 7] = [
        Self::Simple,
        Self::Text,
        Self::Binary,
        Self::PreparedTwice,
        Self::Limited,
        Self::Pipeline,
        Self::Bound,
    ];
}

/// One message of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub kind: u8,
    pub body: Vec<u8>,
}

/// All that came up to the last ReadyForQuery.
#[derive(Debug, Default)]
pub struct Answer {
    pub messages: Vec<Message>,
    /// Why there was none.
    pub lost: Option<io::Error>,
}

/// A field of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub table: u32,
    pub column: i16,
    pub type_oid: u32,
    pub size: i16,
    pub modifier: i32,
    pub format: i16,
}

/// A connection.
pub struct Wire {
    stream: TcpStream,
    /// All that came before the connection was ready.
    pub greeting: Answer,
    /// Whether a COPY from the client is given up at once, as clients do that want none.
    pub gives_up_copies: bool,
    /// Whether a Sync goes behind: the server takes none that it was sent before the data should come.
    syncs_given_up: bool,
}

impl Wire {
    /// Opens one that needs no password.
    ///
    /// # Errors
    /// The server does not take it.
    pub fn open(port: u16, user: &str, database: &str) -> io::Result<Self> {
        let parameters = ["user", user, "database", database, "application_name", "wire"];
        Self::begin(port, &startup(VERSION_3_0, &parameters))
    }

    /// Opens one with a first message of one's own making.
    ///
    /// # Errors
    /// The server does not take it.
    pub fn begin(port: u16, first: &[u8]) -> io::Result<Self> {
        let mut wire = Self::dial(port)?;
        wire.greeting = wire.send(first, 1);
        let refused = wire.greeting.error().map(|error| io::Error::other(error.text()));
        match (refused, wire.greeting.lost.take()) {
            (Some(error), _) | (None, Some(error)) => Err(error),
            (None, None) => Ok(wire),
        }
    }

    /// A socket that has said nothing yet.
    ///
    /// # Errors
    /// Nobody listens.
    pub fn dial(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, greeting: Answer::default(), gives_up_copies: true, syncs_given_up: false })
    }

    /// The socket itself.
    pub const fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// All that comes until the server closes, at most until `ANSWER`.
    pub fn rest(&mut self) -> Answer {
        self.hear(usize::MAX)
    }

    /// Sends a statement and takes the answer. A COPY from the client is given up.
    pub fn ask(&mut self, mode: Mode, sql: &str) -> Answer {
        let (bytes, syncs) = request(mode, sql);
        self.syncs_given_up = matches!(mode, Mode::Text | Mode::Binary | Mode::PreparedTwice | Mode::Bound);
        let answer = self.send(&bytes, syncs);
        self.syncs_given_up = false;
        answer
    }

    /// Sends messages of one's own making, which end with so many Syncs or simple queries.
    pub fn send(&mut self, bytes: &[u8], syncs: usize) -> Answer {
        match self.stream.write_all(bytes) {
            Ok(()) => self.hear(syncs),
            Err(error) => Answer { lost: Some(error), ..Answer::default() },
        }
    }

    /// Sends messages of one's own making, which so many messages answer.
    pub fn send_for(&mut self, bytes: &[u8], messages: usize) -> Answer {
        match self.stream.write_all(bytes) {
            Ok(()) => self.hear_until(|heard| heard.len() == messages),
            Err(error) => Answer { lost: Some(error), ..Answer::default() },
        }
    }

    fn hear(&mut self, syncs: usize) -> Answer {
        let mut ready = 0;
        self.hear_until(|heard| {
            ready += usize::from(heard.last().is_some_and(|message| message.kind == b'Z'));
            ready >= syncs
        })
    }

    /// Takes messages until these are enough, as they are asked before the first and after each.
    fn hear_until(&mut self, mut are_enough: impl FnMut(&[Message]) -> bool) -> Answer {
        let mut answer = Answer::default();
        while !are_enough(&answer.messages) {
            match self.message() {
                Ok(message) => {
                    if message.kind == b'G' && self.gives_up_copies {
                        let mut given_up = framed(b'f', b"no data\0");
                        if self.syncs_given_up {
                            given_up.extend(sync());
                        }
                        let _refused = self.stream.write_all(&given_up);
                    }
                    let fatal = message.kind == b'E' && message.field(b'S').as_deref() == Some("FATAL");
                    answer.messages.push(message);
                    if fatal {
                        answer.lost = Some(io::Error::other("a fatal error"));
                        return answer;
                    }
                }
                Err(error) => {
                    answer.lost = Some(error);
                    return answer;
                }
            }
        }
        answer
    }

    fn message(&mut self) -> io::Result<Message> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(0).saturating_sub(4);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(Message { kind, body })
    }
}

impl Answer {
    /// All that was received; messages are set apart.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in &self.messages {
            bytes.push(message.kind);
            bytes.extend_from_slice(&message.body);
            bytes.push(b'\n');
        }
        bytes
    }

    /// Whether it was waited for in vain, which is no answer at all.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        let kind = self.lost.as_ref().map(io::Error::kind);
        matches!(kind, Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut))
    }

    /// SQLSTATE of the first error.
    #[must_use]
    pub fn sqlstate(&self) -> Option<String> {
        self.error()?.field(b'C')
    }

    /// Whether the first error is a denial of ours.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        let detail = self.error().and_then(|error| error.field(b'D'));
        detail.is_some_and(|detail| detail.starts_with("denied by connect"))
    }

    #[must_use]
    pub fn error(&self) -> Option<&Message> {
        self.messages.iter().find(|message| message.kind == b'E')
    }

    /// Rows of all results, NULL as `None`.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<Option<Vec<u8>>>> {
        self.messages.iter().filter(|message| message.kind == b'D').map(Message::row).collect()
    }

    /// The description of the first result.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let description = self.messages.iter().find(|message| message.kind == b'T');
        description.map(Message::fields).unwrap_or_default()
    }

    /// Types of a described statement's parameters.
    #[must_use]
    pub fn parameters(&self) -> Vec<u32> {
        let description = self.messages.iter().find(|message| message.kind == b't');
        description.map(Message::parameters).unwrap_or_default()
    }

    /// Whether the connection is in a transaction at the end.
    #[must_use]
    pub fn in_transaction(&self) -> bool {
        self.messages.last().is_some_and(|message| message.kind == b'Z' && message.body != b"I")
    }
}

impl Message {
    /// A field of an error or notice.
    #[must_use]
    pub fn field(&self, wanted: u8) -> Option<String> {
        let mut fields = self.body.split(|byte| *byte == 0);
        let found = fields.find(|field| field.first() == Some(&wanted))?;
        Some(String::from_utf8_lossy(&found[1..]).into_owned())
    }

    /// Severity, SQLSTATE, text and detail of an error.
    #[must_use]
    pub fn text(&self) -> String {
        let field = |wanted| self.field(wanted).unwrap_or_default();
        format!("{} {}: {} {}", field(b'S'), field(b'C'), field(b'M'), field(b'D'))
    }

    fn row(&self) -> Vec<Option<Vec<u8>>> {
        let mut rest = Cursor(&self.body);
        let count = rest.i16();
        (0..count)
            .map(|_| usize::try_from(rest.i32()).ok().map(|length| rest.take(length).to_vec()))
            .collect()
    }

    fn parameters(&self) -> Vec<u32> {
        let mut rest = Cursor(&self.body);
        let count = rest.i16();
        (0..count).map(|_| rest.i32().cast_unsigned()).collect()
    }

    /// The fields of a RowDescription.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        let mut rest = Cursor(&self.body);
        let count = rest.i16();
        (0..count)
            .map(|_| Field {
                name: rest.text(),
                table: rest.i32().cast_unsigned(),
                column: rest.i16(),
                type_oid: rest.i32().cast_unsigned(),
                size: rest.i16(),
                modifier: rest.i32(),
                format: rest.i16(),
            })
            .collect()
    }
}

/// Bytes of a message that are still to be read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }

    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.take(2).try_into().expect("two bytes"))
    }

    fn i32(&mut self) -> i32 {
        i32::from_be_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).expect("a NUL");
        let text = String::from_utf8_lossy(self.take(end)).into_owned();
        self.take(1);
        text
    }
}

/// A message of this type.
#[must_use]
pub fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    let length = u32::try_from(body.len() + 4).expect("a legal length");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Protocol versions as a startup message has them.
pub const VERSION_3_0: u32 = 196_608;
pub const VERSION_3_2: u32 = 196_610;

/// A startup message; names and values take turns.
#[must_use]
pub fn startup(version: u32, parameters: &[&str]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for text in parameters.iter().chain(&[""]) {
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&length.to_be_bytes()[..], &body].concat()
}

/// A simple query.
#[must_use]
pub fn query(sql: &str) -> Vec<u8> {
    framed(b'Q', format!("{sql}\0").as_bytes())
}

/// A Parse without types of parameters.
#[must_use]
pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    framed(b'P', format!("{name}\0{sql}\0\0\0").as_bytes())
}

/// A Bind without parameters; results in text (0) or binary (1).
#[must_use]
pub fn bind(portal: &str, statement: &str, format: u8) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0\0\0\0\0\0\x01\0").into_bytes();
    body.push(format);
    framed(b'B', &body)
}

/// A Bind to parameters in text; results in text.
///
/// # Panics
/// There are more than a message can count.
#[must_use]
pub fn bind_to(portal: &str, statement: &str, values: &[Option<&str>]) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0\0\0").into_bytes();
    body.extend_from_slice(&u16::try_from(values.len()).expect("few parameters").to_be_bytes());
    for value in values {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).expect("a short value"));
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default().as_bytes());
    }
    body.extend_from_slice(b"\0\0");
    framed(b'B', &body)
}

/// A Describe or Close of a statement (`S`) or portal (`P`).
#[must_use]
pub fn named(kind: u8, what: char, name: &str) -> Vec<u8> {
    framed(kind, format!("{what}{name}\0").as_bytes())
}

/// An Execute for at most so many rows; 0: all.
#[must_use]
pub fn execute(portal: &str, most: i32) -> Vec<u8> {
    let mut body = format!("{portal}\0").into_bytes();
    body.extend_from_slice(&most.to_be_bytes());
    framed(b'E', &body)
}

#[must_use]
pub fn sync() -> Vec<u8> {
    framed(b'S', b"")
}

fn whole(sql: &str, format: u8) -> Vec<u8> {
    [parse("", sql), bind("", "", format), named(b'D', 'P', ""), execute("", 0)].concat()
}

/// What is sent, and how many times the server says that it is ready.
fn request(mode: Mode, sql: &str) -> (Vec<u8>, usize) {
    match mode {
        Mode::Simple => (query(sql), 1),
        Mode::Text => ([whole(sql, 0), sync()].concat(), 1),
        Mode::Binary => ([whole(sql, 1), sync()].concat(), 1),
        Mode::PreparedTwice => {
            let run = |format| [bind("", "twice", format), execute("", 0), sync()].concat();
            let prepare = [parse("twice", sql), named(b'D', 'S', "twice"), sync()].concat();
            let close = [named(b'C', 'S', "twice"), sync()].concat();
            ([prepare, run(0), run(1), close].concat(), 4)
        }
        Mode::Limited => {
            let steps = [execute("rows", 1), execute("rows", 2), execute("rows", 0)].concat();
            let opened = [parse("", sql), bind("rows", "", 0), named(b'D', 'P', "rows")].concat();
            ([opened, steps, sync()].concat(), 1)
        }
        Mode::Pipeline => {
            let around = |number: u8| whole(&format!("SELECT {number}"), 0);
            ([around(1), whole(sql, 0), around(2), sync()].concat(), 1)
        }
        Mode::Bound => {
            let (sql, values) = bound::lifted(sql);
            let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
            let steps = [parse("", &sql), bind_to("", "", &values), named(b'D', 'P', ""), execute("", 0)];
            ([steps.concat(), sync()].concat(), 1)
        }
    }
}
