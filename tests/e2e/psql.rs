//! psql, as people use it.

use connect_tests::{
    agent::{AgentOptions, SHOP},
    canary, place,
    postgres::{ADMINISTRATOR, Version},
    process::{self, Process, Signal},
    tunnel,
    world::World,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What the same psql input prints straight at the server.
fn direct(world: &World, input: &str) -> process::Finished {
    let psql = place::installed("psql");
    let mut psql = tunnel::client(&psql, world.postgres.port(), "shop", world.folder());
    psql.env("PGUSER", ADMINISTRATOR).arg("-XqAt");
    process::run_with(&mut psql, input, process::PATIENCE)
}

/// What psql describes the database with; each asks the catalog in its own way, which depends on the server's version.
const DESCRIBING: &str = r"
\d \d+ \dt+ \dtS \dv+ \dm+ \di+ \ds+ \dE \dn+ \df \df+~shop_label \dfa \df~lower \da \dT+ \dD+ \dp \z \ddp \du+ \dg
\l \db \dx+ \dy \dc~*utf8* \dC \dd \dF+ \dFd \dFp \dFt \dA \dAc~btree \dO~C* \do~|| \dL+ \dP+ \dX+ \dew \des \det
\dRp+ \drds \dl \d~customers \d+~customers \d~orders \d+~order_totals \d+~customer_mail \d~pg_class \d+~short_label
\sf~shop_label \sf+~shop_label \sv~customer_mail \sv+~order_totals \x~\d+~order_totals";

#[test]
fn describing_commands_show_what_they_show_without_us() {
    for world in World::on_each_server() {
        world.postgres.sql(
            "shop",
            "CREATE FUNCTION shop_label(id int) RETURNS text LANGUAGE sql AS 'SELECT ''item '' || id';
             CREATE DOMAIN short_label AS varchar(9) CHECK (VALUE <> ''); CREATE TYPE mood AS ENUM ('well', 'ill');
             CREATE STATISTICS paired ON customer_id, status FROM orders; CREATE PUBLICATION sold FOR TABLE products",
        );
        let tunnel = world.person("ana").open(SHOP);
        let commands: Vec<String> =
            DESCRIBING.split_whitespace().map(|word| word.replace('~', " ")).collect();
        let titled = |command: &String| format!("\\echo [{}]\n{command}\n", command.replace('\\', ""));
        let all: String = commands.iter().map(titled).collect();
        let (ours, theirs) = (tunnel.psql(&all), direct(&world, &all));
        // An older psql asks a newer server for two things that are not there any more.
        assert!(errors(&theirs).len() <= 2, "they are good commands: {}", theirs.stderr);
        assert_eq!(errors(&ours), errors(&theirs));
        for (ours, theirs) in ours.stdout.split("\n[").zip(theirs.stdout.split("\n[")) {
            assert_eq!(ours, theirs);
        }
        assert_eq!(ours.stdout.len(), theirs.stdout.len());
    }
}

fn errors(finished: &process::Finished) -> Vec<&str> {
    finished.stderr.lines().filter(|line| line.contains("ERROR:")).collect()
}

#[test]
fn copy_of_an_unprotected_table_is_what_it_is_without_us() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    for input in [
        "\\copy products to stdout",
        "\\copy (SELECT id, sku FROM products ORDER BY id) to stdout csv header",
    ] {
        let ours = tunnel.psql(input);
        assert_eq!(ours.stdout, direct(&world, input).stdout, "{}", ours.stderr);
        assert!(ours.stdout.contains("SKU-100"));
    }
}

#[test]
fn copy_of_a_protected_table_gives_masks() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    for input in [
        "\\copy customers to stdout",
        "\\copy (SELECT email FROM customers) to stdout",
        "COPY customers TO STDOUT (FORMAT binary);",
    ] {
        let ours = tunnel.psql(input);
        assert_eq!(canary::found_in(ours.stdout.as_bytes()), None, "{input}");
        assert_eq!(canary::found_in(ours.stderr.as_bytes()), None, "{input}");
        assert_eq!(ours.stderr, "", "{input}");
        assert!(ours.stdout.contains("@masked.invalid"), "{input}: {}", ours.stdout);
    }
}

#[test]
fn copy_into_a_table_works_for_who_may_write() {
    let world = World::start();
    let tunnel = world.person("li").open(SHOP);
    let rows: String = (100..400).map(|id| format!("{id}\tnote {id}\n")).collect();
    let input = format!("COPY scratch FROM STDIN;\n{rows}\\.\nSELECT count(*) FROM scratch;\n");
    let ours = tunnel.psql(&input);
    assert_eq!((ours.stdout.trim(), ours.stderr.as_str()), ("320", ""));
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM scratch"), "320");
}

const SLEEPING: &str =
    "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND usename = 'connect_agent')";

#[test]
fn control_c_in_psql_cancels_the_statement_at_the_server() {
    // The oldest one speaks 3.0 only; the newest has keys of another length.
    for version in [None, Some(Version::Thirteen), Some(Version::Eighteen)] {
        cancel_by_hand(&World::start_on(version, &AgentOptions::default()));
    }
}

fn cancel_by_hand(world: &World) {
    let tunnel = world.person("ana").open(SHOP);
    let mut command = tunnel.client("psql");
    command.args(["-Xc", "SELECT pg_sleep(600)"]);
    let mut psql = Process::start("psql", &mut command);
    world.postgres.wait_until("shop", SLEEPING);
    psql.signal(Signal::INT);
    psql.wait_for_line("canceling statement due to user request");
    assert!(!psql.wait_for_end().success());
    world.postgres.wait_until("shop", &format!("NOT {SLEEPING}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_ends_the_statement_and_keeps_the_connection_and_nobody_elses() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let connect = || async {
        let (client, connection) =
            tokio_postgres::connect(&tunnel.url(), tokio_postgres::NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    };
    let (mine, other) = (connect().await, connect().await);
    let cancel = mine.cancel_token();
    let sleeper = tokio::spawn(async move { (mine.simple_query("SELECT pg_sleep(600)").await, mine) });
    tokio::task::block_in_place(|| world.postgres.wait_until("shop", SLEEPING));
    request_cancel(&cancel, tunnel.port()).await;
    let (outcome, mine) = sleeper.await.expect("a task");
    let error = outcome.expect_err("it was cancelled");
    assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::QUERY_CANCELED));
    mine.simple_query("SELECT 1").await.expect("the connection goes on");
    other.simple_query("SELECT 1").await.expect("and so do others");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_request_counts_even_if_its_sender_is_gone_at_once() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    for _ in 0..5 {
        let connected = tokio_postgres::connect(&tunnel.url(), tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("a connection");
        tokio::spawn(connection);
        let cancel = client.cancel_token();
        let sleeper = tokio::spawn(async move { client.simple_query("SELECT pg_sleep(600)").await });
        tokio::task::block_in_place(|| world.postgres.wait_until("shop", SLEEPING));
        // This one writes sixteen bytes and closes.
        cancel.cancel_query(tokio_postgres::NoTls).await.expect("a cancel request is taken");
        let error = sleeper.await.expect("a task").expect_err("it was cancelled");
        assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::QUERY_CANCELED));
    }
}

/// Sends a cancel request as libpq does: it waits until the other side closes.
async fn request_cancel(token: &tokio_postgres::CancelToken, port: u16) {
    let (ours, theirs) = tokio::io::duplex(64);
    token.cancel_query_raw(theirs, tokio_postgres::NoTls).await.expect("sixteen bytes");
    let mut ours = ours.take(64);
    let mut request = Vec::new();
    ours.read_to_end(&mut request).await.expect("sixteen bytes");
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a listener");
    stream.write_all(&request).await.expect("a request");
    assert_eq!(stream.read(&mut [0]).await.expect("an end"), 0, "a cancel request has no answer");
}

/// Where the statement below has the day of birth: the only one of its columns whose masks are few enough to meet.
const BIRTH_DATE: usize = 4;

#[test]
fn a_select_of_protected_columns_is_masked_in_every_row_and_the_same_each_time() {
    let world = World::start();
    let tunnel = world.person("ana").open(SHOP);
    let sql = "SELECT id, full_name, email, phone, birth_date, iban, card_number, national_id FROM customers ORDER BY id;";
    let [first, second] = [tunnel.psql(sql), tunnel.psql(sql)];
    assert_eq!(first.stdout.lines().count(), 200, "{}", first.stderr);
    assert_eq!(first.stdout, second.stdout, "masks are deterministic");
    assert_eq!(canary::found_in(first.stdout.as_bytes()), None);
    let clear = direct(&world, sql).stdout;
    let mut same_days = 0;
    for (masked, clear) in first.stdout.lines().zip(clear.lines()) {
        let (masked, clear): (Vec<&str>, Vec<&str>) =
            (masked.split('|').collect(), clear.split('|').collect());
        assert_eq!(masked[0], clear[0]);
        for column in (1..8).filter(|&column| column != BIRTH_DATE) {
            assert_ne!(masked[column], clear[column], "column {column} of {masked:?}");
        }
        same_days += usize::from(masked[BIRTH_DATE] == clear[BIRTH_DATE]);
        assert_eq!(
            masked[6][masked[6].len() - 4..],
            clear[6][clear[6].len() - 4..],
            "a card keeps its last four"
        );
    }
    // A mask that never were the value would say what the value is not; one in some 18,000 days is its own mask.
    assert!(same_days <= 2, "{same_days} of 200 days are as they were");
    let mut emails: Vec<&str> = first.stdout.lines().filter_map(|line| line.split('|').nth(2)).collect();
    emails.sort_unstable();
    emails.dedup();
    assert_eq!(emails.len(), 200, "different values have different masks");
}
