//! What values pass on their way: temporary tables, tables that a statement makes, files by COPY out and in; and
//! whoever passed them on.

use super::*;

/// A run's command that does nothing itself: its child has a connection of its own, and copies out what it finds.
const PARENT: &str = r#"
import subprocess, sys
CHILD = """
import psycopg, sys
with psycopg.connect() as connection, open(sys.argv[1], "wb") as file:
    with connection.cursor().copy("COPY (SELECT tier, quantity FROM kept) TO STDOUT") as rows:
        for row in rows:
            file.write(row)
"""
subprocess.run([sys.executable, "-c", CHILD, sys.argv[1]], check=True)
"#;

fn columns(answer: &Value) -> std::collections::BTreeSet<&str> {
    let nodes = answer["nodes"].as_array().expect("nodes").iter();
    nodes.filter(|node| node["kind"] == "column").filter_map(|node| node["name"].as_str()).collect()
}

#[test]
fn a_thread_goes_through_temporary_tables_files_and_new_names_and_whoever_held_it_is_found() {
    let world = World::start_with(&AgentOptions { class: "development", ..AgentOptions::default() });
    let (ana, li, sam) = (world.person("ana"), world.person("li"), world.person("sam"));
    // One session; then another one gives a column a new name.
    sql(
        &li,
        "CREATE TEMP TABLE passing AS SELECT c.segment AS part, o.quantity AS many \
         FROM customers c JOIN orders o ON o.customer_id = c.id; \
         CREATE TABLE kept AS SELECT part AS seg, many AS quantity FROM passing",
    );
    sql(&li, "ALTER TABLE kept RENAME COLUMN seg TO tier");
    sql(&li, "CREATE TABLE landed (tier text, quantity int)");

    // Out by COPY, in by COPY, each in a session and a run of its own.
    std::fs::write(li.home().join("parent.py"), PARENT).expect("a file");
    let python = place::python().display().to_string();
    let out = ["run", SHOP, "--job", "out", "--output", "rows.tsv", "--", &python, "parent.py", "rows.tsv"];
    li.runs(&out).good();
    let verified: Value =
        serde_json::from_str(&li.runs(&["--json", "attest", "verify", "rows.tsv"]).good()).expect("JSON");
    // With its BEGIN and COMMIT.
    let seen = &verified["run"];
    assert_eq!(
        (&seen["counters"]["statements"], &seen["counters"]["elsewhere"]),
        (&3.into(), &0.into()),
        "{seen:#}"
    );
    assert_eq!(seen["sources"][0]["table"], "public.kept", "{seen:#}");
    let script = "psql -XAtqc '\\copy landed FROM rows.tsv' && echo done >loaded";
    let load =
        ["run", SHOP, "--job", "in", "--input", "rows.tsv", "--output", "loaded", "--", "sh", "-c", script];
    li.runs(&load).good();
    let script = "psql -XAtqc 'SELECT tier FROM landed' >end.txt";
    ana.runs(&["run", SHOP, "--job", "end", "--output", "end.txt", "--", "sh", "-c", script]).good();

    let up = asks(&sam, &["end.txt", "--as", "file", "--all"]);
    let stations = columns(&up);
    for column in ["customers.segment", "orders.quantity", "kept.tier", "kept.quantity", "landed.tier"] {
        assert!(stations.contains(format!("public.{column}").as_str()), "{column}: {up:#}");
    }
    assert!(node(&up, "rows.tsv")["sha256"].is_string(), "{up:#}");
    // Each by its own thread, which a new name does not cut: the temporary table is no station.
    assert_eq!(edges(&up, "public.customers.segment", "public.kept.seg")[0]["flow"], "direct", "{up:#}");
    assert_eq!(edges(&up, "public.kept.seg", "public.kept.tier")[0]["flow"], "same", "{up:#}");
    assert_eq!(edges(&up, "public.customers.segment", "public.kept.quantity").len(), 0, "{up:#}");

    // And back, from under either of its names.
    for about in ["customers.segment", "kept.seg", "kept.tier", "rows.tsv"] {
        let mut words = vec![about, "--all", "--down"];
        if about == "rows.tsv" {
            words.extend(["--as", "file"]);
        }
        let down = asks(&sam, &words);
        assert!(down["nodes"].to_string().contains("end.txt"), "{about}: {down:#}");
    }

    // Whoever it was: what she has read and made herself, and of others only for those who may know.
    let own = asks(&ana, &["ana@example.com", "--up"]);
    assert!(columns(&own).contains("public.landed.tier"), "{own:#}");
    let all = asks(&sam, &["ana@example.com", "--all", "--up"]);
    assert!(columns(&all).contains("public.customers.segment"), "{all:#}");
    let made = asks(&sam, &["li@example.com", "--all", "--down"]);
    assert!(columns(&made).contains("public.landed.tier"), "{made:#}");
    let page = sam.runs(&["lineage", "li@example.com", "--all"]).good();
    assert!(
        page.contains("li@example.com") && page.contains("customers") && page.contains("segment"),
        "{page}"
    );

    // Tables that swap their names before anybody else reads either.
    for text in [
        "CREATE TABLE live AS SELECT sku AS word FROM products",
        "CREATE TABLE next AS SELECT segment AS word FROM customers",
        "ALTER TABLE live RENAME TO old",
        "ALTER TABLE next RENAME TO live",
        "ALTER TABLE old RENAME TO next",
    ] {
        sql(&li, text);
    }
    ana.runs(&["exec", SHOP, "--", "psql", "-XAtqc", "SELECT word FROM live"]).good();
    let live = asks(&sam, &["public.live.word", "--all", "--up"]);
    assert!(columns(&live).contains("public.customers.segment"), "{live:#}");
    let down = asks(&sam, &["public.customers.segment", "--all", "--down"]);
    assert!(node(&down, "public.live.word")["id"].is_string(), "{down:#}");
    let reads = edges(&down, "public.live.word", "ana@example.com");
    assert!(!reads.is_empty(), "{down:#}");

    // A table that becomes a partition before anybody reads it, and one that is written to as a partition: of numbers,
    // since a text that nobody has looked at yet is protected.
    sql(&li, "CREATE TABLE years (number bigint, year int) PARTITION BY LIST (year)");
    sql(&li, "CREATE TABLE first AS SELECT id::bigint AS number, 1 AS year FROM products");
    sql(&li, "ALTER TABLE years ATTACH PARTITION first FOR VALUES IN (1)");
    sql(&li, "CREATE TABLE second PARTITION OF years FOR VALUES IN (2)");
    sql(&li, "INSERT INTO second SELECT id, 2 FROM customers");
    ana.runs(&["exec", SHOP, "--", "psql", "-XAtqc", "SELECT number FROM years"]).good();
    let years = asks(&sam, &["public.years.number", "--all", "--up"]);
    for source in ["public.products.id", "public.customers.id"] {
        assert!(columns(&years).contains(source), "{source}: {years:#}");
    }

    // A file between two sessions outside of runs: it went to the person, and what came in is the person's. That the one
    // is the other the agent knows by its bytes, and of one that was changed nobody knows it.
    sql(&li, "CREATE TABLE inbox (sku text); CREATE TABLE edited (sku text)");
    let copies = |copy: &str| li.runs(&["exec", SHOP, "--", "psql", "-XAtqc", copy]).good();
    copies("\\copy (SELECT sku FROM products) TO plain.tsv");
    copies("\\copy inbox FROM plain.tsv");
    let file = li.home().join("plain.tsv");
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, format!("{text}one-more\n")).expect("written");
    copies("\\copy edited FROM plain.tsv");
    let person = |answer: &Value, flow: &str, end: &str| {
        let nodes = answer["nodes"].as_array().expect("nodes").iter();
        let people: Vec<_> =
            nodes.filter(|node| node["kind"] == "principal").map(|node| &node["id"]).collect();
        let mut edges = answer["edges"].as_array().expect("edges").iter();
        edges.any(|edge| edge["flow"] == flow && people.contains(&&edge[end]))
    };
    let out = asks(&sam, &["public.products.sku", "--all", "--down"]);
    assert!(person(&out, "direct", "to") && columns(&out).contains("public.inbox.sku"), "{out:#}");
    assert!(!columns(&out).contains("public.edited.sku"), "{out:#}");
    let came = asks(&sam, &["public.inbox.sku", "--all", "--up"]);
    assert!(person(&came, "written", "from") && columns(&came).contains("public.products.sku"), "{came:#}");
    let edited = asks(&sam, &["public.edited.sku", "--all", "--up"]);
    assert!(
        person(&edited, "written", "from") && !columns(&edited).contains("public.products.sku"),
        "{edited:#}"
    );
    let out = sam.runs(&["lineage", "public.products.sku", "--all", "--down"]).good();
    assert!(out.contains("Left to people"), "{out}");
    let came = sam.runs(&["lineage", "public.inbox.sku", "--all", "--up"]).good();
    assert!(came.contains("values from outside") && came.contains("public.inbox.sku · by li@"), "{came}");

    let others = ana.runs(&["lineage", "li@example.com"]);
    assert_eq!(others.code, 3, "{others:?}");
    assert_eq!(ana.runs(&["lineage", "li@example.com", "--all"]).code, 5);
}
