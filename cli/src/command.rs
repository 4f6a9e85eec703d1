//! From the command line to the command, and from its outcome to words and an exit status.

mod agents;
mod attest;
mod completions;
mod config;
mod exec;
mod explain;
mod glass;
mod identity;
mod inspect;
mod lineage;
mod man;
mod mcp;
mod open;
mod reading;
mod requests;
mod revoke;
mod run;

use std::{ffi::OsString, process::ExitCode};

use connect_shared::error::ErrorReport;

use crate::{
    application::{Application, Ending},
    arguments::{self, Arguments, Command},
    audit, complete,
    console::{Color, Console, Format, Input},
    demo, doctor,
    failure::{self, Outcome},
    paths::Paths,
    settings::{Key, Settings},
};

/// Our own failure before a command that was to be run was started.
pub(crate) const NOT_STARTED: u8 = 125;

/// Runs the program.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    complete::answer();
    let arguments = match reading::read(&words) {
        Ok(arguments) => arguments,
        Err(ended) => return ended,
    };
    let fallback = fallback_console(&arguments);
    let started = prepare(&arguments);
    let (application, runtime) = match started {
        Ok(started) => started,
        Err(report) => return end(&fallback, &arguments.command, Err(report)),
    };
    let result = runtime.block_on(dispatch(&application, &arguments.command));
    // A browser or a keychain that never answers must not hold the end up.
    runtime.shutdown_background();
    end(&application.console, &arguments.command, result)
}

fn prepare(arguments: &Arguments) -> Outcome<(Application, tokio::runtime::Runtime)> {
    start_logging();
    let _installed_already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let paths = Paths::from_environment()?;
    let directory = std::env::current_dir().unwrap_or_default();
    let settings = Settings::load(&paths, &directory)?;
    let console = console(arguments, &settings)?;
    // One thread carries all bytes: a byte that had to wake a second one would be later for it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| failure::unexpected(failure::reason(&error)))?;
    Ok((Application { console, paths, settings, agent: None }, runtime))
}

fn console(arguments: &Arguments, settings: &Settings) -> Outcome<Console> {
    let format = match (arguments.global.json, arguments.global.output) {
        (true, _) => Format::Json,
        (false, Some(format)) => format,
        (false, None) => settings.word(Key::Output)?.unwrap_or_default(),
    };
    let color = match arguments.global.color {
        Some(color) => color,
        None => settings.word(Key::Color)?.unwrap_or_default(),
    };
    let refused = arguments.global.no_input || settings.value(Key::Input) == Some("false");
    let input = if refused { Input::Refused } else { Input::Allowed };
    Ok(Console::new(format, color, input))
}

/// For failures before the settings are known.
fn fallback_console(arguments: &Arguments) -> Console {
    let format = if arguments.global.json { Some(Format::Json) } else { arguments.global.output };
    Console::new(format.unwrap_or_default(), arguments.global.color.unwrap_or(Color::Auto), Input::Refused)
}

async fn dispatch(application: &Application, command: &Command) -> Outcome<Ending> {
    let met =
        if asks_agents(command) { application.with_agent_of_settings().await? } else { application.clone() };
    let application = &met;
    match command {
        Command::Open(wish) => open::run(application, wish).await,
        Command::Exec(wish) => exec::run(application, wish).await,
        Command::Run(wish) => run::run(application, wish).await,
        Command::Shell(wish) => exec::shell(application, wish).await,
        Command::Explain(wish) => explain::run(application, wish).await,
        Command::Request(wish) => requests::ask(application, wish).await,
        Command::Requests(wish) => requests::list(application, wish).await,
        Command::Approve(wish) => requests::approve(application, wish).await,
        Command::Reject(wish) => requests::reject(application, wish).await,
        Command::Env(named) => inspect::env(application, named).await,
        Command::Url(named) => inspect::url(application, named).await,
        Command::Ls => inspect::ls(application).await,
        Command::Status => inspect::status(application).await,
        Command::Close(wish) => inspect::close(application, wish).await,
        Command::Wait(wish) => inspect::wait(application, wish).await,
        Command::Login(wish) => identity::login(application, wish).await,
        Command::Logout(wish) => identity::logout(application, wish).await,
        Command::Whoami(wish) => identity::whoami(application, wish),
        Command::Revoke(wish) => revoke::run(application, wish).await,
        Command::Agents(command) => agents::run(application, command).await,
        Command::History(wish) => audit::history(application, wish).await,
        Command::Audit(command) => audit::run(application, command).await,
        Command::Lineage(wish) => lineage::run(application, wish).await,
        Command::Attest(command) => attest::run(application, command).await,
        Command::Mcp(command) => mcp::run(application, command).await,
        Command::Doctor => doctor::run(application).await,
        Command::Config(arguments::Config::List) => config::list(application),
        Command::Completions { shell } => completions::print(*shell),
        Command::Man { to } => man::write(&application.console, to),
        Command::Demo(wish) => demo::run(application, wish).await,
        Command::Resource(_) => Err(failure::unexpected("a resource that was not read as one")),
    }
}

/// Whether a command speaks to an agent, so that a setting that names one matters.
const fn asks_agents(command: &Command) -> bool {
    !matches!(
        command,
        Command::Env(_)
            | Command::Url(_)
            | Command::Close(_)
            | Command::Wait(_)
            | Command::Agents(_)
            | Command::Config(_)
            | Command::Completions { .. }
            | Command::Man { .. }
            | Command::Demo(_)
            | Command::Resource(_)
    )
}

fn end(console: &Console, command: &Command, result: Outcome<Ending>) -> ExitCode {
    match result {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Status(status)) => ExitCode::from(status),
        Err(report) => {
            console.fail(&report);
            ExitCode::from(status_of(command, &report))
        }
    }
}

/// A command that was to run another one has a status of its own for "it never ran".
fn status_of(command: &Command, report: &ErrorReport) -> u8 {
    let runs_another = match command {
        Command::Exec(_) | Command::Shell(_) => true,
        // What fails after the command has run has a status of its own.
        Command::Run(run) => run.session.is_none() && !report.code.starts_with(run::UNATTESTED),
        Command::Open(open) => !open.command.is_empty(),
        _ => false,
    };
    match (runs_another, report.code.as_str()) {
        (true, "command_not_found") => 127,
        (true, "command_not_executable") => 126,
        (true, _) => NOT_STARTED,
        (false, _) => report.exit.code(),
    }
}

fn start_logging() {
    if let Some(filter) = std::env::var_os("CONNECT_LOG").and_then(|filter| filter.into_string().ok()) {
        let filter = tracing_subscriber::EnvFilter::new(filter);
        let _started_already =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
    }
}

#[cfg(test)]
mod tests;
