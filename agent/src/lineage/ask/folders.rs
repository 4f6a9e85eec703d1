//! Which files the folders of an answer have.

use connect_shared::{
    api::{LineageNode, NodeKind},
    attest::FolderFile,
};
use rusqlite::Connection;

/// Files of all folders in one answer.
const MAX_LISTED: usize = 5_000;

/// Fills in the list of each folder, in order, as long as there is room. A part of a list would pass for the whole.
pub(super) fn list(connection: &Connection, nodes: &mut [LineageNode]) -> Result<(), rusqlite::Error> {
    let mut room = MAX_LISTED;
    for node in nodes {
        let NodeKind::File { sha256, files: Some(files), within, .. } = &mut node.kind else { continue };
        let Some(count) = usize::try_from(*files).ok().filter(|count| *count <= room) else { continue };
        let listed = of(connection, sha256)?;
        // Else what listed it was pruned.
        if listed.len() == count {
            room -= count;
            *within = listed;
        }
    }
    Ok(())
}

fn of(connection: &Connection, folder: &str) -> Result<Vec<FolderFile>, rusqlite::Error> {
    let sql = "SELECT name, sha256, length FROM within WHERE folder = ?1 ORDER BY name";
    let mut statement = connection.prepare_cached(sql)?;
    let files = statement.query_map([folder], |row| {
        Ok(FolderFile { name: row.get(0)?, sha256: row.get(1)?, length: row.get(2)? })
    })?;
    files.collect()
}
