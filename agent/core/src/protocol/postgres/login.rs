//! The agent's own login to a server: startup, SCRAM-SHA-256 (bound to the TLS connection where the server
//! can), md5 or a password that TLS protects, or the agent's certificate, and the parameters up to the first
//! ReadyForQuery. Sans-IO: bytes in, bytes out. It speaks protocol 3.2, where the server can: then nobody can
//! guess its cancel key.
//!
//! The server may be hostile: every length is capped, its iteration count too, and it must prove that it
//! knows the password, or have proved by its certificate who it is, before anything else of it is believed.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use postgres_protocol::authentication::{
    md5_hash,
    sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
};

use super::{
    answer::{put_message, put_text},
    frame::{FrameError, Framer, Message, Piece, Plan, Side},
    reader::{Reader, Short},
};

/// Longest message that a server may send before it is ready.
const MAX_MESSAGE: usize = 64 * 1024;

/// Most rounds of SCRAM that a server may ask for: its default is 4,096; this is half a second of work.
const MAX_ITERATIONS: u32 = 1_000_000;

/// Most parameters that a server may announce.
const MAX_PARAMETERS: usize = 256;

/// Longest secret of a cancel key, and the one that there was before 3.2.
const LONGEST_SECRET: usize = 256;
const OLD_SECRET: usize = 4;

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

/// The server's own cancel key. It never leaves the agent.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerKey {
    pub process: u32,
    secret: Bytes,
}

impl ServerKey {
    #[must_use]
    pub const fn new(process: u32, secret: Bytes) -> Self {
        Self { process, secret }
    }

    /// The request to cancel what runs under it.
    #[must_use]
    pub fn request(&self) -> Bytes {
        const CANCEL: u32 = 80_877_102;
        let mut out = BytesMut::with_capacity(12 + self.secret.len());
        out.put_u32(u32::try_from(12 + self.secret.len()).unwrap_or(u32::MAX));
        out.put_u32(CANCEL);
        out.put_u32(self.process);
        out.put_slice(&self.secret);
        out.freeze()
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({}, {} bytes)", self.process, self.secret.len())
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

/// What the login needs to know.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    pub database: String,
    pub password: String,
    pub encrypted: Encryption,
}

/// Whether the connection is encrypted, with a server that has proved its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    Tls {
        /// `tls-server-end-point` (RFC 5929), if the server's certificate has one.
        binding: Option<Vec<u8>>,
        /// We have proved by a certificate who we are.
        ours: OwnCertificate,
    },
    None,
}

/// Whether TLS has shown who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnCertificate {
    Shown,
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
        let (process, secret) = (reader.u32()?, reader.rest());
        let good = match self.protocol {
            Protocol::Newest => (OLD_SECRET..=LONGEST_SECRET).contains(&secret.len()),
            Protocol::Oldest => secret.len() == OLD_SECRET,
        };
        if !good {
            return Err(Short);
        }
        // A copy: a slice would keep the buffer that it came in.
        self.cancel_key = Some(ServerKey { process, secret: Bytes::copy_from_slice(&secret) });
        Ok(())
    }

    fn authentication(&mut self, body: Bytes) -> Result<(), LoginError> {
        let mut reader = Reader::new(body);
        let method = reader.u32().map_err(|Short| LoginError::Violation)?;
        match (method, std::mem::replace(&mut self.scram, Scram::Idle)) {
            // A server that trusts us proves nothing; it is refused unless the login has no password, or is
            // by certificates on both sides, since whoever answers on that address could then be anyone.
            (0, Scram::Proved) => self.scram = Scram::Proved,
            (0, Scram::Idle) if self.needs_no_password() => self.scram = Scram::Proved,
            (0, _) => return Err(LoginError::Unproved),
            (3, Scram::Idle) => self.clear_password()?,
            (10, Scram::Idle) => self.scram_first(reader.rest())?,
            (11, Scram::First(scram)) => self.scram_continue(scram, &reader.rest())?,
            (12, Scram::Final(mut scram)) => {
                scram.finish(&reader.rest()).map_err(|_| LoginError::Unproved)?;
                self.scram = Scram::Proved;
            }
            (5, Scram::Idle) => self.md5(&mut reader)?,
            (7..=9, _) => return Err(LoginError::Unsupported("GSSAPI or SSPI".to_owned())),
            _ => return Err(LoginError::Violation),
        }
        Ok(())
    }

    fn needs_no_password(&self) -> bool {
        let Credentials { password, encrypted, .. } = &self.credentials;
        password.is_empty() || matches!(encrypted, Encryption::Tls { ours: OwnCertificate::Shown, .. })
    }

    fn md5(&mut self, reader: &mut Reader) -> Result<(), LoginError> {
        let salt = reader.u32().map_err(|Short| LoginError::Violation)?.to_be_bytes();
        let Credentials { user, password, encrypted, .. } = &self.credentials;
        if *encrypted == Encryption::None {
            return Err(LoginError::PlainMd5);
        }
        let answer = md5_hash(user.as_bytes(), password.as_bytes(), salt);
        put_message(&mut self.out, b'p', |out| put_text(out, answer.as_bytes()));
        // The certificate has proved the server; AuthenticationOk follows.
        self.scram = Scram::Proved;
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
        let offers = |mechanism: &str| offered.iter().any(|name| name[..] == *mechanism.as_bytes());
        let binding = match &self.credentials.encrypted {
            Encryption::Tls { binding, .. } => binding.clone(),
            Encryption::None => None,
        };
        let (mechanism, binding) = match binding {
            Some(end_point) if offers(SCRAM_SHA_256_PLUS) => {
                (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(end_point))
            }
            _ if !offers(SCRAM_SHA_256) => {
                return Err(LoginError::Unsupported("SASL without SCRAM-SHA-256".to_owned()));
            }
            // It says that we could: whoever took the better mechanism out of the list is found out.
            Some(_) => (SCRAM_SHA_256, ChannelBinding::unrequested()),
            None => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        };
        let scram = ScramSha256::new(self.credentials.password.as_bytes(), binding);
        let first = Bytes::copy_from_slice(scram.message());
        put_message(&mut self.out, b'p', |out| {
            put_text(out, mechanism.as_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    const TLS: Encryption = Encryption::Tls { binding: None, ours: OwnCertificate::None };

    fn bound(ours: OwnCertificate) -> Encryption {
        Encryption::Tls { binding: Some(vec![7; 32]), ours }
    }

    /// What the answer to a message begins with, behind type and length.
    fn answer(login: &mut Login, message: Bytes) -> String {
        let _before = login.output();
        login.input(message).expect("a message that is taken");
        String::from_utf8_lossy(&login.output()[5..]).into_owned()
    }

    fn login(encrypted: Encryption) -> Login {
        let credentials = Credentials {
            user: "connect_agent".into(),
            database: "shop".into(),
            password: "correct horse".into(),
            encrypted,
        };
        let parameters = [("application_name".into(), "connect: ana".into())];
        Login::new(credentials, &parameters, Protocol::Newest)
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
        let refused = login(TLS).input(authentication(0, b""));
        assert_eq!(refused.map(|_| ()), Err(LoginError::Unproved));
    }

    #[test]
    fn a_login_is_bound_to_its_tls_connection_where_the_server_can() {
        let both = || authentication(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        let one = || authentication(10, b"SCRAM-SHA-256\0\0");
        let first = |encrypted, message| answer(&mut login(encrypted), message);
        let plus = first(bound(OwnCertificate::None), both());
        assert!(
            plus.starts_with("SCRAM-SHA-256-PLUS\0") && plus.contains("p=tls-server-end-point"),
            "{plus}"
        );
        let taken_out = first(bound(OwnCertificate::None), one());
        assert!(taken_out.starts_with("SCRAM-SHA-256\0") && taken_out.contains("y,,"), "{taken_out}");
        let without = first(TLS, both());
        assert!(without.starts_with("SCRAM-SHA-256\0") && without.contains("n,,"), "{without}");
        assert!(first(Encryption::None, both()).contains("n,,"));
        let only_plus = login(TLS).input(authentication(10, b"SCRAM-SHA-256-PLUS\0\0")).map(|_| ());
        assert!(matches!(only_plus, Err(LoginError::Unsupported(_))));
    }

    #[test]
    fn md5_is_answered_under_tls_only() {
        let asked = || authentication(5, &[1, 2, 3, 4]);
        assert!(answer(&mut login(TLS), asked()).starts_with("md5"));
        assert_eq!(login(Encryption::None).input(asked()).map(|_| ()), Err(LoginError::PlainMd5));
        assert_eq!(login(TLS).input(authentication(5, &[1])).map(|_| ()), Err(LoginError::Violation));
    }

    #[test]
    fn certificates_on_both_sides_are_proof_enough() {
        let mut with_ours = login(bound(OwnCertificate::Shown));
        assert!(with_ours.input(authentication(0, b"")).is_ok());
        let without = login(bound(OwnCertificate::None)).input(authentication(0, b""));
        assert_eq!(without.map(|_| ()), Err(LoginError::Unproved));
    }

    #[test]
    fn the_newest_protocol_is_asked_for_and_its_keys_are_long() {
        let message = |kind: u8, body: &[u8]| {
            let mut out = BytesMut::new();
            put_message(&mut out, kind, |out| out.put_slice(body));
            out.freeze()
        };
        let key = |secret: usize| message(b'K', &[&7_u32.to_be_bytes()[..], &vec![9; secret]].concat());
        let down = || message(b'v', &[0, 3, 0, 0, 0, 0, 0, 0]);
        let logged_in = |before: Option<Bytes>, secret: usize| {
            let mut login = login(bound(OwnCertificate::Shown));
            let startup = login.output();
            assert_eq!(startup.get(4..8), Some(&[0, 3, 0, 2][..]));
            for message in before.into_iter().chain([authentication(0, b""), key(secret)]) {
                login.input(message)?;
            }
            let done = login.input(message(b'Z', b"I"))?.expect("it is ready");
            Ok::<_, LoginError>(done.cancel_key.expect("a key").request().len())
        };
        assert_eq!(logged_in(None, 32), Ok(44));
        assert_eq!(logged_in(None, 256), Ok(268));
        assert_eq!(logged_in(Some(down()), 4), Ok(16));
        for (before, secret) in [(None, 3), (None, 257), (Some(down()), 32)] {
            assert_eq!(logged_in(before, secret), Err(LoginError::Violation), "{secret}");
        }
        let mut late = login(bound(OwnCertificate::Shown));
        late.input(authentication(0, b"")).expect("trusted");
        assert_eq!(late.input(down()).map(|_| ()), Err(LoginError::Violation));
    }

    #[test]
    fn messages_in_the_wrong_order_are_a_violation_and_never_a_login() {
        let parameter: &[u8] = b"S\0\0\0\x08a\0b\0";
        for early in [
            parameter,
            b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x02",
            b"Z\0\0\0\x05I",
            b"T\0\0\0\x06\0\0",
            b"1\0\0\0\x04",
        ] {
            let refused = login(TLS).input(Bytes::copy_from_slice(early));
            assert_eq!(refused.map(|_| ()), Err(LoginError::Violation), "{early:?}");
        }
        let mut twice = login(TLS);
        twice.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
        let again = twice.input(authentication(10, b"SCRAM-SHA-256\0\0"));
        assert_eq!(again.map(|_| ()), Err(LoginError::Violation));
        let mut clear = login(TLS);
        clear.input(authentication(3, b"")).expect("a password under TLS");
        assert_eq!(clear.input(authentication(5, &[1, 2, 3, 4])).map(|_| ()), Err(LoginError::Violation));
    }

    #[test]
    fn a_flood_of_parameters_or_a_giant_message_ends_the_login() {
        let mut flooded = login(bound(OwnCertificate::Shown));
        flooded.input(authentication(0, b"")).expect("trusted");
        let parameters = b"S\0\0\0\x08a\0b\0".repeat(MAX_PARAMETERS + 1);
        assert_eq!(flooded.input(Bytes::from(parameters)).map(|_| ()), Err(LoginError::Violation));
        for length in [0_u32, 3, 70_000, 0x7fff_ffff, u32::MAX] {
            let message = [&b"N"[..], &length.to_be_bytes()].concat();
            let refused = login(TLS).input(Bytes::from(message));
            assert!(matches!(refused, Err(LoginError::Frame(_))), "{length}");
        }
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
        let mut login = login(TLS);
        login.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
        let refused = login.input(authentication(11, b"r=x,s=YWJj,i=4000000000"));
        assert_eq!(refused.map(|_| ()), Err(LoginError::Iterations(4_000_000_000)));
    }

    #[test]
    fn a_server_that_skips_its_proof_is_not_believed() {
        let mut login = login(TLS);
        login.input(authentication(10, b"SCRAM-SHA-256\0\0")).expect("a known mechanism");
        assert_eq!(login.input(authentication(0, b"")).map(|_| ()), Err(LoginError::Unproved));
    }
}
