//! What AI agents may take: together, under whatever names, and side by side.

use std::process::Stdio;

use connect_tests::{agent::SHOP, leaves, world::World};

pub(crate) fn limited(world: &mut World, lines: &str) {
    world.agent.stop();
    let config = std::fs::read_to_string(world.agent.config()).expect("a configuration");
    std::fs::write(world.agent.config(), format!("{config}\n{lines}\n")).expect("written");
    world.agent.restart();
}

#[test]
fn sub_agents_in_parallel_get_no_more_than_their_person_may_give_them() {
    let mut world = World::start();
    limited(&mut world, "[budget.hour]\nstatements = 12\n");
    let (ana, li) = (world.person("ana"), world.person("li"));
    let script = "for n in 1 2 3 4 5; do psql -XAtc 'SELECT count(*) FROM orders' || echo over; done";
    let start = |name: &str| {
        let mut command = ana.connect(&["exec", SHOP, "--as-agent", name, "--", "sh", "-c", script]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
    };
    let agents: Vec<_> = ["planner", "planner/one", "planner/two", "other"].map(start).into();
    let said: Vec<String> = agents
        .into_iter()
        .map(|agent| {
            let output = agent.wait_with_output().expect("it ends");
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        })
        .collect();
    let count = |word: &str| said.iter().flat_map(|text| text.lines()).filter(|line| *line == word).count();
    assert_eq!((count("2000"), count("over")), (12, 8), "{said:#?}");
    assert!(
        said.iter().any(|text| text.contains("actor_budget") && text.contains("12 statements of this hour")),
        "{said:#?}"
    );
    // The human, and another one's agents, go on.
    ana.runs(&["exec", SHOP, "--", "psql", "-XAtc", "SELECT 1"]).good();
    li.runs(&["exec", SHOP, "--as-agent", "planner", "--", "psql", "-XAtc", "SELECT 1"]).good();
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let denied = leaves::of_kind(&leaves, "denial");
    assert_eq!(denied.len(), 8, "each refusal stands in the log");
    assert!(denied.iter().all(|leaf| leaf["decision"]["reasons"][0]["code"] == "actor_budget"));
    world.agent.restart();
    let again = ana.runs(&["exec", SHOP, "--as-agent", "planner", "--", "psql", "-XAtc", "SELECT 1"]);
    assert!(again.stderr.contains("12 statements of this hour"), "a restart gives no new hour: {again:?}");
}

#[test]
fn a_result_that_goes_over_the_bytes_or_rows_ends_where_it_is() {
    let mut world = World::start();
    limited(&mut world, "[budget.day]\nbytes = 20000\n[budget.hour]\nrows = 1000\n");
    let (ana, li) = (world.person("ana"), world.person("li"));
    let copy = ["exec", SHOP, "--actor", "reader", "--", "psql", "-XAtc", "COPY orders TO STDOUT"];
    let cut = ana.runs(&copy);
    assert_ne!(cut.code, 0);
    assert!(cut.stderr.contains("20000 bytes of this day"), "{}", cut.stderr);
    // One read of the server's bytes at most beyond what it may have.
    assert!(cut.stdout.len() < 20_000 + (256 << 10), "{}", cut.stdout.len());
    let more = ana.runs(&["exec", SHOP, "--actor", "other", "--", "psql", "-XAtc", "SELECT 1"]);
    assert!(more.stderr.contains("actor_budget"), "{}", more.stderr);
    // Two thousand rows: the last one that it may have leaves, and the next one does not.
    let asks = |name: &str, sql: &str| li.runs(&["exec", SHOP, "--actor", name, "--", "psql", "-XAtc", sql]);
    let few = asks("one", "SELECT 1 FROM orders LIMIT 10").good();
    assert_eq!(few.lines().count(), 10);
    let cut = asks("two", "COPY (SELECT 1 FROM orders) TO STDOUT");
    assert!(cut.code != 0 && cut.stderr.contains("1000 rows of this hour"), "{}", cut.stderr);
    assert_eq!(cut.stdout.lines().count(), 990, "what was taken ahead for ten rows came back");
    assert!(asks("three", "SELECT 1").stderr.contains("1000 rows of this hour"));
}

#[test]
fn agents_of_one_person_see_no_more_different_persons_than_they_may_together() {
    let mut world = World::start();
    limited(&mut world, "[budget.hour]\npersons = 20\n");
    let ana = world.person("ana");
    let asks = |name: &str, sql: &str| ana.runs(&["exec", SHOP, "--actor", name, "--", "psql", "-XAtc", sql]);
    for name in ["one", "two"] {
        let same = asks(name, "SELECT id FROM customers WHERE id <= 20");
        assert_eq!(same.good().lines().count(), 20, "the same twenty");
    }
    let over = asks("three", "SELECT id, email FROM customers WHERE id BETWEEN 15 AND 21");
    assert_ne!(over.code, 0);
    assert!(over.stderr.contains("20 persons of this hour"), "{}", over.stderr);
    assert!(over.stderr.contains("Wait") && over.stdout.is_empty(), "{}", over.stdout);
    let put_together = asks("four", "SELECT array_agg(id) FROM customers");
    assert!(put_together.stderr.contains("20 persons of this hour"), "{}", put_together.stderr);
    let nobody = asks("five", "SELECT count(*) FROM customers").good();
    assert_eq!(nobody.trim(), "200");
    // The human goes on.
    let all = ana.runs(&["exec", SHOP, "--", "psql", "-XAtc", "SELECT id FROM customers"]).good();
    assert_eq!(all.lines().count(), 200);
}
