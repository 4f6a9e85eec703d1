//! The session's state after random sequences of statements, against the servers that they ran on.

use connect_core::catalog::fixture;
use connect_tests::{
    postgres::Version,
    sessions::{
        Score,
        plain::{self, Reports},
        script::Statements,
    },
};

use crate::server::Server;

const DATABASE: &str = "bench";

fn rounds(usual: u64) -> u64 {
    if std::env::var_os("CONNECT_TESTS_FULL").is_some() { usual * 20 } else { usual }
}

fn versions() -> [(Version, fixture::Version); 2] {
    [(Version::Fifteen, fixture::Version::Postgres15), (Version::Eighteen, fixture::Version::Postgres18)]
}

/// Sums over many sequences on each version, and holds that not everything was said to be unknown.
fn check(what: &str, most_unknown: usize, run: impl Fn(u16, fixture::Version, u64) -> Score) {
    for (version, server) in versions() {
        let running = Server::start(version);
        let mut score = Score::default();
        for seed in 0..rounds(60) {
            score.add(run(running.postgres.port(), server, seed));
        }
        println!("{what}, PostgreSQL {}: {score:?}", version.number());
        assert!(score.taken > 300, "the server takes hardly any statement");
        assert!(score.unknown_paths * 100 <= score.paths * most_unknown, "too much is unknown");
        assert!(score.unknown_names * 100 <= score.names * most_unknown, "too much is unknown");
    }
}

#[test]
fn search_paths_are_as_the_server_has_them() {
    check("settings", 10, |port, server, seed| {
        plain::run(port, DATABASE, server, seed, Statements::Settings, Reports::Ignored)
    });
}

#[test]
fn own_relations_are_as_the_server_has_them() {
    check("relations", 10, |port, server, seed| {
        plain::run(port, DATABASE, server, seed + 1_000_000, Statements::Relations, Reports::Ignored)
    });
}

#[test]
fn roles_and_code_never_make_it_wrong() {
    check("everything", 60, |port, server, seed| {
        plain::run(port, DATABASE, server, seed + 2_000_000, Statements::Everything, Reports::Ignored)
    });
}

#[test]
fn the_servers_reports_agree_where_it_gives_them() {
    check("reports", 10, |port, server, seed| {
        let statements = Statements::Relations;
        let score = plain::run(port, DATABASE, server, seed + 3_000_000, statements, Reports::Heard);
        assert_eq!(score.disagreements, 0, "seed {seed}");
        score
    });
}
