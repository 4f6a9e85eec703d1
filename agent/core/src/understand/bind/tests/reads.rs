//! What is read and what runs, where it is more or less than what flows.

use super::*;

fn reads(sql: &str) -> String {
    let (lineage, catalog) = lineage_in(sql, Version::Postgres18);
    names(&catalog, &lineage.reads)
}

fn functions(sql: &str) -> Vec<String> {
    let (lineage, catalog) = lineage_in(sql, Version::Postgres18);
    let named = lineage.functions.iter().filter_map(|oid| catalog.code.functions.get(oid));
    named.filter(|function| &*function.schema == "public").map(|function| function.name.to_string()).collect()
}

#[test]
fn of_a_row_only_the_field_that_is_named_is_read() {
    assert_eq!(reads("SELECT (s).a FROM w s"), "w.a");
    assert_eq!(reads("SELECT (s).* FROM w s"), "w.a w.e w.id");
    assert_eq!(reads("SELECT ((s).at).town, (s).tags[(s).b] FROM t s"), "t.at t.b t.tags");
    assert_eq!(reads("SELECT (q.r).a FROM (SELECT s AS r FROM w s) q"), "w.a w.e w.id");
}

#[test]
fn a_window_that_nobody_uses_is_read_and_runs_nothing() {
    let sql = "SELECT a FROM w WINDOW o AS (PARTITION BY id ORDER BY twice(e))";
    check(sql, "a<w.a; |");
    assert_eq!(reads(sql), "w.a w.e w.id");
    assert!(functions(sql).is_empty());
    let sql = "SELECT count(*) OVER o FROM w WINDOW o AS (ORDER BY twice(e))";
    check(sql, "count<; | w.e");
    assert_eq!(functions(sql), ["twice"]);
}

#[test]
fn a_recursive_query_runs_all_its_columns_though_nobody_uses_them() {
    let sql = |all: &str| {
        format!(
            "WITH RECURSIVE r(n, m) AS (SELECT 1, twice(2) UNION {all} SELECT n + 1, m FROM r WHERE n < 9) \
             SELECT n FROM r"
        )
    };
    assert_eq!(functions(&sql("")), ["twice"]);
    // It is made as a whole, whatever is read of it.
    assert_eq!(functions(&sql("ALL")), ["twice"]);
}

#[test]
fn a_result_that_is_a_stored_column_says_which() {
    let origins = |sql: &str| {
        let (lineage, catalog) = lineage_in(sql, Version::Postgres18);
        let columns = lineage.outputs[0].columns.iter();
        let origin = |id: Option<ColumnId>| id.map_or_else(|| "-".to_owned(), |id| name(&catalog, id));
        columns.map(|column| origin(column.identity)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(origins("SELECT id, b + 1, a::text, a COLLATE \"C\" FROM t"), "t.id - t.a -");
    assert_eq!(
        origins("WITH c AS (SELECT name FROM plain) SELECT c.name, (SELECT b FROM t) FROM c"),
        "t.a -"
    );
    assert_eq!(origins("SELECT a FROM t UNION ALL SELECT a FROM w"), "-");
    assert_eq!(origins("SELECT id, w.a FROM t FULL JOIN w USING (id)"), "- w.a");
    assert_eq!(origins("SELECT id FROM t LEFT JOIN w USING (id)"), "t.id");
    assert_eq!(origins("INSERT INTO w (a) SELECT a FROM t RETURNING a, upper(a)"), "w.a -");
}
