//! Grants end, and are renewed while the identity provider says yes.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    process::Process,
    world::World,
};

/// The shortest lifetime that a configuration may say.
const SHORT: AgentOptions =
    AgentOptions { lifetime: "30s", identity: r#"{"idTokenSeconds": 30}"#, ..AgentOptions::USUAL };

#[test]
fn renewal_is_silent_and_goes_on_past_the_first_lifetime() {
    let world = World::start_with(&SHORT);
    let tunnel = world.person("ana").open(SHOP);
    let mut command = tunnel.client("psql");
    command.args(["-XqAt"]);
    let mut psql = Process::start("psql", &mut command);
    // The server keeps the time: three lifetimes, in one session of one connection.
    psql.say("SELECT pg_sleep(45);\nSELECT 'half way';\nSELECT pg_sleep(45);\nSELECT 'still ' || 'here';\n");
    psql.wait_for_line("half way");
    psql.wait_for_line("still here");
    assert!(psql.wait_for_end().success());
    let said = tunnel.process().transcript();
    assert!(!said.contains("expire") && !said.contains("error"), "renewal was not silent:\n{said}");
}

#[test]
fn a_grant_that_is_not_renewed_cuts_the_session_with_a_clear_message() {
    let world = World::start_with(&SHORT);
    let mut tunnel = world.person("ana").open(SHOP);
    let mut command = tunnel.client("psql");
    command.args(["-XqAt"]);
    let mut psql = Process::start("psql", &mut command);
    psql.say("SELECT 'open';\nSELECT pg_sleep(300);\n");
    psql.wait_for_line("open");
    world.idp.disable("ana");
    let line = psql.wait_for_line("FATAL");
    assert!(line.contains("grant") || line.contains("expired"), "{}", psql.transcript());
    assert!(!psql.wait_for_end().success());
    let status = tunnel.process_mut().wait_for_end();
    assert_eq!(status.code(), Some(8), "{}", tunnel.process().transcript());
    let said = tunnel.process().transcript();
    assert!(said.contains("connect login") || said.contains("next"), "it says what to do next:\n{said}");
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'connect_agent' AND wait_event = 'PgSleep'";
    assert_eq!(world.postgres.sql("shop", sleeping), "0", "the statement is cancelled at the server");
}
