use connect_shared::label::Label;

use super::*;
use crate::{
    catalog::{
        Cascade, Details, Effect, How, Seen, Trigger,
        fixture::{Version, catalog},
    },
    understand::{Limits, new_session, understand},
};

const SHOP: &str = "public.customers(id int4 not null, email text, segment text);
    public.orders(id int4 not null, customer_id int4, total int4, note text);
    public.items(id int4, order_id int4, n int4);
    public.returns(id int4, item_id int4);
    public.tags(id int4, order_id int4);
    partitioned public.visits(id int4, region text);
    public.visits_de(id int4, region text);
    foreign public.far(id int4);
    view public.mails(email text) as SELECT customers.email FROM public.customers;
    view public.big(id int4, total int4) as SELECT orders.id, orders.total FROM public.orders WHERE (orders.total > 10);
    function public.spy(t text) returns bool language sql immutable as SELECT true";

fn oid(catalog: &Catalog, name: &str) -> Oid {
    catalog.candidates(Some("public"), name).next().expect("it is there").oid
}

fn details<'c>(catalog: &'c mut Catalog, name: &str) -> &'c mut Details {
    let oid = oid(catalog, name);
    catalog.relation_mut(oid).expect("it is there").details.get_or_insert_default()
}

fn key(catalog: &mut Catalog, from: &str, own: i16, to: &str, on_delete: Effect, on_update: Effect) {
    let table = oid(catalog, from);
    details(catalog, to).cascades.push(Cascade { table, on_delete, on_update, keys: [(own, 1)].into() });
}

fn label(catalog: &mut Catalog, table: &str, column: &str, label: Label) {
    let oid = oid(catalog, table);
    let columns = &mut catalog.relation_mut(oid).expect("it is there").columns;
    columns.iter_mut().find(|own| &*own.name == column).expect("a column").label = Some(label);
}

fn shop() -> Catalog {
    let mut catalog = catalog(Version::Postgres18, SHOP).expect("a database");
    let part = oid(&catalog, "visits_de");
    let whole = oid(&catalog, "visits");
    catalog.relation_mut(whole).expect("it is there").children.push(part);
    let (big, orders) = (oid(&catalog, "big"), oid(&catalog, "orders"));
    catalog.relation_mut(big).expect("it is there").view_reads.push(orders);
    label(&mut catalog, "customers", "email", Label::Email);
    label(&mut catalog, "visits", "region", Label::Confidential);
    key(&mut catalog, "items", 2, "orders", Effect::Follow, Effect::Follow);
    key(&mut catalog, "returns", 2, "items", Effect::Null, Effect::Nothing);
    key(&mut catalog, "tags", 2, "orders", Effect::Nothing, Effect::Default);
    catalog
}

fn asked_of(catalog: &Catalog, sql: &str) -> Option<Question> {
    let session = new_session(catalog, Some(&["public".to_owned()]));
    let analysis = understand(sql.as_bytes(), catalog, &session, &Limits::default());
    let parts: Vec<Part<'_>> = analysis
        .statements
        .iter()
        .enumerate()
        .map(|(place, facts)| Part { facts, text: sql.as_bytes(), place, literals: Vec::new() })
        .collect();
    Question::of(&parts, catalog, &session, |_| Ok(()))
}

fn asked(sql: &str) -> Question {
    asked_of(&shop(), sql).unwrap_or_else(|| panic!("{sql}: nothing is asked"))
}

fn planned(catalog: &Catalog, sql: &str) -> Option<String> {
    asked_of(catalog, sql).and_then(|question| question.plan).map(|plan| plan.sql)
}

fn cascades(question: &Question) -> Vec<String> {
    let words = |found: &Cascaded| format!("{} {:?} by {}", found.table.name, found.effect, found.by.name);
    question.cascaded.iter().map(words).collect()
}

#[test]
fn a_condition_without_protected_columns_is_planned_as_a_query() {
    let shop = shop();
    for (sql, expected) in [
        ("DELETE FROM orders WHERE total > 5", "SELECT 1 FROM orders WHERE total > 5"),
        ("UPDATE orders SET total = 0 WHERE note LIKE 'a%'", "SELECT 1 FROM orders WHERE note LIKE 'a%'"),
        ("DELETE FROM customers WHERE id < 9", "SELECT 1 FROM customers WHERE id < 9"),
        ("DELETE FROM big WHERE total > 5", "SELECT 1 FROM big WHERE total > 5"),
        (
            "INSERT INTO tags (id) SELECT id FROM orders WHERE total < now()::text::int",
            "SELECT id FROM orders WHERE total < now()::text::int",
        ),
    ] {
        assert_eq!(planned(&shop, sql).as_deref(), Some(expected), "{sql}: {:?}", asked(sql).unknown);
    }
}

#[test]
fn nothing_that_depends_on_a_protected_column_is_planned_or_counted() {
    let shop = shop();
    for sql in [
        "DELETE FROM customers WHERE email LIKE 'a%'",
        "UPDATE customers SET segment = 'x' WHERE email = 'ana@example.com'",
        "DELETE FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE email LIKE 'a%')",
        "DELETE FROM orders USING customers c WHERE c.id = customer_id AND c.email < 'b'",
        "DELETE FROM orders WHERE EXISTS (SELECT FROM mails WHERE email LIKE 'a%')",
        "DELETE FROM customers c WHERE c::text LIKE '%ana%'",
        "DELETE FROM customers c WHERE c = ROW (1, 'ana@example.com', 'x')",
        "DELETE FROM orders WHERE total = (SELECT count(*) FROM customers GROUP BY email LIMIT 1)",
        "WITH w AS (SELECT id FROM customers WHERE email LIKE 'a%') DELETE FROM orders USING w WHERE orders.id = w.id",
        "INSERT INTO tags (id) SELECT id FROM customers WHERE email LIKE 'a%'",
        "DELETE FROM visits WHERE region = 'DE'",
        "DELETE FROM visits_de WHERE region = 'DE'",
        // In which partition a row is says what its key is.
        "DELETE FROM visits WHERE tableoid = 'visits_de'::regclass",
        "DELETE FROM visits_de WHERE id < 5",
        "DELETE FROM customers WHERE pg_catalog.pg_relation_size('customers') > 5",
        "DELETE FROM orders WHERE total > (SELECT avg_width FROM pg_stats WHERE attname = 'email')",
    ] {
        assert_eq!(planned(&shop, sql), None, "{sql}");
    }
}

#[test]
fn a_column_that_only_its_principal_sees_in_clear_is_protected_here() {
    let mut shop = shop();
    let customers = oid(&shop, "customers");
    let column = &mut shop.relation_mut(customers).expect("it is there").columns[1];
    column.label = None;
    column.seen = Some(Seen { label: Label::Email, how: How::Configured });
    assert_eq!(planned(&shop, "DELETE FROM customers WHERE email LIKE 'a%'"), None);
    assert!(planned(&shop, "DELETE FROM customers WHERE id < 9").is_some());
}

#[test]
fn nobodys_code_is_planned() {
    let shop = shop();
    for sql in [
        "DELETE FROM orders WHERE spy(note)",
        "DELETE FROM orders WHERE spy('x')",
        "DELETE FROM orders WHERE id = nextval('s')",
        "DELETE FROM orders WHERE pg_advisory_lock(1) IS NULL",
        "DELETE FROM orders WHERE pg_sleep(9) IS NULL",
        "DELETE FROM orders WHERE random() < 0.5",
        "DELETE FROM orders WHERE set_config('work_mem', '1MB', false) = 'x'",
        "DELETE FROM orders WHERE query_to_xml('SELECT 1', true, true, '') IS NULL",
        "DELETE FROM orders WHERE id IN (SELECT id FROM far)",
        "DELETE FROM orders WHERE id IN (DELETE FROM tags RETURNING id)",
        "WITH w AS (DELETE FROM tags RETURNING id) DELETE FROM orders USING w WHERE orders.id = w.id",
        "INSERT INTO tags SELECT id, id FROM orders FOR UPDATE",
        "DELETE FROM orders WHERE CURRENT OF c",
    ] {
        assert_eq!(planned(&shop, sql), None, "{sql}");
    }
    // Predicates and expressions of indexes are computed when a query of the table is planned.
    let mut computing = shop.clone();
    details(&mut computing, "orders").checks.push("public.spy(note)".into());
    assert_eq!(planned(&computing, "DELETE FROM orders WHERE total > 5"), None);
    let touched = asked_of(&computing, "DELETE FROM orders").expect("a question").touched;
    assert!(!touched[0].table.is_plain, "nor is the table itself");
}

#[test]
fn what_its_sender_may_not_read_is_not_asked() {
    let (shop, sql) = (shop(), "DELETE FROM orders WHERE total > 5");
    let session = new_session(&shop, Some(&["public".to_owned()]));
    let analysis = understand(sql.as_bytes(), &shop, &session, &Limits::default());
    let facts = &analysis.statements[0];
    let part = Part { facts, text: sql.as_bytes(), place: 0, literals: Vec::new() };
    let question = Question::of(&[part], &shop, &session, |_| Err(MAY_NOT_READ)).expect("a question");
    assert_eq!((question.plan, question.touched[0].expected), (None, Expected::Some));
    assert_eq!(question.unknown, [format!("how many rows: {MAY_NOT_READ}")]);
}

#[test]
fn several_statements_or_another_meaning_of_names_are_not_planned() {
    let shop = shop();
    assert_eq!(planned(&shop, "DELETE FROM orders WHERE id < 5; DELETE FROM tags WHERE id < 5"), None);
    let mut session = new_session(&shop, Some(&["public".to_owned()]));
    let made = understand(b"CREATE TEMP TABLE orders (id int)", &shop, &session, &Limits::default());
    session.apply(&made.statements[0].change, &shop);
    let sql = "DELETE FROM public.orders WHERE id < 5";
    let analysis = understand(sql.as_bytes(), &shop, &session, &Limits::default());
    let part = Part { facts: &analysis.statements[0], text: sql.as_bytes(), place: 0, literals: Vec::new() };
    let question = Question::of(&[part], &shop, &session, |_| Ok(())).expect("a question");
    assert_eq!(question.plan, None, "{:?}", question.unknown);
}

#[test]
fn keys_are_followed_from_table_to_table() {
    assert_eq!(
        cascades(&asked("DELETE FROM orders")),
        ["public.items Delete by public.orders", "public.returns SetNull by public.items"]
    );
    assert_eq!(
        cascades(&asked("UPDATE orders SET id = id + 1")),
        ["public.items Update by public.orders", "public.tags SetDefault by public.orders"]
    );
    assert_eq!(cascades(&asked("UPDATE orders SET total = 1")), [""; 0], "no key refers to it");
    assert_eq!(cascades(&asked("INSERT INTO orders (id) VALUES (1)")), [""; 0]);
    assert_eq!(
        cascades(&asked("DELETE FROM big")),
        ["public.items Delete by public.orders", "public.returns SetNull by public.items"],
        "a view writes to its table"
    );
}

#[test]
fn keys_in_a_ring_end() {
    let mut shop = shop();
    key(&mut shop, "orders", 2, "returns", Effect::Follow, Effect::Follow);
    key(&mut shop, "items", 1, "items", Effect::Follow, Effect::Follow);
    let question = asked_of(&shop, "DELETE FROM orders").expect("a question");
    assert_eq!(
        cascades(&question),
        [
            "public.items Delete by public.orders",
            "public.items Delete by public.items",
            "public.returns SetNull by public.items"
        ]
    );
}

#[test]
fn many_tables_behind_keys_are_cut_and_that_is_said() {
    let tables: Vec<String> = (0..150).map(|n| format!("public.t{n}(id int4, up int4)")).collect();
    let mut catalog = catalog(Version::Postgres18, &tables.join(";")).expect("a database");
    for n in 1..150 {
        key(&mut catalog, &format!("t{n}"), 2, "t0", Effect::Follow, Effect::Follow);
    }
    let question = asked_of(&catalog, "DELETE FROM t0").expect("a question");
    assert_eq!(question.cascaded.len(), 100);
    assert!(question.unknown.iter().any(|why| why.contains("more tables")), "{:?}", question.unknown);
}

#[test]
fn triggers_and_rules_of_all_that_is_reached_are_named() {
    let mut shop = shop();
    let function = Oid(99_999);
    let on = |delete, update| Trigger {
        name: if delete { "audit".into() } else { "stamp".into() },
        function,
        on: [false, update, delete, false],
        before: false,
        instead: false,
    };
    details(&mut shop, "orders").triggers.extend([on(true, false), on(false, true)]);
    details(&mut shop, "returns").triggers.push(on(false, true));
    details(&mut shop, "items").rules.push("CREATE RULE r AS ON DELETE TO public.items DO NOTHING".into());
    let question = asked_of(&shop, "DELETE FROM orders").expect("a question");
    assert_eq!(
        question.triggers,
        ["audit on public.orders", "rules on public.items", "stamp on public.returns"]
    );
}

#[test]
fn what_is_dropped_or_emptied_is_asked_with_what_goes_with_it() {
    let shop = shop();
    let orders = oid(&shop, "orders");
    let question = asked("TRUNCATE orders CASCADE");
    assert_eq!((question.emptied.as_slice(), question.touched[0].expected), (&[orders][..], Expected::All));
    assert!(asked("TRUNCATE orders").emptied.is_empty());
    assert_eq!(asked("DROP TABLE orders CASCADE").dropped, [Dropped::Relation(orders)]);
    assert_eq!(asked("DROP TABLE public.orders").touched[0].table.name, "public.orders");
    let schema = *shop.schemas.get("public").expect("it is there");
    assert_eq!(asked("DROP SCHEMA public CASCADE").dropped, [Dropped::Schema(schema)]);
    assert_eq!(
        asked("ALTER TABLE orders DROP COLUMN id CASCADE").unknown,
        ["what depends on it and goes with it"]
    );
    for nothing in ["SELECT 1", "CREATE TABLE t (id int)", "GRANT SELECT ON orders TO public", "BEGIN"] {
        assert_eq!(asked_of(&shop, nothing), None, "{nothing}");
    }
}

#[test]
fn how_many_rows_a_partition_of_a_protected_key_has_is_not_told() {
    let told = |sql: &str| asked(sql).touched[0].table.is_told;
    assert!(!told("DELETE FROM visits_de"));
    assert!(told("DELETE FROM visits"));
    assert!(told("DELETE FROM customers"), "a whole table has as many rows as it has");
}

#[test]
fn how_many_rows_there_are_is_not_told_where_some_are_hidden_wherever_keys_lead() {
    let hides = |table: &str, when: &str| {
        shop().hiding(&[crate::catalog::HiddenRows { table: table.into(), when: when.into() }])
    };
    let told = |catalog: &Catalog, sql: &str| -> Vec<(String, bool)> {
        let question = asked_of(catalog, sql).expect("asked");
        let touched = question.touched.iter().map(|touched| &touched.table);
        let all = touched.chain(question.cascaded.iter().map(|cascaded| &cascaded.table));
        all.map(|table| (table.name.clone(), table.is_told)).collect()
    };
    let items = hides("public.items", "n > 5");
    for (name, is_told) in told(&items, "DELETE FROM orders") {
        assert_eq!(is_told, name != "public.items", "{name}");
    }
    for of in ["public.visits", "public.visits_de"] {
        let visits = hides(of, "id > 5");
        let whole = ("public.visits".to_owned(), false);
        assert_eq!(told(&visits, "DELETE FROM visits")[0], whole, "{of}");
    }
    let whole = hides("public.visits", "id > 5");
    assert!(told(&whole, "DELETE FROM visits_de").iter().all(|(_, is_told)| !is_told));
}
