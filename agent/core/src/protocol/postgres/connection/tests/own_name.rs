//! The principal in front of the name that a client gives itself.

use bytes::Bytes;

use super::world::{Disk, World, kinds, message, query};
use crate::machine::Input;

/// The server says this, whatever it was asked.
fn says(world: &mut World, messages: &[Vec<u8>]) {
    world.events.clear();
    world.held = Some(Vec::new());
    world.input(Input::Server(Bytes::from(messages.concat())));
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

fn reports(name: &str) -> Vec<u8> {
    message(b'S', format!("application_name\0{name}\0").as_bytes())
}

fn is_asked(world: &World, name: &str) -> bool {
    String::from_utf8_lossy(&world.sent_to_server()).contains(&format!("ana@example.com via connect, {name}"))
}

/// The client has named itself, and the server was asked to put the principal in front.
fn named(name: &str) -> World {
    let mut world = World::ready(Disk::AtOnce);
    world.held = Some(Vec::new());
    world.client(&query(&format!("set application_name = '{name}'")));
    says(&mut world, &[message(b'C', b"SET\0"), reports(name), ready()]);
    assert_eq!(kinds(&world.sent_to_client()), "CSZ");
    assert!(is_asked(&world, name));
    world
}

#[test]
fn what_the_server_says_of_our_name_is_not_told() {
    let mut world = named("etl");
    says(
        &mut world,
        &[message(b'V', b"\xff\xff\xff\xff"), reports("ana@example.com via connect, etl"), ready()],
    );
    assert!(world.sent_to_client().is_empty() && world.sent_to_server().is_empty());
}

#[test]
fn a_request_to_cancel_that_meets_our_call_only_puts_it_off() {
    for (sqlstate, again) in [("57014", true), ("22021", false)] {
        let mut world = named("etl");
        let error = message(b'E', format!("SERROR\0VERROR\0C{sqlstate}\0Mno\0\0").as_bytes());
        says(&mut world, &[error, ready()]);
        assert!(world.sent_to_client().is_empty(), "the client asked for nothing");
        world.client(&query("set work_mem = '1MB'"));
        says(&mut world, &[message(b'C', b"SET\0"), ready()]);
        assert_eq!((kinds(&world.sent_to_client()).as_str(), is_asked(&world, "etl")), ("CZ", again));
    }
}

#[test]
fn inside_a_transaction_nothing_is_asked() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("begin"));
    world.held = Some(Vec::new());
    world.client(&query("set application_name = 'etl'"));
    says(&mut world, &[message(b'C', b"SET\0"), reports("etl"), message(b'Z', b"T")]);
    assert!(!is_asked(&world, "etl"));
    world.client(&query("rollback"));
    says(&mut world, &[message(b'C', b"ROLLBACK\0"), reports("other"), ready()]);
    assert!(!is_asked(&world, "etl") && is_asked(&world, "other"));
}
