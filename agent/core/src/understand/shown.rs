//! Which columns with labels a statement reads in clear, for a principal who may see them. Where it is not known
//! for each column, all of a relation count.

use std::collections::BTreeMap;

use crate::{
    catalog::{Catalog, Column, How, Oid, Relation, RelationKind},
    lineage::{Lineage, OutputKind, Status},
    statement::ProtectedColumn,
};

/// `named`: the relations that it reads or writes, by their names.
pub(super) fn columns(lineage: &Lineage, named: [&[String]; 2], catalog: &Catalog) -> Vec<ProtectedColumn> {
    if catalog.shown.is_empty() {
        return Vec::new();
    }
    let mut found = BTreeMap::new();
    // Reads have all of it; what comes out is looked at as well, so that this does not hang on one list alone.
    let returned = lineage.outputs.iter().filter(|output| output.kind == OutputKind::Result);
    let returned = returned.flat_map(|output| &output.columns).flat_map(|column| column.direct.iter());
    for id in lineage.reads.iter().chain(lineage.indirect.iter()).chain(returned) {
        if let Some(relation) = catalog.relation(id.relation) {
            found.extend(relation.column(id.number).and_then(|column| shown(relation, column)));
        }
    }
    // What comes through a view is read of what is behind it, and may be shown by the view's own name.
    let through = lineage.relations.iter().filter_map(|oid| catalog.relation(*oid));
    let views = through.filter(|relation| relation.kind == RelationKind::View);
    let unsure = (lineage.status != Status::Complete)
        .then(|| named.into_iter().flat_map(|names| every(names, catalog)))
        .into_iter()
        .flatten();
    for relation in views.chain(unsure) {
        found.extend(relation.columns.iter().filter_map(|column| shown(relation, column)));
    }
    // Code that nobody sees through, in a session that nobody knows any more, may read whatever its caller may:
    // all that policies show counts, so that they are asked about it.
    if lineage.status != Status::Complete && !catalog.shown.permitted.is_empty() {
        found.extend(catalog.relations.values().flat_map(|relation| permitted(relation)));
    }
    found.into_values().collect()
}

fn permitted(relation: &Relation) -> impl Iterator<Item = ((Oid, i16), ProtectedColumn)> {
    let is_permitted = |column: &&Column| column.seen.is_some_and(|seen| seen.how == How::Permitted);
    relation.columns.iter().filter(is_permitted).filter_map(|column| shown(relation, column))
}

fn every<'c>(reads: &'c [String], catalog: &'c Catalog) -> impl Iterator<Item = &'c Relation> {
    reads.iter().filter_map(|name| name.split_once('.')).flat_map(|(schema, name)| {
        let schema = schema.to_owned();
        catalog.candidates(None, name).filter(move |relation| *relation.schema == *schema)
    })
}

fn shown(relation: &Relation, column: &Column) -> Option<((Oid, i16), ProtectedColumn)> {
    let seen = column.seen.filter(|_| column.is_shown());
    let label = seen?.label;
    let name = format!("{}.{}", relation.qualified_name(), column.name);
    let key = (relation.oid, column.number);
    Some((key, ProtectedColumn { relation: relation.oid, number: column.number, name, label, seen }))
}
