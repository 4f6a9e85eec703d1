//! What a database client needs to know of a session: variables, a URL, a line to paste.

use std::path::Path;

use connect_shared::engine::Engine;
use serde::{Deserialize, Serialize};

use crate::listen::LocalAddress;

/// How clients reach a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientSettings {
    pub(crate) engine: Engine,
    /// An address, or the folder of a Unix socket.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) principal: String,
}

impl ClientSettings {
    pub(crate) fn new(engine: Engine, address: &LocalAddress, database: &str, principal: &str) -> Self {
        let (host, port) = match address {
            LocalAddress::Port(port) => ("127.0.0.1".to_owned(), *port),
            LocalAddress::Socket(path) => {
                let folder = path.parent().unwrap_or_else(|| Path::new("/"));
                (folder.display().to_string(), engine.usual_port())
            }
        };
        Self { engine, host, port, database: database.to_owned(), principal: principal.to_owned() }
    }

    /// The engine's variables, and `DATABASE_URL`.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.engine.environment(&self.host, self.port, &self.database, &self.principal);
        variables.push(("DATABASE_URL", self.url()));
        variables
    }

    /// One URL that has it all.
    pub(crate) fn url(&self) -> String {
        let scheme = self.engine.url_scheme();
        let (user, database) = (encode(&self.principal), encode(&self.database));
        if self.host.starts_with('/') {
            let (host, port) = (encode(&self.host), self.port);
            return format!("{scheme}://{user}@/{database}?host={host}&port={port}&sslmode=disable");
        }
        format!("{scheme}://{user}@{}:{}/{database}?sslmode=disable", self.host, self.port)
    }
}

/// RFC 3986: everything but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Shell, lines};

    fn settings(address: &LocalAddress) -> ClientSettings {
        ClientSettings::new(Engine::PostgreSql, address, "shop db", "ana@example.com")
    }

    #[test]
    fn a_url_holds_host_port_database_and_principal_and_no_password() {
        insta::assert_snapshot!(settings(&LocalAddress::Port(15432)).url(), @"postgresql://ana%40example.com@127.0.0.1:15432/shop%20db?sslmode=disable");
        let socket = LocalAddress::Socket("/run/user/1000/connect/x y/.s.PGSQL.5432".into());
        insta::assert_snapshot!(settings(&socket).url(), @"postgresql://ana%40example.com@/shop%20db?host=%2Frun%2Fuser%2F1000%2Fconnect%2Fx%20y&port=5432&sslmode=disable");
    }

    #[test]
    fn shell_lines_survive_quotes_in_names() {
        let mut settings = settings(&LocalAddress::Port(15432));
        settings.principal = "o'neil; rm -rf /".into();
        insta::assert_snapshot!(lines(Shell::Sh, &settings.environment()), @r"
        export PGHOST='127.0.0.1'
        export PGPORT='15432'
        export PGDATABASE='shop db'
        export PGUSER='o'\''neil; rm -rf /'
        export PGSSLMODE='disable'
        export DATABASE_URL='postgresql://o%27neil%3B%20rm%20-rf%20%2F@127.0.0.1:15432/shop%20db?sslmode=disable'
        ");
    }
}
