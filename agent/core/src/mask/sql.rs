//! Masks where the column is read: a SQL expression whose value is the mask that [`super::transform`]
//! writes on the wire for the same value.
//!
//! What holds for every expression of [`expression`]:
//!
//! - NULL gives NULL, and no value gives an error.
//! - It calls functions and operators of `pg_catalog` only, all of them by their schema, and special forms
//!   that no search path can move: CASE, COALESCE, IS NULL, AND, CAST, ARRAY(). Not BETWEEN, IN, NULLIF,
//!   LIKE or `CASE x WHEN`, whose operators are looked up.
//! - No part of it is volatile or looks at a setting other than the key: not `DateStyle`, `TimeZone`,
//!   `IntervalStyle`, `bytea_output`, nor any locale. It compares no texts, so that no collation matters,
//!   and has no backslash in a literal.
//! - Its type, modifier and collation are the column's.
//!
//! **Key.** The digest is `sha256(outer || sha256(inner || value))`, HMAC's own definition, with both blocks
//! from one custom setting per label ([`Setting`]), and a fingerprint of that setting in the expression: if
//! the setting is missing, was reset or holds anything else, the mask is NULL. Each block is an uncorrelated
//! subselect, so that it is checked and decoded once per execution and not per row.
//!
//! Read next: [`key`], [`shape`], [`text`]. The names that the expression brings along begin with a word
//! that is not in the reference, so that none can capture it.

mod array;
mod key;
mod number;
mod shape;
mod term;
mod text;
mod type_name;

use connect_shared::label::Label;

pub use self::key::{PREFIX, SET_CONFIG, Setting, settings};
use self::{shape::Source, term::cast, type_name::TypeName};
use super::{
    known::known,
    neutral,
    render::neutral_text,
    room::Room,
    transform::{Method, method},
    types::*,
};
use crate::{
    catalog::{Catalog, Oid, quoted},
    mask::MaskKey,
};

/// A column that is to be masked, and how the statement refers to it.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    pub label: Label,
    /// The type as a result description has it: the one under a domain.
    pub type_oid: Oid,
    /// The modifier as a result description has it; -1 if there is none.
    pub modifier: i32,
    /// Schema and name of the column's collation; `None`: the type's own.
    pub collation: Option<(&'a str, &'a str)>,
    /// A qualified reference to the column, as it stands in SQL: `"t"."email"`. It is repeated.
    pub reference: &'a str,
}

/// The mask of a column, as an expression that may stand in the target list of a subselect.
///
/// A type of which no neutral value is known (of an extension, composite, enum) gives NULL of this type.
/// In a database with another encoding than UTF-8 every column has its neutral value.
///
/// The expression has the column's collation explicitly (`COLLATE`): seen through a subselect this is what a
/// column has; elsewhere two such expressions with different collations cannot be compared.
#[must_use]
pub fn expression(catalog: &Catalog, key: &MaskKey, column: &Column<'_>) -> String {
    let type_oid = known(catalog, column.type_oid);
    let Some(name) = TypeName::new(catalog, column.type_oid, type_oid) else { return null(column.reference) };
    let masked = match method(catalog, column.label, type_oid) {
        Method::Neutral => neutral_value(column, type_oid, &name),
        Method::Keyed(reviewed) => {
            Source::new(key, column, column.reference, Room::new(type_oid, column.modifier))
                .map(|source| source.mask(reviewed))
        }
        Method::Elements(reviewed) => array::mask(key, column, type_oid, &name, reviewed),
    };
    match masked {
        Some(masked) => collated(column, type_oid, cast(&masked, &name.with_modifier(column.modifier))),
        None => null(column.reference),
    }
}

/// NULL of the column's type, modifier and collation, also where their names are not known or the type is a
/// domain that must not be NULL. The column is never read.
#[must_use]
pub fn null(reference: &str) -> String {
    format!("(SELECT {reference} WHERE false)")
}

fn neutral_value(column: &Column<'_>, type_oid: u32, name: &TypeName) -> Option<String> {
    let literal = neutral_literal(column.label, type_oid)?;
    let value = cast(&term::literal(literal), &name.with_modifier(column.modifier));
    Some(format!("CASE WHEN {} IS NOT NULL THEN {value} END", column.reference))
}

/// What the server reads as the neutral value. It needs no backslash, and no setting changes it.
fn neutral_literal(label: Label, type_oid: u32) -> Option<&'static str> {
    let bytes = match type_oid {
        TEXT | VARCHAR | BPCHAR | NAME | CITEXT => neutral_text(label),
        NUMERIC | MONEY => b"0",
        BIT | BYTEA => b"",
        TSQUERY => b"masked",
        array if element(array).is_some() => b"{}",
        other => neutral::text(other)?,
    };
    std::str::from_utf8(bytes).ok()
}

fn collated(column: &Column<'_>, type_oid: u32, expression: String) -> String {
    let scalar = element(type_oid).unwrap_or(type_oid);
    let own = match scalar {
        TEXT | VARCHAR | BPCHAR | CITEXT => "default",
        NAME => "C",
        _ => return expression,
    };
    let (schema, name) = column.collation.unwrap_or(("pg_catalog", own));
    format!("({expression} COLLATE {}.{})", quoted(schema), quoted(name))
}

#[cfg(test)]
mod tests;
