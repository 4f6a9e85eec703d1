//! Approvals that are for more than one run of one statement: with any values, for a time, of columns in clear, and a
//! broken glass. Each with what it is not for.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::Person,
    process::{PATIENCE, Process},
    tunnel::Tunnel,
    world::World,
};
use serde_json::Value;

use super::{HELD, approve, asks, no_wait, request_in};
use crate::policies;

const EMAIL: &str = "SELECT email FROM customers ORDER BY id LIMIT 1";

/// The id that `connect request` prints.
fn asked(person: &Person, arguments: &[&str]) -> String {
    let arguments: Vec<&str> = ["request", SHOP].iter().chain(arguments).copied().collect();
    person.runs(&arguments).good().trim().to_owned()
}

fn one_value(tunnel: &Tunnel, sql: &str) -> String {
    let answer = tunnel.psql(&format!("{sql};"));
    format!("{}{}", answer.stdout, answer.stderr).trim().to_owned()
}

/// What it says as soon as it says `wanted`: connections hear of what begins and ends within a moment.
fn until(tunnel: &Tunnel, sql: &str, wanted: impl Fn(&str) -> bool) -> String {
    let started = std::time::Instant::now();
    loop {
        let said = one_value(tunnel, sql);
        if wanted(&said) {
            return said;
        }
        assert!(started.elapsed() < PATIENCE, "it never comes: {said}");
    }
}

/// The state of a request as its page in JSON has it.
fn shown(person: &Person, id: &str) -> Value {
    serde_json::from_str(&person.runs(&["requests", id, "--json"]).good()).expect("JSON")
}

/// Approvals that INTENTs name.
fn named(world: &mut World, id: &str) -> Vec<Value> {
    world.agent.stop();
    let entries = leaves::read(&world.agent.log());
    let names = |entry: &&&Value| {
        let reasons = entry["decision"]["reasons"].as_array().cloned().unwrap_or_default();
        reasons.iter().any(|reason| reason["code"] == "approved" && reason["object"] == id)
    };
    leaves::of_kind(&entries, "intent").iter().filter(names).map(|entry| (*entry).clone()).collect()
}

#[test]
fn columns_are_seen_in_clear_for_the_time_that_was_approved_by_whoever_asked_and_nobody_else() {
    let mut world = World::start_with(&HELD);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let clear = world.postgres.sql("shop", EMAIL);
    let tunnel = li.open(SHOP);
    // A connection that is open all the time.
    let mut client = tunnel.client("psql");
    client.args(["-XqAt"]);
    let mut psql = Process::start("psql", &mut client);
    psql.say("SELECT 'before', email FROM customers ORDER BY id LIMIT 1;\nSELECT 'one';\n");
    psql.wait_for_line("one");
    assert!(!psql.transcript().contains(&clear));

    let bad = li.runs(&["request", SHOP, "--unmask", "public.customers.nothing", "--reason", "x"]);
    assert!(bad.code == 2 && bad.stderr.contains("there is no column"), "{}", bad.stderr);
    let bad = li.runs(&["request", SHOP, "--unmask", "public.orders.id", "--reason", "x"]);
    assert!(bad.code == 2 && bad.stderr.contains("has no label"), "{}", bad.stderr);
    let id = asked(&li, &["--unmask", "public.customers.email", "--for", "40s", "--reason", "ticket 12"]);
    assert_ne!(one_value(&tunnel, EMAIL), clear, "nobody has approved it");
    let own = li.runs(&["approve", &id, "--yes"]);
    assert_eq!(own.code, 5, "{}", own.stderr);
    let page = sam.runs(&["requests", &id]).good();
    for expected in ["public.customers.email (pii.email)", "in clear for 40s", "ticket 12"] {
        assert!(page.contains(expected), "{expected} is not in:\n{page}");
    }
    approve(&sam, &id);

    until(&tunnel, EMAIL, |said| said == clear);
    let explained = li.runs(&["explain", SHOP, EMAIL]).good();
    assert!(explained.contains("in clear") && explained.contains(&id), "{explained}");
    // Another column, somebody else, and a program of the same person.
    let phone = "SELECT phone FROM customers ORDER BY id LIMIT 1";
    assert_ne!(one_value(&tunnel, phone), world.postgres.sql("shop", phone));
    let ana = world.person("ana").open(SHOP);
    assert_ne!(one_value(&ana, EMAIL), clear);
    let bot = li.runs(&["exec", SHOP, "--actor", "bot", "--", "psql", "-XAtc", EMAIL]).good();
    assert_ne!(bot.trim(), clear);
    // The connection that was open, too; what it began it does not go on with.
    psql.say("SELECT 'while', email FROM customers ORDER BY id LIMIT 1;\n");
    psql.wait_for_line(&format!("while|{clear}"));
    psql.say("PREPARE mail AS SELECT 'prepared', email FROM customers ORDER BY id LIMIT 1;\nEXECUTE mail;\n");
    psql.wait_for_line(&format!("prepared|{clear}"));
    psql.say("BEGIN; DECLARE mails CURSOR FOR SELECT 'fetched', email FROM customers ORDER BY id;\nFETCH 1 FROM mails;\n");
    psql.wait_for_line(&format!("fetched|{clear}"));

    until(&tunnel, EMAIL, |said| !said.contains(&clear));
    let before = psql.transcript().len();
    psql.say("FETCH 1 FROM mails;\nROLLBACK;\nSELECT 'after', email FROM customers ORDER BY id LIMIT 1;\nSELECT 'two';\n");
    psql.wait_for_line("two");
    let after = psql.transcript().split_off(before);
    assert!(!after.contains('@'), "{after}");
    // Until the connection has its masks again it is denied.
    until(&tunnel, EMAIL, |said| !said.contains("ERROR") && said != clear);
    let before = psql.transcript().len();
    psql.say("EXECUTE mail;\nSELECT 'three';\n");
    psql.wait_for_line("three");
    let after = psql.transcript().split_off(before);
    assert!(!after.contains(&clear), "{after}");
    drop((tunnel, ana));
    let intents = named(&mut world, &id);
    assert!(!intents.is_empty(), "each look names its request");
    assert!(intents.iter().all(|intent| intent["decision"].to_string().contains("public.customers.email")));
}

#[test]
fn a_policy_that_hides_a_column_beats_the_approval_and_a_restart_loses_neither() {
    let mut world = policies::world_with("unmask_approvers = [\"group:security\"]", "");
    let (li, sam) = (world.person("li"), world.person("sam"));
    let clear = world.postgres.sql("shop", EMAIL);
    let id = asked(&li, &["--unmask", "public.customers.email", "--for", "1h", "--reason", "ticket 12"]);
    approve(&sam, &id);
    world.agent.kill();
    world.agent.restart();
    let tunnel = li.open(SHOP);
    until(&tunnel, EMAIL, |said| said == clear);
    let hides = "@id(\"nobody-sees-mail\") @mask(\"neutral\") permit (principal, action == Action::\"read\", \
        resource == Column::\"shop-db/public.customers.email\");";
    policies::write(&world, hides);
    world.agent.process().wait_for_line("another policy set decides");
    assert!(!one_value(&tunnel, EMAIL).contains('@'));
    assert!(!one_value(&li.open(SHOP), EMAIL).contains(&clear));
}

const FORMS: &str = "@id(\"orders\") @approval(\"group:security\") @approval_template \
    forbid (principal, action == Action::\"delete\", resource == Table::\"shop-db/public.scratch\");";

#[test]
fn a_form_that_was_approved_runs_with_any_values_and_as_often_as_was_said() {
    let mut world = policies::world_with("approvers = [\"group:security\", \"group:data-oncall\"]", FORMS);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let id = asks(&tunnel, "DELETE FROM scratch WHERE id = 1");
    let page = sam.runs(&["requests", &id]).good();
    assert!(page.contains("with any values"), "{page}");
    let said = sam.runs(&["approve", &id, "--yes", "--template", "--for", "30m", "--uses", "3"]);
    assert!(said.stderr.contains("with any values, up to 3 runs, until"), "{}", said.stderr);
    assert_eq!(shown(&li, &id)["runs_left"], 3);
    for number in [2, 3] {
        let (done, said) = no_wait(&tunnel, &format!("DELETE FROM scratch WHERE id = {number}"));
        assert!(done, "{said}");
    }
    // What is another change, and what a value makes one of every row.
    for other in [
        "DELETE FROM scratch WHERE 1 = 1",
        "DELETE FROM scratch",
        "DELETE FROM scratch WHERE id > 1",
        "DELETE FROM scratch WHERE id = 1 OR id = 2",
    ] {
        assert_ne!(asks(&tunnel, other), id, "{other}");
    }
    let bot = [
        "exec",
        SHOP,
        "--actor",
        "bot",
        "--no-wait",
        "--",
        "psql",
        "-Xc",
        "DELETE FROM scratch WHERE id = 4",
    ];
    assert_ne!(li.runs(&bot).code, 0, "a program of the same person");
    let (done, said) = no_wait(&tunnel, "DELETE FROM scratch WHERE id = 4");
    assert!(done, "{said}");
    assert_ne!(asks(&tunnel, "DELETE FROM scratch WHERE id = 5"), id, "each run was used");
    assert_eq!(shown(&li, &id)["state"], "used");
    // Of what another rule holds, too, there is no form.
    let unbounded = asks(&tunnel, "DELETE FROM scratch");
    let refused = sam.runs(&["approve", &unbounded, "--yes", "--template"]);
    assert!(refused.code == 5 && refused.stderr.contains("not with any values"), "{}", refused.stderr);
    drop(tunnel);
    assert_eq!(named(&mut world, &id).len(), 3);
}

#[test]
fn in_a_window_a_class_of_statements_does_not_wait_and_nothing_else_runs() {
    let mut world = World::start_with(&HELD);
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    let unknown = li.runs(&["request", SHOP, "--class", "everything", "--reason", "x"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("default/destructive"), "{}", unknown.stderr);
    let id = asked(&li, &["--class", "schema-change", "--for", "40s", "--reason", "release 7"]);
    assert_eq!(li.runs(&["approve", &id, "--yes"]).code, 5);
    approve(&sam, &id);
    let (done, said) = no_wait(&tunnel, "CREATE TABLE one (id int)");
    assert!(done, "{said}");
    assert!(li.runs(&["requests"]).good().contains("approved until"));
    let explained = li.runs(&["explain", SHOP, "CREATE TABLE two (id int)"]).good();
    assert!(explained.contains(&id), "{explained}");
    for other in ["DROP TABLE scratch", "DELETE FROM scratch", "GRANT SELECT ON scratch TO PUBLIC"] {
        assert_ne!(asks(&tunnel, other), id, "{other} is held by another rule, too");
    }
    let bot = ["exec", SHOP, "--actor", "bot", "--no-wait", "--", "psql", "-Xc", "CREATE TABLE two (id int)"];
    assert_ne!(li.runs(&bot).code, 0, "a program of the same person");
    until(&tunnel, "SET connect.wait = off; CREATE TABLE three (id int); DROP TABLE three", |said| {
        said.contains("needs an approval")
    });
    drop(tunnel);
    assert!(!named(&mut world, &id).is_empty());
}

#[test]
fn a_broken_glass_lets_nothing_wait_and_is_reviewed() {
    let options = AgentOptions {
        resource: "approvers = [\"group:security\"]\nbreak_glass = [\"group:data-oncall\"]",
        ..HELD
    };
    let mut world = World::start_with(&options);
    let (li, sam, ana) = (world.person("li"), world.person("sam"), world.person("ana"));
    let drop_it = ["--", "psql", "-Xc", "DROP TABLE scratch"];
    let exec = |more: &[&'static str]| [&["exec", SHOP, "--no-wait"], more, &drop_it].concat();
    assert_ne!(li.runs(&exec(&["--break-glass"])).code, 0, "it says no reason");
    let others = ana.runs(&exec(&["--break-glass", "--reason", "outage"]));
    assert!(others.code != 0 && others.stderr.contains("may break the glass"), "{}", others.stderr);
    let bot = li.runs(&exec(&["--break-glass", "--reason", "outage", "--actor", "bot"]));
    assert_ne!(bot.code, 0, "{}", bot.stdout);
    let broken = li.runs(&exec(&["--break-glass", "--reason", "outage"]));
    assert!(broken.code == 0 && broken.stderr.contains("is broken until"), "{}", broken.stderr);
    assert!(broken.stderr.contains("nobody has approved this: the glass is broken"), "{}", broken.stderr);
    world.agent.process().wait_for_line("somebody has broken the glass");
    // Masks stay, and so does what is denied.
    let tunnel = li.open(SHOP);
    assert_ne!(one_value(&tunnel, EMAIL), world.postgres.sql("shop", EMAIL));
    assert!(one_value(&tunnel, "COPY orders TO '/tmp/orders'").contains("ERROR"));

    let listed = sam.runs(&["requests"]).good();
    assert!(listed.contains("for you to review"), "{listed}");
    let all: Value = serde_json::from_str(&sam.runs(&["requests", "--json"]).good()).expect("JSON");
    let requests = all["requests"].as_array().expect("a list");
    let glass = requests.iter().find(|request| request["kind"] == "break_glass").expect("it is there");
    let id = glass["id"].as_str().and_then(request_in).expect("an id");
    assert_eq!(li.runs(&["approve", &id, "--yes"]).code, 5, "nobody reviews what is one's own");
    assert!(li.runs(&["requests"]).good().contains("not reviewed"));
    sam.runs(&["reject", &id, "--reason", "the table was needed"]).good();
    // What was wrong ends with its review.
    until(&tunnel, "SET connect.wait = off; DELETE FROM orders", |said| said.contains("needs an approval"));
    drop(tunnel);
    assert_eq!(named(&mut world, &id).len(), 1);
    let steps = leaves::read(&world.agent.log());
    let steps: Vec<_> = leaves::of_kind(&steps, "request").iter().map(|leaf| leaf["step"].clone()).collect();
    assert_eq!(steps.iter().filter(|step| *step == "broken_glass").count(), 1, "{steps:?}");
}
