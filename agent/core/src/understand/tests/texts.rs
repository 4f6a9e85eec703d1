//! Texts: their normal form, their boundaries, and what cannot be read.

use connect_shared::{decision::ReasonCode, entry::TextRef};

use super::world::{one, refusal, shop};
use crate::understand::{Limits, understand};

fn normal(text: &str) -> String {
    one(&shop(), text).normalized.expect("it has a normal form")
}

#[test]
fn no_literal_of_any_command_is_left_in_the_normal_form() {
    for text in [
        "SELECT 'hunter2', 42.5, E'hunter2', $$hunter2$$, $a$hunter2$a$, b'101', U&'hunter2', N'hunter2'",
        "SELECT 1 /* hunter2 */ -- hunter2",
        "ALTER USER bob PASSWORD 'hunter2'",
        "CREATE ROLE bob LOGIN PASSWORD 'hunter2' VALID UNTIL '2030-01-01'",
        "SET application_name = 'hunter2'",
        "SET application_name TO hunter2",
        "SET application_name = a, hunter2",
        "SET my.secret = hunter2",
        "ALTER ROLE bob SET my.secret = hunter2",
        "ALTER SYSTEM SET primary_conninfo = 'password=hunter2'",
        "ALTER DATABASE shop SET my.secret TO hunter2",
        "NOTIFY channel, 'hunter2'",
        "COMMENT ON TABLE products IS 'hunter2'",
        "DO $$ BEGIN hunter2 END $$",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''hunter2'''",
        "CREATE USER MAPPING FOR bob SERVER s OPTIONS (password 'hunter2')",
        "CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p",
        "COPY products TO PROGRAM 'hunter2'",
        "PREPARE TRANSACTION 'hunter2'",
        "EXECUTE p ('hunter2', 42.5)",
        "PREPARE p AS SELECT 'hunter2'",
        "DECLARE c CURSOR FOR SELECT 'hunter2'",
        "EXPLAIN SELECT 'hunter2'",
        "INSERT INTO products (sku) VALUES ('hunter2')",
        "LOAD 'hunter2'",
        "CREATE TYPE t AS ENUM ('hunter2')",
        "SECURITY LABEL ON TABLE products IS 'hunter2'",
        "SELECT 'a'\n'hunter2'",
    ] {
        let normal = normal(text);
        assert!(!normal.contains("hunter2") && !normal.contains("42.5"), "{normal}");
    }
}

#[test]
fn the_normal_form_can_be_read() {
    for (text, expected) in [
        (
            "select  *\nfrom a.products where id=5 and sku = 'x';",
            "select * from a.products where id = $1 and sku = $2",
        ),
        ("SELECT $2, 7, $1", "SELECT $2, $3, $1"),
        ("SELECT count(*), (1+2)::int FROM products", "SELECT count(*), ($1 + $2)::int FROM products"),
        (
            "SELECT id FROM products WHERE id IN (1,2,3,4,5,6,7)",
            "SELECT id FROM products WHERE id IN ($1, $2, $3, $4, …)",
        ),
        (
            "SELECT id FROM products WHERE id IN (1,2,3,4)",
            "SELECT id FROM products WHERE id IN ($1, $2, $3, $4)",
        ),
        ("INSERT INTO products VALUES (1, 'a', NULL)", "INSERT INTO products VALUES ($1, $2, NULL)"),
        ("SELECT 1 -- ü\n, 'ü' AS \"ü\"", "SELECT $1, $2 AS \"ü\""),
        ("SET work_mem TO '1MB'", "SET work_mem TO $1"),
        ("SELECT a[1] FROM (SELECT ARRAY[1,2] a) x", "SELECT a[$1] FROM (SELECT ARRAY[$2, $3] a) x"),
    ] {
        assert_eq!(normal(text), expected);
    }
}

#[test]
fn forms_of_different_relations_have_different_fingerprints() {
    let fingerprint = |text: &str| one(&shop(), text).text;
    assert_eq!(
        fingerprint("SELECT id FROM orders WHERE id = 1"),
        fingerprint("SELECT  id FROM orders WHERE id = 2;")
    );
    // pg_query's own fingerprint takes these for one: it leaves out schemas and digits.
    assert_ne!(fingerprint("SELECT id FROM public.orders"), fingerprint("SELECT id FROM archive.orders"));
    assert!(matches!(fingerprint("SELECT 1"), TextRef::Fingerprint(hex) if hex.len() == 32));
}

#[test]
fn a_form_that_is_too_long_is_named_by_its_length() {
    let text = format!("SELECT {}", "id, ".repeat(20_000)) + "id FROM products";
    let statement = one(&shop(), &text);
    assert_eq!(statement.text, TextRef::Length(text.len() as u64));
    assert_eq!(statement.normalized, None);
}

#[test]
fn a_text_with_several_statements_has_the_facts_of_each() {
    let text = "BEGIN; SELECT upper(email) FROM customers ; ; DELETE FROM products; COMMIT -- end";
    let analysis =
        understand(text.as_bytes(), &shop(), &crate::session::Session::default(), &Limits::default());
    let seen: Vec<_> = analysis
        .statements
        .iter()
        .map(|s| (s.verb.as_str(), s.normalized.as_deref().unwrap_or("")))
        .collect();
    assert_eq!(
        seen,
        [
            ("begin", "BEGIN"),
            ("select", "SELECT upper(email) FROM customers"),
            ("delete", "DELETE FROM products"),
            ("commit", "COMMIT")
        ]
    );
    assert_eq!(analysis.catalog_version, 7);
}

#[test]
fn an_empty_text_has_no_statement() {
    for text in ["", " ", ";", "-- only this", "/* or */ ;;"] {
        assert!(
            understand(text.as_bytes(), &shop(), &crate::session::Session::default(), &Limits::default())
                .statements
                .is_empty(),
            "{text}"
        );
    }
}

#[test]
fn a_syntax_error_is_told_as_the_server_would() {
    for (text, message) in [
        ("SELEC 1", "syntax error at or near \"SELEC\""),
        ("SELECT 'a", "unterminated quoted string at or near \"'a\""),
        ("SELECT (1", "syntax error at end of input"),
    ] {
        let refusal = refusal(&shop(), text).expect("refused");
        assert_eq!((refusal.sqlstate, refusal.message.as_str()), (Some("42601"), message));
        assert_eq!(refusal.code, ReasonCode::NotUnderstood);
    }
}

#[test]
fn an_object_that_is_not_in_the_snapshot_is_named() {
    for (text, object, sqlstate, message) in [
        ("SELECT 1 FROM nothing", "nothing", "42P01", "relation \"nothing\" does not exist"),
        ("SELECT 1 FROM a.nothing", "a.nothing", "42P01", "relation \"a.nothing\" does not exist"),
        ("SELECT nothing FROM products", "nothing", "42703", "column \"nothing\" does not exist"),
        ("SELECT p.nothing FROM products p", "nothing", "42703", "column p.nothing does not exist"),
        ("SELECT x.id FROM products p", "x", "42P01", "missing FROM-clause entry for table \"x\""),
        ("SELECT nothing(1)", "nothing", "42883", "function nothing does not exist"),
        ("ALTER TABLE nothing ADD COLUMN a int", "nothing", "42P01", "relation \"nothing\" does not exist"),
        ("TRUNCATE nothing", "nothing", "42P01", "relation \"nothing\" does not exist"),
    ] {
        let refusal = refusal(&shop(), text).expect("refused");
        assert_eq!(refusal.unknown_object.as_deref(), Some(object), "{text}");
        assert_eq!((refusal.sqlstate, refusal.message.as_str()), (Some(sqlstate), message));
    }
}

#[test]
fn refusals_say_what_to_send_instead() {
    let refusal = |text: &str| refusal(&shop(), text).expect("refused").hint.expect("a hint");
    assert_eq!(
        refusal("SELECT upper(email) FROM customers"),
        "Name it alone in the outermost SELECT list and it comes out masked. Free columns of \
         public.customers: id, country, created_at."
    );
    assert_eq!(
        refusal("COPY customers TO STDOUT"),
        "\\copy (SELECT id, country, created_at FROM public.customers) TO … leaves protected columns out; \
         a SELECT shows them masked."
    );
}
