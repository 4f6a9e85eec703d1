//! What a client receives, as text that two servers can be compared by: every field of every message, but
//! for numbers that differ from server to server by nature.

use std::collections::HashMap;

use crate::wire::{Answer, Message};

/// First OID that is not the same in every database of a version.
const FIRST_OWN_OID: u32 = 16_384;

/// The transcript of one connection. Objects of its own are numbered in the order in which they are seen.
#[derive(Debug, Default)]
pub struct Transcript {
    own: HashMap<u32, usize>,
}

impl Transcript {
    /// A line for each message of an answer, and one for the end of the connection.
    pub fn lines(&mut self, answer: &Answer) -> Vec<String> {
        let mut lines: Vec<String> = answer.messages.iter().map(|message| self.line(message)).collect();
        if answer.lost.is_some() {
            lines.push("the connection is lost".to_owned());
        }
        lines
    }

    fn line(&mut self, message: &Message) -> String {
        let kind = char::from(message.kind);
        let shown = match message.kind {
            b'T' => {
                let fields = message.fields();
                let shown = fields.iter().map(|field| {
                    let (table, kind) = (self.oid(field.table), self.oid(field.type_oid));
                    let (name, column, size) = (&field.name, field.column, field.size);
                    format!("{name} {table}.{column} {kind}({size},{}) {}", field.modifier, field.format)
                });
                shown.collect::<Vec<_>>().join("; ")
            }
            b't' => {
                let oids = message.body.get(2..).unwrap_or_default().chunks_exact(4);
                let oids = oids.map(|oid| u32::from_be_bytes(oid.try_into().expect("four bytes")));
                oids.map(|oid| self.oid(oid)).collect::<Vec<_>>().join(", ")
            }
            // The sender's process is another one on each side.
            b'A' => bytes(message.body.get(4..).unwrap_or_default()),
            b'E' | b'N' => {
                let fields = message.body.split(|byte| *byte == 0).filter(|field| !field.is_empty());
                fields.map(bytes).collect::<Vec<_>>().join(" | ")
            }
            _ => bytes(&message.body),
        };
        format!("{kind} {shown}")
    }

    fn oid(&mut self, oid: u32) -> String {
        if oid < FIRST_OWN_OID {
            return oid.to_string();
        }
        let next = self.own.len();
        format!("#{}", self.own.entry(oid).or_insert(next))
    }
}

/// An error without the place in the server's source that only the server knows.
fn without_source(line: &str) -> String {
    let kept = line.split(" | ").filter(|field| !field.starts_with(['F', 'L', 'R']));
    if line.starts_with("E ") { kept.collect::<Vec<_>>().join(" | ") } else { line.to_owned() }
}

fn bytes(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Where two transcripts part; `None` if they are the same.
#[must_use]
pub fn difference(ours: &[String], theirs: &[String]) -> Option<String> {
    let length = ours.len().max(theirs.len());
    let at = (0..length).find(|place| match (ours.get(*place), theirs.get(*place)) {
        (Some(ours), Some(theirs)) => ours != theirs && *ours != without_source(theirs),
        _ => true,
    })?;
    let show = |lines: &[String]| lines.get(at).map_or("nothing".to_owned(), |line| format!("{line:.600}"));
    Some(format!("message {at}\n    ours:   {}\n    direct: {}", show(ours), show(theirs)))
}
