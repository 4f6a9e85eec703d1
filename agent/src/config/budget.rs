//! `[budget.hour]`, `[budget.day]` and `[budget.task]`: what the AI agents of one person may take, together.

use connect_core::{
    budget::actors::{ActorLimits, Amounts},
    usage::persons::MOST_PERSONS,
};

use super::section::Section;

pub(super) fn read(section: Option<Section<'_, '_>>) -> Option<ActorLimits> {
    let usual = ActorLimits::default();
    let Some(mut section) = section else { return Some(usual) };
    let hour = amounts(section.section("hour"), usual.hour);
    let day = amounts(section.section("day"), usual.day);
    let task = amounts(section.section("task"), usual.task);
    section.finish();
    Some(ActorLimits { hour: hour?, day: day?, task: task? })
}

fn amounts(section: Option<Section<'_, '_>>, usual: Amounts) -> Option<Amounts> {
    let Some(mut section) = section else { return Some(usual) };
    let mut one = |key, usual| section.number(key).map(|number| number.map_or(usual, u64::from));
    let (statements, rows, cells, bytes, persons) = (
        one("statements", usual.statements),
        one("rows", usual.rows),
        one("cells", usual.cells),
        one("bytes", usual.bytes),
        one("persons", usual.persons),
    );
    let too_many = persons.is_some_and(|persons| persons > MOST_PERSONS && persons != usual.persons);
    if too_many {
        section.wrong("persons", &format!("must be at most {MOST_PERSONS}: each of them is kept apart"));
    }
    section.finish();
    let persons = persons.filter(|_| !too_many);
    Some(Amounts { statements: statements?, rows: rows?, cells: cells?, bytes: bytes?, persons: persons? })
}
