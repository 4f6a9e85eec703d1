//! Lookups: a column compared for equality with a constant or parameter finds the rows of that value, though
//! the statement sees masks only. Both sides are masked then: equal values have equal masks.
//!
//! Only for labels whose values are known to whoever looks for them (an address, a number to call), and for
//! a bare column under `=`, IN or IS NOT DISTINCT FROM. Each constant counts: whoever could ask about any
//! number of values could list them. Every other comparison is with the mask.

use connect_shared::label::Label;
use pg_query::{NodeEnum, protobuf::a_const::Val};

use super::source::modifier;
use crate::{
    catalog::{Catalog, Column, Oid},
    mask::{MaskKey, sql, types},
    understand::{bind::Names, facts::Facts, overload},
};

/// A constant or parameter that is compared with a protected column.
pub(super) struct Lookup<'a> {
    pub(super) constant: &'a NodeEnum,
    /// Its mask, with the constant itself in it.
    pub(super) text: String,
}

/// Whether one may ask for the rows of a value of this class.
const fn may_be_looked_up(label: Label) -> bool {
    matches!(label, Label::Email | Label::Phone)
}

/// The comparisons of a statement that are lookups.
pub(super) fn lookups<'a>(
    facts: &Facts<'a>,
    names: &Names,
    catalog: &Catalog,
    key: &MaskKey,
) -> Vec<Lookup<'a>> {
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
        }
    }
    lookups
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
    // A parameter is taken for what the server would take it for: a text beside a varchar.
    let (type_oid, name) = match overload::base_type(catalog, column.type_oid).0 {
        types::TEXT | types::VARCHAR => (types::TEXT, "text"),
        types::BPCHAR => (types::BPCHAR, "bpchar"),
        _ => return None,
    };
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
