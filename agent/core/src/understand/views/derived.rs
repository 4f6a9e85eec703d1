//! Views that compute with protected columns: which of their columns are derived from some. The binder says so,
//! and only where it understands all of a definition.

use connect_shared::label::Label;
use pg_query::{NodeEnum, protobuf::Node};

use super::Shown;
use crate::{
    catalog::{Catalog, Column},
    lineage::{ColumnId, OutputKind, Status},
    session::{SearchPath, Session},
    understand::{
        bind::bind_node,
        facts::Facts,
        query::{self, atom::may_be_looked_up},
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
    let deciding: Vec<Label> = lineage.indirect.iter().filter_map(|id| label(*id, catalog)).collect();
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

/// Where definitions are read: every name of theirs is qualified or PostgreSQL's own.
fn definitions() -> Session {
    Session::at(SearchPath { schemas: vec!["pg_catalog".into()], creation: None })
}

fn stored(id: ColumnId, catalog: &Catalog) -> Option<&Column> {
    catalog.relation(id.relation)?.column(id.number)
}

fn label(id: ColumnId, catalog: &Catalog) -> Option<Label> {
    stored(id, catalog)?.label
}
