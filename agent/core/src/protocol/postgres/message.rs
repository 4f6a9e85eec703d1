//! Client messages, read just as far as the machine needs.

use bytes::Bytes;

use super::reader::{Reader, Short};
/// A client message that needs thought; the rest are told by their type byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientMessage {
    Query {
        text: Bytes,
    },
    Parse {
        name: Bytes,
        text: Bytes,
        types: Bytes,
    },
    /// `values`: formats and values, from the first count up to the formats of results.
    Bind {
        portal: Bytes,
        statement: Bytes,
        values: Bytes,
    },
    Describe {
        what: Named,
        name: Bytes,
    },
    Execute {
        portal: Bytes,
    },
    Close {
        what: Named,
        name: Bytes,
    },
    Sync,
    Flush,
    CopyData,
    CopyDone,
    CopyFail,
    FunctionCall(Call),
    Terminate,
    Password,
}

impl ClientMessage {
    /// Bytes of the longest name in it.
    #[must_use]
    pub fn longest_name(&self) -> usize {
        match self {
            Self::Parse { name, .. } | Self::Describe { name, .. } | Self::Close { name, .. } => name.len(),
            Self::Bind { portal, statement, .. } => portal.len().max(statement.len()),
            Self::Execute { portal } => portal.len(),
            _ => 0,
        }
    }
}

/// A function by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    pub function: u32,
    /// How many there are.
    pub arguments: usize,
    /// Formats and values of the arguments, as a Bind has them.
    pub given: Bytes,
}

/// What a name of the extended protocol names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Statement,
    Portal,
}

/// A client's violation of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("invalid frontend message type {0}")]
    UnknownType(u8),
    #[error("invalid message format of type `{}`", char::from(*.0))]
    Malformed(u8),
}

/// Reads a whole message of this type.
///
/// # Errors
/// The client's violation.
pub fn read(kind: u8, body: Bytes) -> Result<ClientMessage, MessageError> {
    parse(kind, body).map_err(|_| MessageError::Malformed(kind))?.ok_or(MessageError::UnknownType(kind))
}

fn parse(kind: u8, body: Bytes) -> Result<Option<ClientMessage>, Short> {
    let mut reader = Reader::new(body);
    let message = match kind {
        b'Q' => ClientMessage::Query { text: reader.text()? },
        b'P' => {
            let (name, text) = (reader.text()?, reader.text()?);
            return Ok(Some(ClientMessage::Parse { name, text, types: reader.rest() }));
        }
        b'B' => bind(&mut reader)?,
        b'D' => ClientMessage::Describe { what: named(&mut reader)?, name: reader.text()? },
        b'C' => ClientMessage::Close { what: named(&mut reader)?, name: reader.text()? },
        b'E' => {
            let portal = reader.text()?;
            reader.i32()?;
            ClientMessage::Execute { portal }
        }
        b'S' => ClientMessage::Sync,
        b'H' => ClientMessage::Flush,
        b'd' => return Ok(Some(ClientMessage::CopyData)),
        b'c' => ClientMessage::CopyDone,
        b'f' => return Ok(Some(ClientMessage::CopyFail)),
        b'F' => call(&mut reader)?,
        b'X' => ClientMessage::Terminate,
        b'p' => return Ok(Some(ClientMessage::Password)),
        _ => return Ok(None),
    };
    if reader.is_empty() { Ok(Some(message)) } else { Err(Short) }
}

fn named(reader: &mut Reader) -> Result<Named, Short> {
    match reader.u8()? {
        b'S' => Ok(Named::Statement),
        b'P' => Ok(Named::Portal),
        _ => Err(Short),
    }
}

fn bind(reader: &mut Reader) -> Result<ClientMessage, Short> {
    let (portal, statement) = (reader.text()?, reader.text()?);
    let (_, values) = values(reader)?;
    let formats = unsigned(reader)?;
    reader.take(formats * 2)?;
    Ok(ClientMessage::Bind { portal, statement, values })
}

fn call(reader: &mut Reader) -> Result<ClientMessage, Short> {
    let function = reader.u32()?;
    let (arguments, given) = values(reader)?;
    // The format of the result.
    reader.take(2)?;
    Ok(ClientMessage::FunctionCall(Call { function, arguments, given }))
}

/// Formats and values: how many values, and all of it.
fn values(reader: &mut Reader) -> Result<(usize, Bytes), Short> {
    let mut all = reader.clone().rest();
    let codes = unsigned(reader)?;
    reader.take(codes * 2)?;
    let count = unsigned(reader)?;
    for _ in 0..count {
        // -1 is NULL; anything else below 0 is a violation.
        match reader.i32()? {
            -1 => {}
            length => {
                reader.take(usize::try_from(length).map_err(|_| Short)?)?;
            }
        }
    }
    all.truncate(all.len().saturating_sub(reader.len()));
    Ok((count, all))
}

pub(super) fn unsigned(reader: &mut Reader) -> Result<usize, Short> {
    // The counts are 16 bits wide and clients use all of them.
    reader.i16().map(|count| usize::from(count.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_gives_its_names() {
        let body = Bytes::from_static(b"p\0s\0\0\0\0\x01\0\0\0\x02hi\0\x02\0\0\0\x01");
        let bind = read(b'B', body).expect("a good bind");
        let (portal, statement) = (Bytes::from_static(b"p"), Bytes::from_static(b"s"));
        let values = Bytes::from_static(b"\0\0\0\x01\0\0\0\x02hi");
        assert_eq!(bind, ClientMessage::Bind { portal, statement, values });
    }

    #[test]
    fn every_message_cut_short_is_malformed_and_never_panics() {
        let whole: [(u8, &[u8]); 7] = [
            (b'F', b"\0\0\x03f\0\x01\0\0\0\x01\0\0\0\x02hi\0\0"),
            (b'Q', b"select 1\0"),
            (b'P', b"s\0select $1\0\0\x01\0\0\0\x17"),
            (b'B', b"p\0s\0\0\0\0\x01\0\0\0\x02hi\0\x01\0\0"),
            (b'D', b"Ss\0"),
            (b'E', b"p\0\0\0\0\0"),
            (b'C', b"Pp\0"),
        ];
        for (kind, body) in whole {
            assert!(read(kind, Bytes::from_static(body)).is_ok());
            for cut in 0..body.len() {
                let cut_body = Bytes::copy_from_slice(&body[..cut]);
                if let Ok(message) = read(kind, cut_body) {
                    assert!(matches!(message, ClientMessage::Parse { .. }), "{kind} cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn a_negative_parameter_length_is_malformed() {
        let body = Bytes::from_static(b"p\0s\0\0\0\0\x01\xff\xff\xff\xfe\0\0");
        assert_eq!(read(b'B', body), Err(MessageError::Malformed(b'B')));
    }
}
