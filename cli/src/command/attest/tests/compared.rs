//! Statements against the log's own entries, in a log of one bundle.

use std::fs;

use connect_shared::{
    decision::{Decision, Outcome},
    entry::{Intent, OutcomeEntry},
    ids::{ConnectionId, GrantId, SessionId},
    lineage::LineageReport,
    proof::tile::encode_entry,
};

use super::*;
use crate::{audit::Sound, command::attest::statements};

/// A statement of the run: its INTENT stands behind its lineage, and its OUTCOME behind that.
fn logged(said: &StatementRecord) -> [Entry; 3] {
    let masks = said.masked.iter().cloned().zip(said.labels.iter().copied()).collect();
    let report =
        LineageReport { indirect: said.indirect.clone(), status: said.status, ..LineageReport::default() };
    let decision = Decision {
        outcome: Outcome::Permit(Vec::new()),
        reasons: Vec::new(),
        shadow: Vec::new(),
        policy_digest: "p".into(),
    };
    let lineage = said.statement.to_string();
    let intent = Intent {
        statement: said.statement,
        session: SessionId::from_random([1; 16]),
        connection: ConnectionId::from_random([2; 16]),
        principal: PrincipalRef { sub: "ana".into(), idp: "idp".into(), actor: None },
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".into(),
        verb: said.verb.clone(),
        text: said.text.clone(),
        commitment: said.commitment.clone(),
        read_only: true,
        reads: Vec::new(),
        writes: said.writes.clone(),
        sequence: None,
        run: Some(RUN),
        task: None,
        purpose: None,
        lineage: Some(lineage.clone()),
        decision,
    };
    let outcome = OutcomeEntry {
        statement: said.statement,
        result: said.result.clone(),
        rows: said.rows,
        bytes: 0,
        masked: Vec::new(),
        content: None,
        micros: 1,
    };
    [
        Entry::StatementLineage {
            lineage,
            report: Box::new(report),
            masks,
            columns: std::collections::BTreeMap::new(),
            through: std::collections::BTreeMap::new(),
        },
        Entry::Intent(Box::new(intent)),
        Entry::Outcome(Box::new(outcome)),
    ]
}

/// Three statements, whose INTENTs are the entries 1, 4 and 7.
fn run() -> RunPredicate {
    let mut statements: Vec<StatementRecord> =
        (1..=3).map(|number| statement(number, &[], &["public.t.mail"])).collect();
    for (place, record) in (0..).zip(&mut statements) {
        record.index = place * 3 + 1;
        (record.time, record.ended) = (Some(record.index), Some(record.index + 1));
        (record.masked, record.labels) = (vec!["public.t.mail".into()], vec![Label::Email]);
    }
    RunPredicate { statements, policies: vec!["p".into()], ..honest() }
}

/// What is said of an attestation, where the log has what `run` did, and what `change` adds.
fn compared(
    said: &RunPredicate,
    pruned: u64,
    change: impl FnOnce(&mut Vec<Entry>),
) -> Result<u64, (String, String)> {
    let mut entries: Vec<Entry> = run().statements.iter().flat_map(logged).collect();
    change(&mut entries);
    let folder = tempfile::tempdir().expect("a folder");
    let mut bundle = Vec::new();
    for (time, entry) in (0..).zip(&entries) {
        let leaf = serde_json::to_vec(&Leaf { v: CATALOGUE, time, entry: entry.clone() }).expect("a leaf");
        encode_entry(&mut bundle, &leaf).expect("it fits");
    }
    let (size, tile) = (entries.len() as u64, folder.path().join("tile/entries/000.p"));
    fs::create_dir_all(&tile).expect("made");
    fs::write(tile.join(size.to_string()), bundle).expect("written");
    fs::write(folder.path().join("checkpoint"), "verified before").expect("written");
    statements::check(said, folder.path(), Sound { size, pruned }, size)
        .map_err(|report| (report.code, report.message))
}

#[test]
fn what_is_said_of_each_statement_is_what_the_log_has_of_it() {
    assert_eq!(compared(&run(), 0, |_| {}), Ok(0));
    let changes: [(&str, Change); 11] = [
        ("another verb", |run| run.statements[0].verb = "table".into()),
        ("another text", |run| run.statements[1].commitment = "other".into()),
        ("another text", |run| run.statements[1].text = TextRef::Length(10)),
        ("other columns", |run| run.statements[2].indirect.clear()),
        ("other columns", |run| run.statements[2].status = UnderstandingStatus::Opaque),
        ("other masks", |run| run.statements[0].masked.clear()),
        ("other masks", |run| run.statements[0].labels = vec![Label::Phone]),
        ("another end", |run| run.statements[0].rows += 1),
        ("another time", |run| run.statements[0].time = Some(7)),
        ("another place", |run| run.statements[0].index = 2),
        ("another policy", |run| run.policies = vec!["q".into()]),
    ];
    for (words, change) in changes {
        let mut said = run();
        change(&mut said);
        let (code, message) = compared(&said, 0, |_| {}).expect_err(words);
        assert!(code == "attestation_log_statement" && message.contains(words), "{words}: {message}");
    }
}

#[test]
fn a_statement_more_or_less_than_the_log_has_is_found() {
    let mut fewer = run();
    fewer.statements.remove(1);
    let (code, message) = compared(&fewer, 0, |_| {}).expect_err("one is left out");
    assert!(code == "attestation_log_statement" && message.contains("the attestation has not"), "{message}");
    let dropped = compared(&run(), 0, |entries| drop(entries.drain(3..6)));
    assert!(dropped.expect_err("one is not there").1.contains("no such statement"));
    // One of another person, run or resource is none of this run's.
    let others: [fn(&mut Intent); 3] = [
        |intent| intent.principal.sub = "li".into(),
        |intent| intent.run = None,
        |intent| intent.resource = "other-db".into(),
    ];
    for change in others {
        let more = compared(&run(), 0, |entries| {
            let [_, mut intent, _] = logged(&statement(9, &[], &[]));
            if let Entry::Intent(intent) = &mut intent {
                change(intent);
            }
            entries.push(intent);
        });
        assert_eq!(more, Ok(0));
    }
    let own = compared(&run(), 0, |entries| entries.extend(logged(&statement(9, &[], &[]))));
    assert!(own.expect_err("one more").1.contains("the attestation has not"));
}

#[test]
fn what_the_log_has_pruned_is_counted_and_not_missed() {
    // In earnest whole bundles are; here those entries are of other kinds by now.
    let gone = |entries: &mut Vec<Entry>| {
        let filler = Entry::Outcome(Box::new(OutcomeEntry {
            statement: StatementId::from_random([8; 16]),
            result: StatementResult::Done,
            rows: 0,
            bytes: 0,
            masked: Vec::new(),
            content: None,
            micros: 0,
        }));
        entries[..4].fill(filler);
    };
    assert_eq!(compared(&run(), 4, gone), Ok(2), "the first with its lineage, and the lineage of the second");
    assert!(compared(&run(), 0, gone).is_err(), "nothing was pruned");
}
