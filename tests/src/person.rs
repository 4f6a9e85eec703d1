//! Somebody with a home folder, a browser and the `connect` program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    agent::Agent,
    place,
    process::{self, Finished},
    tunnel::Tunnel,
};

/// What opens when a program opens the browser.
#[derive(Debug, Clone, Copy)]
pub enum Browser {
    /// A real one, headless.
    Chromium,
    /// A program that follows links and fills forms: enough where the test is about something else.
    Forms,
    /// There is none.
    Missing,
}

/// How often the browser's log is looked at.
const GLANCE: Duration = Duration::from_millis(20);

/// One person on one machine.
pub struct Person {
    name: String,
    home: PathBuf,
    variables: Vec<(String, String)>,
}

impl Person {
    /// Somebody whom the identity provider knows (`ana`, `li`, `sam`, `mallory`).
    ///
    /// # Panics
    /// The folder cannot be made.
    #[must_use]
    pub fn new(name: &str, home: &Path, browser: Browser) -> Self {
        fs::create_dir_all(home.join("bin")).expect("a folder");
        let person = Self { name: name.to_owned(), home: home.to_owned(), variables: Vec::new() };
        person.take(browser);
        person
    }

    /// A variable of this person's surroundings from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Another browser from now on.
    ///
    /// # Panics
    /// The script cannot be written.
    pub fn take(&self, browser: Browser) {
        let text = match browser {
            Browser::Chromium => self.browser_script("chromium.mjs"),
            Browser::Forms => self.browser_script("forms.mjs"),
            Browser::Missing => {
                fs::remove_file(self.browser()).ok();
                return;
            }
        };
        fs::write(self.browser(), text).expect("a script");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(self.browser(), mode).expect("our own file");
    }

    fn browser_script(&self, driver: &str) -> String {
        let (name, home) = (&self.name, self.home.display());
        let node = place::installed("node");
        let driver = place::of_tests("oidc").join(driver);
        format!(
            "#!/bin/sh\nexport SIGN_IN_EMAIL='{name}@example.com' SIGN_IN_PASSWORD='{name}-password'\n\
             export BROWSER_PROFILE='{home}/profile' BROWSER_LOG='{home}/browser.log' HOME='{home}'\n\
             exec '{}' '{}' \"$@\" >>'{home}/browser.log' 2>&1\n",
            node.display(),
            driver.display()
        )
    }

    fn browser(&self) -> PathBuf {
        self.home.join("bin/browser")
    }

    /// Waits until the browser has seen this: it may go on after `connect` has ended.
    ///
    /// # Panics
    /// It does not, in time.
    pub fn wait_for_browser(&self, text: &str) {
        let end = Instant::now() + process::PATIENCE;
        while !self.browser_log().contains(text) {
            assert!(Instant::now() < end, "the browser never saw {text:?}: {}", self.browser_log());
            std::thread::park_timeout(GLANCE);
        }
    }

    /// What the browser saw.
    #[must_use]
    pub fn browser_log(&self) -> String {
        fs::read_to_string(self.home.join("browser.log")).unwrap_or_default()
    }

    /// Everything that this person keeps.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// `connect` with arguments and this person's surroundings, and nothing else of the test's.
    #[must_use]
    pub fn connect(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(place::built("connect"));
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Any program in this person's surroundings.
    #[must_use]
    pub fn program(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    fn surround(&self, command: &mut Command) {
        let home = self.home.as_path();
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", home)
            .env("CONNECT_HOME", home.join("connect"))
            .env("CONNECT_KEEP", "file")
            .env("BROWSER", self.browser())
            .env("LANG", "C.UTF-8")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(home);
    }

    /// Runs `connect` to its end.
    #[track_caller]
    pub fn runs(&self, arguments: &[&str]) -> Finished {
        process::run(&mut self.connect(arguments))
    }

    /// Learns an agent and signs in.
    ///
    /// # Panics
    /// Either fails.
    #[track_caller]
    pub fn sign_in(&self, agent: &Agent) {
        self.learn(agent);
        self.runs(&["login"]).good();
    }

    /// Learns an agent.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn learn(&self, agent: &Agent) {
        self.runs(&["agents", "add", &agent.url(), "--fingerprint", agent.fingerprint()]).good();
    }

    /// Opens a resource on a free port and keeps it open.
    #[must_use]
    pub fn open(&self, resource: &str) -> Tunnel {
        Tunnel::open(self, resource)
    }
}
