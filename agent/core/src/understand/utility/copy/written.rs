//! How a COPY to the client writes its lines: what passes is looked at, so the agent must read what the server writes.

use pg_query::{
    NodeEnum,
    protobuf::{CopyStmt, DefElem},
};

use crate::{mask::Lines, statement::Refusal, understand::refusal};

/// Encodings in which no byte of another character looks like one of ASCII, without marks between their letters.
const ENCODINGS: [&str; 43] = [
    "utf8",
    "unicode",
    "sqlascii",
    "eucjp",
    "eucjis2004",
    "euccn",
    "euckr",
    "euctw",
    "latin1",
    "latin2",
    "latin3",
    "latin4",
    "latin5",
    "latin6",
    "latin7",
    "latin8",
    "latin9",
    "latin10",
    "iso88591",
    "iso88592",
    "iso88593",
    "iso88594",
    "iso88595",
    "iso88596",
    "iso88597",
    "iso88598",
    "iso88599",
    "iso885910",
    "iso885913",
    "iso885914",
    "iso885915",
    "iso885916",
    "koi8",
    "koi8r",
    "koi8u",
    "win1250",
    "win1251",
    "win1252",
    "windows1250",
    "windows1251",
    "windows1252",
    "alt",
    "win",
];

/// The signs of its lines. What the server would refuse has those that are usual.
pub(super) fn lines(copy: &CopyStmt) -> Lines {
    let is_csv = option(copy, "format").is_some_and(|format| format == "csv");
    let sign = |name: &str| match option(copy, name).map(str::as_bytes) {
        Some([sign]) => Some(*sign),
        _ => None,
    };
    let quote = sign("quote").unwrap_or(b'"');
    let quotes = (quote, sign("escape").unwrap_or(quote));
    let usual = if is_csv { b',' } else { Lines::TEXT.delimiter };
    Lines { delimiter: sign("delimiter").unwrap_or(usual), quotes: is_csv.then_some(quotes) }
}

/// Whether what it writes can be read again.
///
/// # Errors
/// It cannot: a line could end in two ways.
pub(super) fn check(copy: &CopyStmt) -> Result<(), Refusal> {
    let Lines { quotes, .. } = lines(copy);
    let has_ends = |sign: u8| matches!(sign, b'\n' | b'\r');
    if quotes.is_some_and(|(quote, escape)| has_ends(quote) || has_ends(escape)) {
        return Err(refusal::not_reviewed("a COPY whose quotes are ends of lines"));
    }
    // In text a backslash before the end of a value would belong to the next.
    let null = option(copy, "null").filter(|_| quotes.is_none());
    if null.is_some_and(|null| null != "\\N" && null.contains('\\')) {
        return Err(refusal::not_reviewed("a COPY that writes NULL with a backslash of its own"));
    }
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let encoding = option(copy, "encoding").map(plain);
    match encoding.filter(|name| !ENCODINGS.contains(&name.as_str())) {
        Some(_) => Err(refusal::not_reviewed("a COPY to an encoding in which letters hide signs of ASCII")),
        None => Ok(()),
    }
}

fn option<'c>(copy: &'c CopyStmt, name: &str) -> Option<&'c str> {
    let named = |option: &DefElem| option.defname == name;
    copy.options.iter().rev().find_map(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) if named(option) => {
            match option.arg.as_ref().and_then(|argument| argument.node.as_ref()) {
                Some(NodeEnum::String(value)) => Some(value.sval.as_str()),
                _ => None,
            }
        }
        _ => None,
    })
}
