//! Somebody goes around the agent: with an account of their own, and with the agent's.

use std::process::Command;

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    leaves, place,
    postgres::{ADMINISTRATOR, AGENT_PASSWORD, AGENT_USER},
    process::{self, Process},
    world::World,
};
use serde_json::Value;

const COUNTING: &str = "\nshared_preload_libraries = 'pg_stat_statements'\nlogging_collector = on\n\
    log_destination = 'csvlog'\nlog_directory = 'log'\nlog_filename = 'server.log'\nlog_file_mode = 0644\n\
    log_connections = on\nlog_statement = 'all'\nlog_min_messages = log\npg_stat_statements.track = 'all'\n";

/// psql straight at the server.
fn around(world: &World, role: &str) -> Command {
    let mut psql = Command::new(place::installed("psql"));
    psql.env("PGPASSWORD", AGENT_PASSWORD)
        .args(["-XqAt", "-h", "127.0.0.1", "-U", role, "-d", "shop", "-p"])
        .arg(world.postgres.port().to_string());
    psql
}

fn run_around(world: &World, role: &str, sql: &str) {
    process::run_with(&mut around(world, role), sql, process::PATIENCE).good();
}

fn reconcile(world: &World, more: &[&str]) -> (i32, Value) {
    let sam = world.person("sam");
    let mut arguments = vec!["audit", "reconcile", SHOP, "-o", "json"];
    arguments.extend(more);
    let ran = sam.runs(&arguments);
    let document = serde_json::from_str(&ran.stdout);
    (ran.code, document.unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, ran.stderr)))
}

fn counts<'a>(answer: &'a Value, role: &'a str) -> impl Iterator<Item = (u64, u64, &'a str)> {
    let found = answer["statements"]["found"].as_array().expect("found").iter();
    found.filter(move |count| count["role"] == role).map(|count| {
        let number = |field: &str| count[field].as_u64().expect("a number");
        (number("calls"), number("recorded"), count["sql"].as_str().unwrap_or_default())
    })
}

#[test]
fn whoever_goes_around_the_agent_is_found_among_sessions_statements_and_in_the_servers_log() {
    let world = World::start_with(&AgentOptions { server: COUNTING, ..AgentOptions::default() });
    world.postgres.sql("shop", "CREATE EXTENSION pg_stat_statements");
    world.postgres.sql("shop", &format!("GRANT pg_read_all_stats TO {AGENT_USER}"));
    let ana = world.person("ana");
    let tunnel = ana.open(SHOP);
    assert_eq!(tunnel.psql("SELECT status FROM orders WHERE id = 7").code, 0);
    let mut through = tunnel.client("psql");
    let mut through = Process::start("psql", through.args(["-XqAt"]));
    // What the agent sends itself, too, and what the server counts under the text that prepared it.
    through.say("BEGIN;\nSET statement_timeout = '15s';\nCOMMIT;\n");
    through.say("PREPARE one (int) AS SELECT status FROM orders WHERE id = $1;\n");
    through.say("EXECUTE one (7);\nEXECUTE one (8);\n");
    through.say("SELECT 'here';\n");
    through.wait_for_line("here");

    // Two who stay, and what the agent's account did without the agent.
    let stay = |role: &str| {
        let mut psql = Process::start("psql", &mut around(&world, role));
        psql.say("SELECT 'there' FROM orders WHERE status <> 'zqsecretzq' LIMIT 1;\n");
        psql.wait_for_line("there");
        psql
    };
    let staying = [stay(ADMINISTRATOR), stay(AGENT_USER)];
    for _ in 0..3 {
        run_around(&world, AGENT_USER, "SELECT status FROM orders WHERE id = 9");
    }
    run_around(&world, ADMINISTRATOR, "SELECT count(*) FROM customers WHERE email = 'zqsecretzq'");
    // Nobody ever sent this through the agent.
    run_around(&world, AGENT_USER, "SELECT max(id) FROM orders WHERE status = 'zqsecretzq'");

    let refused = ana.runs(&["audit", "reconcile", SHOP]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    let (code, answer) = reconcile(&world, &[]);
    assert_eq!(code, 10, "{answer}");
    let sessions = answer["sessions"].as_array().expect("sessions");
    let mut roles: Vec<&str> = sessions.iter().filter_map(|session| session["role"].as_str()).collect();
    roles.sort_unstable();
    assert_eq!(roles, [AGENT_USER, ADMINISTRATOR], "{answer}");
    assert!(answer["own_sessions"].as_u64().is_some_and(|own| own >= 2), "{answer}");
    let sql = "SELECT $1 FROM orders WHERE status <> $2 LIMIT $3;";
    assert!(sessions.iter().all(|session| session["sql"] == sql), "{answer}");

    let mut administrator = counts(&answer, ADMINISTRATOR);
    assert!(
        administrator.any(|(_, _, sql)| sql == "SELECT count(*) FROM customers WHERE email = $1"),
        "{answer}"
    );
    let stolen: Vec<_> = counts(&answer, AGENT_USER).collect();
    assert_eq!(stolen, [(4, 1, "SELECT status FROM orders WHERE id = $1")], "{answer}");
    let unexplained = answer["statements"]["unexplained"].as_array().expect("unexplained");
    let own_text = |count: &&Value| count["sql"] == "SELECT max(id) FROM orders WHERE status = $1";
    assert_eq!(
        unexplained.iter().find(own_text).map(|count| &count["calls"]),
        Some(&Value::from(1)),
        "{answer}"
    );
    assert!(
        unexplained.iter().all(|count| !count["sql"].as_str().unwrap_or_default().starts_with("PREPARE")),
        "{answer}"
    );
    assert_eq!(answer["statements"]["before_log"], 0, "nothing was pruned");
    // What the agent asks the catalog is told apart.
    assert!(answer["statements"]["own"].as_u64().is_some_and(|own| own > 0), "{answer}");
    assert_eq!(answer["statements"]["cut"], false);
    assert!(!answer.to_string().contains("zqsecretzq"));

    // When they are gone, the server's log still has them.
    drop(staying);
    world
        .postgres
        .wait_until("shop", "(SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql') <= 2");
    let log =
        world.postgres.logs().into_iter().find(|file| file.extension().is_some_and(|kind| kind == "csv"));
    let log = log.expect("a log").display().to_string();
    let (code, answer) = reconcile(&world, &["--server-log", &log]);
    assert_eq!(code, 10);
    assert_eq!(answer["sessions"].as_array().map(Vec::len), Some(0), "{answer}");
    let found = answer["server_log"]["found"].as_array().expect("found");
    let of = |role: &str| found.iter().filter(|session| session["role"] == role).count();
    // Who stayed, and the four runs.
    assert_eq!(of(AGENT_USER), 5, "{answer}");
    assert!(of(ADMINISTRATOR) >= 4, "{answer}");
    let all = answer["server_log"]["sessions"].as_u64().expect("a number");
    assert!(all > found.len() as u64, "those of the agent are in it and not found");

    let shown = world.person("sam").runs(&["audit", "reconcile", SHOP]);
    assert!(shown.stdout.contains("not as the log says") && shown.code == 10, "{}", shown.stdout);
    assert!(shown.stdout.contains("under the agent's account are in no entry"), "{}", shown.stdout);
    let recorded = leaves::read(&world.agent.log());
    let asked = leaves::of_kind(&recorded, "reconciled");
    assert!(asked.len() >= 2 && asked[0]["sessions"] == 2, "{asked:?}");
}

#[test]
fn where_nobody_goes_around_the_agent_nothing_is_found() {
    let world = World::start();
    let ana = world.person("ana");
    let tunnel = ana.open(BENCH);
    let mut psql = tunnel.client("psql");
    let mut psql = Process::start("psql", psql.args(["-XqAt"]));
    psql.say("SELECT 'here';\n");
    psql.wait_for_line("here");
    let sam = world.person("sam");
    let ran = sam.runs(&["audit", "reconcile", BENCH]);
    assert_eq!(ran.code, 0, "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("ok: nothing was found"), "{}", ran.stdout);
    assert!(ran.stdout.contains("pg_stat_statements` is not in this database"), "{}", ran.stdout);
    assert_eq!(sam.runs(&["audit", "reconcile", "no-such-db"]).code, 3);
}
