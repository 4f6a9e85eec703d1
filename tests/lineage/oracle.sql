CREATE TABLE person (id integer PRIMARY KEY, name text NOT NULL, email text UNIQUE, born date, boss integer,
    score numeric DEFAULT 0);
CREATE TABLE orders (id integer PRIMARY KEY, person integer, total numeric, placed timestamptz, tags text[],
    extra jsonb, gross numeric GENERATED ALWAYS AS (total * 1.2) STORED);
CREATE TYPE address AS (street text, city text);
CREATE TABLE place (id serial PRIMARY KEY, where_it_is address, label text);
CREATE VIEW adults AS SELECT id, upper(name) AS loud, email FROM person WHERE born < '2007-01-01';
CREATE VIEW adults_orders AS SELECT a.loud, o.total, o.placed FROM adults a JOIN orders o ON o.person = a.id;
CREATE VIEW cheap AS SELECT id, person, total FROM orders WHERE total < 10;
CREATE FUNCTION name_of(integer) RETURNS text LANGUAGE sql AS 'SELECT name FROM person WHERE id = $1';
CREATE FUNCTION people_of(boss integer) RETURNS TABLE (who text, mail text) LANGUAGE sql
    AS 'SELECT p.name, p.email FROM person p WHERE p.boss = people_of.boss';
CREATE FUNCTION opaque(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
