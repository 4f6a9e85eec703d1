//! Views that compute with protected columns: which of their columns are derived from some. The binder says so,
//! and only where it understands all of a definition.

use connect_shared::label::Label;
use std::collections::HashSet;

use pg_query::{NodeEnum, protobuf::Node};

use super::Shown;
use crate::{
    catalog::{Catalog, Column, FIRST_NORMAL_OID},
    lineage::{ColumnId, OutputKind, Status},
    mask::shows_equality,
    session::{SearchPath, Session},
    understand::{
        bind::bind_node,
        facts::{Facts, Place},
        query::{self, atom::may_be_looked_up},
        resolve::Resolved,
    },
};

/// The columns that show a protected one or are derived from some; `None` where the view as a whole cannot be
/// shown: it does what no statement may do, or its rows depend on values that nobody may ask for.
pub(super) fn columns(node: &Node, facts: &Facts<'_>, catalog: &Catalog) -> Option<Vec<Shown>> {
    query::judge_masked(facts, catalog).ok()?;
    let node: &NodeEnum = node.node.as_ref()?;
    let lineage = bind_node(node, catalog, &definitions());
    let [output] = lineage.outputs.as_slice() else { return None };
    if lineage.status != Status::Complete || output.kind != OutputKind::Result {
        return None;
    }
    let grouped = only_grouped(facts, catalog)?;
    let decides = |id: &&ColumnId| !grouped.contains(*id);
    let deciding: Vec<Label> =
        lineage.indirect.iter().filter(decides).filter_map(|id| label(*id, catalog)).collect();
    if !deciding.iter().all(|label| may_be_looked_up(*label)) {
        return None;
    }
    let mut shown = Vec::new();
    for (place, column) in output.columns.iter().enumerate() {
        let unchanged = column.identity.and_then(|id| stored(id, catalog));
        let derived = column.direct.iter().any(|id| label(*id, catalog).is_some()) || !deciding.is_empty();
        match unchanged {
            Some(Column { label, tested_on_write, .. }) => {
                let tested = *tested_on_write;
                shown.extend(label.map(|label| Shown { place, label, tested }));
            }
            // Whether it is computed from what decides as well is not told for each column.
            None if derived => shown.push(Shown { place, label: Label::Confidential, tested: false }),
            None => {}
        }
    }
    Some(shown)
}

/// Protected columns that do nothing to rows but group them, where masks show what is equal: groups tell no
/// more than the masks do.
fn only_grouped(facts: &Facts<'_>, catalog: &Catalog) -> Option<HashSet<ColumnId>> {
    let resolved = Resolved::new(facts, catalog).ok()?.masked();
    let nodes = facts.groups.iter().flat_map(|group| group.list);
    let written: HashSet<i32> = nodes
        .filter_map(|node| match &node.node {
            Some(NodeEnum::ColumnRef(reference)) => Some(reference.location),
            _ => None,
        })
        .collect();
    let (mut grouped, mut otherwise) = (HashSet::new(), HashSet::new());
    for column in facts.columns.iter().filter(|column| column.place == Place::Condition) {
        for read in resolved.read(column).ok()?.protected {
            let id = ColumnId { relation: read.column.relation, number: read.column.number };
            let type_oid = stored(id, catalog).map_or(0, |column| column.type_oid.0);
            // What is hidden of the server's own relations is NULL everywhere: its mask tells of nothing.
            let has_mask = id.relation.0 >= FIRST_NORMAL_OID;
            let shows = has_mask && shows_equality(read.column.label, type_oid);
            let shown = shows && written.contains(&column.location);
            if shown { &mut grouped } else { &mut otherwise }.insert(id);
        }
    }
    Some(&grouped - &otherwise)
}

/// Where definitions are read: every name of theirs is qualified or PostgreSQL's own.
pub(super) fn definitions() -> Session {
    Session::at(SearchPath { schemas: vec!["pg_catalog".into()], creation: None })
}

fn stored(id: ColumnId, catalog: &Catalog) -> Option<&Column> {
    catalog.relation(id.relation)?.column(id.number)
}

fn label(id: ColumnId, catalog: &Catalog) -> Option<Label> {
    stored(id, catalog)?.label
}
