//! What stands behind a name is what the server has there, whatever it refused or skipped on the way.

use connect_shared::entry::Entry;

use super::world::{CANARY, Disk, World, kinds, message, query, startup, sync};

const PLAIN: &str = "select id from orders";
const PROTECTED: &str = "select email from customers";

fn ready() -> World {
    let mut world = World::new(Disk::AtOnce);
    world.peer.keeps_names = true;
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.events.clear();
    world
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), b"\0", text.as_bytes(), b"\0\0\0"].concat())
}

fn bind(portal: &str, statement: &str) -> Vec<u8> {
    message(b'B', &[portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0\0\0\0\0"].concat())
}

fn execute(portal: &str) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0\0\0\0\0"].concat())
}

fn close(what: u8, name: &str) -> Vec<u8> {
    message(b'C', &[&[what], name.as_bytes(), b"\0"].concat())
}

/// Each of these goes in one write, and what the server says to it comes at its end.
fn after(writes: &[Vec<Vec<u8>>]) -> World {
    let mut world = ready();
    for write in writes {
        world.held = Some(Vec::new());
        world.client(&write.concat());
        while world.held.as_ref().is_some_and(|held| !held.is_empty()) {
            world.release();
            world.held = Some(Vec::new());
        }
        world.release();
    }
    world
}

/// The value did not leave, and the last statement that ran is recorded with what it read.
fn is_told_truly(world: &World, reads: &str) {
    let sent = world.sent_to_client();
    assert!(!sent.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()), "a value left");
    let last = world.entries().into_iter().rev().find_map(|entry| match entry {
        Entry::Intent(intent) => Some(intent.reads.clone()),
        _ => None,
    });
    assert_eq!(last, Some(vec![reads.to_owned()]), "{}", kinds(&sent));
}

#[test]
fn a_name_that_the_server_did_not_change_is_not_believed_in_the_next_group() {
    let prepared = vec![parse("", PROTECTED), sync()];
    let pipeline = vec![bind("", "nosuch"), parse("", PLAIN), sync(), bind("", ""), execute(""), sync()];
    let world = after(&[prepared, pipeline]);
    is_told_truly(&world, "public.customers");
    assert_eq!(kinds(&world.sent_to_client()), "1ZEZ2DDDCZ");
}

#[test]
fn nor_is_one_that_is_taken_nor_one_whose_close_was_skipped() {
    let prepared = || vec![parse("s", PROTECTED), sync()];
    let taken = vec![parse("s", PLAIN), sync(), bind("", "s"), execute(""), sync()];
    is_told_truly(&after(&[prepared(), taken]), "public.customers");
    let skipped = vec![
        bind("", "nosuch"),
        close(b'S', "s"),
        parse("s", PLAIN),
        sync(),
        bind("", "s"),
        execute(""),
        sync(),
    ];
    is_told_truly(&after(&[prepared(), skipped]), "public.customers");
}

#[test]
fn a_later_change_stands_when_an_earlier_one_was_not_made() {
    let prepared = vec![parse("s", PLAIN), sync()];
    let pipeline = vec![parse("s", "select now()"), sync(), close(b'S', "s"), parse("s", PROTECTED), sync()];
    let used = vec![bind("", "s"), execute(""), sync()];
    is_told_truly(&after(&[prepared, pipeline, used]), "public.customers");
}

#[test]
fn a_portal_that_was_not_bound_is_what_it_was() {
    let begun = vec![query("begin"), parse("t1", PROTECTED), bind("p", "t1"), sync()];
    let refused = vec![query("savepoint s"), parse("t2", PLAIN), bind("p", "t2"), sync()];
    let used = || vec![query("rollback to s"), execute("p"), sync()];
    is_told_truly(&after(&[begun.clone(), refused.clone(), used()]), "public.customers");
    is_told_truly(&after(&[begun, [refused, used()].concat()]), "public.customers");
}

#[test]
fn a_pipeline_in_which_no_name_is_uncertain_goes_as_it_comes() {
    let mut world = ready();
    world.client(&[parse("s", PLAIN), sync()].concat());
    world.held = Some(Vec::new());
    let group =
        |text| [parse("", text), bind("", ""), execute(""), bind("", "s"), execute(""), sync()].concat();
    world.events.clear();
    world.client(&[group(PLAIN), group("select now()"), group(PLAIN)].concat());
    assert_eq!(kinds(&world.sent_to_server()).replace('D', ""), "PBEBESPBEBESPBEBES");
}

#[test]
fn at_the_limit_of_names_the_unnamed_still_fits_and_names_can_be_given_back() {
    let mut world = ready();
    for batch in 0..100 {
        let names = (0..100).flat_map(|number| parse(&format!("s{batch}_{number}"), PLAIN));
        world.client(&names.chain(sync()).collect::<Vec<u8>>());
    }
    world.events.clear();
    world.client(&[parse("another", PLAIN), sync()].concat());
    let sent = String::from_utf8_lossy(&world.sent_to_client()).into_owned();
    assert!(sent.contains("C54000") && sent.contains("DEALLOCATE ALL"), "{sent}");
    world.events.clear();
    world.client(&[bind("p", "s0_0"), execute("p"), sync()].concat());
    world.client(&[parse("", "deallocate all"), bind("", ""), execute(""), sync()].concat());
    world.client(&[parse("another", PLAIN), sync()].concat());
    assert_eq!(kinds(&world.sent_to_client()), "2DDDCZ12CZ1Z");
}

#[test]
fn a_name_that_the_server_would_cut_is_refused() {
    let (fits, long) = ("a".repeat(63), "a".repeat(64));
    let mut world = ready();
    world.client(&[parse(&fits, PLAIN), bind(&fits, &fits), execute(&fits), sync()].concat());
    assert_eq!(kinds(&world.sent_to_client()), "12DDDCZ");
    let of = |kind: u8, what: u8| message(kind, &[&[what], long.as_bytes(), b"\0"].concat());
    for bytes in [
        parse(&long, PLAIN),
        bind(&long, &fits),
        bind("", &long),
        execute(&long),
        of(b'D', b'S'),
        of(b'D', b'P'),
        of(b'C', b'S'),
        of(b'C', b'P'),
    ] {
        world.events.clear();
        world.client(&[bytes, sync()].concat());
        let sent = world.sent_to_client();
        assert_eq!(kinds(&sent), "EZ");
        assert!(sent.windows(6).any(|part| part == b"C42622"), "{}", String::from_utf8_lossy(&sent));
        assert!(!world.sent_to_server().windows(64).any(|part| part == long.as_bytes()));
    }
}

#[test]
fn a_cursor_with_hold_outlives_a_transaction_that_commits_and_no_other() {
    let declare = "declare c cursor with hold for select id from orders";
    for (texts, stays) in [
        (vec!["begin", declare, "commit"], true),
        (vec!["begin", declare, "rollback"], false),
        (vec!["begin", declare, "select 1/0", "rollback"], false),
        (vec!["begin", declare, "commit", "begin", "rollback"], true),
        (vec!["begin", "savepoint s", declare, "rollback to s", "commit"], true),
        (vec![declare], true),
    ] {
        let mut world = ready();
        for text in &texts {
            world.client(&query(text));
        }
        assert_eq!(world.machine.names.portal(b"c").is_some(), stays, "{texts:?}");
    }
}

#[test]
fn a_cursor_of_a_pipeline_is_not_settled_by_the_end_of_what_comes_before_it() {
    let declare = |name| format!("declare {name} cursor with hold for select id from orders");
    let mut world = ready();
    world.held = Some(Vec::new());
    let texts = ["begin".to_owned(), declare("a"), "rollback".to_owned(), declare("b")];
    let pipeline =
        texts.iter().flat_map(|text| [parse("", text), bind("", ""), execute(""), sync()].concat());
    world.client(&pipeline.collect::<Vec<u8>>());
    while world.held.as_ref().is_some_and(|held| !held.is_empty()) {
        world.release();
        world.held = Some(Vec::new());
    }
    world.release();
    let has = |name: &[u8]| world.machine.names.portal(name).is_some();
    assert_eq!((has(b"a"), has(b"b")), (false, true));
}
