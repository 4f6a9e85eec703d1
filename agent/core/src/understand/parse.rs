//! Parsing, and what its errors mean. The parser checks its own stack, and the decoder takes at most a
//! hundred levels, so that a tree is never deeper than what walking and dropping it can bear.

use pg_query::{Error, protobuf::RawStmt};

use super::refusal;
use crate::statement::Refusal;

/// Most `/*` in one run of operator characters: the scanner reads the rest of the run again for each of them,
/// so that a text of a megabyte would keep it busy for minutes.
const MOST_OPENINGS: usize = 256;

/// Whether the parser would take far longer than the text is long.
pub(super) fn takes_too_long(text: &str) -> bool {
    // A text that does not hold so many at all need not be looked at run by run.
    if text.as_bytes().windows(2).filter(|pair| pair == b"/*").count() <= MOST_OPENINGS {
        return false;
    }
    let is_of_operators = |byte: &u8| b"~!@#^&|`?+-*/%<>=".contains(byte);
    text.as_bytes().split(|byte| !is_of_operators(byte)).any(|run| {
        // A run that is too short to hold so many need not be looked at.
        run.len() > MOST_OPENINGS && run.windows(2).filter(|pair| pair == b"/*").count() > MOST_OPENINGS
    })
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_in_comments_by_the_thousand_are_not_given_to_the_parser() {
        assert!(takes_too_long(&"/*".repeat(300)));
        assert!(takes_too_long(&format!("SELECT 1 {}", "-/*".repeat(1_000))));
        for fine in [
            "/*".repeat(200),
            "/* a ".repeat(10_000),
            "-".repeat(100_000),
            format!("/{}/", "*".repeat(9_999)),
        ] {
            assert!(!takes_too_long(&fine));
        }
    }
}
