//! Change one column, and only what its answer names moves.

use connect_tests::{
    answers::{self, Answer},
    perturb::{Change, Ground, Report},
    postgres::{Postgres, Version},
};

use crate::validity::folder;

/// Statements of which two runs over the same rows differ: clocks, dice, numbers that the server gives.
const MOST_VOLATILE: usize = 5;

#[tokio::test]
async fn changing_a_column_moves_only_what_the_answers_say_depends_on_it() {
    let version = Version::Eighteen;
    let folder = folder();
    let server = Postgres::start_version(version, folder.path());
    server.sql("postgres", "CREATE DATABASE lineage");
    server.sql("lineage", &answers::schema());
    let all = answers::all();
    let taken: Vec<&Answer> =
        all.iter().filter(|answer| answer.is_for(version.number()) && Ground::takes(answer)).collect();
    let full = std::env::var_os("CONNECT_TESTS_FULL").is_some();
    let seeds = if full { 8 } else { 1 };
    let mut ground = Ground::prepare(&server.url("lineage"), 0).await;
    let mut report = Report::default();
    let mut ran = vec![false; taken.len()];
    let mut volatile = Vec::new();
    for seed in 0..seeds {
        ground.fill(seed).await;
        let (first, second) = (ground.look(&taken).await, ground.look(&taken).await);
        let mut steady = Vec::new();
        for (at, (one, two)) in first.iter().zip(&second).enumerate() {
            match one {
                Ok(seen) if one == two => steady.push((taken[at], seen)),
                Ok(_) => volatile.push(taken[at].id.as_str()),
                Err(error) => eprintln!("{}: {error}", taken[at].id),
            }
            ran[at] |= one.is_ok();
        }
        let statements: Vec<&Answer> = steady.iter().map(|(answer, _)| *answer).collect();
        for unit in ground.units() {
            for change in [Change::Redraw, Change::Shuffle, Change::Level] {
                let Some(after) = ground.look_after(&unit, change, &statements).await else { continue };
                for ((answer, before), after) in steady.iter().zip(&after) {
                    report.compare(answer, &unit, before, after);
                }
            }
        }
    }
    volatile.sort_unstable();
    volatile.dedup();
    println!("{} statements, {} pairs unmoved, {} runs failed", taken.len(), report.held, report.failed);
    println!("seen to move: direct {}, indirect {}", report.named.direct, report.named.indirect);
    if let Some(file) = std::env::var_os("CONNECT_TESTS_UNSEEN") {
        let unseen: Vec<String> =
            report.named.direct.unseen().chain(report.named.indirect.unseen()).cloned().collect();
        std::fs::write(file, unseen.join("\n")).expect("a file");
    }
    let violations: Vec<&str> = report.violations.iter().map(String::as_str).collect();
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
    let never: Vec<&str> =
        taken.iter().zip(&ran).filter(|(_, ran)| !**ran).map(|(answer, _)| answer.id.as_str()).collect();
    assert!(never.is_empty(), "never ran: {never:?}");
    assert!(volatile.len() <= MOST_VOLATILE, "volatile: {volatile:?}");
}
