//! What the machine wants done, done in order.

use connect_core::{
    machine::{CancelKey, Ending, ExactText, HoldAsk, HoldEnd, Input, Machine, Output},
    record::Ticket,
};
use connect_shared::entry::Entry;

use super::Pump;
use crate::{
    cancel::Cancellable,
    requests::{Holder, Waiting},
    revocation::Until,
    serve::{self, Counted},
    upstream,
};

/// For how long, in seconds, somebody is kept out who was about to be given what must never leave: until people
/// have looked at it.
const OUT_FOR: u64 = 60 * 60;

impl Pump {
    /// Carries every output out, in order.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::ToClient(bytes) => self.downstream.writer.data(bytes),
                Output::ToServer(bytes) => {
                    if let Some(database) = &mut self.database {
                        database.queue.extend_from_slice(&bytes);
                    }
                }
                Output::StatementText { fingerprint, sql } => {
                    if self.context.log.append_statement_text_once(&fingerprint, &sql).is_err() {
                        self.feed(Input::RecordFailed);
                    }
                }
                Output::StatementLineage { lineage, entry } => {
                    if self.context.log.append_lineage_once(&lineage, &entry).is_err() {
                        self.feed(Input::RecordFailed);
                    }
                }
                Output::Record { ticket, entry } => self.record(ticket, entry),
                Output::ExactText(text) => self.keep(*text),
                Output::NeedUpstream { parameters } => self.start_dial(parameters),
                Output::NeedCatalog { newer_than } => self.start_reading(newer_than),
                Output::Hold(ask) => self.start_waiting(*ask),
                Output::HoldOver(end) => self.stop_waiting(end),
                Output::Cancel(key) => self.cancel(key),
                Output::CancelOwn => self.cancel_own(),
                Output::Alarm { canary } => self.alarm(&canary),
                Output::Finished { code } => self.ended = Some(code),
            }
        }
    }

    fn record(&mut self, ticket: Ticket, entry: Box<Entry>) {
        if let Entry::Outcome(outcome) = &*entry
            && self.refused.contains(&outcome.statement)
        {
            // It never began, and the connection is over.
            return;
        }
        let intent = if let Entry::Intent(intent) = &*entry { Some(intent.statement) } else { None };
        let counted = Counted::of(&entry);
        let awaited = counted != Counted::Neither;
        let at_once = awaited || matches!(*entry, Entry::CanarySeen { .. });
        let log = &self.context.log;
        let appended = match &self.context.gate {
            // Behind the end of its run nothing of it begins.
            Some(gate) if intent.is_some() => match gate.pass(|| log.append(*entry)) {
                Some(appended) => appended,
                None => {
                    self.refused.extend(intent);
                    return self.feed(Input::End(run_over()));
                }
            },
            _ if at_once => log.append(*entry),
            _ => log.append_in_passing(&entry),
        };
        match appended {
            Ok(seq) => {
                if awaited {
                    self.awaited.push_back(seq.0);
                    self.recorded = self.recorded.map(|before| before + 1);
                }
                self.context.agent.counts.count(counted);
                self.feed(Input::Appended { ticket, seq });
            }
            Err(error) => {
                tracing::error!(%error, "the log refused an entry");
                self.recorded = None;
                self.refused.extend(intent);
                self.feed(Input::RecordFailed);
            }
        }
    }

    /// Of a statement that the log refused there is nothing to hold a text against.
    fn keep(&self, text: ExactText) {
        if let Some(keeper) = self.keeper.as_ref().filter(|_| !self.refused.contains(&text.statement)) {
            keeper.keep(text);
        }
    }

    /// Whoever was about to be given what must never leave is given nothing more, in none of their sessions.
    fn alarm(&self, canary: &str) {
        let facts = &self.context.facts;
        tracing::warn!(resource = facts.resource.name, canary, "a value that must never leave was about to");
        let until = Until::Time(serve::now().saturating_add(OUT_FOR));
        let why = "a value that must never leave was on its way to you";
        self.context.agent.revoke_principal(&facts.principal, &until, ("canary", why));
    }

    fn start_dial(&mut self, parameters: Vec<(String, String)>) {
        let config = self.context.resource.upstream.clone();
        self.dial = Some(Box::pin(async move { upstream::connect(&config, &parameters).await }));
    }

    fn start_reading(&mut self, newer_than: u64) {
        let catalog = self.context.resource.catalog.clone();
        self.reading = Some(Box::pin(async move { catalog.newer_than(newer_than).await }));
    }

    fn start_waiting(&mut self, ask: HoldAsk) {
        let facts = &self.context.facts;
        let looks = Some(self.context.resource.looks.clone());
        let (principal, resource) = (facts.principal.clone(), facts.resource.name.clone());
        let holder = Holder { principal, resource, looks };
        self.waiting = Some(Waiting::start(&self.context.requests, holder, ask));
    }

    fn stop_waiting(&mut self, end: HoldEnd) {
        match (self.waiting.take(), end) {
            (Some(waiting), HoldEnd::Withdraw) => waiting.withdraw(),
            (_, HoldEnd::Keep) | (None, _) => {}
        }
    }

    /// A cancel request: it reaches what the same principal runs, and nobody else.
    fn cancel(&mut self, key: CancelKey) {
        let Some(found) = self.context.cancels.find(key, &self.context.facts.principal.reference) else {
            return;
        };
        let entry = Entry::CancelRequested { session: found.session, connection: found.connection };
        if self.context.log.append(entry).is_ok() {
            // A statement that waits for an approval runs nowhere: its connection is told, too.
            found.told.tell();
            // It goes out even if the connection is over before.
            self.passing_on = Some(tokio::spawn(send_cancel(found)));
        }
    }

    pub(super) fn cancel_own(&mut self) {
        let registered = self.database.as_ref().and_then(|database| database.cancel.as_ref());
        let reference = &self.context.facts.principal.reference;
        let own = registered.and_then(|registered| self.context.cancels.find(registered.key, reference));
        // It goes out even if the connection is over before.
        let sending = own.map(|own| tokio::spawn(send_cancel(own)));
        self.cancelling = Some(Box::pin(async move {
            if let Some(sending) = sending {
                let _ended_either_way = sending.await;
            }
        }));
    }
}

fn run_over() -> Ending {
    Ending {
        code: "run_ended".to_owned(),
        sqlstate: "57P01",
        message: "the run that this connection was of has ended".to_owned(),
        hint: Some("Nothing of this statement ran.".to_owned()),
    }
}

/// It is over when the server has passed it on, or after a while without a word of it.
async fn send_cancel(cancellable: Cancellable) {
    if let Err(error) = upstream::cancel(&cancellable.upstream.at(&cancellable.place), &cancellable.key).await
    {
        tracing::warn!(connection = %cancellable.connection, %error, "a cancel request did not arrive");
    }
}
