//! What came of a comparison: counts for a line, differences for whoever mends them.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{compare::Difference, explained::Explained, told::Told};
use crate::{generate::Statement, oracle::wire::Refusal};

/// Counts and disagreements.
#[derive(Debug, Default)]
pub struct Report {
    /// What was compared, for the summary.
    name: String,
    refused: BTreeMap<String, (usize, String)>,
    complete: usize,
    partial: usize,
    opaque: usize,
    explained: usize,
    reasons: BTreeMap<String, (usize, String)>,
    disagreements: Vec<Disagreement>,
    micros: Vec<f64>,
}

/// One statement on which both sides differ.
#[derive(Debug)]
struct Disagreement {
    sql: String,
    status: String,
    found: Vec<Difference>,
}

/// Disagreements that are printed in full; the shortest statements say most.
const SHOWN: usize = 400;

impl Report {
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn refuse(&mut self, statement: &Statement, refusal: &Refusal) {
        // Names differ from case to case; the words between them do not.
        let words: String = refusal.message.split('"').step_by(2).collect();
        count(&mut self.refused, words, &statement.judged);
    }

    pub(super) fn add(
        &mut self,
        statement: &Statement,
        told: &Told,
        found: Vec<Difference>,
        explained: &Explained,
    ) {
        self.micros.push(told.micros);
        match told.status.as_str() {
            "complete" => self.complete += 1,
            "partial" => self.partial += 1,
            _ => self.opaque += 1,
        }
        for reason in &told.reasons {
            count(&mut self.reasons, reason.clone(), &statement.sql);
        }
        if found.is_empty() {
            return;
        }
        if explained.reason(&statement.sql).is_some() {
            self.explained += 1;
            return;
        }
        self.disagreements.push(Disagreement {
            sql: statement.sql.clone(),
            status: told.status.clone(),
            found,
        });
    }

    /// Statements on which both sides had something to say.
    #[must_use]
    pub const fn compared(&self) -> usize {
        self.complete + self.partial + self.opaque
    }

    /// Statements that the server did not take.
    #[must_use]
    pub fn refusals(&self) -> usize {
        self.refused.values().map(|(count, _)| count).sum()
    }

    #[must_use]
    pub const fn complete(&self) -> usize {
        self.complete
    }

    /// Disagreements that nobody has explained.
    #[must_use]
    pub const fn disagreements(&self) -> usize {
        self.disagreements.len()
    }

    /// One line for the closing table.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut micros = self.micros.clone();
        micros.sort_by(f64::total_cmp);
        let at = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or_default();
        format!(
            "{}: {} compared ({} refused by the server), {} complete, {} partial, {} opaque, {} disagreements, \
             {} explained; analysis {:.0} us median, {:.0} us p99",
            self.name,
            self.compared(),
            self.refusals(),
            self.complete,
            self.partial,
            self.opaque,
            self.disagreements.len(),
            self.explained,
            at(50),
            at(99),
        )
    }

    /// The disagreements by kind, the shortest statements first; then why statements are not complete.
    #[must_use]
    pub fn details(&self) -> String {
        let mut text = String::new();
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for difference in self.disagreements.iter().flat_map(|one| &one.found) {
            *kinds.entry(difference.kind).or_default() += 1;
        }
        let _infallible = writeln!(text, "differences by kind: {kinds:?}");
        let mut shortest: Vec<&Disagreement> = self.disagreements.iter().collect();
        shortest.sort_by_key(|one| one.sql.len());
        for one in shortest.iter().take(SHOWN) {
            let _infallible = writeln!(text, "\n{}\n  -- {}", one.sql, one.status);
            for difference in &one.found {
                let _infallible = writeln!(text, "  -- {}: {}", difference.kind, difference.text);
            }
        }
        text.push_str(&listed("why statements are not complete", &self.reasons));
        text
    }

    /// What the server refused, most often first.
    #[must_use]
    pub fn refusal_details(&self) -> String {
        listed("what the server refused", &self.refused)
    }
}

fn count(counts: &mut BTreeMap<String, (usize, String)>, key: String, example: &str) {
    let entry = counts.entry(key).or_insert_with(|| (0, example.to_owned()));
    entry.0 += 1;
    if example.len() < entry.1.len() {
        example.clone_into(&mut entry.1);
    }
}

fn listed(title: &str, counts: &BTreeMap<String, (usize, String)>) -> String {
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let mut text = format!("\n{title}:\n");
    for (what, (count, example)) in sorted.iter().take(SHOWN) {
        let _infallible = writeln!(text, "{count:6} {what}\n       {example}");
    }
    text
}
