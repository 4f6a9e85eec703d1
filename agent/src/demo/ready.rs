//! What the demo says when everything answers: one JSON line for programs, a few lines for people.

use std::{
    io::{self, Write},
    path::PathBuf,
    process,
};

use serde::Serialize;

use super::{
    agent::RunningAgent,
    progress::line,
    sample::{BENCH, SHOP},
    setup::{BENCH_RESOURCE, DEMO_RESOURCE, Setup},
};
use crate::dev_idp::{CLI_CLIENT_ID, SignIn, people::Person};

/// `connect.demo/1`; fields are only ever added.
#[derive(Debug, Serialize)]
pub struct Ready {
    schema: &'static str,
    agent_url: String,
    fingerprint: String,
    issuer: String,
    client_id: &'static str,
    /// The one to open first.
    resource: &'static str,
    resources: [Resource; 2],
    people: Vec<Person>,
    auto_sign_in: bool,
    state_dir: PathBuf,
    config: PathBuf,
    server_version: String,
    rows: u64,
    pid: u32,
}

#[derive(Debug, Serialize)]
struct Resource {
    name: &'static str,
    database: &'static str,
    class: &'static str,
}

impl Ready {
    pub fn new(
        agent: &RunningAgent,
        setup: &Setup,
        issuer: &str,
        sign_in: SignIn,
        people: Vec<Person>,
    ) -> Self {
        Self {
            schema: "connect.demo/1",
            agent_url: agent.url.clone(),
            fingerprint: agent.fingerprint.clone(),
            issuer: issuer.to_owned(),
            client_id: CLI_CLIENT_ID,
            resource: DEMO_RESOURCE,
            resources: [
                Resource { name: DEMO_RESOURCE, database: SHOP, class: "production" },
                Resource { name: BENCH_RESOURCE, database: BENCH, class: "development" },
            ],
            people,
            auto_sign_in: sign_in == SignIn::ByHint,
            state_dir: setup.state_dir.clone(),
            config: setup.config.clone(),
            server_version: String::new(),
            rows: 0,
            pid: process::id(),
        }
    }

    /// What is behind the resource.
    pub fn with_database(self, server_version: &str, rows: u64) -> Self {
        Self { server_version: server_version.to_owned(), rows, ..self }
    }

    /// The line on standard output.
    pub fn print(&self) -> io::Result<()> {
        let mut output = io::stdout().lock();
        serde_json::to_writer(&mut output, self)?;
        output.write_all(b"\n")?;
        output.flush()
    }

    /// The same for a person, on standard error.
    pub fn tell(&self) {
        line(&format!(
            "{} is ready · PostgreSQL {} · {} rows",
            self.resource, self.server_version, self.rows
        ));
        line(&format!("  connect agents add {} --fingerprint {}", self.agent_url, self.fingerprint));
        line(&format!("  connect {}", self.resource));
        for person in &self.people {
            line(&format!("  sign in as {:<26} {}", person.email, person.about));
        }
        line("Ctrl-C to stop. Nothing is left behind.");
    }
}
