//! One connection to the store: who may answer, and what holds on it.

use std::{future::poll_fn, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_postgres::{AsyncMessage, Client, NoTls, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::StoreError;
use crate::{config::StoreConfig, upstream::client_tls};

/// Our own tables and no others' of these names; and nothing lasts: a lock that another agent has, a statement, or
/// a transaction of an agent that is stuck.
const SESSION: &str = "SET search_path = pg_catalog, connect, pg_temp; \
    SET statement_timeout = '4s'; \
    SET lock_timeout = '3s'; \
    SET idle_in_transaction_session_timeout = '20s'; \
    SET default_transaction_isolation = 'read committed'; \
    SELECT set_config('synchronous_commit', 'on', false) \
        WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')";

/// Ends when it is dropped.
pub(super) struct Connection {
    pub(super) client: Client,
    pump: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl From<tokio_postgres::Error> for StoreError {
    /// Code and primary message of the server, or what went wrong before it could speak: details may quote values.
    fn from(error: tokio_postgres::Error) -> Self {
        use std::error::Error as _;
        Self::Unavailable(match (error.as_db_error(), error.source()) {
            (Some(server), _) => format!("{} ({})", server.message(), server.code().code()),
            (None, Some(source)) => format!("{error}: {source}"),
            (None, None) => error.to_string(),
        })
    }
}

/// Dials and logs in. `news` hears of notifications.
pub(super) async fn connect(
    config: &StoreConfig,
    news: Option<mpsc::Sender<String>>,
) -> Result<Connection, StoreError> {
    let mut way = config.way.clone();
    let tls = client_tls(&config.tls, None).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let connection = match tls {
        None => {
            let (client, connection) = way.ssl_mode(SslMode::Disable).connect(NoTls).await?;
            Connection { client, pump: tokio::spawn(pump(connection, news)) }
        }
        Some(tls) => {
            let tls = MakeRustlsConnect::new(Arc::unwrap_or_clone(tls));
            let (client, connection) = way.ssl_mode(SslMode::Require).connect(tls).await?;
            Connection { client, pump: tokio::spawn(pump(connection, news)) }
        }
    };
    connection.client.batch_execute(SESSION).await?;
    Ok(connection)
}

/// Carries the bytes. Whoever hears of notifications hears the end, too; what it has no room for it finds by looking.
async fn pump<S, T>(mut connection: tokio_postgres::Connection<S, T>, news: Option<mpsc::Sender<String>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(told))) => {
                if let Some(news) = &news {
                    let _full_or_gone = news.try_send(told.payload().to_owned());
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(error = %StoreError::from(error), "a connection to the store ended");
                return;
            }
            None => return,
        }
    }
}
