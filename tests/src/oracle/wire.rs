//! A client of the database protocol that can do what drivers hide: parse a statement without running it,
//! and hand over notices and row descriptions as they come.

use std::{
    io::{BufReader, Read as _, Write as _},
    net::TcpStream,
};

/// One connection, straight to a server that asks for no password.
pub struct Wire {
    stream: BufReader<TcpStream>,
}

/// A notice of the server.
#[derive(Debug, Clone, Default)]
pub struct Notice {
    pub message: String,
    pub detail: String,
}

/// A column of a result, as RowDescription has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    /// Relation and attribute number of a plain column; 0 otherwise. A view's column names the view.
    pub origin: (u32, i16),
    pub type_oid: u32,
}

/// The server's error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: String,
    pub message: String,
}

/// What came back.
#[derive(Debug, Default)]
pub struct Done {
    pub notices: Vec<Notice>,
    pub fields: Option<Vec<Field>>,
    /// Types of the parameters of a statement that was parsed.
    pub parameters: Vec<u32>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl Wire {
    /// Connects.
    ///
    /// # Panics
    /// The server cannot be reached or wants a password.
    #[must_use]
    pub fn connect(port: u16, user: &str, database: &str) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
        stream.set_nodelay(true).expect("a TCP socket");
        let mut wire = Self { stream: BufReader::with_capacity(1 << 16, stream) };
        let mut startup = 196_608_u32.to_be_bytes().to_vec();
        for text in ["user", user, "database", database, "application_name", "oracle"] {
            startup.extend(text.bytes().chain([0]));
        }
        startup.push(0);
        wire.write_raw(&framed(None, &startup));
        wire.answer().unwrap_or_else(|refusal| panic!("the server refuses the connection: {refusal:?}"));
        wire
    }

    /// Runs commands and gives the rows as text.
    ///
    /// # Panics
    /// The server refuses them.
    pub fn run(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.attempt(sql).unwrap_or_else(|refusal| panic!("{refusal:?} for {sql}")).rows
    }

    /// Runs commands.
    ///
    /// # Errors
    /// The server refuses them.
    pub fn attempt(&mut self, sql: &str) -> Result<Done, Refusal> {
        let mut body = sql.as_bytes().to_vec();
        body.push(0);
        self.write_raw(&framed(Some(b'Q'), &body));
        self.answer()
    }

    /// Has a statement parsed and described; it is not executed.
    ///
    /// # Errors
    /// The server refuses it.
    pub fn parse(&mut self, sql: &str) -> Result<Done, Refusal> {
        let mut body = vec![0];
        body.extend(sql.bytes().chain([0, 0, 0]));
        let mut bytes = framed(Some(b'P'), &body);
        bytes.extend(framed(Some(b'D'), b"S\0"));
        bytes.extend(framed(Some(b'S'), b""));
        self.write_raw(&bytes);
        self.answer()
    }

    fn write_raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// Everything up to ReadyForQuery.
    fn answer(&mut self) -> Result<Done, Refusal> {
        let mut done = Done::default();
        let mut refusal = None;
        loop {
            let (kind, body) = self.message();
            match kind {
                b'Z' => return refusal.map_or(Ok(done), Err),
                b'E' => {
                    let field = |code| error_field(&body, code);
                    refusal.get_or_insert(Refusal { code: field(b'C'), message: field(b'M') });
                    if field(b'S') == "FATAL" {
                        return Err(refusal.expect("just put there"));
                    }
                }
                b'N' => {
                    let [message, detail] = [b'M', b'D'].map(|code| error_field(&body, code));
                    done.notices.push(Notice { message, detail });
                }
                b'T' => done.fields = Some(row_description(&body)),
                b't' => done.parameters = parameter_description(&body),
                b'D' => done.rows.push(data_row(&body)),
                b'R' => assert_eq!(body, [0; 4], "the server wants a password"),
                _ => {}
            }
        }
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

fn framed(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    kind.into_iter().chain(length.to_be_bytes()).chain(body.iter().copied()).collect()
}

fn error_field(body: &[u8], code: u8) -> String {
    let found = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&code));
    found.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
}

/// Reads a message from its start.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn i16(&mut self) -> i16 {
        i16::from_be_bytes(self.bytes(2).try_into().expect("two bytes"))
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.bytes(4).try_into().expect("four bytes"))
    }

    fn text(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).expect("an end");
        let text = String::from_utf8_lossy(self.bytes(end)).into_owned();
        self.bytes(1);
        text
    }
}

fn row_description(body: &[u8]) -> Vec<Field> {
    let mut reader = Reader(body);
    let count = reader.i16();
    let mut field = || {
        let name = reader.text();
        let origin = (reader.u32(), reader.i16());
        let type_oid = reader.u32();
        reader.bytes(8);
        Field { name, origin, type_oid }
    };
    (0..count).map(|_| field()).collect()
}

fn parameter_description(body: &[u8]) -> Vec<u32> {
    let mut reader = Reader(body);
    let count = reader.i16();
    (0..count).map(|_| reader.u32()).collect()
}

fn data_row(body: &[u8]) -> Vec<Option<String>> {
    let mut reader = Reader(body);
    let count = reader.i16();
    let mut value = || {
        let length = reader.u32();
        (length != u32::MAX).then(|| String::from_utf8_lossy(reader.bytes(length as usize)).into_owned())
    };
    (0..count).map(|_| value()).collect()
}
