//! Written relations: code that a write would run, and writes that test stored values.

use std::collections::HashSet;

use connect_shared::decision::ReasonCode;

use super::own_code::computes_by_users;
use crate::{
    catalog::{
        Cascade, Catalog, Column, Details, Effect, FIRST_NORMAL_OID, Oid, Relation, RelationKind, UNREAD,
    },
    statement::{ProtectedColumn, Refusal},
    understand::{
        facts::{Arbiter, Facts, Verb, Write},
        refusal,
        resolve::{self, Resolved},
    },
};

/// Checks every write of a statement, and tells how many values it tests whether they are stored: one that is
/// given to a unique or referenced column fails, or goes another way, if the value is there already.
///
/// # Errors
/// One of them may not be done, or tests nobody knows how many values.
pub(super) fn check(facts: &Facts<'_>, resolved: &Resolved<'_, '_>) -> Result<u32, Refusal> {
    let mut tests = 0_u32;
    for write in &facts.writes {
        let mut most = 0;
        for relation in resolved.written(write.relation) {
            check_change(relation, resolved.catalog, &|cascade| follows(cascade, relation, write))?;
            most = most.max(tested(write, relation, facts, resolved.catalog)?);
        }
        tests = tests.saturating_add(most);
    }
    Ok(tests)
}

/// Whether a write changes rows of another table by this key.
fn follows(cascade: &Cascade, relation: &Relation, write: &Write<'_>) -> bool {
    let is_named = |number: i16| {
        let named = write.columns.as_deref().zip(relation.column(number));
        named.is_none_or(|(columns, column)| columns.contains(&&*column.name))
    };
    // What a view calls a column is no word about the table's.
    let any = cascade.keys.is_empty() || relation.kind == RelationKind::View;
    let renames = || any || cascade.keys.iter().any(|(_, referred)| is_named(*referred));
    let (removes, updates) = (cascade.on_delete != Effect::Nothing, cascade.on_update != Effect::Nothing);
    match write.verb {
        Verb::Insert => write.arbiter.is_some() && updates,
        Verb::Update => updates && renames(),
        Verb::Delete => removes,
        Verb::Merge => removes || updates,
    }
}

/// Whether rows of the relation may be added.
///
/// # Errors
/// It is the server's own, or writing it runs code that could read protected columns.
pub(in crate::understand) fn check_target(relation: &Relation, catalog: &Catalog) -> Result<(), Refusal> {
    check_change(relation, catalog, &|_| false)
}

/// Whether rows of the relation, and of those that `follow` by keys, may be changed at all.
fn check_change(
    relation: &Relation,
    catalog: &Catalog,
    follow: &dyn Fn(&Cascade) -> bool,
) -> Result<(), Refusal> {
    let related = |holds: &dyn Fn(&Relation) -> bool| related(relation, catalog, follow, holds);
    if relation.is_system() {
        let object = relation.qualified_name();
        let message = format!("`{object}` is the server's own and may not be written");
        let hint = "Use the command that changes what you mean: ALTER, SET, COMMENT …";
        return Err(refusal::refusal(ReasonCode::Administration, Some(object), message, hint));
    }
    // Whether anything is protected is asked of all tables: first what this one says of itself.
    if related(&may_run_code).is_none() || !catalog.has_protected() {
        return Ok(());
    }
    if let Some(owner) = related(&is_unread) {
        return Err(refusal::opaque(
            owner.qualified_name(),
            "is locked by somebody else, so that what it computes for a new row could not be read",
            "Try again in some seconds, or when that transaction is over.",
        ));
    }
    if let Some(owner) = related(&|relation| computes_by_users(relation, catalog)) {
        return Err(refusal::opaque(
            owner.qualified_name(),
            "has defaults, checks or generated columns that call functions which are not PostgreSQL's own or which \
             no statement may call, so that writing it runs code that could read protected columns",
            "Ask an administrator of this resource to make this change.",
        ));
    }
    match related(&runs_code) {
        Some(owner) => Err(refusal::opaque(
            owner.qualified_name(),
            "has triggers, rules, row security or is foreign, so that writing it runs code that could read \
             protected columns",
            "Ask an administrator of this resource to make this change.",
        )),
        _ => Ok(()),
    }
}

fn runs_code(relation: &Relation) -> bool {
    relation.runs_code || relation.kind == RelationKind::ForeignTable
}

/// Whether it has checks, defaults or generated columns that could not be read.
fn is_unread(relation: &Relation) -> bool {
    let details = relation.details.as_deref();
    let expressions = details.into_iter().flat_map(|details| &details.expressions);
    let expressions = expressions.map(|(_, expression)| expression.text());
    let checks = details.into_iter().flat_map(|details| &details.checks);
    expressions.chain(checks).any(|text| **text == *UNREAD)
}

/// Whether there is anything that a write could run.
fn may_run_code(relation: &Relation) -> bool {
    let computes = |details: &Details| !details.expressions.is_empty() || !details.checks.is_empty();
    runs_code(relation)
        || relation.details.as_deref().is_some_and(computes)
        || relation.columns.iter().any(|column| column.type_oid.0 >= FIRST_NORMAL_OID)
}

/// The relation itself, a child, what a view writes to or what keys change with it, of which this holds.
fn related<'c>(
    relation: &'c Relation,
    catalog: &'c Catalog,
    follow: &dyn Fn(&Cascade) -> bool,
    holds: &dyn Fn(&Relation) -> bool,
) -> Option<&'c Relation> {
    let mut seen: HashSet<(Oid, bool)> = HashSet::new();
    // What a key has changed is changed in whatever way the key says, and what refers to it likewise.
    let mut rest = vec![(relation, false)];
    while let Some((relation, by_key)) = rest.pop() {
        if holds(relation) {
            return Some(relation);
        }
        if !seen.insert((relation.oid, by_key)) {
            continue;
        }
        let behind = relation.view_reads.iter().chain(&relation.children).map(|oid| (*oid, by_key));
        let cascades = relation.details.iter().flat_map(|details| &details.cascades);
        let cascades =
            cascades.filter(|cascade| by_key || follow(cascade)).map(|cascade| (cascade.table, true));
        let found = behind.chain(cascades).filter_map(|(oid, by_key)| Some((catalog.relation(oid)?, by_key)));
        rest.extend(found);
    }
    None
}

/// Whether TRUNCATE … CASCADE, which empties whatever refers to a table, could run code that could read protected
/// columns. Keys that only refuse a change are not in the snapshot, so that any table may be one of those.
///
/// # Errors
/// It could.
pub(in crate::understand) fn check_cascade(catalog: &Catalog) -> Result<(), Refusal> {
    let fires = |relation: &&std::sync::Arc<Relation>| !relation.is_system() && runs_code(relation);
    let Some(owner) = catalog.relations.values().find(fires).filter(|_| catalog.has_protected()) else {
        return Ok(());
    };
    Err(refusal::opaque(
        owner.qualified_name(),
        "has triggers, and TRUNCATE … CASCADE could empty it without naming it, which runs code that could read \
         protected columns",
        "Name all the tables that are to be emptied, without CASCADE.",
    ))
}

/// Values of unique or referenced protected columns that a write tests.
fn tested(
    write: &Write<'_>,
    relation: &Relation,
    facts: &Facts<'_>,
    catalog: &Catalog,
) -> Result<u32, Refusal> {
    let mut tests = 0_u32;
    for column in relation.columns.iter().filter(|column| is_probe(column) && assigns(write, column)) {
        let varies = write.varying.contains(&&*column.name) || may_give_rows(facts, catalog);
        match (write.proposed, resolve::protected_named(relation, &column.name)) {
            (Some(rows), Some(_)) if !varies => tests = tests.saturating_add(rows),
            (_, Some(column)) => return Err(refusal::probe(&column)),
            (_, None) => {}
        }
    }
    Ok(tests)
}

/// A list of values that calls such a function is as many rows as it gives.
fn may_give_rows(facts: &Facts<'_>, catalog: &Catalog) -> bool {
    let gives = |name: &str| {
        let oids = catalog.code.functions_by_name.get(name);
        let mut functions = oids.into_iter().flatten().map(|oid| catalog.code.functions.get(oid));
        oids.is_none() || functions.any(|function| function.is_none_or(|function| function.returns_set))
    };
    let mut called = facts.calls.iter().filter_map(|call| call.name.last()).chain(&facts.fields);
    called.any(|name| gives(name))
}

fn is_probe(column: &Column) -> bool {
    column.label.is_some() && column.tested_on_write
}

fn assigns(write: &Write<'_>, column: &Column) -> bool {
    let given = |columns: &Vec<&str>| columns.contains(&&*column.name);
    match &write.arbiter {
        Some(Arbiter::Any) => true,
        Some(Arbiter::Columns(columns)) if given(columns) => true,
        _ => write.columns.as_ref().is_none_or(given),
    }
}

/// Protected columns that are given values which the client says.
pub(super) fn assigned(facts: &Facts<'_>, catalog: &Catalog) -> Vec<ProtectedColumn> {
    let writes = facts.writes.iter().filter(|write| write.verb != Verb::Delete);
    let mut assigned = Vec::new();
    for write in writes {
        for relation in resolve::candidates(write.relation, catalog) {
            let given = |column: &&Column| {
                write.columns.as_ref().is_none_or(|columns| columns.contains(&&*column.name))
            };
            let columns = relation.columns.iter().filter(given);
            assigned.extend(columns.filter_map(|column| resolve::protected_named(relation, &column.name)));
        }
    }
    assigned
}

/// Protected columns that COPY fills. `columns`: those that it names, else all.
pub(in crate::understand) fn copied(relation: &Relation, columns: &[&str]) -> Vec<ProtectedColumn> {
    let listed = |column: &&Column| columns.is_empty() || columns.contains(&&*column.name);
    let columns = relation.columns.iter().filter(listed);
    columns.filter_map(|column| resolve::protected_named(relation, &column.name)).collect()
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
