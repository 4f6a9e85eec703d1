//! Requests and approvals with the real programs: access that must be approved, and statements that wait on
//! their connection.

use std::{process::Command, sync::mpsc, thread};

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::Person,
    process::{Process, Signal},
    tunnel::Tunnel,
    world::World,
};
use serde_json::Value;

mod kinds;

/// Statements of `shop-db` are held; security and the on-call group may approve.
const HELD: AgentOptions = AgentOptions {
    resource: "approvers = [\"group:security\", \"group:data-oncall\"]",
    ..AgentOptions::USUAL
};

/// The id of a request in a line.
pub(crate) fn request_in(line: &str) -> Option<String> {
    let rest = &line[line.find("req_")?..];
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let id = &rest[..end.unwrap_or(rest.len())];
    (id.len() == 30).then(|| id.to_owned())
}

/// psql that runs a statement and may wait.
pub(crate) fn psql(tunnel: &Tunnel, statement: &str) -> Process {
    let mut psql = tunnel.client("psql");
    psql.args(["-X", "-v", "VERBOSITY=verbose", "-c", statement]);
    Process::start("psql", &mut psql).ended_with(Signal::INT)
}

/// The request that a waiting client was told of.
pub(crate) fn waits_for(process: &Process) -> String {
    process.wait_for("which request it waits for", |line| {
        line.contains("waiting for an approval").then(|| request_in(line)).flatten()
    })
}

pub(crate) fn no_wait(tunnel: &Tunnel, statement: &str) -> (bool, String) {
    let mut psql = tunnel.client("psql");
    psql.env("PGOPTIONS", "-c connect.wait=off").args(["-X", "-v", "VERBOSITY=verbose", "-c", statement]);
    let finished = connect_tests::process::run(&mut psql);
    (finished.code == 0, format!("{}{}", finished.stdout, finished.stderr))
}

/// Asks without waiting; the request's id.
pub(crate) fn asks(tunnel: &Tunnel, statement: &str) -> String {
    let (done, said) = no_wait(tunnel, statement);
    assert!(!done, "{said}");
    request_in(&said).unwrap_or_else(|| panic!("no request in: {said}"))
}

/// Runs it as soon as the agent knows that what made it a denial is gone: within a second.
fn runs_when_known(tunnel: &Tunnel, statement: &str) {
    let started = std::time::Instant::now();
    loop {
        let (done, said) = no_wait(tunnel, statement);
        if done {
            return;
        }
        assert!(started.elapsed() < connect_tests::process::PATIENCE, "it never runs: {said}");
    }
}

fn approve(person: &Person, id: &str) {
    person.runs(&["approve", id, "--yes"]).good();
}

fn steps(world: &mut World) -> Vec<String> {
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let steps = leaves::of_kind(&leaves, "request").into_iter();
    steps.filter_map(|leaf| leaf["step"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_held_statement_runs_on_its_connection_once_somebody_else_approves_it() {
    let mut world = World::start_with(&HELD);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let mut waiting = psql(&tunnel, "DELETE FROM scratch");
    let id = waits_for(&waiting);

    // Others are not affected, and neither is another connection of the same person.
    assert_eq!(tunnel.psql("SELECT count(*) FROM scratch;").good(), "20\n");

    let shown = sam.runs(&["requests", &id]).good();
    for expected in ["li@example.com", "DELETE FROM scratch", "public.scratch", "default/unbounded-write"] {
        assert!(shown.contains(expected), "{expected} is not in:\n{shown}");
    }
    // Nobody approves what is one's own, nor what one may not even see.
    let own = li.runs(&["approve", &id, "--yes"]);
    assert_eq!(own.code, 5, "{}", own.stderr);
    let ana = world.person("ana");
    assert_eq!(ana.runs(&["approve", &id, "--yes"]).code, 3);
    let unasked = sam.runs(&["approve", &id]);
    assert_eq!(unasked.code, 2, "without a terminal it must be said: {}", unasked.stderr);
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");

    approve(&sam, &id[..9]);
    assert!(waiting.wait_for_end().success(), "{}", waiting.transcript());
    assert!(waiting.transcript().contains("DELETE 20"), "{}", waiting.transcript());
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "0");

    let again = sam.runs(&["approve", &id, "--yes"]);
    assert_eq!(again.code, 6, "what was used cannot be approved again: {}", again.stdout);
    assert!(again.stderr.contains("is used already"), "{}", again.stderr);
    drop(tunnel);
    assert_eq!(steps(&mut world), ["requested", "seen", "approved", "used"]);
}

#[test]
fn a_statement_that_does_not_wait_goes_through_once_when_it_was_approved() {
    let mut world = World::start_with(&HELD);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let id = asks(&tunnel, "DELETE FROM scratch");
    assert_eq!(asks(&tunnel, "DELETE FROM scratch"), id, "the same statement is the same request");
    approve(&sam, &id);
    // Another statement, or the same by somebody else, is not what was approved.
    assert_ne!(asks(&tunnel, "DELETE FROM scratch WHERE true"), id);
    let (done, said) = no_wait(&tunnel, "DELETE FROM scratch");
    assert!(done, "{said}");
    assert_ne!(asks(&tunnel, "DELETE FROM scratch"), id, "a replay asks anew");
    drop(tunnel);

    let exec = ["exec", SHOP, "--no-wait", "--", "psql", "-Xc", "DROP TABLE scratch"];
    let refused = li.runs(&exec);
    assert_ne!(refused.code, 0);
    assert!(request_in(&refused.stderr).is_some(), "{}", refused.stderr);
    assert_eq!(steps(&mut world).iter().filter(|step| *step == "used").count(), 1);
}

#[test]
fn what_is_changed_between_approval_and_run_is_another_statement() {
    let world = World::start_with(&AgentOptions { class: "development", ..HELD });
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let prepare = "SET ROLE connect_agent; CREATE SCHEMA other; CREATE TABLE other.scratch AS TABLE scratch; \
        CREATE VIEW few AS SELECT id FROM scratch WHERE id < 0; \
        CREATE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1'";
    world.postgres.sql("shop", prepare);
    let statement = "UPDATE scratch SET id = id + 0 WHERE id IN (SELECT id FROM few) OR true";
    // Some of them make it a statement that is denied; that does not hold either.
    let changes = [
        ("a view", "CREATE OR REPLACE VIEW few AS SELECT id FROM scratch WHERE id < 1", ""),
        (
            "a function",
            "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2'",
            "",
        ),
        ("the table", "ALTER TABLE scratch ADD COLUMN more int", ""),
        (
            "a table that goes with it",
            "CREATE TABLE behind (id int REFERENCES scratch ON UPDATE CASCADE)",
            "",
        ),
        (
            "a trigger",
            "CREATE TRIGGER t BEFORE UPDATE ON scratch FOR EACH ROW \
             EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "DROP TRIGGER t ON scratch",
        ),
        ("a membership", "CREATE ROLE more; GRANT more TO connect_agent", ""),
    ];
    for (what, change, back) in changes {
        let id = asks(&tunnel, statement);
        approve(&sam, &id);
        world.postgres.sql("shop", change);
        let (done, said) = no_wait(&tunnel, statement);
        assert!(!done && !said.contains(&id), "{what} was changed, and the approval held: {said}");
        if !back.is_empty() {
            // What was approved is there again.
            world.postgres.sql("shop", back);
            runs_when_known(&tunnel, statement);
        }
    }
    let id = asks(&tunnel, statement);
    approve(&sam, &id);
    let elsewhere = [
        ("the search path", "SET search_path = other, public;"),
        ("a setting", "SET datestyle = 'German';"),
        ("a temporary table", "CREATE TEMP TABLE scratch (id int);"),
    ];
    for (what, before) in elsewhere {
        let said = tunnel.psql(&format!("SET connect.wait = off;\n{before}\n{statement};\n"));
        assert!(said.stderr.contains("it needs an approval"), "{what}: {}", said.stderr);
        assert!(!said.stderr.contains(&id), "{what}: {}", said.stderr);
        assert!(!said.stdout.contains("UPDATE"), "{what}: {}", said.stdout);
    }
    // What it does not touch is nothing to it.
    world.postgres.sql("shop", "CREATE TABLE bystander (id int); ALTER TABLE api_keys ADD COLUMN more int");
    let (done, said) = no_wait(&tunnel, statement);
    assert!(done, "nothing that it touches was changed: {said}");
}

#[test]
fn to_cancel_takes_the_request_back() {
    let world = World::start_with(&HELD);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let mut client = tunnel.client("psql");
    client.args(["-X"]);
    let mut psql = Process::start("psql", &mut client);
    psql.say("DROP TABLE scratch;\n");
    let id = waits_for(&psql);
    psql.signal(Signal::INT);
    psql.wait_for_line("canceling statement due to user request");
    // psql ends a script that was interrupted.
    psql.wait_for_end();
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
    let late = sam.runs(&["approve", &id, "--yes"]);
    assert_eq!(late.code, 6, "what was taken back cannot be approved: {}", late.stderr);
    assert!(late.stderr.contains("is withdrawn already"), "{}", late.stderr);
    let shown: Value = serde_json::from_str(&li.runs(&["requests", &id, "--json"]).good()).expect("JSON");
    assert_eq!(shown["state"], "withdrawn");
}

#[test]
fn a_rejection_and_the_end_of_patience_are_clear_errors() {
    let options = AgentOptions { sections: "[requests]\nwait = \"2s\"", ..HELD };
    let world = World::start_with(&options);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let mut waiting = psql(&tunnel, "DROP TABLE scratch");
    let id = waits_for(&waiting);
    assert!(!waiting.wait_for_end().success());
    let said = waiting.transcript();
    assert!(said.contains("57014") && said.contains("stays open"), "{said}");
    sam.runs(&["reject", &id, "--reason", "not today"]).good();
    let shown = li.runs(&["requests", &id]).good();
    assert!(shown.contains("rejected") && shown.contains("not today"), "{shown}");
}

#[test]
fn an_agent_that_dies_while_it_holds_loses_no_request_and_runs_nothing_twice() {
    let mut world = World::start_with(&HELD);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let mut waiting = psql(&tunnel, "INSERT INTO scratch SELECT 1000 + id FROM scratch; DELETE FROM scratch");
    let id = waits_for(&waiting);
    world.agent.kill();
    world.agent.restart();
    assert!(!waiting.wait_for_end().success());
    drop(tunnel);
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
    approve(&sam, &id);
    world.agent.kill();
    world.agent.restart();
    let tunnel = li.open(SHOP);
    let statement = "INSERT INTO scratch SELECT 1000 + id FROM scratch; DELETE FROM scratch";
    let (done, said) = no_wait(&tunnel, statement);
    assert!(done, "the approval was kept: {said}");
    world.agent.kill();
    world.agent.restart();
    drop(tunnel);
    let tunnel = li.open(SHOP);
    assert_ne!(asks(&tunnel, statement), id, "it was used, whatever the agent went through");
}

#[test]
fn ninety_held_statements_block_nobody() {
    let world = World::start_with(&AgentOptions { sections: "[requests]\nlifetime = \"1h\"", ..HELD });
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    // The database has places for 120 connections.
    let held = 90;
    let (sender, told) = mpsc::channel();
    let mut waiting = Vec::new();
    for number in 0..held {
        let process = psql(&tunnel, &format!("DELETE FROM scratch /* {number} */"));
        waiting.push(process);
    }
    let ids: std::collections::HashSet<_> = waiting.iter().map(waits_for).collect();
    assert_eq!(ids.len(), held);
    thread::scope(|scope| {
        scope.spawn(|| sender.send(tunnel.psql("SELECT count(*) FROM scratch;").good()));
        assert_eq!(told.recv().expect("an answer"), "20\n");
    });
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "20");
}

#[test]
fn access_waits_for_its_approval_and_ends_with_it() {
    let options =
        AgentOptions { resource: "approvers = [\"group:security\"]\napproval_for = [\"read\"]", ..HELD };
    let mut world = World::start_with(&options);
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let listed = ana.runs(&["ls"]).good();
    assert!(listed.contains("on request: read"), "{listed}");

    let refused = ana.runs(&["exec", SHOP, "--no-wait", "--json", "--", "psql", "-Xc", "SELECT 1"]);
    assert_eq!(refused.code, 125, "{}", refused.stderr);
    let report: Value = serde_json::from_str(refused.stderr.trim()).expect("one object");
    assert_eq!((&report["code"], &report["status"]), (&"approval_needed".into(), &6.into()));
    let id = report["request"].as_str().expect("an id").to_owned();
    let own = ana.runs(&["approve", &id, "--yes"]);
    assert_eq!(own.code, 5, "{}", own.stderr);

    let mut exec: Command =
        ana.connect(&["exec", SHOP, "--reason", "ticket 12", "--", "psql", "-XAtc", "SELECT 6 * 7"]);
    let mut exec = Process::start("connect exec", &mut exec);
    exec.wait_for_line("needs approval from security");
    approve(&sam, &id);
    exec.wait_for_line("Approved by sam@example.com");
    exec.wait_for_line("42");
    assert!(exec.wait_for_end().success(), "{}", exec.transcript());
    // It is for a time, and for nobody else.
    ana.runs(&["exec", SHOP, "--no-wait", "--", "psql", "-Xc", "SELECT 1"]).good();
    let as_program = ["exec", SHOP, "--actor", "bot", "--no-wait", "--", "psql", "-Xc", "SELECT 1"];
    assert_eq!(ana.runs(&as_program).code, 125);
    let asked = ana.runs(&["request", SHOP, "--for", "30m", "--reason", "more"]).good();
    sam.runs(&["reject", asked.trim(), "--reason", "enough"]).good();
    let unknown = sam.runs(&["approve", "req_00000000000000000000000000", "--yes"]);
    assert_eq!(unknown.code, 3);
    // What a run read by that access is traced to whoever gave it.
    let script = "psql -XAtc 'SELECT sku FROM products' >skus.txt";
    ana.runs(&["run", SHOP, "--job", "skus", "--out", "skus.txt", "--", "sh", "-c", script]).good();
    let verified: Value =
        serde_json::from_str(&ana.runs(&["--json", "attest", "verify", "skus.txt"]).good()).expect("JSON");
    let seen = &verified["run"];
    let access = &seen["approvals"][0];
    assert_eq!(
        (&verified["findings"], access["of"].as_str()),
        (&Value::Array(vec![]), Some("access")),
        "{seen:#}"
    );
    assert_eq!(access["by"][0]["name"], "sam@example.com");
    assert_eq!(seen["sources"][0]["approvals"], serde_json::json!([access["request"]]));
    let up: Value = serde_json::from_str(&ana.runs(&["--json", "lineage", "skus.txt"]).good()).expect("JSON");
    assert_eq!(up["approvals"], seen["approvals"], "the log says the same: {up:#}");
    let steps = steps(&mut world);
    for step in ["requested", "seen", "approved", "used", "rejected"] {
        assert!(steps.iter().any(|one| one == step), "{step} is in no entry: {steps:?}");
    }
}
