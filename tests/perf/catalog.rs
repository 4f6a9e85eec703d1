//! What the catalog of a large database costs: time to read it, and memory to hold it.
//!
//! The agent's own reader reads it, in `connect-agent analyze`; what that costs over an empty database is
//! taken off.

use std::{os::unix::fs::PermissionsExt, time::Instant};

use connect_tests::{differential::told::Analyst, postgres::Postgres};
use tempfile::TempDir;

use crate::{
    cost::{memory, most_memory},
    report::{Figure, Report, median},
};

const TABLES: usize = 10_000;
/// Tables that are made in one transaction: each holds locks until its end.
const AT_ONCE: usize = 500;
const COLUMNS: usize = 20;
const ROUNDS: usize = 3;

/// Each database with a question that needs it.
const QUESTIONS: [(&str, &str); 2] = [("empty", "SELECT 1"), ("large", "SELECT column_19 FROM table_9999")];

/// What the agent needed until it had answered its first question.
struct Cost {
    seconds: f64,
    held: f64,
    most: f64,
}

pub(crate) fn measure(report: &mut Report) {
    let folder = TempDir::with_prefix("connect-bench-").expect("a temporary folder");
    // The database may run as somebody else, who must get through.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).expect("our own folder");
    let postgres = Postgres::start(folder.path());
    for (database, _) in QUESTIONS {
        postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
    }
    fill(&postgres);
    let rounds: Vec<[Cost; 2]> =
        (0..ROUNDS).map(|_| QUESTIONS.map(|(database, sql)| load(postgres.port(), database, sql))).collect();
    let more =
        |of: fn(&Cost) -> f64| median(rounds.iter().map(|[empty, large]| of(large) - of(empty)).collect());
    let all = median(rounds.iter().map(|[_, large]| large.seconds).collect());
    let name = format!("catalog of {TABLES} tables, {COLUMNS} columns each");
    let note = format!("{all:.2} s with all that an empty database takes");
    let milliseconds = more(|cost| cost.seconds) * 1e3;
    report.add(Figure::new(&format!("{name}: read"), milliseconds, "ms").at_most(2_000.0).note(&note));
    let most = more(|cost| cost.most);
    let note = format!("{most:.0} MiB more at most while it is read");
    report
        .add(Figure::new(&format!("{name}: held"), more(|cost| cost.held), "MiB").at_most(64.0).note(&note));
}

fn fill(postgres: &Postgres) {
    let types = ["text", "integer", "numeric(10,2)", "timestamptz"];
    let columns: Vec<String> =
        (1..COLUMNS).map(|column| format!("column_{column} {}", types[column % types.len()])).collect();
    let columns = columns.join(", ");
    for first in (0..TABLES).step_by(AT_ONCE) {
        let last = first + AT_ONCE - 1;
        postgres.sql(
            "large",
            &format!(
                "DO $$ BEGIN FOR i IN {first}..{last} LOOP
                 EXECUTE format('CREATE TABLE table_%s (id bigint PRIMARY KEY, {columns})', i);
                 END LOOP; END $$"
            ),
        );
    }
    postgres.sql("large", "VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_type");
}

fn load(port: u16, database: &str, sql: &str) -> Cost {
    let begun = Instant::now();
    let mut analyst = Analyst::start(port, database);
    let told = analyst.ask(&[sql]);
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(told[0].status, "complete");
    let [held, most] = [memory(analyst.process()), most_memory(analyst.process())].map(|size| size / 1024.0);
    Cost { seconds, held, most }
}
