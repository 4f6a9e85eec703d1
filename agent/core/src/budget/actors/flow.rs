//! Rows are paid before they leave, in blocks, so that no lock is taken for each: what of a block is not needed comes
//! back when the statement ends.

use std::time::Instant;

use super::{ActorBudget, Amounts, Of, Purse, Spender};
use crate::statement::Refusal;

impl Amounts {
    /// Both together.
    #[must_use]
    pub const fn plus(mut self, more: &Self) -> Self {
        self.add(more);
        self
    }

    /// What is left of it without `less`.
    #[must_use]
    pub const fn minus(self, less: &Self) -> Self {
        Self {
            statements: self.statements.saturating_sub(less.statements),
            rows: self.rows.saturating_sub(less.rows),
            cells: self.cells.saturating_sub(less.cells),
            bytes: self.bytes.saturating_sub(less.bytes),
            persons: self.persons.saturating_sub(less.persons),
        }
    }

    /// Whether there is as much of everything.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.lacks(other).is_none()
    }

    /// What of it is less than `least`, by its name.
    fn lacks(&self, least: &Self) -> Option<&'static str> {
        self.first(least, |left, least| left < least).map(|(what, _)| what)
    }

    fn of(&self, name: &str) -> u64 {
        self.measures().into_iter().find(|(what, _)| *what == name).map_or(0, |(_, amount)| amount)
    }
}

impl ActorBudget {
    /// Takes as much of `wanted` as there is, at least `least`.
    ///
    /// # Errors
    /// There is not even so much; then nothing was taken.
    pub fn reserve(
        &self,
        spender: &Spender<'_>,
        (least, wanted): (Amounts, Amounts),
        now: Instant,
    ) -> Result<Amounts, Refusal> {
        let mut taken = wanted;
        self.with(spender, now, |purses| {
            for purse in purses.iter() {
                let left = purse.limits.minus(&purse.taken.amounts);
                if let Some(what) = left.lacks(&least) {
                    return Err(purse.refusal(what, purse.limits.of(what), now));
                }
                taken = super::least(taken, left);
            }
            // Neither has to do with rows.
            (taken.statements, taken.persons) = (0, 0);
            for purse in purses {
                purse.taken.amounts.add(&taken);
            }
            Ok(())
        })?;
        Ok(taken)
    }

    /// Gives back what was taken at `since` or later and is not needed.
    pub fn give_back(&self, spender: &Spender<'_>, unused: &Amounts, since: Instant, now: Instant) {
        let _nothing_is_asked_for = self.with(spender, now, |purses| {
            for purse in purses.iter_mut().filter(|purse| purse.has_counted(since)) {
                purse.taken.amounts = purse.taken.amounts.minus(unused);
            }
            Ok(())
        });
    }
}

impl Purse<'_> {
    /// Whether what was taken then counts in it. A new window never had it.
    fn has_counted(&self, since: Instant) -> bool {
        matches!(self.of, Of::Task | Of::Part) || self.taken.since <= since
    }
}
