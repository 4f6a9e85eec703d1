//! Sessions in the background that are over: nobody heard how, so it is kept until somebody asks.

use std::path::{Path, PathBuf};

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
    /// When it was first told that it is gone and never said why, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed: Option<u64>,
}

impl Left {
    fn of(info: &SessionInfo, ended: Option<ErrorReport>) -> Self {
        let (resource, agent) = (info.resource.clone(), info.agent.clone());
        Self { resource, agent, pid: info.pid, at: now(), ended, missed: None }
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

    /// Whether it is open, or about to say how it ends.
    fn is_there(&self, open: &[SessionInfo]) -> bool {
        let is_open = open.iter().any(|info| info.pid == self.pid && info.resource == self.resource);
        is_open || self.ended.is_none() && is_alive(self.pid)
    }

    /// One that lived for long has a right to be missed all the same: its day begins when that is first told.
    fn is_old(&self, now: u64) -> bool {
        let told_since = if self.ended.is_some() { Some(self.at) } else { self.missed };
        told_since.is_some_and(|since| now.saturating_sub(since) >= TOLD)
    }

    /// What there is to tell of it. What is old is removed.
    fn news(mut self, paths: &Paths, open: &[SessionInfo], now: u64) -> Option<Self> {
        if self.is_there(open) {
            return None;
        }
        if self.is_old(now) {
            remove(paths, &self.agent, &self.resource);
            return None;
        }
        if self.ended.is_none() && self.missed.is_none() {
            self.missed = Some(now);
            note(paths, &self);
        }
        Some(self)
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
    remove(paths, &info.agent, &info.resource);
}

/// Whoever was told of those that are over, of `name` or all, wants to hear no more of them: gives them.
pub(crate) fn forget(paths: &Paths, open: &[SessionInfo], name: Option<&str>) -> Vec<Left> {
    let mut found = left(paths, open);
    found.retain(|left| name.is_none_or(|name| left.is_of(name)));
    for left in &found {
        remove(paths, &left.agent, &left.resource);
    }
    found
}

fn remove(paths: &Paths, agent: &str, resource: &str) {
    if let Err(report) = private::remove(&file(paths, agent, resource)) {
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
    let all = entries.flatten().filter_map(|entry| read(paths, &entry.path()));
    let mut found: Vec<Left> = all.filter_map(|left| left.news(paths, open, now)).take(MAX_LEFT).collect();
    found.sort_by(|one, two| (&one.resource, &one.agent).cmp(&(&two.resource, &two.agent)));
    found
}

/// What is about to take the place of a note is none yet.
fn read(paths: &Paths, path: &Path) -> Option<Left> {
    let text = private::read(path).ok().flatten()?;
    let left: Left = serde_json::from_str(&text).ok()?;
    (path == file(paths, &left.agent, &left.resource)).then_some(left)
}

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
        let later = |after| told[0].clone().news(&paths, &[], told[0].at + after).is_some();
        assert!(later(TOLD - 1) && file(&paths, "home", "shop").exists());
        assert!(!later(TOLD) && !file(&paths, "home", "shop").exists(), "a day later it is old");
        opened(&paths, &session);
        assert!(!left(&paths, &[]).iter().any(|one| one.resource == "shop"));
        closed(&paths, &info("other", own));
        assert!(left(&paths, &[]).is_empty());
    }

    /// No process has this number.
    const NOBODY: u32 = i32::MAX.unsigned_abs();

    #[test]
    fn one_that_was_killed_is_missed_for_a_day_however_long_it_was_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        let opened_at = now() - 3 * TOLD;
        note(&paths, &Left { at: opened_at, ..Left::of(&info("shop", NOBODY), None) });
        let told = left(&paths, &[]);
        assert!(told.len() == 1 && told[0].words().contains("killed"), "{told:?}");
        assert_eq!(left(&paths, &[]), told, "the day is not begun anew");
        assert_eq!(told[0].at, opened_at);
        let missed = now() - TOLD;
        note(&paths, &Left { missed: Some(missed), ..told[0].clone() });
        assert!(left(&paths, &[info("shop", NOBODY)]).is_empty() && file(&paths, "home", "shop").exists());
        assert!(left(&paths, &[]).is_empty() && !file(&paths, "home", "shop").exists());
    }

    #[test]
    fn what_is_closed_is_forgotten_by_its_name_or_with_all_but_not_what_is_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        for resource in ["shop", "other", "third"] {
            opened(&paths, &info(resource, NOBODY));
        }
        let names = |left: Vec<Left>| left.into_iter().map(|left| left.resource).collect::<Vec<_>>();
        let open = [info("other", NOBODY)];
        assert_eq!(names(forget(&paths, &open, Some("home/shop"))), ["shop"]);
        assert_eq!(names(forget(&paths, &open, Some("other"))), [""; 0]);
        assert_eq!(names(left(&paths, &[])), ["other", "third"]);
        assert_eq!(names(forget(&paths, &open, None)), ["third"]);
        assert_eq!(names(left(&paths, &[])), ["other"]);
    }

    #[test]
    fn what_is_not_told_takes_no_place_of_what_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        for number in 0..MAX_LEFT {
            let mut one = Left::of(&info(&format!("open-{number}"), std::process::id()), None);
            one.at = 0;
            private::folder(&paths.left()).expect("a folder");
            let text = serde_json::to_vec(&one).expect("a text");
            std::fs::write(file(&paths, &one.agent, &one.resource), text).expect("written");
        }
        opened(&paths, &info("shop", NOBODY));
        let told = left(&paths, &[]);
        assert!(told.len() == 1 && told[0].resource == "shop", "{told:?}");
        let copy = paths.left().join(".tmp1a2B3c");
        std::fs::copy(file(&paths, "home", "shop"), copy).expect("copied");
        assert_eq!(left(&paths, &[]).len(), 1);
    }
}
