//! What can be typed. A first word that is no command is a resource to open.

mod agents;
mod audit;
mod lineage;
mod mcp;
mod part;
mod run;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::{
    agents::{AddAgent, Agents, Login, Logout, OfAgent},
    audit::{Audit, EventFormat, Filter, History, Receipt, Reconcile, Search, Tail, Text, Verify},
    lineage::{Lineage, LineageFormat},
    mcp::{Mcp, McpClient, McpServe},
    part::Part,
    run::{Run, RunSession, RunStart, RunStop, RunWish},
};
use crate::{
    complete::{agent_names, first_words, resource_names},
    console::{Color, Format},
    listen::PortWish,
    session::{HowLong, Program, Shell as EnvShell},
};

/// Just-in-time, authenticated tunnels to databases.
#[derive(Debug, Parser)]
#[command(
    name = "connect",
    version,
    about = "Just-in-time, authenticated tunnels to databases",
    after_help = "A first word that is no command opens that resource: `connect prod-db` is `connect open prod-db`.\n\
                  New here? `connect demo` shows everything on this machine.",
    allow_external_subcommands = true,
    add = first_words(),
    subcommand_value_name = "COMMAND or RESOURCE",
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// How data is written to standard output
    #[arg(short, long, global = true, value_name = "FORMAT", help_heading = "Global options")]
    pub(crate) output: Option<Format>,
    /// The same as --output json
    #[arg(long, global = true, conflicts_with = "output", help_heading = "Global options")]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", help_heading = "Global options")]
    pub(crate) color: Option<Color>,
    /// Never ask anything; fail instead, and say which option would have answered
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) no_input: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Open a resource and hold it until Ctrl-C
    Open(Open),
    /// Run a command with the resource's variables set; its exit status is ours
    Exec(Exec),
    /// Run a command as one run of a job, and attest what its outputs were made from
    Run(Run),
    /// Start the engine's own client on a resource
    Shell(ShellArguments),
    /// Say what would become of a statement, and execute nothing
    Explain(Explain),
    /// Ask for access to a resource that somebody must approve
    Request(Ask),
    /// List requests: your own, and those that you may decide
    Requests(Requests),
    /// Approve a request
    Approve(Approve),
    /// Reject a request, or take back your own
    Reject(Reject),
    /// Print the variables of an open session, for eval
    Env(Env),
    /// Print the URL of an open session, or its profile for a graphical client
    Url(Url),
    /// List what you may open
    Ls,
    /// Show what is open, and who is signed in
    Status,
    /// End a session
    Close(Close),
    /// Wait until a session is ready
    Wait(Wait),
    /// Sign in through the browser
    Login(Login),
    /// Forget the sign-in, and sign out at the identity provider
    Logout(Logout),
    /// Say who is signed in
    Whoami(OfAgent),
    /// End sessions at the agent, at once: one, all of your own, or everything of somebody
    Revoke(Revoke),
    /// The agents that are known here
    #[command(subcommand)]
    Agents(Agents),
    /// Show my own statements and how they ended
    History(History),
    /// Check proofs of what was done, and search it
    #[command(subcommand)]
    Audit(Audit),
    /// Say where values came from, where they went, and who saw them
    Lineage(Lineage),
    /// Check what a file was made from
    #[command(subcommand)]
    Attest(Attest),
    /// The door for AI agents: they read, as their own actor on your behalf
    #[command(subcommand)]
    Mcp(Mcp),
    /// Look for what is in the way, and say what would help
    Doctor,
    /// Settings and where they come from
    #[command(subcommand)]
    Config(Config),
    /// Print a completion script
    Completions {
        /// bash, zsh, fish or powershell
        shell: Shell,
    },
    /// Write manual pages into a folder, and print their names
    #[command(hide = true)]
    Man {
        /// The folder, as ~/.local/share/man/man1
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    /// Show everything on this machine, with a database of its own
    Demo(Demo),
    #[command(external_subcommand)]
    Resource(Vec<OsString>),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Open {
    /// Name of the resource, or AGENT/RESOURCE [default: the project's]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// Local port: a number, or auto for any free one [default: the one that was used before]
    #[arg(long, value_name = "PORT", conflicts_with = "socket")]
    pub(crate) port: Option<PortWish>,
    /// Listen on a Unix socket instead: a file, or a folder to put it in
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Why, for the record
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// For how long, where somebody must approve: 30m, 2h, 1d
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) how_long: Option<HowLong>,
    /// Fail at once where somebody must approve first
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Let nothing wait, for a short time: it is loud, and reviewed afterwards
    #[arg(long, requires = "reason")]
    pub(crate) break_glass: bool,
    /// Go to the background once it is ready
    #[arg(long, conflicts_with = "command")]
    pub(crate) detach: bool,
    /// We are the one in the background
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
    /// Run this, and end with it
    #[arg(last = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
    /// It was typed as a first word, without `open`
    #[arg(skip)]
    pub(crate) as_first_word: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Exec {
    /// Name of the resource, or AGENT/RESOURCE [default: the project's]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// Name of the AI agent that acts for you; it gets no more than AI agents may have
    #[arg(long, visible_alias = "as-agent", value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Why, for the record
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Fail at once where somebody must approve first
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Let nothing wait, for a short time: it is loud, and reviewed afterwards
    #[arg(long, requires = "reason", conflicts_with = "actor")]
    pub(crate) break_glass: bool,
    /// What the AI agent works on: an id that stands in every record
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<String>,
    #[command(flatten)]
    pub(crate) part: Part,
    /// The command with its arguments
    #[arg(last = true, value_name = "CMD", required = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Attest {
    /// Check a file against its attestation, and say what it was made from; works offline
    #[command(visible_alias = "show")]
    Verify(VerifyAttestation),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyAttestation {
    /// The file or folder
    pub(crate) file: PathBuf,
    /// Its attestation [default: FILE.intoto.jsonl, or that of a folder around it]
    #[arg(long, value_name = "FILE")]
    pub(crate) attestation: Option<PathBuf>,
    /// The agent's log in a folder; it must hold the run
    #[arg(long, value_name = "DIR")]
    pub(crate) log: Option<PathBuf>,
    /// The verifier key of the agent's log: NAME+HASH+BASE64 [default: the known agent's]
    #[arg(long, value_name = "VERIFIERKEY")]
    pub(crate) key: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ShellArguments {
    /// Name of the resource, or AGENT/RESOURCE [default: the project's]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// Why, for the record
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Fail at once where somebody must approve first
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Let nothing wait, for a short time: it is loud, and reviewed afterwards
    #[arg(long, requires = "reason")]
    pub(crate) break_glass: bool,
    /// Arguments for the client
    #[arg(last = true, value_name = "ARG")]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ask {
    /// Name of the resource, or AGENT/RESOURCE
    #[arg(add = resource_names())]
    pub(crate) resource: String,
    /// Why, for whoever decides
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// For how long: 30m, 2h, 1d [default: as long as the agent gives]
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) how_long: Option<HowLong>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Name of the AI agent that would act for you
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Not access, but to see these columns in clear: SCHEMA.TABLE.COLUMN,…
    #[arg(
        long,
        value_name = "COLUMNS",
        value_delimiter = ',',
        requires = "reason",
        conflicts_with_all = ["actor", "read_only"]
    )]
    pub(crate) unmask: Vec<String>,
    /// Not access, but that what these rules hold does not wait: schema-change,destructive,…
    #[arg(
        long,
        value_name = "RULES",
        value_delimiter = ',',
        requires = "reason",
        conflicts_with_all = ["actor", "read_only", "unmask"]
    )]
    pub(crate) class: Vec<String>,
    /// Wait until somebody has decided
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Requests {
    /// Show this one: its id, or the beginning of it
    pub(crate) id: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Approve {
    /// Its id, or the beginning of it
    pub(crate) id: String,
    /// Do not ask whether it is meant
    #[arg(long)]
    pub(crate) yes: bool,
    /// Not as it is, but in its form with any values, where the rule that holds it permits that
    #[arg(long)]
    pub(crate) template: bool,
    /// For how long, with any values: 30m, 2h [default: as long as one run would have]
    #[arg(long = "for", value_name = "TIME", requires = "template")]
    pub(crate) how_long: Option<HowLong>,
    /// How many runs, with any values [default: 10]
    #[arg(long, value_name = "N", requires = "template")]
    pub(crate) uses: Option<u32>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Reject {
    /// Its id, or the beginning of it
    pub(crate) id: String,
    /// Why, for whoever asked
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Explain {
    /// Name of the resource, or AGENT/RESOURCE
    #[arg(add = resource_names())]
    pub(crate) resource: String,
    /// The statement, or - to read it from standard input
    pub(crate) sql: String,
    /// Schemas in which names are looked for, in order [default: those of a new connection]
    #[arg(long, value_name = "SCHEMA,…", value_delimiter = ',')]
    pub(crate) search_path: Option<Vec<String>>,
    /// As if only reading was asked for
    #[arg(long)]
    pub(crate) read_only: bool,
    /// As if this AI agent acted for you
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// As if this was why; it stands in the record of the question, too
    #[arg(long, visible_alias = "purpose", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// As if the AI agent worked on this task
    #[arg(long, value_name = "ID")]
    pub(crate) task: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Env {
    /// Name of the resource [default: the project's, or the only open one]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// The shell that reads them
    #[arg(long, value_name = "SHELL", default_value = "sh")]
    pub(crate) shell: EnvShell,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Url {
    /// Name of the resource [default: the project's, or the only open one]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// What this client imports or opens, instead of the URL
    #[arg(long = "for", value_name = "CLIENT")]
    pub(crate) program: Option<Program>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Close {
    /// Name of the resource [default: the project's, or the only open one]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// End every session
    #[arg(long, conflicts_with = "resource")]
    pub(crate) all: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Wait {
    /// Name of the resource [default: the project's]
    #[arg(add = resource_names())]
    pub(crate) resource: Option<String>,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) timeout: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Revoke {
    /// A principal by its name, who is kept out for a while, too; or a session: ss_…
    #[arg(required_unless_present = "mine")]
    pub(crate) who: Option<String>,
    /// All sessions of your own
    #[arg(long, conflicts_with = "who")]
    pub(crate) mine: bool,
    /// For how long a principal is kept out: 30m, 8h, 7d [default: 1h]
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "lift")]
    pub(crate) duration: Option<HowLong>,
    /// Let a principal in again whom an operator or a canary keeps out
    #[arg(long, requires = "who")]
    pub(crate) lift: bool,
    /// Why, for the record and for those whose sessions end
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// The agent, where several are known
    #[arg(long, value_name = "NAME")]
    #[arg(add = agent_names())]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Every setting, its value and its origin
    List,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Demo {
    /// A guided tour without a browser or a terminal
    #[arg(long)]
    pub(crate) script: bool,
}
