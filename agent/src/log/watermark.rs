//! How far the log is durable, for those who wait in great numbers: who waits for an entry is woken once,
//! when that entry is durable, and nobody else is.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;

/// Every entry before it is durable; it only rises.
#[derive(Debug)]
pub(crate) struct Watermark {
    upto: AtomicU64,
    failed: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Wanted entries, and who wants them.
    entries: Vec<(u64, Arc<AtomicWaker>)>,
    /// Everybody: a log that has failed concerns them all.
    all: Vec<Arc<AtomicWaker>>,
}

impl Watermark {
    pub(super) fn new(upto: u64) -> Self {
        Self { upto: AtomicU64::new(upto), failed: AtomicBool::new(false), waiting: Mutex::default() }
    }

    /// Every entry before it is durable, or as safe as the mode asks for.
    #[cfg(test)]
    pub(super) fn upto(&self) -> u64 {
        self.upto.load(Ordering::Acquire)
    }

    /// Entries before `upto` are durable.
    pub(super) fn advance(&self, upto: u64) {
        self.upto.store(upto, Ordering::Release);
        let mut ready = Vec::new();
        self.lock().entries.retain(|(seq, waker)| {
            let waits = *seq >= upto;
            if !waits {
                ready.push(Arc::clone(waker));
            }
            waits
        });
        ready.iter().for_each(|waker| waker.wake());
    }

    /// Nothing more will become durable.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        let all = self.lock().all.clone();
        all.iter().for_each(|waker| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits. It is forgotten when this is dropped.
#[derive(Debug)]
pub(crate) struct DurableWait {
    watermark: Arc<Watermark>,
    waker: Arc<AtomicWaker>,
    wanted: Option<u64>,
}

impl DurableWait {
    pub(super) fn new(watermark: Arc<Watermark>) -> Self {
        let waker = Arc::new(AtomicWaker::new());
        watermark.lock().all.push(Arc::clone(&waker));
        Self { watermark, waker, wanted: None }
    }

    /// Every entry before it is durable.
    pub(crate) fn upto(&self) -> u64 {
        self.watermark.upto.load(Ordering::Acquire)
    }

    /// Whether the log has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.watermark.failed.load(Ordering::Acquire)
    }

    /// Ready when entry `seq` is durable, if one is wanted, and as soon as the log has failed.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, seq: Option<u64>) -> Poll<()> {
        self.waker.register(context.waker());
        if let Some(wanted) = seq.filter(|_| seq != self.wanted) {
            self.want(wanted);
        }
        // Looked at after the waker is in its place: what happens from here on wakes.
        if self.has_failed() || seq.is_some_and(|seq| seq < self.upto()) {
            self.wanted = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn want(&mut self, seq: u64) {
        let mut waiting = self.watermark.lock();
        if self.wanted.is_some() {
            waiting.entries.retain(|(_, waker)| !Arc::ptr_eq(waker, &self.waker));
        }
        waiting.entries.push((seq, Arc::clone(&self.waker)));
        self.wanted = Some(seq);
    }
}

impl Drop for DurableWait {
    fn drop(&mut self) {
        let mut waiting = self.watermark.lock();
        waiting.entries.retain(|(_, waker)| !Arc::ptr_eq(waker, &self.waker));
        waiting.all.retain(|waker| !Arc::ptr_eq(waker, &self.waker));
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU64);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn sleeper() -> (Arc<Woken>, Waker) {
        let woken = Arc::new(Woken::default());
        (Arc::clone(&woken), Waker::from(woken))
    }

    #[test]
    fn only_those_whose_entry_is_durable_are_woken_and_only_once() {
        let watermark = Arc::new(Watermark::new(5));
        let sleepers: Vec<_> = [5, 6, 9].map(|seq| (seq, sleeper())).into_iter().collect();
        let mut waits: Vec<_> = sleepers.iter().map(|_| DurableWait::new(Arc::clone(&watermark))).collect();
        for ((seq, (_, waker)), wait) in sleepers.iter().zip(&mut waits) {
            assert!(wait.poll(&mut Context::from_waker(waker), Some(*seq)).is_pending());
        }
        watermark.advance(7);
        watermark.advance(8);
        let woken: Vec<_> = sleepers.iter().map(|(_, (woken, _))| woken.0.load(Ordering::SeqCst)).collect();
        assert_eq!(woken, [1, 1, 0]);
        assert!(waits[0].poll(&mut Context::from_waker(&sleepers[0].1.1), Some(5)).is_ready());
        assert!(waits[2].poll(&mut Context::from_waker(&sleepers[2].1.1), Some(9)).is_pending());
    }

    #[test]
    fn a_failure_concerns_also_those_who_wait_for_nothing() {
        let watermark = Arc::new(Watermark::new(0));
        let (woken, waker) = sleeper();
        let mut wait = DurableWait::new(Arc::clone(&watermark));
        assert!(wait.poll(&mut Context::from_waker(&waker), None).is_pending());
        watermark.advance(9);
        assert_eq!(woken.0.load(Ordering::SeqCst), 0);
        watermark.fail();
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert!(wait.poll(&mut Context::from_waker(&waker), None).is_ready());
    }

    #[test]
    fn whoever_is_gone_is_forgotten() {
        let watermark = Arc::new(Watermark::new(0));
        let mut wait = DurableWait::new(Arc::clone(&watermark));
        let (_, waker) = sleeper();
        assert!(wait.poll(&mut Context::from_waker(&waker), Some(3)).is_pending());
        drop(wait);
        assert!(watermark.lock().entries.is_empty() && watermark.lock().all.is_empty());
    }
}
