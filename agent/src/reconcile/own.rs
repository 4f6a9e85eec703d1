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

/// Whether a text has the form of a sample (`catalog/sample.rs`), as a server remembers it: with parameters for
/// constants.
pub(super) fn is_sample(text: &str) -> bool {
    let Some((expressions, from)) = text.strip_prefix("SELECT ").and_then(|rest| rest.split_once(" FROM "))
    else {
        return false;
    };
    // Commas stand between expressions and between their arguments, which are parameters or a column's name.
    let is_piece = |piece: &str| match piece.strip_prefix('$') {
        Some(number) => {
            let rest = number.trim_start_matches(|digit: char| digit.is_ascii_digit());
            rest.chars().all(|letter| letter == ')') || rest.starts_with(" || encode(substr(\"")
        }
        None => ["substr(\"", "left(format($"].iter().any(|start| piece.starts_with(start)) || is_name(piece),
    };
    let pieces = expressions.split(", ").all(is_piece);
    let limited = from.rsplit_once(" LIMIT $").is_some_and(|(_, number)| number.parse::<u32>().is_ok());
    let one_table = from.starts_with('"') && !from.contains(" JOIN ") && !from.contains(',');
    pieces && limited && one_table
}

/// A column's name at the end of a call's arguments.
fn is_name(piece: &str) -> bool {
    piece.starts_with('"') && piece.ends_with(')')
}

/// Whether a text has expressions that only the agent writes: masks in the server.
pub(super) fn is_rewritten(text: &str) -> bool {
    text.contains("pg_catalog.sha256(") || text.contains(" AS pg_catalog.\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_masks_are_told_by_their_form() {
        for sample in [
            "SELECT substr(\"email\"::text, $1, $2), left(format($3, \"id\"), $4) FROM \"public\".\"users\" LIMIT $5",
            "SELECT $1 || encode(substr(\"photo\"::bytea, $2, $3), $4) FROM \"a\".\"b\" TABLESAMPLE SYSTEM ($5) LIMIT $6",
            "SELECT left(format($1, \"x\"), $2) FROM \"a\".\"b\" WHERE \"x\" IS NOT NULL LIMIT $3",
        ] {
            assert!(is_sample(sample), "{sample}");
        }
        for other in [
            "SELECT email FROM users LIMIT $1",
            "SELECT \"email\" FROM \"a\".\"b\" LIMIT $1",
            "SELECT $1 || email FROM \"a\".\"b\" LIMIT $2",
            "SELECT substr(email, $1, $2), email FROM users LIMIT $3",
            "SELECT substr(\"email\"::text, $1, $2) FROM \"a\".\"b\"",
            "SELECT substr(\"email\"::text, $1, $2) FROM \"a\".\"b\" JOIN \"c\".\"d\" ON true LIMIT $3",
            "DELETE FROM users",
        ] {
            assert!(!is_sample(other), "{other}");
        }
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
