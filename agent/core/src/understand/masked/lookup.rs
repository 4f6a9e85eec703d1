//! Lookups ([`crate::understand::query::atom`]) in a statement that is rewritten: both sides are masked, and
//! equal values have equal masks. Every other comparison is with the mask.

use connect_shared::label::Label;
use pg_query::{NodeEnum, protobuf::a_const::Val};

use super::{
    Named,
    source::{INNER, modifier},
};
use crate::{
    catalog::{Catalog, Column, Oid, quoted},
    mask::{MaskKey, sql},
    statement::Refusal,
    understand::{
        bind::Names,
        facts::{Comparison, Facts},
        query::atom::{self, may_be_looked_up},
    },
};

/// A constant or parameter that is compared with a protected column.
pub(super) struct Lookup<'a> {
    pub(super) constant: &'a NodeEnum,
    /// Its mask, with the constant itself in it.
    pub(super) text: String,
}

/// The comparisons of a statement that are lookups.
///
/// # Errors
/// They are more than anybody may have.
pub(super) fn lookups<'a>(
    facts: &Facts<'a>,
    names: &Names,
    catalog: &Catalog,
    key: &MaskKey,
) -> Result<Vec<Lookup<'a>>, Refusal> {
    let mut lookups = Vec::new();
    for comparison in &facts.comparisons {
        let Some(Some(id)) = names.columns.get(&comparison.column) else { continue };
        let column = catalog.relation(id.relation).and_then(|relation| relation.column(id.number));
        let Some(column) = column else { continue };
        let Some(label) = column.label.filter(|label| may_be_looked_up(*label)) else { continue };
        for constant in &comparison.constants {
            if let Some(text) = masked(column, label, constant, catalog, key) {
                lookups.push(Lookup { constant, text });
            }
            atom::check_count(lookups.len())?;
        }
    }
    Ok(lookups)
}

/// Conditions on the stored values of a relation that lookups imply: with them the server finds the rows by an
/// index, and makes masks of these only.
pub(super) fn implied(
    facts: &Facts<'_>,
    names: &Names,
    named: &Named<'_, '_>,
    catalog: &Catalog,
) -> Vec<String> {
    let scope = facts.scope(named.scope);
    if scope.is_none_or(|scope| scope.outer_join || scope.join_alias) {
        return Vec::new();
    }
    let own = |comparison: &&Comparison<'_>| {
        comparison.required
            && !comparison.null_is_equal
            && comparison.scope == named.scope
            && match comparison.names.as_slice() {
                [_] => true,
                [item, _] => *item == named.item.name,
                _ => false,
            }
    };
    facts
        .comparisons
        .iter()
        .filter(own)
        .filter_map(|comparison| implied_by(comparison, names, named, catalog))
        .collect()
}

fn implied_by(
    comparison: &Comparison<'_>,
    names: &Names,
    named: &Named<'_, '_>,
    catalog: &Catalog,
) -> Option<String> {
    let id = (*names.columns.get(&comparison.column)?)?;
    let column = named.relation.column(id.number).filter(|_| id.relation == named.relation.oid)?;
    column.label.filter(|label| may_be_looked_up(*label))?;
    let (_, name) = atom::compared_as(column, catalog)?;
    let values: Option<Vec<String>> = comparison.constants.iter().map(|constant| written(constant)).collect();
    let values: Vec<String> =
        values?.into_iter().map(|value| format!("CAST({value} AS pg_catalog.{name})")).collect();
    let reference = format!("{INNER}.{}", quoted(&column.name));
    Some(format!("({reference} OPERATOR(pg_catalog.=) ANY (ARRAY[{}]))", values.join(", ")))
}

/// The mask of a constant, as a value of the column would have it.
fn masked(
    column: &Column,
    label: Label,
    constant: &NodeEnum,
    catalog: &Catalog,
    key: &MaskKey,
) -> Option<String> {
    let written = written(constant)?;
    let (type_oid, name) = atom::compared_as(column, catalog)?;
    let reference = format!("CAST({written} AS pg_catalog.{name})");
    let modifier = modifier(column, catalog).0;
    let column =
        sql::Column { label, type_oid: Oid(type_oid), modifier, collation: None, reference: &reference };
    Some(format!("({})", sql::expression(catalog, key, &column)))
}

/// A constant as it may stand anywhere.
fn written(constant: &NodeEnum) -> Option<String> {
    match constant {
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            // What a backslash means is a setting's business.
            Val::Sval(text) if !text.sval.contains('\\') => {
                Some(format!("'{}'", text.sval.replace('\'', "''")))
            }
            _ => None,
        },
        NodeEnum::ParamRef(parameter) if parameter.number > 0 => Some(format!("${}", parameter.number)),
        _ => None,
    }
}
