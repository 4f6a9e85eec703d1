//! Shapes that guardrails speak about, wherever they hide.

use super::world::{one, shop};
use crate::statement::{Kind, Protection, Shape};

fn is_unbounded(statement: &str) -> bool {
    one(&shop(), statement).shapes.iter().any(|shape| matches!(shape, Shape::Unbounded { .. }))
}

#[test]
fn a_write_that_names_no_rows_is_unbounded() {
    for condition in [
        "",
        "WHERE true",
        "WHERE 'true'::bool",
        "WHERE 1 = 1",
        "WHERE 1 <> 2",
        "WHERE 1 < 2",
        "WHERE 1.0 = 1",
        "WHERE 'a' = 'a'",
        "WHERE -1 < 0",
        "WHERE id = id",
        "WHERE products.id = id",
        "WHERE id IS NOT DISTINCT FROM id",
        "WHERE id >= id",
        "WHERE lower(sku) = lower(sku)",
        "WHERE id IS NULL OR id IS NOT NULL",
        "WHERE id > 0 OR id <= 0",
        "WHERE id = 5 OR id <> 5",
        "WHERE id = 5 OR NOT (id = 5)",
        "WHERE id > 1 OR id < 5",
        "WHERE id + 0 = id",
        "WHERE (id, sku) = (id, sku)",
        "WHERE ROW (id, 1) = ROW (id + 0, 1)",
        "WHERE id < id + 1",
        "WHERE 2 * id - 1 <= 2 * (id)",
        "WHERE -id = 0 - id",
        "WHERE id::bigint * 1 >= id",
        "WHERE sku || '' = sku",
        "WHERE sku LIKE '%'",
        "WHERE sku ILIKE '%%'",
        "WHERE sku SIMILAR TO '%'",
        "WHERE sku ~ ''",
        "WHERE sku ~ '.*'",
        "WHERE NOT false",
        "WHERE NOT (1 = 2)",
        "WHERE id = 1 OR true",
        "WHERE id = 1 OR 1 = 1",
        "WHERE true AND 1 = 1",
        "WHERE (1 = 1) IS TRUE",
        "WHERE (id IS NULL) IS NOT NULL",
        "WHERE 1 IN (1, 2)",
        "WHERE id IN (id)",
        "WHERE 1 = ANY (ARRAY[1, 2])",
        "WHERE 1 BETWEEN 0 AND 2",
        "WHERE id BETWEEN id AND id",
        "WHERE coalesce(true, false)",
        "WHERE CASE WHEN true THEN true END",
        "WHERE CASE WHEN id = 1 THEN true ELSE true END",
        "WHERE EXISTS (SELECT 1)",
        "WHERE (SELECT true)",
        "WHERE $1 = 1",
        "WHERE $1",
        "WHERE $1 IS NOT NULL",
        "WHERE random() < 2",
        "WHERE now() > '1970-01-01'",
        "WHERE current_user = 'someone'",
    ] {
        assert!(is_unbounded(&format!("DELETE FROM products {condition}")), "{condition}");
        assert!(is_unbounded(&format!("UPDATE products SET price = 0 {condition}")), "{condition}");
    }
}

#[test]
fn a_write_that_names_rows_is_bounded() {
    for condition in [
        "WHERE id = 1",
        "WHERE id = $1",
        "WHERE id IN (1, 2)",
        "WHERE id = ANY ($1)",
        "WHERE id = 1 AND true",
        "WHERE id = 1 OR id = 2",
        "WHERE id > 5 OR id < 1",
        "WHERE sku LIKE 'a%'",
        "WHERE sku LIKE ''",
        "WHERE sku IS NULL",
        "WHERE id IN (SELECT id FROM tags)",
        "WHERE EXISTS (SELECT 1 FROM tags t WHERE t.id = products.id)",
        "WHERE CURRENT OF c",
        "WHERE false",
        "WHERE 1 = 2",
        "WHERE id <> id",
        "WHERE price < 3 AND price > 1",
        "WHERE price < price * 1.1",
        "WHERE id + 1 = id",
        "WHERE lower(sku) <> sku",
        "WHERE id = price + 0",
        "WHERE (id, sku) = (1, 'a')",
    ] {
        assert!(!is_unbounded(&format!("DELETE FROM products {condition}")), "{condition}");
    }
    assert!(!is_unbounded("SELECT 'DELETE FROM products'"));
    assert!(!is_unbounded("INSERT INTO products (id) VALUES (1)"));
    assert!(!is_unbounded("EXPLAIN DELETE FROM products"));
}

#[test]
fn an_unbounded_write_is_found_where_it_hides() {
    for statement in [
        "WITH d AS (DELETE FROM products RETURNING *) SELECT * FROM d",
        "WITH d AS (UPDATE products SET price = 0) SELECT 1",
        "EXPLAIN ANALYZE DELETE FROM products",
        "EXPLAIN (ANALYZE true) UPDATE products SET price = 0 WHERE 1 = 1",
        "PREPARE p AS DELETE FROM products",
        "COPY (DELETE FROM products RETURNING id) TO STDOUT",
        "COPY (WITH d AS (DELETE FROM products RETURNING id) SELECT * FROM d) TO STDOUT",
        "CREATE TABLE t AS WITH d AS (DELETE FROM products RETURNING id) SELECT * FROM d",
        "DELETE FROM products USING tags",
        "UPDATE products SET price = 1 FROM tags",
        "INSERT INTO tags (id) WITH d AS (DELETE FROM products RETURNING id) SELECT id FROM d",
        "MERGE INTO products USING tags ON true WHEN MATCHED THEN DELETE",
        "MERGE INTO products p USING tags t ON 1 = 1 WHEN MATCHED THEN UPDATE SET price = 0",
        "DELETE FROM ONLY products",
        "DELETE FROM public.products AS p",
    ] {
        assert!(is_unbounded(statement), "{statement}");
    }
}

#[test]
fn shapes_name_the_relation() {
    let shapes = one(&shop(), "DELETE FROM products").shapes;
    assert_eq!(shapes, [Shape::Unbounded { relation: "public.products".into(), verb: "delete" }]);
}

#[test]
fn what_destroys_is_destructive() {
    for (statement, expected) in [
        ("DROP TABLE products", "drop table products"),
        ("DROP TABLE IF EXISTS public.products, tags CASCADE", "drop table public.products, tags"),
        ("DROP SCHEMA archive CASCADE", "drop schema archive"),
        ("TRUNCATE products", "truncate public.products"),
        ("TRUNCATE customers, products CASCADE", "truncate public.customers, public.products"),
        ("ALTER TABLE products DROP COLUMN price", "drop a column of products"),
        ("ALTER TABLE products RENAME TO goods", "rename products"),
        ("ALTER TABLE products SET SCHEMA archive", "move products"),
        ("ALTER TABLE products DISABLE TRIGGER ALL", "switch triggers or rules of products"),
        ("VACUUM FULL products", "vacuum full"),
    ] {
        let shapes = one(&shop(), statement).shapes;
        assert_eq!(shapes, [Shape::Destructive { what: expected.into() }], "{statement}");
    }
}

#[test]
fn files_and_programs_of_the_server_are_seen() {
    for statement in [
        "COPY products TO '/tmp/x'",
        "COPY products FROM '/tmp/x'",
        "COPY products FROM PROGRAM 'id'",
        "COPY (SELECT 1) TO PROGRAM 'id'",
    ] {
        assert!(one(&shop(), statement).shapes.contains(&Shape::ServerFile), "{statement}");
    }
}

#[test]
fn kinds_are_told_apart() {
    for (statement, verb, kind) in [
        ("SELECT 1", "select", Kind::Read),
        ("TABLE products", "select", Kind::Read),
        ("SELECT nextval('orders_id_seq')", "select", Kind::Write),
        ("SELECT id FROM products FOR UPDATE", "select", Kind::Write),
        ("WITH d AS (DELETE FROM products WHERE id = 1) SELECT 1", "select", Kind::Write),
        ("SELECT 1 INTO t", "select", Kind::SchemaChange),
        ("COPY products TO STDOUT", "copy", Kind::Read),
        ("COPY products FROM STDIN", "copy", Kind::Write),
        ("CREATE TABLE t (a int)", "create table", Kind::SchemaChange),
        ("TRUNCATE products", "truncate", Kind::SchemaChange),
        ("GRANT SELECT ON products TO PUBLIC", "grant", Kind::Privilege),
        ("REVOKE ALL ON products FROM PUBLIC", "grant", Kind::Privilege),
        ("ALTER TABLE products OWNER TO x", "alter table", Kind::Privilege),
        ("ALTER TABLE products DISABLE ROW LEVEL SECURITY", "alter table", Kind::Privilege),
        ("CREATE ROLE x", "create role", Kind::Privilege),
        ("ALTER SYSTEM SET work_mem = '1MB'", "alter system", Kind::Administration),
        ("CREATE EXTENSION dblink", "create extension", Kind::Administration),
        ("LOAD 'auto_explain'", "load", Kind::Administration),
        ("VACUUM products", "vacuum", Kind::Administration),
        ("ANALYZE", "analyze", Kind::Administration),
        ("LOCK TABLE products, ONLY customers IN ACCESS SHARE MODE NOWAIT", "lock table", Kind::Read),
        ("LOCK TABLE products IN ROW SHARE MODE", "lock table", Kind::Write),
        ("LOCK TABLE products IN ROW EXCLUSIVE MODE", "lock table", Kind::Write),
        ("LOCK TABLE products IN SHARE UPDATE EXCLUSIVE MODE", "lock table", Kind::Administration),
        ("LOCK TABLE products IN SHARE MODE", "lock table", Kind::Administration),
        ("LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE", "lock table", Kind::Administration),
        ("LOCK TABLE products IN EXCLUSIVE MODE", "lock table", Kind::Administration),
        ("LOCK TABLE products IN ACCESS EXCLUSIVE MODE", "lock table", Kind::Administration),
        ("LOCK TABLE products", "lock table", Kind::Administration),
        ("NOTIFY a, 'b'", "notify", Kind::Write),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", "begin", Kind::Transaction),
        ("ROLLBACK TO SAVEPOINT a", "rollback to", Kind::Transaction),
        ("PREPARE TRANSACTION 'x'", "prepare transaction", Kind::Administration),
        ("SET search_path = a, b", "set", Kind::SessionControl),
        ("SHOW ALL", "show", Kind::SessionControl),
    ] {
        let found = one(&shop(), statement);
        assert_eq!((found.verb.as_str(), found.kind), (verb, kind), "{statement}");
    }
}

#[test]
fn the_lock_of_a_read_reads_all_that_it_names_and_is_one() {
    let lock = |names: &str| one(&shop(), &format!("LOCK TABLE {names} IN ACCESS SHARE MODE"));
    let found = lock("products, ONLY public.customers, customer_emails");
    assert_eq!(found.reads, ["public.products", "public.customers", "public.customer_emails"]);
    assert!(found.writes.is_empty() && found.shapes.contains(&Shape::Lock));
    assert!(!matches!(found.protection, Protection::Refused(_)), "{:?}", found.protection);
    // Whichever of two is meant.
    assert_eq!(lock("orders").reads, ["public.orders", "archive.orders"]);
    for names in ["nothing", "products, nothing", "archive.products", "elsewhere.public.products"] {
        assert!(matches!(lock(names).protection, Protection::Refused(_)), "{names}");
    }
}
