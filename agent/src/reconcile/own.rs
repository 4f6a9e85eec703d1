//! What the agent asks a database for itself, and what no entry needs to explain: questions to the catalog for
//! nothing that holds values or secrets, and settings. Whoever has the agent's password and asks the same
//! learns no value by it.
//!
//! Two more kinds are told by their form: the samples that labels are found by, and statements that were
//! rewritten to read masks. They read tables, and whoever has that password can write such a text, too: so they
//! are counted apart.

use std::{collections::HashSet, sync::Arc};

use connect_core::{
    catalog::Catalog,
    statement::{Kind, Protection, Statement},
    understand::{Limits, comparable, new_session, understand},
};

/// Tells such texts from others.
#[derive(Debug, Default)]
pub(super) struct Own {
    texts: HashSet<String>,
    catalog: Option<Arc<Catalog>>,
}

impl Own {
    /// These texts, and what the snapshot of the catalog shows to be harmless.
    pub(super) fn new(texts: impl IntoIterator<Item = String>, catalog: Option<Arc<Catalog>>) -> Self {
        Self { texts: texts.into_iter().filter_map(|text| comparable(&text)).collect(), catalog }
    }

    pub(super) fn has(&self, text: &str) -> bool {
        comparable(text).is_some_and(|form| self.texts.contains(&form)) || self.shows_harmless(text)
    }

    fn shows_harmless(&self, text: &str) -> bool {
        let Some(catalog) = self.catalog.as_deref() else { return false };
        // As the agent's own sessions are: a name there means nothing but the catalog's.
        let session = new_session(catalog, Some(&["pg_catalog".to_owned()]));
        let analysis = understand(text.as_bytes(), catalog, &session, &Limits::default());
        matches!(analysis.statements.as_slice(), [only] if is_harmless(only))
    }
}

fn is_harmless(statement: &Statement) -> bool {
    match (&statement.protection, statement.kind) {
        (Protection::Refused(_), _) => false,
        (Protection::Introspection, Kind::Read) => statement.writes.is_empty(),
        (_, Kind::Transaction) => true,
        // A role that was taken shows in what is counted under it.
        (_, Kind::SessionControl) => matches!(statement.verb.as_str(), "set" | "reset"),
        _ => false,
    }
}

/// Whether a text has expressions that only the agent writes: masks in the server.
pub(super) fn is_rewritten(text: &str) -> bool {
    text.contains("pg_catalog.sha256(") || text.contains(" AS pg_catalog.\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_told_by_their_form() {
        assert!(is_rewritten("SELECT (CAST((pg_catalog.sha256(x)) AS pg_catalog.\"text\")) FROM t"));
        assert!(!is_rewritten("SELECT email FROM t"));
    }

    #[test]
    fn what_the_agent_asks_is_known_whatever_its_constants_are_and_other_texts_are_not() {
        let own = Own::new(["SET statement_timeout = '15s'".to_owned()], None);
        assert!(own.has("set statement_timeout = '15s'"));
        assert!(!own.has("SELECT email FROM customers"));
        assert!(!Own::default().has("SELECT oid FROM pg_class"), "nothing is known of the catalog");
    }
}
