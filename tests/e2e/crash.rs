//! SIGKILL in mid-flight: the log verifies, and nothing ran without its INTENT.

use std::collections::HashSet;

use connect_tests::{
    agent::BENCH,
    leaves, process,
    process::{Process, Signal},
    world::World,
};

#[test]
fn killing_the_agent_in_mid_pgbench_leaves_a_sound_log_and_no_statement_without_intent() {
    let mut world = World::start();
    let person = world.person("ana");
    let tunnel = person.open(BENCH);
    process::run(tunnel.client("pgbench").args(["-i", "-q", "-s", "1"])).good();
    world.postgres.sql("bench", "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC");
    let mut command = tunnel.client("pgbench");
    command.args(["-n", "-M", "prepared", "-c", "8", "-j", "2", "-T", "300"]);
    let mut pgbench = Process::start("pgbench", &mut command);
    // Each transaction is seven statements.
    world.postgres.wait_until("bench", "(SELECT count(*) FROM pgbench_history) > 300");
    world.agent.kill();
    let status = pgbench.wait_for_end();
    assert!(!status.success(), "pgbench notices");
    drop(tunnel);
    // What the server was still doing for the dead agent is over when its connections are.
    world
        .postgres
        .wait_until("bench", "NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'connect_agent')");

    world.agent.restart();
    let verified = person.runs(&["audit", "verify", "--log", &world.agent.log().display().to_string()]);
    assert_eq!(verified.code, 0, "{}\n{}", verified.stdout, verified.stderr);
    world.agent.stop();

    let leaves = leaves::read(&world.agent.log());
    let intents = leaves::of_kind(&leaves, "intent");
    let inserts = intents.iter().filter(|intent| {
        intent["verb"] == "insert" && intent["writes"].to_string().contains("pgbench_history")
    });
    let executed: usize =
        world.postgres.sql("bench", "SELECT count(*) FROM pgbench_history").parse().expect("a count");
    let recorded = inserts.count();
    assert!(executed > 300 && recorded >= executed, "{executed} rows inserted, {recorded} INTENTs of them");
    for (table, column) in
        [("pgbench_accounts", "abalance"), ("pgbench_tellers", "tbalance"), ("pgbench_branches", "bbalance")]
    {
        let updates = intents
            .iter()
            .filter(|intent| intent["verb"] == "update" && intent["writes"].to_string().contains(table));
        assert!(updates.count() >= executed, "{table}.{column}");
    }
    let ids = |kind: &str| -> HashSet<String> {
        leaves::of_kind(&leaves, kind).iter().map(|leaf| leaf["statement"].to_string()).collect()
    };
    let (begun, ended) = (ids("intent"), ids("outcome"));
    assert_eq!(begun.len(), intents.len(), "a statement has one INTENT");
    let open: Vec<&String> = begun.difference(&ended).collect();
    assert!(open.is_empty(), "recovery gives every INTENT its OUTCOME: {open:?}");
    let unknown =
        leaves::of_kind(&leaves, "outcome").iter().filter(|leaf| leaf["result"] == "unknown").count();
    assert!(unknown <= 8, "at most one statement of each client was in flight, {unknown} are unknown");
}

/// Points at which the agent is killed.
fn points() -> u64 {
    if std::env::var_os("CONNECT_TESTS_FULL").is_some() { 1_000 } else { 6 }
}

#[test]
fn killing_the_agent_again_and_again_at_random_points_never_leaves_a_statement_without_intent() {
    let mut world = World::start();
    let person = world.person("ana");
    {
        let tunnel = person.open(BENCH);
        process::run(tunnel.client("pgbench").args(["-i", "-q", "-s", "1"])).good();
    }
    world.postgres.sql("bench", "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC");
    let executed = |world: &World| -> usize {
        world.postgres.sql("bench", "SELECT count(*) FROM pgbench_history").parse().expect("a count")
    };
    let mut random: u64 = std::process::id().into();
    for point in 0..points() {
        // Knuth's constants; the seed is in the message of a failure.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let more = (random >> 33) % 40;
        let seen = executed(&world);
        let tunnel = person.open(BENCH);
        let mut command = tunnel.client("pgbench");
        let mode = if random >> 63 == 0 { "prepared" } else { "simple" };
        command.args(["-n", "-M", mode, "-c", "8", "-j", "2", "-T", "300"]);
        let mut pgbench = Process::start("pgbench", &mut command);
        let wanted = seen as u64 + more;
        world.postgres.wait_until("bench", &format!("(SELECT count(*) FROM pgbench_history) > {wanted}"));
        world.agent.kill();
        // Their own ends are the subject of another test.
        pgbench.signal(Signal::KILL);
        tunnel.process().signal(Signal::KILL);
        let _killed = pgbench.wait_for_end();
        drop(tunnel);
        world
            .postgres
            .wait_until("bench", "NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'connect_agent')");
        let inserted = executed(&world);
        world.agent.restart();
        let verified = person.runs(&["audit", "verify", "--log", &world.agent.log().display().to_string()]);
        let shown = || format!("point {point}, {more} rows after {seen}, {mode}: {}", verified.stdout);
        assert_eq!(verified.code, 0, "{}", shown());
        assert!(!verified.stdout.contains("begun and not ended"), "{}", shown());
        let leaves = leaves::read(&world.agent.log());
        let intents = leaves::of_kind(&leaves, "intent").into_iter().filter(|intent| {
            intent["verb"] == "insert" && intent["writes"].to_string().contains("pgbench_history")
        });
        let recorded = intents.count();
        assert!(recorded >= inserted, "{inserted} rows and {recorded} INTENTs; {}", shown());
    }
}
