//! The machine of one PostgreSQL connection.
//!
//! [`input`] is where everything comes in, [`outbox`] where it goes out, [`end`] how it is over. Client messages go
//! down: [`open`] (startup), [`intend`] (which statement, through which portal, with which binds; [`extended`] has
//! those of the extended protocol, [`given`] what a Bind's values make of a statement, [`settle`] those that wait
//! for a catalog, [`large`] a Bind that passes in pieces), [`stage`] (decide, record, forward). Server messages come
//! up: [`respond`] pairs each with what was asked, and [`run`] keeps the account of one statement; [`alarm`] is for
//! what must never leave. [`names`] mirrors the name spaces of statements and portals, [`follow`] all else in the
//! session that changes what statements mean, [`keys`] the mask keys that the server has been given.
//!
//! What the client may have in flight is a queue of [`Expect`] ([`owed`]): one element for each message that the
//! server will answer. A denied message is replaced upstream by one that fails by construction, and the
//! server's error for it by ours, so that transaction, savepoints and pipeline stand as after any error.

mod alarm;
mod analyses;
mod bounds;
mod call;
mod content;
mod copied;
mod copy;
mod deny;
mod end;
mod exact;
mod extended;
mod follow;
mod given;
mod glass;
mod hold;
mod input;
mod intend;
mod keys;
mod large;
mod limits;
mod mistake;
mod names;
mod open;
mod outbox;
mod owed;
mod own;
mod own_name;
mod pay;
mod persons;
mod portals;
mod recorded;
mod respond;
mod rows;
mod run;
mod settle;
mod skip;
mod stage;
mod sure;
#[cfg(test)]
mod tests;
mod touch;
mod words;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use connect_shared::{entry::Entry, ids::StatementId};
use zeroize::Zeroizing;

pub use self::hold::HOLD_TIME;
use self::{
    analyses::Analyses,
    copy::Copying,
    exact::Room,
    follow::Followed,
    hold::{Held, Trail},
    intend::Pending,
    keys::Keys,
    large::LargeBind,
    limits::Apart,
    names::Names,
    outbox::Outbox,
    owed::{Described, Expect, Resync, Scrub, Shown, Transaction},
    own_name::OwnName,
    run::Run,
    stage::Staged,
};
use super::{
    frame::{Framer, Side},
    tag::{Tag, Tags},
};
use crate::{
    budget::LookupBudget,
    canary::Canaries,
    catalog::{Catalog, code::Name},
    decide::{InForce, Kept, Policies},
    keyed::Keyed,
    machine::Output,
    mask::MaskKey,
    principal::{ConnectionFacts, GrantInForce},
    record::{Claim, Ledger, Ticket},
    statement::Schema,
    understand::Limits,
    usage::Usage,
};

/// How long a client may take for its startup message.
const STARTUP_TIME: Duration = Duration::from_secs(30);

/// How long a statement waits for a catalog snapshot.
const CATALOG_TIME: Duration = Duration::from_secs(10);

/// Most messages in flight; beyond that the client is not read.
const MAX_IN_FLIGHT: usize = 1_024;

/// A server keeps small answers back until Sync or Flush. So many messages without one must not be all that may
/// be in flight, or both sides would wait.
const FLUSH_AFTER: usize = MAX_IN_FLIGHT / 4;

/// Bytes of the server that may wait for a durable record; beyond that the server is not read.
const MAX_WAITING: usize = 256 * 1024;

/// Bytes of a client that are kept while a statement of its waits for an approval.
const MAX_MEANWHILE: usize = 64 * 1024;

/// Texts over this take a noticeable time to be read.
const LONG_TEXT: usize = 32 * 1024;

/// What a connection starts with.
pub struct Setup {
    pub facts: ConnectionFacts,
    pub grant: GrantInForce,
    pub catalog: Option<Arc<Catalog>>,
    pub mask_key: Arc<MaskKey>,
    /// What may be looked up of protected values, shared with all other connections.
    pub lookups: Arc<LookupBudget>,
    /// What principals were given within the hour, shared with all other connections.
    pub usage: Arc<Usage>,
    /// Key of the salts of commitments, and of what approvals are bound to.
    pub commitment_key: [u8; 32],
    /// Where exact texts are kept: the key of the salts, which this connection alone has.
    pub salt_key: Option<Box<Zeroizing<[u8; 32]>>>,
    /// Random; ids of statements come from it.
    pub seed: [u8; 32],
    pub limits: Limits,
    /// How long a statement may wait for its approval.
    pub hold_time: Duration,
    /// Where requests have pages: the id of one behind it is the address of its page.
    pub pages: Option<Arc<str>>,
    pub opened: Instant,
    /// Time since 1970 at that moment.
    pub wall: Duration,
    /// Rules, which may be replaced at any time.
    pub policies: Arc<InForce>,
    /// The role of the database whose rights count, in place of the account that the agent logs in as.
    pub role: Option<Name>,
    /// What the database's own log is told of each statement.
    pub tags: Vec<Tag>,
    /// What must never leave.
    pub canaries: Option<Arc<Canaries>>,
}

/// Keys of [`Setup`], ready for use.
struct Secrets {
    ids: Keyed,
    commitments: Keyed,
    /// Of COPYs, on all connections.
    contents: Keyed,
    /// Exact texts are kept.
    texts: Option<Room>,
}

/// Where a connection is in its life.
#[derive(Debug)]
enum Phase {
    /// The client has not said its startup message.
    Startup {
        since: Instant,
    },
    /// The database is being dialled.
    Connecting(Box<super::startup::StartupMessage>),
    Ready,
    Finished,
}

/// A client message that cannot go on yet.
enum Blocked {
    /// For a snapshot that is newer than this version.
    Catalog { message: Pending, newer_than: u64, until: Instant },
    /// For the server's answers to all that is in flight.
    Drain { message: Pending },
    /// For an approval.
    Approval(Box<Held>),
    /// For whoever drives the connection: to read its text takes long.
    Turn { message: Pending },
}

/// What passes of a message that is handed on in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passing {
    Forward,
    Drop,
}

/// One PostgreSQL connection.
pub struct Connection {
    setup: Setup,
    secrets: Box<Secrets>,
    phase: Phase,
    client: Framer,
    server: Framer,
    outbox: Outbox,
    ledger: Ledger,
    in_flight: VecDeque<Expect>,
    staged: Option<Staged>,
    blocked: Option<Box<Blocked>>,
    /// Client messages are dropped until Sync.
    skipping: bool,
    copying: Copying,
    /// Whether what is in flight has limits.
    apart: Apart,
    /// A request to cancel is on its way to the server: what is sent now it could meet.
    cancelling: bool,
    /// The server's last words were relayed: nothing may be said behind them.
    told_the_end: bool,
    client_part: Passing,
    /// A Bind that passes in pieces.
    large: Option<Box<LargeBind>>,
    server_part: Passing,
    names: Names,
    suspended: HashMap<Bytes, Run>,
    transaction: Transaction,
    /// The transaction that is open, or the last one in the text that runs, was rolled back, or will be.
    undone: bool,
    schema: Schema,
    /// The snapshot in use has protected columns.
    protected: bool,
    analyses: Analyses,
    keys: Keys,
    followed: Followed,
    trail: Trail,
    /// Those that decide about what is handled now.
    policies: Arc<Policies>,
    kept: Kept,
    /// For the client, as soon as no message of the server is halfway out.
    notices: Vec<Bytes>,
    own_name: OwnName,
    tags: Tags,
    known_texts: HashSet<String>,
    recorded: recorded::Recorded,
    statements: u64,
    /// Messages since the server last had to send what it has.
    unflushed: usize,
    /// INTENTs and denials that were recorded.
    sequence: u64,
    now: Instant,
}

impl Connection {
    /// A connection that has just been opened.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let now = setup.opened;
        let protected = setup.catalog.as_ref().is_some_and(|catalog| catalog.has_protected());
        let policies = setup.policies.current();
        let tags = Tags::of(&setup.tags, &setup.facts);
        let ids = Keyed::new(&setup.seed);
        let commitments = Keyed::new(setup.salt_key.as_deref().map_or(&setup.commitment_key, |key| &**key));
        let contents = content::key(&setup.commitment_key);
        let texts = setup.salt_key.as_ref().map(|_| Room::default());
        let mut outbox = Outbox::default();
        if let Some(canaries) = &setup.canaries {
            outbox.guard(Arc::clone(canaries));
        }
        Self {
            setup,
            secrets: Box::new(Secrets { ids, commitments, contents, texts }),
            phase: Phase::Startup { since: now },
            client: Framer::new(Side::Client),
            server: Framer::new(Side::Server),
            outbox,
            ledger: Ledger::default(),
            in_flight: VecDeque::new(),
            staged: None,
            blocked: None,
            skipping: false,
            copying: Copying::No,
            apart: Apart::No,
            cancelling: false,
            told_the_end: false,
            client_part: Passing::Drop,
            large: None,
            server_part: Passing::Forward,
            names: Names::default(),
            suspended: HashMap::new(),
            transaction: Transaction::Idle,
            undone: false,
            schema: Schema::Known,
            protected,
            analyses: Analyses::default(),
            keys: Keys::default(),
            followed: Followed::default(),
            trail: Trail::default(),
            policies,
            kept: Kept::default(),
            notices: Vec::new(),
            own_name: OwnName::default(),
            tags,
            known_texts: HashSet::new(),
            recorded: recorded::Recorded::default(),
            statements: 0,
            unflushed: 0,
            sequence: 0,
            now,
        }
    }

    /// Whether a long text waits to be read. The next [`Input::Tick`] reads it, and may take long.
    #[must_use]
    pub fn waits_for_turn(&self) -> bool {
        matches!(self.blocked.as_deref(), Some(Blocked::Turn { .. }))
    }

    /// Whether something waits for a record to be durable. While nothing does, that it has become so is no
    /// news: [`Input::Durable`] may come with what needs it.
    #[must_use]
    pub fn awaits_record(&self) -> bool {
        self.staged.is_some() || (self.server.buffered() > 0 && self.is_gated())
    }

    /// Whether the connection holds nothing that others may wait for: no transaction, and no statement on its
    /// way.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        matches!(self.phase, Phase::Ready)
            && self.transaction == Transaction::Idle
            && self.in_flight.is_empty()
            && self.staged.is_none()
            && self.blocked.is_none()
            && self.copying == Copying::No
            && self.large.is_none()
            && self.client.buffered() == 0
    }

    fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// Appends an entry to the log.
    fn record(&mut self, claim: Claim, entry: Entry) -> Ticket {
        let ticket = self.ledger.ticket(claim);
        self.outbox.push(Output::Record { ticket, entry: Box::new(entry) });
        ticket
    }

    /// The number of the next INTENT or denial: there is one entry for each number.
    const fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    /// A new statement id: unpredictable without the seed, repeatable with it.
    fn statement_id(&mut self) -> StatementId {
        self.statements += 1;
        let tag = self.secrets.ids.tag(&self.statements.to_be_bytes());
        let bytes = tag.first_chunk().copied().unwrap_or_default();
        StatementId::from_random(bytes)
    }
}
