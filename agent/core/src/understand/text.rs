//! A whole text in a session: each statement is bound in the state that those before it leave.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{Node, RawStmt},
};

use super::{Limits, bind, parsed};
use crate::{
    catalog::Catalog,
    lineage::{GapKind, Lineage},
    session::{self, Session, SessionChange, change_of},
    statement::Refusal,
};

/// The session of a new connection, with another search path if one is given.
#[must_use]
pub fn new_session(catalog: &Catalog, search_path: Option<&[String]>) -> Session {
    let quoted = search_path.map(|names| session::quoted(names.iter().map(String::as_str)));
    let startup: Vec<_> = quoted.map(|path| ("search_path".to_owned(), path)).into_iter().collect();
    Session::begin(catalog, &startup)
}

/// Lineage of each statement of a text, in order. The session is then as the text leaves it, if each
/// statement succeeds. Never fails: what is not understood is opaque.
#[must_use]
pub fn lineages(text: &[u8], catalog: &Catalog, session: &mut Session, limits: &Limits) -> Vec<Lineage> {
    let lineages = match parsed(text, catalog, limits) {
        Ok((_tokens, parsed)) => parsed.iter().map(|raw| lineage(raw, catalog, session)).collect(),
        Err(refusal) => {
            session.apply(&SessionChange::code_ran(), catalog);
            vec![opaque(&refusal)]
        }
    };
    session.sync(catalog);
    lineages
}

/// Lineage of one statement; the session is then as it leaves it.
fn lineage(raw: &RawStmt, catalog: &Catalog, session: &mut Session) -> Lineage {
    let Some(node) = raw.stmt.as_deref().and_then(|node| node.node.as_ref()) else {
        return bind(raw, catalog, session);
    };
    if let Some(name) = executed(node) {
        session.refresh_prepared(name, catalog, |node, session| {
            let lineage = bind_node(node, catalog, session);
            let change = change_of(node, &lineage, catalog);
            (lineage, change)
        });
    }
    let lineage = bind(raw, catalog, session);
    session.apply(&change_of(node, &lineage, catalog), catalog);
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

fn bind_node(node: &NodeEnum, catalog: &Catalog, session: &Session) -> Lineage {
    let node = Node { node: Some(node.clone()) };
    bind(&RawStmt { stmt: Some(Box::new(node)), ..RawStmt::default() }, catalog, session)
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
