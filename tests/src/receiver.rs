//! A receiver of OpenLineage that takes only what the published schemas and OpenLineage's own client take
//! (`tests/python/openlineage_receiver.py`).

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::Value;

use crate::{
    place,
    process::{self, PATIENCE, Process},
};

/// What it wants to be shown.
const TOKEN: &str = "t0ken";

/// A running receiver.
pub struct Receiver {
    name: String,
    folder: PathBuf,
    url: String,
    process: Process,
}

impl Receiver {
    /// Starts one; the sink that sends to it has the same name.
    ///
    /// # Panics
    /// It does not listen.
    #[must_use]
    pub fn start(folder: &Path, name: &str) -> Self {
        let mut command = Command::new(place::python());
        command.arg(place::of_tests("python/openlineage_receiver.py")).arg(TOKEN);
        command.arg(folder.join(format!("{name}.jsonl")));
        let token = folder.join(format!("{name}.token"));
        std::fs::write(&token, TOKEN).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&token, mode).expect("our own file");
        let process = Process::start("receiver of OpenLineage", &mut command);
        let line = process.wait_for_line("listening on");
        let port = line.rsplit(' ').next().unwrap_or_default();
        let url = format!("http://127.0.0.1:{port}/api/v1/lineage");
        Self { name: name.to_owned(), folder: folder.to_owned(), url, process }
    }

    /// `[[log.sink]]` that sends it events of each `statement` or `run`.
    #[must_use]
    pub fn sink(&self, events_of: &str) -> String {
        let token = self.folder.join(format!("{}.token", self.name));
        format!(
            "[[log.sink]]\nname = \"{}\"\nopenlineage = \"{}\"\ntoken_file = \"{}\"\nopenlineage_events = \"{events_of}\"\n",
            self.name,
            self.url,
            token.display()
        )
    }

    /// What it has taken.
    #[must_use]
    pub fn taken(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.file()).expect("its file");
        // The last line may be under way.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// What it has taken, once that is enough.
    ///
    /// # Panics
    /// It refuses something, or it is not enough in time.
    #[track_caller]
    pub fn taken_once(&self, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            let taken = self.taken();
            let refused = self.refused();
            assert!(refused.is_empty(), "{}: {refused:#?}", self.name);
            if enough(&taken) {
                return taken;
            }
            assert!(Instant::now() < end, "{} has only {taken:#?}", self.name);
            std::thread::yield_now();
        }
    }

    /// What it has refused, with its reasons.
    #[must_use]
    pub fn refused(&self) -> Vec<String> {
        let said = self.process.transcript();
        said.lines().filter(|line| !line.starts_with("listening on")).map(str::to_owned).collect()
    }

    /// Sends it events spoiled in many ways, and sees each of these refused.
    ///
    /// # Panics
    /// It takes one.
    #[track_caller]
    pub fn refuses_spoiled(&self, events: &[Value]) {
        let file = self.folder.join(format!("{}.good", self.name));
        let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
        std::fs::write(&file, lines).expect("written");
        let mut command = Command::new(place::python());
        command.arg(place::of_tests("python/openlineage_attacks.py")).args([&self.url, TOKEN]).arg(file);
        process::run(&mut command).good();
    }

    fn file(&self) -> PathBuf {
        self.folder.join(format!("{}.jsonl", self.name))
    }
}
