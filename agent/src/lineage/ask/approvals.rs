//! Who gave the approvals that edges name.

use std::collections::BTreeSet;

use connect_shared::{
    api::LineageEdge,
    attest::{Approval, Approver},
    ids::RequestId,
    request::RequestKind,
};
use rusqlite::Connection;

/// Each approval once, by id, with everybody who gave it. Of one that was pruned only its id is known, and it is
/// left to the edges to name it.
pub(super) fn of(connection: &Connection, edges: &[LineageEdge]) -> Result<Vec<Approval>, rusqlite::Error> {
    let named: BTreeSet<RequestId> = edges.iter().flat_map(|edge| edge.approvals.iter().copied()).collect();
    let mut all = Vec::with_capacity(named.len());
    for request in named {
        all.extend(one(connection, request)?);
    }
    Ok(all)
}

fn one(connection: &Connection, request: RequestId) -> Result<Option<Approval>, rusqlite::Error> {
    let sql = "SELECT kind, resource, name, sub, idp, reason, time, idx FROM approval WHERE request = ?1 ORDER BY idx";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([request.to_string()])?;
    let mut approval: Option<Approval> = None;
    while let Some(row) = rows.next()? {
        let of = RequestKind::from_word(&row.get::<_, String>(0)?).unwrap_or(RequestKind::Statement);
        let resource = row.get(1)?;
        let known = approval.get_or_insert_with(|| Approval { request, of, resource, by: Vec::new() });
        known.by.push(Approver {
            name: row.get(2)?,
            sub: row.get(3)?,
            idp: row.get(4)?,
            reason: row.get(5)?,
            time: row.get(6)?,
            index: row.get(7)?,
        });
    }
    Ok(approval)
}
