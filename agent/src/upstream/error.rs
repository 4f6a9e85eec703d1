//! Why a database cannot be reached.

use std::{io, path::PathBuf};

use connect_core::protocol::postgres::{login::LoginError, question::QuestionError};

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
    #[error(transparent)]
    Question(#[from] QuestionError),
    #[error("the connection to the database broke: {0}")]
    Io(#[from] io::Error),
    #[error("cannot use the client certificate {path}: {reason}")]
    ClientCertificate { path: PathBuf, reason: String },
    #[error("no host is {0}: `target_session_attrs` asks for one")]
    NoneWanted(&'static str),
    #[error(
        "the pooler at {0} hands one server connection to several clients (transaction or statement pooling), so \
         settings, cursors and masks of one person could reach another; set `pool_mode = session` for this database"
    )]
    Pooled(String),
    #[error(
        "the server works as `{found}` in place of the role `{role}`, or goes back to it: it is older than 13.18, \
         14.15, 15.10, 16.6 or 17.2, or a pooler before it drops the startup parameter `role`"
    )]
    RoleNotKept { role: String, found: String },
}

/// What a database says to the client rather than about the agent: a startup parameter that it does not take, that it
/// is full, starts up or stops.
const FOR_CLIENTS: [&str; 8] = ["22023", "22P02", "22003", "53300", "53400", "57P01", "57P02", "57P03"];

impl UpstreamError {
    /// SQLSTATE and message, where the client would hear them of the database itself. Never of the login, nor of the
    /// role that the agent asks for: these are the agent's.
    pub fn for_client(&self) -> Option<(&'static str, &str)> {
        let Self::Login(LoginError::Refused { sqlstate, message }) = self else { return None };
        if message.contains("\"role\"") {
            return None;
        }
        let known = FOR_CLIENTS.into_iter().find(|known| known == sqlstate)?;
        Some((known, message))
    }

    /// Whether another host may do better: not where a host has said no to us.
    pub(super) fn is_of_the_host(&self) -> bool {
        match self {
            Self::Login(LoginError::Refused { sqlstate, .. }) => {
                // Starting up, stopping, full.
                matches!(sqlstate.as_str(), "57P03" | "57P01" | "57P02" | "53300")
            }
            Self::Dial { .. } | Self::Timeout(_) | Self::Io(_) | Self::Tls(_) | Self::NoTls => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_hears_of_its_parameters_and_nothing_of_the_login() {
        let refused = |sqlstate: &str, message: &str| {
            let (sqlstate, message) = (sqlstate.to_owned(), message.to_owned());
            let error = UpstreamError::from(LoginError::Refused { sqlstate, message });
            error.for_client().map(|(sqlstate, _)| sqlstate)
        };
        assert_eq!(refused("22023", "invalid value for parameter \"work_mem\": \"much\""), Some("22023"));
        assert_eq!(refused("53300", "sorry, too many clients already"), Some("53300"));
        assert_eq!(refused("22023", "invalid value for parameter \"role\": \"nobody\""), None);
        assert_eq!(refused("28P01", "password authentication failed for user \"agent\""), None);
        assert_eq!(refused("3D000", "database \"shop\" does not exist"), None);
    }
}
