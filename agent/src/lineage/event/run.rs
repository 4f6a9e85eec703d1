//! A run as a whole: how it began, and at its end all that its statements come to.

use connect_shared::{
    attest::FileFact,
    entry::PrincipalRef,
    grant::RunIdentity,
    ids::RunId,
    openlineage::{Part, RunTold, begun as began, whole_run},
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::Entering;
use crate::lineage::index::Body;

/// Different lineages of one run that its event takes.
const MAX_PARTS: usize = 4_096;

/// Whether a statement's INTENT at this place belongs to a run and came before its end, so that the run's event
/// has it.
pub(super) fn has(connection: &Connection, intent: u64) -> Result<bool, rusqlite::Error> {
    let sql = "SELECT 1 FROM used_shape u JOIN run r ON r.run = u.run \
               WHERE u.idx = ?1 AND (r.end_idx IS NULL OR r.end_idx > u.idx)";
    connection.prepare_cached(sql)?.exists([intent])
}

/// What the index knows of a run.
struct Known {
    job: String,
    parent: Option<String>,
    principal: PrincipalRef,
    resources: Vec<String>,
    begun: u64,
    ended: Option<u64>,
}

impl Known {
    fn of(connection: &Connection, run: RunId) -> Result<Option<Self>, rusqlite::Error> {
        let sql = "SELECT job, parent, sub, idp, actor, resources, idx, end_idx FROM run WHERE run = ?1";
        let read = |row: &rusqlite::Row<'_>| {
            let actor = Some(row.get(4)?).filter(|actor: &String| !actor.is_empty());
            Ok(Self {
                job: row.get(0)?,
                parent: row.get(1)?,
                principal: PrincipalRef { sub: row.get(2)?, idp: row.get(3)?, actor },
                resources: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
                begun: row.get(6)?,
                ended: row.get(7)?,
            })
        };
        connection.prepare_cached(sql)?.query_row([run.to_string()], read).optional()
    }

    fn told<'a>(&'a self, entering: &Entering<'a>, run: &'a str) -> RunTold<'a> {
        RunTold {
            origin: entering.origin,
            index: entering.entry.index,
            time: entering.entry.leaf.time,
            run,
            job: &self.job,
            parent: self.parent.as_deref(),
            principal: &self.principal,
            name: entering.facts.name.as_deref(),
            resources: &self.resources,
        }
    }
}

/// What it is a part of, as its environment named it.
pub(super) fn parent(connection: &Connection, run: RunId) -> Result<Option<String>, rusqlite::Error> {
    Ok(Known::of(connection, run)?.and_then(|known| known.parent))
}

/// Its first grant began it; renewals and those for its other resources did not.
pub(super) fn begun(entering: &Entering<'_>, run: &RunIdentity) -> Result<Option<Value>, rusqlite::Error> {
    let known = Known::of(entering.connection, run.id)?;
    let known = known.filter(|known| known.begun == entering.entry.index);
    Ok(known.map(|known| began(&known.told(entering, &run.id.to_string()))))
}

/// Its end, with all that it ran before. `None`: its beginning was pruned before the index was made, so that its
/// statements have events of their own.
pub(super) fn ended(
    entering: &Entering<'_>,
    run: RunId,
    how: (u8, Option<&str>),
    files: (&[FileFact], &[FileFact]),
) -> Result<Option<Value>, rusqlite::Error> {
    let known = Known::of(entering.connection, run)?;
    let Some(known) = known.filter(|known| known.ended == Some(entering.entry.index)) else {
        return Ok(None);
    };
    let run = run.to_string();
    let mut parts = parts(entering.connection, &run, entering.entry.index)?;
    let all = parts.len() <= MAX_PARTS;
    parts.truncate(MAX_PARTS);
    Ok(Some(whole_run(&known.told(entering, &run), how, &parts, all, files)))
}

fn parts(connection: &Connection, run: &str, before: u64) -> Result<Vec<Part>, rusqlite::Error> {
    let sql = "SELECT s.ref, s.resource, count(*), sum(u.failed), sum(u.rows), \
               group_concat(DISTINCT u.approvals) FROM used_shape u \
               JOIN shape s ON s.id = u.shape WHERE u.run = ?1 AND u.idx < ?2 \
               GROUP BY s.id ORDER BY min(u.idx) LIMIT ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let most = i64::try_from(MAX_PARTS + 1).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![run, before, most])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let reference: String = row.get(0)?;
        parts.push(Part {
            resource: row.get(1)?,
            lineage: Body::of(connection, &reference)?.map(|body| (body.report, body.masks)),
            statements: row.get(2)?,
            failed: row.get(3)?,
            rows: row.get(4)?,
            approvals: row
                .get::<_, Option<String>>(5)?
                .iter()
                .flat_map(|ids| ids.split(','))
                .map(str::to_owned)
                .collect(),
        });
    }
    Ok(parts)
}
