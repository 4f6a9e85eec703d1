//! A whole text in a session: each statement is bound in the state that those before it leave.

use connect_shared::decision::ReasonCode;

use super::{Limits, bind, parsed};
use crate::{
    catalog::{Catalog, code::Name},
    lineage::{GapKind, Lineage},
    session::{SearchPath, Session},
    statement::Refusal,
};

/// The session of a new connection, with another search path if one is given.
#[must_use]
pub fn new_session(catalog: &Catalog, search_path: Option<&[String]>) -> Session {
    let names: Vec<String> = match search_path {
        Some(names) => names.to_vec(),
        None => catalog.search_path.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect(),
    };
    let named = names.iter().map(|name| if name == "$user" { &*catalog.role } else { name.as_str() });
    let mut schemas: Vec<Name> =
        named.filter(|name| catalog.schemas.contains_key(*name)).map(Name::from).collect();
    let creation = schemas.first().cloned();
    if !schemas.iter().any(|name| &**name == "pg_catalog") {
        schemas.insert(0, "pg_catalog".into());
    }
    let search_path = Some(SearchPath { schemas, creation }.into());
    Session { search_path, ..Session::default() }
}

/// Lineage of each statement of a text, in order. The session is then as the text leaves it, if each
/// statement succeeds. Never fails: what is not understood is opaque.
#[must_use]
pub fn lineages(text: &[u8], catalog: &Catalog, session: &mut Session, limits: &Limits) -> Vec<Lineage> {
    match parsed(text, catalog, limits) {
        Ok((_tokens, parsed)) => parsed.iter().map(|raw| bind(raw, catalog, session)).collect(),
        Err(refusal) => vec![opaque(&refusal)],
    }
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
