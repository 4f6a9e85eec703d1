//! The catalogue of entries: everything that the log can hold. One variant, one kind of leaf.
//!
//! A leaf is compact JSON with the fields in the order of this file. It never holds a literal, a bind
//! value or a row: statements appear as their normalised text (once per text, by fingerprint after that)
//! and as a salted commitment to the exact bytes.

mod reference;
mod samples;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    api::{LineageQuestion, SearchFilter, SearchScope},
    attest::{ApprovedAccess, FileFact, FolderFile},
    decision::{Decision, OutcomeKind},
    grant::{Action, BudgetPart, RunIdentity},
    ids::{ConnectionId, GrantId, RequestId, RunId, SessionId, StatementId, TunnelId},
    label::Label,
    lineage::{ColumnFact, LineageReport},
    request::{RequestKind, RequestStep},
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

/// Who acts, for whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PrincipalRef {
    /// Stable id at the identity provider.
    pub sub: String,
    pub idp: String,
    /// The AI agent that acts for the principal. Where it handed a part of its grant to another one, both with
    /// [`HANDED_ON`] between them, the one that acts last: `planner>worker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// Between an AI agent and the one that it handed a part of its grant to. No name has it.
pub const HANDED_ON: char = '>';

impl PrincipalRef {
    /// The AI agents on the way from the principal to whoever acts, who comes last. Empty: nobody acts for them.
    pub fn chain(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.actor.iter().flat_map(|actor| actor.split(HANDED_ON))
    }

    /// Whether it is the same principal, or an AI agent to which that one's AI agent has handed a part on.
    #[must_use]
    pub fn is_or_acts_for(&self, other: &Self) -> bool {
        let mut chain = self.chain();
        let same_person = self.sub == other.sub && self.idp == other.idp;
        let begins_so = other.chain().all(|link| chain.next() == Some(link));
        // What acts for a person directly is somebody else's work than the person's own.
        same_person && begins_so && (other.actor.is_some() || self.actor.is_none())
    }
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
    ConnectionClosed { session: SessionId, connection: ConnectionId, code: String },
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
        /// Statements that did not.
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

impl Entry {
    /// The kinds of all variants, in their order.
    pub const KINDS: [&'static str; 40] = [
        "agent_started",
        "agent_stopped",
        "heartbeat",
        "grant_issued",
        "grant_refused",
        "session_opened",
        "tunnel_refused",
        "grant_renewed",
        "session_parked",
        "session_resumed",
        "session_closed",
        "revoked",
        "restored",
        "connection_opened",
        "connection_closed",
        "upstream_opened",
        "catalog_loaded",
        "statement_text",
        "statement_lineage",
        "folder_listed",
        "run_ended",
        "intent",
        "outcome",
        "denial",
        "explained",
        "searched",
        "request",
        "policy_loaded",
        "policy_refused",
        "reconciled",
        "lineage_asked",
        "canary_seen",
        "cancel_requested",
        "witness_late",
        "witness_back",
        "sink_refused",
        "sink_resent",
        "key_rotated",
        "pruned",
        "oversized",
    ];

    /// The name that its `kind` has in a leaf.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AgentStarted { .. } => "agent_started",
            Self::AgentStopped { .. } => "agent_stopped",
            Self::Heartbeat => "heartbeat",
            Self::GrantIssued { .. } => "grant_issued",
            Self::GrantRefused { .. } => "grant_refused",
            Self::SessionOpened { .. } => "session_opened",
            Self::TunnelRefused { .. } => "tunnel_refused",
            Self::GrantRenewed { .. } => "grant_renewed",
            Self::SessionParked { .. } => "session_parked",
            Self::SessionResumed { .. } => "session_resumed",
            Self::SessionClosed { .. } => "session_closed",
            Self::Revoked { .. } => "revoked",
            Self::Restored { .. } => "restored",
            Self::ConnectionOpened { .. } => "connection_opened",
            Self::ConnectionClosed { .. } => "connection_closed",
            Self::UpstreamOpened { .. } => "upstream_opened",
            Self::CatalogLoaded { .. } => "catalog_loaded",
            Self::StatementText { .. } => "statement_text",
            Self::StatementLineage { .. } => "statement_lineage",
            Self::FolderListed { .. } => "folder_listed",
            Self::RunEnded { .. } => "run_ended",
            Self::Intent(_) => "intent",
            Self::Outcome(_) => "outcome",
            Self::Denial(_) => "denial",
            Self::Explained { .. } => "explained",
            Self::Searched { .. } => "searched",
            Self::Request(_) => "request",
            Self::PolicyLoaded { .. } => "policy_loaded",
            Self::PolicyRefused { .. } => "policy_refused",
            Self::Reconciled { .. } => "reconciled",
            Self::LineageAsked { .. } => "lineage_asked",
            Self::CanarySeen { .. } => "canary_seen",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::WitnessLate { .. } => "witness_late",
            Self::WitnessBack { .. } => "witness_back",
            Self::SinkRefused { .. } => "sink_refused",
            Self::SinkResent { .. } => "sink_resent",
            Self::KeyRotated { .. } => "key_rotated",
            Self::Pruned { .. } => "pruned",
            Self::Oversized { .. } => "oversized",
        }
    }
}

/// INTENT: durable before a write's first byte is sent, and before a read's first result byte leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub statement: StatementId,
    pub session: SessionId,
    pub connection: ConnectionId,
    pub principal: PrincipalRef,
    pub grant: GrantId,
    pub resource: String,
    /// `select`, `update` …
    pub verb: String,
    /// Reference to a [`Entry::StatementText`]; of a text without a normal form, its length in bytes.
    pub text: TextRef,
    /// Hexadecimal SHA-256 over salt, exact text and binds.
    pub commitment: String,
    /// Whether it was proved to be read-only.
    pub read_only: bool,
    /// Relations that it reads and writes, as `schema.name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// Its number among the INTENTs and denials of its connection, from 0 on: a number that is left out
    /// shows an entry that was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The task of the AI agent that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What the session says that it is for; absent: what its grant was asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Reference to a [`Entry::StatementLineage`]; absent where nothing stored is read or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<String>,
    pub decision: Decision,
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
}

/// How an entry names the text of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextRef {
    Fingerprint(String),
    /// No normal form: length in bytes.
    Length(u64),
}

/// OUTCOME: appended before completion is relayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeEntry {
    pub statement: StatementId,
    pub result: StatementResult,
    /// Rows returned or changed.
    pub rows: u64,
    /// Bytes of rows sent to the client.
    pub bytes: u64,
    /// Columns shown masked, as `schema.table.column`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
    pub micros: u64,
}

/// How a statement ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementResult {
    Done,
    /// The server's error, by SQLSTATE.
    Failed(String),
    /// The agent cut it: the reason code.
    Cut(String),
    /// The agent stopped before the end was known.
    Unknown,
}

/// A statement that was not let through. Durable before its error is returned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    pub statement: StatementId,
    pub session: SessionId,
    pub connection: ConnectionId,
    pub principal: PrincipalRef,
    pub grant: GrantId,
    pub resource: String,
    pub verb: String,
    pub text: TextRef,
    pub commitment: String,
    /// Its number among the INTENTs and denials of its connection, from 0 on: a number that is left out
    /// shows an entry that was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// The run that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The task of the AI agent that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What the session says that it is for; absent: what its grant was asked for with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    pub decision: Decision,
}
