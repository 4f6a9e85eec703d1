-- Attempts of several steps, each on a connection of its own: at the keys of the masks, at the text that is
-- sent in place of the client's, and at whatever a rewritten name could mean. A title begins an attempt, a
-- semicolon at the end of a line ends a step. Nothing of them may show a clear value or a key.

-- the key by its name
SELECT upper(email) FROM customers WHERE id = 1;
SELECT current_setting('connect_mask.pii_email');
SELECT current_setting('connect_mask.pii_email', true);
SELECT current_setting('CONNECT_MASK.PII_EMAIL');
SELECT current_setting(E'connect\x5fmask.pii_email');
SELECT current_setting(U&'connect\005fmask.pii_email');
SELECT current_setting('connect_mask.pii_email'::text);
SELECT pg_catalog.current_setting(text 'connect_mask.pii_email');
SELECT "current_setting"('connect_mask.pii_email');
SELECT U&"current\005fsetting"('connect_mask.pii_email');
SHOW connect_mask.pii_email;
SHOW "connect_mask.pii_email";
SHOW CONNECT_MASK.pii_email;
SHOW ALL;

-- the key by a computed name
SELECT upper(email), full_name || '' FROM customers WHERE id = 1;
SELECT current_setting('connect_' || 'mask.pii_email');
SELECT current_setting(concat('connect_mask', '.pii_email'));
SELECT current_setting(CASE WHEN true THEN 'connect_mask.pii_email' END);
SELECT current_setting((SELECT 'connect_mask.pii_email'));
SELECT current_setting(x) FROM (VALUES ('connect_mask.pii_email')) v(x);
SELECT current_setting(name) FROM (VALUES ('connect_mask.pii_email')) v(name);
SELECT current_setting(sku) FROM (SELECT 'connect_mask.pii_email' AS sku) p;

-- the key by notations of a call
SELECT upper(email), full_name || '' FROM customers WHERE id = 1;
SELECT ('connect_mask.pii_email'::text).current_setting;
SELECT (v.x).current_setting FROM (VALUES ('connect_mask.pii_email'::text)) v(x);
SELECT v.current_setting FROM (VALUES ('connect_mask.pii_email'::text)) v(x);
SELECT x.current_setting FROM unnest(ARRAY['connect_mask.pii_email']) x;
SELECT * FROM current_setting('connect_mask.pii_email');
SELECT * FROM ROWS FROM (current_setting('connect_mask.pii_email')) AS t;
SELECT * FROM unnest(ARRAY['connect_mask.pii_email']) u, current_setting(u);
SELECT * FROM unnest(ARRAY['connect_mask.pii_email']) u, LATERAL (SELECT current_setting(u)) x;

-- functions in the notation of a column
SELECT upper(email), full_name || '' FROM customers WHERE id = 1;
SELECT x.current_setting FROM unnest(ARRAY['connect_mask.pii_email']) x, (SELECT 1 AS current_setting) q;
SELECT (x).current_setting FROM unnest(ARRAY['connect_mask.pii_email']) x;
SELECT x.current_setting AS current_setting FROM json_array_elements_text('["connect_mask.pii_email"]') x;
SELECT unnest.current_setting FROM unnest(ARRAY['connect_mask.pii_email']);
SELECT x.pg_stat_get_backend_activity FROM generate_series(1, 9) x;
SELECT x.pg_stat_get_backend_activity, q.* FROM generate_series(1, 9) x, (SELECT 1 AS pg_stat_get_backend_activity) q;
SELECT x.pg_read_file FROM unnest(ARRAY['PG_VERSION']) x;
SELECT x.pg_ls_dir FROM unnest(ARRAY['base']) x;
SELECT x.lo_get FROM unnest(ARRAY[1::oid]) x;
SELECT x.ts_stat FROM unnest(ARRAY['SELECT to_tsvector(email) FROM customers']) x;
SELECT x.schema_to_xml FROM unnest(ARRAY['public']) x;
SELECT x.open_door FROM generate_series(1, 2) x;
SELECT x.open_door, q.open_door FROM generate_series(1, 2) x, (SELECT 1 AS open_door) q;
SELECT q.open_any, z.open_any FROM (SELECT 1 AS a) q, (SELECT 1 AS open_any) z;
SELECT q.open_any FROM (TABLE scratch) q, (SELECT 1 AS open_any) z LIMIT 1;
WITH q AS (SELECT 1 AS a), z AS (SELECT 1 AS open_any) SELECT q.open_any, z.open_any FROM q, z;
SELECT open_door(1);
SELECT (1).open_door;

-- the key behind pg_settings
SELECT upper(email), full_name || '' FROM customers WHERE id = 1;
SELECT name, setting FROM pg_settings WHERE name LIKE 'connect%';
SELECT * FROM pg_show_all_settings() s WHERE s.name LIKE 'connect%';
SELECT current_setting(s.name) FROM pg_catalog.pg_settings s WHERE s.name LIKE 'connect%';
SELECT current_setting(s.name) FROM pg_catalog.pg_settings s(name) LIMIT 3;
SELECT current_setting(s.name) FROM pg_settings s RIGHT JOIN (VALUES ('connect_mask.pii_email')) v(name) USING (name);
SELECT current_setting(name) FROM pg_catalog.pg_settings s RIGHT JOIN (VALUES ('connect_mask.pii_email')) v(name) USING (name);
WITH s AS (SELECT 'connect_mask.pii_email' AS name) SELECT current_setting(s.name) FROM s;
WITH pg_settings AS (SELECT 'connect_mask.pii_email' AS name) SELECT current_setting(pg_settings.name) FROM pg_settings;
SELECT current_setting(s.name) FROM (SELECT 'connect_mask.pii_email' AS name) s, (SELECT 1 FROM pg_catalog.pg_settings s LIMIT 1) t;
SELECT current_setting(s.name), (SELECT count(*) FROM pg_catalog.pg_settings s) FROM ((VALUES ('connect_mask.pii_email')) v(x) CROSS JOIN (SELECT 1) w) AS s(name);
SELECT current_setting(s.name), (SELECT count(*) FROM pg_catalog.pg_settings s) FROM ((VALUES ('connect_mask.pii_email')) v(name) CROSS JOIN (SELECT 1) w) AS s;
SELECT current_setting(s.name), (SELECT count(*) FROM pg_catalog.pg_settings s) FROM (products p CROSS JOIN (SELECT 'connect_mask.pii_email' AS name) w) AS s LIMIT 1;
SELECT current_setting(s.name), (SELECT count(*) FROM pg_catalog.pg_settings s) FROM unnest(ARRAY['connect_mask.pii_email']) AS s(name);
SELECT current_setting(s.name), (SELECT count(*) FROM pg_catalog.pg_settings s) FROM ROWS FROM (unnest(ARRAY['connect_mask.pii_email'])) AS s(name);
SELECT current_setting(s.name), (SELECT count(*) FROM pg_catalog.pg_settings s) FROM json_to_record('{"name": "connect_mask.pii_email"}') AS s(name text);
SELECT current_setting(s.name), (SELECT count(*) FROM pg_catalog.pg_settings s) FROM XMLTABLE('/a' PASSING xml '<a><name>connect_mask.pii_email</name></a>' COLUMNS name text) AS s;
SELECT (SELECT current_setting(s.name) FROM (SELECT 1) pg_settings LIMIT 1) FROM (SELECT 'connect_mask.pii_email' AS name) s;

-- the key through a temporary pg_settings
CREATE TEMP TABLE pg_settings (name text);
INSERT INTO pg_settings VALUES ('connect_mask.pii_email');
SELECT upper(email) FROM customers WHERE id = 1;
SELECT current_setting(pg_settings.name) FROM pg_settings;
SELECT current_setting(s.name) FROM pg_temp.pg_settings s;

-- the key by setting it
SELECT upper(email) FROM customers WHERE id = 1;
SELECT set_config('connect_mask.pii_email', '', false);
SELECT set_config('connect_mask.pii_email', repeat('36', 128), false);
SELECT set_config('connect_' || 'mask.pii_email', repeat('36', 128), false);
SET connect_mask.pii_email = '00';
SET LOCAL connect_mask.pii_email = '00';
SET "connect_mask.pii_email" TO DEFAULT;
RESET connect_mask.pii_email;
RESET "connect_mask.pii_email";
SELECT upper(email), email FROM customers WHERE id = 1;
SET application_name FROM CURRENT;
ALTER ROLE CURRENT_USER SET connect_mask.pii_email FROM CURRENT;
ALTER DATABASE shop SET connect_mask.pii_email FROM CURRENT;
ALTER ROLE CURRENT_USER SET "connect_mask.pii_email" FROM CURRENT;
SELECT setconfig FROM pg_db_role_setting;
CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql SET connect_mask.pii_email FROM CURRENT AS 'SELECT 1';
SELECT proconfig FROM pg_proc WHERE proconfig IS NOT NULL;

-- the key in what is stored, or evaluated on the way
SELECT upper(email), full_name || '' FROM customers WHERE id = 1;
CREATE TABLE kept (note text DEFAULT current_setting('connect_mask.pii_email'));
INSERT INTO kept DEFAULT VALUES RETURNING note;
CREATE TEMP TABLE kept (id int, note text DEFAULT current_setting('connect_mask.pii_email'));
INSERT INTO kept (id) VALUES (1) RETURNING note;
CREATE TEMP TABLE kept (id int, note text DEFAULT ('connect_mask.pii_email'::text).current_setting);
INSERT INTO kept (id) VALUES (1) RETURNING note;
CREATE TEMP TABLE kept (id int, note text GENERATED ALWAYS AS (current_setting('connect_mask.pii_email')) STORED);
ALTER TABLE scratch ALTER note SET DEFAULT current_setting('connect_mask.pii_email');
ALTER TABLE scratch ADD COLUMN k text DEFAULT current_setting('connect_mask.pii_email');
INSERT INTO scratch (id) VALUES (8001) RETURNING note;
CREATE TEMP VIEW kept AS SELECT current_setting('connect_mask.pii_email') AS k;
CREATE TEMP VIEW kept AS SELECT ('connect_mask.pii_email'::text).current_setting AS k;
CREATE TEMP TABLE kept AS SELECT current_setting('connect_mask.pii_email') AS k;
SELECT * FROM kept;
PREPARE spy(text) AS SELECT $1;
EXECUTE spy(current_setting('connect_mask.pii_email'));
EXECUTE spy(('connect_mask.pii_email'::text).current_setting);
EXECUTE spy((SELECT 'x'));
PREPARE name(text) AS SELECT current_setting($1);
EXECUTE name('connect_mask.pii_email');
COPY (SELECT current_setting('connect_mask.pii_email')) TO STDOUT;
EXPLAIN (ANALYZE, VERBOSE) SELECT current_setting('connect_mask.pii_email')::int;
VALUES (current_setting('connect_mask.pii_email'));
SELECT 1 LIMIT length(current_setting('connect_mask.pii_email'));
SELECT count(*) FROM products TABLESAMPLE SYSTEM (length(current_setting('connect_mask.pii_email')));
SELECT count(*) FROM products TABLESAMPLE SYSTEM (current_setting('connect_mask.pii_email')::real);
INSERT INTO scratch VALUES (8002, current_setting('connect_mask.pii_email')) RETURNING note;
UPDATE scratch SET note = current_setting('connect_mask.pii_email') WHERE id = 1 RETURNING note;
SELECT note FROM scratch WHERE id = 1;
SELECT count(*) FILTER (WHERE current_setting('connect_mask.pii_email') LIKE '0%') FROM products;
SELECT sum(id) OVER (ORDER BY id ROWS length(current_setting('connect_mask.pii_email')) PRECEDING) FROM products;
SELECT CASE current_setting('connect_mask.pii_email') WHEN 'x' THEN 1 END;
SELECT (ARRAY[1, 2])[ascii(current_setting('connect_mask.pii_email'))];
SELECT JSON_OBJECT('k': current_setting('connect_mask.pii_email'));
SELECT xmlelement(name k, current_setting('connect_mask.pii_email'));
SELECT * FROM generate_series(1, ascii(current_setting('connect_mask.pii_email'))) g LIMIT 1;
SELECT current_setting('connect_mask.pii_email') COLLATE "C";
SELECT GREATEST(current_setting('connect_mask.pii_email'), '');
SELECT ROW(current_setting('connect_mask.pii_email'));
SELECT pg_notify('x', current_setting('connect_mask.pii_email'));
SELECT set_config('application_name', current_setting('connect_mask.pii_email'), false);
SELECT current_setting(current_setting('application_name'));
DO $$ BEGIN RAISE '%', current_setting('connect_mask.pii_email'); END $$;

-- masks after the key was forgotten
SELECT upper(email) FROM customers WHERE id = 1;
RESET ALL;
SELECT upper(email), email, birth_date + 0 FROM customers WHERE id = 1;
DISCARD ALL;
SELECT upper(email), email, birth_date + 0 FROM customers WHERE id = 1;

-- the key in a transaction that is taken back
BEGIN;
SAVEPOINT a;
SELECT upper(email), reverse(phone) FROM customers WHERE id = 1;
ROLLBACK TO a;
SELECT upper(email), reverse(phone) FROM customers WHERE id = 1;
RESET ALL;
SELECT upper(email), reverse(phone), lower(national_id) FROM customers WHERE id = 1;
ROLLBACK;
SELECT upper(email), reverse(phone), lower(national_id) FROM customers WHERE id = 1;

-- the key in a plan
EXPLAIN VERBOSE SELECT upper(email) FROM customers;
EXPLAIN (ANALYZE, VERBOSE, BUFFERS, SETTINGS, FORMAT json) SELECT upper(email) FROM customers WHERE id < 5;
EXPLAIN (ANALYZE, VERBOSE) SELECT upper(email) FROM customers WHERE lower(email) LIKE 'q%' ORDER BY 1;
EXPLAIN (VERBOSE, GENERIC_PLAN) SELECT upper(email) FROM customers WHERE id = $1;
EXPLAIN ANALYZE SELECT count(*) FROM customers GROUP BY email;

-- the text that was sent
PREPARE spy AS SELECT upper(email) FROM customers WHERE id = 1;
EXECUTE spy;
SELECT statement FROM pg_prepared_statements;
SELECT * FROM pg_prepared_statement();
SELECT current_query(), upper(email) FROM customers WHERE id = 1;
SELECT query FROM pg_stat_activity;
SELECT a FROM pg_stat_activity a;
SELECT to_json(a) FROM pg_stat_activity a;
SELECT pg_stat_get_activity(pg_backend_pid());
SELECT pg_stat_get_backend_activity(1);
SELECT * FROM pg_stat_get_activity(NULL) x;
DECLARE spy CURSOR WITH HOLD FOR SELECT upper(email) FROM customers;
SELECT statement FROM pg_cursors;
SELECT pg_cursor();
FETCH 2 FROM spy;

-- errors
SELECT upper(email)::int FROM customers WHERE id = 1;
SELECT 1 / (length(email) - length(email)) FROM customers WHERE id = 1;
SELECT email::date FROM customers;
SELECT (email || '')::json FROM customers;
SELECT birth_date::text::int FROM customers;
SELECT email.nothing FROM customers;
SELECT nothing FROM customers WHERE upper(email) = '';
SELECT upper(email, email) FROM customers;
SELECT upper(email) FROM customers WHERE;
SELECT (xpath('/', email::xml)) FROM customers;
SELECT regexp_replace(email, email, '(') FROM customers;
SELECT to_tsquery(full_name) FROM customers;
SELECT jsonb_path_query(profile, ('$.' || email)::jsonpath) FROM vault;
SELECT array_fill(0, ARRAY[length(email) * 100000000]) FROM customers;

-- a temporary table before
CREATE TEMP TABLE customers (id int, email text);
INSERT INTO customers VALUES (1, 'mine');
SELECT upper(email) FROM customers;
SELECT upper(email) FROM public.customers;
SELECT upper(a.email), upper(b.email) FROM customers a, public.customers b WHERE b.id = 1;
DROP TABLE pg_temp.customers;
SELECT upper(email) FROM customers WHERE id = 1;

-- a temporary table between PREPARE and EXECUTE
PREPARE spy AS SELECT upper(email) FROM customers WHERE id = 1;
EXECUTE spy;
CREATE TEMP TABLE customers (id int, email text);
EXECUTE spy;
DROP TABLE pg_temp.customers;
EXECUTE spy;
SET search_path = pg_catalog;
EXECUTE spy;
SET search_path = public;
EXECUTE spy;

-- a temporary table that goes
CREATE TEMP TABLE customers (id int, email text, segment text);
PREPARE spy AS SELECT upper(email) FROM customers;
EXECUTE spy;
DROP TABLE pg_temp.customers;
EXECUTE spy;
EXECUTE spy;

-- a temporary view
CREATE TEMP VIEW customers AS SELECT 1 AS id, 'x' AS email;
SELECT upper(email) FROM customers;
CREATE OR REPLACE TEMP VIEW customers AS SELECT id::int, email FROM public.customers;
SELECT upper(email) FROM customers;
CREATE TEMP VIEW peek AS SELECT upper(email) AS sku FROM public.customers;
SELECT * FROM peek;
CREATE TEMP VIEW plain AS SELECT email AS sku FROM public.customers;
SELECT upper(sku) FROM plain;
SELECT sku FROM plain;

-- names of the rewritten text
CREATE TEMP TABLE "_" (id int, email text);
SELECT upper(email) FROM customers AS "_" WHERE id = 1;
SELECT upper("_".email) FROM customers AS "_" JOIN pg_temp."_" AS x USING (id);
SELECT upper(email), "_" FROM customers "_" WHERE id = 1;
SELECT (SELECT upper(c.email) FROM customers "_" WHERE "_".id = c.id) FROM customers c WHERE id = 1;
WITH "_" AS (SELECT 'quorraline' AS email, 1 AS id) SELECT upper(c.email) FROM customers c, "_" WHERE c.id = 1;

-- functions, operators and types of one's own
CREATE FUNCTION pg_temp.upper(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION public.convert_to(text, text) RETURNS bytea LANGUAGE sql AS 'SELECT $1::bytea';
CREATE OPERATOR public.|| (leftarg = bytea, rightarg = bytea, function = byteacat);
CREATE DOMAIN pg_temp.text AS pg_catalog.text;
CREATE TYPE pg_temp.bytea AS ENUM ('a');
CREATE CAST (text AS bytea) WITHOUT FUNCTION;
CREATE AGGREGATE pg_temp.max (text) (sfunc = textcat, stype = text);
SET search_path = pg_temp, public, pg_catalog;
SELECT upper(email), sha256(email::bytea) FROM customers WHERE id = 1;
SELECT email::text FROM customers WHERE id = 1;

-- the search path between Parse and Execute
CREATE TEMP TABLE scratch (id int, note text);
SELECT upper(c.email), s.note FROM customers c LEFT JOIN scratch s USING (id) WHERE c.id = 1;
SET search_path = pg_temp;
SELECT upper(email) FROM customers;
SELECT upper(email) FROM public.customers WHERE id = 1;
BEGIN;
SET LOCAL search_path = nowhere;
SELECT upper(email) FROM public.customers WHERE id = 1;
SELECT upper(public.customers.email) FROM public.customers WHERE public.customers.id = 1;
COMMIT;

-- ways to write a name
SELECT upper(U&"em\0061il") FROM customers WHERE id = 1;
SELECT upper(email) FROM U&"customers" WHERE id = 1;
SELECT upper(email) FROM U&"cust!006fmers" UESCAPE '!' WHERE id = 1;
SELECT upper("email") FROM "public"."customers" WHERE id = 1;
SELECT upper(email) FROM public/* . */./* x */customers/* ; */WHERE id = 1;
SELECT upper(email) FROM customers -- c
WHERE id = 1;
SELECT upper(email) FROM shop.public.customers WHERE id = 1;
SELECT upper(shop.public.customers.email) FROM public.customers WHERE id = 1;
SELECT upper(public.customers.email) FROM customers WHERE id = 1;
SELECT public.customers.* FROM public.customers WHERE id = 1 ORDER BY upper(public.customers.email);
SELECT upper(EMAIL), "email" FROM CUSTOMERS WHERE ID = 1;
SELECT upper(email) FROM ONLY customers WHERE id = 1;
SELECT upper(email) FROM ONLY (customers) WHERE id = 1;
SELECT upper(email) FROM customers * WHERE id = 1;
SELECT upper(email) FROM customers TABLESAMPLE BERNOULLI (100) REPEATABLE (1) WHERE id = 1;
SELECT upper(email) FROM (TABLE customers) t WHERE id = 1;
SELECT upper(c.b) FROM customers c(a, x, b) WHERE a = 1;
SELECT upper(j.b) FROM (customers c CROSS JOIN products p) AS j(a, x, b) WHERE a = 1 LIMIT 1;
SELECT upper(j.email) FROM (customers c JOIN products p ON p.id = c.id) AS j LIMIT 1;
SELECT upper(j.email) FROM customers a JOIN customers b USING (id, email) AS j LIMIT 1;
SELECT j FROM customers a JOIN customers b USING (id, email) AS j LIMIT 1;

-- whole rows
SELECT c FROM customers c WHERE id = 1;
SELECT customers FROM customers WHERE id = 1;
SELECT c.* FROM customers c WHERE id = 1 AND upper(email) <> '';
SELECT (c).email || '' FROM customers c WHERE id = 1;
SELECT (c).* FROM customers c WHERE id = 1;
SELECT (c.*).email || '' FROM customers c WHERE id = 1;
SELECT email(c) || '' FROM customers c WHERE id = 1;
SELECT c.upper FROM customers c WHERE id = 1;
SELECT row_to_json(c) FROM customers c WHERE id = 1;
SELECT json_agg(c) FROM customers c WHERE id < 3;
SELECT array_agg(c) FROM customers c WHERE id < 3;
SELECT to_jsonb(c) ->> 'email' FROM customers c WHERE id = 1;
SELECT jsonb_each_text(to_jsonb(c)) FROM customers c WHERE id = 1;
SELECT c::text FROM customers c WHERE id = 1;
SELECT (c::text)::customers FROM customers c WHERE id = 1;
SELECT jsonb_populate_record(c, '{}') FROM customers c WHERE id = 1;
SELECT (jsonb_populate_record(c, '{}')).email FROM customers c WHERE id = 1;
SELECT json_populate_record(NULL::customers, row_to_json(c)) FROM customers c WHERE id = 1;
SELECT c = c, c IS NULL, c IS NOT NULL, c *= c FROM customers c WHERE id = 1;
SELECT count(*) FROM customers a, customers b WHERE a = b;
SELECT a FROM customers a ORDER BY a LIMIT 1;
SELECT DISTINCT c FROM customers c WHERE id < 3;
SELECT c FROM customers c GROUP BY c HAVING count(*) = 1 LIMIT 1;
SELECT CASE WHEN true THEN c END FROM customers c WHERE id = 1;
SELECT coalesce(c, c) FROM customers c WHERE id = 1;
SELECT x FROM customers c, LATERAL (SELECT c.*) x WHERE c.id = 1;
SELECT x.email || '' FROM customers c, LATERAL (SELECT (c).*) x WHERE c.id = 1;
SELECT ROW(c.*) FROM customers c WHERE id = 1;
SELECT ROW(c.*, 1)::text FROM customers c WHERE id = 1;
SELECT hash_record(c) = 0, record_out(c) FROM customers c WHERE id = 1;
SELECT pg_column_size(c), hashtext(c::text) FROM customers c WHERE id = 1;
SELECT format('%s', c) FROM customers c WHERE id = 1;
SELECT concat(c) FROM customers c WHERE id = 1;
SELECT xmlforest(c) FROM customers c WHERE id = 1;
SELECT unnest(ARRAY[c]) FROM customers c WHERE id = 1;
SELECT u.email || '' FROM customers c, unnest(ARRAY[c]) u WHERE c.id = 1;
SELECT NULL::customers;
SELECT (SELECT c FROM customers c WHERE id = 1).email || '';
SELECT ((SELECT c FROM customers c WHERE id = 1)).email;
SELECT (array_agg(c))[1].email FROM customers c WHERE id = 1;
SELECT (max(c.*::text)) FROM customers c;

-- places of rows
SELECT ctid, upper(email) FROM customers WHERE id = 1;
SELECT xmin, xmax, cmin, tableoid::regclass, upper(email) FROM customers WHERE id = 1;
SELECT upper(email) FROM customers WHERE ctid = '(0,1)';
SELECT tableoid::regclass, count(*) FROM staff GROUP BY 1;
SELECT upper(email) FROM customers WHERE id = 1 FOR UPDATE;
SELECT upper(c.email) FROM customers c WHERE id = 1 FOR NO KEY UPDATE OF c SKIP LOCKED;
SELECT email FROM customers WHERE id = 1 FOR SHARE;
SELECT upper(email) FROM customers, orders WHERE customers.id = 1 FOR UPDATE OF orders LIMIT 1;
BEGIN;
DECLARE spy CURSOR FOR SELECT upper(email) FROM customers WHERE id = 1 FOR UPDATE;
FETCH spy;
UPDATE scratch SET note = note WHERE CURRENT OF spy;
ROLLBACK;

-- groups by a primary key
SELECT id, email FROM customers GROUP BY id ORDER BY id LIMIT 1;
SELECT id, upper(email) FROM customers GROUP BY id ORDER BY id LIMIT 1;
SELECT c.id, upper(c.email), count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY 1 LIMIT 1;
SELECT c.*, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY 1 LIMIT 1;
SELECT id, (SELECT upper(x.email) FROM customers x WHERE x.id = c.id) FROM customers c GROUP BY id ORDER BY 1 LIMIT 1;
SELECT id FROM customers GROUP BY id HAVING max(email) > 'a' ORDER BY email LIMIT 1;
SELECT id, email FROM customers GROUP BY 1, 2 ORDER BY upper(email) LIMIT 1;
SELECT upper(email) FROM customers GROUP BY ROLLUP (id, email) LIMIT 3;

-- names that stand for something else
WITH customers AS (SELECT 1 AS id, 'x' AS email) SELECT upper(email) FROM customers;
WITH customers AS (SELECT * FROM customers) SELECT upper(email) FROM customers WHERE id = 1;
WITH customers AS (SELECT * FROM public.customers) SELECT upper(c.email), upper(d.email) FROM customers c JOIN public.customers d USING (id) WHERE id = 1;
WITH RECURSIVE customers AS (SELECT 1 AS id, 'x' AS email UNION ALL SELECT id + 1, email || 'y' FROM customers WHERE id < 3) SELECT upper(email) FROM customers;
WITH x AS (WITH customers AS (SELECT 'x' AS email) SELECT * FROM customers) SELECT upper(x.email), upper(c.email) FROM x, customers c WHERE c.id = 1;
WITH orders AS (SELECT email FROM customers) SELECT upper(email) FROM orders LIMIT 1;
WITH RECURSIVE t(id, s) AS (SELECT id, email::text FROM customers WHERE id = 1 UNION ALL SELECT id + 1, substr(s, 2) FROM t WHERE length(s) > 1) SEARCH DEPTH FIRST BY id SET o SELECT left(s, 1), o FROM t;
WITH RECURSIVE t(id, s) AS (SELECT id, email::text FROM customers WHERE id = 1 UNION ALL SELECT id, s FROM t) CYCLE s SET c USING p SELECT p FROM t;
SELECT (SELECT email || '' FROM customers customers WHERE customers.id = o.customer_id) FROM orders o WHERE o.id = 1;
SELECT (SELECT customers.email || '' FROM orders o WHERE o.customer_id = customers.id LIMIT 1) FROM customers WHERE id = 1;
SELECT (SELECT upper(email) FROM (SELECT 1) x) FROM customers WHERE id = 1;
SELECT (SELECT upper(email) FROM api_keys LIMIT 1) FROM customers WHERE id = 1;

-- writes
MERGE INTO scratch s USING customers c ON s.id = c.id WHEN MATCHED AND c.email LIKE 'q%' THEN UPDATE SET note = c.email WHEN NOT MATCHED THEN DO NOTHING;
MERGE INTO scratch s USING (SELECT id, upper(email) AS e FROM customers) c ON s.id = c.id WHEN MATCHED THEN UPDATE SET note = c.e;
UPDATE scratch SET note = c.email FROM customers c WHERE c.id = scratch.id AND scratch.id = 1 RETURNING note;
UPDATE customers SET segment = upper(email) WHERE id = 1 RETURNING segment;
UPDATE customers SET email = email WHERE id = 1 RETURNING upper(email);
UPDATE customers SET segment = segment WHERE id = 1 RETURNING email, upper(email);
INSERT INTO customers (id, full_name, email) SELECT 7000, full_name, email || 'x' FROM customers WHERE id = 1 RETURNING email;
DELETE FROM customers WHERE id = -1 RETURNING upper(email);
DELETE FROM scratch USING customers c WHERE c.id = scratch.id AND c.email LIKE 'q%' AND scratch.id = 1 RETURNING c.email;
WITH gone AS (DELETE FROM scratch WHERE id = -5 RETURNING id) SELECT upper(email) FROM customers, (SELECT 1) x WHERE id = 1;
INSERT INTO scratch VALUES (7001, (SELECT email FROM customers WHERE id = 1)) RETURNING note;
INSERT INTO scratch VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = (SELECT email FROM customers WHERE id = 1) RETURNING note;
SELECT note FROM scratch WHERE id IN (1, 7001);
COPY scratch FROM PROGRAM 'echo x';
COPY customers (email) TO STDOUT;
COPY customers TO STDOUT (FORMAT binary);
COPY (SELECT email, upper(email) FROM customers WHERE id < 3) TO STDOUT;
COPY (UPDATE customers SET segment = segment WHERE id = 1 RETURNING email) TO STDOUT;

-- definitions that evaluate, store or move
ALTER TABLE customers RENAME email TO nothing;
SELECT upper(nothing) FROM customers WHERE id = 1;
ALTER TABLE customers RENAME nothing TO email;
ALTER TABLE customers ALTER COLUMN segment TYPE text USING email;
ALTER TABLE customers ADD COLUMN copied text GENERATED ALWAYS AS (upper(email)) STORED;
ALTER TABLE customers ADD CHECK (lower(email) NOT LIKE 'quor%');
ALTER TABLE customers ADD CONSTRAINT u UNIQUE (national_id);
ALTER TABLE customers ADD CONSTRAINT x EXCLUDE (birth_date WITH =);
CREATE INDEX i1 ON customers ((1/(length(email)-length(email))));
CREATE UNIQUE INDEX i2 ON customers (birth_date);
CREATE INDEX i3 ON customers (birth_date, id);
CREATE INDEX i4 ON customers (id) WHERE email LIKE 'quor%';
SELECT id FROM customers WHERE birth_date IS NOT NULL LIMIT 20;
SELECT id FROM customers LIMIT 20;
CLUSTER customers USING customers_email_key;
CREATE STATISTICS s1 ON (lower(email)), id FROM customers;
ALTER TABLE customers ALTER email SET STATISTICS 1000;
CREATE POLICY p ON customers USING (email LIKE 'quor%');
CREATE TABLE clone (LIKE customers INCLUDING ALL);
CREATE TABLE child () INHERITS (customers);
ALTER TABLE scratch ADD COLUMN e text REFERENCES customers (email);
INSERT INTO scratch (id, e) VALUES (9100, 'quorraline1@zyxwell.example');
CREATE RULE r AS ON SELECT TO scratch DO INSTEAD SELECT id::int, email FROM customers;
CREATE PUBLICATION p FOR TABLE customers WHERE (email LIKE 'q%');
CREATE VIEW v AS SELECT id, upper(email) FROM customers;
ALTER VIEW customer_mail RENAME COLUMN segment TO email2;
ALTER TABLE customers ALTER phone TYPE int USING 1/(CASE WHEN email LIKE 'q%' THEN 0 ELSE 1 END);
ALTER TABLE customers ALTER phone SET DEFAULT (SELECT 1);
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS t2 text;
UPDATE api_keys SET t2 = token;
SELECT upper(t2) FROM api_keys LIMIT 1;
ALTER TABLE staff DETACH PARTITION staff_north;
SELECT upper(email) FROM staff_north LIMIT 1;
ALTER TABLE former_contact NO INHERIT contact;
SELECT upper(fax) FROM former_contact WHERE id = 8;
ALTER TABLE api_keys SET SCHEMA pg_temp;
CREATE SCHEMA IF NOT EXISTS other; ALTER TABLE api_keys SET SCHEMA other;
SELECT upper(token) FROM other.api_keys LIMIT 1;

-- the order of an index
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT id, upper(email) FROM customers WHERE email IS NOT NULL LIMIT 9;
EXPLAIN (COSTS off, VERBOSE) SELECT upper(email) FROM customers WHERE email IS NOT NULL;
SELECT a.id, upper(b.email) FROM customers a JOIN customers b USING (email) ORDER BY email LIMIT 9;

-- views and their rules
SELECT upper(email) FROM customer_mail WHERE id = 1;
SELECT m FROM customer_mail m WHERE id = 1;
SELECT upper(email) FROM premium_mail WHERE id = 1;
SELECT pg_get_viewdef('customer_mail'::regclass);
SELECT upper(v.email), v.profile ->> 'name', v.aliases[1] FROM opened_vault v WHERE id = 1;
SELECT upper(email) FROM staff_north UNION ALL SELECT upper(email) FROM ONLY staff;
SELECT upper(email) FROM contact WHERE id = 7;
SELECT upper(fax) FROM former_contact WHERE id = 8;
SELECT upper(c.email), to_json(c) FROM contact c WHERE id = 8;

-- statistics and the like
SELECT most_common_vals FROM pg_stats WHERE tablename = 'vault';
SELECT s FROM pg_stats s WHERE tablename = 'vault';
SELECT to_jsonb(s) FROM pg_statistic s;
SELECT stavalues1 FROM pg_statistic;
SELECT pg_relation_filepath('customers'), pg_relation_size('customers');
SELECT pg_read_binary_file(pg_relation_filepath('customers'));
SELECT lo_get(1);
SELECT * FROM pg_ls_dir('.');
SELECT query_to_xml('SELECT upper(email) FROM customers', true, true, '');
SELECT cursor_to_xml('spy', 1, true, true, '');
SELECT database_to_xml(true, true, '');
SELECT ts_stat('SELECT to_tsvector(email) FROM customers');
SELECT ts_rewrite('a'::tsquery, 'SELECT email::tsquery, email::tsquery FROM customers');
SELECT * FROM pg_options_to_table(ARRAY['a=b']), customers WHERE upper(email) <> '' LIMIT 1;
SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef;
SELECT pg_input_is_valid(email, 'integer') FROM customers;
SELECT pg_logical_emit_message(false, 'x', email) FROM customers;

-- something computed beside a parameter of one's own
PREPARE spy(text) AS SELECT id, upper(email) FROM customers WHERE lower(email) LIKE $1;
EXECUTE spy('quor%');
EXECUTE spy((SELECT 'quor%'));
EXECUTE spy('%');
EXPLAIN (ANALYZE, VERBOSE) EXECUTE spy('%');
DEALLOCATE ALL;
PREPARE spy AS SELECT (SELECT upper(email) FROM customers WHERE id = $1), $1;
EXECUTE spy(1);

-- several statements at once
SELECT 1; SELECT upper(email) FROM customers WHERE id = 1; SELECT 2;
BEGIN; SELECT upper(email) FROM customers WHERE id = 1; RESET ALL; SELECT upper(email) FROM customers WHERE id = 1; COMMIT;
CREATE TEMP TABLE customers (email text); SELECT upper(email) FROM customers; DROP TABLE customers; SELECT upper(email) FROM customers WHERE id = 1;
SET search_path = pg_temp; SELECT upper(email) FROM public.customers WHERE id = 1; RESET search_path; SELECT upper(email) FROM customers WHERE id = 1;
PREPARE a AS SELECT upper(email) FROM customers WHERE id = 1; EXECUTE a; DEALLOCATE a;
DECLARE b CURSOR WITH HOLD FOR SELECT upper(email) FROM customers; FETCH 1 FROM b; CLOSE b;
