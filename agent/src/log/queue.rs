//! Where an entry gets its place: a bounded queue in memory, in front of the commit thread.
//!
//! Encoding happens before the lock and hashing after it, on the commit thread; under the lock an entry
//! costs a copy of its bytes. Two buffers take turns: one fills while the other is on its way to the disk.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use connect_core::record::Seq;

use super::{
    error::LogClosed,
    frame::{FRAME_HEADER, push_unsealed},
    leaf::{Blob, Note, Prepared},
    options::Clock,
    pace::Pace,
};

/// A buffer that a giant has passed through is not kept.
const KEPT_CAPACITY: usize = 8 * 1024 * 1024;

/// How long an entry that nobody waits for may wait for the next one that somebody does.
const LINGER: Duration = Duration::from_millis(10);

/// When an entry goes to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// At once, and synced: somebody waits for it.
    Now,
    /// At once: somebody waits for it to be written. In strict mode nothing comes so.
    Written,
    /// With the next one that is in haste, or after [`LINGER`]: one sync serves both.
    Soon,
}

/// What the commit thread does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// It works, and looks at the queue before it waits.
    Awake,
    /// It waits for an entry in haste, and looks at the queue by itself soon.
    Dozing,
    /// It waits for any entry.
    Asleep,
    /// It has a batch and waits for those who are about to come.
    Gathering,
}

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
    /// Entries that somebody waits for.
    awaited: u64,
    /// They must be synced when they are written.
    pub(super) sync: bool,
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
        self.awaited = 0;
        self.sync = false;
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
    /// An entry in haste is in the batch.
    haste: bool,
    /// Waking the commit thread costs a system call, so it is done only when it must be.
    watch: Watch,
    /// The batch must not wait for those who are about to come.
    at_once: bool,
    /// What is in the batch, or was written before it, must be synced: somebody waits for that.
    sync: bool,
    /// When what was written and not synced is to be synced, if there is any.
    sync_by: Option<Instant>,
    pace: Pace,
}

impl State {
    /// Whether the batch must not wait any longer.
    const fn is_due(&self) -> bool {
        self.batch.count > 0 && (self.haste || self.closed.is_some())
    }

    /// Whether what was written must be synced now, although no batch goes.
    fn is_sync_due(&self, now: Instant) -> bool {
        let ends = self.closed.is_some() || self.sync;
        self.sync_by.is_some_and(|by| ends || by <= now)
    }

    /// Whether there is nobody to wait for.
    fn is_complete(&self) -> bool {
        self.at_once || self.closed.is_some() || self.batch.awaited >= self.pace.expected()
    }

    /// Whether the commit thread must be woken for what is in the batch.
    fn wake(&mut self) -> bool {
        let wake = match self.watch {
            Watch::Awake => false,
            Watch::Dozing => self.haste || self.sync && self.sync_by.is_some(),
            Watch::Asleep => self.batch.count > 0 || self.sync && self.sync_by.is_some(),
            Watch::Gathering => self.is_complete(),
        };
        if wake {
            self.watch = Watch::Awake;
        }
        wake
    }
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
    /// What was written is to be synced; here is the buffer back.
    Sync(Batch),
    /// Closed, and nothing is left.
    Done,
}

impl Queue {
    /// A queue whose first entry will be `next`, and not before `time`.
    pub(super) fn new(next: u64, time: u64, capacity: usize, clock: Clock) -> Self {
        let mut batch = Batch::default();
        batch.clear(next);
        let last_append = Instant::now();
        let state = State {
            next,
            time,
            batch,
            closed: None,
            last_append,
            haste: false,
            watch: Watch::Awake,
            at_once: false,
            sync: false,
            sync_by: None,
            pace: Pace::default(),
        };
        Self { state: Mutex::new(state), more: Condvar::new(), capacity, clock }
    }

    /// Gives an entry its place and its time.
    pub(super) fn append(&self, entry: Prepared, haste: Haste) -> Result<Seq, LogClosed> {
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
        // There is at most one OUTCOME for each INTENT that was let in: it must never be the one without room, or the
        // statement would have no end.
        if state.batch.bytes + bytes > self.capacity && !entry.is_outcome() {
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
        let much = state.batch.bytes > self.capacity / 4;
        state.haste |= haste != Haste::Soon || much;
        state.at_once |= much;
        state.sync |= haste == Haste::Now;
        state.batch.awaited += u64::from(haste != Haste::Soon);
        let wake = state.wake();
        drop(guard);
        if wake {
            self.more.notify_one();
        }
        Ok(Seq(index))
    }

    /// Sends what is in the queue, and what was written and not synced, to the disk at once: somebody waits for it
    /// after all.
    pub(super) fn hurry(&self) {
        let mut state = self.lock();
        // What is on its way may be written only: then it is synced behind that.
        let on_its_way = state.sync_by.is_some() || state.watch == Watch::Awake;
        state.sync |= state.batch.count > 0 || on_its_way;
        state.haste |= state.batch.count > 0;
        state.at_once |= state.haste;
        let wake = state.wake();
        drop(state);
        if wake {
            self.more.notify_one();
        }
    }

    /// Waits for entries, and takes all of them; `spent` comes back as the next buffer.
    pub(super) fn take(&self, mut spent: Batch) -> Work {
        let mut state = self.lock();
        state.pace.returned(Instant::now());
        // All that was written is synced, and nothing has come since: who asked for that has it.
        state.sync &= state.batch.count > 0 || state.sync_by.is_some();
        let mut until = Instant::now() + LINGER;
        while !state.is_due() {
            let now = Instant::now();
            if state.is_sync_due(now) {
                if state.batch.count > 0 {
                    break;
                }
                state.watch = Watch::Awake;
                return Work::Sync(spent);
            }
            if state.closed.is_some() {
                return Work::Done;
            }
            let left = until.saturating_duration_since(now);
            if !left.is_zero() {
                state.watch = Watch::Dozing;
                let left = state.sync_by.map_or(left, |by| left.min(by.saturating_duration_since(now)));
                state = self.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            } else if state.batch.count > 0 {
                break;
            } else {
                state.watch = Watch::Asleep;
                state = match state.sync_by {
                    Some(by) => {
                        let left = by.saturating_duration_since(now);
                        self.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                    }
                    None => self.more.wait(state).unwrap_or_else(PoisonError::into_inner),
                };
                until = Instant::now() + LINGER;
            }
        }
        let mut state = self.gather(state);
        if state.batch.count == 0 {
            // The log failed meanwhile, and what was here was given up: nothing may seem to be on the disk.
            return Work::Done;
        }
        let awaited = state.batch.awaited;
        state.pace.goes(awaited, Instant::now());
        state.watch = Watch::Awake;
        state.haste = false;
        state.at_once = false;
        state.batch.sync = std::mem::take(&mut state.sync);
        spent.clear(state.next);
        Work::Batch(std::mem::replace(&mut state.batch, spent))
    }

    /// Waits, not for long, until as many have come as came to the last batches.
    fn gather<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let until = Instant::now() + state.pace.patience();
        while !state.is_complete() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state.watch = Watch::Gathering;
            state = self.more.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    /// Takes no more entries. What is in the queue still goes to the disk after [`LogClosed::Stopped`],
    /// and is given up after a failure: none of it was acknowledged.
    pub(super) fn close(&self, why: LogClosed) {
        let mut state = self.lock();
        if matches!(why, LogClosed::Failed(_)) {
            let next = state.next;
            state.batch.clear(next);
            state.sync_by = None;
        }
        // The first reason is the one that counts; but a failure while stopping is news.
        if state.closed.is_none() || matches!(why, LogClosed::Failed(_)) {
            state.closed = Some(why);
        }
        state.watch = Watch::Awake;
        drop(state);
        self.more.notify_one();
    }

    /// What was written is synced, or is to be synced then.
    pub(super) fn sync_by(&self, by: Option<Instant>) {
        let mut state = self.lock();
        state.sync_by = by;
        // Who has asked meanwhile waits for an entry that is synced now, or for one in the batch.
        state.sync &= by.is_some() || state.batch.count > 0;
    }

    /// The time of the last entry.
    pub(super) fn time(&self) -> u64 {
        self.lock().time
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use connect_shared::entry::Entry;

    use super::*;

    #[test]
    fn a_failure_while_others_are_awaited_hands_out_nothing_that_was_given_up() {
        for _ in 0..300 {
            let queue = Arc::new(Queue::new(0, 0, 1 << 20, Arc::new(|| 0)));
            let append = |queue: &Queue| {
                let entry = Prepared::new(&Entry::Heartbeat).expect("an entry");
                queue.append(entry, Haste::Now).expect("taken");
            };
            append(&queue);
            append(&queue);
            let Work::Batch(spent) = queue.take(Batch::default()) else { panic!("two were there") };
            // A sync that takes its time: two more are worth waiting for.
            queue.lock().pace.returned(Instant::now() + Duration::from_secs(1));
            append(&queue);
            let gathering = std::thread::spawn({
                let queue = Arc::clone(&queue);
                move || queue.take(spent)
            });
            queue.close(LogClosed::Failed("damaged".into()));
            match gathering.join().expect("no bug") {
                Work::Batch(batch) => assert!(batch.count > 0, "nothing of it was written"),
                Work::Sync(_) | Work::Done => {}
            }
        }
    }
}
