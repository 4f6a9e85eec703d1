//! A server that turns hostile when its client is in: the client hears one FATAL error in the agent's words, the server
//! hears nothing more, and what ran has its end in the record.

use std::sync::Arc;

use bytes::Bytes;
use connect_shared::entry::{Entry, StatementResult};

use super::world::{CANARY, Disk, Event, World, extended, kinds, message, query, startup, sync};
use crate::{
    decide::{DEFAULT_POLICY, Policies},
    machine::Input,
};

/// Types of messages that a server may send, but for those that may come at any time, and some that none has.
const ANSWERS: &[u8] = b"123CDGHIKRTVWZcdnpstv!\0\xff";

const UNKNOWN: &[StatementResult] = &[StatementResult::Unknown];
const DONE: &[StatementResult] = &[StatementResult::Done];

fn select() -> Vec<u8> {
    query("select id from orders")
}

fn masked() -> Vec<u8> {
    query("select id, email from customers")
}

fn pipeline() -> Vec<u8> {
    [extended("select id from orders"), sync()].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// This was asked, and not yet answered; and what an honest server would say to it.
fn asked(client: &[u8]) -> (World, Vec<u8>) {
    let mut world = World::ready(Disk::AtOnce);
    world.held = Some(Vec::new());
    world.client(client);
    let honest = world.held.replace(Vec::new()).unwrap_or_default();
    (world, honest)
}

fn server(world: &mut World, bytes: &[u8]) {
    world.input(Input::Server(Bytes::copy_from_slice(bytes)));
}

/// Messages before the first of this type.
fn before(honest: &[u8], kind: u8) -> &[u8] {
    let mut end = 0;
    while let Some([found, length @ ..]) = honest[end..].first_chunk::<5>() {
        if *found == kind {
            break;
        }
        end += 1 + u32::from_be_bytes(*length) as usize;
    }
    &honest[..end]
}

fn header(kind: u8, length: u32) -> Vec<u8> {
    [&[kind][..], &length.to_be_bytes()].concat()
}

fn ready(status: &[u8]) -> Vec<u8> {
    message(b'Z', status)
}

fn results(world: &World) -> Vec<StatementResult> {
    let results = world.entries().into_iter().filter_map(|entry| match entry {
        Entry::Outcome(outcome) => Some(outcome.result.clone()),
        _ => None,
    });
    results.collect()
}

fn finished(world: &World) -> Vec<&str> {
    let codes = world.events.iter().filter_map(|event| match event {
        Event::Finished(code) => Some(code.as_str()),
        _ => None,
    });
    codes.collect()
}

/// What is expected when the server has said something.
struct End<'a> {
    /// Types of the messages that the client still gets before the error.
    hears: &'a str,
    sqlstate: &'a str,
    code: &'a str,
    results: &'a [StatementResult],
}

impl<'a> End<'a> {
    const fn violation(hears: &'a str, results: &'a [StatementResult]) -> Self {
        Self { hears, sqlstate: "08P01", code: "server_violation", results }
    }

    /// The server says this, and more when it is too late.
    #[track_caller]
    fn comes(&self, world: &mut World, says: Input, what: &str) {
        let (heard, asked) = (world.sent_to_client().len(), world.sent_to_server().len());
        world.input(says);
        let late = [
            Input::Server(Bytes::from(ready(b"I"))),
            Input::Client(Bytes::from(select())),
            Input::Tick,
            Input::ServerClosed,
            Input::ClientClosed,
        ];
        for late in late {
            world.input(late);
        }
        let words = world.sent_to_client().split_off(heard);
        assert_eq!(kinds(&words), format!("{}E", self.hears), "{what}: {}", text(&words));
        let error = format!("SFATAL\0VFATAL\0C{}\0", self.sqlstate);
        assert!(text(&words).contains(&error), "{what}: {}", text(&words));
        assert!(!text(&words).contains(CANARY), "{what}: {}", text(&words));
        assert_eq!(world.sent_to_server().len(), asked, "{what}: the server heard more");
        assert_eq!(finished(world), [self.code], "{what}");
        assert_eq!(results(world), self.results, "{what}");
        let intents = world.entries().into_iter().filter(|entry| matches!(entry, Entry::Intent(_)));
        assert_eq!(intents.count(), self.results.len(), "{what}: an INTENT without an OUTCOME");
    }

    #[track_caller]
    fn comes_of(&self, world: &mut World, says: &[u8], what: &str) {
        self.comes(world, Input::Server(Bytes::copy_from_slice(says)), what);
    }
}

#[test]
fn a_length_that_cannot_be_ends_the_connection() {
    for kind in ANSWERS.iter().chain(b"AENS") {
        for length in [0, 1, 3, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            for (asks, results) in [(Vec::new(), &[][..]), (select(), UNKNOWN), (pipeline(), UNKNOWN)] {
                let (mut world, _) = asked(&asks);
                let what = format!("0x{kind:02x} of length {length}, {}", text(&asks));
                End::violation("", results).comes_of(&mut world, &header(*kind, length), &what);
            }
        }
    }
}

#[test]
fn an_answer_without_a_question_ends_the_connection() {
    for kind in ANSWERS {
        let (mut world, _) = asked(b"");
        End::violation("", &[]).comes_of(&mut world, &message(*kind, b"I"), &format!("0x{kind:02x}"));
    }
}

/// Where the honest answer is broken off, types that may come there, what was heard before, and how it ends.
type Place<'a> = (Vec<u8>, u8, &'a [u8], &'a str, &'a [StatementResult]);

#[test]
fn an_answer_to_another_question_ends_the_connection() {
    let denied = query("delete from orders");
    let denied_in_pipeline = [extended("delete from orders"), sync()].concat();
    let places: [Place<'_>; 10] = [
        // `C` and `Z` are an end there: with no rows, and of which nothing is known.
        (select(), b'T', b"CZ", "", UNKNOWN),
        (masked(), b'T', b"CZ", "", UNKNOWN),
        // Behind its completion.
        (select(), b'Z', b"IZ", "TDDDC", DONE),
        (pipeline(), b'1', b"1", "", UNKNOWN),
        (pipeline(), b'2', b"2", "1", UNKNOWN),
        // The description that the client did not ask for.
        (pipeline(), b'T', b"Tn", "12", UNKNOWN),
        // A row, a completion, a portal that is suspended.
        (pipeline(), b'D', b"DCs", "12", UNKNOWN),
        (query("copy orders from stdin"), b'G', b"CDGZT", "", UNKNOWN),
        // What was sent in their place fails by construction.
        (denied, b'E', b"", "", &[]),
        (denied_in_pipeline, b'E', b"", "", &[]),
    ];
    for (asks, upto, fits, hears, results) in places {
        for kind in ANSWERS.iter().filter(|kind| !fits.contains(kind)) {
            let (mut world, honest) = asked(&asks);
            let body: &[u8] = if *kind == b'Z' { b"I" } else { b"\0" };
            let says = [before(&honest, upto), &message(*kind, body)].concat();
            let what =
                format!("0x{kind:02x} in place of {}, {}", char::from(upto), text(&asks).escape_debug());
            End::violation(hears, results).comes_of(&mut world, &says, &what);
        }
    }
}

#[test]
fn a_ready_server_in_no_known_state_ends_the_connection() {
    for body in [&b""[..], b"X", b"\0", b"II"] {
        for (asks, hears, results) in
            [(Vec::new(), "", &[][..]), (select(), "TDDDC", DONE), (pipeline(), "12DDDC", DONE)]
        {
            let (mut world, honest) = asked(&asks);
            let says = [before(&honest, b'Z'), &ready(body)].concat();
            End::violation(hears, results).comes_of(&mut world, &says, &format!("{body:?}"));
        }
        // At once, with nothing before it.
        let (mut world, _) = asked(&select());
        End::violation("", UNKNOWN).comes_of(&mut world, &ready(body), &format!("{body:?} at once"));
    }
}

#[test]
fn an_error_or_a_notice_that_cannot_be_read_ends_the_connection() {
    let quoted = format!("SERROR\0C22012\0M{CANARY}");
    for body in [&b""[..], b"S", b"SERROR", b"SERROR\0", b"SERROR\0\0more", quoted.as_bytes()] {
        for (asks, results) in [(Vec::new(), &[][..]), (select(), UNKNOWN), (masked(), UNKNOWN)] {
            let (mut world, _) = asked(&asks);
            End::violation("", results).comes_of(&mut world, &message(b'E', body), &format!("{body:?}"));
        }
        // Where it may quote a value it is read.
        let (mut world, _) = asked(&masked());
        End::violation("", UNKNOWN).comes_of(&mut world, &message(b'N', body), &format!("{body:?}"));
    }
}

#[test]
fn a_row_that_is_not_as_it_was_described_ends_the_connection() {
    let value = |length: i32, value: &str| [&length.to_be_bytes()[..], value.as_bytes()].concat();
    let row = |count: u16, values: &[Vec<u8>]| {
        message(b'D', &[&count.to_be_bytes()[..], &values.concat()].concat())
    };
    let id = value(1, "1");
    let whole = value(CANARY.len() as i32, CANARY);
    let rows = [
        ("no row", message(b'D', b"")),
        ("no values", row(2, &[])),
        ("too few", row(1, std::slice::from_ref(&whole))),
        ("too many", row(3, &[id.clone(), id.clone(), whole.clone()])),
        ("more than it says", row(2, &[id.clone(), whole.clone(), id.clone()])),
        ("a value that is longer than the row", row(2, &[id.clone(), value(1_000, CANARY)])),
        ("a value of two gigabytes", row(2, &[id.clone(), value(i32::MAX, CANARY)])),
        ("a negative length", row(2, &[value(-2, ""), whole.clone()])),
        ("a length in the middle of a value", row(2, &[id.clone(), value(2, CANARY)])),
        ("half a length", row(2, &[id.clone(), vec![0, 0]])),
    ];
    let good = row(2, &[id, whole]);
    for (what, bad) in &rows {
        for (asks, hears) in [
            (masked(), ["T", "TD"]),
            ([extended("select id, email from customers"), sync()].concat(), ["12", "12D"]),
        ] {
            // It is the first, or stands behind a good one, at once or by itself.
            for (hears, good) in hears.into_iter().zip([&b""[..], good.as_slice()]) {
                let (mut world, honest) = asked(&asks);
                let says = [before(&honest, b'D'), good, bad].concat();
                End::violation(hears, UNKNOWN).comes_of(&mut world, &says, what);
                let (mut world, honest) = asked(&asks);
                server(&mut world, &[before(&honest, b'D'), good].concat());
                End::violation("", UNKNOWN).comes_of(&mut world, bad, what);
            }
        }
    }
}

#[test]
fn a_description_that_cannot_be_read_ends_the_connection() {
    let (_, honest) = asked(&select());
    let good = &before(&honest, b'D')[5..];
    for cut in 0..good.len() {
        let (mut world, _) = asked(&select());
        let says = message(b'T', &good[..cut]);
        End::violation("", UNKNOWN).comes_of(&mut world, &says, &format!("cut at {cut}"));
    }
    let (mut world, _) = asked(&select());
    End::violation("", UNKNOWN).comes_of(&mut world, &message(b'T', &[good, &[0]].concat()), "too long");
}

#[test]
fn a_server_that_goes_in_the_middle_of_its_answer_is_told_once() {
    for asks in [masked(), [extended("select id, email from customers"), sync()].concat()] {
        let (_, honest) = asked(&asks);
        for cut in 0..=honest.len() {
            let (mut world, honest) = asked(&asks);
            server(&mut world, &honest[..cut]);
            let results = match results(&world)[..] {
                [] => UNKNOWN,
                _ => DONE,
            };
            let end = End { hears: "", sqlstate: "57P01", code: "upstream_closed", results };
            end.comes(&mut world, Input::ServerClosed, &format!("at {cut}"));
            let heard = kinds(&world.sent_to_client());
            let whole = if asks[0] == b'Q' { "TDDDCZ" } else { "12DDDCZ" };
            assert!(whole.starts_with(&heard[..heard.len() - 1]), "{heard}");
        }
    }
}

#[test]
fn in_the_middle_of_a_row_nothing_can_be_said() {
    let (mut world, honest) = asked(&select());
    server(&mut world, before(&honest, b'D'));
    let heard = world.sent_to_client().len();
    let half = [&header(b'D', 100)[..], b"\0\x01\0\0\0\x5a1234"].concat();
    server(&mut world, &half);
    world.input(Input::ServerClosed);
    assert_eq!(world.sent_to_client()[heard..], half, "the half of it, and no error inside of it");
    assert_eq!((finished(&world), results(&world)), (vec!["upstream_closed"], UNKNOWN.to_vec()));
}

/// The default, with this annotation on all that reads and writes.
fn limited(annotation: &str) -> World {
    let policies = ["read", "write"].iter().fold(DEFAULT_POLICY.to_owned(), |text, id| {
        let id = format!("@id(\"default/{id}\")");
        text.replacen(&id, &format!("{id} {annotation}"), 1)
    });
    let policies = Arc::new(Policies::load(&policies).expect("a good set"));
    let mut world = World::under(Disk::AtOnce, &[], policies, Arc::default());
    world.client(&startup(&[("user", "anyone"), ("database", "shop")]));
    world.events.clear();
    world.held = Some(Vec::new());
    world
}

#[test]
fn a_commit_of_ours_is_answered_by_nothing_else() {
    let error = message(b'E', b"SERROR\0C23503\0Mhalf an error");
    let answers = ANSWERS.iter().filter(|kind| **kind != b'C').map(|kind| message(*kind, b"I"));
    for answer in answers.chain([error]) {
        let mut world = limited("@limit_change(\"5\")");
        world.client(&query("insert into orders values (1)"));
        server(&mut world, &[message(b'C', b"BEGIN\0"), ready(b"T")].concat());
        server(&mut world, &[message(b'C', b"INSERT 0 1\0"), ready(b"T")].concat());
        assert!(text(&world.sent_to_server()).contains("COMMIT"), "it was asked");
        let what = text(&answer);
        End::violation("", UNKNOWN).comes_of(&mut world, &answer, &what);
    }
}

#[test]
fn what_fails_by_construction_and_does_not_ends_the_connection() {
    for kind in ANSWERS {
        let mut world = limited("@limit_rows(\"2\")");
        world.client(&pipeline());
        // Honest until the limit is broken, and no further.
        while results(&world).is_empty() {
            let honest = world.held.replace(Vec::new()).unwrap_or_default();
            assert!(!honest.is_empty(), "nothing more was asked");
            server(&mut world, &honest);
        }
        let results = results(&world);
        assert!(matches!(results[..], [StatementResult::Cut(_)]), "{results:?}");
        End::violation("", &results).comes_of(&mut world, &message(*kind, b"I"), &format!("0x{kind:02x}"));
    }
}

#[test]
fn calls_of_ours_are_answered_by_nothing_else() {
    for (asks, tag, call) in [
        ("reset all", &b"RESET\0"[..], "connect_mask"),
        ("set application_name = 'etl'", &b"SET\0"[..], "via connect, etl"),
    ] {
        let others =
            ANSWERS.iter().filter(|kind| !matches!(kind, b'V' | b'Z')).map(|kind| message(*kind, b"I"));
        let malformed = [&b""[..], b"X", b"II"].map(|status| message(b'Z', status));
        for answer in others.chain(malformed) {
            let (mut world, _) = asked(&query(asks));
            let named = message(b'S', b"application_name\0etl\0");
            let report = if tag == b"SET\0" { named } else { Vec::new() };
            server(&mut world, &[message(b'C', tag), report, ready(b"I")].concat());
            assert!(text(&world.sent_to_server()).contains(call), "{asks}: it was asked");
            End::violation("", DONE).comes_of(&mut world, &answer, &format!("{answer:02x?}"));
        }
    }
}
