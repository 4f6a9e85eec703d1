//! Parts of definitions: columns, constraints, defaults.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{ColumnDef, ConstrType, Constraint, Node, RangeVar},
};

use crate::{
    catalog::{Catalog, Relation},
    statement::Refusal,
    understand::{
        facts::{Facts, Place},
        query, refusal, resolve, walk,
    },
};

/// Checks a column of a new table, or a new column of `relation`.
///
/// # Errors
/// A part of it runs code or tests protected values.
pub(super) fn column(
    definition: &ColumnDef,
    relation: Option<&RangeVar>,
    catalog: &Catalog,
) -> Result<(), Refusal> {
    code_only(definition.raw_default.as_deref(), catalog)?;
    if !definition.fdwoptions.is_empty() {
        return Err(refusal::not_reviewed("options of a foreign column"));
    }
    for node in &definition.constraints {
        match &node.node {
            Some(NodeEnum::Constraint(part)) => constraint(part, relation, &definition.colname, catalog)?,
            _ => return Err(refusal::not_reviewed("a constraint")),
        }
    }
    Ok(())
}

/// Checks a constraint of a new table, or a new one of `relation`. `own`: the column it belongs to.
///
/// # Errors
/// It runs code or tests protected values.
pub(super) fn constraint(
    constraint: &Constraint,
    relation: Option<&RangeVar>,
    own: &str,
    catalog: &Catalog,
) -> Result<(), Refusal> {
    use ConstrType as C;
    match ConstrType::try_from(constraint.contype) {
        Ok(C::ConstrDefault) => code_only(constraint.raw_expr.as_deref(), catalog),
        Ok(C::ConstrCheck | C::ConstrGenerated) => {
            evaluated(constraint.raw_expr.as_deref(), relation, own, catalog)
        }
        Ok(C::ConstrPrimary | C::ConstrUnique) => keys(constraint, relation, catalog),
        Ok(C::ConstrForeign) => foreign_key(constraint, relation, own, catalog),
        Ok(C::ConstrExclusion) if relation.is_none() || !catalog.has_protected() => Ok(()),
        Ok(C::ConstrExclusion) => Err(refusal::not_reviewed("an exclusion constraint on a table with rows")),
        Ok(C::Undefined) | Err(_) => Err(refusal::not_reviewed("a constraint")),
        // NULL, NOT NULL, IDENTITY and attributes of the constraint before them.
        Ok(_) => Ok(()),
    }
}

/// An expression that no row is given to: only what it calls matters.
pub(super) fn code_only(expression: Option<&Node>, catalog: &Catalog) -> Result<(), Refusal> {
    let facts = walk::expressions(expression, None, Place::Condition);
    query::check_code(&facts, catalog)
}

/// An expression that is evaluated for each row, now and at each write.
fn evaluated(
    expression: Option<&Node>,
    relation: Option<&RangeVar>,
    own: &str,
    catalog: &Catalog,
) -> Result<(), Refusal> {
    let Some(relation) = relation.filter(|relation| !resolve::candidates(relation, catalog).is_empty())
    else {
        return code_only(expression, catalog);
    };
    let facts = walk::expressions(expression, Some(relation), Place::Condition);
    judge_new(facts, own, catalog)
}

/// Judges, with the column that is only being made taken as known.
fn judge_new<'a>(mut facts: Facts<'a>, own: &'a str, catalog: &Catalog) -> Result<(), Refusal> {
    if let Some(scope) = facts.scopes.first_mut() {
        scope.outputs.push(own);
    }
    query::judge(&facts, None, catalog).map(|_| ())
}

fn keys(constraint: &Constraint, relation: Option<&RangeVar>, catalog: &Catalog) -> Result<(), Refusal> {
    let Some(relation) = relation else { return Ok(()) };
    let columns = walk::texts(&constraint.keys);
    for relation in resolve::candidates(relation, catalog) {
        // USING INDEX names no columns.
        if columns.is_empty() && !constraint.indexname.is_empty() && relation.is_protected() {
            return Err(tests(&relation.qualified_name(), relation));
        }
        if let Some(column) = columns.iter().find_map(|name| resolve::protected_named(relation, name)) {
            return Err(tests(&column.name, relation));
        }
    }
    Ok(())
}

fn foreign_key(
    constraint: &Constraint,
    relation: Option<&RangeVar>,
    own: &str,
    catalog: &Catalog,
) -> Result<(), Refusal> {
    let mut own_columns = walk::texts(&constraint.fk_attrs);
    own_columns.push(own);
    for relation in relation.into_iter().flat_map(|name| resolve::candidates(name, catalog)) {
        if let Some(column) = own_columns.iter().find_map(|name| resolve::protected_named(relation, name)) {
            return Err(tests(&column.name, relation));
        }
    }
    let referenced = walk::texts(&constraint.pk_attrs);
    for relation in constraint.pktable.iter().flat_map(|name| resolve::candidates(name, catalog)) {
        let hit = relation.columns.iter().find(|column| {
            // Without a list it is the primary key, which is one of the tested columns.
            let named = referenced.contains(&&*column.name);
            column.label.is_some() && (named || (referenced.is_empty() && column.tested_on_write))
        });
        if let Some(column) = hit {
            return Err(tests(&format!("{}.{}", relation.qualified_name(), column.name), relation));
        }
    }
    Ok(())
}

fn tests(object: &str, relation: &Relation) -> Refusal {
    let message = format!("this constraint would test stored values of `{object}`, which is protected");
    refusal::refusal(
        ReasonCode::ProtectedProbe,
        Some(object.to_owned()),
        message,
        &refusal::unprotected(relation),
    )
}
