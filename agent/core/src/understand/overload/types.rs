//! Small questions about types, and names of types.

use super::{ANY, NOT_KNOWN, RECORD, UNKNOWN, candidates::Place};
use crate::{
    catalog::{
        Catalog, Oid,
        code::{Type, TypeKind},
    },
    session::SearchPath,
};

/// `TYPCATEGORY_STRING`
pub(super) const STRING: u8 = b'S';
/// `TYPCATEGORY_INVALID`
const INVALID: u8 = 0;
/// Domains over domains are followed so far; the server's own depth is bounded by its stack.
const DEEPEST_DOMAIN: usize = 64;
/// `oidvector` and `int2vector`: arrays that no array is converted to.
pub(super) const VECTORS: [Oid; 2] = [Oid(30), Oid(22)];

/// Whether the snapshot has this type.
pub(super) fn is_known(catalog: &Catalog, oid: Oid) -> bool {
    oid != NOT_KNOWN
        && (oid == UNKNOWN || oid == ANY || oid == RECORD || catalog.code.types.contains_key(&oid))
}

fn kind(catalog: &Catalog, oid: Oid) -> Option<TypeKind> {
    catalog.code.types.get(&oid).map(|found| found.kind)
}

/// The type under a domain, and under that one if it is a domain too; other types are their own.
#[must_use]
pub fn base_type(catalog: &Catalog, oid: Oid) -> Oid {
    let mut base = oid;
    for _ in 0..DEEPEST_DOMAIN {
        match kind(catalog, base) {
            Some(TypeKind::Domain(under)) => base = under,
            _ => return base,
        }
    }
    base
}

/// Type of the elements of a true array; domains are not looked through.
#[must_use]
pub fn element_type(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    valid(catalog.code.types.get(&oid)?.element)
}

/// Type of the elements of an array or a domain over one.
#[must_use]
pub fn base_element_type(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    element_type(catalog, base_type(catalog, oid))
}

/// Type of the values that subscripts give, of arrays and their likes (`point`, `name`, `int2vector`).
#[must_use]
pub fn subscript_type(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    valid(catalog.code.types.get(&base_type(catalog, oid))?.subscript)
}

/// The type of arrays of `oid`.
#[must_use]
pub fn array_type(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    valid(catalog.code.types.get(&oid)?.array)
}

/// The relation of a row type or of a domain over one.
#[must_use]
pub fn row_relation(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    match kind(catalog, base_type(catalog, oid))? {
        TypeKind::Composite(relation) => Some(relation),
        _ => None,
    }
}

/// The relation of a row type itself.
pub(super) fn own_relation(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    match kind(catalog, oid)? {
        TypeKind::Composite(relation) => Some(relation),
        _ => None,
    }
}

/// Subtype of a range type.
pub(super) fn range_subtype(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    match kind(catalog, oid)? {
        TypeKind::Range(subtype) => Some(subtype),
        _ => None,
    }
}

/// Range type of a multirange type.
pub(super) fn multirange_range(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    match kind(catalog, oid)? {
        TypeKind::Multirange(range) => Some(range),
        _ => None,
    }
}

/// Multirange type of a range type. Rare enough to look through all types.
pub(super) fn range_multirange(catalog: &Catalog, range: Oid) -> Option<Oid> {
    let is_it = |found: &&Type| found.kind == TypeKind::Multirange(range);
    catalog.code.types.values().find(is_it).map(|found| found.oid)
}

pub(super) fn is_enum(catalog: &Catalog, oid: Oid) -> bool {
    kind(catalog, oid) == Some(TypeKind::Enum)
}

/// `typcategory`; 0 for a type that the snapshot does not have.
#[must_use]
pub fn category(catalog: &Catalog, oid: Oid) -> u8 {
    category_and_preferred(catalog, oid).0
}

/// `typcategory` and `typispreferred`
pub(super) fn category_and_preferred(catalog: &Catalog, oid: Oid) -> (u8, bool) {
    catalog.code.types.get(&oid).map_or((INVALID, false), |found| (found.category, found.preferred))
}

/// The type that a name stands for: unqualified ones along the whole path, temporary row types included.
/// `array` asks for the arrays of it. Names are as the parser gives them: `pg_catalog.int4` for `int`.
#[must_use]
pub fn type_named(catalog: &Catalog, path: &SearchPath, names: &[&str], array: bool) -> Option<Oid> {
    let place = Place::with_temporary(path, names)?;
    let found = first(catalog, &place)?;
    if array { valid(found.array) } else { Some(found.oid) }
}

/// The type that a function call's name may stand for: no row type, and none of the temporary schema
/// unless it is written.
pub(super) fn cast_target(catalog: &Catalog, path: &SearchPath, names: &[&str]) -> Option<Oid> {
    let place = Place::new(path, names)?;
    let found = first(catalog, &place)?;
    (!matches!(found.kind, TypeKind::Composite(_))).then_some(found.oid)
}

fn first<'a>(catalog: &'a Catalog, place: &Place<'_>) -> Option<&'a Type> {
    let code = &catalog.code;
    let named = code.types_by_name.get(place.name)?.iter().filter_map(|oid| code.types.get(oid));
    let placed = named.filter_map(|found| Some((place.position(&found.schema)?, found)));
    placed.min_by_key(|(position, _)| *position).map(|(_, found)| found)
}

fn valid(oid: Oid) -> Option<Oid> {
    (oid != NOT_KNOWN).then_some(oid)
}
