//! Change one column, and only what is said to depend on it moves.

use std::collections::BTreeSet;

use connect_tests::{
    analyze::{analyze, as_claim},
    answers::{self, Answer},
    perturb::{Change, Ground, Report},
    postgres::Version,
};

use crate::server::Server;

/// Statements of which two runs over the same rows differ: clocks, dice, numbers that the server gives.
const MOST_VOLATILE: usize = 5;

/// A statement with what is claimed of it: by the set, and by `connect-agent analyze`.
struct Trial {
    answer: Answer,
    claim: Option<Answer>,
}

#[tokio::test]
async fn changing_a_column_moves_only_what_is_said_to_depend_on_it() {
    let version = Version::Eighteen;
    let server = Server::of_the_set(version, &["lineage", "ground"]);
    let all: Vec<Answer> =
        answers::all().into_iter().filter(|answer| answer.is_for(version.number())).collect();
    let analysis = analyze(&server.postgres.url("lineage"), &all);
    let mut trials = Vec::new();
    for answer in all.into_iter().filter(Ground::takes) {
        let said = &analysis.said[&answer.id];
        let claim = (!said.flagged).then(|| as_claim(&answer, said));
        trials.push(Trial { answer, claim });
    }
    let mut ground = Ground::prepare(&server.postgres.url("ground"), 0).await;
    let mut found = Found::default();
    for seed in 0..if is_full() { 8 } else { 1 } {
        ground.fill(seed).await;
        try_all(&ground, &trials, &mut found).await;
    }
    found.print(&trials);
    found.judge(&trials);
}

fn is_full() -> bool {
    std::env::var_os("CONNECT_TESTS_FULL").is_some()
}

#[derive(Default)]
struct Found {
    answers: Report,
    claims: Report,
    ran: BTreeSet<String>,
    volatile: BTreeSet<String>,
}

async fn try_all(ground: &Ground, trials: &[Trial], found: &mut Found) {
    let statements: Vec<&Answer> = trials.iter().map(|trial| &trial.answer).collect();
    let (first, second) = (ground.look(&statements).await, ground.look(&statements).await);
    let mut steady = Vec::new();
    for ((trial, one), two) in trials.iter().zip(&first).zip(&second) {
        match one {
            Ok(seen) if one == two => steady.push((trial, seen)),
            Ok(_) => {
                found.volatile.insert(trial.answer.id.clone());
            }
            Err(error) => eprintln!("{}: {error}", trial.answer.id),
        }
        if one.is_ok() {
            found.ran.insert(trial.answer.id.clone());
        }
    }
    let statements: Vec<&Answer> = steady.iter().map(|(trial, _)| &trial.answer).collect();
    let changes: &[Change] = if is_full() {
        &[Change::Redraw, Change::Shuffle, Change::Level]
    } else {
        &[Change::Redraw, Change::Shuffle]
    };
    for unit in ground.units() {
        for change in changes {
            let Some(after) = ground.look_after(&unit, *change, &statements).await else { continue };
            for ((trial, before), after) in steady.iter().zip(&after) {
                found.answers.compare(&trial.answer, &unit, before, after);
                if let Some(claim) = &trial.claim {
                    found.claims.compare(claim, &unit, before, after);
                }
            }
        }
    }
}

impl Found {
    fn print(&self, trials: &[Trial]) {
        let claimed = trials.iter().filter(|trial| trial.claim.is_some()).count();
        for (who, statements, report) in
            [("answers", trials.len(), &self.answers), ("analyze", claimed, &self.claims)]
        {
            println!(
                "{who}: {statements} statements, {} pairs that must not move did not, {} violations; of what is named, \
                 seen to move: direct {}, indirect {}; {} runs failed",
                report.held,
                report.violations.len(),
                report.named.direct,
                report.named.indirect,
                report.failed
            );
        }
        if let Some(to) = std::env::var_os("CONNECT_TESTS_UNSEEN") {
            let named = &self.answers.named;
            let unseen: Vec<&str> =
                named.direct.unseen().chain(named.indirect.unseen()).map(String::as_str).collect();
            std::fs::write(to, unseen.join("\n")).expect("a file");
        }
    }

    fn judge(&self, trials: &[Trial]) {
        for (who, report) in [("the answers", &self.answers), ("analyze", &self.claims)] {
            let violations: Vec<&str> = report.violations.iter().map(String::as_str).collect();
            assert!(
                violations.is_empty(),
                "{who}: {} violations:\n{}",
                violations.len(),
                violations.join("\n")
            );
        }
        let ids = trials.iter().map(|trial| &trial.answer.id);
        let never: Vec<&String> = ids.filter(|id| !self.ran.contains(*id)).collect();
        assert!(never.is_empty(), "never ran: {never:?}");
        assert!(self.volatile.len() <= MOST_VOLATILE, "volatile: {:?}", self.volatile);
    }
}
