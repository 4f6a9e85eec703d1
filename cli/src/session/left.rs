//! Sessions in the background that are over: nobody heard how, so it is kept until somebody asks.

use std::path::PathBuf;

use connect_shared::error::ErrorReport;
use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use super::board::SessionInfo;
use crate::{identity::now, paths::Paths, private};

/// Seconds for which it is told: a day.
const TOLD: u64 = 86_400;
/// More than anybody has.
const MAX_LEFT: usize = 512;

/// A session in the background, the last one of its resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(crate) resource: String,
    pub(crate) agent: String,
    pid: u32,
    /// Seconds since 1970-01-01T00:00:00Z: when it ended, or when it was opened as long as nobody knows that.
    pub(crate) at: u64,
    /// How it ended; `null` if it never said so.
    pub(crate) ended: Option<ErrorReport>,
}

impl Left {
    fn of(info: &SessionInfo, ended: Option<ErrorReport>) -> Self {
        let (resource, agent) = (info.resource.clone(), info.agent.clone());
        Self { resource, agent, pid: info.pid, at: now(), ended }
    }

    /// Whether `name` means it; `agent/resource` names one agent's.
    pub(crate) fn is_of(&self, name: &str) -> bool {
        self.resource == name || name.split_once('/') == Some((self.agent.as_str(), self.resource.as_str()))
    }

    /// In a sentence.
    pub(crate) fn words(&self) -> &str {
        match &self.ended {
            Some(report) => &report.message,
            None => "it was killed, or this machine was off",
        }
    }

    fn is_told(&self, open: &[SessionInfo], now: u64) -> bool {
        let is_open = open.iter().any(|info| info.pid == self.pid && info.resource == self.resource);
        let ends_now = self.ended.is_none() && is_alive(self.pid);
        // One that lived for long has a right to be missed all the same.
        let is_old = self.ended.is_some() && now.saturating_sub(self.at) >= TOLD;
        !is_open && !ends_now && !is_old
    }
}

/// A session in the background is there: what became of the one before it is nobody's business any more. That it
/// cannot be noted ends no session.
pub(crate) fn opened(paths: &Paths, info: &SessionInfo) {
    note(paths, &Left::of(info, None));
}

/// It ended otherwise than somebody of this machine wanted.
pub(crate) fn ended(paths: &Paths, info: &SessionInfo, report: &ErrorReport) {
    note(paths, &Left::of(info, Some(report.clone())));
}

/// It was closed.
pub(crate) fn closed(paths: &Paths, info: &SessionInfo) {
    if let Err(report) = private::remove(&file(paths, &info.agent, &info.resource)) {
        tracing::debug!(message = report.message, "an ended session cannot be forgotten");
    }
}

fn note(paths: &Paths, left: &Left) {
    let path = file(paths, &left.agent, &left.resource);
    let text = serde_json::to_vec(left).unwrap_or_default();
    if let Err(report) = private::write(&path, &text) {
        tracing::debug!(message = report.message, "a session in the background cannot be noted");
    }
}

/// Those that are over, and that nobody has opened again, by resource. What cannot be read is not told.
pub(crate) fn left(paths: &Paths, open: &[SessionInfo]) -> Vec<Left> {
    let Ok(entries) = std::fs::read_dir(paths.left()) else { return Vec::new() };
    let now = now();
    let mut found = Vec::new();
    for entry in entries.take(MAX_LEFT).flatten() {
        let text = private::read(&entry.path()).ok().flatten().unwrap_or_default();
        let Ok(left) = serde_json::from_str::<Left>(&text) else { continue };
        if left.is_told(open, now) {
            found.push(left);
        }
    }
    found.sort_by(|one, two| (&one.resource, &one.agent).cmp(&(&two.resource, &two.agent)));
    found
}

/// Whatever the names are, they make one file.
fn file(paths: &Paths, agent: &str, resource: &str) -> PathBuf {
    let name = private::file_name(format!("{agent}/{resource}").as_bytes());
    paths.left().join(format!("{name}.json"))
}

/// Whether a process of this number is there; it may be another one by now.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid).is_ok())
}

#[cfg(test)]
mod tests {
    use connect_shared::error::Exit;

    use super::*;
    use crate::session::board::{Board, SessionInfo};

    fn info(resource: &str, pid: u32) -> SessionInfo {
        SessionInfo { pid, ..Board::new("home", resource).now() }
    }

    #[test]
    fn a_session_that_ended_by_itself_is_told_until_it_is_opened_again_or_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        let (own, report) =
            (std::process::id(), ErrorReport::new("revoked", Exit::SessionEnded, "somebody has revoked it"));
        assert!(left(&paths, &[]).is_empty());
        let session = info("shop", own);
        opened(&paths, &session);
        assert!(left(&paths, &[]).is_empty(), "it is ending, or not there yet");
        ended(&paths, &session, &report);
        ended(&paths, &info("other", own), &report);
        let told = left(&paths, &[info("other", own)]);
        assert_eq!(told.len(), 1, "of an open one there is nothing to tell: {told:?}");
        assert_eq!((told[0].resource.as_str(), told[0].words()), ("shop", "somebody has revoked it"));
        assert!(told[0].is_of("shop") && told[0].is_of("home/shop") && !told[0].is_of("home"));
        assert!(!told[0].is_told(&[], now() + TOLD), "a day later it is old");
        opened(&paths, &session);
        assert!(!left(&paths, &[]).iter().any(|one| one.resource == "shop"));
        closed(&paths, &info("other", own));
        assert!(left(&paths, &[]).is_empty());
    }

    #[test]
    fn one_that_was_killed_is_missed() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        // No process has this number.
        opened(&paths, &info("shop", i32::MAX.unsigned_abs()));
        let told = left(&paths, &[]);
        assert!(told.len() == 1 && told[0].words().contains("killed"), "{told:?}");
    }
}
