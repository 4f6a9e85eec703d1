//! What wakes the publish thread, and when.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{super::queue::Queue, Position};

/// Longest sleep; only a bound for the arithmetic of deadlines.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// When checkpoints and heartbeats are due.
#[derive(Debug)]
pub(in crate::log) struct Schedule {
    every: Duration,
    entries: u64,
    heartbeat: Duration,
    /// Since when there is something to sign.
    since: Option<Instant>,
    /// After a failure, not before.
    not_before: Option<Instant>,
    /// The last checkpoint was tried; if it failed, it is not tried for ever.
    last_was_tried: bool,
}

impl Schedule {
    pub(in crate::log) const fn new(every: Duration, entries: u64, heartbeat: Duration) -> Self {
        Self { every, entries, heartbeat, since: None, not_before: None, last_was_tried: false }
    }

    pub(super) const fn succeeded(&mut self) {
        self.since = None;
        self.not_before = None;
    }

    pub(super) fn failed(&mut self) {
        self.not_before = Some(Instant::now() + self.every);
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::log) enum Task {
    Publish {
        upto: u64,
        end: Option<Position>,
    },
    Heartbeat,
    /// Someone waits for a checkpoint that cannot come.
    Refuse(Arc<str>),
    Stop,
}

#[derive(Debug, Default)]
struct State {
    durable: u64,
    end: Option<Position>,
    /// Someone waits for a checkpoint of this size.
    want: u64,
    /// The publish thread sleeps until so many entries are durable.
    wake_at: u64,
    failed: Option<Arc<str>>,
    /// The commit thread has ended.
    ended: bool,
    /// The publish thread has ended.
    gone: bool,
}

/// The commit thread's and the callers' way to the publish thread.
#[derive(Debug)]
pub(in crate::log) struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

impl Signal {
    /// A signal for a log of which `durable` entries are on the disk.
    pub(in crate::log) fn new(durable: u64, end: Option<Position>) -> Self {
        Self { state: Mutex::new(State { durable, end, ..State::default() }), changed: Condvar::new() }
    }

    /// Entries before `upto` are durable, and the last of them ends at `end`.
    pub(in crate::log) fn durable(&self, upto: u64, end: Position) {
        let mut state = self.lock();
        state.durable = upto;
        state.end = Some(end);
        let wake = upto >= state.wake_at;
        drop(state);
        if wake {
            self.changed.notify_one();
        }
    }

    /// How far entries are durable, and where the last one ends.
    #[cfg(test)]
    pub(in crate::log) fn reached(&self) -> (u64, Option<Position>) {
        let state = self.lock();
        (state.durable, state.end)
    }

    /// Asks for a checkpoint over `size` entries as soon as they are durable. `false`: nobody is there to
    /// make one, now or later.
    pub(in crate::log) fn want(&self, size: u64) -> bool {
        let mut state = self.lock();
        state.want = state.want.max(size);
        let is_heard = !state.gone;
        drop(state);
        self.changed.notify_one();
        is_heard
    }

    /// The publish thread has ended.
    pub(super) fn gone(&self) {
        self.lock().gone = true;
    }

    /// Whether the publish thread has ended.
    pub(in crate::log) fn is_gone(&self) -> bool {
        self.lock().gone
    }

    /// Nothing more will become durable.
    pub(in crate::log) fn failed(&self, reason: Arc<str>) {
        self.lock().failed.get_or_insert(reason);
        self.changed.notify_one();
    }

    /// The commit thread has ended.
    pub(in crate::log) fn ended(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    /// Those who asked were told that it failed; they may ask again.
    pub(super) fn forget_requests(&self) {
        self.lock().want = 0;
    }

    /// Sleeps until there is something to do. `signed` is the size under the last checkpoint.
    pub(super) fn next_task(&self, schedule: &mut Schedule, signed: u64, queue: &Queue) -> Task {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if let Some(task) = state.due(schedule, signed, now) {
                return task;
            }
            let silent_until = queue.last_append() + schedule.heartbeat;
            if silent_until <= now && state.failed.is_none() && !state.ended {
                return Task::Heartbeat;
            }
            let deadline = schedule.since.map(|since| since + schedule.every).max(schedule.not_before);
            let deadline =
                deadline.filter(|_| state.durable > signed).unwrap_or(silent_until).min(silent_until);
            let sleep = deadline.saturating_duration_since(now).min(LONGEST_SLEEP);
            // After a failure and when ended, a deadline in the past means no more than "not now".
            let sleep = if sleep.is_zero() { schedule.every } else { sleep };
            state = self.changed.wait_timeout(state, sleep).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn due(&mut self, schedule: &mut Schedule, signed: u64, now: Instant) -> Option<Task> {
        let unsigned = self.durable.saturating_sub(signed);
        if self.ended && std::mem::replace(&mut schedule.last_was_tried, self.ended) {
            return Some(Task::Stop);
        }
        if unsigned == 0 {
            schedule.since = None;
        } else {
            let since = *schedule.since.get_or_insert(now);
            let wanted = self.want > signed && self.durable >= self.want;
            let due = wanted || self.ended || unsigned >= schedule.entries || now >= since + schedule.every;
            let held_back = schedule.not_before.is_some_and(|until| now < until) && !wanted && !self.ended;
            if due && !held_back {
                return Some(Task::Publish { upto: self.durable, end: self.end });
            }
        }
        if self.want > self.durable
            && let Some(reason) = &self.failed
        {
            self.want = 0;
            return Some(Task::Refuse(Arc::clone(reason)));
        }
        if self.ended {
            return Some(Task::Stop);
        }
        // While there is something to sign, its deadline wakes us; else the next entry does.
        self.wake_at = if unsigned == 0 { signed + 1 } else { signed.saturating_add(schedule.entries) };
        if self.want > signed {
            self.wake_at = self.wake_at.min(self.want);
        }
        None
    }
}
