//! Labels of views, from what their definitions do with protected columns, and of children and parents.

mod again;
mod derived;

use std::{collections::HashMap, sync::Arc};

use connect_shared::{decision::ReasonCode, label::Label};

use pg_query::{
    NodeEnum,
    protobuf::{Node, SelectStmt},
};

pub(crate) use self::again::settle_again;
use super::{facts::Facts, parse, query, resolve::Resolved, value_bearing, walk};
use crate::{
    catalog::{Catalog, Column, Oid, ViewReading},
    statement::{ProtectedColumn, Protection},
};

/// Most rounds until nothing moves any more: the depth of views over views.
const MOST_ROUNDS: usize = 64;

/// Labels the columns of views and materialized views, and those of children and parents by name, until
/// nothing changes. `definitions` are as `pg_get_viewdef` gives them. A view that shows protected columns
/// unchanged gets their labels; what it computes from them is confidential; one that is not understood, or
/// whose rows depend on values that nobody may ask for, counts as computed.
pub fn settle_views(catalog: &mut Catalog, definitions: &HashMap<Oid, Arc<str>>) {
    for _ in 0..MOST_ROUNDS {
        value_bearing::hide(catalog);
        let inherited = inherit(catalog);
        let views: Vec<(Oid, Settled)> =
            definitions.iter().map(|(oid, definition)| (*oid, settle(definition, catalog))).collect();
        let moved = views.into_iter().filter(|(oid, settled)| apply(catalog, *oid, settled)).count();
        if !inherited && moved == 0 {
            return;
        }
    }
    // Not settled: nothing about views is sure.
    for oid in definitions.keys() {
        if let Some(view) = catalog.relation_mut(*oid) {
            view.view = ViewReading::Computed;
        }
    }
}

/// What a definition amounts to.
struct Settled {
    reading: ViewReading,
    /// Columns by place in the view.
    shown: Vec<Shown>,
}

/// A column that shows a protected one, or what is computed from some.
struct Shown {
    place: usize,
    label: Label,
    /// Writing it tests stored values.
    tested: bool,
}

impl Settled {
    const fn of(reading: ViewReading) -> Self {
        Self { reading, shown: Vec::new() }
    }
}

fn settle(definition: &str, catalog: &Catalog) -> Settled {
    let Ok(statements) = parse::statements(definition.trim().trim_end_matches(';')) else {
        return unknown(catalog);
    };
    let node = match statements.as_slice() {
        [only] => only.stmt.as_deref(),
        _ => None,
    };
    match node.map(|node| (node, walk::statement(node))) {
        Some((node, facts)) => judged(node, &facts, catalog),
        None => unknown(catalog),
    }
}

/// Not understood: harmless only where nothing protected is behind it.
fn unknown(catalog: &Catalog) -> Settled {
    Settled::of(if catalog.has_protected() { ViewReading::Computed } else { ViewReading::Untouched })
}

fn judged(node: &Node, facts: &Facts<'_>, catalog: &Catalog) -> Settled {
    match query::judge(facts, Some(node), catalog).map(|judged| judged.protection) {
        Ok(Protection::Untouched | Protection::Introspection) => Settled::of(ViewReading::Untouched),
        Ok(_) => projection(node, facts, catalog),
        Err(_) if catalog.has_protected() || reads_hidden(facts, catalog) => computed(node, facts, catalog),
        // A function of the server's that gives what is hidden, or something like it.
        Err(refusal) if refusal.code == ReasonCode::ValueBearingCatalog => Settled::of(ViewReading::Computed),
        Err(_) => unknown(catalog),
    }
}

/// Whether it reads what is hidden of the server's own relations.
fn reads_hidden(facts: &Facts<'_>, catalog: &Catalog) -> bool {
    Resolved::new(facts, catalog).is_ok_and(|resolved| resolved.reaches_protected())
}

fn computed(node: &Node, facts: &Facts<'_>, catalog: &Catalog) -> Settled {
    match derived::columns(node, facts, catalog) {
        Some(shown) => Settled { reading: ViewReading::Projection, shown },
        None => Settled::of(ViewReading::Computed),
    }
}

/// `pg_get_viewdef` writes every column out, so that places are known.
fn projection(node: &Node, facts: &Facts<'_>, catalog: &Catalog) -> Settled {
    let Some(NodeEnum::SelectStmt(select)) = &node.node else { return Settled::of(ViewReading::Computed) };
    match shown(select, facts, catalog) {
        Some(shown) if shown.is_empty() => Settled::of(ViewReading::Untouched),
        Some(shown) => Settled { reading: ViewReading::Projection, shown },
        None => computed(node, facts, catalog),
    }
}

fn shown(select: &SelectStmt, facts: &Facts<'_>, catalog: &Catalog) -> Option<Vec<Shown>> {
    let resolved = Resolved::new(facts, catalog).ok()?;
    let mut shown = Vec::new();
    for column in &facts.columns {
        let Some(place) = column.target.filter(|_| column.place == super::facts::Place::Plain) else {
            continue;
        };
        let protected = resolved.read(column).ok()?.protected;
        if column.star && !protected.is_empty() {
            return None;
        }
        shown.extend(protected.into_iter().next().map(|protected| {
            let ProtectedColumn { label, .. } = protected.column;
            Shown { place, label, tested: is_tested(catalog, &protected.column) }
        }));
    }
    (shown.iter().all(|shown| shown.place < select.target_list.len())).then_some(shown)
}

/// Whether anything changed. Labels are only ever added: two rules may give a column different ones, and
/// then the first stays.
fn apply(catalog: &mut Catalog, oid: Oid, settled: &Settled) -> bool {
    let Some(view) = catalog.relation_mut(oid) else { return false };
    let mut changed = stricter(view.view, settled.reading);
    if changed {
        view.view = settled.reading;
    }
    for &Shown { place, label, tested } in &settled.shown {
        let Some(shown) = view.columns.get_mut(place) else {
            changed |= view.view != ViewReading::Computed;
            view.view = ViewReading::Computed;
            continue;
        };
        changed |= shown.label.is_none() || (tested && !shown.tested_on_write);
        shown.label.get_or_insert(label);
        shown.tested_on_write |= tested;
    }
    changed
}

fn is_tested(catalog: &Catalog, column: &ProtectedColumn) -> bool {
    let relation = catalog.relations.get(&column.relation);
    relation.and_then(|relation| relation.column(column.number)).is_some_and(|column| column.tested_on_write)
}

const fn rank(reading: ViewReading) -> u8 {
    match reading {
        ViewReading::Untouched => 0,
        ViewReading::Projection => 1,
        ViewReading::Computed => 2,
    }
}

const fn stricter(now: ViewReading, new: ViewReading) -> bool {
    rank(new) > rank(now)
}

/// Gives children and parents each other's labels, by column name.
fn inherit(catalog: &mut Catalog) -> bool {
    let pairs: Vec<(Oid, Oid)> = catalog
        .relations
        .values()
        .flat_map(|parent| parent.children.iter().map(|child| (parent.oid, *child)))
        .collect();
    let mut changed = false;
    for (parent, child) in pairs {
        changed |= share(catalog, parent, child);
        changed |= share(catalog, child, parent);
    }
    changed
}

fn share(catalog: &mut Catalog, from: Oid, to: Oid) -> bool {
    let Some(columns) = catalog.relations.get(&from).map(|relation| relation.columns.clone()) else {
        return false;
    };
    let Some(relation) = catalog.relation_mut(to) else { return false };
    let mut changed = false;
    for own in &mut relation.columns {
        let Some(other) = columns.iter().find(|other| other.name == own.name) else { continue };
        changed |= take(own, other);
    }
    changed
}

fn take(own: &mut Column, other: &Column) -> bool {
    let label = own.label.or(other.label);
    let tested = own.tested_on_write || (label.is_some() && other.tested_on_write);
    let changed = label != own.label || tested != own.tested_on_write;
    own.label = label;
    own.tested_on_write = tested;
    changed
}
