//! Everything that an end-to-end test needs, started together and gone together.

use std::path::Path;

use tempfile::TempDir;

use crate::{
    agent::{Agent, AgentOptions},
    idp::IdentityProvider,
    person::{Browser, Person},
    postgres::Postgres,
};

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

    /// With options for the agent.
    ///
    /// # Panics
    /// Something does not start.
    #[must_use]
    pub fn start_with(options: &AgentOptions) -> Self {
        let folder = TempDir::with_prefix("connect-test-").expect("a temporary folder");
        // The database may run as somebody else, who must get through.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("our own folder");
        let postgres = Postgres::start(&folder.path().join("postgres"));
        let idp = IdentityProvider::start_with(options.identity);
        let agent = Agent::start(&folder.path().join("agent"), &postgres, &idp, options);
        Self { agent, idp, postgres, folder }
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
