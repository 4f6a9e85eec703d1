//! What is known here of a run in the background, in a file of its own. It outlives the process that holds the
//! run, so that a run which was lost is told of and never forgotten in silence.

use std::path::PathBuf;

use connect_shared::{error::ErrorReport, ids::RunId};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{self, Outcome},
    paths::Paths,
    private,
};

/// More runs than anybody has open.
const MAX_RUNS: usize = 512;

/// A run that was started and not stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) run: RunId,
    pub(super) job: String,
    pub(super) agent: String,
    pub(super) resource: String,
    /// All of them, if there are several; `resource` is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<String>,
    pub(super) outputs: Vec<PathBuf>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(super) started: u64,
    pub(super) pid: u32,
    /// Where an AI agent's commands get parts of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parts: Option<PathBuf>,
    /// Why it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ended: Option<ErrorReport>,
}

impl Record {
    /// All of its resources with their agent, as the command line takes them.
    pub(super) fn full_names(&self) -> String {
        let only = self.resources.is_empty().then_some(&self.resource);
        let names = only.into_iter().chain(&self.resources);
        names.map(|name| format!("{}/{name}", self.agent)).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn write(&self, paths: &Paths) -> Outcome<()> {
        let text = serde_json::to_vec(self).map_err(|error| failure::unexpected(error.to_string()))?;
        private::write(&file(paths, self.run), &text)
    }

    pub(super) fn remove(&self, paths: &Paths) -> Outcome<()> {
        private::remove(&file(paths, self.run))
    }
}

fn file(paths: &Paths, run: RunId) -> PathBuf {
    paths.runs().join(format!("{run}.json"))
}

/// All of them, the oldest first.
pub(super) fn all(paths: &Paths) -> Outcome<Vec<Record>> {
    let folder = paths.runs();
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failure::file("read", &folder, &error)),
    };
    let mut found = Vec::new();
    for entry in entries.flatten().take(MAX_RUNS) {
        // One that cannot be read hides no other.
        let text = private::read(&entry.path()).ok().flatten();
        let record = text.and_then(|text| serde_json::from_str::<Record>(&text).ok());
        // What is about to take the place of a record is none yet.
        found.extend(record.filter(|record| entry.path() == file(paths, record.run)));
    }
    found.sort_by_key(|record| (record.started, record.run));
    Ok(found)
}

/// The one that is meant: by the beginning of its id, or the only one.
pub(super) fn meant(paths: &Paths, name: Option<&str>) -> Outcome<Record> {
    let mut found = all(paths)?;
    if let Some(name) = name {
        found.retain(|record| !name.is_empty() && record.run.to_string().starts_with(name));
    }
    match (found.len(), found.pop(), name) {
        (1, Some(record), _) => Ok(record),
        (0, _, Some(name)) => {
            let words = format!("no run `{name}` is open on this machine");
            Err(failure::not_found("no_run", words).help("connect run ls"))
        }
        (0, _, None) => Err(failure::not_found("no_run", "no run is open on this machine")
            .help("connect run start --job NAME --output FILE")),
        _ => Err(failure::usage("several runs are open: which is meant?").help("connect run ls")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u8, started: u64) -> Record {
        Record {
            run: RunId::from_random([number; 16]),
            job: "j".into(),
            agent: "demo".into(),
            resource: "demo-db".into(),
            resources: Vec::new(),
            outputs: vec!["/tmp/model".into()],
            started,
            pid: 1,
            parts: None,
            ended: None,
        }
    }

    #[test]
    fn a_run_is_meant_by_the_beginning_of_its_id_or_if_it_is_the_only_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = Paths::below(folder.path());
        let code = |name: Option<&str>| meant(&paths, name).expect_err("none").code;
        assert_eq!(code(None), "no_run");
        let (one, two) = (record(0x11, 2), record(0x12, 1));
        one.write(&paths).expect("written");
        assert_eq!(meant(&paths, None).expect("the only one"), one);
        // Somebody is about to write it anew, in a file beside it.
        let beside = paths.runs().join(".tmp1a2B3c");
        std::fs::copy(file(&paths, one.run), &beside).expect("copied");
        assert_eq!(meant(&paths, None).expect("still the only one"), one);
        std::fs::remove_file(beside).expect("removed");
        two.write(&paths).expect("written");
        assert_eq!(all(&paths).expect("both"), [two.clone(), one.clone()]);
        assert_eq!(
            (code(None).as_str(), code(Some("1")).as_str(), code(Some("3")).as_str()),
            ("usage", "usage", "no_run")
        );
        assert_eq!(meant(&paths, Some("12")).expect("the second"), two);
        assert_eq!(code(Some("")), "no_run", "no name is nobody's");
        std::fs::write(paths.runs().join("x.json"), "{").expect("written");
        one.remove(&paths).expect("removed");
        assert_eq!(meant(&paths, None).expect("the other"), two);
    }
}
