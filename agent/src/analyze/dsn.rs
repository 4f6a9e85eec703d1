//! Which database a DSN means, by libpq's rules: a URI, `key=value` pairs or the bare name of a database,
//! and the environment for whatever is left out.
//!
//! One rule is stricter: `prefer`, libpq's default, would fall back to a way without encryption. Here the
//! loopback and Unix sockets are plain, any other way is TLS with a checked certificate, and
//! `sslmode=disable` has to be said.

mod pairs;

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use tokio_postgres::config::Host;

use self::pairs::Pair;
use super::passfile::{self, Place};
use crate::upstream::{Secret, UpstreamConfig, UpstreamTls, Way};

/// Options that change how libpq holds a connection, and nothing here.
const WITHOUT_EFFECT: [&str; 14] = [
    "application_name",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "sslcompression",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// Options that would change what is reached or what names mean there.
const NOT_SUPPORTED: [&str; 12] = [
    "channel_binding",
    "hostaddr",
    "krbsrvname",
    "options",
    "replication",
    "requirepeer",
    "require_auth",
    "service",
    "sslcert",
    "sslcrl",
    "sslkey",
    "sslnegotiation",
];

/// Where Unix sockets are by default: of Debian and its like, and of PostgreSQL itself.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// What is wrong with a DSN. It quotes no values: one of them may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DsnError {
    #[error("`{0}` is no database that this version analyses; PostgreSQL's URIs begin with postgresql://")]
    Scheme(String),
    #[error("it cannot be read: {0}")]
    Malformed(String),
    #[error(
        "it cannot be read from character {0} on: key=value pairs are expected, values with spaces in '…'"
    )]
    Pairs(usize),
    #[error("there is no option `{0}`")]
    Unknown(String),
    #[error("the option `{0}` is not supported")]
    NotSupported(String),
    #[error("it names several hosts, and one database is analysed")]
    SeveralHosts,
    #[error("the port is no number from 1 to 65535")]
    Port,
    #[error("`sslmode` is none of disable, allow, prefer, require, verify-ca and verify-full")]
    SslMode,
    #[error("it names no user, and neither do PGUSER and USER")]
    User,
}

/// The parts of a DSN; all may be left out.
#[derive(Default)]
struct Parts {
    host: Option<String>,
    port: Option<String>,
    user: Option<String>,
    password: Option<String>,
    database: Option<String>,
    ssl_mode: Option<String>,
    ssl_root: Option<String>,
    passfile: Option<String>,
}

type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads a DSN; `environment` gives the variables that are set and not empty.
pub(super) fn parse(text: &str, environment: Environment<'_>) -> Result<UpstreamConfig, DsnError> {
    let mut parts = Parts::default();
    if let Some(query) = uri(text, &mut parts)? {
        parts.take_all(pairs::of_query(query)?)?;
    } else if text.contains('=') || text.trim().is_empty() {
        parts.take_all(pairs::of_words(text)?)?;
    } else {
        parts.database = Some(text.trim().to_owned());
    }
    // Both would move names to other schemas than those that are then analysed.
    if environment("PGOPTIONS").is_some() {
        return Err(DsnError::NotSupported("PGOPTIONS".to_owned()));
    }
    parts.complete(environment)
}

/// What stands before the query of a URI; gives the query. `None`: it is no URI.
fn uri<'a>(text: &'a str, parts: &mut Parts) -> Result<Option<&'a str>, DsnError> {
    let Some((scheme, rest)) = text.split_once("://") else { return Ok(None) };
    if !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
        return Ok(None);
    }
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(DsnError::Scheme(scheme.to_owned()));
    }
    // A question mark may stand in the password.
    let authority = rest.find('@').map_or(0, |at| at + 1);
    let end = rest[authority..].find('?').map_or(rest.len(), |at| authority + at);
    let (head, query) = rest.split_at(end);
    let config: tokio_postgres::Config = format!("postgresql://{head}").parse().map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        DsnError::Malformed(cause.unwrap_or_else(|| "it is no URI".to_owned()))
    })?;
    parts.host = match config.get_hosts() {
        [] => None,
        [Host::Tcp(host)] => Some(host.clone()).filter(|host| !host.is_empty()),
        [Host::Unix(folder)] => Some(folder.display().to_string()),
        _ => return Err(DsnError::SeveralHosts),
    };
    parts.port = config.get_ports().first().map(ToString::to_string);
    parts.user = config.get_user().map(str::to_owned).filter(|user| !user.is_empty());
    parts.password = config.get_password().map(|word| String::from_utf8_lossy(word).into_owned());
    parts.database = config.get_dbname().map(str::to_owned);
    // The parser fills in the usual port where none is written; PGPORT may then still count.
    if !head.rsplit('@').next().unwrap_or_default().contains(':') {
        parts.port = None;
    }
    Ok(Some(query.trim_start_matches('?')))
}

impl Parts {
    fn take_all(&mut self, pairs: Vec<Pair>) -> Result<(), DsnError> {
        pairs.into_iter().try_for_each(|pair| self.take(pair))
    }

    fn take(&mut self, (key, value): Pair) -> Result<(), DsnError> {
        let place = match key.as_str() {
            "host" => &mut self.host,
            "port" => &mut self.port,
            "user" => &mut self.user,
            "password" => &mut self.password,
            "dbname" => &mut self.database,
            "sslmode" => &mut self.ssl_mode,
            "sslrootcert" => &mut self.ssl_root,
            "passfile" => &mut self.passfile,
            known if WITHOUT_EFFECT.contains(&known) => return Ok(()),
            known if NOT_SUPPORTED.contains(&known) => return Err(DsnError::NotSupported(key)),
            _ => return Err(DsnError::Unknown(key)),
        };
        *place = Some(value).filter(|value| !value.is_empty());
        Ok(())
    }

    fn complete(self, environment: Environment<'_>) -> Result<UpstreamConfig, DsnError> {
        let port = self.port.or_else(|| environment("PGPORT")).unwrap_or_else(|| "5432".to_owned());
        let port = port.parse().ok().filter(|port| *port > 0).ok_or(DsnError::Port)?;
        let host = self.host.or_else(|| environment("PGHOST")).unwrap_or_else(|| usual_host(port));
        if host.contains(',') {
            return Err(DsnError::SeveralHosts);
        }
        let user = self.user.or_else(|| environment("PGUSER")).or_else(|| environment("USER"));
        let user = user.ok_or(DsnError::User)?;
        let database = self.database.or_else(|| environment("PGDATABASE")).unwrap_or_else(|| user.clone());
        let ssl_mode = self.ssl_mode.or_else(|| environment("PGSSLMODE"));
        let ssl_root = self.ssl_root.or_else(|| environment("PGSSLROOTCERT"));
        let tls = tls(ssl_mode.as_deref(), ssl_root, &host, environment)?;
        let place = Place {
            host: if host.starts_with('/') { "localhost" } else { &host },
            port,
            database: &database,
            user: &user,
        };
        let passfile = self.passfile.or_else(|| environment("PGPASSFILE")).map(PathBuf::from);
        let passfile = passfile.or_else(|| environment("HOME").map(|home| Path::new(&home).join(".pgpass")));
        let kept = || passfile.and_then(|file| passfile::look_up(&file, &place));
        let password = self.password.or_else(|| environment("PGPASSWORD")).or_else(kept);
        let password = Secret(password.unwrap_or_default());
        Ok(UpstreamConfig { host, port, database, user, password, tls, way: Way::default() })
    }
}

/// The Unix socket if there is one, else this machine.
fn usual_host(port: u16) -> String {
    let folder =
        SOCKET_FOLDERS.iter().find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists());
    folder.map_or_else(|| "localhost".to_owned(), |folder| (*folder).to_owned())
}

fn tls(
    mode: Option<&str>,
    root: Option<String>,
    host: &str,
    environment: Environment<'_>,
) -> Result<UpstreamTls, DsnError> {
    let near = host.starts_with('/')
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match mode {
        Some("disable") => return Ok(UpstreamTls::Disable),
        Some("require" | "verify-ca" | "verify-full") if host.starts_with('/') => {
            return Err(DsnError::NotSupported("sslmode on a Unix socket".to_owned()));
        }
        Some("require" | "verify-ca" | "verify-full") => {}
        None | Some("allow" | "prefer") if near => return Ok(UpstreamTls::Disable),
        None | Some("allow" | "prefer") => {}
        Some(_) => return Err(DsnError::SslMode),
    }
    let usual = || {
        let file = Path::new(&environment("HOME")?).join(".postgresql/root.crt");
        file.exists().then_some(file)
    };
    let ca_file = match root.as_deref() {
        Some("system") => None,
        Some(file) => Some(PathBuf::from(file)),
        None => usual(),
    };
    Ok(UpstreamTls::VerifyFull { ca_file })
}

#[cfg(test)]
mod tests;
