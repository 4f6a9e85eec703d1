//! Moves the cursor of each sink along the log, one batch at a time.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use connect_shared::{entry::Entry, ocsf};
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::{
    Event, Undelivered, cursor::Cursor, file, openlineage::Receiver, otlp::Otlp, splunk::Splunk,
    syslog::Syslog, webhook::Webhook,
};
use crate::{
    audit::{Describer, Follower, IndexError, Leaves, Seen},
    config::{SinkConfig, SinkFormat, SinkTarget},
    lineage,
    log::{Log, PublicFolder},
};

/// Most events that are sent at once.
const BATCH: usize = 256;
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// The tasks of all sinks.
#[derive(Debug)]
pub(crate) struct Exporter {
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Exporter {
    /// Starts every configured sink where it left off.
    ///
    /// # Errors
    /// A cursor cannot be read: nothing may be skipped or sent twice in silence.
    pub(crate) fn start(
        log: &Log,
        follower: &Follower,
        dir: &Path,
        sinks: &[SinkConfig],
    ) -> std::io::Result<Self> {
        let folder = dir.join("sinks");
        if !sinks.is_empty() {
            std::fs::create_dir_all(&folder)?;
        }
        let start = |config: &SinkConfig| -> std::io::Result<JoinHandle<()>> {
            let mut cursor = Cursor::open(&folder, &config.name)?;
            let first = PublicFolder::new(log.public_dir()).pruned_upto();
            if cursor.next() < first {
                tracing::warn!(sink = %config.name, first, "a new sink begins behind what was pruned");
                cursor.advance(first)?;
            }
            let size = log.published().borrow().size;
            if cursor.next() > size {
                // Entries that it has not seen would stand at places that it has.
                let words = format!(
                    "the sink `{}` has taken {} entries and the log has {size}: it was put back to an older \
                     state; under another name the sink gets everything again",
                    config.name,
                    cursor.next()
                );
                return Err(std::io::Error::other(words));
            }
            let engine = Engine {
                log: log.clone(),
                index: follower.path().to_owned(),
                cursor,
                target: Target::new(config, log.origin())?,
                config: config.clone(),
            };
            Ok(tokio::spawn(engine.run(follower.seen())))
        };
        Ok(Self { tasks: sinks.iter().map(start).collect::<Result<_, _>>()? })
    }
}

/// How many entries every one of these sinks has taken: what is behind must not be pruned.
///
/// # Errors
/// A cursor cannot be read.
pub(crate) fn taken_by_all(dir: &Path, sinks: &[SinkConfig]) -> std::io::Result<u64> {
    let folder = dir.join("sinks");
    let next = |sink: &SinkConfig| Cursor::open(&folder, &sink.name).map(|cursor| cursor.next());
    sinks.iter().try_fold(u64::MAX, |least, sink| Ok(least.min(next(sink)?)))
}

/// Where a sink's events go to.
enum Target {
    File(PathBuf),
    Webhook(Box<Webhook>),
    Otlp(Box<Otlp>),
    Splunk(Box<Splunk>),
    Syslog(Syslog),
    OpenLineage(Receiver),
}

impl Target {
    fn new(config: &SinkConfig, origin: &str) -> std::io::Result<Self> {
        match &config.target {
            SinkTarget::File(path) => Ok(Self::File(path.clone())),
            SinkTarget::Webhook { url, secret } => Webhook::new(url, secret, origin)
                .map(|webhook| Self::Webhook(Box::new(webhook)))
                .ok_or_else(|| std::io::Error::other("no HTTP client for a sink")),
            SinkTarget::Otlp { url, token } => Otlp::new(url, token.as_ref(), origin)
                .map(|otlp| Self::Otlp(Box::new(otlp)))
                .ok_or_else(|| std::io::Error::other("no HTTP client for a sink")),
            SinkTarget::OpenLineage { url, token } => Receiver::new(url, token.as_ref())
                .map(Self::OpenLineage)
                .ok_or_else(|| std::io::Error::other("no HTTP client for a sink")),
            SinkTarget::Splunk { url, token } => Splunk::new(url, token, origin, config.format)
                .map(|splunk| Self::Splunk(Box::new(splunk)))
                .ok_or_else(|| std::io::Error::other("no HTTP client for a sink")),
            SinkTarget::Syslog { address: (host, port), ca_file } => {
                let syslog = Syslog::new((host, *port), ca_file.as_ref(), origin);
                syslog.map(Self::Syslog).map_err(std::io::Error::other)
            }
        }
    }

    async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        match self {
            Self::Webhook(webhook) => webhook.deliver(batch).await,
            Self::Otlp(otlp) => otlp.deliver(batch).await,
            Self::Splunk(splunk) => splunk.deliver(batch).await,
            Self::Syslog(syslog) => syslog.deliver(batch).await,
            Self::OpenLineage(receiver) => receiver.deliver(batch).await,
            Self::File(path) => {
                let (path, batch) = (path.clone(), batch.to_vec());
                let written = tokio::task::spawn_blocking(move || file::deliver(&path, &batch)).await;
                written.unwrap_or(Err(Undelivered::NotNow("cancelled")))
            }
        }
    }
}

struct Engine {
    log: Log,
    index: PathBuf,
    cursor: Cursor,
    target: Target,
    config: SinkConfig,
}

impl Engine {
    /// Only what is signed and can be described goes out: the sink is behind the index.
    async fn run(mut self, mut seen: watch::Receiver<Seen>) {
        let mut pause = PAUSES.0;
        loop {
            let next = self.cursor.next();
            let Ok(upto) = seen.wait_for(|seen| seen.indexed > next).await.map(|seen| seen.indexed) else {
                return;
            };
            match self.step(next, upto).await {
                Ok(()) => pause = PAUSES.0,
                Err(code) => {
                    tracing::warn!(sink = %self.config.name, code, next, behind = upto - next, "a sink is behind");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// One batch, and the cursor behind it.
    async fn step(&mut self, next: u64, upto: u64) -> Result<(), &'static str> {
        let batch = self.read(next, upto).await.map_err(|error| {
            tracing::debug!(%error, "a sink cannot read the log");
            "log_unreadable"
        })?;
        match self.deliver(&batch).await {
            Ok(()) => self.advance(next + batch.len() as u64).await,
            Err(Undelivered::NotNow(code)) => Err(code),
            Err(Undelivered::Refused(_)) => self.one_by_one(&batch).await,
        }
    }

    async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        if batch.iter().all(|event| !event.json.is_empty()) {
            return self.target.deliver(batch).await;
        }
        let said: Vec<Event> = batch.iter().filter(|event| !event.json.is_empty()).cloned().collect();
        if said.is_empty() { Ok(()) } else { self.target.deliver(&said).await }
    }

    /// Something in the batch is refused for good: the rest must not suffer for it.
    async fn one_by_one(&mut self, batch: &[Event]) -> Result<(), &'static str> {
        for event in batch {
            match self.deliver(std::slice::from_ref(event)).await {
                Ok(()) => {}
                Err(Undelivered::NotNow(code)) => return Err(code),
                Err(Undelivered::Refused(code)) => self.give_up(event, code),
            }
            self.advance(event.index + 1).await?;
        }
        Ok(())
    }

    /// A dead letter is an entry: whoever counts what arrived finds it there.
    fn give_up(&self, event: &Event, code: &'static str) {
        tracing::error!(sink = %self.config.name, index = event.index, code, "an event is refused for good");
        if !event.tells_of_loss {
            let sink = self.config.name.clone();
            let _closed_log_has_said_so =
                self.log.append(Entry::SinkRefused { sink, index: event.index, code: code.to_owned() });
        }
    }

    async fn advance(&mut self, next: u64) -> Result<(), &'static str> {
        // Rarely, and short: this task has nothing else to do meanwhile.
        self.cursor.advance(next).map_err(|_| "cursor_unwritable")
    }

    async fn read(&self, next: u64, upto: u64) -> Result<Vec<Event>, IndexError> {
        let (public, index) = (PublicFolder::new(self.log.public_dir()), self.index.clone());
        let (origin, format) = (Arc::<str>::from(self.log.origin()), self.config.format);
        let read = tokio::task::spawn_blocking(move || {
            let (mut leaves, describer) = (Leaves::new(public, upto), Describer::open(&index)?);
            let last = upto.min(next + BATCH as u64);
            (next..last).map(|index| event(&mut leaves, &describer, index, &origin, format)).collect()
        });
        read.await.unwrap_or(Err(IndexError::Leaf(next)))
    }
}

fn event(
    leaves: &mut Leaves,
    describer: &Describer,
    index: u64,
    origin: &str,
    format: SinkFormat,
) -> Result<Event, IndexError> {
    let entry = leaves.get(index)?;
    let tells_of_loss = matches!(entry.leaf.entry, Entry::SinkRefused { .. });
    let value = match format {
        SinkFormat::Entries => serde_json::to_value(&entry).unwrap_or_default(),
        SinkFormat::Ocsf => {
            let facts = describer.describe(&entry)?;
            let context = ocsf::Context {
                origin,
                principal: facts.principal.as_ref(),
                name: facts.name.as_deref(),
                resource: facts.resource.as_deref(),
                sql: facts.sql.as_deref(),
            };
            ocsf::render(&context, index, &entry.leaf)
        }
        SinkFormat::OpenLineage(events) => {
            let (facts, connection) = (describer.describe(&entry)?, describer.connection());
            let entering = lineage::Entering { connection, origin, entry: &entry, facts: &facts };
            lineage::event(&entering, leaves, events)?.unwrap_or_default()
        }
    };
    let (time, kind) = (entry.leaf.time, entry.leaf.entry.kind());
    let json = if value.is_null() { String::new() } else { value.to_string() };
    Ok(Event { index, time, kind, json, tells_of_loss })
}
