//! Moves the cursor of each sink along the log, one batch at a time.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use connect_shared::{entry::Entry, ocsf};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

use super::{
    Event, Undelivered, cursor::Cursor, file, nats::Nats, openlineage::Receiver, otlp::Otlp, resend,
    splunk::Splunk, syslog::Syslog, webhook::Webhook,
};
use crate::{
    audit::{Describer, Follower, IndexError, Leaves, Seen},
    config::{SinkConfig, SinkFormat, SinkTarget},
    lineage,
    log::{Log, PublicFolder},
};

/// Most events that are sent at once.
const BATCH: u64 = 256;
/// First and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How often a sink that has everything looks for a wish to get something again.
const LOOK: Duration = Duration::from_secs(5);
/// Why a sink is behind where its cursor cannot be kept.
const CURSOR: &str = "cursor_unwritable";
/// So many refusals in a row are no longer the events' fault: from then on each costs a pause, so that something in
/// the way that answers everything with a refusal does not turn all that comes into dead letters.
const IN_A_ROW: u32 = 16;

/// The tasks of all sinks.
#[derive(Debug)]
pub(crate) struct Exporter {
    tasks: Vec<JoinHandle<()>>,
    /// Name and next entry of each.
    places: Vec<(String, Arc<AtomicU64>)>,
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
        let mut places = Vec::with_capacity(sinks.len());
        let mut start = |config: &SinkConfig| -> std::io::Result<JoinHandle<()>> {
            let mut cursor = Cursor::open(&folder, &config.name)?;
            let first = PublicFolder::new(log.public_dir()).pruned_upto();
            if cursor.next() < first {
                tracing::warn!(sink = %config.name, first, "a new sink begins behind what was pruned");
                cursor.begin(first)?;
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
            places.push((config.name.clone(), cursor.shown()));
            let engine = Engine {
                log: log.clone(),
                index: follower.path().to_owned(),
                cursor,
                target: Target::new(config, log.origin())?,
                config: config.clone(),
                folder: folder.clone(),
                summed_up: Instant::now(),
                refused_in_a_row: 0,
                batch: BATCH,
            };
            Ok(tokio::spawn(engine.run(follower.seen())))
        };
        let tasks = sinks.iter().map(&mut start).collect::<Result<_, _>>()?;
        Ok(Self { tasks, places })
    }

    /// Each sink, and how many entries it has taken.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (&str, u64)> {
        self.places.iter().map(|(name, next)| (name.as_str(), next.load(Ordering::Relaxed)))
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
    Nats(Box<Nats>),
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
            SinkTarget::Nats(nats) => {
                let nats = Nats::new(nats, origin).map_err(std::io::Error::other)?;
                Ok(Self::Nats(Box::new(nats)))
            }
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
            Self::Nats(nats) => nats.deliver(batch).await,
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
    folder: PathBuf,
    /// When the last summary was sent, or this began.
    summed_up: Instant,
    refused_in_a_row: u32,
    /// Events that are sent at once: fewer where a slow way does not take so many in time.
    batch: u64,
}

/// What there is to do next.
enum Work {
    /// Entries from the cursor on, up to this one.
    Batch(u64),
    Summary,
    /// The operator wants everything from this entry on again.
    Resend(u64),
}

impl Engine {
    async fn run(mut self, mut seen: watch::Receiver<Seen>) {
        let mut pause = PAUSES.0;
        while let Some(work) = self.next(&mut seen).await {
            let done = match work {
                Work::Batch(upto) => self.step(self.cursor.next(), upto).await,
                Work::Summary => self.sum_up().await,
                Work::Resend(from) => self.resend(from).await,
            };
            match done {
                Ok(()) => (pause, self.batch) = (PAUSES.0, BATCH),
                Err(code) => {
                    self.batch = (self.batch / 2).max(1);
                    let (next, size) = (self.cursor.next(), seen.borrow().indexed);
                    let behind = size.saturating_sub(next);
                    tracing::warn!(sink = %self.config.name, code, next, behind, "a sink is behind");
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// Only what is signed and can be described goes out: the sink is behind the index. `None`: the agent ends.
    async fn next(&self, seen: &mut watch::Receiver<Seen>) -> Option<Work> {
        loop {
            if let Some(from) = resend::wished(&self.folder, &self.config.name) {
                return Some(Work::Resend(from));
            }
            let due = self.summary_due();
            if due.is_some_and(|due| due <= Instant::now()) {
                return Some(Work::Summary);
            }
            let (next, look) = (self.cursor.next(), Instant::now() + LOOK);
            tokio::select! {
                seen = seen.wait_for(|seen| seen.indexed > next) => {
                    return seen.ok().map(|seen| Work::Batch(seen.indexed));
                }
                () = sleep_until(due.map_or(look, |due| due.min(look))) => {}
            }
        }
    }

    /// Nothing is summed up where nothing was taken.
    fn summary_due(&self) -> Option<Instant> {
        let every = self.config.summary?;
        (!self.cursor.account().is_empty()).then(|| self.summed_up + every)
    }

    async fn sum_up(&mut self) -> Result<(), &'static str> {
        let (next, checkpoint) = (self.cursor.next(), self.log.checkpoint_text());
        let names = (self.log.origin(), self.config.name.as_str());
        let event = self.cursor.account().event(next, self.config.format, names, &checkpoint);
        match self.deliver(event.as_slice()).await {
            Ok(()) => {}
            Err(Undelivered::NotNow(code)) => return Err(code),
            Err(Undelivered::Refused(code)) => {
                tracing::warn!(sink = %self.config.name, code, "a sink refuses a summary");
            }
        }
        self.summed_up = Instant::now();
        self.cursor.begin(next).map_err(|_| CURSOR)
    }

    /// That it is sent again is in the log before it is.
    async fn resend(&mut self, from: u64) -> Result<(), &'static str> {
        let next = self.cursor.next();
        let from = from.max(PublicFolder::new(self.log.public_dir()).pruned_upto());
        if from < next {
            // Else nothing would ever sum up what came between the last summary and `from`.
            if self.summary_due().is_some() {
                self.sum_up().await?;
            }
            let sink = self.config.name.clone();
            self.log.append(Entry::SinkResent { sink, from, next }).map_err(|_| "log_closed")?;
            self.cursor.begin(from).map_err(|_| CURSOR)?;
            tracing::info!(sink = %self.config.name, from, next, "a sink gets entries again");
        }
        resend::done(&self.folder, &self.config.name).map_err(|_| CURSOR)
    }

    /// One batch, and the cursor behind it.
    async fn step(&mut self, next: u64, upto: u64) -> Result<(), &'static str> {
        let batch = self.read(next, upto).await.map_err(|error| {
            tracing::debug!(%error, "a sink cannot read the log");
            "log_unreadable"
        })?;
        match self.deliver(&batch).await {
            Ok(()) => {
                self.heard(&batch);
                self.took(&batch, next + batch.len() as u64)
            }
            Err(Undelivered::NotNow(code)) => Err(code),
            Err(Undelivered::Refused(_)) => self.one_by_one(&batch).await,
        }
    }

    async fn deliver(&self, batch: &[Event]) -> Result<(), Undelivered> {
        if batch.is_empty() {
            return Ok(());
        }
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
                Ok(()) => {
                    self.heard(std::slice::from_ref(event));
                    self.took(std::slice::from_ref(event), event.index + 1)?;
                }
                Err(Undelivered::NotNow(code)) => return Err(code),
                Err(Undelivered::Refused(code)) => self.give_up(event, code).await?,
            }
        }
        Ok(())
    }

    /// The sink has taken these; of most entries there may be nothing to take.
    fn heard(&mut self, events: &[Event]) {
        if events.iter().any(|event| !event.json.is_empty()) {
            self.refused_in_a_row = 0;
        }
    }

    /// A dead letter is an entry, durable before the sink goes on: whoever counts what arrived finds it there.
    async fn give_up(&mut self, event: &Event, code: &'static str) -> Result<(), &'static str> {
        tracing::error!(sink = %self.config.name, index = event.index, code, "an event is refused for good");
        if !event.tells_of_loss {
            let sink = self.config.name.clone();
            let refused = Entry::SinkRefused { sink, index: event.index, code: code.to_owned() };
            // Both of one opening of the log: in the next one the place may be another entry's.
            let log = self.log.pin();
            let at = log.append(refused).map_err(|_| "log_closed")?;
            log.wait_durable(at).await.map_err(|_| "log_closed")?;
        }
        self.took(&[], event.index + 1)?;
        self.refused_in_a_row = self.refused_in_a_row.saturating_add(1);
        if self.refused_in_a_row < IN_A_ROW { Ok(()) } else { Err("refuses_everything") }
    }

    fn took(&mut self, events: &[Event], next: u64) -> Result<(), &'static str> {
        // Rarely, and short: this task has nothing else to do meanwhile.
        self.cursor.took(events, next).map_err(|_| CURSOR)
    }

    async fn read(&self, next: u64, upto: u64) -> Result<Vec<Event>, IndexError> {
        let (public, index) = (PublicFolder::new(self.log.public_dir()), self.index.clone());
        let (origin, format, batch) = (Arc::<str>::from(self.log.origin()), self.config.format, self.batch);
        let read = tokio::task::spawn_blocking(move || {
            let (mut leaves, describer) = (Leaves::new(public, upto), Describer::open(&index)?);
            let last = upto.min(next + batch);
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
