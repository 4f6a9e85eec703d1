//! The database's own log and statistics are told on whose behalf a statement runs, in a comment behind it.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    wire::{Mode, Wire},
    world::World,
};

const ALL: &str = "tags = [\"principal\", \"actor\", \"session\", \"connection\", \"statement\"]";

/// What the server says that this connection has run last.
fn last(world: &World, wire: &mut Wire) -> String {
    let process = wire.ask(Mode::Simple, "SELECT pg_backend_pid()").rows();
    let process = process[0][0].as_deref().map(|text| String::from_utf8_lossy(text).into_owned());
    let process = process.expect("a number");
    world.postgres.sql("shop", &format!("SELECT query FROM pg_stat_activity WHERE pid = {process}"))
}

#[test]
fn the_server_is_told_who_and_the_client_sees_no_difference() {
    let server = "\nshared_preload_libraries = 'pg_stat_statements'\n";
    let world = World::start_with(&AgentOptions { resource: ALL, server, ..AgentOptions::default() });
    world.postgres.sql("shop", "CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()");
    let [ana, li] = ["ana", "li"].map(|name| world.person(name));
    let tunnels = [ana.open(SHOP), li.open(SHOP)];
    let mut wires = tunnels.each_ref().map(|tunnel| Wire::open(tunnel.port(), "a", "shop").expect("one"));
    let shown = last(&world, &mut wires[0]);
    assert!(shown.starts_with("SELECT pg_backend_pid()\n/*connection='cn_"), "{shown}");
    for part in ["principal='ana%40example.com'", "session='ss_", "statement='st_"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(shown.ends_with("'*/") && !shown.contains("actor="), "{shown}");

    // A client's own comments, literals and mistakes are what they were.
    for (sql, rows) in [
        ("SELECT 'a' -- no end of line", "a"),
        ("SELECT 'b' /* principal='boss' */", "b"),
        ("SELECT 'c';;", "c"),
        ("SELECT $$d$$ ; -- it's", "d"),
        ("SELECT E'\\'e' /* /* nested */ */", "'e"),
    ] {
        for mode in [Mode::Simple, Mode::Text, Mode::PreparedTwice, Mode::Pipeline] {
            let answer = wires[0].ask(mode, sql);
            let found = answer.rows().into_iter().any(|row| row == [Some(rows.as_bytes().to_vec())]);
            assert!(found, "{mode:?} {sql}: {:?}", answer.error().map(|error| error.text()));
        }
    }
    let forged = "SELECT 1 /*principal='boss'*/";
    let _ran = wires[0].ask(Mode::Simple, forged);
    for (sql, place) in [
        ("SELECT sku,\n price + 'x' FROM products", "22"),
        ("SELECT 1/0", ""),
        ("SELECT * FROM nowhere", "15"),
    ] {
        let error = wires[0].ask(Mode::Simple, sql);
        let found = error.error().and_then(|error| error.field(b'P')).unwrap_or_default();
        assert_eq!(found, place, "{sql}");
    }
    assert!(wires[0].ask(Mode::Simple, "").error().is_none(), "an empty query stays one");
    assert!(wires[0].ask(Mode::Text, "").messages.iter().any(|message| message.kind == b'I'));

    // Statistics put the statements of both together: a comment is no part of what is counted.
    for wire in &mut wires {
        for mode in [Mode::Simple, Mode::PreparedTwice] {
            assert!(
                wire.ask(mode, "SELECT count(*) AS counted FROM products WHERE id < 50").error().is_none()
            );
        }
    }
    let counted = world.postgres.sql(
        "shop",
        "SELECT count(*), sum(calls) FROM pg_stat_statements WHERE query LIKE '%AS counted FROM products%' \
         AND query NOT LIKE '%pg_stat_statements%'",
    );
    assert_eq!(counted, "1|6");

    // An AI agent's statements say which one it is, and for whom.
    let asked = "SELECT count(*) AS by_an_agent FROM products";
    let acting = ["exec", SHOP, "--actor", "assistant/1", "--", "psql", "-XAtqc", asked];
    assert_eq!(ana.runs(&acting).good().trim(), "100");
    let told = world.postgres.sql(
        "shop",
        "SELECT query FROM pg_stat_statements WHERE query LIKE 'SELECT count(*) AS by_an_agent%'",
    );
    for part in ["/*actor='assistant%2F1',connection='cn_", "principal='ana%40example.com'", "statement='st_"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn nothing_is_added_unless_it_is_asked_for() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = Wire::open(tunnel.port(), "a", "shop").expect("a connection");
        assert_eq!(last(&world, &mut wire), "SELECT pg_backend_pid()");
    }
}

#[test]
fn the_name_of_a_connection_begins_with_the_principal_whatever_the_client_calls_itself() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let mut wire = Wire::open(tunnel.port(), "a", "shop").expect("a connection");
        let is_named = |name: &str| {
            let named = format!("application_name = 'ana@example.com via connect, {name}'");
            world
                .postgres
                .wait_until("shop", &format!("EXISTS (SELECT FROM pg_stat_activity WHERE {named})"));
        };
        is_named("wire");
        let rolled_back = "BEGIN; SET application_name = 'undone'; ROLLBACK";
        for (mode, sql, name) in [
            (Mode::Simple, "SET application_name = 'load job'", "load job"),
            (Mode::Text, "SELECT set_config('application_name', 'other', false)", "other"),
            (Mode::Simple, rolled_back, "other"),
            (Mode::Simple, "RESET application_name", "wire"),
            (Mode::Simple, "SET application_name = 'again'", "again"),
            (Mode::Simple, "DISCARD ALL", "wire"),
        ] {
            let answer = wire.ask(mode, sql);
            assert!(answer.lost.is_none() && answer.error().is_none(), "{sql}: {:?}", answer.lost);
            let told =
                answer.messages.iter().rev().find(|message| message.body.starts_with(b"application_name\0"));
            if let Some(told) = told.filter(|_| sql != rolled_back) {
                assert_eq!(told.body, format!("application_name\0{name}\0").as_bytes(), "{sql}");
            }
            is_named(name);
            let next = wire.ask(Mode::Text, "SELECT 1");
            assert!(next.messages.iter().all(|message| message.kind != b'S'), "{sql}: what we did is told");
            assert_eq!(next.rows().len(), 1);
        }
    }
}
