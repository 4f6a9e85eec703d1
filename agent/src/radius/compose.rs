//! The answer: what was asked about, with the numbers that a database has given.

use std::collections::HashMap;

use connect_core::radius::{Cascaded, Expected, Question, Touched};
use connect_shared::api::{CascadeEffect, CascadedTable, HowKnown, Radius, TouchedTable};

use super::ask::{Answers, MOST, Planned};

/// `why`: what has ended the asking before its time.
pub(super) fn compose(question: &Question, answers: Answers, why: Option<&str>) -> Radius {
    let tables: Vec<TouchedTable> =
        question.touched.iter().map(|touched| table(touched, question, &answers)).collect();
    let mut cascades = cascades(question, &answers, &tables);
    let mut triggers = question.triggers.clone();
    let mut unknown = question.unknown.clone();
    unknown.extend(why.map(str::to_owned));
    if (why.is_some() || answers.emptied.len() > MOST) && !question.emptied.is_empty() {
        unknown.push("which other tables are emptied with it".to_owned());
    }
    if (why.is_some() || answers.dependents.len() > MOST) && !question.dropped.is_empty() {
        unknown.push("what else depends on it and goes with it".to_owned());
    }
    let Answers { rows, emptied, mut dependents, unknown: unanswered, .. } = answers;
    for found in emptied.into_iter().take(MOST) {
        triggers.extend(found.triggers.iter().map(|name| format!("{name} on {}", found.table)));
        let of = rows.get(&found.relation).copied();
        let (table, by, effect) = (found.table, found.by, CascadeEffect::Truncate);
        cascades.push(CascadedTable { table, effect, by, rows: of, of });
    }
    dependents.truncate(MOST);
    unknown.extend(unanswered);
    Radius { tables, cascades, triggers, dependents, unknown }
}

fn table(touched: &Touched, question: &Question, answers: &Answers) -> TouchedTable {
    let Touched { table, expected } = touched;
    let oid = table.relation.0;
    let is_new = question.plan.as_ref().is_some_and(|plan| plan.new);
    let all = answers.rows.get(&oid).copied().filter(|_| table.is_told);
    let (rows, known) = match expected {
        Expected::All => (all, Some(HowKnown::Statistics)),
        Expected::Given(rows) => (Some(*rows), Some(HowKnown::Text)),
        Expected::Planned => match answers.planned {
            Some(Planned::Counted(rows)) => (Some(rows), Some(HowKnown::Counted)),
            // Joins find a row as often as it has partners.
            Some(Planned::Expected(rows)) if is_new => (Some(rows), Some(HowKnown::Plan)),
            Some(Planned::Expected(rows)) => {
                (Some(all.map_or(rows, |all| rows.min(all))), Some(HowKnown::Plan))
            }
            None => (None, None),
        },
        Expected::Some | Expected::New => (None, None),
    };
    let adds = match expected {
        Expected::Given(_) | Expected::New => true,
        Expected::Planned => is_new,
        Expected::All | Expected::Some => false,
    };
    TouchedTable {
        table: table.name.clone(),
        rows,
        known: known.filter(|_| rows.is_some()),
        of: all.filter(|_| !adds),
        bytes: answers.bytes.get(&oid).copied().filter(|_| table.is_told && !adds),
    }
}

/// Rows follow in the share of the rows that they refer to: as if each of those had as many.
fn cascades(question: &Question, answers: &Answers, tables: &[TouchedTable]) -> Vec<CascadedTable> {
    let mut shares: HashMap<u32, f64> = HashMap::new();
    for (touched, shown) in question.touched.iter().zip(tables) {
        if let (Some(rows), Some(of)) = (shown.rows, shown.of) {
            shares.insert(touched.table.relation.0, share(rows, of));
        }
    }
    // Keys go on from table to table; each round goes one step further.
    for _ in 0..question.cascaded.len() {
        let before = shares.len();
        for Cascaded { table, by, .. } in &question.cascaded {
            if let Some(share) = shares.get(&by.relation.0).copied() {
                shares.entry(table.relation.0).or_insert(share);
            }
        }
        if shares.len() == before {
            break;
        }
    }
    let shown = |cascaded: &Cascaded| {
        let Cascaded { table, effect, by } = cascaded;
        let of = answers.rows.get(&table.relation.0).copied().filter(|_| table.is_told);
        let rows = shares.get(&by.relation.0).zip(of).map(|(share, of)| part(of, *share));
        CascadedTable { table: table.name.clone(), effect: *effect, by: by.name.clone(), rows, of }
    };
    question.cascaded.iter().map(shown).collect()
}

#[expect(clippy::cast_precision_loss, reason = "estimates of rows are no more exact than that")]
fn share(rows: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { (rows as f64 / of as f64).min(1.0) }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of at most one of a number of rows"
)]
fn part(of: u64, share: f64) -> u64 {
    (of as f64 * share).ceil() as u64
}

#[cfg(test)]
mod tests;
