mod parts;
mod silence;
mod tamper;

use std::{cell::RefCell, collections::BTreeMap};

use super::*;
use crate::{
    decision::{Decision, Outcome},
    entry::{CATALOGUE, Denial, Entry, Intent, Leaf, OutcomeEntry, PrincipalRef, StatementResult, TextRef},
    ids::{ConnectionId, GrantId, SessionId, StatementId},
    proof::{
        note::SigningKey,
        tile::{Level, Tile, TileHashes, TileTree, encode_entry, encode_hashes},
        tree::{Hash, inclusion_proof, leaf_hash, plain_hash},
    },
};

const ORIGIN: &str = "connect.local/demo";

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, [5; 32]).expect("a good name")
}

fn statement(number: u64) -> StatementId {
    StatementId::from_random(u128::from(number).to_be_bytes())
}

fn decision(outcome: Outcome) -> Decision {
    Decision { outcome, reasons: Vec::new(), shadow: Vec::new(), policy_digest: "00".into() }
}

fn intent(number: u64) -> Entry {
    Entry::Intent(Box::new(Intent {
        statement: statement(number),
        session: SessionId::from_random([1; 16]),
        connection: ConnectionId::from_random([2; 16]),
        principal: PrincipalRef { sub: "alice".into(), idp: "idp".into(), actor: None },
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".into(),
        verb: "select".into(),
        text: TextRef::Fingerprint("f00d".into()),
        commitment: "00".into(),
        read_only: true,
        reads: vec!["public.customers".into()],
        writes: Vec::new(),
        sequence: None,
        run: None,
        task: None,
        purpose: None,
        lineage: None,
        decision: decision(Outcome::Permit(Vec::new())),
    }))
}

fn outcome(number: u64) -> Entry {
    Entry::Outcome(Box::new(OutcomeEntry {
        statement: statement(number),
        result: StatementResult::Done,
        rows: number,
        bytes: 1,
        masked: Vec::new(),
        content: None,
        micros: 1,
    }))
}

fn denial(number: u64) -> Entry {
    Entry::Denial(Box::new(Denial {
        statement: statement(number),
        session: SessionId::from_random([1; 16]),
        connection: ConnectionId::from_random([2; 16]),
        principal: PrincipalRef { sub: "alice".into(), idp: "idp".into(), actor: None },
        grant: GrantId::from_random([3; 16]),
        resource: "prod-db".into(),
        verb: "drop table".into(),
        text: TextRef::Length(9),
        commitment: "00".into(),
        sequence: None,
        run: None,
        task: None,
        purpose: None,
        decision: decision(Outcome::Deny),
    }))
}

fn leaf(time: u64, entry: Entry) -> Vec<u8> {
    serde_json::to_vec(&Leaf { v: CATALOGUE, time, entry }).expect("a leaf")
}

/// `pairs` statements: an INTENT at every even index, its OUTCOME after it.
fn statements(pairs: u64) -> Vec<Vec<u8>> {
    (0..pairs).flat_map(|number| [leaf(number, intent(number)), leaf(number, outcome(number))]).collect()
}

/// A log's files in memory.
#[derive(Default)]
struct Log(RefCell<BTreeMap<String, Vec<u8>>>);

impl LogReader for Log {
    fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ReadError> {
        match self.0.borrow().get(path) {
            Some(bytes) if bytes.len() > limit => Err(ReadError("too long".into())),
            other => Ok(other.cloned()),
        }
    }
}

impl Log {
    /// A whole log with these entries.
    fn of(entries: &[Vec<u8>]) -> Self {
        let log = Self::default();
        let root = log.write_tiles(entries);
        log.write_entries(entries, entries.len());
        log.sign(entries.len() as u64, root);
        log
    }

    /// Bundles of these entries, under the names that they have in a log of `size` entries.
    fn write_entries(&self, entries: &[Vec<u8>], size: usize) {
        self.0.borrow_mut().retain(|path, _| !path.starts_with("tile/entries/"));
        for (index, chunk) in (0..).zip(entries.chunks(256)) {
            let mut bundle = Vec::new();
            chunk.iter().for_each(|entry| encode_entry(&mut bundle, entry).expect("short"));
            if let Some(tile) = Tile::of(Level::Entries, index, size as u64) {
                self.put(&tile.path(), bundle);
            }
        }
    }

    fn write_tiles(&self, entries: &[Vec<u8>]) -> Hash {
        let mut tree = TileTree::default();
        for entry in entries {
            tree.push(leaf_hash(entry), |tile, hashes| self.put(&tile.path(), encode_hashes(hashes)));
        }
        tree.partial().for_each(|(tile, hashes)| self.put(&tile.path(), encode_hashes(hashes)));
        tree.root()
    }

    fn sign(&self, size: u64, root: Hash) {
        let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root };
        self.put("checkpoint", checkpoint.sign(&key()).into_bytes());
    }

    fn put(&self, path: &str, bytes: Vec<u8>) {
        self.0.borrow_mut().insert(path.to_owned(), bytes);
    }

    fn remove(&self, path: &str) {
        self.0.borrow_mut().remove(path).expect("there is such a file");
    }

    fn checkpoint_text(&self) -> String {
        String::from_utf8(self.0.borrow()["checkpoint"].clone()).expect("text")
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint::open(&self.checkpoint_text(), key().verifier()).expect("a checkpoint")
    }

    fn receipt(&self, entries: &[Vec<u8>], index: u64) -> Receipt {
        let size = entries.len() as u64;
        let proof = inclusion_proof(index, size, &mut TileHashes::new(self, size)).expect("in the log");
        let leaf = entries[usize::try_from(index).expect("small")].clone();
        Receipt { index, leaf, proof, checkpoint: self.checkpoint_text() }
    }

    fn verify(&self) -> Report {
        self.verify_against(Verification::new(key().verifier().clone()))
    }

    fn verify_against(&self, verification: Verification) -> Report {
        verification.run(self, &mut |_| {}).expect("it can be checked")
    }
}

#[test]
fn a_sound_log_is_sound_at_every_edge_of_its_tiles() {
    for pairs in [0, 1, 127, 128, 129, 256, 257, 700] {
        let entries = statements(pairs);
        let report = Log::of(&entries).verify();
        assert_eq!(report.faults, [], "{pairs}");
        assert_eq!((report.entries, report.statements, report.open_total), (2 * pairs, pairs, 0));
        assert!(report.is_sound());
    }
}

#[test]
fn a_log_over_three_levels_of_tiles_is_sound_and_progress_reaches_the_end() {
    let entries: Vec<_> = (0..66_000).map(|time| leaf(time, Entry::Heartbeat)).collect();
    let log = Log::of(&entries);
    let mut last = Progress { done: 0, total: 0 };
    let verification = Verification::new(key().verifier().clone());
    let report = verification.run(&log, &mut |progress| last = progress).expect("it can be checked");
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!(last, Progress { done: 66_000, total: 66_000 });
    assert_eq!((report.first_time, report.last_time), (Some(0), Some(65_999)));
}

#[test]
fn open_intents_are_named_and_are_no_fault() {
    let mut entries = statements(3);
    entries.push(leaf(9, intent(100)));
    entries.push(leaf(9, denial(101)));
    let report = Log::of(&entries).verify();
    assert!(report.is_sound());
    assert_eq!(report.open, [OpenIntent { index: 6, statement: statement(100) }]);
    assert_eq!((report.open_total, report.denials), (1, 1));
}

#[test]
fn a_statement_without_an_end_when_nothing_can_be_under_way_is_named() {
    let (session, connection) = (SessionId::from_random([1; 16]), ConnectionId::from_random([2; 16]));
    let closed = |connection| Entry::ConnectionClosed {
        session,
        connection,
        code: "terminated".into(),
        statements: None,
    };
    let started = || Entry::samples().into_iter().find(|entry| entry.kind() == "agent_started").expect("one");
    let elsewhere = ConnectionId::from_random([9; 16]);
    let cases = [
        (vec![intent(1), closed(connection)], Some((0, 1))),
        (vec![intent(1), started()], Some((0, 1))),
        (vec![started(), intent(1), closed(elsewhere), outcome(1), closed(connection), started()], None),
        (vec![intent(1), denial(1), closed(connection)], None),
        (vec![started(), intent(1)], None),
    ];
    for (entries, expected) in cases {
        let entries: Vec<_> = (0..).zip(entries).map(|(time, entry)| leaf(time, entry)).collect();
        let named = expected.map(|(index, by)| {
            let wrong = Wrong::NeverEnded { statement: statement(1), by };
            Fault { index: Some(index), wrong }
        });
        assert_eq!(Log::of(&entries).verify().faults, Vec::from_iter(named));
    }
}

#[test]
fn a_receipt_that_proves_nothing_is_named() {
    let entries = statements(5);
    let log = Log::of(&entries);
    let mut receipt = log.receipt(&entries, 3);
    receipt.leaf = b"forged".to_vec();
    let report =
        log.verify_against(Verification::new(key().verifier().clone()).receipt("a receipt", receipt));
    let texts: Vec<_> = report.faults.iter().map(ToString::to_string).collect();
    let expected = "entry 3: a receipt proves nothing: the receipt does not prove its entry: the proof leads to \
                    another root than the one that was signed";
    assert_eq!(texts, [expected]);
}

#[test]
fn pairs_that_do_not_pair_are_named() {
    let cases: [(Vec<Entry>, &str); 5] = [
        (vec![intent(1), intent(1)], "entry 1: a second INTENT for ST, after that of entry 0"),
        (vec![outcome(1)], "entry 0: an OUTCOME for ST, which has no INTENT"),
        (vec![intent(1), outcome(1), outcome(1)], "entry 2: a second OUTCOME for ST, after that of entry 1"),
        (vec![intent(1), outcome(1), intent(1)], "entry 2: a second INTENT for ST, after that of entry 1"),
        (vec![denial(1), denial(1)], "entry 1: a second OUTCOME for ST, after that of entry 0"),
    ];
    for (entries, expected) in cases {
        let entries: Vec<_> = entries.into_iter().map(|entry| leaf(1, entry)).collect();
        let texts: Vec<_> = Log::of(&entries).verify().faults.iter().map(ToString::to_string).collect();
        assert_eq!(texts, [expected.replace("ST", &statement(1).to_string())]);
    }
}

#[test]
fn time_that_goes_back_and_what_is_no_entry_are_named() {
    let unknown = br#"{"v":1,"time":9,"kind":"tea_break"}"#.to_vec();
    let newer = br#"{"v":2,"time":9,"kind":"heartbeat"}"#.to_vec();
    let entries =
        [leaf(5, Entry::Heartbeat), leaf(4, Entry::Heartbeat), unknown, newer, b"{\"v\":1".to_vec()];
    let texts: Vec<_> = Log::of(&entries).verify().faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "entry 1: its time 4 is before the time 5 of an earlier entry",
            "entry 2: not an entry of the catalogue: fields of another kind or missing (column 35)",
            "entry 3: not an entry of the catalogue: version 2 of the catalogue is not known here",
            "entry 4: not an entry of the catalogue: ends too early (column 6)",
        ]
    );
}

#[test]
fn the_body_of_an_oversized_entry_is_checked_and_counts_in_its_pair() {
    let body = serde_json::to_vec(&intent(1)).expect("an entry");
    let sha256: String = plain_hash(&body).0.iter().map(|byte| format!("{byte:02x}")).collect();
    let length = body.len() as u64;
    let oversized = Entry::Oversized {
        of: "intent".into(),
        statement: Some(statement(1)),
        sha256: sha256.clone(),
        length,
    };
    let log = Log::of(&[leaf(1, oversized), leaf(1, outcome(1))]);
    let path = format!("blob/{sha256}");
    let fault = |log: &Log| log.verify().faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(fault(&log), [format!("entry 0: its body `{path}` is missing")]);
    log.put(&path, body.clone());
    assert_eq!(fault(&log), [] as [String; 0]);
    log.put(&path, [body.as_slice(), b" "].concat());
    assert_eq!(fault(&log), [format!("entry 0: its body `{path}` is not the one that was written")]);
}

#[test]
fn a_log_of_another_key_or_without_checkpoint_cannot_be_checked() {
    let log = Log::of(&statements(1));
    let other = SigningKey::from_seed(ORIGIN, [6; 32]).expect("a good name");
    let refused = Verification::new(other.verifier().clone()).run(&log, &mut |_| {});
    assert!(matches!(refused, Err(VerifyError::Checkpoint(_))));
    log.remove("checkpoint");
    let refused = Verification::new(key().verifier().clone()).run(&log, &mut |_| {});
    assert_eq!(refused, Err(VerifyError::NoCheckpoint));
}

#[test]
fn growth_is_proved_from_tiles_and_a_changed_history_is_not() {
    let mut entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
    let old = Log::of(&entries[..301]).checkpoint();
    let log = Log::of(&entries);
    assert_eq!(check_growth(&log, &old, &log.checkpoint()), Ok(()));
    assert_eq!(check_growth(&log, &log.checkpoint(), &old), Err(GrowthError::Shrunk { old: 600, new: 301 }));
    entries[7] = leaf(7, Entry::AgentStopped { reason: "no".into() });
    let forged = Log::of(&entries);
    let refused = check_growth(&forged, &old, &forged.checkpoint());
    assert!(matches!(refused, Err(GrowthError::Changed { old: 301, .. })), "{refused:?}");
    forged.remove("tile/0/001");
    assert!(matches!(check_growth(&forged, &old, &forged.checkpoint()), Err(GrowthError::Tile(_))));
}
