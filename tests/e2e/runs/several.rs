//! A run on several resources: each statement says its own, and none can be left out, added or anybody else's.

use connect_tests::{
    agent::{AgentOptions, BENCH},
    process::PATIENCE,
};
use serde_json::json;

use super::*;

/// The first resource is the usual one of the environment, and each has a URL by its name.
const SCRIPT: &str = r#"psql -XAtc "SELECT segment FROM customers WHERE id < 9" >both &&
    psql -XAt "$CONNECT_URL_BENCH_DB" -c "SELECT note FROM customers" >>both &&
    psql -XAt "$CONNECT_URL_SHOP_DB" -c "SELECT email FROM customer_mail" >>both"#;

/// With a sink that has events of whole runs.
const SINK: &str = "[[log.sink]]\nname = \"runs\"\nfile = \"{folder}/runs.jsonl\"\nformat = \"openlineage\"\n\
    openlineage_events = \"run\"\n";

fn json_of(finished: Finished) -> Value {
    serde_json::from_str(&finished.good()).expect("JSON")
}

fn run(person: &Person, resources: &[&str], output: &str, script: &str) -> Finished {
    let mut words = vec!["--json", "run"];
    words.extend(resources);
    words.extend(["--job", "both", "--output", output, "--", "sh", "-c", script]);
    person.runs(&words)
}

/// What the sink has, once the run's end is there.
fn events(sink: &Path, run: &str) -> Vec<Value> {
    let end = std::time::Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(sink).unwrap_or_default();
        let lines = text.lines().filter(|_| text.ends_with('\n'));
        let all: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect("JSON")).collect();
        if all.iter().any(|one| one["run"]["runId"] == run && one["eventType"] != "START") {
            return all;
        }
        assert!(std::time::Instant::now() < end, "the sink has no end of {run}: {text}");
        std::thread::yield_now();
    }
}

#[test]
fn a_run_on_several_resources_is_attested_with_each_and_nothing_of_it_can_be_left_out() {
    let mut world = World::start_with(&AgentOptions { log: SINK, ..AgentOptions::default() });
    let made = "CREATE TABLE customers (id int, note text); INSERT INTO customers VALUES (1, 'n'), (2, 'm'); \
        GRANT SELECT ON customers TO PUBLIC";
    world.postgres.sql("bench", made);
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    run(&ana, &[SHOP, BENCH], "both", SCRIPT).good();

    let verified = json_of(verify(&ana, &["both"]));
    let seen = &verified["run"];
    assert_eq!((&seen["resource"], &seen["resources"]), (&json!(SHOP), &json!([SHOP, BENCH])), "{seen:#}");
    assert_eq!(verified["findings"], json!([]), "{verified:#}");
    let of = |what: &str, field: &str| -> Vec<(String, String)> {
        let all = seen[what].as_array().expect("a list").iter();
        let word = |one: &Value, field: &str| one[field].as_str().unwrap_or_default().to_owned();
        all.map(|one| (word(one, "resource"), word(one, field))).collect()
    };
    let pair = |resource: &str, word: &str| (resource.to_owned(), word.to_owned());
    assert_eq!(of("statements", "verb"), [pair(SHOP, "select"), pair(BENCH, "select"), pair(SHOP, "select")]);
    assert_eq!(of("sources", "table"), [pair(BENCH, "public.customers"), pair(SHOP, "public.customers")]);
    let page = ana.runs(&["attest", "verify", "both"]).good();
    assert!(page.contains("shop-db, bench-db") && page.contains("bench-db · public.customers"), "{page}");
    strangers(&ana, "both.intoto.jsonl").good();

    // One resource's reads are left out, a resource is added, the other run's line stands here.
    let attested = ana.home().join("both.intoto.jsonl");
    let good = lines(&attested);
    let attack = |change: &dyn Fn(&mut Value)| {
        let mut said = payload(&good[0]);
        change(&mut said["predicate"]);
        write(&attested, &[with_payload(&good[0], &said), good[1].clone()]);
        refused(&verify(&ana, &["both"]), "attestation_changed");
    };
    for what in ["statements", "sources"] {
        attack(&|said| said[what].as_array_mut().expect("a list").retain(|one| one["resource"] != BENCH));
    }
    attack(&|said| said["resources"] = json!([SHOP, BENCH, "other"]));
    attack(&|said| drop(said.as_object_mut().expect("fields").remove("resources")));
    let mut slsa = payload(&good[1]);
    slsa["predicate"]["buildDefinition"]["externalParameters"]["resources"] = json!([SHOP]);
    write(&attested, &[good[0].clone(), with_payload(&good[1], &slsa)]);
    refused(&verify(&ana, &["both"]), "attestation_changed");
    write(&attested, &good);

    // From the file to columns of both, and from either to the file.
    let up = json_of(ana.runs(&["--json", "lineage", "both"]));
    let columns: Vec<&str> = up["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter(|node| node["kind"] == "column")
        .filter_map(|node| node["resource"].as_str())
        .collect();
    assert!(columns.contains(&SHOP) && columns.contains(&BENCH), "{up:#}");
    for resource in [SHOP, BENCH] {
        let words = ["lineage", "both", "--as", "job", "--all", "--resource", resource, "--down"];
        assert!(sam.runs(&words).good().contains("both"), "{resource}");
    }

    // The run as a whole, for a receiver of OpenLineage.
    let id = seen["run"].as_str().expect("a run");
    let sink = world.folder().join("agent/runs.jsonl");
    let all = events(&sink, id);
    let of_run: Vec<&Value> = all.iter().filter(|one| one["run"]["runId"] == id).collect();
    let kinds: Vec<&str> = of_run.iter().filter_map(|one| one["eventType"].as_str()).collect();
    assert_eq!(kinds, ["START", "COMPLETE"], "{of_run:#?}");
    let inputs = of_run[1]["inputs"].to_string();
    assert!(inputs.contains("/shop-db\"") && inputs.contains("/bench-db\""), "{inputs}");
    assert_eq!(of_run[1]["run"]["facets"]["connect_run"]["statements"], 3);
    assert!(!all.iter().any(|one| one["run"]["facets"]["parent"]["run"]["runId"] == id), "{all:#?}");
    let script = place::of_tests("python/openlineage_events.py").display().to_string();
    let file = sink.display().to_string();
    let said = process::run(&mut sam.program(&place::python(), &[script.as_str(), file.as_str()])).good();
    assert!(said.contains("COMPLETE both public.customers.email"), "{said}");

    world.agent.stop();
    let place = world.agent.log().display().to_string();
    verify(&ana, &["both", "--log", &place]).good();
    let leaves = leaves::read(&world.agent.log());
    assert_eq!(leaves::of_kind(&leaves, "run_ended")[0]["resources"], json!([SHOP, BENCH]));
}

#[test]
fn what_cannot_be_one_run_says_why_and_a_resource_that_is_lost_ends_all_of_it() {
    let mut world = World::start();
    world.postgres.sql("bench", "CREATE TABLE t AS SELECT 1 AS a; GRANT SELECT ON t TO PUBLIC");
    let ana = world.person("ana");
    for (resources, words) in
        [(&[SHOP, BENCH, SHOP][..], "is named twice"), (&["shop-db", "shop.db"][..], "CONNECT_URL_SHOP_DB")]
    {
        let finished = run(&ana, resources, "never", "touch ran");
        assert!(finished.code == 125 && finished.stderr.contains(words), "{finished:?}");
    }
    let missing = run(&ana, &[SHOP, "nothing-db"], "never", "touch ran");
    assert!(missing.code == 125 && missing.stderr.contains("`nothing-db`"), "{missing:?}");
    assert!(!ana.home().join("ran").exists());
    // A resource that nothing came from is told of.
    run(&ana, &[SHOP, BENCH], "one", "psql -XAtc 'SELECT sku FROM products' >one").good();
    let verified = json_of(verify(&ana, &["one"]));
    assert!(verified["findings"].to_string().contains("did nothing on bench-db"), "{verified:#}");

    // Between start and stop the same: by its variables, listed with both, and over as a whole.
    let connect = place::built("connect").display().to_string();
    let script = "eval \"$(\"$CONNECT\" run start shop-db bench-db --job shell --output made)\" && \
                  psql -XAtc 'SELECT sku FROM products' >made && \
                  psql -XAt \"$CONNECT_URL_BENCH_DB\" -c 'SELECT a FROM t' >>made && \"$CONNECT\" run stop 2>&1";
    let mut shell = ana.program(&place::installed("sh"), &["-c", script]);
    process::run(shell.env("CONNECT", &connect)).good();
    let seen = json_of(verify(&ana, &["made"]));
    assert_eq!(
        (&seen["run"]["resources"], &seen["findings"]),
        (&json!([SHOP, BENCH]), &json!([])),
        "{seen:#}"
    );

    let begin = ["--json", "run", "start", SHOP, BENCH, "--job", "j", "--output", "lost"];
    let started = json_of(ana.runs(&begin));
    let id = started["run"].as_str().expect("a run").to_owned();
    assert_eq!(started["resources"], json!([SHOP, BENCH]), "{started:#}");
    assert!(started["environment"]["CONNECT_URL_BENCH_DB"].is_string(), "{started:#}");
    let listed = json_of(ana.runs(&["--json", "run", "ls"]));
    assert_eq!(listed["runs"][0]["resources"], json!([SHOP, BENCH]), "{listed:#}");
    ana.runs(&["close", BENCH]).good();
    let end = std::time::Instant::now() + PATIENCE;
    while json_of(ana.runs(&["--json", "run", "ls"]))["runs"][0]["state"] != "ended early" {
        assert!(std::time::Instant::now() < end, "it goes on without one of its resources");
        std::thread::yield_now();
    }
    let finished = ana.runs(&["--json", "run", "stop", &id]);
    assert!(finished.code == 8 && finished.stderr.contains("unattested:run_lost"), "{finished:?}");

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let failed: Vec<_> =
        leaves::of_kind(&leaves, "run_ended").into_iter().filter(|leaf| leaf["status"] != 0).collect();
    assert_eq!(failed.len(), 1, "the one that was lost: {failed:#?}");
    assert_eq!(failed[0]["resources"], json!([SHOP, BENCH]));
}
