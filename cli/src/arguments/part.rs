//! What a sub-agent gets.

use std::path::PathBuf;

use clap::Args;

use crate::session::HowLong;

/// What a sub-agent gets of the grant of the AI agent that starts it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "As a sub-agent")]
pub(crate) struct Part {
    /// Take a part of this session's grant [default: CONNECT_PARENT, which the command of an AI agent's exec has]
    #[arg(long, value_name = "SOCKET")]
    pub(crate) parent: Option<PathBuf>,
    /// Only these tables: SCHEMA.TABLE or SCHEMA.*
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Vec<String>,
    /// For at most so long: 30s, 10m
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) duration: Option<HowLong>,
    /// At most so many statements
    #[arg(long, value_name = "N")]
    pub(crate) statements: Option<u64>,
    /// At most so many rows
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<u64>,
    /// At most so many cells: rows times columns
    #[arg(long, value_name = "N")]
    pub(crate) cells: Option<u64>,
    /// At most so many bytes
    #[arg(long, value_name = "N")]
    pub(crate) bytes: Option<u64>,
    /// Rows of at most so many different persons
    #[arg(long, value_name = "N")]
    pub(crate) persons: Option<u64>,
}
