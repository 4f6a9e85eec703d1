//! Coming back from what was left on the disk, and refusing what must not be gone on with.

use super::*;

/// Changes a file.
fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("a file");
    if path.extension().is_some_and(|kind| kind == "seg") {
        cut_room(&mut bytes);
    }
    change(&mut bytes);
    fs::write(path, bytes).expect("changed");
}

/// A crashed log of three batches: the first under a checkpoint, the second acknowledged, the third perhaps.
/// With the offsets at which the batches end.
fn three_batches() -> (Place, [usize; 3]) {
    let place = Place::new();
    let (log, _) = place.open();
    append_all(&log, [Entry::Heartbeat, Entry::Heartbeat, intent(2)]);
    let first = place.last_written().len();
    log.publish_now_blocking().expect("published");
    append_all(&log, [Entry::Heartbeat, Entry::Heartbeat]);
    let second = place.last_written().len();
    append_all(&log, [Entry::Heartbeat, Entry::Heartbeat, Entry::Heartbeat]);
    (place.crash(), [first, second, place.last_written().len()])
}

/// Entries of the first two batches.
const BEFORE_LAST: u64 = 5;

#[test]
fn what_was_running_gets_an_unknown_outcome_before_anything_else() {
    let (place, _) = three_batches();
    let (log, recovery) = place.open();
    assert_eq!((recovery.entries, recovery.unknown.as_slice()), (8, [statement(2)].as_slice()));
    assert_eq!(log.append(Entry::Heartbeat), Ok(Seq(9)));
    log.publish_now_blocking().expect("published");
    let report = verify(&place, &log);
    assert_eq!((report.faults, report.open_total, report.entries), (Vec::new(), 0, 10));
    let closing =
        Receipt::parse(&receipt(&log, 8)).and_then(|receipt| receipt.entry()).expect("an entry").entry;
    let Entry::Outcome(closing) = closing else { panic!("{closing:?}") };
    assert_eq!((closing.statement, closing.result), (statement(2), StatementResult::Unknown));
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_nothing_before_it_is_lost() {
    let (place, [_, second, third]) = three_batches();
    let whole = fs::read(place.last_segment()).expect("a segment");
    let checkpoint_file = fs::read(place.dir().join("public/checkpoint")).expect("a checkpoint");
    let mut kept = Vec::new();
    for cut in second..=third {
        // As it was at the crash: opening has signed and written more.
        fs::write(place.last_segment(), &whole[..cut]).expect("cut");
        fs::write(place.dir().join("public/checkpoint"), &checkpoint_file).expect("restored");
        let (log, recovery) = place.open();
        let is_edge = recovery.torn.is_none();
        let bytes = recovery.torn.map_or(0, |torn| torn.bytes);
        assert_eq!(is_edge, bytes == 0);
        assert!((BEFORE_LAST..=8).contains(&recovery.entries), "{cut}: {}", recovery.entries);
        kept.push(recovery.entries);
        let report = verify(&place, &log);
        assert_eq!((report.faults, report.open_total), (Vec::new(), 0), "{cut}");
    }
    assert!(kept.is_sorted(), "more bytes never mean fewer entries");
    assert_eq!((kept.first(), kept.last()), (Some(&BEFORE_LAST), Some(&8)));
}

#[test]
fn garbage_after_the_last_entry_is_cut() {
    for garbage in [vec![0xff; 5000], b"{\"v\":1}".to_vec()] {
        let (place, [.., third]) = three_batches();
        edit(&place.last_segment(), |bytes| bytes.extend(&garbage));
        let (log, recovery) = place.open();
        let torn = recovery.torn.expect("it was cut");
        assert_eq!((torn.offset, torn.bytes), (third as u64, garbage.len() as u64));
        assert_eq!(recovery.entries, 8);
        assert!(verify(&place, &log).is_sound());
    }
}

#[test]
fn room_behind_the_last_entry_is_no_write_that_was_cut_short() {
    for room in [1, 19, 100, 5_000_000] {
        let (place, _) = three_batches();
        edit(&place.last_segment(), |bytes| bytes.resize(bytes.len() + room, 0));
        let (log, recovery) = place.open();
        assert_eq!((recovery.torn, recovery.entries), (None, 8));
        append_all(&log, [denial(1)]);
        assert!(verify(&place, &log).is_sound());
        log.shutdown().expect("in order");
        assert_eq!(
            fs::read(place.last_segment()).expect("a segment"),
            place.last_written(),
            "the rest is cut"
        );
        drop(log);
        assert_eq!(place.open().1.torn, None);
    }
}

#[test]
fn a_flipped_bit_in_what_was_acknowledged_is_refused_at_every_byte() {
    let (place, [_, second, _]) = three_batches();
    let segment = place.last_segment();
    for at in 0..second {
        edit(&segment, |bytes| bytes[at] ^= 1 << (at % 8));
        match place.refused() {
            OpenError::Damaged { segment: name, offset, .. } => {
                assert!(segment.ends_with(&name) && offset <= at as u64, "byte {at}, named {offset}");
            }
            other => panic!("byte {at}: {other}"),
        }
        edit(&segment, |bytes| bytes[at] ^= 1 << (at % 8));
    }
    place.open();
}

#[test]
fn a_segment_shorter_than_what_was_signed_is_refused() {
    let (place, [first, ..]) = three_batches();
    edit(&place.last_segment(), |bytes| bytes.truncate(first - 1));
    let refused = place.refused().to_string();
    assert!(
        refused.contains("is damaged at byte") && refused.contains("it ends within an entry"),
        "{refused}"
    );
    edit(&place.last_segment(), |bytes| bytes.truncate(frame::SEGMENT_HEADER));
    assert!(matches!(place.refused(), OpenError::Shorter { found: 0, signed: 3 }));
    fs::remove_file(place.last_segment()).expect("removed");
    assert!(matches!(place.refused(), OpenError::Shorter { found: 0, signed: 3 }));
}

#[test]
fn a_segment_that_was_written_anew_is_refused_because_it_contradicts_what_was_signed() {
    // The same number of entries, each with a good check: only the signed root tells.
    let (signed, forged) = (Place::new(), Place::new());
    for (place, number) in [(&signed, 1), (&forged, 2)] {
        let (log, _) = place.open();
        run_statements(&log, number..number + 200);
        log.shutdown().expect("in order");
    }
    let tile = signed.dir().join("public/tile/0/000");
    let before = fs::read(&tile).expect("a tile");
    fs::copy(forged.last_segment(), signed.last_segment()).expect("replaced");
    assert!(matches!(signed.refused(), OpenError::Contradicted { size: 400, .. }));
    assert_eq!(fs::read(&tile).expect("a tile"), before, "the evidence is left as it was");
}

#[test]
fn a_missing_segment_in_the_middle_is_refused() {
    let place = Place::new();
    let options = LogOptions { segment_bytes: 1, ..place.options() };
    let (log, _) = Log::open(&place.dir(), options).expect("it opens");
    for number in 0..4 {
        append_all(&log, [denial(number)]);
    }
    drop(log);
    let segments = place.segments();
    let hidden = place.folder.path().join("hidden");
    fs::rename(&segments[1], &hidden).expect("moved");
    assert!(matches!(place.refused(), OpenError::Damaged { index: 1, offset: 0, .. }));
    fs::rename(&hidden, &segments[1]).expect("moved back");
    // Torn in the middle: the segment after it shows that it was whole.
    edit(&segments[1], |bytes| bytes.truncate(bytes.len() - 1));
    assert!(matches!(place.refused(), OpenError::Damaged { index: 1, .. }));
}

#[test]
fn a_segment_of_which_only_a_part_of_the_header_was_written_is_removed() {
    let (place, _) = three_batches();
    for bytes in 0..frame::SEGMENT_HEADER {
        let next = {
            let (log, _) = place.open();
            log.publish_now_blocking().expect("published").size
        };
        let path = place.dir().join("segments").join(frame::segment_name(next));
        fs::write(&path, &frame::segment_header(next)[..bytes]).expect("a segment");
        let (log, recovery) = place.open();
        assert_eq!((recovery.torn.map(|torn| torn.offset), recovery.entries), (Some(0), next));
        append_all(&log, [Entry::Heartbeat]);
        log.shutdown().expect("in order");
        assert!(verify(&place, &log).is_sound());
    }
}

#[test]
fn a_log_without_its_key_or_checkpoint_or_with_others_is_refused() {
    let (place, _) = three_batches();
    let (key, checkpoint) = (place.keys().join("log.key"), place.dir().join("public/checkpoint"));
    let keep = |path: &Path| (path.to_owned(), fs::read(path).expect("a file"));
    let restore = |(path, bytes): &(PathBuf, Vec<u8>)| fs::write(path, bytes).expect("restored");
    let (kept_key, kept_checkpoint) = (keep(&key), keep(&checkpoint));

    fs::remove_file(&checkpoint).expect("removed");
    assert!(matches!(place.refused(), OpenError::CheckpointMissing(_)));
    edit(&key, |_| {});
    fs::write(&checkpoint, b"nothing\n").expect("changed");
    assert!(matches!(place.refused(), OpenError::Checkpoint { .. }));
    restore(&kept_checkpoint);

    fs::remove_file(&key).expect("removed");
    assert!(matches!(place.refused(), OpenError::KeyMissing(_)));
    let other = Place::new();
    drop(other.open());
    fs::copy(other.keys().join("log.key"), &key).expect("another key");
    assert!(matches!(place.refused(), OpenError::Checkpoint { .. }));
    restore(&kept_key);

    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("readable");
    assert!(matches!(place.refused(), OpenError::KeyReadable(_)));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("private");
    let renamed = LogOptions { origin: "connect.local/other".into(), ..place.options() };
    let refused = Log::open(&place.dir(), renamed).map(|_| ());
    assert!(matches!(refused, Err(OpenError::OtherOrigin { .. })));
    place.open();
}

#[test]
fn tiles_that_were_lost_or_damaged_are_made_again() {
    let place = Place::new();
    let (log, _) = place.open();
    run_statements(&log, 0..300);
    log.shutdown().expect("in order");
    drop(log);
    let public = place.dir().join("public");
    fs::remove_file(public.join("tile/0/000")).expect("removed");
    edit(&public.join("tile/entries/001"), |bytes| bytes[9] ^= 1);
    edit(&public.join("tile/0/001"), Vec::clear);
    edit(&public.join("tile/entries/002.p/88"), |bytes| bytes[9] ^= 1);
    let (log, recovery) = place.open();
    assert_eq!(recovery.republished, 4);
    assert_eq!(verify(&place, &log).faults, []);
    drop(log);
    fs::remove_dir_all(public.join("tile")).expect("removed");
    let (log, recovery) = place.open();
    assert_eq!(recovery.republished, 7, "two levels, full and partial, and their bundles");
    assert_eq!(verify(&place, &log).faults, []);
}

#[test]
fn an_entry_of_a_newer_version_is_not_gone_on_with() {
    let place = Place::new();
    let (log, _) = place.open();
    append_all(&log, [Entry::Heartbeat]);
    let copy = place.crash();
    let mut batch = vec![0; frame::FRAME_HEADER];
    frame::push_unsealed(&mut batch, 1, &[br#"{"v":2,"time":1,"kind":"heartbeat"}"#]);
    edit(&copy.last_segment(), |bytes| {
        frame::seal(&mut batch, 1, bytes.len() as u64);
        bytes.extend(&batch);
    });
    assert!(matches!(copy.refused(), OpenError::Unreadable { index: 1, .. }));
}
