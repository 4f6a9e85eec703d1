//! What moved, held against what was claimed.

use std::{collections::BTreeSet, fmt};

use super::{Rows, Seen, Unit};
use crate::answers::{Answer, Output, Sources};

/// What a perturbation found.
#[derive(Debug, Default)]
pub struct Report {
    /// Something moved that no claim names.
    pub violations: BTreeSet<String>,
    /// Pairs of an output column and a column that its claim does not name; none of them moved.
    pub held: usize,
    /// Of columns that claims name: whether changing them was ever seen.
    pub named: Named,
    /// Runs that failed over changed rows (a division by zero, a key given twice): nothing to compare.
    pub failed: usize,
}

/// What claims name.
#[derive(Debug, Default)]
pub struct Named {
    /// (statement, output column, source).
    pub direct: Power,
    /// (statement, condition).
    pub indirect: Power,
}

/// How often what is claimed could be seen.
#[derive(Debug, Default)]
pub struct Power {
    claimed: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Power {
    fn note(&mut self, pair: String, moved: bool) {
        if moved {
            self.seen.insert(pair.clone());
        }
        self.claimed.insert(pair);
    }

    /// Claims of which no change was ever seen.
    pub fn unseen(&self) -> impl Iterator<Item = &String> {
        self.claimed.difference(&self.seen)
    }
}

impl fmt::Display for Power {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seen, claimed) = (self.seen.len(), self.claimed.len());
        write!(formatter, "{seen} of {claimed} ({} %)", (100 * seen).checked_div(claimed).unwrap_or(100))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} pairs of an output and a column that it is not said to depend on: none moved but {}; of what is named, \
             seen to move: direct {}, indirect {}; {} runs failed",
            self.held + self.violations.len(),
            self.violations.len(),
            self.named.direct,
            self.named.indirect,
            self.failed
        )
    }
}

impl Report {
    /// Compares what one statement showed before and after a change.
    pub fn compare(&mut self, answer: &Answer, unit: &Unit, before: &Seen, after: &Result<Seen, String>) {
        if unit.moves_rows_away_from(answer) {
            return;
        }
        let Ok(after) = after else {
            self.failed += 1;
            return;
        };
        if let Some(output) = answer.result() {
            self.compare_result(answer, output, unit, &before.result, &after.result);
        }
        for ((table, before), (_, after)) in before.tables.iter().zip(&after.tables) {
            self.compare_table(answer, table, unit, before, after);
        }
    }

    fn compare_result(&mut self, answer: &Answer, output: &Output, unit: &Unit, before: &Rows, after: &Rows) {
        let decides = unit.is_named_in(&answer.indirect);
        for (at, column) in output.columns.iter().enumerate() {
            let flows = unit.is_named_in(&column.direct);
            let moved = project(before, at) != project(after, at);
            let place = format!("{}: {}.{} moves `{}`", answer.id, unit.table, unit.column, column.name);
            self.note(place, flows, decides, moved);
        }
        self.note_condition(answer, unit, decides && before.rows != after.rows);
        // Rows as a whole: columns may each be the same and still have come apart.
        let all: Sources = output.columns.iter().flat_map(|column| column.direct.iter().cloned()).collect();
        if !decides && !unit.is_named_in(&all) && before.rows != after.rows {
            self.violations.insert(format!("{}: {}.{} moves the rows", answer.id, unit.table, unit.column));
        }
    }

    fn compare_table(&mut self, answer: &Answer, table: &str, unit: &Unit, before: &Rows, after: &Rows) {
        let decides = unit.is_named_in(&answer.indirect);
        for (at, name) in before.names.iter().enumerate() {
            // The column that was changed is another one, whatever the statement does.
            if unit.is_of(table, name) {
                continue;
            }
            let written = answer.outputs.iter().filter(|output| output.table.as_deref() == Some(table));
            let mut columns =
                written.flat_map(|output| &output.columns).filter(|column| column.name == *name);
            let flows = columns.any(|column| unit.is_named_in(&column.direct));
            let moved = project(before, at) != project(after, at);
            // What else is in a temporary table, the session put there.
            if table.starts_with("pg_temp.") && !flows {
                continue;
            }
            let place = format!("{}: {}.{} moves {table}.{name}", answer.id, unit.table, unit.column);
            self.note(place, flows, decides, moved);
        }
        self.note_condition(answer, unit, decides && before.rows != after.rows);
    }

    /// A condition is one of the statement, not of one column: it is seen where anything moves.
    fn note_condition(&mut self, answer: &Answer, unit: &Unit, moved: bool) {
        if unit.is_named_in(&answer.indirect) {
            self.named.indirect.note(format!("{}: {}.{} decides", answer.id, unit.table, unit.column), moved);
        }
    }

    fn note(&mut self, place: String, flows: bool, decides: bool, moved: bool) {
        match (flows, decides) {
            (true, _) => self.named.direct.note(place, moved),
            (false, true) => {}
            (false, false) if moved => {
                self.violations.insert(place);
            }
            (false, false) => self.held += 1,
        }
    }
}

/// One column of the rows, sorted for itself.
fn project(rows: &Rows, at: usize) -> Vec<Option<&str>> {
    let mut values: Vec<Option<&str>> =
        rows.rows.iter().map(|row| row.get(at).and_then(|value| value.as_deref())).collect();
    values.sort_unstable();
    values
}
