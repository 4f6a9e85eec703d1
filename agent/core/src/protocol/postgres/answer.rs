//! Messages that the agent itself says to a client or a server.

use bytes::{BufMut, Bytes, BytesMut};
use connect_shared::decision::{Decision, Reason};

use crate::machine::CancelKey;

/// How bad an error is for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Notice,
    Error,
    Fatal,
}

impl Severity {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "NOTICE",
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// Appends a message of this type with a body.
pub fn put_message(out: &mut BytesMut, kind: u8, body: impl FnOnce(&mut BytesMut)) {
    out.put_u8(kind);
    let start = out.len();
    out.put_u32(0);
    body(out);
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// Appends text and its NUL. A NUL within would end the field early and let its rest pose as another
/// field, so it is left out.
pub fn put_text(out: &mut BytesMut, text: &[u8]) {
    for run in text.split(|byte| *byte == 0) {
        out.put_slice(run);
    }
    out.put_u8(0);
}

/// An error in the protocol's fields.
#[derive(Debug, Clone, Copy)]
pub struct ErrorText<'a> {
    pub severity: Severity,
    pub sqlstate: &'a str,
    pub message: &'a str,
    pub detail: Option<&'a str>,
    pub hint: Option<&'a str>,
}

/// An ErrorResponse, or a NoticeResponse, which has the same fields.
#[must_use]
pub fn error(text: ErrorText<'_>) -> Bytes {
    let mut out = BytesMut::new();
    let kind = if text.severity == Severity::Notice { b'N' } else { b'E' };
    put_message(&mut out, kind, |out| {
        let severity = text.severity.as_str();
        let fields = [
            (b'S', Some(severity)),
            (b'V', Some(severity)),
            (b'C', Some(text.sqlstate)),
            (b'M', Some(text.message)),
            (b'D', text.detail),
            (b'H', text.hint),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                out.put_u8(field);
                put_text(out, value.as_bytes());
            }
        }
        out.put_u8(0);
    });
    out.freeze()
}

/// The error of a denied statement: the first reason, in the words of every other place.
#[must_use]
pub fn denial(decision: &Decision, sqlstate: &str, statement: &str) -> Bytes {
    let (message, detail, hint) = match decision.reasons.first() {
        Some(reason) => (reason.message.clone(), denial_detail(reason, statement), reason.hint.clone()),
        None => ("no rule permits this statement".to_owned(), format!("statement {statement}"), None),
    };
    error(ErrorText {
        severity: Severity::Error,
        sqlstate,
        message: &message,
        detail: Some(&detail),
        hint: hint.as_deref(),
    })
}

/// The error of a statement that has broken a limit.
#[must_use]
pub fn ended(reason: &Reason, statement: &str) -> Bytes {
    let (code, policy) = (reason.code.as_str(), &reason.policy);
    error(ErrorText {
        severity: Severity::Error,
        sqlstate: reason.code.sqlstate(),
        message: &reason.message,
        detail: Some(&format!("ended by connect: {code}, rule {policy}, statement {statement}")),
        hint: reason.hint.as_deref(),
    })
}

fn denial_detail(reason: &Reason, statement: &str) -> String {
    let code = reason.code.as_str();
    let policy = &reason.policy;
    match &reason.object {
        Some(object) => {
            format!("denied by connect: {code} on {object}, rule {policy}, statement {statement}")
        }
        None => format!("denied by connect: {code}, rule {policy}, statement {statement}"),
    }
}

/// AuthenticationOk, the server's parameters, our cancel key, and ReadyForQuery.
#[must_use]
pub fn welcome(parameters: &[(Bytes, Bytes)], key: CancelKey) -> Bytes {
    let mut out = BytesMut::new();
    put_message(&mut out, b'R', |out| out.put_u32(0));
    for (name, value) in parameters {
        put_message(&mut out, b'S', |out| {
            put_text(out, name);
            put_text(out, value);
        });
    }
    put_message(&mut out, b'K', |out| {
        out.put_u32(key.process);
        out.put_u32(key.secret);
    });
    put_message(&mut out, b'Z', |out| out.put_u8(b'I'));
    out.freeze()
}

/// NegotiateProtocolVersion: the version that is spoken, and the extensions that are not known.
#[must_use]
pub fn negotiate(minor: u16, extensions: &[String]) -> Bytes {
    let mut out = BytesMut::new();
    put_message(&mut out, b'v', |out| {
        // Servers send the whole version, major number and all, and clients hold them to it.
        out.put_u32(3 << 16 | u32::from(minor));
        out.put_u32(u32::try_from(extensions.len()).unwrap_or(0));
        for extension in extensions {
            put_text(out, extension.as_bytes());
        }
    });
    out.freeze()
}

/// A text that fails by construction: no grammar of any server version accepts it. The server aborts with
/// it what a failed statement aborts, or skips to Sync.
pub const FAILS: &[u8] = b"denied by connect)";

/// A CopyFail: the data ends, and the server undoes what it took.
#[must_use]
pub fn copy_fail(why: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    put_message(&mut out, b'f', |out| put_text(out, why));
    out.freeze()
}

/// A mistake in a text, told as the server tells it: with the place where it stands, if that is known.
#[must_use]
pub fn mistake(sqlstate: &str, message: &str, place: Option<usize>) -> Bytes {
    let place = place.map(|place| place.to_string());
    let severity = Severity::Error.as_str();
    let mut out = BytesMut::new();
    put_message(&mut out, b'E', |out| {
        let fields = [(b'S', severity), (b'V', severity), (b'C', sqlstate), (b'M', message)];
        for (field, value) in fields.into_iter().chain(place.as_deref().map(|place| (b'P', place))) {
            out.put_u8(field);
            put_text(out, value.as_bytes());
        }
        out.put_u8(0);
    });
    out.freeze()
}

/// A Flush: the server sends what it has.
#[must_use]
pub const fn flush() -> Bytes {
    Bytes::from_static(&[b'H', 0, 0, 0, 4])
}

/// A ParameterStatus.
#[must_use]
pub fn parameter(name: &[u8], value: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    put_message(&mut out, b'S', |out| {
        put_text(out, name);
        put_text(out, value);
    });
    out.freeze()
}

/// A simple query.
#[must_use]
pub fn query(text: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(text.len() + 6);
    put_message(&mut out, b'Q', |out| put_text(out, text));
    out.freeze()
}

/// A Parse; `types` are the parameter types as the client gave them, with their count.
#[must_use]
pub fn parse(name: &[u8], text: &[u8], types: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(name.len() + text.len() + types.len() + 7);
    put_message(&mut out, b'P', |out| {
        put_text(out, name);
        put_text(out, text);
        out.put_slice(types);
    });
    out.freeze()
}

/// `set_config` in `pg_proc`.
const SET_CONFIG: u32 = 2078;

/// A FunctionCall of `set_config(name, value, false)`, which leaves no text of a statement behind.
#[must_use]
pub fn set_config(name: &[u8], value: &[u8]) -> Bytes {
    const TEXT: u16 = 0;
    let mut out = BytesMut::with_capacity(name.len() + value.len() + 32);
    put_message(&mut out, b'F', |out| {
        out.put_u32(SET_CONFIG);
        // One format for all arguments.
        out.put_u16(1);
        out.put_u16(TEXT);
        out.put_u16(3);
        for argument in [name, value, b"f"] {
            out.put_u32(u32::try_from(argument.len()).unwrap_or(0));
            out.put_slice(argument);
        }
        out.put_u16(TEXT);
    });
    out.freeze()
}

/// A Bind with this body.
#[must_use]
pub fn bind(body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    put_message(&mut out, b'B', |out| out.put_slice(body));
    out.freeze()
}

/// A Describe of a portal.
#[must_use]
pub fn describe_portal(name: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    put_message(&mut out, b'D', |out| {
        out.put_u8(b'P');
        put_text(out, name);
    });
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_in_a_text_cannot_start_another_field() {
        let bytes = error(ErrorText {
            severity: Severity::Error,
            sqlstate: "42501",
            message: "a\0Cforged",
            detail: None,
            hint: None,
        });
        assert_eq!(bytes.windows(10).filter(|part| part == b"MaCforged\0").count(), 1);
        assert!(bytes.ends_with(b"\0\0"));
    }
}
