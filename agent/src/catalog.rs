//! What is known of each database: read on the agent's own connection, labelled, and shared between the
//! connections of its resource.
//!
//! Read next: [`service`] for when it is read, [`mark`] for what was changed, [`read`] and [`queries`] for
//! what there is, [`labels`] and [`inherit`] for labels. Values are looked at by [`sample`] only, and are kept nowhere.

mod clear;
mod connection;
mod inherit;
mod labels;
mod mark;
mod names;
mod once;
mod overrides;
mod queries;
mod read;
mod registered;
mod rows;
mod sample;
mod service;
mod shared;
mod summary;

use std::{fmt, sync::Arc};

use connect_core::catalog::Catalog;
use connect_shared::entry::Entry;
use tokio::{sync::watch, task::JoinHandle};

pub use self::{
    clear::{Clear, ClearRule},
    once::{Labelled, label_once, labelled_once, read_once, unregistered_once},
    overrides::LabelOverrides,
    registered::{Registered, Unregistered},
    rows::{RowRule, Rows},
};
pub(crate) use self::{
    connection::{Connection, ReadError},
    sample::is_sample,
};
use self::{
    service::{Reader, Recorder, State},
    shared::Shared,
};
use crate::upstream::UpstreamConfig;

/// Reads and keeps the catalog of one resource. Clones share it; the reading ends with the last of them.
#[derive(Clone)]
pub struct CatalogService {
    shared: Arc<Shared>,
    _task: Arc<Task>,
}

struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for CatalogService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogService").field("resource", &self.shared.resource).finish_non_exhaustive()
    }
}

/// Questions that the agent asks for itself and that read no table of anybody. There are more, which only the
/// catalog is asked: whoever looks for them can see that from their texts.
pub(crate) fn own_questions() -> Vec<String> {
    let settings = [connection::SESSION, sample::BEGIN, sample::END].into_iter();
    let settings = settings.flat_map(|texts| texts.split(';')).map(|text| text.trim().to_owned());
    let questions =
        [connection::PROCESS, queries::SERVER, queries::SIZES, queries::change::VISIBLE, registered::SOURCES];
    let questions = questions.into_iter().map(str::to_owned);
    settings.chain(questions).chain([queries::change::fingerprints()]).collect()
}

/// Why there is no snapshot that is new enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("the catalog of `{resource}` cannot be read: {reason}")]
    Unreadable { resource: String, reason: String },
    #[error("the reader of this catalog has stopped")]
    Stopped,
}

impl CatalogService {
    /// Starts reading; the first snapshot comes through [`Self::subscribe`].
    #[must_use]
    pub fn start(
        resource: String,
        upstream: Arc<UpstreamConfig>,
        labels: LabelOverrides,
        functions: Registered,
        log: crate::log::Log,
    ) -> Self {
        let record = move |entry: Entry| log.append(entry).map(|_| ()).map_err(|closed| closed.to_string());
        Self::start_with(resource, upstream, labels, functions, Box::new(record))
    }

    fn start_with(
        resource: String,
        upstream: Arc<UpstreamConfig>,
        overrides: LabelOverrides,
        functions: Registered,
        record: Recorder,
    ) -> Self {
        let shared = Arc::new(Shared::new(resource));
        let state = State::default();
        let reader = Reader { shared: Arc::clone(&shared), upstream, overrides, functions, record, state };
        let task = Arc::new(Task(tokio::spawn(reader.run())));
        Self { shared, _task: task }
    }

    /// The snapshot, and every newer one. While somebody listens, a change of the database is noticed
    /// within a second.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Option<Arc<Catalog>>> {
        let receiver = self.shared.current.subscribe();
        self.shared.wake();
        receiver
    }

    /// A snapshot of a later version than `version`, whose reading began after this call. Callers at the
    /// same time share one reading.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn newer_than(&self, version: u64) -> Result<Arc<Catalog>, CatalogError> {
        let question = self.shared.ask();
        let answer = self.shared.answer(question).await.ok_or(CatalogError::Stopped)?;
        let resource = self.shared.resource.clone();
        match answer.outcome {
            Ok(catalog) if catalog.version > version => Ok(catalog),
            Ok(_) => Err(CatalogError::Unreadable {
                resource,
                reason: "it has no version that is new enough".to_owned(),
            }),
            Err(reason) => Err(CatalogError::Unreadable { resource, reason }),
        }
    }

    /// Why the last reading failed; `None` if it succeeded.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.shared.last_error()
    }
}

#[cfg(test)]
pub(crate) mod tests;
