//! The shape of every database connection: a state machine that is fed inputs and polled for outputs.
//!
//! One thin driver in `agent` feeds it; the same machine runs under unit tables, seeded simulation,
//! fuzzing and benches. The driver's whole contract:
//!
//! 1. Call [`Machine::handle`] with each input as it comes; then [`Machine::poll`] until it is empty.
//! 2. Carry outputs out **in order**: a record is appended before the bytes behind it are written.
//! 3. Answer [`Output::Record`] with [`Input::Appended`] at once, and with [`Input::Durable`] when the
//!    log's watermark moves. If the log refuses: [`Input::RecordFailed`], and write nothing more.
//! 4. Read from a peer only while [`Machine::appetite`] wants it: that is the back-pressure.
//! 5. After [`Output::Finished`] write what is left to the client, then close both sides.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use connect_shared::{
    api::HeldStatement,
    entry::Entry,
    ids::{RequestId, StatementId},
};
use zeroize::Zeroizing;

use crate::{
    approval::{Approval, Binding},
    catalog::Catalog,
    principal::GrantInForce,
    record::{Seq, Ticket},
};

/// What can happen to a connection.
#[derive(Debug)]
pub enum Input {
    /// Bytes from the client, split anywhere.
    Client(Bytes),
    /// The client will send no more.
    ClientClosed,
    /// Bytes from the server, split anywhere.
    Server(Bytes),
    /// The server will send no more.
    ServerClosed,
    /// [`Output::NeedUpstream`] is met: an authenticated upstream connection, idle.
    UpstreamReady(UpstreamReady),
    /// [`Output::NeedUpstream`] cannot be met.
    UpstreamFailed(Ending),
    /// The log gave an entry its place.
    Appended { ticket: Ticket, seq: Seq },
    /// Every entry before `upto` is on stable storage.
    Durable { upto: u64 },
    /// The log is closed: nothing may run or leave any more.
    RecordFailed,
    /// A catalog snapshot; also unasked, whenever a newer one is read.
    Catalog(Arc<Catalog>),
    /// [`Output::NeedCatalog`] cannot be met now.
    CatalogFailed,
    /// What became of [`Output::Hold`].
    Hold(HoldNews),
    /// The client asked, on another connection, to cancel what this one does.
    Cancelled,
    /// [`Output::CancelOwn`] has met what it was meant for, or nothing: it meets nothing that is sent from now on.
    CancelOver,
    /// The grant was renewed.
    Grant(GrantInForce),
    /// Revoked, expired, drained: cut the connection now, saying why.
    End(Ending),
    /// A deadline passed.
    Tick,
}

/// What became of a statement that is held.
#[derive(Debug)]
pub enum HoldNews {
    /// This request waits for a verdict.
    Asked(RequestId),
    /// Somebody approved it: the statement is to be evaluated again.
    Approved,
    /// There was an approval, and its use is taken. It is for what [`Output::Hold`] said and nothing else.
    Taken(Approval),
    /// `by`, with the reason if one was given.
    Rejected { by: String, reason: Option<String> },
    /// Nobody decided in time, or it was taken back elsewhere.
    Over,
    /// Approvals cannot be asked for now; in words for the client.
    Unavailable(String),
}

/// A statement that waits, with what an approval would be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldAsk {
    pub binding: Binding,
    /// What an approval with any values would be for, where one can be given.
    pub template: Option<Binding>,
    /// Why, as the principal gave it.
    pub reason: Option<String>,
    pub statement: HeldStatement,
    /// What a database must be asked to say what it would touch; its answer is for [`HeldStatement::radius`].
    pub radius: Option<Box<crate::radius::Question>>,
}

/// What becomes of the request of a statement that waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldEnd {
    /// It can still be decided; the same statement goes through then.
    Keep,
    /// The client does not want it any more.
    Withdraw,
}

/// An upstream connection after its own login.
#[derive(Debug, Clone)]
pub struct UpstreamReady {
    /// The server's ParameterStatus messages, in order.
    pub parameters: Vec<(Bytes, Bytes)>,
    /// The cancel key that this agent shows to the client; the upstream's own never leaves the agent.
    pub cancel_key: CancelKey,
}

/// Process id and secret of a cancel request.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CancelKey {
    pub process: u32,
    pub secret: u32,
}

impl std::fmt::Debug for CancelKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CancelKey({})", self.process)
    }
}

/// Why a connection ends, in words for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// For the log and for programs: `grant_expired`, `revoked`, `upstream_unreachable` …
    pub code: String,
    pub sqlstate: &'static str,
    pub message: String,
    pub hint: Option<String>,
}

/// What a connection wants done.
///
/// What is large is in a box: the room that a queue of outputs has is kept by every connection.
#[derive(Debug)]
pub enum Output {
    ToClient(Bytes),
    ToServer(Bytes),
    /// Make sure that this text is in the log before the next record.
    StatementText {
        fingerprint: String,
        sql: String,
    },
    /// Make sure that this entry, a [`Entry::StatementLineage`], is in the log before the next record.
    StatementLineage {
        lineage: String,
        entry: Box<Entry>,
    },
    /// Keep this sealed, beside the log. Nothing waits for it.
    ExactText(Box<ExactText>),
    /// Append this entry.
    Record {
        ticket: Ticket,
        entry: Box<Entry>,
    },
    /// Dial the database and log in with these startup parameters beside user and database.
    NeedUpstream {
        parameters: Vec<(String, String)>,
    },
    /// A snapshot read after now is needed. `uncommitted` objects will not be in it.
    NeedCatalog {
        newer_than: u64,
    },
    /// Take the use of an approval for this, or ask for one: answered with [`Input::Hold`], until
    /// [`Output::HoldOver`].
    Hold(Box<HoldAsk>),
    /// Nothing waits for an approval any more.
    HoldOver(HoldEnd),
    /// The client asked to cancel what runs under this key.
    Cancel(CancelKey),
    /// What runs on this connection has broken a limit: the server need not go on with it.
    CancelOwn,
    /// A value that must never leave was about to, by this name: whoever it was gets no more of anything.
    Alarm {
        canary: String,
    },
    /// It is over: nothing else will come out.
    Finished {
        code: String,
    },
}

/// What the commitment of a statement is over: SHA-256 over the salt, the length of the text in 8 bytes, the text, and
/// the SHA-256 of what was bound.
pub struct ExactText {
    pub statement: StatementId,
    pub salt: Zeroizing<[u8; 32]>,
    /// SHA-256 of the Bind; zeros for none.
    pub binds: [u8; 32],
    pub kept: KeptText,
}

/// What is kept of a statement beside its salt.
pub enum KeptText {
    Whole {
        text: Zeroizing<Vec<u8>>,
        /// The whole message; not there if nothing was bound, or it was too long.
        bind: Option<Zeroizing<Vec<u8>>>,
        /// Types of its values, as the Parse declared them.
        types: Bytes,
    },
    /// Nothing: passwords could stand in a text of its kind.
    Withheld,
}

impl std::fmt::Debug for ExactText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = match &self.kept {
            KeptText::Whole { text, .. } => text.len(),
            KeptText::Withheld => 0,
        };
        write!(f, "ExactText({}, {length} bytes)", self.statement)
    }
}

/// Which peers may be read from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appetite {
    pub client: bool,
    pub server: bool,
}

/// Why a deadline was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The client opened and did not say its startup message.
    Startup,
    /// A catalog snapshot was asked for.
    Catalog,
    /// A statement waits for an approval.
    Approval,
    /// A statement runs that may take so long.
    Statement,
}

/// A database connection.
pub trait Machine {
    /// Takes one input. Never blocks and never panics, whatever the bytes.
    fn handle(&mut self, now: Instant, input: Input);

    /// The next output, in the order in which they must be carried out.
    fn poll(&mut self) -> Option<Output>;

    /// When [`Input::Tick`] is due, and why.
    fn deadline(&self) -> Option<(Instant, Deadline)>;

    /// Gives back the room that only work needs: to be called when all outputs are carried out, and nothing
    /// has come yet.
    fn rest(&mut self);

    /// Which peers may be read from.
    fn appetite(&self) -> Appetite;
}
