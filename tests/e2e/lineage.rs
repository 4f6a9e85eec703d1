//! From a column to whoever has it, and back: by a real agent's log, in one command.

mod receivers;
mod stations;

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::Person,
    place, process,
    world::World,
};
use serde_json::Value;

fn asks(person: &Person, arguments: &[&str]) -> Value {
    let mut all = vec!["--json", "lineage"];
    all.extend(arguments);
    serde_json::from_str(&person.runs(&all).good()).expect("JSON")
}

fn node<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let nodes = answer["nodes"].as_array().expect("nodes");
    let found = nodes.iter().find(|node| node["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {answer:#}"))
}

/// Between nodes of these names: a table that a statement made has two, by its name and by its OID.
fn edges<'a>(answer: &'a Value, from: &str, to: &str) -> Vec<&'a Value> {
    let is = |id: &Value, name: &str| {
        let nodes = answer["nodes"].as_array().expect("nodes");
        nodes.iter().any(|node| &node["id"] == id && node["name"] == name)
    };
    let edges = answer["edges"].as_array().expect("edges");
    edges.iter().filter(|edge| is(&edge["from"], from) && is(&edge["to"], to)).collect()
}

fn sql(person: &Person, text: &str) {
    person.runs(&["exec", SHOP, "--", "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-c", text]).good();
}

/// What a sink has, once it has the event with these words; the wait is bounded by the test's patience.
fn events_with(sink: &std::path::Path, words: &str) -> Vec<Value> {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let text = std::fs::read_to_string(sink).unwrap_or_default();
        let mut events = Vec::new();
        for line in text.lines() {
            events.push(serde_json::from_str(line).expect("JSON"));
            if line.contains(words) {
                return events;
            }
        }
        assert!(std::time::Instant::now() < end, "the sink has no {words}: {text}");
        std::thread::yield_now();
    }
}

#[test]
fn a_column_is_traced_through_views_and_tables_to_people_runs_and_files_and_back() {
    let mut world = World::start_with(&AgentOptions { class: "development", ..AgentOptions::default() });
    world.agent.stop();
    let sink = world.folder().join("events.jsonl");
    let config = std::fs::read_to_string(world.agent.config()).expect("a configuration");
    let more = format!(
        "[[log.sink]]\nname = \"lineage\"\nfile = \"{}\"\nformat = \"openlineage\"\n",
        sink.display()
    );
    std::fs::write(world.agent.config(), format!("{config}\n{more}")).expect("written");
    world.agent.restart();
    let (ana, li, sam) = (world.person("ana"), world.person("li"), world.person("sam"));
    // A table that a statement makes, found again by another session under its OID.
    sql(
        &li,
        "CREATE TABLE report AS SELECT c.segment AS kind, o.quantity FROM customer_mail c JOIN orders o ON o.customer_id = c.id",
    );
    let script = "psql -XAtc 'SELECT kind, quantity FROM report' >model.txt; \
                  psql -XAtc 'SELECT email FROM customer_mail' >>model.txt";
    let train = ["run", SHOP, "--job", "train", "--output", "model.txt", "--", "sh", "-c", script];
    ana.runs(&train).good();

    // Where did this file come from? By its hash: under whatever name.
    std::fs::rename(ana.home().join("model.txt"), ana.home().join("renamed.bin")).expect("renamed");
    let up = asks(&ana, &["renamed.bin"]);
    assert_eq!((up["direction"].as_str(), up["scope"].as_str()), (Some("up"), Some("own")), "{up:#}");
    let run =
        up["nodes"].as_array().expect("nodes").iter().find(|node| node["kind"] == "run").expect("a run");
    let run = run["name"].as_str().expect("a name").to_owned();
    assert_eq!(edges(&up, "public.customers.email", &run)[0]["masked"], "pii.email");
    assert_eq!(edges(&up, "public.customers.email", &run)[0]["through"][0], "public.customer_mail");
    // What li did is none of ana's business, and the auditor sees all of it.
    let names = |answer: &Value| answer["nodes"].to_string();
    assert!(!names(&up).contains("public.customers.segment"), "{up:#}");
    let whole = asks(&sam, &["model.txt", "--as", "file", "--all"]);
    assert_eq!(edges(&whole, "public.customers.segment", "public.report.kind")[0]["flow"], "direct");
    assert_eq!(edges(&whole, "public.report.kind", &run).len(), 1);

    // Who saw it, masked or not; what must be made again?
    let why = ["--reason", "a complaint"];
    let down = asks(&sam, &[&["public.customers.email", "--all", "--since", "1h"][..], &why].concat());
    assert_eq!(edges(&down, "public.customers.email", &run)[0]["masked"], "pii.email");
    assert_eq!(edges(&down, &run, "model.txt")[0]["flow"], "output");
    assert_eq!(
        asks(&sam, &["public.customers.email", "--all", "--until", "1h"])["edges"],
        Value::Array(vec![])
    );
    let page = sam.runs(&["lineage", "public.customers", "--all"]).good();
    assert!(page.contains("made from it") && page.contains("model.txt"), "{page}");
    assert!(page.contains("masked: pii.email · through public.customer_mail"), "{page}");
    // At a glance: which models have it, and whether they have masks.
    let made = page.lines().find(|line| line.starts_with("made from it")).expect("files");
    assert!(made.contains("model.txt") && made.contains("masks of pii.email"), "{page}");
    // Within a period, as people name it.
    let quarter = ["customers.email", "--downstream", "--all", "--during"];
    let during = |period| asks(&sam, &[&quarter[..], &[period]].concat());
    assert_eq!(during("this-quarter")["edges"], asks(&sam, &["customers.email", "--all"])["edges"]);
    for before in ["2019-Q3", "last-quarter", "2019"] {
        assert_eq!(during(before)["edges"], Value::Array(vec![]), "{before}");
    }
    for odd in [
        &["--since", "1h", "--until", "2h"][..],
        &["--since", "+5d"],
        &["--since", "2026-02-30"],
        &["--during", "soon"],
        &["--during", "2026", "--since", "1h"],
    ] {
        let refused = sam.runs(&[&["lineage", "customers.email", "--all"][..], odd].concat());
        assert_eq!(refused.code, 2, "{odd:?}: {}", refused.stderr);
    }
    // A job that somebody calls as the column hides nothing of it.
    let posing = ["run", SHOP, "--job", "customers.email", "--output", "o", "--", "sh", "-c", "echo >o"];
    ana.runs(&posing).good();
    let asked = asks(&sam, &["customers.email", "--all"]);
    assert_eq!(
        (asked["roots"].as_array().map(Vec::len), &asked["also"]),
        (Some(1), &serde_json::json!(["job"]))
    );
    assert!(asked["roots"][0].as_str().is_some_and(|root| root.starts_with("column:")), "{asked:#}");

    // A new name changes nothing; the old one still finds it.
    world.postgres.sql("shop", "ALTER TABLE customers RENAME COLUMN segment TO tier");
    sql(&ana, "SELECT tier FROM customers LIMIT 1");
    let renamed = asks(&sam, &["customers.segment", "--all"]);
    assert_eq!(renamed["roots"].as_array().map(Vec::len), Some(1));
    assert_eq!(node(&renamed, "public.customers.tier")["names"][0]["name"], "public.customers.segment");
    assert_eq!(edges(&renamed, "public.customers.tier", "ana@example.com").len(), 1);

    // Read before it had a label.
    sql(&ana, "SELECT sku FROM products");
    let before = ["products.sku", "--all", "--before-label"];
    assert_eq!(asks(&sam, &before)["edges"], Value::Array(vec![]), "it has none");

    // An empty file is nobody's, by its hash or here.
    std::fs::write(ana.home().join("empty.txt"), "").expect("a file");
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    for (about, code, words) in [("empty.txt", 3, "is empty"), (empty, 2, "every empty file has this hash")] {
        let refused = ana.runs(&["lineage", about]);
        assert_eq!((refused.code, refused.stderr.contains(words)), (code, true), "{}", refused.stderr);
    }

    // Who may not ask is told why, and nothing else.
    let refused = ana.runs(&["lineage", "public.customers.email", "--all"]);
    assert_eq!((refused.code, refused.stderr.contains("no auditor")), (5, true), "{}", refused.stderr);
    assert_eq!(ana.runs(&["lineage", "api_keys.token"]).code, 3);
    assert_eq!(li.runs(&["lineage", "model.txt", "--as", "file"]).code, 3, "of somebody else");
    assert_eq!(ana.runs(&["lineage", "' OR 1=1 --"]).code, 3);

    // Strangers' libraries read what is written for them.
    let of = |format: &str| {
        sam.runs(&["lineage", "model.txt", "--as", "file", "--all", "--format", format]).good()
    };
    for format in ["openlineage", "cyclonedx", "intoto", "croissant"] {
        std::fs::write(sam.home().join(format), of(format)).expect("a file");
    }
    assert!(of("dot").starts_with("digraph") && of("mermaid").starts_with("flowchart"));
    let script = place::of_tests("python/lineage_documents.py").display().to_string();
    let answers = [&up, &whole, &down, &renamed, &asked].map(|answer| format!("{answer}\n")).concat();
    std::fs::write(sam.home().join("answers"), answers).expect("a file");
    let read = [script.as_str(), "openlineage", "cyclonedx", "intoto", "croissant", "answers"];
    let said = process::run(&mut sam.program(&place::python(), &read)).good();
    assert!(said.contains("masked public.customers.email"), "{said}");
    let hash = node(&whole, "model.txt")["sha256"].as_str().expect("a hash");
    assert!(said.contains(&format!("file model.txt {hash}")), "{said}");
    assert!(said.contains("personal shop-db/public.customers.email: pii.email"), "{said}");
    assert!(said.contains("answers column file principal run direct indirect output same"), "{said}");

    // What the sink got, read by the same stranger.
    let id = run.split_once(' ').expect("a job and an id").1;
    let events = events_with(
        &sink,
        &format!("sha256:{}", node(&whole, "model.txt")["sha256"].as_str().expect("a hash")),
    );
    let ended = events.last().expect("an event");
    assert_eq!((ended["run"]["runId"].as_str(), ended["eventType"].as_str()), (Some(id), Some("COMPLETE")));
    let of_run = |event: &&Value| event["run"]["facets"]["parent"]["run"]["runId"] == id;
    let parts: Vec<&Value> = events.iter().filter(of_run).collect();
    assert_eq!(parts.len(), 2, "{parts:#?}");
    assert!(
        parts.iter().any(|part| part["run"]["facets"]["connect_decision"]["masks"]["public.customers.email"]
            == "pii.email")
    );
    let script = place::of_tests("python/openlineage_events.py").display().to_string();
    let file = sink.display().to_string();
    let said = process::run(&mut sam.program(&place::python(), &[script.as_str(), file.as_str()])).good();
    assert!(said.contains("public.customers.email"), "{said}");

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let asked = leaves::of_kind(&leaves, "lineage_asked");
    let of_email = |leaf: &&&Value| leaf["question"]["about"] == "public.customers.email";
    let reasons: Vec<_> = asked.iter().filter(of_email).map(|leaf| &leaf["question"]["purpose"]).collect();
    assert_eq!(reasons.first().and_then(|reason| reason.as_str()), Some("a complaint"), "{asked:?}");
    assert!(reasons.iter().skip(1).all(|reason| reason.is_null()), "{asked:?}");
    assert!(asked.iter().any(|leaf| leaf["question"]["about"] == "' OR 1=1 --" && leaf["edges"] == 0));
}

#[test]
fn a_dropped_column_keeps_its_edges_and_what_read_a_column_before_its_label_is_found() {
    let mut world = World::start();
    let parts = "CREATE TABLE parts AS SELECT 1 AS id, 'p-1' AS code; GRANT SELECT ON parts TO PUBLIC;";
    world.postgres.sql("shop", parts);
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let train = |job: &str, output: &str, what: &str| {
        let script = format!("psql -XAtc 'SELECT {what}' >{output}");
        ana.runs(&["run", SHOP, "--job", job, "--output", output, "--", "sh", "-c", &script]).good();
    };
    train("early", "early.txt", "sku FROM products");
    train("prices", "prices.txt", "price FROM products");
    train("parts", "parts.txt", "code FROM parts");
    // Somebody finds out that it is confidential, and that another column is not needed; a table is dropped and made
    // again.
    world.agent.stop();
    world.postgres.sql("shop", &format!("DROP TABLE parts; {parts}"));
    world.postgres.sql(
        "shop",
        "ALTER TABLE products DROP COLUMN price CASCADE; ALTER TABLE products ADD COLUMN price int",
    );
    world.agent.restart();
    world.agent.reconfigure(|config| {
        config
            .replace("[resource.labels]\n", "[resource.labels]\n\"public.products.sku\" = \"confidential\"\n")
    });
    train("late", "late.txt", "sku FROM products");
    sql(&ana, "SELECT price FROM products");
    sql(&ana, "SELECT code FROM parts");

    let runs = |answer: &Value| -> Vec<String> {
        let nodes = answer["nodes"].as_array().expect("nodes").iter();
        let names = nodes.filter(|node| node["kind"] == "run").filter_map(|node| node["name"].as_str());
        names.map(|name| name.split(' ').next().unwrap_or_default().to_owned()).collect()
    };
    // Which runs read it before it was labelled, and what is to be made again?
    let before = asks(&sam, &["products.sku", "--all", "--before-label"]);
    assert_eq!(runs(&before), ["early"], "{before:#}");
    let page = sam.runs(&["lineage", "products.sku", "--all", "--unlabelled"]).good();
    assert!(page.contains("of early · by ana@example.com") && page.contains("made from it"), "{page}");
    let none = sam.runs(&["lineage", "orders.status", "--all", "--unlabelled"]);
    assert!(none.stdout.contains("--before-label") || none.code == 3, "{none:?}");
    assert!(before["nodes"].to_string().contains("early.txt"), "{before:#}");
    let all = asks(&sam, &["products.sku", "--all"]);
    let mut both = runs(&all);
    both.sort();
    assert_eq!(both, ["early", "late"]);
    let masked: Vec<&Value> =
        all["edges"].as_array().expect("edges").iter().map(|edge| &edge["masked"]).collect();
    assert!(masked.contains(&&Value::from("confidential")) && masked.contains(&&Value::Null), "{all:#}");

    // That the early one has it in clear is told to people, and to whoever reads its bill of materials.
    let page = sam.runs(&["lineage", "products.sku", "--all"]).good();
    let line =
        |job: &str| page.lines().find(|line| line.contains(&format!(" of {job} · by"))).expect("a run");
    assert!(line("early").contains(" · clear") && !line("early").contains("masked"), "{page}");
    assert!(line("late").contains(" · masked: confidential") && !line("late").contains("clear"), "{page}");
    for (file, property) in [("early.txt", "connect:clear"), ("late.txt", "connect:masked")] {
        let words = ["lineage", file, "--as", "file", "--all", "--format", "cyclonedx"];
        let bill: Value = serde_json::from_str(&sam.runs(&words).good()).expect("JSON");
        let components = bill["components"].as_array().expect("components");
        let model = components.iter().find(|one| one["modelCard"].is_object()).expect("the file");
        let expected = serde_json::json!([
            { "name": property, "value": "shop-db/public.products.sku: confidential" }
        ]);
        assert_eq!(model["properties"], expected, "{file}: {bill:#}");
    }

    // The table that is gone, and the one of its name: two tables, each with what it had.
    let codes = asks(&sam, &["parts.code", "--all"]);
    let nodes = codes["nodes"].as_array().expect("nodes").iter().filter(|node| node["kind"] == "column");
    let mut oids: Vec<(i64, &str)> = nodes
        .map(|node| (node["oid"].as_i64().expect("an OID"), node["id"].as_str().expect("an id")))
        .collect();
    oids.sort_unstable();
    let [(_, old), (_, new)] = oids[..] else { panic!("two tables: {codes:#}") };
    let to = |from: &str| -> Vec<&str> {
        let edges = codes["edges"].as_array().expect("edges").iter().filter(|edge| edge["from"] == from);
        edges.filter_map(|edge| edge["to"].as_str()).collect()
    };
    assert!(matches!(to(old)[..], [run] if run.starts_with("run:")), "{codes:#}");
    assert!(matches!(to(new)[..], [who] if who.starts_with("principal:")), "{codes:#}");
    let up = asks(&ana, &["parts.txt"]);
    assert!(up.to_string().contains(old) && !up.to_string().contains(new), "{up:#}");

    // The one that is gone, and the one of its name: two columns, each with what it had.
    let prices = asks(&sam, &["products.price", "--all"]);
    assert_eq!(prices["roots"].as_array().map(Vec::len), Some(2), "{prices:#}");
    assert_eq!(runs(&prices), ["prices"]);
    assert!(prices["nodes"].to_string().contains("prices.txt"), "{prices:#}");
    let up = asks(&ana, &["prices.txt"]);
    let of_it =
        up["nodes"].as_array().expect("nodes").iter().find(|node| node["name"] == "public.products.price");
    let of_it = of_it.expect("the column that is gone");
    let others = prices["nodes"].as_array().expect("nodes").iter().filter(|node| node["kind"] == "column");
    let numbers: std::collections::BTreeSet<_> = others.map(|node| node["number"].as_i64()).collect();
    assert_eq!(numbers.len(), 2, "{prices:#}");
    assert!(of_it["number"].as_i64() == numbers.first().copied().flatten(), "{of_it:#}");
}
