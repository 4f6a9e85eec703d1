//! A log in good order: opened, written, published, found again, closed.

use super::*;

#[test]
fn a_new_log_has_a_key_and_a_checkpoint_before_it_has_an_entry() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let (log, recovery) = place.open();
    assert_eq!(recovery, Recovery { entries: 0, torn: None, unknown: Vec::new(), republished: 0 });
    assert_eq!(checkpoint(&log).size, 0);
    assert!(verify(&place, &log).is_sound());
    assert_eq!(place.segments(), [] as [PathBuf; 0]);
    let mode = fs::metadata(place.keys().join("log.key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_was_appended_is_durable_published_and_sound_after_reopening() {
    let place = Place::new();
    let key = {
        let (log, _) = place.open();
        run_statements(&log, 0..400);
        log.shutdown().expect("in order");
        let report = verify(&place, &log);
        assert_eq!((report.faults.clone(), report.entries, report.statements), (Vec::new(), 800, 400));
        log.verifier_key()
    };
    let (log, recovery) = place.open();
    assert_eq!(recovery, Recovery { entries: 800, torn: None, unknown: Vec::new(), republished: 0 });
    assert_eq!(log.verifier_key(), key);
    let before = checkpoint(&log);
    assert_eq!(log.append(intent(1000)), Ok(Seq(800)));
    log.append(outcome(1000)).expect("it is open");
    log.publish_now_blocking().expect("published");
    let after = checkpoint(&log);
    assert_eq!((before.size, after.size), (800, 802));
    assert_eq!(check_growth(&place.public(), &before, &after), Ok(()));
    assert!(verify(&place, &log).is_sound());
}

#[test]
fn segments_follow_each_other_and_are_replayed_as_one() {
    let place = Place::new();
    let options = LogOptions { segment_bytes: 2000, ..place.options() };
    let (log, _) = Log::open(&place.dir(), options.clone()).expect("it opens");
    for number in 0..50 {
        run_statements(&log, number..number + 1);
    }
    drop(log);
    assert!(place.segments().len() > 10, "{:?}", place.segments());
    let (log, recovery) = Log::open(&place.dir(), options).expect("it opens");
    assert_eq!((recovery.entries, recovery.republished), (100, 0));
    run_statements(&log, 50..51);
    log.publish_now_blocking().expect("published");
    assert_eq!((verify(&place, &log).faults, checkpoint(&log).size), (Vec::new(), 102));
}

#[test]
fn a_leaf_is_the_catalogues_json_and_time_never_goes_back() {
    let place = Place::new();
    let now = Arc::new(AtomicU64::new(5000));
    let clock = Arc::clone(&now);
    let mut options = place.options();
    options.clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let (log, _) = Log::open(&place.dir(), options.clone()).expect("it opens");
    log.append(Entry::Heartbeat).expect("it is open");
    now.store(4000, Ordering::Relaxed);
    log.append(intent(1)).expect("it is open");
    drop(log);
    // Nor over a restart.
    let (log, _) = Log::open(&place.dir(), options).expect("it opens");
    for (index, entry) in [(0, Entry::Heartbeat), (1, intent(1))] {
        let receipt = Receipt::parse(&receipt(&log, index)).expect("a receipt");
        let leaf = connect_shared::entry::Leaf { v: 1, time: 5000, entry };
        assert_eq!(receipt.leaf, serde_json::to_vec(&leaf).expect("json"));
        assert_eq!(receipt.entry().expect("known"), leaf);
    }
    assert_eq!(verify(&place, &log).last_time, Some(5000));
}

#[test]
fn every_entry_has_a_receipt_that_proves_it_and_that_the_log_keeps_to() {
    let place = Place::new();
    let (log, _) = place.open();
    run_statements(&log, 0..150);
    let key: VerifierKey = log.verifier_key().parse().expect("a key");
    let mut verification = Verification::new(key.clone());
    for index in [0, 1, 255, 256, 299] {
        let receipt = Receipt::parse(&receipt(&log, index)).expect("a receipt");
        assert_eq!(receipt.verify(&key).expect("it proves").size, 300);
        verification = verification.receipt(format!("receipt {index}"), receipt);
    }
    run_statements(&log, 150..600);
    log.publish_now_blocking().expect("published");
    // A receipt at the older size, whose partial tiles have been replaced by full ones.
    assert_eq!(verification.run(&place.public(), &mut |_| {}).expect("it can be checked").faults, []);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let none = runtime.block_on(log.receipt(1200));
    assert!(matches!(none, Err(ReceiptUnavailable::NoSuchEntry(1200))), "{none:?}");
}

#[test]
fn a_checkpoint_comes_by_itself_after_so_many_entries_or_so_much_time() {
    for (entries, every) in [(4, NEVER), (u64::MAX, Duration::from_millis(1))] {
        let place = Place::new();
        let mut options = place.options();
        (options.checkpoint_entries, options.checkpoint_every) = (entries, every);
        let (log, _) = Log::open(&place.dir(), options).expect("it opens");
        let mut published = log.published();
        run_statements(&log, 0..2);
        block_on(published.wait_for(|now| now.size == 4)).expect("the log is open");
    }
}

#[test]
fn a_silent_log_says_so_by_a_heartbeat() {
    let place = Place::new();
    let mut options = place.options();
    options.heartbeat_every = Duration::from_millis(1);
    let (log, _) = Log::open(&place.dir(), options).expect("it opens");
    block_on(log.durable().wait_for(|now| now.upto >= 3)).expect("the log is open");
    let receipt = Receipt::parse(&receipt(&log, 2)).expect("a receipt");
    assert_eq!(receipt.entry().expect("known").entry, Entry::Heartbeat);
}

#[test]
fn a_text_is_written_once_also_over_a_restart() {
    let place = Place::new();
    let (log, _) = place.open();
    assert_eq!(log.append_statement_text_once("f00d", "select $1"), Ok(Some(Seq(0))));
    assert_eq!(log.append_statement_text_once("f00d", "select $1"), Ok(None));
    assert_eq!(log.append_statement_text_once("beef", "select $2"), Ok(Some(Seq(1))));
    drop(log);
    let (log, _) = place.open();
    assert_eq!(log.append_statement_text_once("beef", "select $2"), Ok(None));
    assert_eq!(log.append_statement_text_once("cafe", "select $3"), Ok(Some(Seq(2))));
}

#[test]
fn statements_are_found_by_id_principal_and_connection_also_after_a_restart() {
    let place = Place::new();
    let (log, _) = place.open();
    let look = |log: &Log| {
        assert_eq!((log.find_statement(statement(7)), log.find_statement(statement(8))), (Some(1), Some(2)));
        assert_eq!(log.last_statement(&alice()), Some((statement(8), 2)));
        assert_eq!(log.last_statement(&PrincipalRef { sub: "bob".into(), ..alice() }), None);
        assert_eq!(log.last_statement(&PrincipalRef { idp: "another".into(), ..alice() }), None);
        assert_eq!(log.last_on_connection(connection(2)).map(|place| place.statement), Some(statement(7)));
        assert!(log.statement(statement(8)).is_some_and(|place| place.is_of(&alice())));
        assert_eq!(log.find_statement(statement(9)), None, "it has not ended");
    };
    append_all(&log, [intent(7), outcome(7), denial(8), intent(9)]);
    look(&log);
    drop(log);
    let (log, recovery) = place.open();
    assert_eq!(recovery.unknown, [statement(9)]);
    assert_eq!(log.find_statement(statement(9)), Some(4));
    assert_eq!(log.find_statement(statement(7)), Some(1));
}

#[test]
fn an_entry_that_does_not_fit_into_a_leaf_keeps_its_whole_body_beside_it() {
    let place = Place::new();
    let (log, _) = place.open();
    let sql = "select 'x' ".repeat(100_000);
    log.append_statement_text_once("f00d", &sql).expect("it is open");
    let mut large = intent(1);
    if let Entry::Intent(intent) = &mut large {
        intent.reads = (0..5000).map(|number| format!("public.relation_{number}")).collect();
    }
    append_all(&log, [large, outcome(1)]);
    log.publish_now_blocking().expect("published");
    let report = verify(&place, &log);
    assert_eq!((report.faults, report.statements, report.open_total), (Vec::new(), 1, 0));
    let Entry::Oversized { of, sha256, length, .. } =
        Receipt::parse(&receipt(&log, 0)).and_then(|receipt| receipt.entry()).expect("an entry").entry
    else {
        panic!("it was not cut out")
    };
    let body = fs::read(place.public().locate(&format!("blob/{sha256}")).expect("a path")).expect("a body");
    assert_eq!((of.as_str(), body.len() as u64), ("statement_text", length));
    let whole: Entry = serde_json::from_slice(&body).expect("an entry");
    assert_eq!(whole, Entry::StatementText { fingerprint: "f00d".into(), sql });

    drop(log);
    let (log, recovery) = place.open();
    assert_eq!((recovery.entries, recovery.unknown), (3, Vec::new()));
    assert_eq!(log.append_statement_text_once("f00d", "once"), Ok(None));
    assert_eq!(log.last_statement(&alice()), Some((statement(1), 2)));
    drop(log);
    fs::write(place.public().locate(&format!("blob/{sha256}")).expect("a path"), b"{}").expect("changed");
    assert!(matches!(place.refused(), OpenError::Body { index: 0, .. }));
}

#[test]
fn a_second_process_is_kept_out() {
    let place = Place::new();
    let (log, _) = place.open();
    assert!(matches!(place.refused(), OpenError::Locked(_)));
    drop(log);
    place.open();
}

#[test]
fn after_a_shutdown_nothing_more_is_taken() {
    let place = Place::new();
    let (log, _) = place.open();
    let seq = log.append(intent(1)).expect("it is open");
    log.shutdown().expect("in order");
    log.shutdown().expect("a second time");
    assert_eq!(log.append(outcome(1)), Err(LogClosed::Stopped));
    assert_eq!(block_on(log.wait_durable(seq)), Ok(()), "what came before was not lost");
    assert_eq!(checkpoint(&log).size, 1);
}

#[test]
fn entries_of_many_threads_are_in_one_order_and_all_there() {
    let place = Place::new();
    let mut options = place.options();
    (options.checkpoint_every, options.checkpoint_entries) = (Duration::from_millis(1), 300);
    let (log, _) = Log::open(&place.dir(), options).expect("it opens");
    std::thread::scope(|scope| {
        for thread in 0..16 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..100 {
                    let number = thread * 1000 + number;
                    let begun = append_all(&log, [intent(number)]);
                    assert!(append_all(&log, [outcome(number)]) > begun);
                }
            });
        }
    });
    log.shutdown().expect("in order");
    let report = verify(&place, &log);
    assert_eq!((report.faults, report.entries, report.statements), (Vec::new(), 3200, 1600));
}
