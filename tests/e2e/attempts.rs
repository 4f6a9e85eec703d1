//! Attempts of several steps, thought out by people: at mask keys, at rewritten texts and at what names mean.

use connect_tests::{
    agent::SHOP,
    attack::vault,
    canary, place,
    script::{Script, scripts},
    wire::{Mode, Wire},
};

fn attempts() -> Vec<Script> {
    scripts(&std::fs::read_to_string(place::of_tests("corpora/attempts.sql")).expect("a corpus"))
}

/// So many hexadecimal digits in a row are a key: no mask has half as many.
const DIGITS_OF_A_KEY: usize = 200;

fn shows_a_key(received: &[u8]) -> bool {
    received.split(|byte| !byte.is_ascii_hexdigit()).any(|run| run.len() >= DIGITS_OF_A_KEY)
}

#[test]
fn no_attempt_shows_a_clear_value_or_a_mask_key() {
    let world = vault::world();
    let tunnel = world.person("li").open(SHOP);
    let mut failures = Vec::new();
    let (mut answered, mut refused) = (0, 0);
    for attempt in attempts() {
        for mode in [Mode::Simple, Mode::Binary, Mode::PreparedTwice] {
            let mut wire = Wire::open(tunnel.port(), "anybody", "shop").expect("a connection");
            for step in &attempt.steps {
                let answer = wire.ask(mode, step);
                let bytes = answer.bytes();
                let own = canary::found_in(step.as_bytes()).is_some();
                if let Some(canary) = canary::found_in(&bytes).filter(|_| !own) {
                    failures.push(format!("{mode:?} {}: LEAKS {canary}: {step}", attempt.title));
                }
                if shows_a_key(&bytes) {
                    failures.push(format!("{mode:?} {}: LEAKS A KEY: {step}", attempt.title));
                }
                if let Some(lost) = answer.lost {
                    failures.push(format!("{mode:?} {}: {lost}: {step}", attempt.title));
                    break;
                }
                match answer.error() {
                    None => answered += 1,
                    Some(error) => {
                        refused += 1;
                        if std::env::var_os("CONNECT_TESTS_VERBOSE").is_some() {
                            println!("{mode:?} {} | {step}", error.text());
                        }
                    }
                }
            }
        }
    }
    println!("{answered} steps answered, {refused} refused");
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    assert!(answered >= 300, "only {answered} steps were answered");
    assert_eq!(world.postgres.sql("shop", "SELECT count(*) FROM pg_db_role_setting"), "0");
}
