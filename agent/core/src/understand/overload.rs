//! Chooses functions, operators, casts and common types as PostgreSQL does: the manual's chapter 10, with
//! the search path and what the server does where the manual is silent.
//!
//! How to call it:
//! - Types are OIDs; `unknown` (705) stands for untyped literals and parameters, [`NOT_KNOWN`] for a type
//!   that the caller could not find out. The latter fits everything; if that leaves several candidates
//!   which do not agree in what matters, the answer is [`Failure::Unknown`].
//! - [`Chosen::mapping`] is empty if declared argument *i* is given argument *i*, so that the common call
//!   allocates nothing. With [`Chosen::gathered`] > 0 that many given arguments, from the one that the last
//!   declared one is mapped to, make up its array (or its list, for VARIADIC "any").
//! - `f(x)` that is really a cast to type `f` has [`Chosen::is_cast`] and no function.
//! - `x.f` written as `f(x)` for a row `x` is the caller's: try it when the answer is a [`Failure`].
//! - Sessions' own types are not in the snapshot: their OIDs count as [`NOT_KNOWN`].
//!
//! Read next: `candidates` for names, `select` for the choice, `coerce` for conversions, `polymorphic`.

mod candidates;
mod coerce;
mod common;
mod operators;
mod polymorphic;
mod select;
mod types;

use self::{candidates::Candidate, polymorphic::Solved};
pub use self::{
    coerce::{Pathway, PathwayKind, coercion, length_coercion},
    common::common_type,
    operators::{ChosenOperator, array_operator, operator},
    polymorphic::is_polymorphic,
    types::{
        array_type, base_element_type, base_type, category, element_type, row_relation, subscript_type,
        type_named,
    },
};
use crate::{
    catalog::{
        Catalog, Oid,
        code::{AggregateKind, CastContext, Function, FunctionKind, Language, Name},
    },
    session::SearchPath,
};

/// The type of something that the caller does not know.
pub const NOT_KNOWN: Oid = Oid(0);
/// `unknown`: an untyped literal or parameter.
pub const UNKNOWN: Oid = Oid(705);
/// `"any"`
const ANY: Oid = Oid(2276);
/// `record`
const RECORD: Oid = Oid(2249);

/// PostgreSQL's `FUNC_MAX_ARGS`.
const MOST_ARGUMENTS: usize = 100;

/// A function call as it is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call<'a> {
    /// The name's parts, at most database, schema and name.
    pub name: &'a [&'a str],
    /// Types of the arguments as written, those of WITHIN GROUP's ORDER BY last.
    pub arguments: &'a [Oid],
    /// Names of named arguments, by position; empty if none is named.
    pub names: &'a [Option<&'a str>],
    /// The last argument is marked VARIADIC.
    pub variadic: bool,
    /// `f(*)`
    pub star: bool,
    /// How many of the last arguments are WITHIN GROUP's.
    pub within_group: Option<usize>,
}

/// The function that a call runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// `Oid(0)` for a cast.
    pub function: Oid,
    /// The call is a cast to `result` in the writing of a function; what it runs is in `coercions`.
    pub is_cast: bool,
    /// Type of the result with polymorphic types resolved; [`NOT_KNOWN`] if they depend on an argument of
    /// unknown type.
    pub result: Oid,
    pub returns_set: bool,
    /// OUT, INOUT and TABLE columns with polymorphic types resolved.
    pub outputs: Vec<(Name, Oid)>,
    /// For each declared argument the given one; `None` for a default. Empty: one to one.
    pub mapping: Vec<Option<usize>>,
    /// How many given arguments the last declared, variadic one gathers.
    pub gathered: usize,
    /// Functions that implicit conversions of arguments run.
    pub coercions: Vec<Oid>,
}

/// Why nothing was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The server has nothing that fits.
    Missing,
    /// Several fit equally well; the server refuses it too.
    Ambiguous,
    /// It depends on a type that is not known.
    Unknown,
}

/// Chooses the function that `call` runs.
///
/// # Errors
/// If nothing fits, too much does, or the types that are known do not suffice to tell.
pub fn function(catalog: &Catalog, path: &SearchPath, call: &Call<'_>) -> Result<Chosen, Failure> {
    if call.arguments.len() > MOST_ARGUMENTS {
        return Err(Failure::Missing);
    }
    let place = candidates::Place::new(path, call.name).ok_or(Failure::Missing)?;
    if call.names.is_empty()
        && let Some(best) = candidates::exact(&catalog.code, &place, call)
    {
        return settle(catalog, call, &best);
    }
    let found = candidates::all(&catalog.code, &place, call);
    if let Some(best) = found.iter().find(|candidate| candidate.is_exact(call.arguments)) {
        return settle(catalog, call, best);
    }
    if let Some(cast) = as_cast(catalog, path, call)? {
        return Ok(cast);
    }
    let best = fitting(catalog, call, found)?;
    settle(catalog, call, &best)
}

/// The best of the candidates that no conversion-free match was found among.
fn fitting<'a>(
    catalog: &'a Catalog,
    call: &Call<'_>,
    mut found: Vec<Candidate<'a>>,
) -> Result<Candidate<'a>, Failure> {
    found.retain(|candidate| select::fits(catalog, call.arguments, candidate));
    if found.len() > 1 && call.arguments.iter().any(|argument| !types::is_known(catalog, *argument)) {
        return agreed(found);
    }
    select::best(catalog, call.arguments, found)
}

/// With a type that is not known, any of several candidates may be the one: an answer is possible only
/// if it makes no difference which.
fn agreed(found: Vec<Candidate<'_>>) -> Result<Candidate<'_>, Failure> {
    let mut rest = found.into_iter();
    let first = rest.next().ok_or(Failure::Missing)?;
    let known = first.function.ok_or(Failure::Ambiguous)?;
    let same = |other: Candidate<'_>| other.function.is_some_and(|other| interchangeable(known, other));
    if rest.all(same) { Ok(first) } else { Err(Failure::Unknown) }
}

/// Nothing that a caller looks at differs between the two.
fn interchangeable(one: &Function, other: &Function) -> bool {
    let builtin = |function: &Function| {
        function.language == Language::Internal && function.oid.0 < crate::catalog::FIRST_NORMAL_OID
    };
    builtin(one)
        && builtin(other)
        && one.result == other.result
        && one.returns_set == other.returns_set
        && one.kind == other.kind
        && one.volatility == other.volatility
        && one.outputs == other.outputs
        && one.name == other.name
}

/// A call of one argument by the name of a type is a cast if it needs no function, or only input and output.
fn as_cast(catalog: &Catalog, path: &SearchPath, call: &Call<'_>) -> Result<Option<Chosen>, Failure> {
    let &[from] = call.arguments else { return Ok(None) };
    if !call.names.is_empty() || call.within_group.is_some() || call.star {
        return Ok(None);
    }
    let Some(to) = types::cast_target(catalog, path, call.name) else { return Ok(None) };
    if !types::is_known(catalog, from) {
        return Err(Failure::Unknown);
    }
    if from == UNKNOWN {
        return Ok(Some(Chosen::cast(to)));
    }
    let string = || category(catalog, to) == types::STRING;
    let row = || from == RECORD || row_relation(catalog, from).is_some();
    Ok(match coerce::pathway(catalog, from, to, CastContext::Explicit) {
        Some(Pathway { elements: false, kind: PathwayKind::Relabel, .. }) => Some(Chosen::cast(to)),
        Some(Pathway { elements: false, kind: PathwayKind::InputOutput, .. }) if !(row() && string()) => {
            Some(Chosen::cast(to))
        }
        _ => None,
    })
}

/// What is left to find out about the chosen candidate.
fn settle(catalog: &Catalog, call: &Call<'_>, best: &Candidate<'_>) -> Result<Chosen, Failure> {
    let function = best.function.ok_or(Failure::Ambiguous)?;
    check_notation(catalog, call, best, function)?;
    let solved = polymorphic::solve(catalog, call.arguments, best, function)?;
    let mut chosen = Chosen {
        function: function.oid,
        is_cast: false,
        result: solved.as_ref().map_or(function.result, |solved| solved.resolve(function.result)),
        returns_set: function.returns_set,
        outputs: function.outputs.to_vec(),
        mapping: best.mapping(call.arguments.len()),
        gathered: best.gathered(call.arguments.len()),
        coercions: Vec::new(),
    };
    if let Some(solved) = &solved {
        chosen.outputs.iter_mut().for_each(|(_, output)| *output = solved.resolve(*output));
    }
    convert(catalog, call, best, solved.as_ref(), &mut chosen.coercions);
    convert_pairs(catalog, call, function, &mut chosen.coercions);
    Ok(chosen)
}

/// What the server refuses after it has chosen.
fn check_notation(
    catalog: &Catalog,
    call: &Call<'_>,
    best: &Candidate<'_>,
    function: &Function,
) -> Result<(), Failure> {
    let right = notation_fits_kind(call, best, function)
        && variadic_is_last(call, best)
        && variadic_is_array(catalog, call, function);
    if right { Ok(()) } else { Err(Failure::Missing) }
}

fn notation_fits_kind(call: &Call<'_>, best: &Candidate<'_>, function: &Function) -> bool {
    let ordered = match (function.kind, call.within_group) {
        (FunctionKind::Aggregate(AggregateKind::OrderedSet { direct }), Some(ordered)) => {
            return direct_arguments_fit(call, best, function, usize::from(direct), ordered, false);
        }
        (FunctionKind::Aggregate(AggregateKind::Hypothetical { direct }), Some(ordered)) => {
            return direct_arguments_fit(call, best, function, usize::from(direct), ordered, true);
        }
        (_, ordered) => ordered,
    };
    let is_aggregate = matches!(function.kind, FunctionKind::Aggregate(AggregateKind::Normal));
    // A hypothetical-set aggregate's name is also a window function's: `rank() OVER ()` chose the latter.
    let is_set_aggregate = matches!(
        function.kind,
        FunctionKind::Aggregate(AggregateKind::OrderedSet { .. } | AggregateKind::Hypothetical { .. })
    );
    // A normal aggregate without arguments is called by `*` and only so.
    let star_fits = call.star == (is_aggregate && call.arguments.is_empty());
    ordered.is_none() && !is_set_aggregate && star_fits
}

/// WITHIN GROUP splits the arguments where the aggregate says.
fn direct_arguments_fit(
    call: &Call<'_>,
    best: &Candidate<'_>,
    function: &Function,
    declared_direct: usize,
    ordered: usize,
    hypothetical: bool,
) -> bool {
    let given = call.arguments.len();
    let Some(direct) = given.checked_sub(ordered) else { return false };
    if function.variadic == NOT_KNOWN || declared_direct < function.arguments.len() {
        return direct == declared_direct;
    }
    // The variadic argument takes direct and ordered ones alike.
    let gathered = best.gathered(given);
    if hypothetical { gathered == 2 * ordered } else { gathered > ordered }
}

/// With named arguments, VARIADIC must mark the variadic one.
fn variadic_is_last(call: &Call<'_>, best: &Candidate<'_>) -> bool {
    let Some(last) = call.arguments.len().checked_sub(1) else { return true };
    !call.variadic || call.names.is_empty() || best.parameter(last) == last
}

/// VARIADIC "any" takes nothing but an array after the keyword.
fn variadic_is_array(catalog: &Catalog, call: &Call<'_>, function: &Function) -> bool {
    let Some(last) = call.arguments.last() else { return true };
    !call.variadic
        || function.variadic != ANY
        || !types::is_known(catalog, *last)
        || base_element_type(catalog, *last).is_some()
}

/// Functions that bring the arguments to the declared types.
fn convert(
    catalog: &Catalog,
    call: &Call<'_>,
    best: &Candidate<'_>,
    solved: Option<&Solved>,
    run: &mut Vec<Oid>,
) {
    for (place, given) in call.arguments.iter().enumerate() {
        let declared = best.argument(place);
        let target = solved.map_or(declared, |solved| solved.target(declared, *given));
        run.extend(coerce::run(catalog, *given, target));
    }
}

/// Each direct argument of a hypothetical-set aggregate is brought to one type with its ordered one.
fn convert_pairs(catalog: &Catalog, call: &Call<'_>, function: &Function, run: &mut Vec<Oid>) {
    let FunctionKind::Aggregate(AggregateKind::Hypothetical { .. }) = function.kind else { return };
    let Some(ordered) = call.within_group else { return };
    let Some(start) = call.arguments.len().checked_sub(ordered) else { return };
    let (direct, ordered) = call.arguments.split_at(start);
    for (one, other) in direct.iter().rev().zip(ordered.iter().rev()) {
        if let Ok(common) = common_type(catalog, &[*one, *other]) {
            run.extend(coerce::run(catalog, *one, common));
            run.extend(coerce::run(catalog, *other, common));
        }
    }
}

impl Chosen {
    fn cast(to: Oid) -> Self {
        Self {
            function: NOT_KNOWN,
            is_cast: true,
            result: to,
            returns_set: false,
            outputs: Vec::new(),
            mapping: Vec::new(),
            gathered: 0,
            coercions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
