//! The corpus of guardrails on a real server: nothing dangerous takes effect, whatever it hides in, and nothing
//! harmless is stopped. `corpora/guardrails` has a conversation a line: messages are separated by `;;`, and `⏎`
//! is a line break.

use connect_tests::{agent::SHOP, tunnel::Tunnel, world::World};
use futures_util::TryStreamExt as _;
use tokio_postgres::{Client, Config, NoTls, types::ToSql};

const DANGEROUS: &str = include_str!("../corpora/guardrails/dangerous.txt");
const HARMLESS: &str = include_str!("../corpora/guardrails/harmless.txt");

/// Everything that could be changed: rows, objects, rights, settings, files, and whether somebody was cut off.
const STATE: &str = "
SELECT md5(string_agg(part, E'\\n' ORDER BY part)) FROM (
  SELECT format('%s %s', c.oid::regclass, query_to_xml(format('SELECT * FROM %s t ORDER BY t::text', c.oid::regclass), true, true, '')) AS part
    FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.relnamespace = 'public'::regnamespace
  UNION ALL SELECT format('class %s', c) FROM (SELECT oid, relname, relnamespace, relowner, relkind, relacl, relrowsecurity, reloptions, relpersistence, relreplident FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_') c
  UNION ALL SELECT format('column %s', a) FROM (SELECT attrelid, attname, atttypid, attnotnull, attisdropped, attacl FROM pg_attribute WHERE attrelid >= 16384 AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace::regnamespace::text !~ '^pg_')) a
  UNION ALL SELECT format('constraint %s', oid) FROM pg_constraint
  UNION ALL SELECT format('function %s', p) FROM (SELECT oid, proname, prosecdef, prosrc, proacl FROM pg_proc WHERE oid >= 16384 OR proname = 'now') p
  UNION ALL SELECT format('trigger %s %s', oid, tgenabled) FROM pg_trigger
  UNION ALL SELECT format('rule %s', oid) FROM pg_rewrite
  UNION ALL SELECT format('schema %s', n) FROM pg_namespace n WHERE nspname !~ '^pg_'
  UNION ALL SELECT format('type %s', oid) FROM pg_type WHERE typnamespace::regnamespace::text !~ '^pg_'
  UNION ALL SELECT format('role %s', r) FROM pg_authid r
  UNION ALL SELECT format('member %s', m) FROM pg_auth_members m
  UNION ALL SELECT format('database %s', d) FROM (SELECT datname, datdba, datallowconn, datconnlimit, datacl FROM pg_database) d
  UNION ALL SELECT format('setting %s', s) FROM pg_db_role_setting s
  UNION ALL SELECT format('default %s', d) FROM pg_default_acl d
  UNION ALL SELECT format('extension %s', e) FROM pg_extension e
  UNION ALL SELECT format('policy %s', p) FROM pg_policy p
  UNION ALL SELECT format('comment %s', d) FROM pg_description d WHERE objoid >= 16384
  UNION ALL SELECT format('publication %s', p) FROM pg_publication p
  UNION ALL SELECT format('language %s', l) FROM pg_language l
  UNION ALL SELECT format('cast %s', oid) FROM pg_cast WHERE oid >= 16384
  UNION ALL SELECT format('operator %s', oid) FROM pg_operator WHERE oid >= 16384
  UNION ALL SELECT format('large object %s', oid) FROM pg_largeobject_metadata
  UNION ALL SELECT format('slot %s', slot_name) FROM pg_replication_slots
  UNION ALL SELECT format('origin %s', roname) FROM pg_replication_origin
  UNION ALL SELECT format('prepared %s', gid) FROM pg_prepared_xacts
  UNION ALL SELECT format('file %s', f) FROM pg_ls_dir('.') f WHERE f ~ 'pwned'
  UNION ALL SELECT format('file %s', f) FROM pg_ls_dir('/tmp') f WHERE f ~ 'connect-pwned'
  UNION ALL SELECT format('system %s', md5(pg_read_file('postgresql.auto.conf')))
  UNION ALL SELECT format('bystander %s', count(*)) FROM pg_stat_activity WHERE application_name = 'bystander'
) parts";

struct Line<'c> {
    text: &'c str,
    messages: Vec<String>,
}

fn lines(corpus: &str) -> Vec<Line<'_>> {
    let lines = corpus.lines().filter(|line| !line.is_empty() && !line.starts_with("## "));
    lines
        .map(|text| Line {
            text,
            messages: text.split(";;").map(|message| message.trim().replace('⏎', "\n")).collect(),
        })
        .collect()
}

async fn connect(url: &str, name: &str) -> Client {
    let mut config: Config = url.parse().expect("a connection string");
    config.application_name(name);
    let (client, connection) = config.connect(NoTls).await.expect("connected");
    tokio::spawn(connection);
    client
}

async fn state(administrator: &Client) -> String {
    administrator.query_one(STATE, &[]).await.expect("the state").get(0)
}

/// Sends every message; the first error, if there was one.
async fn talk(client: &Client, messages: &[String]) -> Option<String> {
    let mut first = None;
    for message in messages {
        // Behind a result that is copied out comes nothing that a simple query understands.
        let sent = if message.starts_with("COPY") && message.contains("TO STDOUT") {
            match client.copy_out(message).await {
                Ok(rows) => rows.try_for_each(|_| std::future::ready(Ok(()))).await,
                Err(error) => Err(error),
            }
        } else {
            client.simple_query(message).await.map(drop)
        };
        if let Err(error) = sent {
            let words = error.as_db_error().map_or_else(
                || error.to_string(),
                |error| format!("{} {} {:?}", error.code().code(), error.message(), error.detail()),
            );
            first.get_or_insert(words);
        }
    }
    first
}

struct Server {
    _world: World,
    tunnel: Tunnel,
    administrator: Client,
    _bystander: Client,
}

async fn server() -> Server {
    let world = tokio::task::spawn_blocking(World::start).await.expect("a world");
    let li = world.person("li");
    let tunnel = li.open(SHOP);
    let administrator = connect(&world.postgres.url("shop"), "administrator").await;
    let bystander = connect(&world.postgres.url("shop"), "bystander").await;
    Server { _world: world, tunnel, administrator, _bystander: bystander }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_dangerous_takes_effect() {
    let server = server().await;
    let mut before = state(&server.administrator).await;
    let all = lines(DANGEROUS);
    assert!(all.len() >= 250, "{}", all.len());
    let mut wrong = Vec::new();
    for line in &all {
        let client = connect(&server.tunnel.url(), "attacker").await;
        let answer = talk(&client, &line.messages).await;
        drop(client);
        if answer.is_none() {
            wrong.push(format!("not refused: {}", line.text));
        }
        if state(&server.administrator).await != before {
            wrong.push(format!("it took effect: {} ({answer:?})", line.text));
            let again =
                "DELETE FROM scratch; INSERT INTO scratch SELECT g, 'n' || g FROM generate_series(1, 20) g";
            server.administrator.batch_execute(again).await.expect("rows again");
            before = state(&server.administrator).await;
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_make_a_write_unbounded_are_seen_when_they_are_bound() {
    let server = server().await;
    let before = state(&server.administrator).await;
    let (one, two, yes, all, none) = (1_i32, 2_i32, true, "%", "");
    let conversations: [(&str, &[&(dyn ToSql + Sync)]); 14] = [
        ("DELETE FROM scratch", &[]),
        ("DELETE FROM scratch WHERE $1", &[&yes]),
        ("DELETE FROM scratch WHERE $1 = 1", &[&one]),
        ("DELETE FROM scratch WHERE $1::int = $1", &[&one]),
        ("DELETE FROM scratch WHERE $1::int <> $2::int", &[&one, &two]),
        ("DELETE FROM scratch WHERE $1::int < $2::int", &[&one, &two]),
        ("DELETE FROM scratch WHERE $1::int IS NOT NULL", &[&one]),
        ("DELETE FROM scratch WHERE id = $1 OR $2", &[&one, &yes]),
        ("UPDATE scratch SET note = 'x' WHERE $1::int > 0", &[&one]),
        ("UPDATE scratch SET note = 'x' WHERE note LIKE $1", &[&all]),
        ("DELETE FROM scratch WHERE note ILIKE $1", &[&all]),
        ("DELETE FROM scratch WHERE note ~ $1", &[&none]),
        ("DELETE FROM scratch WHERE note SIMILAR TO $1", &[&all]),
        ("WITH d AS (DELETE FROM scratch WHERE $1 RETURNING 1) SELECT 1", &[&yes]),
    ];
    let mut wrong = Vec::new();
    for (text, values) in conversations {
        let client = connect(&server.tunnel.url(), "attacker").await;
        let refused = client.execute(text, values).await.is_err();
        drop(client);
        if !refused || state(&server.administrator).await != before {
            wrong.push(text);
            server.administrator.batch_execute("DELETE FROM scratch; INSERT INTO scratch SELECT g, 'n' || g FROM generate_series(1, 20) g").await.expect("restored");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_harmless_is_stopped() {
    let server = server().await;
    let all = lines(HARMLESS);
    assert!(all.len() >= 150, "{}", all.len());
    let mut wrong = Vec::new();
    for line in &all {
        let client = connect(&server.tunnel.url(), "colleague").await;
        if let Some(error) = talk(&client, &line.messages).await {
            wrong.push(format!("{} ({error})", line.text));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    let (id, note) = (1_i32, "n1%");
    let client = connect(&server.tunnel.url(), "colleague").await;
    for (text, values) in [
        ("DELETE FROM scratch WHERE id = $1", &[&id as &(dyn ToSql + Sync)][..]),
        ("UPDATE scratch SET note = 'x' WHERE note LIKE $1", &[&note]),
        ("UPDATE scratch SET note = 'y' WHERE id = $1 AND note LIKE $2", &[&id, &note]),
    ] {
        client.execute(text, values).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}
