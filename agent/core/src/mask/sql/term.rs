//! The words that expressions are made of. Every name has its schema.

use std::fmt::Display;

/// A call of a function of `pg_catalog`.
pub(super) fn call(function: &str, arguments: &[&str]) -> String {
    format!("pg_catalog.{function}({})", arguments.join(", "))
}

/// An operator of `pg_catalog` between two expressions.
pub(super) fn operator(left: impl Display, operator: &str, right: impl Display) -> String {
    format!("({left} OPERATOR(pg_catalog.{operator}) {right})")
}

/// Several of them, from the left.
pub(super) fn chain(operands: &[&str], operator: &str) -> String {
    let operator = format!(" OPERATOR(pg_catalog.{operator}) ");
    format!("({})", operands.join(&operator))
}

/// Texts or bytes one behind the other.
pub(super) fn joined(parts: &[&str]) -> String {
    chain(parts, "||")
}

pub(super) fn cast(expression: &str, type_name: &str) -> String {
    format!("CAST({expression} AS {type_name})")
}

pub(super) const TEXT: &str = "pg_catalog.text";
pub(super) const INT4: &str = "pg_catalog.int4";
pub(super) const INT8: &str = "pg_catalog.int8";

/// A text constant. Ours only: without quotes and backslashes it means the same under every setting.
pub(super) fn literal(constant: &str) -> String {
    debug_assert!(!constant.contains(['\'', '\\']), "no setting may change what a literal means");
    format!("'{constant}'")
}

pub(super) fn int8(number: impl Display) -> String {
    cast(&number.to_string(), INT8)
}

/// A constant of bytes.
pub(super) fn bytes(digits: &str) -> String {
    call("decode", &[&literal(digits), "'hex'"])
}

/// Text as bytes, which it is in a database of this encoding.
pub(super) fn utf8(text: &str) -> String {
    call("convert_to", &[text, "'UTF8'"])
}

/// The same text with letters of which no locale changes the case.
pub(super) fn plain(text: &str) -> String {
    format!("({text} COLLATE pg_catalog.\"C\")")
}

/// A subselect over one that computes each column once: without OFFSET the planner would copy what a
/// column stands for to every place where it is used.
pub(super) fn let_once(value: &str, name: &str, select: &str) -> String {
    format!("(SELECT {select} FROM (SELECT {value} AS {name} OFFSET 0) AS {name}_of)")
}

/// A word for names that does not occur in the reference.
pub(super) fn fresh(reference: &str) -> String {
    let mut word = "connect_mask".to_owned();
    while reference.contains(&word) {
        word.push('_');
    }
    word
}
