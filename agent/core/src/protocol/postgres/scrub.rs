//! Errors and notices of statements that reach protected relations: the server's texts quote values, so
//! the client gets severity, SQLSTATE, position, and our own words.

use bytes::{BufMut, Bytes, BytesMut};

use super::{
    answer::{put_message, put_text},
    reader::{Reader, Short},
};

/// A server's error or notice cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a malformed error or notice")]
pub struct MalformedReport;

/// The fields of an ErrorResponse or NoticeResponse.
struct Report {
    fields: Vec<(u8, Bytes)>,
}

impl Report {
    fn read(body: Bytes) -> Result<Self, Short> {
        let mut reader = Reader::new(body);
        let mut fields = Vec::new();
        loop {
            match reader.u8()? {
                0 => break,
                field => fields.push((field, reader.text()?)),
            }
        }
        if reader.is_empty() { Ok(Self { fields }) } else { Err(Short) }
    }

    fn field(&self, wanted: u8) -> Option<&Bytes> {
        self.fields.iter().find(|(field, _)| *field == wanted).map(|(_, text)| text)
    }

    fn sqlstate(&self) -> &str {
        self.field(b'C').and_then(|code| std::str::from_utf8(code).ok()).unwrap_or("XX000")
    }
}

/// The SQLSTATE of an error.
///
/// # Errors
/// The server's violation.
pub fn sqlstate(body: Bytes) -> Result<String, MalformedReport> {
    let report = Report::read(body).map_err(|_| MalformedReport)?;
    Ok(report.sqlstate().chars().filter(char::is_ascii_alphanumeric).take(5).collect())
}

/// Whether an error quotes the backslash that we have put behind a text.
///
/// # Errors
/// The server's violation.
pub fn is_about_the_end(body: Bytes) -> Result<bool, MalformedReport> {
    let report = Report::read(body).map_err(|_| MalformedReport)?;
    Ok(report.field(b'M').is_none_or(|message| message.ends_with(b"\\\"")))
}

/// Whether the server closes behind an error.
///
/// # Errors
/// The server's violation.
pub fn is_fatal(body: Bytes) -> Result<bool, MalformedReport> {
    let report = Report::read(body).map_err(|_| MalformedReport)?;
    // `S` is translated, `V` is not.
    Ok(report.field(b'V').is_some_and(|severity| matches!(&severity[..], b"FATAL" | b"PANIC")))
}

/// Whose text the positions of an error count in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextOf {
    Client,
    /// It was rewritten, so its positions say nothing to the client.
    Agent,
}

/// An error without the server's words.
///
/// # Errors
/// The server's violation.
pub fn error(body: Bytes, positions: TextOf) -> Result<Bytes, MalformedReport> {
    let report = Report::read(body).map_err(|_| MalformedReport)?;
    let own = own_words(report.sqlstate());
    let mut out = BytesMut::new();
    put_message(&mut out, b'E', |out| {
        for (field, text) in &report.fields {
            match field {
                b'P' if positions == TextOf::Agent => {}
                b'S' | b'V' | b'C' | b'P' => put_field(out, *field, text),
                b'M' => put_field(out, b'M', own.map_or(&text[..], str::as_bytes)),
                _ => {}
            }
        }
        if own.is_some() {
            put_field(
                out,
                b'D',
                b"The server's own text may quote protected values, so connect left it out.",
            );
        }
        out.put_u8(0);
    });
    Ok(out.freeze())
}

/// Whether a notice may pass beside protected data: only those that speak of names and states.
///
/// # Errors
/// The server's violation.
pub fn notice_may_pass(body: Bytes) -> Result<bool, MalformedReport> {
    let report = Report::read(body).map_err(|_| MalformedReport)?;
    Ok(own_words(report.sqlstate()).is_none())
}

fn put_field(out: &mut BytesMut, field: u8, text: &[u8]) {
    out.put_u8(field);
    put_text(out, text);
}

/// Our words for an SQLSTATE; `None` where the server's speak of names and states only. Classes:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn own_words(sqlstate: &str) -> Option<&'static str> {
    match sqlstate {
        // Enum labels, settings and other text that is quoted from values.
        "42P17" | "42704" => Some("undefined or invalid object"),
        "22012" => Some("division by zero"),
        "22001" => Some("value too long"),
        "22003" => Some("value out of range"),
        "22P02" | "22007" | "22008" => Some("invalid input syntax"),
        "23502" => Some("a column that must not be null is null"),
        "23503" => Some("a foreign key constraint is violated"),
        "23505" => Some("a unique constraint is violated"),
        "23514" => Some("a check constraint is violated"),
        "23P01" => Some("an exclusion constraint is violated"),
        "53100" | "53200" | "53300" | "53400" | "54000" | "54001" | "57014" | "57P01" | "57P02" | "57P03"
        | "25P02" | "25006" | "25001" | "25P01" | "40001" | "40P01" | "55P03" | "34000" | "26000"
        | "42P03" | "42P05" | "08P01" => None,
        code if code.starts_with("42") => None,
        code if code.starts_with("22") => Some("a value does not fit"),
        code if code.starts_with("23") => Some("a constraint is violated"),
        _ => Some("the statement failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(fields: &[(u8, &str)]) -> Bytes {
        let mut out = BytesMut::new();
        for (field, text) in fields {
            put_field(&mut out, *field, text.as_bytes());
        }
        out.put_u8(0);
        out.freeze()
    }

    #[test]
    fn a_position_in_a_text_of_ours_is_kept_back() {
        let body = Bytes::from_static(b"SERROR\0C42703\0Mx\0P17\0\0");
        for (text, shown) in [(TextOf::Client, true), (TextOf::Agent, false)] {
            let error = error(body.clone(), text).expect("a good report");
            assert_eq!(error.windows(4).any(|part| part == b"P17\0"), shown, "{text:?}");
        }
    }

    #[test]
    fn no_word_of_the_server_is_left_in_a_data_error() {
        let body = report(&[
            (b'S', "ERROR"),
            (b'C', "22P02"),
            (b'M', "invalid input syntax for type integer: \"123-45-6789\""),
            (b'D', "Failing row contains (123-45-6789)"),
            (b'W', "SQL function 123-45-6789"),
            (b'P', "8"),
        ]);
        let scrubbed = error(body, TextOf::Client).expect("a good report");
        let text = String::from_utf8_lossy(&scrubbed).into_owned();
        assert!(!text.contains("6789"), "{text}");
        assert!(text.contains("22P02") && text.contains("invalid input syntax"));
    }

    #[test]
    fn an_error_about_names_keeps_its_message_but_no_detail() {
        let body = report(&[(b'C', "42703"), (b'M', "column \"x\" does not exist"), (b'D', "value")]);
        let text = String::from_utf8_lossy(&error(body, TextOf::Client).expect("a good report")).into_owned();
        assert!(text.contains("column \"x\" does not exist") && !text.contains("value"));
    }

    #[test]
    fn a_malformed_report_is_the_servers_fault() {
        assert_eq!(error(Bytes::from_static(b"Mno end"), TextOf::Client), Err(MalformedReport));
        assert_eq!(sqlstate(Bytes::from_static(b"")), Err(MalformedReport));
    }
}
