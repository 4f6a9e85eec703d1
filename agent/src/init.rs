//! `connect-agent init`: from a few answers to an agent that developers can use. It asks on a terminal or
//! takes options, tries the identity provider and the database before it writes anything, and ends with
//! the one line that developers need.
//!
//! It never writes over a file that is there. Read next: [`answers`] for what is asked, [`text`] for what
//! is written.

mod answers;
mod ask;
mod text;
mod write;

use std::path::{Path, PathBuf};

use connect_shared::error::{ErrorReport, Exit};

use self::{
    answers::{Answers, Part},
    ask::Asker,
    text::PasswordPlace,
};
use crate::{
    check::{self, Finding},
    config::{Config, Problem},
    identity::IdentityVerifier,
    keys,
};

/// Under this name a trial finds the password that was typed.
const TYPED: &str = "the password that was typed";

/// Writes a configuration that works: asks for what no option says, tries the identity provider and the
/// database, and prints the line that developers need.
#[derive(Debug, Clone, clap::Args)]
pub struct InitArgs {
    /// Where to write the configuration; a file that is there is left alone.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/connect/agent.toml",
        env = "CONNECT_AGENT_CONFIG"
    )]
    config: PathBuf,
    /// What the agent is called.
    #[arg(long)]
    name: Option<String>,
    /// Where it listens, TCP and UDP.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// The host name by which developers reach it.
    #[arg(long, value_name = "HOST")]
    public_name: Option<String>,
    /// Where it keeps its keys and its log.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<String>,
    /// The identity provider, as in the `iss` of its tokens.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The public client that is registered there for `connect`.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The claim with the groups of a person.
    #[arg(long, value_name = "CLAIM")]
    groups_claim: Option<String>,
    /// The authority behind the identity provider's certificate, if no public one is.
    #[arg(long, value_name = "FILE")]
    identity_ca: Option<String>,
    /// What developers call the database.
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// Where the database server is.
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// The database on that server.
    #[arg(long, value_name = "NAME")]
    database: Option<String>,
    /// The agent's own account there.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A file of mode 0600 with the account's password.
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<String>,
    /// A variable with the account's password, now and whenever the agent is started.
    #[arg(long, value_name = "NAME")]
    password_env: Option<String>,
    /// The authority behind the database's certificate, if no public one is.
    #[arg(long, value_name = "FILE", conflicts_with = "no_database_tls")]
    database_ca: Option<String>,
    /// Do without TLS to the database; only on this machine.
    #[arg(long)]
    no_database_tls: bool,
    /// `production`, or `development` where changes of schema are permitted.
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Who may read: group:NAME, principal:NAME or *.
    #[arg(long, value_name = "WHO")]
    read: Vec<String>,
    /// Who may write.
    #[arg(long, value_name = "WHO")]
    write: Vec<String>,
    /// Ask nothing; what no option says must have a usual value.
    #[arg(long)]
    no_input: bool,
    /// Write without trying the identity provider and the database.
    #[arg(long)]
    offline: bool,
}

/// Runs it.
///
/// # Errors
/// Something is missing, does not work or cannot be written. Then nothing was written.
pub async fn run(arguments: InitArgs) -> Result<(), ErrorReport> {
    write::check_free(&arguments.config)?;
    let asker = Asker::new(arguments.no_input);
    let mut answers = Answers::gather(&arguments, &asker)?;
    loop {
        let trial = parse(&answers, &arguments.config)?;
        if arguments.offline {
            break;
        }
        let Some(part) = try_out(&trial, &mut answers).await? else { break };
        if !asker.may_ask() {
            let words = "nothing was written, because something did not work that the agent needs";
            return Err(ErrorReport::new("init_failed", Exit::Unreachable, words)
                .help("put it right and run the same line again; or write without trying: --offline"));
        }
        eprintln!();
        answers.ask_again(part, &asker)?;
    }
    finish(&answers, &arguments.config)
}

/// The configuration as the agent would read it, with the password wherever it is now.
fn parse(answers: &Answers, path: &Path) -> Result<Config, ErrorReport> {
    let place = match &answers.typed_password {
        Some(_) => PasswordPlace::Variable(TYPED),
        None => answers.password_place(),
    };
    let base = path.parent().unwrap_or(Path::new("."));
    let typed = answers.typed_password.clone();
    let environment = |name: &str| {
        if name == TYPED { typed.as_ref().map(|typed| typed.0.clone()) } else { std::env::var(name).ok() }
    };
    Config::parse(&text::render(answers, &place), base, &environment).map_err(|problems| wrong(&problems))
}

fn wrong(problems: &[Problem]) -> ErrorReport {
    let lines: Vec<String> =
        problems.iter().map(|problem| format!("\n  {}: {}", problem.key, problem.message)).collect();
    let words = format!("with these answers the agent would not start:{}", lines.concat());
    ErrorReport::new("init_answers", Exit::Usage, words)
}

/// Tries what is on other machines; the part that does not work, if one does not.
async fn try_out(config: &Config, answers: &mut Answers) -> Result<Option<Part>, ErrorReport> {
    eprintln!("Trying the identity provider and the database …");
    let (identity, databases) = tokio::join!(check::identity(config), check::databases(config));
    for finding in identity.iter().chain(&databases) {
        eprintln!("{finding}");
    }
    let bad = |findings: &[Finding]| findings.iter().any(|finding| matches!(finding, Finding::Bad { .. }));
    if bad(&identity) {
        return Ok(Some(Part::Identity));
    }
    if bad(&databases) {
        return Ok(Some(Part::Database));
    }
    if let Ok(verifier) = IdentityVerifier::new(config) {
        answers.limit_scopes(verifier.scopes().await.as_deref());
    }
    Ok(None)
}

fn finish(answers: &Answers, path: &Path) -> Result<(), ErrorReport> {
    let password =
        answers.typed_password.as_ref().map(|typed| (answers.password_path(path), typed.0.as_str()));
    let place = match &password {
        Some((path, _)) => PasswordPlace::File(path.display().to_string()),
        None => answers.password_place(),
    };
    let written = write::write(path, &text::render(answers, &place), password.as_ref())?;
    let fingerprint = fingerprint(path).inspect_err(|_| write::take_back(&written))?;
    for file in written {
        eprintln!("Wrote {}", file.display());
    }
    eprintln!("Start the agent:        connect-agent serve --config {}", path.display());
    eprintln!("Give developers this line:");
    println!("connect agents add {} --fingerprint {fingerprint}", answers.url());
    Ok(())
}

/// What developers compare: that of the agent's certificate, which is made now.
fn fingerprint(path: &Path) -> Result<String, ErrorReport> {
    let config = Config::load(path)
        .map_err(|error| ErrorReport::new("config_invalid", Exit::Unexpected, error.to_string()))?;
    let certificate = keys::certificate(&config).map_err(|error| {
        ErrorReport::new("keys", Exit::Local, error.to_string()).help("choose another place: --state-dir DIR")
    })?;
    Ok(certificate.fingerprint())
}

#[cfg(test)]
mod tests;
