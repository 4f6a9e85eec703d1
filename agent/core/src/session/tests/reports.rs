//! What the server reports, and snapshots that come.

use super::{
    super::{Reading, ServerState, Session},
    world::{World, catalog},
};

#[test]
fn the_servers_word_on_the_path_beats_ours() {
    let mut world = World::new();
    world.run(&["SELECT set_config('search_path', mail, false) FROM people"]);
    world.session.reported("search_path", "a, b");
    world.ready(ServerState::Idle);
    assert_eq!((world.path().as_str(), world.session.disagreements), ("pg_catalog a b", 0));
    world.session.reported("search_path", "\"Mixed Case\"");
    world.ready(ServerState::Idle);
    assert_eq!((world.path().as_str(), world.session.disagreements), ("pg_catalog Mixed Case", 1));
}

#[test]
fn a_report_that_agrees_is_no_news() {
    let mut world = World::new();
    world.run(&["BEGIN", "SET LOCAL search_path TO a"]);
    world.session.reported("search_path", "a");
    world.ready(ServerState::InTransaction).run(&["COMMIT"]);
    world.session.reported("search_path", "\"$user\", public");
    world.ready(ServerState::Idle);
    assert_eq!((world.path().as_str(), world.session.disagreements), ("pg_catalog ana public", 0));
}

#[test]
fn a_report_counts_until_the_next_one() {
    let mut world = World::new();
    world.session.reported("search_path", "\"$user\", public");
    world.ready(ServerState::Idle);
    // Code ran and did not move the path: the server says nothing, and that is word enough.
    world.run(&["DO 'whatever'"]).ready(ServerState::Idle);
    assert!(world.session.relations.is_lost());
    world.session.settle(
        &{
            let mut newer = catalog();
            newer.version = 3;
            newer
        },
        Reading::AfterLastCommit,
    );
    assert_eq!(world.path(), "?", "the role may be another");
    world.run(&["RESET ROLE"]);
    assert!(world.path().ends_with("ana public") || world.path() == "?");
}

#[test]
fn reports_within_a_failed_transaction_wait_for_its_end() {
    let mut world = World::new();
    world.run(&["BEGIN", "SET search_path TO a"]);
    world.session.reported("search_path", "a");
    world.ready(ServerState::InTransaction).fail();
    world.session.reported("search_path", "\"$user\", public");
    world.ready(ServerState::Failed).run(&["ROLLBACK"]).ready(ServerState::Idle);
    assert_eq!((world.path().as_str(), world.session.disagreements), ("pg_catalog ana public", 0));
}

#[test]
fn what_ran_at_login_is_seen_by_the_first_report() {
    let mut world = World::new();
    world.session.reported_at_login([("server_version", "18.1"), ("search_path", "b")], &world.catalog);
    assert_eq!(world.path(), "pg_catalog b");
    world.run(&["SET search_path TO a", "RESET search_path"]);
    assert_eq!(world.path(), "?", "nobody knows what it goes back to");
}

#[test]
fn a_snapshot_after_the_commit_takes_over() {
    let mut world = World::new();
    world.run(&[
        "CREATE TABLE x (i int)",
        "CREATE TEMP TABLE y (i int)",
        "CREATE SCHEMA c",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ]);
    assert!(world.session.relations.code_changed);
    world.catalog.version += 1;
    world.session.settle(&world.catalog, Reading::AfterLastCommit);
    assert_eq!((world.shape("ana", "x").as_str(), world.shape("pg_temp", "y").as_str()), ("-", "1:i:23"));
    assert!(!world.session.relations.code_changed);
    world.run(&["SET search_path TO c"]);
    assert_eq!(world.path(), "pg_temp pg_catalog", "the snapshot does not have it");
}

#[test]
fn a_snapshot_whose_reading_began_before_the_commit_does_not() {
    let mut world = World::new();
    world.run(&["CREATE TABLE x (i int)"]);
    world.catalog.version = 2;
    world.session.settle(&world.catalog, Reading::Unasked);
    assert_eq!(world.shape("ana", "x"), "1:i:23");
    world.catalog.version = 3;
    world.session.settle(&world.catalog, Reading::Unasked);
    assert_eq!(world.shape("ana", "x"), "-");
    assert!(world.session.fingerprint().is_shared());
}

#[test]
fn what_is_not_committed_stays() {
    let mut world = World::new();
    world.run(&["BEGIN", "CREATE TABLE x (i int)"]);
    world.catalog.version = 9;
    world.session.settle(&world.catalog, Reading::AfterLastCommit);
    assert_eq!(world.shape("ana", "x"), "1:i:23");
    world.run(&["COMMIT"]);
    world.catalog.version = 10;
    world.session.settle(&world.catalog, Reading::Unasked);
    assert_eq!(world.shape("ana", "x"), "1:i:23", "its reading may have begun before");
}

#[test]
fn schemas_of_a_newer_snapshot_count() {
    let mut world = World::new();
    world.run(&["SET search_path TO later, a"]);
    std::sync::Arc::make_mut(&mut world.catalog.schemas).insert("later".into(), crate::catalog::Oid(900));
    world.catalog.version += 1;
    world.session.settle(&world.catalog, Reading::Unasked);
    assert_eq!(world.path(), "pg_catalog later a");
}

#[test]
fn a_default_that_changed_elsewhere_is_doubted() {
    let mut world = World::new();
    world.catalog.search_path = "a".into();
    world.session.settle(&world.catalog, Reading::Unasked);
    assert_eq!(world.path(), "?");
    world.run(&["SET search_path TO b"]);
    assert_eq!(world.path(), "pg_catalog b");
    let mut world = World::with(&[("search_path", "b")]);
    world.catalog.search_path = "a".into();
    world.session.settle(&world.catalog, Reading::Unasked);
    assert_eq!(world.path(), "pg_catalog b");
}

#[test]
fn a_copy_goes_its_own_way() {
    let mut world = World::new();
    world.run(&["BEGIN", "SET search_path TO a"]);
    let kept: Session = world.session.clone();
    world.run(&["CREATE TEMP TABLE x (i int)", "ROLLBACK"]);
    assert_eq!(world.path(), "pg_catalog ana public");
    world.session = kept;
    assert_eq!(world.path(), "pg_catalog a");
    world.run(&["COMMIT"]);
    assert_eq!(world.path(), "pg_catalog a");
}
