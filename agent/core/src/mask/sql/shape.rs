//! The shapes of [`crate::mask::render`], of every reviewed type.

use connect_shared::label::Label;

use super::{
    Column,
    key::Blocks,
    number,
    term::{INT8, TEXT, bytes, call, cast, fresh, joined, literal, operator, plain, utf8},
    text,
};
use crate::mask::{
    MaskKey,
    canonical::Reviewed,
    digest::LETTERS,
    fold::table,
    hex,
    render::{DOCUMENT_AFTER, DOCUMENT_BEFORE},
    room::Room,
};

/// One value that is to be masked.
pub(super) struct Source<'a> {
    pub(super) label: Label,
    pub(super) room: Room,
    /// The clear value: a column, or an element of one.
    pub(super) clear: &'a str,
    /// A word for names of one's own.
    pub(super) word: String,
    blocks: Blocks,
}

impl<'a> Source<'a> {
    pub(super) fn new(key: &MaskKey, column: &Column<'_>, clear: &'a str, room: Room) -> Option<Self> {
        let blocks = Blocks::new(key, column.label)?;
        Some(Self { label: column.label, room, clear, word: fresh(column.reference), blocks })
    }

    /// The mask, of any type that is cast to the column's without loss.
    pub(super) fn mask(&self, reviewed: Reviewed) -> String {
        let digest = self.blocks.digest(&self.canonical(reviewed));
        match reviewed {
            Reviewed::Text | Reviewed::Padded | Reviewed::Folded => text::mask(self, &digest),
            Reviewed::Int2 | Reviewed::Int4 | Reviewed::Int8 => number::masked(self.label, reviewed, &digest),
            Reviewed::Numeric => number::numeric(self.label, self.room.digits(), &digest),
            Reviewed::Date => number::date(&digest),
            Reviewed::Timestamp => number::timestamp(&digest),
            Reviewed::TimestampTz => number::timestamp_with_zone(&digest),
            Reviewed::Uuid => uuid(&digest),
            Reviewed::Inet => text::network(self, &digest),
            Reviewed::Bytea => call("substr", &[&digest, "1", "16"]),
            Reviewed::Json | Reviewed::Jsonb => {
                joined(&[&literal(DOCUMENT_BEFORE), &letters(&digest, LETTERS), &literal(DOCUMENT_AFTER)])
            }
        }
    }

    /// Bytes that are NULL if the key is not there.
    pub(super) fn key(&self) -> &str {
        &self.blocks.inner
    }

    /// The value as text, without the spaces behind a `bpchar`.
    pub(super) fn text(&self) -> String {
        cast(self.clear, TEXT)
    }

    /// The bytes of [`crate::mask::canonical`].
    fn canonical(&self, reviewed: Reviewed) -> String {
        let send = |function| call(function, &[self.clear]);
        match reviewed {
            Reviewed::Text | Reviewed::Padded | Reviewed::Json | Reviewed::Jsonb => utf8(&self.text()),
            Reviewed::Folded => utf8(&folded(&self.text())),
            Reviewed::Int2 | Reviewed::Int4 | Reviewed::Int8 => call("int8send", &[&cast(self.clear, INT8)]),
            Reviewed::Numeric => utf8(&cast(&send("trim_scale"), TEXT)),
            Reviewed::Date => send("date_send"),
            Reviewed::Timestamp => send("timestamp_send"),
            Reviewed::TimestampTz => send("timestamptz_send"),
            Reviewed::Uuid => send("uuid_send"),
            Reviewed::Inet => send("inet_send"),
            Reviewed::Bytea => self.clear.to_owned(),
        }
    }
}

/// The text in small letters by [`crate::mask::fold`]. Most texts are ASCII and need no look at the table.
fn folded(text: &str) -> String {
    let ascii = operator(call("octet_length", &[text]), "=", call("length", &[text]));
    let small = call("lower", &[&plain(text)]);
    let (capitals, letters) = table();
    let all = call("translate", &[&small, &unicode(&capitals), &unicode(&letters)]);
    format!("CASE WHEN {ascii} THEN {small} ELSE {all} END")
}

/// A constant text that does not depend on the encoding in which the statement is sent.
fn unicode(text: &str) -> String {
    let mut digits = String::new();
    hex::encode(text.as_bytes(), &mut digits);
    call("convert_from", &[&bytes(&digits), "'UTF8'"])
}

/// Base 64 in small letters; the two marks become digits.
pub(super) fn letters(digest: &str, count: usize) -> String {
    call("lower", &[&plain(&base64(digest, count))])
}

/// The same in capitals.
pub(super) fn capitals(digest: &str) -> String {
    call("upper", &[&plain(&base64(digest, LETTERS))])
}

fn base64(digest: &str, count: usize) -> String {
    let encoded = call("encode", &[digest, "'base64'"]);
    call("translate", &[&call("substr", &[&encoded, "1", &count.to_string()]), "'+/'", "'89'"])
}

/// Hexadecimal digits of the whole digest.
pub(super) fn hexadecimal(digest: &str) -> String {
    call("encode", &[digest, "'hex'"])
}

/// The first 128 bits with the digits of version and variant.
fn uuid(digest: &str) -> String {
    let digits = call("substr", &[&hexadecimal(digest), "1", "32"]);
    let version = call("overlay", &[&digits, "'8'", "13", "1"]);
    cast(&call("overlay", &[&version, "'8'", "17", "1"]), "pg_catalog.uuid")
}
