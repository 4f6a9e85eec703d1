//! Which operator a sign between two types means.

use super::{
    Failure, NOT_KNOWN, UNKNOWN,
    candidates::Place,
    coerce, polymorphic,
    select::{self, Typed},
    types,
};
use crate::{
    catalog::{
        Catalog, Oid,
        code::{Code, Operator},
    },
    session::SearchPath,
};

/// `bool`
const BOOL: Oid = Oid(16);

/// The operator that is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenOperator {
    pub operator: Oid,
    /// The function that computes it.
    pub function: Oid,
    /// Type of the result, polymorphic ones resolved.
    pub result: Oid,
    /// Functions that implicit conversions of the operands run.
    pub coercions: Vec<Oid>,
}

struct Candidate<'a> {
    operator: &'a Operator,
    position: usize,
}

impl Typed for Candidate<'_> {
    fn argument(&self, place: usize) -> Oid {
        let prefix = self.operator.left == NOT_KNOWN;
        if place == 0 && !prefix { self.operator.left } else { self.operator.right }
    }
}

/// Chooses the operator `name` between `left`, none for a prefix operator, and `right`.
///
/// # Errors
/// If nothing fits, too much does, or the types that are known do not suffice to tell.
pub fn operator(
    catalog: &Catalog,
    path: &SearchPath,
    name: &[&str],
    left: Option<Oid>,
    right: Oid,
) -> Result<ChosenOperator, Failure> {
    let place = Place::new(path, name).ok_or(Failure::Missing)?;
    match left {
        Some(left) => {
            let exact = binary_exact(catalog, &place, left, right);
            settle(catalog, &place, exact, &[left, right]).map(|(chosen, _)| chosen)
        }
        None => {
            let exact = lookup(&catalog.code, &place, NOT_KNOWN, right);
            settle(catalog, &place, exact, &[right]).map(|(chosen, _)| chosen)
        }
    }
}

/// Chooses the operator of `left name ANY (array)` and `… ALL (array)`, also of IN with a list.
///
/// # Errors
/// As [`operator`]; also if `array` is none, or the operator gives something else than a boolean.
pub fn array_operator(
    catalog: &Catalog,
    path: &SearchPath,
    name: &[&str],
    left: Oid,
    array: Oid,
) -> Result<ChosenOperator, Failure> {
    let element = match array {
        UNKNOWN => UNKNOWN,
        array if !types::is_known(catalog, array) => NOT_KNOWN,
        array => types::base_element_type(catalog, array).ok_or(Failure::Missing)?,
    };
    let place = Place::new(path, name).ok_or(Failure::Missing)?;
    let exact = binary_exact(catalog, &place, left, element);
    let (chosen, right) = settle(catalog, &place, exact, &[left, element])?;
    // A polymorphic operator takes the array as it is; for another there must be arrays of its type.
    let has_array = polymorphic::is_polymorphic(right) || types::array_type(catalog, right).is_some();
    if chosen.result == BOOL && has_array { Ok(chosen) } else { Err(Failure::Missing) }
}

/// An operator between exactly these types; an unknown literal is first taken to be of the other side's.
fn binary_exact<'a>(catalog: &'a Catalog, place: &Place<'_>, left: Oid, right: Oid) -> Option<&'a Operator> {
    let (one, other) = match (left, right) {
        (NOT_KNOWN, _) | (_, NOT_KNOWN) => return None,
        (UNKNOWN, right) => (right, right),
        (left, UNKNOWN) => (left, left),
        both => both,
    };
    let found = lookup(&catalog.code, place, one, other);
    if found.is_some() || (left != UNKNOWN && right != UNKNOWN) {
        return found;
    }
    let base = types::base_type(catalog, one);
    if base == one { None } else { lookup(&catalog.code, place, base, base) }
}

/// The first along the path between exactly these types.
fn lookup<'a>(code: &'a Code, place: &Place<'_>, left: Oid, right: Oid) -> Option<&'a Operator> {
    let exact = named(code, place).filter(|operator| operator.left == left && operator.right == right);
    let placed = exact.filter_map(|operator| Some((place.position(&operator.schema)?, operator)));
    placed.min_by_key(|(position, _)| *position).map(|(_, operator)| operator)
}

fn named<'a>(code: &'a Code, place: &Place<'_>) -> impl Iterator<Item = &'a Operator> {
    let oids = code.operators_by_name.get(place.name).map_or(&[][..], Vec::as_slice);
    oids.iter().filter_map(|oid| code.operators.get(oid))
}

/// The operator, and what its last operand is converted to.
fn settle(
    catalog: &Catalog,
    place: &Place<'_>,
    exact: Option<&Operator>,
    operands: &[Oid],
) -> Result<(ChosenOperator, Oid), Failure> {
    let found = match exact {
        Some(found) => found,
        None => fitting(catalog, place, operands)?,
    };
    // A shell: named by another operator as its commutator and never made.
    if found.function == NOT_KNOWN {
        return Err(Failure::Missing);
    }
    let candidate = Candidate { operator: found, position: 0 };
    let declared = |at: usize| candidate.argument(at);
    let solved = polymorphic::solve_types(catalog, operands, operands.len(), declared, found.result)?;
    let mut coercions = Vec::new();
    let mut target = NOT_KNOWN;
    for (at, operand) in operands.iter().enumerate() {
        target = solved.as_ref().map_or(declared(at), |solved| solved.target(declared(at), *operand));
        coercions.extend(coerce::run(catalog, *operand, target));
    }
    let result = solved.map_or(found.result, |solved| solved.resolve(found.result));
    Ok((ChosenOperator { operator: found.oid, function: found.function, result, coercions }, target))
}

fn fitting<'a>(catalog: &'a Catalog, place: &Place<'_>, operands: &[Oid]) -> Result<&'a Operator, Failure> {
    let mut found = candidates(&catalog.code, place, operands.len());
    found.retain(|candidate| select::fits(catalog, operands, candidate));
    if found.len() > 1 && operands.iter().any(|operand| !types::is_known(catalog, *operand)) {
        return agreed(&found);
    }
    select::best(catalog, operands, found).map(|best| best.operator)
}

/// All of this name with so many operands; of those between the same types the first along the path.
fn candidates<'a>(code: &'a Code, place: &Place<'_>, operands: usize) -> Vec<Candidate<'a>> {
    let mut found: Vec<Candidate<'a>> = Vec::new();
    for operator in named(code, place) {
        if (operator.left == NOT_KNOWN) != (operands == 1) || operator.right == NOT_KNOWN {
            continue;
        }
        let Some(position) = place.position(&operator.schema) else { continue };
        let same = |old: &&mut Candidate<'_>| {
            old.operator.left == operator.left && old.operator.right == operator.right
        };
        let new = Candidate { operator, position };
        match found.iter_mut().find(same) {
            Some(old) if new.position < old.position => *old = new,
            Some(_) => {}
            None => found.push(new),
        }
    }
    found
}

/// With an operand of a type that is not known, any candidate may be the one.
fn agreed<'a>(found: &[Candidate<'a>]) -> Result<&'a Operator, Failure> {
    let (first, rest) = found.split_first().ok_or(Failure::Missing)?;
    let builtin = |candidate: &Candidate<'_>| candidate.operator.oid.0 < crate::catalog::FIRST_NORMAL_OID;
    let same = |other: &Candidate<'_>| builtin(other) && other.operator.result == first.operator.result;
    if builtin(first) && rest.iter().all(same) { Ok(first.operator) } else { Err(Failure::Unknown) }
}
