//! Protected values that decide about rows, groups and order.

use super::{looks_up, refused};

#[test]
fn no_row_group_or_order_depends_on_a_protected_column() {
    refused(
        "protected_condition",
        &[
            "SELECT id FROM customers WHERE email LIKE 'a%'",
            "SELECT id FROM customers WHERE email <> 'a'",
            "SELECT id FROM customers WHERE email || '' = 'a'",
            "SELECT id FROM customers WHERE email::bytea = 'a'",
            "SELECT id FROM customers WHERE email COLLATE \"C\" = 'a'",
            "SELECT id FROM customers WHERE email = upper('a')",
            "SELECT id FROM customers WHERE email = 'a'::varchar(1)",
            "SELECT id FROM customers WHERE email IN ('a', country)",
            "SELECT id FROM customers WHERE email IN (SELECT note FROM orders)",
            "SELECT id FROM customers WHERE email = ANY (ARRAY['a', 'b'])",
            "SELECT id FROM customers WHERE email = 'a' AND email LIKE 'b%'",
            "SELECT id FROM customers WHERE full_name = 'a'",
            "SELECT id FROM customers WHERE (email IS NULL) = (phone LIKE '1%')",
            "SELECT id FROM customers WHERE 'a' < email",
            "SELECT id FROM customers WHERE length(email) > 3",
            "SELECT id FROM customers WHERE (id, email) = (1, 'a')",
            "SELECT id FROM customers WHERE email = ANY ($1)",
            "SELECT id FROM customers WHERE 1 / (length(email) - 3) > 0",
            "SELECT id FROM customers WHERE pg_sleep(length(email)) IS NULL",
            "SELECT email FROM customers WHERE phone LIKE '+49%'",
            "SELECT id FROM customers ORDER BY email",
            "SELECT id FROM customers ORDER BY email || ''",
            "SELECT id FROM customers ORDER BY email USING <",
            "SELECT id, email FROM customers ORDER BY 2",
            "SELECT email, id FROM customers ORDER BY 1 DESC",
            "SELECT * FROM customers ORDER BY 3",
            "SELECT id, c.* FROM customers c ORDER BY 3",
            "SELECT email AS e FROM customers ORDER BY e",
            "SELECT email AS id FROM customers ORDER BY id",
            "SELECT email AS e, id FROM customers ORDER BY id, e",
            "SELECT mail FROM customer_emails ORDER BY mail",
            "SELECT DISTINCT email FROM customers",
            "SELECT DISTINCT ON (email) id FROM customers",
            "SELECT DISTINCT ON (id) email FROM customers",
            "SELECT DISTINCT * FROM customers",
            "SELECT count(*) FROM customers GROUP BY email",
            "SELECT email, count(*) FROM customers GROUP BY email",
            "SELECT email, count(*) FROM customers GROUP BY 1",
            "SELECT email AS e, count(*) FROM customers GROUP BY e",
            "SELECT id, email FROM customers GROUP BY id",
            "SELECT count(*) FROM customers GROUP BY ROLLUP (email)",
            "SELECT count(*) FROM customers GROUP BY GROUPING SETS ((country), (email))",
            "SELECT count(*) FROM customers HAVING min(email) = 'a'",
            "SELECT id FROM customers LIMIT (SELECT length(email) FROM customers LIMIT 1)",
            "SELECT id FROM customers WINDOW w AS (ORDER BY email)",
            "SELECT o.id FROM orders o JOIN customers c ON c.email = o.note",
            "SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.customer_id AND c.email LIKE 'a%'",
            "SELECT o.id FROM archive.orders o JOIN customers c USING (email)",
            "SELECT count(*) FROM customers a JOIN customers b USING (id, email)",
            "SELECT id FROM customers NATURAL JOIN products",
            "SELECT count(*) FROM products NATURAL LEFT JOIN customers",
            "SELECT * FROM customers NATURAL JOIN orders UNION SELECT 1",
            "SELECT id FROM orders WHERE note IN (SELECT email FROM customers)",
            "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM customers WHERE email = note)",
            "SELECT id FROM orders o WHERE EXISTS (SELECT FROM customers c WHERE c.email LIKE 'a%')",
            "SELECT id FROM orders WHERE 'a' = (SELECT email FROM customers LIMIT 1)",
            "SELECT id FROM orders WHERE note > ALL (SELECT email FROM customers)",
            "SELECT 1 WHERE EXISTS (SELECT email FROM customers GROUP BY email)",
            "SELECT 1 WHERE EXISTS (SELECT email FROM customers GROUP BY 1 HAVING count(*) > 1)",
            "SELECT 1 WHERE EXISTS (SELECT DISTINCT phone FROM customers WHERE id IN (1, 2) OFFSET 1)",
            "SELECT 1 WHERE EXISTS (SELECT email FROM customers ORDER BY 1 LIMIT 1 FOR UPDATE)",
            "SELECT 1 WHERE EXISTS (SELECT * FROM customers ORDER BY 3 LIMIT 1 FOR UPDATE)",
            "SELECT id FROM customers TABLESAMPLE bernoulli ((SELECT length(email) FROM customers LIMIT 1))",
            "SELECT g FROM generate_series(1, 9) g WHERE g < (SELECT length(secret) FROM api_keys LIMIT 1)",
            "SELECT bid FROM pgbench_accounts WHERE filler = ''",
            "SELECT region FROM visits WHERE visitor = 'a'",
            "SELECT region FROM visits_de WHERE visitor = 'a'",
        ],
    );
}

#[test]
fn a_sort_by_output_name_or_place_in_a_subquery_is_refused_as_well() {
    refused(
        "protected_expression",
        &[
            "SELECT id FROM (SELECT id, email AS e FROM customers ORDER BY e) s",
            "SELECT id FROM (SELECT id, email FROM customers ORDER BY 2) s",
        ],
    );
}

#[test]
fn a_table_that_is_not_in_from_cannot_be_meant() {
    refused(
        "not_understood",
        &[
            "SELECT id FROM customers WHERE c.email = ''",
            "SELECT id FROM customers c WHERE customers.email = ''",
            "SELECT nothing FROM customers",
            "SELECT id FROM customers WHERE emial = 'a'",
        ],
    );
}

#[test]
fn a_whole_value_may_be_asked_for_and_each_counts() {
    for (statement, count) in [
        ("SELECT id FROM customers WHERE email = 'ada@example.com'", 1),
        ("SELECT id, email, phone FROM customers WHERE 'ada@example.com' = email", 1),
        ("SELECT * FROM customers WHERE email = $1::varchar", 1),
        ("SELECT id FROM customers WHERE email IN ('a', $1, 'b') OR phone = '1'", 4),
        ("SELECT id FROM customers WHERE NOT (email = 'a' OR phone IS NOT DISTINCT FROM $1)", 2),
        ("SELECT id FROM customers WHERE id = 1 AND (country = 'DE' OR email = 'a')", 1),
        ("SELECT id FROM customers WHERE CASE WHEN email = 'a' THEN true END", 1),
        ("SELECT EXISTS (SELECT 1 FROM customers WHERE email = 'a')", 1),
        ("SELECT id FROM customer_emails WHERE mail = 'a'", 1),
        ("SELECT o.id FROM orders o LEFT JOIN customers c ON c.id = o.customer_id AND c.email = 'a'", 1),
        ("SELECT count(*) FROM customers GROUP BY country HAVING country = 'DE'", 0),
        ("SELECT id FROM customers WHERE email IS NOT NULL AND full_name IS NULL", 0),
        ("PREPARE p AS SELECT id FROM customers WHERE email = $1", 1),
        ("DECLARE c CURSOR FOR SELECT id FROM customers WHERE email = 'a'", 1),
        ("EXPLAIN (COSTS OFF) SELECT id FROM customers WHERE email = 'a'", 1),
    ] {
        looks_up(statement, count);
    }
    let many: Vec<String> = (0..101).map(|number| format!("'{number}'")).collect();
    refused("lookup_budget", &[&format!("SELECT id FROM customers WHERE email IN ({})", many.join(", "))]);
}

#[test]
fn what_runs_later_uncounted_may_not_ask() {
    for statement in [
        "CREATE VIEW v AS SELECT id FROM customers WHERE email = 'a'",
        "CREATE TABLE copy AS SELECT id FROM customers WHERE email = 'a'",
        "COPY (SELECT id FROM customers WHERE email = 'a') TO STDOUT",
        "CREATE MATERIALIZED VIEW v AS SELECT id FROM customers WHERE email = 'a'",
        "CREATE INDEX ON customers (id) WHERE email = 'a'",
    ] {
        assert!(super::super::world::refusal(&super::shop(), statement).is_some(), "{statement}");
    }
    refused("value_bearing_catalog", &["EXPLAIN SELECT id FROM customers WHERE email = 'a'"]);
}
