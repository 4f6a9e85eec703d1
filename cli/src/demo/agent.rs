//! The process of `connect-agent demo`. It lives as long as we hold its standard input, so that it ends with
//! us however we end.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    failure::{self, Outcome},
    program,
};

/// Longest line that tells what is ready.
const MAX_LINE: u64 = 64 * 1024;
/// How long the end may take, before it is asked for in another way.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the demo says when it is ready (`connect.demo/1`).
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Facts {
    pub(super) agent_url: String,
    pub(super) fingerprint: String,
    pub(super) issuer: String,
    pub(super) resource: String,
    pub(super) people: Vec<Person>,
    pub(super) state_dir: PathBuf,
}

/// Somebody who can sign in.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Person {
    pub(super) email: String,
    #[serde(default)]
    pub(super) about: String,
}

/// For whom it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A person in front of a browser.
    Person,
    /// The tour: people sign in by being named.
    Tour,
}

/// A running demo.
pub(super) struct DemoAgent {
    child: Child,
}

/// `connect-agent` beside this program, else on PATH.
pub(super) fn find() -> Outcome<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|own| Some(own.parent()?.join("connect-agent")));
    let beside = beside.filter(|path| path.is_file());
    beside.or_else(|| program::find("connect-agent")).ok_or_else(|| {
        failure::local("command_not_found", "`connect-agent` is neither beside this program nor on PATH")
            .help("install it: ./install.sh --from-source")
    })
}

impl DemoAgent {
    /// Starts it, in a process group of its own: Ctrl-C reaches only us.
    pub(super) fn start(program: &Path, kind: Kind) -> Outcome<Self> {
        let mut command = Command::new(program);
        command.args(["demo", "--json", "--until-stdin-closes"]);
        if kind == Kind::Tour {
            command.arg("--auto-sign-in");
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let child = command.spawn().map_err(|error| {
            let why = failure::reason(&error);
            failure::local("demo", format!("cannot start {}: {why}", program.display()))
        })?;
        Ok(Self { child })
    }

    /// Waits until everything answers.
    pub(super) async fn ready(&mut self) -> Outcome<Facts> {
        let mut line = String::new();
        if let Some(output) = self.child.stdout.take() {
            let _ended = BufReader::new(output.take(MAX_LINE)).read_line(&mut line).await;
        }
        serde_json::from_str(&line).map_err(|_| {
            failure::local("demo", "the demo did not start; the lines above say why").help("connect doctor")
        })
    }

    /// Ends it and waits until nothing of it is left.
    pub(super) async fn stop(mut self) {
        drop(self.child.stdin.take());
        if timeout(PATIENCE, self.child.wait()).await.is_ok() {
            return;
        }
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ended_already = kill_process(id, Signal::TERM);
        }
        let _still_there = timeout(PATIENCE, self.child.wait()).await;
    }
}
