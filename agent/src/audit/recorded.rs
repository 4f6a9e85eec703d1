//! What the log knows of one database as a whole: who of the agent has logged in, and what has run how often.

use std::path::Path;

use connect_shared::entry::Entry;
use rusqlite::params;

use super::{
    IndexError,
    leaves::Leaves,
    query::{in_time, number},
    store::reader,
};

/// Most logins that are looked at, the latest first: more than a server has sessions.
const MOST_LOGINS: i64 = 20_000;

/// Of one resource.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Processes of the server and when the agent had logged in there.
    pub(crate) logins: Vec<(u32, u64)>,
    /// Normal forms, and how often they were let through.
    pub(crate) statements: Vec<(String, u64)>,
    /// If something was pruned: when the first entry that is kept was written, in milliseconds since 1970.
    pub(crate) kept_since: Option<u64>,
}

/// Reads logins since one time and statements since another, both in milliseconds. Blocks.
///
/// # Errors
/// The index or the log cannot be read, or it takes too long.
pub(crate) fn recorded(
    path: &Path,
    leaves: &mut Leaves,
    resource: &str,
    logins_since: u64,
    statements_since: u64,
) -> Result<Recorded, IndexError> {
    let connection = reader(path)?;
    let sqlite = |source| IndexError::Sqlite { path: path.to_owned(), source };
    let read = in_time(&connection, |connection| {
        let mut logins = connection.prepare(
            "SELECT idx FROM entry WHERE kind = 'upstream_opened' AND resource = ?1 AND time >= ?2 \
             ORDER BY idx DESC LIMIT ?3",
        )?;
        let logins =
            logins.query_map(params![resource, number(logins_since), MOST_LOGINS], |row| row.get(0))?;
        let logins = logins.collect::<Result<Vec<u64>, _>>()?;
        let mut statements = connection.prepare(
            "SELECT t.sql, count(*) FROM entry e JOIN used u ON u.idx = e.idx JOIN text t USING (fingerprint) \
             WHERE e.kind = 'intent' AND e.resource = ?1 AND e.time >= ?2 GROUP BY t.fingerprint",
        )?;
        let statements = statements
            .query_map(params![resource, number(statements_since)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((logins, statements.collect::<Result<Vec<(String, u64)>, _>>()?))
    });
    let (places, statements) = read.map_err(sqlite)?.ok_or(IndexError::TooSlow)?;
    let mut logins = Vec::with_capacity(places.len());
    for place in places {
        let leaf = leaves.get(place)?.leaf;
        if let Entry::UpstreamOpened { process, .. } = leaf.entry {
            logins.push((process, leaf.time));
        }
    }
    // Read behind the rest: what was pruned meanwhile is said to be.
    let kept_since = leaves.kept_since();
    Ok(Recorded { logins, statements, kept_since })
}
