//! Canaries stand in every protected value, and none may be in any byte.

use std::collections::BTreeMap;

use connect_tests::{
    agent::SHOP,
    attack::{
        Attack, Composer,
        vault::{self, Account},
    },
    canary,
    postgres::{ADMINISTRATOR, Version},
    wire::{Answer, Mode},
    world::World,
};

use super::{Attacker, SEED, many};

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
    (0..count).map(|place| (Mode::EVERY[place % Mode::EVERY.len()], composer.attack())).collect()
}

#[test]
fn no_composed_attack_shows_a_clear_value_in_any_byte() {
    hold(&vault::world(), many(2_400));
}

#[test]
fn nor_where_the_account_is_a_superuser_of_an_old_server() {
    hold(&vault::world_on(Some(Version::Thirteen), Account::Superuser), many(600));
}

#[test]
fn nor_where_the_account_owns_nothing_of_a_new_server() {
    hold(&vault::world_on(Some(Version::Eighteen), Account::Small), many(600));
}

fn hold(world: &World, count: usize) {
    let tunnel = world.person("li").open(SHOP);
    let attacks = attacks(count);
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
    let leaks = leaks_without_us(world, attacks.iter().step_by(6));
    let share = leaks * 100 / (attacks.len() / 6);
    assert!(share >= 25, "only {share} % of them show a canary on an unprotected server");
    assert!(answered * 100 / attacks.len() >= 30, "only {answered} were answered");
}

fn leaks_without_us<'a>(world: &World, attacks: impl Iterator<Item = &'a (Mode, Attack)>) -> usize {
    let mut attacker = Attacker::new(world.postgres.port(), ADMINISTRATOR, "shop");
    let shows = |answer: &Answer| canary::found_in(&answer.bytes()).is_some();
    attacks.filter(|(_, attack)| attacker.try_all(Mode::Simple, attack).iter().any(shows)).count()
}
