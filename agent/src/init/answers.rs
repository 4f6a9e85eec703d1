//! What an agent must know, from options, from somebody at a terminal, or by the usual values.

use std::path::{Path, PathBuf};

use connect_shared::error::{ErrorReport, Exit};

use super::{InitArgs, ask::Asker, text::PasswordPlace};
use crate::{config::checks, upstream::Secret};

const USUAL_SCOPES: [&str; 4] = ["openid", "email", "groups", "offline_access"];

/// Questions that belong together, so that what does not work can be asked for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Identity,
    Database,
}

/// All that is written.
#[derive(Debug, Clone)]
pub(super) struct Answers {
    pub(super) name: String,
    pub(super) listen: String,
    pub(super) public_name: String,
    pub(super) state_dir: String,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) scopes: Vec<String>,
    pub(super) groups_claim: String,
    pub(super) identity_ca: Option<String>,
    pub(super) resource: String,
    pub(super) address: String,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) password_file: Option<String>,
    pub(super) password_env: Option<String>,
    pub(super) typed_password: Option<Secret>,
    pub(super) database_ca: Option<String>,
    pub(super) database_tls: bool,
    pub(super) class: String,
    pub(super) read: Vec<String>,
    pub(super) write: Vec<String>,
}

type Check = fn(&str) -> Result<(), String>;

/// Takes an option, asks, or takes what is usual; remembers which options would have answered.
struct Gathering<'a> {
    asker: &'a Asker,
    missing: Vec<&'static str>,
}

impl Gathering<'_> {
    fn take(
        &mut self,
        flag: &'static str,
        given: Option<&String>,
        question: &str,
        usual: Option<&str>,
        check: Check,
    ) -> String {
        if let Some(given) = given {
            return given.clone();
        }
        if self.asker.may_ask() {
            if let Some(answer) = self.asker.line(question, usual, &check) {
                return answer;
            }
        } else if let Some(usual) = usual {
            return usual.to_owned();
        }
        self.missing.push(flag);
        String::new()
    }

    fn finish(self) -> Result<(), ErrorReport> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let words =
            format!("these options are needed where nobody can be asked: {}", self.missing.join(", "));
        Err(ErrorReport::new("init_incomplete", Exit::Usage, words).help("connect-agent init --help"))
    }
}

fn something(text: &str) -> Result<(), String> {
    if text.is_empty() { Err("an answer is needed".to_owned()) } else { Ok(()) }
}

impl Answers {
    pub(super) fn gather(given: &InitArgs, asker: &Asker) -> Result<Self, ErrorReport> {
        let mut from = Gathering { asker, missing: Vec::new() };
        let host = host_name();
        let name =
            from.take("--name", given.name.as_ref(), "What is the agent called?", Some("prod"), checks::name);
        let listen = from.take(
            "--listen",
            given.listen.as_ref(),
            "Where does it listen, TCP and UDP?",
            Some("0.0.0.0:7443"),
            checks::listen,
        );
        let public_name = from.take(
            "--public-name",
            given.public_name.as_ref(),
            "By which host name do developers reach it?",
            host.as_deref(),
            checks::public_name,
        );
        let state_dir = given.state_dir.clone().unwrap_or_else(|| usual_state_dir(&given.config));
        let mut answers = Self {
            name,
            listen,
            public_name,
            state_dir,
            issuer: String::new(),
            client_id: String::new(),
            scopes: USUAL_SCOPES.map(str::to_owned).to_vec(),
            groups_claim: given.groups_claim.clone().unwrap_or_else(|| "groups".to_owned()),
            identity_ca: given.identity_ca.as_deref().map(absolute),
            resource: String::new(),
            address: String::new(),
            database: String::new(),
            user: String::new(),
            password_file: given.password_file.as_deref().map(absolute),
            password_env: given.password_env.clone(),
            typed_password: None,
            database_ca: given.database_ca.as_deref().map(absolute),
            database_tls: !given.no_database_tls,
            class: given.class.clone().unwrap_or_else(|| "production".to_owned()),
            read: given.read.clone(),
            write: given.write.clone(),
        };
        answers.gather_identity(given, &mut from);
        answers.gather_database(given, &mut from);
        answers.gather_people(&mut from);
        from.finish()?;
        Ok(answers)
    }

    fn gather_identity(&mut self, given: &InitArgs, from: &mut Gathering<'_>) {
        self.issuer = from.take(
            "--issuer",
            given.issuer.as_ref(),
            "Who signs people in? (the issuer's URL)",
            None,
            checks::issuer,
        );
        self.client_id = from.take(
            "--client-id",
            given.client_id.as_ref(),
            "Which public client is registered there for connect?",
            Some("connect-cli"),
            something,
        );
    }

    fn gather_database(&mut self, given: &InitArgs, from: &mut Gathering<'_>) {
        self.address = from.take(
            "--address",
            given.address.as_ref(),
            "Where is the database server? (host:port)",
            None,
            checks::address,
        );
        self.database =
            from.take("--database", given.database.as_ref(), "Which database on it?", None, something);
        let usual = format!("{}-db", self.name);
        self.resource = from.take(
            "--resource",
            given.resource.as_ref(),
            "What do developers call it?",
            Some(&usual),
            checks::resource_name,
        );
        self.user = from.take(
            "--user",
            given.user.as_ref(),
            "Which account there is the agent's own?",
            Some("connect_agent"),
            something,
        );
        if self.password_file.is_none() && self.password_env.is_none() {
            self.typed_password =
                from.asker.may_ask().then(|| from.asker.secret("Its password")).flatten().map(Secret);
            if self.typed_password.is_none() {
                from.missing.push("--password-file or --password-env");
            }
        }
    }

    fn gather_people(&mut self, from: &mut Gathering<'_>) {
        if !self.read.is_empty() || !self.write.is_empty() {
            return;
        }
        let who = from.take(
            "--read or --write",
            None,
            "Who may read it? (group:NAME, principal:NAME, or * for all who can sign in)",
            None,
            checks::who,
        );
        self.read.push(who);
    }

    /// Asks once more for what did not work; what was said is the usual answer now.
    pub(super) fn ask_again(&mut self, part: Part, asker: &Asker) -> Result<(), ErrorReport> {
        let mut from = Gathering { asker, missing: Vec::new() };
        match part {
            Part::Identity => {
                let usual = self.issuer.clone();
                self.issuer =
                    from.take("--issuer", None, "Who signs people in?", Some(&usual), checks::issuer);
            }
            Part::Database => {
                let usual = self.address.clone();
                self.address = from.take(
                    "--address",
                    None,
                    "Where is the database server?",
                    Some(&usual),
                    checks::address,
                );
                let usual = self.database.clone();
                self.database =
                    from.take("--database", None, "Which database on it?", Some(&usual), something);
                let usual = self.user.clone();
                self.user = from.take("--user", None, "Which account?", Some(&usual), something);
                if self.typed_password.is_some()
                    && let Some(typed) = asker.secret("Its password, the same if empty")
                {
                    self.typed_password = Some(Secret(typed));
                }
            }
        }
        from.finish()
    }

    /// Some providers refuse scopes that they do not know.
    pub(super) fn limit_scopes(&mut self, supported: Option<&[String]>) {
        if let Some(supported) = supported {
            self.scopes.retain(|scope| scope == "openid" || supported.contains(scope));
        }
    }

    pub(super) fn password_place(&self) -> PasswordPlace<'_> {
        match (&self.password_file, &self.password_env) {
            (Some(file), _) => PasswordPlace::File(file.clone()),
            (None, Some(name)) => PasswordPlace::Variable(name),
            (None, None) => PasswordPlace::File(format!("{}.password", self.resource)),
        }
    }

    /// Where a typed password is kept: beside the configuration.
    pub(super) fn password_path(&self, config: &Path) -> PathBuf {
        let file = format!("{}.password", self.resource);
        config.parent().map_or_else(|| PathBuf::from(&file), |folder| folder.join(&file))
    }

    /// Where developers reach it.
    pub(super) fn url(&self) -> String {
        let port = self.listen.rsplit(':').next().unwrap_or("7443");
        let host = match self.public_name.parse::<std::net::Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => self.public_name.clone(),
        };
        format!("https://{host}:{port}")
    }
}

/// A file that an option names is meant from here, not from where the configuration will be.
fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// Beside a configuration that is not the machine's own, its state is its own, too.
fn usual_state_dir(config: &Path) -> String {
    if config.starts_with("/etc") { "/var/lib/connect-agent".to_owned() } else { "state".to_owned() }
}

fn host_name() -> Option<String> {
    let said = std::process::Command::new("uname").arg("-n").output().ok()?;
    let name = String::from_utf8(said.stdout).ok()?.trim().to_owned();
    checks::public_name(&name).is_ok().then_some(name)
}
