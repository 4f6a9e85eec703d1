//! What a rollback takes back, and what it does not.

use super::{super::ServerState, world::World};

fn check(cases: &[(&[&str], &str)]) {
    for (statements, expected) in cases {
        let mut world = World::new();
        world.run(statements);
        assert_eq!(world.path(), format!("pg_catalog {expected}"), "{statements:?}");
    }
}

#[test]
fn set_is_undone_by_a_rollback_and_stays_after_a_commit() {
    check(&[
        (&["BEGIN", "SET search_path TO a", "COMMIT"], "a"),
        (&["BEGIN", "SET search_path TO a", "ROLLBACK"], "ana public"),
        (&["START TRANSACTION", "SET search_path TO a", "END"], "a"),
        (&["BEGIN", "SET search_path TO a", "ABORT"], "ana public"),
        (&["SET search_path TO b", "BEGIN", "SET search_path TO a", "ROLLBACK"], "b"),
        (&["BEGIN", "RESET search_path", "SET search_path TO a", "RESET ALL", "ROLLBACK"], "ana public"),
    ]);
}

#[test]
fn set_local_ends_with_the_transaction() {
    check(&[
        (&["BEGIN", "SET LOCAL search_path TO a"], "a"),
        (&["BEGIN", "SET LOCAL search_path TO a", "COMMIT"], "ana public"),
        (&["BEGIN", "SET LOCAL search_path TO a", "ROLLBACK"], "ana public"),
        (&["BEGIN", "SET search_path TO b", "SET LOCAL search_path TO a", "COMMIT"], "b"),
        (&["BEGIN", "SET LOCAL search_path TO a", "SET search_path TO b", "COMMIT"], "b"),
        (&["BEGIN", "SET LOCAL search_path TO a", "SAVEPOINT s", "RELEASE s", "COMMIT"], "ana public"),
        (&["BEGIN", "SAVEPOINT s", "SET LOCAL search_path TO a", "RELEASE s"], "a"),
        (&["BEGIN", "SAVEPOINT s", "SET LOCAL search_path TO a", "RELEASE s", "COMMIT"], "ana public"),
        (&["BEGIN", "SET search_path TO b", "SAVEPOINT s", "SET LOCAL search_path TO a", "COMMIT"], "b"),
        (&["SET LOCAL search_path TO a"], "ana public"),
    ]);
}

#[test]
fn savepoints_nest_and_are_found_by_their_last_name() {
    check(&[
        (&["BEGIN", "SAVEPOINT s", "SET search_path TO a", "ROLLBACK TO s"], "ana public"),
        (&["BEGIN", "SET search_path TO b", "SAVEPOINT s", "SET search_path TO a", "ROLLBACK TO s"], "b"),
        (&["BEGIN", "SAVEPOINT s", "SET search_path TO a", "RELEASE s", "ROLLBACK"], "ana public"),
        (&["BEGIN", "SAVEPOINT s", "SET search_path TO a", "RELEASE s", "COMMIT"], "a"),
        (
            &[
                "BEGIN",
                "SAVEPOINT s",
                "SET search_path TO a",
                "SAVEPOINT s",
                "SET search_path TO b",
                "ROLLBACK TO s",
            ],
            "a",
        ),
        (
            &[
                "BEGIN",
                "SAVEPOINT s",
                "SET search_path TO a",
                "SAVEPOINT s",
                "SET search_path TO b",
                "RELEASE s",
                "ROLLBACK TO s",
            ],
            "ana public",
        ),
        (
            &[
                "BEGIN",
                "SAVEPOINT s",
                "SET search_path TO a",
                "SAVEPOINT t",
                "SET search_path TO b",
                "ROLLBACK TO s",
            ],
            "ana public",
        ),
        (
            &["BEGIN", "SAVEPOINT s", "ROLLBACK TO s", "SET search_path TO a", "ROLLBACK TO s", "COMMIT"],
            "ana public",
        ),
        (&["BEGIN", "SAVEPOINT s", "SET LOCAL search_path TO a", "ROLLBACK TO s"], "ana public"),
        (&["BEGIN", "SAVEPOINT \"S\"", "SET search_path TO a", "ROLLBACK TO SAVEPOINT \"S\""], "ana public"),
    ]);
}

#[test]
fn and_chain_begins_another_transaction_at_once() {
    check(&[
        (&["BEGIN", "SET search_path TO a", "COMMIT AND CHAIN", "SET search_path TO b", "ROLLBACK"], "a"),
        (&["BEGIN", "SET search_path TO a", "ROLLBACK AND CHAIN", "SET search_path TO b", "COMMIT"], "b"),
        (&["BEGIN", "SET LOCAL search_path TO a", "COMMIT AND CHAIN"], "ana public"),
        (&["BEGIN", "COMMIT AND CHAIN", "SET search_path TO b", "ROLLBACK"], "ana public"),
    ]);
}

#[test]
fn a_message_of_several_statements_is_one_transaction() {
    for (messages, expected) in [
        (&["SET search_path TO a; SET LOCAL search_path TO b; SELECT 1"][..], "a"),
        (&["SET LOCAL search_path TO b; BEGIN", "COMMIT"], "ana public"),
        (&["SET search_path TO a; BEGIN; SET search_path TO b", "ROLLBACK"], "ana public"),
        (&["SET search_path TO a; COMMIT; SET search_path TO b"], "b"),
        (&["SET search_path TO a; ROLLBACK; SET LOCAL search_path TO b"], "ana public"),
        (&["BEGIN; SET search_path TO a; COMMIT; BEGIN; SET search_path TO b; ROLLBACK"], "a"),
    ] {
        let mut world = World::new();
        for message in messages {
            world.message(message);
        }
        assert_eq!(world.path(), format!("pg_catalog {expected}"), "{messages:?}");
    }
}

#[test]
fn an_error_undoes_the_implicit_transaction() {
    let mut world = World::new();
    world.part("SET search_path TO a; SET search_path TO b").fail().ready(ServerState::Idle);
    assert_eq!(world.path(), "pg_catalog ana public");
    world.part("SET search_path TO a; COMMIT; SET search_path TO b").fail().ready(ServerState::Idle);
    assert_eq!(world.path(), "pg_catalog a");
}

#[test]
fn a_failed_transaction_takes_nothing_but_its_end() {
    let mut world = World::new();
    world.run(&["BEGIN", "SET search_path TO a"]).fail().ready(ServerState::Failed);
    world.run(&["SET search_path TO b", "COMMIT"]).ready(ServerState::Idle);
    assert_eq!(world.path(), "pg_catalog ana public", "COMMIT of a failed transaction is a rollback");
    world.run(&["BEGIN", "SET search_path TO a", "SAVEPOINT s", "SET search_path TO b"]).fail();
    world.run(&["ROLLBACK TO s"]).ready(ServerState::InTransaction);
    assert_eq!(world.path(), "pg_catalog a");
    world.run(&["COMMIT"]).ready(ServerState::Idle);
    assert_eq!(world.path(), "pg_catalog a");
}

#[test]
fn a_commit_that_fails_is_a_rollback() {
    let mut world = World::new();
    world.run(&["BEGIN", "SET search_path TO a"]).ready(ServerState::InTransaction);
    world.fail().ready(ServerState::Idle);
    assert_eq!(world.path(), "pg_catalog ana public");
}

#[test]
fn a_pipeline_ends_with_sync() {
    let mut world = World::new();
    world.part("SET LOCAL search_path TO a").part("SELECT 1");
    assert_eq!(world.path(), "pg_catalog a");
    world.ready(ServerState::Idle);
    assert_eq!(world.path(), "pg_catalog ana public");
}

#[test]
fn preparing_a_transaction_keeps_settings_and_hides_what_was_made() {
    let mut world = World::new();
    world.run(&["BEGIN", "SET search_path TO a", "CREATE TABLE x (i int)", "PREPARE TRANSACTION 'p'"]);
    assert_eq!((world.path().as_str(), world.shape("a", "x").as_str()), ("pg_catalog a", "-"));
    world.run(&["COMMIT PREPARED 'p'"]);
    assert!(world.session.relations.is_lost());
    assert_eq!(world.path(), "?", "schemas may have been made as well");
}

#[test]
fn a_transaction_that_the_server_sees_otherwise_makes_everything_unknown() {
    for state in [ServerState::InTransaction, ServerState::Failed] {
        let mut world = World::new();
        world.ready(state);
        assert_eq!(world.path(), "?", "{state:?}");
    }
    let mut world = World::new();
    world.run(&["BEGIN"]).ready(ServerState::Idle);
    assert_eq!(world.path(), "?");
}

#[test]
fn a_state_that_was_rolled_back_does_not_come_again() {
    let mut world = World::new();
    let first = world.session.fingerprint();
    assert!(first.is_shared());
    world.run(&["BEGIN", "SAVEPOINT s", "CREATE TABLE x (i int)"]);
    let second = world.session.fingerprint();
    world.run(&["ROLLBACK TO s"]);
    assert!(world.session.is_at(&first));
    world.run(&["CREATE TABLE x (i text)"]);
    assert!(!world.session.is_at(&second) && !world.session.is_at(&first));
    assert!(!second.is_shared());
}

#[test]
fn thousands_of_savepoints_are_borne_and_end_in_doubt() {
    let mut world = World::new();
    world.run(&["SET search_path TO a", "BEGIN"]);
    for _ in 0..5_000 {
        world.run(&["SAVEPOINT s"]);
    }
    world.run(&["SET search_path TO b", "ROLLBACK TO s"]);
    assert_eq!(world.path(), "?");
    world.run(&["ROLLBACK"]);
    assert_eq!(world.path(), "pg_catalog a");
}
