//! Text constants of a statement become its parameters, as drivers send what a program gives them.

/// Commands that take parameters.
const TAKE: [&str; 6] = ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE"];

/// The statement with `$1` and so on in place of its plain text constants, and these. Of a command that takes none,
/// and of one with constants that are written otherwise, nothing is changed.
pub(super) fn lifted(sql: &str) -> (String, Vec<String>) {
    let takes = TAKE.iter().any(|command| sql.trim_start().starts_with(command));
    if !takes || sql.contains(['$', '\\']) {
        return (sql.to_owned(), Vec::new());
    }
    let (mut text, mut values) = (String::new(), Vec::new());
    let mut parts = sql.split('\'').peekable();
    while let Some(before) = parts.next() {
        text.push_str(before);
        let Some(first) = parts.next() else { break };
        let mut value = first.to_owned();
        // Two quotes are one.
        while parts.peek() == Some(&"") {
            parts.next();
            let Some(more) = parts.next() else { break };
            value = format!("{value}'{more}");
        }
        // `interval '1 day'`, `E'…'`: what stands before it is a part of the constant.
        if before.trim_end().ends_with(|last: char| last.is_alphanumeric()) && !is_keyword(before) {
            text.push_str(&format!("'{}'", value.replace('\'', "''")));
            continue;
        }
        values.push(value);
        text.push_str(&format!("${}", values.len()));
    }
    (text, values)
}

/// Words behind which a value stands.
fn is_keyword(before: &str) -> bool {
    const WORDS: [&str; 14] = [
        "SELECT", "THEN", "ELSE", "WHEN", "LIKE", "ILIKE", "TO", "AND", "OR", "BETWEEN", "FROM", "from",
        "IN", "BY",
    ];
    before
        .trim_end()
        .rsplit(|letter: char| !letter.is_alphanumeric())
        .next()
        .is_some_and(|word| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::lifted;

    #[test]
    fn text_constants_become_parameters_and_all_else_stays() {
        let lifts = |sql: &str| {
            let (text, values) = lifted(sql);
            (text, values.join("|"))
        };
        let is = |text: &str, values: &str| (text.to_owned(), values.to_owned());
        assert_eq!(
            lifts("SELECT 'a' || b WHERE c LIKE 'it''s'"),
            is("SELECT $1 || b WHERE c LIKE $2", "a|it's")
        );
        assert_eq!(lifts("SELECT interval '1 day', x = ''"), is("SELECT interval '1 day', x = $1", ""));
        assert_eq!(lifts("SELECT ''''"), is("SELECT $1", "'"));
        for as_it_is in ["COPY t TO STDOUT (NULL 'x')", "SELECT $$a$$, 'b'", "SELECT E'\\n'", "SELECT 1"] {
            assert_eq!(lifts(as_it_is), is(as_it_is, ""));
        }
    }
}
