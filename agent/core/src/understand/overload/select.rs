//! Which of several candidates is the best: the manual's sections 10.2 and 10.3, step by step.

use super::{
    Failure, UNKNOWN, coerce,
    types::{self, STRING},
};
use crate::catalog::{Catalog, Oid};

/// Something with declared argument types.
pub(super) trait Typed {
    /// Declared type for the argument at `place`.
    fn argument(&self, place: usize) -> Oid;
}

/// Whether the arguments can be converted implicitly to what the candidate takes.
pub(super) fn fits(catalog: &Catalog, arguments: &[Oid], candidate: &impl Typed) -> bool {
    coerce::can_coerce_all(catalog, arguments, |place| candidate.argument(place))
}

/// The best of candidates which all fit and all of whose types are known.
pub(super) fn best<T: Typed>(
    catalog: &Catalog,
    arguments: &[Oid],
    mut candidates: Vec<T>,
) -> Result<T, Failure> {
    if let Some(only) = single(&mut candidates)? {
        return Ok(only);
    }
    let inputs: Vec<Oid> = arguments.iter().map(|argument| types::base_type(catalog, *argument)).collect();
    keep_most(&mut candidates, |candidate| exact_matches(&inputs, candidate));
    if let Some(only) = single(&mut candidates)? {
        return Ok(only);
    }
    keep_most(&mut candidates, |candidate| exact_or_preferred(catalog, &inputs, candidate));
    if let Some(only) = single(&mut candidates)? {
        return Ok(only);
    }
    if !inputs.contains(&UNKNOWN) {
        return Err(Failure::Ambiguous);
    }
    keep_categories(catalog, &inputs, &mut candidates);
    if let Some(only) = single(&mut candidates)? {
        return Ok(only);
    }
    as_the_known_ones(catalog, &inputs, candidates).ok_or(Failure::Ambiguous)
}

/// The one that is left.
fn single<T>(candidates: &mut Vec<T>) -> Result<Option<T>, Failure> {
    match candidates.len() {
        0 => Err(Failure::Missing),
        1 => Ok(candidates.pop()),
        _ => Ok(None),
    }
}

/// Keeps those with the highest score.
fn keep_most<T>(candidates: &mut Vec<T>, score: impl Fn(&T) -> usize) {
    let most = candidates.iter().map(&score).max().unwrap_or_default();
    candidates.retain(|candidate| score(candidate) == most);
}

fn exact_matches(inputs: &[Oid], candidate: &impl Typed) -> usize {
    let known = inputs.iter().enumerate().filter(|(_, input)| **input != UNKNOWN);
    known.filter(|(place, input)| candidate.argument(*place) == **input).count()
}

/// Preferred types count only within the category of the input.
fn exact_or_preferred(catalog: &Catalog, inputs: &[Oid], candidate: &impl Typed) -> usize {
    let known = inputs.iter().enumerate().filter(|(_, input)| **input != UNKNOWN);
    let matches = |(place, input): &(usize, &Oid)| {
        let declared = candidate.argument(*place);
        declared == **input
            || types::category_and_preferred(catalog, declared) == (types::category(catalog, **input), true)
    };
    known.filter(matches).count()
}

/// What candidates take at the place of an unknown literal.
#[derive(Clone, Copy)]
struct Slot {
    category: u8,
    has_preferred: bool,
}

/// Drops candidates that take another category than the one settled on at the place of an unknown
/// literal, or take no preferred type where another does. If it cannot be settled for some place, or no
/// candidate would be left, all stay.
fn keep_categories<T: Typed>(catalog: &Catalog, inputs: &[Oid], candidates: &mut Vec<T>) {
    let mut slots = Vec::with_capacity(inputs.len());
    for (place, input) in inputs.iter().enumerate() {
        if *input != UNKNOWN {
            slots.push(None);
            continue;
        }
        match slot(catalog, place, candidates) {
            Some(slot) => slots.push(Some(slot)),
            None => return,
        }
    }
    let keeps = |candidate: &T| {
        slots.iter().enumerate().all(|(place, slot)| {
            let Some(slot) = slot else { return true };
            let (category, preferred) = types::category_and_preferred(catalog, candidate.argument(place));
            category == slot.category && (preferred || !slot.has_preferred)
        })
    };
    if candidates.iter().any(keeps) {
        candidates.retain(keeps);
    }
}

/// The category of one place: string if any candidate takes one there, else what all agree on.
fn slot<T: Typed>(catalog: &Catalog, place: usize, candidates: &[T]) -> Option<Slot> {
    let mut found: Option<Slot> = None;
    let mut conflict = false;
    for candidate in candidates {
        let (category, preferred) = types::category_and_preferred(catalog, candidate.argument(place));
        match &mut found {
            Some(slot) if slot.category == category => slot.has_preferred |= preferred,
            Some(_) if category != STRING => conflict = true,
            _ => found = Some(Slot { category, has_preferred: preferred }),
        }
    }
    found.filter(|slot| !conflict || slot.category == STRING)
}

/// The last resort: if all known types are the same, unknown literals are taken to be of it too.
fn as_the_known_ones<T: Typed>(catalog: &Catalog, inputs: &[Oid], candidates: Vec<T>) -> Option<T> {
    let mut known = inputs.iter().copied().filter(|input| *input != UNKNOWN);
    let one = known.next()?;
    if known.any(|other| other != one) {
        return None;
    }
    let alike = vec![one; inputs.len()];
    let mut left = candidates.into_iter().filter(|candidate| fits(catalog, &alike, candidate));
    let only = left.next()?;
    left.next().is_none().then_some(only)
}
