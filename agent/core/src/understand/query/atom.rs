//! Atoms: the conditions that may ask for a clear value. A bare column of a class whose values are known to
//! whoever looks for them (an address, a number to call), under `=`, IN or IS NOT DISTINCT FROM with constants
//! or parameters; and IS NULL of any column, since masks keep NULL.
//!
//! Such a condition goes to the server as it is written: it tells nothing but whether rows have the values that
//! were given, wherever in a condition it stands. Each value counts: whoever could ask about any number of them
//! could list what is stored.

use std::collections::HashMap;

use connect_shared::{decision::ReasonCode, label::Label};
use pg_query::{NodeEnum, protobuf::a_const::Val};

use crate::{
    budget::LOOKUPS,
    catalog::{Catalog, Column, code::TypeKind},
    mask::types,
    statement::Refusal,
    understand::{
        facts::{ColumnUse, Facts},
        overload, refusal,
        resolve::MayRead,
    },
};

/// Most values in one statement: nobody may have more in an hour.
const MOST: usize = LOOKUPS as usize;

/// What a reference is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Atom {
    /// Whether it is one of so many values.
    Values(u32),
    /// Whether it is NULL.
    Null,
}

/// Whether one may ask for the rows of a value of this class.
pub(in crate::understand) const fn may_be_looked_up(label: Label) -> bool {
    matches!(label, Label::Email | Label::Phone)
}

/// Whether a statement may look up so many.
///
/// # Errors
/// They are more than anybody may have.
pub(in crate::understand) fn check_count(lookups: usize) -> Result<(), Refusal> {
    if lookups <= MOST {
        return Ok(());
    }
    let message = format!("a statement may look up {MOST} protected values");
    let hint = "Look up fewer values at once, or search by a free column.";
    Err(refusal::refusal(ReasonCode::LookupBudget, None, message, hint))
}

/// The type that constants beside such a column are taken for, and its name: a text beside a varchar.
pub(in crate::understand) fn compared_as(column: &Column, catalog: &Catalog) -> Option<(u32, &'static str)> {
    match overload::base_type(catalog, column.type_oid).0 {
        types::TEXT | types::VARCHAR => Some((types::TEXT, "text")),
        types::BPCHAR => Some((types::BPCHAR, "bpchar")),
        _ => None,
    }
}

/// The atoms of a statement, by where their references begin.
pub(super) fn atoms(facts: &Facts<'_>) -> HashMap<i32, Atom> {
    let nulls = facts.null_tests.iter().map(|location| (*location, Atom::Null));
    let values = facts.comparisons.iter().filter_map(|comparison| {
        let all = comparison.constants.iter().all(|constant| is_text(constant));
        let count = u32::try_from(comparison.constants.len()).ok()?;
        all.then_some((comparison.column, Atom::Values(count)))
    });
    nulls.chain(values).collect()
}

/// How many clear values a reference asks for, if it stands in an atom whatever column it means.
pub(super) fn asked(
    column: &ColumnUse<'_>,
    means: &[MayRead],
    atoms: &HashMap<i32, Atom>,
    catalog: &Catalog,
) -> Option<u32> {
    let atom = *atoms.get(&column.location).filter(|_| column.location >= 0 && !column.star)?;
    let permits = |read: &MayRead| {
        let relation = catalog.relation(read.column.relation);
        let column = relation.and_then(|relation| relation.column(read.column.number));
        column.is_some_and(|column| match atom {
            Atom::Values(_) => {
                may_be_looked_up(read.column.label)
                    && compared_as(column, catalog).is_some()
                    && has_plain_collation(column)
            }
            Atom::Null => is_null_or_not(column, catalog),
        })
    };
    means.iter().all(permits).then_some(match atom {
        Atom::Values(count) => count,
        Atom::Null => 0,
    })
}

/// A text that is written out, or a parameter.
fn is_text(constant: &NodeEnum) -> bool {
    match constant {
        NodeEnum::AConst(constant) => matches!(constant.val, Some(Val::Sval(_))),
        NodeEnum::ParamRef(parameter) => parameter.number > 0,
        _ => false,
    }
}

/// Under PostgreSQL's own collations equal means the same bytes; of others that is not known here.
fn has_plain_collation(column: &Column) -> bool {
    column.collation.as_ref().is_none_or(|collation| &*collation.0 == "pg_catalog")
}

/// A row is also NULL where all its fields are, which its mask need not keep.
fn is_null_or_not(column: &Column, catalog: &Catalog) -> bool {
    let base = overload::base_type(catalog, column.type_oid);
    catalog.code.types.get(&base).is_some_and(|known| !matches!(known.kind, TypeKind::Composite(_)))
}
