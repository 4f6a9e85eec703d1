//! Functions that a call's name, notation and number of arguments could mean, each with the arguments that
//! it would take in the order of the call. Where two take the same, the earlier schema hides the later.

use std::cmp::Ordering;

use super::{Call, NOT_KNOWN, select::Typed};
use crate::{
    catalog::{
        Oid,
        code::{Code, Function},
    },
    session::SearchPath,
};

/// Where a name is looked for.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    within: Within<'a>,
}

enum Within<'a> {
    Schema(&'a str),
    Path { path: &'a SearchPath, temporary: bool },
}

/// How the session's temporary schema is written.
const TEMPORARY: &str = "pg_temp";

impl<'a> Place<'a> {
    /// For functions and operators: an unqualified name never means something temporary.
    pub(super) fn new(path: &'a SearchPath, names: &[&'a str]) -> Option<Self> {
        Self::over(path, names, false)
    }

    /// For types.
    pub(super) fn with_temporary(path: &'a SearchPath, names: &[&'a str]) -> Option<Self> {
        Self::over(path, names, true)
    }

    fn over(path: &'a SearchPath, names: &[&'a str], temporary: bool) -> Option<Self> {
        match *names {
            [name] => Some(Self { name, within: Within::Path { path, temporary } }),
            [schema, name] | [_, schema, name] => Some(Self { name, within: Within::Schema(schema) }),
            _ => None,
        }
    }

    /// How early this schema is looked into; `None` if it is not.
    pub(super) fn position(&self, schema: &str) -> Option<usize> {
        match self.within {
            Within::Schema(only) => (only == schema).then_some(0),
            Within::Path { temporary: false, .. } if schema == TEMPORARY => None,
            Within::Path { path, .. } => path.schemas.iter().position(|entry| &**entry == schema),
        }
    }
}

/// One function, as a call would use it.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    /// `None` where several are equally good.
    pub(super) function: Option<&'a Function>,
    declared: &'a Function,
    position: usize,
    /// The last declared argument is taken as many of its element type.
    spread: bool,
    /// For named notation: which declared argument each of the call's arguments, and then each default, is.
    order: Vec<usize>,
}

impl Typed for Candidate<'_> {
    fn argument(&self, place: usize) -> Oid {
        Candidate::argument(self, place)
    }
}

impl<'a> Candidate<'a> {
    /// Type that it takes for the call's argument at `place`, or for a default behind them.
    pub(super) fn argument(&self, place: usize) -> Oid {
        if self.spread && place.saturating_add(1) >= self.declared.arguments.len() {
            return self.declared.variadic;
        }
        self.declared.arguments.get(self.parameter(place)).copied().unwrap_or(NOT_KNOWN)
    }

    /// Which declared argument the call's argument at `place` is.
    pub(super) fn parameter(&self, place: usize) -> usize {
        self.order.get(place).copied().unwrap_or(place)
    }

    /// Takes exactly these types.
    pub(super) fn is_exact(&self, arguments: &[Oid]) -> bool {
        arguments.iter().enumerate().all(|(place, given)| self.argument(place) == *given)
    }

    /// Number of arguments in use: the call's and defaults.
    pub(super) fn width(&self, given: usize) -> usize {
        given.max(self.declared.arguments.len())
    }

    /// Given arguments that the variadic one gathers.
    pub(super) fn gathered(&self, given: usize) -> usize {
        if self.spread { (given + 1).saturating_sub(self.declared.arguments.len()) } else { 0 }
    }

    /// Given argument of each declared one; empty if they are one to one.
    pub(super) fn mapping(&self, given: usize) -> Vec<Option<usize>> {
        let declared = self.declared.arguments.len();
        if self.order.is_empty() && declared <= given {
            return Vec::new();
        }
        let from = |parameter: usize| (0..given).find(|place| self.parameter(*place) == parameter);
        (0..declared).map(from).collect()
    }

    /// It, if it can take the call.
    fn of(declared: &'a Function, place: &Place<'_>, call: &Call<'_>) -> Option<Self> {
        let given = call.arguments.len();
        let takes = declared.arguments.len();
        let is_variadic = declared.variadic != NOT_KNOWN && !call.variadic;
        let spread = call.names.is_empty() && is_variadic && takes <= given;
        let defaulted = takes > given && takes <= given + usize::from(declared.defaults);
        if takes != given && !spread && !defaulted {
            return None;
        }
        let position = place.position(&declared.schema)?;
        let order = match call.names {
            [] => Vec::new(),
            // Parameters without a name could not be told apart.
            _ if is_variadic => return None,
            names => named(declared, names, given)?,
        };
        Some(Self { function: Some(declared), declared, position, spread, order })
    }

    /// `Greater` if `self` stands back behind `other`, which takes the same arguments; `Equal` if neither does.
    fn against(&self, other: &Self) -> Ordering {
        self.position.cmp(&other.position).then(self.spread.cmp(&other.spread))
    }
}

/// The declared argument that each given one is, then those left to defaults.
fn named(declared: &Function, names: &[Option<&str>], given: usize) -> Option<Vec<usize>> {
    let takes = declared.arguments.len();
    let mut taken = vec![false; takes];
    let mut order = Vec::with_capacity(takes);
    for place in 0..given {
        let parameter = match names.get(place).copied().flatten() {
            None => place,
            Some(name) => declared.argument_names.iter().position(|declared| &**declared == name)?,
        };
        let slot = taken.get_mut(parameter)?;
        if std::mem::replace(slot, true) {
            return None;
        }
        order.push(parameter);
    }
    let first_default = takes.saturating_sub(usize::from(declared.defaults));
    for (parameter, _) in taken.iter().enumerate().filter(|(_, taken)| !**taken) {
        if parameter < first_default {
            return None;
        }
        order.push(parameter);
    }
    Some(order)
}

/// The candidate that takes exactly the given types, in positional notation. Allocates nothing.
pub(super) fn exact<'a>(code: &'a Code, place: &Place<'_>, call: &Call<'_>) -> Option<Candidate<'a>> {
    let mut best: Option<Candidate<'a>> = None;
    for declared in named_functions(code, place) {
        let Some(new) = Candidate::of(declared, place, call) else { continue };
        if !new.is_exact(call.arguments) {
            continue;
        }
        match &mut best {
            Some(old) => prefer(old, new),
            None => best = Some(new),
        }
    }
    best
}

/// All candidates; of those that take the same arguments, the one that hides the others.
pub(super) fn all<'a>(code: &'a Code, place: &Place<'_>, call: &Call<'_>) -> Vec<Candidate<'a>> {
    let given = call.arguments.len();
    let mut found: Vec<Candidate<'a>> = Vec::new();
    for declared in named_functions(code, place) {
        let Some(new) = Candidate::of(declared, place, call) else { continue };
        let same = |old: &&mut Candidate<'_>| (0..given).all(|at| old.argument(at) == new.argument(at));
        match found.iter_mut().find(same) {
            Some(old) => prefer(old, new),
            None => found.push(new),
        }
    }
    found
}

fn prefer<'a>(old: &mut Candidate<'a>, new: Candidate<'a>) {
    match new.against(old) {
        Ordering::Less => *old = new,
        Ordering::Equal => old.function = None,
        Ordering::Greater => {}
    }
}

fn named_functions<'a>(code: &'a Code, place: &Place<'_>) -> impl Iterator<Item = &'a Function> {
    let oids = code.functions_by_name.get(place.name).map_or(&[][..], Vec::as_slice);
    oids.iter().filter_map(|oid| code.functions.get(oid))
}
