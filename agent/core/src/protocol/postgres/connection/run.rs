//! The account of one statement, from its INTENT to its OUTCOME.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use connect_shared::{
    entry::{Entry, OutcomeEntry, StatementResult},
    ids::StatementId,
};

use super::{
    Connection, Expect,
    bounds::Bounds,
    content::Content,
    copied::Copied,
    limits::{Ours, Over},
    names::{NameChange, Portal, Space},
    pay::Paid,
};
use crate::{
    approval::Approval,
    catalog::Catalog,
    mask::{CopyWatch, Long, Plan, Sighting, Watch, back::Incoming},
    person::Identifying,
    protocol::postgres::frame::HEADER,
    record::{Claim, Release, Ticket},
    statement::{Effect, Statement},
};

/// A statement that was forwarded, or waits to be.
pub(super) struct Run {
    pub(super) id: StatementId,
    pub(super) facts: Arc<Statement>,
    pub(super) intent: Ticket,
    pub(super) started: Instant,
    /// `None` until the record is durable: no byte of its results may leave before.
    pub(super) release: Option<Release>,
    pub(super) rows: RowPlan,
    /// Fields whose values are looked at.
    pub(super) watch: Option<Watch>,
    /// Data of a COPY whose values are looked at.
    pub(super) copy_watch: Option<Box<CopyWatch>>,
    /// A row or data that pass in pieces and are looked at.
    pub(super) long: Option<Box<Long>>,
    /// Of whom its rows are, where these are counted.
    pub(super) persons: Option<Box<Identifying>>,
    pub(super) bytes: u64,
    /// Bytes of notices and errors.
    pub(super) said: u64,
    /// What was taken from the budget of an AI agent.
    pub(super) paid: Paid,
    pub(super) count: u64,
    /// Columns of each row that it gives.
    pub(super) width: u64,
    pub(super) masked: Vec<String>,
    /// For Execute: through which portal.
    pub(super) portal: Option<(Bytes, Arc<Portal>)>,
    /// Names that it made, to be taken back if it fails.
    pub(super) change: Option<NameChange>,
    /// For a simple query: its text, and its place there.
    pub(super) source: Option<(Bytes, usize)>,
    /// What it runs under, if somebody had to approve it.
    pub(super) approval: Option<Arc<Approval>>,
    /// What it changes is in the confirmed session already.
    pub(super) followed: bool,
    /// For a COPY from the client: it has sent all its data.
    pub(super) data_ended: bool,
    /// What it copies into protected columns.
    pub(super) incoming: Option<Box<Incoming>>,
    /// What it copies to the client.
    pub(super) copied: Option<Copied>,
    /// Data of a COPY, as it passes.
    pub(super) content: Option<Box<Content>>,
    /// It came as a FunctionCall, and is answered by a value.
    pub(super) is_call: bool,
    /// What it may take.
    pub(super) bounds: Option<Box<Bounds>>,
    /// It has taken more.
    pub(super) over: Option<Box<Over>>,
}

/// What happens to its rows.
pub(super) enum RowPlan {
    /// The description has not been looked at.
    Unplanned,
    /// They pass as they are.
    Pass,
    Mask(Plan),
}

impl RowPlan {
    /// Whether rows pass in pieces of any length.
    pub(super) const fn passes(&self) -> bool {
        matches!(self, Self::Pass)
    }
}

impl Run {
    pub(super) fn new(id: StatementId, facts: Arc<Statement>, intent: Ticket, started: Instant) -> Self {
        let copies = facts.effect == Effect::CopyIn && !facts.assigned.is_empty();
        // Whether it is in binary is not known before the server says so.
        let incoming = copies.then(Box::default);
        let copied = Copied::by(&facts);
        let content = (copied.is_some() || facts.effect == Effect::CopyIn).then(Box::default);
        Self {
            id,
            facts,
            intent,
            started,
            release: None,
            rows: RowPlan::Unplanned,
            watch: None,
            copy_watch: None,
            long: None,
            persons: None,
            bytes: 0,
            said: 0,
            paid: Paid::default(),
            count: 0,
            width: 0,
            masked: Vec::new(),
            portal: None,
            change: None,
            source: None,
            approval: None,
            followed: false,
            data_ended: false,
            incoming,
            copied,
            content,
            is_call: false,
            bounds: None,
            over: None,
        }
    }

    /// Bytes that the client was given of it.
    pub(super) const fn out(&self) -> u64 {
        self.bytes.saturating_add(self.said)
    }

    /// Remembers which columns showed values that nothing masks.
    pub(super) fn saw(&mut self, seen: &[Sighting], catalog: &Catalog) {
        for column in seen.iter().filter_map(|sighting| sighting.column(catalog)) {
            if !self.masked.contains(&column) {
                self.masked.push(column);
            }
        }
    }

    /// Remembers what the plan masks.
    pub(super) fn set_plan(&mut self, plan: Option<Plan>) {
        match plan {
            Some(plan) => {
                self.masked = plan.masked().iter().map(|column| column.name.clone()).collect();
                self.rows = RowPlan::Mask(plan);
            }
            None => self.rows = RowPlan::Pass,
        }
    }
}

/// Columns of a row, a RowDescription or a CopyOutResponse, as `start` bytes into its body say.
pub(super) fn width(message: &[u8], start: usize) -> u64 {
    let count = message.get(HEADER + start..).and_then(|rest| rest.first_chunk());
    count.map_or(0, |count| u64::from(u16::from_be_bytes(*count)))
}

/// The row count at the end of a command tag: `SELECT 5`, `INSERT 0 3`.
pub(super) fn rows_of_tag(tag: &[u8]) -> u64 {
    let text = std::str::from_utf8(tag).unwrap_or_default();
    let last = text.trim_end_matches('\0').rsplit(' ').next().unwrap_or_default();
    last.parse().unwrap_or(0)
}

fn named(name: Option<&str>) -> Option<Bytes> {
    name.map(|name| Bytes::copy_from_slice(name.as_bytes()))
}

impl Connection {
    /// Appends the OUTCOME of a statement.
    pub(super) fn account(&mut self, run: Run, result: StatementResult) {
        self.settle_budget(&run);
        let elapsed = self.now.saturating_duration_since(run.started);
        self.ledger.settle(run.intent);
        // What came to nothing was neither given nor taken, and without a row there are only marks and names.
        let content = run.content.filter(|_| result == StatementResult::Done && run.count > 0);
        let entry = OutcomeEntry {
            statement: run.id,
            result,
            rows: run.count,
            bytes: run.bytes,
            masked: run.masked,
            content: content.and_then(|content| content.known_by(&self.secrets.contents)),
            micros: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        };
        self.record(Claim::Unclaimed, Entry::Outcome(Box::new(entry)));
    }

    pub(super) fn account_done(&mut self, run: Run) {
        self.after_success(&run.facts);
        self.account(run, StatementResult::Done);
    }

    /// What a completed statement leaves behind in the name spaces.
    fn after_success(&mut self, facts: &Statement) {
        match &facts.effect {
            Effect::Deallocate { name } => self.dropped(Space::Statements, named(name.as_deref()).as_ref()),
            Effect::CloseCursor { name } => self.dropped(Space::Portals, named(name.as_deref()).as_ref()),
            Effect::DiscardAll => {
                self.dropped(Space::Statements, None);
                self.dropped(Space::Portals, None);
            }
            _ => {}
        }
    }

    /// The end of what was in flight is not known.
    pub(super) fn account_unknown(&mut self, expect: Expect) {
        match expect {
            Expect::Execute(run) => self.account(*run, StatementResult::Unknown),
            Expect::Query(runs) => {
                for run in runs {
                    self.account(run, StatementResult::Unknown);
                }
            }
            Expect::Ours(Ours::Commit { run, .. }) => self.account(*run, StatementResult::Unknown),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{rows_of_tag, width};

    #[test]
    fn columns_are_counted_where_a_message_says_how_many_there_are() {
        assert_eq!(width(b"D\0\0\0\x0b\0\x03rest", 0), 3);
        assert_eq!(width(b"H\0\0\0\x09\0\0\x02", 1), 2);
        assert_eq!(width(b"D\0\0\0\x04", 0), 0);
    }

    #[test]
    fn rows_are_read_from_the_end_of_a_tag() {
        assert_eq!(rows_of_tag(b"SELECT 5\0"), 5);
        assert_eq!(rows_of_tag(b"INSERT 0 3\0"), 3);
        assert_eq!(rows_of_tag(b"BEGIN\0"), 0);
        assert_eq!(rows_of_tag(b"\xff\0"), 0);
    }
}
