//! What a statement would touch, as its approver and whoever explains it see it, on a real PostgreSQL: keys that
//! cascade, partitions, dependents; and what nobody learns by it.

use std::process::Command;

use connect_tests::{
    agent::{AgentOptions, SHOP},
    leaves,
    person::Person,
    process::Process,
    tunnel::Tunnel,
    world::World,
};
use serde_json::{Value, json};

const HELD: AgentOptions = AgentOptions {
    resource: "approvers = [\"group:security\", \"group:data-oncall\"]",
    ..AgentOptions::USUAL
};

const TABLES: &str = "CREATE SCHEMA wide; GRANT USAGE ON SCHEMA wide TO connect_agent; \
    CREATE TABLE wide.parcels (id int PRIMARY KEY, depot int, weight int); \
    CREATE TABLE wide.labels (id int PRIMARY KEY, parcel int REFERENCES wide.parcels ON DELETE CASCADE); \
    CREATE TABLE wide.scans (id int, label int REFERENCES wide.labels ON DELETE SET NULL); \
    CREATE TABLE wide.refused (id int, parcel int REFERENCES wide.parcels); \
    CREATE TABLE wide.journal (what text); \
    CREATE VIEW wide.heavy AS SELECT * FROM wide.parcels WHERE weight > 90; \
    CREATE VIEW wide.heaviest AS SELECT max(weight) AS weight FROM wide.heavy; \
    CREATE TABLE wide.events (id int, at int) PARTITION BY RANGE (at); \
    CREATE TABLE wide.events_1 PARTITION OF wide.events FOR VALUES FROM (0) TO (100); \
    CREATE TABLE wide.events_2 PARTITION OF wide.events FOR VALUES FROM (100) TO (200); \
    INSERT INTO wide.parcels SELECT n, n % 10, n % 100 FROM generate_series(1, 1000) n; \
    INSERT INTO wide.labels SELECT n, 1 + n % 1000 FROM generate_series(1, 4000) n; \
    INSERT INTO wide.scans SELECT n, n FROM generate_series(1, 2000) n; \
    INSERT INTO wide.events SELECT n, n % 200 FROM generate_series(1, 600) n; \
    GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES ON ALL TABLES IN SCHEMA wide TO connect_agent; \
    ANALYZE";

fn world() -> World {
    let world = World::start_with(&HELD);
    world.postgres.sql("shop", TABLES);
    world
}

/// The request that a statement makes which does not wait.
fn asks(tunnel: &Tunnel, statement: &str) -> String {
    let mut psql = tunnel.client("psql");
    psql.env("PGOPTIONS", "-c connect.wait=off").args(["-X", "-v", "VERBOSITY=verbose", "-c", statement]);
    let said = connect_tests::process::run(&mut psql);
    assert_ne!(said.code, 0, "{statement} is not held: {}", said.stdout);
    let at = said.stderr.find("req_").unwrap_or_else(|| panic!("{statement}: no request in {}", said.stderr));
    said.stderr[at..at + 30].to_owned()
}

/// What its approver sees of a held statement.
fn radius(tunnel: &Tunnel, approver: &Person, statement: &str) -> Value {
    let id = asks(tunnel, statement);
    let shown = approver.runs(&["--json", "requests", &id]).good();
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    shown["statement"]["radius"].clone()
}

/// Of an explanation, without the rest.
fn explained(person: &Person, statement: &str) -> Value {
    let said = person.runs(&["--json", "explain", SHOP, statement]);
    let said: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{}", said.stderr));
    said["statements"][0]["radius"].clone()
}

fn named<'v>(radius: &'v Value, list: &str, table: &str) -> &'v Value {
    let mut all = radius[list].as_array().expect("a list").iter();
    all.find(|found| found["table"] == table).unwrap_or_else(|| panic!("{table} is not in {radius}"))
}

#[test]
fn the_approver_sees_rows_cascades_and_what_goes_with_it() {
    let world = world();
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);

    let emptied = radius(&tunnel, &sam, "TRUNCATE wide.parcels CASCADE");
    for table in ["wide.labels", "wide.scans", "wide.refused"] {
        assert_eq!(named(&emptied, "cascades", table)["effect"], "truncate", "{emptied}");
    }

    let all = radius(&tunnel, &sam, "DELETE FROM wide.parcels");
    let parcels = named(&all, "tables", "wide.parcels");
    assert_eq!((&parcels["rows"], &parcels["of"]), (&json!(1000), &json!(1000)), "{all}");
    assert!(parcels["bytes"].as_u64().is_some_and(|bytes| bytes > 8192), "{all}");
    let labels = named(&all, "cascades", "wide.labels");
    assert_eq!((&labels["effect"], &labels["rows"]), (&json!("delete"), &json!(4000)), "{all}");
    assert_eq!(named(&all, "cascades", "wide.scans")["effect"], "set_null", "{all}");
    assert_eq!(
        all["cascades"].as_array().map(Vec::len),
        Some(2),
        "what only refuses is not among them: {all}"
    );

    let dropped = radius(&tunnel, &sam, "DROP TABLE wide.parcels CASCADE");
    let dependents = dropped["dependents"].to_string();
    for found in ["view wide.heavy", "view wide.heaviest", "labels_parcel_fkey", "refused_parcel_fkey"] {
        assert!(dependents.contains(found), "{found} is not in {dropped}");
    }
    let parts = radius(&tunnel, &sam, "DELETE FROM wide.events");
    assert_eq!(named(&parts, "tables", "wide.events")["rows"], 600, "{parts}");

    let id = asks(&tunnel, "DELETE FROM wide.parcels");
    let page = sam.runs(&["requests", &id]).good();
    for expected in ["wide.parcels all of ~1,000 rows (statistics)", "deleted, by wide.parcels"] {
        assert!(page.contains(expected), "{expected} is not in:\n{page}");
    }
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM wide.parcels"), "1000", "nothing ran");
}

#[test]
fn a_condition_is_counted_before_it_runs() {
    let mut world = world();
    let li = world.person("li");
    let counted = explained(&li, "DELETE FROM wide.parcels WHERE depot = 3 AND weight < 50");
    let parcels = named(&counted, "tables", "wide.parcels");
    assert_eq!((&parcels["rows"], &parcels["known"]), (&json!(50), &json!("counted")), "{counted}");
    assert_eq!(named(&counted, "cascades", "wide.labels")["rows"], 200, "{counted}");
    let joined =
        explained(&li, "DELETE FROM wide.parcels p USING wide.labels l WHERE l.parcel = p.id AND p.id < 9");
    let parcels = named(&joined, "tables", "wide.parcels");
    assert_eq!(parcels["known"], "plan", "a join counts a row as often as it has partners: {joined}");
    let page = li.runs(&["explain", SHOP, "DELETE FROM wide.parcels WHERE depot = 3"]).stdout;
    assert!(page.contains("wide.parcels 100 of ~1,000 rows (counted)"), "{page}");
    let inserted = explained(&li, "INSERT INTO wide.journal SELECT 'x' FROM wide.parcels WHERE depot = 3");
    assert_eq!(named(&inserted, "tables", "wide.journal")["rows"], 100, "{inserted}");

    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let looks: Vec<_> = leaves::of_kind(&leaves, "upstream_opened")
        .into_iter()
        .filter(|leaf| !leaf["looks"].is_null())
        .collect();
    // By TCP the agent logs in twice: once to see that it is the server.
    assert_eq!(looks.len(), 2 * 4, "each login of a look is in the log");
    for look in looks {
        assert!(look["process"].as_u64().is_some_and(|process| process > 0) && look["connection"].is_null());
        assert_eq!(
            (&look["looks"]["plans"], look["looks"]["texts"].as_array().map(Vec::len)),
            (&json!(true), Some(1))
        );
    }
}

#[test]
fn estimates_are_no_oracle_for_protected_columns() {
    let world = world();
    let li = world.person("li");
    for prefix in ["a", "zzz"] {
        for statement in [
            format!("UPDATE customers SET segment = 'x' WHERE email LIKE '{prefix}%'"),
            format!(
                "DELETE FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE email < '{prefix}')"
            ),
        ] {
            let said = explained(&li, &statement);
            let numbers =
                said["tables"].as_array().into_iter().flatten().filter_map(|table| table["rows"].as_u64());
            assert_eq!(numbers.count(), 0, "{statement}: {said}");
        }
    }
}

#[test]
fn a_function_in_a_condition_is_not_run_to_estimate_it() {
    let world = world();
    let li = world.person("li");
    world.postgres.sql(
        "shop",
        "CREATE SEQUENCE wide.told; GRANT ALL ON wide.told TO connect_agent; \
         CREATE FUNCTION wide.tell(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \
         $$ BEGIN PERFORM nextval('wide.told'); RETURN n; END $$; \
         CREATE TABLE wide.odd (id int); \
         CREATE INDEX ON wide.odd (id) WHERE wide.tell(1) = id; \
         GRANT ALL ON wide.odd TO connect_agent; SELECT setval('wide.told', 1, false)",
    );
    for statement in [
        "DELETE FROM wide.parcels WHERE id < wide.tell(5)",
        "DELETE FROM wide.parcels WHERE depot = 3 AND nextval('wide.told') > 0",
        "DELETE FROM wide.odd WHERE id = 1",
        "DELETE FROM wide.odd",
    ] {
        let said = explained(&li, statement);
        assert!(
            said["tables"][0]["known"] != "plan" && said["tables"][0]["known"] != "counted",
            "{statement}: {said}"
        );
    }
    assert_eq!(world.postgres.sql("shop", "SELECT is_called FROM wide.told"), "f", "nobody's code ran");
}

#[test]
fn somebody_elses_lock_holds_no_request_up() {
    let world = world();
    let (li, sam) = (world.person("li"), world.person("sam"));
    let tunnel = li.open(SHOP);
    // What is locked against readers, too, for as long as the other session lives.
    let mut locks = Command::new("psql");
    let lock = "BEGIN; LOCK TABLE wide.parcels IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(600)";
    locks.args(["-X", &world.postgres.url("shop"), "-c", lock]);
    let locker = Process::start("psql", &mut locks);
    world.postgres.wait_until(
        "shop",
        "EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
         AND relation = 'wide.parcels'::regclass)",
    );
    let said = radius(&tunnel, &sam, "TRUNCATE wide.parcels");
    let parcels = named(&said, "tables", "wide.parcels");
    assert_eq!(parcels["of"], 1000, "what the catalog knows needs no lock: {said}");
    assert!(parcels["bytes"].is_null(), "{said}");
    drop(locker);
}
