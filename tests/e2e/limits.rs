//! Limits of policies with the real programs: whoever breaks one has nothing of it, in whichever way it is sent.

use std::fs;

use connect_tests::{
    agent::{BENCH, SHOP},
    leaves,
    wire::{self, Answer, Mode, Wire},
    world::World,
};

use crate::policies;

/// The default policy with these annotations on all that reads and writes.
fn policy(annotations: &str) -> String {
    ["default/read", "default/write"].iter().fold(policies::default_policy(), |text, id| {
        let id = format!("@id(\"{id}\")");
        text.replacen(&id, &format!("{id} {annotations}"), 1)
    })
}

fn world(annotations: &str) -> World {
    let mut world = World::start();
    fs::write(world.folder().join("agent/policy.cedar"), policy(annotations)).expect("written");
    policies::put_in_force(&mut world);
    world
}

/// Everything that could be changed.
fn state(world: &World) -> String {
    let tables = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM";
    world.postgres.sql("shop", &format!("SELECT ({tables} orders t), ({tables} scratch t)"))
}

#[track_caller]
fn is_ended(answer: &Answer, sqlstate: &str, code: &str) {
    let error = answer.error().map(wire::Message::text).unwrap_or_default();
    assert!(answer.lost.is_none(), "{:?}", answer.lost);
    assert_eq!(answer.sqlstate().as_deref(), Some(sqlstate), "{error}");
    assert!(error.contains(code), "{error}");
}

#[track_caller]
fn is_done(answer: &Answer) {
    let error = answer.error().map(wire::Message::text);
    assert!(error.is_none() && answer.lost.is_none(), "{error:?} {:?}", answer.lost);
}

/// Answers to simple queries, one after the other.
fn run(wire: &mut Wire, statements: &[&str]) -> Vec<Answer> {
    statements.iter().map(|sql| wire.ask(Mode::Simple, sql)).collect()
}

#[test]
fn limits_hold_in_every_way_that_a_statement_can_be_sent() {
    let mut world = world("@limit_rows(\"100\") @limit_change(\"10\") @limit_time(\"2s\")");
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    let mut wire = Wire::open(tunnel.port(), "li", "shop").expect("a connection");
    for mode in Mode::ALL {
        is_done(&wire.ask(mode, "SELECT id FROM orders WHERE id <= 100"));
        let answer = wire.ask(mode, "SELECT id FROM orders");
        is_ended(&answer, "54000", "limit_rows");
        assert!(answer.rows().len() <= 102, "{mode:?}");
        let before = state(&world);
        let answer = wire.ask(mode, "UPDATE orders SET quantity = 77 WHERE id <= 11");
        is_ended(&answer, "54000", "limit_change");
        let answer = wire.ask(mode, "DELETE FROM scratch WHERE id <= 11 RETURNING id");
        is_ended(&answer, "54000", "limit_change");
        let uncounted = "WITH d AS (DELETE FROM scratch WHERE id <= 3 RETURNING id) SELECT count(*) FROM d";
        is_ended(&wire.ask(mode, uncounted), "54000", "limit_change");
        assert_eq!(state(&world), before, "{mode:?}");
        // The portal of a write cannot be run in parts.
        if mode != Mode::Limited {
            is_done(&wire.ask(mode, "UPDATE orders SET quantity = 99 WHERE id <= 10"));
            assert_ne!(state(&world), before, "{mode:?}: what stays within its limit is done");
            is_done(&wire.ask(mode, "UPDATE orders SET quantity = 1 + id % 5 WHERE id <= 10"));
        }
        let slept = wire.ask(mode, "SELECT pg_sleep(60)");
        let said: String = slept.messages.iter().map(|message| char::from(message.kind)).collect();
        assert_eq!(slept.sqlstate().as_deref(), Some("57014"), "{mode:?}: {said}");
        is_ended(&slept, "57014", "limit_time");
        is_done(&wire.ask(mode, "SELECT 1"));
    }
    by_cursors_and_copies(&world, &mut wire);
    in_transactions(&world, &mut wire);
    drop(tunnel);
    world.agent.stop();
    let outcomes = leaves::read(&world.agent.log());
    let cut = |code: &str| {
        let ended = leaves::of_kind(&outcomes, "outcome");
        ended.iter().filter(|outcome| outcome["result"]["cut"] == code).count()
    };
    for code in ["limit_rows", "limit_change", "limit_time"] {
        assert!(cut(code) >= 6, "{code}: {}", cut(code));
    }
}

fn by_cursors_and_copies(world: &World, wire: &mut Wire) {
    let answers = run(
        wire,
        &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM orders", "FETCH 60 FROM c", "FETCH 40 FROM c"],
    );
    answers.iter().for_each(is_done);
    let answer = wire.ask(Mode::Simple, "FETCH 1 FROM c");
    is_ended(&answer, "54000", "limit_rows");
    assert!(answer.in_transaction(), "a failed one");
    assert_eq!(wire.ask(Mode::Simple, "SELECT 1").sqlstate().as_deref(), Some("25P02"));
    is_done(&wire.ask(Mode::Simple, "ROLLBACK"));
    is_ended(&wire.ask(Mode::Simple, "COPY orders (id) TO STDOUT"), "54000", "limit_rows");
    is_done(&wire.ask(Mode::Simple, "COPY (SELECT id FROM orders WHERE id <= 100) TO STDOUT"));
    run(wire, &["PREPARE p AS SELECT id FROM orders", "PREPARE w AS UPDATE orders SET quantity = 9"]);
    is_ended(&wire.ask(Mode::Simple, "EXECUTE p"), "54000", "limit_rows");

    let before = state(world);
    wire.gives_up_copies = false;
    let rows = |count: u32| (1_000..1_000 + count).map(|id| format!("{id}\tx\n")).collect::<String>();
    let copy = |count: u32| {
        let data = wire::framed(b'd', rows(count).as_bytes());
        [wire::query("COPY scratch FROM STDIN"), data, wire::framed(b'c', b"")].concat()
    };
    is_ended(&wire.send(&copy(11), 1), "54000", "limit_change");
    assert_eq!(state(world), before);
    is_done(&wire.send(&copy(10), 1));
    assert_ne!(state(world), before);
    // By the extended protocol, with its Sync behind the data.
    let extended = [
        wire::parse("", "COPY scratch FROM STDIN"),
        wire::bind("", "", 0),
        wire::execute("", 0),
        wire::framed(b'd', rows(11).replace("10", "20").as_bytes()),
        wire::framed(b'c', b""),
        wire::sync(),
    ];
    is_ended(&wire.send(&extended.concat(), 1), "54000", "limit_change");
    is_done(&wire.ask(Mode::Simple, "DELETE FROM scratch WHERE id >= 1000"));
    assert_eq!(state(world), before);
    wire.gives_up_copies = true;
}

fn in_transactions(world: &World, wire: &mut Wire) {
    let before = state(world);
    // Nobody waits for an answer.
    let over = "UPDATE orders SET quantity = 77 WHERE id <= 11";
    let sent = [wire::query("BEGIN"), wire::query(over), wire::query("COMMIT")].concat();
    is_ended(&wire.send(&sent, 3), "54000", "limit_change");
    assert_eq!(state(world), before);
    let pipeline = [
        wire::parse("", over),
        wire::bind("", "", 0),
        wire::execute("", 0),
        wire::parse("", "UPDATE scratch SET note = 'later' WHERE id = 1"),
        wire::bind("", "", 0),
        wire::execute("", 0),
        wire::sync(),
    ];
    is_ended(&wire.send(&pipeline.concat(), 1), "54000", "limit_change");
    assert_eq!(state(world), before, "what is behind it in the pipeline is skipped");
    let answers = run(wire, &["BEGIN", "SAVEPOINT s", over, "ROLLBACK TO s"]);
    is_ended(&answers[2], "54000", "limit_change");
    is_done(&answers[3]);
    let kept = "UPDATE scratch SET note = 'kept' WHERE id = 1";
    run(wire, &[kept, "COMMIT"]).iter().for_each(is_done);
    let note = world.postgres.sql("shop", "SELECT note FROM scratch WHERE id = 1");
    assert_eq!(note, "kept", "savepoints stand as after any error");
    is_done(&wire.ask(Mode::Simple, "UPDATE scratch SET note = 'n1' WHERE id = 1"));
    assert_eq!(state(world), before);
    let several = "BEGIN; UPDATE orders SET quantity = 77 WHERE id <= 11; COMMIT";
    is_ended(&wire.ask(Mode::Simple, several), "54000", "limit_change");
    let two = "UPDATE scratch SET note = 'x' WHERE id = 1; UPDATE orders SET quantity = 77 WHERE id <= 11";
    is_ended(&wire.ask(Mode::Simple, two), "54000", "limit_change");
    assert_eq!(state(world), before, "a text of two is undone as one");
}

#[test]
fn an_hour_is_shared_by_all_sessions_and_survives_the_agent() {
    let mut world = world("@limit_rows_hour(\"150\") @limit_bytes_hour(\"1GiB\")");
    let (li, ana) = (world.person("li"), world.person("ana"));
    let rows = |tunnel: &connect_tests::tunnel::Tunnel, count: u32| {
        let mut wire = Wire::open(tunnel.port(), "li", "shop").expect("a connection");
        wire.ask(Mode::Text, &format!("SELECT id FROM orders WHERE id <= {count}"))
    };
    let (one, two) = (li.open(SHOP), li.open(SHOP));
    is_done(&rows(&one, 100));
    let over = rows(&two, 60);
    is_ended(&over, "54000", "limit_hour");
    let given = u32::try_from(100 + over.rows().len()).expect("few rows");
    assert!(given < 150, "{given} rows left before it was over");
    is_done(&rows(&two, 150 - given - 10));
    is_done(&rows(&ana.open(SHOP), 100));
    drop((one, two));
    world.agent.stop();
    world.agent.restart();
    let again = li.open(SHOP);
    is_done(&rows(&again, 10));
    let denied = rows(&again, 1);
    is_ended(&denied, "54000", "denied by connect: limit_hour");
    let hint = denied.error().and_then(|error| error.field(b'H')).unwrap_or_default();
    assert!(hint.contains("minutes"), "{hint}");
    // What is given no rows goes on.
    let mut wire = Wire::open(again.port(), "li", "shop").expect("a connection");
    is_done(&wire.ask(Mode::Simple, "UPDATE scratch SET note = 'n1' WHERE id = 1"));
}

#[test]
fn code_of_the_database_that_changes_rows_is_not_run_where_changes_are_counted() {
    let mut world = world("@limit_change(\"10\")");
    world.agent.stop();
    world.postgres.sql(
        "bench",
        "CREATE TABLE things (id int PRIMARY KEY); INSERT INTO things SELECT generate_series(1, 50); \
         CREATE SEQUENCE numbers; CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1 * 2'; \
         CREATE FUNCTION wipe() RETURNS bigint LANGUAGE sql AS \
         'WITH d AS (DELETE FROM things RETURNING 1) SELECT count(*) FROM d'; \
         GRANT ALL ON things TO PUBLIC; GRANT ALL ON numbers TO PUBLIC",
    );
    world.agent.restart();
    let tunnel = world.person("li").open(BENCH);
    let mut wire = Wire::open(tunnel.port(), "li", "bench").expect("a connection");
    is_ended(&wire.ask(Mode::Simple, "SELECT wipe()"), "54000", "limit_change");
    is_ended(
        &wire.ask(Mode::Simple, "UPDATE things SET id = id WHERE id = 1 AND wipe() > 0"),
        "54000",
        "limit_change",
    );
    for harmless in ["SELECT nextval('numbers')", "SELECT twice(2)", "SELECT id FROM things FOR UPDATE"] {
        is_done(&wire.ask(Mode::Simple, harmless));
    }
    let upsert = "INSERT INTO things SELECT g FROM generate_series(1, 10) g \
                  ON CONFLICT (id) DO UPDATE SET id = excluded.id";
    is_done(&wire.ask(Mode::Simple, upsert));
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM things"), "50");
}

#[test]
fn persons_are_limited_by_whatever_shows_them_and_in_all_sessions() {
    let mut world = world("@limit_persons_hour(\"50\") @limit_persons_day(\"60\")");
    let (li, ana) = (world.person("li"), world.person("ana"));
    let (one, two) = (li.open(SHOP), li.open(SHOP));
    let mut wire = Wire::open(one.port(), "li", "shop").expect("a connection");
    let mut other = Wire::open(two.port(), "li", "shop").expect("a connection");
    // The same fifty in every way; what is about nobody does not count.
    for mode in Mode::ALL {
        is_done(&wire.ask(mode, "SELECT id, segment FROM customers WHERE id <= 50"));
        is_done(&other.ask(mode, "SELECT email, id FROM customers WHERE id <= 50"));
        is_done(&other.ask(mode, "SELECT id FROM orders"));
        is_done(&other.ask(mode, "SELECT segment, count(*) FROM customers GROUP BY segment"));
    }
    for mode in Mode::ALL {
        for sql in [
            "SELECT id FROM customers WHERE id = 51",
            "SELECT * FROM customers WHERE id BETWEEN 60 AND 70",
            "SELECT id, upper(email) FROM customers WHERE id = 52",
            "SELECT c.id, o.id FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.id = 53",
            "SELECT id FROM customer_mail WHERE id = 54",
            "SELECT array_agg(id) FROM customers",
            "SELECT string_agg(id::text, ' ') FROM customers",
        ] {
            let answer = other.ask(mode, sql);
            is_ended(&answer, "54000", "limit_persons");
            let hint = answer.error().and_then(|error| error.field(b'H')).unwrap_or_default();
            assert!(hint.contains("minutes"), "{hint}");
            assert!(answer.rows().len() <= 2, "{mode:?} {sql}: of the pipeline's neighbours at most");
        }
    }
    is_ended(&wire.ask(Mode::Simple, "COPY (SELECT id FROM customers) TO STDOUT"), "54000", "limit_persons");
    is_ended(
        &run(&mut wire, &["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM customers", "FETCH 60 FROM c"])[2],
        "54000",
        "limit_persons",
    );
    is_done(&wire.ask(Mode::Simple, "ROLLBACK"));
    // Somebody else has an hour of their own.
    let of_ana = ana.open(SHOP);
    let mut wire = Wire::open(of_ana.port(), "ana", "shop").expect("a connection");
    is_done(&wire.ask(Mode::Text, "SELECT id FROM customers WHERE id BETWEEN 51 AND 100"));
    is_ended(&wire.ask(Mode::Text, "SELECT id FROM customers WHERE id = 1"), "54000", "limit_persons");
    drop((one, two, of_ana));
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let intents = leaves::of_kind(&leaves, "intent");
    let limited =
        intents.iter().any(|leaf| leaf.to_string().contains("\"limit_persons\":{\"hour\":50,\"day\":60"));
    assert!(limited, "an INTENT says what it was bound to");
}
