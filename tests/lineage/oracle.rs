//! The oracle itself, against answers that people worked out.

use connect_tests::{oracle::Oracle, postgres::Version};

use crate::server::Server;

/// Statements and answers: a line of SQL or more, then `=>` lines.
const EXPECTATIONS: &str = include_str!("oracle.txt");

#[test]
fn the_oracle_agrees_with_people_on_postgresql_15() {
    check(Version::Fifteen);
}

#[test]
fn the_oracle_agrees_with_people_on_postgresql_18() {
    check(Version::Eighteen);
}

fn check(version: Version) {
    let server = Server::start(version);
    server.postgres.sql("bench", include_str!("oracle.sql"));
    let mut oracle = Oracle::connect(server.postgres.port(), "bench");
    let mut wrong = Vec::new();
    for paragraph in EXPECTATIONS.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let mut sql = Vec::new();
        let mut expected = Vec::new();
        let mut since = 0;
        for line in paragraph.lines() {
            match (line.strip_prefix("=>"), line.strip_prefix("since ")) {
                (Some(answer), _) => expected.push(answer.strip_prefix(' ').unwrap_or(answer).trim_end()),
                (None, Some(number)) => since = number.trim().parse().expect("a version"),
                (None, None) => sql.push(line),
            }
        }
        if since > version.number() {
            continue;
        }
        let sql = sql.join("\n");
        let found = match oracle.judge(&sql) {
            Ok(judgement) => judgement.text(&oracle.catalog),
            Err(refusal) => refusal.message,
        };
        let expected = expected.join("\n");
        if found != expected {
            wrong.push(format!("{sql}\n-- expected\n{expected}\n-- found\n{found}\n"));
        }
    }
    assert!(wrong.is_empty(), "{} statements:\n\n{}", wrong.len(), wrong.join("\n"));
}
