//! Names in commands, and what they may mean.

use pg_query::{
    NodeEnum,
    protobuf::{List, Node, RangeVar},
};

use crate::{
    catalog::{Catalog, Relation},
    understand::{
        resolve,
        walk::{text, texts},
    },
};

/// `schema.name`, as written.
pub(super) fn written(relation: &RangeVar) -> String {
    match relation.schemaname.as_str() {
        "" => relation.relname.clone(),
        schema => format!("{schema}.{}", relation.relname),
    }
}

/// Names for the record: of every relation that it may mean, else as written.
pub(super) fn recorded(relation: Option<&RangeVar>, catalog: &Catalog) -> Vec<String> {
    let Some(relation) = relation else { return Vec::new() };
    let found = resolve::candidates(relation, catalog);
    if found.is_empty() {
        return vec![written(relation)];
    }
    found.into_iter().map(Relation::qualified_name).collect()
}

/// The first protected relation that a name may mean.
pub(super) fn protected<'c>(relation: Option<&RangeVar>, catalog: &'c Catalog) -> Option<&'c Relation> {
    resolve::candidates(relation?, catalog).into_iter().find(|relation| relation.is_protected())
}

/// Whether nothing in the catalog has the name: not even an index or a type.
pub(super) fn is_unknown(relation: &RangeVar, catalog: &Catalog) -> bool {
    !catalog.by_name.contains_key(relation.relname.as_str())
}

/// A dotted name in a list of names, as relations are dropped and commented on.
pub(super) fn listed(node: &Node) -> Option<(Option<&str>, &str)> {
    let parts = match &node.node {
        Some(NodeEnum::List(List { items })) => texts(items),
        Some(NodeEnum::String(_)) => vec![text(node)?],
        _ => return None,
    };
    match parts.as_slice() {
        [name] => Some((None, name)),
        [.., schema, name] => Some((Some(schema), name)),
        [] => None,
    }
}
