//! Prepared statements and cursors.

use super::world::{PEOPLE, World, change, id, making};
use crate::{
    lineage::{Lineage, Output, OutputKind},
    session::change_of,
};

fn reading() -> Lineage {
    Lineage { reads: [id(PEOPLE, 2)].into(), ..Lineage::default() }
}

fn prepared(world: &World) -> Vec<String> {
    let mut names: Vec<_> = world.session.prepared.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

fn cursors(world: &World) -> Vec<String> {
    let mut names: Vec<_> = world.session.cursors.keys().map(ToString::to_string).collect();
    names.sort();
    names
}

#[test]
fn prepared_statements_outlive_rollbacks() {
    let mut world = World::new();
    world.run(&["BEGIN"]).with_lineage("PREPARE p AS SELECT mail FROM people", &reading());
    world.run(&["ROLLBACK", "PREPARE q AS SELECT 1"]);
    assert_eq!(prepared(&world), ["p", "q"]);
    assert_eq!(*world.session.prepared["p"], reading());
    world.run(&["BEGIN", "DEALLOCATE p", "ROLLBACK"]);
    assert_eq!(prepared(&world), ["q"]);
    world.run(&["PREPARE \"P\" AS SELECT 1", "DEALLOCATE ALL"]);
    assert_eq!(prepared(&world), [] as [&str; 0]);
    world.run(&["PREPARE p AS SELECT 1", "DISCARD ALL"]);
    assert_eq!(prepared(&world), [] as [&str; 0]);
}

#[test]
fn executing_does_what_the_prepared_statement_does() {
    let mut world = World::new();
    world.run(&["PREPARE p AS SELECT set_config('search_path', 'a', false)"]);
    assert_eq!(world.path(), "pg_catalog ana public");
    world.run(&["EXECUTE p"]);
    assert_eq!(world.path(), "pg_catalog a");
    world.run(&["SET search_path TO b", "EXECUTE nobody_knows"]);
    assert_eq!(world.path(), "?");
}

#[test]
fn arguments_of_execute_run_too() {
    let mut world = World::new();
    world.run(&["PREPARE p AS SELECT 1", "EXECUTE p (set_config('search_path', 'a', false))"]);
    assert_eq!(world.path(), "pg_catalog a");
}

#[test]
fn a_prepared_statement_is_analysed_again_under_another_path() {
    let mut world = World::new();
    world.with_lineage("PREPARE p AS SELECT id FROM t", &reading());
    let mut asked = 0;
    let mut refresh = |world: &mut World| {
        world.session.refresh_prepared("p", &world.catalog, |node, session| {
            asked += 1;
            assert!(session.search_path.is_some());
            let lineage = Lineage { reads: [id(PEOPLE, 1)].into(), ..Lineage::default() };
            (lineage.clone(), change_of(node, &lineage, &super::world::catalog()))
        });
    };
    refresh(&mut world);
    assert_eq!(*world.session.prepared["p"], reading());
    world.run(&["SET search_path TO a"]);
    refresh(&mut world);
    assert!(world.session.prepared["p"].reads.contains(&id(PEOPLE, 1)));
    refresh(&mut world);
    world.catalog.version += 1;
    refresh(&mut world);
    assert_eq!(asked, 2);
}

#[test]
fn cursors_end_with_their_transaction_unless_held() {
    let mut world = World::new();
    world.run(&["BEGIN"]).with_lineage("DECLARE c CURSOR FOR SELECT mail FROM people", &reading());
    world.run(&["DECLARE d CURSOR WITH HOLD FOR SELECT 1"]);
    assert_eq!(cursors(&world), ["c", "d"]);
    assert_eq!(*world.session.cursors["c"], reading());
    world.run(&["COMMIT"]);
    assert_eq!(cursors(&world), ["d"]);
    world.run(&["BEGIN", "CLOSE d", "ROLLBACK"]);
    assert_eq!(cursors(&world), [] as [&str; 0], "closing is not taken back");
    world.run(&["BEGIN", "DECLARE e CURSOR WITH HOLD FOR SELECT 1", "ROLLBACK"]);
    assert_eq!(cursors(&world), [] as [&str; 0]);
    world.run(&["DECLARE f CURSOR WITH HOLD FOR SELECT 1", "BEGIN", "ROLLBACK"]);
    assert_eq!(cursors(&world), ["f"]);
    world.run(&["CLOSE ALL"]);
    assert_eq!(cursors(&world), [] as [&str; 0]);
}

#[test]
fn cursors_of_a_savepoint_end_with_its_rollback() {
    let mut world = World::new();
    world.run(&["BEGIN", "DECLARE c CURSOR FOR SELECT 1", "SAVEPOINT s", "DECLARE d CURSOR FOR SELECT 1"]);
    world.run(&["ROLLBACK TO s"]);
    assert_eq!(cursors(&world), ["c"]);
    world.run(&["DECLARE d CURSOR FOR SELECT 1", "RELEASE s"]);
    assert_eq!(cursors(&world), ["c", "d"]);
    world.run(&["SAVEPOINT s", "ROLLBACK TO s"]);
    assert_eq!(cursors(&world), ["c", "d"], "they belong to what is around the savepoint");
    world.run(&["ROLLBACK"]);
    assert_eq!(cursors(&world), [] as [&str; 0]);
}

#[test]
fn fetching_does_what_the_query_does() {
    let mut world = World::new();
    world.run(&["BEGIN", "DECLARE c CURSOR FOR SELECT set_config('search_path', mail, false) FROM people"]);
    assert_eq!(world.path(), "pg_catalog ana public");
    world.run(&["FETCH 1 FROM c"]);
    assert_eq!(world.path(), "?");
}

#[test]
fn a_table_of_an_executed_statement_has_what_comes_out() {
    let mut world = World::new();
    let lineage = making(&[("mail", &[id(PEOPLE, 2)])], &[]);
    world.run(&["PREPARE p AS SELECT mail FROM people"]);
    world.with_lineage("CREATE TEMP TABLE x AS EXECUTE p", &lineage);
    assert_eq!(world.sources("x", "mail"), [id(PEOPLE, 2)]);
}

#[test]
fn names_may_be_kept_elsewhere() {
    let mut world = World::new();
    world.session = std::mem::take(&mut world.session).without_names();
    world.run(&["PREPARE p AS SELECT 1", "EXECUTE q", "BEGIN", "DECLARE c CURSOR FOR SELECT 1", "FETCH d"]);
    assert!(world.session.prepared.is_empty() && world.session.cursors.is_empty());
    assert_eq!(world.path(), "pg_catalog ana public");
}

#[test]
fn most_statements_change_nothing() {
    let world = World::new();
    let table = Output { kind: OutputKind::Table(PEOPLE), columns: Vec::new() };
    let stored = Lineage { outputs: vec![table], ..Lineage::default() };
    for (sql, lineage) in [
        ("SELECT * FROM people", Lineage::default()),
        ("SHOW search_path", Lineage::default()),
        ("SET work_mem = '1MB'", Lineage::default()),
        ("INSERT INTO people VALUES (1)", stored.clone()),
        ("DELETE FROM people WHERE id = 1", stored),
        ("VACUUM people", Lineage::default()),
        ("LISTEN x", Lineage::default()),
        ("LOCK TABLE people", Lineage::default()),
        ("ANALYZE", Lineage::default()),
        ("EXPLAIN DELETE FROM people", Lineage::default()),
    ] {
        assert!(change(sql, &lineage, &world.catalog).is_empty(), "{sql}");
    }
}
