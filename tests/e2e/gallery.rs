//! The examples of the README, and what can be said of the files that they make.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    excerpt,
    person::Person,
    place,
    process::{self, Finished},
    world::World,
};
use serde_json::Value;

use crate::policies;

/// Runs an example in the home of whoever runs it.
fn example(person: &Person, run: &[&str], script: &str, arguments: &[&str]) -> Finished {
    let script = place::of_tests(&format!("python/examples/{script}")).display().to_string();
    let python = place::python().display().to_string();
    let mut all = vec!["run", SHOP];
    all.extend(run);
    all.extend(["--", python.as_str(), script.as_str()]);
    all.extend(arguments);
    process::run_with(&mut person.connect(&all), "", std::time::Duration::from_secs(120))
}

fn asks(person: &Person, arguments: &[&str]) -> Value {
    let mut all = vec!["--json", "lineage"];
    all.extend(arguments);
    serde_json::from_str(&person.runs(&all).good()).expect("JSON")
}

fn named<'a>(answer: &'a Value, name: &str) -> Option<&'a Value> {
    answer["nodes"].as_array().expect("nodes").iter().find(|node| node["name"] == name)
}

/// Whoever reads orders waits until security has said yes.
const ORDERS_BY_APPROVAL: &str = "
@id(\"orders-by-approval\") @approval(\"group:security\") @message(\"orders are read by approval\")
forbid (principal, action == Action::\"read\", resource == Table::\"shop-db/public.orders\");
";

/// Approves what waits, as soon as something does. Its id.
fn approves_what_waits(person: &Person) -> String {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let listed: Value = serde_json::from_str(&person.runs(&["--json", "requests"]).good()).expect("JSON");
        if let Some(place) = listed.to_string().find("req_") {
            let id = listed.to_string()[place..place + 30].to_owned();
            person.runs(&["approve", &id, "--yes"]).good();
            return id;
        }
        assert!(std::time::Instant::now() < end, "nothing waits: {listed:#}");
        std::thread::yield_now();
    }
}

#[test]
fn a_model_of_scikit_learn_is_traced_to_columns_masks_and_approvals_and_verified() {
    let world = policies::world_with("approvers = [\"group:security\"]", ORDERS_BY_APPROVAL);
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let job = ["--job", "order-size", "--out", "model.joblib"];
    let (trained, approved) = std::thread::scope(|scope| {
        let training = scope.spawn(|| example(&ana, &job, "train.py", &["model.joblib"]).good());
        let approved = approves_what_waits(&sam);
        (training.join().expect("it is trained"), approved)
    });
    excerpt::is_in(
        &excerpt::of(
            "connect run prod-db --job order-size --out model.joblib -- python train.py model.joblib",
        ),
        &trained,
    );
    let page = ana.runs(&["lineage", "model.joblib"]).good();
    excerpt::is_in(&excerpt::of("connect lineage model.joblib"), &page);

    let verified: Value =
        serde_json::from_str(&ana.runs(&["--json", "attest", "verify", "model.joblib"]).good())
            .expect("JSON");
    assert_eq!(verified["verified"], true);
    let up = asks(&ana, &["model.joblib"]);
    for column in ["public.customers.segment", "public.products.price", "public.orders.quantity"] {
        assert!(named(&up, column).is_some(), "{column}: {up:#}");
    }
    let mail = &named(&up, "public.customers.email").expect("the address")["id"];
    let edges = up["edges"].as_array().expect("edges");
    let seen = edges.iter().find(|edge| &edge["from"] == mail && edge["flow"] == "direct").expect("an edge");
    assert_eq!(
        (seen["masked"].as_str(), seen["through"][0].as_str()),
        (Some("pii.email"), Some("public.customer_mail"))
    );
    // The attestation and the log say the same of the run.
    let of_attestation: std::collections::BTreeSet<String> = verified["run"]["sources"]
        .as_array()
        .expect("sources")
        .iter()
        .flat_map(|source| {
            let columns = source["columns"].as_array().cloned().unwrap_or_default();
            let table = source["table"].as_str().unwrap_or_default().to_owned();
            columns
                .into_iter()
                .map(move |column| format!("{table}.{}", column["name"].as_str().unwrap_or_default()))
        })
        .filter(|name| !name.starts_with("pg_catalog."))
        .collect();
    let of_log: std::collections::BTreeSet<String> = up["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .filter(|node| node["kind"] == "column")
        .map(|node| node["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(of_attestation, of_log);
    // Who allowed it: the same in the attestation, which proves it by the log's own entry, and in the trace.
    let given = &verified["run"]["approvals"][0];
    assert_eq!(
        (given["request"].as_str(), given["of"].as_str()),
        (Some(approved.as_str()), Some("statement"))
    );
    assert_eq!(
        (&given["by"][0]["name"], &verified["findings"]),
        (&"sam@example.com".into(), &serde_json::json!([]))
    );
    assert_eq!(up["approvals"], verified["run"]["approvals"]);
    assert_eq!(
        (&seen["approvals"], up["approvals"].as_array().map(Vec::len)),
        (&serde_json::json!([approved]), Some(1))
    );
    for command in [&["attest", "show", "model.joblib"][..], &["lineage", "model.joblib", "--upstream"][..]] {
        let page = ana.runs(command).good();
        assert!(
            page.contains(&approved)
                && page.contains(" · by sam@example.com · on 20")
                && page.contains("in entry "),
            "{page}"
        );
    }
    let bill: Value =
        serde_json::from_str(&ana.runs(&["lineage", "model.joblib", "--format", "cyclonedx"]).good())
            .expect("JSON");
    let model =
        bill["components"].as_array().expect("components").iter().find(|one| one["modelCard"].is_object());
    let properties = model.expect("the model")["properties"].as_array().expect("properties");
    let said = |name: &str, words: &str| {
        let mut values =
            properties.iter().filter(|one| one["name"] == name).filter_map(|one| one["value"].as_str());
        assert!(values.any(|value| value.contains(words)), "{name} {words}: {bill:#}");
    };
    said("connect:approval", &approved);
    said("connect:masked", "shop-db/public.customers.email: pii.email");
    assert!(properties.iter().all(|one| one["name"] != "connect:clear"), "{bill:#}");
    // What must be trained again if the table is withdrawn?
    let page = sam.runs(&["lineage", "public.products", "--all"]).good();
    assert!(page.contains("made from it") && page.contains("model.joblib"), "{page}");
}

/// What chunks are made from: a table, how a row of it becomes text, and the columns behind that text.
const CHUNKS: [(&str, &str, [&str; 2]); 2] = [
    ("public.products", "'Product ' || sku || ' has the price ' || price", ["sku", "price"]),
    ("public.orders", "'Order ' || id || ' is ' || status", ["id", "status"]),
];

#[test]
fn the_answer_of_a_retrieval_is_traced_through_chunks_and_vectors_to_the_columns_of_rows() {
    // Chunks are whole sentences, as notes of people are, and would be masked like those. What they are made of has no
    // label, and their operator says so: else all would be nearest to everything.
    let labels = "\"public.chunks.body\" = \"clear\"\n";
    let world = World::start_with(&AgentOptions { class: "development", labels, ..AgentOptions::default() });
    let (ana, li, sam) = (world.person("ana"), world.person("li"), world.person("sam"));
    let sql = |text: &str| {
        li.runs(&["exec", SHOP, "--", "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-c", text]).good()
    };
    sql(
        "CREATE TABLE chunks (id int PRIMARY KEY, source text, source_id int, body text, embedding float8[])",
    );
    for (first, (table, text, _)) in [100, 200].into_iter().zip(CHUNKS) {
        sql(&format!(
            "INSERT INTO chunks (id, source, source_id, body) \
             SELECT {first} + id, '{table}', id, {text} FROM {table} WHERE id <= 20"
        ));
    }
    example(&li, &["--job", "embed", "--out", "vectors.json"], "embed.py", &["vectors.json"]).good();
    let job = ["--job", "answer", "--actor", "assistant", "--out", "answer.json"];
    example(&ana, &job, "answer.py", &["answer.json", "What is the price of SKU-7?"]).good();
    let answer = std::fs::read_to_string(ana.home().join("answer.json")).expect("an answer");
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let chunks = answer["chunks"].as_array().expect("chunks");
    assert_eq!(chunks.len(), 3, "{answer}");
    assert_eq!(chunks[0]["text"], "Product SKU-7 has the price 8.75", "the nearest is the answer: {answer}");

    let up = asks(&sam, &["answer.json", "--as", "file", "--all"]);
    for name in
        ["public.chunks.body", "public.chunks.embedding", "public.products.sku", "public.products.price"]
    {
        assert!(named(&up, name).is_some(), "{name}: {up:#}");
    }
    // Chunk by chunk: the row that each names gives its text again, and the columns behind that text are traced.
    let traced = asks(&sam, &["public.chunks.body", "--all", "--upstream"]);
    for chunk in chunks {
        let (table, text, columns) =
            CHUNKS.into_iter().find(|(table, ..)| chunk["source"] == *table).expect("its table");
        let of_row = format!("SELECT {text} FROM {table} WHERE id = {}", chunk["row"]);
        assert_eq!(chunk["text"], world.postgres.sql("shop", &of_row).trim(), "{chunk:#}");
        for column in columns {
            let name = format!("{table}.{column}");
            assert!(named(&traced, &name).is_some() && named(&up, &name).is_some(), "{name}: {traced:#}");
        }
    }
    let page = sam.runs(&["lineage", "answer.json", "--as", "file", "--all"]).good();
    excerpt::is_in(&excerpt::of("connect lineage answer.json --as file --all"), &page);
    let runs: Vec<&Value> =
        up["nodes"].as_array().expect("nodes").iter().filter(|node| node["kind"] == "run").collect();
    let jobs: Vec<&str> = runs.iter().filter_map(|run| run["job"].as_str()).collect();
    assert!(
        jobs.contains(&"answer") && jobs.contains(&"embed"),
        "the vectors lead to the run that made them: {jobs:?}"
    );
    let run = runs.iter().find(|run| run["job"] == "answer").expect("the run");
    assert!(run["principal"].as_str().is_some_and(|who| who.ends_with("+assistant")), "{run:#}");
    let page = sam.runs(&["lineage", "products.price", "--all"]).good();
    assert!(page.contains("answer.json"), "{page}");
}
