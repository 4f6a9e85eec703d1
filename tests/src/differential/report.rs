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
    skipped: usize,
    complete: usize,
    partial: usize,
    opaque: usize,
    explained: usize,
    reasons: BTreeMap<String, (usize, String)>,
    disagreements: Vec<Disagreement>,
    /// Those that are about functions and types only.
    lesser: Vec<Disagreement>,
    micros: Vec<f64>,
}

/// One statement on which both sides differ.
#[derive(Debug)]
struct Disagreement {
    sql: String,
    status: String,
    found: Vec<Difference>,
    /// What makes the relations and functions that it names.
    definitions: Vec<String>,
}

/// Disagreements of a kind that are printed in full: those with the shortest statements.
const SHOWN: usize = 12;

impl Disagreement {
    fn write(&self, text: &mut String) {
        let _infallible = writeln!(text, "\n{}\n  -- {}", self.sql, self.status);
        for definition in &self.definitions {
            let _infallible = writeln!(text, "  -- with {definition}");
        }
        for difference in &self.found {
            let _infallible = writeln!(text, "  -- {}: {}", difference.kind, difference.text);
        }
    }
}

impl Report {
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// A command that has nothing to compare.
    pub(super) const fn skip(&mut self) {
        self.skipped += 1;
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
        (definitions, explained): (&[String], &Explained),
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
        let only_functions = |one: &Difference| matches!(one.kind, "functions" | "type");
        if found.iter().all(only_functions) {
            self.lesser.push(Disagreement {
                sql: statement.sql.clone(),
                status: told.status.clone(),
                found,
                definitions: about(&statement.sql, definitions),
            });
            return;
        }
        let definitions = about(&statement.sql, definitions);
        let [sql, status] = [&statement.sql, &told.status].map(Clone::clone);
        self.disagreements.push(Disagreement { sql, status, found, definitions });
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

    /// Disagreements about functions and types only.
    #[must_use]
    pub const fn lesser(&self) -> usize {
        self.lesser.len()
    }

    /// One line for the closing table.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut micros = self.micros.clone();
        micros.sort_by(f64::total_cmp);
        let at = |percent: usize| micros.get(micros.len() * percent / 100).copied().unwrap_or_default();
        format!(
            "{}: {} compared ({} refused by the server, {} commands), {} complete, {} partial, {} opaque, {} disagreements on columns, \
             {} on functions and types, {} explained; analysis {:.0} us median, {:.0} us p99",
            self.name,
            self.compared(),
            self.refusals(),
            self.skipped,
            self.complete,
            self.partial,
            self.opaque,
            self.disagreements.len(),
            self.lesser.len(),
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
        let all = || self.disagreements.iter().chain(&self.lesser);
        for difference in all().flat_map(|one| &one.found) {
            *kinds.entry(difference.kind).or_default() += 1;
        }
        let _infallible = writeln!(text, "differences by kind: {kinds:?}");
        let mut shortest: Vec<&Disagreement> = all().collect();
        shortest.sort_by_key(|one| one.sql.len());
        for kind in kinds.keys() {
            // Those that differ in nothing else say most.
            let only = |one: &&&Disagreement| one.found.iter().all(|difference| difference.kind == *kind);
            let any = |one: &&&Disagreement| one.found.iter().any(|difference| difference.kind == *kind);
            let mut shown: Vec<&&Disagreement> = shortest.iter().filter(only).take(SHOWN).collect();
            if shown.is_empty() {
                shown = shortest.iter().filter(any).take(SHOWN).collect();
            }
            shown.iter().for_each(|one| one.write(&mut text));
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

/// The definitions of what a statement names, and of what these name.
fn about(sql: &str, definitions: &[String]) -> Vec<String> {
    let mut named = vec![sql.to_owned()];
    let mut found: Vec<&String> = Vec::new();
    while let Some(text) = named.pop() {
        for definition in definitions {
            let name = definition.split([' ', '(']).find(|word| !KEYWORDS.contains(word)).unwrap_or_default();
            let bare = name.rsplit('.').next().unwrap_or_default();
            if !found.contains(&definition) && mentions(&text, bare) {
                found.push(definition);
                named.push(definition.clone());
            }
        }
    }
    found.into_iter().cloned().collect()
}

/// Words that stand before a name in a definition.
const KEYWORDS: [&str; 8] =
    ["CREATE", "TABLE", "VIEW", "MATERIALIZED", "FUNCTION", "TYPE", "DOMAIN", "SCHEMA"];

fn mentions(text: &str, name: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == '"';
    text.match_indices(name).any(|(start, _)| {
        let [before, after] = [&text[..start], &text[start + name.len()..]];
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}
