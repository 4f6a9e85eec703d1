//! `connect lineage`.

use clap::{Args, ValueEnum};

use crate::complete::{agent_names, resource_names};
use connect_shared::api::LineageKind;

use crate::audit::{Period, When};

#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("direction"))]
pub(crate) struct Lineage {
    /// A column (SCHEMA.TABLE.COLUMN or the end of it), a table, a run's id, a job, a file or a principal
    #[arg(value_name = "WHAT")]
    pub(crate) about: String,
    /// Where it came from [default for runs, jobs, files and principals]
    #[arg(long, group = "direction", visible_alias = "upstream")]
    pub(crate) up: bool,
    /// Where it went, and who saw it [default for columns and tables]
    #[arg(long, group = "direction", visible_alias = "downstream")]
    pub(crate) down: bool,
    /// By everybody's statements, not only mine; for auditors
    #[arg(long)]
    pub(crate) all: bool,
    /// So far, in steps
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) depth: u8,
    /// What was read and written from then on: 2h, 90d, 2026-11-25, 2026-11-25T10:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<When>,
    /// Before then
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<When>,
    /// Within that time: last-quarter, 2026-Q3, 2026-07, 2026, yesterday
    #[arg(long, value_name = "PERIOD", conflicts_with_all = ["since", "until"])]
    pub(crate) during: Option<Period>,
    /// Only what was done with the columns before they had a label
    #[arg(long, visible_alias = "unlabelled")]
    pub(crate) before_label: bool,
    /// What WHAT is, if several things are called so
    #[arg(long = "as", value_name = "KIND")]
    pub(crate) kind: Option<KindWord>,
    /// On this resource
    #[arg(long, value_name = "NAME")]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// Why; it stands in the record of the question
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// As a document for other programs
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<LineageFormat>,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}

/// How an answer is written for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LineageFormat {
    /// OpenLineage events, one a line
    Openlineage,
    /// Graphviz
    Dot,
    Mermaid,
    /// A bill of materials of data and models, CycloneDX 1.6
    Cyclonedx,
    /// Metadata of a dataset, Croissant 1.0
    Croissant,
    /// An in-toto statement about the files, unsigned
    Intoto,
}

/// The word of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindWord {
    Column,
    Table,
    Run,
    Job,
    File,
    Principal,
}

impl From<KindWord> for LineageKind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Column => Self::Column,
            KindWord::Table => Self::Table,
            KindWord::Run => Self::Run,
            KindWord::Job => Self::Job,
            KindWord::File => Self::File,
            KindWord::Principal => Self::Principal,
        }
    }
}
