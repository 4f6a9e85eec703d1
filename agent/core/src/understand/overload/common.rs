//! The one type of UNION, CASE, COALESCE, VALUES, IN, GREATEST …: the manual's section 10.5.

use super::{
    Failure, UNKNOWN, coerce,
    types::{self, base_type},
};
use crate::catalog::{Catalog, Oid};

/// `text`
pub(super) const TEXT: Oid = Oid(25);

/// The type that values of all these types are brought to. Order counts: for CASE, ELSE comes first; for IN,
/// the left side does. UNION goes two by two.
///
/// # Errors
/// [`Failure::Unknown`] if one is not known, [`Failure::Missing`] if there is no such type.
pub fn common_type(catalog: &Catalog, given: &[Oid]) -> Result<Oid, Failure> {
    if given.iter().any(|oid| !types::is_known(catalog, *oid)) {
        return Err(Failure::Unknown);
    }
    let common = select(catalog, given).ok_or(Failure::Missing)?;
    if given.iter().all(|oid| coerce::can_coerce(catalog, *oid, common)) {
        Ok(common)
    } else {
        Err(Failure::Missing)
    }
}

/// The choice itself; whether everything can be brought to it is another question.
pub(super) fn select(catalog: &Catalog, given: &[Oid]) -> Option<Oid> {
    let first = *given.first()?;
    if first != UNKNOWN && given.iter().all(|oid| *oid == first) {
        return Some(first);
    }
    let mut chosen = base_type(catalog, first);
    for oid in given {
        let next = base_type(catalog, *oid);
        if next == UNKNOWN || next == chosen {
            continue;
        }
        if chosen == UNKNOWN {
            chosen = next;
            continue;
        }
        let (category, preferred) = types::category_and_preferred(catalog, chosen);
        if types::category(catalog, next) != category {
            return None;
        }
        let forth = || coerce::can_coerce(catalog, chosen, next);
        let back = || coerce::can_coerce(catalog, next, chosen);
        if !preferred && forth() && !back() {
            chosen = next;
        }
    }
    Some(if chosen == UNKNOWN { TEXT } else { chosen })
}
