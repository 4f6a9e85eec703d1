//! Labels that go from one relation to another: by configuration, inheritance, foreign keys, generated
//! columns and views.

use std::{collections::HashMap, sync::Arc};

use connect_core::catalog::{Catalog, FIRST_NORMAL_OID, Oid, Relation, RelationKind, ViewReading};
use connect_shared::label::Label;

use super::{
    overrides::{LabelOverrides, Override},
    read::{ColumnKey, Reading},
};

/// Chains of inheritance and foreign keys that are followed; longer ones end unlabelled only if nothing on
/// the way says otherwise by name or content.
const ROUNDS: usize = 16;

/// Views over functions over views that are followed; what is deeper counts as not understood.
const CODE_ROUNDS: usize = 8;

/// Completes the labels of a snapshot.
pub(super) fn settle(catalog: &mut Catalog, reading: &Reading, overrides: &LabelOverrides) {
    apply(catalog, overrides);
    for _ in 0..ROUNDS {
        let partitions = to_children(catalog, reading);
        let parents = to_parents(catalog);
        let repeated = to_repeated(catalog, reading);
        if !(partitions || parents || repeated) {
            break;
        }
    }
    apply(catalog, overrides);
    settle_views(catalog, &reading.definitions());
    apply(catalog, overrides);
    // What views show decides which code is harmless, and that in turn which views are understood.
    for _ in 0..CODE_ROUNDS {
        if !connect_core::understand::settle_code(catalog) {
            break;
        }
        settle_views(catalog, &reading.definitions());
        apply(catalog, overrides);
    }
    register_views(catalog, overrides);
}

/// What the configuration says.
fn apply(catalog: &mut Catalog, overrides: &LabelOverrides) {
    if overrides.is_empty() {
        return;
    }
    let mut wanted = Vec::new();
    for relation in catalog.relations.values().filter(|relation| !relation.is_system()) {
        for column in &relation.columns {
            let label = match overrides.of(&relation.schema, &relation.name, &column.name) {
                Some(Override::Clear) => None,
                Some(Override::Label(label)) => Some(label),
                None => continue,
            };
            if column.label != label || column.cleared != label.is_none() {
                wanted.push(((relation.oid, column.number), label));
            }
        }
    }
    for (key, label) in wanted {
        set(catalog, key, label);
        let relation = catalog.relation_mut(key.0);
        let column = relation.and_then(|r| r.columns.iter_mut().find(|column| column.number == key.1));
        if let Some(column) = column {
            column.cleared = label.is_none();
        }
    }
}

/// A view whose every column is in the configuration is as the configuration says, computed or not.
fn register_views(catalog: &mut Catalog, overrides: &LabelOverrides) {
    if overrides.is_empty() {
        return;
    }
    let is_registered = |view: &Relation| {
        let registered = |column: &str| overrides.of(&view.schema, &view.name, column).is_some();
        !view.columns.is_empty() && view.columns.iter().all(|column| registered(&column.name))
    };
    let computed = catalog.relations.values().filter(|view| view.view == ViewReading::Computed);
    let registered: Vec<Oid> = computed.filter(|view| is_registered(view)).map(|view| view.oid).collect();
    for view in registered {
        if let Some(view) = catalog.relation_mut(view) {
            view.view = ViewReading::Projection;
        }
    }
}

/// Until nothing changes, so that a view over views is as protected as what is under them, in whatever
/// order they are analysed.
fn settle_views(catalog: &mut Catalog, definitions: &HashMap<Oid, Arc<str>>) {
    let undefined: Vec<Oid> = views_without(catalog, definitions).collect();
    for oid in undefined {
        if let Some(view) = catalog.relation_mut(oid) {
            view.view = ViewReading::Computed;
        }
    }
    let mut before = protection_of_views(catalog, definitions);
    for _ in 0..=definitions.len() {
        connect_core::understand::settle_views(catalog, definitions);
        let after = protection_of_views(catalog, definitions);
        if after == before {
            break;
        }
        before = after;
    }
}

/// Nothing is known of what a view without a definition does.
fn views_without<'c>(
    catalog: &'c Catalog,
    definitions: &'c HashMap<Oid, Arc<str>>,
) -> impl Iterator<Item = Oid> + 'c {
    let views = catalog.relations.values().filter(|relation| {
        matches!(relation.kind, RelationKind::View | RelationKind::MaterializedView)
            && relation.oid.0 >= FIRST_NORMAL_OID
    });
    views.map(|view| view.oid).filter(|oid| !definitions.contains_key(oid))
}

fn protection_of_views(
    catalog: &Catalog,
    definitions: &HashMap<Oid, Arc<str>>,
) -> HashMap<Oid, (ViewReading, Vec<Option<Label>>)> {
    let views = definitions.keys().filter_map(|oid| catalog.relations.get(oid));
    let labels = |view: &Relation| view.columns.iter().map(|column| column.label).collect();
    views.map(|view| (view.oid, (view.view, labels(view)))).collect()
}

/// Columns of children have the names of their parents' columns, not always their numbers.
fn children(catalog: &Catalog) -> Vec<(ColumnKey, ColumnKey)> {
    let mut pairs = Vec::new();
    for parent in catalog.relations.values() {
        for child in parent.children.iter().filter_map(|oid| catalog.relations.get(oid)) {
            for column in &parent.columns {
                let same = child.columns.iter().find(|other| other.name == column.name);
                pairs.extend(same.map(|own| ((parent.oid, column.number), (child.oid, own.number))));
            }
        }
    }
    pairs
}

fn label(catalog: &Catalog, key: ColumnKey) -> Option<Label> {
    catalog.relations.get(&key.0)?.column(key.1)?.label
}

/// Sets a label; tells whether it is news.
fn set(catalog: &mut Catalog, key: ColumnKey, label: Option<Label>) -> bool {
    let known = catalog.relation(key.0).and_then(|relation| relation.column(key.1));
    if known.is_none_or(|column| column.label == label) {
        return false;
    }
    let relation = catalog.relation_mut(key.0);
    let column = relation.and_then(|r| r.columns.iter_mut().find(|column| column.number == key.1));
    column.is_some_and(|column| std::mem::replace(&mut column.label, label) != label)
}

/// A label that a scan or a name has found.
fn is_found(label: Option<Label>) -> bool {
    label.is_some_and(|label| label != Label::Unscanned)
}

/// Partitions have what their parent has: it was sampled for them. Other children add to it.
fn to_children(catalog: &mut Catalog, reading: &Reading) -> bool {
    let mut news = false;
    for (parent, child) in children(catalog) {
        let (above, own) = (label(catalog, parent), label(catalog, child));
        let partition = reading.facts.get(&child.0).is_some_and(|facts| facts.partition);
        let inherits =
            if partition { !is_found(own) && above != own } else { !is_found(own) && is_found(above) };
        news |= inherits && set(catalog, child, above);
    }
    news
}

/// Reading a parent reads its children.
fn to_parents(catalog: &mut Catalog) -> bool {
    let mut news = false;
    for (parent, child) in children(catalog) {
        let (above, own) = (label(catalog, parent), label(catalog, child));
        news |= !is_found(above) && is_found(own) && set(catalog, parent, own);
    }
    news
}

/// Foreign keys repeat what they reference; generated columns are made of others.
fn to_repeated(catalog: &mut Catalog, reading: &Reading) -> bool {
    let mut news = false;
    for (own, other) in &reading.same_values {
        let (here, there) = (label(catalog, *own), label(catalog, *other));
        news |= !is_found(here) && is_found(there) && set(catalog, *own, there);
    }
    news
}
