//! The way to a database: dial, encrypt, log in. The only place that holds a database's password.

use std::{fmt, path::PathBuf};

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
