//! `[[resource.rows]]`: rows that are hidden.

use connect_core::catalog::HiddenRows;

use super::{access, section::Section};
use crate::catalog::RowRule;

/// All of them.
pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Vec<RowRule>> {
    let rules: Vec<Option<RowRule>> = section.sections("rows").into_iter().map(rule).collect();
    rules.into_iter().collect()
}

fn rule(mut section: Section<'_, '_>) -> Option<RowRule> {
    let table = section.required_string("table", "public.customers");
    let when = section.required_string("hide", "country = 'DE'");
    let clear_for = access::read(&mut section, "clear_for");
    let good_table = table.as_ref().is_some_and(|table| section.check(table, is_table(&table.value)));
    let good_when = when.as_ref().is_some_and(|when| {
        let checked = HiddenRows::check(&when.value);
        section.check(when, checked.map_err(|error| error.to_string()))
    });
    section.finish();
    let hidden = HiddenRows { table: table?.value, when: when?.value.into() };
    let clear_for = clear_for?;
    (good_table && good_when).then_some(RowRule { hidden, clear_for })
}

fn is_table(text: &str) -> Result<(), String> {
    match text.split_once('.') {
        Some((schema, table)) if !schema.is_empty() && !table.is_empty() && !table.contains(['.', '*']) => {
            Ok(())
        }
        _ => Err(format!("`{text}` is not `schema.table`")),
    }
}
