//! `connect exec`, `shell` and `open -- CMD`: a command that finds the resource in its environment. Its exit
//! status is ours.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::process::ExitStatusExt as _,
    path::PathBuf,
    process::ExitStatus,
};

use connect_shared::grant::BudgetPart;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::{
    glass,
    open::{actions, target},
};
use crate::{
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
    program,
    session::{
        self, ClientSettings, Held, LocalWish, Others, Parent, PartWish, Parts, Patience, Request, Signals,
        Terms,
    },
};

pub(super) async fn run(application: &Application, wish: &arguments::Exec) -> Outcome<Ending> {
    let request = Request {
        target: target(application, wish.resource.as_deref()).await?,
        actions: actions(wish.read_only),
        reason: wish.reason.clone(),
        actor: wish.actor.clone(),
        run: None,
        task: wish.task.clone(),
        local: LocalWish::Private,
        patience: Patience::wished(wish.no_wait),
        how_long: None,
    };
    let glass = glass::wished(wish.break_glass, wish.reason.as_ref());
    glass::broken(application, &request, glass).await?;
    let Some(parent) = parent(&wish.part) else {
        return with_session(application, &request, &wish.command).await;
    };
    find(wish.command.first().map(OsString::as_os_str).unwrap_or_default())?;
    let opened = session::open_part(application, &request, parent).await?;
    run_in(application, vec![opened], &wish.command, request.patience, &[]).await
}

/// The session that this one is to be a part of: the one that is named, or the one that we run in.
fn parent(wish: &arguments::Part) -> Option<Parent> {
    let named = wish.parent.clone();
    let socket = named.or_else(|| Parent::around().map(|around| around.socket))?;
    let budget = BudgetPart {
        statements: wish.statements,
        rows: wish.rows,
        cells: wish.cells,
        bytes: wish.bytes,
        persons: wish.persons,
    };
    let seconds = wish.duration.map(|duration| duration.0);
    Some(Parent { socket, wish: PartWish { tables: wish.table.clone(), seconds, budget } })
}

pub(super) async fn shell(application: &Application, wish: &arguments::ShellArguments) -> Outcome<Ending> {
    let request = Request {
        target: target(application, wish.resource.as_deref()).await?,
        actions: actions(wish.read_only),
        reason: wish.reason.clone(),
        actor: None,
        run: None,
        task: None,
        local: LocalWish::Private,
        patience: Patience::wished(wish.no_wait),
        how_long: None,
    };
    let glass = glass::wished(wish.break_glass, wish.reason.as_ref());
    glass::broken(application, &request, glass).await?;
    let opened = open(application, &request).await?;
    let mut command: Vec<OsString> = vec![opened.resource.engine.client_program().into()];
    command.extend(wish.arguments.iter().cloned());
    run_in(application, vec![opened], &command, request.patience, &[]).await
}

/// Opens a session: the person's own, or in the command of an AI agent a part of that one's.
pub(super) async fn open(application: &Application, request: &Request) -> Outcome<session::Opened> {
    match Parent::around() {
        Some(parent) => session::open_part(application, request, parent).await,
        None => session::open(application, request, application.holder(&request.target.agent)?).await,
    }
}

/// Opens a session and runs a command in it.
pub(super) async fn with_session(
    application: &Application,
    request: &Request,
    command: &[OsString],
) -> Outcome<Ending> {
    // Known before anybody is asked to sign in.
    find(command.first().map(OsString::as_os_str).unwrap_or_default())?;
    let opened = open(application, request).await?;
    run_in(application, vec![opened], command, request.patience, &[]).await
}

/// Runs a command in a session.
async fn run_in(
    application: &Application,
    opened: Vec<session::Opened>,
    command: &[OsString],
    patience: Patience,
    more: &[(String, String)],
) -> Outcome<Ending> {
    // From here on Ctrl-C is the command's business: it reaches the whole foreground.
    let mut signals = Signals::catch()?;
    Ok(run_in_all(application, opened, command, patience, more, &mut signals).await?.ending)
}

/// What became of a command.
pub(super) struct Ran {
    pub(super) ending: Ending,
    /// Resources whose sessions were over before the command was.
    pub(super) left: Vec<String>,
}

/// Runs a command in several sessions, of which it finds the first one in the usual variables; with more variables
/// than that session's. What would end us is passed on to it meanwhile.
pub(super) async fn run_in_all(
    application: &Application,
    opened: Vec<session::Opened>,
    command: &[OsString],
    patience: Patience,
    more: &[(String, String)],
    signals: &mut Signals,
) -> Outcome<Ran> {
    let first = opened.first().ok_or_else(|| failure::unexpected("no session for a command"))?;
    let parts = parts(application, &opened)?;
    let mut child = start(&first.client, command, patience, more, parts.as_ref())?;
    let names: Vec<String> = opened.iter().map(|one| one.resource.name.clone()).collect();
    let mut status = None;
    let finished = async {
        status = Some(wait(&mut child, signals).await);
        // What it was told is done with; what comes from here on is for us.
        signals.forget();
    };
    // Why one ended before the command was said then.
    let held = session::hold_all(opened, &application.console, finished, Others::GoOn).await;
    let status = match status {
        Some(status) => status,
        // None is left, and it goes on without.
        None => {
            let status = wait(&mut child, signals).await;
            signals.forget();
            status
        }
    };
    let status = status.map_err(|error| failure::unexpected(failure::reason(&error)))?;
    let left = names.into_iter().zip(&held).filter(|(_, held)| !matches!(held, Held::Reached));
    Ok(Ran { ending: Ending::Status(code_of(status)), left: left.map(|(name, _)| name).collect() })
}

/// What an AI agent's command starts for others is a part of its session: its sub-agents come here, and get parts of
/// the first resource.
pub(super) fn parts(application: &Application, opened: &[session::Opened]) -> Outcome<Option<Parts>> {
    let first = opened.first().filter(|first| first.is_an_actors);
    first.map(|first| first.giver.clone().serve(&application.paths, Terms::default())).transpose()
}

fn start(
    client: &ClientSettings,
    command: &[OsString],
    patience: Patience,
    more: &[(String, String)],
    parts: Option<&Parts>,
) -> Outcome<Child> {
    let (name, rest) = command.split_first().ok_or_else(|| failure::usage("which command?"))?;
    let mut starting = Command::new(find(name)?);
    starting.args(rest);
    for name in client.engine.conflicting_environment() {
        starting.env_remove(name);
    }
    starting.envs(client.environment());
    starting.envs(more.iter().map(|(name, value)| (name, value)));
    if let Some(parts) = parts {
        starting.env(session::PARENT, parts.path());
    }
    if patience == Patience::None {
        let (name, setting) = client.engine.no_wait_environment();
        let given = std::env::var(name).unwrap_or_default();
        starting.env(name, format!("{given} {setting}").trim_start());
    }
    starting.spawn().map_err(|error| cannot_start(name, &error))
}

/// The program behind a word, or which of the two usual problems it is.
pub(super) fn find(name: &OsStr) -> Outcome<PathBuf> {
    let text = name.to_string_lossy();
    if let Some(path) = program::find(&text) {
        return Ok(path);
    }
    if text.contains('/') && std::path::Path::new(name).exists() {
        return Err(failure::local("command_not_executable", format!("`{text}` is not executable")));
    }
    let report = failure::local("command_not_found", format!("there is no program `{text}` on PATH"));
    Err(match &*text {
        "psql" => report.help("install PostgreSQL's client (Debian: apt install postgresql-client)"),
        _ => report,
    })
}

fn cannot_start(name: &OsStr, error: &io::Error) -> connect_shared::error::ErrorReport {
    let code = match error.kind() {
        io::ErrorKind::NotFound => "command_not_found",
        _ => "command_not_executable",
    };
    failure::local(code, format!("cannot start `{}`: {}", name.to_string_lossy(), failure::reason(error)))
}

/// Waits for the command; what would end us is passed on to it. Ctrl-C reaches it by itself.
async fn wait(child: &mut Child, signals: &mut Signals) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => {
                let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
                if let Some(id) = id.filter(|_| signal != Signal::INT) {
                    let _ended_already = kill_process(id, signal);
                }
            }
        }
    }
}

fn code_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_commands_or_that_of_its_signal() {
        assert_eq!(code_of(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(code_of(ExitStatus::from_raw(9)), 137);
        assert_eq!(code_of(ExitStatus::from_raw(0)), 0);
    }

    #[test]
    fn a_missing_program_and_one_that_cannot_run_are_told_apart() {
        let report = find(OsStr::new("no-such-program-anywhere")).expect_err("missing");
        assert_eq!(report.code, "command_not_found");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "text").expect("written");
        let report = find(file.as_os_str()).expect_err("not executable");
        assert_eq!(report.code, "command_not_executable");
        assert!(find(OsStr::new("sh")).is_ok());
    }
}
