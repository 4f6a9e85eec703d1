-- Statements that would give away a protected value, or whether it fulfils a condition. Every one must be
-- refused, by whatever protocol it comes. One statement from one line with only `;` to the next.

SELECT upper(email) FROM customers WHERE id = 1
;
SELECT lower(full_name) FROM customers WHERE id = 1
;
SELECT email || '' FROM customers WHERE id = 1
;
SELECT 'x' || email || 'y' AS segment FROM customers WHERE id = 1
;
SELECT email::text FROM customers WHERE id = 1
;
SELECT email::varchar(400) FROM customers WHERE id = 1
;
SELECT CAST(birth_date AS text) FROM customers WHERE id = 1
;
SELECT reverse(email) FROM customers WHERE id = 1
;
SELECT encode(email::bytea, 'hex') FROM customers WHERE id = 1
;
SELECT encode(convert_to(full_name, 'UTF8'), 'base64') FROM customers WHERE id = 1
;
SELECT substr(email, 1, 10) FROM customers WHERE id = 1
;
SELECT left(full_name, 4) FROM customers WHERE id = 1
;
SELECT ascii(substr(email, 1, 1)) FROM customers WHERE id = 1
;
SELECT length(email) FROM customers WHERE id = 1
;
SELECT md5(national_id) FROM customers WHERE id = 1
;
SELECT coalesce(email, '') FROM customers WHERE id = 1
;
SELECT CASE WHEN true THEN email END FROM customers WHERE id = 1
;
SELECT CASE WHEN email LIKE 'quor%' THEN 1 ELSE 0 END FROM customers WHERE id = 1
;
SELECT greatest(email, 'a') FROM customers WHERE id = 1
;
SELECT nullif(email, '') FROM customers WHERE id = 1
;
SELECT count(*) FROM customers WHERE email LIKE 'quorraline%'
;
SELECT id FROM customers WHERE national_id LIKE '078%'
;
SELECT id FROM customers WHERE birth_date < '1962-01-01'
;
SELECT id FROM customers WHERE length(email) = 33
;
SELECT id FROM customers WHERE email > 'quorr' AND email < 'quorz'
;
SELECT id FROM customers ORDER BY national_id LIMIT 1
;
SELECT id FROM customers ORDER BY birth_date
;
SELECT max(email) FROM customers
;
SELECT min(birth_date) FROM customers
;
SELECT string_agg(email, ',') FROM customers
;
SELECT array_agg(full_name) FROM customers
;
SELECT json_agg(customers) FROM customers
;
SELECT row_to_json(c) FROM customers c WHERE id = 1
;
SELECT to_jsonb(c) FROM customers c WHERE id = 1
;
SELECT c FROM customers c WHERE id = 1
;
SELECT c::text FROM customers c WHERE id = 1
;
SELECT ROW(email, phone) FROM customers WHERE id = 1
;
SELECT ARRAY[email, phone] FROM customers WHERE id = 1
;
SELECT (c).email || '' FROM customers c WHERE id = 1
;
SELECT hstore(c) FROM customers c WHERE id = 1
;
SELECT DISTINCT substr(email, 1, 3) FROM customers
;
SELECT email, count(*) FROM customers GROUP BY substr(email, 1, 5), email
;
SELECT count(*) FROM customers GROUP BY email HAVING email LIKE 'quor%'
;
SELECT email || '' FROM customers UNION ALL SELECT 'x'
;
SELECT id FROM customers WHERE email IN (SELECT 'quorraline.zyxwell@zymail.example' || '')
;
SELECT EXISTS (SELECT 1 FROM customers WHERE phone LIKE '%555 013%')
;
SELECT (SELECT upper(email) FROM customers WHERE id = 1)
;
WITH c AS (SELECT upper(email) AS segment FROM customers) SELECT segment FROM c
;
SELECT upper(m.email) FROM customer_mail m WHERE m.id = 1
;
SELECT x.s FROM (SELECT upper(email) AS s FROM customers) x
;
SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id AND c.email LIKE 'quor%'
;
SELECT 1 / (CASE WHEN email LIKE 'quor%' THEN 0 ELSE 1 END) FROM customers WHERE id = 1
;
SELECT email::int FROM customers WHERE id = 1
;
SELECT full_name::date FROM customers WHERE id = 1
;
SELECT upper(token) FROM api_keys WHERE id = 1
;
SELECT lag(email) OVER (ORDER BY id) FROM customers
;
SELECT first_value(email) OVER (ORDER BY id) || '' FROM customers
;
SELECT query_to_xml('SELECT email FROM customers', true, false, '')
;
SELECT table_to_xml('customers', true, false, '')
;
SELECT xmlforest(email) FROM customers WHERE id = 1
;
SELECT xmlelement(name a, email) FROM customers WHERE id = 1
;
SELECT regexp_matches(email, '(.*)@') FROM customers WHERE id = 1
;
SELECT regexp_split_to_table(email, '') FROM customers WHERE id = 1
;
SELECT unnest(string_to_array(email, '@')) FROM customers WHERE id = 1
;
SELECT format('%s', email) FROM customers WHERE id = 1
;
SELECT concat(email, phone) FROM customers WHERE id = 1
;
SELECT translate(email, '@', '#') FROM customers WHERE id = 1
;
SELECT overlay(email placing '' from 1 for 0) FROM customers WHERE id = 1
;
SELECT extract(year FROM birth_date) FROM customers WHERE id = 1
;
SELECT age(birth_date) FROM customers WHERE id = 1
;
SELECT birth_date + 1 FROM customers WHERE id = 1
;
SELECT birth_date - date '2000-01-01' FROM customers WHERE id = 1
;
SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'customers'
;
SELECT histogram_bounds::text FROM pg_stats WHERE tablename = 'customers' AND attname = 'email'
;
SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'customers'::regclass
;
SELECT * FROM pg_stats WHERE tablename = 'customers'
;
COPY (SELECT upper(email) FROM customers) TO STDOUT
;
COPY customers TO PROGRAM 'cat'
;
CREATE TABLE stolen AS SELECT email FROM customers
;
CREATE TEMP TABLE stolen AS SELECT email AS x FROM customers
;
SELECT email INTO TEMP stolen FROM customers
;
CREATE VIEW stolen AS SELECT upper(email) AS x FROM customers
;
INSERT INTO scratch SELECT id, email FROM customers
;
UPDATE scratch SET note = (SELECT email FROM customers WHERE id = 1) WHERE id = 1 RETURNING note
;
DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers WHERE id = 1); END $$
;
DO $$ DECLARE e text; BEGIN SELECT email INTO e FROM customers WHERE id = 1; RAISE EXCEPTION '%', e; END $$
;
CREATE FUNCTION leak() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers WHERE id = 1'
;
PREPARE p AS SELECT upper(email) FROM customers
;
DECLARE c CURSOR WITH HOLD FOR SELECT upper(email) FROM customers
;
EXPLAIN ANALYZE SELECT * FROM customers WHERE email LIKE 'quor%'
;
SELECT set_config('my.x', email, false) FROM customers WHERE id = 1
;
SELECT pg_notify('x', email) FROM customers WHERE id = 1
;
INSERT INTO customers (id, full_name, email) VALUES (900, 'x', 'quorraline.zyxwell@zymail.example') ON CONFLICT (email) DO NOTHING RETURNING id
;
UPDATE customers SET segment = email WHERE id = 1 RETURNING segment
;
UPDATE customers SET segment = 'a' WHERE email LIKE 'quor%'
;
DELETE FROM scratch WHERE id = 1 AND EXISTS (SELECT 1 FROM customers WHERE email LIKE 'quor%')
;
SELECT system_user FROM (SELECT email AS system_user FROM customers) t
;
SELECT c1.id FROM customers c1 JOIN customers c2 ON c1.email = c2.full_name
;
SELECT id FROM customers NATURAL JOIN (SELECT 'quorraline.zyxwell@zymail.example' AS email) x
;
SELECT id FROM customers JOIN (VALUES ('quorraline.zyxwell@zymail.example')) v(email) USING (email)
;
SELECT email FROM customers EXCEPT SELECT 'a'
;
SELECT email FROM customers INTERSECT SELECT 'quorraline.zyxwell@zymail.example'
;
SELECT pg_read_file('postgresql.conf')
;
SELECT lo_import('/etc/passwd')
;
SELECT query FROM pg_stat_activity
;
SELECT string_agg(query, ' ') FROM pg_stat_activity
;
SELECT a::text FROM pg_stat_activity a
;
SELECT row_to_json(a) FROM pg_stat_activity a
;
SELECT (a).query FROM pg_stat_activity a
;
SELECT query::regclass FROM pg_stat_activity
;
SELECT c20 FROM pg_stat_activity AS a(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21)
;
SELECT a.* FROM customers c NATURAL FULL JOIN pg_stat_activity a
;
SELECT u FROM pg_stats, unnest(most_common_vals::text::text[]) u WHERE tablename = 'customers'
;
SELECT row_to_json(s) FROM pg_statistic s WHERE starelid = 'customers'::regclass
;
SELECT s.stavalues1::text, s.stavalues2::text FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid
;
SELECT most_common_vals FROM pg_stats_ext
;
SELECT statement FROM pg_prepared_statements
