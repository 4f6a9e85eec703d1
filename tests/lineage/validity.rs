//! The set itself: PostgreSQL takes every statement, and gives the columns that its answer names.

use connect_tests::{
    answers::{self, Answer, Status},
    perturb::drop_foreign_keys,
    postgres::Version,
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::server::Server;

/// Statements whose own columns are not those of the statement inside.
const WRAPPERS: [&str; 3] = ["PREPARE", "DECLARE", "COPY"];

#[tokio::test]
async fn every_statement_is_valid_on_15_and_18_and_gives_the_columns_that_its_answer_names() {
    for version in [Version::Fifteen, Version::Eighteen] {
        let server = Server::of_the_set(version, &["lineage"]);
        let url = server.postgres.url("lineage");
        // Without rows, whatever refers to a missing one would fail: that is about rows, not about grammar.
        drop_foreign_keys(&connect(&url).await).await;
        let mut wrong = Vec::new();
        for answer in answers::all() {
            if answer.is_for(version.number()) {
                wrong.extend(try_statement(&url, &answer).await.err());
            } else if answer.is_newer_than(version.number()) && try_statement(&url, &answer).await.is_ok() {
                wrong.push(format!("{}: {version:?} takes it, so it is not newer", answer.id));
            }
        }
        assert!(wrong.is_empty(), "on {version:?}:\n{}", wrong.join("\n"));
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Runs it in a transaction that is given up with its connection.
async fn try_statement(url: &str, answer: &Answer) -> Result<(), String> {
    let client = connect(url).await;
    let prelude = format!(
        "SET search_path TO {}; {}",
        answer.search_path.join(", "),
        if controls_transactions(answer) { "" } else { "BEGIN" }
    );
    client.batch_execute(&prelude).await.expect("a session");
    run(&client, answer).await.map_err(|error| format!("{}: {error}", answer.id))
}

fn controls_transactions(answer: &Answer) -> bool {
    answer.session.iter().any(|statement| statement == "BEGIN")
}

async fn run(client: &Client, answer: &Answer) -> Result<(), String> {
    let described = |error: tokio_postgres::Error| {
        error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
    };
    for statement in &answer.session {
        client.batch_execute(statement).await.map_err(described)?;
    }
    if answer.sql.starts_with("COPY") {
        // A copy would have to be carried on: preparing it is no analysis, explaining its query is.
        return match copied_query(&answer.sql) {
            Some(query) => client.batch_execute(&format!("EXPLAIN {query}")).await.map_err(described),
            None => Ok(()),
        };
    }
    let messages = client.simple_query(&answer.sql).await.map_err(described)?;
    let names: Vec<String> = messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::RowDescription(columns) => {
                Some(columns.iter().map(|column| column.name().to_owned()))
            }
            _ => None,
        })
        .flatten()
        .collect();
    let wrapped = WRAPPERS.iter().any(|word| answer.sql.starts_with(word));
    let wanted: Vec<&str> = answer
        .result()
        .map(|output| output.columns.iter().map(|column| column.name.as_str()).collect())
        .unwrap_or_default();
    if wrapped || answer.status == Status::Opaque || names == wanted {
        return Ok(());
    }
    Err(format!("gives {names:?}, the answer says {wanted:?}"))
}

/// The query of COPY (query) TO.
fn copied_query(sql: &str) -> Option<&str> {
    let (query, _) = sql.strip_prefix("COPY (")?.rsplit_once(") TO")?;
    Some(query)
}
