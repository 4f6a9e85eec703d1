//! `connect-agent witness`, for the log of a test's agent.

use std::{path::Path, process::Command};

use crate::{
    place,
    process::{Process, Signal},
};

/// A running witness.
pub struct Witness {
    process: Process,
    address: String,
    key: String,
}

impl Witness {
    /// Starts one with its memory in `folder`. Port 0 is any.
    ///
    /// # Panics
    /// It does not serve.
    #[must_use]
    pub fn start(folder: &Path, log_key: &str, listen: &str) -> Self {
        let mut command = Command::new(place::built("connect-agent"));
        command.args(["witness", "--name", "witness.test/one", "--log", log_key, "--listen", listen]);
        command.arg("--state").arg(folder);
        let process = Process::start("connect-agent witness", &mut command).ended_with(Signal::TERM);
        let line = process.wait_for_line("the witness serves");
        let field = |name: &str| {
            let rest =
                line.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {line}")).1;
            rest.split_whitespace().next().unwrap_or_default().trim_matches('"').to_owned()
        };
        let (address, key) = (field("address"), field("key"));
        Self { process, address, key }
    }

    /// `127.0.0.1:PORT`
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its verifier key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Stops it.
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.wait_for_end();
    }
}
