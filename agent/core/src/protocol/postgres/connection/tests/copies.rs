//! COPY from the client: what the server ignores, and what it throws away, has no answer.

use connect_shared::entry::{Entry, StatementResult};

use super::world::{CANARY, Disk, World, extended, kinds, message, query, sync};
use crate::machine::Input;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn data() -> Vec<u8> {
    message(b'd', b"1\n")
}

fn done() -> Vec<u8> {
    message(b'c', b"")
}

/// Whether the connection still pairs answers with questions.
#[track_caller]
fn is_in_step(world: &mut World) {
    world.events.clear();
    world.client(&query("select id, email from customers"));
    let heard = world.sent_to_client();
    assert_eq!(kinds(&heard), "TDDDCZ", "{}", text(&heard));
    assert!(!text(&heard).contains(CANARY));
}

const COPY: &str = "copy orders from stdin";

#[test]
fn a_sync_between_a_copy_and_its_data_has_no_answer() {
    let whole = [extended(COPY), sync(), data(), done(), sync()].concat();
    // The server's answer comes after everything was sent, or at each step.
    for pieces in [
        vec![whole.clone()],
        vec![extended(COPY), sync(), data(), done(), sync()],
        whole.chunks(1).map(<[u8]>::to_vec).collect(),
    ] {
        for held in [true, false] {
            let mut world = World::ready(Disk::AtOnce);
            world.held = held.then(Vec::new);
            for piece in &pieces {
                world.client(piece);
            }
            if held {
                world.release();
            }
            assert_eq!(kinds(&world.sent_to_client()), "12GCZ");
            is_in_step(&mut world);
        }
    }
}

#[test]
fn a_sync_behind_a_copy_that_fails_is_answered() {
    for held in [true, false] {
        let mut world = World::ready(Disk::AtOnce);
        world.held = held.then(Vec::new);
        for piece in [extended("copy orders from stdin where id = 1/0"), sync(), data(), done(), sync()] {
            world.client(&piece);
        }
        if held {
            world.release();
        }
        assert_eq!(kinds(&world.sent_to_client()), "12EZZ");
        is_in_step(&mut world);
    }
}

#[test]
fn a_statement_in_the_middle_of_a_copy_is_lost_with_it() {
    for held in [true, false] {
        for interruption in [query("select id from orders"), extended("select id from orders")] {
            let mut world = World::ready(Disk::AtOnce);
            world.held = held.then(Vec::new);
            world.client(&[query(COPY), interruption].concat());
            if held {
                world.release();
            }
            let asked = text(&world.sent_to_server());
            assert!(!asked.contains("select id"), "{asked}");
            assert!(kinds(&world.sent_to_client()).starts_with("GEZ"));
            world.client(&sync());
            is_in_step(&mut world);
        }
    }
}

#[test]
fn two_copies_of_one_text_each_get_their_data() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query(COPY));
    world.client(&[data(), done()].concat());
    world.client(&[query(COPY), data(), done(), query(COPY), data(), done()].concat());
    assert_eq!(kinds(&world.sent_to_client()), "GCZ".repeat(3));
    assert_eq!(kinds(&world.sent_to_server()), "Qdc".repeat(3));
    is_in_step(&mut world);
}

#[test]
fn data_that_is_cut_short_is_no_whole_message_at_the_server() {
    let whole = data();
    for cut in 0..whole.len() {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&query(COPY));
        let before = world.sent_to_server().len();
        world.client(&whole[..cut]);
        world.input(Input::ClientClosed);
        let sent = world.sent_to_server().split_off(before);
        assert!(sent.len() < whole.len() && whole.starts_with(&sent), "{cut}: {sent:?}");
        let end = world.entries().into_iter().find_map(|entry| match entry {
            Entry::Outcome(outcome) => Some(&outcome.result),
            _ => None,
        });
        assert_eq!(end, Some(&StatementResult::Unknown), "{cut}");
    }
}

/// What the data of each COPY is known by.
fn contents(world: &World) -> Vec<Option<String>> {
    let outcomes = world.entries().into_iter().filter_map(|entry| match entry {
        Entry::Outcome(outcome) => Some(outcome.content.clone()),
        _ => None,
    });
    outcomes.collect()
}

#[test]
fn what_one_copy_gives_and_another_one_takes_is_known_however_it_is_cut() {
    for padding in [0, 1_100_000] {
        let mut world = World::ready(Disk::AtOnce);
        world.peer.padding = padding;
        world.client(&query("copy orders to stdout"));
        let given = format!("1\tharmless\n2\t{}{CANARY}\n", "x".repeat(padding));
        let cuts = [given.len(), 1 + given.len() / 2, given.len().div_ceil(3)];
        for cut in cuts {
            let parts = given.as_bytes().chunks(cut).map(|part| message(b'd', part));
            let data: Vec<u8> = parts.collect::<Vec<_>>().concat();
            world.client(&[query(COPY), data, done()].concat());
        }
        world.client(&[query(COPY), data(), done()].concat());
        world.client(&[query(COPY), done()].concat());
        world.client(&query("select id from orders"));
        let contents = contents(&world);
        let [gave, took @ .., other, none, no_copy] = &contents[..] else { panic!("{contents:?}") };
        assert!(gave.as_ref().is_some_and(|hash| hash.len() == 64), "{contents:?}");
        assert_eq!(took, vec![gave.clone(); cuts.len()], "{padding}");
        assert!(other.is_some() && other != gave);
        assert_eq!((none, no_copy), (&None, &None), "nothing comes from nothing");
    }
}

#[test]
fn a_copy_that_fails_gave_and_took_nothing() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&[query(COPY), data(), message(b'f', b"no\0")].concat());
    assert_eq!(contents(&world), [None]);
}
