use connect_core::{
    catalog::Oid,
    radius::{Dropped, Named, Plan},
};

use super::*;

fn named(oid: u32, name: &str) -> Named {
    Named {
        relation: Oid(oid),
        name: format!("public.{name}"),
        quoted: format!("\"public\".\"{name}\""),
        is_plain: true,
        is_told: true,
    }
}

fn question(expected: Expected) -> Question {
    let cascaded = |table, effect, by| Cascaded { table, effect, by };
    Question {
        touched: vec![Touched { table: named(1, "orders"), expected }],
        cascaded: vec![
            // Not in the order in which they follow.
            cascaded(named(3, "returns"), CascadeEffect::SetNull, named(2, "items")),
            cascaded(named(2, "items"), CascadeEffect::Delete, named(1, "orders")),
        ],
        ..Question::default()
    }
}

fn plan(new: bool) -> Option<Plan> {
    let (search_path, role, settings) = (Vec::new(), None, Vec::new());
    Some(Plan { sql: "SELECT 1".into(), exact: true, new, search_path, role, settings })
}

fn answers(planned: Option<Planned>) -> Answers {
    let rows = [(1, 1_000), (2, 4_000), (3, 10)].into();
    Answers { rows, bytes: [(1, 8_192)].into(), planned, ..Answers::default() }
}

fn numbers(radius: &Radius) -> Vec<(Option<u64>, Option<u64>)> {
    let tables = radius.tables.iter().map(|table| (table.rows, table.of));
    tables.chain(radius.cascades.iter().map(|cascade| (cascade.rows, cascade.of))).collect()
}

#[test]
fn rows_follow_in_the_share_of_what_they_refer_to() {
    let planned = Question { plan: plan(false), ..question(Expected::Planned) };
    let radius = compose(&planned, answers(Some(Planned::Expected(250))), None);
    assert_eq!(numbers(&radius), [(Some(250), Some(1_000)), (Some(3), Some(10)), (Some(1_000), Some(4_000))]);
    assert_eq!(radius.tables[0].known, Some(HowKnown::Plan));
    assert_eq!(radius.tables[0].bytes, Some(8_192));
    let all = compose(&question(Expected::All), answers(None), None);
    assert_eq!(numbers(&all), [(Some(1_000), Some(1_000)), (Some(10), Some(10)), (Some(4_000), Some(4_000))]);
    let some = compose(&question(Expected::Some), answers(None), None);
    assert_eq!(numbers(&some), [(None, Some(1_000)), (None, Some(10)), (None, Some(4_000))]);
    assert_eq!(some.tables[0].known, None);
}

#[test]
fn no_more_rows_are_touched_than_there_are_and_new_ones_are_not_among_them() {
    let planned = Question { plan: plan(false), ..question(Expected::Planned) };
    let joined = compose(&planned, answers(Some(Planned::Expected(9_999))), None);
    assert_eq!(joined.tables[0].rows, Some(1_000), "a join finds a row as often as it has partners");
    let new = Question { plan: plan(true), ..question(Expected::Planned) };
    let new = compose(&new, answers(Some(Planned::Counted(9_999))), None);
    assert_eq!((new.tables[0].rows, new.tables[0].of, new.tables[0].bytes), (Some(9_999), None, None));
    let given = compose(&question(Expected::Given(3)), answers(None), None);
    assert_eq!((given.tables[0].rows, given.tables[0].known), (Some(3), Some(HowKnown::Text)));
}

#[test]
fn what_may_not_be_told_is_not_even_if_somebody_has_asked() {
    let mut asked = question(Expected::All);
    asked.touched[0].table.is_told = false;
    let radius = compose(&asked, answers(None), None);
    assert_eq!(numbers(&radius), [(None, None), (None, Some(10)), (None, Some(4_000))]);
    assert_eq!(radius.tables[0].bytes, None);
}

#[test]
fn a_database_that_does_not_answer_leaves_names_and_says_so() {
    let dropped = vec![Dropped::Relation(Oid(1))];
    let asked = Question { dropped, emptied: vec![Oid(1)], ..question(Expected::Some) };
    let radius = compose(&asked, Answers::default(), Some("the database did not answer in time about rows"));
    assert_eq!(radius.tables[0].table, "public.orders");
    assert_eq!(radius.cascades.len(), 2);
    assert_eq!(
        radius.unknown,
        [
            "the database did not answer in time about rows",
            "which other tables are emptied with it",
            "what else depends on it and goes with it",
        ]
    );
}
