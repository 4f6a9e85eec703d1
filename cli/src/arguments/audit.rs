//! `connect audit` and `connect history`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::complete::{agent_names, resource_names};
use connect_shared::decision::OutcomeKind;

use crate::audit::When;

#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check a log, a receipt, or one against the other; works offline
    Verify(Verify),
    /// Fetch the receipt of a statement of yours
    Receipt(Receipt),
    /// Search everybody's entries; for auditors
    Search(Search),
    /// Follow everybody's entries as they are written; for auditors
    Tail(Tail),
    /// Find what went on at a database without the agent; for auditors
    Reconcile(Reconcile),
    /// Show what a statement exactly said, proved against the log; for text readers
    Text(Text),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Text {
    /// The statement (st_…), or the index of an entry of it
    #[arg(value_name = "STATEMENT|INDEX")]
    pub(crate) statement: String,
    /// Why; it is an entry of the log
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Reconcile {
    /// The database
    #[arg(value_name = "RESOURCE")]
    #[arg(add = resource_names())]
    pub(crate) resource: String,
    /// A log that the server wrote (csvlog or jsonlog): sessions that are over are found in it, too
    #[arg(long, value_name = "FILE")]
    pub(crate) server_log: Option<PathBuf>,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}

/// What entries must be; everything that is given must hold.
#[derive(Debug, Clone, Args)]
pub(crate) struct Filter {
    /// Of this resource
    #[arg(long, value_name = "NAME")]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// Of this AI agent
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// That read, wrote or would have touched this table: SCHEMA.NAME or NAME
    #[arg(long, value_name = "TABLE")]
    pub(crate) table: Option<String>,
    /// That asked for this protected column: SCHEMA.TABLE.COLUMN or the end of it
    #[arg(long, value_name = "COLUMN")]
    pub(crate) column: Option<String>,
    /// That asked for a column of this label, or of its class: pii.email, pii
    #[arg(long, value_name = "LABEL")]
    pub(crate) label: Option<String>,
    /// That were decided so
    #[arg(long, value_name = "DECISION")]
    pub(crate) decision: Option<DecisionWord>,
    /// From then on: 2h, 7d, 2026-11-25, 2026-11-25T10:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<When>,
    /// Before then
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<When>,
    /// Whose normalised statement has this in it
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Of this kind: intent, denial, grant_issued, session_opened …
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
    /// Of this statement: st_…
    #[arg(long, value_name = "ID")]
    pub(crate) statement: Option<String>,
    /// Of this session: ss_…
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Of this run
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// As events of OCSF 1.8, one JSON object a line for each entry
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<EventFormat>,
}

/// How entries are shown, beside rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventFormat {
    Ocsf,
}

/// The word of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DecisionWord {
    Deny,
    Hold,
    Permit,
}

impl From<DecisionWord> for OutcomeKind {
    fn from(word: DecisionWord) -> Self {
        match word {
            DecisionWord::Deny => Self::Deny,
            DecisionWord::Hold => Self::Hold,
            DecisionWord::Permit => Self::Permit,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct History {
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Search {
    /// Of this principal: its name or its stable id
    #[arg(long, value_name = "WHO")]
    pub(crate) principal: Option<String>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Only entries before this index: the next page
    #[arg(long, value_name = "INDEX")]
    pub(crate) before: Option<u64>,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Tail {
    /// Of this principal: its name or its stable id
    #[arg(long, value_name = "WHO")]
    pub(crate) principal: Option<String>,
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Begin with so many that are there
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) lines: u32,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Verify {
    /// The log: a folder, or an agent's URL [default: the known agent's, if no receipt is given]
    #[arg(long, value_name = "DIR or URL")]
    pub(crate) log: Option<String>,
    /// A receipt; with a log it must be in that log
    #[arg(long, value_name = "FILE")]
    pub(crate) receipt: Vec<PathBuf>,
    /// A checkpoint that was seen before; the log must contain it
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// Only the entries from the first to before the second index
    #[arg(long, value_name = "FROM..TO")]
    pub(crate) range: Option<IndexRange>,
    /// The key of a witness: NAME+HASH+BASE64; it must have cosigned the log
    #[arg(long, value_name = "KEY")]
    pub(crate) witness: Vec<String>,
    /// So many of the witnesses must have cosigned [default: all that are given]
    #[arg(long, value_name = "N", requires = "witness")]
    pub(crate) require: Option<usize>,
    /// The log's verifier key: NAME+HASH+BASE64 [default: the known agent's]
    #[arg(long, value_name = "VERIFIERKEY")]
    pub(crate) key: Option<String>,
}

impl Verify {
    /// How many witnesses must have cosigned.
    pub(crate) fn require_witnesses(&self) -> usize {
        self.require.unwrap_or(self.witness.len())
    }
}

/// `FROM..TO`, each of which may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexRange(pub(crate) std::ops::Range<u64>);

impl std::str::FromStr for IndexRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no range; write `100..200`, `100..` or `..200`");
        let (from, to) = text.split_once("..").ok_or_else(wrong)?;
        let number =
            |part: &str, usual| if part.is_empty() { Ok(usual) } else { part.parse().map_err(|_| wrong()) };
        let range = number(from, 0)?..number(to, u64::MAX)?;
        if range.start < range.end { Ok(Self(range)) } else { Err(wrong()) }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Receipt {
    /// The statement's id: st_…
    pub(crate) statement: Option<String>,
    /// Your last statement
    #[arg(long, conflicts_with = "statement")]
    pub(crate) last: bool,
    /// The entry at this index, of yours or for auditors
    #[arg(long, value_name = "INDEX", conflicts_with_all = ["statement", "last"])]
    pub(crate) index: Option<u64>,
    /// Write it to this file [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}
