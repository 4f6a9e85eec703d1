//! The store in one SQLite file: write-ahead log, synced at each commit, one connection behind a lock.
//! Whatever was answered survives `kill -9` and a power cut.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use connect_core::usage::{Given, UsageKey};
use connect_shared::{
    entry::PrincipalRef,
    ids::RequestId,
    request::{RequestKind, RequestState},
};
use futures_util::future::BoxFuture;
use rusqlite::{
    Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, named_params, params,
};

use super::{
    Key, MAX_PENDING, Moment, NewRequest, Origin, Request, Store, StoreError, Terms, Verdict, VerdictError,
};

/// What each version of the file adds to the one before it; `user_version` counts them.
const MIGRATIONS: [&str; 3] =
    [include_str!("sqlite/1.sql"), include_str!("sqlite/2.sql"), include_str!("sqlite/3.sql")];
/// How long another process (a backup, a look from outside) is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Decided requests are kept for so long: the log has them for ever.
const KEEP: Moment = 90 * 24 * 60 * 60;

const COLUMNS: &str = "id, kind, state, resource, sub, idp, actor, name, reason, binding, details, sealed, \
    created_at, expires_at, template, runs_left";

/// The same without the text, which may be long: where many are read, it is for none of them.
const UNOPENED: &str = "id, kind, state, resource, sub, idp, actor, name, reason, binding, details, \
    NULL AS sealed, created_at, expires_at, template, runs_left";

/// What nobody can decide or use any more, and was not ended yet. A broken glass waits for its review for ever.
const OVER: &str = "state IN ('pending', 'approved') AND expires_at <= ?1 AND kind <> 'break_glass'";

/// Whose pending or approved request it is.
const OF_KEY: &str = "kind = :kind AND sub = :sub AND idp = :idp AND actor IS :actor \
    AND resource = :resource AND binding = :binding";

/// The store of one agent.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<rusqlite::Error> for VerdictError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl SqliteStore {
    /// Opens the file; what is not there yet is made.
    ///
    /// # Errors
    /// It cannot be opened, or a newer agent wrote it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // In the write-ahead mode only FULL syncs each commit: a use that is answered was made.
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        // A table that is made anew under its name would take with it what refers to it.
        connection.pragma_update(None, "foreign_keys", false)?;
        migrate(&mut connection)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` in one transaction, away from the threads that carry bytes.
    fn run<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, E>>
    where
        T: Send + 'static,
        E: From<rusqlite::Error> + From<StoreError> + Send + 'static,
    {
        let connection = Arc::clone(&self.connection);
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            // An error rolls back when the transaction is dropped.
            let answer = work(&transaction)?;
            transaction.commit()?;
            Ok(answer)
        });
        Box::pin(async move {
            task.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string()).into()))
        })
    }
}

fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = usize::try_from(version).ok().filter(|version| *version <= MIGRATIONS.len());
    let known = known.ok_or(StoreError::Newer(version))?;
    for (number, migration) in (1i64..).zip(MIGRATIONS).skip(known) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

impl Store for SqliteStore {
    fn ask(&self, new: NewRequest, now: Moment) -> BoxFuture<'_, Result<(Request, Origin), StoreError>> {
        self.run(move |transaction| {
            if let Some(known) = of_key(transaction, &new.key, RequestState::Pending, now)? {
                return Ok((known, Origin::Known));
            }
            let principal = &new.key.principal;
            let pending: u32 = transaction.query_row(
                "SELECT count(*) FROM request WHERE sub = ?1 AND idp = ?2 AND state = 'pending'",
                params![principal.sub, principal.idp],
                |row| row.get(0),
            )?;
            if pending >= MAX_PENDING {
                return Err(StoreError::TooMany);
            }
            insert(transaction, &new, now)?;
            let made = find(transaction, new.id)?;
            let made = made.ok_or_else(|| StoreError::Unavailable("a new row is not there".to_owned()))?;
            Ok((made, Origin::New))
        })
    }

    fn pending(&self, key: Key, now: Moment) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        self.run(move |transaction| Ok(of_key(transaction, &key, RequestState::Pending, now)?))
    }

    fn find(&self, id: RequestId) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        self.run(move |transaction| Ok(find(transaction, id)?))
    }

    fn list(&self, of: PrincipalRef, limit: u32) -> BoxFuture<'_, Result<Vec<Request>, StoreError>> {
        self.run(move |transaction| {
            let query = format!(
                "SELECT {UNOPENED} FROM request WHERE (sub = ?1 AND idp = ?2) OR state = 'pending' \
                 ORDER BY created_at DESC, rowid DESC LIMIT ?3"
            );
            let mut statement = transaction.prepare(&query)?;
            let rows = statement.query_map(params![of.sub, of.idp, limit], request)?;
            let requests = rows.collect::<Result<Vec<_>, _>>()?;
            requests.into_iter().map(|request| Ok(with_verdicts(transaction, request)?)).collect()
        })
    }

    fn seen(&self, id: RequestId, by: PrincipalRef) -> BoxFuture<'_, Result<Origin, StoreError>> {
        self.run(move |transaction| {
            let added = transaction.execute(
                "INSERT OR IGNORE INTO seen (request, sub, idp) VALUES (?1, ?2, ?3)",
                params![id.to_string(), by.sub, by.idp],
            )?;
            Ok(if added > 0 { Origin::New } else { Origin::Known })
        })
    }

    fn decide(
        &self,
        id: RequestId,
        binding: String,
        verdict: Verdict,
        Terms { until, runs }: Terms,
    ) -> BoxFuture<'_, Result<Request, VerdictError>> {
        self.run(move |transaction| {
            let request = find(transaction, id)?.ok_or(VerdictError::Unknown)?;
            super::may_be_decided(&request, &binding, &verdict)?;
            let state = match verdict.state {
                RequestState::Approved => super::after_approval(&request),
                state => state,
            };
            let ends = if state == RequestState::Approved { until } else { request.expires_at };
            transaction.execute(
                "UPDATE request SET state = ?2, expires_at = ?3, runs_left = ?4, \
                 sealed = iif(?2 IN ('approved', 'pending'), sealed, NULL) \
                 WHERE id = ?1 AND state = 'pending'",
                params![id.to_string(), state.as_str(), moment(ends), runs],
            )?;
            transaction.execute(
                "INSERT INTO verdict (request, state, sub, idp, name, reason, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    id.to_string(),
                    verdict.state.as_str(),
                    verdict.by.sub,
                    verdict.by.idp,
                    verdict.name,
                    verdict.reason,
                    moment(verdict.at)
                ],
            )?;
            find(transaction, id)?.ok_or(VerdictError::Unknown)
        })
    }

    fn take(
        &self,
        key: Key,
        template: Option<String>,
        now: Moment,
    ) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        self.run(move |transaction| {
            let exact = of_key(transaction, &key, RequestState::Approved, now)?;
            let approved = match (exact, template) {
                (Some(exact), _) => Some(exact),
                (None, Some(template)) => of_template(transaction, &key, &template, now)?,
                (None, None) => None,
            };
            let Some(approved) = approved else { return Ok(None) };
            transaction.execute(
                "UPDATE request SET runs_left = runs_left - 1, \
                 state = iif(coalesce(runs_left, 1) > 1, state, 'used'), \
                 sealed = iif(coalesce(runs_left, 1) > 1, sealed, NULL) WHERE id = ?1",
                params![approved.id.to_string()],
            )?;
            Ok(find(transaction, approved.id)?)
        })
    }

    fn for_a_time(&self, now: Moment) -> BoxFuture<'_, Result<Vec<Request>, StoreError>> {
        self.run(move |transaction| {
            let query = format!(
                "SELECT {COLUMNS} FROM request WHERE kind IN ('unmask', 'window', 'break_glass') \
                 AND state IN ('pending', 'approved') ORDER BY created_at, rowid"
            );
            let mut statement = transaction.prepare(&query)?;
            let rows = statement.query_map([], request)?;
            let all = rows.collect::<Result<Vec<_>, _>>()?;
            let holding =
                all.into_iter().filter(|request| request.holds_until().is_some_and(|end| end > now));
            holding.map(|request| Ok(with_verdicts(transaction, request)?)).collect()
        })
    }

    fn last_glass(
        &self,
        principal: PrincipalRef,
        resource: String,
    ) -> BoxFuture<'_, Result<Option<Request>, StoreError>> {
        self.run(move |transaction| {
            let query = format!(
                "SELECT {COLUMNS} FROM request WHERE kind = 'break_glass' AND sub = ?1 AND idp = ?2 \
                 AND resource = ?3 ORDER BY created_at DESC, rowid DESC LIMIT 1"
            );
            let mut statement = transaction.prepare(&query)?;
            let found = statement.query_map(params![principal.sub, principal.idp, resource], request)?.next();
            found.transpose()?.map(|request| Ok(with_verdicts(transaction, request)?)).transpose()
        })
    }

    fn access(
        &self,
        principal: PrincipalRef,
        resource: String,
        now: Moment,
    ) -> BoxFuture<'_, Result<Vec<(Request, Origin)>, StoreError>> {
        self.run(move |transaction| {
            let query = format!(
                "SELECT {COLUMNS}, used FROM request WHERE kind = 'access' AND state = 'approved' \
                 AND sub = ?1 AND idp = ?2 AND actor IS ?3 AND resource = ?4 AND expires_at > ?5"
            );
            let mut statement = transaction.prepare(&query)?;
            let parameters = params![principal.sub, principal.idp, principal.actor, resource, moment(now)];
            let rows = statement.query_map(parameters, |row| {
                let origin = if row.get::<_, bool>("used")? { Origin::Known } else { Origin::New };
                Ok((request(row)?, origin))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn mark_used(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.run(move |transaction| {
            transaction.execute("UPDATE request SET used = 1 WHERE id = ?1", params![id.to_string()])?;
            Ok(())
        })
    }

    fn over(&self, now: Moment) -> BoxFuture<'_, Result<Vec<Request>, StoreError>> {
        self.run(move |transaction| {
            let query = format!("SELECT {UNOPENED} FROM request WHERE {OVER} ORDER BY expires_at");
            let mut statement = transaction.prepare(&query)?;
            let rows = statement.query_map(params![moment(now)], request)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn expire(&self, now: Moment) -> BoxFuture<'_, Result<(), StoreError>> {
        self.run(move |transaction| {
            let ended = format!("UPDATE request SET state = 'expired', sealed = NULL WHERE {OVER}");
            transaction.execute(&ended, params![moment(now)])?;
            transaction.execute(
                "DELETE FROM request WHERE (state NOT IN ('pending', 'approved') \
                 OR kind = 'break_glass' AND state <> 'pending') AND expires_at < ?1",
                params![moment(now.saturating_sub(KEEP))],
            )?;
            Ok(())
        })
    }

    fn usage(&self, from: u64) -> BoxFuture<'_, Result<Vec<(UsageKey, Given)>, StoreError>> {
        self.run(move |transaction| {
            let query = "SELECT idp, sub, resource, policy, minute, rows, bytes FROM usage \
                WHERE minute >= ?1 ORDER BY minute";
            let mut statement = transaction.prepare(query)?;
            let rows = statement.query_map(params![moment(from)], |row| {
                let key = UsageKey {
                    idp: row.get(0)?,
                    sub: row.get(1)?,
                    resource: row.get(2)?,
                    policy: row.get(3)?,
                };
                Ok((key, Given { minute: time(row, 4)?, rows: time(row, 5)?, bytes: time(row, 6)? }))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn keep_usage(&self, given: Vec<(UsageKey, Given)>, from: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        self.run(move |transaction| {
            let mut statement = transaction.prepare(
                "INSERT OR REPLACE INTO usage (idp, sub, resource, policy, minute, rows, bytes) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for (UsageKey { idp, sub, resource, policy }, given) in given {
                let (minute, rows, bytes) = (moment(given.minute), moment(given.rows), moment(given.bytes));
                statement.execute(params![idp, sub, resource, policy, minute, rows, bytes])?;
            }
            transaction.execute("DELETE FROM usage WHERE minute < ?1", params![moment(from)])?;
            Ok(())
        })
    }
}

fn insert(transaction: &Transaction<'_>, new: &NewRequest, now: Moment) -> Result<(), StoreError> {
    let details =
        serde_json::to_string(&new.details).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let (key, principal) = (&new.key, &new.key.principal);
    transaction.execute(
        "INSERT INTO request (id, kind, state, resource, sub, idp, actor, name, reason, binding, details, \
         sealed, created_at, expires_at, template) \
         VALUES (?1, ?2, 'pending', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            new.id.to_string(),
            key.kind.as_str(),
            key.resource,
            principal.sub,
            principal.idp,
            principal.actor,
            new.name,
            new.reason,
            key.binding,
            details,
            new.sealed,
            moment(now),
            moment(new.expires_at),
            new.template
        ],
    )?;
    Ok(())
}

fn find(transaction: &Transaction<'_>, id: RequestId) -> rusqlite::Result<Option<Request>> {
    let query = format!("SELECT {COLUMNS} FROM request WHERE id = ?1");
    let found = transaction.prepare(&query)?.query_row(params![id.to_string()], request).optional()?;
    found.map(|request| with_verdicts(transaction, request)).transpose()
}

/// The newest one in this state that has not ended.
fn of_key(
    transaction: &Transaction<'_>,
    key: &Key,
    state: RequestState,
    now: Moment,
) -> rusqlite::Result<Option<Request>> {
    let query = format!(
        "SELECT {COLUMNS} FROM request WHERE {OF_KEY} AND state = :state AND expires_at > :now \
         ORDER BY created_at DESC LIMIT 1"
    );
    let parameters = named_params! {
        ":kind": key.kind.as_str(),
        ":sub": key.principal.sub,
        ":idp": key.principal.idp,
        ":actor": key.principal.actor,
        ":resource": key.resource,
        ":binding": key.binding,
        ":state": state.as_str(),
        ":now": moment(now),
    };
    let found = transaction.prepare(&query)?.query_row(parameters, request).optional()?;
    found.map(|request| with_verdicts(transaction, request)).transpose()
}

/// The one that ends first of those that were approved with any values for statements of this form.
fn of_template(
    transaction: &Transaction<'_>,
    key: &Key,
    template: &str,
    now: Moment,
) -> rusqlite::Result<Option<Request>> {
    let query = format!(
        "SELECT {COLUMNS} FROM request WHERE kind = ?1 AND sub = ?2 AND idp = ?3 AND actor IS ?4 \
         AND resource = ?5 AND template = ?6 AND runs_left > 0 AND state = 'approved' AND expires_at > ?7 \
         ORDER BY expires_at LIMIT 1"
    );
    let Key { kind, principal, resource, binding: _ } = key;
    let parameters = params![
        kind.as_str(),
        principal.sub,
        principal.idp,
        principal.actor,
        resource,
        template,
        moment(now)
    ];
    let found = transaction.prepare(&query)?.query_row(parameters, request).optional()?;
    found.map(|request| with_verdicts(transaction, request)).transpose()
}

fn with_verdicts(transaction: &Transaction<'_>, mut request: Request) -> rusqlite::Result<Request> {
    let mut statement = transaction
        .prepare("SELECT state, sub, idp, name, reason, at FROM verdict WHERE request = ?1 ORDER BY rowid")?;
    let rows = statement.query_map(params![request.id.to_string()], |row| {
        Ok(Verdict {
            state: word(row, 0, RequestState::from_word)?,
            by: PrincipalRef { sub: row.get(1)?, idp: row.get(2)?, actor: None },
            name: row.get(3)?,
            reason: row.get(4)?,
            at: time(row, 5)?,
        })
    })?;
    request.verdicts = rows.collect::<Result<_, _>>()?;
    Ok(request)
}

fn request(row: &Row<'_>) -> rusqlite::Result<Request> {
    let principal = PrincipalRef { sub: row.get(4)?, idp: row.get(5)?, actor: row.get(6)? };
    let details: String = row.get(10)?;
    Ok(Request {
        id: word(row, 0, |text| text.parse().ok())?,
        key: Key {
            kind: word(row, 1, RequestKind::from_word)?,
            principal,
            resource: row.get(3)?,
            binding: row.get(9)?,
        },
        state: word(row, 2, RequestState::from_word)?,
        name: row.get(7)?,
        reason: row.get(8)?,
        details: serde_json::from_str(&details).map_err(|error| damaged(10, Box::new(error)))?,
        sealed: row.get(11)?,
        created_at: time(row, 12)?,
        expires_at: time(row, 13)?,
        template: row.get(14)?,
        runs_left: row.get(15)?,
        verdicts: Vec::new(),
    })
}

/// A word that only a damaged file or another program can have written is an error, never a guess.
fn word<T>(row: &Row<'_>, at: usize, read: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    read(&text).ok_or_else(|| damaged(at, format!("`{text}` is not a word of this column").into()))
}

fn damaged(at: usize, error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, error)
}

fn moment(at: Moment) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Moment> {
    let seconds: i64 = row.get(at)?;
    Moment::try_from(seconds).map_err(|error| damaged(at, Box::new(error)))
}
