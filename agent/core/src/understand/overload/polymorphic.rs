//! The polymorphic types: `anyelement` and its family, which must all come from one element type, and
//! `anycompatible` and its family, which are brought to a common one. The manual's section 38.2.5.

use super::{
    Failure, NOT_KNOWN, UNKNOWN,
    candidates::Candidate,
    common::{self, TEXT},
    types::{self, array_type, base_element_type, base_type, element_type},
};
use crate::catalog::{Catalog, Oid, code::Function};

const ANY_ARRAY: Oid = Oid(2277);
const ANY_ELEMENT: Oid = Oid(2283);
const ANY_NON_ARRAY: Oid = Oid(2776);
const ANY_ENUM: Oid = Oid(3500);
const ANY_RANGE: Oid = Oid(3831);
const ANY_MULTIRANGE: Oid = Oid(4537);
const COMPATIBLE_MULTIRANGE: Oid = Oid(4538);
const COMPATIBLE: Oid = Oid(5077);
const COMPATIBLE_ARRAY: Oid = Oid(5078);
const COMPATIBLE_NON_ARRAY: Oid = Oid(5079);
const COMPATIBLE_RANGE: Oid = Oid(5080);

/// Whether this is one of the `any…` types that stand for one concrete type each (`"any"` does not).
#[must_use]
pub const fn is_polymorphic(oid: Oid) -> bool {
    is_simple(oid) || is_compatible(oid)
}

const fn is_simple(oid: Oid) -> bool {
    matches!(oid, ANY_ARRAY | ANY_ELEMENT | ANY_NON_ARRAY | ANY_ENUM | ANY_RANGE | ANY_MULTIRANGE)
}

const fn is_compatible(oid: Oid) -> bool {
    matches!(
        oid,
        COMPATIBLE | COMPATIBLE_ARRAY | COMPATIBLE_NON_ARRAY | COMPATIBLE_RANGE | COMPATIBLE_MULTIRANGE
    )
}

/// What the polymorphic types of one call stand for; [`NOT_KNOWN`] where nothing tells or nothing asks.
#[derive(Debug, Default)]
pub(super) struct Solved {
    simple: Types,
    compatible: Types,
}

/// One family's types.
#[derive(Debug, Default)]
struct Types {
    element: Oid,
    array: Oid,
    range: Oid,
    multirange: Oid,
}

impl Solved {
    /// The concrete type for a declared one.
    pub(super) fn resolve(&self, declared: Oid) -> Oid {
        match declared {
            ANY_ELEMENT | ANY_NON_ARRAY | ANY_ENUM => self.simple.element,
            ANY_ARRAY => self.simple.array,
            ANY_RANGE => self.simple.range,
            ANY_MULTIRANGE => self.simple.multirange,
            COMPATIBLE | COMPATIBLE_NON_ARRAY => self.compatible.element,
            COMPATIBLE_ARRAY => self.compatible.array,
            COMPATIBLE_RANGE => self.compatible.range,
            COMPATIBLE_MULTIRANGE => self.compatible.multirange,
            other => other,
        }
    }

    /// What an argument is converted to: the simple family takes it as it is, if it is typed.
    pub(super) fn target(&self, declared: Oid, given: Oid) -> Oid {
        if is_compatible(declared) || given == UNKNOWN { self.resolve(declared) } else { declared }
    }
}

/// What the arguments say.
#[derive(Default)]
struct Said {
    simple: Simple,
    compatible: Compatible,
}

/// About the family of `anyelement`.
#[derive(Default)]
struct Simple {
    /// How many arguments are of the family.
    arguments: usize,
    element: Option<Oid>,
    array: Option<Oid>,
    range: Option<Oid>,
    multirange: Option<Oid>,
    non_array: bool,
    is_enum: bool,
    /// Some argument's type is not known to the caller.
    uncertain: bool,
}

/// About the family of `anycompatible`.
#[derive(Default)]
struct Compatible {
    arguments: usize,
    types: Vec<Oid>,
    range: Option<Oid>,
    multirange: Option<Oid>,
    non_array: bool,
    uncertain: bool,
}

/// Whether the arguments fit each other where the candidate is polymorphic.
pub(super) fn consistent(catalog: &Catalog, given: &[Oid], declared: impl Fn(usize) -> Oid) -> bool {
    let pairs = given.iter().enumerate().map(|(place, given)| (*given, declared(place)));
    let Some(mut said) = listen(catalog, pairs) else { return false };
    simple_fits(catalog, &mut said.simple).is_some()
        && compatible_fits(catalog, &mut said.compatible).is_some()
}

/// What a function's polymorphic types stand for in this call; `None` if it has none.
pub(super) fn solve(
    catalog: &Catalog,
    given: &[Oid],
    best: &Candidate<'_>,
    function: &Function,
) -> Result<Option<Solved>, Failure> {
    let width = best.width(given.len());
    solve_types(catalog, given, width, |place| best.argument(place), function.result)
}

/// The same for any declared types; those beyond the given are of defaults.
pub(super) fn solve_types(
    catalog: &Catalog,
    given: &[Oid],
    width: usize,
    declared: impl Fn(usize) -> Oid,
    result: Oid,
) -> Result<Option<Solved>, Failure> {
    if !(0..width).any(|place| is_polymorphic(declared(place))) {
        return Ok(None);
    }
    let actual = |place: usize| given.get(place).copied().unwrap_or(NOT_KNOWN);
    let pairs = (0..width).map(|place| (actual(place), declared(place)));
    let mut said = listen(catalog, pairs).ok_or(Failure::Missing)?;
    let simple = solve_simple(catalog, &mut said.simple, result).ok_or(Failure::Missing)?;
    let compatible = solve_compatible(catalog, &mut said.compatible).ok_or(Failure::Missing)?;
    let solved = Solved { simple, compatible };
    let certain = !said.simple.uncertain && !said.compatible.uncertain;
    if certain && is_unsolved(&solved, width, &declared, result) {
        return Err(Failure::Missing);
    }
    Ok(Some(solved))
}

/// A range cannot be told from its subtype: the server refuses a call that would have to.
fn is_unsolved(solved: &Solved, width: usize, declared: impl Fn(usize) -> Oid, result: Oid) -> bool {
    let unsolved = |oid: Oid| is_polymorphic(oid) && solved.resolve(oid) == NOT_KNOWN;
    // A polymorphic result that no argument is of the family of comes back as it is declared.
    let families = (0..width).map(&declared);
    let tells = families.clone().any(|oid| is_simple(oid) == is_simple(result) && is_polymorphic(oid));
    tells && unsolved(result) || families.into_iter().any(unsolved)
}

/// Collects what polymorphic arguments are; `None` if they contradict each other at once.
fn listen(catalog: &Catalog, pairs: impl Iterator<Item = (Oid, Oid)>) -> Option<Said> {
    let mut said = Said::default();
    for (given, declared) in pairs {
        if is_simple(declared) {
            listen_simple(catalog, &mut said.simple, given, declared)?;
        } else if is_compatible(declared) {
            listen_compatible(catalog, &mut said.compatible, given, declared)?;
        }
    }
    Some(said)
}

fn listen_simple(catalog: &Catalog, said: &mut Simple, given: Oid, declared: Oid) -> Option<()> {
    said.arguments += 1;
    said.non_array |= declared == ANY_NON_ARRAY;
    said.is_enum |= declared == ANY_ENUM;
    if given == UNKNOWN {
        return Some(());
    }
    if !types::is_known(catalog, given) {
        said.uncertain = true;
        return Some(());
    }
    match declared {
        ANY_ARRAY => once(&mut said.array, base_type(catalog, given)),
        ANY_RANGE => once(&mut said.range, base_type(catalog, given)),
        ANY_MULTIRANGE => once(&mut said.multirange, base_type(catalog, given)),
        _ => once(&mut said.element, given),
    }
}

fn listen_compatible(catalog: &Catalog, said: &mut Compatible, given: Oid, declared: Oid) -> Option<()> {
    said.arguments += 1;
    said.non_array |= declared == COMPATIBLE_NON_ARRAY;
    if given == UNKNOWN {
        return Some(());
    }
    if !types::is_known(catalog, given) {
        said.uncertain = true;
        return Some(());
    }
    match declared {
        COMPATIBLE_ARRAY => said.types.push(base_element_type(catalog, given)?),
        COMPATIBLE_RANGE => {
            let range = base_type(catalog, given);
            once(&mut said.range, range)?;
            said.types.push(types::range_subtype(catalog, range)?);
        }
        COMPATIBLE_MULTIRANGE => {
            let multirange = base_type(catalog, given);
            once(&mut said.multirange, multirange)?;
            types::multirange_range(catalog, multirange)?;
        }
        _ => said.types.push(given),
    }
    Some(())
}

/// Sets it, or compares with what is set.
fn once(slot: &mut Option<Oid>, new: Oid) -> Option<()> {
    (*slot.get_or_insert(new) == new).then_some(())
}

/// Tells element from array, range from multirange and element from range; `None` if they contradict.
fn simple_fits(catalog: &Catalog, said: &mut Simple) -> Option<()> {
    match said.array {
        // Columns such as those of pg_stats are declared `anyarray`; nothing is known of their elements.
        None | Some(ANY_ARRAY) => {}
        Some(array) => once(&mut said.element, element_type(catalog, array)?)?,
    }
    if let Some(multirange) = said.multirange {
        once(&mut said.range, types::multirange_range(catalog, multirange)?)?;
    }
    if let Some(range) = said.range {
        once(&mut said.element, types::range_subtype(catalog, range)?)?;
    }
    let uncertain = said.element.is_none() && said.uncertain;
    let element = said.element.unwrap_or(NOT_KNOWN);
    let array_like = said.non_array && base_element_type(catalog, element).is_some();
    let no_enum = said.is_enum && !uncertain && !types::is_enum(catalog, element);
    (!array_like && !no_enum).then_some(())
}

fn solve_simple(catalog: &Catalog, said: &mut Simple, result: Oid) -> Option<Types> {
    if said.arguments == 0 {
        return Some(Types::default());
    }
    simple_fits(catalog, said)?;
    if said.array == Some(ANY_ARRAY) {
        let alone = said.arguments == 1 && (result == ANY_ARRAY || !is_simple(result));
        return alone.then_some(Types { array: ANY_ARRAY, element: ANY_ELEMENT, ..Types::default() });
    }
    let Some(element) = said.element else {
        return said.uncertain.then_some(Types::default());
    };
    let multirange = said.multirange.or_else(|| types::range_multirange(catalog, said.range?));
    Some(Types {
        element,
        array: said.array.or_else(|| array_type(catalog, element)).unwrap_or_default(),
        range: said.range.unwrap_or_default(),
        multirange: multirange.unwrap_or_default(),
    })
}

/// The common type of the family; `Some(NOT_KNOWN)` if no argument tells.
fn compatible_fits(catalog: &Catalog, said: &mut Compatible) -> Option<Oid> {
    if let Some(multirange) = said.multirange {
        let range = types::multirange_range(catalog, multirange)?;
        if said.range.is_none() {
            said.types.push(types::range_subtype(catalog, range)?);
        }
        once(&mut said.range, range)?;
    }
    if said.types.is_empty() {
        return Some(NOT_KNOWN);
    }
    let common = common::select(catalog, &said.types)?;
    if said.uncertain {
        return Some(NOT_KNOWN);
    }
    let reachable = said.types.iter().all(|oid| super::coerce::can_coerce(catalog, *oid, common));
    let array_like = said.non_array && base_element_type(catalog, common).is_some();
    let range_fits = match said.range {
        Some(range) => types::range_subtype(catalog, range) == Some(common),
        None => true,
    };
    (reachable && !array_like && range_fits).then_some(common)
}

fn solve_compatible(catalog: &Catalog, said: &mut Compatible) -> Option<Types> {
    if said.arguments == 0 {
        return Some(Types::default());
    }
    let common = compatible_fits(catalog, said)?;
    let element = match common {
        NOT_KNOWN if said.uncertain => NOT_KNOWN,
        // All are untyped literals, which become text.
        NOT_KNOWN => TEXT,
        common => common,
    };
    let multirange = said.multirange.or_else(|| types::range_multirange(catalog, said.range?));
    Some(Types {
        element,
        array: array_type(catalog, element).unwrap_or_default(),
        range: said.range.unwrap_or_default(),
        multirange: multirange.unwrap_or_default(),
    })
}
