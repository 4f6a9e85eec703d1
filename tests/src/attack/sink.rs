//! Where the outcome of an attack goes: to the client by some way, or into something that stays.

use super::{Effect, Source};

/// A statement with holes: `{with}`, `{from}` and `{key}` of the source, `{e}` for the expression and `{c}`
/// for a condition. Steps are separated by `;;`.
pub(super) struct Sink {
    pub(super) name: &'static str,
    pub(super) effect: Effect,
    sql: &'static str,
}

impl Sink {
    pub(super) fn filled(&self, source: &Source, expression: &str, condition: &str) -> String {
        self.sql
            .replace("{with}", &source.with)
            .replace("{from}", &source.from)
            .replace("{key}", &source.key)
            .replace("{e}", expression)
            .replace("{c}", condition)
    }
}

const fn rows(name: &'static str, sql: &'static str) -> Sink {
    Sink { name, effect: Effect::Rows, sql }
}

const fn other(name: &'static str, sql: &'static str) -> Sink {
    Sink { name, effect: Effect::Other, sql }
}

/// Every sink. Whatever depends on an order has one.
pub(super) const ALL: &[Sink] = &[
    rows("output", "{with}SELECT {key} AS k, {e} AS v FROM {from}"),
    rows("output alone", "{with}SELECT {e} FROM {from}"),
    rows("output twice", "{with}SELECT {e} AS a, {e} AS segment, {key} FROM {from} ORDER BY 3"),
    rows("condition in output", "{with}SELECT {key}, ({c}) FROM {from}"),
    rows("row", "{with}SELECT {key}, ROW({e}, 1)::text FROM {from}"),
    rows("array of one", "{with}SELECT {key}, ARRAY[{e}] FROM {from}"),
    rows("where", "{with}SELECT {key} FROM {from} WHERE {c}"),
    rows("where and output", "{with}SELECT {key}, {e} FROM {from} WHERE {c}"),
    rows("order", "{with}SELECT {key} FROM {from} ORDER BY {e} DESC NULLS LAST, {key} LIMIT 7"),
    rows(
        "order of an output",
        "{with}SELECT {key}, {e} AS v FROM {from} ORDER BY v, {key} FETCH FIRST 5 ROWS ONLY",
    ),
    rows("order with ties", "{with}SELECT {key} FROM {from} ORDER BY {e} FETCH FIRST 4 ROWS WITH TIES"),
    rows("group", "{with}SELECT {e}, count(*) FROM {from} GROUP BY {e}"),
    rows("group by place", "{with}SELECT {e} AS v, min({key}) FROM {from} GROUP BY 1"),
    rows("having", "{with}SELECT min({key}), count(*) FROM {from} GROUP BY {e} HAVING count(*) < 50"),
    rows("having a guess", "{with}SELECT {key} FROM {from} GROUP BY {key} HAVING bool_or({c})"),
    rows(
        "grouping sets",
        "{with}SELECT {e} AS v, {key} % 3 AS r, count(*), grouping({e}) FROM {from} GROUP BY GROUPING SETS (({e}), ({key} % 3), ())",
    ),
    rows("rollup", "{with}SELECT {e}, count(*) FROM {from} GROUP BY ROLLUP ({e})"),
    rows("distinct", "{with}SELECT DISTINCT {e} FROM {from}"),
    rows("distinct on", "{with}SELECT DISTINCT ON ({e}) {key}, {e} FROM {from} ORDER BY {e}, {key}"),
    rows("count distinct", "{with}SELECT count(DISTINCT {e}), count({e}) FROM {from}"),
    rows("aggregate", "{with}SELECT string_agg(({e})::text, ',' ORDER BY {key}) FROM {from}"),
    rows("aggregate array", "{with}SELECT array_agg({e} ORDER BY {key}) FROM {from} WHERE {key} < 12"),
    rows("aggregate json", "{with}SELECT jsonb_object_agg({key}, {e}) FROM {from}"),
    rows("aggregate ordered", "{with}SELECT array_agg({key} ORDER BY {e}, {key}) FROM {from}"),
    rows(
        "aggregate filtered",
        "{with}SELECT count(*) FILTER (WHERE {c}), sum({key}) FILTER (WHERE NOT ({c})) FROM {from}",
    ),
    rows("percentile", "{with}SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY {e}) FROM {from}"),
    rows("mode", "{with}SELECT mode() WITHIN GROUP (ORDER BY {e}) FROM {from}"),
    rows("least and greatest", "{with}SELECT min(({e})::text), max(({e})::text) FROM {from}"),
    rows("bool_or", "{with}SELECT bool_or({c}), bool_and({c}) FROM {from}"),
    rows("window", "{with}SELECT {key}, lag({e}) OVER (ORDER BY {key}) FROM {from}"),
    rows("window first", "{with}SELECT {key}, first_value({e}) OVER (ORDER BY {e}, {key}) FROM {from}"),
    rows(
        "rank",
        "{with}SELECT {key}, rank() OVER (ORDER BY {e}), ntile(3) OVER (ORDER BY {e}, {key}) FROM {from}",
    ),
    rows("partition", "{with}SELECT {key}, count(*) OVER (PARTITION BY {e}) FROM {from}"),
    rows(
        "named window",
        "{with}SELECT {key}, row_number() OVER w FROM {from} WINDOW w AS (PARTITION BY ({c}) ORDER BY {key})",
    ),
    rows(
        "limit",
        "{with}SELECT s.n FROM generate_series(1, 30) s(n) ORDER BY s.n LIMIT (SELECT count(*) FROM {from} WHERE {c})",
    ),
    rows(
        "offset",
        "{with}SELECT s.n FROM generate_series(1, 30) s(n) ORDER BY s.n OFFSET (SELECT count(*) FROM {from} WHERE {c})",
    ),
    rows("exists", "{with}SELECT EXISTS (SELECT 1 FROM {from} WHERE {c})"),
    rows(
        "correlated",
        "{with}SELECT p.id, (SELECT max(({e})::text) FROM {from} WHERE {key} = p.id) FROM products p WHERE p.id < 9",
    ),
    rows("scalar", "{with}SELECT (SELECT {e} FROM {from} ORDER BY {key} LIMIT 1)"),
    rows(
        "in a subquery",
        "{with}SELECT p.id FROM products p WHERE p.id IN (SELECT {key} FROM {from} WHERE {c})",
    ),
    rows(
        "any",
        "{with}SELECT p.id FROM products p WHERE p.id = ANY (ARRAY(SELECT {key} FROM {from} WHERE {c}))",
    ),
    rows("array of a subquery", "{with}SELECT ARRAY(SELECT {e} FROM {from} ORDER BY {key} LIMIT 4)"),
    rows("derived", "{with}SELECT d.v, d.k FROM (SELECT {e} AS v, {key} AS k FROM {from}) d WHERE d.k < 40"),
    rows("derived whole", "{with}SELECT d FROM (SELECT {e} AS v, {key} AS k FROM {from}) d"),
    rows(
        "derived as json",
        "{with}SELECT row_to_json(d)::text FROM (SELECT {e} AS v, {key} AS k FROM {from}) d",
    ),
    rows(
        "lateral",
        "{with}SELECT k, l.v FROM (SELECT {e} AS e, {key} AS k FROM {from}) d, LATERAL (SELECT d.e AS v) l",
    ),
    rows(
        "lateral values",
        "{with}SELECT d.k, v.x FROM (SELECT {e} AS e, {key} AS k FROM {from}) d CROSS JOIN LATERAL (VALUES (d.e), (d.e)) v(x)",
    ),
    rows("union", "{with}SELECT {e} AS v FROM {from} UNION SELECT NULL"),
    rows("union all", "{with}SELECT {key}, ({e})::text FROM {from} UNION ALL SELECT 0, 'x'"),
    rows("except", "{with}SELECT ({e})::text FROM {from} EXCEPT SELECT sku FROM products"),
    rows("intersect", "{with}SELECT ({e})::text FROM {from} INTERSECT SELECT ({e})::text FROM {from}"),
    rows(
        "join on it",
        "{with}SELECT x.k, y.k FROM (SELECT {e} AS v, {key} AS k FROM {from}) x JOIN (SELECT {e} AS v, {key} AS k FROM {from}) y ON x.v = y.v AND x.k <= y.k",
    ),
    rows(
        "join by name",
        "{with}SELECT x.k, y.sku FROM (SELECT ({e})::text AS sku, {key} AS k FROM {from}) x LEFT JOIN products y USING (sku)",
    ),
    rows("case", "{with}SELECT {key}, CASE WHEN {c} THEN 'hit' ELSE 'miss' END FROM {from}"),
    rows("case of it", "{with}SELECT {key}, CASE ({e})::text WHEN 'a' THEN 1 ELSE 2 END FROM {from}"),
    rows("unnest", "{with}SELECT {key}, unnest(ARRAY[({e})::text, 'z']) FROM {from}"),
    rows("split into rows", "{with}SELECT {key}, regexp_split_to_table(({e})::text, '[.@ -]') FROM {from}"),
    rows(
        "each of json",
        "{with}SELECT {key}, j.value FROM {from}, jsonb_each_text(jsonb_build_object('v', {e})) j",
    ),
    rows(
        "another cte",
        "WITH o AS ({with}SELECT {e} AS v, {key} AS k FROM {from}) SELECT o.*, p.v FROM o JOIN o p USING (k)",
    ),
    rows("wrong cast", "{with}SELECT ({e})::text::int FROM {from}"),
    rows("wrong date", "{with}SELECT {key} FROM {from} WHERE ({e})::text::date > '1900-01-01'"),
    rows("division", "{with}SELECT {key}, 1 / (CASE WHEN {c} THEN 0 ELSE 1 END) FROM {from}"),
    rows("series", "{with}SELECT g FROM generate_series(1, (SELECT count(*) FROM {from} WHERE {c})) g"),
    other("copy", "COPY ({with}SELECT {key}, {e} FROM {from}) TO STDOUT"),
    other(
        "copy of a guess",
        "COPY ({with}SELECT {key} FROM {from} WHERE {c}) TO STDOUT (FORMAT csv, HEADER)",
    ),
    other("copy in binary", "COPY ({with}SELECT {e} FROM {from}) TO STDOUT (FORMAT binary)"),
    other(
        "insert",
        "INSERT INTO scratch (id, note) {with}SELECT 9000 + {key}, ({e})::text FROM {from} RETURNING note",
    ),
    other(
        "create table",
        "CREATE TABLE stolen AS {with}SELECT {e} AS v FROM {from};;SELECT * FROM stolen;;DROP TABLE stolen",
    ),
    other("temporary table", "CREATE TEMP TABLE taken ON COMMIT DROP AS {with}SELECT {e} AS v FROM {from}"),
    other(
        "select into",
        "{with}SELECT {e} AS v INTO TEMP taken FROM {from};;SELECT * FROM taken;;DROP TABLE taken",
    ),
    other(
        "view",
        "CREATE TEMP VIEW seen AS {with}SELECT {e} AS v FROM {from};;SELECT * FROM seen;;DROP VIEW seen",
    ),
    other(
        "materialized view",
        "CREATE MATERIALIZED VIEW kept AS {with}SELECT {e} AS v FROM {from};;SELECT * FROM kept;;DROP MATERIALIZED VIEW kept",
    ),
    other(
        "update",
        "UPDATE scratch SET note = ({with}SELECT max(({e})::text) FROM {from}) WHERE id = 1 RETURNING note",
    ),
    other(
        "update on a guess",
        "UPDATE scratch SET note = 'n1' WHERE id = 1 AND EXISTS ({with}SELECT 1 FROM {from} WHERE {c})",
    ),
    other(
        "delete on a guess",
        "DELETE FROM scratch WHERE id < 0 AND EXISTS ({with}SELECT 1 FROM {from} WHERE {c}) RETURNING id",
    ),
    other(
        "writing cte",
        "WITH w AS (INSERT INTO scratch (id, note) {with}SELECT 9500 + {key}, ({e})::text FROM {from} RETURNING note) SELECT * FROM w",
    ),
    other(
        "upsert",
        "INSERT INTO scratch (id, note) {with}SELECT 1, max(({e})::text) FROM {from} ON CONFLICT (id) DO UPDATE SET note = excluded.note RETURNING note",
    ),
    other(
        "cursor",
        "BEGIN;;DECLARE spy CURSOR FOR {with}SELECT {key}, {e} FROM {from};;FETCH 3 FROM spy;;FETCH ALL FROM spy;;COMMIT",
    ),
    other(
        "held cursor",
        "DECLARE spy SCROLL CURSOR WITH HOLD FOR {with}SELECT {e} FROM {from} WHERE {c};;FETCH LAST FROM spy;;CLOSE spy",
    ),
    other(
        "prepare",
        "PREPARE spy AS {with}SELECT {key}, {e} FROM {from};;EXECUTE spy;;EXECUTE spy;;DEALLOCATE spy",
    ),
    other(
        "prepare of a guess",
        "PREPARE spy AS {with}SELECT {key} FROM {from} WHERE {c};;EXPLAIN ANALYZE EXECUTE spy;;DEALLOCATE spy",
    ),
    other("explain", "EXPLAIN (VERBOSE, COSTS off) {with}SELECT {e} FROM {from} WHERE {c}"),
    other("explain analyze", "EXPLAIN (ANALYZE, FORMAT json) {with}SELECT {key} FROM {from} WHERE {c}"),
    other(
        "set_config",
        "{with}SELECT set_config('application_name', ({e})::text, false) FROM {from};;SHOW application_name",
    ),
    other("notify", "LISTEN spies;;{with}SELECT pg_notify('spies', ({e})::text) FROM {from}"),
    other("lock", "{with}SELECT pg_try_advisory_lock(hashtext(({e})::text)) FROM {from}"),
    other("sequence", "{with}SELECT setval('spy_seq', 1) FROM {from} WHERE {c}"),
    other("large object", "{with}SELECT lo_from_bytea(0, convert_to(({e})::text, 'UTF8')) FROM {from}"),
    other("do", "DO $$ BEGIN RAISE NOTICE '%', ({with}SELECT max(({e})::text) FROM {from}); END $$"),
    other("xml of a query", "SELECT query_to_xml($q${with}SELECT {e} AS v FROM {from}$q$, true, false, '')"),
    other("for update", "{with}SELECT {key}, {e} FROM {from} FOR UPDATE"),
    other("comment", "COMMENT ON TABLE scratch IS 'x';;{with}SELECT {e} FROM {from} WHERE {c}"),
    other(
        "savepoint",
        "BEGIN;;SAVEPOINT s;;{with}SELECT {e} FROM {from};;ROLLBACK TO s;;{with}SELECT {e} FROM {from} WHERE {c};;COMMIT",
    ),
    other("reset", "RESET ALL;;{with}SELECT {e} FROM {from}"),
    other("discard", "DISCARD ALL;;{with}SELECT {e} FROM {from}"),
    other(
        "search path",
        "SET search_path = pg_temp, public;;{with}SELECT {e} FROM {from};;SET search_path = 'nowhere';;{with}SELECT {e} FROM {from};;RESET search_path",
    ),
    other(
        "styles",
        "SET datestyle = 'German, DMY';;SET intervalstyle = 'iso_8601';;SET bytea_output = 'escape';;{with}SELECT {e} FROM {from};;RESET ALL",
    ),
];

/// Sinks of guesses: what comes out is the same with any masks of the same equality.
pub(super) const GUESSES: &[Sink] = &[
    rows("where", "{with}SELECT {key} FROM {from} WHERE {c}"),
    rows("condition", "{with}SELECT {key}, ({c}) FROM {from}"),
    rows("count", "{with}SELECT count(*) FROM {from} WHERE {c}"),
    rows("case", "{with}SELECT {key}, CASE WHEN {c} THEN 'hit' ELSE 'miss' END FROM {from}"),
    rows("filter", "{with}SELECT count(*) FILTER (WHERE {c}), bool_or({c}) FROM {from}"),
    rows("order", "{with}SELECT {key} FROM {from} ORDER BY ({c}), {key}"),
    rows("group", "{with}SELECT ({c}), count(*) FROM {from} GROUP BY ({c})"),
    rows("having", "{with}SELECT {key} FROM {from} GROUP BY {key} HAVING bool_or({c})"),
    rows("exists", "{with}SELECT EXISTS (SELECT 1 FROM {from} WHERE {c})"),
    rows(
        "limit",
        "{with}SELECT s.n FROM generate_series(1, 30) s(n) LIMIT (SELECT count(*) FROM {from} WHERE {c})",
    ),
    rows("series", "{with}SELECT g FROM generate_series(1, (SELECT count(*) FROM {from} WHERE {c})) g"),
    rows("division", "{with}SELECT {key}, 1 / (CASE WHEN {c} THEN 0 ELSE 1 END) FROM {from}"),
    rows("length", "{with}SELECT repeat('x', (SELECT count(*)::int FROM {from} WHERE {c}))"),
    rows(
        "any",
        "{with}SELECT p.id FROM products p WHERE p.id = ANY (ARRAY(SELECT {key} FROM {from} WHERE {c}))",
    ),
    rows("alike", "{with}SELECT count(DISTINCT {e}), count({e}), count(*) FROM {from}"),
    rows("alike in groups", "{with}SELECT min({key}), count(*) FROM {from} GROUP BY {e}"),
    rows("alike in windows", "{with}SELECT {key}, count(*) OVER (PARTITION BY {e}) FROM {from}"),
    rows("empty", "{with}SELECT {key}, ({e}) IS NULL FROM {from}"),
    rows("type", "{with}SELECT pg_typeof({e}), {key} FROM {from}"),
    rows("no rows", "{with}SELECT {e} AS v, {key} FROM {from} WHERE false"),
];
