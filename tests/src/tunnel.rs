//! `connect open RESOURCE`, held open by a test.

use std::{path::Path, process::Command};

use crate::{
    person::Person,
    place,
    process::{self, Finished, Process, Signal},
};

/// An open resource.
pub struct Tunnel {
    port: u16,
    database: String,
    home: std::path::PathBuf,
    process: Process,
}

impl Tunnel {
    /// Opens it on a free port.
    ///
    /// # Panics
    /// It is not ready in time.
    #[must_use]
    pub fn open(person: &Person, resource: &str) -> Self {
        let mut command = person.connect(&["open", resource, "--port", "auto"]);
        let process = Process::start("connect open", &mut command).ended_with(Signal::TERM);
        let port = process.wait_for("where it is ready", |line| {
            let rest = line.split_once("is ready on 127.0.0.1:")?.1;
            rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
        });
        let database = if resource.starts_with("bench") { "bench" } else { "shop" };
        Self { port, database: database.to_owned(), home: person.home().to_owned(), process }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    #[must_use]
    pub const fn process(&self) -> &Process {
        &self.process
    }

    pub const fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    /// A connection string as a driver takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("host=127.0.0.1 port={} user=anybody dbname={}", self.port, self.database)
    }

    /// A PostgreSQL client pointed at the tunnel.
    #[must_use]
    pub fn client(&self, program: &str) -> Command {
        client(&place::installed(program), self.port, &self.database, &self.home)
    }

    /// psql without its own settings: rows as lines, columns split by `|`.
    pub fn psql(&self, input: &str) -> Finished {
        let mut psql = self.client("psql");
        psql.args(["-XqAt"]);
        process::run_with(&mut psql, input, process::PATIENCE)
    }
}

/// A PostgreSQL client pointed at a port by its environment.
#[must_use]
pub fn client(program: &Path, port: u16, database: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", port.to_string())
        .env("PGDATABASE", database)
        .env("PGUSER", "anybody")
        .env("PGCONNECT_TIMEOUT", "30")
        .env("HOME", home)
        .current_dir(home);
    command
}
