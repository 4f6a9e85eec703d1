//! Own changes of stored relations.

use super::world::{PEOPLE, World, id, making};
use crate::{
    catalog::{ColumnExpression, Oid, RelationKind},
    session::Change,
};

/// (statements, schema, name, what became of it)
fn check(cases: &[(&[&str], &str, &str, &str)]) {
    for (statements, schema, name, expected) in cases {
        let mut world = World::new();
        world.run(statements);
        assert_eq!(world.shape(schema, name), *expected, "{statements:?}: {schema}.{name}");
    }
}

#[test]
fn a_new_table_has_the_columns_that_are_written() {
    check(&[
        (&["CREATE TABLE x (i int, n text)"], "ana", "x", "1:i:23 2:n:25"),
        (&["CREATE TABLE a.x (i integer, b bool[], s serial)"], "a", "x", "1:i:23 2:b:0 3:s:23"),
        (&["CREATE TABLE public.x (i bigint[], n pg_catalog.text)"], "public", "x", "1:i:1016 2:n:25"),
        (&["CREATE UNLOGGED TABLE x (i bigserial)"], "ana", "x", "1:i:20"),
        (&["CREATE TABLE x (i nonsense)"], "ana", "x", "1:i:0"),
        (&["CREATE TABLE x ()"], "ana", "x", ""),
        (&["SET search_path TO b", "CREATE TABLE x (i int)"], "b", "x", "1:i:23"),
        (&["CREATE TABLE IF NOT EXISTS public.t (z int)"], "public", "t", "-"),
        (&["CREATE TABLE IF NOT EXISTS public.u (z int)"], "public", "u", "1:z:23"),
        (&["CREATE TABLE x (LIKE people)"], "ana", "x", "1:id:23 2:mail:25"),
        (&["CREATE TABLE x (z int, LIKE people INCLUDING ALL)"], "ana", "x", "1:z:23 2:id:23 3:mail:25"),
        (&["CREATE TABLE x (LIKE nowhere)"], "ana", "x", "unknown"),
        (&["CREATE TABLE x (z bool, id int) INHERITS (people)"], "ana", "x", "1:id:23 2:mail:25 3:z:16"),
        (&["CREATE TABLE x PARTITION OF parent DEFAULT"], "ana", "x", "1:id:23 2:mail:25"),
        (
            &["CREATE TABLE x PARTITION OF parent (id NOT NULL) FOR VALUES IN (1)"],
            "ana",
            "x",
            "1:id:23 2:mail:25",
        ),
        (&["CREATE TABLE x (i int) PARTITION BY LIST (i)"], "ana", "x", "1:i:23"),
        (&["CREATE FOREIGN TABLE x (i int) SERVER s"], "ana", "x", "1:i:23"),
        (&["CREATE SEQUENCE x"], "ana", "x", "1:last_value:20 2:log_cnt:20 3:is_called:16"),
        (&["CREATE SCHEMA c CREATE TABLE x (i int)"], "c", "x", "1:i:23"),
        (&["CREATE TABLE x (i int)", "CREATE INDEX ON x (i)"], "ana", "x", "1:i:23"),
        (&["CREATE TABLE x OF nowhere"], "ana", "x", "unknown"),
    ]);
}

#[test]
fn sequences_of_columns_are_marked_since_they_may_shadow() {
    check(&[
        (&["CREATE TABLE x (i serial)"], "ana", "x_i_seq", "unknown"),
        (&["CREATE TABLE x (i int GENERATED ALWAYS AS IDENTITY)"], "ana", "x_i_seq", "unknown"),
        (&["CREATE SEQUENCE x_i_seq", "CREATE TABLE x (i serial)"], "ana", "x_i_seq1", "unknown"),
        (&["CREATE TABLE x (i int)"], "ana", "x_i_seq", "-"),
    ]);
}

#[test]
fn constraints_and_expressions_are_kept() {
    let mut world = World::new();
    world.run(&[
        "CREATE TABLE x (i int PRIMARY KEY, n text DEFAULT 'y', g int GENERATED ALWAYS AS (i + 1) STORED, \
                 CONSTRAINT pair UNIQUE (i, n), UNIQUE (n))",
    ]);
    let relation = &world.own("ana", "x").relation;
    let details = relation.details.as_ref().expect("there are some");
    let uniques: Vec<_> =
        details.uniques.iter().map(|unique| (&*unique.name, unique.primary, &*unique.columns)).collect();
    assert_eq!(uniques, [("x_pkey", true, &[1][..]), ("pair", false, &[1, 2]), ("x_n_key", false, &[2])]);
    assert_eq!(
        details.expressions,
        [(2, ColumnExpression::Default("'y'".into())), (3, ColumnExpression::Stored("i + 1".into()))]
    );
    assert!(relation.columns[0].not_null && relation.columns[0].tested_on_write);
}

#[test]
fn a_foreign_key_that_changes_rows_is_seen_at_the_other_table() {
    let mut world = World::new();
    world.run(&["CREATE TABLE x (i int REFERENCES people (id) ON DELETE CASCADE)"]);
    let people = &world.own("public", "people").relation;
    let cascades = &people.details.as_ref().expect("some").cascades;
    assert_eq!((people.oid, cascades.len(), cascades[0].on_delete), (PEOPLE, 1, true));
    assert_eq!(world.shape("public", "people"), "1:id:23 2:mail:25");
}

#[test]
fn tables_of_queries_have_what_comes_out() {
    let lineage = making(&[("a", &[id(PEOPLE, 1)]), ("b", &[])], &[id(PEOPLE, 2)]);
    for (sql, schema, kind, columns) in [
        ("CREATE TABLE x AS SELECT 1", "ana", RelationKind::Table, "1:a:25 2:b:25"),
        ("CREATE TABLE x (c) AS SELECT 1", "ana", RelationKind::Table, "1:c:25 2:b:25"),
        ("SELECT 1 INTO x FROM people", "ana", RelationKind::Table, "1:a:25 2:b:25"),
        ("SELECT 1 INTO b.x UNION SELECT 2", "b", RelationKind::Table, "1:a:25 2:b:25"),
        ("CREATE MATERIALIZED VIEW x AS SELECT 1", "ana", RelationKind::MaterializedView, "1:a:25 2:b:25"),
        ("CREATE VIEW x (c, d) AS SELECT 1", "ana", RelationKind::View, "1:c:25 2:d:25"),
        ("CREATE OR REPLACE VIEW public.x AS SELECT 1", "public", RelationKind::View, "1:a:25 2:b:25"),
    ] {
        let mut world = World::new();
        world.with_lineage(sql, &lineage);
        assert_eq!(world.shape(schema, "x"), columns, "{sql}");
        let own = world.own(schema, "x");
        assert_eq!(own.relation.kind, kind, "{sql}");
        let through = kind == RelationKind::View;
        assert_eq!(own.temporary, through, "{sql}");
        assert_eq!(own.sources_of(1).is_some_and(|from| !from.is_empty()), through, "{sql}");
        assert_eq!(own.indirect.is_empty(), !through, "{sql}");
    }
}

#[test]
fn a_query_that_is_not_understood_makes_an_unknown_table() {
    use crate::lineage::{GapKind, Lineage};
    let mut world = World::new();
    world.with_lineage("CREATE TABLE x AS SELECT 1", &Lineage::opaque(GapKind::NotReviewed, "x"));
    assert_eq!(world.shape("ana", "x"), "unknown");
    world.run(&["CREATE TABLE y AS SELECT 1"]);
    assert_eq!(world.shape("ana", "y"), "unknown", "its lineage does not say what is made");
}

#[test]
fn altered_tables_keep_their_numbers() {
    check(&[
        (&["ALTER TABLE people ADD COLUMN z int"], "public", "people", "1:id:23 2:mail:25 3:z:23"),
        (&["ALTER TABLE people ADD z int, DROP mail"], "public", "people", "1:id:23 3:z:23"),
        (&["ALTER TABLE people ADD mail int, DROP mail"], "public", "people", "1:id:23 3:mail:23"),
        (&["ALTER TABLE people ADD COLUMN IF NOT EXISTS mail int"], "public", "people", "1:id:23 2:mail:25"),
        (&["ALTER TABLE people DROP COLUMN id"], "public", "people", "2:mail:25"),
        (
            &["ALTER TABLE people DROP id", "ALTER TABLE people ADD id text"],
            "public",
            "people",
            "2:mail:25 3:id:25",
        ),
        (&["ALTER TABLE people ALTER mail TYPE int"], "public", "people", "1:id:23 2:mail:23"),
        (&["ALTER TABLE people RENAME mail TO post"], "public", "people", "1:id:23 2:post:25"),
        (&["ALTER TABLE people RENAME COLUMN id TO mail2"], "public", "people", "1:mail2:23 2:mail:25"),
        (&["ALTER TABLE a.t ADD z bool"], "a", "t", "1:id:23 2:mail:25 3:z:16"),
        (&["SET search_path TO b, a", "ALTER TABLE t ADD z bool"], "b", "t", "1:id:23 2:mail:25 3:z:16"),
        (&["ALTER TABLE IF EXISTS nowhere ADD z int"], "ana", "nowhere", "-"),
        (&["ALTER TABLE nowhere ADD z int"], "ana", "nowhere", "unknown"),
        (
            &["CREATE TABLE x (i int)", "ALTER TABLE x DROP i", "ALTER TABLE x ADD i text"],
            "ana",
            "x",
            "2:i:25",
        ),
        (&["ALTER TABLE people ENABLE ROW LEVEL SECURITY"], "public", "people", "unknown"),
        (&["ALTER TABLE people SET (fillfactor = 50)"], "public", "people", "-"),
        (&["ALTER TABLE people ALTER mail SET STATISTICS 100"], "public", "people", "-"),
        (&["ALTER TABLE computed RENAME id TO z"], "public", "computed", "unknown"),
    ]);
}

#[test]
fn partitions_follow_their_parent() {
    check(&[
        (&["ALTER TABLE parent ADD z int"], "public", "part", "1:id:23 2:mail:25 3:z:23"),
        (&["ALTER TABLE ONLY parent ADD z int"], "public", "part", "-"),
        (&["ALTER TABLE parent DROP mail"], "public", "part", "1:id:23"),
        (&["ALTER TABLE parent RENAME mail TO post"], "public", "part", "1:id:23 2:post:25"),
        (&["DROP TABLE parent"], "public", "part", "dropped"),
        (
            &["CREATE TABLE y PARTITION OF parent DEFAULT", "ALTER TABLE parent ADD z int"],
            "ana",
            "y",
            "1:id:23 2:mail:25 3:z:23",
        ),
        (&["CREATE TABLE y PARTITION OF parent DEFAULT", "DROP TABLE parent"], "ana", "y", "-"),
    ]);
}

#[test]
fn defaults_and_constraints_can_be_altered() {
    let mut world = World::new();
    world.run(&[
        "CREATE TABLE x (i int, n text DEFAULT 'y')",
        "ALTER TABLE x ALTER n DROP DEFAULT, ALTER i SET DEFAULT 7, ALTER i SET NOT NULL",
        "ALTER TABLE x ADD CONSTRAINT one UNIQUE (i)",
        "ALTER TABLE x RENAME CONSTRAINT one TO two",
        "ALTER TABLE x ADD CONSTRAINT three UNIQUE (n)",
        "ALTER TABLE x DROP CONSTRAINT three",
    ]);
    let relation = &world.own("ana", "x").relation;
    let details = relation.details.as_ref().expect("some");
    assert_eq!(details.expressions, [(1, ColumnExpression::Default("7".into()))]);
    assert_eq!((details.uniques.len(), &*details.uniques[0].name), (1, "two"));
    assert!(relation.columns[0].not_null);
}

#[test]
fn renamed_and_moved_relations_are_found_under_their_new_name() {
    check(&[
        (&["ALTER TABLE people RENAME TO persons"], "public", "persons", "1:id:23 2:mail:25"),
        (&["ALTER TABLE people RENAME TO persons"], "public", "people", "dropped"),
        (&["ALTER TABLE people SET SCHEMA a"], "a", "people", "1:id:23 2:mail:25"),
        (&["ALTER TABLE people SET SCHEMA a"], "public", "people", "dropped"),
        (&["CREATE TABLE x (i int)", "ALTER TABLE x RENAME TO y"], "ana", "x", "-"),
        (&["CREATE TABLE x (i int)", "ALTER TABLE x RENAME TO y"], "ana", "y", "1:i:23"),
        (&["ALTER VIEW people_view RENAME TO v"], "public", "v", "1:id:23 2:mail:25"),
        (&["ALTER SCHEMA a RENAME TO c"], "c", "t", "unknown"),
        (&["ALTER SCHEMA a RENAME TO c"], "a", "t", "dropped"),
    ]);
    let mut world = World::new();
    world.run(&["ALTER TABLE people RENAME TO persons"]);
    assert_eq!(world.own("public", "persons").relation.oid, PEOPLE);
    assert_eq!(&*world.own("public", "persons").relation.name, "persons");
}

#[test]
fn texts_that_name_what_was_renamed_are_stale() {
    check(&[
        (&["ALTER TABLE people RENAME TO persons"], "public", "people_view", "unknown"),
        (&["ALTER TABLE people RENAME mail TO post"], "public", "people_view", "unknown"),
        (&["ALTER TABLE people SET SCHEMA a"], "public", "people_view", "unknown"),
        (&["ALTER TABLE people ADD z int"], "public", "people_view", "-"),
        (&["ALTER TABLE a.t RENAME TO s"], "public", "people_view", "-"),
    ]);
}

#[test]
fn dropped_relations_take_with_them_what_hangs_on_them() {
    check(&[
        (&["DROP TABLE people CASCADE"], "public", "people", "dropped"),
        (&["DROP TABLE people CASCADE"], "public", "people_view", "dropped"),
        (&["DROP TABLE IF EXISTS nowhere"], "public", "nowhere", "-"),
        (&["DROP TABLE t"], "public", "t", "dropped"),
        (&["SET search_path TO b, a", "DROP TABLE t"], "b", "t", "dropped"),
        (&["SET search_path TO b, a", "DROP TABLE t"], "a", "t", "-"),
        (&["SET search_path TO b, a", "DROP TABLE t", "DROP TABLE t"], "a", "t", "dropped"),
        (&["DROP VIEW people_view"], "public", "people_view", "dropped"),
        (&["DROP TABLE a.t, b.t"], "b", "t", "dropped"),
        (&["DROP SCHEMA a CASCADE"], "a", "t", "dropped"),
        (&["CREATE TABLE a.x (i int)", "DROP SCHEMA a CASCADE"], "a", "x", "-"),
        (&["CREATE TABLE x (i int)", "DROP TABLE x"], "ana", "x", "-"),
        (&["DROP TABLE t", "CREATE TABLE public.t (z int)"], "public", "t", "1:z:23"),
        (&["ALTER TABLE people DROP mail CASCADE"], "public", "people_view", "unknown"),
        (&["DROP INDEX people_pkey"], "public", "people", "-"),
    ]);
}

#[test]
fn an_own_view_goes_with_what_it_is_over() {
    let mut world = World::new();
    world.with_lineage("CREATE VIEW v AS SELECT * FROM people", &making(&[("id", &[id(PEOPLE, 1)])], &[]));
    world.run(&["DROP TABLE people CASCADE"]);
    assert_eq!(world.shape("ana", "v"), "-");
}

#[test]
fn what_is_not_followed_is_unknown() {
    check(&[
        (&["CREATE RULE r AS ON INSERT TO people DO ALSO NOTHING"], "public", "people", "unknown"),
        (&["CREATE TRIGGER g BEFORE INSERT ON people EXECUTE FUNCTION f()"], "public", "people", "unknown"),
        (&["CREATE POLICY p ON people USING (true)"], "public", "people", "unknown"),
        (&["DROP TRIGGER g ON people"], "public", "people", "unknown"),
        (&["DROP POLICY p ON a.t"], "a", "t", "unknown"),
        (&["ALTER TABLE people DISABLE TRIGGER ALL"], "public", "people", "unknown"),
        (&["COMMENT ON TABLE people IS 'x'"], "public", "people", "-"),
        (&["GRANT SELECT ON people TO bob"], "public", "people", "-"),
    ]);
}

#[test]
fn changes_are_undone_with_their_transaction_or_savepoint() {
    check(&[
        (&["BEGIN", "CREATE TABLE x (i int)", "ROLLBACK"], "ana", "x", "-"),
        (&["BEGIN", "CREATE TABLE x (i int)", "COMMIT"], "ana", "x", "1:i:23"),
        (&["BEGIN", "SAVEPOINT s", "DROP TABLE people CASCADE", "ROLLBACK TO s"], "public", "people", "-"),
        (
            &["BEGIN", "ALTER TABLE t ADD z int", "SAVEPOINT s", "ALTER TABLE t DROP z", "ROLLBACK TO s"],
            "public",
            "t",
            "1:id:23 2:mail:25 3:z:23",
        ),
    ]);
}

#[test]
fn own_numbers_are_never_given_twice() {
    let mut world = World::new();
    world.run(&["BEGIN", "CREATE TABLE x (i int)"]);
    let first = world.own("ana", "x").relation.oid;
    world.run(&["ROLLBACK", "CREATE TABLE x (i int)"]);
    let second = world.own("ana", "x").relation.oid;
    assert!(first != second && second > first && first >= Oid(super::super::FIRST_OWN_OID));
    assert!(world.session.own(second).is_some() && world.session.own(first).is_none());
}

#[test]
fn an_unknown_path_makes_unqualified_names_unknown_everywhere() {
    let mut world = World::new();
    world.run(&["SELECT set_config('search_path', mail, false) FROM people", "CREATE TABLE t (i int)"]);
    for schema in ["public", "a", "b", "pg_temp"] {
        assert!(matches!(world.change(schema, "t"), Some(Change::Unknown)), "{schema}");
    }
    world.run(&["SET search_path TO a", "DROP TABLE t"]);
    assert_eq!(world.shape("a", "t"), "unknown", "nobody knows which one that was");
    world.run(&["DROP TABLE IF EXISTS a.t"]);
}
