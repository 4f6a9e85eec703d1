//! The catalog's own way to the database: a connection that only reads.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, Config, NoTls, config::SslMode, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::upstream::{self, UpstreamConfig, UpstreamError, client_tls};

/// Settings of the session. Names mean `pg_catalog`'s objects only; nothing can be written; a policy of
/// row security is not evaluated (it may run anybody's code) but is an error.
pub(super) const SESSION: &str = "SET search_path = pg_catalog; \
    SET default_transaction_read_only = on; \
    SET row_security = off; \
    SET statement_timeout = '15s'; \
    SET lock_timeout = '1s'; \
    SET idle_in_transaction_session_timeout = '60s'; \
    SET constraint_exclusion = off; \
    SET bytea_output = 'hex'; \
    SET DateStyle = 'ISO'";

/// The number of the server's process, as the log has it.
pub(super) const PROCESS: &str = "SELECT pg_backend_pid()";

/// Why the catalog could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Tls(#[from] UpstreamError),
    #[error("the database did not answer in time")]
    Timeout,
    #[error("{}", describe(.0))]
    Database(#[from] tokio_postgres::Error),
    #[error("the database has more than {0} columns, which is more than the agent holds")]
    TooLarge(usize),
    #[error("the log is closed: {0}")]
    Log(String),
}

impl ReadError {
    /// Whether somebody has locked what was asked about.
    pub(super) fn is_lock(&self) -> bool {
        matches!(self, Self::Database(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE))
    }

    /// Whether the connection may be used again.
    pub(super) fn keeps_connection(&self) -> bool {
        matches!(self, Self::Log(_))
    }
}

/// Code and primary message of the server, or what went wrong before it could speak. Detail and context
/// may quote values and stay out.
fn describe(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(server), _) => format!("{} ({})", server.message(), server.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

/// A connection that ends when it is dropped.
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The server's process for it.
    pub(crate) process: u32,
    pump: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl Connection {
    /// Dials, logs in and makes the session safe to read with.
    pub(crate) async fn open(upstream: &UpstreamConfig) -> Result<Self, ReadError> {
        let each = upstream.way.connect_time;
        let all = upstream.places().fold(Duration::ZERO, |time, _| time + each);
        let mut connection = timeout(all, Self::dial(upstream)).await.map_err(|_| ReadError::Timeout)??;
        connection.client.batch_execute(SESSION).await?;
        let process = connection.client.query_one(PROCESS, &[]).await?;
        connection.process = u32::try_from(process.get::<_, i32>(0)).unwrap_or_default();
        Ok(connection)
    }

    /// The same where somebody else may answer in the server's place. The driver takes messages of any length,
    /// so that a server is let speak to it only after it has proved itself to the agent's own login.
    /// `login` hears of each login by its process at the server.
    pub(crate) async fn open_proved(
        upstream: &UpstreamConfig,
        login: impl Fn(u32) -> Result<(), ReadError>,
    ) -> Result<Self, ReadError> {
        // A socket in a folder is this machine's own.
        if upstream.host.starts_with('/') {
            let connection = Self::open(upstream).await?;
            login(connection.process)?;
            return Ok(connection);
        }
        let proved = upstream::connect(upstream, &[]).await?;
        if let Some(key) = &proved.cancel_key {
            login(key.process)?;
        }
        let there = upstream.at(&proved.place);
        proved.leave().await;
        let connection = Self::open(&there).await?;
        login(connection.process)?;
        Ok(connection)
    }

    async fn dial(upstream: &UpstreamConfig) -> Result<Self, ReadError> {
        let mut config = Config::new();
        for place in upstream.places() {
            config.host(&place.host).port(place.port);
        }
        config
            .dbname(&upstream.database)
            .user(&upstream.user)
            .password(&upstream.password.0)
            .connect_timeout(upstream.way.connect_time)
            .application_name("connect-agent catalog");
        match client_tls(&upstream.tls, upstream.way.certificate.as_ref())? {
            None => {
                config.ssl_mode(SslMode::Disable);
                let (client, connection) = config.connect(NoTls).await?;
                Ok(Self { client, process: 0, pump: tokio::spawn(pump(connection)) })
            }
            Some(tls) => {
                config.ssl_mode(SslMode::Require);
                let tls = MakeRustlsConnect::new(Arc::unwrap_or_clone(tls));
                let (client, connection) = config.connect(tls).await?;
                Ok(Self { client, process: 0, pump: tokio::spawn(pump(connection)) })
            }
        }
    }

    /// Whether the other side has gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

async fn pump(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        tracing::debug!(error = %describe(&error), "the catalog's connection ended");
    }
}
