//! Counts for a line, disagreements for whoever mends them.

use std::fmt::Write as _;

use crate::differential::explained::Explained;

/// Disagreements that are printed.
const SHOWN: usize = 40;

/// What came of a comparison.
#[derive(Debug, Default)]
pub struct Figures {
    name: String,
    counts: Vec<(&'static str, usize)>,
    disagreements: Vec<(String, Vec<String>)>,
    explained: usize,
}

impl Figures {
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn add(&mut self, what: &'static str, count: usize) {
        match self.counts.iter_mut().find(|(own, _)| *own == what) {
            Some((_, all)) => *all += count,
            None => self.counts.push((what, count)),
        }
    }

    /// Notes what differs of a statement, if anything does and nobody has said why.
    pub(super) fn differ(&mut self, sql: &str, found: Vec<String>, explained: &Explained) {
        match (found.is_empty(), explained.reason(sql)) {
            (true, _) => {}
            (false, Some(_)) => self.explained += 1,
            (false, None) => self.disagreements.push((sql.to_owned(), found)),
        }
    }

    /// How often something was counted.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.counts.iter().find(|(own, _)| *own == what).map_or(0, |(_, count)| *count)
    }

    #[must_use]
    pub const fn disagreements(&self) -> usize {
        self.disagreements.len()
    }

    /// One line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = format!("{}:", self.name);
        for (what, count) in &self.counts {
            let _infallible = write!(line, " {count} {what},");
        }
        let _infallible =
            write!(line, " {} disagreements, {} explained", self.disagreements.len(), self.explained);
        line
    }

    /// The disagreements, the shortest statements first.
    #[must_use]
    pub fn details(&self) -> String {
        let mut shortest: Vec<_> = self.disagreements.iter().collect();
        shortest.sort_by_key(|(sql, _)| sql.len());
        let mut text = String::new();
        for (sql, found) in shortest.into_iter().take(SHOWN) {
            let _infallible = writeln!(text, "\n{sql}");
            found.iter().for_each(|line| {
                let _infallible = writeln!(text, "  -- {line}");
            });
        }
        text
    }
}
