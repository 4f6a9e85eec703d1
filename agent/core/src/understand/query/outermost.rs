//! The outermost level of a query whose output has protected columns: what may not stand beside them,
//! since it would sort, group or compare by the clear values.

use std::collections::HashSet;

use pg_query::{
    NodeEnum,
    protobuf::{Node, SelectStmt, a_const::Val},
};

use crate::{
    statement::{ProtectedColumn, Refusal},
    understand::{
        facts::{ColumnUse, Facts, Place, ScopeId},
        refusal,
        resolve::Resolved,
    },
};

/// Output columns that are protected.
struct Outputs<'a> {
    /// Positions, as far as no star makes them unknown.
    places: Vec<usize>,
    /// First position that is a star.
    star: Option<usize>,
    /// Names under which ORDER BY and GROUP BY find them.
    names: HashSet<&'a str>,
    first: Option<ProtectedColumn>,
    scope: Option<ScopeId>,
}

/// Checks a statement that has protected columns in its output. `asked`: where references stand in
/// conditions that may ask for clear values.
///
/// # Errors
/// Something beside them depends on their values.
pub(super) fn check(
    node: &Node,
    facts: &Facts<'_>,
    resolved: &Resolved<'_, '_>,
    asked: &HashSet<i32>,
) -> Result<(), Refusal> {
    let NodeEnum::SelectStmt(select) = node.node.as_ref().ok_or_else(nothing)? else {
        // RETURNING has none of these.
        return Ok(());
    };
    let outputs = outputs(select, facts, resolved)?;
    let Some(column) = &outputs.first else { return Ok(()) };
    let Some(relation) = resolved.catalog.relations.get(&column.relation) else { return Err(nothing()) };
    if !select.distinct_clause.is_empty() || !select.group_clause.is_empty() || select.having_clause.is_some()
    {
        return Err(refusal::used(column, Place::Condition, relation));
    }
    let by_position = select.sort_clause.iter().any(|node| sorts_by_output(node, &outputs));
    let by_name = facts.columns.iter().any(|column| {
        Some(column.scope) == outputs.scope
            && column.place != Place::Plain
            && !asked.contains(&column.location)
            && names_output(column, &outputs)
    });
    if by_position || by_name {
        return Err(refusal::used(column, Place::Condition, relation));
    }
    Ok(())
}

fn nothing() -> Refusal {
    refusal::not_reviewed("a statement without content")
}

fn outputs<'a>(
    select: &'a SelectStmt,
    facts: &Facts<'a>,
    resolved: &Resolved<'_, '_>,
) -> Result<Outputs<'a>, Refusal> {
    let mut outputs =
        Outputs { places: Vec::new(), star: None, names: HashSet::new(), first: None, scope: None };
    for column in facts.columns.iter().filter(|column| column.place == Place::Plain) {
        let Some(place) = column.target else { continue };
        outputs.scope = Some(column.scope);
        if column.star {
            outputs.star = Some(outputs.star.map_or(place, |star| star.min(place)));
        }
        let Some(protected) = resolved.read(column)?.protected.into_iter().next() else { continue };
        outputs.first.get_or_insert(protected.column);
        outputs.places.push(place);
        outputs.names.extend(column.names.last().filter(|_| !column.star));
        if let Some(NodeEnum::ResTarget(target)) = select.target_list.get(place).and_then(|n| n.node.as_ref())
        {
            outputs.names.extend(Some(target.name.as_str()).filter(|name| !name.is_empty()));
        }
    }
    Ok(outputs)
}

/// `ORDER BY 2`. Behind a star nobody can count here, so any number is refused.
fn sorts_by_output(node: &Node, outputs: &Outputs<'_>) -> bool {
    let Some(NodeEnum::SortBy(sort)) = &node.node else { return true };
    let Some(NodeEnum::AConst(constant)) = sort.node.as_ref().and_then(|node| node.node.as_ref()) else {
        return false;
    };
    let Some(Val::Ival(number)) = &constant.val else { return true };
    let Ok(position) = usize::try_from(number.ival) else { return true };
    let Some(place) = position.checked_sub(1) else { return true };
    outputs.places.contains(&place) || outputs.star.is_some_and(|star| place >= star)
}

fn names_output(column: &ColumnUse<'_>, outputs: &Outputs<'_>) -> bool {
    matches!(column.names.as_slice(), [name] if outputs.names.contains(name))
}
