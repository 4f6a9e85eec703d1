//! Another key for a log.

use connect_shared::proof::rotation::follow;

use super::{super::rotate::rotate, *};

fn key_of(log: &Log) -> VerifierKey {
    log.verifier_key().parse().expect("a key")
}

/// A log of some statements whose key was changed, the receipt of an entry from before, and the old key.
fn rotated() -> (Place, String, VerifierKey) {
    let place = Place::new();
    let (log, _) = place.open();
    run_statements(&log, 0..3);
    let (receipt, old) = (receipt(&log, 2), key_of(&log));
    drop(log);
    let rotated = rotate(&place.dir(), place.options()).expect("a new key");
    assert_eq!((rotated.index, &rotated.from), (6, &old.to_string()));
    (place, receipt, old)
}

#[test]
fn a_log_goes_on_under_its_new_key_and_the_old_one_leads_to_it() {
    let (place, early, old) = rotated();
    let (log, recovery) = place.open();
    assert_eq!((recovery.entries, recovery.unknown.len()), (7, 0));
    let new = key_of(&log);
    assert_ne!(new, old);
    run_statements(&log, 3..300);
    log.publish_now_blocking().expect("published");
    assert_eq!(follow(&place.public(), &old).expect("read"), std::slice::from_ref(&new));
    let receipt = Receipt::parse(&early).expect("a receipt");
    let verification =
        Verification::new(new.clone()).former(vec![old.clone()]).receipt("early", receipt.clone());
    assert_eq!(verification.run(&place.public(), &mut |_| {}).expect("a log").faults, []);
    let without = Verification::new(new).receipt("early", receipt);
    assert_eq!(without.run(&place.public(), &mut |_| {}).expect("a log").faults.len(), 1);
    assert!(
        Verification::new(old.clone()).run(&place.public(), &mut |_| {}).is_err(),
        "the old key signs nothing"
    );
    drop(log);
    let again = rotate(&place.dir(), place.options()).expect("a third key");
    assert_eq!(follow(&place.public(), &old).expect("read").last().map(ToString::to_string), Some(again.to));
    place.open();
}

#[test]
fn a_change_that_was_cut_off_is_finished_or_tried_again() {
    let (place, _, old) = rotated();
    let (key, next) = (place.keys().join("log.key"), place.keys().join("log.key.next"));
    let (new_text, checkpoint) = (fs::read(&key).expect("a key"), place.dir().join("public/checkpoint"));
    let both = fs::read_to_string(&checkpoint).expect("a checkpoint");
    // The old key is gone for good; a place that was copied before has it still.
    let before = Place::new();
    let (log, _) = before.open();
    run_statements(&log, 0..3);
    drop(log);
    let old_text = fs::read(before.keys().join("log.key")).expect("a key");
    let private = |path: &Path, bytes: &[u8]| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(path, bytes).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("private");
    };

    // Stopped before the new key took the old one's place.
    private(&next, &new_text);
    private(&key, &old_text);
    let (log, _) = place.open();
    assert_ne!(key_of(&log), old);
    assert!(!next.exists(), "it was finished");
    drop(log);

    // Stopped before anything but the key was there: nothing has changed, and the next try takes that key.
    let next = before.keys().join("log.key.next");
    rotate(&before.dir(), before.options()).expect("a new key");
    let again = fs::read(before.keys().join("log.key")).expect("a key");
    private(&next, &again);
    let (log, _) = before.open();
    assert!(!next.exists(), "it is the key already");
    drop(log);
    assert!(both.matches("— connect.local/demo ").count() == 2, "{both}");
}
