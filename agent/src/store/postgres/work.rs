//! What is asked of the store, each in a transaction of its caller's.

use connect_core::usage::{Given, UsageKey};
use connect_shared::{entry::PrincipalRef, request::RequestState};
use tokio_postgres::{Transaction, types::ToSql};

use super::{
    super::{
        Elsewhere, Key, MAX_PENDING, Moment, NewRequest, Origin, Request, StoreError, Terms, Verdict,
        VerdictError, after_approval, may_be_decided,
    },
    Own,
    rows::{
        COLUMNS, all_with_verdicts, find, insert, locked, moment, of_key, of_template, request, time, verdict,
    },
};

/// What nobody can decide or use any more, and was not ended yet. A broken glass waits for its review for ever.
pub(super) const OVER: &str =
    "state IN ('pending', 'approved') AND expires_at <= $1 AND kind <> 'break_glass'";
/// Decided requests are kept for so long: the log has them for ever.
const KEEP: Moment = 90 * 24 * 60 * 60;

/// Waits until nobody else does it for the same thing, and until the end of the transaction nobody does.
pub(super) async fn alone(transaction: &Transaction<'_>, what: &str) -> Result<(), StoreError> {
    transaction.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", &[&what]).await?;
    Ok(())
}

/// Tells all agents, as soon as the transaction has ended well.
pub(super) async fn tell(transaction: &Transaction<'_>, what: &str) -> Result<(), StoreError> {
    transaction.execute("SELECT pg_notify('connect_store', $1)", &[&what]).await?;
    Ok(())
}

async fn tell_of(transaction: &Transaction<'_>, request: &Request) -> Result<(), StoreError> {
    tell(transaction, &format!("{} {}", super::OF_REQUEST, request.id)).await
}

pub(super) async fn ask(
    transaction: &Transaction<'_>,
    new: &NewRequest,
    now: Moment,
    own: &Own,
) -> Result<(Request, Origin), StoreError> {
    let PrincipalRef { sub, idp, .. } = &new.key.principal;
    alone(transaction, &format!("connect.ask/{}:{idp}/{sub}", idp.len())).await?;
    if let Some(known) = of_key(transaction, &new.key, RequestState::Pending, now).await? {
        return Ok((known, Origin::Known));
    }
    let query = "SELECT count(*) FROM request WHERE sub = $1 AND idp = $2 AND state = 'pending'";
    let pending: i64 = transaction.query_one(query, &[sub, idp]).await?.try_get(0)?;
    if pending >= i64::from(MAX_PENDING) {
        return Err(StoreError::TooMany);
    }
    insert(transaction, new, now, own).await?;
    let made = find(transaction, &new.id.to_string()).await?;
    Ok((made.ok_or_else(|| StoreError::Unavailable("a new row is not there".to_owned()))?, Origin::New))
}

pub(super) async fn decide(
    transaction: &Transaction<'_>,
    id: &str,
    binding: &str,
    verdict: &Verdict,
    (Terms { until, runs }, own): (Terms, &Own),
) -> Result<Request, VerdictError> {
    let request = locked(transaction, id).await?.ok_or(VerdictError::Unknown)?;
    may_be_decided(&request, binding, verdict)?;
    let state = match verdict.state {
        RequestState::Approved => after_approval(&request),
        state => state,
    };
    let ends = if state == RequestState::Approved { until } else { request.expires_at };
    let update = "UPDATE request SET state = $2, expires_at = $3, runs_left = $4, \
        sealed = CASE WHEN $2 IN ('approved', 'pending') THEN sealed END WHERE id = $1 AND state = 'pending'";
    let runs = runs.map(i64::from);
    transaction
        .execute(update, &[&id, &state.as_str(), &moment(ends), &runs])
        .await
        .map_err(StoreError::from)?;
    let insert = "INSERT INTO verdict (request, state, sub, idp, name, reason, at, agent, log) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let Verdict { state, by: PrincipalRef { sub, idp, .. }, name, reason, at } = verdict;
    transaction
        .execute(insert, &[&id, &state.as_str(), sub, idp, name, reason, &moment(*at), &own.agent, &own.log])
        .await
        .map_err(StoreError::from)?;
    tell_of(transaction, &request).await?;
    find(transaction, id).await?.ok_or(VerdictError::Unknown)
}

pub(super) async fn take(
    transaction: &Transaction<'_>,
    (key, template): (&Key, Option<&str>),
    now: Moment,
) -> Result<Option<Request>, StoreError> {
    let approved = match (of_key(transaction, key, RequestState::Approved, now).await?, template) {
        (Some(exact), _) => exact,
        (None, Some(template)) => match of_template(transaction, key, template, now).await? {
            Some(approved) => approved,
            None => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    let id = approved.id.to_string();
    let update = "UPDATE request SET runs_left = runs_left - 1, \
        state = CASE WHEN coalesce(runs_left, 1) > 1 THEN state ELSE 'used' END, \
        sealed = CASE WHEN coalesce(runs_left, 1) > 1 THEN sealed END WHERE id = $1 AND state = 'approved'";
    if transaction.execute(update, &[&id]).await? == 0 {
        return Ok(None);
    }
    tell_of(transaction, &approved).await?;
    find(transaction, &id).await
}

pub(super) async fn for_a_time(
    transaction: &Transaction<'_>,
    now: Moment,
) -> Result<Vec<Request>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM request WHERE kind IN ('unmask', 'window', 'break_glass') \
         AND state IN ('pending', 'approved') ORDER BY created_at, number"
    );
    let rows = transaction.query(&query, &[]).await?;
    let mut all = all_with_verdicts(transaction, &rows).await?;
    all.retain(|request| request.holds_until().is_some_and(|end| end > now));
    Ok(all)
}

pub(super) async fn last_glass(
    transaction: &Transaction<'_>,
    (principal, resource): (&PrincipalRef, &str),
) -> Result<Option<Request>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS} FROM request WHERE kind = 'break_glass' AND sub = $1 AND idp = $2 AND resource = $3 \
         ORDER BY created_at DESC, number DESC LIMIT 1"
    );
    let rows = transaction.query(&query, &[&principal.sub, &principal.idp, &resource]).await?;
    Ok(all_with_verdicts(transaction, &rows).await?.pop())
}

pub(super) async fn access(
    transaction: &Transaction<'_>,
    (principal, resource): (&PrincipalRef, &str),
    now: Moment,
    own: &Own,
) -> Result<Vec<(Request, Origin)>, StoreError> {
    let query = format!(
        "SELECT {COLUMNS}, EXISTS (SELECT FROM used AS u WHERE u.request = id AND u.agent = $6) AS known \
         FROM request WHERE kind = 'access' AND state = 'approved' AND sub = $1 AND idp = $2 \
         AND actor IS NOT DISTINCT FROM $3 AND resource = $4 AND expires_at > $5"
    );
    let PrincipalRef { sub, idp, actor } = principal;
    let parameters: [&(dyn ToSql + Sync); 6] = [sub, idp, actor, &resource, &moment(now), &own.agent];
    let rows = transaction.query(&query, &parameters).await?;
    let read = rows.iter().map(|row| {
        let origin = if row.try_get("known")? { Origin::Known } else { Origin::New };
        Ok((request(row)?, origin))
    });
    read.collect()
}

pub(super) async fn mark_used(transaction: &Transaction<'_>, id: &str, own: &Own) -> Result<(), StoreError> {
    // One that is not there any more needs no mark.
    let insert = "INSERT INTO used (request, agent) SELECT id, $2 FROM request WHERE id = $1 \
        ON CONFLICT DO NOTHING";
    transaction.execute(insert, &[&id, &own.agent]).await?;
    Ok(())
}

pub(super) async fn elsewhere(
    transaction: &Transaction<'_>,
    id: &str,
    own: &Own,
) -> Result<Elsewhere, StoreError> {
    let query = "SELECT r.agent = $2, r.log, l.verdict FROM request AS r \
        LEFT JOIN logged AS l ON l.request = r.id AND l.agent = $2 WHERE r.id = $1";
    let Some(row) = transaction.query_opt(query, &[&id, &own.agent]).await? else {
        return Ok(Elsewhere::default());
    };
    let (is_own, log, logged): (bool, String, Option<i64>) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let log = if log.is_empty() { "unknown".to_owned() } else { log };
    let query = "SELECT state, sub, idp, name, reason, at, log, number FROM verdict \
        WHERE request = $1 AND agent <> $2 AND number > $3 ORDER BY number";
    let known = logged.unwrap_or(0);
    let rows = transaction.query(query, &[&id, &own.agent, &known]).await?;
    let verdicts = rows.iter().map(|row| Ok((verdict(row)?, row.try_get(6)?)));
    Ok(Elsewhere {
        made_in: Some(log).filter(|_| !is_own && logged.is_none()),
        verdicts: verdicts.collect::<Result<_, StoreError>>()?,
        mark: rows.last().map_or(Ok(known), |row| row.try_get(7))?,
    })
}

pub(super) async fn mark_logged(
    transaction: &Transaction<'_>,
    id: &str,
    mark: i64,
    own: &Own,
) -> Result<(), StoreError> {
    // One that is not there any more needs no mark.
    let insert = "INSERT INTO logged (request, agent, verdict) SELECT id, $2, $3 FROM request WHERE id = $1 \
        ON CONFLICT (request, agent) DO UPDATE SET verdict = greatest(logged.verdict, excluded.verdict)";
    transaction.execute(insert, &[&id, &own.agent, &mark]).await?;
    Ok(())
}

pub(super) async fn expire(transaction: &Transaction<'_>, now: Moment) -> Result<(), StoreError> {
    let ended =
        format!("UPDATE request SET state = 'expired', sealed = NULL WHERE {OVER} RETURNING {COLUMNS}");
    for row in transaction.query(&ended, &[&moment(now)]).await? {
        tell_of(transaction, &request(&row)?).await?;
    }
    transaction
        .execute(
            "DELETE FROM request WHERE (state NOT IN ('pending', 'approved') \
             OR kind = 'break_glass' AND state <> 'pending') AND expires_at < $1",
            &[&moment(now.saturating_sub(KEEP))],
        )
        .await?;
    Ok(())
}

/// What was given: by this agent, or by all others together.
pub(super) async fn usage(
    transaction: &Transaction<'_>,
    from: u64,
    (own, whose): (&Own, Whose),
) -> Result<Vec<(UsageKey, Given)>, StoreError> {
    let query = match whose {
        Whose::Own => {
            "SELECT idp, sub, resource, policy, minute, rows, bytes FROM usage \
            WHERE minute >= $1 AND agent = $2 ORDER BY minute"
        }
        Whose::Others => {
            "SELECT idp, sub, resource, policy, minute, \
            least(sum(rows), 9223372036854775807)::bigint, least(sum(bytes), 9223372036854775807)::bigint \
            FROM usage WHERE minute >= $1 AND agent <> $2 \
            GROUP BY idp, sub, resource, policy, minute ORDER BY minute"
        }
    };
    let rows = transaction.query(query, &[&moment(from), &own.agent]).await?;
    let read = rows.iter().map(|row| {
        let key = UsageKey {
            idp: row.try_get(0)?,
            sub: row.try_get(1)?,
            resource: row.try_get(2)?,
            policy: row.try_get(3)?,
        };
        Ok((key, Given { minute: time(row, 4)?, rows: time(row, 5)?, bytes: time(row, 6)? }))
    });
    read.collect()
}

/// Whose counts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Own,
    Others,
}

pub(super) async fn keep_usage(
    transaction: &Transaction<'_>,
    given: &[(UsageKey, Given)],
    from: u64,
    own: &Own,
) -> Result<(), StoreError> {
    let insert = "INSERT INTO usage (agent, idp, sub, resource, policy, minute, rows, bytes) \
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], \
            $6::bigint[], $7::bigint[], $8::bigint[]) \
        ON CONFLICT (agent, idp, sub, resource, policy, minute) \
        DO UPDATE SET rows = excluded.rows, bytes = excluded.bytes";
    let texts = |text: fn(&UsageKey) -> &String| given.iter().map(|(key, _)| text(key)).collect::<Vec<_>>();
    let counts =
        |count: fn(&Given) -> u64| given.iter().map(|(_, given)| moment(count(given))).collect::<Vec<_>>();
    let [idp, sub, resource, policy] =
        [texts(|key| &key.idp), texts(|key| &key.sub), texts(|key| &key.resource), texts(|key| &key.policy)];
    let [minute, rows, bytes] =
        [counts(|given| given.minute), counts(|given| given.rows), counts(|given| given.bytes)];
    transaction
        .execute(insert, &[&own.agent, &idp, &sub, &resource, &policy, &minute, &rows, &bytes])
        .await?;
    // Its own; and what agents have left behind that are not there any more.
    let delete = "DELETE FROM usage WHERE minute < $1 AND agent = $2 OR minute < $1 - 1440";
    transaction.execute(delete, &[&moment(from), &own.agent]).await?;
    Ok(())
}
