//! Exact texts and values: sealed beside the log, shown to those who may with the proof that they are the ones, and
//! gone for good when their keys are.

use std::{fs, path::Path, process::Command};

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::Person,
    place, process,
    world::World,
};
use serde_json::Value;

const CANARY: &str = "zz-literal-canary";
const PASSWORD: &str = "zz-password-canary";

fn world() -> World {
    World::start_with(&AgentOptions {
        log: "texts = \"30d\"\ntext_readers = [\"group:security\"]",
        ..AgentOptions::default()
    })
}

/// Files below a folder that have these bytes in them.
fn files_with(folder: &Path, wanted: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, wanted));
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

fn text(person: &Person, of: &str) -> Value {
    let said = person.runs(&["audit", "text", of, "--reason", "INC-4711", "-o", "json"]).good();
    serde_json::from_str(&said).expect("JSON")
}

/// The last INTENT or denial of somebody, as a row.
fn last(person: &Person) -> Value {
    let said = person.runs(&["history", "--limit", "1", "-o", "jsonl"]).good();
    serde_json::from_str(said.lines().next().expect("a row")).expect("JSON")
}

/// By the lines of `agent/VERIFY.md`.
fn is_what_a_stranger_computes(world: &World, person: &Person, statement: &str) {
    let verify = fs::read_to_string(place::workspace().join("agent/VERIFY.md")).expect("VERIFY.md");
    let lines = verify.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("lines");
    let file = world.folder().join("text.json");
    fs::write(&file, text(person, statement).to_string()).expect("written");
    let computed = process::run(Command::new("python3").args(["-c", lines]).arg(&file)).good();
    let found = person.runs(&["audit", "search", "--statement", statement, "-o", "jsonl"]).good();
    assert!(found.contains(&format!("\"commitment\":\"{}\"", computed.trim())), "{computed}{found}");
}

#[test]
fn what_was_said_is_shown_with_its_proof_to_those_who_may_and_gone_with_its_key() {
    let mut world = world();
    let (li, sam) = (world.person("li"), world.person("sam"));
    let sql = format!("SELECT '{CANARY}' AS just, id FROM scratch WHERE id = 990 /* so */");
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", &sql]).good();
    let row = last(&li);
    let (statement, index) = (row["statement"].as_str().expect("an id").to_owned(), row["index"].to_string());
    let li_runs = format!("ALTER ROLE li PASSWORD '{PASSWORD}'");
    assert_ne!(li.runs(&["exec", SHOP, "--", "psql", "-Xc", &li_runs]).code, 0);
    let withheld = last(&li)["statement"].as_str().expect("an id").to_owned();

    let refused = li.runs(&["audit", "text", &statement, "--reason", "my own"]);
    assert_eq!((refused.code, refused.stderr.contains("text_readers")), (5, true), "{}", refused.stderr);
    for of in [&statement, &index] {
        let shown = text(&sam, of);
        assert_eq!((shown["text"].as_str(), &shown["proved"]), (Some(sql.as_str()), &Value::Bool(true)));
        assert_eq!(shown["statement"], *statement);
    }
    is_what_a_stranger_computes(&world, &sam, &statement);
    let people = sam.runs(&["audit", "text", &statement, "--reason", "INC-4711"]).good();
    assert!(people.contains(&sql) && people.contains("ok: it is what the entry commits to"), "{people}");
    let shown = text(&sam, &withheld);
    assert_eq!(
        (&shown["withheld"], &shown["proved"], &shown["salt"]),
        (&true.into(), &false.into(), &Value::Null)
    );

    world.agent.stop();
    let state = world.agent.config().parent().expect("a folder").join("state");
    for canary in [CANARY, PASSWORD] {
        assert_eq!(files_with(&state, canary), [""; 0], "{canary}");
    }
    let shown = leaves::of_kind(&leaves::read(&world.agent.log()), "text_shown").len();
    assert_eq!(shown, 5, "whoever was turned away was shown nothing");

    let sub = leaves::of_kind(&leaves::read(&world.agent.log()), "intent")[0]["principal"]["sub"].clone();
    let mut erase = Command::new(place::built("connect-agent"));
    erase.args(["audit", "erase", "--principal", sub.as_str().expect("an id"), "--config"]);
    let said = process::run(erase.arg(world.agent.config())).good();
    assert!(said.contains("erased"), "{said}");
    world.agent.restart();
    let gone = sam.runs(&["audit", "text", &statement, "--reason", "INC-4711"]);
    assert_eq!((gone.code, gone.stderr.contains("erased")), (3, true), "{}", gone.stderr);
    let checked = sam.runs(&["audit", "verify", "--log", &world.agent.url()]).good();
    assert!(checked.contains("ok"), "{checked}");
    let found = sam.runs(&["audit", "search", "--kind", "texts_erased"]).good();
    assert!(found.contains("by principal"), "{found}");
}

#[test]
fn an_agent_that_keeps_no_texts_says_so() {
    let world = World::start();
    let (li, sam) = (world.person("li"), world.person("sam"));
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", "SELECT 1 FROM scratch"]).good();
    let statement = last(&li)["statement"].as_str().expect("an id").to_owned();
    let refused = sam.runs(&["audit", "text", &statement, "--reason", "INC-4711"]);
    assert_eq!((refused.code, refused.stderr.contains("text_readers")), (5, true), "{}", refused.stderr);
    assert!(!world.agent.config().parent().expect("a folder").join("state/texts").exists());
}
