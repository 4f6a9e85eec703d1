//! Change one column, and only what is said to depend on it moves: over the set of answers, and over
//! statements that the generator makes.

use std::collections::BTreeSet;

use connect_tests::{
    analyze::{analyze, as_claim},
    answers::{self, Answer, Status},
    generate::{Generator, schema::Schema},
    oracle::Oracle,
    perturb::{Change, Ground, Report},
    postgres::Version,
};

use crate::server::Server;

/// Statements of which two runs over the same rows differ: clocks, dice, numbers that the server gives.
const MOST_VOLATILE: usize = 5;

/// A statement, and what is claimed of it.
struct Trial {
    statement: Answer,
    /// What stands in the statement's answer is a claim: somebody worked it out.
    answered: bool,
    /// What `connect-agent analyze` says, if it says that it is everything.
    analysed: Option<Answer>,
}

#[tokio::test]
async fn changing_a_column_moves_only_what_the_set_and_analyze_say_depends_on_it() {
    let version = Version::Eighteen;
    let server = Server::of_the_set(version, &["lineage", "ground"]);
    let all: Vec<Answer> =
        answers::all().into_iter().filter(|answer| answer.is_for(version.number())).collect();
    let analysis = analyze(&server.postgres.url("lineage"), &all);
    let mut trials = Vec::new();
    for answer in all.into_iter().filter(Ground::takes) {
        let said = &analysis.said[&answer.id];
        let analysed = (!said.flagged).then(|| as_claim(&answer, said));
        trials.push(Trial { statement: answer, answered: true, analysed });
    }
    let mut ground = Ground::prepare(&server.postgres.url("ground")).await;
    let mut found = Found::default();
    for seed in 0..if is_full() { 8 } else { 1 } {
        ground.fill(seed).await;
        found.try_all(&ground, &trials).await;
    }
    found.print();
    found.judge();
    let ids = trials.iter().map(|trial| &trial.statement.id);
    let never: Vec<&String> = ids.filter(|id| !found.ran.contains(*id)).collect();
    assert!(never.is_empty(), "never ran: {never:?}");
    assert!(found.volatile.len() <= MOST_VOLATILE, "volatile: {:?}", found.volatile);
}

#[tokio::test]
async fn changing_a_column_moves_only_what_analyze_says_depends_on_it_in_generated_statements() {
    // Each statement runs again for each column and change: the long form takes about four times as long.
    let [schemas, each] = if is_full() { [5, 250] } else { [3, 150] };
    let server = Server::start(Version::Eighteen);
    let mut found = Found::default();
    for seed in 0..schemas {
        let database = format!("generated{seed}");
        server.postgres.sql("postgres", &format!("CREATE DATABASE {database}"));
        let statements = generate(&server, &database, seed, each);
        let analysis = analyze(&server.postgres.url(&database), &statements);
        let mut trials = Vec::new();
        for statement in statements {
            let said = &analysis.said[&statement.id];
            let analysed = as_claim(&statement, said);
            if !said.flagged && Ground::takes(&analysed) {
                // Its outputs say which tables to look at.
                trials.push(Trial { statement: analysed.clone(), answered: false, analysed: Some(analysed) });
            }
        }
        let mut ground = Ground::prepare(&server.postgres.url(&database)).await;
        ground.fill(seed).await;
        found.try_all(&ground, &trials).await;
    }
    found.print();
    found.judge();
    assert!(
        found.ran.len() * 4 > usize::try_from(schemas * each).expect("few"),
        "only {} ran",
        found.ran.len()
    );
}

/// Statements that the server takes, of which nothing is claimed yet.
fn generate(server: &Server, database: &str, seed: u64, count: u64) -> Vec<Answer> {
    let version = Version::Eighteen.number();
    let mut oracle = Oracle::connect(server.postgres.port(), database);
    let schema = Schema::build(seed, version, &mut |sql: &str| oracle.attempt(sql).is_ok());
    oracle.refresh();
    let mut generator = Generator::new(seed, &schema, version);
    let made = (0..count).map(|_| generator.statement()).filter(|made| oracle.judge(&made.judged).is_ok());
    made.enumerate()
        .map(|(number, made)| Answer {
            id: format!("{database}/{number} {}", made.sql),
            sql: made.sql,
            search_path: vec!["public".to_owned()],
            status: Status::Complete,
            ..Answer::default()
        })
        .collect()
}

fn is_full() -> bool {
    std::env::var_os("CONNECT_TESTS_FULL").is_some()
}

#[derive(Default)]
struct Found {
    answered: Report,
    analysed: Report,
    ran: BTreeSet<String>,
    volatile: BTreeSet<String>,
}

impl Found {
    async fn try_all(&mut self, ground: &Ground, trials: &[Trial]) {
        let statements: Vec<&Answer> = trials.iter().map(|trial| &trial.statement).collect();
        let first = ground.look(&statements).await;
        // A clock of whole seconds shows another one at the second look.
        ground.let_a_second_pass().await;
        let second = ground.look(&statements).await;
        let mut steady = Vec::new();
        for ((trial, one), two) in trials.iter().zip(&first).zip(&second) {
            match one {
                Ok(seen) if one == two => steady.push((trial, seen)),
                Ok(_) => {
                    self.volatile.insert(trial.statement.id.clone());
                }
                Err(error) if trial.answered => eprintln!("{}: {error}", trial.statement.id),
                Err(_) => {}
            }
            if one.is_ok() {
                self.ran.insert(trial.statement.id.clone());
            }
        }
        let statements: Vec<&Answer> = steady.iter().map(|(trial, _)| &trial.statement).collect();
        let all = [Change::Redraw, Change::Shuffle, Change::Level];
        let changes = if is_full() { &all[..] } else { &all[..2] };
        for unit in ground.units() {
            for change in changes {
                let Some(after) = ground.look_after(&unit, *change, &statements).await else { continue };
                for ((trial, before), after) in steady.iter().zip(&after) {
                    if trial.answered {
                        self.answered.compare(&trial.statement, &unit, before, after);
                    }
                    if let Some(claim) = &trial.analysed {
                        self.analysed.compare(claim, &unit, before, after);
                    }
                }
            }
        }
    }

    fn print(&self) {
        println!("{} statements ran, {} of them never twice the same", self.ran.len(), self.volatile.len());
        for (who, report) in [("the set", &self.answered), ("analyze", &self.analysed)] {
            println!("{who}: {report}");
        }
        if let Some(to) = std::env::var_os("CONNECT_TESTS_UNSEEN") {
            let named = &self.answered.named;
            let unseen: Vec<&str> =
                named.direct.unseen().chain(named.indirect.unseen()).map(String::as_str).collect();
            std::fs::write(to, unseen.join("\n")).expect("a file");
        }
    }

    fn judge(&self) {
        for (who, report) in [("the set", &self.answered), ("analyze", &self.analysed)] {
            let violations: Vec<&str> = report.violations.iter().map(String::as_str).collect();
            assert!(
                violations.is_empty(),
                "{who}: {} violations:\n{}",
                violations.len(),
                violations.join("\n")
            );
        }
    }
}
