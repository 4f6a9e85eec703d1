//! The protocol's resources: what can be read without a call of a tool. There is a list of the databases, and of
//! each one its tables and columns with their labels, as `describe` says it. Rows are no resources: they need a
//! statement, and with it a decision and a record of their own.
//!
//! The texts are those of answers: what others wrote stands within a boundary.

use rmcp::model::{Resource, ResourceTemplate};

use super::tools::Describe;

/// The list of databases.
pub(super) const DATABASES: &str = "connect://databases";
const DATABASE: &str = "connect://database/";
const TYPE: &str = "text/plain";
/// Longest address that is looked at.
const MAX_URI: usize = 1024;

/// What an address names.
#[derive(Debug)]
pub(super) enum Named {
    Databases,
    Tables(Describe),
}

/// Databases by their names.
pub(super) fn all<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Resource> {
    let list = Resource::new(DATABASES, "databases")
        .with_description("The databases that can be read.")
        .with_mime_type(TYPE);
    let databases = names.map(|name| {
        Resource::new(format!("{DATABASE}{}", encoded(name)), name)
            .with_description("Its tables and columns, and the label of every column that is masked.")
            .with_mime_type(TYPE)
    });
    std::iter::once(list).chain(databases).collect()
}

pub(super) fn templates() -> Vec<ResourceTemplate> {
    let template = |path: &str, name: &str, what: &str| {
        ResourceTemplate::new(format!("{DATABASE}{path}"), name).with_description(what).with_mime_type(TYPE)
    };
    vec![
        template("{resource}", "tables", "Tables and columns of a database."),
        template("{resource}/{schema}", "schema", "Those of one schema."),
        template("{resource}/{schema}/{table}", "table", "The columns of one table."),
    ]
}

/// What an address names; `None` if it is none of ours.
pub(super) fn named(uri: &str) -> Option<Named> {
    if uri.len() > MAX_URI {
        return None;
    }
    if uri == DATABASES {
        return Some(Named::Databases);
    }
    let parts: Option<Vec<String>> = uri.strip_prefix(DATABASE)?.split('/').map(decoded).collect();
    let mut parts = parts?.into_iter();
    let describe = Describe { resource: parts.next()?, schema: parts.next(), table: parts.next() };
    parts.next().is_none().then_some(Named::Tables(describe))
}

/// As RFC 6570 puts a value into a template: everything but unreserved characters.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let each = name
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") });
    each.collect()
}

/// One part of an address; `None` if it is empty or no text.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                let digits = std::str::from_utf8(&digits).ok().filter(|text| !text.starts_with('+'))?;
                u8::from_str_radix(digits, 16).ok()?
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty() && !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str) -> Option<(String, Option<String>, Option<String>)> {
        match named(uri)? {
            Named::Databases => panic!("{uri} is the list"),
            Named::Tables(Describe { resource, schema, table }) => Some((resource, schema, table)),
        }
    }

    #[test]
    fn an_address_names_what_was_listed_and_a_name_stays_a_name() {
        for name in ["prod-db", "agent/prod-db", "a b?#%", "ü"] {
            let [_, database] = &all(std::iter::once(name))[..] else { panic!("two") };
            assert_eq!(parts(&database.uri), Some((name.to_owned(), None, None)));
        }
        let table = parts("connect://database/prod-db/public/a%2Fb");
        assert_eq!(table, Some(("prod-db".into(), Some("public".into()), Some("a/b".into()))));
        assert!(matches!(named(DATABASES), Some(Named::Databases)));
    }

    #[test]
    fn an_address_of_something_else_is_none() {
        for uri in [
            "",
            "connect://",
            "connect://databases/",
            "connect://database/",
            "connect://database/a/",
            "connect://database/a//b",
            "connect://database/a/b/c/d",
            "file:///etc/passwd",
            "http://database/a",
            "connect://database/%",
            "connect://database/%2",
            "connect://database/%+1",
            "connect://database/%00",
            "connect://database/%ff",
            "connect://database/a%0Ab",
        ] {
            assert!(named(uri).is_none(), "{uri}");
        }
        assert!(named(&format!("{DATABASE}{}", "x".repeat(2000))).is_none());
    }
}
