//! The way to a database: dial, encrypt, log in. The only place that holds a database's password.

mod error;
mod pooling;
mod protocol;
mod role;
mod session;
mod stream;
mod tls;
mod trust;
mod way;

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use connect_core::protocol::postgres::{
    login::{Credentials, Encryption, LoggedIn, Login, OwnCertificate, Protocol, ServerKey},
    question::Question,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use self::tls::Encrypted;
pub use self::{
    error::UpstreamError,
    role::ROLE,
    session::SessionAttributes,
    stream::UpstreamStream,
    trust::client_tls,
    way::{ClientCertificate, Place, Way},
};
use crate::shards;

/// What is asked of a server before a client is let to it.
pub(crate) fn own_questions() -> impl Iterator<Item = String> {
    let texts = [pooling::PROCESS, role::WHOSE_RIGHTS, session::STATE].into_iter();
    texts.flat_map(|texts| texts.split(';')).map(|text| text.trim().to_owned())
}

/// How long a cancel request may take.
const CANCEL_TIME: Duration = Duration::from_secs(5);

/// How long the last words to a server may take.
const LEAVE_TIME: Duration = Duration::from_secs(1);

const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F];

/// How to reach one database.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    pub password: Secret,
    pub tls: UpstreamTls,
    pub way: Way,
}

impl UpstreamConfig {
    /// Hosts in the order in which they are tried.
    pub fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let first = Place { host: self.host.clone(), port: self.port };
        std::iter::once(first).chain(self.way.others.iter().cloned())
    }

    /// All of them, for people.
    #[must_use]
    pub fn listed(&self) -> String {
        self.places().map(|place| place.to_string()).collect::<Vec<_>>().join(",")
    }

    /// The same with this host only.
    #[must_use]
    pub fn at(&self, place: &Place) -> Self {
        let way = Way { others: Vec::new(), ..self.way.clone() };
        Self { host: place.host.clone(), port: place.port, way, ..self.clone() }
    }
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// Encryption of the way to the database.
#[derive(Debug, Clone)]
pub enum UpstreamTls {
    /// Only for loopback addresses.
    Disable,
    /// The certificate must be valid for the host, from this CA file or the system's.
    VerifyFull { ca_file: Option<PathBuf> },
}

/// A database that is logged in and idle.
#[derive(Debug)]
pub struct Upstream {
    pub stream: UpstreamStream,
    pub parameters: Vec<(Bytes, Bytes)>,
    /// The server's own cancel key; it never leaves the agent.
    pub cancel_key: Option<ServerKey>,
    /// Where it is, of several hosts.
    pub place: Place,
}

impl Upstream {
    /// Takes leave in order: a server logs those who just go away.
    pub async fn leave(mut self) {
        let words = async {
            let _gone = self.stream.write_all(&TERMINATE).await;
            let _gone = self.stream.shutdown().await;
        };
        let _too_slow = timeout(LEAVE_TIME, words).await;
    }
}

/// Dials a database and logs in, with these startup parameters beside user and database: at the first host
/// that is there and is what is asked for.
///
/// # Errors
/// Whatever keeps the agent out; nothing of it is retried at the same host.
pub async fn connect(
    config: &UpstreamConfig,
    parameters: &[(String, String)],
) -> Result<Upstream, UpstreamError> {
    let wanted = config.way.attributes;
    let (mut spare, mut failure) = (None, None);
    for place in config.places() {
        match connect_at(&config.at(&place), &place, parameters).await {
            Ok((upstream, session::Fit::Good)) => return Ok(upstream),
            Ok((upstream, session::Fit::Spare)) => spare = spare.or(Some(upstream)),
            Ok((_, session::Fit::Bad)) => {
                failure = failure.or(Some(UpstreamError::NoneWanted(wanted.describe())));
            }
            Err(error) if error.is_of_the_host() => failure = Some(error),
            Err(error) => return Err(error),
        }
    }
    match (spare, failure) {
        (Some(upstream), _) => Ok(upstream),
        (None, Some(error)) => Err(error),
        (None, None) => Err(UpstreamError::NoneWanted(wanted.describe())),
    }
}

async fn connect_at(
    config: &UpstreamConfig,
    place: &Place,
    parameters: &[(String, String)],
) -> Result<(Upstream, session::Fit), UpstreamError> {
    let attempt = async {
        let mut upstream = enter(config, parameters, place).await?;
        let fit = config.way.attributes.fit(&mut upstream).await?;
        if fit != session::Fit::Bad {
            pooling::check(config, &mut upstream).await?;
            role::check(&mut upstream, parameters).await?;
        }
        Ok((upstream, fit))
    };
    match timeout(config.way.connect_time, attempt).await {
        Ok(result) => result,
        Err(_) => Err(UpstreamError::Timeout(place.to_string())),
    }
}

async fn dial(config: &UpstreamConfig) -> Result<UpstreamStream, UpstreamError> {
    let unreachable = |source| UpstreamError::Dial { host: config.host.clone(), port: config.port, source };
    let tcp = TcpStream::connect((config.host.as_str(), config.port)).await.map_err(unreachable)?;
    tcp.set_nodelay(true)?;
    way::keep_alive(&tcp);
    match client_tls(&config.tls, config.way.certificate.as_ref())? {
        None => Ok(UpstreamStream::Plain(tcp)),
        Some(tls) => encrypt(config, tcp, tls).await,
    }
}

async fn encrypt(
    config: &UpstreamConfig,
    mut tcp: TcpStream,
    tls: Arc<rustls::ClientConfig>,
) -> Result<UpstreamStream, UpstreamError> {
    tcp.write_all(&SSL_REQUEST).await?;
    // One byte and no more: whatever else came before TLS would be an attacker's.
    match tcp.read_u8().await? {
        b'S' => {}
        b'N' => return Err(UpstreamError::NoTls),
        _ => return Err(UpstreamError::NotPostgres),
    }
    let name = ServerName::try_from(config.host.clone())
        .map_err(|_| UpstreamError::HostName(config.host.clone()))?;
    let stream = Encrypted::connect(tls, name, tcp).await.map_err(UpstreamError::Tls)?;
    Ok(UpstreamStream::Tls(Box::new(stream)))
}

/// Dials and logs in. What stands before a server may know protocol 3.0 and no way to say so: then that is
/// spoken.
async fn enter(
    config: &UpstreamConfig,
    parameters: &[(String, String)],
    place: &Place,
) -> Result<Upstream, UpstreamError> {
    let protocol = protocol::known(place);
    match log_in(config, parameters, place, protocol).await {
        Err(Turned::AtFirst(error)) if protocol == Protocol::Newest && protocol::minds(&error) => {
            let older = log_in(config, parameters, place, Protocol::Oldest).await;
            let upstream = older.map_err(Turned::into_error)?;
            protocol::learn(place);
            Ok(upstream)
        }
        outcome => outcome.map_err(Turned::into_error),
    }
}

/// Why a login came to nothing.
enum Turned {
    /// The server has not even begun to ask who comes.
    AtFirst(UpstreamError),
    Later(UpstreamError),
}

impl Turned {
    fn into_error(self) -> UpstreamError {
        match self {
            Self::AtFirst(error) | Self::Later(error) => error,
        }
    }
}

async fn log_in(
    config: &UpstreamConfig,
    parameters: &[(String, String)],
    place: &Place,
    protocol: Protocol,
) -> Result<Upstream, Turned> {
    let mut stream = dial(config).await.map_err(Turned::Later)?;
    let mut login = Login::new(credentials(config, &stream), parameters, protocol);
    match converse(&mut login, &mut stream).await {
        Ok(done) => {
            let LoggedIn { parameters, cancel_key } = done;
            Ok(Upstream { stream, parameters, cancel_key, place: place.clone() })
        }
        Err(error) if login.has_begun() => Err(Turned::Later(error)),
        Err(error) => Err(Turned::AtFirst(error)),
    }
}

fn credentials(config: &UpstreamConfig, stream: &UpstreamStream) -> Credentials {
    Credentials {
        user: config.user.clone(),
        database: config.database.clone(),
        password: config.password.0.clone(),
        encrypted: match stream {
            UpstreamStream::Plain(_) => Encryption::None,
            UpstreamStream::Tls(stream) => Encryption::Tls {
                binding: trust::end_point(stream.state()),
                ours: match config.way.certificate {
                    Some(_) => OwnCertificate::Shown,
                    None => OwnCertificate::None,
                },
            },
        },
    }
}

async fn converse(login: &mut Login, stream: &mut UpstreamStream) -> Result<LoggedIn, UpstreamError> {
    let mut buffer = BytesMut::new();
    loop {
        stream.write_all(&login.output()).await?;
        stream.flush().await?;
        buffer.reserve(4096);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        login.push(buffer.split().freeze());
        let done = if login.may_take_long() { shards::away(|| login.advance()) } else { login.advance() };
        if let Some(done) = done? {
            return Ok(done);
        }
    }
}

/// Asks a question of the agent's own.
async fn ask(stream: &mut UpstreamStream, sql: &str) -> Result<Vec<Option<Bytes>>, UpstreamError> {
    let mut question = Question::new(sql);
    stream.write_all(&question.output()).await?;
    stream.flush().await?;
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(1024);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if let Some(row) = question.input(buffer.split().freeze())? {
            return Ok(row);
        }
    }
}

/// Sends a cancel request for what runs under the server's own `key`.
///
/// # Errors
/// The database cannot be reached; whether something was cancelled is never known.
pub async fn cancel(config: &UpstreamConfig, key: &ServerKey) -> Result<(), UpstreamError> {
    let attempt = async {
        let mut stream = dial(config).await?;
        stream.write_all(&key.request()).await?;
        stream.flush().await?;
        // The server closes when it has passed the signal on.
        let mut rest = [0u8; 64];
        while matches!(stream.read(&mut rest).await, Ok(1..)) {}
        Ok(())
    };
    match timeout(CANCEL_TIME, attempt).await {
        Ok(result) => result,
        Err(_) => Err(UpstreamError::Timeout(format!("{}:{}", config.host, config.port))),
    }
}
