//! What the server skips behind an error, and what becomes of it: it never ran, and names stand as before.

use std::sync::atomic::Ordering::Relaxed;

use connect_shared::entry::StatementResult;

use super::{Connection, Described, Expect, Resync, run::Run};

impl Connection {
    pub(super) fn fail_front(&mut self, sqlstate: String) {
        self.front_failed(sqlstate);
        self.copying_goes_on();
    }

    fn front_failed(&mut self, sqlstate: String) {
        match self.in_flight.front_mut() {
            Some(Expect::Query(runs)) => {
                let mut runs = std::mem::take(runs);
                let failed = runs.pop_front();
                for run in runs.into_iter().rev() {
                    self.account_not_run(run);
                }
                if let Some(run) = failed {
                    self.account_failed(run, sqlstate);
                }
                self.syncs_count(1);
            }
            Some(Expect::Denied { until: Resync::Query, .. }) => {
                self.in_flight.pop_front();
                self.in_flight.push_front(Expect::Query([].into()));
            }
            Some(Expect::Sync | Expect::SyncInCopy) | None => {}
            Some(_) => {
                if let Some(Expect::Execute(run)) =
                    self.in_flight.pop_front_if(|expect| matches!(expect, Expect::Execute(_)))
                {
                    self.account_failed(*run, sqlstate);
                }
                self.skip_to_sync();
            }
        }
    }

    pub(super) fn account_failed(&mut self, mut run: Run, sqlstate: String) {
        if let Some(change) = run.change.take() {
            self.take_back(change);
        }
        let failure = Self::failure(&run, sqlstate);
        self.account(run, failure);
    }

    /// The server ignores all that is in flight before the next Sync; names go back, last change first.
    pub(super) fn skip_to_sync(&mut self) {
        let is_end = |expect: &Expect| matches!(expect, Expect::Sync | Expect::SyncInCopy);
        let end = self.in_flight.iter().position(is_end);
        if let Some(end) = end {
            self.syncs_count(end);
        }
        let sent_all = end.is_some();
        let rest = self.in_flight.split_off(end.unwrap_or(self.in_flight.len()));
        let skipped = std::mem::replace(&mut self.in_flight, rest);
        for expect in skipped.into_iter().rev() {
            self.account_skipped(expect);
        }
        self.others_may_go();
        if !sent_all {
            // What the client still sends before its Sync, the server would ignore.
            self.cut_staged();
            self.unblock();
            self.skipping = true;
        }
    }

    /// The server skipped it: it never ran, and its names were never made.
    pub(super) fn account_skipped(&mut self, expect: Expect) {
        match expect {
            Expect::Parse { change: Some(change), .. }
            | Expect::Bind { change: Some(change), .. }
            | Expect::Close { change: Some(change) } => self.take_back(change),
            // It is asked again, if the portal outlives the error.
            Expect::Describe { of: Described::Portal(portal), .. } => portal.asked.store(false, Relaxed),
            Expect::Execute(run) => self.account_not_run(*run),
            Expect::Query(runs) => {
                for run in runs.into_iter().rev() {
                    self.account_not_run(run);
                }
            }
            _ => {}
        }
    }

    pub(super) fn account_not_run(&mut self, mut run: Run) {
        if let Some(change) = run.change.take() {
            self.take_back(change);
        }
        self.account(run, StatementResult::Cut("skipped".to_owned()));
    }
}
