//! Writes that read, copy or test protected values.

use super::{looks_up, refused};

#[test]
fn no_write_is_decided_by_a_protected_column() {
    refused(
        "protected_condition",
        &[
            "DELETE FROM customers WHERE full_name = 'a'",
            "DELETE FROM customers WHERE email LIKE 'a%' RETURNING id",
            "DELETE FROM orders USING customers c WHERE c.id = customer_id AND c.email = note",
            "DELETE FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE email <> 'a')",
            "UPDATE customers SET country = 'DE' WHERE phone > '1'",
            "UPDATE orders SET note = 'x' FROM customers c WHERE c.id = customer_id AND c.email LIKE 'a%'",
            "UPDATE customers SET country = 'DE' WHERE CASE WHEN email < 'a' THEN true END",
            "WITH d AS (DELETE FROM customers WHERE lower(email) = 'a') SELECT 1",
            "MERGE INTO orders o USING customers c ON c.email = o.note WHEN MATCHED THEN DELETE",
            "MERGE INTO orders o USING customers c ON c.id = o.id WHEN MATCHED AND c.email LIKE 'a' THEN DELETE",
            "COPY customers (id, country) FROM STDIN WHERE email = 'a'",
            "SELECT id FROM customers WHERE email ~ 'a' FOR UPDATE",
            "INSERT INTO products (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET price = 1 WHERE EXISTS (SELECT 1 FROM customers WHERE email = note)",
        ],
    );
}

#[test]
fn protected_values_are_not_written_elsewhere() {
    refused(
        "protected_copy",
        &[
            "INSERT INTO products (sku) SELECT email FROM customers",
            "INSERT INTO products (id, sku) SELECT id, upper(email) FROM customers",
            "INSERT INTO products SELECT * FROM customers",
            "INSERT INTO products (sku) VALUES ((SELECT email FROM customers LIMIT 1))",
            "INSERT INTO products (sku) TABLE customers",
            "UPDATE products SET sku = email FROM customers c WHERE c.id = products.id",
            "UPDATE products SET sku = (SELECT email FROM customers LIMIT 1) WHERE id = 1",
            "UPDATE products SET (sku, price) = (SELECT email, 1 FROM customers LIMIT 1) WHERE id = 1",
            "UPDATE customers SET country = left(email, 2) WHERE id = 1",
            "UPDATE customers SET full_name = phone WHERE id = 1",
            "UPDATE customers SET full_name = upper(full_name) WHERE id = 1",
            "UPDATE customers SET full_name = customers.* WHERE id = 1",
            "MERGE INTO products p USING customers c ON c.id = p.id WHEN NOT MATCHED THEN INSERT (sku) VALUES (c.email)",
            "MERGE INTO products p USING customers c ON c.id = p.id WHEN MATCHED THEN UPDATE SET sku = c.email",
            "CREATE TABLE copy AS SELECT email FROM customers",
            "CREATE TABLE copy AS SELECT * FROM customers",
            "CREATE TABLE copy AS TABLE customers",
            "CREATE TEMP TABLE copy AS SELECT upper(email) FROM customers",
            "CREATE MATERIALIZED VIEW copy AS SELECT email FROM customers",
            "SELECT * INTO copy FROM customers",
            "SELECT email INTO TEMP copy FROM customers",
            "CREATE VIEW v AS SELECT email FROM customers",
            "CREATE OR REPLACE VIEW v AS SELECT * FROM customers",
            "COPY customers TO STDOUT",
            "COPY customers (id, email) TO STDOUT",
            "COPY (SELECT email FROM customers) TO STDOUT",
            "COPY (SELECT * FROM customers) TO STDOUT WITH (FORMAT csv)",
            "COPY (TABLE customers) TO STDOUT",
            "COPY (SELECT * FROM orders) TO STDOUT",
            "COPY orders TO STDOUT",
            "CREATE TABLE copy AS SELECT * FROM orders",
            "COPY customer_emails TO STDOUT",
            "COPY (DELETE FROM customers WHERE id = 1 RETURNING email) TO STDOUT",
            "COPY customers TO '/tmp/x'",
            "COPY pgbench_accounts TO STDOUT",
            "EXPLAIN ANALYZE CREATE TABLE copy AS SELECT email FROM customers",
            "CREATE TABLE copy (LIKE customers)",
            "CREATE TABLE copy (LIKE customers INCLUDING ALL)",
            "CREATE TABLE child () INHERITS (customers)",
            "CREATE TABLE visits_fr PARTITION OF visits FOR VALUES IN ('fr')",
        ],
    );
}

#[test]
fn returning_shows_protected_columns_plainly_or_not_at_all() {
    refused(
        "protected_expression",
        &[
            "DELETE FROM customers WHERE id = 1 RETURNING upper(email)",
            "UPDATE customers SET country = 'DE' WHERE id = 1 RETURNING customers",
            "UPDATE customers SET country = 'DE' WHERE id = 1 RETURNING length(email)",
            "INSERT INTO products (id) VALUES (1) RETURNING (SELECT email FROM customers LIMIT 1)",
        ],
    );
}

#[test]
fn a_write_does_not_test_stored_values() {
    refused(
        "protected_probe",
        &[
            "INSERT INTO customers (id, email) SELECT id, sku FROM products",
            "INSERT INTO customers (id, email) VALUES (1, 'a') UNION ALL VALUES (2, 'b')",
            "INSERT INTO customers (id, email) VALUES (1, 'a' || generate_series(1, 9999))",
            "INSERT INTO customers (id, email) VALUES (1, unnest(ARRAY['a', 'b'])) ON CONFLICT DO NOTHING",
            "INSERT INTO customers (id, email) VALUES (1, regexp_split_to_table('a b', ' ')) ON CONFLICT DO NOTHING",
            "UPDATE customers SET email = country WHERE id > 1",
            "UPDATE customers SET email = 'guess' || id WHERE id > 1",
            "UPDATE customers SET (country, email) = ('DE', 'a') WHERE id = 1",
            "MERGE INTO customers c USING products p ON p.id = c.id WHEN NOT MATCHED THEN INSERT (id, email) VALUES (1, 'a')",
            "MERGE INTO customers c USING products p ON p.id = c.id WHEN MATCHED THEN UPDATE SET email = 'a'",
            "COPY customers FROM STDIN",
            "COPY customers (id, email) FROM STDIN",
            "UPDATE mails_again SET to_whom = upper(who::text) WHERE who = 1",
            "ALTER TABLE customers ADD UNIQUE (phone)",
            "ALTER TABLE customers ADD CONSTRAINT u UNIQUE (full_name, phone)",
            "ALTER TABLE orders ADD FOREIGN KEY (note) REFERENCES customers (email)",
            "CREATE TABLE probe (e text REFERENCES customers (email))",
            "CREATE TABLE probe (e text, FOREIGN KEY (e) REFERENCES customers (email))",
            "CREATE TABLE probe (e text REFERENCES customers)",
            "ALTER TABLE products ADD COLUMN e text REFERENCES customers (email)",
            "ALTER TABLE customers ADD FOREIGN KEY (email) REFERENCES products (sku)",
        ],
    );
}

#[test]
fn definitions_do_not_evaluate_protected_columns() {
    refused(
        "protected_condition",
        &[
            "CREATE INDEX ON customers (email)",
            "CREATE INDEX ON customers (lower(email))",
            "CREATE INDEX ON customers (id) WHERE email LIKE 'a%'",
            "CREATE INDEX ON customers (id) INCLUDE (email)",
            "CREATE UNIQUE INDEX CONCURRENTLY ON customers (phone)",
            "ALTER TABLE customers ADD CHECK (email <> 'a')",
            "ALTER TABLE customers ADD CONSTRAINT c CHECK (length(phone) > 3) NOT VALID",
            "ALTER TABLE customers ADD COLUMN e text GENERATED ALWAYS AS (email) STORED",
            "ALTER TABLE customers ADD COLUMN e int GENERATED ALWAYS AS (length(email)) STORED",
            "ALTER TABLE customers ALTER COLUMN email TYPE varchar(10)",
            "ALTER TABLE customers ALTER COLUMN country TYPE text USING email",
            "ALTER TABLE customers VALIDATE CONSTRAINT c",
            "CLUSTER customers USING customers_email_key",
        ],
    );
}

#[test]
fn labels_do_not_lose_their_columns() {
    refused(
        "protected_copy",
        &[
            "ALTER TABLE customers RENAME COLUMN email TO x",
            "ALTER TABLE customers RENAME TO x",
            "ALTER INDEX customers RENAME TO x",
            "ALTER INDEX customer_emails RENAME TO x",
            "ALTER TABLE customers SET SCHEMA archive",
            "ALTER SCHEMA confidential RENAME TO open",
            "ALTER VIEW customer_emails RENAME TO x",
            "ALTER VIEW customer_emails RENAME COLUMN mail TO x",
            "ALTER TABLE visits DETACH PARTITION visits_de",
            "ALTER TABLE products INHERIT customers",
            "CREATE STATISTICS s ON email, phone FROM customers",
        ],
    );
}

#[test]
fn a_write_that_tests_or_asks_for_values_counts_them() {
    for (statement, count) in [
        ("DELETE FROM customers WHERE email = 'a'", 1),
        ("DELETE FROM orders USING customers c WHERE c.id = customer_id AND c.email IN ('a', 'b')", 2),
        ("UPDATE customers SET country = 'DE' WHERE phone = '1' RETURNING id, email", 1),
        ("UPDATE customers SET country = 'DE' WHERE phone IS NULL", 0),
        ("WITH d AS (DELETE FROM customers WHERE email = $1) SELECT 1", 1),
        ("SELECT id FROM customers WHERE email = 'a' FOR UPDATE", 1),
        ("INSERT INTO customers (id, email) VALUES (1, 'guess@example.com')", 1),
        ("INSERT INTO customers VALUES (1, 'a', 'b')", 1),
        (
            "INSERT INTO customers (id, email) VALUES (1, 'a'), (2, lower($1)) ON CONFLICT DO NOTHING RETURNING id",
            2,
        ),
        ("INSERT INTO customers (id) VALUES (1) ON CONFLICT DO NOTHING", 1),
        ("INSERT INTO customers (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET country = 'DE'", 0),
        ("INSERT INTO customers (email) VALUES ('a') ON CONFLICT (email) DO UPDATE SET country = 'DE'", 1),
        (
            "INSERT INTO customers (email) VALUES ('a') ON CONFLICT (id) DO UPDATE SET email = excluded.country",
            2,
        ),
        ("INSERT INTO customers DEFAULT VALUES", 1),
        ("UPDATE customers SET email = $1 WHERE id = $2", 1),
        ("UPDATE customers SET email = 'b', phone = '2' WHERE email = 'a'", 2),
        ("INSERT INTO customer_emails (id, mail) VALUES (1, 'guess')", 1),
        ("UPDATE mails_again SET to_whom = 'guess' WHERE who = 1", 1),
        (
            "WITH i AS (INSERT INTO customers (email) VALUES ('a') ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM i",
            1,
        ),
        ("PREPARE p AS INSERT INTO customers (id, email) VALUES ($1, $2)", 1),
    ] {
        looks_up(statement, count);
    }
}
