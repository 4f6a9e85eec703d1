//! Entries as OCSF 1.8: every kind, and a real log, validated against the public schema.

use std::{fs, path::Path, process::Command};

use connect_shared::{
    entry::{CATALOGUE, Entry, Leaf, PrincipalRef},
    ocsf::{Context, ExportSummary, export_summary, render},
};
use connect_tests::{agent::SHOP, place, process, world::World};
use serde_json::Value;

fn validate(events: &Path) -> process::Finished {
    let script = place::of_tests("python/ocsf_check.py");
    process::run(Command::new(place::python()).arg(script).arg(events))
}

#[test]
fn every_kind_of_entry_is_an_event_of_the_public_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.jsonl");
    let who = PrincipalRef { sub: "u1".to_owned(), idp: "https://id.example.com".to_owned(), actor: None };
    let whole = Context {
        origin: "connect.local/test",
        principal: Some(&who),
        name: Some("ana@example.com"),
        resource: Some("prod-db"),
        sql: Some("SELECT email FROM customers WHERE id = $1"),
    };
    let bare = Context { origin: "connect.local/test", ..Context::default() };
    let assisted = PrincipalRef { actor: Some("assistant".to_owned()), ..who.clone() };
    let by_agent = Context { principal: Some(&assisted), ..whole };
    let mut lines = String::new();
    for context in [&whole, &bare, &by_agent] {
        for (index, entry) in (0..).zip(Entry::samples()) {
            let leaf = Leaf { v: CATALOGUE, time: 1_764_064_800_000, entry };
            lines.push_str(&format!("{}\n", render(context, index, &leaf)));
        }
    }
    let summary = ExportSummary {
        sink: "archive".to_owned(),
        from: 0,
        upto: 7,
        events: 7,
        chain: "00".repeat(32),
        checkpoint: "connect.local/test\n7\n".to_owned(),
    };
    lines.push_str(&format!("{}\n", export_summary("connect.local/test", 1_764_064_800_000, &summary)));
    fs::write(&file, &lines).expect("written");
    let checked = validate(&file);
    assert_eq!(checked.code, 0, "{}\n{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains(&format!("{} events", 3 * Entry::KINDS.len() + 1)), "{}", checked.stdout);
    let by_an_agent = lines.matches("\"profiles\":[\"ai_operation\"]").count();
    assert_eq!(by_an_agent, lines.matches("\"message_context\":{\"application\":{\"name\":").count());
    assert!(by_an_agent > 10, "{by_an_agent}");
    // A validator that accepts anything proves nothing.
    fs::write(&file, lines.replace("\"severity_id\":1", "\"severity_id\":\"low\"")).expect("written");
    assert_ne!(validate(&file).code, 0);
}

#[test]
fn what_search_and_a_sink_give_of_a_real_log_is_valid_and_names_the_entry() {
    let mut world = World::start();
    let sink = world.folder().join("events.jsonl");
    world.agent.stop();
    let config = fs::read_to_string(world.agent.config()).expect("a configuration");
    let lines = format!("{config}\n[[log.sink]]\nname = \"archive\"\nfile = \"{}\"\n", sink.display());
    fs::write(world.agent.config(), lines).expect("written");
    world.agent.restart();
    let (li, sam) = (world.person("li"), world.person("sam"));
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", "SELECT email FROM customers WHERE id = 1"]).good();
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", "DELETE FROM orders"]);
    let found = sam.runs(&["audit", "search", "--format", "ocsf", "--limit", "1000"]).good();
    let file = world.folder().join("found.jsonl");
    fs::write(&file, &found).expect("written");
    let checked = validate(&file);
    assert_eq!(checked.code, 0, "{}\n{}", checked.stdout, checked.stderr);
    let events: Vec<Value> = found.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let denied = events.iter().find(|event| event["metadata"]["event_code"] == "denial").expect("a denial");
    assert_eq!(
        (denied["class_uid"].as_u64(), denied["status_code"].as_str()),
        (Some(6005), Some("unbounded_write"))
    );
    let index = denied["metadata"]["sequence"].as_u64().expect("an index");
    assert_eq!(denied["metadata"]["uid"], format!("connect.local/test/{index}"));

    // The sink has everything up to there, in order; the wait is bounded by the test's patience.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let exported = loop {
        let text = fs::read_to_string(&sink).unwrap_or_default();
        if text.lines().count() as u64 > index {
            break text;
        }
        assert!(std::time::Instant::now() < end, "the sink got {} lines", text.lines().count());
        std::thread::yield_now();
    };
    let exported: Vec<Value> =
        exported.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for (place, event) in (0_u64..).zip(&exported) {
        assert_eq!(event["metadata"]["sequence"], place);
    }
    let at = usize::try_from(index).expect("small");
    assert_eq!(exported[at], *denied, "one rendering, wherever it is made");
    world.agent.stop();
    assert_eq!(validate(&sink).code, 0);

    // How far it is, and once more from the beginning.
    let audit = |words: &[&str]| {
        let mut command = Command::new(place::built("connect-agent"));
        process::run(command.arg("audit").args(words).arg("--config").arg(world.agent.config()))
    };
    let stands: Value = serde_json::from_str(&audit(&["sinks", "-o", "jsonl"]).good()).expect("JSON");
    assert_eq!((stands["sink"].as_str(), stands["kind"].as_str()), (Some("archive"), Some("file")));
    let (next, behind) = (stands["next"].as_u64().expect("one"), stands["behind"].as_u64().expect("one"));
    assert_eq!(stands["size"], next + behind);
    assert_eq!(stands["oldest_seconds"].is_null(), behind == 0);
    for (wrong, why) in [
        (["resend", "--sink", "nobody", "--from", "0"], "the configuration has `archive`"),
        (["resend", "--sink", "archive", "--from", "999999"], "has not taken entry 999999 yet"),
    ] {
        let refused = audit(&wrong);
        assert!(refused.code == 2 && refused.stderr.contains(why), "{}", refused.stderr);
    }
    let wished = audit(&["resend", "--sink", "archive", "--from", "0"]).good();
    assert!(wished.contains(&format!("gets {next} entries again, from 0 on")), "{wished}");
    world.agent.restart();
    let end = std::time::Instant::now() + process::PATIENCE;
    loop {
        let text = fs::read_to_string(&sink).unwrap_or_default();
        let first = text.matches("\"connect.local/test/0\"").count();
        if first == 2 {
            break;
        }
        assert!(std::time::Instant::now() < end, "the sink has the first entry {first} times:\n{text}");
        std::thread::yield_now();
    }
}
