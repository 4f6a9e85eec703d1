//! Logs that someone has changed: what was done is named, and where.

use proptest::prelude::*;

use super::*;

/// What is wrong beside the root, which cannot be right when entries are not.
fn named(report: &Report) -> Vec<String> {
    assert!(matches!(report.faults.first(), Some(Fault { index: None, wrong: Wrong::RootMismatch { .. } })));
    report.faults.iter().skip(1).map(ToString::to_string).collect()
}

#[test]
fn a_changed_entry_is_named() {
    let mut entries = statements(300);
    let log = Log::of(&entries);
    entries[301] = leaf(150, outcome(150)).iter().map(|b| if *b == b'1' { b'2' } else { *b }).collect();
    log.write_entries(&entries, 600);
    let report = log.verify();
    assert!(named(&report).contains(&"entry 301: changed after it was written".to_owned()), "{report:?}");
}

#[test]
fn a_deleted_entry_is_named_also_at_the_edges_of_a_bundle() {
    for at in [0, 1, 100, 254, 255, 256, 257, 400, 511, 512, 598] {
        let mut entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
        let log = Log::of(&entries);
        entries.remove(at);
        log.write_entries(&entries, 600);
        assert_eq!(
            named(&log.verify()),
            [format!("entry {at}: deleted; the entries after it were moved up")]
        );
    }
}

#[test]
fn several_deleted_entries_are_counted() {
    let mut entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
    let log = Log::of(&entries);
    entries.drain(40..47);
    log.write_entries(&entries, 600);
    let expected = "entry 40: deleted with those after it, 7 in all; the rest was moved up";
    assert_eq!(named(&log.verify()), [expected]);
}

#[test]
fn an_inserted_entry_is_named() {
    let mut entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
    let log = Log::of(&entries);
    entries.insert(77, leaf(77, Entry::Heartbeat));
    entries.insert(77, leaf(77, Entry::AgentStopped { reason: "none".into() }));
    entries.remove(78);
    log.write_entries(&entries, 600);
    let report = log.verify();
    assert_eq!(named(&report), ["entry 77: inserted later; the entries after it were moved down"]);
}

#[test]
fn reordered_entries_are_named_with_the_place_they_belong_to() {
    for (one, other) in [(4, 5), (10, 200), (200, 500)] {
        let mut entries: Vec<_> = (0..600).map(|_| 7).map(|time| leaf(time, Entry::Heartbeat)).collect();
        for (time, entry) in (0..).zip(&mut entries) {
            *entry = leaf(7, Entry::AgentStopped { reason: format!("{time}") });
        }
        let log = Log::of(&entries);
        entries.swap(one, other);
        log.write_entries(&entries, 600);
        let expected = [
            format!("entry {one}: out of order: this is the entry that was written as {other}"),
            format!("entry {other}: out of order: this is the entry that was written as {one}"),
        ];
        assert_eq!(named(&log.verify()), expected);
    }
}

#[test]
fn a_cut_tail_is_named_from_its_first_missing_entry() {
    let entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
    for kept in [0, 1, 255, 256, 300, 512, 599] {
        let log = Log::of(&entries);
        log.write_entries(&entries[..kept], 600);
        let expected = format!("entry {kept}: missing, with all before 600: signed, and not in the log");
        assert_eq!(named(&log.verify()), [expected]);
    }
}

#[test]
fn an_entry_that_was_changed_together_with_its_tile_is_named_by_its_bundle() {
    let mut entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
    let log = Log::of(&entries);
    entries[300] = leaf(300, Entry::AgentStopped { reason: "no".into() });
    let upper = log.0.borrow()["tile/1/000.p/2"].clone();
    log.write_entries(&entries, 600);
    log.write_tiles(&entries);
    log.put("tile/1/000.p/2", upper);
    let expected =
        "entry 256: changed after it was written, or one of those before 512 (their hashes were changed too)";
    assert_eq!(named(&log.verify()), [expected]);
}

#[test]
fn a_log_written_anew_is_sound_by_itself_and_not_against_what_was_kept() {
    let mut entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
    let old = Log::of(&entries[..400]);
    let verification = Verification::new(key().verifier().clone())
        .kept("the checkpoint of yesterday", old.checkpoint())
        .kept("the first checkpoint", Log::of(&[]).checkpoint())
        .receipt("the receipt of Alice", old.receipt(&entries[..400], 300));
    assert_eq!(Log::of(&entries).verify_against(verification.clone()).faults, []);

    entries[300] = leaf(300, Entry::AgentStopped { reason: "no".into() });
    let forged = Log::of(&entries);
    assert!(forged.verify().is_sound(), "the holder of the key can write anything");
    let faults = forged.verify_against(verification.clone()).faults;
    let texts: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the first 400 entries are not those of the checkpoint of yesterday: history was changed",
            "the first 400 entries are not those of the receipt of Alice: history was changed",
            "entry 300: not the entry that the receipt of Alice proves",
        ]
    );
    let cut = Log::of(&entries[..200]).verify_against(verification);
    assert!(cut.faults.iter().any(|fault| fault.to_string()
        == "the checkpoint of yesterday has 400 entries, more than the log: its tail was cut off"));
}

#[test]
fn tiles_that_do_not_fit_sound_entries_are_blamed_themselves() {
    let entries: Vec<_> = (0..600).map(|time| leaf(time, Entry::Heartbeat)).collect();
    let log = Log::of(&entries);
    log.put("tile/0/001", vec![0; 256 * 32]);
    let texts: Vec<_> = log.verify().faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "the tile `tile/0/001` does not fit the entries, which are as signed",
            "the tile `tile/1/000.p/2` does not fit the entries, which are as signed",
        ]
    );
    let log = Log::of(&entries);
    log.remove("tile/1/000.p/2");
    log.put("tile/0/000", vec![0; 31]);
    let texts: Vec<_> = log.verify().faults.iter().map(ToString::to_string).collect();
    assert!(texts.contains(&"the tile `tile/0/000` has the wrong length".to_owned()), "{texts:?}");
    assert!(texts.contains(&"the tile `tile/1/000.p/2` is missing".to_owned()), "{texts:?}");
    assert_eq!(texts.len(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_flipped_bit_in_any_file_goes_unnoticed(pick in any::<u32>(), at in any::<u32>(), bit in 0u8..8) {
        let log = Log::of(&statements(150));
        let path = {
            let files = log.0.borrow();
            files.keys().nth(pick as usize % files.len()).cloned().expect("a file")
        };
        {
            let mut files = log.0.borrow_mut();
            let bytes = files.get_mut(&path).expect("a file");
            let at = at as usize % bytes.len();
            bytes[at] ^= 1 << bit;
        }
        let checked = Verification::new(key().verifier().clone()).run(&log, &mut |_| {});
        prop_assert!(checked.map_or(true, |report| !report.is_sound()), "{path}");
    }

    #[test]
    fn no_edit_of_the_entries_goes_unnoticed_or_panics(
        edits in prop::collection::vec((0u8..4, any::<usize>(), any::<usize>()), 1..6), retile in any::<bool>()
    ) {
        let original: Vec<_> = (0..700).map(|time| leaf(time, Entry::Heartbeat)).collect();
        let log = Log::of(&original);
        let mut entries = original.clone();
        for (edit, one, other) in edits {
            let (one, other) = (one % entries.len(), other % entries.len());
            match edit {
                0 => entries.swap(one, other),
                1 => { entries.remove(one); }
                2 => entries.insert(one, leaf(3, Entry::AgentStopped { reason: "x".into() })),
                _ => entries[one] = b"{}".to_vec(),
            }
        }
        log.write_entries(&entries, original.len());
        if retile {
            log.write_tiles(&entries);
        }
        prop_assert_eq!(log.verify().is_sound(), entries == original);
    }
}
