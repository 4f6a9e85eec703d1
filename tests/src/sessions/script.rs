//! Random sequences of statements that change what names mean.

use crate::fuzz::Generator;

/// Schemas, relations and roles that every sequence begins with.
pub const WORLD: &str = "
    SET client_min_messages = error;
    DROP SCHEMA IF EXISTS a, b, c, postgres, robert, \"C\", public CASCADE;
    CREATE SCHEMA a; CREATE SCHEMA b; CREATE SCHEMA public; CREATE SCHEMA \"C\"; CREATE SCHEMA robert;
    CREATE TABLE public.t (i int, n text); CREATE TABLE a.t (i int, a text); CREATE TABLE b.t (i int, b text);
    CREATE TABLE a.u (x int, y int); CREATE TABLE public.u (z text); CREATE TABLE \"C\".t (big int);
    CREATE VIEW b.v AS SELECT i, b FROM b.t; CREATE VIEW public.v AS SELECT z FROM public.u;
    DO $$ BEGIN CREATE ROLE robert; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
    GRANT USAGE ON SCHEMA a, robert, public TO robert;";

/// Names that are looked up.
pub const NAMES: [&str; 4] = ["t", "u", "v", "w"];

/// Which statements a sequence may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statements {
    /// Search path and transactions.
    Settings,
    /// Tables and views as well.
    Relations,
    /// Roles and code as well.
    Everything,
}

/// What is sent before the answer is awaited.
#[derive(Debug, Clone)]
pub enum Message {
    /// Simple queries, each of several statements, all sent at once.
    Simple(Vec<Vec<String>>),
    /// Pipelines that end in Sync, all sent at once.
    Extended(Vec<Vec<String>>),
}

impl Message {
    /// The statements, in groups that end with ReadyForQuery.
    #[must_use]
    pub fn groups(&self) -> &[Vec<String>] {
        let (Self::Simple(groups) | Self::Extended(groups)) = self;
        groups
    }
}

/// The next message.
pub fn message(generator: &mut Generator, statements: Statements) -> Message {
    let groups = if generator.below(5) == 0 { 2 + generator.below(2) } else { 1 };
    let extended = generator.below(3) == 0;
    let groups = (0..groups).map(|_| {
        let length = if generator.below(2) == 0 { 1 } else { 1 + generator.below(4) };
        (0..length).map(|_| statement(generator, statements)).collect()
    });
    let groups = groups.collect();
    if extended { Message::Extended(groups) } else { Message::Simple(groups) }
}

fn pick(generator: &mut Generator, from: &[&str]) -> String {
    from[generator.below(from.len())].to_owned()
}

fn schema(generator: &mut Generator) -> String {
    pick(generator, &["a", "b", "c", "public", "\"C\"", "nowhere", "\"$user\"", "pg_catalog", "pg_temp"])
}

fn list(generator: &mut Generator) -> String {
    let names: Vec<_> = (0..=generator.below(3)).map(|_| schema(generator)).collect();
    names.join(", ")
}

fn quoted_list(generator: &mut Generator) -> String {
    pick(generator, &["'a'", "'a, b'", "'C'", "''", "'a', 'b'", "b, 'a'", "A", "1, a", "'nowhere', public"])
}

fn statement(generator: &mut Generator, statements: Statements) -> String {
    match generator.below(20) {
        0..=5 => setting(generator),
        6..=11 => transaction(generator),
        12..=17 if statements != Statements::Settings => relation(generator),
        18 if statements == Statements::Everything => pick(
            generator,
            &[
                "SET ROLE robert",
                "SET LOCAL ROLE robert",
                "RESET ROLE",
                "SET ROLE NONE",
                "SET SESSION AUTHORIZATION robert",
                "RESET SESSION AUTHORIZATION",
                "DO 'BEGIN END'",
                "DO $$ BEGIN PERFORM set_config('search_path', 'b', false); END $$",
                "SELECT set_config('search_path', s, false) FROM (VALUES ('a')) x(s)",
                "UPDATE pg_settings SET setting = 'b' WHERE name = 'search_path'",
            ],
        ),
        12..=15 => setting(generator),
        16..=18 => transaction(generator),
        _ => pick(generator, &["SELECT 1", "SELECT 1/0", "SHOW search_path", "SELECT count(*) FROM t"]),
    }
}

fn setting(generator: &mut Generator) -> String {
    let scope = pick(generator, &["", "", "SESSION ", "LOCAL ", "LOCAL "]);
    match generator.below(12) {
        0..=4 => format!("SET {scope}search_path TO {}", list(generator)),
        5 => format!("SET {scope}search_path = {}", quoted_list(generator)),
        6 => format!("SET {scope}search_path TO DEFAULT"),
        7 => format!("SET {scope}SCHEMA 'a'"),
        8 => pick(generator, &["RESET search_path", "RESET ALL", "DISCARD ALL", "DISCARD TEMP"]),
        9 | 10 => {
            let local = pick(generator, &["true", "false", "NULL", "'on'"]);
            format!("SELECT set_config('search_path', '{}', {local})", list(generator))
        }
        _ => pick(
            generator,
            &[
                "PREPARE p AS SELECT set_config('search_path', 'b', false)",
                "EXECUTE p",
                "DEALLOCATE p",
                "SELECT set_config('search_path', NULL, false)",
                "SELECT set_config('search_path', 'a', false) WHERE false",
                "EXPLAIN ANALYZE SELECT set_config('search_path', 'a', false)",
            ],
        ),
    }
}

fn transaction(generator: &mut Generator) -> String {
    pick(
        generator,
        &[
            "BEGIN",
            "BEGIN",
            "START TRANSACTION",
            "COMMIT",
            "COMMIT",
            "ROLLBACK",
            "SAVEPOINT s",
            "SAVEPOINT s",
            "SAVEPOINT r",
            "RELEASE s",
            "RELEASE r",
            "ROLLBACK TO s",
            "ROLLBACK TO s",
            "ROLLBACK TO r",
            "COMMIT AND CHAIN",
            "ROLLBACK AND CHAIN",
        ],
    )
}

fn relation(generator: &mut Generator) -> String {
    let name = pick(generator, &["t", "u", "v", "w", "a.w", "pg_temp.t", "public.u"]);
    let plain = pick(generator, &NAMES);
    let number = generator.below(1000);
    match generator.below(24) {
        0..=3 => {
            let end = pick(generator, &["", "", "", " ON COMMIT DROP", " ON COMMIT DELETE ROWS"]);
            format!("CREATE TEMP TABLE {plain} (k{number} int, m serial){end}")
        }
        4 | 5 => format!("CREATE TABLE {name} (k{number} int, l text DEFAULT 'x')"),
        6 => format!("CREATE TABLE IF NOT EXISTS {name} (k{number} int)"),
        7 => format!("CREATE TABLE {name} (LIKE t, k{number} int)"),
        8 => format!("CREATE TEMP TABLE {plain} AS SELECT * FROM t"),
        9 => format!("SELECT 1 AS k{number}, 'x' AS o INTO {name}"),
        10 => format!("CREATE OR REPLACE VIEW {name} AS SELECT 1 AS k{number}"),
        11 => format!("CREATE VIEW {name} (q) AS SELECT * FROM t"),
        12 => format!("ALTER TABLE {name} ADD COLUMN k{number} int"),
        13 => format!("ALTER TABLE {name} ADD COLUMN IF NOT EXISTS i int, DROP COLUMN IF EXISTS n"),
        14 => format!("ALTER TABLE {name} RENAME COLUMN i TO k{number}"),
        15 => format!("ALTER TABLE {name} RENAME TO {plain}"),
        16 => format!("ALTER TABLE {name} SET SCHEMA {}", pick(generator, &["a", "b", "c", "public"])),
        17 => format!("ALTER TABLE IF EXISTS {name} ALTER i TYPE bigint"),
        18 | 19 => format!("DROP TABLE IF EXISTS {name} CASCADE"),
        20 => format!("DROP VIEW {name}"),
        21 => {
            pick(generator, &["CREATE SCHEMA c", "CREATE SCHEMA IF NOT EXISTS c CREATE TABLE t (of_c int)"])
        }
        22 => {
            pick(generator, &["DROP SCHEMA c CASCADE", "DROP SCHEMA b CASCADE", "ALTER SCHEMA b RENAME TO c"])
        }
        _ => format!("INSERT INTO {plain} SELECT * FROM {name}"),
    }
}
