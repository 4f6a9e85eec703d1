//! What can be typed. A first word that is no command is a resource to open.

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use connect_shared::decision::OutcomeKind;

use crate::{
    audit::When,
    certificate::Fingerprint,
    console::{Color, Format},
    keep::Wish,
    listen::PortWish,
    session::HowLong,
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
    Env(Named),
    /// Print the URL of an open session
    Url(Named),
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
    /// Forget the sign-in
    Logout(OfAgent),
    /// Say who is signed in
    Whoami(OfAgent),
    /// The agents that are known here
    #[command(subcommand)]
    Agents(Agents),
    /// Show my own statements and how they ended
    History(History),
    /// Check proofs of what was done, and search it
    #[command(subcommand)]
    Audit(Audit),
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
    /// Show everything on this machine, with a database of its own
    Demo(Demo),
    #[command(external_subcommand)]
    Resource(Vec<OsString>),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Open {
    /// Name of the resource, or AGENT/RESOURCE [default: the project's]
    pub(crate) resource: Option<String>,
    /// Local port: a number, or auto for any free one [default: the one that was used before]
    #[arg(long, value_name = "PORT", conflicts_with = "socket")]
    pub(crate) port: Option<PortWish>,
    /// Listen on a Unix socket instead: a file, or a folder to put it in
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
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
    pub(crate) resource: Option<String>,
    /// Name of the AI agent that acts for you; it gets no more than AI agents may have
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Fail at once where somebody must approve first
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// The command with its arguments
    #[arg(last = true, value_name = "CMD", required = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    /// Name of the resource, or AGENT/RESOURCE [default: the project's]
    pub(crate) resource: Option<String>,
    /// Name of the job that this is a run of
    #[arg(long, value_name = "NAME")]
    pub(crate) job: String,
    /// A file that the command reads; its hash is attested
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Vec<PathBuf>,
    /// A file that the command writes; FILE.intoto.jsonl says what it was made from. After `run`, --output
    /// means the same
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) out: Vec<PathBuf>,
    /// Name of the AI agent that acts for you; it gets no more than AI agents may have
    #[arg(long, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// The command with its arguments
    #[arg(last = true, value_name = "CMD", required = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Attest {
    /// Check a file against its attestation, and say what it was made from; works offline
    Verify(VerifyAttestation),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct VerifyAttestation {
    /// The file
    pub(crate) file: PathBuf,
    /// Its attestation [default: FILE.intoto.jsonl]
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
    pub(crate) resource: Option<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// Ask for reading only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Fail at once where somebody must approve first
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Arguments for the client
    #[arg(last = true, value_name = "ARG")]
    pub(crate) arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Ask {
    /// Name of the resource, or AGENT/RESOURCE
    pub(crate) resource: String,
    /// Why, for whoever decides
    #[arg(long, value_name = "TEXT")]
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
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Named {
    /// Name of the resource [default: the project's, or the only open one]
    pub(crate) resource: Option<String>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Close {
    /// Name of the resource [default: the project's, or the only open one]
    pub(crate) resource: Option<String>,
    /// End every session
    #[arg(long, conflicts_with = "resource")]
    pub(crate) all: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Wait {
    /// Name of the resource [default: the project's]
    pub(crate) resource: Option<String>,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) timeout: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Login {
    /// The agent to sign in for, where agents have different identity providers
    pub(crate) agent: Option<String>,
    /// Print the address to standard output and open nothing
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Where to keep the sign-in
    #[arg(long, value_name = "WHERE")]
    pub(crate) keep: Option<Wish>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct OfAgent {
    /// The agent whose identity provider is meant [default: all]
    pub(crate) agent: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Agents {
    /// Add an agent, and fix the certificate that it must show
    Add(AddAgent),
    /// List them
    Ls,
    /// Forget one
    Rm {
        /// Its name
        name: String,
    },
}

#[derive(Debug, Clone, Args)]
pub(crate) struct AddAgent {
    /// Where it is: https://HOST:7443
    pub(crate) url: String,
    /// The fingerprint that its operator gave you: sha256:…
    #[arg(long, value_name = "FINGERPRINT", conflicts_with = "ca")]
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The certificate authority that signs its certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// How to call it here [default: what it calls itself]
    #[arg(long)]
    pub(crate) name: Option<String>,
}

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
}

/// What entries must be; everything that is given must hold.
#[derive(Debug, Clone, Args)]
pub(crate) struct Filter {
    /// Of this resource
    #[arg(long, value_name = "NAME")]
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
    pub(crate) agent: Option<String>,
}

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
    pub(crate) resource: Vec<String>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
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
