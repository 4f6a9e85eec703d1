//! What a statement of an AI agent takes from its budget: rows and cells before they leave, bytes as they go, what it
//! has changed at its end.

use std::time::Instant;

use super::{Connection, respond::Fault, run::Run};
use crate::budget::actors::{Amounts, Spender};

/// Most rows and bytes that are taken ahead: for so many the budget is asked once.
const MOST_ROWS: u64 = 256;
const MOST_BYTES: u64 = 64 << 10;

/// What of one statement was taken from a budget.
#[derive(Default)]
pub(super) struct Paid {
    /// What went out, or is about to.
    gone: Amounts,
    /// What was taken ahead, and since when.
    ahead: Amounts,
    since: Option<Instant>,
}

impl Paid {
    /// What is to be taken so that this may go, too: at least, and with what comes next.
    fn next(&self, more: &Amounts, width: u64) -> (Amounts, Amounts) {
        let least = more.minus(&self.ahead);
        // As many again as have gone: a short result takes little ahead.
        let rows = if more.rows > 0 { self.gone.rows.min(MOST_ROWS) } else { 0 };
        let bytes = if more.bytes > 0 { self.gone.bytes.min(MOST_BYTES) } else { 0 };
        let ahead = Amounts { rows, cells: rows.saturating_mul(width), bytes, ..Amounts::default() };
        (least, least.plus(&ahead))
    }
}

impl Connection {
    fn is_an_actors(&self) -> bool {
        self.setup.facts.principal.reference.actor.is_some()
    }

    /// Whether so many rows may leave, counted only where that matters.
    pub(super) fn pay_rows(&mut self, count: impl FnOnce() -> u64) -> Result<(), Fault> {
        if !self.is_an_actors() {
            return Ok(());
        }
        let Some(run) = self.current_run() else { return Ok(()) };
        let rows = count();
        let cells = rows.saturating_mul(run.width);
        self.pay_for(Amounts { rows, cells, ..Amounts::default() })
    }

    /// Takes what has gone out since the last time from the budget of an AI agent.
    pub(super) fn pay(&mut self) -> Result<(), Fault> {
        if !self.is_an_actors() {
            return Ok(());
        }
        let inside = self.server.is_inside_message();
        let Some(run) = self.current_run() else { return Ok(()) };
        let bytes = run.out().saturating_sub(run.paid.gone.bytes);
        // In the middle of a row nobody could be told why it ends there; only of a long one not all is waited for.
        if bytes == 0 || inside && bytes < MOST_BYTES {
            return Ok(());
        }
        self.pay_for(Amounts { bytes, ..Amounts::default() })
    }

    /// Takes words of the server that belong to no statement.
    pub(super) fn pay_words(&self, bytes: usize) -> Result<(), Fault> {
        if !self.is_an_actors() {
            return Ok(());
        }
        let words = Amounts { bytes: bytes as u64, ..Amounts::default() };
        self.setup.lookups.actors.take(&self.spender(), words, self.now).map_err(Fault::Unmaskable)
    }

    fn pay_for(&mut self, more: Amounts) -> Result<(), Fault> {
        let Some(run) = self.current_run() else { return Ok(()) };
        let (mut paid, width) = (std::mem::take(&mut run.paid), run.width);
        let result = self.pay_with(&mut paid, &more, width);
        if let Some(run) = self.current_run() {
            run.paid = paid;
        }
        result
    }

    fn pay_with(&self, paid: &mut Paid, more: &Amounts, width: u64) -> Result<(), Fault> {
        let actors = &self.setup.lookups.actors;
        if !paid.ahead.covers(more) {
            match actors.reserve(&self.spender(), paid.next(more, width), self.now) {
                Ok(taken) => {
                    paid.ahead = paid.ahead.plus(&taken);
                    paid.since = Some(self.now);
                }
                Err(refusal) => {
                    if more.bytes > 0 {
                        // They have gone already: they count, and nothing comes after them.
                        let _said_already = actors.take(&self.spender(), more.minus(&paid.ahead), self.now);
                        paid.gone = paid.gone.plus(more);
                        paid.ahead.bytes = 0;
                    }
                    return Err(Fault::Unmaskable(refusal));
                }
            }
        }
        paid.ahead = paid.ahead.minus(more);
        paid.gone = paid.gone.plus(more);
        Ok(())
    }

    /// The statement has ended: takes what it has given and changed beside what went out as rows, and gives back what
    /// was taken ahead. The next statement finds that nothing is left.
    pub(super) fn settle_budget(&self, run: &Run) {
        if !self.is_an_actors() {
            return;
        }
        let (actors, spender) = (&self.setup.lookups.actors, self.spender());
        let all = Amounts {
            rows: run.count,
            cells: run.count.saturating_mul(run.width),
            bytes: run.out(),
            ..Amounts::default()
        };
        let rest = all.minus(&run.paid.gone);
        if rest != Amounts::default() {
            let _over = actors.take(&spender, rest, self.now);
        }
        if let Some(since) = run.paid.since
            && run.paid.ahead != Amounts::default()
        {
            actors.give_back(&spender, &run.paid.ahead, since, self.now);
        }
    }

    /// From what an AI agent takes.
    pub(super) fn spender(&self) -> Spender<'_> {
        let setup = &self.setup;
        Spender {
            who: &setup.facts.principal.reference,
            task: setup.facts.task.as_deref(),
            parts: &setup.grant.narrowed.parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_is_taken_ahead_as_has_gone_and_never_more_than_a_block() {
        let one = Amounts { rows: 1, cells: 3, ..Amounts::default() };
        let mut paid = Paid::default();
        let mut asked = 0;
        for _ in 0..10_000 {
            if !paid.ahead.covers(&one) {
                let (least, wanted) = paid.next(&one, 3);
                assert!(
                    wanted.covers(&least) && wanted.rows <= MOST_ROWS + 1 && wanted.cells == wanted.rows * 3
                );
                paid.ahead = paid.ahead.plus(&wanted);
                asked += 1;
            }
            paid.ahead = paid.ahead.minus(&one);
            paid.gone = paid.gone.plus(&one);
        }
        assert!(asked < 60, "{asked} times for ten thousand rows");
        assert_eq!(Paid::default().next(&one, 3), (one, one), "the first is nothing but itself");
    }
}
