//! SIGKILL in mid-flight: the log verifies, and nothing ran without its INTENT.

use std::collections::HashSet;

use connect_tests::{agent::BENCH, leaves, process, process::Process, world::World};

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
