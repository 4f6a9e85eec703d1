//! Ways to a protected value, by an expert with any client. Each must be refused, for the right reason.

mod code;
mod commands;
mod conditions;
mod expressions;
mod writes;

use super::world::{one, refusal, shop};
use crate::statement::Protection;

/// Asserts that the statement goes to the server as it is written, and asks for so many values.
#[track_caller]
fn looks_up(statement: &str, count: u32) {
    let found = one(&shop(), statement);
    assert!(!matches!(found.protection, Protection::Refused(_)), "{statement}: {:?}", found.protection);
    assert_eq!(found.lookups, count, "{statement}");
}

/// Asserts that every statement is refused with the code.
fn refused(code: &str, statements: &[&str]) {
    let catalog = shop();
    let wrong: Vec<String> = statements
        .iter()
        .filter_map(|statement| match refusal(&catalog, statement) {
            Some(refusal) if refusal.code.as_str() == code => None,
            Some(refusal) => Some(format!("{}: {}\n    {statement}", refusal.code.as_str(), refusal.message)),
            None => Some(format!("passed as {}\n    {statement}", super::world::class(&catalog, statement))),
        })
        .collect();
    assert!(wrong.is_empty(), "not refused as {code}:\n{}", wrong.join("\n"));
}
