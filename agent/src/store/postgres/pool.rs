//! Connections to the store: a few, made when they are needed, each used by one at a time. Whatever goes wrong on
//! one closes it, and nothing that is asked lasts longer than [`OPERATION_TIME`].

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    sync::{Semaphore, SemaphorePermit, mpsc},
    time::{Instant, timeout},
};
use tokio_postgres::Transaction;

use super::{
    super::{StoreError, VerdictError},
    dial::{self, Connection},
};
use crate::config::StoreConfig;

/// Within this time whatever is asked is done, or is an error.
pub(super) const OPERATION_TIME: Duration = Duration::from_secs(5);
/// Most connections of one agent, beside the one that listens.
const CONNECTIONS: usize = 4;
/// How long nobody tries again after the first failure, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Whether an error says that the store itself is ill.
pub(super) trait Outcome: From<StoreError> {
    fn is_ill(&self) -> bool;
}

impl Outcome for StoreError {
    fn is_ill(&self) -> bool {
        !matches!(self, Self::TooMany)
    }
}

impl Outcome for VerdictError {
    fn is_ill(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_ill())
    }
}

/// Since when it cannot be reached.
struct Pause {
    until: Instant,
    next: Duration,
    why: String,
}

pub(super) struct Pool {
    pub(super) config: Arc<StoreConfig>,
    places: Semaphore,
    idle: Mutex<Vec<Connection>>,
    pause: Mutex<Option<Pause>>,
}

/// A connection that is somebody's.
pub(super) struct Place<'p> {
    connection: Connection,
    pool: &'p Pool,
    _place: SemaphorePermit<'p>,
}

impl Pool {
    pub(super) fn new(config: Arc<StoreConfig>) -> Self {
        let (idle, pause) = Default::default();
        Self { config, places: Semaphore::new(CONNECTIONS), idle, pause }
    }

    /// Runs `work` in one transaction that counts when this has answered.
    ///
    /// # Errors
    /// Those of `work`, which undo it. Where the store does not answer, nobody knows whether it was done.
    pub(super) async fn run<T, E: Outcome>(
        &self,
        work: impl for<'t> FnOnce(&'t Transaction<'t>) -> BoxFuture<'t, Result<T, E>> + Send,
    ) -> Result<T, E> {
        let all = async {
            let mut place = self.place().await?;
            let transaction = place.connection.client.transaction().await.map_err(StoreError::from)?;
            let outcome = work(&transaction).await;
            match &outcome {
                Ok(_) => transaction.commit().await.map_err(StoreError::from)?,
                Err(error) if error.is_ill() => return outcome,
                Err(_) => transaction.rollback().await.map_err(StoreError::from)?,
            }
            place.keep();
            outcome
        };
        in_time(all).await
    }

    /// A connection, at rest or new.
    async fn place(&self) -> Result<Place<'_>, StoreError> {
        let place = self.places.acquire().await.map_err(|_| slow())?;
        let idle = loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(connection) if connection.client.is_closed() => {}
                other => break other,
            }
        };
        let connection = match idle {
            Some(connection) => connection,
            None => self.dial(None).await?,
        };
        Ok(Place { connection, pool: self, _place: place })
    }

    /// A connection that nobody else uses. While the store is away most hear so at once.
    pub(super) async fn dial(&self, news: Option<mpsc::Sender<String>>) -> Result<Connection, StoreError> {
        if let Some(pause) = &*self.pause.lock().unwrap_or_else(PoisonError::into_inner)
            && Instant::now() < pause.until
        {
            return Err(StoreError::Unavailable(pause.why.clone()));
        }
        let dialled = in_time(dial::connect(&self.config, news)).await;
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        match &dialled {
            Ok(_) => *pause = None,
            Err(error) => {
                let wait = pause.as_ref().map_or(FIRST_PAUSE, |pause| pause.next);
                let next = LONGEST_PAUSE.min(wait * 2);
                let why = match error {
                    StoreError::Unavailable(why) => why.clone(),
                    other => other.to_string(),
                };
                *pause = Some(Pause { until: Instant::now() + wait, next, why });
            }
        }
        dialled
    }
}

impl Place<'_> {
    /// It is in order: the next one may have it.
    fn keep(self) {
        self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.connection);
    }
}

/// What it comes to, or that it has taken too long.
pub(super) async fn in_time<T, E: From<StoreError>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(OPERATION_TIME, work).await.unwrap_or_else(|_| Err(slow().into()))
}

fn slow() -> StoreError {
    StoreError::Unavailable(format!("it did not answer within {} s", OPERATION_TIME.as_secs()))
}
