//! What recording costs: entries a second, beside what the disk itself does (`pg_test_fsync`), what reads and
//! writes wait longer, bytes at rest, and verifying a million entries.

use std::{path::Path, process::Command, time::Duration};

use connect_tests::{place, process, world::World};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    load::{self, Way},
    report::{Figure, Report, median},
};

/// Connections that record at once.
const WRITERS: [u32; 4] = [1, 8, 64, 256];
/// Clients that read or write.
const CLIENTS: [u32; 3] = [1, 8, 64];
const ROUNDS: usize = 3;
/// How long one measurement of several minutes may take.
const PATIENCE: Duration = Duration::from_secs(1_200);
const MILLION: u64 = 1_000_000;

/// Needs nothing of the world.
pub(crate) fn measure(report: &mut Report) {
    let folder = TempDir::with_prefix("connect-trail-").expect("a folder");
    let syncs = syncs_per_second(folder.path());
    report.add(Figure::new("disk: fdatasync, by pg_test_fsync", syncs, "/s"));
    for writers in WRITERS {
        let place = folder.path().join(writers.to_string());
        let measured = record(&place, &["--writers", &writers.to_string()]);
        let rate = number(&measured, "entries_per_second");
        let note = format!(
            "{:.0} µs an INTENT; {:.1} entries a sync of the disk",
            number(&measured, "median_wait_micros"),
            rate / syncs
        );
        let target = if writers >= 64 { 50_000.0 } else { 0.0 };
        let name = format!("log: entries, {writers} writers");
        report.add(Figure::new(&name, rate, "/s").at_least(target).note(&note));
    }
    let place = folder.path().join("million");
    let measured = record(&place, &["--writers", "256", "--entries", &MILLION.to_string()]);
    let note = format!("of which {:.0} in segments", number(&measured, "segment_bytes_per_entry"));
    let at_rest = number(&measured, "bytes_per_entry");
    report.add(Figure::new("log: bytes an entry at rest", at_rest, "B").note(&note));
    // Ten million in a minute.
    let seconds = verify(&place, measured["key"].as_str().expect("a key"));
    report.add(Figure::new("log: verifying 1 M entries", seconds * 1e3, "ms").at_most(6_000.0));
}

fn number(measured: &Value, field: &str) -> f64 {
    measured[field].as_f64().unwrap_or(f64::NAN)
}

fn record(folder: &Path, more: &[&str]) -> Value {
    let mut command = Command::new(place::built("connect-agent"));
    command.args(["audit", "measure", "--folder"]).arg(folder).args(more);
    let out = process::run_with(&mut command, "", PATIENCE).good();
    serde_json::from_str(&out).expect("one object")
}

fn verify(folder: &Path, key: &str) -> f64 {
    let mut command = Command::new(place::built("connect"));
    command
        .env("CONNECT_HOME", folder.with_extension("home"))
        .args(["audit", "verify", "--key", key, "--log"]);
    let begun = std::time::Instant::now();
    process::run_with(command.arg(folder), "", PATIENCE).good();
    begun.elapsed().as_secs_f64()
}

/// `fdatasync  1234.567 ops/sec  810 usecs/op`, of one 8 kB write.
fn syncs_per_second(folder: &Path) -> f64 {
    let mut command = Command::new(place::installed("pg_test_fsync"));
    command.args(["-s", "1", "-f"]).arg(folder.join("fsync"));
    let out = process::run_with(&mut command, "", PATIENCE).good();
    let line = out.lines().find(|line| line.trim_start().starts_with("fdatasync")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|rate| rate.parse().ok()).unwrap_or(f64::NAN)
}

/// What reads and writes of so many clients wait longer than straight from the server.
pub(crate) fn latency(world: &World, ways: [&Way; 2], report: &mut Report) {
    for (what, script) in [("reads", "select-only"), ("writes", "simple-update")] {
        for clients in CLIENTS {
            let mut runs = [const { Vec::new() }; 2];
            for _ in 0..ROUNDS {
                for (way, runs) in ways.iter().zip(&mut runs) {
                    runs.push(load::average_micros(world, way, script, clients));
                }
            }
            let [direct, ours] = runs.map(median);
            let note = format!("{ours:.0} µs; direct {direct:.0} µs");
            let name = format!("{what} c{clients}: time to direct");
            // Of reads at 64 clients, 5 % more at most.
            let figure = Figure::new(&name, ours / direct, "×").note(&note);
            let is_bound = what == "reads" && clients == 64;
            report.add(if is_bound { figure.at_most(1.05) } else { figure });
        }
    }
}
