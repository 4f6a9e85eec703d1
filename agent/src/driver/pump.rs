//! The loop: whatever happens next becomes an input of the machine, and its outputs are carried out in
//! order before anything else is looked at. [`carry`] does that, [`next`] finds what happens next, [`park`]
//! is for the time without a tunnel.

mod carry;
mod next;
pub(super) mod park;

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use connect_core::{
    approval::Leave,
    catalog::Catalog,
    decide::Asking,
    machine::{Ending, HoldNews, Input, Machine, UpstreamReady},
    principal::{ConnectionFacts, GrantInForce},
    protocol::postgres::connection::{Connection, Setup},
    understand::Limits,
};
use connect_shared::{entry::Entry, ids::StatementId};
use tokio::{
    io::AsyncWriteExt,
    task::JoinHandle,
    time::{Sleep, timeout},
};

use self::park::Parked;
use super::{
    Authority, ConnectionContext, NextStream, Resume,
    database::Database,
    downstream::{Downstream, DownstreamError, Loss, Received},
    follow::Follow,
};
use crate::{
    cancel::{Cancellable, Told},
    catalog::CatalogError,
    config::WorksAs,
    exact::Keeper,
    log::DurableWait,
    requests::{Held, Waiting},
    shards,
    upstream::{Upstream, UpstreamError},
};

/// How long the database may take for its last words.
const LAST_WORDS: Duration = Duration::from_secs(5);

type Dial = Pin<Box<dyn Future<Output = Result<Upstream, UpstreamError>> + Send>>;
type Cancelling = Pin<Box<dyn Future<Output = ()> + Send>>;
type Alarm = (Instant, Pin<Box<Sleep>>);
type Reading = Pin<Box<dyn Future<Output = Result<Arc<Catalog>, CatalogError>> + Send>>;

/// One connection with everything that feeds it.
pub(super) struct Pump {
    context: ConnectionContext,
    grant: GrantInForce,
    machine: Connection,
    downstream: Downstream,
    database: Option<Database>,
    /// The role of the database that it is opened with.
    role: Option<Arc<str>>,
    durable: DurableWait,
    /// Entries that the machine waits for, in the order of the log.
    awaited: VecDeque<u64>,
    /// INTENTs and denials that the log took; none if it refused one, and may have lost others with it.
    recorded: Option<u64>,
    /// Takes exact texts, where they are kept.
    keeper: Option<Box<Keeper>>,
    catalog: Follow<Option<Arc<Catalog>>>,
    /// What was approved for a time, of anybody.
    leaves: Follow<Held>,
    authority: Follow<Authority>,
    dial: Option<Dial>,
    reading: Option<Reading>,
    alarm: Option<Alarm>,
    resumes: NextStream,
    /// The tunnel is gone, since when.
    parked: Option<Parked>,
    /// The grant is over while nobody is there: nothing moves.
    lapsed: bool,
    loss: Option<Loss>,
    /// The agent is about to stop: what is at rest ends.
    draining: Follow<bool>,
    drains: bool,
    /// The session is over: there will be no other stream.
    revoked: bool,
    /// What a held statement waits for.
    waiting: Option<Waiting>,
    /// A request of our own to cancel, until the server has it.
    cancelling: Option<Cancelling>,
    /// The client's request to cancel what runs on another connection, until the server has it.
    passing_on: Option<JoinHandle<()>>,
    /// Requests to cancel what runs here.
    cancelled: Arc<Told>,
    log_gone: bool,
    /// Statements whose INTENT the log did not take: they never began, so they have no end either.
    refused: Vec<StatementId>,
    ended: Option<String>,
}

/// What woke the loop.
enum Event {
    Client(Result<Received, DownstreamError>),
    ClientGone(DownstreamError),
    Server,
    ServerGone,
    Durable,
    Catalog,
    Read(Result<Arc<Catalog>, CatalogError>),
    Hold(HoldNews),
    CancelOver,
    Cancelled,
    Authority,
    Leaves,
    /// Nobody can say any more whether the session may go on.
    Orphaned,
    LogGone,
    Dialled(Box<Result<Upstream, UpstreamError>>),
    Resume(Box<Resume>),
    ParkOver,
    Draining,
    Deadline,
}

/// The snapshot as the principal of a connection sees it.
fn seen_by(context: &ConnectionContext, grant: &GrantInForce, catalog: Arc<Catalog>) -> Arc<Catalog> {
    let ConnectionFacts { principal, resource, .. } = &context.facts;
    let asking = Asking { principal, grant, resource, purpose: None, wall: crate::serve::wall_clock() };
    context.resource.seen_by(&asking, &context.policies.current(), catalog)
}

/// The grant with what was approved for its principal for a time.
fn with_leaves(context: &ConnectionContext, grant: GrantInForce) -> GrantInForce {
    let ConnectionFacts { principal, resource, .. } = &context.facts;
    let leaves = context.requests.leaves(&principal.reference, &resource.name);
    GrantInForce { leaves, ..grant }
}

impl Pump {
    /// A connection that is about to start. The error is the code of its end.
    pub(super) fn new(
        context: ConnectionContext,
        downstream: Downstream,
        resumes: NextStream,
    ) -> Result<Self, String> {
        let mut seed = [0u8; 32];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| "no_randomness".to_owned())?;
        let mut authority = Follow::new(context.authority.clone());
        let grant = match authority.latest() {
            Authority::InForce(grant) => grant,
            Authority::Lapsed => return Err("grant_expired".to_owned()),
            Authority::Ended(ending) => return Err(ending.code),
        };
        // Followed before they are looked up: what changes between is news.
        let leaves = Follow::new(context.requests.leaves_change());
        let grant = with_leaves(&context, grant);
        let mut draining = Follow::new(context.draining.clone());
        let drains = draining.latest();
        let mut catalog = Follow::new(context.resource.catalog.subscribe());
        let seen = catalog.latest().map(|catalog| seen_by(&context, &grant, catalog));
        let role = match context.resource.roles.of(&context.facts.principal) {
            WorksAs::Account => None,
            WorksAs::Role(role) => Some(role),
            WorksAs::Nobody => return Err("no_role".to_owned()),
        };
        let (keeper, salt_key) = match &context.texts {
            Some(texts) => {
                let key = Keeper::salt_key().map_err(|_| "no_randomness".to_owned())?;
                let ConnectionFacts { connection, principal, .. } = &context.facts;
                (Some(Box::new(texts.keeper(*connection, &principal.reference))), Some(Box::new(key)))
            }
            None => (None, None),
        };
        let machine = Connection::new(Setup {
            facts: context.facts.clone(),
            grant: grant.clone(),
            catalog: seen,
            mask_key: context.mask_key.clone(),
            lookups: Arc::clone(&context.lookups),
            usage: Arc::clone(&context.usage),
            commitment_key: context.commitment_key,
            salt_key,
            seed,
            limits: Limits::default(),
            hold_time: context.requests.config().wait,
            pages: context.requests.pages(),
            opened: Instant::now(),
            wall: crate::serve::wall_clock(),
            policies: Arc::clone(&context.policies),
            role: role.clone(),
            tags: context.resource.tags.clone(),
            canaries: context.resource.canaries.clone(),
        });
        let durable = context.log.durable_wait();
        Ok(Self {
            context,
            grant,
            role,
            machine,
            downstream,
            database: None,
            durable,
            awaited: VecDeque::new(),
            recorded: Some(0),
            keeper,
            catalog,
            leaves,
            authority,
            dial: None,
            reading: None,
            waiting: None,
            cancelling: None,
            passing_on: None,
            cancelled: Arc::default(),
            alarm: None,
            resumes,
            parked: None,
            lapsed: false,
            loss: None,
            draining,
            drains,
            revoked: false,
            log_gone: false,
            refused: Vec::new(),
            ended: None,
        })
    }

    /// Runs to the end; the code says why it ended.
    pub(super) async fn run(mut self: Box<Self>) -> String {
        loop {
            self.carry_out();
            if self.drains && self.ended.is_none() && self.machine.is_at_rest() {
                self.feed(Input::End(stopping()));
                continue;
            }
            if let Some(code) = self.ended.take() {
                // In a box: the task keeps no room for it while the connection lasts.
                Box::pin(self.leave(&code)).await;
                return code;
            }
            // Nothing begins under a grant that is over, not even what came before.
            if self.machine.waits_for_turn() && !self.lapsed {
                let machine = &mut self.machine;
                shards::away(|| machine.handle(Instant::now(), Input::Tick));
                continue;
            }
            let event = poll_fn(|context| self.poll_event(context)).await;
            self.take(event);
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Client(Ok(Received::Data(bytes))) => {
                self.feed(Input::Client(bytes));
                self.downstream.writer.took(self.downstream.reader.taken());
            }
            Event::Client(Ok(Received::Acknowledged(offset))) => {
                if let Err(error) = self.downstream.writer.delivered(offset) {
                    self.client_gone(&error);
                }
            }
            Event::Client(Ok(Received::End)) => self.feed(Input::ClientClosed),
            Event::Client(Err(DownstreamError::Lost)) | Event::ClientGone(DownstreamError::Lost) => {
                self.park();
            }
            Event::Client(Err(error)) | Event::ClientGone(error) => self.client_gone(&error),
            Event::Server => self.server_bytes(),
            Event::ServerGone => self.feed(Input::ServerClosed),
            Event::Durable => self.durability(),
            Event::Catalog => {
                if let Some(catalog) = self.catalog.latest() {
                    let seen = seen_by(&self.context, &self.grant, catalog);
                    self.feed(Input::Catalog(seen));
                }
            }
            Event::Read(read) => {
                self.reading = None;
                let seen = read.map(|catalog| seen_by(&self.context, &self.grant, catalog));
                self.feed(seen.map_or(Input::CatalogFailed, Input::Catalog));
            }
            Event::Hold(news) => self.feed(Input::Hold(news)),
            Event::CancelOver => {
                self.cancelling = None;
                self.feed(Input::CancelOver);
            }
            Event::Cancelled => self.feed(Input::Cancelled),
            Event::Authority => self.authority_changed(),
            Event::Leaves => self.leaves_changed(),
            Event::Orphaned => {
                self.revoked = true;
                self.feed(Input::End(orphaned()));
            }
            Event::LogGone => self.feed(Input::RecordFailed),
            Event::Dialled(dialled) => {
                self.dial = None;
                self.dialled(*dialled);
            }
            Event::Resume(resume) => self.resume(*resume),
            // What is at rest ends at the next look.
            Event::Draining => self.drains = self.draining.latest(),
            Event::ParkOver => self.feed(Input::End(park::expired())),
            Event::Deadline => self.feed(Input::Tick),
        }
    }

    fn client_gone(&mut self, error: &DownstreamError) {
        tracing::debug!(connection = %self.context.connection(), %error, "the client is gone");
        self.feed(Input::ClientClosed);
    }

    fn feed(&mut self, input: Input) {
        self.machine.handle(Instant::now(), input);
    }

    fn server_bytes(&mut self) {
        if self.has_news_of_records() {
            self.durability();
        }
        if let Some(database) = &mut self.database {
            let bytes = database.take();
            self.feed(Input::Server(bytes));
        }
    }

    fn has_news_of_records(&self) -> bool {
        self.awaited.front().is_some_and(|seq| *seq < self.durable.upto())
    }

    fn durability(&mut self) {
        let upto = self.durable.upto();
        while self.awaited.front().is_some_and(|seq| *seq < upto) {
            self.awaited.pop_front();
        }
        self.feed(Input::Durable { upto });
    }

    fn authority_changed(&mut self) {
        match self.authority.latest() {
            Authority::InForce(grant) => {
                (self.lapsed, self.loss) = (false, None);
                let grant = with_leaves(&self.context, grant);
                self.grant = grant.clone();
                self.feed(Input::Grant(grant));
            }
            Authority::Lapsed => {
                self.lapsed = true;
                self.loss = self.downstream.writer.loss();
            }
            Authority::Ended(ending) => {
                self.revoked = true;
                self.feed(Input::End(ending));
            }
        }
    }

    /// Something that was approved for a time begins or ends. What is seen in clear is decided with a snapshot, so a new
    /// one is asked for; until it is there, what was seen is denied, and what will be is masked.
    fn leaves_changed(&mut self) {
        let _others_too = self.leaves.latest();
        let grant = with_leaves(&self.context, self.grant.clone());
        if grant.leaves == self.grant.leaves {
            return;
        }
        let sees_otherwise = grant.leaves.iter().chain(&*self.grant.leaves).any(Leave::is_of_columns);
        self.grant = grant.clone();
        self.feed(Input::Grant(grant));
        if sees_otherwise {
            let catalog = self.context.resource.catalog.clone();
            tokio::spawn(async move {
                if let Err(error) = catalog.newer_than(0).await {
                    tracing::debug!(%error, "open connections see columns as before, or not at all");
                }
            });
        }
    }

    fn dialled(&mut self, dialled: Result<Upstream, UpstreamError>) {
        let upstream = match dialled {
            Ok(upstream) => upstream,
            Err(error) => return self.feed(Input::UpstreamFailed(self.unreachable(&error))),
        };
        self.record_login(upstream.cancel_key.as_ref().map(|key| key.process));
        let cancel = upstream.cancel_key.and_then(|key| {
            self.context.cancels.register(Cancellable {
                principal: Arc::clone(&self.context.facts.principal),
                session: self.context.facts.session,
                connection: self.context.facts.connection,
                upstream: Arc::clone(&self.context.resource.upstream),
                place: upstream.place,
                key,
                told: Arc::clone(&self.cancelled),
            })
        });
        // Without a key of the server's there is nothing to cancel, and zeros reach nobody.
        let zeros = connect_core::machine::CancelKey { process: 0, secret: 0 };
        let cancel_key = cancel.as_ref().map_or(zeros, |registered| registered.key);
        self.database = Some(Database::new(upstream.stream, cancel));
        self.feed(Input::UpstreamReady(UpstreamReady { parameters: upstream.parameters, cancel_key }));
    }

    /// So that logins of others can be told from the agent's. Nobody waits for it.
    fn record_login(&self, process: Option<u32>) {
        let facts = &self.context.facts;
        let entry = Entry::UpstreamOpened {
            resource: facts.resource.name.clone(),
            connection: Some(facts.connection),
            process: process.unwrap_or_default(),
            role: self.role.as_deref().map(str::to_owned),
            looks: None,
        };
        let _closed_log_has_said_so = self.context.log.append_in_passing(&entry);
    }

    /// The operator's log hears the whole reason; the client hears whom to ask, or what the database says to itself.
    fn unreachable(&self, error: &UpstreamError) -> Ending {
        let resource = &self.context.facts.resource.name;
        if let Some((sqlstate, message)) = error.for_client() {
            // Of a client's own parameter there is nothing to do for an operator.
            match sqlstate.starts_with("22") {
                true => tracing::info!(resource, %error, "the database refused a connection"),
                false => tracing::warn!(resource, %error, "the database refused a connection"),
            }
            let code = "upstream_refused".to_owned();
            return Ending { code, sqlstate, message: message.to_owned(), hint: None };
        }
        tracing::warn!(resource, %error, "the database cannot be reached");
        Ending {
            code: "upstream_unreachable".to_owned(),
            sqlstate: "08006",
            message: format!("the agent cannot open `{resource}`: the database refused it or did not answer"),
            hint: Some("Tell the operator of the agent; its log says why.".to_owned()),
        }
    }

    async fn leave(&mut self, code: &str) {
        // First, for whoever waits for this may be short of time.
        self.context.record_end(code, self.recorded.filter(|_| !self.log_gone));
        // A client waits for this end before it says more, or what it says next would be cancelled.
        if let Some(passing_on) = self.passing_on.take() {
            let _either_way = passing_on.await;
        }
        self.close(code).await;
        self.see_off(code).await;
    }

    /// The end: stop what still runs, and let the database go.
    async fn close(&mut self, code: &str) {
        if !matches!(code, "terminated" | "cancel") {
            self.cancel_own();
        }
        if let Some(mut database) = self.database.take() {
            if self.revoked || self.lapsed {
                // What was let through and has not left must not run any more, nor what lies in the TLS stream,
                // which a shutdown would send: the server finds the end of the stream, and rolls back.
                drop(database);
                return;
            }
            let last = async {
                // Only what the machine let through before the end: a Terminate, as a rule.
                let _gone = database.stream.write_all(&database.queue).await;
                let _gone = database.stream.shutdown().await;
            };
            let _too_slow = timeout(LAST_WORDS, last).await;
        }
    }
}

fn stopping() -> Ending {
    Ending {
        code: "agent_stopping".to_owned(),
        sqlstate: "57P01",
        message: "the agent is stopping".to_owned(),
        hint: Some("Connect again in a minute; nothing was open here.".to_owned()),
    }
}

fn orphaned() -> Ending {
    Ending {
        code: "session_gone".to_owned(),
        sqlstate: "57P01",
        message: "the session of this connection ended".to_owned(),
        hint: Some("Connect again.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every idle connection holds one of these: what is rarely there belongs into a box.
    #[test]
    fn a_connection_is_small() {
        let size = size_of::<Pump>();
        assert!(size <= 4_096, "{size} bytes");
    }
}
