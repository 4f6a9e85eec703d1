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
        Self { issuer: announced(&process), process }
    }

    /// An issuer for programs (`issuer.mjs`): a token for whoever asks.
    ///
    /// # Panics
    /// Node is not installed.
    #[must_use]
    pub fn for_programs() -> Self {
        let script = place::of_tests("oidc/issuer.mjs");
        let process = Process::start("issuer.mjs", Command::new(place::installed("node")).arg(script));
        Self { issuer: announced(&process), process }
    }

    /// One that does something wrong (`misbehaving.mjs`).
    ///
    /// # Panics
    /// Node is not installed.
    #[must_use]
    pub fn misbehaving(fault: &str) -> Self {
        let script = place::of_tests("oidc/misbehaving.mjs");
        let mut node = Command::new(place::installed("node"));
        let process = Process::start("misbehaving.mjs", node.arg(script).arg(fault));
        Self { issuer: announced(&process), process }
    }

    /// Where it tells the agent that somebody has signed out.
    pub fn tell_logouts_to(&self, agent: &str) {
        self.administer(&format!("/test/agent?url={agent}/v1/back-channel-logout"));
    }

    /// Where the pages of the agent are, to which it sends browsers back.
    pub fn knows_console_at(&self, agent: &str) {
        self.administer(&format!("/test/console?url={agent}"));
    }

    /// Somebody signs out of everything.
    pub fn sign_out(&self, person: &str) {
        self.administer(&format!("/test/sign-out?person={person}"));
    }

    /// Somebody belongs to other groups from now on.
    pub fn set_groups(&self, person: &str, groups: &str) {
        self.administer(&format!("/test/groups?person={person}&groups={groups}"));
    }

    /// Signs an event, as a transmitter.
    ///
    /// # Panics
    /// It does not.
    #[must_use]
    pub fn mint_event(&self, claims: &serde_json::Value) -> String {
        let answer = self.post("/mint-event", &claims.to_string());
        answer.split_once("\r\n\r\n").expect("a body").1.trim().to_owned()
    }

    /// Has an event for whoever asks.
    pub fn offer_event(&self, event: &str) {
        self.post("/offer", event);
    }

    /// Waits until everything that was offered has been acknowledged.
    pub fn wait_until_heard(&self) {
        self.post("/heard", "");
    }

    /// Signs claims, as an issuer for programs.
    ///
    /// # Panics
    /// It does not.
    #[must_use]
    pub fn mint(&self, claims: &serde_json::Value) -> String {
        let answer = self.post("/mint", &claims.to_string());
        answer.split_once("\r\n\r\n").expect("a body").1.trim().to_owned()
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
        let answer = self.post(path, "");
        assert!(answer.split(' ').nth(1) == Some("204"), "{answer}");
    }

    fn post(&self, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).expect("the provider listens");
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    /// The provider fails.
    pub fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait_for_end();
    }
}

fn announced(process: &Process) -> String {
    process.wait_for("its issuer", |line| {
        let ready: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(ready["issuer"].as_str()?.to_owned())
    })
}
