//! The command line: parses it, starts what it names, and turns what comes back into an exit code and
//! words. Nothing is decided here.

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use connect_core::decide::SCHEMA;
use connect_shared::error::{ErrorReport, Exit};
use tracing_subscriber::EnvFilter;

use crate::{
    analyze, audit,
    check::{self, Reach},
    config::{Config, ConfigError, KeepError},
    demo, demo_query, dev_idp, exact,
    export::{lag, resend},
    init,
    keys::{self, KeyError},
    labels, log, policy,
    serve::{self, ServeError},
    witness,
};

/// Environment variable with a filter of `tracing`: `info`, `connect_agent=debug` …
const LOG_FILTER: &str = "CONNECT_AGENT_LOG";

/// The only door to the databases behind it: who signs in gets a short grant, and every statement is
/// decided, recorded and masked on its way.
#[derive(Debug, Parser)]
#[command(name = "connect-agent", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Box<init::InitArgs>),
    /// Serves the resources of a configuration until SIGTERM or SIGINT.
    Serve(File),
    /// Says everything that is wrong with a configuration, or that nothing is.
    Check {
        #[command(flatten)]
        file: File,
        /// Looks at the file alone: asks neither the identity provider nor the databases.
        #[arg(long)]
        offline: bool,
    },
    Analyze(analyze::AnalyzeArgs),
    /// The log of this agent.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Prints the fingerprint of the agent's certificate, for `connect agents add`.
    Fingerprint(File),
    /// Which columns are masked and why, and how to say otherwise.
    Labels {
        #[command(flatten)]
        file: File,
        #[command(subcommand)]
        command: labels::LabelsCommand,
    },
    /// The rules that decide about statements.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    Demo(demo::DemoArgs),
    #[command(hide = true)]
    DemoQuery(demo_query::DemoQueryArgs),
    DevIdp(dev_idp::DevIdpArgs),
    Witness(witness::WitnessArgs),
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Makes the search index anew from the log. The agent must not be running.
    Reindex(File),
    /// Gives the log a new key, which the old one vouches for. The agent must not be running.
    RotateKey(File),
    /// Removes entries that are older than they are kept; hashes and proofs stay. The agent must not be running.
    Prune {
        #[command(flatten)]
        file: File,
        /// How long entries are kept: `pci-dss`, `hipaa`, `sox`, or days, as in `400d`; no shorter than `keep` of
        /// `[log]` [default: that].
        #[arg(long, value_name = "RULE")]
        keep: Option<String>,
    },
    /// Erases keys of exact texts, so that nobody can read these any more; every proof still holds. The agent must
    /// not be running.
    Erase {
        #[command(flatten)]
        file: File,
        #[command(flatten)]
        wish: exact::EraseArgs,
    },
    /// Where each sink stands: what it has taken, and how far it is behind.
    Sinks {
        #[command(flatten)]
        file: File,
        /// How it is printed.
        #[arg(short, long, value_enum, default_value = "table")]
        output: lag::Form,
    },
    /// Sends entries to a sink again. The agent does it, running or when it starts.
    Resend {
        #[command(flatten)]
        file: File,
        /// Its name in the configuration.
        #[arg(long, value_name = "NAME")]
        sink: String,
        /// Index of the first entry.
        #[arg(long, value_name = "INDEX")]
        from: u64,
    },
    /// Measures how many entries a second a disk takes, in a log of its own.
    Measure(log::MeasureArgs),
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Prints the policies that decide: those of the configuration, else the default.
    Show(policy::ShowArgs),
    /// Prints the schema that policies are validated against.
    Schema,
    Test(policy::test::TestArgs),
}

#[derive(Debug, clap::Args)]
struct File {
    /// The configuration.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        default_value = "/etc/connect/agent.toml",
        env = "CONNECT_AGENT_CONFIG"
    )]
    config: PathBuf,
}

/// Runs the program.
pub fn run() -> ExitCode {
    // clap ends the process itself: 2 for usage, 0 for help and version.
    let arguments = Arguments::parse();
    start_logging(&arguments.command);
    match execute(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) => {
            complain(&report);
            ExitCode::from(report.exit.code())
        }
    }
}

fn execute(command: Command) -> Result<(), ErrorReport> {
    let unstartable =
        |error| ErrorReport::new("internal", Exit::Unexpected, format!("the runtime cannot start: {error}"));
    // Nobody else in this process chooses a provider; if somebody did, it is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(unstartable)?;
    runtime.block_on(dispatch(command))
}

async fn dispatch(command: Command) -> Result<(), ErrorReport> {
    match command {
        Command::Init(arguments) => init::run(*arguments).await,
        Command::Serve(file) => serve_until_signalled(&file.config).await,
        Command::Check { file, offline } => {
            let config = load(&file.config)?;
            check::check(&config, if offline { Reach::File } else { Reach::Network }).await
        }
        Command::Analyze(arguments) => analyze::run(arguments).await,
        Command::Audit { command: AuditCommand::Reindex(file) } => reindex(&load(&file.config)?),
        Command::Audit { command: AuditCommand::RotateKey(file) } => rotate_key(&load(&file.config)?),
        Command::Audit { command: AuditCommand::Prune { file, keep } } => {
            prune(&load(&file.config)?, &file.config, keep.as_deref())
        }
        Command::Audit { command: AuditCommand::Erase { file, wish } } => erase(&load(&file.config)?, &wish),
        Command::Audit { command: AuditCommand::Sinks { file, output } } => {
            lag::list(&load(&file.config)?, output)
        }
        Command::Audit { command: AuditCommand::Resend { file, sink, from } } => {
            resend(&load(&file.config)?, &sink, from)
        }
        Command::Audit { command: AuditCommand::Measure(wish) } => measure(&wish).await,
        Command::Fingerprint(file) => {
            let certificate = keys::certificate(&load(&file.config)?).map_err(local)?;
            say(&certificate.fingerprint())
        }
        Command::Labels { file, command } => labels::run(command, &file.config, &load(&file.config)?).await,
        Command::Policy { command } => match command {
            PolicyCommand::Show(arguments) => say(policy::show(&arguments)?.trim_end()),
            PolicyCommand::Schema => say(SCHEMA.trim_end()),
            PolicyCommand::Test(arguments) => policy::test::run(arguments).await,
        },
        Command::Demo(arguments) => Ok(demo::run(arguments).await?),
        Command::DemoQuery(arguments) => demo_query::run(arguments).await,
        Command::Witness(arguments) => witness::run(arguments).await,
        Command::DevIdp(arguments) => dev_idp::run(arguments)
            .await
            .map_err(|error| ErrorReport::new("dev_idp", Exit::Local, error.to_string())),
    }
}

async fn serve_until_signalled(path: &Path) -> Result<(), ErrorReport> {
    let config = load(path)?;
    let signals = serve::signalled().map_err(|error| {
        ErrorReport::new("signals", Exit::Local, format!("cannot listen for signals: {error}"))
    })?;
    serve::run(config, signals).await.map_err(|error| {
        let exit = if matches!(error, ServeError::Ended) { Exit::Unexpected } else { Exit::Local };
        ErrorReport::new("not_serving", exit, error.to_string()).help("connect-agent check")
    })
}

fn reindex(config: &Config) -> Result<(), ErrorReport> {
    let bar = indicatif::ProgressBar::new(0);
    let made = audit::reindex(&config.state_dir.join("log"), &mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let entries = made.map_err(|error| {
        ErrorReport::new("reindex", Exit::Local, format!("the search index cannot be made: {error}"))
    })?;
    say(&format!("{entries} entries are in the search index"))
}

fn rotate_key(config: &Config) -> Result<(), ErrorReport> {
    let dir = config.state_dir.join("log");
    let rotated =
        log::rotate(&dir, log::LogOptions::new(config.log.origin.clone(), &dir)).map_err(|error| {
            ErrorReport::new("rotate_key", Exit::Local, format!("the key of the log is not changed: {error}"))
        })?;
    say(&format!("the key of the log was {}", rotated.from))?;
    say(&format!("and is {} from entry {} on", rotated.to, rotated.index))?;
    say("tell witnesses and auditors; `connect` follows by itself")
}

fn prune(config: &Config, path: &Path, keep: Option<&str>) -> Result<(), ErrorReport> {
    let words = |problem| ErrorReport::new("bad_rule", Exit::Usage, format!("--keep {problem}"));
    let asked = keep.map(crate::config::retention).transpose().map_err(words)?;
    let rule = config.log.rule(asked).map_err(|error| {
        let (code, help) = match error {
            KeepError::NoRule => {
                ("no_rule", "connect-agent audit prune --keep 400d, or `keep` in `[log]`".to_owned())
            }
            KeepError::Shorter { .. } => (
                "kept_longer",
                format!("write a shorter `keep` in `[log]` of {}, then prune", path.display()),
            ),
        };
        ErrorReport::new(code, Exit::Usage, error.to_string()).help(help)
    })?;
    let pruned = serve::prune(config, &rule).map_err(|error| {
        ErrorReport::new("not_pruned", Exit::Local, format!("the log is not pruned: {error}"))
    })?;
    match pruned {
        Some(pruned) => say(&format!(
            "entries {} to {} are pruned, as entry {} says; their hashes stay",
            pruned.from,
            pruned.upto.saturating_sub(1),
            pruned.index
        )),
        None => say("nothing is old enough, or a sink has not taken it yet"),
    }
}

fn erase(config: &Config, wish: &exact::EraseArgs) -> Result<(), ErrorReport> {
    let erased = exact::erase(&config.state_dir, &config.log.origin, &wish.which()).map_err(|error| {
        ErrorReport::new("not_erased", Exit::Local, format!("exact texts are not erased: {error}"))
    })?;
    match erased {
        0 => say("there is no key of such texts"),
        1 => say("1 key is erased: nobody can read what was sealed under it"),
        keys => say(&format!("{keys} keys are erased: nobody can read what was sealed under them")),
    }
}

fn resend(config: &Config, sink: &str, from: u64) -> Result<(), ErrorReport> {
    let entries = resend::wish(config, sink, from).map_err(|error| {
        ErrorReport::new("not_resent", Exit::Usage, format!("nothing is sent again: {error}"))
            .help("connect-agent audit sinks")
    })?;
    say(&format!("`{sink}` gets {entries} entries again, from {from} on, as soon as the agent runs"))
}

async fn measure(wish: &log::MeasureArgs) -> Result<(), ErrorReport> {
    let measured = log::measure(wish).await.map_err(|error| {
        ErrorReport::new("measure", Exit::Local, format!("the disk cannot be measured: {error}"))
    })?;
    say(&serde_json::to_string(&measured).unwrap_or_default())
}

pub fn load(path: &Path) -> Result<Config, ErrorReport> {
    Config::load(path).map_err(|error| {
        let code = match error {
            ConfigError::Unreadable { .. } => "config_unreadable",
            ConfigError::Invalid { .. } => "config_invalid",
        };
        ErrorReport::new(code, Exit::Usage, error.to_string())
    })
}

fn local(error: KeyError) -> ErrorReport {
    ErrorReport::new("keys", Exit::Local, error.to_string())
}

fn say(line: &str) -> Result<(), ErrorReport> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| {
        ErrorReport::new("output", Exit::Local, format!("cannot write to standard output: {error}"))
    })
}

fn complain(report: &ErrorReport) {
    eprintln!("error: {}", report.message);
    for next in &report.help {
        eprintln!("  next: {next}");
    }
}

/// Log lines go to stderr. `serve` tells of sessions; the others speak for themselves.
fn start_logging(command: &Command) {
    let usual = match command {
        Command::Serve(_) | Command::Witness(_) => "info",
        _ => "warn",
    };
    let filter = EnvFilter::try_from_env(LOG_FILTER).unwrap_or_else(|_| EnvFilter::new(usual));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
