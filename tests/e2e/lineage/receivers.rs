//! Every kind of event, for receivers of OpenLineage over HTTP.

use std::collections::BTreeSet;

use connect_tests::{
    process::{Process, Signal},
    receiver::Receiver,
};

use super::*;

/// Types of events that fit, by where they come from.
fn kinds(events: &[Value], fits: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let fitting = events.iter().filter(|event| fits(event));
    fitting.filter_map(|event| event["eventType"].as_str().map(str::to_owned)).collect()
}

fn is_statement(event: &Value) -> bool {
    event["run"]["facets"]["connect_audit"]["statement"].is_string()
}

fn run(person: &Person, job: &str, script: &str) -> Process {
    let output = format!("{job}.txt");
    std::fs::write(person.home().join("given.txt"), "given").expect("written");
    let words =
        ["run", SHOP, "--job", job, "--input", "given.txt", "--output", &output, "--", "sh", "-c", script];
    let parent = "airflow/daily.train/0190b5f0-0000-7000-8000-000000000001";
    Process::start("connect run", person.connect(&words).env("OPENLINEAGE_PARENT_ID", parent))
}

#[test]
fn every_kind_of_event_is_taken_by_receivers_that_hold_it_against_the_published_schemas() {
    let mut world = World::start_with(&AgentOptions { class: "development", ..AgentOptions::default() });
    let statements = Receiver::start(world.folder(), "statements");
    let runs = Receiver::start(world.folder(), "runs");
    world
        .agent
        .reconfigure(|config| format!("{config}\n{}{}", statements.sink("statement"), runs.sink("run")));
    let (ana, li) = (world.person("ana"), world.person("li"));

    // Statements that end well, fail, and are skipped because of the failure before them.
    sql(&ana, "SELECT email, segment FROM customer_mail WHERE id < 9");
    let words =
        ["exec", SHOP, "--", "psql", "-Xqc", "SELECT 1 / (id - id) FROM products; SELECT sku FROM products"];
    assert_ne!(ana.runs(&words).code, 0);
    sql(&li, "INSERT INTO scratch SELECT 100 + id, sku FROM products WHERE id < 5 RETURNING note");
    // A table that has another name before anybody else reads it.
    sql(&li, "CREATE TABLE fresh AS SELECT sku FROM products; ALTER TABLE fresh RENAME TO stale");
    // Runs that end well, fail, and are ended by a signal.
    let select = "psql -XAtc 'SELECT email FROM customer_mail'";
    assert!(run(&ana, "good", &format!("{select} >good.txt")).wait_for_end().success());
    assert_eq!(run(&ana, "bad", &format!("{select} >bad.txt; exit 7")).wait_for_end().code(), Some(7));
    let mut stopped = run(&ana, "stopped", &format!("{select} >stopped.txt; echo up; exec sleep 600"));
    stopped.wait_for_line("up");
    stopped.signal(Signal::TERM);
    assert_eq!(stopped.wait_for_end().code(), Some(143));
    // And one whose end nobody knows, because the agent has a power cut.
    let tunnel = ana.open(SHOP);
    let mut command = tunnel.client("psql");
    let mut sleeper =
        Process::start("psql", command.args(["-Xqc", "SELECT sku, pg_sleep(600) FROM products"]));
    let asleep =
        "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = 'connect_agent')";
    world.postgres.wait_until("shop", asleep);
    world.agent.kill();
    sleeper.signal(Signal::KILL);
    let _killed = sleeper.wait_for_end();
    drop(tunnel);
    world.agent.restart();

    let is_unknown = |event: &Value| event["eventType"] == "OTHER";
    let all = statements.taken_once(|events| events.iter().any(is_unknown));
    let expected = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(kinds(&all, is_statement), expected(&["COMPLETE", "FAIL", "ABORT", "OTHER"]));
    let mut written = all.iter().flat_map(|event| event["outputs"].as_array().expect("outputs"));
    let renamed =
        written.find(|output| output["facets"]["lifecycleStateChange"].is_object()).expect("a rename");
    let before = &renamed["facets"]["lifecycleStateChange"]["previousIdentifier"]["name"];
    assert_eq!((&renamed["name"], before), (&"public.stale".into(), &"public.fresh".into()), "{renamed:#}");
    let of_runs = |event: &Value| !is_statement(event);
    assert_eq!(kinds(&all, of_runs), expected(&["START", "COMPLETE", "FAIL", "ABORT"]));
    // Of the same run, with what it is a part of; and what it was given as an input has its size.
    let good: Vec<_> = all.iter().filter(|event| of_runs(event) && event["job"]["name"] == "good").collect();
    assert_eq!(good.len(), 2, "{good:#?}");
    assert_eq!(good[0]["run"]["runId"], good[1]["run"]["runId"]);
    for event in &good {
        let parent = &event["run"]["facets"]["parent"];
        assert_eq!(parent["job"]["name"], "daily.train", "{event:#}");
    }
    let ended = good.iter().find(|event| event["eventType"] == "COMPLETE").expect("its end");
    let inputs = ended["inputs"].as_array().expect("inputs");
    let given = inputs.iter().find(|input| input["namespace"] == "file").expect("a file");
    assert_eq!(given["inputFacets"]["inputStatistics"]["size"], 5, "{given:#}");
    let all = runs.taken_once(|events| events.iter().any(is_unknown));
    assert_eq!(kinds(&all, is_statement), expected(&["COMPLETE", "FAIL", "ABORT", "OTHER"]));
    let of_run = |event: &Value| event["run"]["facets"]["connect_run"].is_object();
    assert_eq!(kinds(&all, of_run), expected(&["START", "COMPLETE", "FAIL", "ABORT"]));

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    assert_eq!(leaves::of_kind(&leaves, "sink_refused"), Vec::<&Value>::new());
    // They would have said so if anything had been wrong.
    statements.refuses_spoiled(&[statements.taken(), runs.taken()].concat());
}
