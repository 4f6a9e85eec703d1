//! Without its key, or with another one, there is no mask.

use connect_core::mask::{Format, MaskKey, sql};
use connect_shared::label::Label;
use connect_tests::postgres::Version;

use crate::server::{Connection, DATABASE, Server};

const TABLE: &str =
    "CREATE TABLE t (id serial, text text, number int4, moment timestamptz, texts text[], data bytea);
INSERT INTO t (text, number, moment, texts, data)
SELECT 'v' || i, i, now(), ARRAY['a', 'b'], 'x' FROM generate_series(1, 100) AS i";

/// The columns with labels whose masks are made in different ways.
const COLUMNS: &[(&str, u32, Label)] = &[
    ("text", 25, Label::Email),
    ("text", 25, Label::Phone),
    ("text", 25, Label::Card),
    ("text", 25, Label::Iban),
    ("text", 25, Label::NetworkAddress),
    ("text", 25, Label::BirthDate),
    ("number", 23, Label::Salary),
    ("moment", 1184, Label::BirthDate),
    ("texts", 1009, Label::PersonName),
    ("data", 17, Label::NationalId),
];

/// How a setting is lost or changed.
const CHANGES: &[&str] = &[
    "RESET ALL",
    "DISCARD ALL",
    "SET connect_mask.pii_email = 'zz'",
    "SET connect_mask.pii_email = ''",
    "SELECT set_config('connect_mask.pii_email', repeat('5c', 128), false)",
];

async fn masks(connection: &Connection, key: &MaskKey) -> Vec<Option<Vec<u8>>> {
    let rows = connection.rows(Format::Text, &statement(connection, key).await).await;
    assert_eq!(rows.len(), 100);
    rows.concat()
}

async fn statement(connection: &Connection, key: &MaskKey) -> String {
    let catalog = connection.catalog().await;
    let expressions: Vec<String> = COLUMNS
        .iter()
        .map(|(name, type_oid, label)| {
            let reference = format!("t.{name}");
            let type_oid = connect_core::catalog::Oid(*type_oid);
            let column =
                sql::Column { label: *label, type_oid, modifier: -1, collation: None, reference: &reference };
            sql::expression(&catalog, key, &column)
        })
        .collect();
    format!("SELECT {} FROM t", expressions.join(", "))
}

#[tokio::test]
async fn a_setting_that_is_missing_reset_or_changed_gives_null_and_no_error() {
    let server = Server::start(Version::Fifteen);
    let connection = server.connect(DATABASE).await;
    connection.run("CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions").await;
    connection.run(TABLE).await;
    let key = MaskKey::new([1; 32]);
    assert!(masks(&connection, &key).await.iter().all(Option::is_none), "no key was given");
    connection.give_keys(&key).await;
    assert!(masks(&connection, &key).await.iter().all(Option::is_some));
    for change in CHANGES {
        connection.give_keys(&key).await;
        connection.run(change).await;
        let masks = masks(&connection, &key).await;
        for row in masks.chunks(COLUMNS.len()) {
            assert_eq!(row[0], None, "{change}");
            let others = row[1..].iter().all(Option::is_none);
            assert_eq!(others, change.ends_with("ALL"), "{change}");
        }
    }
    connection.give_keys(&MaskKey::new([2; 32])).await;
    assert!(masks(&connection, &key).await.iter().all(Option::is_none), "the key is another tenant's");
}

#[tokio::test]
async fn a_key_is_in_no_list_of_settings() {
    for version in [Version::Thirteen, Version::Fifteen, Version::Eighteen] {
        let server = Server::start(version);
        let connection = server.connect(DATABASE).await;
        connection.give_keys(&MaskKey::new([1; 32])).await;
        for list in ["SHOW ALL", "SELECT * FROM pg_settings", "SELECT * FROM pg_show_all_settings()"] {
            let cells = connection.rows(Format::Text, list).await.concat();
            assert!(cells.len() > 500, "{list}");
            let found = cells.iter().flatten().any(|cell| cell.starts_with(sql::PREFIX.as_bytes()));
            assert!(!found, "{list} on {version:?}");
        }
    }
}

#[tokio::test]
async fn a_key_outlives_a_transaction_that_is_rolled_back_and_works_in_parallel_workers() {
    let server = Server::start(Version::Fifteen);
    let connection = server.connect(DATABASE).await;
    connection.run("CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions").await;
    connection.run(TABLE).await;
    let key = MaskKey::new([1; 32]);
    connection.give_keys(&key).await;
    let before = masks(&connection, &key).await;
    connection.run("BEGIN; SET connect_mask.pii_email = 'x'; ROLLBACK").await;
    assert_eq!(masks(&connection, &key).await, before);
    connection
        .run("SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0")
        .await;
    let explain = format!("EXPLAIN {}", statement(&connection, &key).await);
    let plan = connection.rows(Format::Text, &explain).await.concat();
    let lines = plan.iter().flatten().map(|line| String::from_utf8_lossy(line));
    assert!(lines.into_iter().any(|line| line.contains("Workers Planned")), "the plan is not parallel");
    let mut in_parallel = masks(&connection, &key).await;
    let mut before = before;
    in_parallel.sort();
    before.sort();
    assert_eq!(in_parallel, before);
}
