//! Written relations: code that a write would run, and writes that test stored values.

use std::collections::HashSet;

use connect_shared::decision::ReasonCode;

use crate::{
    catalog::{Catalog, Column, Oid, Relation, RelationKind},
    statement::Refusal,
    understand::{
        facts::{Facts, Verb, Write},
        refusal,
        resolve::{self, Resolved},
    },
};

/// Checks every write of a statement.
///
/// # Errors
/// One of them may not be done.
pub(super) fn check(facts: &Facts<'_>, resolved: &Resolved<'_, '_>) -> Result<(), Refusal> {
    for write in &facts.writes {
        for relation in resolved.written(write.relation) {
            check_target(relation, resolved.catalog)?;
            check_probe(write, relation)?;
        }
    }
    Ok(())
}

/// Whether rows of the relation may be written at all.
///
/// # Errors
/// It is the server's own, or writing it runs code that could read protected columns.
pub(in crate::understand) fn check_target(relation: &Relation, catalog: &Catalog) -> Result<(), Refusal> {
    if relation.is_system() {
        let object = relation.qualified_name();
        let message = format!("`{object}` is the server's own and may not be written");
        let hint = "Use the command that changes what you mean: ALTER, SET, COMMENT …";
        return Err(refusal::refusal(ReasonCode::Administration, Some(object), message, hint));
    }
    match runs_code(relation, catalog) {
        Some(owner) if catalog.has_protected() => Err(refusal::opaque(
            owner.qualified_name(),
            "has triggers, rules, row security or is foreign, so that writing it runs code that could read \
             protected columns",
            "Ask an administrator of this resource to make this change.",
        )),
        _ => Ok(()),
    }
}

/// The relation itself, a child or what a view writes to, where a write runs code.
fn runs_code<'c>(relation: &'c Relation, catalog: &'c Catalog) -> Option<&'c Relation> {
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut rest = vec![relation];
    while let Some(relation) = rest.pop() {
        if relation.runs_code || relation.kind == RelationKind::ForeignTable {
            return Some(relation);
        }
        if seen.insert(relation.oid) {
            let behind = relation.view_reads.iter().chain(&relation.children);
            rest.extend(behind.filter_map(|oid| catalog.relation(*oid)));
        }
    }
    None
}

/// A write into a unique or referenced protected column tells whether a value is there.
fn check_probe(write: &Write<'_>, relation: &Relation) -> Result<(), Refusal> {
    if write.verb == Verb::Delete {
        return Ok(());
    }
    let tested = relation.columns.iter().find(|column| is_probe(column) && assigns(write, column));
    match tested.and_then(|column| resolve::protected_named(relation, &column.name)) {
        Some(column) => Err(refusal::probe(&column)),
        None => Ok(()),
    }
}

fn is_probe(column: &Column) -> bool {
    column.label.is_some() && column.tested_on_write
}

fn assigns(write: &Write<'_>, column: &Column) -> bool {
    write.arbiter || write.columns.as_ref().is_none_or(|columns| columns.contains(&&*column.name))
}

/// Whether COPY into these columns would test stored protected values. `None`: all columns.
///
/// # Errors
/// It would.
pub(in crate::understand) fn check_copied(relation: &Relation, columns: &[&str]) -> Result<(), Refusal> {
    let listed = |column: &Column| columns.is_empty() || columns.contains(&&*column.name);
    let tested = relation.columns.iter().find(|column| is_probe(column) && listed(column));
    match tested.and_then(|column| resolve::protected_named(relation, &column.name)) {
        Some(column) => Err(refusal::probe(&column)),
        None => Ok(()),
    }
}
