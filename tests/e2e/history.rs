//! Who ran what: one's own statements for everybody, everybody's for auditors, each with its index.

use connect_tests::{agent::SHOP, leaves, person::Person, process::Process, world::World};
use serde_json::Value;

fn rows(person: &Person, arguments: &[&str]) -> Vec<Value> {
    let mut all = arguments.to_vec();
    all.extend(["-o", "jsonl"]);
    let out = person.runs(&all).good();
    out.lines().map(|line| serde_json::from_str(line).expect("one object a line")).collect()
}

fn texts(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|row| row["sql"].as_str()).collect()
}

#[test]
fn everybody_sees_their_own_statements_and_auditors_everybodys_and_each_row_can_be_proved() {
    let mut world = World::start();
    let (ana, li, sam) = (world.person("ana"), world.person("li"), world.person("sam"));
    ana.runs(&["exec", SHOP, "--", "psql", "-Xc", "SELECT email FROM customers WHERE id = 4711"]).good();
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", "DELETE FROM scratch WHERE id = 990"]).good();
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", "DELETE FROM orders"]);

    let own = rows(&ana, &["history"]);
    assert_eq!(texts(&own), ["SELECT email FROM customers WHERE id = $1"], "{own:?}");
    assert_eq!((own[0]["kind"].as_str(), own[0]["result"].as_str()), (Some("intent"), Some("done")));
    assert!(!own[0].to_string().contains("4711"), "no literal");
    assert_eq!(texts(&rows(&ana, &["history", "--table", "scratch"])), [""; 0]);
    let theirs = rows(&li, &["history", "--decision", "deny"]);
    assert_eq!((theirs.len(), theirs[0]["reasons"][0].as_str()), (1, Some("unbounded_write")));

    let refused = ana.runs(&["audit", "search"]);
    assert_eq!((refused.code, refused.stderr.contains("connect history")), (5, true), "{}", refused.stderr);
    assert_eq!(ana.runs(&["audit", "tail"]).code, 5);
    let index = theirs[0]["index"].to_string();
    assert_eq!(ana.runs(&["audit", "receipt", "--index", &index]).code, 3, "of somebody else");

    let both = rows(&sam, &["audit", "search", "--kind", "intent,denial", "--resource", SHOP]);
    assert!(texts(&both).iter().any(|text| text.contains("email")), "{both:?}");
    assert!(texts(&both).iter().any(|text| text.contains("scratch")), "{both:?}");
    let found = |arguments: &[&str]| {
        let mut all = vec!["audit", "search", "--kind", "intent,denial"];
        all.extend(arguments);
        rows(&sam, &all).len()
    };
    assert_eq!(found(&["--principal", "ana@example.com"]), 1);
    assert_eq!(found(&["--principal", "ana@example.com", "--label", "pii.email"]), 1);
    assert_eq!(found(&["--column", "customers.email"]), 1);
    assert_eq!(found(&["--table", "public.scratch"]), 1);
    assert_eq!(found(&["--text", "from CUSTOMERS"]), 1);
    assert_eq!(found(&["--since", "1h", "--decision", "deny"]), 1);
    assert_eq!(found(&["--until", "1h"]), 0);
    assert_eq!(found(&["--principal", "' OR 1=1 --"]), 0);

    let receipt = world.folder().join("receipt.txt");
    let path = receipt.display().to_string();
    for (who, index) in [(&sam, &theirs[0]["index"]), (&ana, &own[0]["index"]), (&ana, &own[0]["end_index"])]
    {
        who.runs(&["audit", "receipt", "--index", &index.to_string(), "--out", &path]).good();
        let verified = who.runs(&["audit", "verify", "--receipt", &path]).good();
        assert!(verified.contains(&format!("entry {index} ")), "{verified}");
    }

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let searched = leaves::of_kind(&leaves, "searched");
    let with =
        |field: &str, value: &str| searched.iter().filter(|entry| entry["filter"][field] == value).count();
    assert_eq!((with("principal", "ana@example.com"), with("label", "pii.email")), (2, 1));
    assert!(searched.iter().any(|entry| entry["text_bytes"] == 14 && entry["scope"] == "all"));
    assert!(!searched.iter().any(|entry| entry.to_string().contains("CUSTOMERS")), "a text may be anything");
    // A row names the very entry.
    let at = usize::try_from(own[0]["index"].as_u64().expect("a number")).expect("small");
    assert_eq!(leaves[at]["statement"], own[0]["statement"]);
}

#[test]
fn an_index_that_was_deleted_is_made_anew_at_the_start_or_by_hand() {
    let mut world = World::start();
    let ana = world.person("ana");
    ana.runs(&["exec", SHOP, "--", "psql", "-Xc", "SELECT 1", "-c", "SELECT 2"]).good();
    let before = rows(&ana, &["history"]);
    let index = world.agent.config().with_file_name("state").join("log/search.sqlite");
    let reindex = || {
        let mut command = std::process::Command::new(connect_tests::place::built("connect-agent"));
        command.args(["audit", "reindex", "--config"]).arg(world.agent.config());
        connect_tests::process::run(&mut command)
    };
    let refused = reindex();
    assert_eq!((refused.code, refused.stderr.contains("stop it first")), (9, true), "{}", refused.stderr);
    world.agent.stop();
    std::fs::remove_file(&index).expect("an index");
    world.agent.restart();
    assert_eq!(rows(&ana, &["history"]), before);
    world.agent.stop();
    std::fs::write(&index, "damaged").expect("written");
    let mut command = std::process::Command::new(connect_tests::place::built("connect-agent"));
    command.args(["audit", "reindex", "--config"]).arg(world.agent.config());
    let made = connect_tests::process::run(&mut command).good();
    assert!(made.contains("entries are in the search index"), "{made}");
    world.agent.restart();
    assert_eq!(rows(&ana, &["history"]), before);
}

#[test]
fn tail_shows_entries_as_they_are_written() {
    let world = World::start();
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let mut command = sam.connect(&["audit", "tail", "-n", "0", "--kind", "intent,denial"]);
    let tail = Process::start("connect audit tail", &mut command);
    for number in 1..=3 {
        let sql = format!("SELECT {number} AS number_{number}");
        ana.runs(&["exec", SHOP, "--", "psql", "-Xc", &sql]).good();
        let line = tail.wait_for_line(&format!("number_{number}"));
        assert!(line.contains("ana@example.com") && line.contains("permit"), "{line}");
    }
}

#[test]
fn two_who_follow_everything_do_not_feed_each_other() {
    let mut world = World::start();
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let tails = [(); 2].map(|()| Process::start("connect audit tail", &mut sam.connect(&["audit", "tail"])));
    for number in 1..=3 {
        ana.runs(&["exec", SHOP, "--", "psql", "-Xc", &format!("SELECT {number} AS number_{number}")]).good();
        tails.iter().for_each(|tail| {
            tail.wait_for_line(&format!("number_{number}"));
        });
    }
    drop(tails);
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    // Some for each statement, whose entries may come in several parts; a loop would leave hundreds.
    let searched = leaves::of_kind(&leaves, "searched").len();
    assert!((2..80).contains(&searched), "{searched}");
}

#[test]
fn a_statement_that_is_shown_again_cannot_drive_the_terminal() {
    let world = World::start();
    let (li, sam) = (world.person("li"), world.person("sam"));
    let sql = "SELECT 1 AS \"a\u{1b}]0;owned\u{7}\u{202e}b\u{9b}31m\"";
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", sql]);
    for (who, arguments) in [
        (&li, &["history"][..]),
        (&li, &["history", "-o", "json"]),
        (&sam, &["audit", "search"]),
        (&sam, &["audit", "search", "-o", "jsonl"]),
    ] {
        let shown = who.runs(arguments).good();
        assert!(shown.contains("owned"), "{arguments:?}: {shown}");
        let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(bad), "{arguments:?}: {shown:?}");
    }
}
