//! What non-interference means, by change: other values, the same bytes.

use connect_tests::{
    agent::SHOP,
    attack::{
        Attack, Composer,
        vault::{self, Account},
    },
    postgres::{ADMINISTRATOR, Version},
    wire::{Answer, Message, Mode},
    world::World,
};

use super::{Attacker, SEED, many};

/// What a guess comes to, byte for byte. Our own denials come without their statement's id, and rows in an
/// order of their own: joins and groups go by the masks.
fn received(answers: &[Answer]) -> Vec<Vec<u8>> {
    let bytes = |message: &Message| match (message.kind, message.field(b'D')) {
        (b'E', Some(detail)) if detail.starts_with("denied by connect") => {
            [message.field(b'C'), message.field(b'M')].map(Option::unwrap_or_default).concat().into_bytes()
        }
        _ => [&[message.kind], message.body.as_slice()].concat(),
    };
    let messages = answers.iter().flat_map(|answer| &answer.messages);
    let (mut rows, others): (Vec<_>, Vec<_>) = messages.map(bytes).partition(|bytes| bytes[0] == b'D');
    rows.sort();
    // Which rows come before an error goes by their order too.
    if answers.iter().any(|answer| answer.error().is_some()) {
        rows.clear();
    }
    others.into_iter().chain(rows).collect()
}

/// An administrator changes every protected value behind the agent's back: NULLs, equal values and what masks
/// keep stay, so that rows, joins and groups are the same, and no guess at what the values were may come out
/// otherwise than before, in any byte: rows, counts, descriptions, errors, tags, lengths. Where the masked copy
/// proves that answers are a function of the masks, this proves that the masks themselves, and all that comes
/// beside the rows, do not answer a guess.
#[test]
fn no_byte_tells_whether_a_guess_at_a_clear_value_is_right() {
    guess(&vault::world(), many(1_500));
}

#[test]
fn nor_where_the_account_is_a_superuser_of_an_old_server() {
    guess(&vault::world_on(Some(Version::Thirteen), Account::Superuser), many(300));
}

#[test]
fn nor_where_the_account_owns_nothing_of_a_new_server() {
    guess(&vault::world_on(Some(Version::Eighteen), Account::Small), many(300));
}

fn guess(world: &World, count: usize) {
    let tunnel = world.person("li").open(SHOP);
    let mut composer = Composer::new(SEED + 2);
    let guesses: Vec<(Mode, Attack)> =
        (0..count).map(|place| (Mode::EVERY[place % Mode::EVERY.len()], composer.guess())).collect();
    let all = |port: u16, user: &'static str, places: usize| -> Vec<_> {
        let mut attacker = Attacker::new(port, user, "shop");
        let guesses = guesses.iter().step_by(places);
        guesses.map(|(mode, guess)| received(&attacker.try_all(*mode, guess))).collect()
    };
    let before = all(tunnel.port(), "anybody", 1);
    let bare_before = all(world.postgres.port(), ADMINISTRATOR, 5);
    vault::fill(&world.postgres, "shop", &vault::OTHERS);
    let after = all(tunnel.port(), "anybody", 1);
    let bare_after = all(world.postgres.port(), ADMINISTRATOR, 5);

    let mut differences = Vec::new();
    for ((mode, guess), (one, two)) in guesses.iter().zip(before.iter().zip(&after)) {
        if one != two {
            let at =
                one.iter().zip(two).position(|(one, two)| one != two).unwrap_or(one.len().min(two.len()));
            let [one, two] =
                [one, two].map(|bytes| bytes.get(at).map(|bytes| String::from_utf8_lossy(bytes)));
            differences.push(format!(
                "{mode:?} {}: {:?}\n  before: {one:?}\n  after:  {two:?}",
                guess.sink, guess.steps
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        guesses.len(),
        differences.join("\n")
    );
    let told = bare_before.iter().zip(&bare_after).filter(|(one, two)| one != two).count();
    println!("{told} of {} guesses tell without us", bare_before.len());
    assert!(told * 100 / bare_before.len() >= 30, "only {told} guesses tell anything without us");
}
