use super::*;

const HOUR: u64 = 3_600_000;

fn started() -> Entry {
    Entry::samples().into_iter().find(|entry| entry.kind() == "agent_started").expect("one")
}

fn unknown(number: u64) -> Entry {
    let Entry::Outcome(mut ended) = outcome(number) else { unreachable!("it is one") };
    ended.result = StatementResult::Unknown;
    Entry::Outcome(ended)
}

fn pruned() -> Entry {
    let (keep, open, connections) = ("400d".to_owned(), Vec::new(), BTreeMap::new());
    Entry::Pruned { upto: 0, keep, before: 0, open, connections }
}

/// What is said of a log with these entries at these times. It is sound all the same.
fn silences(entries: Vec<(u64, Entry)>) -> Vec<(u64, u64, u64)> {
    let entries: Vec<_> = entries.into_iter().map(|(time, entry)| leaf(time, entry)).collect();
    let report = Log::of(&entries).verify();
    assert_eq!(report.faults, []);
    assert_eq!(report.silences.len() as u64, report.silences_total);
    report.silences.iter().map(|silence| (silence.index, silence.from, silence.to)).collect()
}

#[test]
fn a_log_with_a_heartbeat_every_minute_has_no_silence_and_one_that_leaves_one_out_has() {
    let beats = |times: &[u64]| times.iter().map(|time| (*time, Entry::Heartbeat)).collect();
    assert_eq!(silences(beats(&[0, 60_000, 120_000, 150_000, 240_000])), []);
    assert_eq!(silences(beats(&[0, 60_000, 180_000, 240_000])), [(2, 60_000, 180_000)]);
    assert_eq!(silences(beats(&[0, LONGEST_PAUSE])), []);
    assert_eq!(silences(beats(&[0, LONGEST_PAUSE + 1])), [(1, 0, LONGEST_PAUSE + 1)]);
}

#[test]
fn an_agent_that_was_stopped_is_not_silent_and_what_is_written_meanwhile_needs_none() {
    let stopped = || (10, Entry::AgentStopped { reason: "asked to stop".into() });
    assert_eq!(silences(vec![(9, Entry::Heartbeat), stopped(), (HOUR, started())]), []);
    // It was killed: no last words, and statements without an end.
    assert_eq!(silences(vec![(9, intent(1)), (HOUR, unknown(1)), (HOUR, started())]), []);
    // Pruned twice, and started later.
    assert_eq!(silences(vec![stopped(), (HOUR, pruned()), (2 * HOUR, pruned()), (3 * HOUR, started())]), []);
    assert_eq!(silences(vec![stopped(), (HOUR, pruned())]), [], "it may be stopped yet");
    // Who runs on without having started was never stopped.
    let beat = |time| (time, Entry::Heartbeat);
    assert_eq!(silences(vec![stopped(), beat(HOUR)]), [(1, 10, HOUR)]);
    assert_eq!(silences(vec![stopped(), (HOUR, pruned()), beat(HOUR + 1)]), [(1, 10, HOUR)]);
    // And who starts behind that has been silent before.
    assert_eq!(silences(vec![beat(0), beat(HOUR), (HOUR + 1, started())]), [(1, 0, HOUR)]);
}

#[test]
fn a_log_that_could_not_be_written_is_not_silent() {
    let beat = |time| (time, Entry::Heartbeat);
    let again = |time| (time, Entry::LogReopened { reason: "No space left on device".into() });
    assert_eq!(silences(vec![beat(0), again(HOUR), beat(HOUR + 1)]), []);
    assert_eq!(silences(vec![(0, intent(1)), (HOUR, unknown(1)), again(HOUR + 1), beat(HOUR + 2)]), []);
    assert_eq!(
        silences(vec![beat(0), again(1), beat(HOUR)]),
        [(2, 1, HOUR)],
        "it was open again long before"
    );
}

#[test]
fn a_clock_that_was_set_ahead_explains_as_much_as_it_was_set() {
    let (beat, stepped) = (|time| (time, Entry::Heartbeat), |time, by| (time, Entry::ClockStepped { by }));
    let by = 3_600_000;
    assert_eq!(silences(vec![beat(0), stepped(HOUR, by)]), []);
    // Others were quicker.
    let text = Entry::StatementText { fingerprint: "f00d".into(), sql: "SELECT $1".into() };
    assert_eq!(silences(vec![beat(0), (HOUR, text), beat(HOUR + 9), stepped(HOUR + 900, by)]), []);
    assert_eq!(silences(vec![beat(0), stepped(HOUR, by / 2)]), [(1, 0, HOUR)]);
    assert_eq!(silences(vec![beat(0), stepped(HOUR, -by)]), [(1, 0, HOUR)]);
    assert_eq!(silences(vec![beat(0), beat(HOUR), stepped(HOUR + 9_000, by)]), [(1, 0, HOUR)], "too late");
}

#[test]
fn entries_that_are_missing_are_a_fault_and_no_silence() {
    let entries: Vec<_> = (0..600).map(|index| leaf(index * 30_000, Entry::Heartbeat)).collect();
    let log = Log::of(&entries);
    log.remove("tile/entries/001");
    let report = log.verify();
    assert!(!report.is_sound());
    assert_eq!(report.silences, []);
}

#[test]
fn a_part_of_a_log_tells_of_its_own_silences() {
    let entries: Vec<_> = (0..10).map(|index| leaf(index * HOUR, Entry::Heartbeat)).collect();
    let verification = Verification::new(key().verifier().clone());
    let report = verification.run_range(&Log::of(&entries), 3..5, &mut |_| {}).expect("checked");
    assert!(report.is_sound(), "{:?}", report.faults);
    assert_eq!(report.silences, [Silence { index: 4, from: 3 * HOUR, to: 4 * HOUR }]);
}
