//! Runs that are not over, in memory: until when a grant for one may be used, how many sessions it has, and
//! whether it is being ended.
//!
//! Invariant: nothing of a run is recorded behind its end. Whoever records a statement of a run holds its
//! [`Gate`] while it looks whether the run is over and appends; whoever ends the run shuts the gate first, and
//! looks at the log after that.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use connect_shared::ids::RunId;
use tokio::sync::{Notify, watch};

use super::claim::{ClaimError, Owner};
use crate::serve::now;

/// Runs that are kept in memory. Those that are dropped are found in the log's index again: see [`Runs::look`].
const MAX_RUNS: usize = 65_536;
/// How long one that closed its last session in order may take to say how the run ended: it hashes its outputs.
pub(super) const HASHING: Duration = Duration::from_secs(60 * 60);
/// When it is tried again to end a run that could not be ended.
const AGAIN: u64 = 60;

/// Runs that are not over.
#[derive(Debug, Default)]
pub struct Runs {
    known: Mutex<Known>,
    /// A session is gone, or one is due earlier than was known.
    changed: Notify,
}

#[derive(Debug)]
struct Known {
    open: HashMap<RunId, Open>,
    /// The log's index may know of runs without an end that are not here.
    others: bool,
}

impl Default for Known {
    fn default() -> Self {
        // Those that began before the agent did.
        Self { open: HashMap::new(), others: true }
    }
}

impl Known {
    /// Drops those that have no session, if there is no room. They are in the log, and are looked for there.
    fn make_room(&mut self, most: usize) {
        if self.open.len() >= most {
            self.open.retain(|_, open| open.sessions > 0 || open.is_over());
            self.others = true;
        }
    }
}

#[derive(Debug)]
struct Open {
    /// `None`: only the log knows.
    owner: Option<Owner>,
    /// When nobody can come back any more, in seconds since 1970.
    until: u64,
    sessions: usize,
    /// How many are about to end it.
    closing: usize,
    /// The log has its end.
    ended: bool,
    over: watch::Sender<bool>,
}

impl Open {
    fn new(until: u64) -> Self {
        Self { owner: None, until, sessions: 0, closing: 0, ended: false, over: watch::Sender::new(false) }
    }

    fn is_over(&self) -> bool {
        *self.over.borrow()
    }
}

/// Whether statements of a run may still be recorded.
#[derive(Debug, Clone)]
pub struct Gate(watch::Receiver<bool>);

impl Gate {
    /// Records something of the run, unless it is over: `None`.
    pub(crate) fn pass<T>(&self, record: impl FnOnce() -> T) -> Option<T> {
        // Held until it is recorded: whoever shuts the gate waits for that.
        let over = self.0.borrow();
        (!*over).then(record)
    }

    /// Returns when the run is over.
    pub(crate) async fn shut(&mut self) {
        if self.0.wait_for(|over| *over).await.is_err() {
            std::future::pending().await
        }
    }
}

/// A session of a run, for as long as this value is there.
#[derive(Debug)]
pub(crate) struct Lasting {
    runs: Arc<Runs>,
    id: RunId,
    pub(crate) gate: Gate,
    /// For how long somebody may come back once it is gone.
    wait: Duration,
}

impl Lasting {
    /// The newest grant of the session ends at `until`.
    pub(crate) fn renewed(&self, until: u64) {
        if let Some(open) = self.runs.lock().open.get_mut(&self.id) {
            open.until = open.until.max(until);
        }
    }

    /// Its client said goodbye, and has something to do before it says how the run ended.
    pub(crate) fn left_in_order(&mut self) {
        self.wait = HASHING;
    }

    /// Its client is gone, and comes back within this time or never.
    pub(crate) fn lost(&mut self, wait: Duration) {
        self.wait = wait;
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        if let Some(open) = self.runs.lock().open.get_mut(&self.id) {
            open.sessions = open.sessions.saturating_sub(1);
            open.until = open.until.max(now().saturating_add(self.wait.as_secs()));
        }
        self.runs.changed.notify_waiters();
    }
}

/// A run that is being ended. If that fails, it is open again.
#[derive(Debug)]
pub(super) struct Closing {
    runs: Arc<Runs>,
    id: RunId,
}

impl Closing {
    /// Waits until the run has no session any more, so that its last statements have their ends.
    pub(super) async fn is_quiet(&self) {
        loop {
            let changed = self.runs.changes();
            if self.runs.lock().open.get(&self.id).is_none_or(|open| open.sessions == 0) {
                return;
            }
            changed.await;
        }
    }

    /// The log does not know of it, so that nothing is left to remember. Its gate was shut: nobody came in.
    pub(super) fn unknown(self) {
        let mut known = self.runs.lock();
        if known.open.get(&self.id).is_some_and(|open| open.sessions == 0 && open.closing == 1) {
            known.open.remove(&self.id);
        }
    }

    /// The log has its end.
    pub(super) fn done(self) {
        if let Some(open) = self.runs.lock().open.get_mut(&self.id) {
            open.ended = true;
        }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(open) = self.runs.lock().open.get_mut(&self.id) {
            open.closing = open.closing.saturating_sub(1);
            if open.closing == 0 && !open.ended {
                open.over.send_replace(false);
                open.until = open.until.max(now().saturating_add(AGAIN));
            }
        }
        self.runs.changed.notify_waiters();
    }
}

impl Runs {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A grant for a run is about to be given to this owner.
    pub(super) fn granted(&self, id: RunId, owner: Owner, until: u64) -> Result<(), ClaimError> {
        let mut known = self.lock();
        known.make_room(MAX_RUNS);
        let open = known.open.entry(id).or_insert_with(|| Open::new(until));
        if open.owner.as_ref().is_some_and(|first| *first != owner) {
            return Err(ClaimError::Taken(id));
        }
        if open.is_over() {
            return Err(ClaimError::Ended(id));
        }
        open.owner = Some(owner);
        open.until = open.until.max(until);
        drop(known);
        self.changed.notify_waiters();
        Ok(())
    }

    /// A session of it begins; `None` if it is over.
    pub(super) fn begun(self: &Arc<Self>, id: RunId, until: u64) -> Option<Lasting> {
        let mut known = self.lock();
        let open = known.open.entry(id).or_insert_with(|| Open::new(until));
        if open.is_over() {
            return None;
        }
        open.sessions += 1;
        open.until = open.until.max(until);
        let gate = Gate(open.over.subscribe());
        Some(Lasting { runs: Arc::clone(self), id, gate, wait: Duration::ZERO })
    }

    /// Whether the log's index has to be asked for runs without an end. Until one is dropped again, it has not.
    pub(super) fn look(&self) -> bool {
        std::mem::take(&mut self.lock().others)
    }

    /// The log's index has to be asked again, and later.
    pub(super) fn look_again(&self) {
        self.lock().others = true;
    }

    /// A run that the log has no end of. Nobody comes back to it after `until`, or what is known of it if that is
    /// later. Whether there was room for it.
    pub(super) fn found(&self, id: RunId, until: u64) -> bool {
        let mut known = self.lock();
        if known.open.len() >= MAX_RUNS && !known.open.contains_key(&id) {
            return false;
        }
        let open = known.open.entry(id).or_insert_with(|| Open::new(until));
        open.until = open.until.max(until);
        drop(known);
        self.changed.notify_waiters();
        true
    }

    /// Shuts the gate of a run that is about to be ended.
    pub(super) fn close(self: &Arc<Self>, id: RunId) -> Closing {
        let mut known = self.lock();
        let open = known.open.entry(id).or_insert_with(|| Open::new(0));
        open.closing += 1;
        open.over.send_replace(true);
        Closing { runs: Arc::clone(self), id }
    }

    /// The next run to which nobody can come back any more. Its gate is shut: nobody is let in meanwhile.
    pub(super) fn abandoned(self: &Arc<Self>, now: u64) -> Option<(RunId, Closing)> {
        let mut known = self.lock();
        let due = |open: &Open| open.sessions == 0 && open.until <= now && !open.is_over();
        let (id, open) = known.open.iter_mut().find(|(_, open)| due(open))?;
        open.closing += 1;
        open.over.send_replace(true);
        Some((*id, Closing { runs: Arc::clone(self), id: *id }))
    }

    /// When the next run is due, in seconds since 1970.
    pub(super) fn next_due(&self) -> Option<u64> {
        let known = self.lock();
        known.open.values().filter(|open| open.sessions == 0 && !open.is_over()).map(|open| open.until).min()
    }

    /// Whose a run is, as far as that is known here.
    pub(super) fn owner(&self, id: RunId) -> Option<Owner> {
        self.lock().open.get(&id)?.owner.clone()
    }

    /// The log's index knows its end by now: nothing is left to remember.
    pub(super) fn forget(&self, id: RunId) {
        let mut known = self.lock();
        if known.open.get(&id).is_some_and(|open| open.sessions == 0 && open.closing == 0) {
            known.open.remove(&id);
        }
    }

    /// Runs that are over, and that nobody has a session of.
    pub(super) fn over(&self) -> Vec<RunId> {
        let known = self.lock();
        known
            .open
            .iter()
            .filter(|(_, open)| open.ended && open.sessions == 0 && open.closing == 0)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Something may be due earlier than [`Runs::next_due`] says after this was called.
    pub(super) fn changes(&self) -> std::pin::Pin<Box<tokio::sync::futures::Notified<'_>>> {
        let mut changed = Box::pin(self.changed.notified());
        changed.as_mut().enable();
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId::from_random([7; 16]);

    fn runs() -> Arc<Runs> {
        Arc::new(Runs::default())
    }

    #[test]
    fn a_run_is_abandoned_when_it_has_no_session_and_nobody_can_come_back() {
        let (runs, now) = (runs(), now());
        runs.found(RUN, now + 100);
        assert!(runs.abandoned(now).is_none(), "its grant is not over");
        let session = runs.begun(RUN, now + 200).expect("it is open");
        assert!(runs.abandoned(now + 1_000).is_none() && runs.next_due().is_none(), "it has a session");
        session.renewed(now + 300);
        drop(session);
        assert_eq!(runs.next_due(), Some(now + 300));
        assert!(runs.abandoned(now + 299).is_none());
        let (run, closing) = runs.abandoned(now + 300).expect("it is due");
        assert_eq!(run, RUN);
        // Nobody is let in meanwhile, and it is due once.
        assert!(runs.begun(RUN, now + 900).is_none());
        assert!(runs.abandoned(now + 1_000).is_none());
        // It could not be ended: it is open again, and tried again.
        drop(closing);
        assert!(runs.next_due() >= Some(now + AGAIN));
        let (_, closing) = runs.abandoned(now + 10_000).expect("it is due");
        closing.done();
        assert!(runs.begun(RUN, now + 900).is_none(), "it is over for good");
        assert_eq!((runs.over(), runs.next_due()), (vec![RUN], None));
        runs.forget(RUN);
        assert_eq!(runs.over(), []);
    }

    #[test]
    fn a_run_that_the_log_does_not_know_is_not_tried_again() {
        let (runs, now) = (runs(), now());
        runs.found(RUN, now);
        let (_, closing) = runs.abandoned(now).expect("it is due");
        closing.unknown();
        assert!(runs.next_due().is_none() && runs.lock().open.is_empty());
        // Somebody else is about to end it, and knows better.
        runs.found(RUN, now);
        let (_, closing) = runs.abandoned(now).expect("it is due");
        let other = runs.close(RUN);
        closing.unknown();
        other.done();
        assert_eq!(runs.over(), [RUN]);
    }

    #[test]
    fn runs_that_have_no_place_are_looked_for_in_the_log() {
        let (runs, now) = (runs(), now());
        assert!(runs.look() && !runs.look(), "once, at the start");
        let lasting = runs.begun(RUN, now).expect("it is open");
        let (_over, closing) =
            (runs.found(RunId::from_random([8; 16]), 1), runs.abandoned(now).expect("due"));
        runs.lock().make_room(3);
        assert!(!runs.look(), "there was room");
        runs.found(RunId::from_random([9; 16]), now + 100);
        runs.lock().make_room(3);
        assert_eq!(runs.lock().open.len(), 2, "one has a session, and one is being ended");
        assert!(runs.look(), "the other one is found again");
        drop((lasting, closing));
    }

    #[test]
    fn who_closed_in_order_has_the_time_to_hash_and_who_was_lost_has_not() {
        let (runs, now) = (runs(), now());
        let mut session = runs.begun(RUN, now).expect("it is open");
        session.lost(Duration::from_secs(20));
        drop(session);
        assert!(runs.next_due().is_some_and(|due| (now + 20..now + 30).contains(&due)));
        let mut session = runs.begun(RUN, now).expect("it is open");
        session.left_in_order();
        drop(session);
        assert!(runs.next_due().is_some_and(|due| due >= now + HASHING.as_secs()));
    }

    #[test]
    fn one_who_fails_to_end_a_run_opens_it_for_nobody_while_another_one_ends_it() {
        let runs = runs();
        let session = runs.begun(RUN, 1).expect("it is open");
        let (one, other) = (runs.close(RUN), runs.close(RUN));
        assert_eq!(session.gate.pass(|| ()), None);
        drop(one);
        assert_eq!(session.gate.pass(|| ()), None);
        drop(other);
        assert_eq!(session.gate.pass(|| 1), Some(1), "nobody has ended it");
    }

    #[tokio::test]
    async fn whoever_ends_a_run_waits_for_what_is_being_recorded_and_for_its_sessions() {
        let runs = runs();
        let mut session = runs.begun(RUN, 1).expect("it is open");
        let (gate, (told, passing)) = (session.gate.clone(), std::sync::mpsc::channel());
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        let recording = std::thread::spawn(move || {
            gate.pass(|| {
                told.send(()).expect("heard");
                wait.recv().expect("told");
                std::time::Instant::now()
            })
        });
        passing.recv().expect("it records");
        let closing = {
            let runs = Arc::clone(&runs);
            std::thread::spawn(move || {
                let closing = runs.close(RUN);
                (closing, std::time::Instant::now())
            })
        };
        go_on.send(()).expect("heard");
        let recorded = recording.join().expect("no panic").expect("it was let pass");
        let (closing, shut) = closing.join().expect("no panic");
        assert!(recorded <= shut, "the gate shuts behind what was on its way");
        session.gate.shut().await;
        let quiet = tokio::time::timeout(Duration::from_millis(20), closing.is_quiet()).await;
        assert!(quiet.is_err(), "there is a session");
        drop(session);
        closing.is_quiet().await;
    }
}
