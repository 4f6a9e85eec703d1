//! Payloads that two programs could read in two ways, and proofs that two people could be shown in two.

use super::*;

#[test]
fn a_payload_that_could_be_read_in_two_ways_is_none_even_by_everybodys_keys() {
    let run = honest();
    let log = Log::of(&run);
    let said = |form| verdict_on(&run, &log, &key(LOG, 1), form).map(drop);
    assert_eq!(said(str::to_owned), Ok(()), "what we write ourselves has one form");
    let forms: [fn(&str) -> String; 9] = [
        // The same field twice: the first, the last, and in the depth.
        |text| text.replacen("\"job\":\"train\"", "\"job\":\"other\",\"job\":\"train\"", 1),
        |text| text.replacen("\"job\":\"train\"", "\"job\":\"train\",\"job\":\"train\"", 1),
        |text| text.replacen("\"masked\":\"pii.email\"", "\"masked\":null,\"masked\":\"pii.email\"", 1),
        |text| text.replacen("\"name\":\"model.bin\"", "\"name\":\"x\",\"name\":\"model.bin\"", 1),
        // Fields that nobody knows.
        |text| text.replacen('{', "{\"verified\":true,", 1),
        |text| text.replacen("\"predicate\":{", "\"predicate\":{\"sources_of\":[],", 1),
        |text| text.replacen("\"digest\":{", "\"size\":3,\"digest\":{", 1),
        // The same in another form.
        |text| text.replacen("train", "tr\\u0061in", 1),
        |text| format!("{text} "),
    ];
    for (number, form) in forms.into_iter().enumerate() {
        assert_eq!(said(form), Err("attestation_form".into()), "form {number}");
    }
    // What a later version says is told by its name, and not as a forgery.
    let later = RunPredicate { version: PREDICATE_VERSION + 1, ..run.clone() };
    let more: fn(&str) -> String = |text| text.replacen("\"version\":3", "\"version\":3,\"new\":[]", 1);
    let said = verdict_on(&later, &log, &key(LOG, 1), more).map(drop);
    assert_eq!(said, Err("attestation_version".into()));
}

/// A run with a second approver, whose entry is the first of a log of its own.
fn with_two() -> (RunPredicate, Log) {
    let mut run = honest();
    let second = Approver {
        name: "kim@example.com".into(),
        sub: "kim".into(),
        index: 7,
        ..run.approvals[0].by[0].clone()
    };
    run.approvals[0].by.push(second);
    let log = Log::of(&run);
    (run, log)
}

#[test]
fn everybody_whose_approval_is_not_proved_here_is_named() {
    let (mut run, log) = with_two();
    run.receipts = vec![String::new()];
    let run = verdict(&run, &log, &key(LOG, 1)).expect("it holds").run;
    let findings = check::findings(&run, (&Found { fact: file("model.bin"), folder: None }, None));
    for name in ["sam@example.com", "kim@example.com"] {
        assert!(
            findings.iter().any(|line| line.contains(name) && line.contains("no proof here")),
            "{findings:?}"
        );
    }
}

#[test]
fn one_entry_is_not_two_approvals() {
    let (mut run, log) = with_two();
    run.approvals[0].by[1].index = 0;
    assert_eq!(verdict(&run, &log, &key(LOG, 1)).map(drop), Err("attestation_approval_twice".into()));
}

#[test]
fn proofs_from_two_trees_of_one_size_are_a_fork_of_the_log() {
    let (run, log) = with_two();
    // Of one size, which is not that of the end of the run: its first leaf is the approval, its second another one.
    let receipt = |index: u64, other: &str| {
        let [first, _] = &log.leaves;
        let (leaf, other) = (leaf_hash(first), leaf_hash(other.as_bytes()));
        let (root, proof) = (node_hash(&node_hash(&leaf, &other), &other), vec![other, other]);
        let checkpoint = Checkpoint { origin: LOG.into(), size: 3, root }.sign(&log.key);
        Receipt { index, leaf: first.clone(), proof, checkpoint }.to_string()
    };
    let of = |receipts: Vec<String>| {
        let run = RunPredicate { receipts, ..run.clone() };
        verdict(&run, &log, &key(LOG, 1)).map(drop)
    };
    assert_eq!(of(vec![receipt(0, "one")]), Ok(()));
    assert_eq!(of(vec![receipt(0, "one"), receipt(0, "two")]), Err("attestation_log".into()));
}
