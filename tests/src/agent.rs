//! `connect-agent serve`, with a configuration made for the test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    idp::IdentityProvider,
    place,
    postgres::{AGENT_PASSWORD, AGENT_USER, Postgres},
    process::{self, Process, Signal},
};

/// Resource in front of `shop`, usually of class production.
pub const SHOP: &str = "shop-db";
/// Resource in front of `bench`, of class development.
pub const BENCH: &str = "bench-db";

/// What a test may want otherwise.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// Its own, and in the name of its log.
    pub name: &'static str,
    /// `lifetime` of grants.
    pub lifetime: &'static str,
    /// Lines for `[resource.labels]` of [`SHOP`].
    pub labels: &'static str,
    /// `[[resource.clear]]` of [`SHOP`].
    pub clear: &'static str,
    /// The same for [`BENCH`].
    pub bench_labels: &'static str,
    /// Class of [`SHOP`].
    pub class: &'static str,
    /// More lines for [`SHOP`].
    pub resource: &'static str,
    /// More sections.
    pub sections: &'static str,
    /// Settings of the identity provider (`provider.mjs`).
    pub identity: &'static str,
    /// Lines for `[park]`.
    pub park: &'static str,
    /// How long transactions may go on when it is to stop.
    pub drain: &'static str,
    /// Lines for `[log]` and what belongs to it; `{folder}` is the agent's folder.
    pub log: &'static str,
    /// Lines for the `postgresql.conf` of the database behind it.
    pub server: &'static str,
    /// What it says on standard error: a filter of `tracing`.
    pub says: &'static str,
    /// Lines that say how [`SHOP`] is reached, in place of the usual ones: address, user, password, TLS.
    pub upstream: Option<&'static str>,
}

impl AgentOptions {
    /// What most tests want.
    pub const USUAL: Self = Self {
        name: "test",
        lifetime: "10m",
        labels: "",
        clear: "",
        class: "production",
        resource: "",
        sections: "",
        identity: "{}",
        park: "",
        drain: "1s",
        log: "",
        server: "",
        says: "info",
        bench_labels: "",
        upstream: None,
    };
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self::USUAL
    }
}

/// A running agent.
pub struct Agent {
    folder: PathBuf,
    listen: String,
    fingerprint: String,
    says: &'static str,
    process: Process,
}

impl Agent {
    /// Starts one in front of a database and behind an identity provider.
    ///
    /// # Panics
    /// It does not serve.
    #[must_use]
    pub fn start(folder: &Path, postgres: &Postgres, idp: &IdentityProvider, options: &AgentOptions) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        write_private(&folder.join("db.password"), AGENT_PASSWORD);
        let config = configuration(folder, postgres, idp, options, "127.0.0.1:0");
        write_private(&folder.join("agent.toml"), &config);
        let (process, listen, fingerprint) = serve(folder, options.says);
        // From now on on this port, so that clients find it again after a restart.
        let config = configuration(folder, postgres, idp, options, &listen);
        write_private(&folder.join("agent.toml"), &config);
        Self { folder: folder.to_owned(), listen, fingerprint, says: options.says, process }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("https://{}", self.listen)
    }

    /// `127.0.0.1:PORT`
    #[must_use]
    pub fn address(&self) -> &str {
        &self.listen
    }

    /// `sha256:…` of its certificate.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("agent.toml")
    }

    /// The public folder of its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("state/log/public")
    }

    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    pub const fn process_mut(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Power is cut: no last words.
    pub fn kill(&mut self) {
        self.process.signal(Signal::KILL);
        self.process.wait_for_end();
    }

    /// Stops it in order.
    ///
    /// # Panics
    /// It does not end well.
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        let status = self.process.wait_for_end();
        assert!(status.success(), "{status}: {}", self.process.transcript());
    }

    /// Stops it and starts it again with more lines of configuration.
    ///
    /// # Panics
    /// It does not end or serve.
    pub fn restart_with(&mut self, lines: &str) {
        self.reconfigure(|config| format!("{config}\n{lines}\n"));
    }

    /// Stops it and starts it again with another configuration.
    ///
    /// # Panics
    /// It does not end or serve.
    pub fn reconfigure(&mut self, change: impl FnOnce(String) -> String) {
        self.stop();
        let config = fs::read_to_string(self.config()).expect("a configuration");
        write_private(&self.config(), &change(config));
        self.restart();
    }

    /// Pushes an event to it, as a transmitter does: the status of the answer.
    ///
    /// # Panics
    /// It does not answer.
    #[must_use]
    pub fn push_event(&self, event: &str, token: &str) -> u16 {
        let mut curl = Command::new(place::installed("curl"));
        // Whose certificate it is does not matter here.
        curl.args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", event]);
        curl.args(["-H", "Content-Type: application/secevent+jwt", "-H"])
            .arg(format!("Authorization: Bearer {token}"));
        let status = process::run(curl.arg(format!("{}/v1/events", self.url()))).good();
        status.trim().parse().expect("a status")
    }

    /// Starts it again after [`Self::kill`] or [`Self::stop`].
    ///
    /// # Panics
    /// It does not serve.
    pub fn restart(&mut self) {
        let (process, listen, fingerprint) = serve(&self.folder, self.says);
        assert_eq!((&listen, &fingerprint), (&self.listen, &self.fingerprint), "an agent keeps its identity");
        self.process = process;
    }
}

fn serve(folder: &Path, says: &str) -> (Process, String, String) {
    let mut command = Command::new(place::built("connect-agent"));
    command.env("CONNECT_AGENT_LOG", says);
    command.arg("serve").arg("--config").arg(folder.join("agent.toml"));
    let process = Process::start("connect-agent", &mut command).ended_with(Signal::TERM);
    let line = process.wait_for_line("the agent serves");
    let field = |name: &str| {
        let rest = line.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {line}")).1;
        rest.split_whitespace().next().unwrap_or_default().trim_matches('"').to_owned()
    };
    let (address, fingerprint) = (field("address"), field("fingerprint"));
    (process, address, fingerprint)
}

fn configuration(
    folder: &Path,
    postgres: &Postgres,
    idp: &IdentityProvider,
    options: &AgentOptions,
    listen: &str,
) -> String {
    let usual = format!(
        "address = \"127.0.0.1:{port}\"\nuser = \"{AGENT_USER}\"\n\
         password_file = \"{folder}/db.password\"\nca_file = \"{authority}\"",
        port = postgres.port(),
        folder = folder.display(),
        authority = postgres.authority().display(),
    );
    let resource = |name: &str, database: &str, class: &str, read: &str, write: &str, more: &str| {
        let upstream = match options.upstream {
            Some(other) if name == SHOP => other,
            _ => usual.as_str(),
        };
        format!(
            "[[resource]]\nname = \"{name}\"\nengine = \"postgresql\"\n{upstream}\ndatabase = \"{database}\"\n\
             class = \"{class}\"\nread = {read}\nwrite = {write}\n{more}\n",
        )
    };
    let bench_labels = format!("[resource.labels]\n{}", options.bench_labels);
    format!(
        "[agent]\nname = \"{name}\"\nlisten = \"{listen}\"\nstate_dir = \"{folder}/state\"\ndrain = \"{drain}\"\n\
         [identity]\nissuer = \"{issuer}\"\nclient_id = \"connect-cli\"\n\
         scopes = [\"openid\", \"email\", \"groups\", \"offline_access\"]\ngroups_claim = \"groups\"\n\
         [log]\norigin = \"connect.local/{name}\"\nauditors = [\"group:security\"]\n{log}\n\
         [grants]\nlifetime = \"{lifetime}\"\n[park]\n{park}\n{sections}\n{shop}{bench}",
        name = options.name,
        folder = folder.display(),
        issuer = idp.issuer(),
        lifetime = options.lifetime,
        park = options.park,
        drain = options.drain,
        sections = options.sections,
        log = options.log.replace("{folder}", &folder.display().to_string()),
        shop = resource(
            SHOP,
            "shop",
            options.class,
            "[\"group:developer\"]",
            "[\"group:data-oncall\"]",
            &format!("{}\n[resource.labels]\n{}\n{}", options.resource, options.labels, options.clear)
        ),
        bench = resource(BENCH, "bench", "development", "[]", "[\"group:developer\"]", &bench_labels),
    )
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("our own file");
}
