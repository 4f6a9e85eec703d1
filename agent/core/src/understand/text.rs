//! A whole text in a session: each statement is bound in the state that those before it leave.

use connect_shared::decision::ReasonCode;
use pg_query::{NodeEnum, protobuf::RawStmt};

use super::{Limits, bind, bind_node, parsed};
use crate::{
    catalog::Catalog,
    lineage::{GapKind, Lineage},
    session::{Session, SessionChange, change_of, quoted},
    statement::Refusal,
};

/// The session of a new connection, with another search path if one is given.
#[must_use]
pub fn new_session(catalog: &Catalog, search_path: Option<&[String]>) -> Session {
    new_session_as(None, catalog, search_path)
}

/// The same, with a role that it is given.
#[must_use]
pub fn new_session_as(role: Option<&str>, catalog: &Catalog, search_path: Option<&[String]>) -> Session {
    let path = search_path.map(|names| quoted(names.iter().map(String::as_str)));
    let path = path.map(|path| ("search_path".to_owned(), path));
    let role = role.map(|role| ("role".to_owned(), role.to_owned()));
    Session::begin(catalog, &path.into_iter().chain(role).collect::<Vec<_>>())
}

/// Lineage of each statement of a text, in order. The session is then as the text leaves it, if each
/// statement succeeds. Never fails: what is not understood is opaque.
#[must_use]
pub fn lineages(text: &[u8], catalog: &Catalog, session: &mut Session, limits: &Limits) -> Vec<Lineage> {
    let bound = match parsed(text, catalog, limits) {
        Ok((_tokens, parsed)) => parsed.iter().map(|raw| in_turn(raw, catalog, session)).collect(),
        Err(refusal) => {
            // The server may have understood it.
            session.apply(&SessionChange::code_ran(), catalog);
            vec![opaque(&refusal)]
        }
    };
    session.sync(catalog);
    bound
}

/// Binds a statement and leaves the session as it does.
fn in_turn(raw: &RawStmt, catalog: &Catalog, session: &mut Session) -> Lineage {
    let node = raw.stmt.as_deref().and_then(|stmt| stmt.node.as_ref());
    if let Some(name) = node.and_then(executed) {
        session.refresh_prepared(name, catalog, |node, session| {
            let lineage = bind_node(node, catalog, session);
            let change = change_of(node, &lineage, catalog);
            (lineage, change)
        });
    }
    let lineage = bind(raw, catalog, session);
    if let Some(node) = node {
        let change = change_of(node, &lineage, catalog);
        session.apply(&change, catalog);
    }
    lineage
}

/// The prepared statement that a statement executes.
fn executed(node: &NodeEnum) -> Option<&str> {
    let inner = match node {
        NodeEnum::ExecuteStmt(execute) => return Some(&execute.name),
        NodeEnum::ExplainStmt(explain) => explain.query.as_deref(),
        NodeEnum::CreateTableAsStmt(create) => create.query.as_deref(),
        _ => None,
    };
    inner.and_then(|node| node.node.as_ref()).and_then(executed)
}

/// Nothing is known of a text that is refused as a whole.
pub(super) fn opaque(refusal: &Refusal) -> Lineage {
    let kind = match (refusal.code, refusal.sqlstate) {
        (ReasonCode::TooLarge, _) => GapKind::TooLarge,
        (_, Some("42601")) => GapKind::Syntax,
        _ => GapKind::NotReviewed,
    };
    Lineage::opaque(kind, refusal.message.clone())
}
