-- What a manual would show, chapter by chapter, over manual.schema.sql. One statement a paragraph.

SELECT * FROM station;

SELECT name, height FROM station;

SELECT name, height * 3.28 AS feet FROM station ORDER BY feet DESC;

SELECT DISTINCT region FROM station ORDER BY region;

SELECT station.name, region.name FROM station, region WHERE station.region = region.id;

SELECT s.name, r.name FROM station s LEFT OUTER JOIN region r ON s.region = r.id;

SELECT r1.name, r1.area, r2.name, r2.area FROM region r1 JOIN region r2 ON r1.area < r2.area AND r1.up > r2.up;

SELECT max(temp) FROM reading;

SELECT station FROM reading WHERE temp = (SELECT max(temp) FROM reading);

SELECT station, count(*), min(temp) FROM reading GROUP BY station HAVING max(temp) < 10;

SELECT station, count(*) FILTER (WHERE temp < 0), max(temp) FROM reading WHERE seen = 'snow' GROUP BY station;

UPDATE reading SET temp = temp - 2, rain = rain * 1.1 WHERE at > '2024-11-28';

DELETE FROM reading WHERE station = 7;

INSERT INTO reading (station, at, temp) VALUES (1, now(), 12.5);

INSERT INTO region VALUES (1, NULL, 'north', 100.5), (2, 1, 'coast', DEFAULT);

INSERT INTO station (id, name) SELECT id + 1000, name || ' (old)' FROM open_station WHERE height > 500;

SELECT temp, avg(temp) OVER (PARTITION BY station) FROM reading;

SELECT station, at, rank() OVER (PARTITION BY station ORDER BY temp DESC) FROM reading;

SELECT temp, sum(temp) OVER () FROM reading;

SELECT temp, sum(temp) OVER (ORDER BY temp) FROM reading;

SELECT station, temp FROM (SELECT station, temp, row_number() OVER (PARTITION BY station ORDER BY temp DESC, at) AS pos FROM reading) AS ss WHERE pos < 3;

SELECT sum(temp) OVER w, avg(temp) OVER w FROM reading WINDOW w AS (PARTITION BY station ORDER BY temp DESC);

SELECT model, price FROM device WHERE price > 500;

SELECT model, price FROM ONLY device WHERE price > 500;

SELECT d.tableoid::regclass, d.model FROM device* d;

SELECT 'it''s', E'tab\there', U&'d\0061t\+000061', B'1001', X'1F', $x$dollar$x$;

SELECT 42, 3.5, .001, 5e2, 1.925e-3, -7, 2 ^ 3, 10 % 3, 5 / 2, @ -5.0, |/ 25.0, ||/ 27.0;

SELECT CAST('1' AS integer), '2024-01-01'::date, interval '1 day 2 hours', point '(1,2)', real '1.23';

SELECT $1::integer + 1, $2::text || 'x', $1 * 2;

SELECT grid[1], grid[2:3], grid[:2], (grid)[cardinality(grid)] FROM station;

SELECT (usual).low, (usual).high - (usual).low AS width FROM station;

SELECT (usual).* FROM station;

SELECT (station_row(3)).name, (station_row(3)).height;

SELECT (station_row(id)).* FROM station;

SELECT s, (s).name, height_of(s), s.height_of FROM station s;

SELECT s.*::text FROM (SELECT id FROM station) s;

SELECT ROW(s.id, s.name), ROW(s.*), (s.id, 'x') FROM station s;

SELECT mean_of(1), mean_of(which => 2), mean_of(since => now(), which => 3), mean_of(id, opened) FROM station;

SELECT name COLLATE "C" < 'x' FROM station ORDER BY name COLLATE "POSIX" DESC;

SELECT ARRAY[1, 2, 3 + height], ARRAY[[id, 1], [2, 3]], ARRAY[]::text[] FROM station;

SELECT ARRAY(SELECT temp FROM reading WHERE station = station.id ORDER BY at) FROM station;

SELECT ARRAY(SELECT r.temp FROM reading r WHERE r.station = s.id ORDER BY r.at) FROM station s;

SELECT ROW(1, 2.5, 'x') IS NULL, ROW(id, name) = ROW(1, 'x'), ROW(height, id) IS DISTINCT FROM ROW(1, 2) FROM station;

SELECT CASE WHEN height > 0 THEN name ELSE 'sea' END FROM station WHERE CASE WHEN height <> 0 THEN id / height > 1 ELSE false END;

SELECT fahrenheit(temp), temp_f FROM reading;

SELECT product_of(temp), 2.0 <^> 3.0, OPERATOR(pg_catalog.-) height FROM reading JOIN station ON id = station GROUP BY height;

SELECT id OPERATOR(pg_catalog.+) 1 FROM station;

SELECT name FROM station WHERE region IN (SELECT id FROM region WHERE name = 'north');

SELECT name FROM station s WHERE EXISTS (SELECT FROM reading r WHERE r.station = s.id AND r.temp > 30);

SELECT name FROM station WHERE id <> ALL (SELECT station FROM reading) OR height = ANY (ARRAY[1, 2]);

SELECT name FROM station WHERE (region, height) = (SELECT region, max(height) FROM station s2 WHERE s2.region = station.region GROUP BY region);

SELECT name FROM station WHERE (id, height) NOT IN (SELECT station, wind FROM reading);

SELECT name FROM station WHERE ROW(region, height) > ALL (SELECT id, up FROM region);

SELECT * FROM station s CROSS JOIN region r;

SELECT * FROM station s JOIN observer o ON o.station = s.id AND o.name = s.name;

SELECT * FROM station JOIN observer USING (id, name);

SELECT id, name, s.name, o.name FROM station s FULL JOIN observer o USING (id, name);

SELECT * FROM station NATURAL LEFT JOIN observer;

SELECT u.id, o.tz FROM station JOIN observer o USING (id) AS u;

SELECT a.x, b.y FROM station AS a (x) JOIN region AS b (y) ON a.x = b.y;

SELECT * FROM (VALUES ('a', 1), ('b', 2)) AS t (k, v) JOIN region ON v = id;

SELECT * FROM near(point '(1,2)') AS n WHERE n.id > 5;

SELECT s.name, n.name FROM station s, near(s.spot) n WHERE n.id <> s.id;

SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a', 'b']), near(point '(0,0)')) WITH ORDINALITY AS f (n, letter, id, name, place);

SELECT * FROM json_to_record('{"a": 1, "b": "x"}') AS x (a integer, b text);

SELECT s.id, x.a FROM station s, jsonb_to_recordset(s.notes) AS x (a integer, b text) WHERE x.b = s.name;

SELECT s.id, x.* FROM station s LEFT JOIN LATERAL jsonb_populate_record(NULL::region, s.notes) x ON true;

SELECT m.name FROM region m LEFT JOIN LATERAL (SELECT name, height FROM station WHERE region = m.id ORDER BY height LIMIT 2) p ON true WHERE p.height IS NULL;

SELECT g.n, s.name FROM generate_series(1, 10, 3) AS g (n) LEFT JOIN station s ON s.id = g.n;

SELECT x FROM generate_series('2024-03-01'::timestamp, '2024-03-04', '10 hours') x;

SELECT k, v FROM station, jsonb_each(notes) AS e (k, v) WHERE v <> 'null';

SELECT region, sum(height) AS total FROM station GROUP BY region;

SELECT region, opened, count(*) FROM station GROUP BY GROUPING SETS ((region), (opened), ());

SELECT region, opened, kit, grouping(region, opened) FROM station GROUP BY CUBE (region, opened), ROLLUP (kit);

SELECT region FROM station GROUP BY DISTINCT ROLLUP (region, opened), ROLLUP (region, closed);

SELECT s.id, s.name, count(r.at) FROM station s LEFT JOIN reading r ON r.station = s.id GROUP BY s.id;

SELECT extract(year FROM opened) AS y, count(*) FROM station GROUP BY y ORDER BY y;

SELECT height / 100, count(*) FROM station GROUP BY 1 HAVING count(*) > 1 ORDER BY 2 DESC, 1;

SELECT name AS height FROM station GROUP BY name, height ORDER BY height;

SELECT height FROM station UNION SELECT wind FROM reading;

SELECT name FROM station UNION ALL SELECT name FROM region UNION ALL SELECT name FROM observer;

SELECT id FROM station INTERSECT SELECT station FROM reading;

SELECT id FROM station EXCEPT ALL SELECT station FROM reading ORDER BY id LIMIT 3;

(SELECT id FROM station ORDER BY height LIMIT 1) UNION (SELECT id FROM region ORDER BY area LIMIT 1);

SELECT a FROM (SELECT id, name FROM station UNION ALL SELECT up, name FROM region) t (a, b);

SELECT name FROM station ORDER BY height DESC NULLS LAST, name USING > LIMIT 5 OFFSET 10;

SELECT name FROM station ORDER BY height + id, region FETCH FIRST 3 ROWS WITH TIES;

SELECT name FROM station LIMIT (SELECT count(*) FROM region) OFFSET 1;

VALUES (1, 'a'), (2, 'b'), (3, NULL);

WITH sums AS (SELECT station, sum(rain) AS wet FROM reading GROUP BY station), top AS (SELECT station FROM sums WHERE wet > (SELECT sum(wet) / 10 FROM sums)) SELECT station, at, sum(wind) FROM reading WHERE station IN (SELECT station FROM top) GROUP BY station, at;

WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT sum(n) FROM t;

WITH RECURSIVE parts(id, name, up) AS (SELECT id, name, up FROM region WHERE id = 1 UNION ALL SELECT r.id, r.name, r.up FROM parts p, region r WHERE r.up = p.id) SELECT name, count(*) FROM parts GROUP BY name;

WITH RECURSIVE walk(id, up, depth, path, cycle) AS (SELECT r.id, r.up, 0, ARRAY[r.id], false FROM region r UNION ALL SELECT r.id, r.up, w.depth + 1, path || r.id, r.id = ANY (path) FROM region r, walk w WHERE r.id = w.up AND NOT cycle) SELECT * FROM walk;

WITH RECURSIVE tree AS (SELECT id, up, name FROM region WHERE up IS NULL UNION ALL SELECT r.id, r.up, r.name FROM region r JOIN tree t ON r.up = t.id) SEARCH BREADTH FIRST BY id SET ordercol SELECT name FROM tree ORDER BY ordercol;

WITH RECURSIVE tree AS (SELECT id, up FROM region UNION ALL SELECT r.id, r.up FROM region r JOIN tree t ON r.up = t.id) CYCLE id, up SET looped TO 'Y' DEFAULT 'N' USING path SELECT id, looped, path FROM tree WHERE looped = 'N';

WITH RECURSIVE two(a, b) AS (SELECT id, name FROM region UNION SELECT up, two.b || region.name FROM region, two WHERE region.id = two.a) SELECT b FROM two;

WITH w AS NOT MATERIALIZED (SELECT * FROM reading) SELECT * FROM w AS w1 JOIN w AS w2 ON w1.station = w2.wind WHERE w2.rain > 1;

WITH moved AS (DELETE FROM reading WHERE at < '2020-01-01' RETURNING *) INSERT INTO log_line SELECT at::date, station::text, temp::text FROM moved;

WITH t AS (UPDATE device SET price = price * 1.05 RETURNING *) SELECT * FROM t;

WITH t AS (UPDATE device SET price = price * 1.05 RETURNING *) SELECT * FROM device;

WITH RECURSIVE inside(id) AS (SELECT id FROM region WHERE name = 'x' UNION ALL SELECT r.id FROM inside i, region r WHERE r.up = i.id) DELETE FROM station WHERE region IN (SELECT id FROM inside);

WITH t AS (DELETE FROM observer) DELETE FROM alarm;

WITH station AS (SELECT 1 AS id) SELECT id FROM station;

WITH a AS (WITH b AS (SELECT name FROM station) SELECT * FROM b) SELECT (SELECT name FROM a LIMIT 1), r.name FROM region r;

SELECT 1 = 1.0, 'a' < 'b', 5 BETWEEN 1 AND height, height NOT BETWEEN SYMMETRIC 5 AND 1, height IS DISTINCT FROM 3 FROM station;

SELECT sure IS TRUE, sure IS NOT FALSE, sure IS UNKNOWN, rain ISNULL, rain NOTNULL FROM reading;

SELECT abs(height), ceil(temp), floor(rain), round(temp, 1), sign(wind), sqrt(wind), power(wind, 2), ln(wind + 1), mod(wind, 4), gcd(wind, 8), div(wind, 3), trunc(temp) FROM reading JOIN station ON id = station;

SELECT sin(area), degrees(area), random() * area, width_bucket(area, 0, 10, 5), scale(1.50), min_scale(area::numeric), factorial(5) FROM region;

SELECT name || ': ' || height, char_length(name), lower(name), octet_length(name), overlay(name PLACING 'x' FROM 2 FOR 4), position('a' IN name), substring(name FROM 2 FOR 3), trim(BOTH 'x' FROM name), upper(name) FROM station;

SELECT ascii(name), btrim(name, 'x'), chr(65), concat(name, id, NULL), concat_ws('-', name, code), format('%s is %I', name, code), initcap(name), left(name, 2), lpad(name, 9, '-'), md5(name), quote_ident(name), repeat(name, 2), replace(name, 'a', 'b'), reverse(name), right(name, 2), split_part(name, ' ', 1), starts_with(name, 'A'), strpos(name, 'e'), to_hex(id), translate(name, 'abc', 'xyz') FROM station;

SELECT length(secret), encode(secret, 'hex'), get_byte(secret, 0), sha256(secret), secret || '\x00'::bytea, substring(secret FROM 1 FOR 2) FROM station;

SELECT name LIKE 'a_c%', name ILIKE '%x', name NOT LIKE '\%' ESCAPE '\', name SIMILAR TO '%(b|d)%', name ~ '^a', name !~* 'z$', substring(name FROM 'o(.)b'), substring(name SIMILAR '%#"o_b#"%' ESCAPE '#') FROM station;

SELECT regexp_matches(name, '(a)(b)', 'g'), regexp_replace(name, 'b..', 'X'), regexp_split_to_array(name, '\s+') FROM station;

SELECT word FROM station, regexp_split_to_table(name, ' ') AS word;

SELECT to_char(at, 'HH12:MI:SS'), to_char(temp, '999D9'), to_date('05 Dec 2000', 'DD Mon YYYY'), to_number('12,454.8-', '99G999D9S'), to_timestamp(wind) FROM reading;

SELECT date '2024-09-28' + 7, opened - closed, opened + interval '1 hour', age(closed, opened), now() - opened, extract(epoch FROM closed), date_part('dow', opened), date_trunc('quarter', opened), isfinite(closed), make_date(2024, 1, height) FROM station;

SELECT at AT TIME ZONE 'UTC', timezone('Asia/Tokyo', at), current_date, current_time, localtimestamp, statement_timestamp(), at - interval '1 day' * wind, justify_days(now() - at) FROM reading;

SELECT (opened, closed) OVERLAPS (date '2001-01-01', interval '100 days') FROM station;

SELECT enum_first(NULL::sky), enum_range(seen), seen > 'clear', seen::text FROM reading;

SELECT spot <-> point '(0,0)', spot[0], circle(spot, 3) @> point '(1,1)', box(spot, spot) && box '((0,0),(1,1))' FROM station ORDER BY spot <-> point '(3,4)';

SELECT address << inet '192.168.1/24', host(address), masklen(address), network(address), address + 5, text(address) FROM station;

SELECT to_tsvector('english', body) @@ to_tsquery('english', 'rain & snow'), ts_rank_cd(words, plainto_tsquery('storm')), setweight(to_tsvector(title), 'A') || to_tsvector(body), numnode(phraseto_tsquery('a b')), strip(words) FROM page;

SELECT title FROM page, to_tsquery('gale | storm') query WHERE words @@ query ORDER BY ts_rank(words, query) DESC LIMIT 10;

SELECT word, ndoc FROM ts_stat('SELECT words FROM page');

SELECT xmlelement(name page, xmlattributes(id AS nr), title), xmlforest(title, body AS text), xmlcomment(title), xmlconcat(doc, doc), xmlpi(name php), doc IS DOCUMENT FROM page;

SELECT xmlagg(doc ORDER BY id DESC), xpath('/a/text()', xmlagg(doc)), xmlexists('//b' PASSING BY VALUE (SELECT doc FROM page LIMIT 1)) FROM page;

SELECT x.* FROM page, XMLTABLE('//row' PASSING doc COLUMNS id integer PATH '@id', n FOR ORDINALITY, name text PATH 'name' NOT NULL, kind text PATH 'kind' DEFAULT title) AS x;

SELECT raw -> 0, raw -> 'a', raw ->> 'b', raw #> '{a,b}', raw #>> '{c}' FROM reading;

SELECT notes @> '{"a": 1}', notes ? 'b', notes ?| ARRAY['a', 'b'], notes || '{"z": 2}', notes - 'a', notes #- '{a,0}', notes @? '$.a[*] ? (@ > 2)', notes @@ '$.a > 2', notes['k']['l'] FROM station;

SELECT to_json(name), array_to_json(grid), row_to_json(station), json_build_array(id, name), json_build_object('id', id), json_object(ARRAY[name, code]), jsonb_set(notes, '{a}', to_jsonb(height)), jsonb_insert(notes, '{b}', '1'), jsonb_path_query_array(notes, '$.*'), jsonb_typeof(notes), jsonb_pretty(notes), jsonb_strip_nulls(notes) FROM station;

SELECT jsonb_array_elements(notes), jsonb_object_keys(notes) FROM station;

SELECT jsonb_path_query(notes, '$.a[*] ? (@ >= $min)', jsonb_build_object('min', height)) FROM station;

SELECT json_object_agg(name, height), json_agg(s ORDER BY id), jsonb_object_agg(code, id) FILTER (WHERE id > 3) FROM station s;

SELECT json_object('id': id, 'name': name), json_array(id, name NULL ON NULL), json_arrayagg(height ORDER BY id), json_objectagg(name: id) FROM station GROUP BY id, name;

SELECT notes IS JSON, code IS JSON SCALAR, name IS NOT JSON ARRAY WITH UNIQUE KEYS FROM station;

SELECT json_value(notes, '$.a' RETURNING integer DEFAULT 0 ON EMPTY ERROR ON ERROR), json_query(notes, '$.b' WITH WRAPPER), json_exists(notes, '$.c ? (@ > $x)' PASSING height AS x) FROM station;

SELECT j.* FROM station, JSON_TABLE(notes, '$.log[*]' COLUMNS (n FOR ORDINALITY, what text PATH '$.what', has boolean EXISTS PATH '$.x', NESTED PATH '$.parts[*]' COLUMNS (part text PATH '$'))) AS j WHERE j.n < 5;

SELECT nextval('observer_id_seq'), currval('observer_id_seq'), setval('observer_id_seq', 42);

SELECT last_value, is_called FROM observer_id_seq;

SELECT coalesce(closed, opened, current_date), nullif(name, code), greatest(height, region, 0), least(opened, closed), num_nulls(name, code, closed) FROM station;

SELECT grid = ARRAY[1, 2], grid @> ARRAY[1], grid && ARRAY[3], grid || 4, array_append(grid, height), array_cat(grid, grid), array_dims(grid), array_fill(height, ARRAY[3]), array_length(grid, 1), array_position(kit, 'x'), array_remove(kit, name), array_replace(kit, 'a', code), array_to_string(kit, ', '), array_upper(grid, 1), string_to_array(name, ' '), array_ndims(grid) FROM station;

SELECT id, unnest(kit) AS item, unnest(grid) AS cell FROM station;

SELECT during @> localtimestamp, lower(during), upper_inc(during), isempty(during), during * tsrange('2024-01-01', '2024-02-01'), during -|- during, tsrange(lower(during), NULL, '()') FROM reading;

SELECT range_agg(during), range_intersect_agg(during) FROM reading;

SELECT int4range(1, height) @> id, numrange(1.1, 2.2) && numrange((usual).low, (usual).high) FROM station;

SELECT array_agg(name), array_agg(grid), avg(height), bit_and(id), bool_or(height > 0), count(*), count(DISTINCT region), every(closed IS NULL), max(opened), string_agg(name, ', ' ORDER BY height DESC, name), sum(height), variance(height), stddev_pop(height), corr(height, id), regr_slope(height, id), covar_samp(height, id) FROM station;

SELECT any_value(name), array_agg(DISTINCT region), string_agg(DISTINCT code, '') FROM station GROUP BY region;

SELECT mode() WITHIN GROUP (ORDER BY seen), percentile_cont(0.5) WITHIN GROUP (ORDER BY rain), percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY temp), rank(10) WITHIN GROUP (ORDER BY wind), cume_dist(wind) WITHIN GROUP (ORDER BY wind) FROM reading GROUP BY wind;

SELECT row_number() OVER (), dense_rank() OVER (ORDER BY height), percent_rank() OVER (ORDER BY height), cume_dist() OVER (ORDER BY height), ntile(4) OVER (ORDER BY id), lag(name, 1, 'none') OVER (ORDER BY id), lead(height) OVER (PARTITION BY region ORDER BY id), first_value(name) OVER w, last_value(name) OVER w, nth_value(name, 2) OVER w FROM station WINDOW w AS (PARTITION BY region ORDER BY height ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING);

SELECT pg_typeof(name), current_user, session_user, current_schema, version(), pg_backend_pid(), has_table_privilege('station', 'select'), obj_description(1, 'pg_class'), current_setting('search_path'), txid_current(), pg_column_size(name) FROM station;

SELECT generate_subscripts(grid, 1) AS s FROM station;

SELECT grid[s], s FROM (SELECT grid, generate_subscripts(grid, 1) AS s FROM station) AS sub;

SELECT n.name FROM pg_catalog.pg_class c JOIN station n ON n.name = c.relname;

SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'station'::regclass AND attnum > 0 ORDER BY attnum;

SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public';

SELECT c.relname, pg_get_viewdef(c.oid) FROM pg_class c WHERE relkind = 'v';

INSERT INTO alarm (station, level) VALUES (1, 2) RETURNING id;

INSERT INTO alarm DEFAULT VALUES RETURNING *;

INSERT INTO alarm OVERRIDING SYSTEM VALUE VALUES (5, 1, 1, now());

INSERT INTO alarm (station, level) SELECT station, max(wind) / 10 FROM reading GROUP BY station ON CONFLICT (station, level) DO UPDATE SET raised = now(), level = alarm.level + 1 WHERE alarm.raised < now() - interval '1 hour' RETURNING id, level, raised;

INSERT INTO alarm AS a (station) VALUES (3) ON CONFLICT ON CONSTRAINT alarm_station_level_key DO NOTHING;

INSERT INTO station (id, name, kit[1], kit[2], usual.low) VALUES (1, 'x', 'a', 'b', 1.5);

INSERT INTO station (id, name, grid) VALUES (9, 'new', ARRAY(SELECT wind FROM reading)) ON CONFLICT (name) DO UPDATE SET (grid, height) = ROW (excluded.grid, station.height + 1);

INSERT INTO reading (station, at, temp) SELECT s.id, now(), r.temp FROM station s, LATERAL (SELECT temp FROM reading WHERE station = s.id ORDER BY at DESC LIMIT 1) r RETURNING station, temp_f;

INSERT INTO log_line (day, who, line) TABLE log_line;

INSERT INTO open_station (id, name) VALUES (77, 'through a view') RETURNING *;

INSERT INTO checked_station SELECT id + 100, name FROM region;

UPDATE station SET height = height + 1, closed = DEFAULT WHERE name = 'x';

UPDATE station SET kit[2] = 'new', grid[1:2] = '{7,8}', usual.high = (usual).low + 5, notes['a']['b'] = '1';

UPDATE station SET (height, code) = (SELECT max(wind), min(seen)::text FROM reading WHERE reading.station = station.id) WHERE region IS NOT NULL;

UPDATE reading r SET rain = NULL FROM station s JOIN region g ON g.id = s.region WHERE s.id = r.station AND g.name = 'desert' RETURNING s.name, r.at, r.rain, r.temp_f;

UPDATE reading SET temp = fahrenheit(temp) RETURNING temp, temp_f, station;

UPDATE open_station SET height = region * 10 WHERE name LIKE 'A%' RETURNING id, height;

UPDATE device SET price = price * 0.9;

UPDATE ONLY device SET model = upper(model) WHERE price IS NULL;

DELETE FROM reading USING station WHERE reading.station = station.id AND station.closed < reading.at RETURNING reading.*;

DELETE FROM open_station WHERE height IS NULL;

DELETE FROM camera WHERE price > 5;

DELETE FROM station WHERE ctid = ANY (ARRAY(SELECT ctid FROM station ORDER BY id LIMIT 10));

MERGE INTO alarm a USING (SELECT station, max(wind) AS wind FROM reading GROUP BY station) r ON a.station = r.station WHEN MATCHED AND r.wind > 80 THEN UPDATE SET level = a.level + 1, raised = now() WHEN MATCHED AND r.wind < 10 THEN DELETE WHEN NOT MATCHED AND r.wind > 40 THEN INSERT (station, level) VALUES (r.station, 1) WHEN NOT MATCHED THEN DO NOTHING;

MERGE INTO station s USING observer o ON s.id = o.station WHEN NOT MATCHED BY SOURCE AND s.height > 5 THEN UPDATE SET closed = current_date WHEN NOT MATCHED BY TARGET THEN INSERT (id, name) VALUES (o.station, o.name) RETURNING merge_action(), s.id, s.closed;

UPDATE station SET name = upper(name) RETURNING old.name AS before, new.name AS after, old.*, new.height;

DELETE FROM observer RETURNING WITH (OLD AS o, NEW AS n) o.name, n.name, observer.pay;

SELECT mean, top FROM daily WHERE day = current_date;

SELECT name FROM warm WHERE mean > 25 ORDER BY day;

SELECT root FROM below WHERE id = 4;

SELECT s.name, t.temp FROM top_reading t JOIN station s ON s.id = t.station;

SELECT count(*) FROM open_station o WHERE o.height > (SELECT avg(height) FROM open_station);

SELECT d FROM daily d;

SELECT open_station FROM open_station;

SELECT (warm).name, warm.* FROM warm;

SELECT x.name FROM (SELECT w, w.name FROM warm w) x WHERE (x.w).mean > 3;

SELECT name FROM station WHERE name = 'x' FOR UPDATE OF station NOWAIT;

SELECT s.name FROM station s, region r WHERE s.region = r.id FOR SHARE OF r SKIP LOCKED;

SELECT o.name, m.name AS mentor, (SELECT name FROM station WHERE id = o.station) FROM observer o LEFT JOIN observer m ON m.id = o.mentor;

SELECT pay * 1.1, pay::numeric, shift + interval '1 hour', born + 30, extract(hour FROM shift) FROM observer;

SELECT name, CASE seen WHEN 'clear' THEN 'sun' WHEN 'rain' THEN 'wet' ELSE 'other' END FROM reading JOIN station ON station.id = reading.station;

SELECT a.name FROM station a WHERE a.height > SOME (SELECT b.height FROM station b WHERE b.region = a.region AND b.id <> a.id);

SELECT name FROM station s1 WHERE NOT EXISTS (SELECT 1 FROM station s2 WHERE s2.region = s1.region AND s2.height > s1.height);

SELECT sum(n) FROM (SELECT count(*) AS n, station FROM reading GROUP BY station) q;

SELECT q.name FROM (SELECT name, region AS unused, upper(code) AS also FROM station WHERE height > 3 ORDER BY opened) q;

SELECT DISTINCT ON (region, height / 100) region, name FROM station ORDER BY region, height / 100, opened DESC;

SELECT count(DISTINCT (region, height)) FROM station;

SELECT station.region + 1 AS r FROM station GROUP BY station.region + 1 HAVING station.region + 1 > 2;

SELECT region AS id, id AS region FROM station WHERE id > 1 GROUP BY region, station.id ORDER BY id;

SELECT (SELECT max(temp) FROM reading WHERE reading.station = station.id) - (SELECT min(temp) FROM reading WHERE reading.station = station.id) AS range FROM station ORDER BY range;

SELECT EXISTS (SELECT 1 FROM alarm WHERE level > 2), NOT EXISTS (TABLE alarm), (SELECT count(*) FROM alarm), 5 IN (SELECT level FROM alarm);

SELECT 1 FROM station HAVING count(*) > 1;

SELECT count(*) FROM reading TABLESAMPLE SYSTEM (50) REPEATABLE (3) WHERE temp > 0;

SELECT station.xmin, station.ctid, station.tableoid, station.* FROM station;

SELECT ALL name FROM station WHERE true AND (height > 1 OR NOT (region = 2));

SELECT "station"."name" AS "The Name", 'x' "y" FROM "public"."station";

SELECT public.station.name FROM public.station;

SELECT name FROM station ORDER BY (SELECT max(at) FROM reading WHERE reading.station = station.id) DESC;

SELECT array_agg(x ORDER BY y DESC) FROM (VALUES (1, 2), (3, 4)) AS v (x, y);

SELECT s.id, r.* FROM station s JOIN LATERAL (VALUES (s.height, 'h'), (s.region, 'r')) AS r (v, k) ON r.v IS NOT NULL;

SELECT t.a, u.b FROM (SELECT height AS a FROM station) t, (SELECT wind AS b FROM reading) u WHERE t.a = u.b;

SELECT name FROM region r WHERE (SELECT count(*) FROM station s WHERE s.region = r.id AND s.opened > (SELECT min(opened) FROM station x WHERE x.region = r.up)) > 2;

SELECT r.temp::celsius, (r.temp::text || 'C')::varchar FROM reading r;

SELECT make_interval(days => height), make_time(8, 15, 23.5), justify_interval(interval '1 month -1 hour') FROM station;

SELECT current_catalog, current_role, user, localtime(1), current_timestamp(2);

SELECT 'now'::text::timestamp, oid::regclass FROM pg_class WHERE oid = 'station'::regclass;

SELECT concat(VARIADIC kit), format('%s %s', VARIADIC ARRAY[name, code]), jsonb_build_array(VARIADIC kit) FROM station;

SELECT ts.alias, ts.token FROM ts_debug('english', 'a storm') AS ts;

SELECT gs.ts::date, coalesce(sum(r.rain), 0) FROM generate_series(date '2024-01-01', date '2024-01-31', '1 day') gs (ts) LEFT JOIN reading r ON r.at >= gs.ts AND r.at < gs.ts + interval '1 day' GROUP BY gs.ts ORDER BY gs.ts;

SELECT string_agg(upper(left(w, 1)) || substr(w, 2), ' ' ORDER BY n) FROM station, string_to_table(name, ' ') WITH ORDINALITY AS t (w, n) GROUP BY id;

SELECT lpad('', depth * 2) || name FROM (WITH RECURSIVE t AS (SELECT id, name, 0 AS depth FROM region WHERE up IS NULL UNION ALL SELECT r.id, r.name, t.depth + 1 FROM region r JOIN t ON r.up = t.id) SELECT * FROM t) q;

SELECT station, jsonb_object_agg(seen, n) FROM (SELECT station, seen, count(*) AS n FROM reading GROUP BY station, seen) q GROUP BY station;

SELECT station, at, temp, temp - lag(temp) OVER w AS change FROM reading WHERE sure WINDOW w AS (PARTITION BY station ORDER BY at);

SELECT min(at), max(at), grp FROM (SELECT at, station, at::date - (row_number() OVER (PARTITION BY station ORDER BY at::date))::integer AS grp FROM reading) islands GROUP BY station, grp;

SELECT r.*, s FROM reading r JOIN station s ON s.id = r.station AND (s).height > 2;

SELECT r.station FROM reading r GROUP BY r.station HAVING every(r.temp > (SELECT avg(temp) FROM reading));

SELECT a.id FROM alarm a LEFT JOIN station s ON a.station = s.id WHERE s.id IS NULL;

SELECT o.name FROM observer o JOIN (SELECT station, avg(extract(epoch FROM shift)) AS mean FROM observer GROUP BY station) m USING (station) WHERE extract(epoch FROM o.shift) > m.mean;

SELECT id, name FROM station WHERE (name, height) IN (VALUES ('a', 1), ('b', 2));

SELECT coalesce(s.region, g.id) FROM station s FULL JOIN region g ON s.region = g.id AND g.area > 5;

SELECT * FROM station a JOIN station b USING (region) JOIN station c USING (region) WHERE region > 3;

SELECT region, a.name, b.name FROM station a LEFT JOIN station b USING (region) RIGHT JOIN (SELECT id AS region FROM region) c USING (region);

SELECT t.n, t.n FROM (SELECT name AS n FROM station) t ORDER BY t.n, 1;

SELECT name, name FROM station ORDER BY name;

SELECT rank() OVER (ORDER BY count(*) DESC), region FROM station GROUP BY region;

SELECT sum(count(*)) OVER (), sum(max(height)) OVER (PARTITION BY region) FROM station GROUP BY region;

SELECT region, height FROM station ORDER BY sum(height) OVER (PARTITION BY region), height;
