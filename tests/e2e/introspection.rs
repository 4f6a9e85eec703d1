//! What graphical clients and object mappers ask a server about itself is answered as if direct.

use connect_tests::{
    agent::SHOP,
    place,
    postgres::{AGENT_PASSWORD, AGENT_USER},
    process, tunnel,
    world::World,
};

const CORPORA: [&str; 2] = ["corpora/introspection.sql", "corpora/introspection_recorded.sql"];

fn statements() -> Vec<String> {
    let text = CORPORA.map(|file| std::fs::read_to_string(place::of_tests(file)).expect("a corpus")).concat();
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    code.join("\n").split("\n;").map(|sql| sql.trim().to_owned()).filter(|sql| !sql.is_empty()).collect()
}

#[test]
fn what_clients_ask_about_the_server_is_answered_as_if_direct() {
    let world = World::start();
    let through = world.person("ana").open(SHOP);
    let mut failures = Vec::new();
    for sql in statements() {
        let ours = through.psql(&format!("{sql};"));
        // The same account, so that what depends on who asks is the same.
        let mut psql =
            tunnel::client(&place::installed("psql"), world.postgres.port(), "shop", world.folder());
        psql.env("PGUSER", AGENT_USER)
            .env("PGPASSWORD", AGENT_PASSWORD)
            .env("PGSSLMODE", "require")
            .arg("-XqAt");
        let theirs = process::run_with(&mut psql, &format!("{sql};"), process::PATIENCE);
        assert_eq!(theirs.stderr, "", "the corpus is good SQL: {sql}");
        if ours.stdout != theirs.stdout || !ours.stderr.is_empty() {
            failures.push(format!(
                "{sql}\n  {}\n  ours:   {:.200}\n  theirs: {:.200}",
                ours.stderr.trim(),
                ours.stdout,
                theirs.stdout
            ));
        }
    }
    assert!(failures.is_empty(), "{} statements:\n{}", failures.len(), failures.join("\n\n"));
}
