//! What people and programs send every day, and what it is.

use super::world::{class, one, refusal, shop, unprotected};
use crate::{
    mask::Lines,
    record::ReadProof,
    statement::{Effect, Kind, Shape},
};

fn all(expected: &str, statements: &[&str]) {
    let catalog = shop();
    let wrong: Vec<String> = statements
        .iter()
        .map(|statement| (class(&catalog, statement), statement))
        .filter(|(class, _)| class != expected)
        .map(|(class, statement)| format!("{class}\n    {statement}"))
        .collect();
    assert!(wrong.is_empty(), "not {expected}:\n{}", wrong.join("\n"));
}

#[test]
fn a_statement_that_reaches_nothing_protected_is_untouched() {
    all(
        "untouched",
        &[
            "SELECT 1",
            "SELECT 'DROP TABLE customers', 1 AS delete -- TRUNCATE",
            "VALUES (1, 'a'), (2, 'b')",
            "SELECT now(), current_user, current_date, version(), current_setting('search_path')",
            "SELECT x.shop_total, y.name FROM generate_series(1, 2) AS x(shop_total), json_to_record('{}') AS y(name text)",
            "SELECT * FROM products",
            "TABLE products",
            "SELECT p.sku, upper(p.sku) AS s FROM products AS p WHERE p.price > 3 ORDER BY s",
            "SELECT count(*), max(price) FROM products GROUP BY stock HAVING count(*) > 1 ORDER BY count",
            "SELECT DISTINCT ON (stock) * FROM products ORDER BY stock, price",
            "SELECT * FROM products UNION ALL SELECT * FROM products ORDER BY 1",
            "SELECT id AS x FROM products UNION SELECT 1 ORDER BY x",
            "SELECT t.x0, x1 FROM products t(x0, x1)",
            "SELECT 1 OPERATOR(pg_catalog.=) 2",
            "SELECT row_to_json(p) FROM products p",
            "SELECT p.to_json FROM products p",
            "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT sum(n) FROM t",
            "SELECT * FROM generate_series(1, 3) g, LATERAL (SELECT g * 2 AS twice) x",
            "SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS u(a, b)",
            "SELECT * FROM json_to_recordset('[]') AS x(a int, b text)",
            "SELECT j.* FROM json_each('{}') j",
            "SELECT a[1:2], (ARRAY[1])[1], (ROW(1, 2)).f1 FROM (SELECT ARRAY[1, 2] a) s",
            "SELECT row_number() OVER w, sum(price) OVER (PARTITION BY stock ORDER BY id ROWS 2 PRECEDING) FROM products WINDOW w AS (ORDER BY id)",
            "SELECT CASE WHEN price > 1 THEN 'a' ELSE 'b' END, coalesce(sku, ''), greatest(1, 2) FROM products",
            "SELECT price::int, CAST(sku AS text), 'happy'::mood FROM products",
            "SELECT id FROM products TABLESAMPLE bernoulli (10) REPEATABLE (1)",
            "SELECT id FROM products ORDER BY price FETCH FIRST 3 ROWS WITH TIES",
            "SELECT extract(year FROM now()), now() AT TIME ZONE 'UTC', interval '1 day'",
            "SELECT last_value FROM orders_id_seq",
            "SELECT gen_random_uuid(), random(), clock_timestamp()",
            "SELECT pg_sleep(0)",
            "SELECT set_config('search_path', 'public', false)",
            "SELECT set_config('application_name', $1, false)",
            "SELECT pg_advisory_lock(1), pg_try_advisory_lock(2)",
            "SELECT customer_id, sum FROM order_totals",
            "SELECT id FROM products WHERE id = ANY ($1) AND sku ILIKE $2 AND price BETWEEN 1 AND 2",
            "SELECT GROUPING(stock), count(*) FROM products GROUP BY ROLLUP (stock)",
            "SELECT xmlelement(name a, sku) FROM products",
            "SELECT name FROM tags",
            "SELECT id FROM products WHERE (id, price) IN (SELECT id, price FROM products)",
            "SELECT id FROM products ORDER BY price NULLS LAST, sku COLLATE \"C\"",
            "SELECT 0.5, .5, 1e3",
            "INSERT INTO products (sku, price) VALUES ('a', 1), ('b', 2) RETURNING id, upper(sku)",
            "INSERT INTO products DEFAULT VALUES",
            "INSERT INTO products (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET price = excluded.price, stock = products.stock + 1",
            "UPDATE products SET price = price * 2, (sku, stock) = ('a', 1) WHERE id = 1 RETURNING *",
            "DELETE FROM products WHERE id IN (1, 2) RETURNING *",
            "MERGE INTO products p USING (SELECT 1 AS id) s ON s.id = p.id WHEN MATCHED THEN UPDATE SET price = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id)",
            "WITH moved AS (DELETE FROM products WHERE id = 1 RETURNING *) INSERT INTO products SELECT * FROM moved",
            "SELECT nextval('orders_id_seq'), currval('orders_id_seq')",
            "COPY products TO STDOUT WITH (FORMAT csv, HEADER)",
            "COPY products (id, sku) FROM STDIN",
            "COPY (SELECT id FROM products) TO STDOUT",
            "EXPLAIN SELECT * FROM products",
            "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM products WHERE id = 1",
            "CREATE TABLE t (id serial PRIMARY KEY, product int REFERENCES products, at timestamptz DEFAULT now(), CHECK (id > 0))",
            "CREATE TABLE IF NOT EXISTS t2 AS SELECT id, price FROM products",
            "CREATE INDEX CONCURRENTLY ON products (lower(sku)) WHERE price > 1",
            "CREATE VIEW v AS SELECT id, upper(sku) AS s FROM products",
            "ALTER TABLE products ADD COLUMN x int DEFAULT 1, ALTER COLUMN price TYPE numeric USING price + 1",
            "DROP TABLE IF EXISTS nothing_like_it",
            "COMMENT ON TABLE products IS 'what we sell'",
            "CREATE TYPE colour AS ENUM ('red')",
            "CREATE SCHEMA s",
            "CREATE SEQUENCE s",
        ],
    );
}

#[test]
fn free_columns_of_a_protected_table_are_read_as_ever() {
    all(
        "avoided",
        &[
            "SELECT count(*) FROM customers",
            "SELECT id, country FROM customers WHERE country = 'DE' ORDER BY created_at DESC LIMIT 10",
            "SELECT country, count(*) AS n FROM customers GROUP BY country HAVING count(*) > 1 ORDER BY n DESC, 1",
            "SELECT DISTINCT country FROM customers",
            "SELECT upper(c.country) FROM customers c WHERE c.id = $1",
            "SELECT c.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id",
            "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer_id)",
            "SELECT o.id FROM orders o WHERE EXISTS (SELECT * FROM customers c WHERE c.id = o.customer_id)",
            "SELECT o.id FROM orders o WHERE customer_id IN (SELECT id FROM customers WHERE country = 'DE')",
            "SELECT * FROM (SELECT id, country FROM customers) s WHERE s.country = 'DE'",
            "WITH de AS (SELECT id FROM customers WHERE country = 'DE') SELECT count(*) FROM orders o JOIN de ON de.id = o.customer_id",
            "SELECT s FROM (SELECT id, country FROM customers) s",
            "SELECT id FROM customers UNION SELECT id FROM products",
            "SELECT id, row_number() OVER (PARTITION BY country ORDER BY id) FROM customers",
            "SELECT id, ctid, xmin FROM customers",
            "SELECT id AS email FROM customers ORDER BY id",
            "SELECT country FROM customer_countries",
            "SELECT id FROM customer_emails",
            "SELECT who FROM mails_again WHERE who > 3",
            "SELECT aid, abalance FROM pgbench_accounts WHERE aid = 1",
            "SELECT id, region FROM visits",
            "SELECT id FROM customers FOR UPDATE SKIP LOCKED",
            "SELECT a.id FROM customers a JOIN customers b USING (id)",
            "SELECT id FROM customers TABLESAMPLE system (1)",
            // If `archive.orders` is meant, the server's word on the origin of its column masks it.
            "SELECT * FROM orders",
            "SELECT (SELECT count(*) FROM customers), (SELECT max(price) FROM products)",
            "SELECT p.sku FROM products p WHERE p.id NOT IN (SELECT customer_id FROM api_keys WHERE scope = 'x')",
            "DELETE FROM customers WHERE id = 1",
            "DELETE FROM orders o USING customers c WHERE c.id = o.customer_id AND c.country = 'DE'",
            "UPDATE customers SET country = 'DE' WHERE id = 1",
            "UPDATE customers SET full_name = 'Ada', phone = $1 WHERE id = $2",
            "UPDATE customers SET country = upper(country) WHERE id = 1 RETURNING id, country",
            "UPDATE customers SET phone = DEFAULT WHERE id = 1",
            "INSERT INTO customers (id, full_name) VALUES (1, 'Ada')",
            "INSERT INTO products (id) SELECT id FROM customers WHERE country = 'DE'",
            "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, 4, CURRENT_TIMESTAMP)",
            "UPDATE pgbench_accounts SET abalance = abalance + 5 WHERE aid = 1",
            "COPY customers (id, country) TO STDOUT",
            "COPY (SELECT id, country FROM customers) TO STDOUT",
            "COPY customers (id, country) FROM STDIN",
            "COPY pgbench_accounts FROM STDIN WITH (FREEZE ON)",
            "EXPLAIN (COSTS OFF) SELECT email FROM customers",
            "EXPLAIN (COSTS OFF) SELECT id FROM customers WHERE country = 'DE'",
            "EXPLAIN (COSTS OFF, ANALYZE, TIMING OFF) SELECT id FROM customers",
            "CREATE TABLE numbers AS SELECT id, country FROM customers",
            "CREATE VIEW v AS SELECT id, country FROM customers",
            "CREATE INDEX ON customers (country, created_at)",
            "ALTER TABLE customers ADD COLUMN x int",
            "ALTER TABLE customers ALTER COLUMN country TYPE text USING upper(country)",
            "VACUUM customers",
            "REINDEX TABLE customers",
            "REFRESH MATERIALIZED VIEW kept_emails",
            "TRUNCATE customers",
            "DROP TABLE customers",
            "PREPARE p (int) AS SELECT id FROM customers WHERE id = $1",
            "DECLARE c CURSOR FOR SELECT id FROM customers",
        ],
    );
}

#[test]
fn plain_protected_columns_are_named_so_that_they_can_be_masked() {
    for (statement, columns) in [
        ("SELECT email FROM customers", "public.customers.email"),
        (
            "SELECT * FROM customers",
            "public.customers.full_name public.customers.email public.customers.phone",
        ),
        ("TABLE customers", "public.customers.full_name public.customers.email public.customers.phone"),
        (
            "SELECT c.* FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total > 5",
            "public.customers.full_name public.customers.email public.customers.phone",
        ),
        (
            "SELECT o.* , c.email AS who FROM customers c JOIN public.orders o ON true ORDER BY o.id",
            "public.customers.email",
        ),
        (
            "SELECT id, email AS e, upper(country) FROM customers WHERE id = $1 ORDER BY id LIMIT 3 OFFSET 1",
            "public.customers.email",
        ),
        (
            "SELECT email, count(*) OVER (PARTITION BY country) FROM customers ORDER BY created_at",
            "public.customers.email",
        ),
        (
            "SELECT full_name FROM customers WHERE id IN (SELECT customer_id FROM orders)",
            "public.customers.full_name",
        ),
        (
            "WITH o AS (SELECT customer_id AS id FROM orders) SELECT c.phone FROM customers c JOIN o ON o.id = c.id",
            "public.customers.phone",
        ),
        ("SELECT (email) FROM ONLY customers", "public.customers.email"),
        ("SELECT email, id FROM customers ORDER BY 2", "public.customers.email"),
        (
            "SELECT id, * FROM customers ORDER BY 1",
            "public.customers.full_name public.customers.email public.customers.phone",
        ),
        ("SELECT mail FROM customer_emails", "public.customer_emails.mail"),
        ("SELECT * FROM mails_again", "public.mails_again.to_whom"),
        ("SELECT email FROM kept_emails", "public.kept_emails.email"),
        ("SELECT visitor FROM visits", "public.visits.visitor"),
        ("SELECT visitor FROM visits_de", "public.visits_de.visitor"),
        (
            "SELECT * FROM confidential.salaries",
            "confidential.salaries.id confidential.salaries.person confidential.salaries.amount",
        ),
        ("SELECT filler FROM pgbench_accounts", "public.pgbench_accounts.filler"),
        ("SELECT o.email FROM archive.orders o", "archive.orders.email"),
        ("SELECT secret FROM api_keys FOR SHARE", "public.api_keys.secret"),
        ("DELETE FROM customers WHERE id = 1 RETURNING email", "public.customers.email"),
        (
            "UPDATE customers SET country = 'DE' WHERE id = 1 RETURNING *",
            "public.customers.full_name public.customers.email public.customers.phone",
        ),
        ("INSERT INTO customers (id, phone) VALUES (1, '2') RETURNING phone", "public.customers.phone"),
        ("PREPARE p AS SELECT email FROM customers WHERE id = $1", "public.customers.email"),
        ("DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT email FROM customers", "public.customers.email"),
    ] {
        assert_eq!(class(&shop(), statement), format!("projection of {columns}"), "{statement}");
    }
}

#[test]
fn everything_that_pgbench_sends_is_understood() {
    let catalog = shop();
    for statement in [
        "drop table if exists pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers",
        "create table pgbench_history(tid int,bid int,aid    int,delta int,mtime timestamp,filler char(22))",
        "create table pgbench_accounts(aid    int not null,bid int,abalance int,filler char(84)) with (fillfactor=100)",
        "begin",
        "truncate table pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers",
        "insert into pgbench_branches(bid,bbalance) values(1,0)",
        "insert into pgbench_tellers(tid,bid,tbalance) values (1,1,0)",
        "copy pgbench_accounts from stdin with (freeze on)",
        "copy pgbench_accounts from stdin",
        "commit",
        "vacuum analyze pgbench_branches",
        "alter table pgbench_branches add primary key (bid)",
        "alter table pgbench_accounts add primary key (aid)",
        "alter table pgbench_tellers add foreign key (bid) references pgbench_branches",
        "select count(*) from pgbench_branches",
        "vacuum pgbench_tellers",
        "truncate pgbench_history",
        "select o.n, p.partstrat, pg_catalog.count(i.inhparent) from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on (n.oid = c.relnamespace) cross join lateral (select pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname)) as o(n) left join pg_catalog.pg_partitioned_table as p on (p.partrelid = c.oid) left join pg_catalog.pg_inherits as i on (c.oid = i.inhparent) where c.relname = 'pgbench_accounts' and o.n is not null group by 1, 2 order by 1 asc limit 1",
        "SELECT abalance FROM pgbench_accounts WHERE aid = 1;",
        "UPDATE pgbench_accounts SET abalance = abalance + -5 WHERE aid = 1;",
        "UPDATE pgbench_tellers SET tbalance = tbalance + $1 WHERE tid = $2;",
        "UPDATE pgbench_branches SET bbalance = bbalance + 1 WHERE bid = 1;",
        "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, 1, 1, CURRENT_TIMESTAMP);",
    ] {
        assert!(
            !class(&catalog, statement).starts_with("refused"),
            "{statement}: {}",
            class(&catalog, statement)
        );
    }
}

#[test]
fn only_what_changes_nothing_is_proved_to_read() {
    let catalog = shop();
    for statement in [
        "SELECT 1",
        "SELECT email FROM customers",
        "SELECT random(), clock_timestamp(), pg_sleep(1), now()",
        "SHOW search_path",
        "BEGIN",
        "COMMIT",
        "SET work_mem = '1MB'",
        "EXPLAIN SELECT 1",
        "EXPLAIN DELETE FROM products",
        "DECLARE c CURSOR FOR SELECT 1",
        "FETCH 5 FROM c",
        "VALUES (1)",
    ] {
        assert_eq!(one(&catalog, statement).proof, ReadProof::ReadOnly, "{statement}");
    }
    for statement in [
        "SELECT nextval('orders_id_seq')",
        "SELECT setval('orders_id_seq', 1)",
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_notify('a', 'b')",
        "SELECT set_config('work_mem', '1MB', false)",
        "SELECT txid_current()",
        "SELECT id FROM products FOR SHARE",
        "SELECT 1 INTO t",
        "WITH d AS (DELETE FROM products WHERE id = 1) SELECT 1",
        "EXPLAIN ANALYZE DELETE FROM products WHERE id = 1",
        "COPY products TO STDOUT",
        "NOTIFY a",
        "VACUUM",
        "SELECT (SELECT nextval('orders_id_seq')) FROM products",
        "EXECUTE p (nextval('orders_id_seq'))",
        "SELECT upper(email) FROM customers",
    ] {
        assert_eq!(one(&catalog, statement).proof, ReadProof::MayWrite, "{statement}");
    }
}

#[test]
fn a_lock_by_a_function_is_seen_wherever_it_is_taken() {
    let catalog = shop();
    for statement in [
        "SELECT pg_advisory_lock(1)",
        "SELECT pg_catalog.pg_try_advisory_xact_lock_shared(1, 2)",
        "SELECT id FROM products WHERE pg_try_advisory_lock(id)",
        "SELECT (SELECT pg_advisory_xact_lock(1))",
        "WITH l AS (SELECT pg_advisory_lock(1)) SELECT 1 FROM l",
        "SELECT 1 FROM pg_try_advisory_lock(3)",
        "SELECT upper(email) FROM customers WHERE pg_try_advisory_lock(1)",
        "PREPARE p AS SELECT pg_advisory_lock(1)",
        "DECLARE c CURSOR FOR SELECT pg_advisory_lock(1)",
        "COPY (SELECT pg_advisory_lock(1)) TO STDOUT",
        "EXPLAIN ANALYZE SELECT pg_advisory_lock(1)",
    ] {
        assert!(one(&catalog, statement).shapes.contains(&Shape::Lock), "{statement}");
    }
    for statement in ["SELECT pg_advisory_unlock(1)", "SELECT 1", "EXPLAIN SELECT pg_advisory_lock(1)"] {
        assert!(!one(&catalog, statement).shapes.contains(&Shape::Lock), "{statement}");
    }
}

#[test]
fn a_users_function_passes_as_a_write_where_nothing_is_protected() {
    let mut catalog = unprotected();
    catalog.user_functions = std::sync::Arc::new(["shop_total".into()].into());
    let statement = one(&catalog, "SELECT shop_total(1) FROM products");
    assert_eq!((statement.kind, statement.proof), (Kind::Write, ReadProof::MayWrite));
    assert_eq!(class(&catalog, "SELECT shop_total(1)"), "untouched");
}

#[test]
fn what_a_name_behind_a_dot_calls_counts_as_a_call() {
    let mut catalog = unprotected();
    catalog.user_functions = std::sync::Arc::new(["shop_total".into()].into());
    for text in [
        "SELECT ('x'::text).shop_total",
        "SELECT (p).shop_total FROM products p",
        "SELECT p.shop_total FROM products p",
        "SELECT g.shop_total FROM generate_series(1, 2) g",
    ] {
        let statement = one(&catalog, text);
        assert_eq!((statement.kind, statement.proof), (Kind::Write, ReadProof::MayWrite), "{text}");
    }
    // What locks or writes is called as a function, so that it is seen.
    for text in [
        "SELECT (7::bigint).pg_advisory_lock",
        "SELECT g.pg_try_advisory_lock FROM generate_series(1, 2) g",
        "SELECT ('public.orders_id_seq'::regclass).nextval",
        "SELECT s.nextval FROM CAST('orders_id_seq' AS regclass) s",
        "SELECT ('x'::text).set_config",
    ] {
        assert!(refusal(&catalog, text).is_some(), "{text}");
        assert!(refusal(&shop(), text).is_some(), "{text}");
    }
    for text in ["SELECT (p).name FROM products p", "SELECT ('a'::text).upper", "SELECT (now()).date"] {
        assert_eq!(one(&catalog, text).kind, Kind::Read, "{text}");
    }
}

#[test]
fn arguments_of_execute_compute_and_do_nothing_else() {
    let mut catalog = unprotected();
    catalog.user_functions = std::sync::Arc::new(["shop_total".into()].into());
    let ways = [
        "EXECUTE p ({})",
        "EXPLAIN EXECUTE p ({})",
        "EXPLAIN ANALYZE EXECUTE p ({})",
        "CREATE TABLE t AS EXECUTE p ({})",
    ];
    for argument in [
        "nextval('orders_id_seq')",
        "setval('orders_id_seq', 1)::text",
        "pg_advisory_lock(1)::text",
        "pg_notify('a', 'b')::text",
        "1, (2::bigint).pg_advisory_lock",
        "shop_total(1)",
        "('x'::text).shop_total",
        "query_to_xml('select * from customers', true, false, '')::text",
        "pg_read_file('/etc/passwd')",
    ] {
        for way in ways {
            let text = way.replace("{}", argument);
            assert!(refusal(&catalog, &text).is_some(), "{text}");
        }
    }
    for argument in ["1, 'a' || 'b'", "upper('a')", "now() - interval '1 day'", "NULL", "ARRAY[1, 2]"] {
        for way in ways {
            let text = way.replace("{}", argument);
            assert_eq!(refusal(&catalog, &text), None, "{text}");
        }
    }
}

#[test]
fn effects_are_known_for_the_statements_after() {
    let catalog = shop();
    let csv = Lines { delimiter: b',', quotes: Some((b'"', b'"')) };
    for (statement, effect) in [
        ("PREPARE p AS SELECT 1", Effect::Prepare { name: "p".into() }),
        ("EXECUTE p", Effect::Execute { name: "p".into(), settings: Vec::new() }),
        ("DEALLOCATE p", Effect::Deallocate { name: Some("p".into()) }),
        ("DEALLOCATE ALL", Effect::Deallocate { name: None }),
        ("DECLARE c CURSOR FOR SELECT 1", Effect::Declare { name: "c".into(), holds: false }),
        ("FETCH ALL FROM c", Effect::Fetch { name: "c".into() }),
        ("MOVE 3 IN c", Effect::Fetch { name: "c".into() }),
        ("CLOSE c", Effect::CloseCursor { name: Some("c".into()) }),
        ("CLOSE ALL", Effect::CloseCursor { name: None }),
        ("DISCARD ALL", Effect::DiscardAll),
        ("DISCARD TEMP", Effect::Catalog),
        ("COPY products FROM STDIN", Effect::CopyIn),
        ("COPY products TO STDOUT", Effect::CopyOut { names: false, lines: Lines::TEXT }),
        ("COPY products TO STDOUT (FORMAT csv, HEADER)", Effect::CopyOut { names: true, lines: csv }),
        (
            "COPY products TO STDOUT (FORMAT csv, DELIMITER ';', ESCAPE '!')",
            Effect::CopyOut { names: false, lines: Lines { delimiter: b';', quotes: Some((b'"', b'!')) } },
        ),
        ("COPY (SELECT 1) TO STDOUT (FORMAT csv, HEADER off)", Effect::CopyOut { names: false, lines: csv }),
        ("COPY products TO STDOUT CSV HEADER", Effect::CopyOut { names: true, lines: csv }),
        ("CREATE TABLE t (a int)", Effect::Catalog),
        ("DROP TABLE products", Effect::Catalog),
        ("SELECT 1 INTO t", Effect::Catalog),
        ("CREATE TABLE t AS SELECT 1", Effect::Catalog),
        ("EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", Effect::Catalog),
        ("EXPLAIN CREATE TABLE t AS SELECT 1", Effect::None),
        ("TRUNCATE products", Effect::None),
        ("SELECT 1", Effect::None),
    ] {
        assert_eq!(one(&catalog, statement).effect, effect, "{statement}");
    }
}

#[test]
fn relations_are_named_in_full_for_the_record() {
    let statement = one(&shop(), "UPDATE orders SET total = 1 FROM customers c WHERE c.id = customer_id");
    assert_eq!(statement.reads, ["public.customers"]);
    assert_eq!(statement.writes, ["archive.orders", "public.orders"]);
    assert_eq!((statement.verb.as_str(), statement.kind), ("update", Kind::Write));
}
