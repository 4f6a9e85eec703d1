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

#[test]
fn a_table_with_a_part_of_which_other_rows_are_hidden_is_not_read_with_it() {
    let (all, _) = shops();
    let rule = |table: &str, when: &str| HiddenRows { table: table.into(), when: when.into() };
    let on_parts = || rule("public.parts", "country = 'DE'");
    let other = [
        all.hiding(&[on_parts(), rule("public.part_one", "id > 5")]),
        all.hiding(&[rule("public.part_one", "id > 5"), on_parts()]),
        // Another parent of the same part.
        all.hiding(&[on_parts(), rule("public.whole", "id > 5")]),
    ];
    for catalog in &other {
        for text in
            ["SELECT * FROM parts", "COPY (SELECT id FROM parts) TO STDOUT", "SELECT 1 FROM parts, orders"]
        {
            let (found, sent) = read(text, catalog);
            let [Protection::Refused(refusal)] = found.as_slice() else { panic!("{text}: {found:?}") };
            assert!(refusal.code == ReasonCode::HiddenRows && sent.is_none(), "{text}: {sent:?}");
        }
        let (_, sent) = read("SELECT id FROM part_one", catalog);
        let sent = sent.expect("it is rewritten");
        assert!(sent.contains("OPERATOR(pg_catalog.>) 5") && sent.contains("'DE'"), "{sent}");
    }
    let same = all.hiding(&[rule("public.parts", "id > 5"), rule("public.whole", "id > 5")]);
    let (_, sent) = read("SELECT id FROM parts", &same);
    assert!(
        sent.is_some_and(|sent| sent.contains("WHERE ((\"_\".\"id\" OPERATOR(pg_catalog.>) 5)) IS NOT TRUE"))
    );
    let mut lost = all.clone();
    let part = lost.by_name["part_one"][0];
    Arc::make_mut(&mut lost.relations).remove(&part);
    assert!(
        read("SELECT id FROM parts", &lost.hiding(&[on_parts()])).1.is_none(),
        "a part that nobody knows"
    );
}

/// A database with nothing of its own to protect, from one of whose tables rows are hidden.
const PLAIN: &str = "
    public.customers(id int8 not null, country text);
    public.orders(id int8 not null, customer_id int8);
    pg_catalog.pg_stats(tablename name, most_common_vals text);
    function public.peek() returns int8 language plpgsql stable as $$begin execute 'select max(id) from customers'; end$$;
    function public.greatest_one() returns int8 language sql stable as select max(id) from public.customers;
    function public.twice(n int8) returns int8 language sql immutable as select n * 2;
    view public.statistics(tablename name, most_common_vals text) as SELECT pg_stats.tablename, pg_stats.most_common_vals FROM pg_catalog.pg_stats;
    view public.peeked(id int8) as SELECT public.peek() AS id;
    view public.peeked_twice(id int8) as SELECT peeked.id FROM public.peeked;
    view public.read_inside(id int8) as SELECT public.greatest_one() AS id;
    view public.harmless(id int8) as SELECT public.twice(orders.id) AS id FROM public.orders;
";

fn plain() -> (Catalog, Catalog) {
    let mut catalog = drafted(Version::Postgres15, PLAIN).expect("a database");
    let own = catalog.code.functions.values().filter(|function| &*function.schema == "public");
    catalog.user_functions = Arc::new(own.map(|function| function.name.clone()).collect());
    let oid = |name: &str| catalog.by_name[name][0];
    let views = [("statistics", "pg_stats"), ("peeked_twice", "peeked"), ("harmless", "orders")];
    for (view, below) in views.map(|(view, below)| (oid(view), oid(below))) {
        catalog.relation_mut(view).expect("it is there").view_reads.push(below);
    }
    let definitions = catalog.relations.values().filter_map(|relation| {
        Some((relation.oid, Arc::clone(relation.details.as_ref()?.definition.as_ref()?)))
    });
    let definitions: HashMap<_, _> = definitions.collect();
    let _news = crate::understand::settle_code(&mut catalog);
    settle_views(&mut catalog, &definitions);
    let rule = HiddenRows { table: "public.customers".into(), when: "country = 'DE'".into() };
    let hiding = catalog.hiding(&[rule]);
    (catalog, hiding)
}

#[test]
fn where_nothing_else_is_protected_views_are_judged_anew() {
    let (all, some) = plain();
    for name in ["statistics", "peeked", "peeked_twice", "read_inside", "harmless"] {
        let text = format!("SELECT * FROM {name}");
        assert_eq!(read(&text, &all).0, [Protection::Untouched], "{text}");
        let (found, sent) = read(&text, &some);
        match name {
            "harmless" => assert!(found == [Protection::Untouched] && sent.is_none(), "{text}: {found:?}"),
            "statistics" => {
                let masks = |of: &Protection| match of {
                    Protection::Projection { .. } => true,
                    Protection::Masked { columns } => !columns.is_empty(),
                    _ => false,
                };
                assert!(found.iter().all(masks), "{text}: {found:?}");
            }
            _ => assert!(
                matches!(found.as_slice(), [Protection::Refused(_)]) && sent.is_none(),
                "{text}: {found:?} {sent:?}"
            ),
        }
    }
}

#[test]
fn a_view_that_is_not_understood_is_not_read_even_if_the_configuration_shows_it() {
    let (_, mut some) = plain();
    let peeked = some.by_name["peeked"][0];
    some.relation_mut(peeked).expect("it is there").view = crate::catalog::ViewReading::Projection;
    for text in ["SELECT * FROM peeked", "SELECT p.id FROM peeked p, customers c"] {
        let (found, sent) = read(text, &some);
        let refused = matches!(found.as_slice(), [Protection::Refused(refusal)] if refusal.code == ReasonCode::HiddenRows);
        assert!(refused && sent.is_none(), "{text}: {found:?} {sent:?}");
    }
}

#[test]
fn what_the_configuration_shows_stays_shown_unless_something_is_hidden_behind_it() {
    let (mut all, _) = plain();
    let (statistics, orders) = (all.by_name["statistics"][0], all.by_name["orders"][0]);
    let order = all.relation_mut(orders).expect("it is there");
    order
        .columns
        .iter_mut()
        .for_each(|column| column.label = Some(connect_shared::label::Label::Confidential));
    for name in ["harmless", "statistics", "read_inside"] {
        let view = all.by_name[name][0];
        let view = all.relation_mut(view).expect("it is there");
        view.view = crate::catalog::ViewReading::Projection;
        view.columns.iter_mut().for_each(|column| column.cleared = true);
    }
    let rule = HiddenRows { table: "public.customers".into(), when: "country = 'DE'".into() };
    let hiding = all.hiding(&[rule]);
    let label = |column: &crate::catalog::Column| column.label;
    let shown =
        |oid| hiding.relation(oid).is_some_and(|view| view.columns.iter().filter_map(label).count() == 0);
    assert!(shown(hiding.by_name["harmless"][0]) && !shown(statistics));
    assert!(read("SELECT * FROM read_inside", &hiding).1.is_none());
}
