//! Statements that compute with protected columns: they answer as the server itself would, in names, types
//! and numbers of rows, and no byte of the answer shows a clear value.

use connect_tests::{
    agent::SHOP,
    canary, place,
    postgres::ADMINISTRATOR,
    process::{self, Finished},
    tap::Tap,
    tunnel::{self, Tunnel},
    world::World,
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// Two ways to the same database, with all that is received on each.
struct Ways {
    world: World,
    _tunnel: Tunnel,
    ours: Tap,
    direct: Tap,
}

impl Ways {
    fn open() -> Self {
        let world = World::start();
        // Tables whose keys and types ask for more than those of the shop.
        let more = "CREATE TABLE members (org int, nr int, email text, data json, PRIMARY KEY (org, nr));
             INSERT INTO members SELECT g % 3, g, 'quorraline' || g || '@zymail.example', '{}'
             FROM generate_series(1, 9) g;
             CREATE TABLE computed (id int PRIMARY KEY, email text,
                 loud text GENERATED ALWAYS AS (upper(email)) STORED);
             INSERT INTO computed VALUES (1, 'quorraline.zyxwell@zymail.example');
             CREATE VIEW domains AS SELECT id, split_part(email, '@', 2) AS domain, email FROM customers;
             CREATE VIEW by_segment AS SELECT segment, count(*) AS people, min(email) AS first_mail,
                 max(birth_date) AS youngest, array_agg(email) AS mails FROM customers GROUP BY segment;
             CREATE VIEW numbered AS SELECT id, row_number() OVER (ORDER BY email) AS place FROM customers;
             CREATE VIEW either AS SELECT id, email AS contact FROM customers
                 UNION ALL SELECT id, phone FROM customers;
             CREATE MATERIALIZED VIEW kept AS SELECT d.domain, count(*) AS people, max(email) AS last_mail
                 FROM domains d GROUP BY d.domain;
             CREATE VIEW over_kept AS SELECT upper(last_mail) AS loud, people FROM kept;
             CREATE VIEW born_late AS SELECT id, email FROM customers WHERE birth_date > '1960-01-01';
             GRANT SELECT ON members, computed, domains, by_segment, numbered, either, kept, over_kept,
                 born_late TO PUBLIC;";
        world.postgres.sql("shop", more);
        let tunnel = world.person("li").open(SHOP);
        let (ours, direct) = (Tap::before(tunnel.port()), Tap::before(world.postgres.port()));
        Self { world, _tunnel: tunnel, ours, direct }
    }

    fn psql(&self, tap: &Tap, input: &str) -> Finished {
        let mut psql = tunnel::client(&place::installed("psql"), tap.port(), "shop", self.world.folder());
        psql.env("PGUSER", ADMINISTRATOR).arg("-XqAt");
        process::run_with(&mut psql, input, process::PATIENCE)
    }
}

async fn client(tap: &Tap) -> Client {
    let address = format!("host=127.0.0.1 port={} user={ADMINISTRATOR} dbname=shop", tap.port());
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// What a client can tell of a result without its values: names and types of columns, number of rows.
async fn shape(client: &Client, sql: &str) -> Result<(Vec<String>, usize), tokio_postgres::Error> {
    let statement = client.prepare(sql).await?;
    let columns = statement.columns().iter();
    let columns = columns.map(|column| format!("{} {}", column.name(), column.type_())).collect();
    Ok((columns, client.query(&statement, &[]).await?.len()))
}

async fn simple_shape(client: &Client, sql: &str) -> Result<(Vec<String>, usize), tokio_postgres::Error> {
    let mut shape = (Vec::new(), 0);
    for message in client.simple_query(sql).await? {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                shape.0 = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(_) => shape.1 += 1,
            _ => {}
        }
    }
    Ok(shape)
}

const QUERIES: [&str; 56] = [
    // A primary key decides all columns of its row.
    "SELECT c.id, c.email, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
    "SELECT \"customers\".\"id\", \"customers\".\"email\", COUNT(\"orders\".\"id\") AS \"n\" FROM \"customers\" LEFT \
     OUTER JOIN \"orders\" ON (\"customers\".\"id\" = \"orders\".\"customer_id\") GROUP BY \"customers\".\"id\" ORDER BY \
     \"n\" DESC, 1 LIMIT 5",
    "SELECT c.id, upper(c.email) AS mail, count(o.id) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP \
     BY 1 HAVING count(o.id) > 1",
    "SELECT id, email || '!' FROM customers GROUP BY id ORDER BY email",
    "SELECT c.*, max(o.placed_at) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
    "SELECT c.id, (SELECT max(o.id) FROM orders o WHERE o.customer_id = c.id AND c.email <> '') FROM customers c \
     GROUP BY c.id",
    "SELECT c.id, k.id, c.email, k.token FROM customers c JOIN api_keys k ON k.customer_id = c.id GROUP BY c.id, k.id",
    "SELECT org, nr, upper(email), count(*) FROM members GROUP BY nr, org",
    "SELECT row_to_json(c), count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id",
    "SELECT email, count(*) FROM customers GROUP BY email",
    "SELECT segment, email, count(*) FROM customers GROUP BY ROLLUP (segment, email)",
    "SELECT id, upper(email) FROM public.customers GROUP BY public.customers.id, customers.email",
    // Whole rows.
    "SELECT row_to_json(c) FROM customers c",
    "SELECT row_to_json(customers) AS customer FROM customers",
    "SELECT to_json(c) FROM customers c WHERE c.email LIKE '%@%'",
    "SELECT to_jsonb(c) - 'email' FROM customers c",
    "SELECT json_agg(c) FROM customers c",
    "SELECT jsonb_agg(c ORDER BY c.id) FROM customers c WHERE c.id <= 3",
    "SELECT segment, json_agg(c) FROM customers c GROUP BY segment",
    "SELECT count(c), count(o) FROM customers c FULL JOIN orders o ON o.customer_id = c.id",
    "SELECT count(DISTINCT c) FROM customers c",
    "SELECT o.id, json_build_object('customer', c, 'order', o) FROM orders o JOIN customers c ON c.id = o.customer_id",
    "SELECT o.id, c IS NULL, c IS NOT NULL FROM orders o LEFT JOIN customers c ON c.id = o.customer_id",
    "SELECT (c).email, (c).id FROM customers c WHERE (c).email LIKE '%@%'",
    "SELECT (c).*, upper(c.email) FROM customers c",
    "SELECT c.*, upper(c.email) FROM customers c",
    "SELECT jsonb_object_keys(to_jsonb(c)) FROM customers c WHERE id = 1",
    "SELECT row_to_json(m) FROM customer_mail m",
    "SELECT md5(c::text), length(c.*::text) >= 0, to_json(c.*), concat(c), num_nulls(c) FROM customers c",
    "SELECT ROW(c.*) FROM customers c WHERE id = 1",
    "SELECT v.column3 FROM customers c, LATERAL (VALUES (c.*)) v ORDER BY c.*",
    "SELECT (SELECT json_agg(c) FROM customers c WHERE c.id = o.customer_id) FROM orders o",
    "SELECT j.key, j.value FROM customers c, json_each_text(row_to_json(c)) j WHERE c.id = 1",
    // Names in FROM, in each way that they can be written.
    "SELECT upper(email) FROM ONLY customers",
    "SELECT upper(c.email) FROM ONLY (customers) c",
    "SELECT upper(c.email) FROM customers * AS c",
    "SELECT upper(email) FROM customers * WHERE id < 9",
    "SELECT upper(t.email) FROM (TABLE customers) t",
    "SELECT upper(t.email) FROM (TABLE ONLY customers) t",
    "SELECT upper(email) FROM customers TABLESAMPLE system (100)",
    "SELECT upper(c.email) FROM ONLY customers AS c TABLESAMPLE bernoulli (60) REPEATABLE (7)",
    "TABLE customers ORDER BY email",
    "WITH t AS (TABLE customers) SELECT email || '' AS mail FROM t",
    "SELECT id, upper(email) FROM customers UNION TABLE scratch",
    "SELECT upper(email), length(loud) FROM computed",
    // Views that compute, and what is computed from them.
    "SELECT * FROM domains WHERE id < 9",
    "SELECT d.domain, count(*) OVER () FROM domains d WHERE d.email = 'quorraline.zyxwell@zymail.example'",
    "TABLE by_segment",
    "SELECT sum(people), upper(min(first_mail)) FROM by_segment WHERE segment <> 'x'",
    "SELECT youngest, youngest + 1, cardinality(mails) >= 0 FROM by_segment",
    "SELECT * FROM numbered ORDER BY id LIMIT 3",
    "SELECT id, place + 1 FROM numbered ORDER BY id LIMIT 3",
    "SELECT contact FROM either WHERE id = 1",
    "SELECT count(*) FROM either WHERE contact IS NOT NULL",
    "SELECT * FROM kept WHERE people >= 0",
    "SELECT * FROM over_kept",
];

#[tokio::test]
async fn queries_that_compute_with_protected_columns_look_as_they_do_without_us() {
    let ways = Ways::open();
    let (ours, direct) = (client(&ways.ours).await, client(&ways.direct).await);
    let mut failures = Vec::new();
    for sql in QUERIES {
        let _before = ways.ours.take();
        let extended = (shape(&ours, sql).await, shape(&direct, sql).await);
        let simple = (simple_shape(&ours, sql).await, simple_shape(&direct, sql).await);
        if let Some(canary) = canary::found_in(&ways.ours.take()) {
            failures.push(format!("LEAKS {canary}: {sql}"));
        }
        for (ours, theirs) in [extended, simple] {
            match (ours, theirs) {
                (Ok(ours), Ok(theirs)) if ours == theirs => {}
                (Err(error), _) => failures.push(format!("{:?}: {sql}", error.as_db_error())),
                (ours, theirs) => failures.push(format!("{ours:?} beside {theirs:?}: {sql}")),
            }
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), QUERIES.len(), failures.join("\n"));
}

#[tokio::test]
async fn rows_that_would_be_described_or_written_as_they_are_not_stay_refused() {
    let ways = Ways::open();
    let client = client(&ways.ours).await;
    for sql in [
        "SELECT c FROM customers c",
        "SELECT array_agg(c) FROM customers c",
        "SELECT array_agg(c.*) FROM customers c",
        "SELECT DISTINCT c FROM customers c",
        "SELECT row_to_json(c), c.ctid FROM customers c",
        "SELECT org, nr, email, data FROM members GROUP BY org, nr HAVING email <> ''",
        "EXPLAIN SELECT * FROM customers WHERE email LIKE 'q%'",
        "EXPLAIN (ANALYZE, COSTS OFF) SELECT * FROM customers WHERE email LIKE 'q%'",
        "EXPLAIN (COSTS OFF) CREATE TABLE stolen AS SELECT upper(email) FROM customers",
        "COPY customers TO PROGRAM 'cat'",
        "COPY (SELECT upper(email) FROM customers) TO '/tmp/stolen'",
        "COPY computed (id, loud) TO STDOUT",
        "SELECT id FROM born_late",
        "SELECT count(*) FROM born_late",
        "PREPARE p AS INSERT INTO scratch SELECT id, upper(email) FROM customers",
        "CREATE TABLE stolen AS SELECT upper(email) AS mail FROM customers",
        "SELECT upper(email) INTO stolen FROM customers",
    ] {
        let _before = ways.ours.take();
        let outcome = client.simple_query(sql).await;
        assert!(outcome.is_err(), "{sql}");
        assert_eq!(canary::found_in(&ways.ours.take()), None, "{sql}");
    }
}

const BY_NAME: &str = "
    PREPARE p(bigint) AS SELECT id, email, upper(email) FROM customers WHERE id <= $1 ORDER BY id;
    EXECUTE p(1);
    EXECUTE p(3);
    BEGIN;
    EXECUTE p(1);
    SAVEPOINT s;
    DECLARE k SCROLL CURSOR FOR SELECT id, upper(email) FROM customers ORDER BY id;
    FETCH 2 FROM k;
    MOVE 1 IN k;
    FETCH ALL FROM k;
    FETCH FIRST FROM k;
    CLOSE k;
    ROLLBACK TO s;
    EXECUTE p(1);
    ROLLBACK;
    RESET ALL;
    EXECUTE p(1);
    BEGIN;
    DECLARE h CURSOR WITH HOLD FOR SELECT id, email || '' FROM customers ORDER BY id;
    COMMIT;
    RESET ALL;
    FETCH 1 FROM h;
    CLOSE h;
    DEALLOCATE p;
    DISCARD ALL;
    PREPARE p AS SELECT id, email, upper(email) FROM customers WHERE id = 1;
    EXECUTE p;
";

#[test]
fn what_stands_behind_a_name_gives_masks_each_time_it_is_called() {
    let ways = Ways::open();
    let _before = ways.ours.take();
    let (ours, theirs) = (ways.psql(&ways.ours, BY_NAME), ways.psql(&ways.direct, BY_NAME));
    assert_eq!(canary::found_in(&ways.ours.take()), None);
    assert_eq!((ours.code, &*ours.stderr), (0, ""));
    let fields = |text: &str| -> Vec<(String, usize)> {
        let lines = text.lines();
        lines
            .map(|line| (line.split('|').next().unwrap_or_default().to_owned(), line.split('|').count()))
            .collect()
    };
    assert_eq!(fields(&ours.stdout), fields(&theirs.stdout));
    // The same mask wherever the row comes by, and the one that a plain projection has on the wire.
    let plain = ways.psql(&ways.ours, "SELECT email FROM customers WHERE id = 1").stdout;
    let (mask, loud) = (plain.trim().to_owned(), plain.trim().to_uppercase());
    let of_one = ours.stdout.lines().filter(|line| line.starts_with("1|"));
    for line in of_one {
        let known = [format!("1|{mask}|{loud}"), format!("1|{loud}"), format!("1|{mask}")];
        assert!(known.iter().any(|known| known == line), "{line}, not {mask}");
    }
}

#[tokio::test]
async fn what_stands_behind_a_name_gives_masks_in_the_extended_protocol_too() {
    let ways = Ways::open();
    let mut shapes = Vec::new();
    for tap in [&ways.ours, &ways.direct] {
        let client = client(tap).await;
        let _before = tap.take();
        let mut found = Vec::new();
        client.execute("PREPARE p AS SELECT id, upper(email) FROM customers", &[]).await.expect("prepared");
        found.push(shape(&client, "EXECUTE p").await.expect("rows"));
        client.execute("RESET ALL", &[]).await.expect("reset");
        let rows = client.query("EXECUTE p", &[]).await.expect("rows");
        assert!(rows.iter().all(|row| row.get::<_, Option<&str>>(1).is_some()), "masks, and not NULL");
        client.execute("BEGIN", &[]).await.expect("begun");
        let declared = "DECLARE k CURSOR FOR SELECT id, upper(email) AS loud FROM customers";
        client.execute(declared, &[]).await.expect("declared");
        found.push(shape(&client, "FETCH 7 FROM k").await.expect("rows"));
        found.push(shape(&client, "FETCH ALL FROM k").await.expect("rows"));
        client.execute("COMMIT", &[]).await.expect("committed");
        shapes.push(found);
    }
    assert_eq!(canary::found_in(&ways.ours.take()), None);
    assert_eq!(shapes[0], shapes[1]);
}

/// Data of COPY in what was received, message by message.
fn copied(mut received: &[u8]) -> Vec<&[u8]> {
    let mut data = Vec::new();
    while let [kind, a, b, c, d, rest @ ..] = received {
        let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize - 4;
        if *kind == b'd' {
            data.push(&rest[..length]);
        }
        received = &rest[length..];
    }
    data
}

/// How a COPY is described, how many fields each message has, and the first canary in what was received.
async fn copy_shape(tap: &Tap, sql: &str) -> (Vec<u8>, Vec<usize>, Option<String>) {
    let client = client(tap).await;
    let _before = tap.take();
    drop(client.copy_out(sql).await.unwrap_or_else(|error| panic!("{sql}: {:?}", error.as_db_error())));
    // It comes to its end before the next statement begins.
    client.simple_query("SELECT 1").await.expect("a connection that lives");
    let received = tap.take();
    let separator = if sql.contains("csv") { b',' } else { b'\t' };
    let described = received.iter().position(|byte| *byte == b'H').map(|at| received[at..at + 10].to_vec());
    let fields = |data: &&[u8]| match sql.contains("binary") {
        // Two bytes at its end, else a row after the number of its fields.
        true => usize::from(data.last_chunk() == Some(&[255, 255])) + usize::from(data[1]),
        false => data.iter().filter(|byte| **byte == separator).count(),
    };
    let fields = copied(&received).iter().map(fields).collect();
    (described.expect("a description"), fields, canary::found_in(&received))
}

#[tokio::test]
async fn data_of_copy_holds_masks_in_every_format() {
    let ways = Ways::open();
    for what in [
        "customers",
        "public.customers (email, id)",
        "computed",
        "members",
        "(SELECT id, email FROM customers)",
        "(SELECT id, upper(email) AS loud, birth_date FROM customers)",
        "(SELECT row_to_json(c) FROM customers c)",
        "(TABLE customers)",
        "(SELECT c.id, c.email, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id)",
    ] {
        for options in
            ["", "(FORMAT text, NULL '-')", "(FORMAT csv, HEADER)", "csv header", "(FORMAT binary)"]
        {
            let sql = format!("COPY {what} TO STDOUT {options}");
            let (described, rows, canary) = copy_shape(&ways.ours, &sql).await;
            let (expected, expected_rows, _) = copy_shape(&ways.direct, &sql).await;
            assert_eq!(canary, None, "{sql}");
            assert_eq!(described, expected, "{sql}");
            if what.contains("json") {
                assert_eq!(rows.len(), expected_rows.len(), "{sql}");
            } else {
                assert_eq!(rows, expected_rows, "{sql}");
            }
        }
    }
}

#[test]
fn psql_copies_masks_that_are_those_of_a_select() {
    let ways = Ways::open();
    let select = ways.psql(&ways.ours, "SELECT id, email, birth_date FROM customers ORDER BY id");
    let _before = ways.ours.take();
    for copy in [
        "COPY (SELECT id, email, birth_date FROM customers ORDER BY id) TO STDOUT (DELIMITER '|')",
        "\\copy (SELECT id, email, birth_date FROM customers ORDER BY id) TO STDOUT (DELIMITER '|')",
        "\\copy customers (id, email, birth_date) to stdout (delimiter '|')",
    ] {
        let copied = ways.psql(&ways.ours, copy);
        assert_eq!(copied.stderr, "", "{copy}");
        assert_eq!(copied.stdout, select.stdout, "{copy}");
    }
    assert_eq!(canary::found_in(&ways.ours.take()), None);
}

#[tokio::test]
async fn a_plan_names_masks_and_nothing_clear() {
    let ways = Ways::open();
    let client = client(&ways.ours).await;
    for options in ["COSTS OFF", "COSTS OFF, VERBOSE", "COSTS OFF, FORMAT json"] {
        let sql = format!("EXPLAIN ({options}) SELECT upper(email) FROM customers WHERE full_name LIKE 'A%'");
        let _before = ways.ours.take();
        let (columns, rows) = shape(&client, &sql).await.expect("a plan");
        assert!(columns[0].starts_with("QUERY PLAN") && rows > 0, "{columns:?}");
        let received = ways.ours.take();
        assert_eq!(canary::found_in(&received), None);
        assert!(received.windows(6).any(|part| part == b"sha256"), "{sql}");
    }
}

/// Long after its column was found harmless by name and sample, a value is written that shows what it is.
#[tokio::test]
async fn a_value_that_shows_what_it_is_is_masked_in_a_column_without_a_label() {
    let ways = Ways::open();
    let sql = "UPDATE scratch SET note = CASE id WHEN 3 THEN 'write to anna.schmidt@web.de'
               WHEN 4 THEN '4111 1111 1111 1111' WHEN 5 THEN 'sk_' || 'live_' || repeat('a', 24) ELSE note END";
    ways.world.postgres.sql("shop", sql);
    let client = client(&ways.ours).await;
    let by_id = "SELECT id, note, note || '' AS again FROM scratch WHERE id < 7 ORDER BY id";
    let hidden = ["n1", "n2", "[free text]", "", "[secret]", "n6"];
    let simple = client.simple_query(by_id).await.expect("an answer");
    let rows = simple.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some([row.get(1), row.get(2)].map(|v| v.expect("a value").to_owned()))
        }
        _ => None,
    });
    let extended = client.query(by_id, &[]).await.expect("an answer");
    let extended = extended.iter().map(|row| [row.get::<_, String>(1), row.get(2)]);
    for rows in [rows.collect::<Vec<_>>(), extended.collect()] {
        for ([note, again], expected) in rows.iter().zip(hidden) {
            assert_eq!(note, again, "what is computed is looked at as well");
            match expected {
                "" => assert!(note.ends_with("1111") && !note.starts_with("4111"), "{note}"),
                "[secret]" => assert!(!note.contains("aaaa"), "{note}"),
                expected => assert_eq!(note, expected),
            }
        }
        assert_eq!(rows.len(), 6);
    }
    let seen = ways.ours.take();
    for clear in ["anna.schmidt", "4111 1111", "live_aaaa"] {
        assert!(!String::from_utf8_lossy(&seen).contains(clear), "{clear}");
    }
}
