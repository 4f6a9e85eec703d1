//! `search_path`: how its text is read, and which schemas it stands for (`namespace.c`).

use crate::{
    catalog::{self, Catalog, code::Name},
    session::{SearchPath, Session, find, schemas::Standing, settings::Actor},
};

/// Longest identifier in bytes (`NAMEDATALEN - 1`); the server cuts what is longer.
pub(crate) const LONGEST_NAME: usize = 63;

/// The names in a list of identifiers, as the server splits it (`SplitIdentifierString`): without quotes
/// in lower case, with quotes as they are. `None` if the server would not take it.
#[must_use]
pub fn identifiers(text: &str) -> Option<Vec<Name>> {
    let mut names = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, behind) = match rest.strip_prefix('"') {
            Some(quoted) => until_quote(quoted)?,
            None => until_end(rest)?,
        };
        names.push(cut(&name).into());
        rest = behind.trim_start_matches(is_space);
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind.trim_start_matches(is_space),
            None if rest.is_empty() => return Some(names),
            None => return None,
        }
    }
}

/// `scanner_isspace`. Version 16 added the vertical tab, which nobody writes.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn until_quote(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('"')?;
        name.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => {
                name.push('"');
                rest = behind;
            }
            None => return Some((name, behind)),
        }
    }
}

fn until_end(text: &str) -> Option<(String, &str)> {
    let end = text.find(|character| character == ',' || is_space(character)).unwrap_or(text.len());
    let (name, behind) = text.split_at_checked(end)?;
    (!name.is_empty()).then(|| (name.to_ascii_lowercase(), behind))
}

/// Cuts a name where the server does: never within a character.
pub(super) fn cut(name: &str) -> &str {
    let mut end = name.len().min(LONGEST_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or(name)
}

/// A list of identifiers that [`identifiers`] reads back.
#[must_use]
pub fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = names.into_iter().map(catalog::quoted).collect();
    quoted.join(", ")
}

impl Session {
    /// The schemas that names are looked for in. `None` if the setting, the role or what became of a
    /// schema is not known.
    pub(super) fn derived_path(&self, catalog: &Catalog) -> Option<SearchPath> {
        let names = self.settings.path.as_ref()?;
        let mut schemas: Vec<Name> = Vec::with_capacity(names.len() + 2);
        for name in names.iter() {
            if let Some(schema) = self.listed(name, catalog)?
                && !schemas.contains(&schema)
            {
                schemas.push(schema);
            }
        }
        let creation = schemas.first().cloned();
        // What is searched without being named comes first, whatever the rights.
        if !schemas.iter().any(|schema| &**schema == "pg_catalog") {
            schemas.insert(0, find::pg_catalog());
        }
        if self.temporary && !schemas.iter().any(|schema| &**schema == find::TEMPORARY) {
            schemas.insert(0, find::pg_temp());
        }
        Some(SearchPath { schemas, creation })
    }

    /// The schema that a name in the list stands for; inside `None` if the server leaves it out.
    #[expect(clippy::option_option, reason = "outer: not known; inner: left out")]
    fn listed(&self, name: &Name, catalog: &Catalog) -> Option<Option<Name>> {
        if &**name == find::TEMPORARY || self.temporary_schema.as_ref() == Some(name) {
            return Some(Some(find::pg_temp()));
        }
        // Of the others' and of those whose number nobody told: it may be the session's own.
        if name.starts_with("pg_temp_") && self.temporary_schema.is_none() {
            return None;
        }
        let schema = if &**name == "$user" {
            match self.settings.role() {
                Actor::Login => catalog.role.clone(),
                Actor::Named(role) => role.clone(),
                Actor::Unknown => return None,
            }
        } else {
            name.clone()
        };
        match self.standing(&schema, catalog) {
            Standing::Usable => Some(Some(schema)),
            Standing::Absent | Standing::Closed => Some(None),
            Standing::Unknown => None,
        }
    }
}
