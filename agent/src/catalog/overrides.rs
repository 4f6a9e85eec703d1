//! Labels that the configuration file sets: they win over what was found.

use std::collections::HashMap;

use connect_shared::label::Label;

/// What the configuration says of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// Free to show.
    Clear,
    Label(Label),
}

/// `[resource.labels]`, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelOverrides {
    columns: HashMap<(String, String, String), Override>,
    /// `schema.table.*`
    relations: HashMap<(String, String), Override>,
    /// `schema.*`
    schemas: HashMap<String, Override>,
}

/// One line of `[resource.labels]` that means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    #[error("`{0}` is not `schema.table.column`, `schema.table.*` or `schema.*`")]
    Column(String),
    #[error(
        "`{label}` for `{column}` is no label: say `clear` or one of {}",
        Label::ALL.map(Label::as_str).join(", ")
    )]
    Label { column: String, label: String },
}

impl LabelOverrides {
    /// Reads `column = label` pairs as the configuration file has them.
    ///
    /// # Errors
    /// All pairs that mean nothing, at once.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<OverrideError>> {
        let mut overrides = Self::default();
        let mut errors = Vec::new();
        for (column, label) in pairs {
            match parse_override(column, label) {
                Ok(chosen) => {
                    if !overrides.set(column, chosen) {
                        errors.push(OverrideError::Column(column.to_owned()));
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(overrides) } else { Err(errors) }
    }

    fn set(&mut self, column: &str, chosen: Override) -> bool {
        let parts: Vec<&str> = column.split('.').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return false;
        }
        match parts.as_slice() {
            [schema, "*"] if *schema != "*" => {
                self.schemas.insert((*schema).to_owned(), chosen);
            }
            [schema, table, "*"] if *schema != "*" && *table != "*" => {
                self.relations.insert(((*schema).to_owned(), (*table).to_owned()), chosen);
            }
            [schema, table, column] if *schema != "*" && *table != "*" => {
                let key = ((*schema).to_owned(), (*table).to_owned(), (*column).to_owned());
                self.columns.insert(key, chosen);
            }
            _ => return false,
        }
        true
    }

    /// Whether nothing is said of any column.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.relations.is_empty() && self.schemas.is_empty()
    }

    /// What is said of this column; the narrowest line wins.
    #[must_use]
    pub fn of(&self, schema: &str, relation: &str, column: &str) -> Option<Override> {
        let schema = usual(schema);
        let exact = (schema.to_owned(), relation.to_owned(), column.to_owned());
        self.columns
            .get(&exact)
            .or_else(|| self.relations.get(&(exact.0, exact.1)))
            .or_else(|| self.schemas.get(schema))
            .copied()
    }
}

/// The server's own word for the schema of whatever session's temporary tables. Nobody can make a schema of
/// such a name.
fn usual(schema: &str) -> &str {
    let number = schema.strip_prefix("pg_temp_").unwrap_or_default();
    let temporary = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if temporary { "pg_temp" } else { schema }
}

fn parse_override(column: &str, label: &str) -> Result<Override, OverrideError> {
    if label == "clear" {
        return Ok(Override::Clear);
    }
    Label::ALL
        .into_iter()
        .find(|known| known.as_str() == label)
        .map(Override::Label)
        .ok_or_else(|| OverrideError::Label { column: column.to_owned(), label: label.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_line_wins() {
        let overrides = LabelOverrides::parse([
            ("hr.*", "confidential"),
            ("hr.people.*", "pii.name"),
            ("hr.people.id", "clear"),
        ])
        .expect("all lines mean something");
        assert_eq!(overrides.of("hr", "pay", "sum"), Some(Override::Label(Label::Confidential)));
        assert_eq!(overrides.of("hr", "people", "nick"), Some(Override::Label(Label::PersonName)));
        assert_eq!(overrides.of("hr", "people", "id"), Some(Override::Clear));
        assert_eq!(overrides.of("public", "people", "id"), None);
    }

    #[test]
    fn temporary_tables_of_all_sessions_have_one_schema() {
        let overrides = LabelOverrides::parse([("pg_temp.*", "clear")]).expect("it means something");
        assert_eq!(overrides.of("pg_temp_7", "notes", "text"), Some(Override::Clear));
        assert_eq!(overrides.of("pg_temp_", "notes", "text"), None);
        assert_eq!(overrides.of("pg_temporary", "notes", "text"), None);
        assert_eq!(overrides.of("public", "notes", "text"), None);
    }

    #[test]
    fn every_line_without_a_meaning_is_named_at_once() {
        let lines = [("people", "clear"), ("*.*", "clear"), ("a..b", "secret"), ("a.b.c", "pii.emial")];
        let errors = LabelOverrides::parse(lines).expect_err("none means anything");
        assert_eq!(errors.len(), 4);
        assert!(errors[3].to_string().contains("pii.email"), "{}", errors[3]);
    }
}
