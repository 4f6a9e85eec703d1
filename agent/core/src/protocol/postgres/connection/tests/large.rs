//! Binds that are longer than what is kept of one.

use bytes::Bytes;

use super::world::{Disk, World, kinds, message, query, sync};
use crate::protocol::postgres::connection::{extended::digest, intend::MAX_BIND};

const PIECE: usize = 1 << 20;

fn parse(text: &str) -> Vec<u8> {
    message(b'P', &[b"s\0", text.as_bytes(), b"\0\0\0"].concat())
}

/// Of the statement `s` to the portal `p`, with one value.
fn bind() -> Vec<u8> {
    let value = vec![b'v'; MAX_BIND];
    let length = u32::try_from(value.len()).expect("a legal length").to_be_bytes();
    message(b'B', &[b"p\0s\0\0\0\0\x01", &length[..], &value, b"\0\0"].concat())
}

fn execute() -> Vec<u8> {
    message(b'E', b"p\0\0\0\0\0")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// All of it in pieces, of which none is kept.
fn say(world: &mut World, bytes: &[u8], piece: usize) {
    for piece in bytes.chunks(piece) {
        world.client(piece);
        assert!(world.machine.client.buffered() <= piece.len(), "it was kept");
    }
}

fn is_in_step(world: &mut World) {
    world.events.clear();
    world.client(&query("select id from orders"));
    assert_eq!(kinds(&world.sent_to_client()), "TDDDCZ");
}

#[test]
fn a_long_value_reaches_the_server_as_it_is_and_is_committed_to() {
    let bind = bind();
    // Names in several pieces; ordinary ones; all of it at once.
    for (beginning, piece) in [(64, PIECE), (0, PIECE), (0, usize::MAX)] {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&parse("insert into orders values ($1)"));
        world.events.clear();
        let (head, rest) = bind.split_at(beginning);
        say(&mut world, head, 6);
        say(&mut world, rest, piece);
        assert!(world.sent_to_server() == bind, "{}", kinds(&world.sent_to_server()));
        let portal = world.machine.names.portal(b"p").expect("it is bound");
        assert_eq!(*portal.binds.digest(), digest(&bind));
        say(&mut world, &[execute(), sync()].concat(), PIECE);
        assert_eq!(kinds(&world.sent_to_client()), "2CZ");
        is_in_step(&mut world);
    }
}

#[test]
fn it_waits_until_nothing_else_is_in_flight() {
    let mut world = World::ready(Disk::AtOnce);
    world.held = Some(Vec::new());
    world.client(&parse("insert into orders values ($1)"));
    let bind = bind();
    let (head, rest) = bind.split_at(PIECE);
    world.client(head);
    assert_eq!(kinds(&world.sent_to_server()), "PH", "its answer is asked for");
    world.release();
    say(&mut world, rest, PIECE);
    world.client(&[execute(), sync()].concat());
    assert_eq!(kinds(&world.sent_to_server()), "PHBES");
    is_in_step(&mut world);
}

#[test]
fn where_values_decide_a_long_one_is_denied_and_none_of_it_is_sent() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&parse("update orders set id = 1 where id::text like $1"));
    world.events.clear();
    say(&mut world, &bind(), PIECE);
    world.client(&[execute(), sync()].concat());
    assert!(!text(&world.sent_to_server()).contains("vvv"));
    let told = text(&world.sent_to_client());
    assert!(told.contains("54000") && told.contains("over 64 MiB they are not looked at"), "{told}");
    is_in_step(&mut world);
}

#[test]
fn behind_an_error_it_is_dropped_up_to_sync() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&parse("delete from orders"));
    world.events.clear();
    say(&mut world, &bind(), PIECE);
    world.client(&[execute(), sync()].concat());
    assert_eq!(kinds(&world.sent_to_server()), "S");
    is_in_step(&mut world);
}

#[test]
fn of_a_statement_that_is_not_there_the_server_says_so() {
    let mut world = World::ready(Disk::AtOnce);
    say(&mut world, &bind(), PIECE);
    assert_eq!(kinds(&world.sent_to_server()), "B");
    assert!(world.machine.names.portal(b"p").is_none());
}

#[test]
fn names_without_an_end_end_the_connection() {
    let mut world = World::ready(Disk::AtOnce);
    let endless = message(b'B', &vec![b'n'; MAX_BIND + 1]);
    for piece in endless.chunks(PIECE).take(2) {
        world.input(crate::machine::Input::Client(Bytes::copy_from_slice(piece)));
    }
    assert!(text(&world.sent_to_client()).contains("invalid message format"));
    assert_eq!(world.sent_to_server(), b"");
}

#[test]
fn what_could_be_a_mask_on_its_way_back_is_seen_whole_or_denied() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&parse("insert into customers (id, email) values (1, $1)"));
    world.events.clear();
    say(&mut world, &bind(), PIECE);
    world.client(&[execute(), sync()].concat());
    assert!(!text(&world.sent_to_server()).contains("vvv"));
    assert!(text(&world.sent_to_client()).contains("over 64 MiB they are not looked at"));
    is_in_step(&mut world);
}
