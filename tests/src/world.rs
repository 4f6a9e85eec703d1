//! Everything that an end-to-end test needs, started together and gone together.

use std::path::Path;

use tempfile::TempDir;

use crate::{
    agent::{Agent, AgentOptions},
    idp::IdentityProvider,
    person::{Browser, Person},
    postgres::{Postgres, Version},
    process,
    tunnel::Tunnel,
};

/// Most memory that the agent or `connect` may hold, whatever passes: their caches, and room for one row that is
/// looked at as a whole.
const MOST_KIBIBYTES: u64 = 400 * 1024;

/// A database, an identity provider and the agent between them. Fields end in the order in which they
/// stand: the agent before what it needs.
pub struct World {
    pub agent: Agent,
    pub idp: IdentityProvider,
    pub postgres: Postgres,
    folder: TempDir,
}

impl World {
    /// With the usual options.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&AgentOptions::default())
    }

    /// Over a server of another version than the system's.
    ///
    /// # Panics
    /// Something does not start.
    #[must_use]
    pub fn start_on(version: Option<Version>, options: &AgentOptions) -> Self {
        Self::assemble(version, options.server, |_| options.clone())
    }

    /// One after the other: over the system's server and, in the full tier, over the oldest and the newest that there
    /// are, too.
    ///
    /// # Panics
    /// Something does not start.
    pub fn on_each_server() -> impl Iterator<Item = Self> {
        Version::each().into_iter().map(|version| Self::start_on(version, &AgentOptions::default()))
    }

    /// With options that depend on the database: how it is reached.
    ///
    /// # Panics
    /// Something does not start.
    #[must_use]
    pub fn start_behind(options: impl FnOnce(&Postgres) -> AgentOptions) -> Self {
        Self::start_behind_on(None, options)
    }

    /// The same, over a server of another version than the system's.
    ///
    /// # Panics
    /// Something does not start.
    #[must_use]
    pub fn start_behind_on(
        version: Option<Version>,
        options: impl FnOnce(&Postgres) -> AgentOptions,
    ) -> Self {
        Self::assemble(version, "", |postgres| {
            let options = options(postgres);
            assert_eq!(options.server, "", "the server runs already, so that these lines would not reach it");
            options
        })
    }

    /// With options for the agent.
    ///
    /// # Panics
    /// Something does not start.
    #[must_use]
    pub fn start_with(options: &AgentOptions) -> Self {
        Self::assemble(None, options.server, |_| options.clone())
    }

    fn assemble(
        version: Option<Version>,
        server: &str,
        options: impl FnOnce(&Postgres) -> AgentOptions,
    ) -> Self {
        let folder = TempDir::with_prefix("connect-test-").expect("a temporary folder");
        // The database may run as somebody else, who must get through.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("our own folder");
        let below = folder.path().join("postgres");
        let postgres = match version {
            Some(version) => Postgres::start_version_with(version, &below, server),
            None => Postgres::start_with(&below, server),
        };
        let options = options(&postgres);
        let idp = IdentityProvider::start_with(options.identity);
        let agent = Agent::start(&folder.path().join("agent"), &postgres, &idp, &options);
        Self { agent, idp, postgres, folder }
    }

    /// Whatever has passed, agent and `connect` never held much of it.
    ///
    /// # Panics
    /// One of them did.
    #[track_caller]
    pub fn held_little(&self, tunnel: &Tunnel) {
        for (name, id) in [("the agent", self.agent.process().id()), ("connect", tunnel.process().id())] {
            let most = process::most_memory(id);
            assert!(most < MOST_KIBIBYTES, "{name} held {most} KiB");
        }
    }

    /// A folder for the test's own things.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Somebody who has not signed in and knows no agent.
    #[must_use]
    pub fn newcomer(&self, name: &str, browser: Browser) -> Person {
        Person::new(name, &self.folder.path().join(format!("home-{name}")), browser)
    }

    /// Somebody who is signed in.
    #[must_use]
    pub fn person(&self, name: &str) -> Person {
        let person = self.newcomer(name, Browser::Forms);
        person.sign_in(&self.agent);
        person
    }
}
