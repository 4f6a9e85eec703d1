//! Limits that a permit is bound to: rows and bytes are taken before they leave, rows changed are counted before
//! the change can be kept, time is by the clock.
//!
//! Nothing is sent behind a statement that has limits until it is over, and what may write is in a transaction
//! when it runs: the client's, that of its pipeline, which ends at Sync, or one of ours around a simple query. So
//! when a limit is broken the server can be made to fail in place of the statement, and it aborts what it
//! would abort: no effect stays, and transaction, savepoints and pipeline stand as after any error.

use std::time::Instant;

use bytes::Bytes;
use connect_shared::{
    decision::{Obligation, Reason, ReasonCode},
    entry::StatementResult,
};

use super::{
    Connection, Expect, Resync,
    bounds::{key, used_up},
    respond::{Fault, violation},
    run::Run,
};
use crate::{
    decide::limit,
    machine::{Ending, Output},
    protocol::postgres::{
        answer,
        frame::Message,
        scrub::{self, TextOf},
    },
    statement::{Effect, Kind, Statement},
    usage::Allowance,
};

/// How often a transaction of ours is rolled back before the connection is given up: a request to cancel may
/// hit what undoes.
const MOST_ROLLBACKS: u8 = 3;

/// What is in flight has limits: nothing is sent behind it before it is over.
#[derive(Default)]
pub(super) enum Apart {
    #[default]
    No,
    Execute,
    /// A simple query.
    Text,
    /// A simple query in a transaction of ours; with its last completion, which waits for COMMIT.
    Wrapped {
        last: Option<(Box<Run>, Bytes)>,
    },
}

/// What we ask of the server on our own around a statement with limits.
pub(super) enum Ours {
    Begin,
    /// With the completion that is told when it is done.
    Commit {
        run: Box<Run>,
        completion: Bytes,
    },
    Rollback {
        tries: u8,
    },
    /// What the server still says of a text in which a limit was broken, up to its ReadyForQuery.
    Rest {
        error: Bytes,
    },
    /// A text that fails by construction, in place of what had been done already.
    Fail {
        error: Bytes,
        until: Resync,
    },
}

/// A limit was broken.
pub(super) struct Over {
    code: ReasonCode,
    error: Bytes,
}

impl Connection {
    /// Whether a statement's limits let it begin at all.
    pub(super) fn within_bounds(&self, obligations: &[Obligation], facts: &Statement) -> Result<(), Reason> {
        for obligation in obligations {
            match obligation {
                Obligation::LimitChange { most, policy } if !limit::is_counted(facts) => {
                    return Err(limit::not_counted(*most, policy));
                }
                // What only writes is given no rows.
                Obligation::LimitHour { rows, bytes, policy } if facts.kind == Kind::Read => {
                    let (key, allowance) =
                        (key(&self.setup.facts, policy), Allowance { rows: *rows, bytes: *bytes });
                    let left = self.setup.usage.left(&key, allowance, self.minute());
                    left.map_err(|over| used_up(over, &key))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Minutes since 1970.
    pub(super) fn minute(&self) -> u64 {
        (self.setup.wall + self.now.saturating_duration_since(self.setup.opened)).as_secs() / 60
    }

    /// Whether client messages wait for the end of what has limits. Data of a COPY does not.
    pub(super) fn is_apart(&self) -> bool {
        !matches!(self.apart, Apart::No) && self.copying == super::copy::Copying::No
    }

    /// Whether rows of the current statement may leave. If not, its limits are broken from here on, and the server is
    /// asked to stop.
    pub(super) fn gives(&mut self, rows: u64, bytes: usize) -> bool {
        let was_over = self.over().is_some();
        let gives = self.takes(rows, bytes);
        if !gives && !was_over {
            self.cancel_own();
        }
        gives
    }

    /// The same, where the server has stopped already.
    pub(super) fn takes(&mut self, rows: u64, bytes: usize) -> bool {
        let minute = if matches!(self.apart, Apart::No) { return true } else { self.minute() };
        let Some(run) = self.current_run() else { return true };
        if run.over.is_some() {
            return false;
        }
        let Some(mut bounds) = run.bounds.take() else { return true };
        let taken = bounds.take(&self.setup.usage, rows, bytes as u64, minute);
        if let Some(run) = self.current_run() {
            run.bounds = Some(bounds);
        }
        if let Err(reason) = &taken {
            self.break_limit(reason);
        }
        taken.is_ok()
    }

    /// From here on nothing of the current statement reaches the client but the error.
    pub(super) fn break_limit(&mut self, reason: &Reason) {
        if let Some(run) = self.current_run() {
            run.count = run.bounds.as_ref().map_or(0, |bounds| bounds.given);
            run.break_off(reason);
        }
    }

    /// Asks the server to stop the current statement, unless it has done all of it already. Such a request takes a
    /// way of its own: until it is over nothing is sent that it could meet in place of what it is meant for.
    pub(super) fn cancel_own(&mut self) {
        if !self.server.has_whole(b"CEs") {
            self.cancelling = true;
            self.outbox.push(Output::CancelOwn);
        }
    }

    /// The error of the limit that the current statement has broken.
    pub(super) fn over(&self) -> Option<&Bytes> {
        let run = match self.in_flight.front()? {
            Expect::Execute(run) => run,
            Expect::Query(runs) => runs.front()?,
            _ => return None,
        };
        run.over.as_ref().map(|over| &over.error)
    }

    /// How a statement ended that failed.
    pub(super) fn failure(run: &Run, sqlstate: String) -> StatementResult {
        match &run.over {
            Some(over) => StatementResult::Cut(over.code.as_str().to_owned()),
            None => StatementResult::Failed(sqlstate),
        }
    }

    /// The clock of the current statement runs.
    pub(super) fn start_clock(&mut self) {
        if matches!(self.apart, Apart::No) {
            return;
        }
        let now = self.now;
        if let Some(bounds) = self.current_run().and_then(|run| run.bounds.as_mut()) {
            bounds.since.get_or_insert(now);
        }
    }

    /// When the current statement has run for too long.
    pub(super) fn late_at(&self) -> Option<Instant> {
        let run = match self.in_flight.front()? {
            Expect::Execute(run) => run,
            Expect::Query(runs) => runs.front()?,
            _ => return None,
        };
        run.bounds.as_ref().filter(|_| run.over.is_none())?.late_at()
    }

    pub(super) fn is_late(&mut self) {
        let bounds = self.current_run().and_then(|run| run.bounds.as_ref());
        if let Some((most, policy)) = bounds.and_then(|bounds| bounds.time.as_ref()) {
            let reason = limit::too_long(*most, policy);
            self.break_limit(&reason);
            self.cancel_own();
        }
    }

    /// A statement is done, as far as the server knows. Whether it may be: `Err` if a limit is broken, and
    /// then nothing of it is relayed.
    pub(super) fn may_complete(&mut self, tag: &[u8], rows: u64) -> Result<(), ()> {
        if matches!(self.apart, Apart::No) {
            return Ok(());
        }
        if self.over().is_none()
            && let Some(run) = self.current_run()
            && let Some((most, policy)) = run.bounds.as_ref().and_then(|bounds| bounds.change.as_ref())
            && changes_rows(tag, &run.facts)
            && rows > *most
        {
            let reason = limit::too_many_changed(rows, *most, policy);
            self.break_limit(&reason);
        }
        self.in_vain()
    }

    /// A portal has given some of its rows. What a write has changed is told only at its end.
    pub(super) fn may_suspend(&mut self) -> Result<(), ()> {
        if self.over().is_none()
            && let Some(run) = self.current_run()
            && run.facts.kind == Kind::Write
            && !run.facts.writes.is_empty()
            && let Some((most, policy)) = run.bounds.as_ref().and_then(|bounds| bounds.change.as_ref())
        {
            let reason = limit::not_counted(*most, policy);
            self.break_limit(&reason);
        }
        self.in_vain()
    }

    /// If the limits of a statement are broken that the server has completed, the server must fail all the
    /// same.
    fn in_vain(&mut self) -> Result<(), ()> {
        let Some(error) = self.over().cloned() else { return Ok(()) };
        match self.in_flight.pop_front() {
            Some(Expect::Execute(run)) => {
                self.account_failed(*run, String::new());
                self.fail_pipeline(error);
            }
            Some(Expect::Query(runs)) => {
                self.in_flight.push_front(Expect::Ours(Ours::Rest { error }));
                let mut runs = runs.into_iter();
                let broken = runs.next();
                for run in runs.rev() {
                    self.account_not_run(run);
                }
                if let Some(run) = broken {
                    self.account_failed(run, String::new());
                }
                self.syncs_count(1);
            }
            other => self.in_flight.extend(other),
        }
        self.copying_goes_on();
        Err(())
    }

    fn fail_pipeline(&mut self, error: Bytes) {
        let fail = answer::parse(b"connect_denied", answer::FAILS, &[0, 0]);
        self.say_extended(fail);
        self.outbox.say_to_server(answer::flush());
        self.in_flight.push_front(Expect::Ours(Ours::Fail { error, until: Resync::Sync }));
    }

    /// Holds the last completion of a text in a transaction of ours back until that is committed.
    pub(super) fn hold_completion(&mut self, run: Run, completion: Bytes) -> Option<(Run, Bytes)> {
        let is_last = matches!(self.in_flight.front(), Some(Expect::Query(runs)) if runs.is_empty());
        match &mut self.apart {
            Apart::Wrapped { last } if is_last => {
                *last = Some((Box::new(run), completion));
                None
            }
            _ => Some((run, completion)),
        }
    }

    /// Something is answered or skipped: if it was what has limits, others may go.
    pub(super) fn others_may_go(&mut self) {
        if matches!(self.apart, Apart::Execute) && !self.in_flight.iter().any(has_bounds) {
            self.apart = Apart::No;
        }
    }

    /// Begins a transaction of ours; what is staged goes when it is open.
    pub(super) fn begin_own(&mut self) {
        self.outbox.say_to_server(answer::query(b"BEGIN"));
        self.in_flight.push_back(Expect::Ours(Ours::Begin));
        self.apart = Apart::Text;
    }

    /// The server is ready behind a text. Gives the message back unless a transaction of ours goes on.
    pub(super) fn end_own(&mut self, message: Message) -> Option<Message> {
        let is_text = matches!(self.in_flight.front(), Some(Expect::Query(_)));
        match std::mem::take(&mut self.apart) {
            Apart::Wrapped { last } if is_text => {
                if let Some(left) = self.in_flight.pop_front() {
                    self.account_unknown(left);
                }
                match (last, &message.body()[..]) {
                    (Some((run, completion)), b"T") => {
                        self.ask_own("COMMIT", Ours::Commit { run, completion });
                    }
                    (last, _) => {
                        if let Some((run, _)) = last {
                            self.account(*run, StatementResult::Unknown);
                        }
                        self.ask_own("ROLLBACK", Ours::Rollback { tries: 1 });
                    }
                }
                None
            }
            // Its answer is all there.
            Apart::Text if is_text => Some(message),
            other => {
                self.apart = other;
                Some(message)
            }
        }
    }

    fn ask_own(&mut self, text: &str, ours: Ours) {
        self.apart = Apart::Text;
        self.outbox.say_to_server(answer::query(text.as_bytes()));
        self.in_flight.push_front(Expect::Ours(ours));
    }

    /// The server answers what we asked.
    pub(super) fn own_answer(&mut self, message: Message) -> Result<(), Fault> {
        let Some(Expect::Ours(ours)) = self.in_flight.pop_front() else {
            return Err(violation("the server answered what nobody asked"));
        };
        match ours {
            Ours::Begin => self.begun(message),
            Ours::Commit { run, completion } => self.committed(run, completion, message),
            Ours::Rollback { tries } => self.rolled_back(tries, message),
            Ours::Rest { error } => self.rest(error, message),
            Ours::Fail { error, until } => self.failed(error, until, &message),
        }
    }

    fn begun(&mut self, message: Message) -> Result<(), Fault> {
        match (message.kind, &message.body()[..]) {
            (b'Z', b"T") => {
                self.apart = Apart::Wrapped { last: None };
                self.release_staged();
                return Ok(());
            }
            (b'Z', _) => {
                // It has failed, and the client was told.
                self.in_flight.push_front(Expect::Query([].into()));
                return self.ready(message);
            }
            (b'E', _) => {
                self.told_the_end |= scrub::is_fatal(message.body())?;
                self.outbox.say_to_client(message.bytes);
                self.cut_staged();
            }
            _ => {}
        }
        self.in_flight.push_front(Expect::Ours(Ours::Begin));
        Ok(())
    }

    fn committed(&mut self, mut run: Box<Run>, completion: Bytes, message: Message) -> Result<(), Fault> {
        if let Err(fault) = answers_commit(&message) {
            self.account(*run, StatementResult::Unknown);
            return Err(fault);
        }
        if message.kind == b'C' {
            self.account_done(*run);
            self.outbox.say_to_client(completion);
        } else {
            // A constraint that was deferred to the end.
            let sqlstate = scrub::sqlstate(message.body())?;
            self.told_the_end |= scrub::is_fatal(message.body())?;
            let shown = match self.protected {
                true => scrub::error(message.body(), TextOf::Agent)?,
                false => message.bytes,
            };
            run.said += shown.len() as u64;
            self.account(*run, StatementResult::Failed(sqlstate));
            self.settings_may_be_undone();
            self.follow_error();
            self.outbox.say_to_client(shown);
        }
        self.in_flight.push_front(Expect::Query([].into()));
        Ok(())
    }

    fn rolled_back(&mut self, tries: u8, message: Message) -> Result<(), Fault> {
        match (message.kind, &message.body()[..]) {
            (b'Z', b"I") => {
                self.in_flight.push_front(Expect::Query([].into()));
                return self.ready(message);
            }
            (b'Z', _) if tries < MOST_ROLLBACKS => {
                self.ask_own("ROLLBACK", Ours::Rollback { tries: tries + 1 });
                return Ok(());
            }
            (b'Z', _) => {
                // The server rolls back when the connection is gone.
                self.end(&Ending {
                    code: "limit_rollback".to_owned(),
                    sqlstate: "57P01",
                    message: "what broke a limit could not be rolled back, so the connection ends".to_owned(),
                    hint: Some("Connect again.".to_owned()),
                });
                return Ok(());
            }
            _ => {}
        }
        self.in_flight.push_front(Expect::Ours(Ours::Rollback { tries }));
        Ok(())
    }

    fn rest(&mut self, error: Bytes, message: Message) -> Result<(), Fault> {
        match (message.kind, &message.body()[..], &self.apart) {
            (b'Z', _, Apart::Wrapped { .. }) => {
                self.outbox.say_to_client(error);
                self.follow_error();
                self.ask_own("ROLLBACK", Ours::Rollback { tries: 1 });
            }
            (b'Z', b"T", _) => {
                let until = Resync::Query;
                self.outbox.say_to_server(answer::query(answer::FAILS));
                self.in_flight.push_front(Expect::Ours(Ours::Fail { error, until }));
            }
            (b'Z', ..) => {
                self.outbox.say_to_client(error);
                self.settings_may_be_undone();
                self.follow_error();
                self.in_flight.push_front(Expect::Query([].into()));
                return self.ready(message);
            }
            (kind, ..) => {
                if kind == b'G' {
                    // It waits for data that will not come.
                    self.outbox.say_to_server(answer::copy_fail(b"a limit was broken"));
                }
                self.in_flight.push_front(Expect::Ours(Ours::Rest { error }));
            }
        }
        Ok(())
    }

    fn failed(&mut self, error: Bytes, until: Resync, message: &Message) -> Result<(), Fault> {
        if message.kind != b'E' {
            return Err(violation("the server took what fails by construction"));
        }
        self.settings_may_be_undone();
        match until {
            Resync::Query => self.in_flight.push_front(Expect::Query([].into())),
            Resync::Sync => {
                self.apart = Apart::No;
                self.skip_to_sync();
            }
        }
        self.follow_error();
        self.outbox.say_to_client(error);
        Ok(())
    }

    /// The connection ends while a completion waits for its COMMIT.
    pub(super) fn cut_own(&mut self) {
        if let Apart::Wrapped { last: Some((run, _)) } = std::mem::take(&mut self.apart) {
            self.account(*run, StatementResult::Unknown);
        }
    }
}

impl Run {
    /// Nothing of it reaches the client any more but this.
    pub(super) fn break_off(&mut self, reason: &Reason) {
        let error = answer::ended(reason, &self.id.to_string());
        self.over = Some(Box::new(Over { code: reason.code, error }));
    }
}

fn has_bounds(expect: &Expect) -> bool {
    matches!(expect, Expect::Execute(run) if run.bounds.is_some())
}

/// A COMMIT is answered by its completion, or by an error that can be read.
fn answers_commit(message: &Message) -> Result<(), Fault> {
    match message.kind {
        b'C' => Ok(()),
        b'E' => Ok(scrub::sqlstate(message.body()).map(drop)?),
        _ => Err(violation("the server answered COMMIT with something else")),
    }
}

/// Whether a command tag counts rows that were changed.
fn changes_rows(tag: &[u8], facts: &Statement) -> bool {
    let verb = tag.split(|byte| !byte.is_ascii_alphabetic()).next().unwrap_or_default();
    matches!(verb, b"INSERT" | b"UPDATE" | b"DELETE" | b"MERGE")
        || (verb == b"COPY" && facts.effect == Effect::CopyIn)
}
