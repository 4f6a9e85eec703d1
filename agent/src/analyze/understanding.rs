//! The one place where this face meets understanding: a text in a session against a snapshot.

use connect_core::{
    catalog::Catalog,
    lineage::{GapKind, Lineage},
    session::Session,
};

/// The session of a new connection, with another search path if one is given.
pub(super) fn new_session(_search_path: Option<&[String]>, _catalog: &Catalog) -> Session {
    Session::default()
}

/// Lineage of each statement of a text, in order. The session is then as the text leaves it.
pub(super) fn lineages(_sql: &str, _session: &mut Session, _catalog: &Catalog) -> Vec<Lineage> {
    vec![Lineage::opaque(GapKind::NotReviewed, "nothing is analysed yet")]
}
