//! `connect explain` says what would happen, and nothing happens.

use connect_tests::{
    agent::{BENCH, SHOP},
    canary, leaves,
    person::{Browser, Person},
    process::{self, Finished},
    world::World,
};
use serde_json::Value;

/// The explanation of a text as JSON, and its exit status.
fn explained(person: &Person, arguments: &[&str]) -> (Value, i32) {
    let mut all = vec!["--json", "explain"];
    all.extend(arguments);
    let Finished { code, stdout, stderr } = person.runs(&all);
    assert_eq!(stderr, "", "{arguments:?}: standard error is for errors");
    (serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{arguments:?}: {stdout}")), code)
}

/// Sources of the result's columns.
fn sources(explanation: &Value) -> Vec<String> {
    let columns = explanation["statements"][0]["lineage"]["outputs"][0]["columns"].as_array();
    let direct = |column: &Value| {
        let direct = column["direct"].as_array().expect("sources").iter();
        direct.map(|source| source.as_str().expect("a name")).collect::<Vec<_>>().join(" ")
    };
    columns.map(|columns| columns.iter().map(direct).collect()).unwrap_or_default()
}

#[test]
fn a_person_reads_what_would_be_masked_and_what_comes_from_where() {
    let world = World::start();
    let ana = world.person("ana");
    let sql = "SELECT c.id, c.email, t.total FROM customers c JOIN order_totals t ON t.customer_id = c.id \
               WHERE c.segment = 'premium'";
    let permitted = ana.runs(&["explain", SHOP, sql]);
    assert_eq!((permitted.code, permitted.stderr.as_str()), (0, ""), "{}", permitted.stdout);
    insta::assert_snapshot!("explained_read", without_digest(&permitted.stdout));
    let computed = ana.runs(&["explain", SHOP, "SELECT upper(email) FROM customers WHERE phone LIKE '+1%'"]);
    assert_eq!((computed.code, computed.stderr.as_str()), (0, ""), "{}", computed.stdout);
    insta::assert_snapshot!("explained_masks", without_digest(&computed.stdout));
    let denied = ana.runs(&["explain", SHOP, "CREATE TABLE mine AS SELECT email FROM customers"]);
    assert_eq!((denied.code, denied.stderr.as_str()), (5, ""), "{}", denied.stdout);
    insta::assert_snapshot!("explained_denial", without_digest(&denied.stdout));
}

/// The policy's digest changes with its text.
fn without_digest(page: &str) -> String {
    let digest = |line: &str| match line.split_once(", policy ") {
        Some((before, _)) => format!("{before}, policy (digest)\n"),
        None => format!("{line}\n"),
    };
    page.lines().map(digest).collect()
}

#[test]
fn what_is_explained_is_what_happens() {
    let world = World::start();
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    for sql in [
        "SELECT id, email FROM customers ORDER BY id LIMIT 1",
        "SELECT count(*) FROM orders WHERE status = 'paid'",
        "SELECT 1",
        "SELECT upper(email) FROM customers",
        "SELECT id FROM customers WHERE email LIKE 'a%'",
        "SELECT id FROM no_such_table",
        "SELECT no_such_column FROM scratch",
        "SELEC 1",
        "DELETE FROM scratch",
        "DELETE FROM scratch WHERE id = 3",
        "UPDATE scratch SET note = 'x' WHERE id = 4",
        "INSERT INTO scratch SELECT id, email FROM customers",
        "DROP TABLE scratch",
        "GRANT SELECT ON scratch TO PUBLIC",
        "DO $$ BEGIN END $$",
        "EXECUTE nothing_of_that_name",
        "SHOW search_path",
        "SELECT relname FROM pg_class LIMIT 1",
    ] {
        let (explanation, code) = explained(&li, &[SHOP, sql]);
        let happened = tunnel.psql(&format!("\\set VERBOSITY sqlstate\n{sql};"));
        let said = explanation["statements"][0]["sqlstate"].as_str();
        let expected = said.map_or_else(String::new, |state| format!("ERROR:  {state}\n"));
        assert_eq!(happened.stderr, expected, "{sql}: {explanation:#}");
        assert_eq!(code, if said.is_some() { 5 } else { 0 }, "{sql}");
        assert_eq!(explanation["outcome"], if said.is_some() { "deny" } else { "permit" }, "{sql}");
        if said.is_some() {
            let reason = &explanation["statements"][0]["decision"]["reasons"][0];
            assert!(reason["code"].is_string() && reason["policy"].is_string(), "{sql}: {reason}");
        }
    }
}

#[test]
fn nothing_is_executed_and_who_asked_is_an_entry_without_literals() {
    let mut world = World::start();
    let li = world.person("li");
    for sql in [
        "INSERT INTO scratch VALUES (900, 'Quorraline')",
        "DELETE FROM scratch WHERE id = 1",
        "BEGIN; UPDATE scratch SET note = 'x' WHERE id = 2; COMMIT",
        "SELECT id FROM customers WHERE id = 17",
        "DELETE FROM scratch",
    ] {
        let (explanation, _) = explained(&li, &[SHOP, sql]);
        assert!(explanation["statements"].as_array().is_some_and(|all| !all.is_empty()));
    }
    assert_eq!(world.postgres.sql("shop", "SELECT count(*), count(DISTINCT note) FROM scratch"), "20|20");
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let asked = leaves::of_kind(&leaves, "explained");
    assert_eq!(asked.len(), 5);
    assert_eq!(asked[2]["texts"].as_array().map(Vec::len), Some(3), "{}", asked[2]);
    let outcomes: Vec<_> = asked.iter().map(|leaf| leaf["outcome"].as_str().unwrap_or_default()).collect();
    assert_eq!(outcomes, ["permit", "permit", "permit", "permit", "deny"]);
    for leaf in asked {
        assert_eq!((&leaf["resource"], &leaf["principal"]["actor"]), (&SHOP.into(), &Value::Null));
        for text in leaf["texts"].as_array().expect("texts") {
            let known = leaves.iter().any(|other| other["fingerprint"] == text["fingerprint"]);
            assert!(known, "{text} stands nowhere in the log");
        }
    }
    assert!(leaves::of_kind(&leaves, "intent").is_empty());
    let all = serde_json::to_vec(&leaves).expect("JSON");
    assert_eq!(canary::found_in(&all), None);
    li.runs(&["audit", "verify", "--log", &world.agent.log().display().to_string()]).good();
}

#[test]
fn the_search_path_and_the_actor_count_and_standard_input_is_read() {
    let world = World::start();
    world.postgres.sql(
        "bench",
        "CREATE TABLE public.t (a int); CREATE SCHEMA other; CREATE TABLE other.t (a int);
         GRANT USAGE ON SCHEMA other TO connect_agent; GRANT SELECT ON public.t, other.t TO connect_agent",
    );
    let ana = world.person("ana");
    let sql = "SELECT a FROM t";
    assert_eq!(sources(&explained(&ana, &[BENCH, sql]).0), ["public.t.a"]);
    assert_eq!(sources(&explained(&ana, &[BENCH, sql, "--search-path", "other,public"]).0), ["other.t.a"]);
    let unknown = explained(&ana, &[BENCH, sql, "--search-path", "pg_catalog"]).0;
    assert_eq!(unknown["statements"][0]["lineage"]["status"], "opaque", "{unknown:#}");

    let write = "INSERT INTO public.t VALUES (1)";
    assert_eq!(explained(&ana, &[BENCH, write]).1, 0);
    let (acting, code) = explained(&ana, &[BENCH, write, "--actor", "assistant/1"]);
    assert_eq!((code, acting["actor"].as_str()), (5, Some("assistant/1")));
    assert_eq!(explained(&ana, &[BENCH, write, "--read-only"]).1, 5);

    let mut piped = ana.connect(&["--json", "explain", BENCH, "-"]);
    let piped = process::run_with(&mut piped, "SELECT a\nFROM t -- from a file\n", process::PATIENCE);
    let explanation: Value = serde_json::from_str(&piped.stdout).expect("JSON");
    assert_eq!((piped.code, sources(&explanation)), (0, vec!["public.t.a".to_owned()]));
    let mut large = ana.connect(&["explain", BENCH, "-"]);
    let large = process::run_with(&mut large, &"x".repeat((1 << 20) + 1), process::PATIENCE);
    assert_eq!(large.code, 2, "{}", large.stderr);
}

#[test]
fn who_may_not_open_a_resource_learns_nothing_of_it() {
    let world = World::start();
    let mallory = world.person("mallory");
    let refused = mallory.runs(&["explain", SHOP, "SELECT * FROM customers"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (5, ""), "{}", refused.stderr);
    assert!(!refused.stderr.contains("email"), "{}", refused.stderr);
    let ana = world.person("ana");
    assert_eq!(ana.runs(&["explain", "no-such-db", "SELECT 1"]).code, 3);
    let nobody = world.newcomer("sam", Browser::Missing);
    nobody.learn(&world.agent);
    let signed_out = nobody.runs(&["--no-input", "explain", SHOP, "SELECT 1"]);
    assert_eq!((signed_out.code, signed_out.stdout.as_str()), (4, ""), "{}", signed_out.stderr);
}
