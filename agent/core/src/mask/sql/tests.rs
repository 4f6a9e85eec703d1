//! What holds for the text of every expression.

use connect_shared::label::Label;
use regex::Regex;

use super::*;
use crate::catalog::fixture::{self, Version};

fn key() -> MaskKey {
    MaskKey::new([42; 32])
}

fn catalog() -> Catalog {
    fixture::empty(Version::Postgres15)
}

fn column(label: Label, type_oid: u32) -> Column<'static> {
    Column { label, type_oid: Oid(type_oid), modifier: -1, collation: None, reference: "\"t\".\"v\"" }
}

fn expressions() -> Vec<String> {
    let catalog = catalog();
    let types = catalog.code.types.keys().filter(|oid| oid.0 < 10_000);
    types
        .flat_map(|oid| Label::ALL.map(|label| column(label, oid.0)))
        .map(|column| expression(&catalog, &key(), &column))
        .collect()
}

#[test]
fn an_expression_is_one_call_after_the_other_of_what_the_server_has_itself() {
    insta::assert_snapshot!(expression(&catalog(), &key(), &column(Label::Email, TEXT)));
}

#[test]
fn nothing_that_an_expression_names_is_looked_up() {
    let literals = Regex::new("'[^']*'").expect("a regular expression");
    let operators = Regex::new(r"OPERATOR\(pg_catalog\.[-+*/%=<>|]+\)").expect("a regular expression");
    let calls = Regex::new(r#"([.\w"]+)\("#).expect("a regular expression");
    let names = Regex::new(r"(?:AS|COLLATE) ([\w.]+)").expect("a regular expression");
    for expression in expressions() {
        let rest = literals.replace_all(&expression, "''");
        let rest = operators.replace_all(&rest, "");
        assert!(!rest.contains(['+', '*', '/', '%', '=', '<', '>', '|', '~', '\\', '$', ';']), "{rest}");
        for call in calls.captures_iter(&rest) {
            let form = matches!(&call[1], "CAST" | "COALESCE" | "ARRAY" | "connect_mask_item_of");
            assert!(form || call[1].starts_with("pg_catalog."), "{} in {rest}", &call[1]);
        }
        for name in names.captures_iter(&rest) {
            assert!(name[1].starts_with("pg_catalog.") || name[1].starts_with("connect_mask_"), "{rest}");
        }
        for word in ["BETWEEN", " IN ", "NULLIF", "LIKE", "GREATEST", "CASE \""] {
            assert!(!rest.contains(word), "{word} in {rest}");
        }
    }
}

#[test]
fn every_expression_is_one_that_the_parser_reads() {
    for expression in expressions() {
        let parsed = pg_query::parse(&format!("SELECT {expression} FROM t"), 0);
        assert!(parsed.is_ok(), "{expression}: {parsed:?}");
    }
}

#[test]
fn names_of_an_expression_never_stand_in_its_reference() {
    let reference = "\"connect_mask_compact\".\"connect_mask__card\"";
    let expression = expression(&catalog(), &key(), &Column { reference, ..column(Label::Card, TEXT) });
    assert!(expression.contains("AS connect_mask____card"));
    assert!(!expression.replace(reference, "").contains("connect_mask_compact"));
}

#[test]
fn a_type_that_is_not_known_is_null() {
    let unknown = expression(&catalog(), &key(), &column(Label::Email, 17_000));
    assert_eq!(unknown, "(SELECT \"t\".\"v\" WHERE false)");
}

#[test]
fn in_another_encoding_than_utf_8_there_are_neutral_values_only() {
    let catalog = Catalog { utf8: false, ..catalog() };
    for (label, type_oid) in [(Label::Email, TEXT), (Label::Salary, INT4), (Label::BirthDate, 1_182)] {
        let expression = expression(&catalog, &key(), &column(label, type_oid));
        assert!(!expression.contains("sha256"), "{expression}");
    }
}

#[test]
fn a_column_keeps_its_modifier_and_collation() {
    let cast_to = |type_oid, modifier, expected: &str| {
        let column = Column { modifier, ..column(Label::NationalId, type_oid) };
        let expression = expression(&catalog(), &key(), &column);
        assert!(expression.ends_with(&format!("AS pg_catalog.{expected}")), "{expression}");
    };
    cast_to(VARCHAR, 24, r#""varchar"(20)) COLLATE "pg_catalog"."default")"#);
    cast_to(NAME, -1, r#""name") COLLATE "pg_catalog"."C")"#);
    cast_to(1_015, 24, r#""varchar"(20)[]) COLLATE "pg_catalog"."default")"#);
    cast_to(NUMERIC, (10 << 16 | 2) + 4, r#""numeric"(10,2))"#);
    cast_to(NUMERIC, (3 << 16 | 0x7fe) + 4, r#""numeric"(3,-2))"#);
    cast_to(TIMESTAMPTZ, 3, r#""timestamptz"(3))"#);
    cast_to(INTERVAL, 0x7fff << 16 | 2, r#""interval"(32767,2))"#);
    cast_to(INTERVAL, 4 << 16 | 0xffff, r#""interval"(4))"#);
    cast_to(BIT, 8, r#""bit"(8))"#);
    let collation = Some(("public", "a \"b\""));
    let named = Column { collation, ..column(Label::NationalId, TEXT) };
    assert!(expression(&catalog(), &key(), &named).ends_with(r#"COLLATE "public"."a ""b""")"#));
}

#[test]
fn the_function_that_gives_a_setting_is_the_server_s_own() {
    for version in [Version::Postgres15, Version::Postgres18] {
        let code = fixture::builtins(version);
        let function = code.functions.get(&SET_CONFIG).expect("a built-in function");
        assert_eq!(&*function.name, "set_config");
        assert_eq!(*function.arguments, [TEXT, TEXT, BOOL].map(Oid));
    }
}

#[test]
fn a_label_that_is_masked_by_value_has_a_setting() {
    let settings = settings(&key(), Label::ALL.into_iter().chain([Label::Email]));
    let names: Vec<&str> = settings.iter().map(|setting| &*setting.name).collect();
    insta::assert_snapshot!(names.join("\n"));
    let values: std::collections::HashSet<&str> = settings.iter().map(|setting| &**setting.value).collect();
    assert_eq!(values.len(), settings.len());
    assert!(
        values.iter().all(|value| value.len() == 256 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
    );
    for setting in &settings {
        assert!(!format!("{setting:?}").contains(&**setting.value));
    }
    for (label, type_oid) in Label::ALL.into_iter().flat_map(|label| [TEXT, INT4].map(|t| (label, t))) {
        let expression = expression(&catalog(), &key(), &column(label, type_oid));
        let named = names.iter().any(|name| expression.contains(&format!("'{name}'")));
        assert_eq!(named, expression.contains("sha256"), "{label}");
    }
}
