//! The store in a PostgreSQL database that several agents share. Each answer is one transaction, committed before it
//! is given; rows are locked before they change, so that of two agents one comes first. Nothing is asked for longer
//! than a few seconds: a store that is slow is an error.
//!
//! Read next: [`pool`] for the connections, [`work`] for what is asked, [`revocations`] for what agents tell each
//! other beside requests, [`crate::sharing`] for who listens.

mod dial;
mod pool;
mod revocations;
mod rows;
mod schema;
#[cfg(test)]
pub(crate) mod testing;
mod work;

use std::{any::Any, sync::Arc};

use connect_core::usage::{Given, UsageKey};
use connect_shared::{entry::PrincipalRef, ids::RequestId, request::RequestState};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

pub(crate) use self::revocations::{Behind, Told};
use self::{
    pool::{Pool, in_time},
    rows::UNOPENED,
    work::Whose,
};
use super::{
    Elsewhere, Key, Moment, NewRequest, Origin, Request, Store, StoreError, Terms, Verdict, VerdictError,
};
use crate::config::StoreConfig;

/// What a notification begins with: a request was decided, used or is over; or something is revoked.
pub(crate) const OF_REQUEST: &str = "request";
pub(crate) const OF_REVOCATION: &str = "revocation";

/// Which agent this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The same over restarts, and no other agent's.
    pub agent: String,
    /// The name of its log.
    pub log: String,
}

/// The store of several agents.
pub struct PostgresStore {
    pool: Pool,
    own: Arc<Own>,
    /// Its own, of all stores.
    id: String,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").field("own", &self.own).finish_non_exhaustive()
    }
}

/// What is there, for whoever looks before an agent is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub server: String,
    /// `None`: no agent has used it yet.
    pub version: Option<i64>,
    /// What could be lost, if anything.
    pub warning: Option<String>,
}

/// A connection of one's own that hears of notifications, for as long as it is held.
pub(crate) struct Listening {
    pub(crate) news: mpsc::Receiver<String>,
    _connection: dial::Connection,
}

/// What the key is asked for, to see whether it is that of the other agents.
const KEY_CHECK: &str = "key check";
/// Most notifications that wait; what has no room is found by looking.
const MOST_NEWS: usize = 256;

impl PostgresStore {
    /// Opens it; what is not there yet is made.
    ///
    /// # Errors
    /// It cannot be reached or used, a newer agent has changed it, or its agents have another key.
    pub async fn open(config: Arc<StoreConfig>, own: Own) -> Result<Self, StoreError> {
        let pool = Pool::new(config);
        let mut first = pool.dial(None).await?;
        schema::migrate(&mut first.client).await?;
        let code = pool.config.key.code(KEY_CHECK);
        let check = "INSERT INTO store (code) VALUES ($1) ON CONFLICT DO NOTHING";
        first.client.execute(check, &[&code]).await?;
        let row = first.client.query_one("SELECT code, id FROM store", &[]).await?;
        if row.try_get::<_, String>(0)? != code {
            return Err(StoreError::OtherKey);
        }
        if let Some(warning) = warning(&first.client).await? {
            tracing::warn!(warning, "the store may forget what it has answered");
        }
        Ok(Self { pool, own: Arc::new(own), id: row.try_get(1)? })
    }

    /// Looks whether it could be opened, and changes nothing.
    ///
    /// # Errors
    /// It could not.
    pub async fn look(config: &StoreConfig) -> Result<Looked, StoreError> {
        let connection = in_time(dial::connect(config, None)).await?;
        let version = schema::version(&connection.client).await?;
        if let Some(newer) = version.filter(|version| *version > schema::NEWEST) {
            return Err(StoreError::Newer(newer));
        }
        if version.is_some() {
            let row = connection.client.query_opt("SELECT code FROM connect.store", &[]).await?;
            let known = row.map(|row| row.try_get::<_, String>(0)).transpose()?;
            if known.is_some_and(|known| known != config.key.code(KEY_CHECK)) {
                return Err(StoreError::OtherKey);
            }
        }
        let server = connection.client.query_one("SHOW server_version", &[]).await?.try_get(0)?;
        Ok(Looked { server, version, warning: warning(&connection.client).await? })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Begins to listen.
    pub(crate) async fn listen(&self) -> Result<Listening, StoreError> {
        let (sender, news) = mpsc::channel(MOST_NEWS);
        in_time(async {
            let connection = self.pool.dial(Some(sender)).await?;
            connection.client.batch_execute("LISTEN connect_store").await?;
            Ok(Listening { news, _connection: connection })
        })
        .await
    }
}

/// What it would forget in a crash, in words.
async fn warning(client: &tokio_postgres::Client) -> Result<Option<String>, StoreError> {
    let fsync: String = client.query_one("SHOW fsync", &[]).await?.try_get(0)?;
    Ok((fsync == "off")
        .then(|| "`fsync` is off there: a crash of its machine loses approvals and uses".to_owned()))
}

impl Store for PostgresStore {
    fn ask(&self, new: NewRequest, now: Moment) -> BoxFuture<'_, Result<(Request, Origin), StoreError>> {
        let own = Arc::clone(&self.own);
        Box::pin(
            self.pool.run(move |transaction| {
                Box::pin(async move { work::ask(transaction, &new, now, &own).await })
            }),
        )
    }

    fn pending(&self, key: Key, now: Moment) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { rows::of_key(transaction, &key, RequestState::Pending, now).await })
        }))
    }

    fn find(&self, id: RequestId) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        Box::pin(
            self.pool.run(move |transaction| {
                Box::pin(async move { rows::find(transaction, &id.to_string()).await })
            }),
        )
    }

    fn list(&self, of: PrincipalRef, limit: u32) -> BoxFuture<'_, Result<Vec<Request>, StoreError>> {
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move {
                let query = format!(
                    "SELECT {UNOPENED} FROM request WHERE (sub = $1 AND idp = $2) OR state = 'pending' \
                     ORDER BY created_at DESC, number DESC LIMIT $3"
                );
                let rows = transaction.query(&query, &[&of.sub, &of.idp, &i64::from(limit)]).await?;
                rows::all_with_verdicts(transaction, &rows).await
            })
        }))
    }

    fn seen(&self, id: RequestId, by: PrincipalRef) -> BoxFuture<'_, Result<Origin, StoreError>> {
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move {
                let insert =
                    "INSERT INTO seen (request, sub, idp) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
                let added = transaction.execute(insert, &[&id.to_string(), &by.sub, &by.idp]).await?;
                Ok(if added > 0 { Origin::New } else { Origin::Known })
            })
        }))
    }

    fn decide(
        &self,
        id: RequestId,
        binding: String,
        verdict: Verdict,
        terms: Terms,
    ) -> BoxFuture<'_, Result<Request, VerdictError>> {
        let own = Arc::clone(&self.own);
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move {
                work::decide(transaction, &id.to_string(), &binding, &verdict, (terms, &own)).await
            })
        }))
    }

    fn take(
        &self,
        key: Key,
        template: Option<String>,
        now: Moment,
    ) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::take(transaction, (&key, template.as_deref()), now).await })
        }))
    }

    fn for_a_time(&self, now: Moment) -> BoxFuture<'_, Result<Vec<Request>, StoreError>> {
        Box::pin(
            self.pool
                .run(move |transaction| Box::pin(async move { work::for_a_time(transaction, now).await })),
        )
    }

    fn last_glass(
        &self,
        principal: PrincipalRef,
        resource: String,
    ) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::last_glass(transaction, (&principal, &resource)).await })
        }))
    }

    fn access(
        &self,
        principal: PrincipalRef,
        resource: String,
        now: Moment,
    ) -> BoxFuture<'_, Result<Vec<(Request, Origin)>, StoreError>> {
        let own = Arc::clone(&self.own);
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::access(transaction, (&principal, &resource), now, &own).await })
        }))
    }

    fn mark_used(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>> {
        let own = Arc::clone(&self.own);
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::mark_used(transaction, &id.to_string(), &own).await })
        }))
    }

    fn over(&self, now: Moment) -> BoxFuture<'_, Result<Vec<Request>, StoreError>> {
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move {
                let query =
                    format!("SELECT {UNOPENED} FROM request WHERE {} ORDER BY expires_at", work::OVER);
                let rows = transaction.query(&query, &[&rows::moment(now)]).await?;
                rows.iter().map(rows::request).collect()
            })
        }))
    }

    fn expire(&self, now: Moment) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(
            self.pool.run(move |transaction| Box::pin(async move { work::expire(transaction, now).await })),
        )
    }

    fn usage(&self, from: u64) -> BoxFuture<'_, Result<Vec<(UsageKey, Given)>, StoreError>> {
        self.usage_of(from, Whose::Own)
    }

    fn keep_usage(&self, given: Vec<(UsageKey, Given)>, from: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        let own = Arc::clone(&self.own);
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::keep_usage(transaction, &given, from, &own).await })
        }))
    }

    fn usage_elsewhere(&self, from: u64) -> BoxFuture<'_, Result<Vec<(UsageKey, Given)>, StoreError>> {
        self.usage_of(from, Whose::Others)
    }

    /// Held by a connection of its own, which ends with it.
    fn lock(&self, id: RequestId) -> BoxFuture<'_, Result<Box<dyn Any + Send>, StoreError>> {
        Box::pin(in_time(async move {
            let connection = self.pool.dial(None).await?;
            let what = format!("connect.verdict/{id}");
            connection.client.batch_execute("BEGIN").await?;
            let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
            connection.client.execute(lock, &[&what]).await?;
            Ok(Box::new(connection) as Box<dyn Any + Send>)
        }))
    }

    fn elsewhere(&self, id: RequestId) -> BoxFuture<'_, Result<Elsewhere, StoreError>> {
        let own = Arc::clone(&self.own);
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::elsewhere(transaction, &id.to_string(), &own).await })
        }))
    }

    fn mark_logged(&self, id: RequestId, mark: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        let own = Arc::clone(&self.own);
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::mark_logged(transaction, &id.to_string(), mark, &own).await })
        }))
    }

    fn decided_among(&self, ids: Vec<RequestId>) -> BoxFuture<'_, Result<Vec<RequestId>, StoreError>> {
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                let query = "SELECT id FROM request WHERE id = ANY ($1) AND state <> $2";
                let rows = transaction.query(query, &[&ids, &RequestState::Pending.as_str()]).await?;
                rows.iter().map(|row| rows::word(row, 0, |text| text.parse().ok())).collect()
            })
        }))
    }
}

impl PostgresStore {
    fn usage_of(&self, from: u64, whose: Whose) -> BoxFuture<'_, Result<Vec<(UsageKey, Given)>, StoreError>> {
        let own = Arc::clone(&self.own);
        Box::pin(self.pool.run(move |transaction| {
            Box::pin(async move { work::usage(transaction, from, (&own, whose)).await })
        }))
    }
}
