//! Loss of power, of the process, and of the disk's good will, by the hundred thousand: the log's own
//! writer and the log's own way back, on a disk in memory that keeps what was synced and little else.
//!
//! One life is one seed. The parts that threads drive in an agent are driven here step by step, so that a
//! seed is the same life each time. What a seed proves is in [`life::Told`]: whatever the log has told
//! somebody must be true after each return.

mod bugs;
mod life;

use std::sync::atomic::{AtomicU64, Ordering};

use self::{
    bugs::Bug,
    life::{Told, live},
};

/// Lives of the quick tier and of the full one. Unoptimised they take ten times as long.
const LIVES: (u64, u64) = if cfg!(debug_assertions) { (5_000, 100_000) } else { (100_000, 1_000_000) };
/// In so many lives a bug must show.
const LIVES_OF_A_BUG: u64 = 4_000;

fn lives() -> u64 {
    if std::env::var_os("CONNECT_TESTS_FULL").is_some() { LIVES.1 } else { LIVES.0 }
}

#[test]
fn whatever_was_synced_or_signed_survives_any_loss_of_power_and_any_failing_disk() {
    let (next, lives) = (AtomicU64::new(0), lives());
    let (returns, kept, lost) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= lives {
                        return;
                    }
                    let told = live(seed, None).unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
                    returns.fetch_add(told.returns, Ordering::Relaxed);
                    kept.fetch_add(told.acknowledged, Ordering::Relaxed);
                    lost.fetch_add(told.lost, Ordering::Relaxed);
                }
            });
        }
    });
    // Not of nothing: entries were acknowledged, and power was lost, again and again.
    let (returns, kept) = (returns.into_inner(), kept.into_inner());
    assert!(returns > 2 * lives && kept > 5 * lives, "{returns} returns, {kept} entries in {lives} lives");
    // And in batch mode, a third of them, the window that is stated was made use of.
    let lost = lost.into_inner();
    assert!(lost > lives / 20, "{lost} entries that were written only were lost in {lives} lives");
}

#[test]
fn a_writer_with_a_bug_is_found_out() {
    for bug in Bug::ALL {
        let found = (0..LIVES_OF_A_BUG).find_map(|seed| live(seed, Some(bug)).err());
        let wrong = found.unwrap_or_else(|| panic!("{bug:?} passed for {LIVES_OF_A_BUG} lives"));
        assert!(bug.shows_as(&wrong), "{bug:?} was found out by something else: {wrong}");
    }
}

#[test]
fn a_life_is_the_same_each_time() {
    let twice =
        [(); 2].map(|()| (0..200).map(|seed| live(seed, None).map(Told::content)).collect::<Vec<_>>());
    assert_eq!(twice[0], twice[1]);
}
