//! Holding the log against the database's own view: which sessions are open there, and which statements have
//! run, that did not come through the agent.
//!
//! What a login of the agent is, is in the log (`upstream_opened`, with the server's process); a session with
//! no such entry is somebody else's, whatever it says of itself. Of statements only numbers can be compared:
//! the server counts executions by text ([`compare`]). The server's clock is read beside the agent's, so
//! that a difference between the two changes nothing.

mod activity;
mod compare;
mod own;
mod statements;

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use connect_core::catalog::Catalog;
use connect_shared::{
    api::{ForeignSession, ForeignStatements},
    entry::Entry,
};
use tokio::time::sleep;

use self::{activity::Session, own::Own};
use crate::{
    audit::{IndexError, Leaves, Recorded, recorded},
    catalog::{Connection, ReadError, own_questions},
    config::Roles,
    log::{Log, LogClosed, PublicFolder},
    radius,
    upstream::{self, UpstreamConfig},
};

/// A login is in the log a moment after it is at the server: who is there twice is there.
const SECOND_LOOK: Duration = Duration::from_secs(1);
/// How far a login and its entry may lie apart, in milliseconds: the entry is written when the server has
/// let the agent in, which may take its time.
const APART: u64 = 15_000;

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    #[error(transparent)]
    Database(#[from] ReadError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Log(#[from] LogClosed),
    #[error("the search index does not catch up with the log")]
    Behind,
    #[error("the comparison has failed")]
    Failed,
}

impl From<tokio_postgres::Error> for ReconcileError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error.into())
    }
}

/// What is compared.
pub(crate) struct Sides<'a> {
    pub(crate) resource: &'a str,
    pub(crate) upstream: &'a UpstreamConfig,
    pub(crate) log: &'a Log,
    pub(crate) index: PathBuf,
    /// As whom people work there, beside the agent's own account.
    pub(crate) roles: &'a Roles,
    /// What is there, where it could be read.
    pub(crate) catalog: Option<Arc<Catalog>>,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) time: u64,
    pub(crate) indexed: u64,
    pub(crate) own: u64,
    pub(crate) sessions: Vec<ForeignSession>,
    pub(crate) statements: ForeignStatements,
}

impl Sides<'_> {
    /// Looks twice at who is there, and once at what has run. `catch_up` lets the index catch up with the
    /// log, and says how far it is.
    pub(crate) async fn compare<F>(&self, catch_up: impl Fn() -> F) -> Result<Found, ReconcileError>
    where
        F: Future<Output = Option<u64>>,
    {
        let connection = Connection::open(self.upstream).await?;
        let resource = self.resource.to_owned();
        let entry = Entry::UpstreamOpened {
            resource,
            connection: None,
            process: connection.process,
            role: None,
            looks: None,
        };
        let seq = self.log.append(entry)?;
        self.log.wait_durable(seq).await?;
        let first = activity::read(&connection.client).await?;
        sleep(SECOND_LOOK).await;
        let second = activity::read(&connection.client).await?;
        // Counted before the log is asked: what ends meanwhile is in the log, and not yet in the count.
        let mut counted = statements::read(&connection.client).await?;
        let indexed = catch_up().await.ok_or(ReconcileError::Behind)?;
        let since = second.iter().filter_map(|session| session.since).min().unwrap_or(0);
        let recorded = self.recorded(indexed, since.saturating_sub(APART), counted.since).await?;
        let (own, foreign) = apart(&first, second, &recorded);
        let mut texts = std::mem::take(&mut counted.asked);
        texts.push(activity::QUESTION.to_owned());
        let texts = texts
            .into_iter()
            .chain(own_questions())
            .chain(upstream::own_questions())
            .chain(radius::own_questions());
        let (questions, accounts) = (Own::new(texts, self.catalog.clone()), self.accounts());
        // Thousands of texts are parsed.
        let statements =
            tokio::task::spawn_blocking(move || compare::compare(counted, &recorded, &accounts, &questions));
        let statements = statements.await.map_err(|_| ReconcileError::Failed)?;
        Ok(Found { time: activity::now(), indexed, own, sessions: foreign, statements })
    }

    /// The roles under which the server counts what came through the agent.
    fn accounts(&self) -> HashSet<String> {
        let roles = self.roles.names().map(|role| String::from(&**role));
        roles.chain([self.upstream.user.clone()]).collect()
    }

    async fn recorded(
        &self,
        size: u64,
        logins_since: u64,
        statements_since: Option<u64>,
    ) -> Result<Recorded, ReconcileError> {
        let (path, resource) = (self.index.clone(), self.resource.to_owned());
        let public = PublicFolder::new(self.log.public_dir());
        let read = tokio::task::spawn_blocking(move || {
            let mut leaves = Leaves::new(public, size);
            recorded(&path, &mut leaves, &resource, logins_since, statements_since.unwrap_or(0))
        });
        Ok(read.await.unwrap_or(Err(IndexError::TooSlow))?)
    }
}

/// Sessions of the agent, and those of others that were there both times.
fn apart(first: &[Session], second: Vec<Session>, recorded: &Recorded) -> (u64, Vec<ForeignSession>) {
    let mut logins: HashMap<u32, Vec<u64>> = HashMap::new();
    for (process, time) in &recorded.logins {
        logins.entry(*process).or_default().push(*time);
    }
    let is_own = |session: &Session| {
        let times = logins.get(&session.process).map(Vec::as_slice).unwrap_or_default();
        match session.since {
            Some(since) => times.iter().any(|time| time.abs_diff(since) <= APART),
            // A server that does not say since when: the number is all that there is.
            None => !times.is_empty(),
        }
    };
    let (own, others): (Vec<_>, Vec<_>) = second.into_iter().partition(is_own);
    let before = |session: &Session| first.iter().any(|earlier| earlier.process == session.process);
    let foreign = others.into_iter().filter(before).map(Session::told);
    (own.len() as u64, foreign.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(process: u32, since: Option<u64>) -> Session {
        Session { process, since, ..Session::default() }
    }

    #[test]
    fn a_session_is_the_agents_only_if_a_login_of_that_process_and_time_is_in_the_log() {
        let recorded =
            Recorded { logins: vec![(1, 100_000), (2, 100_000), (1, 900_000)], ..Recorded::default() };
        let both = |sessions: Vec<Session>| {
            let (own, foreign) = apart(&sessions.clone(), sessions, &recorded);
            (own, foreign.iter().map(|session| session.process).collect::<Vec<_>>())
        };
        assert_eq!(both(vec![session(1, Some(100_200)), session(2, Some(99_000))]), (2, vec![]));
        // The same number, given to somebody else later.
        assert_eq!(both(vec![session(2, Some(500_000))]), (0, vec![2]));
        assert_eq!(both(vec![session(1, Some(900_500)), session(3, None)]), (1, vec![3]));
        assert_eq!(both(vec![session(2, None)]), (1, vec![]));
    }

    #[test]
    fn who_has_logged_in_between_two_looks_may_be_the_agents_yet() {
        let (own, foreign) = apart(
            &[session(7, Some(1))],
            vec![session(7, Some(1)), session(8, Some(2))],
            &Recorded::default(),
        );
        assert_eq!((own, foreign.len(), foreign[0].process), (0, 1, 7));
    }
}
