-- What SQLAlchemy 2.1 sends over schema.sql: selects, loading strategies, writes and a unit of work. One statement a
-- paragraph; bind markers as the server sees them.

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer;

SELECT customer.id, customer.email
FROM customer;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.email = $1::VARCHAR;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.is_active = true ORDER BY customer.created_at DESC
 LIMIT $1::INTEGER OFFSET $2::INTEGER;

SELECT count(*) AS count_1
FROM customer;

SELECT count(customer.id) AS count_1
FROM customer
WHERE customer.is_active IS true;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders JOIN customer ON customer.id = orders.customer_id
WHERE customer.email LIKE $1::VARCHAR;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code, customer.id AS id_1, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM orders JOIN customer ON customer.id = orders.customer_id;

SELECT orders.id, customer.full_name
FROM orders LEFT OUTER JOIN customer ON customer.id = orders.customer_id;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id, orders_1.id AS id_1, orders_1.customer_id, orders_1.address_id, orders_1.status, orders_1.placed_at, orders_1.shipped_at, orders_1.total, orders_1.note, orders_1.coupon_code
FROM customer LEFT OUTER JOIN orders AS orders_1 ON customer.id = orders_1.customer_id;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code, product_1.id AS id_1, product_1.sku, product_1.name, product_1.description, product_1.price, product_1.cost, product_1.margin, product_1.category_id, product_1.labels, product_1.attributes, product_1.created_at, product_1.discontinued_on, order_line_1.order_id, order_line_1.line_no, order_line_1.product_id, order_line_1.quantity, order_line_1.unit_price, order_line_1.discount
FROM orders LEFT OUTER JOIN order_line AS order_line_1 ON orders.id = order_line_1.order_id LEFT OUTER JOIN product AS product_1 ON product_1.id = order_line_1.product_id;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code, customer_1.id AS id_1, customer_1.email, customer_1.full_name, customer_1.phone, customer_1.birth_date, customer_1.is_active, customer_1.created_at, customer_1.settings, customer_1.referrer_id
FROM orders JOIN customer AS customer_1 ON customer_1.id = orders.customer_id
 LIMIT $1::INTEGER;

SELECT anon_1.id, anon_1.email, anon_1.full_name, anon_1.phone, anon_1.birth_date, anon_1.is_active, anon_1.created_at, anon_1.settings, anon_1.referrer_id, orders_1.id AS id_1, orders_1.customer_id, orders_1.address_id, orders_1.status, orders_1.placed_at, orders_1.shipped_at, orders_1.total, orders_1.note, orders_1.coupon_code
FROM (SELECT customer.id AS id, customer.email AS email, customer.full_name AS full_name, customer.phone AS phone, customer.birth_date AS birth_date, customer.is_active AS is_active, customer.created_at AS created_at, customer.settings AS settings, customer.referrer_id AS referrer_id
FROM customer
 LIMIT $1::INTEGER) AS anon_1 LEFT OUTER JOIN orders AS orders_1 ON anon_1.id = orders_1.customer_id;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.id < $1::BIGINT;

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on, tag_1.id AS id_1, tag_1.label
FROM product LEFT OUTER JOIN (product_tag AS product_tag_1 JOIN tag AS tag_1 ON tag_1.id = product_tag_1.tag_id) ON product.id = product_tag_1.product_id;

SELECT category.id, category.parent_id, category.name, category.slug, category.position, product.id AS id_1, product.sku, product.name AS name_1, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product JOIN category ON category.id = product.category_id;

SELECT product.id, product.name
FROM product;

SELECT product.id, product.sku, product.name, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE EXISTS (SELECT 1
FROM orders
WHERE customer.id = orders.customer_id);

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE EXISTS (SELECT 1
FROM orders
WHERE customer.id = orders.customer_id AND orders.status = $1::VARCHAR);

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE NOT (EXISTS (SELECT 1
FROM orders
WHERE customer.id = orders.customer_id));

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE EXISTS (SELECT 1
FROM customer
WHERE customer.id = orders.customer_id AND customer.is_active = false);

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product
WHERE EXISTS (SELECT 1
FROM tag, product_tag
WHERE product.id = product_tag.product_id AND tag.id = product_tag.tag_id AND tag.label IN ($1::VARCHAR, $2::VARCHAR));

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product, product_tag AS product_tag_1
WHERE product.id = product_tag_1.product_id AND $1::INTEGER = product_tag_1.tag_id;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE EXISTS (SELECT *
FROM orders
WHERE orders.customer_id = customer.id);

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE EXISTS (SELECT 1
FROM orders
WHERE orders.customer_id = customer.id AND orders.total > $1::INTEGER);

SELECT customer.id, (SELECT count(orders.id) AS count_1
FROM orders
WHERE orders.customer_id = customer.id) AS n
FROM customer;

SELECT customer.full_name, sum(orders.total) AS spent
FROM customer JOIN orders ON customer.id = orders.customer_id GROUP BY customer.id, customer.full_name
HAVING sum(orders.total) > $1::INTEGER ORDER BY spent DESC;

SELECT orders.status, count(*) AS n
FROM orders GROUP BY orders.status;

SELECT date_trunc($1::VARCHAR, orders.placed_at) AS m, sum(orders.total) AS sum_1
FROM orders GROUP BY m ORDER BY m;

SELECT EXTRACT(year FROM orders.placed_at) AS anon_1, avg(orders.total) AS avg_1
FROM orders GROUP BY EXTRACT(year FROM orders.placed_at);

SELECT max(orders.placed_at) AS max_1, min(orders.placed_at) AS min_1
FROM orders
WHERE orders.customer_id = $1::BIGINT;

SELECT CASE WHEN (orders.total > $1::INTEGER) THEN $2::VARCHAR WHEN (orders.total > $3::INTEGER) THEN $4::VARCHAR ELSE $5::VARCHAR END AS size, count(*) AS count_1
FROM orders GROUP BY size;

SELECT CASE orders.status WHEN $1::VARCHAR THEN $2::INTEGER WHEN $3::VARCHAR THEN $4::INTEGER ELSE $5::INTEGER END AS anon_1
FROM orders;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE orders.status IN ($1::VARCHAR, $2::VARCHAR);

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE (orders.status NOT IN ($1::VARCHAR));

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE orders.customer_id IN (SELECT customer.id
FROM customer
WHERE customer.is_active);

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE (orders.customer_id, orders.status) IN (($1, $2), ($3, $4));

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE orders.placed_at BETWEEN $1::TIMESTAMP WITH TIME ZONE AND $2::TIMESTAMP WITH TIME ZONE;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE orders.shipped_at IS NULL;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE orders.shipped_at IS NOT NULL AND orders.note IS NOT NULL;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.email ILIKE $1::VARCHAR OR (customer.phone LIKE $2::VARCHAR || '%');

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE NOT customer.is_active;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE lower(customer.email) = $1::VARCHAR;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.full_name ~ $1::VARCHAR;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.full_name ~* $1::VARCHAR;

SELECT customer.full_name || $1::VARCHAR || customer.email || $2::VARCHAR AS anon_1
FROM customer;

SELECT coalesce(customer.phone, $1::VARCHAR) AS coalesce_1
FROM customer;

SELECT nullif(orders.note, $1::VARCHAR) AS nullif_1
FROM orders;

SELECT CAST(orders.total AS INTEGER) AS total
FROM orders;

SELECT orders.total AS total
FROM orders;

SELECT orders.total * $1 AS anon_1
FROM orders;

SELECT order_line.quantity * order_line.unit_price * ($1::INTEGER - order_line.discount) AS amount
FROM order_line;

SELECT order_line.quantity % $1::INTEGER AS anon_1, order_line.quantity & $2::INTEGER AS anon_2
FROM order_line;

SELECT -order_line.quantity
FROM order_line;

SELECT round(order_line.unit_price, $1::INTEGER) AS round_1
FROM order_line;

SELECT DISTINCT orders.status
FROM orders;

SELECT DISTINCT ON (orders.customer_id) orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders ORDER BY orders.customer_id, orders.placed_at DESC;

SELECT count(DISTINCT orders.customer_id) AS count_1
FROM orders;

SELECT row_number() OVER (PARTITION BY orders.customer_id ORDER BY orders.placed_at DESC) AS rn, orders.id
FROM orders;

SELECT rank() OVER (ORDER BY product.price DESC) AS anon_1, product.name
FROM product;

SELECT sum(orders.total) OVER (PARTITION BY orders.customer_id ORDER BY orders.placed_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS anon_1
FROM orders;

SELECT lag(orders.total, $1::INTEGER) OVER (ORDER BY orders.id) AS anon_1
FROM orders;

SELECT avg(product.price) OVER (PARTITION BY product.category_id) AS anon_1, product.id
FROM product;

SELECT first_value(orders.id) OVER (PARTITION BY orders.customer_id RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS anon_1
FROM orders;

SELECT ntile($1::INTEGER) OVER (ORDER BY customer.created_at) AS anon_1
FROM customer;

SELECT count(*) FILTER (WHERE orders.status = $1::VARCHAR) AS anon_1, count(*) AS count_1
FROM orders;

SELECT array_agg(product.name ORDER BY product.price DESC) AS array_agg_1
FROM product;

SELECT string_agg(product.name, $1::VARCHAR) AS string_agg_1
FROM product;

SELECT percentile_cont($1) WITHIN GROUP (ORDER BY orders.total) AS percentile_cont_1
FROM orders;

SELECT mode() WITHIN GROUP (ORDER BY orders.status) AS mode_1
FROM orders;

SELECT bool_or(customer.is_active) AS bool_or_1
FROM customer;

SELECT jsonb_agg(product.name) AS jsonb_agg_1
FROM product;

SELECT json_build_object($1::VARCHAR, product.id, $2::VARCHAR, product.name) AS json_build_object_1
FROM product;

SELECT customer.settings ->> $1::TEXT AS anon_1
FROM customer;

SELECT customer.settings #> $1 AS anon_1
FROM customer;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.settings @> $1::JSONB;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.settings ? $1::VARCHAR;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE CAST((customer.settings ->> $1::TEXT) AS INTEGER) > $2::INTEGER;

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product
WHERE $1::VARCHAR = ANY (product.labels);

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product
WHERE product.labels @> $1::TEXT[];

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product
WHERE product.labels && $1::TEXT[];

SELECT product.labels[$1::INTEGER] AS anon_1
FROM product;

SELECT product.labels[$1::INTEGER:$2::INTEGER] AS anon_1
FROM product;

SELECT unnest(product.labels) AS unnest_1
FROM product;

SELECT cardinality(product.labels) AS cardinality_1
FROM product;

SELECT customer_1.full_name, customer.full_name AS full_name_1
FROM customer JOIN customer AS customer_1 ON customer_1.id = customer.referrer_id;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer LEFT OUTER JOIN customer AS customer_1 ON customer.referrer_id = customer_1.id;

SELECT employee.name, boss.name AS name_1
FROM employee JOIN employee AS boss ON boss.id = employee.manager_id;

SELECT employee.name, boss.salary - employee.salary AS anon_1
FROM employee FULL OUTER JOIN employee AS boss ON boss.id = employee.manager_id;

SELECT customer.id
FROM customer UNION SELECT orders.customer_id
FROM orders;

SELECT customer.email
FROM customer UNION ALL SELECT tag.label
FROM tag ORDER BY email;

SELECT customer.id
FROM customer INTERSECT SELECT orders.customer_id
FROM orders;

SELECT product.id
FROM product EXCEPT SELECT order_line.product_id
FROM order_line;

SELECT $1::VARCHAR AS k, customer.id AS i
FROM customer UNION ALL SELECT $2::VARCHAR AS anon_1, orders.id
FROM orders
 LIMIT $3::INTEGER;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id, anon_1.n
FROM customer LEFT OUTER JOIN (SELECT orders.customer_id AS customer_id, count($1::VARCHAR) AS n
FROM orders GROUP BY orders.customer_id) AS anon_1 ON customer.id = anon_1.customer_id ORDER BY customer.id;

SELECT avg(anon_1.n) AS avg_1
FROM (SELECT orders.customer_id AS customer_id, count($1::VARCHAR) AS n
FROM orders GROUP BY orders.customer_id) AS anon_1;

SELECT anon_1.customer_id
FROM (SELECT orders.customer_id AS customer_id, count($1::VARCHAR) AS n
FROM orders GROUP BY orders.customer_id) AS anon_1
WHERE anon_1.n > $2::INTEGER;

WITH totals AS
(SELECT orders.customer_id AS customer_id, sum(orders.total) AS t
FROM orders GROUP BY orders.customer_id)
 SELECT customer.full_name, totals.t
FROM customer JOIN totals ON totals.customer_id = customer.id;

WITH totals AS
(SELECT orders.customer_id AS customer_id, sum(orders.total) AS t
FROM orders GROUP BY orders.customer_id)
 SELECT totals.customer_id, totals.t
FROM totals
WHERE totals.t > (SELECT avg(totals.t) AS avg_1
FROM totals);

WITH RECURSIVE tree(id, name, depth) AS
(SELECT category.id AS id, category.name AS name, $1::INTEGER AS depth
FROM category
WHERE category.parent_id IS NULL UNION ALL SELECT category_1.id AS id, category_1.name AS name, tree.depth + $2::INTEGER AS anon_1
FROM category AS category_1, tree
WHERE category_1.parent_id = tree.id)
 SELECT tree.id, tree.name, tree.depth
FROM tree ORDER BY tree.depth;

WITH RECURSIVE chain(id, manager_id, path) AS
(SELECT employee.id AS id, employee.manager_id AS manager_id, CAST(employee.name AS TEXT) AS path
FROM employee
WHERE employee.manager_id IS NULL UNION SELECT employee_1.id AS id, employee_1.manager_id AS manager_id, chain.path || $1::VARCHAR || employee_1.name AS anon_1
FROM employee AS employee_1 JOIN chain ON employee_1.manager_id = chain.id)
 SELECT chain.path, department.name
FROM chain JOIN employee ON employee.id = chain.id JOIN department ON department.id = employee.department_id;

SELECT customer.full_name, recent.total
FROM customer JOIN LATERAL (SELECT orders.id AS id, orders.total AS total
FROM orders
WHERE orders.customer_id = customer.id ORDER BY orders.placed_at DESC
 LIMIT $1::INTEGER) AS recent ON true;

SELECT customer.full_name, recent.id
FROM customer LEFT OUTER JOIN LATERAL (SELECT orders.id AS id, orders.total AS total
FROM orders
WHERE orders.customer_id = customer.id ORDER BY orders.placed_at DESC
 LIMIT $1::INTEGER) AS recent ON true;

SELECT ranked.id
FROM (SELECT orders.id AS id, orders.customer_id AS customer_id, row_number() OVER (PARTITION BY orders.customer_id ORDER BY orders.placed_at DESC) AS rn
FROM orders) AS ranked
WHERE ranked.rn = $1::INTEGER;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders JOIN (SELECT orders.id AS id, orders.customer_id AS customer_id, row_number() OVER (PARTITION BY orders.customer_id ORDER BY orders.placed_at DESC) AS rn
FROM orders) AS ranked ON ranked.id = orders.id
WHERE ranked.rn <= $1::INTEGER;

SELECT v.id, v.name
FROM (VALUES ($1::INTEGER, $2::VARCHAR), ($3::INTEGER, $4::VARCHAR)) AS v (id, name);

SELECT product.name, v.name AS name_1
FROM product JOIN (VALUES ($1::INTEGER, $2::VARCHAR), ($3::INTEGER, $4::VARCHAR)) AS v (id, name) ON v.id = product.id;

SELECT customer.id, kv.key, kv.value
FROM customer, jsonb_each_text(customer.settings) AS kv;

SELECT product.id, lab
FROM product, unnest(product.labels) AS lab;

SELECT product.id, r.a, r.b
FROM product, jsonb_to_recordset(product.attributes) AS r(a INTEGER, b TEXT);

SELECT order_summary.id, order_summary.customer_id, order_summary.full_name, order_summary.status, order_summary.placed_at, order_summary.lines, order_summary.amount
FROM order_summary;

SELECT order_summary.full_name, sum(order_summary.amount) AS sum_1
FROM order_summary GROUP BY order_summary.full_name;

SELECT customer.id
FROM customer JOIN order_summary ON order_summary.customer_id = customer.id
WHERE order_summary.amount > $1::INTEGER;

SELECT orders.status, orders.coupon_code, sum(orders.total) AS sum_1
FROM orders GROUP BY ROLLUP(orders.status, orders.coupon_code);

SELECT orders.status, sum(orders.total) AS sum_1, grouping(orders.status) AS grouping_1
FROM orders GROUP BY CUBE(orders.status);

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders FOR UPDATE;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders JOIN customer ON customer.id = orders.customer_id FOR UPDATE OF orders SKIP LOCKED;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders FOR SHARE NOWAIT;

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product
WHERE to_tsvector($1::REGCONFIG, product.name) @@ plainto_tsquery($2::REGCONFIG, $3::VARCHAR);

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product
WHERE product.name @@ plainto_tsquery($1::VARCHAR);

SELECT product.name COLLATE "C" AS anon_1
FROM product ORDER BY product.name;

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product ORDER BY product.price DESC NULLS LAST, product.name ASC;

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product ORDER BY random()
 LIMIT $1::INTEGER;

SELECT least(product.price, product.cost) AS least_1, greatest(product.price, $1::INTEGER) AS greatest_1
FROM product;

SELECT 1;

SELECT now();

SELECT product.price BETWEEN $1::INTEGER AND $2::INTEGER AS anon_1
FROM product;

SELECT product.id IS DISTINCT FROM $1::INTEGER AS anon_1
FROM product;

SELECT product.description || $1::VARCHAR AS anon_1
FROM product;

SELECT length(product.name) AS length_1, substr(product.name, $1::INTEGER, $2::INTEGER) AS substr_1, replace(product.name, $3::VARCHAR, $4::VARCHAR) AS replace_1
FROM product;

SELECT to_char(orders.placed_at, $1::VARCHAR) AS to_char_1
FROM orders;

SELECT orders.placed_at + interval '1 day' AS anon_1
FROM orders;

SELECT age(orders.placed_at) AS age_1
FROM orders;

SELECT now() - orders.placed_at AS anon_1
FROM orders;

SELECT stock.quantity - stock.reserved AS anon_1
FROM stock;

SELECT sum(stock.quantity) AS sum_1
FROM stock
WHERE stock.warehouse_id = $1::INTEGER;

SELECT warehouse.name, sum(stock.quantity) AS sum_1
FROM warehouse JOIN stock ON stock.warehouse_id = warehouse.id GROUP BY warehouse.name;

INSERT INTO tag (label) VALUES ($1::VARCHAR) RETURNING tag.id;

INSERT INTO tag (label) VALUES ($1::VARCHAR), ($2::VARCHAR);

INSERT INTO tag (label) SELECT customer.email
FROM customer
WHERE customer.id < $1::BIGINT;

INSERT INTO orders (customer_id, status) VALUES ((SELECT customer.id
FROM customer
WHERE customer.email = $1::VARCHAR), $2::VARCHAR) RETURNING orders.id;

INSERT INTO tag (label) VALUES ($1::VARCHAR) ON CONFLICT DO NOTHING RETURNING tag.id;

INSERT INTO tag (label) VALUES ($1::VARCHAR) ON CONFLICT (label) DO UPDATE SET label = excluded.label RETURNING tag.id;

INSERT INTO stock (product_id, warehouse_id, quantity) VALUES ($1::INTEGER, $2::INTEGER, $3::INTEGER) ON CONFLICT (product_id, warehouse_id) DO UPDATE SET quantity = (stock.quantity + excluded.quantity) WHERE stock.quantity < $4::INTEGER;

UPDATE product SET price=$1 WHERE product.id = $2::INTEGER;

UPDATE product SET price=(product.price * $1) WHERE product.category_id = $2::INTEGER RETURNING product.id, product.price, product.margin;

UPDATE orders SET status=$1::VARCHAR FROM payment WHERE orders.id = payment.order_id AND payment.amount >= orders.total RETURNING orders.id;

UPDATE orders SET total=(SELECT sum(order_line.quantity * order_line.unit_price) AS sum_1
FROM order_line
WHERE order_line.order_id = orders.id);

UPDATE customer SET settings=(customer.settings || '{}'::jsonb);

UPDATE employee SET salary=CASE WHEN (employee.title = $1::VARCHAR) THEN employee.salary * $2::INTEGER ELSE employee.salary END;

UPDATE orders SET note=$1::VARCHAR WHERE orders.customer_id IN (SELECT customer.id
FROM customer
WHERE customer.is_active = false) RETURNING orders.id;

UPDATE stock SET reserved=(stock.reserved + $1::INTEGER) WHERE EXISTS (SELECT *
FROM product
WHERE product.id = stock.product_id) RETURNING stock.product_id, stock.warehouse_id;

DELETE FROM review WHERE review.rating < $1::INTEGER;

DELETE FROM review USING customer WHERE review.customer_id = customer.id AND customer.is_active = false RETURNING review.id;

DELETE FROM order_line WHERE order_line.order_id = $1::BIGINT RETURNING order_line.product_id, order_line.quantity;

DELETE FROM tag WHERE NOT (EXISTS (SELECT *
FROM product_tag
WHERE product_tag.tag_id = tag.id)) RETURNING tag.id;

DELETE FROM event WHERE event.at < $1::TIMESTAMP WITH TIME ZONE;

WITH gone AS
(DELETE FROM payment WHERE payment.paid_at IS NULL RETURNING payment.order_id)
 SELECT orders.id, orders.status
FROM orders JOIN gone ON gone.order_id = orders.id;

WITH gone AS
(DELETE FROM payment WHERE payment.paid_at IS NULL RETURNING payment.order_id)
 INSERT INTO event (id, at, kind) SELECT gone.order_id, now() AS now_1, $1::VARCHAR AS anon_1
FROM gone;

INSERT INTO customer (id, email, full_name, phone, birth_date, is_active, settings, referrer_id) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::DATE, $6, $7::JSONB, $8::BIGINT) RETURNING customer.created_at;

INSERT INTO product (id, sku, name, description, price, cost, category_id, labels, discontinued_on) VALUES ($1::INTEGER, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5, $6, $7::INTEGER, $8::TEXT[], $9::DATE) RETURNING product.margin, product.created_at;

INSERT INTO tag (id, label) VALUES ($1::INTEGER, $2::VARCHAR);

INSERT INTO product_tag (product_id, tag_id) VALUES ($1::INTEGER, $2::INTEGER);

INSERT INTO address (customer_id, street, city, postcode, country, is_default) VALUES ($1::BIGINT, $2::VARCHAR, $3::VARCHAR, $4::VARCHAR, $5::VARCHAR, $6) RETURNING address.id;

INSERT INTO orders (id, customer_id, address_id, status, total, note, coupon_code) VALUES ($1::BIGINT, $2::BIGINT, $3::BIGINT, $4::VARCHAR, $5, $6::VARCHAR, $7::VARCHAR) RETURNING orders.placed_at, orders.shipped_at;

INSERT INTO order_line (order_id, line_no, product_id, quantity, unit_price, discount) VALUES ($1::BIGINT, $2::INTEGER, $3::INTEGER, $4::INTEGER, $5, $6);

UPDATE customer SET full_name=$1::VARCHAR WHERE customer.id = $2::BIGINT;

UPDATE orders SET status=$1::VARCHAR WHERE orders.id = $2::BIGINT;

SELECT customer.id, customer.email, customer.full_name, customer.phone, customer.birth_date, customer.is_active, customer.created_at, customer.settings, customer.referrer_id
FROM customer
WHERE customer.id = $1::BIGINT;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE $1::BIGINT = orders.customer_id;

SELECT order_line.order_id, order_line.line_no, order_line.product_id, order_line.quantity, order_line.unit_price, order_line.discount
FROM order_line
WHERE $1::BIGINT = order_line.order_id;

SELECT product.id, product.sku, product.name, product.description, product.price, product.cost, product.margin, product.category_id, product.labels, product.attributes, product.created_at, product.discontinued_on
FROM product
WHERE product.id = $1::INTEGER;

SELECT address.id, address.customer_id, address.street, address.city, address.postcode, address.country, address.is_default
FROM address
WHERE $1::BIGINT = address.customer_id;

SELECT tag.id, tag.label
FROM tag, product_tag
WHERE $1::INTEGER = product_tag.product_id AND tag.id = product_tag.tag_id;

SELECT review.id, review.product_id, review.customer_id, review.rating, review.title, review.body, review.created_at, review.helpful
FROM review
WHERE $1::INTEGER = review.product_id;

DELETE FROM product_tag WHERE product_tag.product_id = $1::INTEGER AND product_tag.tag_id = $2::INTEGER;

SELECT payment.id, payment.order_id, payment.method, payment.amount, payment.paid_at, payment.reference
FROM payment
WHERE $1::BIGINT = payment.order_id;

DELETE FROM order_line WHERE order_line.order_id = $1::BIGINT AND order_line.line_no = $2::INTEGER;

DELETE FROM orders WHERE orders.id = $1::BIGINT;

SELECT customer.email
FROM customer
WHERE customer.id = $1::BIGINT;

SELECT tag.id, tag.label
FROM tag
WHERE tag.id = $1::INTEGER;

UPDATE tag SET label=$1::VARCHAR WHERE tag.id = $2::INTEGER;

INSERT INTO event (id, at, kind) VALUES ($1::BIGINT, $2::TIMESTAMP WITH TIME ZONE, $3::VARCHAR);

UPDATE customer SET phone=$1::VARCHAR WHERE customer.id = $2::BIGINT RETURNING customer.id;

DELETE FROM review WHERE review.rating = $1::INTEGER;

SELECT count(*) AS count_1
FROM (SELECT orders.id AS orders_id, orders.customer_id AS orders_customer_id, orders.address_id AS orders_address_id, orders.status AS orders_status, orders.placed_at AS orders_placed_at, orders.shipped_at AS orders_shipped_at, orders.total AS orders_total, orders.note AS orders_note, orders.coupon_code AS orders_coupon_code
FROM orders JOIN order_line ON orders.id = order_line.order_id
WHERE order_line.quantity > $1::INTEGER) AS anon_1;

SELECT orders.id, orders.customer_id, orders.address_id, orders.status, orders.placed_at, orders.shipped_at, orders.total, orders.note, orders.coupon_code
FROM orders
WHERE orders.id = $1::BIGINT;

SELECT product.name AS product_name
FROM product
WHERE product.id IN ($1::INTEGER, $2::INTEGER, $3::INTEGER);

SELECT customer.id AS customer_id, customer.email AS customer_email, customer.full_name AS customer_full_name, customer.phone AS customer_phone, customer.birth_date AS customer_birth_date, customer.is_active AS customer_is_active, customer.created_at AS customer_created_at, customer.settings AS customer_settings, customer.referrer_id AS customer_referrer_id, payment_1.id AS payment_1_id, payment_1.order_id AS payment_1_order_id, payment_1.method AS payment_1_method, payment_1.amount AS payment_1_amount, payment_1.paid_at AS payment_1_paid_at, payment_1.reference AS payment_1_reference, orders_1.id AS orders_1_id, orders_1.customer_id AS orders_1_customer_id, orders_1.address_id AS orders_1_address_id, orders_1.status AS orders_1_status, orders_1.placed_at AS orders_1_placed_at, orders_1.shipped_at AS orders_1_shipped_at, orders_1.total AS orders_1_total, orders_1.note AS orders_1_note, orders_1.coupon_code AS orders_1_coupon_code
FROM customer LEFT OUTER JOIN orders AS orders_1 ON customer.id = orders_1.customer_id LEFT OUTER JOIN payment AS payment_1 ON orders_1.id = payment_1.order_id
WHERE customer.id = $1::BIGINT;

SELECT orders.id AS orders_id, orders.customer_id AS orders_customer_id, orders.address_id AS orders_address_id, orders.status AS orders_status, orders.placed_at AS orders_placed_at, orders.shipped_at AS orders_shipped_at, orders.total AS orders_total, orders.note AS orders_note, orders.coupon_code AS orders_coupon_code
FROM orders
WHERE orders.id < $1::BIGINT;
