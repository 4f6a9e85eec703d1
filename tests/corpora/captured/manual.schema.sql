-- Weather stations, for one statement a sentence of what a manual would explain.
CREATE TYPE sky AS ENUM ('clear', 'cloudy', 'rain', 'snow');
CREATE TYPE span AS (low numeric, high numeric);
CREATE DOMAIN celsius AS numeric(5,2) CHECK (VALUE > -90);
CREATE TABLE region (id integer PRIMARY KEY, up integer REFERENCES region, name text NOT NULL, area double precision);
CREATE TABLE station (
  id integer PRIMARY KEY, region integer REFERENCES region, name text NOT NULL UNIQUE, height integer, spot point,
  opened date, closed date, kit text[], grid integer[], usual span, notes jsonb, code char(4), secret bytea, address inet
);
CREATE TABLE reading (
  station integer REFERENCES station, at timestamptz, temp celsius, rain real, wind integer, seen sky, sure boolean,
  during tsrange, raw json, temp_f numeric GENERATED ALWAYS AS (temp * 9 / 5 + 32) STORED, PRIMARY KEY (station, at)
);
CREATE TABLE observer (id serial PRIMARY KEY, name text, station integer, mentor integer, pay money, shift time, born date, tz text);
CREATE TABLE alarm (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, station integer, level smallint DEFAULT 1, raised timestamp, UNIQUE (station, level));
CREATE TABLE device (id integer, model text, price numeric);
CREATE TABLE camera (lens text) INHERITS (device);
CREATE TABLE log_line (day date NOT NULL, who text, line text) PARTITION BY LIST (who);
CREATE TABLE log_line_rest PARTITION OF log_line DEFAULT;
CREATE TABLE page (id integer PRIMARY KEY, title text, body text, words tsvector, doc xml);
CREATE VIEW open_station AS SELECT id, name, region, height FROM station WHERE closed IS NULL;
CREATE VIEW checked_station AS SELECT id, name FROM station WHERE height > 0 WITH LOCAL CHECK OPTION;
CREATE VIEW daily AS SELECT station, at::date AS day, avg(temp) AS mean, max(temp) AS top, min(temp) AS low, count(*) AS n FROM reading GROUP BY 1, 2;
CREATE VIEW warm AS SELECT s.name, d.day, d.mean FROM daily d JOIN station s ON s.id = d.station WHERE d.mean > 20;
CREATE RECURSIVE VIEW below (id, root) AS SELECT id, id FROM region UNION SELECT r.id, b.root FROM region r JOIN below b ON r.up = b.id;
CREATE MATERIALIZED VIEW top_reading AS SELECT DISTINCT ON (station) station, at, temp FROM reading ORDER BY station, temp DESC;
CREATE FUNCTION fahrenheit(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$ SELECT $1 * 9 / 5 + 32 $$;
CREATE FUNCTION mean_of(which integer, since timestamptz DEFAULT '-infinity') RETURNS numeric LANGUAGE sql STABLE
  AS $$ SELECT avg(temp) FROM reading WHERE station = which AND at >= since $$;
CREATE FUNCTION near(p point, OUT id integer, OUT name text) RETURNS SETOF record LANGUAGE sql STABLE
  AS $$ SELECT s.id, s.name FROM station s WHERE s.spot <-> p < 10 ORDER BY s.spot <-> p $$;
CREATE FUNCTION station_row(integer) RETURNS station LANGUAGE sql STABLE AS $$ SELECT * FROM station WHERE id = $1 $$;
CREATE FUNCTION height_of(station) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT $1.height $$;
CREATE AGGREGATE product_of(numeric) (SFUNC = numeric_mul, STYPE = numeric);
CREATE OPERATOR <^> (LEFTARG = numeric, RIGHTARG = numeric, FUNCTION = numeric_power);
CREATE RULE no_camera AS ON DELETE TO camera DO INSTEAD NOTHING;
