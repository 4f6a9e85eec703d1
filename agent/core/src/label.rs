//! Labels with zero configuration: what a column holds, by its name, type and a bounded sample.
//!
//! The rules are tables: [`names`] for names, [`detect`] for content. What cannot be decided without
//! content is [`Label::Unscanned`] until there is some, and that is masked as well.

mod checks;
mod detect;
mod first_names;
mod kinds;
mod names;
mod network;
mod phrases;
mod secrets;
pub(crate) mod sight;
mod tokens;
mod verdict;
mod words;

use connect_shared::label::Label;

pub use self::kinds::needs_samples;
use crate::catalog::Oid;

/// A column as the rules see it.
#[derive(Debug, Clone, Copy)]
pub struct ColumnFacts<'a> {
    pub schema: &'a str,
    pub relation: &'a str,
    pub column: &'a str,
    pub type_oid: Oid,
}

/// What was found out about a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery {
    /// `None`: free to show.
    pub label: Option<Label>,
    pub evidence: Evidence,
    pub confidence: Confidence,
}

/// Why a column has its label. It names rules, never values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The schema's name.
    Schema,
    /// The phrase that was found in the column's name.
    Name(&'static str),
    /// The rule that fits the values, and of so many how many it fits.
    Content { rule: &'static str, hits: usize, of: usize },
    /// The type alone.
    Type,
    /// Name and type need a look at values, and there are none.
    NoSamples,
    /// No rule spoke.
    Nothing,
}

/// How sure a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    Low,
    Medium,
    High,
}

/// Schemas of this name are confidential as a whole.
pub const CONFIDENTIAL_SCHEMA: &str = "confidential";

/// Samples that are looked at; further ones are ignored.
pub const MOST_SAMPLES: usize = 256;

/// Bytes of a sample that are looked at.
pub const LONGEST_SAMPLE: usize = 512;

/// Finds the label of a column. `samples` are values in their text form, NULLs left out.
#[must_use]
pub fn discover(column: &ColumnFacts<'_>, samples: &[&str]) -> Discovery {
    verdict::discover(column, samples)
}

#[cfg(test)]
mod tests;
