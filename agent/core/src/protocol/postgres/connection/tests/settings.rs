//! `current_setting($1)`: what a Bind or EXECUTE gives says which setting is shown, and is looked at there.

use super::world::{Disk, World, kinds, message, query, sync};

const SHOWS: &str = "select current_setting($1)";

fn parse(name: &str, text: &str, types: &[u32]) -> Vec<u8> {
    let mut body = [name.as_bytes(), b"\0", text.as_bytes(), b"\0"].concat();
    body.extend((types.len() as u16).to_be_bytes());
    types.iter().for_each(|oid| body.extend(oid.to_be_bytes()));
    message(b'P', &body)
}

/// Of the statement `s` to the unnamed portal.
fn bind(format: u16, values: &[&str]) -> Vec<u8> {
    let mut body = b"\0s\0\0\x01".to_vec();
    body.extend(format.to_be_bytes());
    body.extend((values.len() as u16).to_be_bytes());
    for value in values {
        body.extend((value.len() as u32).to_be_bytes());
        body.extend(value.as_bytes());
    }
    message(b'B', &[&body[..], b"\0\0"].concat())
}

fn execute() -> Vec<u8> {
    message(b'E', b"\0\0\0\0\0")
}

/// What the client hears, and what the server.
fn said(world: &mut World, bytes: &[u8]) -> (String, String) {
    world.events.clear();
    world.client(bytes);
    let [client, server] = [world.sent_to_client(), world.sent_to_server()];
    (String::from_utf8_lossy(&client).into_owned(), String::from_utf8_lossy(&server).into_owned())
}

#[track_caller]
fn is_refused(world: &mut World, bytes: &[u8]) {
    let (told, sent) = said(world, &[bytes, &sync()].concat());
    assert!(told.contains("unsafe_setting") && told.contains("42501"), "{told}");
    assert!(!sent.to_ascii_lowercase().contains("connect_mask"), "{sent}");
    assert!(!sent.contains("current_setting"), "{sent}");
    let (_, _) = said(world, &query("select id from orders"));
    assert_eq!(kinds(&world.sent_to_client()), "TDDDCZ", "it goes on");
}

#[test]
fn each_bind_says_which_setting_is_shown_and_the_agents_own_are_not() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&[parse("s", SHOWS, &[]), sync()].concat());
    for format in [0, 1] {
        for good in ["search_path", "", "connect.purpose", "Ä", " connect_mask.pii_email"] {
            let (told, sent) = said(&mut world, &[bind(format, &[good]), execute(), sync()].concat());
            assert!(!told.contains("42501") && sent.contains(good), "{good}: {told}");
        }
        for key in ["connect_mask.pii_email", "CONNECT_mask.PII_EMAIL", "connect_mask", "connect_mask\0"] {
            is_refused(&mut world, &[bind(format, &[key]), execute()].concat());
        }
    }
    // Another parameter of the statement may be anything.
    let both = "select current_setting($2) from orders where id = $1";
    world.client(&[parse("s", both, &[]), sync()].concat());
    let (told, _) = said(&mut world, &[bind(0, &["connect_mask.x", "search_path"]), sync()].concat());
    assert!(!told.contains("42501"), "{told}");
    is_refused(&mut world, &bind(0, &["7", "connect_mask.x"]));
}

#[test]
fn a_setting_is_not_named_by_a_value_of_another_type() {
    let mut world = World::ready(Disk::AtOnce);
    for good in [&[][..], &[0], &[25], &[1043], &[705], &[19], &[25, 142]] {
        let (told, _) = said(&mut world, &[parse("", SHOWS, good), sync()].concat());
        assert!(!told.contains("42501"), "{good:?}: {told}");
    }
    // xml, regclass, jsonb, bytea and a type of somebody's own.
    for other in [142, 2205, 3802, 17, 70_000] {
        is_refused(&mut world, &parse("", "select current_setting($1::text)", &[other]));
    }
}

#[test]
fn what_is_prepared_is_executed_with_constants_that_name_other_settings() {
    for prepare in
        [query("prepare s as select current_setting($1)"), [parse("s", SHOWS, &[]), sync()].concat()]
    {
        let mut world = World::ready(Disk::AtOnce);
        world.client(&prepare);
        let (told, sent) = said(&mut world, &query("execute s('search_path')"));
        assert!(!told.contains("42501") && sent.contains("execute s"), "{told}");
        for arguments in [
            "('connect_mask.pii_email')",
            "('connect_'||'mask.pii_email')",
            "('connect_mask.x'::xml)",
            "(lower('X'))",
            "",
        ] {
            is_refused(&mut world, &query(&format!("execute s{arguments}")));
            is_refused(&mut world, &parse("", &format!("execute s{arguments}"), &[]));
        }
        // The protocol's Bind finds it by the same name.
        is_refused(&mut world, &bind(1, &["connect_mask.pii_email"]));
        let (told, _) = said(&mut world, &[bind(0, &["search_path"]), execute(), sync()].concat());
        assert!(!told.contains("42501"), "{told}");
    }
}

#[test]
fn a_value_that_passes_unseen_names_no_setting() {
    let mut world = World::ready(Disk::AtOnce);
    world.client(&[parse("s", SHOWS, &[]), sync()].concat());
    let long = "x".repeat(crate::protocol::postgres::connection::intend::MAX_BIND);
    let (told, sent) = said(&mut world, &[bind(0, &[&long]), execute(), sync()].concat());
    assert!(told.contains("54000") && !sent.contains("xxx"), "{told}");
}
