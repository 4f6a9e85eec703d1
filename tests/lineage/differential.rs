//! The agent's understanding against the server's own analyser.

pub(crate) mod kept;

use std::fmt::Write as _;

use connect_tests::{
    differential::{self, explained::Explained, report::Report, told::Analyst},
    generate::{Generator, Statement, schema::Schema},
    oracle::Oracle,
    postgres::Version,
};

use crate::server::Server;

/// Databases that statements are made over.
const SCHEMAS: u64 = 6;

#[test]
fn generated_statements_have_the_lineage_that_postgresql_15_sees() {
    generated(Version::Fifteen);
}

#[test]
fn generated_statements_have_the_lineage_that_postgresql_18_sees() {
    generated(Version::Eighteen);
}

fn generated(version: Version) {
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    let [schemas, each] = if full { [50, 1000] } else { [SCHEMAS, 280] };
    let server = Server::start(version);
    let mut report = Report::new(&format!("generated statements on PostgreSQL {}", version.number()));
    for seed in 0..schemas {
        let database = format!("generated{seed}");
        server.postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
        let mut oracle = Oracle::connect(server.postgres.port(), &database);
        let mut accepts = |sql: &str| oracle.attempt(sql).is_ok();
        let schema = Schema::build(seed, version.number(), &mut accepts);
        oracle.refresh();
        let mut generator = Generator::new(seed, &schema, version.number());
        let statements: Vec<Statement> = (0..each).map(|_| generator.statement()).collect();
        let mut analyst = Analyst::start(server.postgres.port(), &database);
        differential::run(
            &mut oracle,
            &mut analyst,
            &schema.definitions,
            &statements,
            &explained(),
            &mut report,
        );
    }
    finish(&report, 80);
}

fn explained() -> Explained {
    Explained::read(include_str!("explained.txt"))
}

/// Prints the figures; fails for a disagreement, or if the server refused more than so much.
fn finish(report: &Report, percent_valid: usize) {
    println!("{}", report.summary());
    let valid = report.compared() * 100 / (report.compared() + report.refusals()).max(1);
    let mut wrong = String::new();
    if report.disagreements() > 0 || report.lesser() > 0 {
        wrong.push_str(&report.details());
    }
    if valid < percent_valid {
        let _infallible = writeln!(wrong, "only {valid} % are valid\n{}", report.refusal_details());
    }
    assert!(wrong.is_empty(), "{}\n{wrong}", report.summary());
}
