//! Values and results of any size pass through memory of a fixed size, and whoever does not read holds up nobody
//! but himself.

use std::io::{Read as _, Write as _};

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    tunnel::Tunnel,
    wire::{Mode, Wire, framed, query},
    world::World,
};

fn open(tunnel: &Tunnel, database: &str) -> Wire {
    Wire::open(tunnel.port(), "anybody", database).expect("a connection")
}

/// Takes messages without keeping them, up to ReadyForQuery: how many rows, and how many bytes in them.
fn drain(wire: &mut Wire) -> (u64, u64) {
    let stream = wire.stream();
    let (mut rows, mut bytes) = (0, 0);
    let mut reader = std::io::BufReader::with_capacity(1 << 20, stream);
    loop {
        let mut head = [0; 5];
        reader.read_exact(&mut head).expect("a message");
        let [kind, length @ ..] = head;
        let length = u64::from(u32::from_be_bytes(length)) - 4;
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).expect("its body");
        match kind {
            b'D' => (rows, bytes) = (rows + 1, bytes + length),
            b'E' => panic!("an error after {rows} rows"),
            b'Z' => return (rows, bytes),
            _ => {}
        }
    }
}

#[test]
fn a_field_of_256_mebibytes_passes_in_pieces_in_both_directions() {
    const FIELD: usize = 256 << 20;
    let world = World::start();
    let tunnel = world.person("li").open(BENCH);
    let mut wire = open(&tunnel, "bench");
    for sql in ["SELECT repeat('x', 268435456) AS t", "COPY (SELECT repeat('x', 268435456)) TO STDOUT"] {
        wire.stream().write_all(&query(sql)).expect("room");
        let (rows, bytes) = drain(&mut wire);
        let expected = if sql.starts_with("COPY") { (0, 0) } else { (1, FIELD as u64 + 6) };
        assert_eq!((rows, bytes), expected, "{sql}");
    }
    wire.ask(Mode::Simple, "CREATE TABLE large (t text)");
    wire.gives_up_copies = false;
    wire.stream().write_all(&query("COPY large FROM STDIN")).expect("room");
    let length = u32::try_from(FIELD + 5).expect("a legal length");
    wire.stream().write_all(&[&b"d"[..], &length.to_be_bytes()].concat()).expect("room");
    let piece = vec![b'y'; 1 << 20];
    for _ in 0..256 {
        wire.stream().write_all(&piece).expect("it is taken");
    }
    let end = wire.send(&[&b"\n"[..], &framed(b'c', b"")].concat(), 1);
    assert_eq!(end.error().map(connect_tests::wire::Message::text), None);
    assert_eq!(world.postgres.sql("bench", "SELECT length(t) FROM large"), FIELD.to_string());
    world.held_little(&tunnel);
}

#[test]
fn a_parameter_of_256_mebibytes_passes_in_pieces_and_one_that_decides_is_refused() {
    const VALUE: usize = 256 << 20;
    let options = AgentOptions { bench_labels: "\"public.*\" = \"clear\"", ..AgentOptions::default() };
    let world = World::start_with(&options);
    let tunnel = world.person("li").open(BENCH);
    let mut wire = open(&tunnel, "bench");
    wire.ask(Mode::Simple, "CREATE TABLE long (t text)");
    let piece = vec![b'y'; 1 << 20];
    let mut bind = |sql: &str| {
        // The type of the value, since the server cannot know it everywhere.
        let parse = [&b"\0"[..], sql.as_bytes(), b"\0\0\x01\0\0\0\x19"].concat();
        let before = b"\0\0\0\0\0\x01";
        let length = u32::try_from(4 + before.len() + 4 + VALUE + 2).expect("a legal length");
        let value = u32::try_from(VALUE).expect("a legal length");
        let head =
            [&framed(b'P', &parse)[..], b"B", &length.to_be_bytes(), before, &value.to_be_bytes()].concat();
        wire.stream().write_all(&head).expect("room");
        for _ in 0..256 {
            wire.stream().write_all(&piece).expect("it is taken");
        }
        let rest = [&b"\0\0"[..], &framed(b'E', b"\0\0\0\0\0"), &framed(b'S', b"")].concat();
        wire.send(&rest, 1).error().map(connect_tests::wire::Message::text)
    };
    assert_eq!(bind("INSERT INTO long VALUES ($1)"), None);
    let refused = bind("UPDATE long SET t = 'z' WHERE t LIKE $1").expect("an error");
    assert!(refused.contains("over 64 MiB"), "{refused}");
    assert_eq!(bind("SELECT length($1)"), None);
    assert_eq!(world.postgres.sql("bench", "SELECT length(t) FROM long"), VALUE.to_string());
    world.held_little(&tunnel);
}

#[test]
fn millions_of_rows_pass_and_are_not_kept() {
    let millions = if std::env::var_os("CONNECT_TESTS_FULL").is_some() { 10 } else { 1 };
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(BENCH);
        let mut wire = open(&tunnel, "bench");
        let sql = format!("SELECT g, 'row ' || g FROM generate_series(1, {millions}000000) g");
        wire.stream().write_all(&query(&sql)).expect("room");
        assert_eq!(drain(&mut wire).0, millions * 1_000_000);
        world.held_little(&tunnel);
    }
}

#[test]
fn who_does_not_read_holds_up_the_server_and_nobody_else() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let mut stalled: Vec<Wire> = (0..4).map(|_| open(&tunnel, "shop")).collect();
    for wire in &mut stalled {
        let sql = "SELECT g, repeat('z', 1000) FROM generate_series(1, 2000000) g";
        wire.stream().write_all(&query(sql)).expect("room");
    }
    let waiting = "(SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite' AND usename = 'connect_agent')";
    world.postgres.wait_until("shop", &format!("{waiting} = 4"));
    let mut other = open(&tunnel, "shop");
    for _ in 0..50 {
        assert_eq!(other.ask(Mode::Binary, "SELECT count(*) FROM products").rows().len(), 1);
    }
    assert_eq!(other.ask(Mode::Simple, "SELECT email FROM customers").rows().len(), 200);
    world.held_little(&tunnel);
    drop(stalled);
    world.postgres.wait_until("shop", &format!("{waiting} = 0"));
    assert_eq!(other.ask(Mode::Simple, "SELECT 1").rows().len(), 1);
}
