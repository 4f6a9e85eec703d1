//! The task that reads: when asked, when something was changed, and when a table that could not be
//! labelled has filled.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use connect_core::catalog::Catalog;
use connect_shared::entry::Entry;
use tokio::time::timeout;

use super::{
    connection::{Connection, ReadError},
    inherit,
    labels::{LabelStore, Watch, sizes},
    overrides::LabelOverrides,
    read::{Found, Reading, follow, read},
    registered::{Registered, Unregistered},
    shared::{Answer, Shared},
    summary::Summary,
};
use crate::upstream::UpstreamConfig;

/// How often a change is looked for while somebody listens.
const CHECK: Duration = Duration::from_secs(1);
/// How often all tables are looked after for growth.
const GROWTH: Duration = Duration::from_secs(30);
/// How long the database is left alone after failures, unless somebody asks.
const LAST_BACK_OFF: Duration = Duration::from_secs(30);

/// Takes an entry to the log.
pub(super) type Recorder = Box<dyn Fn(Entry) -> Result<(), String> + Send + Sync>;

/// The reader of one resource.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) upstream: Arc<UpstreamConfig>,
    pub(super) overrides: LabelOverrides,
    pub(super) functions: Registered,
    pub(super) record: Recorder,
    pub(super) state: State,
}

/// What is kept from one reading to the next.
#[derive(Default)]
pub(super) struct State {
    connection: Option<Connection>,
    reading: Option<Reading>,
    labels: LabelStore,
    published: Option<Arc<Catalog>>,
    version: u64,
    recorded: Option<String>,
    /// Registered functions that do not count, as they were last told.
    unregistered: Vec<Unregistered>,
    /// When all tables were last looked after.
    grown: Option<Instant>,
}

impl Reader {
    /// Runs until its service is dropped.
    pub(super) async fn run(mut self) {
        let mut back_off = CHECK;
        loop {
            let asked = self.shared.asked.load(Ordering::SeqCst);
            let pending = asked > self.shared.answered.borrow().upto;
            let outcome = self.round(pending).await;
            let failed = outcome.is_err();
            self.publish(asked, pending, outcome);
            back_off = if failed { (back_off * 2).min(LAST_BACK_OFF) } else { CHECK };
            self.wait(if failed { back_off } else { CHECK }).await;
        }
    }

    /// Until somebody asks or, if somebody listens, the next check is due.
    async fn wait(&self, pause: Duration) {
        let listening = self.shared.current.receiver_count() > 0 || self.state.published.is_none();
        if listening {
            // Running out is the ordinary case.
            let _ = timeout(pause, self.shared.wake.notified()).await;
        } else {
            self.shared.wake.notified().await;
        }
    }

    /// Reads if something was changed, or a table may be labelled now. `pending`: somebody waits for an
    /// answer, which then has a version of its own even if nothing was changed.
    async fn round(&mut self, pending: bool) -> Result<Option<Arc<Catalog>>, ReadError> {
        let kept = self.state.connection.is_some();
        let mut result = self.look(pending).await;
        if kept && result.as_ref().is_err_and(|error| !error.keeps_connection()) {
            // The connection may have died long ago without notice.
            self.state.connection = None;
            result = self.look(pending).await;
        }
        if result.as_ref().is_err_and(|error| !error.keeps_connection()) {
            self.state.connection = None;
        }
        result
    }

    async fn look(&mut self, pending: bool) -> Result<Option<Arc<Catalog>>, ReadError> {
        let connection = match self.state.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => self.open().await?,
        };
        let connection = self.state.connection.insert(connection);
        let found = match self.state.reading.take() {
            Some(reading) => follow(connection, reading).await?,
            None => Found::Changed(read(connection).await?),
        };
        match found {
            Found::Unchanged(reading) => {
                self.state.reading = Some(reading);
                if !self.is_due().await? {
                    return Ok(if pending { self.again() } else { None });
                }
            }
            Found::Changed(reading) => self.state.reading = Some(reading),
            Found::OtherSettings => {
                let fresh = self.open().await?;
                let connection = self.state.connection.insert(fresh);
                self.state.reading = Some(read(connection).await?);
            }
        }
        let labelled = self.label().await;
        if labelled.is_err() {
            // What was read is not shown, so that it must not count as what there was before.
            self.state.reading = None;
        }
        labelled.map(Some)
    }

    /// Every login of the agent is in the log, so that those of others can be told from them.
    async fn open(&self) -> Result<Connection, ReadError> {
        let login = |process| {
            let resource = self.shared.resource.clone();
            let entry =
                Entry::UpstreamOpened { resource, connection: None, process, role: None, looks: None };
            (self.record)(entry).map_err(ReadError::Log)
        };
        Connection::open_proved(&self.upstream, login).await
    }

    /// Whether some table that was sampled should be sampled again.
    async fn is_due(&mut self) -> Result<bool, ReadError> {
        let state = &mut self.state;
        let (Some(connection), Some(reading)) = (&state.connection, &mut state.reading) else {
            return Ok(false);
        };
        let now = Instant::now();
        let all = state.grown.is_none_or(|grown| grown + GROWTH <= now);
        let watch = if all { Watch::All } else { Watch::Waiting };
        if all {
            state.grown = Some(now);
        }
        let watched = state.labels.watched(watch, now);
        if watched.is_empty() {
            return Ok(false);
        }
        let sizes = sizes(connection, &watched).await?;
        for (oid, bytes) in &sizes {
            reading.facts.entry(*oid).and_modify(|facts| facts.bytes = *bytes);
        }
        Ok(state.labels.any_due(&sizes, now))
    }

    /// The same snapshot under a new version: it was found to be as it was.
    fn again(&mut self) -> Option<Arc<Catalog>> {
        let mut catalog = Catalog::clone(self.state.published.as_deref()?);
        self.state.version += 1;
        catalog.version = self.state.version;
        Some(Arc::new(catalog))
    }

    async fn label(&mut self) -> Result<Arc<Catalog>, ReadError> {
        let state = &mut self.state;
        let (Some(connection), Some(reading)) = (&state.connection, &mut state.reading) else {
            return Err(ReadError::Timeout);
        };
        let mut catalog = reading.catalog.clone();
        state.labels.label(connection, reading, &mut catalog, Instant::now()).await?;
        let unregistered = self.functions.settle(connection, &mut catalog).await?;
        if state.unregistered != unregistered {
            for line in &unregistered {
                tracing::warn!(resource = %self.shared.resource, "{line}");
            }
            state.unregistered = unregistered;
        }
        inherit::settle(&mut catalog, reading, &self.overrides);
        if let Some(published) = &state.published {
            share(&mut catalog, published);
        }
        state.version += 1;
        catalog.version = state.version;
        self.note_in_log(&catalog)?;
        Ok(Arc::new(catalog))
    }

    /// A snapshot that differs from the last recorded one has an entry before anybody sees it.
    fn note_in_log(&mut self, catalog: &Catalog) -> Result<(), ReadError> {
        let summary = Summary::of(catalog);
        if self.state.recorded.as_ref() == Some(&summary.digest) {
            return Ok(());
        }
        let entry = Entry::CatalogLoaded {
            resource: self.shared.resource.clone(),
            version: catalog.version,
            relations: summary.relations,
            columns: summary.columns,
            labelled: summary.labelled,
            digest: summary.digest.clone(),
        };
        (self.record)(entry).map_err(ReadError::Log)?;
        self.state.recorded = Some(summary.digest);
        Ok(())
    }

    fn publish(&mut self, asked: u64, pending: bool, outcome: Result<Option<Arc<Catalog>>, ReadError>) {
        let shared = &self.shared;
        match outcome {
            Ok(None) => shared.note(None),
            Ok(Some(catalog)) => {
                shared.note(None);
                self.state.published = Some(Arc::clone(&catalog));
                shared.current.send_replace(Some(Arc::clone(&catalog)));
                if pending {
                    shared.answered.send_replace(Answer { upto: asked, outcome: Ok(catalog) });
                }
            }
            Err(error) => {
                let reason = error.to_string();
                if shared.last_error().as_ref() != Some(&reason) {
                    tracing::warn!(resource = %shared.resource, %reason, "the catalog cannot be read");
                }
                shared.note(Some(reason.clone()));
                if pending {
                    shared.answered.send_replace(Answer { upto: asked, outcome: Err(reason) });
                }
            }
        }
    }
}

/// Relations that are as they were published are kept once.
fn share(catalog: &mut Catalog, published: &Catalog) {
    for (oid, relation) in Arc::make_mut(&mut catalog.relations) {
        if let Some(known) = published.relations.get(oid).filter(|known| *known == relation) {
            *relation = Arc::clone(known);
        }
    }
}
