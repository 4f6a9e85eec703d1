//! Requests and verdicts as rows.

use connect_shared::{
    entry::PrincipalRef,
    request::{RequestKind, RequestState},
};
use tokio_postgres::{Row, Transaction, types::ToSql};

use super::{
    super::{Key, Moment, NewRequest, Request, StoreError, Verdict},
    Own,
};

pub(super) const COLUMNS: &str = "id, kind, state, resource, sub, idp, actor, name, reason, binding, details, \
    sealed, created_at, expires_at, template, runs_left";

/// The same without the text, which may be long: where many are read, it is for none of them.
pub(super) const UNOPENED: &str = "id, kind, state, resource, sub, idp, actor, name, reason, binding, details, \
    NULL::bytea AS sealed, created_at, expires_at, template, runs_left";

/// The one of this id; nobody else changes it until the transaction ends.
pub(super) async fn locked(transaction: &Transaction<'_>, id: &str) -> Result<Option<Request>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM request WHERE id = $1 FOR UPDATE");
    let row = transaction.query_opt(&query, &[&id]).await?;
    with_verdicts(transaction, row).await
}

pub(super) async fn find(transaction: &Transaction<'_>, id: &str) -> Result<Option<Request>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM request WHERE id = $1");
    let row = transaction.query_opt(&query, &[&id]).await?;
    with_verdicts(transaction, row).await
}

/// The newest one in this state that has not ended, locked as [`locked`] does.
pub(super) async fn of_key(
    transaction: &Transaction<'_>,
    key: &Key,
    state: RequestState,
    now: Moment,
) -> Result<Option<Request>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM request WHERE kind = $1 AND sub = $2 AND idp = $3 \
         AND actor IS NOT DISTINCT FROM $4 AND resource = $5 AND binding = $6 AND state = $7 \
         AND expires_at > $8 ORDER BY created_at DESC LIMIT 1 FOR UPDATE"
    );
    let Key { kind, principal: PrincipalRef { sub, idp, actor }, resource, binding } = key;
    let row = transaction
        .query_opt(
            &query,
            &[&kind.as_str(), sub, idp, actor, resource, binding, &state.as_str(), &moment(now)],
        )
        .await?;
    with_verdicts(transaction, row).await
}

/// The one that ends first of those that were approved with any values for statements of this form, locked as well.
pub(super) async fn of_template(
    transaction: &Transaction<'_>,
    key: &Key,
    template: &str,
    now: Moment,
) -> Result<Option<Request>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM request WHERE kind = $1 AND sub = $2 AND idp = $3 \
         AND actor IS NOT DISTINCT FROM $4 AND resource = $5 AND template = $6 AND runs_left > 0 \
         AND state = 'approved' AND expires_at > $7 ORDER BY expires_at LIMIT 1 FOR UPDATE"
    );
    let Key { kind, principal: PrincipalRef { sub, idp, actor }, resource, binding: _ } = key;
    let parameters: [&(dyn ToSql + Sync); 7] =
        [&kind.as_str(), sub, idp, actor, resource, &template, &moment(now)];
    let row = transaction.query_opt(&query, &parameters).await?;
    with_verdicts(transaction, row).await
}

pub(super) async fn insert(
    transaction: &Transaction<'_>,
    new: &NewRequest,
    now: Moment,
    own: &Own,
) -> Result<(), StoreError> {
    let details =
        serde_json::to_string(&new.details).map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let Key { kind, principal: PrincipalRef { sub, idp, actor }, resource, binding } = &new.key;
    transaction
        .execute(
            "INSERT INTO request (id, kind, state, resource, sub, idp, actor, name, reason, binding, details, \
             sealed, created_at, expires_at, template, agent, log) \
             VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
            &[
                &new.id.to_string(),
                &kind.as_str(),
                resource,
                sub,
                idp,
                actor,
                &new.name,
                &new.reason,
                binding,
                &details,
                &new.sealed,
                &moment(now),
                &moment(new.expires_at),
                &new.template,
                &own.agent,
                &own.log,
            ],
        )
        .await?;
    Ok(())
}

async fn with_verdicts(
    transaction: &Transaction<'_>,
    row: Option<Row>,
) -> Result<Option<Request>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let mut request = request(&row)?;
    let query = "SELECT state, sub, idp, name, reason, at FROM verdict WHERE request = $1 ORDER BY number";
    let rows = transaction.query(query, &[&request.id.to_string()]).await?;
    request.verdicts = rows.iter().map(verdict).collect::<Result<_, _>>()?;
    Ok(Some(request))
}

/// All of these, in their order.
pub(super) async fn all_with_verdicts(
    transaction: &Transaction<'_>,
    rows: &[Row],
) -> Result<Vec<Request>, StoreError> {
    let mut requests = rows.iter().map(request).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<String> = requests.iter().map(|request| request.id.to_string()).collect();
    let query = "SELECT state, sub, idp, name, reason, at, request FROM verdict \
        WHERE request = ANY ($1) ORDER BY number";
    for row in transaction.query(query, &[&ids]).await? {
        let of: String = row.try_get(6)?;
        if let Some(at) = ids.iter().position(|id| *id == of)
            && let Some(request) = requests.get_mut(at)
        {
            request.verdicts.push(verdict(&row)?);
        }
    }
    Ok(requests)
}

pub(super) fn request(row: &Row) -> Result<Request, StoreError> {
    let details: String = row.try_get(10)?;
    let details = serde_json::from_str(&details);
    Ok(Request {
        id: word(row, 0, |text| text.parse().ok())?,
        key: Key {
            kind: word(row, 1, RequestKind::from_word)?,
            principal: PrincipalRef { sub: row.try_get(4)?, idp: row.try_get(5)?, actor: row.try_get(6)? },
            resource: row.try_get(3)?,
            binding: row.try_get(9)?,
        },
        state: word(row, 2, RequestState::from_word)?,
        name: row.try_get(7)?,
        reason: row.try_get(8)?,
        details: details.map_err(|error| damaged(&format!("details of a request: {error}")))?,
        sealed: row.try_get(11)?,
        created_at: time(row, 12)?,
        expires_at: time(row, 13)?,
        template: row.try_get(14)?,
        runs_left: runs(row, 15)?,
        verdicts: Vec::new(),
    })
}

fn runs(row: &Row, at: usize) -> Result<Option<u32>, StoreError> {
    let runs: Option<i64> = row.try_get(at)?;
    runs.map(|runs| u32::try_from(runs).map_err(|_| damaged("a number of runs"))).transpose()
}

pub(super) fn verdict(row: &Row) -> Result<Verdict, StoreError> {
    Ok(Verdict {
        state: word(row, 0, RequestState::from_word)?,
        by: PrincipalRef { sub: row.try_get(1)?, idp: row.try_get(2)?, actor: None },
        name: row.try_get(3)?,
        reason: row.try_get(4)?,
        at: time(row, 5)?,
    })
}

/// A word that only another program can have written is an error, never a guess.
pub(super) fn word<T>(row: &Row, at: usize, read: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
    let text: String = row.try_get(at)?;
    read(&text).ok_or_else(|| damaged(&format!("`{text}` is not a word of its column")))
}

pub(super) fn damaged(what: &str) -> StoreError {
    StoreError::Unavailable(format!("a row is damaged: {what}"))
}

pub(super) fn moment(at: Moment) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

pub(super) fn time(row: &Row, at: usize) -> Result<Moment, StoreError> {
    let seconds: i64 = row.try_get(at)?;
    Moment::try_from(seconds).map_err(|_| damaged("a time before 1970"))
}
