//! What a statement would touch, as far as is known before it runs: for whoever approves it, and for whoever asks
//! what would become of it. It holds counts and names, and of the stored rows no value.

mod words;

use serde::{Deserialize, Serialize};

/// What a statement would touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Radius {
    /// Relations that the statement itself writes or drops.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TouchedTable>,
    /// What foreign keys change with them, and with those, each table once for each effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cascades: Vec<CascadedTable>,
    /// Triggers and rules that people made on all of these tables and that would run: `name on schema.table`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<String>,
    /// What goes with what is dropped, in the server's own words: `view public.totals`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<String>,
    /// What is not known, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

impl Radius {
    /// Whether there is nothing to be said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A relation that the statement itself touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchedTable {
    /// `schema.name`
    pub table: String,
    /// Rows that are expected to be touched; absent: as many as there are, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How `rows` is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<HowKnown>,
    /// Rows of the whole table, as the server's statistics have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// What the table takes on the disk, with its indexes and its partitions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// How a number of rows is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HowKnown {
    /// The statement gives the rows itself.
    Text,
    /// The server's planner expects so many for this condition.
    Plan,
    /// All rows of the table, as the server's statistics have it.
    Statistics,
    /// The agent has counted them, a moment before.
    Counted,
}

impl HowKnown {
    /// As it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Plan => "plan",
            Self::Statistics => "statistics",
            Self::Counted => "counted",
        }
    }
}

/// A table that is changed because rows that it refers to are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CascadedTable {
    /// `schema.name`
    pub table: String,
    pub effect: CascadeEffect,
    /// The table that it refers to: `schema.name`
    pub by: String,
    /// Rows that are expected to follow, if every row that is referred to has as many; absent: nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Rows of the whole table, as the server's statistics have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
}

/// What becomes of rows that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CascadeEffect {
    /// They are deleted, too.
    Delete,
    /// They get the new key.
    Update,
    /// What refers in them becomes NULL.
    SetNull,
    /// What refers in them gets its default.
    SetDefault,
    /// The whole table is emptied, too: TRUNCATE … CASCADE.
    Truncate,
}
