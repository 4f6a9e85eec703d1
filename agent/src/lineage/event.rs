//! Entries as OpenLineage events: of each statement that read or wrote something stored, once it has ended, and
//! of each run, when it begins and when it ends; or of each run as a whole, in place of its statements. Everything
//! else in the log has none.

mod run;

use connect_shared::{
    api::{IndexedLeaf, RowFacts},
    entry::{Entry, Intent, OutcomeEntry},
    openlineage::{Told, ended, statement},
};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::Value;

use super::index::Body;
use crate::{
    audit::{IndexError, Leaves},
    config::EventsOf,
};

/// An entry with what the index knows of it.
pub(crate) struct Entering<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) origin: &'a str,
    pub(crate) entry: &'a IndexedLeaf,
    pub(crate) facts: &'a RowFacts,
}

/// The event of an entry.
///
/// # Errors
/// The index or the log cannot be read.
pub(crate) fn event(
    entering: &Entering<'_>,
    leaves: &mut Leaves,
    events: EventsOf,
) -> Result<Option<Value>, IndexError> {
    let Entering { origin, entry, .. } = *entering;
    match (&entry.leaf.entry, events) {
        (Entry::RunEnded { run, principal, job, status, reason, inputs, outputs, .. }, events) => {
            let how = (*status, reason.as_deref());
            if events == EventsOf::Runs
                && let Some(whole) = run::ended(entering, *run, how, (inputs, outputs)).map_err(sqlite)?
            {
                return Ok(Some(whole));
            }
            let parent = run::parent(entering.connection, *run).map_err(sqlite)?;
            let (run, place) = (run.to_string(), (origin, entry.index, entry.leaf.time));
            let of = (run.as_str(), job.as_str(), parent.as_deref());
            Ok(Some(ended(place, of, how, principal, (inputs, outputs))))
        }
        (Entry::GrantIssued { run: Some(run), .. }, _) => run::begun(entering, run).map_err(sqlite),
        (Entry::Outcome(outcome), _) => of_statement(entering, leaves, outcome, events),
        _ => Ok(None),
    }
}

fn sqlite(source: rusqlite::Error) -> IndexError {
    IndexError::Sqlite { path: "search.sqlite".into(), source }
}

fn of_statement(
    entering: &Entering<'_>,
    leaves: &mut Leaves,
    outcome: &OutcomeEntry,
    events: EventsOf,
) -> Result<Option<Value>, IndexError> {
    let Entering { connection, origin, entry, facts } = *entering;
    let begun = connection
        .prepare_cached("SELECT idx FROM entry WHERE statement = ?1")
        .and_then(|mut found| {
            found.query_row([outcome.statement.to_bytes().as_slice()], |row| row.get(0)).optional()
        })
        .map_err(sqlite)?;
    let Some(begun) = begun else { return Ok(None) };
    let Entry::Intent(intent) = leaves.get(begun)?.leaf.entry else { return Ok(None) };
    let Some(reference) = &intent.lineage else { return Ok(None) };
    if events == EventsOf::Runs && run::has(connection, begun).map_err(sqlite)? {
        return Ok(None);
    }
    let body = Body::of(connection, reference).map_err(sqlite)?;
    let job = job(connection, &intent).map_err(sqlite)?;
    let approvals = approvals(connection, begun).map_err(sqlite)?;
    Ok(Some(statement(&Told {
        origin,
        index: entry.index,
        time: entry.leaf.time,
        outcome,
        begun,
        intent: &intent,
        name: facts.name.as_deref(),
        sql: facts.sql.as_deref(),
        job: job.as_deref(),
        lineage: body.as_ref().map(|body| (&body.report, &body.masks)),
        approvals: &approvals,
    })))
}

/// Those behind the statement whose INTENT stands there.
fn approvals(connection: &Connection, intent: u64) -> Result<Vec<String>, rusqlite::Error> {
    let mut known = connection.prepare_cached("SELECT approvals FROM used_shape WHERE idx = ?1")?;
    let ids: Option<Option<String>> = known.query_row([intent], |row| row.get(0)).optional()?;
    Ok(ids.flatten().map(|ids| ids.split(',').map(str::to_owned).collect()).unwrap_or_default())
}

fn job(connection: &Connection, intent: &Intent) -> Result<Option<String>, rusqlite::Error> {
    let Some(run) = &intent.run else { return Ok(None) };
    let mut job = connection.prepare_cached("SELECT job FROM run WHERE run = ?1")?;
    job.query_row([run.to_string()], |row| row.get(0)).optional()
}
