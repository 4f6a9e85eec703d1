//! What goes to be kept sealed: exactly what the commitment is over, and no text where passwords stand.

use connect_shared::{entry::Entry, hexadecimal::hexadecimal, ids::StatementId};
use zeroize::Zeroizing;

use super::world::{Disk, World, message, query, startup, sync};
use crate::{
    decide::Policies,
    machine::{ExactText, KeptText},
    protocol::postgres::connection::extended::digest,
};

fn world() -> World {
    let mut world = World::with(Disk::AtOnce, &[], Policies::default_set(), |setup| {
        setup.salt_key = Some(Box::new(Zeroizing::new([9; 32])));
    });
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.events.clear();
    world
}

/// As anybody computes it who was shown the text.
fn commitment(exact: &ExactText, text: &[u8]) -> String {
    let length = (text.len() as u64).to_be_bytes();
    let all = [exact.salt.as_slice(), &length, text, &exact.binds].concat();
    hexadecimal(&digest(&all))
}

fn recorded(world: &World) -> Vec<(StatementId, String)> {
    let of = |entry: &&Entry| match entry {
        Entry::Intent(intent) => Some((intent.statement, intent.commitment.clone())),
        Entry::Denial(denial) => Some((denial.statement, denial.commitment.clone())),
        _ => None,
    };
    world.entries().iter().filter_map(of).collect()
}

fn whole(exact: &ExactText) -> Option<String> {
    match &exact.kept {
        KeptText::Whole { text, .. } => Some(String::from_utf8_lossy(text).into_owned()),
        KeptText::Withheld => None,
    }
}

#[test]
fn the_text_and_the_values_that_are_kept_are_those_that_are_committed_to() {
    let mut world = world();
    let text = "select id from orders where id = $1 /* just so */";
    let bind = message(b'B', b"\0\0\0\0\0\x01\0\0\0\x0247\0\0");
    world.client(&message(b'P', &[b"\0", text.as_bytes(), b"\0\0\0"].concat()));
    world.client(&bind);
    world.client(&[message(b'E', b"\0\0\0\0\0"), sync()].concat());
    world.client(&query("select 1 from orders; select 2 from orders"));
    let recorded = recorded(&world);
    assert_eq!(world.exact.len(), recorded.len());
    for (exact, (statement, commitment_of)) in world.exact.iter().zip(&recorded) {
        assert_eq!(exact.statement, *statement);
        let text = whole(exact).expect("it is kept");
        assert_eq!(commitment(exact, text.as_bytes()), *commitment_of, "{text}");
    }
    let KeptText::Whole { bind: Some(kept), .. } = &world.exact[0].kept else { panic!("the Bind is kept") };
    assert_eq!((**kept).clone(), bind);
    assert_eq!(world.exact[0].binds, digest(&bind));
}

#[test]
fn a_text_with_a_place_for_passwords_is_never_kept_and_its_salt_still_opens_the_commitment() {
    for text in [
        "ALTER ROLE bob PASSWORD 'hunter2'",
        "CREATE USER MAPPING FOR bob SERVER s OPTIONS (password 'hunter2')",
        "CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p",
        "SET my.secret = 'hunter2'",
        "DO $$ BEGIN PERFORM 'hunter2'; END $$",
        "select 1 from orders; ALTER ROLE bob PASSWORD 'hunter2'",
        "select 1 from orders where 'hunter2",
        "ALTER ROLE bob PASSWORD 'hunter2' nonsense",
    ] {
        let mut world = world();
        world.client(&query(text));
        let recorded = recorded(&world);
        assert!(!recorded.is_empty(), "{text}");
        assert_eq!(world.exact.len(), recorded.len(), "{text}");
        for (exact, (_, commitment_of)) in world.exact.iter().zip(&recorded) {
            assert_eq!(whole(exact), None, "{text}");
            assert_eq!(commitment(exact, text.as_bytes()), *commitment_of, "{text}");
        }
    }
}

#[test]
fn a_cursor_that_stands_beside_a_password_does_not_bring_its_text_out_later() {
    let mut world = world();
    world.client(&query("begin"));
    world.client(&query("SET my.secret = 'hunter2'; declare c cursor for select id from orders"));
    world.client(&[message(b'E', b"c\0\0\0\0\0"), sync()].concat());
    let texts: Vec<_> = world.exact.iter().filter_map(whole).collect();
    assert!(texts.iter().all(|text| !text.contains("hunter2")), "{texts:?}");
    assert_eq!(texts[0], "begin");
}

#[test]
fn what_is_bound_is_kept_up_to_a_limit_and_committed_to_beyond() {
    let mut world = world();
    let text = "insert into orders values ($1)";
    world.client(&message(b'P', &[b"s\0", text.as_bytes(), b"\0\0\0"].concat()));
    let value = vec![b'v'; 300_000];
    let length = u32::try_from(value.len()).expect("a length").to_be_bytes();
    for portal in 0..5 {
        let name = format!("p{portal}\0s\0");
        let body = [name.as_bytes(), b"\0\0\0\x01", &length[..], &value, b"\0\0"].concat();
        world.client(&message(b'B', &body));
    }
    for portal in 0..5 {
        world.client(&message(b'E', format!("p{portal}\0\0\0\0\0").as_bytes()));
    }
    world.client(&sync());
    let kept = |exact: &ExactText| matches!(&exact.kept, KeptText::Whole { bind: Some(_), .. });
    let all: Vec<bool> = world.exact.iter().map(kept).collect();
    assert_eq!(all, [true, true, true, false, false]);
    for (exact, (_, commitment_of)) in world.exact.iter().zip(recorded(&world)) {
        assert_eq!(commitment(exact, text.as_bytes()), commitment_of);
    }
}

#[test]
fn without_a_key_for_salts_nothing_is_kept() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&query("select id from orders"));
    assert_eq!((world.exact.len(), recorded(&world).len()), (0, 1));
}
