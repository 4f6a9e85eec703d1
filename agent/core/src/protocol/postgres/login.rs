//! The agent's own login to a server: startup, SCRAM-SHA-256 or a password that TLS protects, and the
//! parameters up to the first ReadyForQuery. Sans-IO: bytes in, bytes out.
//!
//! The server may be hostile: every length is capped, its iteration count too, and it must prove that it
//! knows the password before anything else of it is believed.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};

use super::{
    answer::{put_message, put_text},
    frame::{FrameError, Framer, Message, Piece, Plan, Side},
    reader::{Reader, Short},
};
use crate::machine::CancelKey;

/// Longest message that a server may send before it is ready.
const MAX_MESSAGE: usize = 64 * 1024;

/// Most rounds of SCRAM that a server may ask for: its default is 4,096; this is half a second of work.
const MAX_ITERATIONS: u32 = 1_000_000;

/// Most parameters that a server may announce.
const MAX_PARAMETERS: usize = 256;

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
    #[error("the database did not prove that it knows the password")]
    Unproved,
    #[error("the database asked for {0} SCRAM iterations, over the limit of {MAX_ITERATIONS}")]
    Iterations(u32),
    #[error("the database broke the protocol during login")]
    Violation,
}

/// What the login needs to know.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    pub database: String,
    pub password: String,
    /// TLS protects the connection.
    pub encrypted: Encryption,
}

/// Whether the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    Tls,
    None,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A login that has come to its end.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    pub parameters: Vec<(Bytes, Bytes)>,
    /// The server's own cancel key.
    pub cancel_key: Option<CancelKey>,
}

/// A login on its way.
pub struct Login {
    framer: Framer,
    credentials: Credentials,
    scram: Scram,
    parameters: Vec<(Bytes, Bytes)>,
    cancel_key: Option<CancelKey>,
    out: BytesMut,
}

enum Scram {
    /// Nothing was asked yet.
    Idle,
    /// Our first message is on its way.
    First(ScramSha256),
    /// Our proof is on its way.
    Final(ScramSha256),
    /// Authentication is over.
    Proved,
}

impl Login {
    /// Starts a login; `parameters` go beside user and database into the startup message.
    #[must_use]
    pub fn new(credentials: Credentials, parameters: &[(String, String)]) -> Self {
        let mut out = BytesMut::new();
        put_startup(&mut out, &credentials, parameters);
        Self {
            framer: Framer::new(Side::Server),
            credentials,
            scram: Scram::Idle,
            parameters: Vec::new(),
            cancel_key: None,
            out,
        }
    }

    /// Bytes for the server.
    pub fn output(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    /// Takes bytes of the server; `Some` once it is ready. No byte after ReadyForQuery may have come:
    /// nothing was asked yet.
    ///
    /// # Errors
    /// The login failed; the connection must be closed.
    pub fn input(&mut self, bytes: Bytes) -> Result<Option<LoggedIn>, LoginError> {
        self.framer.push(bytes);
        while let Some(piece) = self.framer.next(|_, _| Plan::Whole(MAX_MESSAGE))? {
            let Piece::Message(message) = piece else { return Err(LoginError::Violation) };
            if self.message(&message)? {
                if self.framer.buffered() > 0 {
                    return Err(LoginError::Violation);
                }
                let parameters = std::mem::take(&mut self.parameters);
                return Ok(Some(LoggedIn { parameters, cancel_key: self.cancel_key }));
            }
        }
        Ok(None)
    }

    fn message(&mut self, message: &Message) -> Result<bool, LoginError> {
        let body = message.body();
        match message.kind {
            b'E' => return Err(refusal(body)),
            b'N' | b'v' => {}
            b'R' => self.authentication(body)?,
            b'S' if self.is_proved() => self.parameter(body).map_err(|Short| LoginError::Violation)?,
            b'K' if self.is_proved() => self.key(body).map_err(|Short| LoginError::Violation)?,
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

    fn key(&mut self, body: Bytes) -> Result<(), Short> {
        let mut reader = Reader::new(body);
        self.cancel_key = Some(CancelKey { process: reader.u32()?, secret: reader.u32()? });
        Ok(())
    }

    fn authentication(&mut self, body: Bytes) -> Result<(), LoginError> {
        let mut reader = Reader::new(body);
        let method = reader.u32().map_err(|Short| LoginError::Violation)?;
        match (method, std::mem::replace(&mut self.scram, Scram::Idle)) {
            // A server that trusts us proves nothing; it is refused unless the login has no password,
            // since whoever answers on that address could then be anyone.
            (0, Scram::Proved) => self.scram = Scram::Proved,
            (0, Scram::Idle) if self.credentials.password.is_empty() => self.scram = Scram::Proved,
            (0, _) => return Err(LoginError::Unproved),
            (3, Scram::Idle) => self.clear_password()?,
            (10, Scram::Idle) => self.scram_first(reader.rest())?,
            (11, Scram::First(scram)) => self.scram_continue(scram, &reader.rest())?,
            (12, Scram::Final(mut scram)) => {
                scram.finish(&reader.rest()).map_err(|_| LoginError::Unproved)?;
                self.scram = Scram::Proved;
            }
            (5, _) => return Err(LoginError::Unsupported("md5".to_owned())),
            (7..=9, _) => return Err(LoginError::Unsupported("GSSAPI or SSPI".to_owned())),
            _ => return Err(LoginError::Violation),
        }
        Ok(())
    }

    fn clear_password(&mut self) -> Result<(), LoginError> {
        if self.credentials.encrypted == Encryption::None {
            return Err(LoginError::ClearPassword);
        }
        let password = self.credentials.password.clone();
        put_message(&mut self.out, b'p', |out| put_text(out, password.as_bytes()));
        // The certificate has proved the server; AuthenticationOk follows.
        self.scram = Scram::Proved;
        Ok(())
    }

    fn scram_first(&mut self, mechanisms: Bytes) -> Result<(), LoginError> {
        let mut reader = Reader::new(mechanisms);
        let mut offered = Vec::new();
        loop {
            let name = reader.text().map_err(|Short| LoginError::Violation)?;
            if name.is_empty() {
                break;
            }
            offered.push(name);
        }
        if !offered.iter().any(|name| name[..] == *SCRAM_SHA_256.as_bytes()) {
            return Err(LoginError::Unsupported("SASL without SCRAM-SHA-256".to_owned()));
        }
        let scram = ScramSha256::new(self.credentials.password.as_bytes(), ChannelBinding::unsupported());
        let first = Bytes::copy_from_slice(scram.message());
        put_message(&mut self.out, b'p', |out| {
            put_text(out, SCRAM_SHA_256.as_bytes());
            out.put_u32(u32::try_from(first.len()).unwrap_or(0));
            out.put_slice(&first);
        });
        self.scram = Scram::First(scram);
        Ok(())
    }

    fn scram_continue(&mut self, mut scram: ScramSha256, data: &[u8]) -> Result<(), LoginError> {
        check_iterations(data)?;
        scram.update(data).map_err(|_| LoginError::Violation)?;
        let proof = Bytes::copy_from_slice(scram.message());
        put_message(&mut self.out, b'p', |out| out.put_slice(&proof));
        self.scram = Scram::Final(scram);
        Ok(())
    }
}

/// The work is done before the server has proved anything, so its amount is ours to cap.
fn check_iterations(data: &[u8]) -> Result<(), LoginError> {
    let text = std::str::from_utf8(data).map_err(|_| LoginError::Violation)?;
    let count = text.split(',').find_map(|part| part.strip_prefix("i=")).ok_or(LoginError::Violation)?;
    match count.parse::<u32>() {
        Ok(count) if count <= MAX_ITERATIONS => Ok(()),
        Ok(count) => Err(LoginError::Iterations(count)),
        Err(_) => Err(LoginError::Violation),
    }
}

fn put_startup(out: &mut BytesMut, credentials: &Credentials, parameters: &[(String, String)]) {
    let mut body = BytesMut::new();
    body.put_u32(196_608);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn login(encrypted: Encryption) -> Login {
        let credentials = Credentials {
            user: "connect_agent".into(),
            database: "shop".into(),
            password: "correct horse".into(),
            encrypted,
        };
        Login::new(credentials, &[("application_name".into(), "connect: ana".into())])
    }

    fn authentication(method: u32, data: &[u8]) -> Bytes {
        let mut out = BytesMut::new();
        put_message(&mut out, b'R', |out| {
            out.put_u32(method);
            out.put_slice(data);
        });
        out.freeze()
    }

    #[test]
    fn a_server_that_asks_for_no_proof_is_not_believed() {
        let refused = login(Encryption::Tls).input(authentication(0, b""));
        assert_eq!(refused.map(|_| ()), Err(LoginError::Unproved));
    }

    #[test]
    fn the_password_is_never_sent_in_clear_without_tls() {
        let mut login = login(Encryption::None);
        let _startup = login.output();
        let refused = login.input(authentication(3, b""));
        assert_eq!(refused.map(|_| ()), Err(LoginError::ClearPassword));
        assert!(login.output().is_empty());
    }

    #[test]
    fn a_server_cannot_ask_for_endless_work() {
        let mut login = login(Encryption::Tls);
        login.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
        let refused = login.input(authentication(11, b"r=x,s=YWJj,i=4000000000"));
        assert_eq!(refused.map(|_| ()), Err(LoginError::Iterations(4_000_000_000)));
    }

    #[test]
    fn a_server_that_skips_its_proof_is_not_believed() {
        let mut login = login(Encryption::Tls);
        login.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
        assert_eq!(login.input(authentication(0, b"")).map(|_| ()), Err(LoginError::Unproved));
    }
}
