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
    process::{Process, Signal},
};

/// Resource in front of `shop`, usually of class production.
pub const SHOP: &str = "shop-db";
/// Resource in front of `bench`, of class development.
pub const BENCH: &str = "bench-db";

/// What a test may want otherwise.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// `lifetime` of grants.
    pub lifetime: &'static str,
    /// Lines for `[resource.labels]` of [`SHOP`].
    pub labels: &'static str,
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
}

impl Default for AgentOptions {
    fn default() -> Self {
        Self {
            lifetime: "10m",
            labels: "",
            class: "production",
            resource: "",
            sections: "",
            identity: "{}",
            park: "",
            drain: "1s",
        }
    }
}

/// A running agent.
pub struct Agent {
    folder: PathBuf,
    listen: String,
    fingerprint: String,
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
        let (process, listen, fingerprint) = serve(folder);
        // From now on on this port, so that clients find it again after a restart.
        let config = configuration(folder, postgres, idp, options, &listen);
        write_private(&folder.join("agent.toml"), &config);
        Self { folder: folder.to_owned(), listen, fingerprint, process }
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

    /// Starts it again after [`Self::kill`] or [`Self::stop`].
    ///
    /// # Panics
    /// It does not serve.
    pub fn restart(&mut self) {
        let (process, listen, fingerprint) = serve(&self.folder);
        assert_eq!((&listen, &fingerprint), (&self.listen, &self.fingerprint), "an agent keeps its identity");
        self.process = process;
    }
}

fn serve(folder: &Path) -> (Process, String, String) {
    let mut command = Command::new(place::built("connect-agent"));
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
    let resource = |name: &str, database: &str, class: &str, read: &str, write: &str, more: &str| {
        format!(
            "[[resource]]\nname = \"{name}\"\nengine = \"postgresql\"\naddress = \"127.0.0.1:{port}\"\n\
             database = \"{database}\"\nuser = \"{AGENT_USER}\"\npassword_file = \"{folder}/db.password\"\n\
             ca_file = \"{authority}\"\nclass = \"{class}\"\nread = {read}\nwrite = {write}\n{more}\n",
            port = postgres.port(),
            folder = folder.display(),
            authority = postgres.authority().display(),
        )
    };
    format!(
        "[agent]\nname = \"test\"\nlisten = \"{listen}\"\nstate_dir = \"{folder}/state\"\ndrain = \"{drain}\"\n\
         [identity]\nissuer = \"{issuer}\"\nclient_id = \"connect-cli\"\n\
         scopes = [\"openid\", \"email\", \"groups\", \"offline_access\"]\ngroups_claim = \"groups\"\n\
         [log]\norigin = \"connect.local/test\"\nauditors = [\"group:security\"]\n\
         [grants]\nlifetime = \"{lifetime}\"\n[park]\n{park}\n{sections}\n{shop}{bench}",
        folder = folder.display(),
        issuer = idp.issuer(),
        lifetime = options.lifetime,
        park = options.park,
        drain = options.drain,
        sections = options.sections,
        shop = resource(
            SHOP,
            "shop",
            options.class,
            "[\"group:developer\"]",
            "[\"group:data-oncall\"]",
            &format!("{}\n[resource.labels]\n{}", options.resource, options.labels)
        ),
        bench = resource(BENCH, "bench", "development", "[]", "[\"group:developer\"]", ""),
    )
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("our own file");
}
