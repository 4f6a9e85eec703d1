//! COPY from the client: what the server ignores, and what it throws away, has no answer. COPY to the client: what
//! shows by itself what it is does not get there.

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

const MAIL: &str = "anna.schmidt@web.de";

/// What the client gets of these messages.
fn copied(copy: &str, data: &[&[u8]], pieces: Option<usize>) -> (Vec<u8>, World) {
    let mut world = World::ready(Disk::AtOnce);
    (world.peer.data, world.peer.pieces) = (data.iter().map(|data| data.to_vec()).collect(), pieces);
    world.client(&query(copy));
    (world.sent_to_client(), world)
}

#[test]
fn values_that_show_what_they_are_are_masked_in_each_format_and_however_the_server_cuts_them() {
    let ask = "copy orders to stdout";
    let csv = format!("{ask} (format csv, quote '''', escape '!')");
    let line = format!("1\twrite to {MAIL}\n");
    let quoted = format!("1,'it!'s, for {MAIL}'\n");
    let row = [&b"\0\x02\0\0\0\x011\0\0\0\x1c"[..], format!("write to {MAIL}").as_bytes()].concat();
    let first = [b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", &row[..]].concat();
    let cases: [(&str, Vec<&[u8]>, &str); 4] = [
        (ask, vec![b"2\tplain\n", line.as_bytes(), b"3\t\\N\n"], "2\tplain\n|1\t[free text]\n|3\t\\N\n"),
        (ask, line.as_bytes().chunks(5).collect(), "1\t[free text]\n"),
        (&csv, vec![b"2,x\n", quoted.as_bytes()], "2,x\n|1,'[free text]'\n"),
        ("copy orders to stdout (format binary)", vec![&first, &row, b"\xff\xff"], "[free text]|"),
    ];
    for (copy, data, expected) in &cases {
        for pieces in [None, Some(1), Some(7)] {
            let (heard, _) = copied(copy, data, pieces);
            let heard = text(&heard);
            assert!(!heard.contains("anna"), "{copy}: {heard}");
            for part in expected.split('|') {
                assert!(heard.contains(part), "{copy} by {pieces:?}: {heard:?} has no {part:?}");
            }
        }
    }
}

#[test]
fn names_of_columns_and_plain_data_pass_as_they_came() {
    let header = format!("{MAIL}\tb\n");
    let data = [header.as_bytes(), b"1\tx\n", b"2\ty\n"];
    let (heard, _) = copied("copy orders to stdout (header)", &data, None);
    assert_eq!(kinds(&heard), "HdddcCZ");
    assert!(text(&heard).contains(&header), "{}", text(&heard));
}

#[test]
fn a_line_that_is_too_long_to_be_kept_is_crossed_out_where_it_shows_what_it_is() {
    let line = format!("1\t{}{MAIL}\n", "x ".repeat(33 << 20));
    let (heard, mut world) = copied("copy orders to stdout", &[line.as_bytes(), b"2\tend\n"], Some(1 << 20));
    assert_eq!(kinds(&heard), "HddcCZ");
    let heard = text(&heard);
    assert!(!heard.contains("anna") && heard.contains(&"*".repeat(MAIL.len())) && heard.contains("2\tend\n"));
    world.peer.data.clear();
    is_in_step(&mut world);
}

#[test]
fn a_copy_that_could_be_read_in_two_ways_is_refused() {
    for options in [
        r"format csv, quote E'\n'",
        r"format csv, escape E'\r'",
        r"null 'x\'",
        r"null '\\N'",
        "encoding 'BIG5'",
        "encoding 'sjis'",
        "encoding 'gb18030'",
    ] {
        let (heard, world) = copied(&format!("copy orders to stdout ({options})"), &[b"1\tx\n"], None);
        let asked = text(&world.sent_to_server());
        assert!(!asked.contains("copy orders"), "{options}: {asked}");
        assert!(text(&heard).contains("0A000"), "{options}: {}", text(&heard));
    }
    for options in [r"null '\N'", "null ''", "encoding 'latin1'", "encoding 'UTF-8'", r"format csv, null '\'"]
    {
        let (heard, _) = copied(&format!("copy orders to stdout ({options})"), &[b"1\tx\n"], None);
        assert_eq!(kinds(&heard), "HdcCZ", "{options}: {}", text(&heard));
    }
}
