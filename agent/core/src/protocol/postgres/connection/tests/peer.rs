//! A server that knows the protocol and two tables.

use std::collections::HashMap;

use super::world::{CANARY, CUSTOMERS, message};

/// Where its transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Status {
    #[default]
    Idle,
    Open,
    Failed,
}

/// How a COPY that takes data was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taking {
    Simple,
    Extended,
}

/// A scripted server.
#[derive(Default)]
pub(super) struct Peer {
    buffer: Vec<u8>,
    skipping: bool,
    transaction: Status,
    text: String,
    taking: Option<Taking>,
    /// Sizes of the pieces in which it answers; empty: in one piece.
    pub(super) pieces: Option<usize>,
    /// How many rows a write changes; 0: one.
    pub(super) changes: u64,
    /// The row of `orders` in which stands what must never leave, and how many bytes stand before it.
    pub(super) leaks: Option<u8>,
    pub(super) padding: usize,
    /// Each row of `customers` has another address.
    pub(super) distinct: bool,
    /// It refuses to commit.
    pub(super) deferred: bool,
    /// How much of what it is about its errors and notices quote.
    pub(super) loud: usize,
    /// What it copies to the client, in two columns, if anything; each in a message of its own.
    pub(super) data: Vec<Vec<u8>>,
    /// It keeps names apart as a server does; else every Execute is of the last Parse.
    pub(super) keeps_names: bool,
    statements: HashMap<String, String>,
    portals: HashMap<String, String>,
}

impl Peer {
    /// Its answer to more bytes of the agent.
    pub(super) fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.buffer.extend_from_slice(bytes);
        let mut out = Vec::new();
        while self.buffer.len() >= 5 {
            let length = u32::from_be_bytes(self.buffer[1..5].try_into().expect("four bytes")) as usize;
            if self.buffer.len() < length + 1 {
                break;
            }
            let whole: Vec<u8> = self.buffer.drain(..=length).collect();
            self.message(whole[0], &whole[5..], &mut out);
        }
        out
    }

    pub(super) fn split<'a>(&self, answer: &'a [u8]) -> Vec<&'a [u8]> {
        answer.chunks(self.pieces.unwrap_or(usize::MAX).max(1)).collect()
    }

    fn message(&mut self, kind: u8, body: &[u8], out: &mut Vec<u8>) {
        if let Some(taking) = self.taking {
            return self.data(taking, kind, out);
        }
        if kind == b'S' {
            self.skipping = false;
            return out.extend(self.ready());
        }
        if self.skipping {
            return;
        }
        if self.keeps_names
            && let Err(sqlstate) = self.name(kind, body)
        {
            self.failed();
            self.skipping = true;
            let body = format!("SERROR\0VERROR\0C{sqlstate}\0Mabout a name\0\0");
            return out.extend(message(b'E', body.as_bytes()));
        }
        match kind {
            b'Q' => {
                self.text = until_nul(body);
                self.run(true, out);
                if self.taking.is_none() {
                    out.extend(self.ready());
                }
            }
            b'P' => {
                let name = until_nul(body).len();
                self.text = until_nul(&body[name + 1..]);
                if fails(&self.text) {
                    self.fail(out);
                } else {
                    out.extend(message(b'1', b""));
                }
            }
            b'B' => out.extend(message(b'2', b"")),
            b'C' => out.extend(message(b'3', b"")),
            b'D' => {
                if body[0] == b'S' {
                    out.extend(message(b't', b"\0\0"));
                }
                out.extend(self.description().unwrap_or_else(|| message(b'n', b"")));
            }
            b'E' => self.run(false, out),
            b'F' => {
                out.extend(message(b'V', b"\xff\xff\xff\xff"));
                out.extend(self.ready());
            }
            _ => {}
        }
    }

    /// What a message makes of the names, or why it fails.
    fn name(&mut self, kind: u8, body: &[u8]) -> Result<(), &'static str> {
        let first = until_nul(body);
        let second = body.get(first.len() + 1..).map(until_nul).unwrap_or_default();
        match kind {
            b'P' if !first.is_empty() && self.statements.contains_key(&first) => return Err("42P05"),
            b'P' if !fails(&second) => drop(self.statements.insert(first, second)),
            b'B' => {
                let text = self.statements.get(&second).cloned().ok_or("26000")?;
                if !first.is_empty() && self.portals.contains_key(&first) {
                    return Err("42P03");
                }
                self.portals.insert(first, text);
            }
            b'C' if body.first() == Some(&b'S') => drop(self.statements.remove(&until_nul(&body[1..]))),
            b'C' => drop(self.portals.remove(&until_nul(&body[1..]))),
            b'D' if body.first() == Some(&b'P') => {
                self.text = self.portals.get(&until_nul(&body[1..])).cloned().ok_or("34000")?;
            }
            b'E' => self.text = self.portals.get(&first).cloned().ok_or("34000")?,
            _ => {}
        }
        Ok(())
    }

    fn data(&mut self, taking: Taking, kind: u8, out: &mut Vec<u8>) {
        match kind {
            b'd' | b'S' | b'H' => return,
            b'c' => out.extend(message(b'C', b"COPY 1\0")),
            _ => {
                self.failed();
                self.skipping = taking == Taking::Extended;
                out.extend(error("57014", "COPY from stdin failed"));
            }
        }
        self.taking = None;
        if taking == Taking::Simple {
            out.extend(self.ready());
        }
    }

    fn ready(&self) -> Vec<u8> {
        message(
            b'Z',
            match self.transaction {
                Status::Idle => b"I",
                Status::Open => b"T",
                Status::Failed => b"E",
            },
        )
    }

    fn failed(&mut self) {
        if self.transaction == Status::Open {
            self.transaction = Status::Failed;
        }
    }

    fn fail(&mut self, out: &mut Vec<u8>) {
        self.failed();
        self.skipping = true;
        out.extend(error("42601", "syntax error"));
    }

    fn run(&mut self, simple: bool, out: &mut Vec<u8>) {
        if fails(&self.text) {
            self.failed();
            let at = if self.text.ends_with('\\') { "\\" } else { "denied" };
            return out.extend(error("42601", &format!("syntax error at or near \"{at}\"")));
        }
        if self.text.contains("raises") {
            let body = format!("SNOTICE\0VNOTICE\0C00000\0M{}\0\0", "x".repeat(self.loud));
            out.extend(message(b'N', body.as_bytes()));
        }
        if self.text.contains("1/0") {
            self.failed();
            self.skipping = !simple;
            let quoted = "x".repeat(self.loud);
            return out.extend(error("22012", &format!("division by zero near {quoted}{CANARY}")));
        }
        if self.text.to_lowercase().contains("to stdout") && !self.data.is_empty() {
            let binary = u8::from(self.text.contains("binary"));
            out.extend(message(b'H', &[binary, 0, 2, 0, binary, 0, binary]));
            self.data.iter().for_each(|data| out.extend(message(b'd', data)));
            return out.extend([message(b'c', b""), message(b'C', b"COPY 2\0")].concat());
        }
        if self.text.to_lowercase().contains("to stdout") {
            out.extend(message(b'H', b"\0\0\0"));
            if self.text.contains("header") {
                out.extend(message(b'd', b"id\tname\n"));
            }
            out.extend(message(b'd', b"1\tharmless\n"));
            out.extend(message(
                b'd',
                &["2\t", &"x".repeat(self.padding), CANARY, "\n"].concat().into_bytes(),
            ));
            return out.extend([message(b'c', b""), message(b'C', b"COPY 2\0")].concat());
        }
        if self.text.to_lowercase().starts_with("copy") {
            self.taking = Some(if simple { Taking::Simple } else { Taking::Extended });
            return out.extend(message(b'G', b"\0\0\0"));
        }
        if let Some(description) = self.description() {
            if simple {
                out.extend(description);
            }
            for row in 1..=3 {
                out.extend(self.row(row));
            }
        }
        let tag = self.text.split_whitespace().next().unwrap_or("").to_uppercase();
        match tag.as_str() {
            "BEGIN" => self.transaction = Status::Open,
            "ROLLBACK" if self.text.to_uppercase().contains(" TO ") => self.transaction = Status::Open,
            "COMMIT" | "ROLLBACK" => self.transaction = Status::Idle,
            _ => {}
        }
        if tag == "COMMIT" && self.deferred {
            return out.extend(error("23503", "a foreign key that was deferred"));
        }
        let tag = match tag.as_str() {
            "SELECT" => "SELECT 3".to_owned(),
            "COMMIT" | "BEGIN" | "ROLLBACK" => tag,
            _ => format!("{tag} {}", self.changes.max(1)),
        };
        out.extend(message(b'C', &[tag.as_bytes(), b"\0"].concat()));
    }

    fn is_customers(&self) -> bool {
        self.text.contains("email")
    }

    /// Of a statement that computes with masks, which it does for the first column of its output only.
    fn is_computed(&self) -> bool {
        self.text.starts_with("select upper(email) from (SELECT ")
    }

    fn description(&self) -> Option<Vec<u8>> {
        if !self.text.to_lowercase().starts_with("select") {
            return None;
        }
        if self.is_computed() {
            return Some(message(b'T', &[&1u16.to_be_bytes()[..], &field("upper", 0, 0, 25)].concat()));
        }
        let mut fields = vec![field("id", if self.is_customers() { CUSTOMERS } else { 16_600 }, 1, 23)];
        if self.is_customers() {
            fields.push(field("email", CUSTOMERS, 2, 25));
        }
        let mut body = (fields.len() as u16).to_be_bytes().to_vec();
        body.extend(fields.concat());
        Some(message(b'T', &body))
    }

    fn row(&self, id: u8) -> Vec<u8> {
        let values = match (self.is_computed(), self.is_customers()) {
            (true, _) => vec![format!("U_{id}@MASKED.INVALID")],
            (_, true) if self.distinct => vec![id.to_string(), format!("{id}.{CANARY}")],
            (_, true) => vec![id.to_string(), CANARY.to_owned()],
            _ if self.leaks == Some(id) => vec![format!("{}{CANARY}", "x".repeat(self.padding))],
            _ => vec![id.to_string()],
        };
        let mut body = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            body.extend((value.len() as u32).to_be_bytes());
            body.extend(value.bytes());
        }
        message(b'D', &body)
    }
}

fn fails(text: &str) -> bool {
    text.starts_with("denied by connect") || text.ends_with("\n\\")
}

fn until_nul(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn error(sqlstate: &str, text: &str) -> Vec<u8> {
    let body = format!("SERROR\0VERROR\0C{sqlstate}\0M{text}\0D{CANARY}\0\0");
    message(b'E', body.as_bytes())
}

fn field(name: &str, table: u32, number: i16, type_oid: u32) -> Vec<u8> {
    let mut bytes = [name.as_bytes(), b"\0"].concat();
    bytes.extend(table.to_be_bytes());
    bytes.extend(number.to_be_bytes());
    bytes.extend(type_oid.to_be_bytes());
    bytes.extend((-1i16).to_be_bytes());
    bytes.extend((-1i32).to_be_bytes());
    bytes.extend(0i16.to_be_bytes());
    bytes
}
