//! Drivers that speak the protocol in their own ways see what they see without us.

use std::process::Command;

use connect_tests::{
    agent::{BENCH, SHOP},
    canary, place,
    postgres::ADMINISTRATOR,
    process,
    tap::Tap,
    world::World,
};
use futures_util::TryStreamExt as _;
use sqlx_core::{
    column::Column as _,
    connection::{ConnectOptions as _, Connection as _},
    executor::Executor as _,
    query::query,
    row::Row as _,
    sql_str::SqlSafeStr as _,
    statement::Statement as _,
};
use sqlx_postgres::{PgConnectOptions, PgSslMode, Postgres};
use tokio_postgres::NoTls;

const REFUSED: &str = "DELETE FROM scratch";
const FAILING: &str = "DELETE FROM no_such_table";

fn python(script: &str, arguments: &[&str]) -> String {
    let script = place::of_tests("python").join(script);
    process::run(Command::new(place::python()).arg(script).args(arguments)).good()
}

#[test]
fn psycopg_in_text_and_binary_with_cursors_transactions_copy_and_pipelines_works_as_if_direct() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        let direct =
            format!("host=127.0.0.1 port={} user={ADMINISTRATOR} dbname=shop", world.postgres.port());
        let theirs = python("psycopg_suite.py", &[&direct, FAILING]);
        // The second in protocol 3.2, which an old server does not speak: to us it does.
        for url in [tunnel.url(), format!("{} min_protocol_version=3.2", tunnel.url())] {
            assert_eq!(python("psycopg_suite.py", &[&url, REFUSED]), theirs, "{url}");
        }
        assert!(theirs.contains("\"pipeline\": \"refused\""), "{theirs}");
    }
}

#[test]
fn asyncpg_works_as_if_direct() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        let (direct, port) = (world.postgres.port().to_string(), tunnel.port().to_string());
        let theirs = python("asyncpg_suite.py", &["127.0.0.1", &direct, ADMINISTRATOR, "shop", FAILING]);
        let ours = python("asyncpg_suite.py", &["127.0.0.1", &port, "anybody", "shop", REFUSED]);
        assert_eq!(ours, theirs);
    }
}

#[test]
fn psycopg_and_asyncpg_receive_masks_in_binary() {
    for world in World::on_each_server() {
        let tunnel = world.person("ana").open(SHOP);
        let tap = Tap::before(tunnel.port());
        let url = format!("host=127.0.0.1 port={} user=anybody dbname=shop", tap.port());
        let script = "import sys, psycopg\n\
        connection = psycopg.connect(sys.argv[1])\n\
        for row in connection.cursor(binary=True).execute('SELECT email, birth_date, phone FROM customers WHERE id <= 3 ORDER BY id'): print(row)\n\
        print(connection.execute('SELECT %s::text', ('ok',)).fetchone())";
        let printed = process::run(Command::new(place::python()).args(["-c", script, &url])).good();
        assert_eq!(printed.lines().count(), 4, "{printed}");
        assert!(printed.contains("datetime.date("), "a masked date is a date: {printed}");
        assert_eq!(canary::found_in(&tap.take()), None);
    }
}

#[tokio::test]
async fn tokio_postgres_pipelines_and_transactions_work() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(BENCH);
        let (mut client, connection) =
            tokio_postgres::connect(&tunnel.url(), NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
            .batch_execute("CREATE TABLE numbers (n bigint PRIMARY KEY)")
            .await
            .expect("a development database");
        let insert = client.prepare("INSERT INTO numbers VALUES ($1)").await.expect("a statement");
        let inserts = (0..100_i64).map(|n| {
            let (client, insert) = (&client, &insert);
            async move { client.execute(insert, &[&n]).await }
        });
        let mut done = 0;
        for outcome in join_all(inserts).await {
            done += outcome.expect("an insert");
        }
        assert_eq!(done, 100);
        let transaction = client.transaction().await.expect("a transaction");
        transaction.execute("DELETE FROM numbers WHERE n < 50", &[]).await.expect("a bounded delete");
        transaction.rollback().await.expect("a rollback");
        let sum: i64 =
            client.query_one("SELECT sum(n)::bigint FROM numbers", &[]).await.expect("a row").get(0);
        assert_eq!(sum, 4950);
    }
}

#[tokio::test]
async fn sqlx_prepares_streams_and_copies_as_if_direct() {
    for world in World::on_each_server() {
        let tunnel = world.person("li").open(SHOP);
        let theirs = sqlx(world.postgres.port(), ADMINISTRATOR, FAILING).await.expect("it works");
        let ours = sqlx(tunnel.port(), "anybody", REFUSED).await.expect("it works");
        assert_eq!(ours, theirs);
        assert!(theirs.iter().any(|line| line == "refused"), "{theirs:?}");
    }
}

/// What sqlx sees.
async fn sqlx(port: u16, user: &str, failing: &'static str) -> Result<Vec<String>, sqlx_core::Error> {
    let options = PgConnectOptions::new().host("127.0.0.1").port(port).username(user).database("shop");
    let mut connection = options.ssl_mode(PgSslMode::Disable).connect().await?;
    let mut seen = Vec::new();
    // The second time it is taken from the cache.
    for below in [3_i32, 5] {
        let some = query::<Postgres>("SELECT id, sku FROM products WHERE id < $1 ORDER BY id").bind(below);
        for row in some.fetch_all(&mut connection).await? {
            seen.push(format!("{} {}", row.try_get::<i32, _>(0)?, row.try_get::<String, _>("sku")?));
        }
    }
    let described = "SELECT products.id, price, note FROM products, scratch";
    let statement = connection.prepare(described.into_sql_str()).await?;
    seen.extend(statement.columns().iter().map(|column| format!("{} {}", column.name(), column.type_info())));
    let (mut rows, mut count) =
        (query::<Postgres>("SELECT id FROM orders ORDER BY id").fetch(&mut connection), 0);
    while rows.try_next().await?.is_some() {
        count += 1;
    }
    drop(rows);
    seen.push(count.to_string());
    let mut transaction = connection.begin().await?;
    query::<Postgres>("INSERT INTO scratch VALUES ($1, $2)")
        .bind(8800)
        .bind("sqlx")
        .execute(&mut *transaction)
        .await?;
    seen.push(told(query::<Postgres>(failing).execute(&mut *transaction).await.map(drop)));
    transaction.rollback().await?;
    seen.push(told(query::<Postgres>("SELECT 1 / $1").bind(0).execute(&mut connection).await.map(drop)));
    let mut copy = connection.copy_in_raw("COPY scratch FROM STDIN").await?;
    copy.send(&b"8801\tcopied\n8802\t\\N\n"[..]).await?;
    seen.push(copy.finish().await?.to_string());
    let gone = query::<Postgres>("DELETE FROM scratch WHERE id >= 8800").execute(&mut connection).await?;
    seen.push(gone.rows_affected().to_string());
    connection.close().await?;
    Ok(seen)
}

/// How it ended, with the server's code.
fn told(ended: Result<(), sqlx_core::Error>) -> String {
    let error = match &ended {
        Ok(()) => return "done".to_owned(),
        Err(error) => error.as_database_error(),
    };
    match error.and_then(sqlx_core::error::DatabaseError::code).as_deref() {
        Some("42501" | "42P01") => "refused".to_owned(),
        code => format!("{code:?}"),
    }
}

/// Polls all of them before any is done, which pipelines them.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pending: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in &mut pending {
            if outcome.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *outcome = Some(value);
            }
        }
        match pending.iter().all(|(_, outcome)| outcome.is_some()) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    pending.into_iter().filter_map(|(_, outcome)| outcome).collect()
}
