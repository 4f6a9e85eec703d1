//! How far behind each sink is. Reads files only, so it can be asked whether the agent runs or not.

use std::{
    io::{self, Write as _},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use comfy_table::{Table, presets::NOTHING};
use connect_shared::{
    error::{ErrorReport, Exit},
    proof::tile::LogReader as _,
};
use serde::Serialize;

use super::cursor::Cursor;
use crate::{
    audit::Leaves,
    config::{Config, SinkTarget},
    log::PublicFolder,
};

/// Longest checkpoint that is read.
const MAX_CHECKPOINT: usize = 64 << 10;

/// Where a sink stands.
#[derive(Debug, Serialize)]
pub(crate) struct Lag {
    schema: &'static str,
    sink: String,
    kind: &'static str,
    /// Index of the entry that it gets next.
    next: u64,
    /// How many entries the log has that are signed.
    size: u64,
    behind: u64,
    /// Age of the oldest entry that it has not taken. `None`: it has all, or the entry cannot be read.
    oldest_seconds: Option<u64>,
}

/// The sinks of a configuration.
///
/// # Errors
/// The log or a cursor cannot be read.
pub(crate) fn of(config: &Config) -> io::Result<Vec<Lag>> {
    let dir = config.state_dir.join("log");
    let public = PublicFolder::new(dir.join("public"));
    let size = size(&public)?;
    let folder = dir.join("sinks");
    let lag = |sink: &crate::config::SinkConfig| {
        let next = Cursor::open(&folder, &sink.name)?.next().max(public.pruned_upto());
        let oldest = (next < size).then(|| age(&public, next, size)).flatten();
        Ok(Lag {
            schema: "connect.sink/v1",
            sink: sink.name.clone(),
            kind: kind(&sink.target),
            next,
            size,
            behind: size.saturating_sub(next),
            oldest_seconds: oldest.map(|age| age.as_secs()),
        })
    };
    config.log.sinks.iter().map(lag).collect()
}

/// From the last checkpoint; a log that has none is empty.
fn size(public: &PublicFolder) -> io::Result<u64> {
    let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "the checkpoint cannot be read");
    let Some(bytes) = public.read("checkpoint", MAX_CHECKPOINT).map_err(|_| unreadable())? else {
        return Ok(0);
    };
    let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
    text.lines().nth(1).and_then(|line| line.parse().ok()).ok_or_else(unreadable)
}

fn age(public: &PublicFolder, index: u64, size: u64) -> Option<Duration> {
    let entry = Leaves::new(public.clone(), size).get(index).ok()?;
    let written = UNIX_EPOCH + Duration::from_millis(entry.leaf.time);
    Some(SystemTime::now().duration_since(written).unwrap_or_default())
}

const fn kind(target: &SinkTarget) -> &'static str {
    match target {
        SinkTarget::File(_) => "file",
        SinkTarget::Webhook { .. } => "webhook",
        SinkTarget::Otlp { .. } => "otlp",
        SinkTarget::Splunk { .. } => "splunk",
        SinkTarget::Syslog { .. } => "syslog",
        SinkTarget::Nats(_) => "nats",
        SinkTarget::OpenLineage { .. } => "openlineage",
    }
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    Table,
    /// One object a line.
    Jsonl,
}

/// Prints where each sink of a configuration stands.
///
/// # Errors
/// The log or a cursor cannot be read.
pub(crate) fn list(config: &Config, form: Form) -> Result<(), ErrorReport> {
    let local = |error: io::Error| ErrorReport::new("sinks", Exit::Local, format!("the sinks: {error}"));
    let all = of(config).map_err(local)?;
    let text = match form {
        Form::Table => table(&all),
        Form::Jsonl => all.iter().map(|lag| serde_json::to_string(lag).unwrap_or_default() + "\n").collect(),
    };
    io::stdout().write_all(text.as_bytes()).map_err(local)
}

fn table(all: &[Lag]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["SINK", "KIND", "TAKEN", "BEHIND", "OLDEST"]);
    for lag in all {
        let taken = format!("{} of {}", lag.next, lag.size);
        let oldest = lag.oldest_seconds.map_or_else(String::new, |seconds| format!("{seconds} s"));
        table.add_row([&lag.sink, lag.kind, &taken, &lag.behind.to_string(), &oldest]);
    }
    table.lines().map(|line| format!("{}\n", line.trim())).collect()
}
