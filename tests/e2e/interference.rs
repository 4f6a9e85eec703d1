//! Whatever is composed from protected columns, no byte that the client receives depends on their values,
//! but for their masks.

use std::collections::BTreeMap;

use connect_tests::{
    agent::SHOP,
    attack::{Attack, Composer, vault},
    canary,
    postgres::ADMINISTRATOR,
    wire::{Answer, Mode, Wire},
    world::World,
};

const SEED: u64 = 1;

/// How many attacks there are: many more in the long tests, fewer where the agent is not optimised and takes
/// ten times as long.
fn many(usual: usize) -> usize {
    match std::env::var_os("CONNECT_TESTS_FULL") {
        Some(_) => usual * 15,
        None if cfg!(debug_assertions) => usual / 8,
        None => usual,
    }
}

/// Somebody who tries one attack after the other, with a new connection now and then.
struct Attacker {
    port: u16,
    user: &'static str,
    database: String,
    wire: Wire,
    tried: usize,
}

impl Attacker {
    fn new(port: u16, user: &'static str, database: &str) -> Self {
        let wire = Wire::open(port, user, database).expect("a connection");
        Self { port, user, database: database.to_owned(), wire, tried: 0 }
    }

    /// Through the agent, as somebody who may do the most.
    fn protected(port: u16) -> Self {
        Self::new(port, "anybody", "shop")
    }

    fn renew(&mut self) {
        self.wire = Wire::open(self.port, self.user, &self.database).expect("a connection");
    }

    /// Every answer, each step after the other. The connection is outside any transaction afterwards.
    fn try_all(&mut self, mode: Mode, attack: &Attack) -> Vec<Answer> {
        self.tried += 1;
        if self.tried.is_multiple_of(50) {
            self.renew();
        }
        let mut answers = Vec::new();
        for step in &attack.steps {
            answers.push(self.wire.ask(mode, step));
            if answers.last().is_some_and(|answer| answer.lost.is_some()) {
                self.renew();
                return answers;
            }
        }
        if answers.last().is_some_and(Answer::in_transaction) {
            answers.push(self.wire.ask(Mode::Simple, "ROLLBACK"));
        }
        answers
    }
}

/// How a kind of attack fared.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    denied: usize,
    failed: usize,
}

impl Tally {
    fn count(&mut self, answers: &[Answer]) {
        match answers.iter().find(|answer| answer.error().is_some()) {
            None => self.answered += 1,
            Some(answer) if answer.is_denied() => self.denied += 1,
            Some(_) => self.failed += 1,
        }
    }
}

fn attacks(count: usize) -> Vec<(Mode, Attack)> {
    let mut composer = Composer::new(SEED);
    (0..count).map(|place| (Mode::ALL[place % Mode::ALL.len()], composer.attack())).collect()
}

#[test]
fn no_composed_attack_shows_a_clear_value_in_any_byte() {
    let world = vault::world();
    let tunnel = world.person("li").open(SHOP);
    let attacks = attacks(many(2_400));
    let mut attacker = Attacker::protected(tunnel.port());
    let mut failures = Vec::new();
    let mut tallies: BTreeMap<&str, Tally> = BTreeMap::new();
    for (mode, attack) in &attacks {
        let answers = attacker.try_all(*mode, attack);
        tallies.entry(attack.sink).or_default().count(&answers);
        for (step, answer) in answers.iter().enumerate() {
            // A plan repeats the guesses of the statement itself.
            let sql = attack.steps.get(step).map_or("", |sql| sql.as_str());
            let repeats = sql.starts_with("EXPLAIN") && canary::found_in(sql.as_bytes()).is_some();
            if let Some(canary) = canary::found_in(&answer.bytes()).filter(|_| !repeats) {
                failures.push(format!("{mode:?} LEAKS {canary}: {:?} step {step}", attack.steps));
            }
            if let Some(lost) = &answer.lost {
                failures.push(format!("{mode:?} {lost}: {:?} step {step}", attack.steps));
            }
        }
    }
    let sum = |of: fn(&Tally) -> usize| tallies.values().map(of).sum::<usize>();
    let (answered, denied, failed) =
        (sum(|tally| tally.answered), sum(|tally| tally.denied), sum(|tally| tally.failed));
    println!("{answered} answered, {denied} denied, {failed} failed at the server\n{tallies:#?}");
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), attacks.len(), failures.join("\n"));
    // Without us a large share of them succeeds, so that this test can fail.
    let leaks = leaks_without_us(&world, attacks.iter().step_by(6));
    let share = leaks * 100 / (attacks.len() / 6);
    assert!(share >= 25, "only {share} % of them show a canary on an unprotected server");
    assert!(answered * 100 / attacks.len() >= 30, "only {answered} were answered");
}

fn leaks_without_us<'a>(world: &World, attacks: impl Iterator<Item = &'a (Mode, Attack)>) -> usize {
    let mut attacker = Attacker::new(world.postgres.port(), ADMINISTRATOR, "shop");
    let shows = |answer: &Answer| canary::found_in(&answer.bytes()).is_some();
    attacks.filter(|(_, attack)| attacker.try_all(Mode::Simple, attack).iter().any(shows)).count()
}
