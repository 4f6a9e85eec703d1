//! Secrets in statements: a password in `ALTER USER`, a key in a literal, a token in a URL. The database gets
//! them; no log, no trace, no index, no sink and no answer to others does.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    process,
    world::World,
};
use tokio_postgres::NoTls;

/// Everything that a secret can stand in. `{}` is the secret: letters and digits, so that it is a word, a
/// part of a URL and a part of a text.
const STATEMENTS: &[&str] = &[
    "CREATE ROLE somebody LOGIN PASSWORD '{}'",
    "ALTER USER postgres PASSWORD '{}'",
    "ALTER ROLE postgres WITH ENCRYPTED PASSWORD '{}' VALID UNTIL 'infinity'",
    "ALTER USER postgres SET myapp.token = '{}'",
    "ALTER SYSTEM SET primary_conninfo = 'host=replica password={}'",
    "ALTER DATABASE bench SET myapp.token TO '{}'",
    "SET myapp.token = '{}'",
    "SET myapp.token = {}",
    "SET LOCAL myapp.token TO {}",
    "SET application_name = '{}'",
    "SELECT set_config('myapp.token', '{}', false)",
    // A literal that is the name of something, or should be.
    "SELECT set_config('{}', 'x', false)",
    "SELECT set_config('myapp.{}', '{}', false)",
    "SELECT current_setting('{}', true), current_setting('connect_mask.{}', true)",
    "SET search_path TO '{}'; SELECT * FROM nowhere",
    "RESET search_path",
    "SET ROLE '{}'",
    "SET SESSION AUTHORIZATION '{}'",
    "SET TIME ZONE '{}'",
    "SELECT nextval('{}'), currval('{}'), '{}'::regclass, to_regclass('{}'), '{}'::regtype",
    "SELECT has_table_privilege('{}', 'notes', '{}'), has_column_privilege('notes', '{}', 'SELECT')",
    "SELECT pg_get_viewdef('{}'), pg_get_serial_sequence('notes', '{}'), col_description('{}'::regclass, 1)",
    "SELECT pg_read_file('/tmp/{}'), lo_import('/tmp/{}')",
    "SELECT query_to_xml('SELECT ''{}''', true, false, '')",
    "SELECT * FROM xmltable('/{}' PASSING '<a/>' COLUMNS a text PATH '{}')",
    "SELECT '{}'::jsonb @? '$.{}', '{}'::json #> ARRAY['{}'], to_tsvector('{}', 'x')",
    "CREATE TABLE made3 (a text) WITH (fillfactor = '{}')",
    "PREPARE TRANSACTION '{}'",
    "CREATE EVENT TRIGGER t ON ddl_command_start WHEN TAG IN ('{}') EXECUTE FUNCTION nothing()",
    "SELECT '{}'",
    "SELECT E'{}\\n', U&'{}', $${}$$, $x${}$x$, N'{}'",
    "SELECT 1 -- {}",
    "/* {} */ SELECT 1 /* {} */",
    "SELECT * FROM notes WHERE body = '{}' OR body LIKE '%{}%' OR body ~ '{}'",
    "SELECT * FROM notes WHERE body IN ('a', '{}', 'c', 'd', 'e', '{}')",
    "SELECT 'https://user:{}@example.com/?token={}'::text",
    "SELECT ARRAY['{}'], ROW('{}'), '{\"key\": \"{}\"}'::jsonb ->> 'key', '{}'::bytea",
    "SELECT CASE WHEN '{}' = body THEN '{}' ELSE body END AS x FROM notes LIMIT 1",
    "SELECT count(*) FILTER (WHERE body = '{}') OVER (PARTITION BY body || '{}') FROM notes",
    "WITH w AS (SELECT '{}'::text AS t) SELECT * FROM w UNION SELECT '{}'",
    "VALUES ('{}')",
    "SELECT 1/length('{}') + '{}'::int",
    "SELECT xmlparse(CONTENT '{}'), date '{}'",
    "SELECT interval '{}'",
    "INSERT INTO notes VALUES (1, '{}') ON CONFLICT (id) DO UPDATE SET body = '{}'",
    "INSERT INTO notes SELECT 2, '{}' RETURNING body || '{}'",
    "UPDATE notes SET body = '{}' WHERE id = 1 AND body <> '{}'",
    "DELETE FROM notes WHERE body = '{}'",
    "MERGE INTO notes n USING (SELECT 3 AS id, '{}' AS b) s ON n.id = s.id \
     WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.b || '{}')",
    "COPY (SELECT '{}') TO STDOUT",
    "COPY notes FROM PROGRAM 'curl https://user:{}@example.com'",
    "COPY notes TO '/tmp/{}'",
    "COPY notes FROM STDIN WITH (DELIMITER '{}')",
    "PREPARE p AS SELECT '{}'",
    "EXECUTE p('{}')",
    "PREPARE q(text) AS SELECT $1; EXECUTE q('{}')",
    "BEGIN; DECLARE c CURSOR FOR SELECT '{}'; FETCH c; COMMIT",
    "EXPLAIN SELECT '{}'",
    "EXPLAIN (ANALYZE) SELECT '{}'",
    "DO $$ BEGIN PERFORM '{}'; END $$",
    "CALL nothing('{}')",
    "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT '{}' $$",
    "CREATE FUNCTION g() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN ''{}''; END'",
    "CREATE TABLE made (a text DEFAULT '{}' CHECK (a <> '{}'))",
    "CREATE TABLE made2 AS SELECT '{}' AS a",
    "CREATE VIEW seen AS SELECT '{}' AS a",
    "CREATE MATERIALIZED VIEW seen2 AS SELECT '{}' AS a",
    "CREATE INDEX ON notes ((body || '{}')) WHERE body <> '{}'",
    "CREATE TYPE mood AS ENUM ('{}')",
    "CREATE DOMAIN word AS text CHECK (VALUE <> '{}')",
    "CREATE POLICY mine ON notes USING (body = '{}')",
    "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{}')",
    "CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'u', password '{}')",
    "ALTER USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (SET password '{}')",
    "CREATE SUBSCRIPTION sub CONNECTION 'host=h password={}' PUBLICATION p",
    "ALTER SUBSCRIPTION sub CONNECTION 'host=h password={}'",
    "SELECT * FROM dblink('host=h password={}', 'SELECT 1') AS t(a int)",
    "COMMENT ON TABLE notes IS '{}'",
    "SECURITY LABEL FOR x ON TABLE notes IS '{}'",
    "NOTIFY channel, '{}'",
    "SELECT pg_notify('channel', '{}')",
    "COMMIT PREPARED '{}'",
    "BEGIN; SAVEPOINT s; ROLLBACK TO s; COMMIT; SELECT '{}'",
    "SELECT 1; SELECT '{}'; SELECT 2",
    "LOCK notes; SELECT '{}'",
    "IMPORT FOREIGN SCHEMA s FROM SERVER far INTO public OPTIONS (token '{}')",
    "CREATE EXTENSION nothing VERSION '{}'",
    "CREATE TABLESPACE t LOCATION '/tmp/{}'",
    "LOAD '{}'",
    // What no parser takes.
    "SELEC '{}'",
    "SELECT 'unterminated {}",
    "SELECT $$unterminated {}",
    "CREATE ROLE x PASSWORD {}",
    "ALTER USER postgres WITH PASSWORD '{}' NONSENSE '{}'",
    "/* unterminated {}",
    "\\u0027 {}",
];

/// Secrets in number, so that a finding says where it came from. None is a word of anything else.
#[derive(Default)]
struct Secrets(BTreeMap<String, String>);

impl Secrets {
    fn fresh(&mut self, place: &str) -> String {
        let secret = format!("zq{:04}wvxkj", self.0.len());
        self.0.insert(secret.clone(), place.to_owned());
        secret
    }

    fn fill_in(&mut self, template: &str) -> String {
        let secret = self.fresh(template);
        template.replace("{}", &secret)
    }

    fn assert_none_in(&self, place: &str, bytes: &[u8]) {
        // One pass over the bytes: all secrets begin alike.
        for at in memchr(bytes) {
            let found = bytes.get(at..at + 11).and_then(|found| std::str::from_utf8(found).ok());
            if let Some(statement) = found.and_then(|found| self.0.get(found)) {
                let around = &bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())];
                panic!("the secret of `{statement}` is in {place}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

fn memchr(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    bytes.windows(2).enumerate().filter(|(_, pair)| *pair == b"zq").map(|(at, _)| at)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        let kind = file.file_type().expect("a kind");
        if kind.is_dir() {
            found.extend(files_below(&file.path()));
        } else if kind.is_file() {
            found.push(file.path());
        }
    }
    found
}

/// As statements of their own, by the simple protocol and, where it takes them, by the extended one.
async fn send_all(url: String, statements: Vec<String>, binds: Vec<String>) -> usize {
    let connect = || async {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client
    };
    let (mut client, mut done) = (connect().await, 0);
    for (number, sql) in statements.iter().enumerate() {
        if client.is_closed() {
            client = connect().await;
        }
        let answered = match number % 2 {
            0 => client.batch_execute(sql).await,
            _ => client.execute(sql.as_str(), &[]).await.map(|_| ()),
        };
        done += usize::from(answered.is_ok());
        let _ended = client.batch_execute("ROLLBACK").await;
    }
    for bind in binds {
        if client.is_closed() {
            client = connect().await;
        }
        done += usize::from(client.query("SELECT $1::text", &[&bind]).await.is_ok());
        let _refused = client.query("SELECT * FROM notes WHERE body = $1 FOR UPDATE", &[&bind]).await;
        let _fails = client.query("SELECT ($1::text)::int", &[&bind]).await;
        let _write = client.execute("UPDATE notes SET body = $1 WHERE id = 1", &[&bind]).await;
    }
    done
}

#[test]
fn secrets_in_statements_and_requests_are_in_no_log_trace_index_or_sink_and_in_no_answer_to_others() {
    let mut world = World::start_with(&AgentOptions {
        log: "[[log.sink]]\nname = \"entries\"\nfile = \"{folder}/entries.jsonl\"\nformat = \"entries\"\n\
              [[log.sink]]\nname = \"ocsf\"\nfile = \"{folder}/ocsf.jsonl\"",
        says: "trace",
        ..AgentOptions::default()
    });
    world
        .postgres
        .sql("bench", "CREATE TABLE notes (id int PRIMARY KEY, body text); GRANT ALL ON notes TO PUBLIC");
    let (ana, sam) = (world.person("ana"), world.person("sam"));
    let mut secrets = Secrets::default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    for resource in [BENCH, SHOP] {
        let tunnel = ana.open(resource);
        let statements: Vec<String> = STATEMENTS.iter().map(|text| secrets.fill_in(text)).collect();
        let binds = (0..3).map(|_| secrets.fresh("a bind")).collect();
        let done = runtime.block_on(send_all(tunnel.url(), statements, binds));
        assert!(done > 5, "{done} statements ran at {resource}");

        // Rows of COPY, what a client says of itself, and its own command line.
        let copied = format!("COPY notes FROM STDIN;\n77\t{}\n\\.\n", secrets.fresh("a row of COPY"));
        let _by_policy = tunnel.psql(&copied);
        let mut psql = tunnel.client("psql");
        let options = format!("-c myapp.token={}", secrets.fresh("startup options"));
        psql.env("PGOPTIONS", options).env("PGPASSWORD", secrets.fresh("a password that nobody asked for"));
        psql.env("PGAPPNAME", secrets.fresh("application_name")).args(["-Xc", "SELECT 1"]);
        let _refused = process::run(&mut psql);
        let said = tunnel.process().transcript();
        secrets.assert_none_in("what `connect open` says", said.as_bytes());
    }
    for text in ["SELECT '{}'", "ALTER USER x PASSWORD '{}'", "SELEC '{}'", "SELECT 'unterminated {}"] {
        let explained = ana.runs(&["explain", BENCH, &secrets.fill_in(text)]);
        assert!(explained.code < 10, "{}", explained.stderr);
    }
    let looked_for = secrets.fresh("the text of a search");
    ana.runs(&["history", "--text", &looked_for]).good();
    let url = world.agent.url();
    for path in ["/v1/agent?token={}", "/log/checkpoint?key={}", "/v1/receipts/last?connection={}", "/{}"] {
        let mut curl = std::process::Command::new(connect_tests::place::installed("curl"));
        let bearer = format!("Authorization: Bearer {}", secrets.fresh("a bearer token"));
        curl.args(["-sk", "-H", &bearer, &format!("{url}{}", secrets.fill_in(path))]);
        process::run(&mut curl).good();
    }

    // Others see what ran, and none of its secrets.
    let seen = [
        sam.runs(&["audit", "search", "--limit", "1000", "-o", "json"]).good(),
        sam.runs(&["audit", "search", "--limit", "1000", "--format", "ocsf"]).good(),
        sam.runs(&["audit", "search", "--limit", "1000"]).good(),
        ana.runs(&["history", "--limit", "1000", "-o", "json"]).good(),
    ];
    assert!(seen[0].contains("PASSWORD") || seen[0].contains("password"), "the statements are there");
    for shown in &seen {
        secrets.assert_none_in("what was searched", shown.as_bytes());
    }
    world.agent.stop();
    let said = world.agent.process().transcript();
    assert!(said.len() > 10_000, "it traced");
    secrets.assert_none_in("what the agent says", said.as_bytes());
    let folder = world.agent.config().with_file_name("");
    let files = files_below(&folder);
    let is_there = |name: &str| files.iter().any(|file| file.ends_with(name));
    assert!(is_there("entries.jsonl") && is_there("ocsf.jsonl") && is_there("search.sqlite"), "{files:?}");
    assert!(fs::read_to_string(folder.join("entries.jsonl")).is_ok_and(|text| text.contains("denial")));
    let homes = [&ana, &sam].map(|person| files_below(&person.home().join("connect")));
    for file in files.iter().chain(homes.iter().flatten()) {
        let bytes = fs::read(file).expect("a file");
        secrets.assert_none_in(&file.display().to_string(), &bytes);
    }
}

#[test]
fn the_search_for_secrets_finds_one_where_there_is_one() {
    let mut secrets = Secrets::default();
    let text = secrets.fill_in("SELECT '{}'");
    let found = std::panic::catch_unwind(|| secrets.assert_none_in("a text", text.as_bytes()));
    let words = found.expect_err("it is there");
    assert!(words.downcast_ref::<String>().is_some_and(|words| words.contains("is in a text")));
}
