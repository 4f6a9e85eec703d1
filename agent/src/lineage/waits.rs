//! For how long a run without an end waits for somebody, as the log tells it: until when its grants last, and
//! when and how its sessions ended. Tables of the search index, like those in [`super::index`].

use std::{path::Path, time::Duration};

use connect_shared::{
    entry::{Entry, Leaf},
    ids::RunId,
};
use rusqlite::{Transaction, params};

use super::{lost::is_goodbye, open::HASHING};
use crate::audit::{IndexError, reader};

/// `until` in seconds since 1970, `end_time` in milliseconds.
pub(super) const TABLES: &str = "
CREATE TABLE run_grant (
  grant_id TEXT PRIMARY KEY, run TEXT NOT NULL, until INTEGER NOT NULL, idx INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX run_grant_by_run ON run_grant (run);
CREATE TABLE run_session (
  session BLOB PRIMARY KEY, run TEXT NOT NULL, idx INTEGER NOT NULL, end_idx INTEGER, end_time INTEGER,
  goodbye INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX run_session_by_run ON run_session (run);
CREATE INDEX run_without_end ON run (idx) WHERE end_idx IS NULL;
";

/// What was taken of entries that may be of a history that is no more.
pub(super) const FORGET: &str = "
DELETE FROM run_grant WHERE idx >= (SELECT size FROM made_from);
DELETE FROM run_session WHERE idx >= (SELECT size FROM made_from);
UPDATE run_session SET end_idx = NULL, end_time = NULL, goodbye = NULL
  WHERE end_idx >= (SELECT size FROM made_from);
";

/// Takes one entry. To take it again changes nothing.
pub(super) fn put(to: &Transaction<'_>, index: u64, leaf: &Leaf) -> Result<(), rusqlite::Error> {
    match &leaf.entry {
        Entry::GrantIssued { grant, run, parent, expires_at, .. } => {
            // What was handed on is for the run of what it is a part of.
            to.prepare_cached(
                "INSERT OR IGNORE INTO run_grant SELECT ?1, run, ?2, ?3 FROM \
                 (SELECT coalesce(?4, (SELECT run FROM run_grant WHERE grant_id = ?5)) AS run) \
                 WHERE run IS NOT NULL",
            )?
            .execute(params![
                grant.to_string(),
                signed(*expires_at),
                index,
                run.as_ref().map(|run| run.id.to_string()),
                parent.map(|parent| parent.to_string()),
            ])?;
        }
        Entry::SessionOpened { session, grant, .. } => {
            to.prepare_cached(
                "INSERT OR IGNORE INTO run_session \
                 SELECT ?1, run, ?2, NULL, NULL, NULL FROM run_grant WHERE grant_id = ?3",
            )?
            .execute(params![session.to_bytes().as_slice(), index, grant.to_string()])?;
        }
        Entry::SessionClosed { session, code, .. } => {
            to.prepare_cached(
                "UPDATE run_session SET end_idx = ?1, end_time = ?2, goodbye = ?3 WHERE session = ?4",
            )?
            .execute(params![
                index,
                signed(leaf.time),
                is_goodbye(code),
                session.to_bytes().as_slice()
            ])?;
        }
        _ => {}
    }
    Ok(())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A run that the log has no end of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unended {
    pub(super) run: RunId,
    /// Where it began in the log.
    pub(super) index: u64,
    /// When the last of its grants is over, in seconds since 1970.
    granted: u64,
    /// When the last of its sessions ended that its client closed in order, in seconds since 1970.
    left: Option<u64>,
    /// When the last of the others ended.
    lost: Option<u64>,
}

impl Unended {
    /// When nobody can come back to it any more, in seconds since 1970, as if the agent had been there all the time.
    /// Sessions without an end were lost as late as `since`, when it first looked, and `limit` is how long one may be away.
    pub(super) fn until(&self, since: u64, limit: Duration) -> u64 {
        let behind =
            |end: Option<u64>, wait: Duration| end.map_or(0, |end| end.saturating_add(wait.as_secs()));
        let ends = [behind(self.left, HASHING), behind(self.lost, limit), behind(Some(since), limit)];
        ends.into_iter().fold(self.granted, u64::max)
    }
}

/// Runs that the log has no end of and that began behind the entry `after`, in the order of the log, `most` of them
/// at most.
pub(super) fn unended(path: &Path, after: Option<u64>, most: usize) -> Result<Vec<Unended>, IndexError> {
    let broken = |source| IndexError::Sqlite { path: path.to_owned(), source };
    let connection = reader(path)?;
    let mut found = connection
        .prepare(
            "SELECT run, idx, (SELECT max(until) FROM run_grant WHERE run_grant.run = run.run), \
             (SELECT max(end_time) FROM run_session WHERE run_session.run = run.run AND goodbye = 1), \
             (SELECT max(end_time) FROM run_session WHERE run_session.run = run.run AND goodbye = 0) \
             FROM run WHERE end_idx IS NULL AND idx > ?1 ORDER BY idx LIMIT ?2",
        )
        .map_err(broken)?;
    let seconds = |time: Option<u64>| time.map(|time| time.div_ceil(1_000));
    let read = |row: &rusqlite::Row<'_>| {
        let (run, index) = (row.get::<_, String>(0)?, row.get(1)?);
        let granted = row.get::<_, Option<u64>>(2)?.unwrap_or_default();
        let (left, lost) = (seconds(row.get(3)?), seconds(row.get(4)?));
        // What is no id is nobody's.
        Ok(run.parse().ok().map(|run| Unended { run, index, granted, left, lost }))
    };
    let after = after.map_or(-1, signed);
    let rows = found.query_map(params![after, signed(most as u64)], read).map_err(broken)?;
    let runs = rows.collect::<Result<Vec<_>, _>>().map_err(broken)?;
    Ok(runs.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use connect_shared::{
        entry::PrincipalRef,
        grant::RunIdentity,
        ids::{GrantId, SessionId, TunnelId},
    };

    use super::*;
    use crate::lineage::Known;

    const RUN: RunId = RunId::from_random([7; 16]);
    const LIMIT: Duration = Duration::from_secs(20);

    fn who() -> PrincipalRef {
        PrincipalRef { sub: "u1".into(), idp: "idp".into(), actor: None }
    }

    fn granted(grant: u8, run: Option<RunId>, parent: Option<u8>, until: u64) -> Entry {
        Entry::GrantIssued {
            grant: GrantId::from_random([grant; 16]),
            principal: who(),
            name: "ana".into(),
            groups: Vec::new(),
            resource: "prod".into(),
            actions: Vec::new(),
            reason: None,
            expires_at: until,
            certificate: String::new(),
            run: run.map(|id| RunIdentity {
                id,
                job: "j".into(),
                key: "k".into(),
                parent: None,
                resources: Vec::new(),
            }),
            task: None,
            parent: parent.map(|parent| GrantId::from_random([parent; 16])),
            tables: Vec::new(),
            budget: None,
            approvals: connect_shared::attest::ApprovedAccess::new(),
        }
    }

    fn opened(session: u8, grant: u8) -> Entry {
        Entry::SessionOpened {
            session: SessionId::from_random([session; 16]),
            tunnel: TunnelId::from_random([1; 16]),
            grant: GrantId::from_random([grant; 16]),
            principal: who(),
            resource: "prod".into(),
            client: String::new(),
            address: String::new(),
        }
    }

    fn closed(session: u8, code: &str) -> Entry {
        Entry::SessionClosed {
            session: SessionId::from_random([session; 16]),
            code: code.into(),
            micros: None,
        }
    }

    /// An index of these entries; each second has one, from 1,000 on, and the log was published before the last.
    fn index(entries: &[Entry]) -> (tempfile::TempDir, rusqlite::Connection) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut index = rusqlite::Connection::open(folder.path().join("index")).expect("an index");
        let made_from = "CREATE TABLE made_from (size INTEGER);";
        index.execute_batch(&format!("{made_from}{}", super::super::TABLES.concat())).expect("made");
        index.execute("INSERT INTO made_from VALUES (?1)", [entries.len() - 1]).expect("written");
        put_all(&mut index, entries);
        (folder, index)
    }

    fn put_all(to: &mut rusqlite::Connection, entries: &[Entry]) {
        let transaction = to.transaction().expect("begun");
        for (index, entry) in (0..).zip(entries) {
            let leaf = Leaf { v: 1, time: (1_000 + index) * 1_000, entry: entry.clone() };
            super::super::put(&transaction, index, &leaf, None, &mut Known::default()).expect("taken");
        }
        transaction.commit().expect("kept");
    }

    fn find(folder: &tempfile::TempDir) -> Vec<Unended> {
        unended(&folder.path().join("index"), None, 9).expect("the index")
    }

    #[test]
    fn a_run_waits_over_a_restart_as_long_as_without_one() {
        let mut entries = vec![
            granted(1, Some(RUN), None, 1_300),
            opened(1, 1),
            granted(2, None, None, 9_000),
            opened(2, 2),
        ];
        let until = |entries: &[Entry], now: u64| {
            let (folder, _index) = index(entries);
            let found = find(&folder);
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].until(now, LIMIT)
        };
        // Killed with its session open: until its grant is over, or somebody could have been away from now on.
        assert_eq!((until(&entries, 1_004), until(&entries, 5_000)), (1_300, 5_020));
        // Another session's end is not its own.
        entries.push(closed(2, "tunnel_closed"));
        assert_eq!(until(&entries, 1_004), 1_300);
        entries.push(closed(1, "tunnel_lost"));
        assert_eq!(until(&entries, 1_299), 1_319);
        // It hashes since its last session was closed in order, one of a part of its grant.
        entries.extend([granted(3, None, Some(1), 1_400), opened(3, 3), closed(3, "tunnel_closed")]);
        let hashing = 1_008 + HASHING.as_secs();
        assert_eq!((until(&entries, 1_010), until(&entries, hashing)), (hashing, hashing + 20));
    }

    #[test]
    fn what_is_taken_twice_or_forgotten_leaves_nothing_behind() {
        let entries = [granted(1, Some(RUN), None, 1_300), opened(1, 1), closed(1, "tunnel_closed")];
        let (folder, mut index) = index(&entries);
        let whole = find(&folder);
        put_all(&mut index, &entries);
        assert_eq!(find(&folder), whole);
        index.execute_batch(FORGET).expect("forgotten");
        assert_eq!(find(&folder)[0].left, None, "its end was not published");
        put_all(&mut index, &entries);
        assert_eq!(find(&folder), whole);
        // Page by page.
        assert_eq!(unended(&folder.path().join("index"), Some(0), 9).expect("the index"), []);
    }
}
