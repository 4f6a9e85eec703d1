//! What a statement would touch, asked of the database before anybody decides about it: on a connection of the
//! agent's own that only reads, within bounds, and never by running the statement.
//!
//! What is asked comes from [`connect_core::radius`], which says why it may be. Each look logs in by itself,
//! which is in the log with whose statements it is for before anything is asked. Whatever goes wrong here leaves a
//! number out and says so; the statement is held all the same.
//!
//! Read next: [`ask`] for the questions, [`compose`] for the answer.

mod ask;
mod compose;

use std::{sync::Arc, time::Duration};

use connect_core::radius::Question;
use connect_shared::{
    api::Radius,
    entry::{Entry, PrincipalRef, SideLook},
};
use tokio::{sync::Semaphore, time::timeout};

pub(crate) use self::ask::{is_estimate, own_questions};
use self::{ask::Answers, compose::compose};
use crate::{
    catalog::{Connection, ReadError},
    log::Log,
    upstream::UpstreamConfig,
};

/// Looks at one database that go on at once.
const PLACES: usize = 3;

/// How long a statement waits to be looked at, the login included.
const PATIENCE: Duration = Duration::from_secs(4);

/// Looks at what statements would touch in one resource. Clones share it.
#[derive(Clone)]
pub struct Looks(Arc<Inner>);

struct Inner {
    resource: String,
    upstream: Arc<UpstreamConfig>,
    log: Log,
    places: Semaphore,
}

impl std::fmt::Debug for Looks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Looks").field("resource", &self.0.resource).finish_non_exhaustive()
    }
}

impl Looks {
    #[must_use]
    pub fn new(resource: String, upstream: Arc<UpstreamConfig>, log: Log) -> Self {
        Self(Arc::new(Inner { resource, upstream, log, places: Semaphore::new(PLACES) }))
    }

    /// What the statements would touch, as far as that can be said within [`PATIENCE`].
    pub async fn look(&self, question: &Question, principal: &PrincipalRef) -> Radius {
        let mut answers = Answers::default();
        let why = match timeout(PATIENCE, self.ask(question, principal, &mut answers)).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => {
                tracing::info!(resource = self.0.resource, %error, "nobody could look what a statement would touch");
                Some("the database could not be asked about rows")
            }
            Err(_) => Some("the database did not answer in time about rows"),
        };
        compose(question, answers, why)
    }

    async fn ask(
        &self,
        question: &Question,
        principal: &PrincipalRef,
        answers: &mut Answers,
    ) -> Result<(), ReadError> {
        let _place = self.0.places.acquire().await.map_err(|_| ReadError::Timeout)?;
        let looks = SideLook {
            principal: principal.clone(),
            texts: question.texts.clone(),
            plans: question.plan.is_some(),
        };
        let login = |process| {
            let entry = Entry::UpstreamOpened {
                resource: self.0.resource.clone(),
                connection: None,
                process,
                role: question.plan.as_ref().and_then(|plan| plan.role.as_deref()).map(str::to_owned),
                looks: Some(Box::new(looks.clone())),
            };
            self.0.log.append(entry).map(|_| ()).map_err(|closed| ReadError::Log(closed.to_string()))
        };
        let connection = Connection::open_proved(&self.0.upstream, login).await?;
        ask::ask(&connection.client, question, answers).await
    }
}
