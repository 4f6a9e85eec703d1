//! Dumps: pg_restore, psql with a large file, and what pg_dump and tools for whole servers are told.

use std::{fs, time::Duration};

use connect_tests::{
    agent::{AgentOptions, BENCH, SHOP},
    canary, place,
    postgres::{ADMINISTRATOR, AGENT_USER, Version},
    process,
    tunnel::{self, Tunnel},
    world::World,
};

/// What these tests make is nobody's secret.
fn unprotected() -> World {
    unprotected_on(None)
}

fn unprotected_on(version: Option<Version>) -> World {
    let bench_labels = "\"inventory.*\" = \"clear\"\n\"public.large.*\" = \"clear\"";
    World::start_on(version, &AgentOptions { bench_labels, ..AgentOptions::default() })
}

/// Servers that the installed `pg_dump` can dump: it refuses those that are newer than itself.
fn dumped() -> impl Iterator<Item = World> {
    let versions = Version::each().into_iter().filter(|version| *version != Some(Version::Eighteen));
    versions.map(unprotected_on)
}

const PATIENCE: Duration = Duration::from_secs(300);

/// Objects of many kinds, without what a development database refuses: code that is not understood.
const OBJECTS: &str = "
CREATE SCHEMA inventory;
CREATE TYPE inventory.state AS ENUM ('new', 'used', 'broken');
CREATE DOMAIN inventory.amount AS integer CHECK (VALUE >= 0);
CREATE SEQUENCE inventory.numbers START 100;
CREATE TABLE inventory.item (
  id serial PRIMARY KEY, number integer DEFAULT nextval('inventory.numbers') UNIQUE, name varchar(40) NOT NULL,
  state inventory.state DEFAULT 'new', amount inventory.amount, at timestamptz DEFAULT '2024-01-01 00:00:00+00',
  price numeric(10,2), gross numeric GENERATED ALWAYS AS (price * 1.2) STORED, marks text[], about jsonb, raw bytea
);
COMMENT ON TABLE inventory.item IS 'what there is';
CREATE INDEX item_state ON inventory.item (state) WHERE state <> 'broken';
CREATE INDEX item_about ON inventory.item USING gin (about);
CREATE TABLE inventory.move (
  id bigint GENERATED ALWAYS AS IDENTITY, item_id integer REFERENCES inventory.item ON DELETE CASCADE, by integer,
  at date NOT NULL
) PARTITION BY RANGE (at);
CREATE TABLE inventory.move_old PARTITION OF inventory.move FOR VALUES FROM ('2000-01-01') TO ('2024-01-01');
CREATE TABLE inventory.move_new PARTITION OF inventory.move DEFAULT;
CREATE VIEW inventory.stock AS SELECT i.name, sum(m.by) AS total FROM inventory.item i JOIN inventory.move m ON m.item_id = i.id GROUP BY i.name;
CREATE MATERIALIZED VIEW inventory.names AS SELECT DISTINCT name FROM inventory.item;
INSERT INTO inventory.item (name, state, amount, price, marks, about, raw)
SELECT 'item ' || g || E' \\\\ \\t tab', (ARRAY['new','used','broken'])[1 + g % 3]::inventory.state, g, g * 1.1, ARRAY['a', NULL, g::text],
       jsonb_build_object('n', g, 'text', repeat('x', g % 50)), decode(md5(g::text), 'hex') FROM generate_series(1, 20000) g;
INSERT INTO inventory.move (item_id, by, at) SELECT 1 + g % 20000, g % 7 - 3, date '2020-01-01' + g % 2000 FROM generate_series(1, 20000) g;
REFRESH MATERIALIZED VIEW inventory.names;
";

/// Data and definitions, in an order that does not depend on how they came there.
const EVERYTHING: &str = "
SELECT md5(string_agg(i::text, ',' ORDER BY id)) FROM inventory.item i;
SELECT md5(string_agg(m::text, ',' ORDER BY id)) FROM inventory.move m;
SELECT count(*), sum(total) FROM inventory.stock;
SELECT count(*) FROM inventory.names;
SELECT relname, relkind FROM pg_class WHERE relnamespace = 'inventory'::regnamespace ORDER BY 1;
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'inventory'::regnamespace ORDER BY 1;
SELECT nextval('inventory.numbers');
";

#[test]
fn a_dump_restores_through_the_tunnel_in_every_way() {
    for world in dumped() {
        let tunnel = world.person("li").open(BENCH);
        world.postgres.sql("bench", &format!("SET ROLE {AGENT_USER};\n{OBJECTS}"));
        let before = world.postgres.sql("bench", EVERYTHING);
        let file = world.folder().join("inventory.dump");
        let file = file.to_str().expect("a path in letters");
        let pg_dump = place::installed("pg_dump");
        let mut dump = tunnel::client(&pg_dump, world.postgres.port(), "bench", world.folder());
        dump.env("PGUSER", ADMINISTRATOR).args(["-n", "inventory", "-Fc", "-f", file]);
        process::run_with(&mut dump, "", PATIENCE).good();
        for arguments in [&[][..], &["--single-transaction"], &["-j", "2"]] {
            world.postgres.sql("bench", "DROP SCHEMA inventory CASCADE");
            let mut restore = tunnel.client("pg_restore");
            restore.args(["-d", "bench", "--exit-on-error", "--no-owner"]).args(arguments).arg(file);
            let finished = process::run_with(&mut restore, "", PATIENCE);
            assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{arguments:?}");
            assert_eq!(world.postgres.sql("bench", EVERYTHING), one_more(&before), "{arguments:?}");
        }
    }
}

#[test]
fn pg_dump_through_the_tunnel_gives_what_it_gives_without_us() {
    for world in dumped() {
        let tunnel = world.person("li").open(BENCH);
        world.postgres.sql("bench", &format!("SET ROLE {AGENT_USER};\n{OBJECTS}"));
        world.postgres.admit(&format!(
            "hostnossl bench {AGENT_USER} 127.0.0.1/32 trust\nhostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"
        ));
        for arguments in [&["-n", "inventory"][..], &["-n", "inventory", "--inserts", "-a"], &["-s"]] {
            let mut ours = tunnel.client("pg_dump");
            let ours = process::run_with(ours.args(arguments), "", PATIENCE);
            assert_eq!((ours.code, ours.stderr.as_str()), (0, ""), "{arguments:?}");
            let pg_dump = place::installed("pg_dump");
            let mut direct = tunnel::client(&pg_dump, world.postgres.port(), "bench", world.folder());
            direct.env("PGUSER", AGENT_USER).env("PGSSLMODE", "disable").args(arguments);
            let direct = process::run_with(&mut direct, "", PATIENCE).good();
            let other =
                without_key(&ours.stdout).zip(without_key(&direct)).find(|(ours, theirs)| ours != theirs);
            assert_eq!((other, ours.stdout.lines().count()), (None, direct.lines().count()), "{arguments:?}");
            assert!(ours.stdout.contains("CREATE TABLE inventory.item") || arguments.contains(&"-a"));
        }
    }
}

#[test]
fn who_may_only_read_dumps_a_schema_and_takes_no_lock_but_that_of_a_read() {
    for world in World::on_each_server() {
        world.postgres.admit(&format!(
            "hostnossl shop {AGENT_USER} 127.0.0.1/32 trust\nhostssl all {AGENT_USER} 127.0.0.1/32 scram-sha-256"
        ));
        let ana = world.person("ana").open(SHOP);
        dumps_as_direct(&world, &ana);
        locks_as_a_read(&ana);
    }
}

fn dumps_as_direct(world: &World, ana: &Tunnel) {
    let mut ours = ana.client("pg_dump");
    let ours = process::run_with(ours.arg("-s"), "", PATIENCE);
    let pg_dump = place::installed("pg_dump");
    let mut direct = tunnel::client(&pg_dump, world.postgres.port(), "shop", world.folder());
    direct.env("PGUSER", AGENT_USER).env("PGSSLMODE", "disable").arg("-s");
    let direct = process::run_with(&mut direct, "", PATIENCE);
    // One that is older than the server gives up on both ways.
    assert_eq!((ours.code, &ours.stderr), (direct.code, &direct.stderr));
    assert!(direct.code == 0 || direct.stderr.contains("server version mismatch"), "{}", direct.stderr);
    let other =
        without_key(&ours.stdout).zip(without_key(&direct.stdout)).find(|(ours, theirs)| ours != theirs);
    assert_eq!((other, ours.stdout.lines().count()), (None, direct.stdout.lines().count()));
}

fn locks_as_a_read(ana: &Tunnel) {
    let taken = "SELECT string_agg(DISTINCT relation::regclass || ' ' || mode, ', ') FROM pg_locks \
                 WHERE pid = pg_backend_pid() AND relation::regclass::text IN ('products', 'orders', 'customers')";
    let locked = |lock: &str| ana.psql(&format!("BEGIN; LOCK TABLE {lock};\n{taken};\nROLLBACK;"));
    let read = locked("products, ONLY customers, order_totals IN ACCESS SHARE MODE NOWAIT");
    let modes = "customers AccessShareLock, orders AccessShareLock, products AccessShareLock";
    assert_eq!((read.stdout.trim(), read.stderr.as_str()), (modes, ""));
    for lock in [
        "products",
        "products IN ROW SHARE MODE",
        "products IN ROW EXCLUSIVE MODE",
        "products IN SHARE UPDATE EXCLUSIVE MODE",
        "products IN SHARE MODE",
        "products IN SHARE ROW EXCLUSIVE MODE",
        "ONLY products, orders IN EXCLUSIVE MODE",
        "products IN ACCESS EXCLUSIVE MODE NOWAIT",
        "products, nowhere IN ACCESS SHARE MODE",
    ] {
        let refused = locked(lock);
        assert_eq!(refused.stdout, "", "{lock}: no lock, and a transaction that failed");
        assert!(refused.stderr.starts_with("ERROR:"), "{lock}: {}", refused.stderr);
    }
}

/// Lines that are another in each dump.
fn without_key(dump: &str) -> impl Iterator<Item = &str> {
    dump.lines().filter(|line| !line.contains("restrict "))
}

#[test]
fn a_dump_of_what_is_protected_has_masks_and_no_secrets_of_foreign_servers() {
    let world = World::start();
    world.postgres.sql(
        "shop",
        &format!(
            "CREATE EXTENSION postgres_fdw;
             CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'zqhiddenzq');
             CREATE USER MAPPING FOR {AGENT_USER} SERVER far OPTIONS (password 'zqsecretzq')"
        ),
    );
    let tunnel = world.person("li").open(SHOP);
    let mut dump = tunnel.client("pg_dump");
    let finished = process::run_with(dump.args(["--no-comments"]), "", PATIENCE);
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""));
    assert!(finished.stdout.contains("CREATE SERVER far") && finished.stdout.contains("CREATE USER MAPPING"));
    assert!(!finished.stdout.contains("zqhiddenzq") && !finished.stdout.contains("zqsecretzq"));
    assert!(finished.stdout.contains("@masked.invalid"));
    assert_eq!(canary::found_in(finished.stdout.as_bytes()), None);
}

/// The same state, after one more number was taken from the sequence: a dump keeps the last one.
fn one_more(state: &str) -> String {
    let (rest, number) = state.rsplit_once('\n').expect("several lines");
    let number: u64 = number.parse().expect("a number");
    format!("{rest}\n{}", number + 1)
}

#[test]
fn psql_runs_a_large_file() {
    let world = unprotected();
    let tunnel = world.person("li").open(BENCH);
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    let rows = if full { 2_000_000 } else { 100_000 };
    let mut text =
        String::from("CREATE TABLE large (id integer PRIMARY KEY, note text);\nCOPY large FROM stdin;\n");
    for number in 0..rows {
        text.push_str(&format!("{number}\tnote number {number} of a large file\n"));
    }
    text.push_str("\\.\n");
    for number in 0..2_000 {
        text.push_str(&format!("INSERT INTO large VALUES ({}, 'é{number}');\n", rows + number));
    }
    text.push_str("UPDATE large SET note = note || '!' WHERE id < 1000;\nSELECT count(*), max(length(note)) FROM large;\n");
    let file = world.folder().join("large.sql");
    fs::write(&file, text).expect("a file");
    let mut psql = tunnel.client("psql");
    psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-f"]).arg(&file);
    let finished = process::run_with(&mut psql, "", PATIENCE);
    assert_eq!((finished.code, finished.stderr.as_str()), (0, ""));
    assert!(finished.stdout.starts_with(&format!("{}|", rows + 2_000)), "{}", finished.stdout);
}

#[test]
fn tools_for_replication_and_for_whole_servers_are_told_why_not() {
    let world = World::start();
    let tunnel = world.person("li").open(BENCH);
    let [folder, wal] = ["backup", "wal"].map(|name| world.folder().join(name));
    fs::create_dir(&wal).expect("a folder");
    let [folder, wal] = [&folder, &wal].map(|path| path.to_str().expect("a path in letters"));
    for (program, arguments) in [
        ("pg_basebackup", &["-D", folder][..]),
        ("pg_recvlogical", &["-d", "bench", "-S", "slot", "--start", "-f", "-"]),
        ("pg_receivewal", &["-n", "-D", wal]),
    ] {
        let mut command = tunnel.client(program);
        command.args(arguments);
        let finished = process::run_with(&mut command, "", process::PATIENCE);
        assert_ne!(finished.code, 0, "{program}");
        assert!(finished.stderr.contains("replication"), "{program}: {}", finished.stderr);
        assert!(!finished.stderr.contains("protocol"), "{program} hears a reason: {}", finished.stderr);
    }
}
