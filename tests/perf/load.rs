//! pgbench over one way to the same database.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use connect_tests::{place, process, tunnel, world::World};

use crate::report::median;

/// One way to the database.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) user: &'static str,
}

/// What pgbench does.
pub(crate) struct Load {
    /// What it is called on the command line.
    pub(crate) part: &'static str,
    pub(crate) name: &'static str,
    script: &'static str,
    protocol: &'static str,
    pub(crate) clients: u32,
    /// Least ratio to `ssh -L`; 0: none.
    pub(crate) target: f64,
}

const fn load(
    part: &'static str,
    name: &'static str,
    script: &'static str,
    protocol: &'static str,
    clients: u32,
    target: f64,
) -> Load {
    Load { part, name, script, protocol, clients, target }
}

pub(crate) const LOADS: [Load; 6] = [
    load("c1", "S simple c1", "select-only", "simple", 1, 0.95),
    load("c8", "S simple c8", "select-only", "simple", 8, 0.95),
    load("p8", "S prepared c8", "select-only", "prepared", 8, 0.0),
    load("p32", "S prepared c32", "select-only", "prepared", 32, 1.8),
    load("c32", "S simple c32", "select-only", "simple", 32, 0.0),
    load("tpcb", "TPC-B simple c8", "tpcb-like", "simple", 8, 0.0),
];

const SECONDS: &str = "4";

/// Connections that are opened, asked once and closed again, by 8 clients: how many a second.
pub(crate) fn connections(world: &World, way: &Way) -> f64 {
    let mut command = pgbench(world, way);
    command.args(["-n", "-b", "select-only", "-C", "-c", "8", "-j", "2", "-T", SECONDS]);
    rate(&process::run_with(&mut command, "", Duration::from_secs(120)).good())
}

/// What a transaction takes on average.
pub(crate) fn average_micros(world: &World, way: &Way, script: &str, clients: u32) -> f64 {
    let mut command = pgbench(world, way);
    let clients = clients.to_string();
    command.args(["-n", "-M", "prepared", "-b", script, "-c", &clients, "-j", "2", "-T", SECONDS]);
    let out = process::run_with(&mut command, "", Duration::from_secs(120)).good();
    let line = out.lines().find_map(|line| line.strip_prefix("latency average = ")).expect("a latency");
    line.split(' ').next().and_then(|millis| millis.parse::<f64>().ok()).expect("a number") * 1e3
}

/// A script of one's own, in a file.
pub(crate) fn script(world: &World, name: &str, text: &str) -> PathBuf {
    let file = world.folder().join(format!("{name}.pgbench"));
    fs::write(&file, text).expect("a file");
    file
}

/// Runs such a script as simple queries: transactions a second, and for how many seconds.
pub(crate) fn of_script(world: &World, way: &Way, script: &Path, clients: u32) -> (f64, f64) {
    let mut command = pgbench(world, way);
    command.args(["-n", "-j", "2", "-T", SECONDS, "-c", &clients.to_string(), "-f"]).arg(script);
    let out = process::run_with(&mut command, "", Duration::from_secs(120)).good();
    (rate(&out), SECONDS.parse().expect("a number"))
}

pub(crate) fn rate(out: &str) -> f64 {
    let line = out.lines().find_map(|line| line.strip_prefix("tps = ")).expect("a rate");
    line.split(' ').next().and_then(|rate| rate.parse().ok()).expect("a number")
}

/// What one run came to.
pub(crate) struct Run {
    pub(crate) transactions_per_second: f64,
    pub(crate) p50_micros: f64,
    pub(crate) seconds: f64,
}

/// Tables of pgbench.
pub(crate) fn fill(world: &World, direct: &Way) {
    let mut pgbench = pgbench(world, direct);
    process::run_with(pgbench.args(["-i", "-q", "-s", "10"]), "", Duration::from_secs(300)).good();
    for table in ["accounts", "branches", "tellers", "history"] {
        world.postgres.sql("bench", &format!("ALTER TABLE pgbench_{table} OWNER TO connect_agent"));
    }
}

fn pgbench(world: &World, way: &Way) -> std::process::Command {
    let mut command = tunnel::client(&place::installed("pgbench"), way.port, "bench", world.folder());
    // Encrypted by the tunnels, where there is one, and not by the client as well.
    command.env("PGUSER", way.user).env("PGSSLMODE", "disable");
    command
}

impl Load {
    pub(crate) fn run(&self, world: &World, way: &Way, round: usize) -> Run {
        let prefix = format!("log-{}-{round}", way.port);
        let clients = self.clients.to_string();
        let jobs = self.clients.min(2).to_string();
        let mut command = pgbench(world, way);
        command.args([
            "-n",
            "-b",
            self.script,
            "-M",
            self.protocol,
            "-c",
            &clients,
            "-j",
            &jobs,
            "-T",
            SECONDS,
        ]);
        command.args(["--log", "--log-prefix", &prefix]);
        let out = process::run_with(&mut command, "", Duration::from_secs(120)).good();
        let rate = rate(&out);
        eprintln!("{:<16} {:<8} {rate:>9.0} transactions/s", self.name, way.name);
        let p50_micros = latencies(world, &prefix);
        Run { transactions_per_second: rate, p50_micros, seconds: SECONDS.parse().expect("a number") }
    }
}

/// Median of the third column of pgbench's logs, which are removed.
fn latencies(world: &World, prefix: &str) -> f64 {
    let mut all = Vec::new();
    for entry in fs::read_dir(world.folder()).expect("our folder").flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let text = fs::read_to_string(entry.path()).expect("a log");
            all.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok()));
            fs::remove_file(entry.path()).expect("our own file");
        }
    }
    median(all)
}

/// Entries in the agent's published log.
pub(crate) fn entries(world: &World) -> u64 {
    let checkpoint = fs::read_to_string(world.agent.log().join("checkpoint")).expect("a checkpoint");
    checkpoint.lines().nth(1).and_then(|size| size.parse().ok()).expect("a size")
}
