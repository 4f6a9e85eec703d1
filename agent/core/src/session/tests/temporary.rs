//! Temporary relations: lineage goes through them.

use super::world::{PEOPLE, World, id, making, writing};
use crate::{
    lineage::{GapKind, Lineage},
    session::Change,
};

const MADE: &str = "CREATE TEMP TABLE x AS SELECT mail FROM people";

fn filled() -> World {
    let mut world = World::new();
    world.with_lineage(MADE, &making(&[("mail", &[id(PEOPLE, 2)]), ("n", &[])], &[id(PEOPLE, 1)]));
    world
}

#[test]
fn a_temporary_table_shadows_and_knows_where_its_rows_came_from() {
    let world = filled();
    assert_eq!(world.path(), "pg_temp pg_catalog ana public");
    assert_eq!(world.sources("x", "mail"), [id(PEOPLE, 2)]);
    assert_eq!(world.sources("x", "n"), []);
    let own = world.own("pg_temp", "x");
    assert!(own.temporary && own.indirect.contains(&id(PEOPLE, 1)));
}

#[test]
fn every_way_to_make_one_is_known() {
    for sql in [
        "CREATE TEMP TABLE x (i int)",
        "CREATE TEMPORARY TABLE x (i int)",
        "CREATE LOCAL TEMP TABLE x (i int)",
        "CREATE GLOBAL TEMPORARY TABLE x (i int)",
        "CREATE TABLE pg_temp.x (i int)",
        "CREATE TEMP SEQUENCE x",
        "CREATE TEMP TABLE IF NOT EXISTS x (i int)",
        "SELECT 1 INTO TEMP x",
        "SELECT 1 INTO TEMPORARY TABLE x",
        "SELECT 1 INTO pg_temp.x",
        "CREATE TEMP TABLE x AS SELECT 1",
        "CREATE TEMP TABLE x AS VALUES (1)",
        "CREATE TEMP TABLE x AS TABLE people",
        "CREATE TEMP VIEW x AS SELECT 1",
        "CREATE OR REPLACE TEMPORARY VIEW x AS SELECT 1",
        "SET search_path TO pg_temp; CREATE TABLE x (i int)",
    ] {
        let mut world = World::new();
        world.run(&[sql]);
        assert!(world.change("pg_temp", "x").is_some(), "{sql}");
        assert!(world.path().contains("pg_temp"), "{sql}");
    }
}

#[test]
fn a_view_over_a_temporary_table_is_temporary_too() {
    for query in ["SELECT * FROM x", "SELECT 1 FROM people WHERE id IN (SELECT 1 FROM pg_temp.x)"] {
        let mut world = filled();
        world.with_lineage(&format!("CREATE VIEW v AS {query}"), &making(&[("a", &[])], &[]));
        assert!(world.change("pg_temp", "v").is_some(), "{query}");
    }
    let mut world = filled();
    world.with_lineage("CREATE VIEW v AS WITH x AS (SELECT 1) SELECT * FROM x", &making(&[("a", &[])], &[]));
    assert!(world.change("ana", "v").is_some());
}

#[test]
fn rows_written_later_add_their_sources() {
    let mut world = filled();
    let oid = world.own("pg_temp", "x").relation.oid;
    let before = world.session.fingerprint();
    world.with_lineage("INSERT INTO x VALUES ('a', 'b')", &writing(oid, &[("mail", &[]), ("n", &[])]));
    assert!(world.session.is_at(&before), "nothing new flowed in");
    let lineage = Lineage { indirect: [id(PEOPLE, 2)].into(), ..writing(oid, &[("n", &[id(PEOPLE, 1)])]) };
    world.with_lineage("INSERT INTO x (n) SELECT id FROM people WHERE mail = ''", &lineage);
    assert!(!world.session.is_at(&before));
    assert_eq!(world.sources("x", "n"), [id(PEOPLE, 1)]);
    assert_eq!(world.sources("x", "mail"), [id(PEOPLE, 2)]);
    assert_eq!(world.own("pg_temp", "x").indirect.len(), 2);
    world.run(&["TRUNCATE x"]);
    assert_eq!(world.sources("x", "n"), []);
}

#[test]
fn writes_are_undone_with_their_savepoint() {
    let mut world = filled();
    let oid = world.own("pg_temp", "x").relation.oid;
    world.run(&["BEGIN", "SAVEPOINT s"]);
    world.with_lineage("UPDATE x SET n = id FROM people", &writing(oid, &[("n", &[id(PEOPLE, 1)])]));
    assert_eq!(world.sources("x", "n"), [id(PEOPLE, 1)]);
    world.run(&["ROLLBACK TO s"]);
    assert_eq!(world.sources("x", "n"), []);
}

#[test]
fn rows_that_are_not_understood_are_a_gap() {
    for sql in ["INSERT INTO x SELECT 1", "COPY x FROM STDIN", "WITH w AS (DELETE FROM x) SELECT 1"] {
        let mut world = filled();
        world.with_lineage(sql, &Lineage::opaque(GapKind::NotReviewed, "?"));
        assert!(!world.own("pg_temp", "x").gaps.is_empty(), "{sql}");
    }
    let mut world = filled();
    let gaps = Lineage::opaque(GapKind::UnknownObject, "f").gaps;
    let oid = world.own("pg_temp", "x").relation.oid;
    let status = crate::lineage::Status::Partial;
    world.with_lineage("INSERT INTO x SELECT 1", &Lineage { gaps, status, ..writing(oid, &[("n", &[])]) });
    assert_eq!(world.own("pg_temp", "x").gaps.len(), 1);
}

#[test]
fn a_view_is_older_than_what_flowed_in_later() {
    let mut world = filled();
    let oid = world.own("pg_temp", "x").relation.oid;
    world.with_lineage("CREATE VIEW v AS SELECT * FROM x", &making(&[("a", &[id(PEOPLE, 2)])], &[]));
    world.with_lineage("CREATE VIEW w AS SELECT * FROM v", &making(&[("a", &[id(PEOPLE, 2)])], &[]));
    assert!(world.own("pg_temp", "w").gaps.is_empty());
    world.with_lineage("INSERT INTO x SELECT id FROM people", &writing(oid, &[("n", &[id(PEOPLE, 1)])]));
    assert!(!world.own("pg_temp", "v").gaps.is_empty() && !world.own("pg_temp", "w").gaps.is_empty());
}

#[test]
fn tables_without_data_have_no_sources() {
    let mut world = World::new();
    let lineage = making(&[("mail", &[id(PEOPLE, 2)])], &[id(PEOPLE, 1)]);
    world.with_lineage("CREATE TEMP TABLE x AS SELECT mail FROM people WITH NO DATA", &lineage);
    assert_eq!(world.sources("x", "mail"), []);
    assert!(world.own("pg_temp", "x").indirect.is_empty());
}

#[test]
fn on_commit_ends_rows_or_the_table() {
    let lineage = making(&[("mail", &[id(PEOPLE, 2)])], &[]);
    for (clause, within, after) in [
        ("ON COMMIT PRESERVE ROWS", 1, Some(1)),
        ("ON COMMIT DELETE ROWS", 1, Some(0)),
        ("ON COMMIT DROP", 1, None),
    ] {
        let mut world = World::new();
        world.run(&["BEGIN"]);
        world.with_lineage(&format!("CREATE TEMP TABLE x {clause} AS SELECT mail FROM people"), &lineage);
        assert_eq!(world.sources("x", "mail").len(), within, "{clause}");
        world.run(&["COMMIT"]);
        let left = world.change("pg_temp", "x").is_some().then(|| world.sources("x", "mail").len());
        assert_eq!(left, after, "{clause}");
    }
    let mut world = World::new();
    world.run(&["CREATE TEMP TABLE x (i int) ON COMMIT DROP"]);
    assert!(world.change("pg_temp", "x").is_none(), "its transaction ended with it");
}

#[test]
fn temporary_tables_end_with_discard_or_drop() {
    for sql in ["DISCARD TEMP", "DISCARD ALL", "DROP TABLE x", "DROP TABLE pg_temp.x"] {
        let mut world = filled();
        world.run(&[sql]);
        assert!(world.change("pg_temp", "x").is_none(), "{sql}");
        assert!(world.session.fingerprint().is_shared(), "{sql}");
    }
    let mut world = filled();
    world.run(&["BEGIN", "DROP TABLE x", "ROLLBACK"]);
    assert_eq!(world.sources("x", "mail"), [id(PEOPLE, 2)]);
}

#[test]
fn altering_one_keeps_what_flowed_in() {
    let mut world = filled();
    world.run(&["ALTER TABLE x RENAME mail TO post", "ALTER TABLE x RENAME TO y", "ALTER TABLE y DROP n"]);
    assert_eq!(world.sources("y", "post"), [id(PEOPLE, 2)]);
    world.run(&[
        "ALTER TABLE y ADD z text GENERATED ALWAYS AS (upper(post)) STORED",
        "ALTER TABLE y ADD n int",
    ]);
    assert_eq!(world.sources("y", "z"), [id(PEOPLE, 2)]);
    assert_eq!(world.sources("y", "n"), []);
    world.run(&["ALTER TABLE y ALTER n TYPE text USING post"]);
    assert_eq!(world.sources("y", "n"), [id(PEOPLE, 2)]);
}

#[test]
fn a_temporary_child_is_seen_through_its_parent() {
    let mut world = World::new();
    world.run(&["CREATE TEMP TABLE x () INHERITS (people)"]);
    assert!(!world.own("public", "people").gaps.is_empty());
    assert!(!world.own("pg_temp", "x").gaps.is_empty());
    let mut world = World::new();
    world.run(&["CREATE TEMP TABLE x (LIKE people)", "ALTER TABLE x INHERIT people"]);
    assert!(!world.own("public", "people").gaps.is_empty());
}

#[test]
fn the_servers_number_is_taken_once_somebody_tells_it() {
    let mut world = filled();
    let shown = super::world::relation(31_000, "pg_temp_4", "x", crate::catalog::RelationKind::Table);
    world.catalog.insert(shown);
    world.catalog.version += 1;
    world.session.temporary_schema_is("pg_temp_4", &world.catalog);
    world.session.settle(&world.catalog, super::super::Reading::AfterLastCommit);
    assert_eq!(world.own("pg_temp", "x").relation.oid.0, 31_000);
    assert_eq!(world.sources("x", "mail"), [id(PEOPLE, 2)]);
    world.run(&["DROP TABLE pg_temp_4.x"]);
    assert!(world.change("pg_temp", "x").is_none());
}

#[test]
fn more_than_can_be_kept_is_not_known() {
    let mut world = World::new();
    world.run(&["BEGIN"]);
    let columns: Vec<_> = (0..1_500).map(|number| format!("c{number} int")).collect();
    world.run(&[&format!("CREATE TEMP TABLE wide ({})", columns.join(","))]);
    for number in 0..400 {
        world.run(&[&format!("CREATE TEMP TABLE x{number} (LIKE wide)")]);
    }
    assert!(world.session.relations.is_lost());
    world.run(&["ROLLBACK"]);
    assert!(!world.session.relations.is_lost());
    assert!(!world.session.relations.changed.values().any(|change| matches!(change, Change::Known(_))));
}
