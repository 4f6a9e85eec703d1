//! A throwaway PostgreSQL: the system's programs, a folder of its own, a free port on 127.0.0.1, TLS and
//! passwords that nobody else knows, never root, no promise that data survives.
//!
//! [`server`] starts it and is sure that it ends; [`programs`] finds it; [`authority`] makes its certificate.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio_postgres::{Client, Config, config::SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    account::Account,
    folder::{DemoFolder, write_private},
};
use authority::Authority;
use programs::Programs;
use server::{Files, Server};

pub mod authority;
pub mod programs;
pub mod server;

/// The account that may do everything; its password never leaves this process.
const ADMIN: &str = "postgres";
/// Somebody may take the free port before the server does.
const ATTEMPTS: u32 = 3;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    #[error("cannot prepare PostgreSQL's folder: {0}")]
    Prepare(#[from] io::Error),
    #[error("cannot make a certificate for PostgreSQL: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("no random numbers: the cryptographic library failed")]
    Random,
    #[error(transparent)]
    Start(#[from] server::StartError),
}

/// Why the database cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("cannot set up TLS to the database: {0}")]
    Tls(#[from] rustls::Error),
    #[error("cannot log in to the database: {0}")]
    LogIn(#[from] tokio_postgres::Error),
}

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    pub port: u16,
    /// The certificate authority to which its certificate leads.
    pub ca_file: PathBuf,
    ca: CertificateDer<'static>,
    password: String,
    server: Server,
}

impl Postgres {
    /// Initialises and starts a server, and waits until it accepts connections.
    pub async fn start(
        programs: &Programs,
        folder: &DemoFolder,
        account: Option<&Account>,
    ) -> Result<Self, PostgresError> {
        let mut attempt = 1;
        loop {
            match Self::start_once(programs, folder, account, attempt).await {
                Err(PostgresError::Start(server::StartError::PortTaken)) if attempt < ATTEMPTS => {
                    attempt += 1
                }
                other => return other,
            }
        }
    }

    async fn start_once(
        programs: &Programs,
        folder: &DemoFolder,
        account: Option<&Account>,
        attempt: u32,
    ) -> Result<Self, PostgresError> {
        let home = folder.private(&format!("postgres-{attempt}"), account)?;
        let port = free_port()?;
        let password = super::random_text().map_err(|_unspecified| PostgresError::Random)?;
        let authority = Authority::make()?;
        let files = Files::new(&home);
        write_private(&files.certificate, &authority.certificate, account)?;
        write_private(&files.key, &authority.key, account)?;
        write_private(&files.password, &password, account)?;
        write_private(&files.settings, &files.settings_text(port), account)?;
        write_private(&files.access, server::ACCESS, account)?;
        // The agent reads this one, so it lies outside of the database's own folder.
        let ca_file = folder.path().join(format!("database-ca-{attempt}.pem"));
        write_private(&ca_file, &authority.authority, None)?;
        let server = Server::start(programs, &files, folder.lease()?, account).await?;
        Ok(Self { port, ca_file, ca: authority.authority_der, password, server })
    }

    /// Logs in as the administrator, through TLS and with the server's name checked like everybody else.
    pub async fn connect(&self, database: &str) -> Result<Client, ConnectError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (client, connection) = Config::new()
            .host("127.0.0.1")
            .port(self.port)
            .user(ADMIN)
            .password(&self.password)
            .dbname(database)
            .ssl_mode(SslMode::Require)
            .connect(MakeRustlsConnect::new(tls))
            .await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the administrator's connection ended");
            }
        });
        Ok(client)
    }

    /// Ends when the server has ended by itself, with its last words.
    pub async fn died(&self) -> String {
        self.server.died().await
    }

    /// Stops the server and waits until its processes are gone.
    pub async fn stop(self) -> io::Result<()> {
        self.server.stop().await
    }
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests;
