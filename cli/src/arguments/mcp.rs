//! `connect mcp`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::complete::resource_names;

#[derive(Debug, Subcommand)]
pub(crate) enum Mcp {
    /// Serve the Model Context Protocol on standard input and output
    Serve(McpServe),
    /// Print what to add to the settings of an AI agent's program
    Config {
        /// Which program
        client: McpClient,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct McpServe {
    /// Offer only these resources [default: all that you may open]
    #[arg(long, value_name = "NAME")]
    #[arg(add = resource_names())]
    pub(crate) resource: Vec<String>,
    /// Why, for the record
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// What it is started for: an id that stands in every record, before what a call names as its own task
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<String>,
    /// Serve a sub-agent, with a part of this session's grant [default: CONNECT_PARENT]
    #[arg(long, value_name = "SOCKET")]
    pub(crate) parent: Option<PathBuf>,
    /// Serve HTTP on this port of the loopback, to whoever has the token; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub(crate) http: Option<u16>,
}

/// Programs whose settings we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum McpClient {
    Claude,
    ClaudeCode,
    Codex,
    Cursor,
    Gemini,
    Vscode,
    Windsurf,
    Zed,
}
