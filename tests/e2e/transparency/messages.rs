//! Conversations message by message: orders and names that no driver would send, and COPY with data.

use connect_tests::{
    postgres::Version,
    process::PATIENCE,
    wire::{Mode, Wire, bind, execute, framed, named, parse, query, sync},
};

use super::{Pair, TWIN, compare};

/// What is sent at once, and how often the server says then that it is ready.
type Step = (Vec<u8>, usize);

fn flush() -> Vec<u8> {
    framed(b'H', b"")
}

fn copy_data(text: &str) -> Vec<u8> {
    framed(b'd', text.as_bytes())
}

fn copy_done() -> Vec<u8> {
    framed(b'c', b"")
}

fn copy_fail(why: &str) -> Vec<u8> {
    framed(b'f', format!("{why}\0").as_bytes())
}

fn table() -> Step {
    (query("CREATE TABLE t (id int PRIMARY KEY, note text)"), 1)
}

fn conversations() -> Vec<(&'static str, Vec<Step>)> {
    let copy = "COPY t FROM STDIN";
    let rows = || copy_data("1\tone\n2\ttwo\n");
    let count = || (query("SELECT count(*), max(note) FROM t"), 1);
    let run = |sql: &str| [parse("", sql), bind("", "", 0), execute("", 0)].concat();
    vec![
        ("many Syncs", vec![(sync().repeat(2_000), 2_000)]),
        ("Flush alone", vec![([flush(), query("SELECT 1")].concat(), 1)]),
        (
            "names that are not there",
            vec![
                ([bind("", "missing", 0), sync()].concat(), 1),
                ([execute("missing", 0), sync()].concat(), 1),
                ([named(b'D', 'S', "missing"), sync()].concat(), 1),
                ([named(b'D', 'P', "missing"), sync()].concat(), 1),
                ([named(b'C', 'S', "missing"), named(b'C', 'P', "missing"), sync()].concat(), 1),
            ],
        ),
        (
            "names that are there already",
            vec![
                ([parse("s", "SELECT 1"), parse("s", "SELECT 2"), sync()].concat(), 1),
                ([bind("p", "s", 0), bind("p", "s", 0), sync()].concat(), 1),
                ([parse("", "SELECT 1"), parse("", "SELECT 2"), bind("", "", 0), execute("", 0), sync()].concat(), 1),
                ([named(b'C', 'S', "s"), bind("", "s", 0), sync()].concat(), 1),
                ([parse("s", "SELECT 3"), bind("", "s", 1), execute("", 0), sync()].concat(), 1),
            ],
        ),
        (
            "portals that stop and go on",
            vec![
                ([
                    parse("", "SELECT g FROM generate_series(1, 5) g"),
                    bind("a", "", 0),
                    bind("b", "", 1),
                    execute("a", 2),
                    execute("b", 1),
                    execute("a", 2),
                    execute("a", 2),
                    execute("a", 2),
                    execute("b", 0),
                    named(b'C', 'P', "a"),
                    execute("a", 0),
                    sync(),
                ]
                .concat(), 1),
                ([execute("b", 0), sync()].concat(), 1),
            ],
        ),
        (
            "an error skips to Sync",
            vec![
                table(),
                ([
                    run("INSERT INTO t VALUES (1, 'a')"),
                    run("SELECT 1/0"),
                    run("INSERT INTO t VALUES (2, 'b')"),
                    parse("kept", "SELECT 1"),
                    sync(),
                    run("SELECT count(*) FROM t"),
                    sync(),
                    bind("", "kept", 0),
                    sync(),
                ]
                .concat(), 3),
            ],
        ),
        (
            "transactions across Syncs",
            vec![
                table(),
                ([run("BEGIN"), run("INSERT INTO t VALUES (1, 'a')"), sync()].concat(), 1),
                ([run("SELECT nothing"), sync(), run("SELECT 1"), sync(), run("ROLLBACK"), sync()].concat(), 3),
                count(),
            ],
        ),
        (
            "names that SQL gives and messages use, and the other way round",
            vec![
                (query("PREPARE made AS SELECT 1 AS one"), 1),
                ([named(b'D', 'S', "made"), bind("", "made", 0), execute("", 0), sync()].concat(), 1),
                (query("BEGIN; DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 3) g"), 1),
                ([named(b'D', 'P', "c"), execute("c", 2), execute("c", 2), sync()].concat(), 1),
                (query("FETCH c; COMMIT; FETCH c"), 1),
                ([parse("asked", "SELECT 2 AS two"), sync()].concat(), 1),
                (query("EXECUTE asked; DEALLOCATE asked"), 1),
                ([bind("", "asked", 0), sync()].concat(), 1),
                ([parse("", "SELECT 3"), bind("p", "", 0), execute("p", 0), sync()].concat(), 1),
                (query("BEGIN"), 1),
                ([parse("", "SELECT g FROM generate_series(1, 3) g"), bind("p", "", 0), sync()].concat(), 1),
                (query("FETCH 2 FROM p; CLOSE p"), 1),
                (query("ROLLBACK"), 1),
            ],
        ),
        ("several statements in one Parse", vec![([parse("", "SELECT 1; SELECT 2"), sync()].concat(), 1)]),
        (
            "an empty statement",
            vec![([parse("", ""), bind("", "", 0), named(b'D', 'P', ""), execute("", 0), sync()].concat(), 1)],
        ),
        (
            "parameters",
            vec![
                ([parse("p", "SELECT $1::int, $2::text, $3::date"), named(b'D', 'S', "p"), sync()].concat(), 1),
                ([bind("", "p", 0), sync()].concat(), 1),
                (
                    [
                        framed(b'B', b"\0p\0\0\0\0\x03\0\0\0\x017\xff\xff\xff\xff\0\0\0\x0a2024-02-29\0\0"),
                        execute("", 0),
                        sync(),
                    ]
                    .concat(),
                    1,
                ),
                (
                    [framed(b'B', b"\0p\0\0\0\0\x03\0\0\0\x01x\xff\xff\xff\xff\xff\xff\xff\xff\0\0"), sync()].concat(),
                    1,
                ),
                (
                    [
                        framed(
                            b'B',
                            b"\0p\0\0\x03\0\x01\0\0\0\x01\0\x03\0\0\0\x04\0\0\0\x2a\0\0\0\x02hi\0\0\0\x04\0\0\x20\0\0\x03\0\x01\0\0\0\x01",
                        ),
                        named(b'D', 'P', ""),
                        execute("", 0),
                        sync(),
                    ]
                    .concat(),
                    1,
                ),
                ([framed(b'P', b"typed\0SELECT $1\0\0\x01\0\0\0\x17"), named(b'D', 'S', "typed"), sync()].concat(), 1),
                ([framed(b'P', b"bad\0SELECT $1\0\0\x01\x7f\xff\xff\xff"), sync()].concat(), 1),
                ([parse("", "SELECT $1"), named(b'D', 'S', ""), sync()].concat(), 1),
                ([parse("", "SELECT $3::int"), named(b'D', 'S', ""), sync()].concat(), 1),
            ],
        ),
        (
            "COPY in by a simple query",
            vec![table(), ([query(copy), rows(), copy_done()].concat(), 1), count()],
        ),
        (
            "COPY in by the extended protocol, one Sync at the end",
            vec![table(), ([run(copy), rows(), copy_done(), sync()].concat(), 1), count()],
        ),
        (
            "COPY in by the extended protocol, a Sync before the data too",
            // The server ignores what libpq sends there.
            vec![table(), ([run(copy), sync(), rows(), copy_done(), sync()].concat(), 1), count(), count()],
        ),
        (
            "COPY in that fails, with a Sync before the data",
            vec![
                table(),
                ([run("COPY t FROM STDIN (FORMAT csv, DELIMITER 'ab')"), sync(), rows(), copy_done(), sync()].concat(), 2),
                count(),
                ([run(copy), sync(), copy_data("x\ty\n"), copy_done(), sync()].concat(), 1),
                count(),
            ],
        ),
        (
            "COPY in that is given up",
            vec![
                table(),
                ([query(copy), rows(), copy_fail("no more")].concat(), 1),
                ([run(copy), rows(), copy_fail("no more"), sync()].concat(), 1),
                count(),
            ],
        ),
        (
            "COPY in that is given up with no end of text",
            vec![
                table(),
                ([query(copy), rows(), framed(b'f', b"no more")].concat(), 1),
                ([query(copy), framed(b'f', b"")].concat(), 1),
                count(),
            ],
        ),
        (
            "COPY in with bad data",
            vec![
                table(),
                ([query(copy), copy_data("1\tone\n1\tagain\n"), copy_done()].concat(), 1),
                ([query(copy), copy_data("1\tone\textra\n"), copy_data("2\ttwo\n"), copy_done()].concat(), 1),
                ([query("COPY t FROM STDIN (FORMAT binary)"), copy_data("no signature"), copy_done()].concat(), 1),
                count(),
            ],
        ),
        (
            "COPY in csv and binary",
            vec![
                table(),
                (
                    [
                        query("COPY t FROM STDIN (FORMAT csv, HEADER)"),
                        copy_data("id,note\n1,\"a \"\"quoted\"\"\nline\"\n"),
                        copy_data("2,"),
                        copy_data("\n"),
                        copy_done(),
                    ]
                    .concat(),
                    1,
                ),
                (
                    [
                        query("COPY t FROM STDIN (FORMAT binary)"),
                        framed(
                            b'd',
                            b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x05seven\xff\xff",
                        ),
                        copy_done(),
                    ]
                    .concat(),
                    1,
                ),
                (query("SELECT * FROM t ORDER BY id"), 1),
            ],
        ),
        (
            "COPY in between other statements of one text",
            vec![table(), ([query("SELECT 1; COPY t FROM STDIN; SELECT count(*) FROM t"), rows(), copy_done()].concat(), 1)],
        ),
        (
            "COPY out by the extended protocol",
            vec![table(), (query("INSERT INTO t VALUES (1, 'a'), (2, NULL)"), 1), ([run("COPY t TO STDOUT"), sync()].concat(), 1)],
        ),
        (
            "data of a COPY that is none",
            vec![([rows(), copy_done(), copy_fail("x"), query("SELECT 1")].concat(), 1)],
        ),
        (
            "a pipeline of simple and extended",
            vec![
                table(),
                (
                    [
                        query("SELECT 1"),
                        run("INSERT INTO t VALUES (1, 'a')"),
                        sync(),
                        query("SELECT 2; SELECT 1/0"),
                        query("SELECT 3"),
                        run("SELECT 4"),
                        sync(),
                    ]
                    .concat(),
                    5,
                ),
            ],
        ),
    ]
}

/// What is sent at once without a Sync, and how many messages answer it.
fn unsynced() -> Vec<(&'static str, Vec<Step>)> {
    let whole = |sql: &str| [parse("", sql), bind("", "", 0), named(b'D', 'P', ""), execute("", 0)].concat();
    vec![
        (
            "Flush asks for what there is",
            vec![
                ([whole("SELECT 1"), flush()].concat(), 5),
                ([parse("", "SELECT 2"), flush()].concat(), 1),
                ([bind("", "", 0), flush()].concat(), 1),
                ([execute("", 0), flush()].concat(), 2),
                (sync(), 1),
            ],
        ),
        (
            "Flush behind an error",
            vec![
                ([whole("SELECT nothing"), flush()].concat(), 1),
                ([whole("SELECT 1"), flush(), sync()].concat(), 1),
                (query("SELECT 2"), 4),
            ],
        ),
    ]
}

/// A notification comes to whoever does nothing.
fn hears_news(pair: &Pair) {
    let mut wires = pair.connect();
    let databases = ["bench", TWIN];
    let heard = wires.iter_mut().zip(databases).map(|(wire, database)| {
        super::good(&wire.ask(Mode::Simple, "LISTEN news"));
        pair.world.postgres.sql(database, "NOTIFY news, 'something'");
        let answer = wire.send_for(&[], 1);
        answer.messages.first().map(|message| (message.kind, message.body.get(4..).map(<[u8]>::to_vec)))
    });
    let news = Some((b'A', Some(b"news\0something\0".to_vec())));
    assert_eq!(heard.collect::<Vec<_>>(), [news.clone(), news]);
}

#[test]
fn messages_in_every_order_are_answered_as_the_server_answers_them() {
    Version::each().into_iter().for_each(converse);
}

fn converse(version: Option<Version>) {
    let pair = Pair::of_version(version);
    let (mut messages, mut failures) = (0, Vec::new());
    for (title, steps) in conversations() {
        let (some, differences) = compare(&pair, title, steps.len(), |wire, step| {
            let (bytes, ready) = &steps[step];
            (format!("step {step}"), say(wire, bytes, *ready))
        });
        messages += some;
        failures.extend(differences);
    }
    for (title, steps) in unsynced() {
        let (some, differences) = compare(&pair, title, steps.len(), |wire, step| {
            let (bytes, answers) = &steps[step];
            (format!("step {step}"), wire.send_for(bytes, *answers))
        });
        messages += some;
        failures.extend(differences);
    }
    hears_news(&pair);
    assert!(failures.is_empty(), "{} of {messages} messages:\n{}", failures.len(), failures.join("\n"));
    assert!(messages > 2_000, "only {messages} messages were compared");
}

fn say(wire: &mut Wire, bytes: &[u8], ready: usize) -> connect_tests::wire::Answer {
    wire.gives_up_copies = false;
    // Far less than what a lost answer would be waited for otherwise.
    wire.stream().set_read_timeout(Some(PATIENCE / 4)).expect("a socket");
    wire.send(bytes, ready)
}
