//! Relations some of whose rows whoever asks does not see: a query reads them through a subselect that leaves these
//! out ([`super::masked`]), and nothing else may be done with them.

use connect_shared::decision::ReasonCode;

use super::refusal;
use crate::{
    catalog::{Catalog, FIRST_NORMAL_OID, Relation, RelationKind},
    lineage::{Lineage, Status},
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
        None => match understood(lineage, catalog) {
            Ok(()) => found,
            Err(refusal) => found.refused(refusal),
        },
    }
}

/// What a view of the users reads must be known for certain.
///
/// # Errors
/// There is one, and not all of the statement is understood.
pub(super) fn understood(lineage: &Lineage, catalog: &Catalog) -> Result<(), Refusal> {
    if !catalog.hides_rows || lineage.status == Status::Complete {
        return Ok(());
    }
    let mut relations = lineage.relations.iter().filter_map(|oid| catalog.relation(*oid));
    let view =
        relations.find(|relation| relation.kind == RelationKind::View && relation.oid.0 >= FIRST_NORMAL_OID);
    view.map_or(Ok(()), |view| {
        let name = view.qualified_name();
        let message = format!("it is not certain that `{name}` reads nothing that is hidden from you");
        let hint = "Read the tables themselves, without views over them.";
        Err(refusal::refusal(ReasonCode::HiddenRows, Some(name), message, hint))
    })
}

/// Whether a query that is rewritten can leave the rows of these out.
///
/// # Errors
/// They are behind something that is read as it is, or are others than those of a part that is read with it.
pub(super) fn check<'c>(
    named: impl Iterator<Item = &'c Relation>,
    catalog: &'c Catalog,
) -> Result<(), Refusal> {
    for relation in named {
        let is_table = matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
        if relation.hidden().is_some() && is_table {
            match catalog.hidden_otherwise(relation) {
                Some(part) => return Err(hidden_in_part(relation, &part)),
                None => continue,
            }
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

fn hidden_in_part(relation: &Relation, part: &str) -> Refusal {
    let name = relation.qualified_name();
    let message =
        format!("other rows of `{part}` are hidden from you than of `{name}`, which is read with it");
    let hint = format!("Read the parts of {name} one by one, each by its own name.");
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
