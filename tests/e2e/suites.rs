//! Drivers' own suites, from their source distributions: what passes straight at a server passes through the tunnel,
//! but for what stands in a list with its reason. The source distribution of psycopg 3 has no tests in it: psycopg2's,
//! by the same author and on the same libpq, stand for them, and `python/psycopg_suite.py` tries what is new in it.

use std::{collections::BTreeMap, fs, process::Command, thread, time::Duration};

use connect_tests::{
    agent::{AgentOptions, BENCH},
    place,
    postgres::{AGENT_USER, Version},
    process,
    world::World,
};

use crate::policies;

/// The suites wait a lot, for what they want to see cancelled or timed out.
const PATIENCE: Duration = Duration::from_secs(900);

/// Whatever the grant says, for whoever asks.
const EVERYTHING: &str = "@id(\"everything\") permit (principal, action, resource);";

/// The same as [`BENCH`]'s database, for the other side.
const TWIN: &str = "twin";

struct Suite {
    driver: &'static str,
    /// What of it every run has.
    quick: &'static [&'static str],
    /// Least tests that must have passed on both sides: those of the quick part, and of all.
    least: [usize; 2],
    /// What cannot pass: a line that ends with a colon says why for all that follow. Behind a `?` stands
    /// what may pass as well.
    by_design: &'static str,
}

const PSYCOPG2: Suite = Suite {
    driver: "psycopg2",
    quick: &[
        "test_cancel",
        "test_cursor",
        "test_dates",
        "test_extras_dictcursor",
        "test_fast_executemany",
        "test_psycopg2_dbapi20",
        "test_transaction",
        "test_types_basic",
        "test_types_extras",
        "test_with",
    ],
    least: [300, 500],
    by_design: include_str!("../corpora/suites/psycopg2.txt"),
};

const ASYNCPG: Suite = Suite {
    driver: "asyncpg",
    quick: &[
        "test_cancellation",
        "test_codecs",
        "test_copy",
        "test_cursor",
        "test_execute",
        "test_record",
        "test_transaction",
    ],
    least: [100, 250],
    by_design: include_str!("../corpora/suites/asyncpg.txt"),
};

/// How tests ended, by their names: `passed`, or another word and why.
type Ended = BTreeMap<String, String>;

fn run(suite: &Suite, modules: &[&str], port: u16, user: &str, database: &str) -> Ended {
    let mut python = Command::new(place::python());
    python.arg(place::of_tests("python/driver_suite.py"));
    python.arg(place::of_tests(".suites").join(suite.driver)).args(modules);
    // asyncpg's own words are libpq's.
    for prefix in ["PG", "PSYCOPG2_TESTDB_"] {
        python.env(format!("{prefix}HOST"), "127.0.0.1").env(format!("{prefix}USER"), user);
        python.env(format!("{prefix}PORT"), port.to_string());
    }
    python.env("PGDATABASE", database).env("PSYCOPG2_TESTDB", database);
    let finished = process::run_with(&mut python, "", PATIENCE);
    let line = |line: &str| {
        let mut parts = line.split('\t');
        let (outcome, name, how) = (parts.next()?, parts.next()?, parts.next()?);
        Some((name.to_owned(), format!("{outcome} {how}").trim_end().to_owned()))
    };
    let ended: Ended = finished.stdout.lines().filter_map(line).collect();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    ended
}

/// Tests that cannot pass, with the reasons.
fn listed(list: &'static str) -> BTreeMap<&'static str, &'static str> {
    let (mut reason, mut tests) = ("", BTreeMap::new());
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_suffix(':') {
            Some(why) => reason = why,
            None => drop(tests.insert(line, reason)),
        }
    }
    tests
}

/// Everything is permitted and nothing protected; on the other side there is a database like ours.
fn permissive(version: Option<Version>) -> World {
    let bench_labels = "\"public.*\" = \"clear\"\n\"pg_temp.*\" = \"clear\"";
    let options = AgentOptions { bench_labels, ..AgentOptions::default() };
    let mut world = World::start_on(version, &options);
    fs::write(world.folder().join("agent/policy.cedar"), EVERYTHING).expect("written");
    policies::put_in_force(&mut world);
    world.postgres.sql("postgres", &format!("CREATE DATABASE {TWIN} OWNER {AGENT_USER}"));
    world.postgres.sql(TWIN, &format!("ALTER SCHEMA public OWNER TO {AGENT_USER}"));
    let account = format!("all {AGENT_USER} 127.0.0.1/32");
    world
        .postgres
        .admit(&format!("host {TWIN} {AGENT_USER} 127.0.0.1/32 trust\nhostssl {account} scram-sha-256"));
    world
}

/// In the full tier: all of it on the server between, and the quick part on the oldest and the newest.
fn compare(suite: &Suite) {
    for version in Version::each() {
        compare_on(version, suite, version == Some(Version::Fifteen));
    }
}

fn compare_on(version: Option<Version>, suite: &Suite, full: bool) {
    let modules = if full { &[] } else { suite.quick };
    let world = permissive(version);
    let tunnel = world.person("li").open(BENCH);
    let (port, ours) = (world.postgres.port(), tunnel.port());
    let (direct, through) = thread::scope(|both| {
        let direct = both.spawn(|| run(suite, modules, port, AGENT_USER, TWIN));
        let through = run(suite, modules, ours, "anybody", "bench");
        (direct.join().expect("a run"), through)
    });
    let passed = |ended: &Ended, test: &str| ended.get(test).is_some_and(|how| how == "passed");
    let by_design = listed(suite.by_design);
    let lost: Vec<String> = direct
        .iter()
        .filter(|(test, how)| *how == "passed" && !passed(&through, test))
        .filter(|(test, _)| !by_design.contains_key(test.as_str()))
        .map(|(test, _)| format!("{test}: {}", through.get(test).map_or("is missing", String::as_str)))
        .collect();
    assert!(lost.is_empty(), "pass straight at the server only:\n{}", lost.join("\n"));
    let must_fail = |test: &&&str| !by_design[**test].starts_with('?');
    let stale: Vec<_> = by_design.keys().filter(must_fail).filter(|test| passed(&through, test)).collect();
    assert!(stale.is_empty(), "are listed as impossible, and pass: {stale:?}");
    let both = direct.keys().filter(|test| passed(&direct, test) && passed(&through, test)).count();
    println!("{}: {both} of {} tests pass on both sides, {version:?}", suite.driver, direct.len());
    assert!(both >= suite.least[usize::from(full)], "only {both} tests: {direct:#?}");
}

#[test]
fn psycopg2s_own_suite_passes_as_if_direct() {
    compare(&PSYCOPG2);
}

#[test]
fn asyncpgs_own_suite_passes_as_if_direct() {
    compare(&ASYNCPG);
}
