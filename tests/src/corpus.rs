//! Statements that are kept in files.

use crate::generate::Statement;

/// The statements of a text: each ends with a semicolon at the end of a line; lines between statements that
/// start with `--` are comments.
#[must_use]
pub fn statements(text: &str) -> Vec<Statement> {
    let mut statements = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let between = lines.is_empty() && (line.trim().is_empty() || line.starts_with("--"));
        if between {
            continue;
        }
        lines.push(line);
        if line.trim_end().ends_with(';') {
            let sql = lines.join("\n");
            statements.push(statement(sql.trim_end().trim_end_matches(';').trim_end()));
            lines.clear();
        }
    }
    statements
}

/// A statement; of EXPLAIN the server analyses what is explained.
fn statement(sql: &str) -> Statement {
    let inner = sql.strip_prefix("EXPLAIN ").unwrap_or(sql);
    Statement { sql: sql.to_owned(), judged: inner.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_with_a_semicolon_at_the_end_of_a_line() {
        let found = statements("-- about\n\nSELECT 1;\n\n-- more\nSELECT ';',\n  2\n;\nEXPLAIN SELECT 3;\n");
        let texts: Vec<&str> = found.iter().map(|statement| statement.sql.as_str()).collect();
        assert_eq!(texts, ["SELECT 1", "SELECT ';',\n  2", "EXPLAIN SELECT 3"]);
        assert_eq!(found[2].judged, "SELECT 3");
    }
}
