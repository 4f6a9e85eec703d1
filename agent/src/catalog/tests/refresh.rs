//! A reading of what was changed is the same as a reading of everything.

use std::{collections::HashMap, fmt::Debug, hash::Hash, sync::Arc};

use connect_core::catalog::{Catalog, Oid};

use super::{
    super::{
        connection::Connection,
        read::{Found, Reading, follow, read},
    },
    relation,
    server::Server,
};

/// One change after the other; each of them alone must be noticed and read.
const CHANGES: &[&str] = &[
    "CREATE SCHEMA app",
    "CREATE TABLE app.people (id int PRIMARY KEY, mail text NOT NULL, age int DEFAULT 18)",
    "CREATE TABLE app.orders (id int, person int)",
    "CREATE VIEW app.mails AS SELECT mail FROM app.people",
    "CREATE VIEW app.again AS SELECT mail FROM app.mails",
    "ALTER TABLE app.people RENAME TO persons",
    "ALTER TABLE app.persons RENAME COLUMN mail TO email",
    "ALTER TABLE app.persons ADD COLUMN name text",
    "ALTER TABLE app.persons ADD COLUMN low text GENERATED ALWAYS AS (lower(email)) STORED",
    "ALTER TABLE app.persons ALTER COLUMN age TYPE bigint",
    "ALTER TABLE app.persons ALTER COLUMN age SET DEFAULT 21",
    "ALTER TABLE app.persons ALTER COLUMN age DROP DEFAULT",
    "ALTER TABLE app.persons ALTER COLUMN low DROP EXPRESSION",
    "ALTER TABLE app.persons ALTER COLUMN name SET NOT NULL",
    "ALTER TABLE app.persons DROP COLUMN low",
    "CREATE OR REPLACE VIEW app.mails AS SELECT email AS mail, id FROM app.persons WHERE id > 0",
    "CREATE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2'",
    "CREATE OR REPLACE FUNCTION app.twice(n int) RETURNS int LANGUAGE sql AS 'SELECT $1 + $1'",
    "CREATE VIEW app.doubled AS SELECT app.twice(id) AS two FROM app.persons",
    "ALTER FUNCTION app.twice(int) RENAME TO double",
    "ALTER FUNCTION app.double(int) IMMUTABLE",
    "ALTER FUNCTION app.double(int) SET search_path = app",
    "CREATE TYPE app.mood AS ENUM ('well')",
    "CREATE TYPE app.place AS (town text)",
    "ALTER TYPE app.place ADD ATTRIBUTE street text",
    "ALTER TYPE app.place RENAME ATTRIBUTE town TO city",
    "ALTER TYPE app.mood RENAME TO feeling",
    "CREATE DOMAIN app.mail AS text",
    "CREATE VIEW app.felt AS SELECT 'well'::app.feeling AS f, email::app.mail FROM app.persons",
    "ALTER TYPE app.feeling RENAME TO mood",
    "CREATE OPERATOR app.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)",
    "DROP OPERATOR app.=== (int, int)",
    "CREATE FUNCTION app.to_int(app.mood) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE CAST (app.mood AS int) WITH FUNCTION app.to_int(app.mood)",
    "DROP CAST (app.mood AS int)",
    "ALTER TABLE app.orders ADD CONSTRAINT of_person FOREIGN KEY (person) REFERENCES app.persons ON DELETE CASCADE",
    "CREATE UNIQUE INDEX orders_id ON app.orders (id)",
    "ALTER INDEX app.orders_id RENAME TO orders_number",
    "ALTER TABLE app.orders ADD CONSTRAINT orders_key UNIQUE (id, person)",
    "ALTER TABLE app.orders RENAME CONSTRAINT orders_key TO orders_both",
    "ALTER TABLE app.orders DROP CONSTRAINT orders_both",
    "DROP INDEX app.orders_number",
    "ALTER TABLE app.orders DROP CONSTRAINT of_person",
    "CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TRIGGER touched BEFORE UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch()",
    "ALTER TRIGGER touched ON app.orders RENAME TO felt",
    "ALTER TABLE app.orders DISABLE TRIGGER felt",
    "ALTER TABLE app.orders ENABLE TRIGGER felt",
    "CREATE RULE no_insert AS ON INSERT TO app.orders DO ALSO SELECT app.double(id) FROM app.persons",
    "ALTER FUNCTION app.double(int) RENAME TO twice",
    "ALTER RULE no_insert ON app.orders RENAME TO also",
    "DROP RULE also ON app.orders",
    "ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY mine ON app.orders USING (person = 1)",
    "ALTER POLICY mine ON app.orders USING (person = 2)",
    "ALTER TABLE app.orders OWNER TO reader",
    "ALTER TABLE app.orders FORCE ROW LEVEL SECURITY",
    "ALTER TABLE app.orders OWNER TO owner",
    "ALTER TABLE app.orders NO FORCE ROW LEVEL SECURITY",
    "CREATE POLICY theirs ON app.orders TO staff USING (id > 7)",
    "GRANT staff TO reader",
    "REVOKE staff FROM reader",
    "ALTER ROLE reader BYPASSRLS",
    "ALTER ROLE reader NOBYPASSRLS",
    "DROP POLICY mine ON app.orders",
    "ALTER TABLE app.orders DISABLE ROW LEVEL SECURITY",
    "CREATE TABLE app.events (id int, note text) PARTITION BY RANGE (id)",
    "CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM (0) TO (9)",
    "ALTER TABLE app.events DETACH PARTITION app.events_1",
    "ALTER TABLE app.events_1 INHERIT app.orders, ADD COLUMN person int",
    "CREATE TABLE app.child () INHERITS (app.persons)",
    "ALTER TABLE app.child NO INHERIT app.persons",
    "CREATE SEQUENCE app.numbers",
    "ALTER TABLE app.orders ALTER COLUMN id SET DEFAULT nextval('app.numbers')",
    "ALTER SEQUENCE app.numbers RENAME TO counter",
    "GRANT USAGE ON SCHEMA app TO reader",
    "REVOKE USAGE ON SCHEMA app FROM reader",
    "CREATE SCHEMA elsewhere",
    "ALTER TABLE app.persons SET SCHEMA elsewhere",
    "ALTER SCHEMA elsewhere RENAME TO nowhere",
    "CREATE MATERIALIZED VIEW app.kept AS SELECT email FROM nowhere.persons",
    "REFRESH MATERIALIZED VIEW app.kept",
    "ALTER VIEW app.felt RENAME COLUMN f TO g",
    "CREATE TABLE app.copy AS SELECT * FROM app.orders",
    "TRUNCATE app.copy",
    "CREATE AGGREGATE app.total(int) (SFUNC = int4pl, STYPE = int)",
    "DROP EXTENSION plpgsql CASCADE",
    "CREATE EXTENSION plpgsql",
    "ALTER EXTENSION plpgsql ADD FUNCTION app.twice(int)",
    "ALTER EXTENSION plpgsql DROP FUNCTION app.twice(int)",
    "DROP TABLE app.copy",
    "DROP VIEW app.again",
    "DROP TYPE app.place",
    "DROP SCHEMA nowhere CASCADE",
    "DROP FUNCTION app.twice(int) CASCADE",
    "VACUUM FULL pg_class",
    "VACUUM FULL pg_attribute",
    "ALTER FUNCTION pg_catalog.pi() VOLATILE",
    "DROP SCHEMA app CASCADE",
];

/// Of a role that is held to policies.
async fn connect(server: &Server) -> Connection {
    Connection::open(&server.upstream_of("reader")).await.expect("it opens")
}

#[tokio::test]
async fn what_was_changed_is_read_as_in_a_reading_of_everything() {
    for server in Server::of_every_version() {
        let client = server.client().await;
        client.batch_execute("CREATE ROLE reader LOGIN; CREATE ROLE staff").await.expect("roles are made");
        let (mut connection, mut other) = (connect(&server).await, connect(&server).await);
        let mut kept = read(&mut connection).await.expect("it can be read");
        for change in CHANGES {
            client.batch_execute(change).await.unwrap_or_else(|error| panic!("{change}: {error}"));
            kept = after(&mut connection, kept, change).await;
            let anew = read(&mut other).await.expect("it can be read");
            assert_same(&kept, &anew, change);
        }
    }
}

async fn after(connection: &mut Connection, kept: Reading, change: &str) -> Reading {
    match follow(connection, kept).await.expect("it answers") {
        // Rewriting a catalog's rows, or a table's, may leave them as they were.
        Found::Unchanged(kept) => {
            assert!(
                change.starts_with("VACUUM") || change.starts_with("TRUNCATE"),
                "{change} is not noticed"
            );
            kept
        }
        Found::Changed(anew) => anew,
        Found::OtherSettings => panic!("{change} is no setting"),
    }
}

fn assert_same(kept: &Reading, anew: &Reading, change: &str) {
    let (Reading { catalog: a, .. }, Reading { catalog: b, .. }) = (kept, anew);
    same(&a.relations, &b.relations, change);
    same(&a.by_name, &b.by_name, change);
    same(&a.code.types, &b.code.types, change);
    same(&a.code.types_by_name, &b.code.types_by_name, change);
    same(&a.code.functions, &b.code.functions, change);
    same(&a.code.functions_by_name, &b.code.functions_by_name, change);
    same(&a.code.operators, &b.code.operators, change);
    same(&a.code.operators_by_name, &b.code.operators_by_name, change);
    same(&a.code.casts, &b.code.casts, change);
    same(&a.schemas, &b.schemas, change);
    same(&a.builtin_functions, &b.builtin_functions, change);
    let views = |catalog: &Catalog| catalog.views.keys().map(|oid| (*oid, ())).collect::<HashMap<Oid, ()>>();
    same(&views(a), &views(b), change);
    assert_eq!(a.roles, b.roles, "{change}");
    assert_eq!(a.user_functions, b.user_functions, "{change}");
    assert_eq!(a.user_operators, b.user_operators, "{change}");
    assert_eq!(a.user_types, b.user_types, "{change}");
    let sorted = |reading: &Reading| {
        let mut same = reading.same_values.clone();
        same.sort_unstable();
        same
    };
    assert_eq!(sorted(kept), sorted(anew), "{change}");
    let facts = |reading: &Reading| {
        let facts = reading.facts.iter();
        facts
            .map(|(oid, facts)| (*oid, (facts.temporary, facts.partition, facts.virtual_columns)))
            .collect::<HashMap<_, _>>()
    };
    same(&facts(kept), &facts(anew), change);
}

fn same<K: Debug + Eq + Hash, V: Debug + PartialEq>(
    kept: &HashMap<K, V>,
    anew: &HashMap<K, V>,
    change: &str,
) {
    for (key, value) in anew {
        assert_eq!(kept.get(key), Some(value), "{key:?} after {change}");
    }
    let gone: Vec<&K> = kept.keys().filter(|key| !anew.contains_key(key)).collect();
    assert!(gone.is_empty(), "{gone:?} should be gone after {change}");
}

#[tokio::test]
async fn what_was_not_changed_is_shared() {
    let server = Server::start();
    let client = server.client().await;
    client.batch_execute("CREATE ROLE reader LOGIN").await.expect("it is made");
    let tables = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int); CREATE VIEW v AS TABLE a";
    client.batch_execute(tables).await.expect("tables are made");
    let mut connection = connect(&server).await;
    let first = read(&mut connection).await.expect("it can be read");
    let before = first.catalog.clone();
    client.batch_execute("ALTER TABLE b ADD COLUMN note text").await.expect("it is changed");
    let after = after(&mut connection, first, "a change").await.catalog;
    let shared = |name| {
        let of = |catalog: &Catalog| Arc::clone(&catalog.relations[&relation(catalog, "public", name).oid]);
        Arc::ptr_eq(&of(&before), &of(&after))
    };
    assert!(shared("a") && shared("v") && !shared("b"));
    assert!(Arc::ptr_eq(&before.user_functions, &after.user_functions));
    assert!(Arc::ptr_eq(&before.code, &after.code), "a column makes no type");
}

#[tokio::test]
async fn settings_of_the_role_and_the_database_are_noticed() {
    let server = Server::start();
    let client = server.client().await;
    client.batch_execute("CREATE ROLE reader LOGIN; CREATE ROLE staff").await.expect("roles are made");
    let mut connection = connect(&server).await;
    for (setting, matters) in [
        ("ALTER ROLE staff SET search_path = staff", false),
        ("ALTER ROLE reader SET search_path = own, public", true),
        ("ALTER ROLE reader RESET search_path", true),
        ("ALTER DATABASE postgres SET search_path = app", true),
    ] {
        let before = read(&mut connection).await.expect("it can be read");
        client.batch_execute(setting).await.expect("it is set");
        let found = follow(&mut connection, before).await.expect("it answers");
        assert_eq!(matches!(found, Found::OtherSettings), matters, "{setting}: {found:?}");
    }
    let anew = read(&mut connect(&server).await).await.expect("it can be read");
    assert_eq!(&*anew.catalog.search_path, "app");
}

#[tokio::test]
async fn a_locked_table_does_not_keep_the_others_from_being_read() {
    for server in Server::of_every_version() {
        let client = server.client().await;
        let objects =
            "CREATE ROLE reader LOGIN; CREATE TABLE a (id int DEFAULT 1); CREATE TABLE b (id int DEFAULT 2);
            CREATE VIEW of_a AS SELECT id FROM a; CREATE VIEW of_b AS SELECT id FROM b;";
        client.batch_execute(objects).await.expect("they are made");
        let mut connection = connect(&server).await;
        let before = read(&mut connection).await.expect("it can be read");
        let locker = server.client().await;
        locker.batch_execute("BEGIN; LOCK TABLE a").await.expect("it is locked");
        let locked = read(&mut connect(&server).await).await.expect("it can be read");
        let has = |reading: &Reading, name| {
            let details = relation(&reading.catalog, "public", name).details.as_deref();
            details.is_some_and(|view| view.definition.is_some())
        };
        assert!(!has(&locked, "of_a") && has(&locked, "of_b"), "nothing is known of it yet");
        client.batch_execute("ALTER VIEW of_b RENAME TO renamed").await.expect("it is renamed");
        let kept = after(&mut connection, before, "a change").await;
        assert!(has(&kept, "of_a") && has(&kept, "renamed"), "what was known of it is kept");
    }
}
