//! `connect-agent analyze`: lineage of statements in files, without executing one of them.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use connect_tests::{
    place,
    postgres::{AGENT_PASSWORD, AGENT_USER, Postgres, free_port},
    process::{self, Finished},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A database with the shop in it, and nothing else.
struct Shop {
    postgres: Postgres,
    _folder: TempDir,
}

impl Shop {
    fn start() -> Self {
        let folder = TempDir::with_prefix("connect-test-").expect("a temporary folder");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("our own folder");
        let postgres = Postgres::start(&folder.path().join("postgres"));
        Self { postgres, _folder: folder }
    }

    fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/shop", self.postgres.port())
    }

    /// Answers of all lines; each line must have one.
    fn answers(&self, questions: &[Value]) -> Vec<Value> {
        let input: String = questions.iter().map(|question| format!("{question}\n")).collect();
        let finished = analyze(&self.url(), &[], &input);
        let answers: Vec<Value> =
            finished.good().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(answers.len(), questions.len());
        answers
    }
}

fn command(database: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(place::built("connect-agent"));
    let path = std::env::var("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).args(["analyze", "--database", database]);
    command.envs(variables.iter().copied());
    command
}

fn analyze(database: &str, variables: &[(&str, &str)], input: &str) -> Finished {
    process::run_with(&mut command(database, variables), input, process::PATIENCE)
}

/// An answer without what differs from run to run, and without the many functions behind operators.
fn essence(answer: &Value) -> Value {
    let mut answer = answer.clone();
    let fields = answer.as_object_mut().expect("an object");
    assert!(
        fields.shift_remove("micros").is_some_and(|micros| micros.as_f64().is_some_and(|took| took > 0.0))
    );
    fields.shift_remove("functions");
    answer
}

#[test]
fn each_line_is_answered_with_what_comes_from_where() {
    let shop = Shop::start();
    let questions = [
        json!({"id": "read", "sql": "SELECT c.email, o.quantity * p.price AS total FROM customers c \
               JOIN orders o ON o.customer_id = c.id JOIN products p ON p.id = o.product_id WHERE c.segment = 'premium'"}),
        json!({"id": "view", "sql": "SELECT total FROM order_totals"}),
        json!({"id": "write", "sql": "INSERT INTO scratch (id, note) SELECT id, full_name FROM customers RETURNING note"}),
        json!({"id": {"model": "new"}, "sql": "CREATE TABLE totals AS SELECT customer_id, sum(quantity) AS sum FROM orders GROUP BY 1"}),
        json!({"id": 5, "sql": "SELECT id FROM scratch; SELECT sku FROM products"}),
        json!({"id": 6, "sql": "SELEC 1"}),
        json!({"id": 7, "sql": "SELECT x FROM no_such_table"}),
        json!({"id": 8, "sql": ""}),
        json!({"id": 9}),
    ];
    let answers: Vec<Value> = shop
        .answers(&questions)
        .iter()
        .map(|answer| if answer["id"] == 9 { answer.clone() } else { essence(answer) })
        .collect();
    insta::assert_snapshot!("analyzed_lines", serde_json::to_string_pretty(&answers).expect("JSON"));
}

#[test]
fn what_the_session_did_before_counts() {
    let shop = Shop::start();
    shop.postgres.sql("shop", "CREATE SCHEMA other; CREATE TABLE other.scratch (id int, note text)");
    let sql = "SELECT note FROM scratch";
    let session = json!(["SET search_path = other", "SELECT 1"]);
    let answers = shop.answers(&[
        json!({"sql": sql}),
        json!({"sql": sql, "search_path": ["other", "public"]}),
        json!({"sql": sql, "session": session}),
        json!({"sql": sql, "session": ["SET search_path = other", "SELECT 1", "SET search_path = public"]}),
        json!({"sql": sql, "session": ["BEGIN; SET LOCAL search_path = other", "ROLLBACK"]}),
        json!({"sql": sql, "session": ["CREATE TEMP TABLE scratch AS SELECT email AS note FROM customers"]}),
        json!({"sql": "EXECUTE p(1)", "session": ["PREPARE p(int) AS SELECT token FROM api_keys WHERE id = $1"]}),
        json!({"sql": "FETCH ALL FROM c", "session": ["BEGIN", "DECLARE c CURSOR FOR SELECT sku FROM products"]}),
    ]);
    let direct: Vec<_> = answers
        .iter()
        .map(|answer| answer["outputs"][0]["columns"][0]["direct"][0].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        direct,
        [
            "public.scratch.note",
            "other.scratch.note",
            "other.scratch.note",
            "public.scratch.note",
            "public.scratch.note",
            "public.customers.email",
            "public.api_keys.token",
            "public.products.sku",
        ],
        "{answers:#?}"
    );
    assert_eq!(answers[6]["indirect"], json!(["public.api_keys.id"]));
}

#[test]
fn no_statement_of_the_input_is_executed() {
    let shop = Shop::start();
    let writes = [
        "DELETE FROM scratch",
        "DROP TABLE scratch",
        "INSERT INTO scratch VALUES (900, 'x'); COMMIT",
        "CREATE TABLE made (a int)",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity",
    ];
    let questions: Vec<Value> = writes.iter().map(|sql| json!({"sql": sql, "session": writes})).collect();
    shop.answers(&questions);
    assert_eq!(shop.postgres.sql("shop", "SELECT count(*), to_regclass('made') FROM scratch"), "20|");
}

#[test]
fn answers_stream_and_a_reader_that_goes_away_ends_it_quietly() {
    let shop = Shop::start();
    let mut command = command(&shop.url(), &[]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut ask = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe"));
    for id in 0..3 {
        // The next question is asked when the last is answered.
        writeln!(ask, "{}", json!({"id": id, "sql": "SELECT note FROM scratch"})).expect("it reads");
        let mut line = String::new();
        answers.read_line(&mut line).expect("an answer");
        let answer: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(answer["id"], id);
    }
    drop(answers);
    // It may end at any of these.
    for _ in 0..1_000 {
        if writeln!(ask, "{}", json!({"sql": "SELECT note FROM scratch"})).is_err() {
            break;
        }
    }
    drop(ask);
    let ended = child.wait_with_output().expect("our own child");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_dsn_is_read_as_libpq_reads_it_and_the_way_is_checked() {
    let shop = Shop::start();
    let port = shop.postgres.port().to_string();
    let authority = shop.postgres.authority().display().to_string();
    let question = "{\"sql\": \"SELECT note FROM scratch\"}\n";
    let account = [("PGPASSWORD", AGENT_PASSWORD), ("PGSSLROOTCERT", authority.as_str())];
    let uri = format!("postgresql://{AGENT_USER}@localhost:{port}/shop?sslmode=verify-full");
    let pairs = format!("host=127.0.0.1 port={port} user={AGENT_USER} dbname=shop sslmode=require");
    for dsn in [&uri, &pairs] {
        let answer = analyze(dsn, &account, question).good();
        assert!(answer.contains("public.scratch.note"), "{answer}");
    }
    let failing = [
        // The server lets this account in only over TLS, and the loopback is plain unless asked.
        (uri.replace("verify-full", "prefer"), vec![("PGPASSWORD", AGENT_PASSWORD)], 7),
        (uri.clone(), vec![("PGPASSWORD", AGENT_PASSWORD)], 7),
        (uri.clone(), vec![("PGPASSWORD", "wrong"), ("PGSSLROOTCERT", authority.as_str())], 7),
        (format!("postgresql://postgres@127.0.0.1:{}/shop", free_port()), vec![], 7),
        (format!("postgresql://postgres@127.0.0.1:{port}/no_such_database"), vec![], 7),
        ("mysql://root@127.0.0.1/shop".to_owned(), vec![], 2),
        (format!("{uri}&options=-csearch_path%3Dx"), account.to_vec(), 2),
    ];
    for (dsn, variables, code) in failing {
        let failed = analyze(&dsn, &variables, question);
        assert_eq!((failed.code, failed.stdout.as_str()), (code, ""), "{dsn}: {}", failed.stderr);
        assert!(
            failed.stderr.starts_with("error: ") && failed.stderr.contains("next: "),
            "{}",
            failed.stderr
        );
        assert!(!failed.stderr.contains(AGENT_PASSWORD) && !failed.stderr.contains("wrong"));
    }
}
