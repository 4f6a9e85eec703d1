//! Every command that is not a query or a plain write.
//!
//! A command that is not named here is refused. Where nothing is protected the guardrails of
//! [`crate::decide`] remain; where something is, commands that evaluate, rename or copy protected columns
//! are refused, and so is all code.

mod alter;
mod carry;
mod code;
mod copy;
mod create;
mod elements;
mod names;
mod remove;
mod server;
mod session;

use pg_query::{
    NodeEnum,
    protobuf::{CopyStmt, ExplainStmt, Node},
};

use super::{found::Found, refusal, resolve};
use crate::{
    catalog::Catalog,
    statement::{Kind, Protection, Refusal},
};

/// Analyses a command.
pub(super) fn analyse(node: &Node, catalog: &Catalog) -> Found {
    let Some(node) = &node.node else { return not_reviewed() };
    let found = session::analyse(node, catalog)
        .or_else(|| carry::analyse(node, catalog))
        .or_else(|| copy::analyse(node, catalog))
        .or_else(|| create::analyse(node, catalog))
        .or_else(|| alter::analyse(node, catalog))
        .or_else(|| remove::analyse(node, catalog))
        .or_else(|| server::analyse(node, catalog))
        .or_else(|| code::analyse(node, catalog))
        .unwrap_or_else(not_reviewed);
    beside_protected(found, catalog)
}

/// Whether a command brings code that runs later.
pub(super) fn brings_code(node: &NodeEnum) -> bool {
    code::brings(node).is_some()
}

/// Whether a plan over protected columns may be shown with these options.
///
/// # Errors
/// It would show what depends on their values.
pub(super) fn check_explained(explain: &ExplainStmt, catalog: &Catalog) -> Result<(), Refusal> {
    carry::check_options(&explain.options, catalog)
}

/// Whether a COPY sends rows to the client, in a form that is reviewed.
///
/// # Errors
/// It does not.
pub(super) fn check_copied_out(copy: &CopyStmt) -> Result<(), Refusal> {
    copy::check_out(copy)
}

/// A command on a protected relation shows none of its values, but the server's errors may quote them.
fn beside_protected(found: Found, catalog: &Catalog) -> Found {
    let named = found.writes.iter().chain(&found.reads).filter_map(|name| {
        let (schema, name) =
            name.split_once('.').map_or((None, name.as_str()), |(schema, name)| (Some(schema), name));
        let mut candidates = catalog.candidates(schema, name);
        candidates.find(|relation| resolve::reaches_protected(catalog, std::iter::once(*relation)))
    });
    match (&found.protection, named.take(1).count()) {
        (Protection::Untouched, 1) => Found { protection: Protection::Avoided, ..found },
        _ => found,
    }
}

fn not_reviewed() -> Found {
    Found::new("unknown", Kind::Administration).refused(refusal::not_reviewed("this command"))
}

/// A change of schema, seen by the next statement.
fn schema_change(verb: &str) -> Found {
    Found::new(verb, Kind::SchemaChange).effect(crate::statement::Effect::Catalog)
}

/// Administration of the server or of storage.
fn administration(verb: &str) -> Found {
    Found::new(verb, Kind::Administration)
}

/// A change of who may do what.
fn privilege(verb: &str) -> Found {
    Found::new(verb, Kind::Privilege).effect(crate::statement::Effect::Catalog)
}
