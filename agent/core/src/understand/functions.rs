//! Which functions may be called. A call counts as a built-in's only if nothing outside `pg_catalog` has
//! its name, whatever the search path says.

#[cfg(test)]
mod agreement;
mod builtin;

use connect_shared::decision::ReasonCode;

use self::builtin::Rule;
use super::{facts::Call, refusal, settings};
use crate::{
    catalog::{Catalog, Oid, Volatility, code::TypeKind},
    statement::Refusal,
};

/// Functions of `information_schema` that only compute on what they are given: drivers call them about keys
/// and types. An administrator would have to replace one of them to make it do more.
const INFORMATION_SCHEMA: [&str; 8] = [
    "_pg_char_max_length",
    "_pg_char_octet_length",
    "_pg_datetime_precision",
    "_pg_expandarray",
    "_pg_numeric_precision",
    "_pg_numeric_scale",
    "_pg_truetypid",
    "_pg_truetypmod",
];

/// What calling a function does beside giving a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Consequence {
    /// Nothing.
    None,
    /// Something that no row shows: a setting, a transaction id, the end of a lock.
    State,
    /// It takes a lock that others may wait for.
    Lock,
    /// It writes: a sequence, a notification, or whatever a user's function does.
    Write,
}

/// First version whose grammar makes `extract` of EXTRACT.
const EXTRACT: u32 = 140_000;

/// The function for which a server of this version reads a name: EXTRACT was date_part.
pub(super) fn as_read<'a>(name: Vec<&'a str>, catalog: &Catalog) -> Vec<&'a str> {
    match name.as_slice() {
        ["pg_catalog", "extract"] if catalog.server_version < EXTRACT => vec!["pg_catalog", "date_part"],
        _ => name,
    }
}

/// Looks a call up.
///
/// # Errors
/// It may not be called.
pub(super) fn check(call: &Call<'_>, catalog: &Catalog) -> Result<Consequence, Refusal> {
    let (schema, name) = match as_read(call.name.clone(), catalog).as_slice() {
        [name] => (None, *name),
        [schema, name] => (Some(*schema), *name),
        _ => return Err(refusal::not_reviewed("a function with a database's name")),
    };
    let builtin = catalog.builtin_functions.get(name);
    let is_user = schema != Some("pg_catalog") && catalog.user_functions.contains(name);
    let is_harmless = is_user && catalog.harmless.functions.contains(name);
    match (builtin, is_user && !is_harmless) {
        (_, true) => user(name, catalog),
        (None, false) if is_harmless => Ok(Consequence::None),
        _ if schema == Some("information_schema") && INFORMATION_SCHEMA.contains(&name) => {
            Ok(Consequence::None)
        }
        _ if schema.is_some_and(|schema| schema != "pg_catalog") => Err(refusal::unknown_function(name)),
        (Some(function), false) => builtin_call(call, name, function.volatility),
        (None, false) => Err(refusal::unknown_function(name)),
    }
}

/// A name after a dot, which is a function's where there is no such field; and what calling that one does.
///
/// # Errors
/// The function may not be called, or not so: what locks or writes is called as a function.
pub(super) fn check_field(name: &str, catalog: &Catalog) -> Result<Consequence, Refusal> {
    // Which setting it would show stands in the value.
    if name == "current_setting" {
        return Err(settings::computed_name(name));
    }
    if catalog.user_functions.contains(name) && !catalog.harmless.functions.contains(name) {
        return user(name, catalog);
    }
    match catalog.builtin_functions.get(name) {
        Some(function) => match builtin::rule(name, function.volatility) {
            Rule::Call(Consequence::None) => Ok(Consequence::None),
            _ => Err(denied(name, function.volatility)),
        },
        None => Ok(Consequence::None),
    }
}

/// Whether a call may be of a function that is not PostgreSQL's own.
pub(super) fn may_be_a_users(call: &Call<'_>, catalog: &Catalog) -> bool {
    let name = call.name.last();
    call.name.first() != Some(&"pg_catalog")
        && name.is_some_and(|name| catalog.user_functions.contains(*name))
}

/// Whether a call may run a user's function that changes rows: nobody counts those.
pub(super) fn may_change(call: &Call<'_>, catalog: &Catalog) -> bool {
    let (Some(name), pinned) = (call.name.last(), call.name.first() == Some(&"pg_catalog")) else {
        return false;
    };
    if pinned || !catalog.user_functions.contains(*name) || catalog.harmless.functions.contains(*name) {
        return false;
    }
    let code = &catalog.code;
    let Some(found) = code.functions_by_name.get(*name) else { return true };
    // The server holds others to reading.
    found
        .iter()
        .any(|oid| code.functions.get(oid).is_none_or(|function| function.volatility == Volatility::Volatile))
}

/// Whether a user's function of this name may be called with a row of a subquery as its one argument.
pub(super) fn takes_rows(name: &str, catalog: &Catalog) -> bool {
    if !catalog.user_functions.contains(name) {
        return false;
    }
    let code = &catalog.code;
    let Some(found) = code.functions_by_name.get(name) else { return true };
    found.iter().filter_map(|oid| code.functions.get(oid)).any(|function| {
        let wanted = function.arguments.len().saturating_sub(function.defaults.into());
        let first = function.arguments.first().map(|oid| code.types.get(oid).map(|known| &known.kind));
        let holds_rows = first.is_some_and(|kind| {
            !matches!(
                kind,
                Some(TypeKind::Base | TypeKind::Enum | TypeKind::Range(_) | TypeKind::Multirange(_))
            )
        });
        (wanted <= 1 || function.variadic != Oid(0)) && holds_rows
    })
}

fn user(name: &str, catalog: &Catalog) -> Result<Consequence, Refusal> {
    if !catalog.has_protected() {
        return Ok(Consequence::Write);
    }
    Err(refusal::opaque(
        format!("the function `{name}`"),
        "is not PostgreSQL's own, and its code could read protected columns",
        "Write what it does as a statement, or call a built-in as pg_catalog.name if that was meant.",
    ))
}

fn builtin_call(call: &Call<'_>, name: &str, volatility: Volatility) -> Result<Consequence, Refusal> {
    match builtin::rule(name, volatility) {
        Rule::Call(consequence) => Ok(consequence),
        Rule::SetConfig => match (call.constant, call.second) {
            (Some(setting), value) => settings::check_literal(setting, value).map(|()| Consequence::State),
            (None, _) => Err(settings::computed_name(name)),
        },
        Rule::Deny(_) => Err(denied(name, volatility)),
    }
}

/// Whether no statement may call a built-in of this name, or not with every argument.
pub(super) fn is_denied(name: &str, catalog: &Catalog) -> bool {
    catalog.builtin_functions.get(name).is_some_and(|function| {
        matches!(builtin::rule(name, function.volatility), Rule::Deny(_) | Rule::SetConfig)
    })
}

fn denied(name: &str, volatility: Volatility) -> Refusal {
    let Rule::Deny(code) = builtin::rule(name, volatility) else {
        return refusal::not_reviewed(&format!("the function `{name}` in this place"));
    };
    let (why, hint) = match code {
        ReasonCode::ValueBearingCatalog => (
            "shows texts of statements, files or values of rows",
            "Read the tables themselves; protected columns come out masked.",
        ),
        ReasonCode::Administration => {
            ("administers the server or other people's sessions", "Ask an administrator of this resource.")
        }
        _ => (
            "runs or reads something that this statement does not show",
            "Write what it would run as a statement of its own.",
        ),
    };
    refusal::refusal(code, Some(name.to_owned()), format!("the function `{name}` {why}"), hint)
}
