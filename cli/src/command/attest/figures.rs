//! Every figure is made again from the statements, which the log's entry has a hash of.

use std::collections::BTreeSet;

use connect_shared::{
    attest::{
        Counters, PREDICATE_VERSION, ReadTable, Reads, RunPredicate, Source, Use, last_read, last_time, reads,
    },
    text::printable_name,
};

use super::check::unsound;
use crate::failure::Outcome;

pub(super) fn check(run: &RunPredicate) -> Outcome<()> {
    statements(run)?;
    sources(run)?;
    counters(run)?;
    if run.version < PREDICATE_VERSION {
        return Ok(());
    }
    times(run)?;
    policies(run)
}

/// Each stands there once, in the order of the log, with everything that its version says of it.
fn statements(run: &RunPredicate) -> Outcome<()> {
    let each: BTreeSet<[u8; 16]> = run.statements.iter().map(|record| record.statement.to_bytes()).collect();
    let in_order = run.statements.is_sorted_by(|one, two| one.index < two.index);
    if !in_order || each.len() != run.statements.len() {
        return Err(unsound("statement_twice", "a statement is listed twice, or out of order"));
    }
    let later = run.version >= PREDICATE_VERSION;
    for record in &run.statements {
        let masks: BTreeSet<&String> = record.masked.iter().collect();
        let labels = if later { record.masked.len() } else { 0 };
        if masks.len() != record.masked.len()
            || record.labels.len() != labels
            || (record.time.is_some(), record.policy.is_some()) != (later, later)
        {
            return Err(unsound("form", "a statement says not what one of its version says"));
        }
    }
    Ok(())
}

/// What is said of each table and column that was read. That none is left out or added was looked at before.
fn sources(run: &RunPredicate) -> Outcome<()> {
    let read = reads(&run.statements);
    let mut seen = BTreeSet::new();
    for source in &run.sources {
        let name = (source.resource.clone(), source.table.clone());
        let columns: BTreeSet<&String> = source.columns.iter().map(|column| &column.name).collect();
        if columns.len() != source.columns.len() || !seen.insert(name.clone()) {
            return Err(unsound("source_twice", &words(source, None, "stands twice among the sources")));
        }
        let found = found(&read, &name, source)?;
        for column in &source.columns {
            let Some(known) = found.columns.get(&column.name) else { continue };
            if column.usage != known.usage {
                let was = if known.usage == Use::Direct {
                    "flowed into results"
                } else {
                    "only decided about rows"
                };
                return Err(unsound("source_use", &words(source, Some(&column.name), was)));
            }
            // The first version says not of which label a mask is.
            let same_label = run.version < PREDICATE_VERSION || column.masked == known.label;
            if column.masked.is_some() != known.masked || !same_label {
                let was = if known.masked { "was seen as another mask" } else { "was not masked" };
                return Err(unsound("source_masked", &words(source, Some(&column.name), was)));
            }
        }
        counts(source, found)?;
    }
    Ok(())
}

fn found<'r>(read: &'r Reads, name: &(Option<String>, String), source: &Source) -> Outcome<&'r ReadTable> {
    read.get(name).ok_or_else(|| {
        let words = words(source, None, "stands among the sources and no statement read it");
        unsound("source_added", &words)
    })
}

fn counts(source: &Source, found: &ReadTable) -> Outcome<()> {
    if source.statements != found.statements {
        let was = format!("was read by {} statements, not by {}", found.statements, source.statements);
        return Err(unsound("source_statements", &words(source, None, &was)));
    }
    if source.rows != found.rows {
        let was = format!("was read in {} rows, not in {}", found.rows, source.rows);
        return Err(unsound("source_rows", &words(source, None, &was)));
    }
    if !source.approvals.iter().eq(&found.approvals) {
        let was = "was read by other approvals than it says";
        return Err(unsound("source_approvals", &words(source, None, was)));
    }
    Ok(())
}

fn words(source: &Source, column: Option<&String>, what: &str) -> String {
    let resource = source.resource.as_ref().map(|name| format!("{name}/")).unwrap_or_default();
    let column = column.map(|name| format!(".{name}")).unwrap_or_default();
    format!("{} {what}", printable_name(&format!("{resource}{}{column}", source.table)))
}

fn counters(run: &RunPredicate) -> Outcome<()> {
    let (told, made) = (&run.counters, Counters::of(&run.statements));
    let all = [
        ("statements", told.statements, made.statements),
        ("rows", told.rows, made.rows),
        ("failed", told.failed, made.failed),
        ("partial", told.partial, made.partial),
        ("opaque", told.opaque, made.opaque),
    ];
    match all.into_iter().find(|(_, told, made)| told != made) {
        None => Ok(()),
        Some((name, told, made)) => Err(unsound(
            &format!("counter_{name}"),
            &format!("by its statements counters.{name} is {made}, and it says {told}"),
        )),
    }
}

fn times(run: &RunPredicate) -> Outcome<()> {
    let begun = run.statements.iter().filter_map(|record| record.time);
    if !std::iter::once(run.started).chain(begun).is_sorted() {
        return Err(unsound("started", "a statement came before the run began, or before the one before it"));
    }
    if run.last_read != last_read(&run.statements) {
        return Err(unsound("last_read", "the last statement that read was at another time"));
    }
    if run.ended != last_time(run.started, &run.statements) {
        return Err(unsound("ended", "the last thing in the run happened at another time"));
    }
    Ok(())
}

/// Every policy set decided about some statement, and about each statement one of them did.
fn policies(run: &RunPredicate) -> Outcome<()> {
    let used: BTreeSet<u32> = run.statements.iter().filter_map(|record| record.policy).collect();
    let each: BTreeSet<&String> = run.policies.iter().collect();
    let all = (0_u32..).take(run.policies.len());
    if used.into_iter().eq(all) && each.len() == run.policies.len() {
        return Ok(());
    }
    Err(unsound("policies", "the policy sets are not those that decided about its statements"))
}
