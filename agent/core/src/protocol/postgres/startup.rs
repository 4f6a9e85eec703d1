//! The untyped messages that begin a connection.

use bytes::{Buf, Bytes, BytesMut};

use super::reader::{Reader, Short};
use crate::machine::CancelKey;

/// Longest startup packet, as in the server (`MAX_STARTUP_PACKET_LENGTH`).
pub const MAX_STARTUP: usize = 10_000;

const CANCEL_REQUEST: u32 = 80_877_102;
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const MAJOR: u32 = 3;
const NEWEST_MINOR: u16 = 2;

/// A first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Startup {
    /// SSLRequest or GSSENCRequest.
    Encryption,
    Cancel(CancelKey),
    /// Protocol 3, whatever its minor version.
    Start(StartupMessage),
}

/// The startup message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartupMessage {
    /// Minor version that the client asked for.
    pub minor: u16,
    /// Name and value, in order, without protocol extensions.
    pub parameters: Vec<(String, String)>,
    /// Names of protocol extensions (`_pq_.…`) that the client asked for.
    pub extensions: Vec<String>,
}

impl StartupMessage {
    /// The minor version that is spoken with this client. There never was a 3.1.
    #[must_use]
    pub const fn spoken(&self) -> u16 {
        if self.minor < NEWEST_MINOR { 0 } else { NEWEST_MINOR }
    }

    /// The last value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a client may get wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartupError {
    #[error("invalid length of startup packet")]
    Length,
    #[error("invalid startup packet layout")]
    Layout,
    #[error("unsupported frontend protocol {0}.{1}: server supports 3.0 to 3.2")]
    Version(u32, u32),
}

impl StartupError {
    /// The server's own for it.
    #[must_use]
    pub const fn sqlstate(&self) -> &'static str {
        match self {
            Self::Version(..) => "0A000",
            Self::Length | Self::Layout => "08P01",
        }
    }
}

/// Takes one startup packet from the front of `buffer`; `None` until it is whole.
///
/// # Errors
/// The client's mistake; the connection must end with it.
pub fn take(buffer: &mut BytesMut) -> Result<Option<Startup>, StartupError> {
    let Some(length) = buffer.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes) as usize) else {
        return Ok(None);
    };
    if !(8..=MAX_STARTUP).contains(&length) {
        return Err(StartupError::Length);
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let mut packet = buffer.split_to(length).freeze();
    packet.advance(4);
    let mut reader = Reader::new(packet);
    let code = reader.u32().map_err(|_| StartupError::Layout)?;
    match (code, code >> 16) {
        (SSL_REQUEST | GSS_REQUEST, _) => Ok(Some(Startup::Encryption)),
        (CANCEL_REQUEST, _) => cancel(&mut reader).map(Some).map_err(|_| StartupError::Layout),
        (_, MAJOR) => {
            let minor = (code & 0xffff) as u16;
            message(minor, reader).map(|message| Some(Startup::Start(message)))
        }
        (_, major) => Err(StartupError::Version(major, code & 0xffff)),
    }
}

fn cancel(reader: &mut Reader) -> Result<Startup, Short> {
    let key = CancelKey { process: reader.u32()?, secret: reader.u32()? };
    if reader.is_empty() { Ok(Startup::Cancel(key)) } else { Err(Short) }
}

fn message(minor: u16, mut reader: Reader) -> Result<StartupMessage, StartupError> {
    let mut message = StartupMessage { minor, ..StartupMessage::default() };
    loop {
        let name = text(reader.text())?;
        if name.is_empty() {
            break;
        }
        let value = text(reader.text())?;
        if name.starts_with("_pq_.") {
            message.extensions.push(name);
        } else {
            message.parameters.push((name, value));
        }
    }
    if reader.is_empty() { Ok(message) } else { Err(StartupError::Layout) }
}

fn text(bytes: Result<Bytes, Short>) -> Result<String, StartupError> {
    let bytes = bytes.map_err(|_| StartupError::Layout)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| StartupError::Layout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u32, body: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::new();
        bytes.extend_from_slice(&(body.len() as u32 + 8).to_be_bytes());
        bytes.extend_from_slice(&code.to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn parameters_and_extensions_are_told_apart() {
        let mut buffer = packet(196_608 + 2, b"user\0ana\0_pq_.trace\0on\0database\0shop\0\0");
        let Ok(Some(Startup::Start(message))) = take(&mut buffer) else { panic!("a good packet") };
        assert_eq!((message.minor, message.parameter("database")), (2, Some("shop")));
        assert_eq!(message.extensions, ["_pq_.trace"]);
    }

    #[test]
    fn a_version_that_is_not_spoken_is_answered_with_the_next_lower_one() {
        let spoken = [0, 1, 2, 3, 9999].map(|minor| StartupMessage { minor, ..Default::default() }.spoken());
        assert_eq!(spoken, [0, 0, 2, 2, 2]);
    }

    #[test]
    fn bad_packets_are_named_and_never_panic() {
        assert_eq!(take(&mut packet(196_608, b"user\0ana\0")), Err(StartupError::Layout));
        assert_eq!(take(&mut packet(196_608, b"\0junk")), Err(StartupError::Layout));
        assert_eq!(take(&mut packet(131_072, b"\0")), Err(StartupError::Version(2, 0)));
        assert_eq!(take(&mut BytesMut::from(&[0, 0, 0, 4][..])), Err(StartupError::Length));
        assert_eq!(take(&mut BytesMut::from(&[127, 0, 0, 0][..])), Err(StartupError::Length));
        assert_eq!(take(&mut packet(CANCEL_REQUEST, b"1234")), Err(StartupError::Layout));
        assert_eq!(take(&mut BytesMut::from(&[0, 0][..])), Ok(None));
    }

    #[test]
    fn encryption_requests_and_cancels_are_recognised() {
        assert_eq!(take(&mut packet(SSL_REQUEST, b"")), Ok(Some(Startup::Encryption)));
        let cancel = take(&mut packet(CANCEL_REQUEST, &[0, 0, 0, 7, 0, 0, 0, 9]));
        assert_eq!(cancel, Ok(Some(Startup::Cancel(CancelKey { process: 7, secret: 9 }))));
    }

    #[test]
    fn half_a_packet_is_waited_for_and_one_that_ends_early_is_a_mistake() {
        for whole in [
            packet(196_608 + 2, b"user\0ana\0_pq_.trace\0on\0options\0\0database\0shop\0\0"),
            packet(CANCEL_REQUEST, &[0, 0, 0, 7, 0, 0, 0, 9]),
            packet(SSL_REQUEST, b""),
            packet(GSS_REQUEST, b""),
        ] {
            for cut in 0..whole.len() {
                let mut half = BytesMut::from(&whole[..cut]);
                assert_eq!(take(&mut half), Ok(None), "cut at {cut}");
                assert_eq!(half[..], whole[..cut], "what is there stays");
                half.extend_from_slice(&whole[cut..]);
                assert!(matches!(take(&mut half), Ok(Some(_))), "the other half came, cut at {cut}");
                let mut short = BytesMut::from(&whole[..cut]);
                let Some(length) = short.first_chunk_mut() else { continue };
                *length = (cut as u32).to_be_bytes();
                let refused = take(&mut short);
                let is_refused = matches!(refused, Err(StartupError::Length | StartupError::Layout));
                assert!(is_refused, "{cut} bytes, as it says: {refused:?}");
            }
        }
    }
}
