//! Public lineage tools on the same set, beside ours. For comparison: nothing is asked of them, so this
//! fails only if it cannot be done. They are installed for the long suites and the figures only.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use connect_tests::{
    analyze::analyze,
    answers::{self, Answer, score},
    place,
    postgres::Version,
    process,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::server::Server;

/// Python's parsers take seconds for some statements.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What a tool is told: tables with columns and types, views with definitions; and what none of them can
/// be told of, by words of the text that name it.
const CATALOG: &str = "
    WITH relations AS (
      SELECT c.oid, n.nspname || '.' || c.relname AS name, c.relkind
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('harbour', 'crew')
    ), tables AS (
      SELECT r.name, json_agg(json_build_array(a.attname, format_type(a.atttypid, NULL)) ORDER BY a.attnum) AS columns
      FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE r.relkind IN ('r', 'p', 'm') GROUP BY r.name
    )
    SELECT json_build_object(
      'tables', (SELECT json_object_agg(name, columns) FROM tables),
      'views', (SELECT json_object_agg(name, json_build_object('sql', rtrim(pg_get_viewdef(oid), ';')))
                FROM relations WHERE relkind = 'v'),
      'code', (SELECT json_agg(DISTINCT proname || '(') FROM pg_proc WHERE pronamespace = 'harbour'::regnamespace))";
/// Functions written otherwise, an operator, catalogs, tables with rules or triggers.
const MORE_CODE: [&str; 7] = ["p.title", "=~=", "pg_class", "pg_tables", "board", "guarded", "port_total"];

#[test]
fn public_tools_are_scored_on_the_same_set() {
    if std::env::var_os("CONNECT_TESTS_FULL").is_none() {
        return;
    }
    let version = Version::Eighteen;
    let server = Server::of_the_set(version, &["lineage"]);
    let all: Vec<Answer> =
        answers::all().into_iter().filter(|answer| answer.is_for(version.number())).collect();
    let folder = TempDir::with_prefix("connect-test-").expect("a temporary folder");
    let write = |name: &str, text: String| -> PathBuf {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("our own folder");
        path
    };
    let set: Vec<String> = all.iter().map(|answer| score::as_json(answer).to_string()).collect();
    let set = write("answers.jsonl", set.join("\n"));
    let ours = write("analysis.jsonl", analyze(&server.postgres.url("lineage"), &all).lines);
    let mut catalog: Value =
        serde_json::from_str(&server.postgres.sql("lineage", CATALOG)).expect("the server makes JSON");
    catalog["code"].as_array_mut().expect("a list").extend(MORE_CODE.map(Value::from));
    let catalog = write("catalog.json", catalog.to_string());
    let tools = place::of_tests(".tools");
    let mut command = Command::new(tools.join("bin/python"));
    command.arg(place::of_tests("python/lineage_score.py")).args([catalog, set]);
    command.arg("--sql-insight").arg(tools.join("bin/sql-insight")).arg("--ours").arg(ours);
    let table = process::run_with(&mut command, "", PATIENCE).good();
    println!("{table}");
    assert!(table.lines().filter(|line| line.starts_with("| ")).count() >= 6, "{table}");
}
