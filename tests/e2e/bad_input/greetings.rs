//! The first words of a connection: bad ones, cancel requests with wrong keys, versions, and none at all.

use std::{io::Write as _, time::Duration};

use connect_tests::{
    agent::SHOP,
    postgres::ADMINISTRATOR,
    process::PATIENCE,
    tunnel::Tunnel,
    wire::{Answer, Mode, VERSION_3_0, VERSION_3_2, Wire, query, startup},
    world::World,
};

use super::open;

const NAMES: [&str; 4] = ["user", "anybody", "database", "shop"];

/// What comes for a first message, until the connection ends.
fn greeted(tunnel: &Tunnel, bytes: &[u8]) -> Answer {
    let mut wire = Wire::dial(tunnel.port()).expect("a listener");
    wire.stream().write_all(bytes).expect("room for a few bytes");
    wire.rest()
}

#[test]
fn a_bad_first_message_is_answered_as_a_server_would() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let good = startup(VERSION_3_0, &NAMES);
        let code = |answer: &Answer| answer.sqlstate().unwrap_or_else(|| format!("{:?}", answer.lost));
        for length in [0_u32, 4, 7, 10_001, 0x8000_0000, u32::MAX] {
            let bytes = [&length.to_be_bytes()[..], &good[4..]].concat();
            assert_eq!(code(&greeted(&tunnel, &bytes)), "08P01", "length {length}");
        }
        for (version, expected) in [(2 << 16, "0A000"), (4 << 16, "0A000"), (0, "0A000"), (u32::MAX, "0A000")]
        {
            assert_eq!(code(&greeted(&tunnel, &startup(version, &NAMES))), expected, "version {version:#x}");
        }
        // A length that ends in the middle of the parameters, or behind them.
        for wrong in [good.len() - 1, good.len() - 6] {
            let mut bytes = good.clone();
            bytes[..4].copy_from_slice(&u32::try_from(wrong).expect("short").to_be_bytes());
            assert_eq!(code(&greeted(&tunnel, &bytes)), "08P01", "length {wrong}");
        }
        let replication = [&NAMES[..], &["replication", "database"]].concat();
        let refused = greeted(&tunnel, &startup(VERSION_3_0, &replication));
        assert_eq!(code(&refused), "0A000");
        assert!(refused.error().is_some_and(|error| error.text().contains("replication")));
        // Bytes behind a request for encryption were sent in the belief that nobody can read them.
        for request in [80_877_103_u32, 80_877_104] {
            let request = [&8_u32.to_be_bytes()[..], &request.to_be_bytes(), &good].concat();
            let answer = greeted(&tunnel, &request);
            assert_eq!(answer.messages, [], "an answer to plain bytes behind a request for encryption");
        }
        assert_eq!(open(&tunnel).ask(Mode::Simple, "SELECT 7").rows().len(), 1);
        world.held_little(&tunnel);
    }
}

/// Startup parameters that the agent refuses by design, each with the reason; what the server says of them is its own.
const REFUSED: [(&str, &str); 9] = [
    ("client_encoding=LATIN1", "masks are made of UTF-8"),
    ("no_such_setting=1", "the agent has a list of settings, and the server is not asked about others"),
    ("my.own=x", "who reads it is not known: an extension may"),
    ("is_superuser=on", "it is not on the list"),
    ("role=postgres", "the account is the agent's"),
    ("replication=database", "it carries clear values"),
    ("replication=yes", "it carries clear values"),
    ("options=-e", "of options only settings are understood"),
    ("options=nonsense", "of options only settings are understood"),
];

#[test]
fn startup_parameters_are_answered_as_the_server_answers_them() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let said = |port: u16, user: &str, pair: &str| {
            let (name, value) = pair.split_once('=').expect("a pair");
            let bytes = startup(VERSION_3_0, &["user", user, "database", "shop", name, value]);
            let mut wire = Wire::dial(port).expect("a listener");
            let answer = wire.send(&bytes, 1);
            let error = answer.error().map(|error| (error.field(b'C'), error.field(b'M')));
            error.unwrap_or_default()
        };
        let ours = |pair: &str| said(tunnel.port(), "anybody", pair);
        for pair in [
            "work_mem=64kB",
            "work_mem=much",
            "work_mem=1",
            "DateStyle=German",
            "datestyle=nonsense",
            "search_path=nowhere",
            "client_encoding=utf-8",
            "default_transaction_read_only=maybe",
            "statement_timeout=-5",
            "replication=off",
            "replication=N",
            "replication=maybe",
            "options=-c work_mem=64kB --enable-seqscan=off",
            "options=-cwork_mem=much",
            "application_name=",
        ] {
            assert_eq!(ours(pair), said(world.postgres.port(), ADMINISTRATOR, pair), "{pair}");
        }
        for (pair, why) in REFUSED {
            let (sqlstate, message) = ours(pair);
            let expected = if pair.starts_with("replication") { "0A000" } else { "42501" };
            assert_eq!(sqlstate.as_deref(), Some(expected), "{pair} ({why}): {message:?}");
        }
        assert_eq!(open(&tunnel).ask(Mode::Simple, "SELECT 7").rows().len(), 1);
    }
}

#[test]
fn an_unknown_cancel_key_reaches_nobody() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut sleeper = open(&tunnel);
        let key = sleeper
            .greeting
            .messages
            .iter()
            .find(|message| message.kind == b'K')
            .expect("a key")
            .body
            .clone();
        sleeper.stream().write_all(&query("SELECT pg_sleep(600)")).expect("room");
        world.postgres.wait_until(
        "shop",
        "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = 'connect_agent')",
    );
        let cancel = |key: &[u8]| {
            let code = 80_877_102_u32.to_be_bytes();
            let length = u32::try_from(8 + key.len()).expect("short").to_be_bytes();
            greeted(&tunnel, &[&length[..], &code, key].concat())
        };
        let mut other_secret = key.clone();
        other_secret[7] ^= 1;
        let mut other_process = key.clone();
        other_process[3] ^= 1;
        for wrong in [&other_secret[..], &other_process, &[0; 8], &key[..4], &[&key[..], &[0; 8]].concat()] {
            let answer = cancel(wrong);
            assert!(answer.messages.iter().all(|message| message.kind == b'E'), "{:?}", answer.messages);
        }
        assert_eq!(
            world.postgres.sql("shop", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"),
            "1",
            "a wrong key cancelled it"
        );
        assert_eq!(cancel(&key).messages, []);
        let cancelled = sleeper.send(&[], 1);
        assert_eq!(cancelled.sqlstate().as_deref(), Some("57014"));
        // One that comes too late is over when its connection is, and meets no statement behind it.
        for _ in 0..20 {
            assert_eq!(cancel(&key).messages, []);
            let next = sleeper.ask(Mode::Simple, "SELECT pg_sleep(0.05)");
            assert_eq!(next.sqlstate(), None, "a late request cancelled another statement");
        }
        world.held_little(&tunnel);
    }
}

#[test]
fn the_key_shows_the_servers_process_and_no_secret_of_its() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = open(&tunnel);
        let key =
            wire.greeting.messages.iter().find(|message| message.kind == b'K').expect("a key").body.clone();
        let process = u32::from_be_bytes(key[..4].try_into().expect("four bytes"));
        let told = wire.ask(Mode::Simple, "SELECT pg_backend_pid()").rows();
        assert_eq!(told, [[Some(process.to_string().into_bytes())]]);
        world.held_little(&tunnel);
    }
}

#[test]
fn protocol_3_2_is_spoken_and_newer_ones_are_negotiated_down() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let kinds =
            |wire: &Wire| wire.greeting.messages.iter().map(|message| message.kind).collect::<Vec<_>>();
        let mut plain = Wire::begin(tunnel.port(), &startup(VERSION_3_2, &NAMES)).expect("3.2");
        assert!(!kinds(&plain).contains(&b'v'));
        assert_eq!(plain.ask(Mode::Binary, "SELECT 7").rows(), [[Some(vec![0, 0, 0, 7])]]);
        let asked = [&NAMES[..], &["_pq_.new_thing", "on"]].concat();
        for (version, spoken) in
            [(VERSION_3_0, VERSION_3_0), (VERSION_3_0 + 1, VERSION_3_0), (VERSION_3_0 + 9999, VERSION_3_2)]
        {
            let wire = Wire::begin(tunnel.port(), &startup(version, &asked)).expect("a connection");
            let negotiated = wire.greeting.messages.first().expect("an answer");
            let expected = [&spoken.to_be_bytes()[..], &1_u32.to_be_bytes(), b"_pq_.new_thing\0"].concat();
            assert_eq!((negotiated.kind, &negotiated.body), (b'v', &expected), "{version}");
        }
        world.held_little(&tunnel);
    }
}

#[test]
fn a_client_that_says_nothing_or_half_a_greeting_is_let_go_in_its_time() {
    if std::env::var_os("CONNECT_TESTS_FULL").is_none() {
        println!("skipped: it lasts as long as such clients are waited for");
        return;
    }
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let good = startup(VERSION_3_0, &NAMES);
    // Of what never came to the agent nothing can be said.
    let cases = [(0, None), (3, None), (8, Some("08006")), (good.len() - 1, Some("08006"))];
    let waiting = cases.map(|(length, told)| {
        let mut wire = Wire::dial(tunnel.port()).expect("a listener");
        wire.stream().write_all(&good[..length]).expect("room");
        (wire, told)
    });
    assert_eq!(open(&tunnel).ask(Mode::Simple, "SELECT 7").rows().len(), 1);
    for (mut wire, told) in waiting {
        wire.stream().set_read_timeout(Some(PATIENCE + Duration::from_secs(30))).expect("a socket");
        let answer = wire.rest();
        assert_eq!(answer.sqlstate().as_deref(), told);
        let why = answer.lost.expect("an end").kind();
        assert!(
            told.is_some() || why == std::io::ErrorKind::UnexpectedEof,
            "it was waited for in vain: {why}"
        );
    }
}
