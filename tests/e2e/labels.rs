//! `connect-agent labels`: which columns are masked and why, and how to say otherwise.

use std::process::Command;

use connect_tests::{
    agent::{AgentOptions, SHOP},
    canary, place,
    process::{self, Finished},
    world::World,
};
use serde_json::Value;

fn labels(world: &World, words: &[&str]) -> Finished {
    let mut command = Command::new(place::built("connect-agent"));
    command.arg("labels").args(words).arg("--config").arg(world.agent.config());
    process::run(&mut command)
}

fn rows(world: &World, words: &[&str]) -> Vec<Value> {
    let listed = labels(world, words);
    listed.good().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn row<'r>(rows: &'r [Value], column: &str) -> &'r Value {
    rows.iter().find(|row| row["column"] == column).unwrap_or_else(|| panic!("no {column} in {rows:?}"))
}

#[test]
fn columns_are_listed_with_their_labels_and_why_they_have_them() {
    let labels_of_shop =
        "\"public.products.sku\" = \"confidential\"\n\"public.customers.phone\" = \"clear\"\n";
    let options = AgentOptions { labels: labels_of_shop, ..AgentOptions::default() };
    let world = World::start_with(&options);
    let all = rows(&world, &["ls", SHOP, "--all", "-o", "jsonl"]);
    let email = row(&all, "public.customers.email");
    assert_eq!((&email["label"], &email["configured"]), (&"pii.email".into(), &false.into()), "{email}");
    assert!(email["why"].as_str().is_some_and(|why| why.contains("mail")), "{email}");
    assert_eq!(row(&all, "public.customer_mail.email")["label"], "pii.email", "a view shows it");
    assert_eq!(row(&all, "public.customers.segment")["label"], Value::Null);
    let phone = row(&all, "public.customers.phone");
    assert_eq!((&phone["label"], &phone["found"]), (&Value::Null, &"pii.phone".into()), "{phone}");

    let masked = rows(&world, &["ls", SHOP, "-o", "jsonl"]);
    assert!(masked.len() < all.len() && masked.iter().all(|row| row["label"] != Value::Null));
    let differing = rows(&world, &["diff", SHOP, "-o", "jsonl"]);
    let names: Vec<&str> = differing.iter().filter_map(|row| row["column"].as_str()).collect();
    assert_eq!(names, ["public.customers.phone", "public.products.sku"]);

    let table = labels(&world, &["ls"]).good();
    assert!(table.lines().any(|line| line.contains("public.api_keys.token") && line.contains("secret")));
    assert_eq!(canary::found_in(table.as_bytes()), None, "no value is shown");
    let unknown = labels(&world, &["ls", "nowhere"]);
    assert_eq!(unknown.code, 3, "{}", unknown.stderr);
}

#[test]
fn a_label_that_is_set_is_in_force_at_the_next_start_and_a_wrong_one_changes_nothing() {
    let mut world = World::start();
    let before = std::fs::read_to_string(world.agent.config()).expect("a configuration");
    let wrong = labels(&world, &["set", SHOP, "public.customers.segment", "pii.emial"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    assert!(wrong.stderr.contains("pii.emial"), "{}", wrong.stderr);
    assert_eq!(std::fs::read_to_string(world.agent.config()).expect("a configuration"), before);
    labels(&world, &["set", SHOP, "public.customers.segment", "confidential"]).good();
    world.agent.stop();
    world.agent.restart();
    let tunnel = world.person("ana").open(SHOP);
    let shown = tunnel.psql("SELECT segment, count(*) OVER () > 100 FROM customers WHERE id = 2;\n");
    assert_eq!(shown.good().trim(), "[confidential]|f");
}
