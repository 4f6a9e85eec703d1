//! What the server says beside results: notices and errors. Both may quote what they are about, of any length, so that
//! they are counted as rows are, and scrubbed where that may be protected.

use super::{Connection, Expect, Scrub, mistake::Words, names::NameChange, respond::Fault};
use crate::{
    protocol::postgres::{
        frame::Message,
        scrub::{self, TextOf},
    },
    statement::{Protection, Statement},
};

impl Connection {
    pub(super) fn notice(&mut self, message: Message) -> Result<(), Fault> {
        let may_pass = self.current_scrub() == Scrub::None || scrub::notice_may_pass(message.body())?;
        if may_pass && self.gives(0, message.bytes.len()) {
            self.count_words(message.bytes.len())?;
            self.outbox.say_to_client(message.bytes);
        }
        Ok(())
    }

    /// Words of the server are about to go out. Those of no statement count at once.
    fn count_words(&mut self, bytes: usize) -> Result<(), Fault> {
        if let Some(run) = self.current_run() {
            run.said += bytes as u64;
            return Ok(());
        }
        self.pay_words(bytes)
    }

    /// Whether what the server says now may quote protected values.
    fn current_scrub(&self) -> Scrub {
        match self.in_flight.front() {
            Some(Expect::Parse { scrub, .. } | Expect::Bind { scrub, .. }) => *scrub,
            Some(Expect::Execute(run)) => self.scrub(Some(&run.facts)),
            // After the last completion an implicit transaction commits, and deferred constraints speak.
            Some(Expect::Query(runs)) if runs.is_empty() && self.protected => Scrub::Needed,
            Some(Expect::Query(runs)) => self.scrub(runs.front().map(|run| &*run.facts)),
            Some(Expect::Denied { .. }) => Scrub::Needed,
            Some(Expect::Sync | Expect::Ours(_)) if self.protected => Scrub::Needed,
            _ => Scrub::None,
        }
    }

    /// An error: of the statement that it stands for, and then of all that the server skips.
    pub(super) fn server_error(&mut self, message: Message) -> Result<(), Fault> {
        let sqlstate = scrub::sqlstate(message.body())?;
        let scrubbed = self.current_scrub();
        let shown = match self.in_flight.front() {
            _ if self.over().is_some() => self.over().cloned().unwrap_or_default(),
            Some(Expect::Denied { words: Words::Theirs, .. })
                if !scrub::is_about_the_end(message.body())? =>
            {
                message.bytes.clone()
            }
            Some(Expect::Denied { error, .. }) => error.clone(),
            _ if scrubbed == Scrub::Needed => scrub::error(message.body(), self.shown_text())?,
            _ => message.bytes.clone(),
        };
        self.told_the_end |= scrub::is_fatal(message.body())?;
        let shown = if self.takes(0, shown.len()) { shown } else { self.over().cloned().unwrap_or(shown) };
        if !matches!(self.in_flight.front(), Some(Expect::Denied { .. })) {
            self.count_words(shown.len())?;
        }
        self.fail_front(sqlstate);
        self.others_may_go();
        self.settings_may_be_undone();
        self.follow_error();
        self.outbox.say_to_client(shown);
        Ok(())
    }

    /// Whose text the server's positions count in.
    fn shown_text(&self) -> TextOf {
        let rewritten = |facts: &Statement| matches!(facts.protection, Protection::Masked { .. });
        let ours = match self.in_flight.front() {
            Some(Expect::Parse { change: Some(NameChange::Statement { name, .. }), .. }) => {
                self.names.statement(name).is_some_and(|prepared| prepared.sent.is_some())
            }
            Some(Expect::Execute(run)) => rewritten(&run.facts),
            Some(Expect::Query(runs)) => runs.iter().any(|run| rewritten(&run.facts)),
            _ => false,
        };
        if ours { TextOf::Agent } else { TextOf::Client }
    }
}
