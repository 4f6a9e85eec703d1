//! Crashes while the log is busy, and power that goes in the middle of a write.

use proptest::prelude::*;

use super::*;

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_acknowledged() {
    let place = Place::new();
    let mut options = place.options();
    (options.checkpoint_every, options.checkpoint_entries) = (Duration::from_millis(1), 50);
    options.segment_bytes = 20_000;
    let (log, _) = Log::open(&place.dir(), options).expect("it opens");
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..100 {
                    let number = thread << 32 | number;
                    append_all(&log, [intent(number)]);
                    append_all(&log, [outcome(number)]);
                }
            });
        }
        for moment in 1..10 {
            block_on(log.durable().wait_for(|now| now.upto >= moment * 80)).expect("the log is open");
            let acknowledged = log.durable().borrow().upto;
            let copy = place.crash();
            let (reopened, recovery) = copy.open();
            assert!(recovery.entries >= acknowledged, "{} of {acknowledged}", recovery.entries);
            let report = verify(&copy, &reopened);
            assert_eq!((report.faults, report.open_total), (Vec::new(), 0));
        }
    });
}

const SECTOR: usize = 512;

/// A crashed log of two acknowledged batches and a third of several sectors that was being written.
fn with_large_last_batch() -> (Place, usize) {
    let place = Place::new();
    let (log, _) = place.open();
    append_all(&log, [intent(1)]);
    log.publish_now_blocking().expect("published");
    append_all(&log, [outcome(1)]);
    let acknowledged = place.last_written().len();
    let copy = place.crash();
    // One batch, as the commit thread would write it.
    let mut batch = vec![0; frame::FRAME_HEADER];
    for index in 2..20 {
        let leaf =
            format!(r#"{{"v":1,"time":99999999999999,"kind":"agent_stopped","reason":"{index:0>300}"}}"#);
        frame::push_unsealed(&mut batch, index, &[leaf.as_bytes()]);
    }
    frame::seal(&mut batch, 2, acknowledged as u64);
    let mut bytes = copy.last_written();
    bytes.extend(batch);
    fs::write(copy.last_segment(), bytes).expect("written");
    (copy, acknowledged)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn power_that_goes_in_a_write_leaves_any_of_its_sectors_and_takes_nothing_acknowledged(
        lost in prop::collection::vec(any::<bool>(), 16), length in any::<usize>(), stale in any::<u8>(),
        room in prop::sample::select(vec![0, 1, 600, 70_000])
    ) {
        let (place, acknowledged) = with_large_last_batch();
        let path = place.last_segment();
        let mut bytes = fs::read(&path).expect("a segment");
        for (sector, lost) in bytes[acknowledged..].chunks_mut(SECTOR).zip(lost) {
            if lost {
                sector.fill(stale);
            }
        }
        bytes.truncate(acknowledged + length % (bytes.len() - acknowledged + 1));
        bytes.resize(bytes.len() + room, 0);
        fs::write(&path, &bytes).expect("what is left");
        let (log, recovery) = place.open();
        prop_assert!((2..=20).contains(&recovery.entries));
        prop_assert_eq!(recovery.unknown, []);
        let report = verify(&place, &log);
        prop_assert_eq!(report.faults, []);
    }
}
