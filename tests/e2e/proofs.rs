//! Receipts verify; logs and receipts that were touched do not.

use std::{fs, path::Path};

use connect_tests::{agent::SHOP, leaves, person::Person, process::Finished, world::World};

/// `connect audit verify` of a log's folder or of a receipt.
fn verify(person: &Person, what: &str, path: &Path) -> Finished {
    person.runs(&["audit", "verify", what, &path.display().to_string()])
}

#[test]
fn a_receipt_verifies_offline_and_names_the_statement() {
    let mut world = World::start();
    let li = world.person("li");
    li.runs(&["exec", SHOP, "--", "psql", "-Xc", "DELETE FROM scratch"]);
    let receipt = li.runs(&["audit", "receipt", "--last"]).good();
    assert!(receipt.starts_with("c2sp.org/tlog-proof@v1\n"), "{receipt}");
    let file = world.folder().join("receipt.txt");
    fs::write(&file, &receipt).expect("a file");
    world.agent.stop();

    let verified = verify(&li, "--receipt", &file);
    assert_eq!(verified.code, 0, "{}\n{}", verified.stdout, verified.stderr);

    // Each letter of the leaf, the proof and the checkpoint counts.
    let mut caught = 0;
    for (at, byte) in
        receipt.bytes().enumerate().filter(|(at, byte)| byte.is_ascii_alphanumeric() && at % 97 == 0)
    {
        let mut bytes = receipt.clone().into_bytes();
        bytes[at] = if byte == b'A' { b'B' } else { b'A' };
        fs::write(&file, bytes).expect("a file");
        let refused = verify(&li, "--receipt", &file);
        assert_ne!(refused.code, 0, "a change of byte {at} went unnoticed");
        caught += usize::from(refused.code == 10);
    }
    assert!(caught > 0, "at least one of them is a failed verification");
}

#[test]
fn a_log_that_was_touched_does_not_verify() {
    let mut world = World::start();
    let li = world.person("li");
    for id in 1..=5 {
        let sql = format!("UPDATE scratch SET note = 'changed' WHERE id = {id}");
        li.runs(&["exec", SHOP, "--", "psql", "-Xc", &sql]).good();
    }
    world.agent.stop();
    let log = world.agent.log();
    assert_eq!(verify(&li, "--log", &log).code, 0);
    let size = leaves::read(&log).len();

    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 3] = [
        ("an entry was changed", &|log| {
            change_entries(log, |bytes| {
                let at = bytes.windows(6).rposition(|window| window == b"update").expect("an update");
                bytes[at..at + 6].copy_from_slice(b"select");
            })
        }),
        ("the last bundle was cut", &|log| change_entries(log, |bytes| bytes.truncate(bytes.len() - 40))),
        ("the checkpoint was changed", &|log| {
            let path = log.join("checkpoint");
            let text = fs::read_to_string(&path).expect("a checkpoint");
            fs::write(&path, text.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1))
                .expect("a file");
        }),
    ];
    for (number, (what, damage)) in damages.iter().enumerate() {
        let damaged = world.folder().join(format!("damaged-{number}"));
        leaves::copy(&log, &damaged);
        damage(&damaged);
        let refused = verify(&li, "--log", &damaged);
        assert_eq!(refused.code, 10, "{what}: {}\n{}", refused.stdout, refused.stderr);
    }
}

fn change_entries(log: &Path, change: impl Fn(&mut Vec<u8>)) {
    let folder = log.join("tile/entries/000.p");
    let mut widths: Vec<_> =
        fs::read_dir(&folder).expect("bundles").flatten().map(|entry| entry.path()).collect();
    widths.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u16>().ok()));
    for path in widths {
        let mut bytes = fs::read(&path).expect("a bundle");
        if bytes.windows(6).any(|window| window == b"update") {
            change(&mut bytes);
            fs::write(&path, bytes).expect("a file");
        }
    }
}

#[test]
fn the_log_holds_no_literal_and_no_value() {
    let mut world = World::start();
    let tunnel = world.person("li").open(SHOP);
    let secret = "literal-that-stays-out-8841";
    let finished = tunnel.psql(&format!(
        "INSERT INTO scratch VALUES (990, '{secret}');\nSELECT email FROM customers WHERE id = 1;\n\
         DELETE FROM scratch WHERE note = '{secret}';\nDELETE FROM scratch -- {secret}\n;SELEC '{secret}';\n"
    ));
    assert!(finished.stderr.contains("ERROR"));
    drop(tunnel);
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let text: String = leaves.iter().map(ToString::to_string).collect();
    assert!(text.contains("intent") && text.contains("denial"));
    assert!(!text.contains(secret), "a literal is in the log");
    assert_eq!(connect_tests::canary::found_in(text.as_bytes()), None);
}

#[test]
fn every_statement_has_one_intent_before_one_outcome_and_a_denial_has_neither() {
    let mut world = World::start();
    let tunnel = world.person("li").open(SHOP);
    tunnel.psql("SELECT 1;\nINSERT INTO scratch VALUES (990, 'a');\nDELETE FROM scratch;\nSELECT 1/0;\nSELECT 1\\; SELECT 2;\n");
    drop(tunnel);
    world.agent.stop();
    let leaves = leaves::read(&world.agent.log());
    let position = |kind: &str, id: &serde_json::Value| {
        leaves.iter().position(|leaf| leaf["kind"] == kind && leaf["statement"] == *id)
    };
    let intents = leaves::of_kind(&leaves, "intent");
    assert_eq!(intents.len(), 5, "SELECT 1, INSERT, SELECT 1/0, and two of one message");
    for intent in intents {
        let id = &intent["statement"];
        let (begun, ended) = (position("intent", id), position("outcome", id).expect("an outcome"));
        assert!(begun < Some(ended));
    }
    let denials = leaves::of_kind(&leaves, "denial");
    assert_eq!(denials.len(), 1);
    assert_eq!(position("intent", &denials[0]["statement"]), None);
    assert!(denials[0]["decision"].to_string().contains("unbounded_write"), "{}", denials[0]);
}
