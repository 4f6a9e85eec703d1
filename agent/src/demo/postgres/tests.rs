//! A real server: it starts, is reached through TLS only, and nothing of it stays.

use std::{fs, path::Path};

use super::*;
use crate::demo::{account, sample};

async fn started() -> (DemoFolder, Postgres) {
    let programs = Programs::find().expect("PostgreSQL is installed where the tests run");
    let account = account::for_database().expect("there is an account");
    let folder = DemoFolder::create(account.as_ref()).expect("is made");
    let postgres = Postgres::start(&programs, &folder, account.as_ref()).await.expect("starts");
    (folder, postgres)
}

/// The process id that the server wrote down itself.
fn server_pid(folder: &Path) -> u32 {
    let text = fs::read_to_string(folder.join("postgres-1/data/postmaster.pid")).expect("is readable");
    text.lines().next().and_then(|line| line.parse().ok()).expect("begins with a number")
}

fn is_running(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("fits")).expect("is not zero");
    rustix::process::test_kill_process(pid).is_ok()
}

#[tokio::test]
async fn the_sample_loads_and_nothing_is_left_behind() {
    let (folder, postgres) = started().await;
    let path = folder.path().to_owned();
    let pid = server_pid(&path);
    assert!(is_running(pid));

    let passwords = sample::Passwords { shop: "one".into(), bench: "two".into() };
    let rows = sample::load(&postgres, &passwords).await.expect("loads");
    assert!((300_000..500_000).contains(&rows), "{rows}");
    check_content(&postgres).await;

    postgres.stop().await.expect("stops");
    assert!(!is_running(pid));
    folder.remove().await.expect("is removed");
    assert!(!path.exists());
}

async fn check_content(postgres: &Postgres) {
    let shop = postgres.connect(sample::SHOP).await.expect("connects");
    let number = async |query: &str| -> i64 { shop.query_one(query, &[]).await.expect(query).get(0) };
    assert_eq!(number("SELECT count(*) FROM customers").await, 20_000);
    assert_eq!(number("SELECT count(*) FROM orders").await, 80_000);
    assert_eq!(number("SELECT count(DISTINCT country) FROM customers").await, 12);
    let disagreements = "SELECT count(*) FROM orders o JOIN (SELECT order_id, sum(quantity * unit_price) AS s \
                         FROM order_items GROUP BY order_id) i ON i.order_id = o.id WHERE i.s <> o.total";
    assert_eq!(number(disagreements).await, 0);
    assert_eq!(number("SELECT count(*) FROM payments WHERE (card_number IS NULL) = (iban IS NULL)").await, 0);
    let inserted = "INSERT INTO customers (full_name, email, country, city, street_address, postal_code) \
                    VALUES ('New', 'new@example.com', 'DE', 'Bremen', 'Am Wall 1', '28195') RETURNING id";
    assert_eq!(number(inserted).await, 20_001);
}

#[tokio::test]
async fn the_agents_account_reads_and_writes_rows_and_changes_no_schema() {
    let (folder, postgres) = started().await;
    let passwords = sample::Passwords { shop: "one".into(), bench: "two".into() };
    sample::load(&postgres, &passwords).await.expect("loads");
    let shop = postgres.connect(sample::SHOP).await.expect("connects");
    shop.batch_execute("SET SESSION AUTHORIZATION connect_agent")
        .await
        .expect("is allowed for the administrator");
    for allowed in [
        "SELECT * FROM confidential.salaries LIMIT 1",
        "SELECT * FROM customer_overview LIMIT 1",
        "UPDATE orders SET status = 'shipped' WHERE id = 80000",
        "DELETE FROM order_items WHERE order_id = 80000",
    ] {
        shop.batch_execute(allowed).await.expect(allowed);
    }
    for refused in [
        "DROP TABLE customers",
        "CREATE TABLE public.mine (id int)",
        "ALTER TABLE customers DISABLE TRIGGER ALL",
        "SELECT * FROM pg_authid",
        "COPY customers TO '/tmp/never'",
        "SET ROLE shop_owner",
    ] {
        assert!(shop.batch_execute(refused).await.is_err(), "{refused}");
    }
    postgres.stop().await.expect("stops");
    folder.remove().await.expect("is removed");
}

#[tokio::test]
async fn nobody_logs_in_without_tls_or_with_a_wrong_password() {
    let (folder, postgres) = started().await;
    let mut plain = Config::new();
    plain.host("127.0.0.1").port(postgres.port).user(ADMIN).password(&postgres.password).dbname("postgres");
    let refused = plain.ssl_mode(SslMode::Disable).connect(tokio_postgres::NoTls).await;
    assert!(refused.is_err_and(|error| error.code().is_some()));
    let wrong = Postgres { password: "guess".into(), ..postgres };
    assert!(matches!(wrong.connect("postgres").await, Err(ConnectError::LogIn(_))));
    wrong.stop().await.expect("stops");
    folder.remove().await.expect("is removed");
}

#[tokio::test]
async fn a_server_that_is_dropped_in_a_hurry_ends_as_well_and_then_its_folder_goes() {
    let (folder, postgres) = started().await;
    let (path, pid) = (folder.path().to_owned(), server_pid(folder.path()));
    // As a crash would: the pipes close, nobody waits for the server.
    drop(postgres);
    folder.remove().await.expect("is removed");
    assert!(!is_running(pid) && !path.exists());
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let (folder, postgres) = started().await;
    let pid = i32::try_from(server_pid(folder.path())).expect("fits");
    let pid = rustix::process::Pid::from_raw(pid).expect("is not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("is ours");
    postgres.died().await;
    postgres.stop().await.expect("stops");
    folder.remove().await.expect("is removed");
}
