//! The tables of lineage within the search index, made of the same leaves in the same transactions.
//!
//! A column is the OID of its table and its number, on one resource: a new name changes nothing, and what was
//! dropped stays. A table that a statement makes is known by its name only, until it is found under an OID;
//! questions join the two. What flows where is kept once for each lineage and resource (a *shape*), and each
//! statement is one row that uses a shape.

mod shape;

use std::collections::{HashMap, hash_map};

use connect_shared::{
    attest::{ApprovedAccess, FileFact, FolderFile, behind},
    entry::{Entry, Intent, Leaf, OutcomeEntry, PrincipalRef, RequestEntry, StatementResult, TextRef},
    grant::RunIdentity,
    ids::GrantId,
    lineage::LineageReport,
    request::{RequestKind, RequestStep},
};
use rusqlite::{OptionalExtension as _, Transaction, params};

pub(super) use self::shape::{Body, status_of};
use self::shape::{is_rename, shape};
use super::{approvals::approver, waits};

/// `run.resources` is a list in JSON; `used_shape.approvals` are ids with commas between them, if there are any;
/// `access.approvals` is JSON. `flow.target` is 0 where values go to whoever asked. `part.how`: see [`shape::How`]. `made` has
/// the number that each column of a table gets which a statement makes. `file.files` is how many a folder has. `content` has
/// what a COPY gave or took.
pub(super) const TABLES: &str = "
CREATE TABLE lineage (ref TEXT PRIMARY KEY, idx INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE shape (
  id INTEGER PRIMARY KEY, ref TEXT NOT NULL, resource TEXT NOT NULL, status INTEGER NOT NULL,
  reasons TEXT NOT NULL, temporary INTEGER NOT NULL, UNIQUE (ref, resource)
) STRICT;
CREATE TABLE node (
  id INTEGER PRIMARY KEY, resource TEXT NOT NULL, key TEXT NOT NULL, oid INTEGER, number INTEGER,
  UNIQUE (resource, key)
) STRICT;
CREATE TABLE named (
  tbl TEXT NOT NULL, col TEXT NOT NULL, node INTEGER NOT NULL, PRIMARY KEY (tbl, col, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX named_by_node ON named (node);
CREATE TABLE made (
  tbl TEXT NOT NULL, number INTEGER NOT NULL, node INTEGER NOT NULL, PRIMARY KEY (tbl, number, node)
) STRICT, WITHOUT ROWID;
CREATE INDEX made_by_node ON made (node);
CREATE TABLE part (
  node INTEGER NOT NULL, shape INTEGER NOT NULL, how INTEGER NOT NULL, tbl TEXT NOT NULL, col TEXT NOT NULL,
  masked TEXT, label TEXT, through TEXT NOT NULL, PRIMARY KEY (node, shape, how)
) STRICT, WITHOUT ROWID;
CREATE INDEX part_by_shape ON part (shape, how);
CREATE TABLE flow (
  source INTEGER NOT NULL, shape INTEGER NOT NULL, target INTEGER NOT NULL,
  PRIMARY KEY (source, shape, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_by_target ON flow (target, shape);
CREATE INDEX flow_by_shape ON flow (shape, target);
CREATE TABLE used_shape (
  idx INTEGER PRIMARY KEY, time INTEGER NOT NULL, shape INTEGER NOT NULL, sub TEXT NOT NULL, idp TEXT NOT NULL,
  actor TEXT NOT NULL, run TEXT NOT NULL, own INTEGER NOT NULL, rows INTEGER NOT NULL, failed INTEGER NOT NULL,
  approvals TEXT
) STRICT;
CREATE INDEX used_shape_by_shape ON used_shape (shape, idx);
CREATE INDEX used_shape_by_run ON used_shape (run, idx) WHERE run <> '';
CREATE INDEX used_shape_by_sub ON used_shape (sub, idx);
CREATE TABLE content (idx INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
CREATE INDEX content_by_hash ON content (hash, idx);
CREATE TABLE run (
  run TEXT PRIMARY KEY, job TEXT NOT NULL, sub TEXT NOT NULL, idp TEXT NOT NULL, actor TEXT NOT NULL,
  resources TEXT NOT NULL, idx INTEGER NOT NULL, time INTEGER NOT NULL, key TEXT NOT NULL, end_idx INTEGER,
  status INTEGER, parent TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX run_by_job ON run (job);
CREATE TABLE file (
  sha256 TEXT NOT NULL, run TEXT NOT NULL, output INTEGER NOT NULL, name TEXT NOT NULL, length INTEGER NOT NULL,
  idx INTEGER NOT NULL, time INTEGER NOT NULL, files INTEGER, PRIMARY KEY (sha256, run, output, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_by_name ON file (name);
CREATE INDEX file_by_run ON file (run, output);
CREATE TABLE within (
  folder TEXT NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL, length INTEGER NOT NULL, idx INTEGER NOT NULL,
  PRIMARY KEY (folder, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX within_by_sha256 ON within (sha256);
CREATE TABLE approval (
  request TEXT NOT NULL, idx INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL, resource TEXT NOT NULL,
  name TEXT NOT NULL, sub TEXT NOT NULL, idp TEXT NOT NULL, reason TEXT, PRIMARY KEY (request, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE access (grant_id TEXT PRIMARY KEY, approvals TEXT NOT NULL, idx INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What was taken of entries that may be of a history that is no more.
pub(super) const FORGET: &str = "
DELETE FROM lineage WHERE idx >= (SELECT size FROM made_from);
DELETE FROM used_shape WHERE idx >= (SELECT size FROM made_from);
DELETE FROM content WHERE idx >= (SELECT size FROM made_from);
DELETE FROM run WHERE idx >= (SELECT size FROM made_from);
UPDATE run SET end_idx = NULL, status = NULL WHERE end_idx >= (SELECT size FROM made_from);
DELETE FROM file WHERE idx >= (SELECT size FROM made_from);
DELETE FROM within WHERE idx >= (SELECT size FROM made_from);
DELETE FROM approval WHERE idx >= (SELECT size FROM made_from);
DELETE FROM access WHERE idx >= (SELECT size FROM made_from);
";

/// What was looked up for entries and holds for the next ones, too. It is forgotten with a transaction that fails.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By lineage and resource.
    shapes: HashMap<(String, String), i64>,
    /// Texts by their fingerprint: whether they have values of whoever sends them.
    values: HashMap<String, bool>,
    access: HashMap<GrantId, Option<ApprovedAccess>>,
}

impl Known {
    /// Of each; then it begins anew.
    const MOST: usize = 4_096;

    fn bound(&mut self) {
        let most = [self.shapes.len(), self.values.len(), self.access.len()].into_iter().max();
        if most.is_some_and(|most| most >= Self::MOST) {
            *self = Self::default();
        }
    }
}

/// Takes one entry, with how its statement ended if that is known already. To take it again changes nothing.
pub(crate) fn put(
    to: &Transaction<'_>,
    index: u64,
    leaf: &Leaf,
    end: Option<&OutcomeEntry>,
    known: &mut Known,
) -> Result<(), rusqlite::Error> {
    known.bound();
    waits::put(to, index, leaf)?;
    match &leaf.entry {
        Entry::StatementLineage { lineage, report, masks, columns, through } => {
            let body = Body {
                report: LineageReport::clone(report),
                masks: masks.clone(),
                columns: columns.clone(),
                through: through.clone(),
            };
            let json = serde_json::to_string(&body).unwrap_or_default();
            to.prepare_cached("INSERT OR IGNORE INTO lineage VALUES (?1, ?2, ?3)")?
                .execute(params![lineage, index, json])?;
            Ok(())
        }
        Entry::GrantIssued { grant, principal, resource, run, parent, approvals, .. } => {
            known.access.remove(grant);
            put_access(to, index, *grant, *parent, approvals)?;
            match run {
                Some(run) => put_run(to, (index, leaf.time), principal, resource, run),
                None => Ok(()),
            }
        }
        Entry::Request(request)
            if request.step == RequestStep::Approved && request.of != RequestKind::BreakGlass =>
        {
            put_approval(to, (index, leaf.time), request)
        }
        Entry::Intent(intent) => put_intent(to, (index, leaf.time), intent, end, known),
        Entry::Outcome(outcome) => put_outcome(to, outcome),
        Entry::FolderListed { folder, files, .. } => put_folder(to, index, folder, files),
        Entry::RunEnded { run, principal, status, inputs, outputs, .. } => {
            let run = run.to_string();
            let ended = to
                .prepare_cached(
                    "UPDATE run SET end_idx = ?1, status = ?2 WHERE run = ?3 AND sub = ?4 AND idp = ?5",
                )?
                .execute(params![index, status, run, principal.sub, principal.idp])?;
            let files = inputs.iter().map(|file| (0, file)).chain(outputs.iter().map(|file| (1, file)));
            // A run that nobody began has no files.
            let files = files.filter(|_| ended > 0);
            files
                .into_iter()
                .try_for_each(|(output, file)| put_file(to, (index, leaf.time), &run, output, file))
        }
        _ => Ok(()),
    }
}

fn time(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

fn put_run(
    to: &Transaction<'_>,
    (index, at): (u64, u64),
    principal: &PrincipalRef,
    resource: &str,
    run: &RunIdentity,
) -> Result<(), rusqlite::Error> {
    // Its first grant says whose it is.
    to.prepare_cached(
        "INSERT OR IGNORE INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, NULL, ?10)",
    )?
    .execute(params![
        run.id.to_string(),
        run.job,
        principal.sub,
        principal.idp,
        principal.actor.as_deref().unwrap_or_default(),
        serde_json::to_string(&run.all_resources(resource)).unwrap_or_default(),
        index,
        time(at),
        run.key,
        run.parent,
    ])?;
    Ok(())
}

fn put_file(
    to: &Transaction<'_>,
    (index, at): (u64, u64),
    run: &str,
    output: i64,
    file: &FileFact,
) -> Result<(), rusqlite::Error> {
    let length = i64::try_from(file.length).unwrap_or(i64::MAX);
    to.prepare_cached("INSERT OR REPLACE INTO file VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![file.sha256, run, output, file.name, length, index, time(at), file.files])?;
    Ok(())
}

/// Of a folder the hash says what is in it, whosever run it was of.
fn put_folder(
    to: &Transaction<'_>,
    index: u64,
    folder: &str,
    files: &[FolderFile],
) -> Result<(), rusqlite::Error> {
    let mut put = to.prepare_cached("INSERT OR IGNORE INTO within VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for file in files {
        put.execute(params![folder, file.name, file.sha256, file.length, index])?;
    }
    Ok(())
}

/// Rows of a statement, and whether it failed.
fn result(outcome: &OutcomeEntry) -> (i64, bool) {
    // What was cut was taken back, like what failed.
    let failed = matches!(outcome.result, StatementResult::Failed(_) | StatementResult::Cut(_));
    (i64::try_from(outcome.rows).unwrap_or(i64::MAX), failed)
}

fn put_outcome(to: &Transaction<'_>, outcome: &OutcomeEntry) -> Result<(), rusqlite::Error> {
    let (rows, failed) = result(outcome);
    to.prepare_cached(
        "UPDATE OR FAIL used_shape SET rows = ?1, failed = ?2 WHERE idx = (SELECT idx FROM entry WHERE statement = ?3)",
    )?
    .execute(params![rows, failed, outcome.statement.to_bytes().as_slice()])?;
    let Some(content) = &outcome.content else { return Ok(()) };
    to.prepare_cached(
        "INSERT OR IGNORE INTO content SELECT idx, ?1 FROM entry WHERE statement = ?2 AND idx IN (SELECT idx FROM used_shape)",
    )?
    .execute(params![content, outcome.statement.to_bytes().as_slice()])?;
    Ok(())
}

fn put_intent(
    to: &Transaction<'_>,
    (index, at): (u64, u64),
    intent: &Intent,
    end: Option<&OutcomeEntry>,
    known: &mut Known,
) -> Result<(), rusqlite::Error> {
    let Some(lineage) = &intent.lineage else { return Ok(()) };
    let shape = match known.shapes.entry((lineage.clone(), intent.resource.clone())) {
        hash_map::Entry::Occupied(known) => *known.get(),
        hash_map::Entry::Vacant(none) => *none.insert(shape(to, lineage, &intent.resource)?),
    };
    let (rows, failed) = end.map_or((0, false), result);
    let principal = &intent.principal;
    let actor = principal.actor.as_deref().unwrap_or_default();
    let run = match &intent.run {
        Some(run) => owned(to, &run.to_string(), principal, &intent.resource)?,
        None => String::new(),
    };
    to.prepare_cached(
        "INSERT INTO used_shape VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?10, ?11, ?9) ON CONFLICT (idx) DO NOTHING",
    )?
    .execute(params![
        index,
        time(at),
        shape,
        principal.sub,
        principal.idp,
        actor,
        run,
        brings_values(to, intent, known)?,
        approvals(to, intent, known)?,
        rows,
        failed,
    ])?;
    if let Some(content) = end.and_then(|end| end.content.as_ref()) {
        to.prepare_cached("INSERT OR IGNORE INTO content VALUES (?1, ?2)")?
            .execute(params![index, content])?;
    }
    Ok(())
}

/// The access of a grant that stands on approvals. What was handed on stands on what its giver's does.
fn put_access(
    to: &Transaction<'_>,
    index: u64,
    grant: GrantId,
    parent: Option<GrantId>,
    approvals: &ApprovedAccess,
) -> Result<(), rusqlite::Error> {
    let mut all = match parent {
        Some(parent) => access(to, parent)?.unwrap_or_default(),
        None => ApprovedAccess::new(),
    };
    all.extend(approvals);
    if all.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_string(&all).unwrap_or_default();
    to.prepare_cached("INSERT OR IGNORE INTO access VALUES (?1, ?2, ?3)")?.execute(params![
        grant.to_string(),
        json,
        index
    ])?;
    Ok(())
}

fn access(to: &Transaction<'_>, grant: GrantId) -> Result<Option<ApprovedAccess>, rusqlite::Error> {
    let known = to
        .prepare_cached("SELECT approvals FROM access WHERE grant_id = ?1")?
        .query_row([grant.to_string()], |row| row.get::<_, String>(0))
        .optional()?;
    Ok(known.and_then(|json| serde_json::from_str(&json).ok()))
}

fn put_approval(
    to: &Transaction<'_>,
    (index, at): (u64, u64),
    request: &RequestEntry,
) -> Result<(), rusqlite::Error> {
    let Some(by) = approver(request, (index, at)) else { return Ok(()) };
    to.prepare_cached("INSERT OR IGNORE INTO approval VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute(params![
            request.request.to_string(),
            index,
            time(at),
            request.of.as_str(),
            request.resource,
            by.name,
            by.sub,
            by.idp,
            by.reason,
        ])?;
    Ok(())
}

/// The approvals behind a statement, with commas between them.
fn approvals(
    to: &Transaction<'_>,
    intent: &Intent,
    known: &mut Known,
) -> Result<Option<String>, rusqlite::Error> {
    let access = match known.access.entry(intent.grant) {
        hash_map::Entry::Occupied(known) => known.into_mut(),
        hash_map::Entry::Vacant(none) => none.insert(access(to, intent.grant)?),
    };
    let behind = behind(intent, access.as_ref());
    let ids: Vec<String> = behind.iter().map(ToString::to_string).collect();
    Ok(Some(ids.join(",")).filter(|ids| !ids.is_empty()))
}

/// The run, if it is one of this principal, or of an AI agent that acts for it, and has this resource; whoever
/// else names it is not in it.
fn owned(
    to: &Transaction<'_>,
    run: &str,
    principal: &PrincipalRef,
    resource: &str,
) -> Result<String, rusqlite::Error> {
    let own = to
        .prepare_cached(
            "SELECT 1 FROM run WHERE run = ?1 AND sub = ?2 AND idp = ?3 \
             AND (actor = ?4 OR actor <> '' AND substr(?4, 1, length(actor) + 1) = actor || '>') \
             AND ?5 IN (SELECT value FROM json_each(resources))",
        )?
        .exists(params![
            run,
            principal.sub,
            principal.idp,
            principal.actor.as_deref().unwrap_or_default(),
            resource
        ])?;
    Ok(if own { run.to_owned() } else { String::new() })
}

/// Whether values can come from whoever sends the statement: a literal, a parameter, the rows of a COPY. Where
/// the text does not rule it out, they can.
fn brings_values(to: &Transaction<'_>, intent: &Intent, known: &mut Known) -> Result<bool, rusqlite::Error> {
    if is_rename(&intent.verb) {
        return Ok(false);
    }
    let plain = ["insert", "update", "merge", "delete", "create", "select", "refresh", "with"];
    let first = intent.verb.split(' ').next().unwrap_or_default();
    let TextRef::Fingerprint(fingerprint) = &intent.text else { return Ok(true) };
    if !plain.contains(&first) {
        return Ok(true);
    }
    if let Some(values) = known.values.get(fingerprint) {
        return Ok(*values);
    }
    let without = to
        .prepare_cached("SELECT instr(sql, '$') = 0 FROM text WHERE fingerprint = ?1")?
        .query_row([fingerprint], |row| row.get::<_, bool>(0))
        .optional()?;
    let Some(without) = without else { return Ok(true) };
    known.values.insert(fingerprint.clone(), !without);
    Ok(!without)
}
