//! What permits let a statement take: obligations that come of the annotations of every permit that speaks,
//! the strictest of each kind; and what is said when one is broken.

use std::collections::BTreeMap;

use connect_shared::decision::{Decision, Obligation, Outcome, Reason, ReasonCode};

use super::{
    evaluate::refused,
    set::{Rule, RuleLimits},
};
use crate::{
    statement::{Effect, Kind, ProtectedColumn, Protection, Statement},
    understand::masked_value,
};

/// Whether a limit binds a statement: those that give or change rows. What only looks at the server's own
/// catalog gives none of the data, but takes its time.
pub(super) fn binds(statement: &Statement, limit: &Obligation) -> bool {
    let gives_nothing = statement.protection == Protection::Introspection;
    matches!(statement.kind, Kind::Read | Kind::Write)
        && (!gives_nothing || matches!(limit, Obligation::LimitTime { .. }))
}

/// Limits of the permits that have spoken.
#[derive(Default)]
pub(super) struct Limits {
    rows: Option<(u64, String)>,
    change: Option<(u64, String)>,
    time: Option<(u64, String)>,
    hours: BTreeMap<String, (Option<u64>, Option<u64>)>,
    persons: BTreeMap<String, (Option<u64>, Option<u64>)>,
}

impl Limits {
    pub(super) fn add(&mut self, rule: &Rule) {
        let RuleLimits { rows, change, time, rows_hour, bytes_hour, persons_hour, persons_day } = rule.limits;
        for (kept, most) in [(&mut self.rows, rows), (&mut self.change, change), (&mut self.time, time)] {
            if let Some(most) = most
                && kept.as_ref().is_none_or(|(known, _)| most < *known)
            {
                *kept = Some((most, rule.id.clone()));
            }
        }
        if rows_hour.is_some() || bytes_hour.is_some() {
            self.hours.insert(rule.id.clone(), (rows_hour, bytes_hour));
        }
        if persons_hour.is_some() || persons_day.is_some() {
            self.persons.insert(rule.id.clone(), (persons_hour, persons_day));
        }
    }

    pub(super) fn into_obligations(self) -> impl Iterator<Item = Obligation> {
        let rows = self.rows.map(|(most, policy)| Obligation::LimitRows { most, policy });
        let change = self.change.map(|(most, policy)| Obligation::LimitChange { most, policy });
        let time = self.time.map(|(most, policy)| Obligation::LimitTime { most, policy });
        let hours = self.hours.into_iter();
        let hours = hours.map(|(policy, (rows, bytes))| Obligation::LimitHour { rows, bytes, policy });
        let persons = self.persons.into_iter();
        let persons = persons.map(|(policy, (hour, day))| Obligation::LimitPersons { hour, day, policy });
        rows.into_iter().chain(change).chain(time).chain(hours).chain(persons)
    }
}

/// Whether what the server says at its end tells how many rows a statement has changed. A data-modifying WITH
/// and EXPLAIN ANALYZE change rows that no count tells of.
pub(crate) fn is_counted(statement: &Statement) -> bool {
    if statement.kind != Kind::Write {
        return true;
    }
    if statement.writes.is_empty() {
        return !statement.changes.beside;
    }
    let tells = match statement.verb.as_str() {
        "insert" | "update" | "delete" | "merge" | "execute" | "prepare" | "lock table" => true,
        "copy" => statement.effect == Effect::CopyIn,
        _ => false,
    };
    tells && !statement.changes.beside
}

/// A statement is denied, or ended, by a limit.
pub(crate) fn decided(reason: Reason, policy_digest: String) -> Decision {
    Decision { outcome: Outcome::Deny, reasons: vec![reason], shadow: Vec::new(), policy_digest }
}

pub(crate) fn too_many_rows(most: u64, policy: &str) -> Reason {
    let message = format!("a statement may give {most} rows, and this one gives more");
    let hint = "Ask for fewer: add a WHERE or a LIMIT, or count where the rows are.";
    said(ReasonCode::LimitRows, policy, message, hint)
}

pub(crate) fn too_many_changed(changed: u64, most: u64, policy: &str) -> Reason {
    let message =
        format!("a statement may change {most} rows, and this one would change {changed}; it changed none");
    let hint = "Change fewer rows in each statement, or ask an administrator of this resource.";
    said(ReasonCode::LimitChange, policy, message, hint)
}

pub(crate) fn not_counted(most: u64, policy: &str) -> Reason {
    let message =
        format!("a statement may change {most} rows, and of this one nobody can say how many it changes");
    let hint =
        "Send the INSERT, UPDATE, DELETE or MERGE as a statement of its own, and take all of its rows.";
    said(ReasonCode::LimitChange, policy, message, hint)
}

pub(crate) fn too_long(most: u64, policy: &str) -> Reason {
    let message = format!("a statement may run for {}, and this one runs longer", time(most));
    let hint = "Ask for less at once: an index may help, or a WHERE on fewer rows.";
    said(ReasonCode::LimitTime, policy, message, hint)
}

/// `what` is rows or bytes; `wait` is in minutes.
pub(crate) fn hour_over(what: &str, most: u64, wait: u64, policy: &str) -> Reason {
    let message =
        format!("within an hour you may have {most} {what}, in all sessions together, and not more");
    let hint =
        format!("Wait {wait} minutes, ask for less at once, or ask an administrator of this resource.");
    said(ReasonCode::LimitHour, policy, message, &hint)
}

/// `window` is hour or day; `wait` is in minutes.
pub(crate) fn too_many_persons(window: &str, most: u64, wait: u64, policy: &str) -> Reason {
    let message = format!(
        "within {} {window} you may see rows of {most} different persons, in all sessions together, and not more",
        if window == "hour" { "an" } else { "a" }
    );
    let hint = format!(
        "Wait {wait} minutes, ask for persons that you have seen already or for fewer, count them where they are, \
         or ask an administrator of this resource."
    );
    said(ReasonCode::LimitPersons, policy, message, &hint)
}

/// Data of a COPY gives a mask to this column.
pub(crate) fn writes_mask(column: &ProtectedColumn) -> Reason {
    refused(&masked_value(column)).0
}

/// A text that begins or ends a transaction beside what has limits.
pub(crate) fn with_transaction(policy: &str) -> Reason {
    let message = "statements that have limits cannot stand in one message with BEGIN, COMMIT or ROLLBACK";
    let hint = "Send the statements one by one.";
    said(ReasonCode::LimitChange, policy, message.to_owned(), hint)
}

fn said(code: ReasonCode, policy: &str, message: String, hint: &str) -> Reason {
    Reason { policy: policy.to_owned(), code, object: None, message, hint: Some(hint.to_owned()) }
}

fn time(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} milliseconds"),
        1_000..120_000 => format!("{} seconds", milliseconds / 1_000),
        _ => format!("{} minutes", milliseconds / 60_000),
    }
}
