//! `--detach`: this program starts itself again, hands the sign-in over through a pipe, waits until the
//! session is ready, and leaves it behind.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use connect_shared::error::ErrorReport;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::board::SessionInfo;
use crate::{
    application::Application,
    failure::{self, Outcome},
    identity::SignIn,
    private,
};

/// Longest line that passes between the two: a run's inputs, with names and hashes as long as the agent takes them.
const MAX_LINE: u64 = 8 * 1024 * 1024;

/// What the one that stays is given.
#[derive(Debug, Serialize, Deserialize)]
struct Handover<T> {
    sign_in: SignIn,
    given: T,
}

/// What the one that stays says when it knows.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum News {
    Ready(Vec<SessionInfo>),
    Failed(ErrorReport),
}

/// Starts `arguments` again in the background, gives it what a command line is no place for, and waits until it
/// is ready or has failed: of each session that it has opened, how it is.
pub(crate) async fn detach(
    application: &Application,
    arguments: Vec<std::ffi::OsString>,
    resource: &str,
    sign_in: SignIn,
    given: serde_json::Value,
) -> Outcome<Vec<SessionInfo>> {
    let log = application.paths.logs().join(file_name(resource));
    let work = move || {
        let mut child = start(arguments, &log)?;
        hand_over(&mut child, &Handover { sign_in, given })?;
        hear(&mut child, &log)
    };
    tokio::task::spawn_blocking(work).await.map_err(|error| failure::unexpected(error.to_string()))?
}

fn start(arguments: Vec<std::ffi::OsString>, log: &Path) -> Outcome<Child> {
    if let Some(folder) = log.parent() {
        private::folder(folder)?;
    }
    let file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(log);
    let file = file.map_err(|error| failure::file("write", log, &error))?;
    let program = std::env::current_exe().map_err(|error| cannot_start(&error))?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
    command.spawn().map_err(|error| cannot_start(&error))
}

fn hand_over(child: &mut Child, handover: &Handover<serde_json::Value>) -> Outcome<()> {
    let mut line = serde_json::to_vec(handover).map_err(|error| failure::unexpected(error.to_string()))?;
    line.push(b'\n');
    let sent = child.stdin.take().map(|mut pipe| pipe.write_all(&line));
    sent.unwrap_or(Ok(())).map_err(|error| cannot_start(&error))
}

fn hear(child: &mut Child, log: &Path) -> Outcome<Vec<SessionInfo>> {
    let mut line = String::new();
    if let Some(pipe) = child.stdout.take() {
        let _nothing_more = BufReader::new(pipe.take(MAX_LINE)).read_line(&mut line);
    }
    match serde_json::from_str(&line) {
        Ok(News::Ready(infos)) => Ok(infos),
        Ok(News::Failed(report)) => Err(report),
        Err(_) => {
            Err(failure::unexpected(format!("the session in the background ended; see {}", log.display())))
        }
    }
}

/// Takes what was handed over, and leaves the terminal.
pub(crate) fn receive<T: DeserializeOwned>() -> Outcome<(SignIn, T)> {
    // It fails only where there is no terminal to leave.
    let _leader_already = rustix::process::setsid();
    let mut line = String::new();
    io::stdin().lock().take(MAX_LINE).read_line(&mut line).map_err(|error| cannot_start(&error))?;
    let handover: Handover<T> = serde_json::from_str(&line)
        .map_err(|_| failure::usage("--detached is for what starts itself in the background"))?;
    Ok((handover.sign_in, handover.given))
}

/// Tells whoever started us that these sessions are ready, and says whether anybody hears it.
#[must_use = "sessions that nobody has heard of are to be ended"]
pub(crate) fn report_ready(infos: Vec<SessionInfo>) -> bool {
    say(&News::Ready(infos))
}

/// Tells whoever started us why it is not.
pub(crate) fn report_failure(report: &ErrorReport) {
    let _nobody_waits = say(&News::Failed(report.clone()));
}

fn say(news: &News) -> bool {
    serde_json::to_string(news).is_ok_and(|line| writeln!(io::stdout().lock(), "{line}").is_ok())
}

fn cannot_start(error: &io::Error) -> ErrorReport {
    failure::local("detach", format!("cannot start in the background: {}", failure::reason(error)))
}

fn file_name(resource: &str) -> PathBuf {
    let safe =
        |letter: char| if letter.is_ascii_alphanumeric() || "-_.".contains(letter) { letter } else { '_' };
    PathBuf::from(format!("{}.log", resource.chars().map(safe).collect::<String>()))
}
