//! Protected values are looked up by equality, so many times an hour, and by nothing else.

use connect_tests::{agent::SHOP, canary, tap::Tap, world::World};
use tokio_postgres::{Client, NoTls};

const EMAIL: &str = "quorraline.zyxwell@zymail.example";

async fn client(port: u16) -> Client {
    let address = format!("host=127.0.0.1 port={port} user=anybody dbname=shop");
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

async fn ids(client: &Client, sql: &str) -> Vec<i64> {
    let rows = client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_value_that_is_known_finds_its_rows_and_the_answer_is_masked() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let tap = Tap::before(tunnel.port());
    let client = client(tap.port()).await;
    for condition in [
        format!("email = '{EMAIL}'"),
        format!("'{EMAIL}' = c.email"),
        format!("c.email IN ('nobody@nowhere.example', '{EMAIL}')"),
        format!("email IS NOT DISTINCT FROM '{EMAIL}'"),
        format!("id < 50 AND (email = '{EMAIL}' OR phone = '+1 555 013 7742') AND email = '{EMAIL}'"),
    ] {
        let sql = format!("SELECT id, email FROM customers c WHERE {condition}");
        assert_eq!(ids(&client, &sql).await, [1], "{sql}");
    }
    let by_parameter = "SELECT c.id, upper(c.email) FROM customers c WHERE c.email = $1";
    for (email, expected) in [(EMAIL, vec![1_i64]), ("nobody@nowhere.example", vec![])] {
        let rows = client.query(by_parameter, &[&email]).await.expect("an answer");
        assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<i64>>(), expected);
        assert!(rows.iter().all(|row| row.get::<_, String>(1).ends_with("@MASKED.INVALID")));
    }
    let statement = client.prepare(by_parameter).await.expect("a statement");
    assert_eq!(statement.params()[0].name(), "text", "as the server itself would have it");
    let through_a_query =
        format!("SELECT s.id FROM (SELECT id, email FROM customers) s WHERE s.email = '{EMAIL}'");
    assert_eq!(ids(&client, &through_a_query).await, [1]);
    assert_eq!(canary::found_in(&tap.take()), None);
}

#[tokio::test]
async fn nothing_but_a_whole_value_of_a_class_that_one_may_look_up_finds_anything() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let client = client(tunnel.port()).await;
    for condition in [
        "email LIKE 'quorraline%'".to_owned(),
        format!("email || '' = '{EMAIL}'"),
        format!("email > '{EMAIL}' AND email < '{EMAIL}z'"),
        format!("lower(email) = '{EMAIL}'"),
        "national_id = '078-05-1120'".to_owned(),
        "card_number = '4929771331770046'".to_owned(),
        "full_name = 'Quorraline Zyxwell'".to_owned(),
        "birth_date = '1961-07-23'".to_owned(),
    ] {
        let found = ids(&client, &format!("SELECT id FROM customers WHERE {condition}")).await;
        assert!(!found.contains(&1), "{condition}: {found:?}");
    }
}

#[tokio::test]
async fn so_many_values_an_hour_and_each_execution_counts() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let first = client(tunnel.port()).await;
    let many: Vec<String> = (0..60).map(|number| format!("'guess{number}@mail.example'")).collect();
    let guesses = format!("SELECT id FROM customers WHERE email IN ({})", many.join(", "));
    assert_eq!(ids(&first, &guesses).await, Vec::<i64>::new());
    // Another connection of the same person spends the same hour's.
    let second = client(tunnel.port()).await;
    for round in 0..40 {
        let sql = "SELECT id FROM customers WHERE email = $1";
        let found = second.query(sql, &[&format!("person{}@nowhere.example", 900 + round)]).await;
        assert!(found.expect("an answer").is_empty());
    }
    let refused = second.query("SELECT id FROM customers WHERE email = $1", &[&EMAIL]).await;
    let refused = refused.expect_err("nothing is left");
    let error = refused.as_db_error().expect("an answer of the server's kind");
    assert_eq!(error.code().code(), "54000", "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("minutes")), "{error:?}");
    assert_eq!(ids(&second, "SELECT id FROM customers WHERE id = 1").await, [1], "all else goes on");
    let li = world.person("li").open(SHOP);
    let sql = format!("SELECT id FROM customers WHERE email = '{EMAIL}'");
    assert_eq!(ids(&client(li.port()).await, &sql).await, [1], "others have their own");
}

#[tokio::test]
async fn a_write_finds_its_rows_by_a_known_value_and_what_it_tests_counts() {
    let world = World::start();
    let tunnel = world.person("li").open(SHOP);
    let tap = Tap::before(tunnel.port());
    let client = client(tap.port()).await;
    let changed = client.execute("UPDATE customers SET segment = 'known' WHERE email = $1", &[&EMAIL]).await;
    assert_eq!(changed.expect("an update"), 1);
    let returned =
        format!("UPDATE customers SET segment = 'again' WHERE email = '{EMAIL}' RETURNING id, email");
    let rows = client.query(&returned, &[]).await.expect("an update");
    assert_eq!(rows[0].get::<_, i64>(0), 1);
    assert!(rows[0].get::<_, String>(1).ends_with("@masked.invalid"), "{rows:?}");
    let insert = "INSERT INTO customers (id, full_name, email) VALUES (990001, 'x', $1)
                  ON CONFLICT (email) DO NOTHING RETURNING id";
    assert_eq!(client.query(insert, &[&EMAIL]).await.expect("an answer").len(), 0, "it is there already");
    assert_eq!(client.query(insert, &[&"new@mail.example"]).await.expect("an answer").len(), 1);
    let deleted = client.execute("DELETE FROM customers WHERE email = 'new@mail.example'", &[]).await;
    assert_eq!(deleted.expect("a deletion"), 1);
    let segment = world.postgres.sql("shop", "SELECT segment FROM customers WHERE id = 1");
    assert_eq!(segment, "again", "the write reached the database");

    // Five are spent: ninety-six at once are too many, and nothing of them is done.
    let rows: Vec<String> = (0..96)
        .map(|number| {
            format!("({}, 'x', 'guess{number}@mail.example', 'CH', 'x', false, now())", 991_000 + number)
        })
        .collect();
    let many = format!(
        "INSERT INTO customers (id, full_name, email, country, city, vip, created_at) VALUES {} ON CONFLICT DO NOTHING",
        rows.join(", ")
    );
    let refused = client.batch_execute(&many).await.expect_err("more than are left");
    let error = refused.as_db_error().expect("an answer of the server's kind");
    assert_eq!(error.code().code(), "54000", "{error:?}");
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM customers WHERE id > 990000"), "0");
    for uncounted in [
        "INSERT INTO customers (id, email) SELECT 992000 + g, 'guess' || g FROM generate_series(1, 9) g",
        "UPDATE customers SET email = segment || id WHERE id > 5",
    ] {
        let refused = client.batch_execute(uncounted).await.expect_err("nobody knows how many values");
        assert_eq!(refused.code().expect("an answer").code(), "42501", "{uncounted}");
    }
    assert_eq!(canary::found_in(&tap.take()), None);
}
