//! Texts of others: what a server remembers of statements that did not come through here, and what the two
//! have in common with those that did.

use pg_query::protobuf::Token;

use super::{super::parse, Normal, Tokens, normal};

/// Longest text that is looked at: a server remembers no longer ones of use.
const LONGEST: usize = 256 * 1024;

/// The normal form of a text that nobody is about to run: no literal is left in it. `None` if it has none.
#[must_use]
pub fn normal_form(text: &str) -> Option<String> {
    // Where `standard_conforming_strings` was off, a quote behind a backslash ended no literal; who can say?
    if text.len() > LONGEST || text.contains("\\'") {
        return None;
    }
    let tokens = Tokens::of_others(text)?;
    match normal(&tokens, 0, text.len()) {
        Normal::Form { sql, .. } => Some(sql),
        Normal::None { .. } => None,
    }
}

/// A form in which a statement of the log and the text that `pg_stat_statements` keeps of it are the same.
/// That keeps the first text of many that differ in constants, so that numbers of parameters, lengths of
/// lists, spaces and the case of letters say nothing.
#[must_use]
pub fn comparable(text: &str) -> Option<String> {
    // The end of a list that was cut is one more value.
    let text = text.replace('…', "0");
    let tokens = Tokens::of_others(&text)?;
    let mut values = String::with_capacity(text.len());
    for (kind, token) in tokens.statement(0, text.len()) {
        values.push_str(if kind == Token::Param { "0" } else { token });
        values.push(' ');
    }
    let form = normal_form(&values)?.to_lowercase();
    let plain: String = form.split_whitespace().collect();
    Some(join_values(&plain))
}

/// Stands for all texts that a server may count as one: they differ in constants, aliases and the order of
/// lists. Coarser than [`comparable`]. `None` if the text cannot be parsed.
#[must_use]
pub fn counted_as(text: &str) -> Option<u64> {
    if text.len() > LONGEST || parse::takes_too_long(text) {
        return None;
    }
    let text = text.replace('…', "0");
    let found = pg_query::fingerprint(&text, 0, pg_query::FingerprintOptions::FULL_RELNAME);
    found.ok().map(|fingerprint| fingerprint.value)
}

/// `$1,$2,$3` and `$7` become `$`.
fn join_values(form: &str) -> String {
    let mut joined = String::with_capacity(form.len());
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('$') {
        joined.push_str(before);
        let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_next = joined.strip_suffix("$,").is_some_and(|_| before == ",");
        if is_next {
            joined.pop();
        } else {
            joined.push('$');
        }
        rest = after.strip_prefix(",…").unwrap_or(after);
    }
    joined.push_str(rest);
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) {
        assert_eq!(comparable(one), comparable(other), "{one} | {other}");
    }

    #[test]
    fn what_the_log_says_and_what_a_server_remembers_are_the_same() {
        same(
            "SELECT email FROM customers WHERE id = $1",
            "select email  from customers where id = $1 /* x */",
        );
        same(
            "SELECT * FROM t WHERE a IN ($1, $2, $3, $4, …)",
            "SELECT * FROM t WHERE a IN ($1,$2,$3,$4,$5,$6,$7)",
        );
        same("SELECT * FROM t WHERE a IN ($1, $2, $3, $4, …)", "SELECT * FROM t WHERE a IN ($1 /*, ... */)");
        same("UPDATE t SET a = $2 WHERE b = $1", "UPDATE t SET a = $1 WHERE b = $2");
        same("SELECT 'a', 17, E'x'", "SELECT $1, $2, $3");
        assert_ne!(comparable("SELECT a FROM t"), comparable("SELECT b FROM t"));
        assert_ne!(comparable("SELECT a FROM s.t"), comparable("SELECT a FROM t"));
        assert_eq!(comparable("SELECT 'unterminated"), None);
    }

    #[test]
    fn what_a_server_counts_as_one_is_one_and_what_reads_something_else_is_not() {
        let of = |text: &str| counted_as(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(of("SELECT a AS x FROM t"), of("select a as y from t"));
        assert_eq!(of("SELECT a FROM t WHERE b = 7"), of("SELECT a FROM t WHERE b = $1"));
        assert_ne!(of("SELECT a FROM t"), of("SELECT b FROM t"));
        assert_ne!(of("SELECT a FROM orders_2024_01"), of("SELECT a FROM orders_2024_02"));
        assert_eq!(counted_as("SELECT 'unterminated"), None);
        assert_eq!(counted_as(&"-/*".repeat(1_000)), None);
        assert!(counted_as(&format!("SELECT 1{}", " + 1".repeat(20_000))).is_some(), "depth ends nothing");
    }

    #[test]
    fn no_literal_is_left_in_the_text_of_somebody_else() {
        let form = normal_form("SELECT 'hunter2' FROM t -- hunter2\n WHERE a = $$hunter2$$").expect("a form");
        assert_eq!(form, "SELECT $1 FROM t WHERE a = $2");
        assert_eq!(normal_form("SELECT 'hunter2"), None);
        assert_eq!(normal_form(r"SELECT 'it\'s hunter2'"), None);
        assert_eq!(normal_form("SET a = hunter2"), Some("SET a = $1".to_owned()));
        assert_eq!(normal_form(&"x ".repeat(LONGEST)), None);
    }
}
