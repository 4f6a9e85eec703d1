//! The agent's own login to a server: startup, SCRAM-SHA-256 (bound to the TLS connection where the server
//! can), md5 or a password that TLS protects, or the agent's certificate, and the parameters up to the first
//! ReadyForQuery. Sans-IO: bytes in, bytes out. It speaks protocol 3.2, where the server can: then nobody can
//! guess its cancel key.
//!
//! The server may be hostile: every length is capped, its iteration count too, and it must prove that it
//! knows the password, or have proved by its certificate who it is ([`authentication`]), before anything else of
//! it is believed.

mod authentication;
mod cancel_key;
mod credentials;
#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes, BytesMut};

use self::authentication::{MAX_ITERATIONS, Scram};
pub use self::{
    cancel_key::ServerKey,
    credentials::{Credentials, Encryption, OwnCertificate},
};
use super::{
    answer::put_text,
    frame::{FrameError, Framer, Message, Piece, Plan, Side},
    reader::{Reader, Short},
};

/// Longest message that a server may send before it is ready.
const MAX_MESSAGE: usize = 64 * 1024;

/// Most parameters that a server may announce.
const MAX_PARAMETERS: usize = 256;

/// What is spoken with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// 3.2, or what the server says that it speaks.
    Newest,
    /// 3.0: for what stands before a server and does not know how to say so.
    Oldest,
}

impl Protocol {
    const fn number(self) -> u32 {
        match self {
            Self::Newest => 3 << 16 | 2,
            Self::Oldest => 3 << 16,
        }
    }
}

/// Why a login failed. Texts of the server are kept: they are for the agent's operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the database refused the login: {message} (SQLSTATE {sqlstate})")]
    Refused { sqlstate: String, message: String },
    #[error("the database asked for an authentication method that is not supported: {0}")]
    Unsupported(String),
    #[error("the database asked for the password in clear on a connection without encryption")]
    ClearPassword,
    #[error(
        "the database asked for md5 authentication on a connection without encryption, where its answer \
         could be anyone's: use SCRAM-SHA-256, or TLS"
    )]
    PlainMd5,
    #[error("the database did not prove that it knows the password")]
    Unproved,
    #[error("the database asked for {0} SCRAM iterations, over the limit of {MAX_ITERATIONS}")]
    Iterations(u32),
    #[error("the database broke the protocol during login")]
    Violation,
}

/// A login that has come to its end.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub parameters: Vec<(Bytes, Bytes)>,
    /// The server's own cancel key.
    pub cancel_key: Option<ServerKey>,
}

/// A login on its way.
pub struct Login {
    framer: Framer,
    credentials: Credentials,
    scram: Scram,
    parameters: Vec<(Bytes, Bytes)>,
    cancel_key: Option<ServerKey>,
    protocol: Protocol,
    /// The server has understood our first message.
    began: bool,
    out: BytesMut,
}

impl Login {
    /// Starts a login; `parameters` go beside user and database into the startup message.
    #[must_use]
    pub fn new(credentials: Credentials, parameters: &[(String, String)], protocol: Protocol) -> Self {
        let mut out = BytesMut::new();
        put_startup(&mut out, &credentials, parameters, protocol);
        Self {
            framer: Framer::new(Side::Server),
            credentials,
            scram: Scram::Idle,
            parameters: Vec::new(),
            cancel_key: None,
            protocol,
            began: false,
            out,
        }
    }

    /// Bytes for the server.
    pub fn output(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// Whether the server has understood our first message, so that it is not the protocol that it minds.
    #[must_use]
    pub const fn has_begun(&self) -> bool {
        self.began
    }

    /// Takes bytes of the server, for [`Self::advance`].
    pub fn push(&mut self, bytes: Bytes) {
        self.framer.push(bytes);
    }

    /// Takes bytes and goes on by them, as [`Self::advance`] does.
    ///
    /// # Errors
    /// The login failed; the connection must be closed.
    pub fn input(&mut self, bytes: Bytes) -> Result<Option<LoggedIn>, LoginError> {
        self.push(bytes);
        self.advance()
    }

    /// Whether the next step may be work: a password is stretched as often as the server says, up to half a second of
    /// a processor's time.
    #[must_use]
    pub fn may_take_long(&self) -> bool {
        matches!(self.scram, Scram::First(_)) && self.framer.has_whole(b"R")
    }

    /// Goes on by what the server has said; `Some` once it is ready. No byte after ReadyForQuery may have come:
    /// nothing was asked yet.
    ///
    /// # Errors
    /// The login failed; the connection must be closed.
    pub fn advance(&mut self) -> Result<Option<LoggedIn>, LoginError> {
        while let Some(piece) = self.framer.next(|_, _| Plan::Whole(MAX_MESSAGE))? {
            let Piece::Message(message) = piece else { return Err(LoginError::Violation) };
            if self.message(&message)? {
                if self.framer.buffered() > 0 {
                    return Err(LoginError::Violation);
                }
                let parameters = std::mem::take(&mut self.parameters);
                return Ok(Some(LoggedIn { parameters, cancel_key: self.cancel_key.take() }));
            }
        }
        Ok(None)
    }

    fn message(&mut self, message: &Message) -> Result<bool, LoginError> {
        let body = message.body();
        match message.kind {
            b'E' => return Err(refusal(body)),
            b'N' => {}
            // It knows no newer one than 3.0: there never was a 3.1. Of extensions we ask for none.
            b'v' if !self.began => self.protocol = Protocol::Oldest,
            b'R' => {
                self.began = true;
                self.authentication(body)?;
            }
            b'S' if self.is_proved() => self.parameter(body).map_err(|Short| LoginError::Violation)?,
            b'K' if self.is_proved() => {
                let key = ServerKey::read(body, self.protocol).map_err(|Short| LoginError::Violation)?;
                self.cancel_key = Some(key);
            }
            b'Z' if self.is_proved() => return Ok(true),
            _ => return Err(LoginError::Violation),
        }
        Ok(false)
    }

    const fn is_proved(&self) -> bool {
        matches!(self.scram, Scram::Proved)
    }

    fn parameter(&mut self, body: Bytes) -> Result<(), Short> {
        let mut reader = Reader::new(body);
        let parameter = (reader.text()?, reader.text()?);
        if self.parameters.len() >= MAX_PARAMETERS {
            return Err(Short);
        }
        self.parameters.push(parameter);
        Ok(())
    }
}

fn put_startup(
    out: &mut BytesMut,
    credentials: &Credentials,
    parameters: &[(String, String)],
    protocol: Protocol,
) {
    let mut body = BytesMut::new();
    body.put_u32(protocol.number());
    let own = [("user", credentials.user.as_str()), ("database", credentials.database.as_str())];
    let asked = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in own.into_iter().chain(asked) {
        put_text(&mut body, name.as_bytes());
        put_text(&mut body, value.as_bytes());
    }
    body.put_u8(0);
    out.put_u32(u32::try_from(body.len() + 4).unwrap_or(u32::MAX));
    out.put_slice(&body);
}

fn refusal(body: Bytes) -> LoginError {
    let mut reader = Reader::new(body);
    let (mut sqlstate, mut message) = (String::new(), String::new());
    while let Ok(field @ 1..) = reader.u8() {
        let Ok(text) = reader.text() else { return LoginError::Violation };
        let text = String::from_utf8_lossy(&text).into_owned();
        match field {
            b'C' => sqlstate = text,
            b'M' => message = text,
            _ => {}
        }
    }
    LoginError::Refused { sqlstate, message }
}
