//! Parsing, and what its errors mean. The parser checks its own stack, and the decoder takes at most a
//! hundred levels, so that a tree is never deeper than what walking and dropping it can bear.

use pg_query::{Error, protobuf::RawStmt};

use super::refusal;
use crate::statement::Refusal;

/// Statements of a text.
pub(super) fn statements(text: &str) -> Result<Vec<RawStmt>, Refusal> {
    pg_query::parse(text, 0).map(|result| result.protobuf.stmts).map_err(|error| refusal(&error))
}

/// What people are told about an error of the parser.
pub(super) fn refusal(error: &Error) -> Refusal {
    match error {
        Error::Parse(message) | Error::Scan(message) if is_too_deep(message) => deep(),
        Error::Parse(message) | Error::Scan(message) => refusal::syntax(message),
        // The decoder has one reason to refuse what the parser made.
        Error::Decode(_) => deep(),
        _ => refusal::not_reviewed("a text that holds a NUL byte"),
    }
}

fn is_too_deep(message: &str) -> bool {
    ["memory exhausted", "stack depth", "nested too deeply"].iter().any(|part| message.starts_with(part))
        || message.contains("nested too deeply")
}

fn deep() -> Refusal {
    refusal::too_large("the statement is nested too deeply to be understood".to_owned())
}
