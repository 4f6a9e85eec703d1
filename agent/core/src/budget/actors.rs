//! How much the AI agents of one person may take within an hour, a day and a task: all of them together, because
//! the name of an AI agent is its own word, and whoever is out of budget would call itself otherwise. One that was
//! handed a part of another's grant spends its part, and that of whoever handed it on, and the person's.
//!
//! A task is its id up to the first `/`: what an AI agent appends to it is a step of the same task, and makes no
//! new budget.

mod flow;

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use connect_shared::{decision::ReasonCode, entry::PrincipalRef};
use serde::{Deserialize, Serialize};

use crate::{
    statement::Refusal,
    usage::{
        UsageKey,
        persons::{Person, PersonLimits, Persons},
    },
};

/// People who are kept apart; beyond that those whose day is over are forgotten.
const MOST_PEOPLE: usize = 10_000;
/// Tasks, and parts that were handed on, of one person; beyond that those that have rested for a day are forgotten.
const MOST_PURSES: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// What may be taken, or was. [`Amounts::ALL`] is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Amounts {
    pub statements: u64,
    /// Returned or changed.
    pub rows: u64,
    /// Of rows that were returned: rows times columns.
    pub cells: u64,
    /// Of rows, as they go to the client.
    pub bytes: u64,
    /// Different ones, of whom there are rows.
    pub persons: u64,
}

impl Amounts {
    /// No limit.
    pub const ALL: Self =
        Self { statements: u64::MAX, rows: u64::MAX, cells: u64::MAX, bytes: u64::MAX, persons: u64::MAX };

    const fn add(&mut self, more: &Self) {
        self.statements = self.statements.saturating_add(more.statements);
        self.rows = self.rows.saturating_add(more.rows);
        self.cells = self.cells.saturating_add(more.cells);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }

    /// Each that is counted while it is taken, by its name.
    const fn measures(&self) -> [(&'static str, u64); 4] {
        [("statements", self.statements), ("rows", self.rows), ("cells", self.cells), ("bytes", self.bytes)]
    }

    /// The first measure, and how much of it `other` has, for which `is` holds of both.
    fn first(&self, other: &Self, is: impl Fn(u64, u64) -> bool) -> Option<(&'static str, u64)> {
        let both = self.measures().into_iter().zip(other.measures());
        both.into_iter().find(|((_, own), (_, other))| is(*own, *other)).map(|(_, other)| other)
    }

    /// What of it is used up before another statement. The last row and byte may be taken; what comes after them
    /// may not.
    fn used_up(&self, limits: &Self) -> Option<(&'static str, u64)> {
        self.first(limits, |taken, limit| taken >= limit)
    }
}

/// Within an hour, a day, and a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActorLimits {
    pub hour: Amounts,
    pub day: Amounts,
    /// Until it has rested for a day.
    pub task: Amounts,
}

impl Default for ActorLimits {
    fn default() -> Self {
        Self {
            hour: Amounts {
                statements: 2_000,
                rows: 200_000,
                cells: 2_000_000,
                bytes: 256 << 20,
                persons: 2_000,
            },
            day: Amounts {
                statements: 10_000,
                rows: 1_000_000,
                cells: 10_000_000,
                bytes: 1 << 30,
                persons: 10_000,
            },
            task: Amounts::ALL,
        }
    }
}

/// What an AI agent has handed on to another one of what it may take itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    /// Whose it is: the same for all grants that go to the same AI agent from the same one.
    pub id: String,
    pub most: Amounts,
}

/// Whoever spends: an AI agent, what it works on, and the parts that were handed down to it.
#[derive(Debug, Clone, Copy)]
pub struct Spender<'a> {
    pub who: &'a PrincipalRef,
    pub task: Option<&'a str>,
    pub parts: &'a [Part],
}

impl Spender<'_> {
    /// The task whose budget it is. Those that name none share one.
    fn task(&self) -> &str {
        self.task.unwrap_or_default().split('/').next().unwrap_or_default()
    }
}

/// What was taken since the beginning of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) since: Instant,
    pub(super) amounts: Amounts,
}

impl Taken {
    const fn new(now: Instant) -> Self {
        Self { since: now, amounts: Amounts { statements: 0, rows: 0, cells: 0, bytes: 0, persons: 0 } }
    }

    fn is_older(&self, length: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= length
    }
}

/// What the AI agents of one person have taken. Of tasks and parts `since` is when they were last used.
#[derive(Debug)]
pub(super) struct Purses {
    pub(super) hour: Taken,
    pub(super) day: Taken,
    pub(super) tasks: HashMap<String, Taken>,
    parts: HashMap<String, Taken>,
}

/// What everybody's AI agents have taken. One for all connections of an agent.
#[derive(Debug, Default)]
pub struct ActorBudget {
    limits: ActorLimits,
    /// By identity provider and subject.
    pub(super) taken: Mutex<HashMap<(String, String), Purses>>,
    changed: AtomicBool,
}

/// One of what a spender spends from.
struct Purse<'a> {
    taken: &'a mut Taken,
    limits: Amounts,
    of: Of,
}

/// What a limit is for, in words, and how long it takes to end by itself.
#[derive(Clone, Copy)]
enum Of {
    Hour,
    Day,
    Task,
    Part,
}

impl ActorBudget {
    #[must_use]
    pub fn new(limits: ActorLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Whether anything was taken since this was last asked.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// Begins a statement: looked at and taken at once, so that no two begin with the last one.
    ///
    /// # Errors
    /// Something of the budget is used up; then nothing was taken.
    pub fn begin(&self, spender: &Spender<'_>, now: Instant) -> Result<(), Refusal> {
        self.with(spender, now, |purses| {
            for purse in purses.iter() {
                if let Some((what, limit)) = purse.taken.amounts.used_up(&purse.limits) {
                    return Err(purse.refusal(what, limit, now));
                }
            }
            for purse in purses {
                purse.taken.amounts.add(&Amounts { statements: 1, ..Amounts::default() });
            }
            Ok(())
        })
    }

    /// Takes what a statement gives, as it goes.
    ///
    /// # Errors
    /// It is more than there was. What was taken is taken.
    pub fn take(&self, spender: &Spender<'_>, more: Amounts, now: Instant) -> Result<(), Refusal> {
        self.with(spender, now, |purses| {
            let mut over = Ok(());
            for purse in purses {
                purse.taken.amounts.add(&more);
                if over.is_ok() && more.bytes > 0 && purse.taken.amounts.bytes > purse.limits.bytes {
                    over = Err(purse.refusal("bytes", purse.limits.bytes, now));
                }
            }
            over
        })
    }

    /// Meets persons whose rows are about to go out; whoever was met before is nobody new.
    ///
    /// # Errors
    /// They are more than there may be; then they do not go out.
    pub fn meet(
        &self,
        spender: &Spender<'_>,
        persons: &Persons,
        met: &[Person],
        minute: u64,
    ) -> Result<(), Refusal> {
        let who = spender.who;
        let key = |policy: String| UsageKey {
            idp: who.idp.clone(),
            sub: who.sub.clone(),
            resource: String::new(),
            policy,
        };
        let (hour, day) = (Some(self.limits.hour.persons), Some(self.limits.day.persons));
        // No policy has these names: a name has no space in it.
        let mut all = vec![(key("AI agents".to_owned()), PersonLimits { hour, day, rest: None })];
        let resting = |most: u64| PersonLimits { rest: Some(most), ..PersonLimits::default() };
        if self.limits.task.persons != u64::MAX {
            all.push((key(format!("AI agents, task {}", spender.task())), resting(self.limits.task.persons)));
        }
        for part in spender.parts.iter().filter(|part| part.most.persons != u64::MAX) {
            all.push((key(format!("AI agents, part {}", part.id)), resting(part.most.persons)));
        }
        for (key, limits) in all.iter().rev() {
            persons.meet(key, *limits, met, minute).map_err(|many| {
                refusal(&format!("{} persons of this {}", many.most, many.window), Some(many.wait))
            })?;
        }
        Ok(())
    }

    /// Looks at everything that somebody spends from, the widest last.
    fn with(
        &self,
        spender: &Spender<'_>,
        now: Instant,
        look: impl FnOnce(&mut [Purse<'_>]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        // Counts are whole at every moment, also where a thread died with the lock.
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (spender.who.idp.clone(), spender.who.sub.clone());
        if all.len() >= MOST_PEOPLE && !all.contains_key(&key) {
            all.retain(|_, purses| purses.count(now));
            if all.len() >= MOST_PEOPLE {
                return Err(used_up("statements", 0, Of::Day, Some(DAY)));
            }
        }
        let purses = all.entry(key).or_insert_with(|| Purses::new(now));
        let mut used = purses.of(spender, &self.limits, now)?;
        self.changed.store(true, Ordering::Relaxed);
        look(&mut used)
    }
}

impl Purses {
    pub(super) fn new(now: Instant) -> Self {
        Self { hour: Taken::new(now), day: Taken::new(now), tasks: HashMap::new(), parts: HashMap::new() }
    }

    /// Whether anything of it still counts.
    pub(super) fn count(&self, now: Instant) -> bool {
        let mut resting = self.tasks.values().chain(self.parts.values());
        !self.day.is_older(DAY, now) || resting.any(|taken| !taken.is_older(DAY, now))
    }

    /// What somebody spends from.
    fn of<'a>(
        &'a mut self,
        spender: &Spender<'_>,
        limits: &ActorLimits,
        now: Instant,
    ) -> Result<Vec<Purse<'a>>, Refusal> {
        let mut used = Vec::with_capacity(spender.parts.len() + 3);
        for part in spender.parts {
            make(&mut self.parts, &part.id, Of::Part, now)?;
        }
        let names: Vec<&str> = spender.parts.iter().map(|part| part.id.as_str()).collect();
        for (id, taken) in self.parts.iter_mut().filter(|(id, _)| names.contains(&id.as_str())) {
            // The same part may be there twice, once for each grant that it went through: the least counts.
            let same = spender.parts.iter().filter(|part| part.id == *id).map(|part| part.most);
            let limits = same.reduce(least).unwrap_or(Amounts::ALL);
            used.push(Purse { taken, limits, of: Of::Part });
        }
        if limits.task != Amounts::ALL {
            let taken = make(&mut self.tasks, spender.task(), Of::Task, now)?;
            used.push(Purse { taken, limits: limits.task, of: Of::Task });
        }
        for (window, length) in [(&mut self.hour, HOUR), (&mut self.day, DAY)] {
            if window.is_older(length, now) {
                *window = Taken::new(now);
            }
        }
        used.push(Purse { taken: &mut self.hour, limits: limits.hour, of: Of::Hour });
        used.push(Purse { taken: &mut self.day, limits: limits.day, of: Of::Day });
        Ok(used)
    }
}

/// What of two limits is the lesser.
fn least(one: Amounts, other: Amounts) -> Amounts {
    Amounts {
        statements: one.statements.min(other.statements),
        rows: one.rows.min(other.rows),
        cells: one.cells.min(other.cells),
        bytes: one.bytes.min(other.bytes),
        persons: one.persons.min(other.persons),
    }
}

/// The purse of this name, which is in use now; a new one if it has rested for a day.
fn make<'a>(
    all: &'a mut HashMap<String, Taken>,
    name: &str,
    of: Of,
    now: Instant,
) -> Result<&'a mut Taken, Refusal> {
    if all.len() >= MOST_PURSES && !all.contains_key(name) {
        all.retain(|_, taken| !taken.is_older(DAY, now));
        if all.len() >= MOST_PURSES {
            // Nobody can count any more of them, so nothing new is given.
            return Err(used_up("statements", 0, of, None));
        }
    }
    let taken = all.entry(name.to_owned()).or_insert_with(|| Taken::new(now));
    if taken.is_older(DAY, now) {
        *taken = Taken::new(now);
    }
    taken.since = now;
    Ok(taken)
}

impl Of {
    const fn words(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Task => "task",
            Self::Part => "sub-agent",
        }
    }

    const fn length(self) -> Option<Duration> {
        match self {
            Self::Hour => Some(HOUR),
            Self::Day => Some(DAY),
            Self::Task | Self::Part => None,
        }
    }
}

impl Purse<'_> {
    fn refusal(&self, what: &str, limit: u64, now: Instant) -> Refusal {
        let passed = now.saturating_duration_since(self.taken.since);
        used_up(what, limit, self.of, self.of.length().map(|length| length.saturating_sub(passed)))
    }
}

fn used_up(what: &str, limit: u64, of: Of, wait: Option<Duration>) -> Refusal {
    let minutes = wait.map(|wait| wait.as_secs().div_ceil(60));
    refusal(&format!("{limit} {what} of this {}", of.words()), minutes)
}

fn refusal(what: &str, minutes: Option<u64>) -> Refusal {
    let less = "ask for fewer rows and columns, or let the human whom it acts for ask.";
    Refusal {
        code: ReasonCode::ActorBudget,
        object: None,
        message: format!("the AI agents of this principal have used up their {what}"),
        hint: Some(match minutes {
            Some(minutes) => format!("Wait {minutes} minutes, {less}"),
            None => format!("Next time {less}"),
        }),
        sqlstate: None,
        unknown_object: None,
    }
}

#[cfg(test)]
mod tests;
