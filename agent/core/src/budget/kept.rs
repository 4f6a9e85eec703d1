//! What was spent, in a form that outlives the process: a window by how long it is open, for a process has a clock
//! that no other one knows.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    LookupBudget, Spent,
    actors::{ActorBudget, Amounts, Purses, Taken},
};

/// What everybody has spent. What was handed on is not in it: it ends with the process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    lookups: Vec<KeptLookups>,
    people: Vec<KeptPurses>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptLookups {
    idp: String,
    sub: String,
    resource: String,
    /// Seconds since the window began.
    open: u64,
    lookups: u32,
}

/// Of the AI agents of one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptPurses {
    idp: String,
    sub: String,
    hour: KeptWindow,
    day: KeptWindow,
    tasks: BTreeMap<String, KeptWindow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptWindow {
    /// Seconds since it began; for a task, since it was last used.
    open: u64,
    taken: Amounts,
}

impl LookupBudget {
    /// What is to be kept, if anything has changed since this was last asked.
    #[must_use]
    pub fn changes(&self, now: Instant) -> Option<Kept> {
        let changed = self.changed.swap(false, Ordering::Relaxed) | self.actors.take_changed();
        changed.then(|| Kept { lookups: self.kept_lookups(now), people: self.actors.kept(now) })
    }

    /// What [`Self::changes`] gave could not be kept: it gives it again.
    pub fn changed_again(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Takes up what was kept this long ago, before anybody spends. What counts no more goes with its window.
    pub fn restore(&self, kept: Kept, ago: Duration, now: Instant) {
        let mut all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        for KeptLookups { idp, sub, resource, open, lookups } in kept.lookups {
            all.insert((idp, sub, resource), Spent { since: since(open, ago, now), lookups });
        }
        drop(all);
        self.actors.restore(kept.people, ago, now);
    }

    fn kept_lookups(&self, now: Instant) -> Vec<KeptLookups> {
        let all = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = all.iter().filter(|(_, spent)| open(spent.since, now) < super::WINDOW.as_secs());
        counts
            .map(|((idp, sub, resource), spent)| KeptLookups {
                idp: idp.clone(),
                sub: sub.clone(),
                resource: resource.clone(),
                open: open(spent.since, now),
                lookups: spent.lookups,
            })
            .collect()
    }
}

impl ActorBudget {
    fn kept(&self, now: Instant) -> Vec<KeptPurses> {
        let all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = all.iter().filter(|(_, purses)| purses.count(now));
        counts
            .map(|((idp, sub), purses)| KeptPurses {
                idp: idp.clone(),
                sub: sub.clone(),
                hour: KeptWindow::of(&purses.hour, now),
                day: KeptWindow::of(&purses.day, now),
                tasks: purses
                    .tasks
                    .iter()
                    .map(|(name, taken)| (name.clone(), KeptWindow::of(taken, now)))
                    .collect(),
            })
            .collect()
    }

    fn restore(&self, people: Vec<KeptPurses>, ago: Duration, now: Instant) {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for KeptPurses { idp, sub, hour, day, tasks } in people {
            let mut purses = Purses::new(now);
            (purses.hour, purses.day) = (hour.taken(ago, now), day.taken(ago, now));
            purses.tasks = tasks.into_iter().map(|(name, window)| (name, window.taken(ago, now))).collect();
            all.insert((idp, sub), purses);
        }
    }
}

impl KeptWindow {
    fn of(taken: &Taken, now: Instant) -> Self {
        Self { open: open(taken.since, now), taken: taken.amounts }
    }

    fn taken(&self, ago: Duration, now: Instant) -> Taken {
        Taken { since: since(self.open, ago, now), amounts: self.taken }
    }
}

fn open(since: Instant, now: Instant) -> u64 {
    now.saturating_duration_since(since).as_secs()
}

/// When a window began. What this process's clock cannot say counts from now on, which is longer.
fn since(open: u64, ago: Duration, now: Instant) -> Instant {
    let passed = Duration::from_secs(open).checked_add(ago);
    passed.and_then(|passed| now.checked_sub(passed)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use connect_shared::entry::PrincipalRef;

    use super::*;
    use crate::budget::actors::{ActorLimits, Spender};

    const MINUTE: Duration = Duration::from_secs(60);

    fn budget() -> LookupBudget {
        let hour = Amounts { statements: 2, ..Amounts::ALL };
        let day = Amounts { statements: 3, ..Amounts::ALL };
        let task = Amounts { rows: 10, ..Amounts::ALL };
        LookupBudget::with(ActorLimits { hour, day, task })
    }

    fn who() -> PrincipalRef {
        PrincipalRef { sub: "ana".into(), idp: "https://id.example.com".into(), actor: Some("claude".into()) }
    }

    /// Another process, so long after.
    fn later(kept: Kept, ago: Duration, now: Instant) -> LookupBudget {
        let text = serde_json::to_string(&kept).expect("JSON");
        let budget = budget();
        budget.restore(serde_json::from_str(&text).expect("the same"), ago, now);
        budget
    }

    #[test]
    fn a_restart_gives_nobody_a_new_hour_day_or_task() {
        let (before, now, who) = (budget(), Instant::now(), who());
        let spender = Spender { who: &who, task: Some("report/1"), parts: &[] };
        let actors = &before.actors;
        actors.begin(&spender, now).expect("one");
        actors.begin(&spender, now).expect("two");
        actors.take(&spender, Amounts { rows: 10, ..Amounts::default() }, now).expect("rows");
        let kept = before.changes(now).expect("something changed");
        assert!(before.changes(now).is_none(), "nothing since");
        before.changed_again();
        assert!(before.changes(now).is_some());

        let after = later(kept.clone(), MINUTE, now);
        assert!(after.actors.begin(&spender, now).is_err(), "the hour goes on");
        let after = later(kept.clone(), 61 * MINUTE, now);
        assert!(after.actors.begin(&spender, now).is_err(), "the task has no rows left");
        let other = Spender { task: None, ..spender };
        after.actors.begin(&other, now).expect("a new hour, and the third of the day");
        assert!(after.actors.begin(&other, now).is_err(), "the day goes on");
        let after = later(kept, 25 * 60 * MINUTE, now);
        after.actors.begin(&spender, now).expect("all of it is over");
    }

    #[test]
    fn what_was_looked_up_counts_for_its_hour() {
        let principal = crate::principal::Principal {
            reference: who(),
            name: "ana@example.com".into(),
            groups: Vec::new(),
        };
        let resource = crate::principal::Resource {
            name: "shop-db".into(),
            database: "shop".into(),
            class: crate::principal::ResourceClass::Production,
            approvers: Vec::new(),
        };
        let (before, now) = (budget(), Instant::now());
        before.spend(&principal, &resource, super::super::LOOKUPS, now).expect("all of them");
        let kept = before.changes(now).expect("something changed");
        assert!(later(kept.clone(), 59 * MINUTE, now).spend(&principal, &resource, 1, now).is_err());
        later(kept, 60 * MINUTE, now).spend(&principal, &resource, 1, now).expect("a new hour");
    }
}
