//! One server a version for all that a test does.

use connect_tests::{
    answers,
    postgres::{Postgres, Version},
};
use tempfile::TempDir;

/// A server with its folder.
pub struct Server {
    pub postgres: Postgres,
    _folder: TempDir,
}

impl Server {
    /// Starts one.
    pub fn start(version: Version) -> Self {
        let folder = TempDir::with_prefix("connect-test-").expect("a temporary folder");
        // The database may run as somebody else, who must get through.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("our own folder");
        let postgres = Postgres::start_version(version, folder.path());
        // The long forms write tables and schemas thousands of times over, and nothing is ever recovered.
        postgres.sql("postgres", "ALTER SYSTEM SET max_wal_size = '128MB'");
        postgres.sql("postgres", "SELECT pg_reload_conf()");
        Self { postgres, _folder: folder }
    }

    /// Starts one with these databases, each with the schema of the set of answers.
    pub fn of_the_set(version: Version, databases: &[&str]) -> Self {
        let server = Self::start(version);
        for database in databases {
            server.postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
            server.postgres.sql(database, &answers::schema());
        }
        server
    }
}
