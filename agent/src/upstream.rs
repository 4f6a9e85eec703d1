//! The way to a database: dial, encrypt, log in. The only place that holds a database's password.

mod read_ahead;
mod trust;

use std::{
    fmt, io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use connect_core::{
    machine::CancelKey,
    protocol::postgres::login::{Credentials, Encryption, Login, LoginError},
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use self::read_ahead::ReadAhead;
pub use self::trust::client_tls;

/// How long dialling and logging in may take together.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long a cancel request may take.
const CANCEL_TIME: Duration = Duration::from_secs(5);

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
}

/// A text that is never printed.
#[derive(Clone)]
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

/// Why a database cannot be reached. For the operator; a client hears less.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("cannot reach {host}:{port}: {source}")]
    Dial { host: String, port: u16, source: io::Error },
    #[error("the database at {0} did not answer in time")]
    Timeout(String),
    #[error("the database does not offer TLS; `tls = \"disable\"` is only for loopback addresses")]
    NoTls,
    #[error("the database answered the TLS request with something else")]
    NotPostgres,
    #[error("TLS to the database failed: {0}")]
    Tls(io::Error),
    #[error("`{0}` is not a host name that a certificate can prove")]
    HostName(String),
    #[error("cannot read the CA file {path}: {reason}")]
    CaFile { path: PathBuf, reason: String },
    #[error("the system's certificate store has no usable certificate")]
    NoSystemRoots,
    #[error(transparent)]
    TlsConfig(#[from] rustls::Error),
    #[error(transparent)]
    Login(#[from] LoginError),
    #[error("the connection to the database broke: {0}")]
    Io(#[from] io::Error),
}

/// A connection to a database, encrypted or not.
#[derive(Debug)]
pub enum UpstreamStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<ReadAhead>>),
}

/// A database that is logged in and idle.
#[derive(Debug)]
pub struct Upstream {
    pub stream: UpstreamStream,
    pub parameters: Vec<(Bytes, Bytes)>,
    /// The server's own cancel key; it never leaves the agent.
    pub cancel_key: Option<CancelKey>,
}

/// Dials a database and logs in, with these startup parameters beside user and database.
///
/// # Errors
/// Whatever keeps the agent out; nothing of it is retried.
pub async fn connect(
    config: &UpstreamConfig,
    parameters: &[(String, String)],
) -> Result<Upstream, UpstreamError> {
    let attempt = async {
        let stream = dial(config).await?;
        log_in(config, parameters, stream).await
    };
    match timeout(CONNECT_TIME, attempt).await {
        Ok(result) => result,
        Err(_) => Err(UpstreamError::Timeout(format!("{}:{}", config.host, config.port))),
    }
}

async fn dial(config: &UpstreamConfig) -> Result<UpstreamStream, UpstreamError> {
    let unreachable = |source| UpstreamError::Dial { host: config.host.clone(), port: config.port, source };
    let tcp = TcpStream::connect((config.host.as_str(), config.port)).await.map_err(unreachable)?;
    tcp.set_nodelay(true)?;
    match client_tls(&config.tls)? {
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
    let tcp = ReadAhead::new(tcp);
    let stream = TlsConnector::from(tls).connect(name, tcp).await.map_err(UpstreamError::Tls)?;
    Ok(UpstreamStream::Tls(Box::new(stream)))
}

async fn log_in(
    config: &UpstreamConfig,
    parameters: &[(String, String)],
    mut stream: UpstreamStream,
) -> Result<Upstream, UpstreamError> {
    let credentials = Credentials {
        user: config.user.clone(),
        database: config.database.clone(),
        password: config.password.0.clone(),
        encrypted: match stream {
            UpstreamStream::Plain(_) => Encryption::None,
            UpstreamStream::Tls(_) => Encryption::Tls,
        },
    };
    let mut login = Login::new(credentials, parameters);
    let mut buffer = BytesMut::new();
    loop {
        stream.write_all(&login.output()).await?;
        stream.flush().await?;
        buffer.reserve(4096);
        if stream.read_buf(&mut buffer).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        if let Some(done) = login.input(buffer.split().freeze())? {
            return Ok(Upstream { stream, parameters: done.parameters, cancel_key: done.cancel_key });
        }
    }
}

/// Sends a cancel request for what runs under the server's own `key`.
///
/// # Errors
/// The database cannot be reached; whether something was cancelled is never known.
pub async fn cancel(config: &UpstreamConfig, key: CancelKey) -> Result<(), UpstreamError> {
    let attempt = async {
        let mut stream = dial(config).await?;
        let mut request = Vec::with_capacity(16);
        request.extend(16u32.to_be_bytes());
        request.extend(80_877_102u32.to_be_bytes());
        request.extend(key.process.to_be_bytes());
        request.extend(key.secret.to_be_bytes());
        stream.write_all(&request).await?;
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

impl AsyncRead for UpstreamStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for UpstreamStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
