//! Where an entry gets its place: a bounded queue in memory, in front of the commit thread.
//!
//! Encoding happens before the lock and hashing after it, on the commit thread; under the lock an entry
//! costs a copy of its bytes. Two buffers take turns: one fills while the other is on its way to the disk.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use connect_core::record::Seq;

use super::{
    error::LogClosed,
    frame::{FRAME_HEADER, push_unsealed},
    leaf::{Blob, Note, Prepared},
    options::Clock,
};

/// A buffer that a giant has passed through is not kept.
const KEPT_CAPACITY: usize = 8 * 1024 * 1024;

/// Entries that go to the disk together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Index of the first.
    pub(super) first: u64,
    pub(super) count: u64,
    /// Room for a barrier, then a frame for each entry, not yet sealed.
    pub(super) frames: Vec<u8>,
    pub(super) notes: Vec<(u64, Note)>,
    /// To be durable before the frames are written.
    pub(super) blobs: Vec<Blob>,
    /// Of everything above.
    bytes: usize,
}

impl Batch {
    fn clear(&mut self, first: u64) {
        self.first = first;
        self.count = 0;
        self.frames.clear();
        self.frames.shrink_to(KEPT_CAPACITY);
        self.frames.resize(FRAME_HEADER, 0);
        self.notes.clear();
        self.blobs.clear();
        self.bytes = 0;
    }
}

struct State {
    /// Index of the next entry.
    next: u64,
    /// Time of the last one.
    time: u64,
    batch: Batch,
    closed: Option<LogClosed>,
    last_append: Instant,
    /// Whether the commit thread sleeps: waking it costs a system call, so it is done only then.
    idle: bool,
}

pub(super) struct Queue {
    state: Mutex<State>,
    more: Condvar,
    capacity: usize,
    clock: Clock,
}

/// What the commit thread finds.
pub(super) enum Work {
    Batch(Batch),
    /// Closed, and nothing is left.
    Done,
}

impl Queue {
    /// A queue whose first entry will be `next`, and not before `time`.
    pub(super) fn new(next: u64, time: u64, capacity: usize, clock: Clock) -> Self {
        let mut batch = Batch::default();
        batch.clear(next);
        let state = State { next, time, batch, closed: None, last_append: Instant::now(), idle: false };
        Self { state: Mutex::new(state), more: Condvar::new(), capacity, clock }
    }

    /// Gives an entry its place and its time.
    pub(super) fn append(&self, entry: Prepared) -> Result<Seq, LogClosed> {
        let bytes = entry.waiting_bytes();
        if bytes > self.capacity {
            return Err(LogClosed::TooLarge(bytes));
        }
        let now = (self.clock)();
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(closed) = &state.closed {
            return Err(closed.clone());
        }
        if state.batch.bytes + bytes > self.capacity {
            return Err(LogClosed::Full);
        }
        let index = state.next;
        // The clock may be set back; the log never goes back.
        state.time = state.time.max(now);
        let (head, tail) = entry.leaf(state.time);
        push_unsealed(&mut state.batch.frames, index, &[head.as_bytes(), tail]);
        state.batch.bytes += bytes;
        state.batch.count += 1;
        state.next += 1;
        state.last_append = Instant::now();
        state.batch.notes.extend(entry.note.map(|note| (index, note)));
        state.batch.blobs.extend(entry.blob);
        let wake = std::mem::take(&mut state.idle);
        drop(guard);
        if wake {
            self.more.notify_one();
        }
        Ok(Seq(index))
    }

    /// Waits for entries, and takes all of them; `spent` comes back as the next buffer.
    pub(super) fn take(&self, mut spent: Batch) -> Work {
        let mut state = self.lock();
        while state.batch.count == 0 {
            if state.closed.is_some() {
                return Work::Done;
            }
            state.idle = true;
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        spent.clear(state.next);
        Work::Batch(std::mem::replace(&mut state.batch, spent))
    }

    /// Takes no more entries. What is in the queue still goes to the disk after [`LogClosed::Stopped`],
    /// and is given up after a failure: none of it was acknowledged.
    pub(super) fn close(&self, why: LogClosed) {
        let mut state = self.lock();
        if matches!(why, LogClosed::Failed(_)) {
            let next = state.next;
            state.batch.clear(next);
        }
        // The first reason is the one that counts; but a failure while stopping is news.
        if state.closed.is_none() || matches!(why, LogClosed::Failed(_)) {
            state.closed = Some(why);
        }
        state.idle = false;
        drop(state);
        self.more.notify_one();
    }

    /// Index that the next entry will get.
    pub(super) fn next(&self) -> u64 {
        self.lock().next
    }

    /// When the last entry came.
    pub(super) fn last_append(&self) -> Instant {
        self.lock().last_append
    }

    /// Why the log takes no more entries.
    pub(super) fn closed(&self) -> Option<LogClosed> {
        self.lock().closed.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
