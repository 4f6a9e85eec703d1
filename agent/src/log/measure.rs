//! What a disk gives: statements as connections record them, into a log of its own beside the agent's.

use std::{
    fs,
    io::{Error, Result},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use connect_shared::{
    entry::Entry,
    ids::{ConnectionId, StatementId},
};
use serde::Serialize;

use super::{Log, LogOptions};

/// What is asked for.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct MeasureArgs {
    /// A folder on the disk in question; the log in it is new and stays there
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// Connections that record at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    writers: u32,
    /// How long, in seconds
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Until there are so many entries, however long that takes
    #[arg(long, value_name = "N")]
    entries: Option<u64>,
}

/// What it gave.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// `connect.measure/1`
    schema: &'static str,
    writers: u32,
    entries: u64,
    seconds: f64,
    entries_per_second: f64,
    /// From an INTENT to its being durable: the middle one, in microseconds.
    median_wait_micros: u64,
    /// On the disk, for an entry: in the segments, and in all.
    segment_bytes_per_entry: f64,
    bytes_per_entry: f64,
    /// With which the log in the folder can be verified.
    key: String,
}

/// Records as fast as the disk takes it.
///
/// # Errors
/// The folder is in use, or the log in it closes.
pub(crate) async fn measure(wish: &MeasureArgs) -> Result<Measured> {
    if wish.folder.join("segments").exists() {
        return Err(Error::other("there is a log in that folder already"));
    }
    let options = LogOptions::new("connect.local/measure", &wish.folder);
    let (log, _) = Log::open(&wish.folder, options).map_err(Error::other)?;
    let begun = Instant::now();
    let until = Until {
        time: wish.entries.is_none().then(|| begun + Duration::from_secs(wish.seconds.into())),
        entries: wish.entries.unwrap_or(u64::MAX),
    };
    let tasks: Vec<_> =
        (0..wish.writers).map(|writer| tokio::spawn(write(log.clone(), writer, until))).collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.map_err(Error::other)??);
    }
    let (entries, seconds) = (log.next(), begun.elapsed().as_secs_f64());
    let (closing, key) = (log.clone(), log.verifier_key());
    tokio::task::spawn_blocking(move || closing.shutdown())
        .await
        .map_err(Error::other)?
        .map_err(Error::other)?;
    waits.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "counts of one run")]
    let (count, segments, all) = (
        entries.max(1) as f64,
        size(&wish.folder.join("segments"))? as f64,
        size(&wish.folder.join("segments"))? as f64 + size(&wish.folder.join("public"))? as f64,
    );
    Ok(Measured {
        schema: "connect.measure/1",
        writers: wish.writers,
        entries,
        seconds,
        entries_per_second: count / seconds,
        median_wait_micros: waits.get(waits.len() / 2).copied().unwrap_or_default(),
        segment_bytes_per_entry: segments / count,
        bytes_per_entry: all / count,
        key,
    })
}

#[derive(Debug, Clone, Copy)]
struct Until {
    time: Option<Instant>,
    entries: u64,
}

impl Until {
    fn is_over(self, log: &Log) -> bool {
        self.time.is_some_and(|time| Instant::now() >= time) || log.next() >= self.entries
    }
}

/// One connection: each statement waits for its INTENT, and its OUTCOME goes with the next one.
async fn write(log: Log, writer: u32, until: Until) -> Result<Vec<u64>> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mut samples = Entry::samples().into_iter();
    let (Some(Entry::Intent(mut intent)), Some(Entry::Outcome(mut outcome))) = (
        samples.find(|entry| matches!(entry, Entry::Intent(_))),
        samples.find(|entry| matches!(entry, Entry::Outcome(_))),
    ) else {
        return Err(Error::other("there is no sample of a statement"));
    };
    intent.connection = ConnectionId::from_random(u128::from(writer).to_be_bytes());
    let mut waits = Vec::new();
    for sequence in 0.. {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        intent.statement = StatementId::from_random(u128::from(number).to_be_bytes());
        intent.sequence = Some(sequence);
        outcome.statement = intent.statement;
        let asked = Instant::now();
        let seq = log.append(Entry::Intent(intent.clone())).map_err(Error::other)?;
        log.wait_durable(seq).await.map_err(Error::other)?;
        waits.push(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX));
        log.append_in_passing(&Entry::Outcome(outcome.clone())).map_err(Error::other)?;
        if until.is_over(&log) {
            break;
        }
    }
    Ok(waits)
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for file in fs::read_dir(folder)? {
        let file = file?;
        let about = file.metadata()?;
        bytes += if about.is_dir() { size(&file.path())? } else { about.len() };
    }
    Ok(bytes)
}
