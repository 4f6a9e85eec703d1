//! Attacks on masked columns: whatever is tried, no byte that the client receives holds a clear value.

use connect_tests::{agent::SHOP, canary, place, postgres::ADMINISTRATOR, tap::Tap, world::World};
use tokio_postgres::{Client, Error, NoTls};

fn statements(file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(place::of_tests("corpora").join(file)).expect("a corpus");
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    code.join("\n").split("\n;").map(|sql| sql.trim().to_owned()).filter(|sql| !sql.is_empty()).collect()
}

async fn client(port: u16, user: &str) -> Client {
    connect(port, user).await.expect("a connection")
}

async fn connect(port: u16, user: &str) -> Result<Client, Error> {
    let address = format!("host=127.0.0.1 port={port} user={user} dbname=shop");
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

#[derive(Debug, Clone, Copy)]
enum Protocol {
    Simple,
    /// Results in binary.
    Extended,
}

async fn attempt(client: &Client, protocol: Protocol, sql: &str) -> Result<(), Error> {
    match protocol {
        Protocol::Simple => client.simple_query(sql).await.map(|_| ()),
        Protocol::Extended => client.query(sql, &[]).await.map(|_| ()),
    }
}

#[tokio::test]
async fn whatever_is_tried_on_a_protected_column_no_byte_shows_a_clear_value() {
    let world = World::start();
    // Who may do the most has the most ways to try.
    let tunnel = world.person("li").open(SHOP);
    let tap = Tap::before(tunnel.port());
    let attacks = statements("attacks.sql");
    assert!(attacks.len() >= 100, "{} attacks", attacks.len());
    let mut failures = Vec::new();
    let mut answered = 0;
    for sql in &attacks {
        for protocol in [Protocol::Simple, Protocol::Extended] {
            let client = match connect(tap.port(), "anybody").await {
                Ok(client) => client,
                Err(error) => {
                    panic!("no connection before {protocol:?} {sql}: {error}\n{}", failures.join("\n"))
                }
            };
            let _before = tap.take();
            let outcome = attempt(&client, protocol, sql).await;
            let received = tap.take();
            if let Some(canary) = canary::found_in(&received) {
                failures.push(format!("{protocol:?} LEAKS {canary}: {sql}"));
            }
            match outcome {
                // It computed with masks.
                Ok(()) => answered += 1,
                // The driver expects no rows of COPY here; the tap has seen them.
                Err(error) if error.as_db_error().is_none() && sql.starts_with("COPY (") => answered += 1,
                Err(error) if error.as_db_error().is_none() => {
                    failures.push(format!("{protocol:?} {error}: {sql}"))
                }
                Err(_) => {
                    let alive = client.simple_query("SELECT 1").await;
                    if alive.is_err() {
                        failures.push(format!("{protocol:?} connection lost after: {sql}"));
                    }
                }
            }
        }
    }
    println!("{answered} of {} answered, the others denied", 2 * attacks.len());
    assert!(answered >= 100 && answered < 2 * attacks.len(), "{answered} answered");
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), 2 * attacks.len(), failures.join("\n"));
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM pg_class WHERE relname = 'stolen'"), "0");
}

#[tokio::test]
async fn plain_projections_are_answered_with_masks_in_text_and_in_binary() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let tap = Tap::before(tunnel.port());
    let client = client(tap.port(), "anybody").await;
    for sql in statements("projections.sql") {
        for protocol in [Protocol::Simple, Protocol::Extended] {
            let outcome = attempt(&client, protocol, &sql).await;
            assert!(outcome.is_ok(), "{protocol:?} {sql}: {outcome:?}");
            let received = tap.take();
            assert!(received.contains(&b'D'), "{sql}");
            assert_eq!(canary::found_in(&received), None, "{protocol:?} {sql}");
        }
    }
}

#[tokio::test]
async fn the_same_attacks_succeed_without_us_so_the_test_can_fail() {
    let world = World::start();
    let tap = Tap::before(world.postgres.port());
    let mut leaks = 0;
    for sql in statements("attacks.sql").iter().chain(&statements("projections.sql")) {
        let client = client(tap.port(), ADMINISTRATOR).await;
        let _outcome = attempt(&client, Protocol::Simple, sql).await;
        leaks += usize::from(canary::found_in(&tap.take()).is_some());
    }
    assert!(leaks >= 40, "only {leaks} of them show a canary on an unprotected server");
}
