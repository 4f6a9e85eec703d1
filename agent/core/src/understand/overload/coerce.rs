//! Conversions between types: which there are in which context, and what they run.

use super::{
    ANY, NOT_KNOWN, RECORD, UNKNOWN, polymorphic,
    types::{self, STRING, VECTORS},
};
use crate::catalog::{Catalog, Oid, code::CastContext};

/// `record[]`
const RECORD_ARRAY: Oid = Oid(2287);
/// How deep elements of arrays are followed: domains over arrays of domains over arrays …
const DEEPEST: usize = 16;

/// How a value of one type becomes one of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pathway {
    pub kind: PathwayKind,
    /// It is done to each element of an array.
    pub elements: bool,
    /// The function it runs.
    pub function: Option<Oid>,
    /// The target is a domain, whose constraints are checked.
    pub domain: bool,
}

/// What a conversion does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathwayKind {
    /// Nothing: the same bytes under another type.
    Relabel,
    Function,
    /// Output function of the source, input function of the target; for `unknown` the latter only.
    InputOutput,
    /// Between row types, or from and to `record`; each field may be converted.
    Row,
}

/// How `from` becomes `to`, if it can in this context; `None` also if one of them is not known.
#[must_use]
pub fn coercion(catalog: &Catalog, from: Oid, to: Oid, context: CastContext) -> Option<Pathway> {
    if !types::is_known(catalog, from) || !types::is_known(catalog, to) {
        return None;
    }
    let domain = types::base_type(catalog, to) != to && from != to;
    let plain = |kind| Some(Pathway { kind, elements: false, function: None, domain });
    if from == to || to == ANY || polymorphic::is_polymorphic(to) {
        return plain(PathwayKind::Relabel);
    }
    if from == UNKNOWN {
        return plain(PathwayKind::InputOutput);
    }
    if let Some(found) = pathway(catalog, from, to, context) {
        return Some(Pathway { domain, ..found });
    }
    if becomes_row(catalog, from, to) { plain(PathwayKind::Row) } else { None }
}

/// The function that brings a value of a type to a length or precision (`varchar(10)`), if there is one.
#[must_use]
pub fn length_coercion(catalog: &Catalog, oid: Oid) -> Option<Oid> {
    let base = types::base_type(catalog, oid);
    let of = types::element_type(catalog, base).unwrap_or(base);
    catalog.code.casts.get(&(of, of))?.function
}

/// The function that an implicit conversion runs.
pub(super) fn run(catalog: &Catalog, from: Oid, to: Oid) -> Option<Oid> {
    if from == to {
        return None;
    }
    coercion(catalog, from, to, CastContext::Implicit)?.function
}

/// Whether an implicit conversion exists.
pub(super) fn can_coerce(catalog: &Catalog, from: Oid, to: Oid) -> bool {
    can_coerce_all(catalog, &[from], |_| to)
}

/// Whether all of them exist, and polymorphic types among the targets fit each other. A type that is
/// not known fits.
pub(super) fn can_coerce_all(catalog: &Catalog, from: &[Oid], to: impl Fn(usize) -> Oid) -> bool {
    let mut polymorphic = false;
    for (place, given) in from.iter().enumerate() {
        let target = to(place);
        if polymorphic::is_polymorphic(target) {
            polymorphic = true;
        } else if !can_coerce_one(catalog, *given, target) {
            return false;
        }
    }
    !polymorphic || polymorphic::consistent(catalog, from, to)
}

fn can_coerce_one(catalog: &Catalog, from: Oid, to: Oid) -> bool {
    from == to
        || to == ANY
        || from == UNKNOWN
        || !types::is_known(catalog, from)
        || pathway(catalog, from, to, CastContext::Implicit).is_some()
        || becomes_row(catalog, from, to)
}

/// By `pg_cast`, by elements, or by input and output.
pub(super) fn pathway(catalog: &Catalog, from: Oid, to: Oid, context: CastContext) -> Option<Pathway> {
    pathway_within(catalog, from, to, context, DEEPEST)
}

fn pathway_within(
    catalog: &Catalog,
    from: Oid,
    to: Oid,
    context: CastContext,
    depth: usize,
) -> Option<Pathway> {
    let (from, to) = (types::base_type(catalog, from), types::base_type(catalog, to));
    let plain = |kind| Pathway { kind, elements: false, function: None, domain: false };
    if from == to {
        return Some(plain(PathwayKind::Relabel));
    }
    // A cast that is in the catalog for another context hides all other ways.
    if let Some(cast) = catalog.code.casts.get(&(from, to)) {
        let kind = match cast.function {
            Some(_) => PathwayKind::Function,
            None if cast.binary => PathwayKind::Relabel,
            None => PathwayKind::InputOutput,
        };
        return (context >= cast.context).then_some(Pathway { function: cast.function, ..plain(kind) });
    }
    if let Some(found) = by_elements(catalog, from, to, context, depth) {
        return Some(found);
    }
    let string = |oid| types::category(catalog, oid) == STRING;
    let by_text =
        context >= CastContext::Assignment && string(to) || context >= CastContext::Explicit && string(from);
    by_text.then_some(plain(PathwayKind::InputOutput))
}

fn by_elements(catalog: &Catalog, from: Oid, to: Oid, context: CastContext, depth: usize) -> Option<Pathway> {
    if VECTORS.contains(&to) {
        return None;
    }
    let target = types::element_type(catalog, to)?;
    let source = types::element_type(catalog, from)?;
    let found = pathway_within(catalog, source, target, context, depth.checked_sub(1)?)?;
    let domain = types::base_type(catalog, target) != target;
    Some(Pathway { elements: true, domain, ..found })
}

/// From or to `record`, or from a child's row type to its parent's.
fn becomes_row(catalog: &Catalog, from: Oid, to: Oid) -> bool {
    let row = |oid| types::row_relation(catalog, oid).is_some();
    let rows = |oid| types::element_type(catalog, oid).is_some_and(row);
    from == RECORD && row(to)
        || to == RECORD && row(from)
        || to == RECORD_ARRAY && rows(from)
        || inherits(catalog, from, to)
}

/// The rows of `from` are rows of `to` too, by inheritance or partitioning.
fn inherits(catalog: &Catalog, from: Oid, to: Oid) -> bool {
    let Some(child) = types::row_relation(catalog, from) else { return false };
    let Some(parent) = types::own_relation(catalog, to) else { return false };
    if child == parent {
        return true;
    }
    // Each relation once, so that a snapshot with a ring in it ends too.
    let mut seen = vec![parent];
    let mut next = 0;
    while let Some(relation) = seen.get(next).and_then(|oid| catalog.relations.get(oid)) {
        if relation.children.contains(&child) {
            return true;
        }
        let fresh: Vec<Oid> = relation
            .children
            .iter()
            .copied()
            .filter(|oid| !seen.contains(oid) && *oid != NOT_KNOWN)
            .collect();
        seen.extend(fresh);
        next += 1;
    }
    false
}
