//! Entries as OpenLineage events: of each statement that read or wrote something stored, once it has ended, and
//! of each run. Everything else in the log has none.

use connect_shared::{
    api::{IndexedLeaf, RowFacts},
    entry::Entry,
    openlineage::{Told, ended, statement},
};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::Value;

use super::index::Body;
use crate::audit::{IndexError, Leaves};

/// The event of an entry, with what the index knows of it.
///
/// # Errors
/// The index or the log cannot be read.
pub(crate) fn event(
    connection: &Connection,
    leaves: &mut Leaves,
    entry: &IndexedLeaf,
    facts: &RowFacts,
    origin: &str,
) -> Result<Option<Value>, IndexError> {
    let (index, time) = (entry.index, entry.leaf.time);
    match &entry.leaf.entry {
        Entry::RunEnded { run, principal, job, status, inputs, outputs, .. } => {
            let run = run.to_string();
            Ok(Some(ended((origin, index, time), (&run, job, *status), principal, (inputs, outputs))))
        }
        Entry::Outcome(outcome) => {
            let sqlite = |source| IndexError::Sqlite { path: "search.sqlite".into(), source };
            let begun = connection
                .prepare_cached("SELECT idx FROM entry WHERE statement = ?1")
                .and_then(|mut found| {
                    found.query_row([outcome.statement.to_bytes().as_slice()], |row| row.get(0)).optional()
                })
                .map_err(sqlite)?;
            let Some(begun) = begun else { return Ok(None) };
            let Entry::Intent(intent) = leaves.get(begun)?.leaf.entry else { return Ok(None) };
            let Some(reference) = &intent.lineage else { return Ok(None) };
            let body = Body::of(connection, reference).map_err(sqlite)?;
            let job = match &intent.run {
                Some(run) => connection
                    .prepare_cached("SELECT job FROM run WHERE run = ?1")
                    .and_then(|mut job| job.query_row([run.to_string()], |row| row.get(0)).optional())
                    .map_err(sqlite)?,
                None => None::<String>,
            };
            Ok(Some(statement(&Told {
                origin,
                index,
                time,
                outcome,
                begun,
                intent: &intent,
                name: facts.name.as_deref(),
                sql: facts.sql.as_deref(),
                job: job.as_deref(),
                lineage: body.as_ref().map(|body| (&body.report, &body.masks)),
            })))
        }
        _ => Ok(None),
    }
}
