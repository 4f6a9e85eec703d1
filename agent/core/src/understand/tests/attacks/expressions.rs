//! Protected values in computed outputs.

use super::{looks_up, refused};

#[test]
fn nothing_is_computed_from_a_protected_column() {
    refused(
        "protected_expression",
        &[
            "SELECT upper(email) FROM customers",
            "SELECT email || '' FROM customers",
            "SELECT email::text FROM customers",
            "SELECT CAST(email AS varchar(3)) FROM customers",
            "SELECT (email) COLLATE \"C\" FROM customers",
            "SELECT substring(email from 1 for 1) FROM customers",
            "SELECT overlay(phone placing 'x' from 1) FROM customers",
            "SELECT position('@' in email) FROM customers",
            "SELECT trim(both from email) FROM customers",
            "SELECT length(email), id FROM customers",
            "SELECT md5(email) FROM customers",
            "SELECT coalesce(email, '') FROM customers",
            "SELECT nullif(email, 'a') FROM customers",
            "SELECT greatest(email, 'a') FROM customers",
            "SELECT CASE WHEN id = 1 THEN email END FROM customers",
            "SELECT CASE email WHEN 'a' THEN 1 END FROM customers",
            "SELECT CASE WHEN email LIKE 'a%' THEN 1 ELSE 0 END FROM customers",
            "SELECT ARRAY[email] FROM customers",
            "SELECT ARRAY(SELECT email FROM customers)",
            "SELECT ROW(email) FROM customers",
            "SELECT (id, email) FROM customers",
            "SELECT email = 'a' FROM customers",
            "SELECT email IS NULL FROM customers",
            "SELECT email IN ('a', 'b') FROM customers",
            "SELECT email BETWEEN 'a' AND 'b' FROM customers",
            "SELECT email ~ '^a' FROM customers",
            "SELECT NOT (email = 'a') FROM customers",
            "SELECT (email = 'a') IS TRUE FROM customers",
            "SELECT 'a' = ANY (ARRAY[email]) FROM customers",
            "SELECT count(email) FROM customers",
            "SELECT count(DISTINCT email) FROM customers",
            "SELECT min(email), max(phone) FROM customers",
            "SELECT string_agg(email, ',') FROM customers",
            "SELECT string_agg(country, ',' ORDER BY email) FROM customers",
            "SELECT count(*) FILTER (WHERE email LIKE 'a%') FROM customers",
            "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY email) FROM customers",
            "SELECT json_agg(email) FROM customers",
            "SELECT json_build_object('e', email) FROM customers",
            "SELECT row_number() OVER (ORDER BY email) FROM customers",
            "SELECT lag(email) OVER (ORDER BY id) FROM customers",
            "SELECT count(*) OVER (PARTITION BY email) FROM customers",
            "SELECT format('%s', email) FROM customers",
            "SELECT concat(c.email) FROM customers c",
            "SELECT (ARRAY[email])[1] FROM customers",
            "SELECT xmlelement(name e, email) FROM customers",
            "SELECT xmlforest(email) FROM customers",
            "SELECT pg_column_size(email) FROM customers",
            "SELECT pg_typeof(email) FROM customers",
            "SELECT convert_to(email, 'UTF8') FROM customers",
            "SELECT to_tsvector(full_name) FROM customers",
            "SELECT unnest(ARRAY[email]) FROM customers",
            "SELECT generate_series(1, length(email)) FROM customers",
            "SELECT id + length(email) FROM customers",
            "SELECT upper(mail) FROM customer_emails",
            "SELECT upper(to_whom) FROM mails_again",
            "SELECT lower(email) FROM kept_emails",
            "SELECT filler || 'x' FROM pgbench_accounts",
            "SELECT amount * 2 FROM confidential.salaries",
            "SELECT upper(visitor) FROM visits",
            "SELECT upper(\"email\") FROM \"public\".\"customers\"",
            "SELECT upper(U&\"\\0065mail\") FROM customers",
            "SELECT upper(EMAIL) FROM CUSTOMERS",
            "SELECT upper(public.customers.email) FROM public.customers",
        ],
    );
}

#[test]
fn whole_rows_are_not_a_way_around_their_columns() {
    refused(
        "protected_expression",
        &[
            "SELECT c FROM customers c",
            "SELECT customers FROM customers",
            "SELECT c::text FROM customers c",
            "SELECT row_to_json(c) FROM customers c",
            "SELECT to_jsonb(customers) FROM customers",
            "SELECT json_agg(c) FROM customers c",
            "SELECT array_agg(c) FROM customers c",
            "SELECT count(c.*) FROM customers c",
            "SELECT row_to_json(c.*) FROM customers c",
            "SELECT ROW(c.*) FROM customers c",
            "SELECT ROW(c.*, 1) FROM customers c",
            "SELECT (c).email FROM customers c",
            "SELECT (c).* FROM customers c",
            "SELECT (ROW(c.*)).f2 FROM customers c",
            "SELECT c.row_to_json FROM customers c",
            "SELECT c.to_jsonb FROM customers c",
            "SELECT c.text FROM customers c",
            "SELECT customers.to_json FROM customers",
            "SELECT public.customers.to_json FROM customers",
            "SELECT length((c).email) FROM customers c",
            "SELECT hash_record(c) FROM customers c",
            "SELECT concat(c) FROM customers c",
            "SELECT c IS NULL FROM customers c",
            "SELECT c = c FROM customers c",
            "SELECT jsonb_each(to_jsonb(c)) FROM customers c",
            "SELECT * FROM customers c, jsonb_each(to_jsonb(c)) j",
            "SELECT j.value FROM customers c CROSS JOIN LATERAL json_each_text(row_to_json(c)) AS j",
            "SELECT (SELECT c) FROM customers c",
            "SELECT x FROM customers c, LATERAL (SELECT c) x",
            "SELECT x.* FROM customers c, LATERAL (SELECT c.*) x",
            "SELECT m FROM mails_again m",
            "SELECT v FROM visits v",
        ],
    );
}

#[test]
fn a_subquery_or_with_does_not_carry_a_protected_column() {
    refused(
        "protected_expression",
        &[
            "SELECT e FROM (SELECT email AS e FROM customers) s",
            "SELECT * FROM (SELECT email FROM customers) s",
            "SELECT * FROM (SELECT * FROM customers) s",
            "SELECT * FROM (TABLE customers) s",
            "SELECT * FROM (SELECT c.* FROM customers c) s",
            "SELECT s.x FROM (SELECT email FROM customers) s(x)",
            "WITH s AS (SELECT email FROM customers) SELECT * FROM s",
            "WITH s AS (TABLE customers) SELECT id FROM s",
            "WITH s(x) AS (SELECT email FROM customers) SELECT x FROM s",
            "WITH RECURSIVE s AS (SELECT email FROM customers UNION SELECT email FROM s) SELECT * FROM s",
            "WITH s AS MATERIALIZED (SELECT upper(email) u FROM customers) SELECT 1",
            "SELECT (SELECT email FROM customers LIMIT 1)",
            "SELECT id, (SELECT email FROM customers c WHERE c.id = o.customer_id) FROM orders o",
            "SELECT id IN (SELECT id FROM customers WHERE false) OR (SELECT email FROM customers LIMIT 1) = 'a' FROM orders",
            "SELECT email FROM customers UNION SELECT note FROM orders",
            "SELECT email FROM customers UNION ALL SELECT 'x'",
            "SELECT email FROM customers EXCEPT SELECT 'a@b.c'",
            "SELECT 'a@b.c' INTERSECT SELECT email FROM customers",
            "(SELECT email FROM customers) UNION ALL (SELECT email FROM customers)",
            "VALUES ((SELECT email FROM customers LIMIT 1))",
            "SELECT x.email FROM orders o, LATERAL (SELECT email FROM customers c WHERE c.id = o.customer_id) x",
            "SELECT * FROM orders WHERE note = (SELECT min(note) FROM orders) UNION ALL SELECT c.* FROM customers c",
            "SELECT * FROM ROWS FROM (unnest(ARRAY(SELECT email FROM customers))) x",
            "SELECT json_object_agg(id, e) FROM (SELECT id, email e FROM customers) s",
            "SELECT 1 FROM customers c JOIN LATERAL (SELECT c.email) x ON true",
            "WITH x AS (DELETE FROM customers WHERE id = 1 RETURNING email) SELECT * FROM x",
            "WITH x AS (UPDATE customers SET country = 'DE' WHERE id = 1 RETURNING *) SELECT * FROM x",
        ],
    );
}

#[test]
fn names_that_hide_which_column_is_meant_are_refused() {
    refused(
        "protected_expression",
        &[
            "SELECT c.b FROM customers c(a, b)",
            "SELECT count(b) FROM customers AS c(a, b)",
            "SELECT j.b FROM (customers JOIN orders ON true) AS j",
            "SELECT j.* FROM (customers c CROSS JOIN orders o) AS j(a, b)",
            "SELECT upper(b) FROM (customers c CROSS JOIN orders o) AS j(a, b)",
            "SELECT j FROM (customers c CROSS JOIN orders o) AS j",
        ],
    );
}

#[test]
fn a_view_that_computes_from_protected_columns_is_refused() {
    refused(
        "protected_expression",
        &[
            "SELECT * FROM customer_domains",
            "SELECT count(*) FROM customer_domains",
            "SELECT id FROM germans",
            "SELECT o.id FROM orders o WHERE o.customer_id IN (SELECT id FROM germans)",
            "SELECT id FROM totals_by_function",
            "SELECT upper(query) FROM activity",
        ],
    );
}

#[test]
fn another_schemas_table_of_the_same_name_counts_as_well() {
    // `archive.orders.email` is protected; `public.orders` has no such column.
    refused("protected_condition", &["SELECT id FROM orders WHERE email > 'x'"]);
    looks_up("SELECT id FROM orders WHERE email = 'x'", 1);
    refused("protected_expression", &["SELECT upper(email) FROM orders"]);
}
