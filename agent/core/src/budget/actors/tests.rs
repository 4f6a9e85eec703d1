//! What is shared, what ends, and what nobody gets around.

use super::*;

fn who(sub: &str, actor: &str) -> PrincipalRef {
    PrincipalRef { sub: sub.into(), idp: "idp".into(), actor: Some(actor.into()) }
}

const fn spender(who: &PrincipalRef) -> Spender<'_> {
    Spender { who, task: None, parts: &[] }
}

fn amounts(statements: u64) -> Amounts {
    Amounts { statements, ..Amounts::ALL }
}

fn budget(statements: u64, rows: u64, bytes: u64) -> ActorBudget {
    let hour = Amounts { statements, rows, bytes, persons: 3, ..Amounts::ALL };
    ActorBudget::new(ActorLimits { hour, day: Amounts { statements: 5, ..hour }, task: Amounts::ALL })
}

#[test]
fn agents_of_one_person_share_what_they_have_under_whatever_names() {
    let (budget, now) = (budget(3, 100, 100), Instant::now());
    for name in ["one", "two", "three"] {
        budget.begin(&spender(&who("ana", name)), now).expect("there is some");
    }
    let refusal = budget.begin(&spender(&who("ana", "four")), now).expect_err("three were all");
    assert_eq!((refusal.code, refusal.code.sqlstate()), (ReasonCode::ActorBudget, "54000"));
    assert!(refusal.message.contains("3 statements of this hour"), "{}", refusal.message);
    budget.begin(&spender(&who("li", "one")), now).expect("of somebody else");
    // The hour ends before the day does.
    let later = now + HOUR;
    budget.begin(&spender(&who("ana", "one")), later).expect("a new hour");
    budget.begin(&spender(&who("ana", "one")), later).expect("the fifth of the day");
    let refusal = budget.begin(&spender(&who("ana", "one")), later).expect_err("of the day");
    assert!(refusal.message.contains("5 statements of this day"), "{}", refusal.message);
    budget.begin(&spender(&who("ana", "one")), now + DAY).expect("a new day");
}

#[test]
fn bytes_end_while_they_flow_and_rows_before_the_next_statement() {
    let (budget, now) = (budget(100, 10, 100), Instant::now());
    let ana = who("ana", "one");
    let bytes = |bytes| Amounts { bytes, ..Amounts::default() };
    budget.begin(&spender(&ana), now).expect("the first");
    assert_eq!(budget.take(&spender(&ana), bytes(100), now), Ok(()));
    assert!(budget.take(&spender(&ana), bytes(1), now).is_err());
    assert!(budget.begin(&spender(&ana), now).is_err());
    let li = who("li", "one");
    assert_eq!(budget.take(&spender(&li), Amounts { rows: 10, ..Amounts::default() }, now), Ok(()));
    assert!(budget.begin(&spender(&li), now).expect_err("no rows").message.contains("10 rows"));
}

#[test]
fn persons_are_shared_by_agents_and_counted_once() {
    let (budget, persons) = (budget(100, 100, 100), Persons::default());
    let people = |range: std::ops::Range<u8>| -> Vec<Person> {
        range.map(|number| persons.person(1, &[number])).collect()
    };
    assert_eq!(budget.meet(&spender(&who("ana", "one")), &persons, &people(0..2), 5), Ok(()));
    assert_eq!(budget.meet(&spender(&who("ana", "two")), &persons, &people(1..3), 5), Ok(()));
    let refusal =
        budget.meet(&spender(&who("ana", "three")), &persons, &people(3..4), 6).expect_err("a fourth");
    assert!(refusal.message.contains("3 persons of this hour"), "{}", refusal.message);
    assert!(refusal.hint.is_some_and(|hint| hint.contains("Wait 59 minutes")));
    assert_eq!(budget.meet(&spender(&who("li", "one")), &persons, &people(3..6), 6), Ok(()));
}

#[test]
fn a_task_has_one_budget_whatever_steps_it_names_and_ends_when_it_has_rested_for_a_day() {
    let limits = ActorLimits { hour: Amounts::ALL, day: Amounts::ALL, task: amounts(3) };
    let (budget, now) = (ActorBudget::new(limits), Instant::now());
    let (ana, li) = (who("ana", "one"), who("li", "one"));
    let of = |task| Spender { who: &ana, task, parts: &[] };
    for task in ["T-1", "T-1/a", "T-1/b/c"] {
        budget.begin(&of(Some(task)), now).expect("of the task");
    }
    let refusal = budget.begin(&of(Some("T-1/d")), now).expect_err("three were all");
    assert!(refusal.message.contains("3 statements of this task"), "{}", refusal.message);
    assert!(refusal.hint.is_some_and(|hint| !hint.contains("Wait")));
    budget.begin(&of(Some("T-2")), now).expect("another task");
    for _ in 0..3 {
        budget.begin(&of(None), now).expect("those without a name share one");
    }
    assert!(budget.begin(&of(None), now).is_err());
    budget.begin(&Spender { who: &li, ..of(Some("T-1")) }, now).expect("somebody else's");
    assert!(budget.begin(&of(Some("T-1")), now + DAY - Duration::from_secs(1)).is_err());
    assert!(budget.begin(&of(Some("T-1")), now + DAY + HOUR).is_err(), "it was asked for in between");
    budget.begin(&of(Some("T-1")), now + DAY * 3).expect("it has rested");
}

#[test]
fn nobody_makes_tasks_without_end() {
    let limits = ActorLimits { task: amounts(3), hour: Amounts::ALL, day: Amounts::ALL };
    let (budget, now) = (ActorBudget::new(limits), Instant::now());
    let ana = who("ana", "one");
    let begin = |task: &str, now| budget.begin(&Spender { who: &ana, task: Some(task), parts: &[] }, now);
    for number in 0..MOST_PURSES {
        begin(&format!("T-{number}"), now).expect("a task");
    }
    assert!(begin("one-more", now).is_err());
    begin("T-1", now).expect("those that are known go on");
    begin("one-more", now + DAY).expect("the others have rested");
}

#[test]
fn cells_end_before_the_next_statement() {
    let limits = ActorLimits { hour: Amounts { cells: 10, ..Amounts::ALL }, ..ActorLimits::default() };
    let (budget, now) = (ActorBudget::new(limits), Instant::now());
    let ana = who("ana", "one");
    budget.begin(&spender(&ana), now).expect("the first");
    budget.take(&spender(&ana), Amounts { cells: 12, ..Amounts::default() }, now).expect("it has ended");
    let refusal = budget.begin(&spender(&ana), now).expect_err("no cells");
    assert!(refusal.message.contains("10 cells of this hour"), "{}", refusal.message);
}

#[test]
fn a_part_is_spent_with_everything_that_it_is_a_part_of() {
    let limits = ActorLimits { hour: amounts(5), day: Amounts::ALL, task: Amounts::ALL };
    let (budget, now) = (ActorBudget::new(limits), Instant::now());
    let ana = who("ana", "planner>worker");
    let part = |id: &str, most| Part { id: id.into(), most: amounts(most) };
    let (outer, inner) = (part("k/worker", 3), part("l/digger", 2));
    let both = [outer.clone(), inner];
    let worker = Spender { who: &ana, task: None, parts: std::slice::from_ref(&outer) };
    let digger = Spender { parts: &both, ..worker };
    budget.begin(&digger, now).expect("one");
    budget.begin(&digger, now).expect("two");
    let refusal = budget.begin(&digger, now).expect_err("its own part");
    assert!(refusal.message.contains("2 statements of this sub-agent"), "{}", refusal.message);
    budget.begin(&worker, now).expect("the third of the worker's");
    assert!(budget.begin(&worker, now).is_err(), "what the digger took was the worker's");
    budget.begin(&spender(&ana), now).expect("the fourth of the hour");
    budget.begin(&spender(&ana), now).expect("the fifth");
    assert!(budget.begin(&spender(&ana), now).is_err());
    // A larger part of the same name gives back nothing of what was spent.
    let wider = [part("k/worker", 4)];
    assert!(budget.begin(&Spender { parts: &wider, ..worker }, now).is_err(), "the hour is over, too");
}

#[test]
fn the_last_statement_is_begun_once_however_many_begin_at_once() {
    let limits = ActorLimits { hour: amounts(100), day: Amounts::ALL, task: Amounts::ALL };
    let (budget, now) = (ActorBudget::new(limits), Instant::now());
    let begun: usize = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let ana = who("ana", "one");
                    (0..50).filter(|_| budget.begin(&spender(&ana), now).is_ok()).count()
                })
            })
            .collect();
        all.into_iter().map(|thread| thread.join().expect("it ends")).sum()
    });
    assert_eq!(begun, 100);
}

/// Windows of a budget, with how long each lasts by itself.
const WINDOWS: [(&str, Option<Duration>); 4] =
    [("hour", Some(HOUR)), ("day", Some(DAY)), ("task", None), ("sub-agent", None)];
/// A name, and so much of it.
type Measure = (&'static str, fn(u64) -> Amounts);
/// What is counted where rows go out; statements and persons are counted elsewhere.
const MEASURES: [Measure; 3] = [
    ("rows", |rows| Amounts { rows, ..Amounts::default() }),
    ("cells", |cells| Amounts { cells, ..Amounts::default() }),
    ("bytes", |bytes| Amounts { bytes, ..Amounts::default() }),
];

/// A budget of which only this window has a limit, and the part where that is the window.
fn limited(window: &str, limit: Amounts) -> (ActorBudget, Vec<Part>) {
    let of = |name: &str| if name == window { limit } else { Amounts::ALL };
    let limits = ActorLimits { hour: of("hour"), day: of("day"), task: of("task") };
    (ActorBudget::new(limits), vec![Part { id: "k/worker".into(), most: of("sub-agent") }])
}

#[test]
fn every_measure_ends_at_its_limit_in_every_window_and_counts_no_longer_than_that() {
    let (ana, now) = (who("ana", "one"), Instant::now());
    for (window, length) in WINDOWS {
        for (what, of) in MEASURES {
            let all = Amounts::ALL.minus(&of(u64::MAX)).plus(&of(10));
            let (budget, parts) = limited(window, all);
            let spender = Spender { who: &ana, task: Some("T-1"), parts: &parts };
            let reserve = |least, wanted, now| budget.reserve(&spender, (of(least), of(wanted)), now);
            assert_eq!(reserve(4, 4, now), Ok(of(4)), "{what} of {window}");
            assert_eq!(reserve(1, 100, now), Ok(of(6)), "no more than there is: {what} of {window}");
            let refusal = reserve(1, 1, now).expect_err("all is gone");
            assert!(refusal.message.contains(&format!("10 {what} of this {window}")), "{}", refusal.message);
            assert!(budget.begin(&spender, now).is_err(), "{what} of {window}");
            // What was not needed comes back, and nothing is taken of what is refused.
            budget.give_back(&spender, &of(3), now, now);
            assert!(reserve(4, 4, now).is_err(), "{what} of {window}");
            assert_eq!(reserve(3, 3, now), Ok(of(3)), "{what} of {window}");
            let Some(length) = length else { continue };
            assert!(reserve(1, 1, now + length - Duration::from_secs(1)).is_err(), "{what} of {window}");
            assert_eq!(reserve(10, 10, now + length), Ok(of(10)), "{what} of the next {window}");
            // What was taken before is not given back to a window that never had it.
            budget.give_back(&spender, &of(10), now, now + length);
            assert!(reserve(1, 1, now + length).is_err(), "{what} of {window}");
        }
    }
}

#[test]
fn statements_and_persons_end_in_every_window() {
    let (ana, now) = (who("ana", "one"), Instant::now());
    for (window, length) in WINDOWS {
        let (budget, parts) = limited(window, Amounts { statements: 2, persons: 2, ..Amounts::ALL });
        let spender = Spender { who: &ana, task: Some("T-1"), parts: &parts };
        for _ in 0..2 {
            budget.begin(&spender, now).expect("there is some");
        }
        let refusal = budget.begin(&spender, now).expect_err("two were all");
        assert!(refusal.message.contains(&format!("2 statements of this {window}")), "{}", refusal.message);
        if let Some(length) = length {
            budget.begin(&spender, now + length).expect("the next window");
        }
        let persons = Persons::default();
        let meet =
            |number: u8, minute| budget.meet(&spender, &persons, &[persons.person(1, &[number])], minute);
        for number in [1, 2, 1] {
            meet(number, 100).expect("two persons");
        }
        let refusal = meet(3, 100).expect_err("a third");
        let word = if window == "sub-agent" { "task" } else { window };
        assert!(refusal.message.contains(&format!("2 persons of this {word}")), "{}", refusal.message);
        meet(2, 100).expect("who was met is nobody new");
        let rested = 100 + DAY.as_secs() / 60;
        let next = length.map_or(rested, |length| 100 + length.as_secs() / 60);
        meet(3, next).expect("the next window");
    }
}

#[test]
fn what_is_taken_ahead_by_several_is_never_more_than_there_is() {
    let limits = ActorLimits { hour: Amounts { rows: 1_000, ..Amounts::ALL }, ..ActorLimits::default() };
    let (budget, now) = (ActorBudget::new(limits), Instant::now());
    let row = |rows| Amounts { rows, ..Amounts::default() };
    let taken: u64 = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let ana = who("ana", "one");
                    let mut taken = 0;
                    while let Ok(block) = budget.reserve(&spender(&ana), (row(1), row(7)), now) {
                        budget.give_back(&spender(&ana), &row(block.rows / 2), now, now);
                        taken += block.rows - block.rows / 2;
                    }
                    taken
                })
            })
            .collect();
        all.into_iter().map(|thread| thread.join().expect("it ends")).sum()
    });
    assert_eq!(taken, 1_000);
}
