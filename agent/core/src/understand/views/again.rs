//! Views and code once more, for somebody from whom rows are hidden: there is more to protect in that snapshot than
//! in the one that it is made of, which may protect nothing at all.

use std::{collections::HashMap, sync::Arc};

use super::{derived, settle, settle_views};
use crate::{
    catalog::{Catalog, Column, FIRST_NORMAL_OID, Oid, Relation, RelationKind, ViewReading},
    lineage::{Lineage, Status},
    understand::{bind::bind_text, harmless::settle_code, value_bearing::has_hidden},
};

/// Views over functions over views that are followed; what is deeper counts as computed.
const CODE_ROUNDS: usize = 8;

/// Finds out anew what views show and which code is harmless. `before`: the same without anything hidden. What the
/// configuration says of columns and views there stays.
pub(crate) fn settle_again(catalog: &mut Catalog, before: &Catalog) {
    let definitions = definitions(catalog, before);
    let free = free(before, catalog);
    settle_views(catalog, &definitions);
    keep_free(catalog, &free);
    for _ in 0..CODE_ROUNDS {
        if !settle_code(catalog) {
            return;
        }
        settle_views(catalog, &definitions);
        keep_free(catalog, &free);
    }
    if settle_code(catalog) {
        compute(catalog, definitions.keys().copied());
    }
}

/// Of the views that are to be settled; one without any counts as computed.
fn definitions(catalog: &mut Catalog, before: &Catalog) -> HashMap<Oid, Arc<str>> {
    let is_view = |relation: &&Arc<Relation>| {
        matches!(relation.kind, RelationKind::View | RelationKind::MaterializedView)
            && relation.oid.0 >= FIRST_NORMAL_OID
    };
    let (mut known, mut undefined) = (HashMap::new(), Vec::new());
    for view in catalog.relations.values().filter(is_view) {
        let definition = view.details.as_ref().and_then(|details| details.definition.as_ref());
        match definition {
            Some(definition) if is_registered(view, definition, before, catalog) => {}
            Some(definition) => {
                known.insert(view.oid, Arc::clone(definition));
            }
            None => undefined.push(view.oid),
        }
    }
    compute(catalog, undefined.into_iter());
    known
}

fn compute(catalog: &mut Catalog, views: impl Iterator<Item = Oid>) {
    for oid in views {
        if let Some(view) = catalog.relation_mut(oid) {
            view.view = ViewReading::Computed;
        }
    }
}

/// Whether it shows what it does because the configuration says so of each of its columns, and nothing that is hidden
/// now is behind it.
fn is_registered(view: &Relation, definition: &str, before: &Catalog, catalog: &Catalog) -> bool {
    view.view != ViewReading::Computed
        && view.columns.iter().all(|column| column.label.is_some() || column.cleared)
        && settle(definition, before).reading == ViewReading::Computed
        && reads_nothing_hidden(definition, catalog)
}

fn reads_nothing_hidden(definition: &str, catalog: &Catalog) -> bool {
    let bound = bind_text(definition, catalog, &derived::definitions());
    bound.iter().all(|bound| hides_nothing(bound, catalog))
}

fn hides_nothing(bound: &Lineage, catalog: &Catalog) -> bool {
    let relations: Option<Vec<&Relation>> =
        bound.relations.iter().map(|oid| catalog.relation(*oid)).collect();
    bound.status == Status::Complete
        && relations.is_some_and(|relations| {
            !relations.iter().any(|relation| has_hidden(&relation.qualified_name()))
                && catalog.hidden_behind(relations.into_iter()).is_none()
        })
}

/// A relation, and columns of it by number.
type Free = (Oid, Vec<i16>);

/// Columns that the configuration or their reader's rights show, but for those of views with something behind them
/// that is hidden now.
fn free(before: &Catalog, catalog: &Catalog) -> Vec<Free> {
    let relations = before.relations.values().filter_map(|relation| {
        let columns = relation.columns.iter().filter(|column| column.cleared && column.label.is_none());
        let free: Vec<i16> = columns.map(|column| column.number).collect();
        let definition = relation.details.as_ref().and_then(|details| details.definition.as_deref());
        let kept = !free.is_empty() && definition.is_none_or(|text| reads_nothing_hidden(text, catalog));
        kept.then_some((relation.oid, free))
    });
    relations.collect()
}

/// Labels that are taken off stay off: a part or a parent that has one would give it back.
fn keep_free(catalog: &mut Catalog, free: &[Free]) {
    for (oid, numbers) in free {
        let is_free = |column: &Column| column.label.is_some() && numbers.contains(&column.number);
        if !catalog.relation(*oid).is_some_and(|relation| relation.columns.iter().any(is_free)) {
            continue;
        }
        let Some(own) = catalog.relation_mut(*oid) else { continue };
        own.columns.iter_mut().filter(|column| is_free(column)).for_each(|column| column.label = None);
    }
}
