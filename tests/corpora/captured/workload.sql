-- The sample shop at work: what its own programs, its operators and its loads send, over schema.sql. One statement a paragraph.

SELECT id, price, margin FROM product WHERE sku = $1;

SELECT p.id, p.name, p.price, coalesce(s.free, 0) AS free FROM product p LEFT JOIN (SELECT product_id, sum(quantity - reserved) AS free FROM stock GROUP BY product_id) s ON s.product_id = p.id WHERE p.discontinued_on IS NULL;

WITH placed AS (INSERT INTO orders (customer_id, address_id, status) SELECT c.id, a.id, 'open' FROM customer c JOIN address a ON a.customer_id = c.id AND a.is_default WHERE c.email = $1 RETURNING id, customer_id), lines AS (INSERT INTO order_line (order_id, line_no, product_id, quantity, unit_price) SELECT placed.id, row_number() OVER (ORDER BY w.sku), p.id, w.quantity, p.price FROM placed, (VALUES ($2::text, $3::integer), ($4, $5)) AS w (sku, quantity) JOIN product p ON p.sku = w.sku RETURNING order_id, quantity * unit_price AS amount) UPDATE orders SET total = (SELECT sum(amount) FROM lines) FROM placed WHERE orders.id = placed.id RETURNING orders.id, orders.total;

UPDATE stock s SET reserved = s.reserved + l.quantity FROM order_line l WHERE l.order_id = $1 AND s.product_id = l.product_id AND s.warehouse_id = $2 RETURNING s.product_id, s.quantity - s.reserved AS left_over;

UPDATE orders SET total = order_amount(id) WHERE total IS NULL;

INSERT INTO audit.entry (actor, relation, row_id, before, after) SELECT current_user, 'customer', c.id, to_jsonb(c), to_jsonb(c) || jsonb_build_object('phone', $2::text) FROM customer c WHERE c.id = $1;

WITH gone AS (DELETE FROM customer WHERE NOT is_active AND created_at < now() - interval '7 years' RETURNING *) INSERT INTO audit.entry (actor, relation, row_id, before) SELECT session_user, 'customer', gone.id, to_jsonb(gone) FROM gone;

SELECT c.full_name, f.street FROM customers_in('Berlin') f JOIN customer c ON c.id = f.customer_id;

SELECT slug(name) || '-' || id AS path FROM product;

INSERT INTO invoice (order_id, number, due_on, amount) SELECT o.id, 'R' || to_char(now(), 'YYYY') || lpad(o.id::text, 6, '0'), current_date + 14, ROW(o.total, 'EUR')::priced FROM orders o WHERE o.status = 'sent' AND NOT EXISTS (SELECT FROM invoice i WHERE i.order_id = o.id);

SELECT number, (amount).amount, (amount).currency FROM invoice WHERE NOT paid AND due_on < current_date;

UPDATE invoice SET amount.amount = round((amount).amount * 1.05, 2), paid = false WHERE due_on < current_date - 30;

SELECT sum((i.amount).amount) FROM invoice i WHERE (i.amount).currency = 'EUR';

SELECT r.room, r.guest FROM reservation r WHERE r.during && tstzrange($1, $2) ORDER BY lower(r.during);

SELECT a.room, a.guest, b.guest FROM reservation a JOIN reservation b ON a.room = b.room AND a.id < b.id AND a.during && b.during;

INSERT INTO reservation (room, guest, during) VALUES ($1, $2, tstzrange($3, $4, '[)'));

MERGE INTO stock t USING (SELECT product_id, 1 AS warehouse_id, count(*)::integer AS n FROM order_line GROUP BY product_id) s ON t.product_id = s.product_id AND t.warehouse_id = s.warehouse_id WHEN MATCHED AND t.quantity >= s.n THEN UPDATE SET quantity = t.quantity - s.n WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.product_id, s.warehouse_id, 0, s.n);

WITH RECURSIVE path AS (SELECT id, parent_id, name, name AS full_path, 1 AS depth FROM category WHERE parent_id IS NULL UNION ALL SELECT c.id, c.parent_id, c.name, p.full_path || ' / ' || c.name, p.depth + 1 FROM category c JOIN path p ON p.id = c.parent_id WHERE p.depth < 8) SELECT full_path, depth, (SELECT count(*) FROM product WHERE category_id = path.id) AS products FROM path ORDER BY full_path;

WITH RECURSIVE chain AS (SELECT id, manager_id, name, salary, ARRAY[id] AS seen FROM employee WHERE id = $1 UNION ALL SELECT e.id, e.manager_id, e.name, e.salary, c.seen || e.id FROM employee e JOIN chain c ON e.id = c.manager_id WHERE e.id <> ALL (c.seen)) SELECT name, salary, cardinality(seen) FROM chain;

WITH RECURSIVE reports AS (SELECT id, name, manager_id FROM employee WHERE manager_id IS NULL UNION ALL SELECT e.id, e.name, e.manager_id FROM employee e JOIN reports r ON r.id = e.manager_id) SEARCH DEPTH FIRST BY name SET place CYCLE id SET looped USING trail SELECT name, looped FROM reports ORDER BY place;

INSERT INTO event (id, at, kind, payload, customer_id) SELECT nextval('orders_id_seq'), now(), x ->> 'kind', x -> 'data', (x ->> 'customer')::bigint FROM jsonb_array_elements($1::jsonb) AS x;

SELECT t.kind, t.page, t.seconds FROM event e, jsonb_to_record(e.payload) AS t (kind text, page text, seconds numeric) WHERE e.at > now() - interval '1 day';

SELECT e.id, k.key, k.value FROM event e CROSS JOIN LATERAL jsonb_each_text(e.payload) WITH ORDINALITY AS k (key, value, n) WHERE k.n <= 5;

SELECT p.sku, l.label, l.place FROM product p, unnest(p.labels) WITH ORDINALITY AS l (label, place);

SELECT p.sku FROM product p WHERE $1 = ANY (p.labels) AND p.attributes @> '{"colour": "red"}' AND p.attributes #>> '{size,unit}' = 'cm';

UPDATE product SET labels = array_append(array_remove(labels, 'new'), 'old'), attributes = jsonb_set(coalesce(attributes, '{}'), '{checked}', to_jsonb(now())) WHERE created_at < now() - interval '90 days';

UPDATE product SET (price, cost) = (SELECT avg(l.unit_price), min(l.unit_price) FROM order_line l WHERE l.product_id = product.id) WHERE id = $1;

UPDATE product SET (name, description) = ROW (upper(name), DEFAULT) WHERE sku = $1;

DELETE FROM order_line l USING orders o WHERE o.id = l.order_id AND o.status = 'cancelled' RETURNING l.*, o.customer_id;

SELECT o.* FROM orders o TABLESAMPLE bernoulli (1) REPEATABLE (42) WHERE o.total > 10;

SELECT tableoid::regclass, count(*) FROM event GROUP BY 1;

SELECT customer, count(*) FROM orders AS o (order_id, customer) GROUP BY customer;

SELECT row_to_json(o) FROM order_summary o WHERE o.amount > 100;

SELECT json_agg(row_to_json(x)) FROM (SELECT c.id, c.email, (SELECT json_agg(a) FROM address a WHERE a.customer_id = c.id) AS addresses FROM customer c LIMIT 10) x;

SELECT c.email, a.city, a.n FROM customer c CROSS JOIN LATERAL (SELECT city, count(*) OVER () AS n FROM address WHERE customer_id = c.id ORDER BY is_default DESC, id LIMIT 1) a;

SELECT coalesce(a.customer_id, o.customer_id) AS customer, a.streets, o.spent FROM (SELECT customer_id, string_agg(street, '; ' ORDER BY id) AS streets FROM address GROUP BY customer_id) a FULL JOIN (SELECT customer_id, sum(total) AS spent FROM orders GROUP BY customer_id) o USING (customer_id);

SELECT customer_id, sum(total) FROM orders NATURAL JOIN (SELECT customer_id FROM review WHERE rating = 5) r GROUP BY customer_id;

TABLE tag;

VALUES (1, 'one'), (2, 'two') ORDER BY 1 DESC;

SELECT * FROM product_rating WHERE stars > ALL (SELECT stars FROM product_rating WHERE reviews < 3);

SELECT id FROM orders WHERE (customer_id, status) IN (SELECT customer_id, 'open' FROM review) AND ROW (total, id) >= ROW (10, 5);

SELECT CASE WHEN rating >= 4 THEN 'good' WHEN rating = 3 THEN 'fair' ELSE coalesce(title, 'bad') END AS verdict, count(*) FROM review GROUP BY verdict;

SELECT created_at::date AS created_at, count(*) FROM review GROUP BY created_at ORDER BY created_at;

SELECT name AS salary, salary AS name FROM employee ORDER BY salary, name;

SELECT department_id, name, salary, salary - avg(salary) OVER w AS above, rank() OVER (w ORDER BY salary DESC) FROM employee WINDOW w AS (PARTITION BY department_id);

SELECT name, sum(salary) OVER (ORDER BY hired_on RANGE BETWEEN interval '1 year' PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) FROM employee;

SELECT mode() WITHIN GROUP (ORDER BY status), count(*) FILTER (WHERE shipped_at IS NULL), sum(DISTINCT total) FROM orders;

SELECT id, body FROM review WHERE to_tsvector('english', coalesce(title, '') || ' ' || body) @@ to_tsquery('english', 'good & !bad');

SELECT ts_headline('english', description, plainto_tsquery('english', $1)) FROM product WHERE words @@ plainto_tsquery('english', $1);

SELECT email FROM customer WHERE email ~* '^[a-z]+@' AND full_name SIMILAR TO '(A|B)%' AND phone NOT LIKE '+49%' ESCAPE '\';

SELECT overlay(phone PLACING '***' FROM 4 FOR 3), substring(email FROM '@(.*)$'), position('@' IN email), trim(LEADING '+' FROM phone) FROM customer;

SELECT birth_date, age(birth_date), extract(dow FROM birth_date), birth_date + interval '18 years' <= current_date AS adult FROM customer WHERE (birth_date, birth_date + 1) OVERLAPS (date '1990-01-01', date '1991-01-01');

SELECT placed_at AT TIME ZONE 'Europe/Berlin', date_bin('15 minutes', placed_at, timestamptz '2025-01-01'), to_char(placed_at, 'IYYY-IW') FROM orders;

SELECT a.id, b.id FROM address a, address b WHERE a.customer_id <> b.customer_id AND (a.street, a.city) = (b.street, b.city);

SELECT DISTINCT ON (product_id) product_id, rating, title FROM review ORDER BY product_id, helpful DESC, created_at;

SELECT c.country, count(DISTINCT c.city) FROM (SELECT DISTINCT country, city FROM address) c GROUP BY 1 HAVING count(*) > 1;

(SELECT email AS contact FROM customer WHERE is_active ORDER BY created_at DESC LIMIT 5) UNION ALL (SELECT reference FROM payment WHERE paid_at IS NULL LIMIT 5) ORDER BY contact;

SELECT id FROM product INTERSECT SELECT product_id FROM order_line EXCEPT SELECT product_id FROM review;

INSERT INTO tag (label) SELECT unnest(labels) FROM product ON CONFLICT (label) DO NOTHING;

INSERT INTO stock AS s (product_id, warehouse_id, quantity) VALUES ($1, $2, $3) ON CONFLICT (product_id, warehouse_id) DO UPDATE SET quantity = s.quantity + excluded.quantity, reserved = least(s.reserved, excluded.quantity) WHERE s.quantity < 1000 RETURNING quantity, reserved;

INSERT INTO customer (email, full_name, settings) VALUES ('a@b.example', 'A B', DEFAULT), (lower('C@D.EXAMPLE'), 'C D', '{"theme": "dark"}') RETURNING id, created_at, is_active;

INSERT INTO department DEFAULT VALUES;

INSERT INTO warehouse (id, name) OVERRIDING USER VALUE SELECT id, name FROM department;

DELETE FROM active_customer WHERE created_at < '2020-01-01';

UPDATE active_customer SET email = lower(email) WHERE id = $1 RETURNING email, full_name;

INSERT INTO active_customer (email, full_name) VALUES ($1, $2);

SELECT pg_size_pretty(pg_total_relation_size('orders'));

SELECT relname, n_live_tup, last_autovacuum FROM pg_stat_user_tables ORDER BY n_live_tup DESC;

SELECT pid, state, wait_event_type, now() - query_start FROM pg_stat_activity WHERE state <> 'idle';
