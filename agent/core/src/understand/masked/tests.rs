//! What is sent in place of a statement, on a small database written as text.

use connect_shared::label::Label;

use super::*;
use crate::{
    catalog::{
        Column, Oid,
        fixture::{Version, catalog as drafted},
    },
    mask::sql,
    understand::{settle_views, understand},
};

const SHOP: &str = "
    public.customers(id int8 not null, name text, email text, data json, at timestamptz, primary key (id));
    public.orders(id int8 not null, customer_id int8, total numeric, primary key (id));
    public.pairs(a int4 not null, b int4 not null, email text, note text, primary key (a, b));
";

fn shop() -> Catalog {
    let mut catalog = drafted(Version::Postgres15, SHOP).expect("a database");
    for name in ["customers", "pairs"] {
        let oid = catalog.by_name[name][0];
        let columns = &mut catalog.relation_mut(oid).expect("it was added").columns;
        columns.iter_mut().filter(|column| &*column.name == "email").for_each(label);
    }
    settle_views(&mut catalog, &std::collections::HashMap::<Oid, std::sync::Arc<str>>::new());
    catalog
}

fn label(column: &mut Column) {
    column.label = Some(Label::Email);
}

/// What is sent, with each mask expression as `MASK`.
fn sent(text: &str) -> Result<String, Refusal> {
    let catalog = shop();
    let session = super::super::new_session(&catalog, None);
    let limits = Limits::default();
    let key = MaskKey::new([42; 32]);
    let known = understand(text.as_bytes(), &catalog, &session, &limits).statements;
    assert!(matches!(known[0].protection, Protection::Refused(_)), "{text} needs no rewriting");
    let masked = masked(text.as_bytes(), &known, &catalog, &session, &key, &limits)?;
    assert!(matches!(masked.statements[0].protection, Protection::Masked { .. }), "{text}");
    let sent = String::from_utf8(masked.text.to_vec()).expect("it was text");
    let column = sql::Column {
        label: Label::Email,
        type_oid: Oid(25),
        modifier: -1,
        collation: None,
        reference: "\"_\".\"email\"",
    };
    Ok(sent.replace(&sql::expression(&catalog, &key, &column), "MASK"))
}

#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(sent(text).expect("it can be rewritten"), expected);
}

#[track_caller]
fn is_refused(text: &str) {
    let sent = sent(text);
    assert!(sent.is_err(), "{text} became {sent:?}");
}

const CUSTOMERS: &str =
    "(SELECT \"_\".\"id\" AS \"id\", MASK AS \"email\" FROM \"public\".\"customers\" AS \"_\")";

#[test]
fn columns_beside_a_grouped_primary_key_are_grouped_by_too() {
    let count = "count(*) FROM";
    becomes(
        &format!("SELECT c.id, c.email, {count} customers c GROUP BY c.id"),
        &format!("SELECT c.id, c.email, {count} {CUSTOMERS} c GROUP BY c.id, \"c\".\"email\""),
    );
    becomes(
        &format!("SELECT id, upper(email), {count} customers GROUP BY id HAVING true"),
        &format!(
            "SELECT id, upper(email), {count} {CUSTOMERS} AS \"customers\" GROUP BY id, \"customers\".\"email\" \
             HAVING true"
        ),
    );
    becomes(
        &format!("SELECT c.id, c.email, {count} customers c GROUP BY 1 ORDER BY 2"),
        &format!("SELECT c.id, c.email, {count} {CUSTOMERS} c GROUP BY 1, \"c\".\"email\" ORDER BY 2"),
    );
    becomes(
        &format!("SELECT public.customers.email, {count} customers GROUP BY public.customers.id"),
        &format!(
            "SELECT customers.email, {count} {CUSTOMERS} AS \"customers\" GROUP BY customers.id, \
             \"customers\".\"email\""
        ),
    );
}

#[test]
fn nothing_is_added_to_a_list_that_holds_no_whole_key_for_certain() {
    for list in ["c.email", "o.id", "(c.id, c.email)", "ROLLUP (c.id)", "c.id + 0", "3"] {
        let text = format!(
            "SELECT c.id, upper(c.email), o.id FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY {list}"
        );
        let sent = sent(&text).expect("it can be rewritten");
        assert!(sent.ends_with(&format!("GROUP BY {list}")), "{sent}");
    }
    let pairs = sent("SELECT a, upper(email) FROM pairs GROUP BY a").expect("it can be rewritten");
    assert!(pairs.ends_with("GROUP BY a"), "{pairs}");
    let pairs = sent("SELECT a, upper(email) FROM pairs GROUP BY b, a").expect("it can be rewritten");
    assert!(
        pairs.ends_with("GROUP BY b, \"pairs\".\"email\", a")
            || pairs.ends_with("GROUP BY b, a, \"pairs\".\"email\""),
        "{pairs}"
    );
}

#[test]
fn a_column_without_equality_cannot_be_added_to_a_list() {
    is_refused("SELECT id, upper(email), data FROM customers GROUP BY id");
    is_refused("SELECT id, upper(max(email)), row_to_json(customers) FROM customers GROUP BY id");
}

#[test]
fn a_whole_row_is_a_row_of_masks_where_its_type_does_not_matter() {
    let all = "(SELECT \"_\".\"id\" AS \"id\", \"_\".\"name\" AS \"name\", MASK AS \"email\", \"_\".\"data\" AS \
               \"data\", \"_\".\"at\" AS \"at\" FROM \"public\".\"customers\" AS \"_\")";
    for used in [
        "row_to_json(c)",
        "to_json(c)",
        "to_jsonb(c)",
        "json_agg(c)",
        "jsonb_agg(c ORDER BY c.id)",
        "count(c)",
        "pg_catalog.row_to_json(c)",
        "(c).email",
        "c IS NOT NULL",
        "json_build_object('c', c)",
        "md5(c::text)",
        "md5(CAST(c.* AS varchar))",
        "to_json(c.*)",
        "ROW(c.*)",
        "c.*, upper(email)",
        "count(c.*)",
        "concat(c)",
        "(SELECT count(*) FROM (VALUES (c.*)) v)",
    ] {
        becomes(&format!("SELECT {used} FROM customers c"), &format!("SELECT {used} FROM {all} c"));
    }
    for used in [
        "c",
        "array_agg(c)",
        "array_agg(c.*)",
        "coalesce(c.*, NULL)",
        "c::varchar[]",
        "coalesce(c, c)",
        "ROW(c)",
        "c = c",
        "c.row_to_json",
        "public.to_json(c)",
    ] {
        is_refused(&format!("SELECT {used} FROM customers c"));
    }
    is_refused("SELECT row_to_json(c), c.ctid FROM customers c");
    is_refused("SELECT row_to_json(c) FROM customers c ORDER BY c");
}

#[test]
fn commands_that_carry_a_query_carry_the_rewritten_one() {
    let (query, rewritten) = (
        "SELECT upper(email) FROM customers c",
        format!("SELECT upper(email) FROM {} c", CUSTOMERS.replace("\"_\".\"id\" AS \"id\", ", "")),
    );
    for command in [
        "PREPARE p AS *",
        "PREPARE p(int, text) AS *",
        "DECLARE c CURSOR FOR *",
        "DECLARE c BINARY SCROLL CURSOR WITH HOLD FOR *",
        "COPY (*) TO STDOUT",
        "COPY (*) TO STDOUT (FORMAT csv, HEADER)",
        "EXPLAIN (COSTS OFF) *",
        "EXPLAIN (COSTS OFF, VERBOSE, FORMAT json) *",
    ] {
        becomes(&command.replace('*', query), &command.replace('*', &rewritten));
    }
    for command in [
        "EXPLAIN *",
        "EXPLAIN (COSTS OFF, ANALYZE) *",
        "EXPLAIN ANALYZE *",
        "COPY (*) TO '/tmp/x'",
        "COPY (*) TO PROGRAM 'cat'",
        "COPY (*) TO STDOUT (FORMAT csv, SHINY)",
        "CREATE TABLE t AS *",
        "CREATE VIEW v AS *",
        "CREATE MATERIALIZED VIEW v AS *",
        "INSERT INTO orders (id) *",
        "PREPARE p AS INSERT INTO orders (id) *",
        "EXPLAIN (COSTS OFF) CREATE TABLE t AS *",
    ] {
        is_refused(&command.replace('*', query));
    }
    is_refused("SELECT upper(email) INTO t FROM customers");
    is_refused("EXPLAIN (COSTS OFF) SELECT upper(email) INTO t FROM customers");
}

#[test]
fn rows_of_a_copy_are_read_as_masks_even_if_they_only_pass() {
    let only = CUSTOMERS.replace("FROM \"public\"", "FROM ONLY \"public\"");
    becomes(
        "COPY customers (email, id) TO STDOUT WITH (FORMAT csv, FORCE_QUOTE (email))",
        &format!(
            "COPY (SELECT \"email\", \"id\" FROM {only} AS \"customers\") TO STDOUT WITH (FORMAT csv, FORCE_QUOTE (email))"
        ),
    );
    becomes(
        "COPY (SELECT id, email FROM customers) TO STDOUT",
        &format!("COPY (SELECT id, email FROM {CUSTOMERS} AS \"customers\") TO STDOUT"),
    );
    let whole = sent("COPY public.pairs TO STDOUT csv header").expect("it can be rewritten");
    assert!(whole.starts_with("COPY (SELECT \"a\", \"b\", \"email\", \"note\" FROM (SELECT"), "{whole}");
    for command in [
        "COPY BINARY customers TO STDOUT",
        "COPY customers (email, nothing) TO STDOUT",
        "COPY customers TO '/tmp/x'",
        "COPY customers TO PROGRAM 'cat'",
        "COPY customers TO STDOUT (SHINY)",
    ] {
        is_refused(command);
    }
}

#[test]
fn unusual_names_in_from_are_rewritten_with_what_belongs_to_them() {
    let only = CUSTOMERS.replace("FROM \"public\"", "FROM ONLY \"public\"");
    for from in ["ONLY customers", "ONLY (customers)", "ONLY /* here */ ( public . customers )"] {
        becomes(
            &format!("SELECT id FROM {from} c WHERE email LIKE 'a%'"),
            &format!("SELECT id FROM {only} c WHERE email LIKE 'a%'"),
        );
    }
    becomes(
        "SELECT id FROM customers * c WHERE email LIKE 'a%'",
        &format!("SELECT id FROM {CUSTOMERS} c WHERE email LIKE 'a%'"),
    );
    let table = sent("COPY (TABLE customers) TO STDOUT").expect("it can be rewritten");
    assert!(table.starts_with("COPY (SELECT * FROM (SELECT \"_\".\"id\" AS \"id\", "), "{table}");
    for sample in ["TABLESAMPLE system (10)", "TABLESAMPLE pg_catalog.bernoulli ((1 + 2)) REPEATABLE ((3))"] {
        for alias in [" AS c ", " c -- here\n", " "] {
            let named = if alias == " " { " AS \"customers\"" } else { "" };
            let inside = format!("{} {sample}){named}{alias}", CUSTOMERS.trim_end_matches(')'));
            becomes(
                &format!("SELECT id FROM customers{alias}{sample} WHERE email LIKE 'a%'"),
                &format!("SELECT id FROM {inside} WHERE email LIKE 'a%'"),
            );
        }
    }
    is_refused("SELECT upper(email) FROM customers TABLESAMPLE system ((SELECT max(id) FROM customers))");
}

#[test]
fn a_lookup_that_every_row_must_meet_is_asked_of_the_stored_column_too() {
    let by_index = |text: &str| {
        let sent = sent(text).unwrap_or_else(|refusal| panic!("{text}: {}", refusal.message));
        sent.matches(" WHERE (\"_\".\"email\" OPERATOR(pg_catalog.=) ANY (ARRAY[").count()
    };
    for (text, expected) in [
        ("SELECT upper(email) FROM customers WHERE email = 'a'", 1),
        ("SELECT upper(email) FROM customers c WHERE c.email IN ('a', $1) AND id > 5", 1),
        (
            "SELECT upper(c.email) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE 'a' = c.email",
            1,
        ),
        (
            "SELECT 1 FROM orders WHERE EXISTS (SELECT FROM customers WHERE id = customer_id AND email = 'a' AND email LIKE 'a')",
            1,
        ),
        ("SELECT upper(email) FROM customers WHERE email = 'a' OR id = 5", 0),
        ("SELECT upper(email) FROM customers WHERE NOT email = 'a'", 0),
        ("SELECT upper(email) FROM customers WHERE email IS NOT DISTINCT FROM $1", 0),
        ("SELECT upper(email) FROM customers WHERE email = upper('a')", 0),
        (
            "SELECT upper(c.email) FROM orders o LEFT JOIN customers c ON c.id = o.customer_id WHERE c.email = 'a'",
            0,
        ),
        ("SELECT (SELECT max(d.email) FROM customers d WHERE c.email = 'a') FROM customers c", 0),
        ("SELECT upper(s.email) FROM (SELECT id, email FROM customers) s WHERE s.email = 'a'", 0),
    ] {
        assert_eq!(by_index(text), expected, "{text}");
    }
}
