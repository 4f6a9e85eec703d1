//! Splitting the input at any byte gives the same output, and no bytes at all make it panic.

use proptest::prelude::*;

use super::world::{Disk, Event, World, extended, query, startup, sync};

fn conversation() -> Vec<u8> {
    [
        startup(&[("user", "anyone"), ("database", "shop")]),
        query("select id, email from customers"),
        query("delete from orders"),
        extended("select id, email from customers"),
        extended("select upper(email) from customers"),
        sync(),
        query("insert into orders values (1)"),
        query("select id from orders"),
    ]
    .concat()
}

/// What came out, but for times. Entries of one statement keep their order by their kind; those of two
/// statements may stand either way around, as the server's answers may come early or late.
fn transcript(world: &World) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let entries = world.entries();
    let mut entries: Vec<_> = entries
        .iter()
        .map(|entry| {
            let json = serde_json::to_value(entry).expect("an entry serialises");
            let mut json = json;
            if let Some(object) = json.as_object_mut() {
                object.remove("micros");
            }
            json.to_string()
        })
        .collect();
    entries.sort();
    (world.sent_to_client(), world.sent_to_server(), entries)
}

fn play(client_piece: usize, server_piece: Option<usize>) -> World {
    let mut world = World::new(Disk::AtOnce);
    world.peer.pieces = server_piece;
    for piece in conversation().chunks(client_piece) {
        world.client(piece);
    }
    world
}

#[test]
fn the_same_bytes_in_any_pieces_give_the_same_output() {
    let whole = transcript(&play(usize::MAX, None));
    assert!(!whole.0.is_empty() && whole.2.len() > 4);
    for client_piece in [1, 2, 3, 5, 7, 11, 64] {
        for server_piece in [Some(1), Some(4), Some(13), None] {
            let split = transcript(&play(client_piece, server_piece));
            assert!(split == whole, "pieces of {client_piece} and {server_piece:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_client_may_send_anything(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&bytes);
    }

    #[test]
    fn a_client_may_send_mutated_messages(
        position in 0usize..400,
        value in any::<u8>(),
        cut in 0usize..400,
    ) {
        let mut bytes = conversation();
        let start = startup(&[("user", "anyone"), ("database", "shop")]).len();
        let place = start + position % (bytes.len() - start);
        bytes[place] = value;
        bytes.truncate(bytes.len() - cut % 100);
        let mut world = World::new(Disk::AtOnce);
        world.client(&bytes);
        // Whatever was sent: no write is on the wire without an INTENT before it.
        let mut intents = 0;
        for event in &world.events {
            match event {
                Event::Record(entry)
                    if matches!(**entry, connect_shared::entry::Entry::Intent(_)) => intents += 1,
                Event::Server(sent) if sent.windows(6).any(|part| part == b"insert") => {
                    prop_assert!(intents > 0);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn a_server_may_send_anything(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut world = World::ready(Disk::AtOnce);
        world.input(crate::machine::Input::Server(bytes.into()));
        world.client(&query("select id from orders"));
    }
}
