//! The machine of one PostgreSQL connection.
//!
//! Client messages go down: [`open`] (startup), [`intend`] (which statement, through which portal, with
//! which binds; [`extended`] has those of the extended protocol, [`settle`] those that wait for a catalog,
//! [`large`] a Bind that passes in pieces), [`stage`] (decide, record, forward). Server messages come up:
//! [`respond`] pairs each with what was asked, and [`run`] keeps the account of one statement; [`alarm`] is for
//! what must never leave. [`names`] mirrors the name spaces of statements and
//! portals, [`follow`] all else in the session that changes what statements mean, [`keys`] the mask keys
//! that the server has been given.
//!
//! What the client may have in flight is a queue of [`Expect`]: one element for each message that the
//! server will answer. A denied message is replaced upstream by one that fails by construction, and the
//! server's error for it by ours, so that transaction, savepoints and pipeline stand as after any error.

mod alarm;
mod analyses;
mod bounds;
mod call;
mod copy;
mod deny;
mod extended;
mod follow;
mod hold;
mod intend;
mod keys;
mod large;
mod limits;
mod mistake;
mod names;
mod open;
mod outbox;
mod persons;
mod recorded;
mod respond;
mod rows;
mod run;
mod settle;
mod stage;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use connect_shared::{entry::Entry, ids::StatementId};

pub use self::hold::HOLD_TIME;
use self::{
    analyses::Analyses,
    copy::Copying,
    follow::Followed,
    hold::{Held, Trail},
    intend::Pending,
    keys::Keys,
    large::LargeBind,
    limits::{Apart, Ours},
    mistake::Words,
    names::{NameChange, Names, Portal},
    outbox::Outbox,
    run::Run,
    stage::Staged,
};
use super::{
    answer::{self, ErrorText, Severity},
    frame::{Framer, Side},
    tag::{Tag, Tags},
};
use crate::{
    budget::LookupBudget,
    canary::Canaries,
    catalog::{Catalog, code::Name},
    decide::{InForce, Kept, Policies},
    machine::{Appetite, Deadline, Ending, Input, Machine, Output},
    mask::MaskKey,
    principal::{ConnectionFacts, GrantInForce},
    record::{Claim, Ledger, Ticket},
    session::Reading,
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
    /// Key of the salts of commitments.
    pub commitment_key: [u8; 32],
    /// Random; ids of statements come from it.
    pub seed: [u8; 32],
    pub limits: Limits,
    /// How long a statement may wait for its approval.
    pub hold_time: Duration,
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

/// What the server owes an answer for, in order.
enum Expect {
    Parse {
        change: Option<NameChange>,
        scrub: Scrub,
    },
    Bind {
        scrub: Scrub,
        portal: Option<Arc<Portal>>,
    },
    Describe {
        of: Described,
        shown: Shown,
    },
    Close {
        change: Option<NameChange>,
    },
    Execute(Box<Run>),
    /// Execute of a portal without a statement.
    EmptyExecute,
    /// A simple query: its statements that have not completed.
    Query(VecDeque<Run>),
    Denied {
        ticket: Ticket,
        error: Bytes,
        words: Words,
        until: Resync,
    },
    Sync,
    /// A Sync behind a COPY from the client, whose data was still to come: see [`copy`].
    SyncInCopy,
    /// A FunctionCall of ours, which sets a mask key; with its ReadyForQuery.
    Key,
    /// What we ask around a statement that has limits.
    Ours(Ours),
}

/// What a Describe is for.
enum Described {
    Statement,
    Portal(Arc<Portal>),
    /// A portal that is not known here: the server will say so.
    Unknown,
}

/// Whether the client asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    ToClient,
    /// We asked, to learn the origins of the fields.
    Quiet,
}

/// Whether the server's texts may quote protected values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scrub {
    Needed,
    None,
}

/// What the server skips to after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resync {
    /// ReadyForQuery follows by itself.
    Query,
    /// The client's next Sync.
    Sync,
}

/// ReadyForQuery's transaction status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    Idle,
    Open,
    Failed,
}

/// A client message that cannot go on yet.
enum Blocked {
    /// For a snapshot that is newer than this version.
    Catalog { message: Pending, newer_than: u64, until: Instant },
    /// For the server's answers to all that is in flight.
    Drain { message: Pending },
    /// For an approval.
    Approval(Box<Held>),
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
    phase: Phase,
    client: Framer,
    server: Framer,
    outbox: Outbox,
    ledger: Ledger,
    in_flight: VecDeque<Expect>,
    staged: Option<Staged>,
    blocked: Option<Blocked>,
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
    large: Option<LargeBind>,
    server_part: Passing,
    names: Names,
    suspended: HashMap<Bytes, Run>,
    transaction: Transaction,
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
    /// What the client calls itself, and what the server has been told.
    own_name: Bytes,
    name_upstream: Bytes,
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
        let mut outbox = Outbox::default();
        if let Some(canaries) = &setup.canaries {
            outbox.guard(Arc::clone(canaries));
        }
        Self {
            setup,
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
            schema: Schema::Known,
            protected,
            analyses: Analyses::default(),
            keys: Keys::default(),
            followed: Followed::default(),
            trail: Trail::default(),
            policies,
            kept: Kept::default(),
            notices: Vec::new(),
            own_name: Bytes::new(),
            name_upstream: Bytes::new(),
            tags,
            known_texts: HashSet::new(),
            recorded: recorded::Recorded::default(),
            statements: 0,
            unflushed: 0,
            sequence: 0,
            now,
        }
    }

    /// Whether an input that brings `more` bytes of the client may take long: a long statement to be read.
    #[must_use]
    pub fn may_take_long(&self, more: usize) -> bool {
        let passes = self.copying != Copying::No || self.large.is_some();
        !passes && self.client.buffered() + more > LONG_TEXT
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
        self.outbox.push(Output::Record { ticket, entry });
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
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &self.setup.seed);
        let tag = aws_lc_rs::hmac::sign(&key, &self.statements.to_be_bytes());
        let bytes = tag.as_ref().first_chunk().copied().unwrap_or_default();
        StatementId::from_random(bytes)
    }

    /// Ends the connection with a FATAL error for the client, unless a message is halfway out.
    fn end(&mut self, ending: &Ending) {
        if self.is_finished() {
            return;
        }
        if !self.server.is_inside_message() && !self.outbox.is_torn() {
            self.outbox.say_to_client(answer::error(ErrorText {
                severity: Severity::Fatal,
                sqlstate: ending.sqlstate,
                message: &ending.message,
                detail: None,
                hint: ending.hint.as_deref(),
            }));
        }
        self.finish(&ending.code);
    }

    /// Ends the connection because a peer broke the protocol.
    fn violation(&mut self, side: Side, error: &dyn std::fmt::Display) {
        let code = match side {
            Side::Client => "client_violation",
            Side::Server => "server_violation",
        };
        let message = error.to_string();
        self.end(&Ending { code: code.to_owned(), sqlstate: "08P01", message, hint: None });
    }

    /// Settles every account and says goodbye to the driver. Statements whose end is not known get
    /// OUTCOME unknown; those that never went out are said to be cut.
    fn finish(&mut self, code: &str) {
        if self.is_finished() {
            return;
        }
        self.cut_staged();
        self.cut_own();
        for expect in std::mem::take(&mut self.in_flight) {
            self.account_unknown(expect);
        }
        for (_, run) in std::mem::take(&mut self.suspended) {
            self.account_done(run);
        }
        self.phase = Phase::Finished;
        self.unblock();
        self.outbox.push(Output::Finished { code: code.to_owned() });
    }

    fn take_catalog(&mut self, catalog: Arc<Catalog>) {
        let current = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
        if catalog.version > current {
            self.protected = catalog.has_protected();
            self.analyses.clear();
            self.setup.catalog = Some(catalog);
            self.follow_catalog(Reading::Unasked);
        }
    }

    fn acknowledged(&mut self) {
        self.release_staged();
        self.drive_server();
        self.drive_client();
    }

    fn dispatch(&mut self, input: Input) {
        match input {
            Input::Client(bytes) => {
                self.client.push(bytes);
                self.drive_client();
            }
            Input::Server(bytes) => {
                self.server.push(bytes);
                self.drive_server();
                // It may have waited to be alone.
                self.release_staged();
                self.drive_client();
            }
            Input::ClientClosed => self.finish("client_closed"),
            Input::ServerClosed => self.server_closed(),
            Input::UpstreamReady(ready) => self.upstream_ready(ready),
            Input::UpstreamFailed(ending) | Input::End(ending) => self.end(&ending),
            Input::Appended { ticket, seq } => match self.ledger.appended(ticket, seq) {
                Ok(()) => self.release_staged_and_continue(),
                Err(error) => self.violation(Side::Server, &error),
            },
            Input::Durable { upto } => {
                self.ledger.durable(upto);
                self.acknowledged();
            }
            Input::RecordFailed => self.record_failed(),
            Input::Catalog(catalog) => {
                self.take_catalog(catalog);
                self.catalog_came();
            }
            Input::CatalogFailed => self.catalog_failed(),
            Input::Hold(news) => self.hold_news(news),
            Input::Cancelled => self.cancelled(),
            Input::CancelOver => {
                self.cancelling = false;
                self.acknowledged();
            }
            Input::Grant(grant) => self.setup.grant = grant,
            Input::Tick => self.tick(),
        }
    }

    fn release_staged_and_continue(&mut self) {
        if self.staged.is_some() {
            self.release_staged();
            self.drive_client();
        }
    }

    /// The log is closed. Nothing that waits for it may move: what is in the outbox is thrown away by the
    /// driver, which stops carrying outputs out at the refused record.
    fn record_failed(&mut self) {
        self.outbox.clear();
        self.end(&Ending {
            code: "record_unavailable".to_owned(),
            sqlstate: "58030",
            message: "the agent cannot record statements, so it runs none".to_owned(),
            hint: Some("Tell the operator of the agent: its log is closed. Nothing was lost.".to_owned()),
        });
    }

    fn server_closed(&mut self) {
        if self.told_the_end {
            return self.finish("upstream_closed");
        }
        // Results that wait for their record are lost with the connection; the client hears why.
        self.end(&Ending {
            code: "upstream_closed".to_owned(),
            sqlstate: "57P01",
            message: "the database closed the connection".to_owned(),
            hint: Some("Connect again; if it happens again, ask the operator of the database.".to_owned()),
        });
    }

    fn tick(&mut self) {
        let now = self.now;
        match (&self.phase, &self.blocked) {
            (Phase::Startup { since }, _) if now >= *since + STARTUP_TIME => self.end(&Ending {
                code: "startup_timeout".to_owned(),
                sqlstate: "08006",
                message: "no startup message came in time".to_owned(),
                hint: None,
            }),
            (_, Some(Blocked::Catalog { until, .. })) if now >= *until => self.catalog_failed(),
            (_, Some(Blocked::Approval(held))) if now >= held.until => self.hold_timed_out(),
            _ if self.late_at().is_some_and(|late| now >= late) => self.is_late(),
            _ => {}
        }
    }
}

impl Machine for Connection {
    fn handle(&mut self, now: Instant, input: Input) {
        self.now = now;
        self.policies = self.setup.policies.current();
        if !self.is_finished() {
            self.dispatch(input);
            self.start_clock();
            self.say_notices();
            self.sees_canary();
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<(Instant, Deadline)> {
        match (&self.phase, &self.blocked) {
            (Phase::Startup { since }, _) => Some((*since + STARTUP_TIME, Deadline::Startup)),
            (_, Some(Blocked::Catalog { until, .. })) => Some((*until, Deadline::Catalog)),
            (_, Some(Blocked::Approval(held))) => Some((held.until, Deadline::Approval)),
            _ => self.late_at().map(|late| (late, Deadline::Statement)),
        }
    }

    fn appetite(&self) -> Appetite {
        let client = match self.phase {
            Phase::Startup { .. } => true,
            Phase::Ready
                if matches!(self.blocked, Some(Blocked::Approval(_)))
                    || self.is_apart()
                    || self.cancelling
                    || self.large_bind_waits() =>
            {
                // Only to hear that it is gone; what it says meanwhile is kept.
                self.client.buffered() < MAX_MEANWHILE
            }
            Phase::Ready => {
                self.staged.is_none() && self.blocked.is_none() && self.in_flight.len() < MAX_IN_FLIGHT
            }
            Phase::Connecting(_) | Phase::Finished => false,
        };
        let server = matches!(self.phase, Phase::Ready) && self.server_may_be_read();
        Appetite { client, server }
    }
}
