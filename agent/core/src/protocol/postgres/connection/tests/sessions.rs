//! The session behind the statements: lineage is found in the state that a statement runs in.

use std::sync::Arc;

use bytes::Bytes;

use super::world::{Disk, OTHER_ORDERS, World, extended, message, query, startup, sync};
use crate::{
    catalog::{Catalog, Oid},
    machine::{Input, Machine as _},
};

const ORDERS: u32 = 16_600;

/// Schemas of the confirmed search path, without `pg_catalog`.
fn path(world: &World) -> String {
    let session = world.machine.session().expect("there is a snapshot");
    let Some(path) = &session.search_path else { return "?".to_owned() };
    path.schemas
        .iter()
        .filter(|name| &***name != "pg_catalog")
        .map(|name| &**name)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The relations that a text read by its last analysis.
fn read(world: &World, text: &str) -> Vec<u32> {
    let version = world.machine.setup.catalog.as_ref().expect("there is a snapshot").version;
    let analysed = world.machine.analyses.get(text.as_bytes(), version).expect("it was analysed");
    analysed.statements.last().expect("a statement").lineage.relations.iter().map(|oid| oid.0).collect()
}

fn run(world: &mut World, texts: &[&str]) {
    for text in texts {
        world.client(&query(text));
    }
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), b"\0", text.as_bytes(), b"\0\0\0"].concat())
}

fn bind(name: &str) -> Vec<u8> {
    message(b'B', &[b"\0", name.as_bytes(), b"\0\0\0\0\0\0\0"].concat())
}

const SELECT: &str = "select id from orders";

#[test]
fn a_search_path_that_was_set_counts_for_what_follows() {
    let mut world = World::ready(Disk::AtOnce);
    run(&mut world, &[SELECT]);
    assert_eq!(read(&world, SELECT), [ORDERS]);
    run(&mut world, &["set search_path to other", SELECT]);
    assert_eq!((read(&world, SELECT), path(&world)), (vec![OTHER_ORDERS], "other".to_owned()));
    run(&mut world, &["reset search_path", SELECT]);
    assert_eq!(read(&world, SELECT), [ORDERS]);
}

/// The snapshot that is read next has a table that somebody else has made.
fn somebody_makes(world: &mut World, name: &str) {
    let mut catalog = Catalog::clone(&world.catalog);
    let mut made = catalog.relation(Oid(ORDERS)).expect("it is there").clone();
    (made.oid, made.name) = (Oid(16_900), name.into());
    catalog.insert(made);
    world.catalog = Arc::new(catalog);
}

#[test]
fn what_gets_another_name_and_is_not_there_is_looked_for_once_more() {
    for text in ["alter index made rename to kept", "alter table if exists made rename to kept"] {
        let mut world = World::ready(Disk::AtOnce);
        somebody_makes(&mut world, "made");
        run(&mut world, &[text]);
        let analysed = world.machine.analyses.get(text.as_bytes(), 2).expect("read with the newer snapshot");
        let renames = &analysed.statements[0].lineage.renames;
        assert_eq!(renames.known.iter().map(|one| one.relation).collect::<Vec<_>>(), [Oid(16_900)], "{text}");
        assert!(renames.unknown.is_empty(), "{text}");
    }
    // What is not there then need not be there.
    let (mut world, text) = (World::ready(Disk::AtOnce), "alter table if exists made rename to kept");
    run(&mut world, &[text]);
    let analysed = world.machine.analyses.get(text.as_bytes(), 2).expect("read with the newer snapshot");
    assert!(analysed.statements[0].lineage.renames.is_empty());
}

#[test]
fn startup_parameters_and_reports_at_login_count() {
    for parameters in [
        &[("user", "a"), ("database", "shop"), ("search_path", "other")][..],
        &[("user", "a"), ("database", "shop"), ("options", "-c search_path=other")],
    ] {
        let mut world = World::new(Disk::AtOnce);
        world.client(&startup(parameters));
        assert_eq!(path(&world), "other", "{parameters:?}");
    }
    let mut world = World::new(Disk::AtOnce);
    world.parameters.push((Bytes::from_static(b"search_path"), Bytes::from_static(b"other")));
    world.client(&startup(&[("user", "a"), ("database", "shop")]));
    assert_eq!(path(&world), "other");
}

#[test]
fn statements_of_one_text_are_read_one_after_the_other() {
    let mut world = World::ready(Disk::AtOnce);
    let text = "set search_path to other; select id from orders";
    world.client(&query(text));
    assert_eq!(read(&world, text), [OTHER_ORDERS]);
}

#[test]
fn a_pipeline_is_read_ahead_of_its_answers() {
    let mut world = World::ready(Disk::AtOnce);
    world.held = Some(Vec::new());
    world.client(&[query("set search_path to other"), query(SELECT)].concat());
    assert_eq!((read(&world, SELECT), path(&world)), (vec![OTHER_ORDERS], "public".to_owned()));
    world.release();
    assert_eq!(path(&world), "other");
    assert!(world.machine.in_flight.is_empty());
    let state = world.machine.session_ahead().expect("one").fingerprint();
    assert!(world.machine.session().expect("one").is_at(&state));
}

#[test]
fn local_settings_end_with_the_pipeline() {
    let mut world = World::ready(Disk::AtOnce);
    world.held = Some(Vec::new());
    let local = extended("set local search_path to other");
    world.client(
        &[local, extended(SELECT), sync(), extended("select id from orders where id = 1"), sync()].concat(),
    );
    assert_eq!(read(&world, SELECT), [OTHER_ORDERS]);
    assert_eq!(read(&world, "select id from orders where id = 1"), [ORDERS]);
    world.release();
    assert_eq!(path(&world), "public");
}

#[test]
fn what_was_read_ahead_in_vain_is_read_again_when_it_is_bound() {
    let mut world = World::ready(Disk::AtOnce);
    world.held = Some(Vec::new());
    world.client(&query("set search_path to other /* 1/0 */"));
    world.client(&[extended(SELECT), sync()].concat());
    assert_eq!(read(&world, SELECT), [OTHER_ORDERS]);
    let portal = world.machine.names.portal(b"").expect("it was bound").clone();
    world.release();
    assert_eq!(path(&world), "public");
    assert!(world.machine.names.portal(b"").is_none(), "it ended with its transaction");
    let settled = portal.settled.get().expect("it was bound in another state");
    assert!(settled.lineage.relations.contains(&Oid(ORDERS)));
    run(&mut world, &[SELECT]);
    assert_eq!(read(&world, SELECT), [ORDERS]);
}

#[test]
fn rollbacks_and_errors_take_settings_back() {
    let mut world = World::ready(Disk::AtOnce);
    run(&mut world, &["begin", "set search_path to other"]);
    assert_eq!(path(&world), "other");
    run(&mut world, &["rollback"]);
    assert_eq!(path(&world), "public");
    run(
        &mut world,
        &["begin", "set search_path to other", "select id from orders where id = 1/0", "rollback"],
    );
    assert_eq!(path(&world), "public");
    run(&mut world, &["begin", "savepoint s", "set search_path to other"]);
    run(&mut world, &["select id from orders where id = 1/0", "rollback to s", "commit"]);
    assert_eq!(path(&world), "public");
    run(&mut world, &["begin", "set search_path to other", "commit"]);
    assert_eq!(path(&world), "other");
    // What we deny fails there as well.
    run(&mut world, &["begin", "set search_path to public", "delete from orders", "rollback"]);
    assert_eq!(path(&world), "other");
}

#[test]
fn a_prepared_statement_is_read_again_when_the_path_moved() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&[parse("s", SELECT), sync()].concat());
    run(&mut world, &["set search_path to other"]);
    world.client(&[bind("s"), message(b'E', b"\0\0\0\0\0")].concat());
    let prepared = world.machine.names.statement(b"s").expect("it is there");
    let facts = prepared.facts.as_ref().expect("a statement");
    assert!(facts.lineage.relations.contains(&Oid(OTHER_ORDERS)));
    let portal = world.machine.names.portal(b"").expect("it was bound");
    assert!(portal.settled.get().is_none(), "it was bound in the state that was foreseen");
    world.client(&sync());
    assert!(world.machine.names.portal(b"").is_none());
}

#[test]
fn a_long_text_waits_for_its_turn_wherever_it_comes_from() {
    let mut world = World::ready(Disk::AtOnce);
    let long = format!("select id from orders /*{}*/", "x".repeat(40_000));
    world.machine.handle(std::time::Instant::now(), Input::Client(Bytes::from(query(&long))));
    assert!(world.machine.waits_for_turn() && world.machine.poll().is_none(), "nothing is read yet");
    world.input(Input::Tick);
    assert!(!world.machine.waits_for_turn());
    assert!(world.sent_to_server().ends_with(&query(&long)), "it went on");
}

#[test]
fn executing_by_name_does_what_was_prepared() {
    let mut world = World::ready(Disk::AtOnce);
    run(&mut world, &["prepare p as select set_config('search_path', 'other', false)"]);
    assert_eq!(path(&world), "public");
    run(&mut world, &["execute p"]);
    assert_eq!(path(&world), "other");
    run(&mut world, &["reset search_path"]);
    world.client(&[parse("s", "select set_config('search_path', 'other', false)"), sync()].concat());
    run(&mut world, &["execute s"]);
    assert_eq!(path(&world), "other");
}

#[test]
fn the_servers_report_beats_what_was_thought() {
    let mut world = World::ready(Disk::AtOnce);
    run(&mut world, &[SELECT]);
    world.input(Input::Server(Bytes::from(message(b'S', b"search_path\0other\0"))));
    assert_eq!(path(&world), "public", "it counts from ReadyForQuery on");
    run(&mut world, &["select id from orders where id = 2", SELECT]);
    assert_eq!((path(&world), read(&world, SELECT)), ("other".to_owned(), vec![OTHER_ORDERS]));
    assert_eq!(world.machine.session().expect("one").disagreements, 1);
}

#[test]
fn a_transaction_that_the_server_sees_otherwise_leaves_nothing_known() {
    let mut world = World::ready(Disk::AtOnce);
    world.held = Some(Vec::new());
    world.client(&query(SELECT));
    let mut held = world.held.take().expect("an answer");
    let status = held.len() - 1;
    held[status] = b'T';
    world.held = Some(held);
    world.release();
    assert_eq!(path(&world), "?");
}
