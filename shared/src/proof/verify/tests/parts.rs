//! A part of a log, the numbers of connections, and what witnesses say.

use super::*;
use crate::proof::{cosignature::CosigningKey, note::Note};

fn verification() -> Verification {
    Verification::new(key().verifier().clone())
}

fn range(log: &Log, from: u64, to: u64) -> Report {
    verification().run_range(log, from..to, &mut |_| {}).expect("it can be checked")
}

#[test]
fn a_part_of_a_log_is_shown_to_be_in_it_entry_by_entry() {
    let log = Log::of(&statements(700));
    for (from, to, entries) in
        [(0, 1, 1), (3, 7, 4), (250, 1300, 1050), (1399, u64::MAX, 1), (0, u64::MAX, 1400)]
    {
        let report = range(&log, from, to);
        assert_eq!((report.faults.clone(), report.entries), (Vec::new(), entries), "{from}..{to}");
    }
    // Who asks for entries knows of them: they are gone.
    for (from, to, first, upto, entries) in [
        (5_000, 6_000, 5_000, Some(6_000), 0),
        (1_390, 1_401, 1_400, Some(1_401), 10),
        (1_400, u64::MAX, 1_400, None, 0),
    ] {
        let report = range(&log, from, to);
        let wrong = Wrong::NotThere { size: 1_400, upto };
        assert_eq!(report.faults, [Fault { index: Some(first), wrong }], "{from}..{to}");
        assert_eq!(report.entries, entries, "{from}..{to}");
    }
    assert!(range(&Log::of(&[]), 0, u64::MAX).is_sound());
}

#[test]
fn what_was_changed_within_the_part_is_named_and_what_was_changed_elsewhere_is_not_seen() {
    let mut entries = statements(700);
    let log = Log::of(&entries);
    entries[300] = leaf(150, intent(9_999));
    log.write_entries(&entries, 1400);
    let report = range(&log, 290, 310);
    assert_eq!(report.faults, [Fault { index: Some(300), wrong: Wrong::NotIncluded }]);
    assert!(range(&log, 0, 300).is_sound());
    log.remove("tile/entries/002");
    let missing = range(&log, 600, 700).faults;
    assert_eq!(missing, [Fault { index: Some(600), wrong: Wrong::EntriesMissing { upto: 700 } }]);
    log.remove("tile/0/004");
    let tiles = range(&log, 1030, 1031).faults;
    assert!(
        matches!(tiles[..], [Fault { index: Some(1030), wrong: Wrong::TileMissing { .. } }]),
        "{tiles:?}"
    );
}

#[test]
fn a_part_is_held_against_what_was_kept() {
    let log = Log::of(&statements(300));
    let kept = Log::of(&statements(200)).checkpoint();
    let with = |kept: Checkpoint| {
        verification().kept("kept", kept).run_range(&log, 0..9, &mut |_| {}).expect("checked").faults
    };
    assert_eq!(with(kept.clone()), []);
    let changed = with(Checkpoint { root: leaf_hash(b"x"), ..kept.clone() });
    assert!(matches!(changed[..], [Fault { wrong: Wrong::HistoryChanged { .. }, .. }]), "{changed:?}");
    let longer = with(Checkpoint { size: 700, ..kept });
    assert!(matches!(longer[..], [Fault { wrong: Wrong::CutOff { size: 700, .. }, .. }]), "{longer:?}");
}

fn numbered(connection: u8, number: Option<u64>, id: u64) -> Vec<u8> {
    let Entry::Denial(mut entry) = denial(id) else { unreachable!("a denial") };
    entry.connection = ConnectionId::from_random([connection; 16]);
    entry.sequence = number;
    leaf(id, Entry::Denial(entry))
}

fn closed(connection: u8, time: u64) -> Vec<u8> {
    closed_after(connection, time, None)
}

fn closed_after(connection: u8, time: u64, statements: Option<u64>) -> Vec<u8> {
    let (session, connection) =
        (SessionId::from_random([1; 16]), ConnectionId::from_random([connection; 16]));
    leaf(time, Entry::ConnectionClosed { session, connection, code: "x".into(), statements })
}

#[test]
fn statements_that_a_connection_had_and_the_log_has_not_are_named_at_its_end() {
    let run =
        |entries: &[Vec<u8>]| verification().run(&Log::of(entries), &mut |_| {}).expect("checked").faults;
    let two = || vec![numbered(1, Some(0), 0), numbered(1, Some(1), 1)];
    let ended = |statements| [two(), vec![closed_after(1, 2, statements)]].concat();
    assert_eq!(run(&ended(Some(2))), []);
    assert_eq!(run(&ended(None)), []);
    assert_eq!(run(&[closed_after(1, 0, Some(0))]), []);
    let cut = |index, said, found| {
        let connection = ConnectionId::from_random([1; 16]);
        vec![Fault { index: Some(index), wrong: Wrong::SequenceCut { connection, said, found } }]
    };
    assert_eq!(run(&ended(Some(3))), cut(2, 3, 2));
    assert_eq!(run(&ended(Some(1))), cut(2, 1, 2));
    assert_eq!(run(&[closed_after(1, 0, Some(4))]), cut(0, 4, 0));
    // Of a part it is known only of what is in it.
    assert_eq!(range(&Log::of(&ended(Some(2))), 2, 3).faults, []);
    assert_eq!(range(&Log::of(&ended(Some(2))), 1, 3).faults, []);
    assert_eq!(range(&Log::of(&ended(Some(9))), 1, 3).faults, cut(2, 9, 2));
}

#[test]
fn a_number_that_a_connection_left_out_or_gave_twice_is_named() {
    let sound = [
        numbered(1, Some(0), 0),
        numbered(2, Some(0), 1),
        numbered(1, Some(1), 2),
        numbered(3, None, 3),
        closed(1, 4),
        numbered(1, Some(0), 5),
    ];
    let run =
        |entries: &[Vec<u8>]| verification().run(&Log::of(entries), &mut |_| {}).expect("checked").faults;
    assert_eq!(run(&sound), []);
    let broken = |expected, found| Wrong::SequenceBroken {
        connection: ConnectionId::from_random([1; 16]),
        expected,
        found,
    };
    let gap = [numbered(1, Some(0), 0), numbered(1, Some(2), 1), numbered(1, Some(3), 2)];
    assert_eq!(run(&gap), [Fault { index: Some(1), wrong: broken(1, 2) }]);
    let twice = [numbered(1, Some(0), 0), numbered(1, Some(0), 1)];
    assert_eq!(run(&twice), [Fault { index: Some(1), wrong: broken(1, 0) }]);
    let late = [numbered(1, Some(4), 0)];
    assert_eq!(run(&late), [Fault { index: Some(0), wrong: broken(0, 4) }]);
    assert_eq!(range(&Log::of(&late), 0, 1).faults, [], "what comes before a part is not known");
}

#[test]
fn what_witnesses_cosigned_is_held_against_the_log_and_counted() {
    let witness = CosigningKey::from_seed("witness.test/one", [1; 32]).expect("a key");
    let absent = CosigningKey::from_seed("witness.test/two", [2; 32]).expect("a key");
    let log = Log::of(&statements(300));
    let cosigned = |log: &Log| {
        let text = log.checkpoint_text();
        let line = witness.cosign(Note::parse(&text).expect("a note").text(), 7);
        format!("{text}{line}\n").into_bytes()
    };
    log.put("witnessed", cosigned(&Log::of(&statements(200))));
    let with = |log: &Log, required| {
        let keys = vec![witness.witness().clone(), absent.witness().clone()];
        verification().witnesses(keys, required).run(log, &mut |_| {}).expect("checked")
    };
    let report = with(&log, 1);
    assert_eq!(report.faults, []);
    assert_eq!(report.witnessed, Some(Witnessed { size: 400, by: vec![("witness.test/one".into(), 7)] }));
    let few = with(&log, 2).faults;
    assert_eq!(few, [Fault { index: None, wrong: Wrong::TooFewWitnesses { found: 1, required: 2 } }]);

    let mut entries = statements(300);
    entries[100] = leaf(50, intent(9_999));
    entries[101] = leaf(50, outcome(9_999));
    let rewritten = Log::of(&entries);
    rewritten.put("witnessed", cosigned(&Log::of(&statements(200))));
    let label = "the checkpoint that witnesses cosigned".to_owned();
    let changed = with(&rewritten, 1).faults;
    assert_eq!(changed, [Fault { index: None, wrong: Wrong::HistoryChanged { label, size: 400 } }]);
    rewritten.remove("witnessed");
    let none = with(&rewritten, 1).faults;
    assert!(matches!(none[..], [Fault { wrong: Wrong::NotWitnessed { .. }, .. }]), "{none:?}");
}
