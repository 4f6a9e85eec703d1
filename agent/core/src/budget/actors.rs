//! How much the AI agents of one person may take within an hour and a day: all of them together, because the
//! name of an AI agent is its own word, and whoever is out of budget would call itself otherwise.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use connect_shared::{decision::ReasonCode, entry::PrincipalRef};

use crate::{
    statement::Refusal,
    usage::{
        UsageKey,
        persons::{Person, PersonLimits, Persons},
    },
};

/// People who are kept apart; beyond that those whose day is over are forgotten.
const MOST_PEOPLE: usize = 10_000;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// What may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    pub statements: u64,
    /// Returned or changed.
    pub rows: u64,
    /// Of rows, as they go to the client.
    pub bytes: u64,
    /// Different ones, of whom there are rows.
    pub persons: u64,
}

/// Within an hour, and within a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActorLimits {
    pub hour: Amounts,
    pub day: Amounts,
}

impl Default for ActorLimits {
    fn default() -> Self {
        Self {
            hour: Amounts { statements: 2_000, rows: 200_000, bytes: 256 << 20, persons: 2_000 },
            day: Amounts { statements: 10_000, rows: 1_000_000, bytes: 1 << 30, persons: 10_000 },
        }
    }
}

/// What was taken since the beginning of a window.
#[derive(Debug, Clone, Copy)]
struct Taken {
    since: Instant,
    amounts: Amounts,
}

impl Taken {
    const fn new(now: Instant) -> Self {
        Self { since: now, amounts: Amounts { statements: 0, rows: 0, bytes: 0, persons: 0 } }
    }
}

/// What everybody's AI agents have taken. One for all connections of an agent.
#[derive(Debug, Default)]
pub struct ActorBudget {
    limits: ActorLimits,
    /// By identity provider and subject: the hour, and the day.
    taken: Mutex<HashMap<(String, String), [Taken; 2]>>,
}

impl ActorBudget {
    #[must_use]
    pub fn new(limits: ActorLimits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    /// Begins a statement.
    ///
    /// # Errors
    /// Something of the budget is used up.
    pub fn begin(&self, who: &PrincipalRef, now: Instant) -> Result<(), Refusal> {
        let statement = Amounts { statements: 1, ..Amounts::default() };
        self.with(who, now, |window, limits, name| {
            let taken = window.amounts;
            // The last row and byte may be taken; what comes after them may not.
            let over = [
                ("statements", taken.statements, limits.statements),
                ("rows", taken.rows, limits.rows),
                ("bytes", taken.bytes, limits.bytes),
            ];
            match over.into_iter().find(|(_, taken, limit)| taken >= limit) {
                Some((what, _, limit)) => Err(used_up(what, limit, name, window.since, now)),
                None => Ok(()),
            }
        })?;
        self.take(who, statement, now)
    }

    /// Takes what a statement gives, as it goes.
    ///
    /// # Errors
    /// It is more than there was. What was taken is taken.
    pub fn take(&self, who: &PrincipalRef, more: Amounts, now: Instant) -> Result<(), Refusal> {
        self.with(who, now, |window, limits, name| {
            let taken = &mut window.amounts;
            taken.statements = taken.statements.saturating_add(more.statements);
            taken.rows = taken.rows.saturating_add(more.rows);
            taken.bytes = taken.bytes.saturating_add(more.bytes);
            if more.bytes > 0 && taken.bytes > limits.bytes {
                return Err(used_up("bytes", limits.bytes, name, window.since, now));
            }
            Ok(())
        })
    }

    /// Meets persons whose rows are about to go out; whoever was met before is nobody new.
    ///
    /// # Errors
    /// They are more than there may be; then nobody was met.
    pub fn meet(
        &self,
        who: &PrincipalRef,
        persons: &Persons,
        met: &[Person],
        minute: u64,
    ) -> Result<(), Refusal> {
        let key = UsageKey {
            idp: who.idp.clone(),
            sub: who.sub.clone(),
            resource: String::new(),
            // No policy has this name: a name has no space in it.
            policy: "AI agents".to_owned(),
        };
        let limits =
            PersonLimits { hour: Some(self.limits.hour.persons), day: Some(self.limits.day.persons) };
        persons
            .meet(&key, limits, met, minute)
            .map_err(|many| refusal(&format!("{} persons of this {}", many.most, many.window), many.wait))
    }

    /// Looks at both windows; the first problem counts, and each window is looked at.
    fn with(
        &self,
        who: &PrincipalRef,
        now: Instant,
        mut look: impl FnMut(&mut Taken, &Amounts, &str) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut all = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_PEOPLE {
            all.retain(|_, [_, day]| now.saturating_duration_since(day.since) < DAY);
        }
        let key = (who.idp.clone(), who.sub.clone());
        if all.len() >= MOST_PEOPLE && !all.contains_key(&key) {
            return Err(used_up("statements", 0, "day", now, now));
        }
        let [hour, day] = all.entry(key).or_insert([Taken::new(now); 2]);
        for (window, length) in [(&mut *hour, HOUR), (&mut *day, DAY)] {
            if now.saturating_duration_since(window.since) >= length {
                *window = Taken::new(now);
            }
        }
        let of_hour = look(hour, &self.limits.hour, "hour");
        of_hour.and(look(day, &self.limits.day, "day"))
    }
}

fn used_up(what: &str, limit: u64, window: &str, since: Instant, now: Instant) -> Refusal {
    let length = if window == "hour" { HOUR } else { DAY };
    let minutes = length.saturating_sub(now.saturating_duration_since(since)).as_secs().div_ceil(60);
    refusal(&format!("{limit} {what} of this {window}"), minutes)
}

fn refusal(what: &str, minutes: u64) -> Refusal {
    Refusal {
        code: ReasonCode::ActorBudget,
        object: None,
        message: format!("the AI agents of this principal have used up their {what}"),
        hint: Some(format!(
            "Wait {minutes} minutes, ask for fewer rows and columns, or let the human whom it acts for ask."
        )),
        sqlstate: None,
        unknown_object: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(sub: &str, actor: &str) -> PrincipalRef {
        PrincipalRef { sub: sub.into(), idp: "idp".into(), actor: Some(actor.into()) }
    }

    fn budget(statements: u64, rows: u64, bytes: u64) -> ActorBudget {
        let hour = Amounts { statements, rows, bytes, persons: 3 };
        ActorBudget::new(ActorLimits { hour, day: Amounts { statements: 5, ..hour } })
    }

    #[test]
    fn agents_of_one_person_share_what_they_have_under_whatever_names() {
        let (budget, now) = (budget(3, 100, 100), Instant::now());
        for name in ["one", "two", "three"] {
            budget.begin(&who("ana", name), now).expect("there is some");
        }
        let refusal = budget.begin(&who("ana", "four"), now).expect_err("three were all");
        assert_eq!((refusal.code, refusal.code.sqlstate()), (ReasonCode::ActorBudget, "54000"));
        assert!(refusal.message.contains("3 statements of this hour"), "{}", refusal.message);
        budget.begin(&who("li", "one"), now).expect("of somebody else");
        // The hour ends before the day does.
        let later = now + HOUR;
        budget.begin(&who("ana", "one"), later).expect("a new hour");
        budget.begin(&who("ana", "one"), later).expect("the fifth of the day");
        let refusal = budget.begin(&who("ana", "one"), later).expect_err("of the day");
        assert!(refusal.message.contains("5 statements of this day"), "{}", refusal.message);
        budget.begin(&who("ana", "one"), now + DAY).expect("a new day");
    }

    #[test]
    fn bytes_end_while_they_flow_and_rows_before_the_next_statement() {
        let (budget, now) = (budget(100, 10, 100), Instant::now());
        let ana = who("ana", "one");
        let bytes = |bytes| Amounts { bytes, ..Amounts::default() };
        budget.begin(&ana, now).expect("the first");
        assert_eq!(budget.take(&ana, bytes(100), now), Ok(()));
        assert!(budget.take(&ana, bytes(1), now).is_err());
        assert!(budget.begin(&ana, now).is_err());
        let li = who("li", "one");
        assert_eq!(budget.take(&li, Amounts { rows: 10, ..Amounts::default() }, now), Ok(()));
        assert!(budget.begin(&li, now).expect_err("no rows").message.contains("10 rows"));
    }

    #[test]
    fn persons_are_shared_by_agents_and_counted_once() {
        let (budget, persons) = (budget(100, 100, 100), Persons::default());
        let people = |range: std::ops::Range<u8>| -> Vec<Person> {
            range.map(|number| persons.person(1, &[number])).collect()
        };
        assert_eq!(budget.meet(&who("ana", "one"), &persons, &people(0..2), 5), Ok(()));
        assert_eq!(budget.meet(&who("ana", "two"), &persons, &people(1..3), 5), Ok(()));
        let refusal = budget.meet(&who("ana", "three"), &persons, &people(3..4), 6).expect_err("a fourth");
        assert!(refusal.message.contains("3 persons of this hour"), "{}", refusal.message);
        assert!(refusal.hint.is_some_and(|hint| hint.contains("Wait 59 minutes")));
        assert_eq!(budget.meet(&who("li", "one"), &persons, &people(3..6), 6), Ok(()));
    }
}
