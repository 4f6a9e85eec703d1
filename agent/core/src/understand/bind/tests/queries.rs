//! Queries.

use super::{check, check_in, types};
use crate::catalog::{Oid, fixture::Version};

#[test]
fn a_row_of_out_columns_has_their_names_wherever_the_call_stands() {
    for version in [Version::Postgres15, Version::Postgres18] {
        for (sql, expected) in [
            (
                "SELECT (x).n, (x).x FROM (SELECT information_schema._pg_expandarray(tags) AS x FROM t) s",
                "n<t.tags, x<t.tags; | t.tags",
            ),
            (
                "SELECT (json_each(doc::json)).value, (json_each(doc::json)).* FROM t",
                "value<t.doc, key<t.doc, value<t.doc; | t.doc",
            ),
        ] {
            check_in(sql, expected, version);
        }
    }
}

#[test]
fn rows_are_compared_with_those_of_a_query_column_by_column() {
    check("SELECT (id, a) = (SELECT t_id, a FROM u) AS same FROM t", "same<t.a t.id u.a u.t_id; |");
    check("SELECT id FROM t WHERE (b, c) < (SELECT y, 1 FROM u WHERE x > 1)", "id<t.id; | t.b t.c u.x u.y");
    check("SELECT id FROM t WHERE ROW(t.*) = (SELECT t.* FROM t LIMIT 1)", {
        "id<t.id; | t.a t.at t.b t.c t.d t.doc t.id t.tags"
    });
    check("SELECT id FROM t WHERE (b, c) BETWEEN (1, 2) AND (c, 4)", "id<t.id; | t.b t.c");
}

/// As `pg_typeof` says.
#[test]
fn nullif_gives_the_type_that_its_comparison_wants() {
    let (numeric, text, int4) = (Oid(1700), Oid(25), Oid(23));
    assert_eq!(
        types("SELECT nullif(b, 2.2), nullif(a, 'x'), nullif(b, c), nullif('a', 'b') FROM t"),
        [numeric, text, int4, text]
    );
}

#[test]
fn plain_columns_come_from_themselves() {
    check("SELECT a, b AS n FROM t", "a<t.a, n<t.b; |");
    check("SELECT * FROM w", "id<w.id, a<w.a, e<w.e; |");
    check("SELECT w.*, 1 FROM w", "id<w.id, a<w.a, e<w.e, ?column?<; |");
    check("SELECT x.a FROM t AS x(k, a)", "a<t.a; |");
    check("TABLE w", "id<w.id, a<w.a, e<w.e; |");
    check("SELECT public.t.a FROM t", "a<t.a; |");
    check("SELECT ctid, tableoid FROM w", "ctid<w.#-1, tableoid<w.#-6; |");
}

#[test]
fn what_decides_is_indirect() {
    check("SELECT a FROM t WHERE b > 1 AND c IS NULL", "a<t.a; | t.b t.c");
    check("SELECT a FROM t ORDER BY b LIMIT 1", "a<t.a; | t.b");
    check("SELECT a, count(*) FROM t GROUP BY a HAVING max(b) > 1", "a<t.a, count<; | t.a t.b");
    check("SELECT DISTINCT a, b FROM t", "a<t.a, b<t.b; | t.a t.b");
    check("SELECT DISTINCT ON (b) a FROM t ORDER BY b, c", "a<t.a; | t.b t.c");
    check("SELECT CASE WHEN b = 1 THEN a ELSE 'x' END FROM t", "case<t.a; | t.b");
    check("SELECT CASE b WHEN c THEN a END FROM t", "case<t.a; | t.b t.c");
    check("SELECT sum(b) FILTER (WHERE c > 0) FROM t", "sum<t.b; | t.c");
    check("SELECT string_agg(a, ',' ORDER BY c) FROM t", "string_agg<t.a; | t.c");
    check("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY b) FROM t", "percentile_cont<t.b; | t.b");
    check("SELECT rank() OVER (PARTITION BY a ORDER BY b) FROM t", "rank<; | t.a t.b");
    check("SELECT sum(c) OVER w FROM t WINDOW w AS (PARTITION BY a)", "sum<t.c; | t.a");
    check("SELECT sum(c) OVER (w ORDER BY b) FROM t WINDOW w AS (PARTITION BY a)", "sum<t.c; | t.a t.b");
}

#[test]
fn order_and_group_names_mean_what_they_mean_to_the_server() {
    check("SELECT b AS a FROM t ORDER BY a", "a<t.b; | t.b");
    check("SELECT b AS a FROM t ORDER BY a || ''", "a<t.b; | t.a");
    check("SELECT max(c) AS m, b AS a FROM t GROUP BY a, b", "m<t.c, a<t.b; | t.a t.b");
    check("SELECT b AS k, count(*) FROM t GROUP BY k", "k<t.b, count<; | t.b");
    check("SELECT b, a FROM t ORDER BY 2", "b<t.b, a<t.a; | t.a");
    check("SELECT a, b, count(*) FROM t GROUP BY ROLLUP (a), CUBE (b)", "a<t.a, b<t.b, count<; | t.a t.b");
}

#[test]
fn joins_merge_and_decide() {
    check("SELECT t.a, u.x FROM t JOIN u ON t.id = u.t_id", "a<t.a, x<u.x; | t.id u.t_id");
    check("SELECT a FROM t JOIN w USING (a)", "a<t.a; | t.a w.a");
    check("SELECT a FROM t RIGHT JOIN w USING (a)", "a<w.a; | t.a w.a");
    check("SELECT a FROM t FULL JOIN w USING (a)", "a<t.a w.a; | t.a w.a");
    check(
        "SELECT * FROM u NATURAL JOIN w",
        "id<u.id, a<u.a, t_id<u.t_id, x<u.x, y<u.y, e<w.e; | u.a u.id w.a w.id",
    );
    check("SELECT j.z FROM (t JOIN w USING (id)) AS j(k, z)", "z<t.a; | t.id w.id");
    check("SELECT z.id FROM t JOIN w USING (id) AS z", "id<t.id; | t.id w.id");
    check(
        "SELECT s.n FROM t, LATERAL (SELECT t.b + u.y AS n FROM u WHERE u.t_id = t.id) s",
        "n<t.b u.y; | t.id u.t_id",
    );
}

#[test]
fn subqueries_give_values_and_conditions() {
    check("SELECT (SELECT max(x) FROM u WHERE u.t_id = t.id) FROM t", "max<u.x; | t.id u.t_id");
    check("SELECT a FROM t WHERE id IN (SELECT t_id FROM u WHERE y = 1)", "a<t.a; | t.id u.t_id u.y");
    check("SELECT EXISTS (SELECT x FROM u WHERE u.t_id = t.id) FROM t", "exists<; | t.id u.t_id");
    check("SELECT id IN (SELECT t_id FROM u) AS f FROM t", "f<t.id u.t_id; |");
    check("SELECT ARRAY(SELECT a FROM u ORDER BY y) FROM t", "array<u.a; | u.y");
    check("SELECT s.a FROM (SELECT a, b FROM t WHERE c = 1) s", "a<t.a; | t.c");
    check("SELECT s.a FROM (SELECT a, (SELECT max(x) FROM u WHERE y = b) m FROM t) s", "a<t.a; |");
}

#[test]
fn set_operations_compare_outputs() {
    check("SELECT a FROM t UNION ALL SELECT a FROM w", "a<t.a w.a; |");
    check("SELECT a FROM t UNION SELECT a FROM w", "a<t.a w.a; | t.a w.a");
    check("SELECT a FROM t EXCEPT SELECT a FROM w", "a<t.a; | t.a w.a");
    check("SELECT a, b FROM t UNION ALL SELECT a, e FROM w ORDER BY 2", "a<t.a w.a, b<t.b w.e; | t.b w.e");
    check("VALUES (1, 'a'), (2, 'b')", "column1<, column2<; |");
}

#[test]
fn names_of_with_shadow_tables() {
    check("WITH t AS (SELECT a AS z FROM w) SELECT z FROM t", "z<w.a; |");
    check("WITH t AS (SELECT a FROM t WHERE b = 1) SELECT a FROM t", "a<t.a; | t.b");
    check("WITH q(k) AS (SELECT a FROM t), r AS (SELECT k FROM q) SELECT k FROM r", "k<t.a; |");
    check("WITH dead AS (SELECT x FROM u WHERE y = 1) SELECT a FROM t", "a<t.a; |");
    check(
        "WITH RECURSIVE r(n, c) AS (SELECT src, 0 FROM edges UNION ALL SELECT e.dst, r.c + e.cost FROM r JOIN edges e ON e.src = r.n) SELECT n, c FROM r",
        "n<edges.dst edges.src, c<edges.cost; | edges.dst edges.src",
    );
    check(
        "WITH RECURSIVE r(n) AS (SELECT src FROM edges UNION ALL SELECT dst FROM edges, r WHERE src = n) SEARCH DEPTH FIRST BY n SET o CYCLE n SET k USING p SELECT n, k FROM r ORDER BY o",
        "n<edges.dst edges.src, k<; | edges.dst edges.src",
    );
}

#[test]
fn views_are_opened() {
    check("SELECT low FROM v", "low<t.a; | t.c");
    check("SELECT low FROM vv", "low<t.a; | t.b t.c");
    check("SELECT a FROM kept", "a<kept.a; |");
}

#[test]
fn functions_give_what_goes_in() {
    check("SELECT upper(a) || b::text FROM t", "?column?<t.a t.b; |");
    check("SELECT now(), a FROM t", "now<, a<t.a; |");
    check("SELECT twice(b) FROM t", "twice<t.b; |");
    check("SELECT name_of(y) FROM u", "name_of<t.a; | t.id u.y");
    check("SELECT r.x FROM w, rows_of(w.e) r", "x<u.x; | u.y w.e");
    check("SELECT g FROM t, generate_series(1, t.b) g", "g<t.b; | t.b");
    check("SELECT e, n FROM t, unnest(tags) WITH ORDINALITY AS q(e, n)", "e<t.tags, n<; | t.tags");
    check("SELECT k, j FROM t, jsonb_each(doc) AS q(k, j)", "k<t.doc, j<t.doc; | t.doc");
    check("SELECT hidden(b) FROM t", "hidden<t.b; |");
    let partial = "sum_up<t.b; | u.t_id | partial opaque-function: public.sum_up(int4)";
    check("SELECT sum_up(b) FROM t", partial);
    check(
        "SELECT text_of(a) FROM t",
        "text_of<t.a; | | partial dynamic-sql: public.text_of(text) runs a text that it makes; opaque-function: public.text_of(text)",
    );
    check("SELECT p.a FROM t, jsonb_to_record(doc) AS p(a text, b int)", "a<t.doc; |");
}

#[test]
fn rows_are_followed_field_by_field() {
    check("SELECT t FROM w t", "t<w.a w.e w.id; |");
    check("SELECT (w).a FROM w", "a<w.a; |");
    check("SELECT (at).town FROM t", "town<t.at; |");
    check("SELECT (at).* FROM t", "street<t.at, town<t.at; |");
    check("SELECT (s.r).a FROM (SELECT w AS r FROM w) s", "a<w.a; |");
    check("SELECT count(w) FROM w", "count<w.a w.e w.id; |");
    check("SELECT row_to_json(w) FROM w", "row_to_json<w.a w.e w.id; |");
    check("SELECT tags[1], tags[1:2] FROM t", "tags<t.tags, tags<t.tags; |");
    check("SELECT a(w) FROM w", "a<w.a; |");
    check("SELECT (jsonb_each(doc)).* FROM t", "key<t.doc, value<t.doc; | t.doc");
    check("SELECT (q.e).key FROM (SELECT jsonb_each(doc) AS e, b FROM t) q", "key<t.doc; | t.doc");
}

#[test]
fn json_is_computed_from_its_parts() {
    check("SELECT j.n FROM t, JSON_TABLE(doc, '$[*]' COLUMNS (n int PATH '$.n')) j", "n<t.doc; | t.doc");
    check("SELECT JSON_OBJECT('k': a, 'n': b) FROM t", "json_object<t.a t.b; |");
    check("SELECT JSON_VALUE(doc, '$.x') FROM t", "json_value<t.doc; |");
    check_in(
        "SELECT JSON_VALUE(doc, '$.x') FROM t",
        "| | opaque not-reviewed: a function of SQL/JSON needs PostgreSQL 17, and the server is older",
        Version::Postgres15,
    );
}

#[test]
fn types_are_the_servers() {
    assert_eq!(
        types("SELECT b + 1, b * 1.5, a || 'x', d - d, tags, ARRAY[b] FROM t"),
        [Oid(23), Oid(1700), Oid(25), Oid(23), Oid(1009), Oid(1007)]
    );
    assert_eq!(
        types("SELECT COALESCE(b, 1.5), CASE WHEN true THEN 1 ELSE 2.0 END, sum(b) FROM t GROUP BY b"),
        [Oid(1700), Oid(1700), Oid(20)]
    );
}
