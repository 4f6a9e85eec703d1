//! The identity provider: npm's certified `oidc-provider`, with a sign-in page and people in groups.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
};

use crate::{
    place,
    process::{Process, Signal},
};

/// A running provider.
pub struct IdentityProvider {
    issuer: String,
    process: Process,
}

impl IdentityProvider {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// Its packages are not installed.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("{}")
    }

    /// As [`Self::start`] with settings of `provider.mjs`.
    ///
    /// # Panics
    /// As [`Self::start`].
    #[must_use]
    pub fn start_with(settings: &str) -> Self {
        let script = place::of_tests("oidc/provider.mjs");
        let installed = place::of_tests("oidc/node_modules/oidc-provider").is_dir();
        assert!(installed, "tests/oidc has no packages; run tests/run");
        let process =
            Process::start("provider.mjs", Command::new(place::installed("node")).arg(script).arg(settings));
        let issuer = process.wait_for("its issuer", |line| {
            let ready: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(ready["issuer"].as_str()?.to_owned())
        });
        Self { issuer, process }
    }

    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.issuer.rsplit(':').next().and_then(|port| port.parse().ok()).expect("an issuer with a port")
    }

    /// Ends somebody's employment: no sign-in, no renewal.
    pub fn disable(&self, person: &str) {
        self.administer(&format!("/test/disable?person={person}"));
    }

    fn administer(&self, path: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).expect("the provider listens");
        write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    /// The provider fails.
    pub fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait_for_end();
    }
}
