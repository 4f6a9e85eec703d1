//! `connect run`: around a command, or from `start` to `stop`.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Subcommand};

use crate::complete::resource_names;

use crate::session::Shell;

/// A first word after `run` that is `start`, `stop` or `ls` is that; a resource of such a name comes behind an
/// option, and a command behind `--`.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true,
    override_usage = "connect run [RESOURCE]... --job NAME --output FILE [OPTIONS] -- CMD…\n       \
                      connect run start|stop|ls …"
)]
pub(crate) struct Run {
    #[command(subcommand)]
    pub(crate) session: Option<RunSession>,
    #[command(flatten)]
    pub(crate) wish: RunWish,
    /// The command with its arguments
    #[arg(last = true, value_name = "CMD", required = true)]
    pub(crate) command: Vec<OsString>,
}

/// What every run is told, around a command or not.
#[derive(Debug, Clone, Args)]
pub(crate) struct RunWish {
    /// Name of the resource, or AGENT/RESOURCE; several of one agent: the first is in PG* and DATABASE_URL, and
    /// each in CONNECT_URL_NAME [default: the project's]
    #[arg(value_name = "RESOURCE")]
    #[arg(add = resource_names())]
    pub(crate) resources: Vec<String>,
    /// Name of the job that this is a run of
    #[arg(long, value_name = "NAME", required = true)]
    pub(crate) job: Option<String>,
    /// A file or folder that the run reads; its hash is attested
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Vec<PathBuf>,
    /// A file or folder that the run writes; FILE.intoto.jsonl says what it was made from. After `run`, --output
    /// means the same
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) out: Vec<PathBuf>,
    /// Name of the AI agent that acts for you; it gets no more than AI agents may have
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Why, for the record
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
}

/// A run that is not around one command: of a notebook, or of several shells.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RunSession {
    /// Begin a run that stays open in the background, and print its variables for eval
    Start(RunStart),
    /// End it: hash its outputs and attest what they were made from
    Stop(RunStop),
    /// List the runs that were started here and not stopped
    Ls,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunStart {
    #[command(flatten)]
    pub(crate) wish: RunWish,
    /// The shell that reads the variables
    #[arg(long, value_name = "SHELL", default_value = "sh")]
    pub(crate) shell: Shell,
    /// We are the one in the background
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct RunStop {
    /// Its id, or the beginning of it [default: CONNECT_RUN_ID, or the only open one]
    pub(crate) run: Option<String>,
    /// It failed: nothing is attested, and the log says so
    #[arg(long)]
    pub(crate) failed: bool,
}
