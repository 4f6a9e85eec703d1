//! A large result: masked, unmasked, and without us.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Instant,
};

use connect_tests::{agent::SHOP, person::Person, world::World};

use crate::{
    cost::processor,
    quictun::QuicTun,
    relay::Relay,
    report::{Figure, Report, median},
};

const ROUNDS: usize = 3;
const ROWS: u32 = 300_000;
/// Of `bulk`, as DataRow messages.
const BYTES_A_ROW: f64 = 172.0;

/// The same rows twice: in columns whose names and contents are personal, and in columns of numbers and
/// digests that are nobody's.
pub(crate) fn prepare(world: &World) {
    world.postgres.sql(
        "shop",
        &format!(
            "SET ROLE connect_agent;
             CREATE TABLE bulk AS SELECT g::bigint AS id, md5(g::text)::uuid AS uid,
               'user' || g || '@example' || g % 97 || '.com' AS email,
               '+1-555-' || lpad((g % 10000)::text, 4, '0') || '-' || lpad((g % 7919)::text, 4, '0') AS phone,
               'Firstname' || g % 5000 || ' Lastname' || g % 9000 AS full_name,
               g % 100000 / 100.0::numeric(12,2) AS amount, (g % 7)::int AS status, (g % 3 = 0) AS active
               FROM generate_series(1, {ROWS}) g;
             CREATE TABLE bulk_clear AS SELECT id, uid, md5(email) AS digest_a, substr(md5(phone), 1, 16) AS digest_b,
               substr(md5(full_name), 1, 22) AS digest_c, amount, status, active FROM bulk;
             RESET ROLE; VACUUM ANALYZE bulk, bulk_clear"
        ),
    );
}

pub(crate) fn measure(world: &World, person: &Person, quictun: &QuicTun, relay: &Relay, report: &mut Report) {
    // The tables were made after the agent read the catalog; a new session sees them.
    let tunnel = person.open(SHOP);
    let (mut masked, mut clear, mut direct, mut bare) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut seconds, mut carried, mut relayed) = (0.0, 0.0, 0.0);
    for _ in 0..ROUNDS {
        let before = processor(world.agent.process().id());
        masked.push(rate(tunnel.port(), "anybody", "SELECT * FROM bulk"));
        seconds += processor(world.agent.process().id()) - before;
        clear.push(rate(tunnel.port(), "anybody", "SELECT * FROM bulk_clear"));
        direct.push(rate(world.postgres.port(), "postgres", "SELECT * FROM bulk_clear"));
        let before = processor(quictun.far_end());
        bare.push(rate(quictun.port(), "postgres", "SELECT * FROM bulk_clear"));
        carried += processor(quictun.far_end()) - before;
        let before = processor(relay.process());
        let _unused = rate(relay.port(), "postgres", "SELECT * FROM bulk_clear");
        relayed += processor(relay.process()) - before;
    }
    let (masked, clear, direct, bare) = (median(masked), median(clear), median(direct), median(bare));
    let note = format!("{masked:.0} and {clear:.0} thousand rows/s");
    report.add(
        Figure::new("6 bulk SELECT: 3 masked columns to none", masked / clear, "×")
            .at_least(0.93)
            .note(&note),
    );
    report.add(Figure::new("7 bulk SELECT: to direct", clear / direct, "×").at_least(0.70));
    report.add(Figure::new("7 bulk SELECT: to quictun", clear / bare, "×").at_least(0.95));
    let gigabytes = f64::from(ROWS) * ROUNDS as f64 * BYTES_A_ROW / 1e9;
    let [all, tunnel, relay] = [seconds, carried, relayed].map(|seconds| seconds / gigabytes * 100.0);
    let note = format!("{all:.0} with its tunnel; a bare tunnel {tunnel:.0}, a bare relay {relay:.0}");
    let on_tcp = all - tunnel + relay;
    let figure = Figure::new("8 bulk SELECT: agent's processor, masked, as on TCP", on_tcp, "cs/GB");
    report.add(figure.at_most(220.0).note(&note));
}

/// Thousand rows a second. The answer is read and not parsed: the client must not be the limit.
fn rate(port: u16, user: &str, sql: &str) -> f64 {
    let mut stream = connect(port, user, "shop");
    let start = Instant::now();
    stream.write_all(&query(sql)).expect("a query");
    drain(&mut stream);
    f64::from(ROWS) / 1000.0 / start.elapsed().as_secs_f64()
}

/// A connection that is ready.
pub(crate) fn connect(port: u16, user: &str, database: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a listener");
    let parameters = format!("user\0{user}\0database\0{database}\0\0");
    let mut startup = 196_608_u32.to_be_bytes().to_vec();
    startup.extend(parameters.bytes());
    let mut message = u32::try_from(startup.len() + 4).expect("short").to_be_bytes().to_vec();
    message.extend(startup);
    stream.write_all(&message).expect("a startup");
    drain(&mut stream);
    stream
}

/// A simple query.
pub(crate) fn query(sql: &str) -> Vec<u8> {
    let mut query = vec![b'Q'];
    query.extend(u32::try_from(sql.len() + 5).expect("short").to_be_bytes());
    query.extend(sql.bytes().chain([0]));
    query
}

/// Reads up to ReadyForQuery, idle.
pub(crate) fn drain(stream: &mut TcpStream) {
    const READY: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];
    let mut buffer = vec![0; 1 << 20];
    let mut tail = Vec::new();
    loop {
        let read = stream.read(&mut buffer);
        let length = read.unwrap_or_else(|error| panic!("no answer from {:?}: {error}", stream.peer_addr()));
        assert!(length > 0, "the server closed: {}", String::from_utf8_lossy(&tail));
        tail.extend_from_slice(&buffer[length.saturating_sub(400)..length]);
        tail.drain(..tail.len().saturating_sub(400));
        assert_ne!(tail.first(), Some(&b'E'), "refused: {}", String::from_utf8_lossy(&tail));
        if tail.ends_with(&READY) {
            return;
        }
    }
}
