-- Conversations that must be the same through `connect` as with the server itself, message by message, where nothing is
-- protected and everything is permitted. Each begins in an empty schema on a new connection.

-- values of many types, in text and binary
SELECT 1, 2::int2, 3::int8, 1.5::float4, 2.5::float8, 12345.678901234567890::numeric, 'NaN'::numeric, true, false, NULL;
SELECT 'a'::text, 'b'::varchar(10), 'c'::char(5), 'name'::name, '\xDEADBEEF'::bytea, 'x'::"char";
SELECT date '2024-02-29', time '12:34:56.789', timetz '12:34:56+02', timestamp '2024-02-29 12:34:56', timestamptz '2024-02-29 12:34:56+00', interval '1 year 2 mons 3 days 04:05:06.7';
SELECT 'infinity'::timestamp, '-infinity'::date, '4713-01-01 BC'::date, '294276-12-31'::timestamp;
SELECT '{"a": [1, 2, {"b": null}]}'::json, '{"a": [1, 2, {"b": null}]}'::jsonb, '<a>b</a>'::xml;
SELECT '{1,2,NULL}'::int[], '{{a,b},{c,d}}'::text[], '[2:3]={7,8}'::int[], '{}'::text[];
SELECT '10.0.0.1/8'::inet, '10.0.0.0/8'::cidr, '08:00:2b:01:02:03'::macaddr, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid;
SELECT '(1,2)'::point, '[(0,0),(1,1)]'::lseg, '((0,0),(1,1))'::box, '<(0,0),1>'::circle, '((0,0),(1,1),(2,0))'::polygon;
SELECT '[1,10)'::int4range, '(,2024-01-01)'::daterange, 'empty'::numrange, B'101'::bit(3), B'10'::varbit;
SELECT 'fat cat'::tsvector, 'fat & cat'::tsquery, '12.34'::money, ROW(1, 'two', NULL), pg_typeof(1);
SELECT 'Zażółć gęślą jaźń', '日本語', '👩‍👩‍👧', U&'\0041', E'tab\there', $$dollar$$, 'quote''d';
SELECT repeat('x', 100000), repeat('é', 3000);
SELECT g, repeat('r', g) FROM generate_series(1, 300) g;
SELECT;
SELECT 1 WHERE false;
SELECT NULL::int AS "Name with spaces", 2 AS a, 3 AS a, 4;
VALUES (1, 'a'), (2, 'b');
TABLE pg_am LIMIT 0;

-- empty texts and comments
;
;;;
-- only a comment
;
/* a comment */;
SELECT 1 -- behind
;
/* before */ SELECT /* within */ 2;

-- several statements in one text
SELECT 1; SELECT 2;
SELECT 1; SELECT 1/0; SELECT 3;
SELECT 1;; SELECT 2;
CREATE TABLE several (id int PRIMARY KEY); INSERT INTO several VALUES (1), (2); SELECT * FROM pg_sleep(0);
SELECT count(*) FROM several;
BEGIN; INSERT INTO several VALUES (3); COMMIT; SELECT 4;
BEGIN; INSERT INTO several VALUES (4); SELECT 1/0; COMMIT;
SELECT 5;
ROLLBACK;
INSERT INTO several VALUES (5); INSERT INTO several VALUES (5);
SELECT id FROM several ORDER BY id;

-- errors of syntax
SELEC 1;
SELECT 1 FROM;
SELECT 'unterminated;
SELECT "unterminated;
SELECT /* unterminated;
SELECT (1;
SELECT 1);
SELECT $1 $2;
INSERT INTO;
CREATE TABLE t (;
SELECT 'é', 'é' FROM WHERE;
SELECT 1 2 3;
SELECT E'\u00zz';
SELECT U&'\00zz';
SELECT 1e;
SELECT 0x;
FOO BAR;
SELECT 1 \ 2;

-- errors of names
SELECT * FROM nowhere;
SELECT missing FROM pg_am;
SELECT a.amname, b.x FROM pg_am a;
SELECT no_such_function(1);
SELECT 1::no_such_type;
SELECT * FROM no_schema.nothing;
INSERT INTO nowhere VALUES (1);
UPDATE nowhere SET a = 1 WHERE b = 2;
DROP TABLE nowhere;
DROP TABLE IF EXISTS nowhere;
DROP SCHEMA IF EXISTS nowhere CASCADE;
ALTER TABLE nowhere ADD a int;
SELECT upper(1, 2, 3);
SELECT 'a' + 1;
SELECT amname FROM pg_am, pg_am;
SELECT oid FROM pg_class a, pg_class b;
SET no.such = 1;
SHOW nothing_of_the_kind;
SET work_mem = 'much';
EXECUTE nothing;
FETCH nothing;
CLOSE nothing;
DEALLOCATE nothing;
RELEASE SAVEPOINT nothing;
ROLLBACK TO nothing;

-- errors of values
SELECT 1/0;
SELECT 'x'::int;
SELECT '2024-13-01'::date;
SELECT 99999999999::int;
SELECT 'ä'::bytea, '\xZZ'::bytea;
SELECT (ARRAY[1,2])[1], 1/(g-3) FROM generate_series(1, 5) g;
SELECT sqrt(-1);
SELECT ln(0);
SELECT '{1,2'::int[];
SELECT '{"a"'::json;
SELECT substring('abc' from -1 for -2);
SELECT to_timestamp('x', 'YYYY');
SELECT nullif(1, 'a');
SELECT CASE WHEN true THEN 1 ELSE 'b' END;
SELECT chr(0);
SELECT repeat('a', 2000000000);
SELECT (SELECT g FROM generate_series(1, 2) g);

-- constraints
CREATE TABLE parent (id int PRIMARY KEY, name varchar(5) NOT NULL, age int CHECK (age > 0), UNIQUE (name));
CREATE TABLE child (id int PRIMARY KEY, parent_id int REFERENCES parent DEFERRABLE INITIALLY IMMEDIATE);
INSERT INTO parent VALUES (1, 'one', 1);
INSERT INTO parent VALUES (1, 'two', 2);
INSERT INTO parent VALUES (2, NULL, 2);
INSERT INTO parent VALUES (2, 'toolong', 2);
INSERT INTO parent VALUES (2, 'two', -2);
INSERT INTO parent VALUES (2, 'one', 2);
INSERT INTO child VALUES (1, 9);
INSERT INTO child VALUES (1, 1);
DELETE FROM parent WHERE id = 1;
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO child VALUES (2, 8);
COMMIT;
INSERT INTO parent (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING *;
INSERT INTO parent (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING;
INSERT INTO parent (id, nothing) VALUES (1, 'x');
INSERT INTO parent VALUES (1, 'x', 3, 4);

-- notices and warnings
DROP TABLE IF EXISTS never_there;
CREATE TABLE noticed (id serial PRIMARY KEY, a int);
CREATE TABLE IF NOT EXISTS noticed (id int);
CREATE INDEX IF NOT EXISTS noticed_pkey ON noticed (a);
COMMIT;
ROLLBACK;
BEGIN;
BEGIN;
COMMIT;
CREATE TABLE heir () INHERITS (noticed);
DROP TABLE noticed;
DROP TABLE noticed CASCADE;
SAVEPOINT outside;
SET LOCAL work_mem = '1MB';
LOCK TABLE pg_am;

-- DDL and its tags
CREATE TABLE a (id int PRIMARY KEY, b text DEFAULT 'x', c numeric(10,2), d timestamptz);
CREATE INDEX a_b ON a (b);
CREATE UNIQUE INDEX ON a (c);
CREATE VIEW v AS SELECT id, b FROM a;
CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM a;
REFRESH MATERIALIZED VIEW m;
CREATE SEQUENCE s START 5;
SELECT nextval('s'), nextval('s'), currval('s');
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE typed (m mood, p pair, d positive, ms mood[]);
INSERT INTO typed VALUES ('ok', ROW(1, 'one'), 5, '{sad,happy}');
SELECT m, p, d, ms::text[] FROM typed;
SELECT 'angry'::mood;
SELECT (-1)::positive;
SELECT m, (p).x FROM typed WHERE m > 'sad';
ALTER TABLE a ADD COLUMN e int;
ALTER TABLE a RENAME COLUMN e TO f;
ALTER TABLE a ALTER COLUMN f TYPE bigint;
ALTER TABLE a DROP COLUMN f;
ALTER TABLE a RENAME TO a2;
COMMENT ON TABLE a2 IS 'a comment';
ANALYZE a2;
TRUNCATE a2;
DROP VIEW v;
DROP MATERIALIZED VIEW m;
DROP SEQUENCE s;
DROP TYPE mood;
DROP TABLE typed, a2;
CREATE TABLE b AS SELECT g AS id, 'n' || g AS name FROM generate_series(1, 7) g;
SELECT * INTO c FROM b WHERE id < 4;
SELECT * FROM c ORDER BY id;

-- writes and their tags
CREATE TABLE w (id int, note text);
INSERT INTO w SELECT g, 'n' || g FROM generate_series(1, 50) g;
INSERT INTO w VALUES (51, 'a'), (52, 'b') RETURNING id, note;
UPDATE w SET note = note || '!' WHERE id < 6;
UPDATE w SET note = 'z' WHERE id > 50 RETURNING *;
UPDATE w SET note = 'none' WHERE id = 1000;
DELETE FROM w WHERE id = 52 RETURNING note;
DELETE FROM w WHERE id = 1000;
WITH gone AS (DELETE FROM w WHERE id < 4 RETURNING id) SELECT sum(id) FROM gone;
MERGE INTO w USING (VALUES (4, 'merged'), (99, 'new')) AS n (id, note) ON w.id = n.id WHEN MATCHED THEN UPDATE SET note = n.note WHEN NOT MATCHED THEN INSERT VALUES (n.id, n.note);
SELECT count(*), max(note) FROM w;

-- transactions and savepoints
CREATE TABLE tx (id int PRIMARY KEY);
BEGIN;
INSERT INTO tx VALUES (1);
SAVEPOINT a;
INSERT INTO tx VALUES (1);
SELECT 1;
ROLLBACK TO a;
INSERT INTO tx VALUES (2);
SAVEPOINT b;
INSERT INTO tx VALUES (3);
RELEASE b;
ROLLBACK TO a;
SELECT id FROM tx;
COMMIT;
SELECT id FROM tx;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE;
INSERT INTO tx VALUES (9);
COMMIT;
START TRANSACTION;
SELECT 1/0;
COMMIT AND CHAIN;
ROLLBACK AND CHAIN;
SHOW transaction_isolation;
END;
BEGIN;
SELECT nothing;
SELECT 1;
SELEC;
ABORT;
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
PREPARE TRANSACTION 'x';

-- prepared statements and cursors by name
PREPARE one AS SELECT 1 AS a;
EXECUTE one;
EXECUTE one(2);
PREPARE two (int, text) AS SELECT $1 + 1 AS n, $2 || '!' AS t;
EXECUTE two(1, 'a');
EXECUTE two(1);
EXECUTE two('x', 'a');
PREPARE two AS SELECT 2;
PREPARE broken AS SELECT nothing;
DEALLOCATE one;
EXECUTE one;
DEALLOCATE ALL;
DECLARE outside CURSOR FOR SELECT 1;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT g FROM generate_series(1, 10) g;
FETCH c;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH LAST FROM c;
FETCH ABSOLUTE 5 FROM c;
MOVE FORWARD 2 IN c;
MOVE ALL IN c;
FETCH c;
DECLARE c CURSOR FOR SELECT 1;
ROLLBACK;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, 3) g;
COMMIT;
FETCH ALL FROM h;
CLOSE h;
BEGIN;
CREATE TABLE held (n int);
INSERT INTO held VALUES (1), (2);
DECLARE h CURSOR WITH HOLD FOR SELECT n FROM held;
COMMIT;
FETCH ALL FROM h;
CLOSE h;
BEGIN;
DECLARE bin BINARY CURSOR FOR SELECT 258, 'x'::text;
FETCH bin;
CLOSE ALL;
END;

-- settings and reports
SET application_name = 'renamed';
SHOW application_name;
SET timezone = 'Europe/Warsaw';
SET datestyle = 'German, DMY';
SELECT date '2024-02-29', timestamptz '2024-07-01 00:00:00+00';
SET intervalstyle = 'iso_8601';
SELECT interval '1 day 2 hours';
RESET timezone;
RESET datestyle;
SET extra_float_digits = 0;
SELECT 0.1::float4;
SET bytea_output = 'escape';
SELECT '\x01ff'::bytea;
SHOW server_encoding;
SHOW standard_conforming_strings;
SET search_path TO pg_catalog;
SHOW search_path;
SET statement_timeout = '1h';
RESET statement_timeout;
DISCARD PLANS;
DISCARD ALL;
BEGIN;
SET LOCAL timezone = 'UTC';
ROLLBACK;
SELECT set_config('work_mem', '8MB', false);
SELECT current_setting('work_mem');

-- listening and notifying
LISTEN news;
NOTIFY news, 'hello';
SELECT pg_notify('news', 'second');
BEGIN;
NOTIFY news, 'in a transaction';
NOTIFY news, 'in a transaction';
COMMIT;
UNLISTEN news;
NOTIFY news, 'nobody hears';
UNLISTEN *;

-- COPY out
CREATE TABLE copied (id int, note text);
INSERT INTO copied VALUES (1, 'one'), (2, NULL), (3, E'tab\tand\nline'), (4, '\.');
COPY copied TO STDOUT;
COPY copied TO STDOUT WITH (FORMAT csv, HEADER, NULL 'none', FORCE_QUOTE *);
COPY copied TO STDOUT WITH (FORMAT binary);
COPY (SELECT id FROM copied ORDER BY id DESC LIMIT 2) TO STDOUT;
COPY copied (note) TO STDOUT (DELIMITER '|');
COPY nothing TO STDOUT;
COPY copied TO STDOUT WITH (FORMAT csv, DELIMITER 'ab');
COPY (SELECT 1/(id - 3) FROM copied ORDER BY id) TO STDOUT;
COPY copied FROM STDIN;
SELECT 1; COPY copied TO STDOUT; SELECT 2;

-- explain, locks, functions of the session
EXPLAIN (COSTS OFF) SELECT 1;
EXPLAIN (COSTS OFF, FORMAT JSON) SELECT g FROM generate_series(1, 2) g WHERE g > 1;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT 1;
CREATE TABLE l (id int);
BEGIN;
LOCK TABLE l IN ACCESS EXCLUSIVE MODE;
SELECT * FROM l FOR UPDATE;
COMMIT;
SELECT pg_advisory_lock(42);
SELECT pg_advisory_unlock(42);
SELECT pg_advisory_unlock(42);
SELECT current_schema(), version() LIKE 'PostgreSQL%', pg_backend_pid() > 0;
VACUUM l;
BEGIN;
VACUUM l;
ROLLBACK;
CHECKPOINT;
SELECT txid_current() > 0;

-- temporary tables
CREATE TEMP TABLE t (id int);
INSERT INTO t VALUES (1);
SELECT * FROM t;
CREATE TEMP TABLE gone (id int) ON COMMIT DROP;
SELECT * FROM gone;
BEGIN;
CREATE TEMP TABLE kept (id int) ON COMMIT DELETE ROWS;
INSERT INTO kept VALUES (1);
SELECT * FROM kept;
COMMIT;
SELECT * FROM kept;
DROP TABLE t;
SELECT * FROM t;
DISCARD TEMP;

-- queries of every shape
CREATE TABLE q (id int PRIMARY KEY, grp text, val numeric, at timestamptz);
INSERT INTO q SELECT g, chr(65 + g % 4), g * 1.5, timestamptz '2024-01-01 00:00:00+00' + g * interval '1 hour' FROM generate_series(1, 40) g;
SELECT grp, count(*), sum(val), avg(val), array_agg(id ORDER BY id), string_agg(id::text, ',' ORDER BY id) FROM q GROUP BY grp ORDER BY grp;
SELECT grp, count(*) FILTER (WHERE val > 20), GROUPING(grp) FROM q GROUP BY ROLLUP (grp) ORDER BY grp NULLS LAST;
SELECT id, rank() OVER (PARTITION BY grp ORDER BY val DESC), lag(val) OVER w FROM q WINDOW w AS (ORDER BY id) ORDER BY id LIMIT 5;
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r;
SELECT a.id, b.id FROM q a LEFT JOIN q b ON b.id = a.id + 38 ORDER BY a.id LIMIT 4 OFFSET 1;
SELECT DISTINCT ON (grp) grp, id FROM q ORDER BY grp, id DESC;
SELECT id FROM q WHERE grp = ANY ('{A,B}') AND val BETWEEN 3 AND 30 INTERSECT SELECT id FROM q WHERE id % 2 = 0 ORDER BY 1;
SELECT * FROM q, LATERAL (SELECT max(id) AS m FROM q x WHERE x.grp = q.grp) l ORDER BY id LIMIT 3;
SELECT row_to_json(q), to_jsonb(q) -> 'grp' FROM q ORDER BY id LIMIT 2;
SELECT date_trunc('day', at), extract(epoch FROM at), at::date FROM q ORDER BY id LIMIT 3;
SELECT * FROM json_to_recordset('[{"a":1,"b":"x"}]') AS j (a int, b text);
SELECT unnest(ARRAY[1,2]), unnest(ARRAY['a','b','c']);
SELECT q FROM q WHERE id = 1;
SELECT (q).grp, (q.*) FROM q WHERE id = 2;
SELECT * FROM q TABLESAMPLE BERNOULLI (100) WHERE id < 3 ORDER BY id;
SELECT count(*) FROM q WHERE EXISTS (SELECT FROM q z WHERE z.id = q.id + 1) OR grp IS NULL;
FETCH FIRST FROM q;
SELECT id FROM q ORDER BY id FETCH FIRST 2 ROWS WITH TIES;
