//! COPY of a table: it becomes COPY of a query that reads masks, with the same columns and options.

use std::ops::Range;

use pg_query::protobuf::{CopyStmt, RangeVar};

use super::{
    check,
    edit::Edit,
    source::{self, Wanted},
};
use crate::{
    catalog::{Catalog, ColumnExpression, Relation, RelationKind, quoted},
    mask::MaskKey,
    statement::{ProtectedColumn, Refusal},
    understand::{refusal, tokens::Tokens, walk::texts},
};

/// First server version that copies materialized views.
const MATERIALIZED_VIEWS: u32 = 180_000;

/// The edit of a COPY, and what it masks.
///
/// # Errors
/// The server would not copy the relation, or the command is written in a way that is not known here.
pub(super) fn of(
    copy: &CopyStmt,
    relation: &Relation,
    (text, range): (&str, Range<usize>),
    tokens: &Tokens<'_>,
    catalog: &Catalog,
    key: &MaskKey,
) -> Result<(Edit, Vec<ProtectedColumn>), Refusal> {
    let named = copy.relation.as_ref().ok_or_else(odd)?;
    let columns = columns(relation, &texts(&copy.attlist), catalog)?;
    // Rows of children and partitions are not copied.
    let only = RangeVar { inh: relation.kind != RelationKind::Table, alias: None, ..named.clone() };
    let wanted = Wanted::Named(columns.iter().copied().collect());
    let shown = source::of(relation, (&only, ""), &wanted, &[], catalog, key)?;
    let list: Vec<String> = columns.into_iter().map(quoted).collect();
    let query = format!("SELECT {} FROM {}", list.join(", "), shown.text);
    let mut place = tokens.name(named.location, true).ok_or_else(odd)?;
    if !copy.attlist.is_empty() {
        place.end = tokens.list_behind(place.end).ok_or_else(odd)?;
    }
    let edit = Edit { range: place, text: format!("({query})") };
    check::same_copy(copy, &query, text, range, &edit)?;
    Ok((edit, shown.masked))
}

/// Columns that are copied, in order.
fn columns<'c>(relation: &'c Relation, listed: &[&str], catalog: &Catalog) -> Result<Vec<&'c str>, Refusal> {
    let copies = match relation.kind {
        RelationKind::Table => true,
        RelationKind::MaterializedView => catalog.server_version >= MATERIALIZED_VIEWS,
        _ => false,
    };
    if !copies {
        return Err(refusal::not_reviewed("COPY of a relation that is no table"));
    }
    let free = relation.columns.iter().filter(|column| !is_generated(relation, column.number));
    let free: Vec<&str> = free.map(|column| &*column.name).collect();
    if listed.is_empty() {
        return Ok(free);
    }
    let found: Vec<&str> =
        listed.iter().filter_map(|name| free.iter().find(|free| *free == name)).copied().collect();
    if found.len() == listed.len() { Ok(found) } else { Err(refusal::not_reviewed("a column of COPY")) }
}

fn is_generated(relation: &Relation, number: i16) -> bool {
    relation.details.as_ref().is_some_and(|details| {
        let mut own = details.expressions.iter().filter(|(own, _)| *own == number);
        own.any(|(_, expression)| !matches!(expression, ColumnExpression::Default(_)))
    })
}

fn odd() -> Refusal {
    refusal::not_reviewed("a COPY that is written in an unusual way, of a relation with protected columns")
}
