//! Names that a client makes and never gives back, and words of the server that are long.

use connect_tests::{
    agent::{BENCH, SHOP},
    canary,
    wire::{Mode, Wire, bind, execute, named, parse, query, sync},
    world::World,
};

/// More than a connection may have open at once.
const MANY: usize = 12_000;

#[test]
fn portals_end_with_their_transaction_and_names_are_bounded() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(BENCH);
        let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
        // The server forgets each of them at Sync.
        let text = format!("SELECT 1 /*{}*/", "x".repeat(8 << 10));
        for batch in 0..MANY / 500 {
            let rounds: Vec<u8> = (0..500)
                .flat_map(|round| {
                    [parse("", &text), bind(&format!("p{batch}_{round}"), "", 0), sync()].concat()
                })
                .collect();
            let answer = wire.send(&rounds, 500);
            assert!(answer.lost.is_none() && answer.error().is_none(), "{batch}: {:?}", answer.lost);
        }
        let gone = wire.send(&[execute("p0_0", 0), sync()].concat(), 1);
        assert_eq!(gone.sqlstate().as_deref(), Some("34000"));
        for round in 0..MANY / 10 {
            let texts = format!("BEGIN; DECLARE c{round} CURSOR FOR SELECT 1; COMMIT");
            assert_eq!(wire.ask(Mode::Simple, &texts).sqlstate(), None, "{round}");
        }
        let kept = "BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT 7; COMMIT";
        assert_eq!(wire.ask(Mode::Simple, kept).sqlstate(), None);
        assert_eq!(wire.ask(Mode::Simple, "FETCH kept").rows(), [[Some(b"7".to_vec())]]);
        assert_eq!(wire.ask(Mode::Simple, "FETCH c1").sqlstate().as_deref(), Some("34000"));
        world.held_little(&tunnel);

        let names: Vec<u8> =
            (0..MANY).flat_map(|number| parse(&format!("s{number}"), "SELECT 1")).chain(sync()).collect();
        assert_eq!(wire.send(&names, 1).sqlstate().as_deref(), Some("54000"));
        assert_eq!(
            wire.ask(Mode::Simple, "PREPARE another AS SELECT 1").sqlstate().as_deref(),
            Some("54000")
        );
        assert_eq!(wire.ask(Mode::Simple, "DEALLOCATE ALL").sqlstate(), None);
        assert_eq!(wire.ask(Mode::Simple, "PREPARE another AS SELECT 1").sqlstate(), None);
        assert_eq!(wire.ask(Mode::Simple, "EXECUTE another").rows(), [[Some(b"1".to_vec())]]);
    }
}

#[test]
fn what_the_server_says_may_be_long() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(BENCH);
        let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
        assert_eq!(wire.ask(Mode::Simple, "BEGIN").sqlstate(), None);
        assert_eq!(wire.ask(Mode::Simple, "SAVEPOINT s").sqlstate(), None);
        let wrong = wire.send(&query("SELECT repeat('x', 3000000)::int"), 1);
        assert_eq!(wrong.sqlstate().as_deref(), Some("22P02"), "{:?}", wrong.lost);
        assert!(wrong.bytes().len() > 3_000_000);
        assert_eq!(wire.ask(Mode::Simple, "ROLLBACK TO s").sqlstate(), None);
        assert_eq!(wire.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]]);
        assert!(wire.ask(Mode::Simple, "COMMIT").error().is_none());
    }
}

/// What nobody may see as it is.
const PROTECTED: &str = "SELECT email FROM customers WHERE id = 1";

/// Nothing of what a name stands for at the server, and here once the server has agreed.
const HARMLESS: &str = "SELECT 1";

/// Texts and messages, each sent at once when all before was answered: what the client hopes is that a name stands for
/// something else at the server than here.
fn attempts() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let run = |statement: &str| [bind("", statement, 0), execute("", 0), sync()].concat();
    let fails = || bind("", "nosuch", 0);
    let (sql, names) = (format!("PREPARE q AS {PROTECTED}"), "a".repeat(63));
    let close = |name: &str| named(b'C', 'S', name);
    vec![
        (
            "an unnamed statement that the server skips",
            vec![
                [parse("", PROTECTED), sync()].concat(),
                [fails(), parse("", HARMLESS), sync(), run("")].concat(),
                run(""),
            ],
        ),
        (
            "an unnamed statement behind one that the server skips",
            vec![
                [parse("", HARMLESS), sync()].concat(),
                [fails(), parse("", "SELECT 2"), sync(), parse("", PROTECTED), sync()].concat(),
                run(""),
            ],
        ),
        (
            "a name that is taken",
            vec![
                [parse("s", PROTECTED), sync()].concat(),
                [parse("s", HARMLESS), sync(), run("s")].concat(),
                run("s"),
            ],
        ),
        (
            "a name that is closed and given again behind an error",
            vec![
                [parse("c", PROTECTED), sync()].concat(),
                [fails(), close("c"), parse("c", HARMLESS), sync(), run("c")].concat(),
                run("c"),
            ],
        ),
        (
            "a name of SQL",
            vec![
                query(&sql),
                [query("SELECT 1/0; DEALLOCATE q; PREPARE q AS SELECT 1"), query("EXECUTE q")].concat(),
                query("EXECUTE q"),
            ],
        ),
        (
            "a name that one text gives and uses",
            vec![
                query("PREPARE r AS SELECT 1"),
                query(
                    "DEALLOCATE r; PREPARE r AS SELECT upper(email) FROM customers WHERE id = 1; EXECUTE r",
                ),
            ],
        ),
        (
            "a portal that the server does not replace",
            vec![
                query("BEGIN"),
                [parse("mail", PROTECTED), parse("one", HARMLESS), bind("p", "mail", 0), sync()].concat(),
                query("SAVEPOINT x"),
                [bind("p", "one", 0), sync(), execute("p", 0), sync()].concat(),
                query("ROLLBACK TO x"),
                [execute("p", 0), sync()].concat(),
                query("ROLLBACK"),
            ],
        ),
        (
            "names that the server takes for one",
            vec![
                [
                    parse(&format!("{names}1"), HARMLESS),
                    close(&format!("{names}2")),
                    parse(&format!("{names}2"), PROTECTED),
                    run(&format!("{names}1")),
                ]
                .concat(),
                run(&format!("{names}1")),
            ],
        ),
    ]
}

/// How many times the server will be ready again.
fn readies(sent: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while let Some(length) = sent.get(at + 1..at + 5).and_then(|rest| rest.first_chunk()) {
        count += usize::from(matches!(sent[at], b'Q' | b'S'));
        at += 1 + u32::from_be_bytes(*length) as usize;
    }
    count
}

#[test]
fn a_name_never_stands_for_something_else_than_at_the_server() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        for (title, sendings) in attempts() {
            let mut wire = Wire::open(tunnel.port(), "anybody", "shop").expect("a connection");
            let mut answers = Vec::new();
            for sent in sendings {
                let answer = wire.send(&sent, readies(&sent));
                assert!(answer.lost.is_none(), "{title}: {:?}", answer.lost);
                assert_eq!(canary::found_in(&answer.bytes()), None, "{title}");
                answers.push(answer);
            }
            // The connection works as before.
            assert_eq!(wire.ask(Mode::Simple, "SELECT 7").rows(), [[Some(b"7".to_vec())]], "{title}");
        }
        let mut wire = Wire::open(tunnel.port(), "anybody", "shop").expect("a connection");
        // What is honest works, and in one go.
        let groups: Vec<u8> = (0..200)
            .flat_map(|number| {
                let text = format!("SELECT {number}");
                [parse("", &text), bind("", "", 0), execute("", 0), sync()].concat()
            })
            .collect();
        let expected: Vec<_> = (0..200).map(|number| vec![Some(number.to_string().into_bytes())]).collect();
        assert_eq!(wire.send(&groups, 200).rows(), expected);
        let within = "BEGIN; DECLARE c CURSOR FOR SELECT 7; FETCH c; CLOSE c; COMMIT; PREPARE h AS SELECT 8; EXECUTE h";
        let seen = wire.ask(Mode::Simple, within).rows();
        assert_eq!(seen, [[Some(b"7".to_vec())], [Some(b"8".to_vec())]]);
        let again =
            [query("DEALLOCATE ALL"), parse("h", "SELECT 9"), bind("", "h", 0), execute("", 0), sync()]
                .concat();
        assert_eq!(wire.send(&again, 2).rows(), [[Some(b"9".to_vec())]]);
        let long = wire.send(&[parse(&"n".repeat(64), HARMLESS), sync()].concat(), 1);
        assert_eq!(long.sqlstate().as_deref(), Some("42622"));
    }
}
