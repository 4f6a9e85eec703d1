//! Who the agent is to a server, and what protects what it says.

use std::fmt;

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
