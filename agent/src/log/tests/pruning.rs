//! Old entries are removed: proofs hold, and what somebody removes by hand is told apart.

use connect_shared::proof::verify::Wrong;

use super::{
    super::{PruneRule, prune},
    *,
};

/// Entries before this index are old. The clock of these logs counts entries.
const OLD: u64 = 1_000;

fn options(place: &Place) -> LogOptions {
    let mut options = place.options();
    let clock = Arc::new(AtomicU64::new(0));
    options.clock = Arc::new(move || clock.fetch_add(1, Ordering::Relaxed));
    options.segment_bytes = 100_000;
    options
}

/// Of 1,500 statements that overlap: each begins before the last one has ended.
fn written() -> Place {
    let place = Place::new();
    let (log, _) = Log::open(&place.dir(), options(&place)).expect("it opens");
    let text = |sql: &str| Entry::StatementText { fingerprint: "f00d".into(), sql: sql.into() };
    append_all(&log, [text("SELECT $1"), with_number(0)]);
    append_all(&log, (1..1_500).flat_map(|number| [with_number(number), outcome(number - 1)]));
    append_all(&log, [outcome(1_499)]);
    log.shutdown().expect("in order");
    place
}

fn with_number(number: u64) -> Entry {
    let Entry::Intent(mut intent) = intent(number) else { unreachable!() };
    intent.sequence = Some(number);
    Entry::Intent(intent)
}

fn rule(before: u64) -> PruneRule {
    PruneRule { keep: "pci-dss".into(), age: 0, now: before, most: u64::MAX }
}

fn check(place: &Place) -> Report {
    let key = fs::read_to_string(place.keys().join("log.key")).expect("a key");
    let key = connect_shared::proof::note::SigningKey::from_text(&key).expect("a key");
    Verification::new(key.verifier().clone()).run(&place.public(), &mut |_| {}).expect("a log")
}

fn bundle(number: u64) -> String {
    format!("tile/entries/{number:03}")
}

#[test]
fn a_clock_that_was_set_ahead_takes_nothing_that_is_young() {
    let place = written();
    let last = prune(&place.dir(), place.options(), &rule(0)).expect("nothing to do");
    assert_eq!(last, None);
    // The last entry has the time 3,001 or so, by the clock of these logs.
    let ahead = PruneRule { age: 2_000, now: u64::MAX / 2, ..rule(0) };
    let pruned = prune(&place.dir(), place.options(), &ahead).expect("pruned").expect("something");
    assert_eq!(pruned.upto, 768, "what is older than the last entry by more than the rule says");
}

#[test]
fn what_is_old_goes_and_every_proof_still_holds() {
    let place = written();
    let (early, kept) = {
        let (log, _) = place.open();
        (receipt(&log, 5), checkpoint(&log))
    };
    let pruned = prune(&place.dir(), place.options(), &rule(OLD)).expect("pruned").expect("something");
    assert_eq!((pruned.from, pruned.upto), (0, 768));
    assert!(place.public().locate(&bundle(2)).is_some_and(|path| !path.exists()));
    assert!(place.public().locate(&bundle(3)).is_some_and(|path| path.exists()));
    let first = place.segments().first().and_then(|path| fs::read(path).ok()).expect("a segment");
    let number = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().expect("8 bytes"));
    assert_eq!(number(&first[8..16]), 768, "nothing of before is in the first segment");

    let report = check(&place);
    assert_eq!(report.faults, []);
    let said = report.pruned.expect("it says so");
    assert_eq!((said.upto, said.index, said.keep.as_str()), (768, pruned.index, "pci-dss"));
    assert_eq!(report.entries, report.checkpoint.size - 768);

    // It goes on; what was shown before is still so; and more goes later.
    let (log, recovery) = place.open();
    assert_eq!(recovery.unknown, []);
    run_statements(&log, 2_000..2_300);
    log.publish_now_blocking().expect("published");
    assert!(receipt(&log, 900).contains("tlog-proof"));
    let none = try_receipt(&log, 5);
    assert!(matches!(none, Err(ReceiptUnavailable::Pruned)), "{none:?}");
    let key: VerifierKey = log.verifier_key().parse().expect("a key");
    let verification = Verification::new(key)
        .receipt("early", Receipt::parse(&early).expect("a receipt"))
        .kept("kept", kept);
    assert_eq!(verification.run(&place.public(), &mut |_| {}).expect("a log").faults, []);
    drop(log);
    assert_eq!(prune(&place.dir(), place.options(), &rule(OLD)).expect("nothing to do"), None);
    let again = prune(&place.dir(), place.options(), &rule(2 * OLD)).expect("pruned").expect("something");
    assert_eq!((again.from, again.upto), (768, 1_792));
    assert_eq!(check(&place).faults, []);
    place.open();
}

#[test]
fn what_went_on_from_before_the_first_pruning_is_known_at_the_second() {
    let place = Place::new();
    let (log, _) = Log::open(&place.dir(), options(&place)).expect("it opens");
    let early = |sequence: u64| {
        let Entry::Intent(mut intent) = intent(10_000 + sequence) else { unreachable!() };
        (intent.connection, intent.sequence) = (connection(9), Some(sequence));
        Entry::Intent(intent)
    };
    let closed = |number, statements| {
        let (session, code) = (SessionId::from_random([1; 16]), "terminated".to_owned());
        Entry::ConnectionClosed {
            session,
            connection: connection(number),
            code,
            statements: Some(statements),
        }
    };
    append_all(&log, (0..3).map(early));
    append_all(&log, [outcome(10_000), outcome(10_001)]);
    append_all(&log, (0..1_000).flat_map(|number| [with_number(number), outcome(number)]));
    append_all(&log, [outcome(10_002), early(3), outcome(10_003), closed(9, 4), closed(2, 1_000)]);
    log.shutdown().expect("in order");
    drop(log);
    for before in [600, 1_200] {
        let pruned = prune(&place.dir(), place.options(), &rule(before)).expect("pruned").expect("something");
        assert!(pruned.upto > before / 2, "{pruned:?}");
        assert_eq!(check(&place).faults, [], "{before}");
    }
}

#[test]
fn a_text_that_later_statements_have_is_in_what_is_kept() {
    let place = written();
    let pruned = prune(&place.dir(), place.options(), &rule(OLD)).expect("pruned").expect("something");
    let size = check(&place).checkpoint.size;
    let mut leaves = crate::audit::Leaves::new(place.public(), size);
    let texts: Vec<u64> = (pruned.upto..size)
        .filter(|index| {
            let leaf = leaves.get(*index).expect("an entry").leaf;
            matches!(leaf.entry, Entry::StatementText { sql, .. } if sql == "SELECT $1")
        })
        .collect();
    assert_eq!(texts, [pruned.index - 1]);
}

#[test]
fn what_a_sink_has_not_taken_stays() {
    let place = written();
    let until = |most| PruneRule { most, ..rule(OLD) };
    assert_eq!(prune(&place.dir(), place.options(), &until(200)).expect("nothing"), None);
    let pruned = prune(&place.dir(), place.options(), &until(600)).expect("pruned").expect("something");
    assert_eq!(pruned.upto, 512);
}

#[test]
fn who_removes_entries_by_hand_is_found_out() {
    let remove = |place: &Place, path: &str| {
        fs::remove_file(place.public().locate(path).expect("a path")).expect("removed");
    };
    // Of a log that was never pruned.
    let place = written();
    remove(&place, &bundle(0));
    let faults = check(&place).faults;
    assert!(faults.iter().any(|f| f.wrong == Wrong::EntriesMissing { upto: 256 }), "{faults:?}");

    // More than the log says; the word for it; a hash; a changed hash.
    let hashes = |number: u64| format!("tile/0/{number:03}");
    for (path, change) in
        [(bundle(3), false), ("pruned".into(), false), (hashes(1), false), (hashes(1), true)]
    {
        let place = written();
        prune(&place.dir(), place.options(), &rule(OLD)).expect("pruned").expect("something");
        if change {
            let file = place.public().locate(&path).expect("a path");
            let mut bytes = fs::read(&file).expect("a tile");
            bytes[40] ^= 1;
            fs::write(file, bytes).expect("written");
        } else {
            remove(&place, &path);
        }
        assert!(!check(&place).is_sound(), "{path} {change}");
    }

    // Another log's word.
    let (pruned, other) = (written(), written());
    prune(&pruned.dir(), pruned.options(), &rule(OLD)).expect("pruned").expect("something");
    fs::copy(pruned.dir().join("public/pruned"), other.dir().join("public/pruned")).expect("copied");
    remove(&other, &bundle(0));
    let faults = check(&other).faults;
    assert!(faults.iter().any(|f| matches!(f.wrong, Wrong::ReceiptInvalid { .. })), "{faults:?}");
    assert!(faults.iter().any(|f| f.wrong == Wrong::EntriesMissing { upto: 256 }), "{faults:?}");
}

#[test]
fn an_agent_takes_no_log_that_begins_where_no_entry_says() {
    let (pruned, other) = (written(), written());
    prune(&pruned.dir(), pruned.options(), &rule(OLD)).expect("pruned").expect("something");
    fs::remove_file(other.segments().first().expect("a segment")).expect("removed");
    assert!(matches!(other.refused(), OpenError::Damaged { .. }));
    // Nor with another's word for where it begins.
    fs::copy(pruned.dir().join("pruned.json"), other.dir().join("pruned.json")).expect("copied");
    other.refused();
    // Nor one that has lost what was kept.
    fs::remove_file(pruned.segments().first().expect("a segment")).expect("removed");
    pruned.refused();
}

#[test]
fn a_pruning_that_was_cut_off_anywhere_is_finished_or_tried_again() {
    let whole = written();
    for stage in Stage::ALL {
        let place = whole.crash();
        let before = place.crash();
        prune(&place.dir(), place.options(), &rule(OLD)).expect("pruned").expect("something");
        stage.undo(&place, &before);
        let (log, _) = place.open();
        run_statements(&log, 5_000..5_010);
        log.publish_now_blocking().expect("published");
        drop(log);
        assert_eq!(check(&place).faults, [], "{stage:?}");
        let again = prune(&place.dir(), place.options(), &rule(OLD)).expect("it can be tried again");
        assert_eq!(again.is_some(), matches!(stage, Stage::Said | Stage::Prepared), "{stage:?}");
        let report = check(&place);
        assert_eq!(
            (report.faults, report.pruned.map(|pruned| pruned.upto)),
            (vec![], Some(768)),
            "{stage:?}"
        );
        assert!(!place.dir().join("public").join(bundle(0)).exists(), "{stage:?}");
    }
}

/// What a stop leaves.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// The log says so; nothing is done.
    Said,
    /// The new segment is there and does not count.
    Prepared,
    /// The log begins there; nothing is removed.
    Counts,
    /// Segments are removed.
    SegmentsGone,
    /// Some bundles are removed.
    SomeGone,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Said, Self::Prepared, Self::Counts, Self::SegmentsGone, Self::SomeGone];

    /// Makes of a log that was pruned the one that a stop would have left.
    fn undo(self, place: &Place, before: &Place) {
        let (to, from) = (place.dir(), before.dir());
        let (base, begin) = (to.join("pruned.json"), to.join("segments").join(frame::segment_name(768)));
        let text = fs::read_to_string(&base).expect("a base").replace("\"done\":true", "\"done\":false");
        fs::write(&base, text).expect("written");
        let bundles: &[u64] = if matches!(self, Self::SomeGone) { &[2] } else { &[0, 1, 2] };
        for number in bundles {
            fs::copy(from.join("public").join(bundle(*number)), to.join("public").join(bundle(*number)))
                .expect("copied");
        }
        if matches!(self, Self::SegmentsGone | Self::SomeGone) {
            return;
        }
        let next = to.join("segments").join(format!("{:020}.next", 768));
        fs::rename(&begin, &next).expect("renamed");
        if matches!(self, Self::Counts) {
            return restore(&from, &to, 768);
        }
        fs::remove_file(&base).expect("removed");
        restore(&from, &to, 768);
        if matches!(self, Self::Said) {
            fs::remove_file(&next).expect("removed");
        }
    }
}

/// Puts the older segments back.
fn restore(from: &Path, to: &Path, upto: u64) {
    let (from, to) = (from.join("segments"), to.join("segments"));
    let all = frame::segments(&from).expect("segments");
    let kept: Vec<u64> =
        frame::segments(&to).expect("segments").into_iter().map(|(first, _)| first).collect();
    for (first, path) in all.iter().filter(|(first, _)| *first < upto && !kept.contains(first)) {
        fs::copy(path, to.join(frame::segment_name(*first))).expect("copied");
    }
}
