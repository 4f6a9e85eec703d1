//! Whether code that runs inside a statement could change the session: set a setting, make or change a
//! relation. Bodies in SQL and PL/pgSQL are read word by word; anything that could do it, does.

use std::collections::HashSet;

use pg_query::protobuf::Token;

use crate::{
    catalog::{Catalog, FIRST_NORMAL_OID, Oid, code::Language},
    lineage::{GapKind, Lineage, OutputKind},
};

/// Most functions that are looked into for one statement.
const MOST_FUNCTIONS: usize = 64;

/// Longest body that is looked into.
const LONGEST_BODY: usize = 64 * 1024;

/// `set_config(text, text, boolean)`
pub(super) const SET_CONFIG: Oid = Oid(2078);

/// Words without which no SQL or PL/pgSQL body sets anything, makes anything or runs a text.
const WORDS: [&str; 21] = [
    "alter",
    "authorization",
    "call",
    "create",
    "cursor_to_xml",
    "database_to_xml",
    "discard",
    "dblink",
    "do",
    "drop",
    "execute",
    "import",
    "load",
    "pg_settings",
    "query_to_xml",
    "refresh",
    "reset",
    "role",
    "search_path",
    "set_config",
    "ts_stat",
];

/// Whether a statement ran code that could have changed the session.
pub(super) fn may_change_session(lineage: &Lineage, catalog: &Catalog) -> bool {
    let unread = |kind: GapKind| {
        matches!(kind, GapKind::OpaqueFunction | GapKind::Trigger | GapKind::Code | GapKind::DynamicSql)
    };
    let kinds: HashSet<GapKind> =
        lineage.gaps.iter().map(|gap| gap.kind).filter(|kind| unread(*kind)).collect();
    if kinds.is_empty() {
        return false;
    }
    if kinds.contains(&GapKind::Code) || kinds.contains(&GapKind::DynamicSql) {
        return true;
    }
    let mut rest: Vec<Oid> =
        lineage.functions.iter().copied().filter(|oid| oid.0 >= FIRST_NORMAL_OID).collect();
    let written = lineage.outputs.iter().filter_map(|output| match output.kind {
        OutputKind::Table(oid) => catalog.relation(oid),
        _ => None,
    });
    for relation in written.filter(|relation| relation.runs_code) {
        let Some(details) = &relation.details else { return true };
        if !details.rules.is_empty() || details.triggers.is_empty() {
            return true;
        }
        rest.extend(details.triggers.iter().map(|trigger| trigger.function));
    }
    // A gap that none of the functions explains.
    rest.is_empty() || !all_harmless(rest, catalog)
}

fn all_harmless(mut rest: Vec<Oid>, catalog: &Catalog) -> bool {
    let mut seen = HashSet::new();
    while let Some(oid) = rest.pop() {
        if !seen.insert(oid) {
            continue;
        }
        let called = catalog.code.functions.get(&oid).and_then(|function| match function.language {
            Language::Sql | Language::PlPgSql => called(function.body.as_deref()?, catalog),
            Language::Internal | Language::C | Language::Other => None,
        });
        let Some(called) = called else { return false };
        rest.extend(called);
        if seen.len() > MOST_FUNCTIONS {
            return false;
        }
    }
    true
}

/// The users' functions that a body may call; `None` if the body may do something itself.
fn called(body: &str, catalog: &Catalog) -> Option<Vec<Oid>> {
    if body.len() > LONGEST_BODY {
        return None;
    }
    let tokens = pg_query::scan(body).ok()?.tokens;
    let mut called = Vec::new();
    for token in tokens {
        let kind = Token::try_from(token.token).ok()?;
        if matches!(kind, Token::SqlComment | Token::CComment) {
            continue;
        }
        let range = usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?;
        let word = body.get(range)?.trim_matches('"').to_ascii_lowercase();
        let is_name = word.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if WORDS.contains(&word.as_str()) || (is_name && runs_code(&word, catalog)) {
            return None;
        }
        if let Some(functions) = catalog.code.functions_by_name.get(word.as_str()) {
            called.extend(functions.iter().copied().filter(|oid| oid.0 >= FIRST_NORMAL_OID));
        }
    }
    Some(called)
}

/// Whether a relation of this name runs code when it is written.
fn runs_code(name: &str, catalog: &Catalog) -> bool {
    catalog.candidates(None, name).any(|relation| relation.runs_code)
}
