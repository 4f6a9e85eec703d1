//! Database sessions outlive their network: nothing is lost, nothing is doubled, and what cannot be kept ends
//! with words.

use std::{process::Command, thread};

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    faults::{Faults, Way, Weather},
    generate::dice::Dice,
    leaves,
    person::{Browser, Person},
    place,
    process::{self, Process, Signal},
    tunnel::Tunnel,
    wire::{self, Wire},
    world::World,
};

/// Somebody who knows the agent by an address behind which the network is bad.
fn behind(world: &World, faults: &Faults, name: &str) -> Person {
    let person = world.newcomer(name, Browser::Forms);
    person.runs(&["agents", "add", &faults.url(), "--fingerprint", world.agent.fingerprint()]).good();
    person.runs(&["login"]).good();
    person
}

fn psql(tunnel: &Tunnel) -> Process {
    let mut command = tunnel.client("psql");
    command.args(["-XqAt", "-v", "ON_ERROR_STOP=1"]);
    Process::start("psql", &mut command)
}

/// A table of one's own, and how many rows it has at the server.
fn table(tunnel: &Tunnel) {
    tunnel.psql("CREATE TABLE kept (n int PRIMARY KEY, note text);").good();
}

fn interrupted(tunnel: &Tunnel, times: usize) {
    wait_for_several(tunnel.process(), "is interrupted", times);
}

fn back(tunnel: &Tunnel, times: usize) {
    wait_for_several(tunnel.process(), "is back", times);
}

fn wait_for_several(process: &Process, text: &str, times: usize) {
    let mut seen = 0;
    process.wait_for(text, |line| {
        seen += usize::from(line.contains(text));
        (seen >= times).then_some(())
    });
}

fn kinds(world: &World) -> Vec<String> {
    let leaves = leaves::read(&world.agent.log());
    leaves.iter().map(|leaf| leaf["kind"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_transaction_goes_on_after_the_network_was_gone() {
    let mut world = World::start();
    let faults = Faults::before(world.agent.address());
    let ana = behind(&world, &faults, "ana");
    let tunnel = ana.open(BENCH);
    table(&tunnel);
    let mut psql = psql(&tunnel);
    psql.say("BEGIN;\nINSERT INTO kept VALUES (1, 'before');\nSELECT 'be' || 'gun';\n");
    psql.wait_for_line("begun");
    faults.blackhole();
    // What is said into the hole arrives once.
    psql.say("INSERT INTO kept VALUES (2, 'into the hole');\n");
    interrupted(&tunnel, 1);
    let status = ana.runs(&["status", "--json"]).good();
    assert!(status.contains("\"reconnecting\"") && status.contains("silent"), "{status}");
    let shown = ana.runs(&["status"]).good();
    assert!(shown.contains("reconnecting"), "{shown}");
    faults.heal();
    psql.say("COMMIT;\nSELECT 'commit' || 'ted';\n");
    psql.wait_for_line("committed");
    back(&tunnel, 1);
    assert!(psql.wait_for_end().success(), "{}", psql.transcript());
    assert_eq!(
        world.postgres.sql("bench", "SELECT string_agg(note, ',' ORDER BY n) FROM kept"),
        "before,into the hole"
    );
    let status = ana.runs(&["status", "--json"]).good();
    assert!(status.contains("\"up\""), "{status}");
    drop(tunnel);
    world.agent.stop();
    let kinds = kinds(&world);
    let count = |kind: &str| kinds.iter().filter(|known| *known == kind).count();
    // It may be that the silent tunnel was back before another one was welcomed.
    assert!(count("session_opened") == 1 && count("session_resumed") <= 1, "{kinds:?}");
    assert_eq!(count("connection_opened"), count("connection_closed"), "{kinds:?}");
    // Each says how many statements it had, over all tunnels that carried it.
    let leaves = leaves::read(&world.agent.log());
    for closed in leaves::of_kind(&leaves, "connection_closed") {
        let is_of_it = |leaf: &&serde_json::Value| leaf["connection"] == closed["connection"];
        let of = |kind| leaves::of_kind(&leaves, kind).into_iter().filter(is_of_it).count();
        let (intents, denials) = (of("intent"), of("denial"));
        assert_eq!(closed["statements"], intents + denials, "{closed}");
        assert!(intents > 0, "{closed}");
    }
}

#[test]
fn a_router_that_forgets_costs_nothing_but_an_address() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(BENCH);
    let mut psql = psql(&tunnel);
    psql.say("BEGIN;\nCREATE TEMP TABLE mine (n int);\n");
    for number in 0..20 {
        faults.forget();
        psql.say(&format!("INSERT INTO mine VALUES ({number});\nSELECT 'number ' || {number};\n"));
        psql.wait_for_line(&format!("number {number}"));
    }
    psql.say("SELECT 'sum ' || sum(n) FROM mine;\nCOMMIT;\n");
    psql.wait_for_line("sum 190");
    assert!(psql.wait_for_end().success(), "{}", psql.transcript());
    let said = tunnel.process().transcript();
    assert!(!said.contains("is interrupted"), "the connection migrates:\n{said}");
}

#[test]
fn a_machine_that_slept_past_its_grant_goes_on_where_it_was() {
    let options = AgentOptions { lifetime: "30s", ..AgentOptions::default() };
    let world = World::start_with(&options);
    let tunnel = world.person("ana").open(BENCH);
    table(&tunnel);
    let mut psql = psql(&tunnel);
    psql.say("BEGIN;\nINSERT INTO kept VALUES (1, 'before');\nSELECT 'be' || 'gun';\n");
    psql.wait_for_line("begun");
    // The lid is closed: the agent gives the tunnel up, and then the grant is over.
    tunnel.process().signal(Signal::STOP);
    psql.say("INSERT INTO kept VALUES (2, 'asleep');\nCOMMIT;\nSELECT 'commit' || 'ted';\n");
    world.agent.process().wait_for_line("the tunnel of a session is gone");
    world.agent.process().wait_for_line("the grant of a session is over while nobody is there");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
    assert_eq!(world.postgres.sql("bench", open), "1", "the transaction waits");
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM kept"), "0");
    tunnel.process().signal(Signal::CONT);
    psql.wait_for_line("committed");
    assert!(psql.wait_for_end().success(), "{}", psql.transcript());
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM kept"), "2");
}

#[test]
fn a_transaction_that_waits_too_long_is_rolled_back_and_its_client_hears_why() {
    let park = "limit = \"1h\"\nin_transaction = \"1s\"";
    let mut world = World::start_with(&AgentOptions { park, ..AgentOptions::default() });
    let tunnel = world.person("ana").open(BENCH);
    table(&tunnel);
    let (mut holds, mut rests) = (psql(&tunnel), psql(&tunnel));
    holds.say("BEGIN;\nINSERT INTO kept VALUES (1, 'locked');\nSELECT 'be' || 'gun';\n");
    rests.say("SET application_name = 'patient';\nSELECT 're' || 'sting';\n");
    holds.wait_for_line("begun");
    rests.wait_for_line("resting");
    tunnel.process().signal(Signal::STOP);
    world.agent.process().wait_for_line("the tunnel of a session is gone");
    // Its locks are free, and the connection that holds none is kept.
    world
        .postgres
        .wait_until("bench", "NOT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'idle in transaction')");
    tunnel.process().signal(Signal::CONT);
    rests.say("SHOW application_name;\n");
    rests.wait_for_line("patient");
    holds.say("COMMIT;\n");
    let line = holds.wait_for_line("FATAL");
    assert!(line.contains("longer than the agent keeps"), "{}", holds.transcript());
    holds.wait_for_line("may have taken effect: look before you repeat it");
    assert!(!holds.wait_for_end().success());
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM kept"), "0");
    drop((rests, tunnel));
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let closed = leaves::of_kind(&leaves, "connection_closed");
    assert!(closed.iter().any(|leaf| leaf["code"] == "park_expired"), "{closed:?}");
    assert_eq!(leaves::of_kind(&leaves, "session_parked")[0]["connections"], 2);
}

#[test]
fn an_agent_that_was_started_anew_cannot_keep_a_transaction_and_says_so() {
    let mut world = World::start();
    let tunnel = world.person("ana").open(BENCH);
    let mut psql = psql(&tunnel);
    psql.say("BEGIN;\nSELECT 'be' || 'gun';\n");
    psql.wait_for_line("begun");
    world.agent.kill();
    world.agent.restart();
    psql.say("COMMIT;\n");
    let line = psql.wait_for_line("FATAL");
    assert!(line.contains("started anew"), "{}", psql.transcript());
    assert!(!psql.wait_for_end().success());
    // The address stays: the next program comes in through it.
    assert_eq!(tunnel.psql("SELECT 'again';").good(), "again\n");
}

const ROWS: &str = "SELECT i, md5(i::text), repeat('x', i % 50) FROM generate_series(1, 120000) i";

#[test]
fn a_large_result_that_is_cut_again_and_again_is_the_same_bytes() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(BENCH);
    let direct = world.postgres.sql("bench", &format!("COPY ({ROWS}) TO STDOUT"));
    let reading = {
        let mut command = tunnel.client("psql");
        command.args(["-XqAt", "-c", &format!("COPY ({ROWS}) TO STDOUT")]);
        thread::spawn(move || process::run_with(&mut command, "", process::PATIENCE * 3))
    };
    let mut dice = Dice::new(11);
    for times in 1..=3 {
        faults.cut_after(1 + dice.below(1_500_000));
        faults.wait_until_cut();
        interrupted(&tunnel, times);
        faults.heal();
        back(&tunnel, times);
    }
    let read = reading.join().expect("no panic").good();
    assert_eq!(read.trim_end().len(), direct.trim_end().len());
    assert!(read.trim_end() == direct.trim_end(), "the same bytes");
}

#[test]
fn a_copy_into_the_database_that_is_cut_arrives_once() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(BENCH);
    table(&tunnel);
    let rows: String = (0..100_000).map(|n| format!("{n}\t{:x}\n", n * 7_919)).collect();
    let mut dice = Dice::new(12);
    faults.cut_after(100_000 + dice.below(200_000));
    let copying = {
        let mut command = tunnel.client("psql");
        command.args(["-XqAt", "-c", "COPY kept FROM STDIN"]);
        thread::spawn(move || process::run_with(&mut command, &rows, process::PATIENCE * 2))
    };
    for times in 1..=3 {
        faults.wait_until_cut();
        interrupted(&tunnel, times);
        faults.heal();
        if times < 3 {
            faults.cut_after(20_000 + dice.below(200_000));
        }
        back(&tunnel, times);
    }
    copying.join().expect("no panic").good();
    let arrived = "SELECT count(*) || ' ' || sum(n) || ' ' || count(*) FILTER (WHERE note = to_hex(n * 7919)) FROM kept";
    assert_eq!(world.postgres.sql("bench", arrived), "100000 4999950000 100000");
}

#[test]
fn bad_weather_loses_nothing() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(BENCH);
    let weather = Weather { loss: 20, reorder: 50, delay: std::time::Duration::from_millis(5) };
    faults.weather(weather);
    let rows = "SELECT md5(i::text) FROM generate_series(1, 20000) i";
    let direct = world.postgres.sql("bench", rows);
    assert_eq!(tunnel.psql(&format!("{rows};")).good().trim_end(), direct.trim_end());
}

#[test]
fn many_sessions_of_drivers_go_on_together() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(BENCH);
    table(&tunnel);
    let script = "import sys, psycopg\n\
        connections = [psycopg.connect(sys.argv[1]) for _ in range(40)]\n\
        for number, connection in enumerate(connections):\n\
        \x20   connection.execute('INSERT INTO kept VALUES (%s, %s)', (number, str(number)))\n\
        print('open', flush=True)\n\
        sys.stdin.readline()\n\
        for number, connection in enumerate(connections):\n\
        \x20   connection.execute('UPDATE kept SET note = %s WHERE n = %s', ('done', number))\n\
        \x20   connection.commit()\n\
        print('committed', flush=True)";
    let mut python = Command::new(place::python());
    python.args(["-c", script, &tunnel.url()]);
    let mut python = Process::start("psycopg", &mut python);
    python.wait_for_line("open");
    faults.blackhole();
    interrupted(&tunnel, 1);
    faults.heal();
    python.say("\n");
    python.wait_for_line("committed");
    assert!(python.wait_for_end().success(), "{}", python.transcript());
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM kept WHERE note = 'done'"), "40");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokio_postgres_in_a_transaction_notices_nothing() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(BENCH);
    table(&tunnel);
    let (mut client, connection) =
        tokio_postgres::connect(&tunnel.url(), tokio_postgres::NoTls).await.expect("a connection");
    let driving = tokio::spawn(connection);
    let transaction = client.transaction().await.expect("a transaction");
    let insert = transaction.prepare("INSERT INTO kept VALUES ($1, 'x')").await.expect("a statement");
    transaction.execute(&insert, &[&1]).await.expect("an insert");
    faults.udp(Way::Swallow);
    tokio::task::block_in_place(|| interrupted(&tunnel, 1));
    faults.udp(Way::Open);
    transaction.execute(&insert, &[&2]).await.expect("the prepared statement is still there");
    transaction.commit().await.expect("committed");
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM kept"), "2");
    drop(client);
    driving.await.expect("no panic").expect("it ended in order");
}

#[test]
fn a_cancel_request_reaches_a_statement_whose_network_was_gone() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(SHOP);
    let mut psql = psql(&tunnel);
    psql.say("SELECT 'be' || 'gun';\nSELECT pg_sleep(600);\n");
    psql.wait_for_line("begun");
    // A cancel request that overtakes its statement finds nothing to cancel, here as on any server.
    world.postgres.wait_until("shop", "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')");
    faults.blackhole();
    interrupted(&tunnel, 1);
    psql.signal(Signal::INT);
    faults.heal();
    let line = psql.wait_for_line("ERROR");
    assert!(line.contains("cancel"), "{line}");
}

#[test]
fn where_udp_is_blocked_the_tunnel_goes_by_tls_and_by_udp_when_that_works_again() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let ana = behind(&world, &faults, "ana");
    faults.udp(Way::Swallow);
    let tunnel = ana.open(BENCH);
    let status = ana.runs(&["status", "--json"]).good();
    assert!(status.contains("\"tls\"") && status.contains("UDP got no answer"), "{status}");
    assert!(ana.runs(&["status"]).good().contains("TLS (no UDP)"));
    let doctor = ana.runs(&["doctor", "--json"]).stdout;
    let doctor: serde_json::Value = serde_json::from_str(&doctor).expect("JSON");
    let result = |check: &str| {
        let checks = doctor["checks"].as_array().expect("a list");
        checks.iter().find(|found| found["check"] == check).expect("it is looked at")["result"].clone()
    };
    assert_eq!((result("agent_udp"), result("agent_tls")), ("weak".into(), "good".into()), "{doctor}");
    let direct = world.postgres.sql("bench", &format!("COPY ({ROWS}) TO STDOUT"));
    let read = tunnel.psql(&format!("COPY ({ROWS}) TO STDOUT;")).good();
    assert!(read.trim_end() == direct.trim_end(), "the same bytes");
    let mut psql = psql(&tunnel);
    psql.say("BEGIN;\nCREATE TEMP TABLE mine (n int);\nSELECT 'be' || 'gun';\n");
    psql.wait_for_line("begun");
    faults.udp(Way::Open);
    tunnel.process().wait_for_line("goes by QUIC");
    psql.say("SELECT 'rows ' || count(*) FROM mine;\nCOMMIT;\n");
    psql.wait_for_line("rows 0");
    assert!(psql.wait_for_end().success(), "{}", psql.transcript());
    let status = ana.runs(&["status", "--json"]).good();
    assert!(status.contains("\"quic\""), "{status}");
}

#[test]
fn a_transaction_goes_on_by_tls_when_udp_is_lost() {
    let world = World::start();
    let faults = Faults::before(world.agent.address());
    let tunnel = behind(&world, &faults, "ana").open(BENCH);
    table(&tunnel);
    let mut psql = psql(&tunnel);
    psql.say("BEGIN;\nINSERT INTO kept VALUES (1, 'by UDP');\nSELECT 'be' || 'gun';\n");
    psql.wait_for_line("begun");
    faults.udp(Way::Swallow);
    psql.say("INSERT INTO kept VALUES (2, 'by TLS');\nCOMMIT;\nSELECT 'commit' || 'ted';\n");
    let line = tunnel.process().wait_for_line("is back");
    assert!(line.contains("TLS over TCP because UDP gets no answer"), "{line}");
    psql.wait_for_line("committed");
    assert!(psql.wait_for_end().success(), "{}", psql.transcript());
    assert_eq!(world.postgres.sql("bench", "SELECT count(*) FROM kept"), "2");
}

#[test]
fn an_agent_that_is_asked_to_stop_lets_a_transaction_finish_and_takes_nothing_new() {
    let mut world = World::start_with(&AgentOptions { drain: "10m", ..AgentOptions::default() });
    let ana = world.person("ana");
    let tunnel = ana.open(BENCH);
    table(&tunnel);
    let (mut works, mut rests) = (psql(&tunnel), psql(&tunnel));
    works.say("BEGIN;\nINSERT INTO kept VALUES (1, 'begun');\nSELECT 'be' || 'gun';\n");
    rests.say("SELECT 're' || 'sting';\n");
    works.wait_for_line("begun");
    rests.wait_for_line("resting");
    world.agent.process().signal(Signal::TERM);
    tunnel.process().wait_for_line("takes no new connections");
    let refused = tunnel.psql("SELECT 1;");
    assert!(refused.stderr.contains("takes nothing new"), "{}", refused.stderr);
    let refused = ana.runs(&["open", BENCH, "--port", "auto"]);
    assert_eq!(refused.code, 7, "{}", refused.stderr);
    assert!(refused.stderr.contains("takes nothing new"), "{}", refused.stderr);
    rests.say("SELECT 1;\n");
    rests.wait_for_line("FATAL:  the agent is stopping");
    works.say("INSERT INTO kept VALUES (2, 'finished');\nCOMMIT;\n");
    world.agent.process_mut().wait_for_end();
    assert_eq!(
        world.postgres.sql("bench", "SELECT string_agg(note, ',' ORDER BY n) FROM kept"),
        "begun,finished"
    );
    let leaves = leaves::read(&world.agent.log());
    assert_eq!(leaves.last().expect("entries")["kind"], "agent_stopped");
}

#[test]
fn a_pipeline_behind_a_large_result_does_not_stand_still() {
    let world = World::start();
    let tunnel = world.person("ana").open(BENCH);
    let mut wire = Wire::open(tunnel.port(), "anybody", "bench").expect("a connection");
    // More than is kept for a client, and behind it more messages than may be in flight.
    let large = "SELECT i, repeat('y', 200) FROM generate_series(1, 60000) i";
    let small = format!("SELECT 1 /* {} */", "z".repeat(1_000));
    let mut pipeline = [wire::parse("", large), wire::bind("", "", 0), wire::execute("", 0)].concat();
    for _ in 0..400 {
        pipeline.extend([wire::parse("", &small), wire::bind("", "", 0), wire::execute("", 0)].concat());
    }
    pipeline.extend(wire::sync());
    let answer = wire.send(&pipeline, 1);
    assert!(answer.lost.is_none() && answer.error().is_none(), "{:?}", answer.error().map(|e| e.text()));
    assert_eq!(answer.rows().len(), 60_400);
}
