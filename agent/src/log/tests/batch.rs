//! A log in batch mode: what counts when it is written, and what only when it is synced.

use std::future::poll_fn;

use super::*;

fn open(place: &Place, every: Duration, entries: u64) -> Log {
    let mode = Mode::Batch { every, entries };
    Log::open(&place.dir(), LogOptions { mode, ..place.options() }).expect("it opens").0
}

/// As a connection waits for its INTENT.
fn wait_written(log: &Log, seq: Seq) {
    let mut wait = log.durable_wait();
    block_on(poll_fn(|context| wait.poll(context, Some(seq.0))));
    assert!(!wait.has_failed());
}

fn durable(log: &Log) -> u64 {
    log.durable().borrow().upto
}

#[test]
fn a_read_goes_on_when_it_is_written_and_a_write_when_all_before_it_is_synced() {
    let place = Place::new();
    let log = open(&place, NEVER, 1_000);
    let read = log.append(intent(1)).expect("it is open");
    wait_written(&log, read);
    assert_eq!(durable(&log), 0, "it was not synced");
    let Entry::Intent(mut write) = intent(2) else { panic!("an INTENT") };
    write.read_only = false;
    let write = log.append(Entry::Intent(write)).expect("it is open");
    wait_written(&log, write);
    // Whoever is woken may be so a moment before the others are told; never before the sync.
    block_on(log.wait_durable(write)).expect("it is open");
    assert_eq!(durable(&log), 2);
    for entry in [denial(3), Entry::Heartbeat] {
        let seq = log.append(entry).expect("it is open");
        block_on(log.wait_durable(seq)).expect("it is open");
    }
    log.shutdown().expect("in order");
    assert!(verify(&place, &log).is_sound());
}

#[test]
fn a_sync_comes_in_time_with_so_many_and_for_whoever_asks() {
    let place = Place::new();
    let log = open(&place, Duration::from_millis(1), 1_000);
    let read = log.append(intent(1)).expect("it is open");
    let mut news = log.durable();
    block_on(news.wait_for(|now| now.upto > read.0)).expect("in time");
    drop((log, news));

    let log = open(&place, NEVER, 3);
    let before = durable(&log);
    for number in 2..4 {
        wait_written(&log, log.append(intent(number)).expect("it is open"));
        assert_eq!(durable(&log), before);
    }
    let third = log.append(intent(4)).expect("it is open");
    block_on(log.durable().wait_for(|now| now.upto > third.0)).expect("there are so many");

    let asked = log.append(intent(5)).expect("it is open");
    wait_written(&log, asked);
    assert!(durable(&log) <= asked.0);
    block_on(log.wait_durable(asked)).expect("it was asked for");
    let signed = log.append(intent(6)).expect("it is open");
    wait_written(&log, signed);
    assert_eq!(log.publish_now_blocking().expect("signed").size, signed.0 + 1, "what is signed is synced");
    assert!(durable(&log) > signed.0);
}

#[test]
fn what_was_written_only_is_synced_when_the_log_is_closed_and_there_after_a_process_is_killed() {
    let place = Place::new();
    let log = open(&place, NEVER, 1_000);
    let mut last = None;
    for number in 1..20 {
        let seq = log.append(intent(number)).expect("it is open");
        wait_written(&log, seq);
        last = Some(seq.0);
    }
    assert_eq!(durable(&log), 0);
    let killed = place.crash();
    log.shutdown().expect("in order");
    assert_eq!(durable(&log), 19);
    drop(log);
    let (_, recovery) = Log::open(&killed.dir(), killed.options()).expect("it opens");
    assert_eq!((Some(recovery.entries - 1), recovery.unknown.len()), (last, 19));
}
