//! Relations some of whose rows whoever asks does not see: a query reads them through a subselect that leaves these
//! out ([`super::masked`]), and nothing else may be done with them.

use connect_shared::decision::ReasonCode;

use super::refusal;
use crate::{
    catalog::{Catalog, Relation, RelationKind},
    lineage::Lineage,
    statement::{Protection, Refusal},
    understand::found::Found,
};

/// Refuses what reaches such a relation: it may be rewritten then.
pub(super) fn kept(found: Found, lineage: &Lineage, catalog: &Catalog) -> Found {
    if !catalog.hides_rows || matches!(found.protection, Protection::Refused(_)) {
        return found;
    }
    let names = found.reads.iter().chain(&found.writes).filter_map(|name| name.split_once('.'));
    let named = names.flat_map(|(schema, name)| catalog.candidates(Some(schema), name));
    let bound = lineage.relations.iter().filter_map(|oid| catalog.relation(*oid));
    let reached: Vec<&Relation> = named.chain(bound).collect();
    match catalog.hidden_behind(reached.into_iter()) {
        Some(relation) => found.refused(hidden(relation)),
        None => found,
    }
}

/// Whether a query that is rewritten can leave the rows of these out.
///
/// # Errors
/// They are behind something that is read as it is.
pub(super) fn check<'c>(
    named: impl Iterator<Item = &'c Relation>,
    catalog: &'c Catalog,
) -> Result<(), Refusal> {
    for relation in named {
        let is_table = matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
        if relation.hidden().is_some() && is_table {
            continue;
        }
        if let Some(behind) = catalog.hidden_behind(std::iter::once(relation)) {
            return Err(hidden(behind));
        }
    }
    Ok(())
}

fn hidden(relation: &Relation) -> Refusal {
    let name = relation.qualified_name();
    let message = format!(
        "some rows of `{name}` are hidden from you, so that it can only be read, and by its own name"
    );
    let hint = format!(
        "Read {name} itself in a query, without views over it; to change it, ask whoever sees all of it."
    );
    refusal::refusal(ReasonCode::HiddenRows, Some(name), message, &hint)
}

/// Rows that a statement leaves out: `schema.table: condition`
#[must_use]
pub fn hidden_rows(lineage: &Lineage, catalog: &Catalog) -> Vec<String> {
    let relations = lineage.relations.iter().filter_map(|oid| catalog.relation(*oid));
    let hidden = relations.filter_map(|relation| {
        let hidden = relation.hidden()?;
        Some(format!("{}: {}", relation.qualified_name(), hidden.when))
    });
    hidden.collect()
}

#[cfg(test)]
mod tests;
