//! `[budget.hour]` and `[budget.day]`: what the AI agents of one person may take, together.

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
    section.finish();
    Some(ActorLimits { hour: hour?, day: day? })
}

fn amounts(section: Option<Section<'_, '_>>, usual: Amounts) -> Option<Amounts> {
    let Some(mut section) = section else { return Some(usual) };
    let mut one = |key, usual| section.number(key).map(|number| number.map_or(usual, u64::from));
    let (statements, rows, bytes, persons) = (
        one("statements", usual.statements),
        one("rows", usual.rows),
        one("bytes", usual.bytes),
        one("persons", usual.persons),
    );
    let too_many = persons.is_some_and(|persons| persons > MOST_PERSONS);
    if too_many {
        section.wrong("persons", &format!("must be at most {MOST_PERSONS}: each of them is kept apart"));
    }
    section.finish();
    let persons = persons.filter(|_| !too_many);
    Some(Amounts { statements: statements?, rows: rows?, bytes: bytes?, persons: persons? })
}
