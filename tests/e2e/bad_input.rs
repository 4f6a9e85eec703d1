//! Whatever a client sends that it must not send ends in an error on its own connection, and nobody else notices.

mod greetings;
mod names;

use std::io::{Read as _, Write as _};

use connect_tests::{
    agent::{BENCH, SHOP},
    canary,
    postgres::ADMINISTRATOR,
    tunnel::Tunnel,
    wire::{Answer, Mode, Wire, bind, execute, framed, named, parse, query, sync},
    world::World,
};

fn open(tunnel: &Tunnel) -> Wire {
    Wire::open(tunnel.port(), "anybody", "shop").expect("a connection")
}

/// What comes for bytes behind a good startup, until the connection ends; `None`: it did not.
fn last_words(tunnel: &Tunnel, bytes: &[u8]) -> Answer {
    let mut wire = open(tunnel);
    wire.stream().write_all(bytes).expect("room for a few bytes");
    wire.rest()
}

#[track_caller]
fn is_violation(answer: &Answer, what: &str) {
    assert!(answer.lost.is_some(), "{what}: the connection went on");
    let error = answer.messages.last().unwrap_or_else(|| panic!("{what}: not a word: {:?}", answer.lost));
    assert_eq!((error.kind, error.field(b'C').as_deref()), (b'E', Some("08P01")), "{what}: {}", error.text());
    assert_eq!(error.field(b'S').as_deref(), Some("FATAL"), "{what}");
}

/// A message of each type that a client may send, as it should be.
fn messages() -> Vec<Vec<u8>> {
    vec![
        query("SELECT 1"),
        parse("s", "SELECT $1::int"),
        framed(b'B', b"p\0s\0\0\x01\0\0\0\x01\0\0\0\x017\0\x01\0\0"),
        named(b'D', 'S', "s"),
        named(b'D', 'P', "p"),
        execute("p", 1),
        named(b'C', 'P', "p"),
        sync(),
        framed(b'H', b""),
        framed(b'F', b"\0\0\x08\x1e\0\x01\0\0\0\0\0\0"),
        framed(b'f', b"why\0"),
        framed(b'd', b"1\tx\n"),
        framed(b'c', b""),
        framed(b'X', b""),
    ]
}

#[test]
fn a_message_with_an_illegal_length_ends_its_connection_at_once() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let bystander = &mut open(&tunnel);
        for kind in *b"QPBDECSHFdcfXp!\0\xff" {
            for length in [0_u32, 1, 3, 0x8000_0000, u32::MAX] {
                let bytes = [&[kind][..], &length.to_be_bytes()].concat();
                is_violation(&last_words(&tunnel, &bytes), &format!("0x{kind:02x} of length {length}"));
            }
        }
        for kind in *b"p!\0\xff" {
            is_violation(&last_words(&tunnel, &framed(kind, b"")), &format!("type 0x{kind:02x}"));
        }
        // As long as a length may be, of types that are never so long.
        for kind in *b"DECSHXcf" {
            let bytes = [&[kind][..], &i32::MAX.to_be_bytes()].concat();
            is_violation(&last_words(&tunnel, &bytes), &format!("0x{kind:02x} of two gigabytes"));
        }
        assert_eq!(bystander.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]]);
        world.held_little(&tunnel);
    }
}

#[test]
fn a_message_that_is_shorter_or_longer_than_its_fields_ends_its_connection() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        for message in messages() {
            let (kind, body) = (message[0], &message[5..]);
            // Types of which nothing inside is looked at.
            if !matches!(kind, b'f' | b'd' | b'c' | b'S' | b'H') {
                let mut cuts: Vec<usize> = (0..body.len()).collect();
                if kind == b'P' {
                    // The types behind the texts are the server's to read.
                    cuts.retain(|cut| *cut < body.len() - 2);
                }
                for cut in cuts {
                    is_violation(
                        &last_words(&tunnel, &framed(kind, &body[..cut])),
                        &format!("{} cut at {cut}", char::from(kind)),
                    );
                }
            }
            if !matches!(kind, b'f' | b'd' | b'P') {
                let long = framed(kind, &[body, &[0]].concat());
                is_violation(
                    &last_words(&tunnel, &long),
                    &format!("{} with a byte too many", char::from(kind)),
                );
            }
        }
        let cut_types = [framed(b'P', b"s\0SELECT 1\0\0\x02\0\0\0\x17"), sync()].concat();
        let mut wire = open(&tunnel);
        assert_eq!(wire.send(&cut_types, 1).sqlstate().as_deref(), Some("08P01"));
        world.held_little(&tunnel);
    }
}

/// What a message of this type needs behind it, so that its answer has an end.
fn end_of(kind: u8) -> Vec<u8> {
    if matches!(kind, b'Q' | b'F' | b'S' | b'X') { Vec::new() } else { sync() }
}

/// Types of its messages, SQLSTATE of its error, and whether the connection is over.
fn shape(answer: &Answer) -> (String, Option<String>, bool) {
    let kinds = answer.messages.iter().map(|message| char::from(message.kind)).collect();
    (kinds, answer.sqlstate(), answer.lost.is_some())
}

#[test]
fn half_a_message_and_silence_holds_up_nobody_and_is_answered_when_the_other_half_comes() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut bystander = open(&tunnel);
        let mut halves = Vec::new();
        for message in messages() {
            for cut in [1, 4, message.len() - 1] {
                let mut wire = open(&tunnel);
                wire.stream().write_all(&message[..cut]).expect("room");
                halves.push(wire);
            }
        }
        // Much is announced, and little comes.
        for kind in *b"QPBBBBBBFd" {
            let mut wire = open(&tunnel);
            let little = [&[kind][..], &(60_u32 << 20).to_be_bytes(), &[b'x'; 1024]].concat();
            wire.stream().write_all(&little).expect("room");
            halves.push(wire);
        }
        for message in messages() {
            let (kind, behind) = (message[0], end_of(message[0]));
            let said = [&message[..], &behind].concat();
            let expected = shape(&open(&tunnel).send(&said, 1));
            // Calls are judged as the SELECT that makes them.
            if kind != b'F' {
                let mut direct =
                    Wire::open(world.postgres.port(), ADMINISTRATOR, "shop").expect("the server");
                assert_eq!(expected, shape(&direct.send(&said, 1)), "{} at the server", char::from(kind));
            }
            for cut in [1, 4, message.len() - 1] {
                let mut wire = open(&tunnel);
                wire.stream().write_all(&message[..cut]).expect("room");
                // Whoever is behind it is answered, so it has arrived alone.
                assert_eq!(bystander.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]]);
                let answer = wire.send(&said[cut..], 1);
                assert_eq!(shape(&answer), expected, "{} cut at {cut}", char::from(kind));
            }
        }
        world.held_little(&tunnel);
        drop(halves);
        world.postgres.wait_until(
            "shop",
            "(SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%via connect, wire') = 1",
        );
        assert_eq!(bystander.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]]);
        world.held_little(&tunnel);
    }
}

#[test]
fn a_flood_of_small_messages_gets_all_its_answers() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = open(&tunnel);
        let answer = wire.send(&sync().repeat(10_000), 10_000);
        assert!(answer.lost.is_none() && answer.messages.len() == 10_000, "{:?}", answer.lost);
        // A server keeps their small answers back until Sync.
        let names: Vec<u8> =
            (0..3_000).flat_map(|number| parse(&format!("s{number}"), "SELECT 1")).chain(sync()).collect();
        let answer = wire.send(&names, 1);
        assert!(answer.lost.is_none() && answer.messages.len() == 3_001, "{:?}", answer.lost);
        let runs: Vec<u8> = (0..3_000)
            .flat_map(|number| [bind("", &format!("s{number}"), 1), execute("", 0)].concat())
            .chain(sync())
            .collect();
        assert_eq!(wire.send(&runs, 1).messages.len(), 9_001);
        world.held_little(&tunnel);
    }
}

/// A text that nothing is wrong with but its shape.
#[test]
fn texts_of_unreasonable_shapes_are_refused_and_the_connection_goes_on() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = open(&tunnel);
        let bombs = [
            format!("SELECT {}1{}", "(".repeat(400_000), ")".repeat(400_000)),
            format!("SELECT {}1", "- ".repeat(300_000)),
            format!("SELECT {}1", "1 + ".repeat(200_000)),
            format!("SELECT {}", "(SELECT ".repeat(100_000)),
            format!("SELECT ARRAY{}", "[".repeat(500_000)),
            format!("SELECT 1 WHERE {}true", "NOT ".repeat(200_000)),
            "SELECT 1;".repeat(100_000),
            "/* ; */ ABORT;;".repeat(60_000),
            format!("SELECT '{}'", "x".repeat(64 << 20)),
            "/*".repeat(400_000),
            "\\".repeat(900_000),
        ];
        for bomb in &bombs {
            for mode in [Mode::Simple, Mode::Text] {
                let answer = wire.ask(mode, bomb);
                let shown: String = bomb.chars().take(40).collect();
                assert!(answer.lost.is_none(), "{mode:?} {shown}: {:?}", answer.lost);
                assert!(answer.error().is_some(), "{mode:?} {shown}: was let through");
            }
            assert_eq!(wire.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]]);
        }
        world.held_little(&tunnel);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_and_the_connection_goes_on() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = open(&tunnel);
        for bad in [
            &b"SELECT '\xff'\0"[..],
            b"SELECT '\xc3'\0",
            b"\xf0\x28\x8c\x28\0",
            b"SELECT 1 -- \xed\xa0\x80\0",
        ] {
            let simple = wire.send(&framed(b'Q', bad), 1);
            assert!(simple.lost.is_none() && simple.error().is_some(), "{bad:?}: {:?}", simple.lost);
            let extended = [framed(b'P', &[b"\0", bad, b"\0\0"].concat()), sync()].concat();
            let extended = wire.send(&extended, 1);
            assert!(extended.lost.is_none() && extended.error().is_some(), "{bad:?}: {:?}", extended.lost);
        }
        let name = [framed(b'P', b"\xff\xfe\0SELECT 1\0\0\0"), framed(b'D', b"S\xff\xfe\0"), sync()].concat();
        let named_so = wire.send(&name, 1);
        assert!(
            named_so.lost.is_none(),
            "a name is bytes to us, and the server's to judge: {:?}",
            named_so.lost
        );
        // A NUL ends a text; what stands behind it is not of it.
        let nul = last_words(&tunnel, &framed(b'Q', b"SELECT 1\0; SELECT 2\0"));
        is_violation(&nul, "a NUL within a text");
        // Of a Parse what stands there are its types, which the server reads, and as many as it says are not there.
        let nul = [framed(b'P', b"\0SELECT 1\0; SELECT 2\0\0\0"), sync()].concat();
        assert_eq!(wire.send(&nul, 1).sqlstate().as_deref(), Some("08P01"));
        assert_eq!(wire.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]]);
        world.held_little(&tunnel);
    }
}

#[test]
fn sixty_five_thousand_parameters_pass() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(BENCH);
        let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
        let list: Vec<String> = (1..=65_535).map(|number| format!("${number}::int")).collect();
        let text = format!("SELECT cardinality(ARRAY[{}])", list.join(","));
        let mut body = b"\0\0\0\0\xff\xff".to_vec();
        for _ in 0..65_535 {
            body.extend_from_slice(&[0, 0, 0, 1, b'7']);
        }
        body.extend_from_slice(&[0, 0]);
        let run = [parse("", &text), framed(b'B', &body), execute("", 0), sync()].concat();
        let answer = wire.send(&run, 1);
        let error = answer.error().map(connect_tests::wire::Message::text);
        assert_eq!(answer.rows(), [[Some(b"65535".to_vec())]], "{error:?} {:?}", answer.lost);
        world.held_little(&tunnel);
    }
}

/// Until the server takes data.
fn begin_copy(wire: &mut Wire) {
    wire.stream().write_all(&query("COPY scratch FROM STDIN")).expect("room");
    let mut begun = [0; 5];
    wire.stream().read_exact(&mut begun).expect("an answer");
    assert_eq!(begun[0], b'G');
    let length = u32::from_be_bytes([begun[1], begun[2], begun[3], begun[4]]);
    let mut rest = vec![0; usize::try_from(length).expect("short") - 4];
    wire.stream().read_exact(&mut rest).expect("its formats");
}

#[test]
fn a_statement_in_the_middle_of_a_copy_ends_the_copy_and_no_answer_goes_to_another_question() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        let masked = "SELECT email FROM customers WHERE id = 1";
        let interruptions = [query("SELECT oid FROM pg_class LIMIT 1"), query("SELECT 1"), query("BEGIN")];
        // One that is thrown away unread, in the middle of the data.
        let mut wire = open(&tunnel);
        wire.gives_up_copies = false;
        begin_copy(&mut wire);
        let long = query(&format!("SELECT '{}'", "x".repeat(2 << 20)));
        let answer = wire.send(&[framed(b'd', b"900\tx\n"), long].concat(), 1);
        assert_eq!(answer.sqlstate().as_deref(), Some("57014"), "{:?}", answer.messages);
        assert_eq!(wire.ask(Mode::Simple, masked).rows().len(), 1);
        for interruption in &interruptions {
            let mut wire = open(&tunnel);
            wire.gives_up_copies = false;
            // Sent at once, and after the server has taken to the data.
            let at_once = [query("COPY scratch FROM STDIN"), interruption.clone()].concat();
            let answer = wire.send(&at_once, 1);
            assert_eq!(answer.sqlstate().as_deref(), Some("57014"), "{:?}", answer.messages);
            let next = wire.ask(Mode::Simple, masked);
            assert_eq!(
                (next.rows().len(), canary::found_in(&next.bytes())),
                (1, None),
                "{:?}",
                next.messages
            );
            begin_copy(&mut wire);
            let answer = wire.send(&[framed(b'd', b"900\tx\n"), interruption.clone()].concat(), 1);
            assert_eq!(answer.sqlstate().as_deref(), Some("57014"), "{:?}", answer.messages);
            let next = wire.ask(Mode::Binary, masked);
            assert_eq!(
                (next.rows().len(), canary::found_in(&next.bytes())),
                (1, None),
                "{:?}",
                next.messages
            );
            // In the extended protocol nothing is answered up to Sync.
            let pipeline = [
                parse("", "COPY scratch FROM STDIN"),
                bind("", "", 0),
                execute("", 0),
                parse("x", "SELECT 1"),
                bind("", "x", 0),
                execute("", 0),
                sync(),
            ];
            let answer = wire.send(&pipeline.concat(), 1);
            assert_eq!(answer.sqlstate().as_deref(), Some("57014"), "{:?}", answer.messages);
            let next = wire.ask(Mode::Text, masked);
            assert_eq!(
                (next.rows().len(), canary::found_in(&next.bytes())),
                (1, None),
                "{:?}",
                next.messages
            );
        }
        assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
        world.held_little(&tunnel);
    }
}
