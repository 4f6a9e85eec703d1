use std::{collections::HashMap, sync::Arc};

use connect_shared::decision::ReasonCode;

use super::*;
use crate::{
    catalog::{
        HiddenRows,
        fixture::{Version, catalog as drafted},
    },
    mask::MaskKey,
    understand::{Limits, new_session, settle_views, understand_masked},
};

const SHOP: &str = "
    public.customers(id int8 not null, country text, name text, primary key (id));
    public.orders(id int8 not null, customer_id int8, total numeric, primary key (id));
    public.parts(id int8 not null, country text);
    public.part_one(id int8 not null, country text);
    public.whole(id int8 not null);
    public.germans(id int8);
";

/// The database, and what of it those from whom Germans are hidden see.
fn shops() -> (Catalog, Catalog) {
    let mut catalog = drafted(Version::Postgres15, SHOP).expect("a database");
    let oid = |catalog: &Catalog, name: &str| catalog.by_name[name][0];
    let (customers, part, view) =
        (oid(&catalog, "customers"), oid(&catalog, "part_one"), oid(&catalog, "germans"));
    for whole in ["parts", "whole"] {
        let whole = oid(&catalog, whole);
        catalog.relation_mut(whole).expect("it is there").children.push(part);
    }
    let germans = catalog.relation_mut(view).expect("it is there");
    (germans.kind, germans.view_reads) = (RelationKind::View, vec![customers]);
    let definition = "SELECT id FROM public.customers WHERE country = 'DE'::text;";
    settle_views(&mut catalog, &HashMap::from([(view, Arc::<str>::from(definition))]));
    let rule = |table: &str| HiddenRows { table: table.into(), when: "country = 'DE'".into() };
    let hiding = catalog.hiding(&[rule("public.customers"), rule("public.parts")]);
    (catalog, hiding)
}

fn read(text: &str, catalog: &Catalog) -> (Vec<Protection>, Option<String>) {
    let session = new_session(catalog, None);
    let key = MaskKey::new([42; 32]);
    let (analysis, sent) = understand_masked(text.as_bytes(), catalog, &session, &Limits::default(), &key);
    let protections = analysis.statements.into_iter().map(|statement| statement.protection).collect();
    (protections, sent.map(|sent| String::from_utf8(sent.to_vec()).expect("it was text")))
}

const HIDDEN: &str = r#"WHERE (("_"."country" OPERATOR(pg_catalog.=) 'DE')) IS NOT TRUE OFFSET 0)"#;

#[test]
fn a_query_reads_a_table_without_the_rows_that_are_hidden() {
    let (all, some) = shops();
    for text in [
        "SELECT count(*) FROM customers",
        "SELECT * FROM customers c WHERE 1 / (c.id - 5) > 0",
        "TABLE customers",
        "SELECT o.total FROM orders o LEFT JOIN public.customers c ON c.id = o.customer_id",
        "SELECT (SELECT max(id) FROM customers), EXISTS (SELECT FROM customers)",
        "WITH c AS (SELECT id FROM customers) SELECT * FROM c UNION SELECT id FROM customers",
        "SELECT id, ctid FROM ONLY customers FOR UPDATE",
        "SELECT * FROM customers TABLESAMPLE SYSTEM (10)",
        "COPY customers TO STDOUT",
        "COPY customers (id) TO STDOUT (FORMAT csv)",
        "COPY (SELECT id FROM customers) TO STDOUT",
        "EXPLAIN (COSTS OFF) SELECT id FROM customers",
        "PREPARE p AS SELECT id FROM customers WHERE id = $1",
        "DECLARE c CURSOR FOR SELECT id FROM customers",
        "SELECT id FROM parts",
        "SELECT id FROM part_one",
    ] {
        let (before, _) = read(text, &all);
        assert!(!before.iter().any(|found| matches!(found, Protection::Refused(_))), "{text}: {before:?}");
        let (after, sent) = read(text, &some);
        assert!(matches!(after.as_slice(), [Protection::Masked { .. }]), "{text}: {after:?}");
        let sent = sent.expect("it is rewritten");
        let names = text.matches("customers").count() + text.matches("part").count();
        assert_eq!(sent.matches(HIDDEN).count(), names, "{text}: {sent}");
    }
}

#[test]
fn everything_else_that_reaches_the_table_is_refused() {
    let (_, some) = shops();
    for text in [
        "INSERT INTO customers VALUES (1, 'FR', 'x')",
        "INSERT INTO customers VALUES (1, 'FR', 'x') ON CONFLICT DO NOTHING RETURNING id",
        "UPDATE customers SET name = 'x' WHERE id = 1",
        "DELETE FROM customers WHERE id = 1",
        "DELETE FROM orders USING customers c WHERE c.id = customer_id",
        "UPDATE orders SET total = 1 WHERE customer_id IN (SELECT id FROM customers)",
        "INSERT INTO orders SELECT id, id, 1 FROM customers",
        "CREATE TABLE copied AS SELECT * FROM customers",
        "SELECT * INTO copied FROM customers",
        "CREATE VIEW seen AS SELECT * FROM customers",
        "MERGE INTO orders o USING customers c ON c.id = o.customer_id WHEN MATCHED THEN DO NOTHING",
        "WITH gone AS (DELETE FROM customers WHERE id = 1 RETURNING id) SELECT * FROM gone",
        "SELECT c FROM customers c",
        "EXPLAIN SELECT id FROM customers",
        "SELECT id FROM germans",
        "SELECT id FROM whole",
        "COPY customers FROM STDIN",
        "TRUNCATE customers",
        "EXPLAIN ANALYZE DELETE FROM customers WHERE id = 1",
        "PREPARE p AS DELETE FROM customers WHERE id = 1",
        "CREATE INDEX ON customers (id) WHERE country = 'DE'",
        "ALTER TABLE customers ADD CHECK (country <> 'DE')",
        "SELECT id FROM customers; DELETE FROM customers WHERE id = 1",
    ] {
        let (after, sent) = read(text, &some);
        let refused = after.iter().any(|found| matches!(found, Protection::Refused(_)));
        assert!(refused && sent.is_none(), "{text}: {after:?} {sent:?}");
    }
    let (after, _) = read("DELETE FROM customers WHERE id = 1", &some);
    let [Protection::Refused(refusal)] = after.as_slice() else { panic!("{after:?}") };
    assert_eq!(refusal.code, ReasonCode::HiddenRows);
}

#[test]
fn what_does_not_reach_the_table_is_as_it_was() {
    let (all, some) = shops();
    for text in ["SELECT * FROM orders", "UPDATE orders SET total = 1 WHERE id = 1", "SELECT 1"] {
        assert_eq!(read(text, &some).1, None, "{text}");
        assert_eq!(read(text, &all).1, None, "{text}");
    }
}

#[test]
fn a_condition_that_is_none_for_its_table_hides_all_of_it() {
    let (all, _) = shops();
    for when in ["nation = 'DE'", "lower(country) = 'de'"] {
        let rule = HiddenRows { table: "public.customers".into(), when: when.into() };
        let (_, sent) = read("SELECT id FROM customers", &all.hiding(&[rule]));
        assert!(sent.is_some_and(|sent| sent.contains("WHERE (true) IS NOT TRUE OFFSET 0")), "{when}");
    }
}

#[test]
fn two_rules_hide_what_either_of_them_does() {
    let (all, _) = shops();
    let rule = |when: &str| HiddenRows { table: "public.customers".into(), when: when.into() };
    let catalog = all.hiding(&[rule("country = 'DE'"), rule("id > 5")]);
    let relation = catalog.relation(catalog.by_name["customers"][0]).expect("it is there");
    assert_eq!(relation.hidden().map(|hidden| &*hidden.when), Some("(country = 'DE') or (id > 5)"));
    let (_, sent) = read("SELECT id FROM customers", &catalog);
    let sent = sent.expect("it is rewritten");
    assert!(sent.contains("'DE')) OR ((\"_\".\"id\" OPERATOR(pg_catalog.>) 5))) IS NOT TRUE"), "{sent}");
}
