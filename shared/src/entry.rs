//! The catalogue of entries: everything that the log can hold. One variant, one kind of leaf.
//!
//! A leaf is compact JSON with the fields in the order of this file. It never holds a literal, a bind
//! value or a row: statements appear as their normalised text (once per text, by fingerprint after that)
//! and as a salted commitment to the exact bytes.

mod kinds;
mod principal;
mod reference;
mod samples;
mod statement;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    api::{LineageQuestion, SearchFilter, SearchScope},
    attest::{ApprovedAccess, FileFact, FolderFile},
    decision::OutcomeKind,
    grant::{Action, BudgetPart, RunIdentity},
    ids::{ConnectionId, GrantId, RequestId, RunId, SessionId, StatementId, TunnelId},
    label::Label,
    lineage::{ColumnFact, LineageReport},
    request::{RequestKind, RequestScope, RequestStep, Through},
};

pub use self::{
    principal::{HANDED_ON, PrincipalRef},
    statement::{Denial, Intent, OutcomeEntry, SideLook, StatementResult, TextRef},
};

/// Version of the catalogue, in every leaf.
pub const CATALOGUE: u16 = 1;

/// One leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// [`CATALOGUE`].
    pub v: u16,
    /// Milliseconds since 1970-01-01T00:00:00Z, by the agent's clock; never decreasing within a log.
    pub time: u64,
    #[serde(flatten)]
    pub entry: Entry,
}

/// One kind of entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// The agent started: what decides and signs from here on.
    AgentStarted { version: String, config_digest: String, policy_digest: String, mode: String },
    /// The agent stopped in order.
    AgentStopped { reason: String },
    /// Nothing happened: silence can be proved.
    Heartbeat,
    /// A grant was issued.
    GrantIssued {
        grant: GrantId,
        principal: PrincipalRef,
        /// The name that people read, so that a log can be read alone.
        name: String,
        groups: Vec<String>,
        resource: String,
        actions: Vec<Action>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        expires_at: u64,
        certificate: String,
        /// The run that the grant is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunIdentity>,
        /// The task of the AI agent that the grant is for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
        /// The grant that it is a part of, handed on by one AI agent to another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<GrantId>,
        /// The tables that it is for, where it is not for all: `schema.table` or `schema.*`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tables: Vec<String>,
        /// What of its parent's budget it may spend.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        budget: Option<Box<BudgetPart>>,
        /// The approved requests behind those of its actions that need one.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        approvals: ApprovedAccess,
    },
    /// A grant was refused, or a token was.
    GrantRefused {
        code: String,
        resource: String,
        #[serde(default)]
        principal: Option<PrincipalRef>,
    },
    /// A tunnel came up with a good grant; its session began.
    SessionOpened {
        session: SessionId,
        tunnel: TunnelId,
        grant: GrantId,
        principal: PrincipalRef,
        resource: String,
        client: String,
        address: String,
    },
    /// A tunnel was turned away.
    TunnelRefused { code: String, address: String },
    /// So many refusals since the last such entry are not recorded each: too many, or the log took none.
    RefusalsLeftOut {
        /// Of grants and tunnels, together.
        count: u64,
    },
    /// A session's grant was renewed.
    GrantRenewed { session: SessionId, grant: GrantId, expires_at: u64 },
    /// The tunnel of a session broke or fell silent: its database connections wait for another one.
    SessionParked { session: SessionId, connections: u64 },
    /// Another tunnel with the same key goes on with a session.
    SessionResumed { session: SessionId, tunnel: TunnelId, grant: GrantId, address: String },
    /// A session ended.
    SessionClosed {
        session: SessionId,
        code: String,
        /// Of one that was revoked: the time from the event to the end of its last connection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        micros: Option<u64>,
    },
    /// Somebody's sessions were ended before their time.
    Revoked {
        /// `operator`, `owner`, `logout`, `groups`, `event/…`
        cause: String,
        /// Whom it means, in words.
        whom: String,
        /// Who asked for it, where somebody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PrincipalRef>,
        /// How many sessions it ended.
        sessions: u64,
        /// For how long it keeps them out: seconds since 1970, or `signed in again`, or `restored`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<String>,
    },
    /// Somebody who was kept out may come in again.
    Restored {
        cause: String,
        whom: String,
        /// Who let them in, where somebody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<PrincipalRef>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A database connection was opened for a session.
    ConnectionOpened { session: SessionId, connection: ConnectionId, upstream: String },
    /// A database connection ended.
    ConnectionClosed {
        session: SessionId,
        connection: ConnectionId,
        code: String,
        /// Its INTENTs and denials, so that the last of them cannot be left out either. Absent if the log was closed
        /// meanwhile: what it has lost then nobody knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statements: Option<u64>,
    },
    /// The agent logged in at a database: for a connection, or to read its catalog. Whatever else is logged in
    /// there did not come through it.
    UpstreamOpened {
        resource: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<ConnectionId>,
        /// The server's process for it.
        process: u32,
        /// The role of the database whose rights count, if it is not the agent's account.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// For whose statements it looks there what they would touch, without running them. Absent: it does not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        looks: Option<Box<SideLook>>,
    },
    /// What the agent learnt of a database: sizes and digests, no values.
    CatalogLoaded {
        resource: String,
        version: u64,
        relations: u64,
        columns: u64,
        labelled: u64,
        digest: String,
    },
    /// A text in its normal form, before the first statement that refers to it.
    StatementText { fingerprint: String, sql: String },
    /// What statements are computed from, before the first one that refers to it.
    StatementLineage {
        /// Hexadecimal, from the SHA-256 of what follows.
        lineage: String,
        report: Box<LineageReport>,
        /// Columns of which masks are seen, with their labels.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        masks: BTreeMap<String, Label>,
        /// Which columns the names in it mean. What only the session knows yet is not there.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        columns: BTreeMap<String, ColumnFact>,
        /// Views and temporary tables that it goes through, with the stored tables behind each.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        through: BTreeMap<String, Vec<String>>,
    },
    /// The files of a folder that a run which is about to end read or wrote, by the word of whoever ran it.
    FolderListed {
        run: RunId,
        principal: PrincipalRef,
        /// Hexadecimal: in-toto's `dirHash`, which is over this list.
        folder: String,
        files: Vec<FolderFile>,
    },
    /// A run is over. Files are by the word of whoever ran it.
    RunEnded {
        run: RunId,
        principal: PrincipalRef,
        resource: String,
        /// All of its resources, if there are several; `resource` is the first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        resources: Vec<String>,
        job: String,
        /// Exit status of its command.
        status: u8,
        /// Why the agent ended it by itself: `abandoned` (its last session had ended, its grant was over, and
        /// nobody had said how it went). Absent: whoever ran it said so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        inputs: Vec<FileFact>,
        outputs: Vec<FileFact>,
        /// How many statements it ran, and the SHA-256 over what its attestation says of each.
        statements: u64,
        digest: String,
        /// Up to where the log was gone through for it, and the hash over all that its attestation says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        upto: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// A statement is about to run.
    Intent(Box<Intent>),
    /// A statement ended.
    Outcome(Box<OutcomeEntry>),
    /// A statement was denied.
    Denial(Box<Denial>),
    /// Somebody asked what would become of a text. Nothing of it ran.
    Explained {
        principal: PrincipalRef,
        resource: String,
        /// Its statements, in order.
        texts: Vec<TextRef>,
        outcome: OutcomeKind,
        /// The task of the AI agent that asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
        /// What it was asked for, as policies read it; by the asker's word.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        purpose: Option<String>,
    },
    /// Somebody searched the log. It is durable before the answer leaves.
    Searched {
        principal: PrincipalRef,
        scope: SearchScope,
        /// What was looked for, without the text: a text may be anything.
        filter: Box<SearchFilter>,
        /// Length of the text that was looked for, in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text_bytes: Option<u64>,
        /// Rows that were shown.
        rows: u64,
        /// Entries that were looked through.
        upto: u64,
    },
    /// A step in the life of a request.
    Request(Box<RequestEntry>),
    /// Another policy set decides from here on.
    PolicyLoaded {
        digest: String,
        previous: String,
        /// How many policies it has.
        policies: u64,
    },
    /// Policy files are not good: the set of this digest stays in force.
    PolicyRefused { digest: String, problems: Vec<String> },
    /// Somebody compared the log with what a database knows of its sessions and statements. It is durable
    /// before the answer leaves.
    Reconciled {
        principal: PrincipalRef,
        resource: String,
        /// Sessions that did not come through the agent.
        sessions: u64,
        /// Statements that did not, or that no entry explains.
        statements: u64,
    },
    /// Somebody asked where values came from or went to. It is durable before the answer leaves.
    LineageAsked {
        principal: PrincipalRef,
        question: Box<LineageQuestion>,
        /// Edges that were shown.
        edges: u64,
        /// Entries that were looked through.
        upto: u64,
    },
    /// Somebody was shown the exact text of a statement, or asked for it in vain. It is durable before the answer
    /// leaves.
    TextShown {
        principal: PrincipalRef,
        statement: StatementId,
        /// Index of its INTENT or denial.
        of: u64,
        /// `shown`, `withheld` (texts of its kind are not kept), `gone` (erased, or never kept).
        found: String,
        /// Why, by whoever asked.
        reason: String,
    },
    /// Keys of exact texts were erased, so that nobody can read these any more. Every proof still holds.
    TextsErased {
        /// `age`, `principal`, `before`, `connection`
        cause: String,
        /// How many: each is of one connection, for some hours.
        keys: u64,
        /// Those of what was sent before this, in milliseconds since 1970.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connection: Option<ConnectionId>,
    },
    /// The exact texts of so many statements since the last such entry are not kept, though they should be.
    TextsLost {
        statements: u64,
        /// `full`: they came faster than they were written. `disk`: they could not be written.
        code: String,
    },
    /// A value that must never leave was on its way to a client. It did not leave, and the grant is over.
    CanarySeen {
        /// What the configuration calls the value.
        canary: String,
        /// In what form it was met: `plain`, `backwards`, `hexadecimal`, `base64`, `binary`.
        form: String,
        session: SessionId,
        connection: ConnectionId,
        principal: PrincipalRef,
        grant: GrantId,
        resource: String,
        /// Whose result it stood in; absent where it stood in what the server says beside results.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statement: Option<StatementId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
    },
    /// A cancel request reached a connection of the same principal.
    CancelRequested { session: SessionId, connection: ConnectionId },
    /// A witness has not cosigned for too long.
    WitnessLate {
        witness: String,
        /// Entries under the last checkpoint that it cosigned.
        cosigned: u64,
        /// Why, as far as is known: a word, never what it sent.
        code: String,
    },
    /// The witness cosigns again.
    WitnessBack { witness: String, cosigned: u64 },
    /// A sink refuses an event for good: it goes on without it.
    SinkRefused {
        sink: String,
        /// The entry that the event is of.
        index: u64,
        code: String,
    },
    /// A sink gets entries again, because the operator asked for it: those from `from` up to where it was.
    SinkResent {
        sink: String,
        from: u64,
        /// Index of the entry that it would have got next.
        next: u64,
    },
    /// The agent's clock was set. The log's time never goes back: behind a clock that was set back, entries have
    /// the time of the last one before until the clock has come up with it.
    ClockStepped {
        /// By so many milliseconds; less than 0: back.
        by: i64,
    },
    /// Writing the log had failed, so that nothing was written and nothing ran, and it is open again.
    LogReopened {
        /// What had failed.
        reason: String,
    },
    /// The log has a new key. It counts from a checkpoint on that both have signed.
    KeyRotated {
        /// As `name+hash+base64`.
        from: String,
        to: String,
    },
    /// Entries before `upto` are removed from here on, as the operator's rule for keeping them says. Their hashes
    /// stay, so that every proof still holds.
    Pruned {
        upto: u64,
        /// The rule: a preset or a time.
        keep: String,
        /// What is removed is older than this, in milliseconds since 1970.
        before: u64,
        /// Statements that had begun before `upto` and ended later.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        open: Vec<StatementId>,
        /// Connections that went on, with the next number of each.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        connections: BTreeMap<ConnectionId, u64>,
    },
    /// An entry that does not fit into a leaf. Its JSON stands in the file `blob/<sha256>` beside the
    /// tiles, durable before this leaf is; the log makes this kind by itself.
    Oversized {
        /// The kind that it stands for: `intent`, `statement_text` …
        of: String,
        /// The statement that it is about, so that pairs can be counted without the file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        statement: Option<StatementId>,
        /// Hexadecimal SHA-256 of the file.
        sha256: String,
        /// Length of the file in bytes.
        length: u64,
    },
}

/// A step in the life of a request. An approval is durable before it counts, and a use before it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEntry {
    pub request: RequestId,
    pub of: RequestKind,
    pub step: RequestStep,
    /// Who asks.
    pub principal: PrincipalRef,
    pub resource: String,
    /// Who took the step, if that is somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<PrincipalRef>,
    /// The name that people read of whoever took the step.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What it binds, as a digest.
    pub binding: String,
    /// Seconds since 1970: until when it can be decided, and behind an approval until when it can be used.
    pub until: u64,
    /// The log that had the verdict first: of another agent of the same store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_in: Option<String>,
    /// What it is for, if that is more than one statement and not access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<RequestScope>,
    /// Where a verdict was given; absent: by the control API, as `connect` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Through>,
}
