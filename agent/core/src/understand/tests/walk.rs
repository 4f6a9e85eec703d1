//! The walk against the tree itself: whatever the tree holds, the walk has seen.

use crate::understand::walk;

const PSQL: &str = include_str!("../corpus/psql_15.sql");
const DRIVERS: &str = include_str!("../corpus/drivers.sql");

const WRITES: [&str; 14] = [
    "SELECT DISTINCT ON (a) b AS c, count(*) FILTER (WHERE d) OVER (PARTITION BY e ORDER BY f ROWS BETWEEN g PRECEDING AND h FOLLOWING) FROM t1 WHERE i GROUP BY j, ROLLUP (k) HAVING l WINDOW w AS (ORDER BY m) ORDER BY n USING < LIMIT o OFFSET p",
    "WITH x AS (SELECT a FROM t1), y AS (DELETE FROM t2 WHERE b RETURNING c) SELECT d FROM x, y UNION (SELECT e FROM t3 EXCEPT SELECT f FROM t4)",
    "SELECT a FROM t1 JOIN t2 ON b LEFT JOIN LATERAL (SELECT c FROM t3 WHERE d) s ON e, f1(g) AS q, ROWS FROM (f2(h), f3(i)) WITH ORDINALITY",
    "SELECT CASE a WHEN b THEN c ELSE d END, coalesce(e, f), greatest(g, h), ARRAY[i], ROW(j, k), (l).m, n[o:p], q COLLATE \"C\", r::int, CAST(s AS text) FROM t1",
    "SELECT a IN (b, c), d = ANY (e), f BETWEEN g AND h, i LIKE j ESCAPE k, l IS NULL, m IS TRUE, n IS DISTINCT FROM o, NOT p, q AND r OR s, nullif(t, u) FROM t1",
    "SELECT EXISTS (SELECT a FROM t1), b IN (SELECT c FROM t2), (SELECT d FROM t3), ARRAY(SELECT e FROM t4), f > ALL (SELECT g FROM t5), (h, i) = (SELECT j, k FROM t6)",
    "SELECT f1(a, VARIADIC b), f2(x => c), f3(d ORDER BY e), f4() WITHIN GROUP (ORDER BY f), extract(year FROM g), position(h IN i), substring(j FROM k FOR l), trim(m), n AT TIME ZONE o, xmlelement(name p, xmlattributes(q AS r), s), xmlforest(t, u AS v), grouping(w) FROM t1",
    "SELECT a FROM t1 TABLESAMPLE bernoulli (b) REPEATABLE (c)",
    "WITH RECURSIVE r AS (SELECT a FROM t1 UNION ALL SELECT b FROM r) CYCLE a SET c TO 'd' DEFAULT 'e' USING f SELECT g FROM r",
    "INSERT INTO t1 AS q (a, b) SELECT c, d FROM t2 ON CONFLICT (lower(e)) WHERE f DO UPDATE SET g = h, (i, j) = (SELECT k, l FROM t3) WHERE m RETURNING n, o + p",
    "INSERT INTO t1 VALUES ((SELECT a FROM t2), DEFAULT), (b, c)",
    "UPDATE t1 SET a = b, c[d] = e, f.g = h FROM t2 JOIN t3 USING (x) WHERE i RETURNING *, j",
    "DELETE FROM t1 USING t2, (SELECT a FROM t3) s WHERE b = c RETURNING t1.*",
    "MERGE INTO t1 USING (SELECT a FROM t2) s ON b WHEN MATCHED AND c THEN UPDATE SET d = e WHEN NOT MATCHED AND f THEN INSERT (g) VALUES (h) WHEN MATCHED THEN DELETE",
];

/// How often the tree, written out, has a key that only one node type has.
fn held(tree: &str, key: &str) -> usize {
    tree.matches(key).count()
}

#[test]
fn no_column_relation_or_call_of_a_tree_is_missed() {
    let corpora = PSQL.split("\n\n").chain(DRIVERS.split("\n\n")).filter(|part| !part.starts_with("--"));
    let mut seen = 0;
    for statement in corpora.chain(WRITES) {
        let parsed = pg_query::parse(statement, 0).expect(statement).protobuf;
        let Some(node) = parsed.stmts.first().and_then(|raw| raw.stmt.as_deref()) else { continue };
        if crate::understand::query::analyse(node, &crate::catalog::Catalog::default()).is_none() {
            continue;
        }
        let facts = walk::statement(node);
        assert_eq!(facts.unreviewed, None, "{statement}");
        let tree = serde_json::to_string(&parsed).expect("it serialises");
        let samples = held(&tree, "\"RangeTableSample\":");
        assert_eq!(facts.columns.len(), held(&tree, "\"ColumnRef\":"), "columns of {statement}");
        assert_eq!(facts.calls.len() - samples, held(&tree, "\"funcname\":"), "calls of {statement}");
        assert_eq!(facts.parameters.len(), held(&tree, "\"ParamRef\":"), "parameters of {statement}");
        assert_eq!(facts.types.len(), held(&tree, "\"pct_type\":"), "types of {statement}");
        let relations =
            facts.items().filter(|item| matches!(item.source, super::super::facts::Source::Relation { .. }));
        assert_eq!(relations.count(), held(&tree, "\"catalogname\":"), "relations of {statement}");
        seen += facts.columns.len();
    }
    assert!(seen > 1_000, "{seen}");
}
