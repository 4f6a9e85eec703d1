//! Texts of PostgreSQL's own tools that say a thing in a way that cannot be followed, and how they are read.
//!
//! pg_dump names a setting by a row of `pg_settings`, so that servers that do not know it do not fail. Its
//! condition leaves one name, and so the text is read as one with that name. What is sent is the tool's own.
//! It also reads secrets, whether there are any or not; these it is told are not there.

/// Longest text in which it looks for them.
const LONGEST: usize = 4 * 1024;

/// What pg_dump writes (since the minor versions of August 2024), and a text of the same length and effect.
const READ_AS: [(&str, &str); 2] = [
    (
        "SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings \
         WHERE name = 'restrict_nonsystem_relation_kind'",
        "SELECT set_config('restrict_nonsystem_relation_kind', 'view, foreign-table', false)                                   ",
    ),
    (
        "SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'",
        "SELECT set_config('restrict_nonsystem_relation_kind', 'view', false)                                   ",
    ),
];

/// How pg_dump reads the options of foreign servers and of user mappings, which may be passwords, and the same
/// without them.
const SECRETS: [(&str, &str); 2] = [
    (
        "FROM pg_options_to_table(srvoptions) ORDER BY option_name",
        "FROM pg_options_to_table(NULL) ORDER BY option_name",
    ),
    (
        "FROM pg_options_to_table(umoptions) ORDER BY option_name",
        "FROM pg_options_to_table(NULL) ORDER BY option_name",
    ),
];

/// A text to understand and to send in place of one that was refused for the secrets that it reads: every
/// pg_dump does, also of databases that have none.
pub(super) fn without_secrets(text: &str) -> Option<String> {
    if text.len() > LONGEST || !SECRETS.iter().any(|(read, _)| text.contains(read)) {
        return None;
    }
    Some(SECRETS.iter().fold(text.to_owned(), |text, (read, left_out)| text.replace(read, left_out)))
}

/// The text to understand in place of another one.
pub(super) fn read_as(text: &str) -> &str {
    // Nothing else begins so that is as short.
    if text.len() > 200 || !text.starts_with("SELECT set_config(name, ") {
        return text;
    }
    READ_AS.iter().find(|(written, _)| *written == text).map_or(text, |(_, read)| read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_may_be_passwords_are_left_out_of_a_dump_and_of_nothing_else() {
        let written = "SELECT oid, array_to_string(ARRAY(SELECT quote_ident(option_name) || ' ' || quote_literal(option_value) \
                       FROM pg_options_to_table(srvoptions) ORDER BY option_name), E',\\n    ') AS srvoptions FROM pg_foreign_server";
        let sent = without_secrets(written).expect("it is pg_dump's");
        assert_eq!(sent, written.replace("(srvoptions)", "(NULL)"));
        assert_eq!(without_secrets("SELECT srvoptions FROM pg_foreign_server"), None);
        assert_eq!(without_secrets(&format!("{written}{}", " ".repeat(LONGEST))), None);
    }

    #[test]
    fn places_in_both_texts_are_the_same_and_anything_else_is_read_as_it_is() {
        for (written, read) in READ_AS {
            assert_eq!(written.len(), read.len());
            assert_eq!(read_as(written), read);
            let other = written.replace("restrict_nonsystem_relation_kind", "connect_mask.email");
            assert_eq!(read_as(&other), other);
        }
    }
}
