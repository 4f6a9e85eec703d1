//! The loop: whatever happens next becomes an input of the machine, and its outputs are carried out in
//! order before anything else is looked at.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration, time::Instant};

use bytes::{Bytes, BytesMut};
use connect_core::{
    catalog::Catalog,
    machine::{Ending, Input, Machine, Output, UpstreamReady},
    protocol::postgres::connection::{Connection, Setup},
    record::Ticket,
    understand::Limits,
};
use connect_shared::{
    entry::Entry,
    frame::{Frame, Opened},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::watch,
    time::{sleep_until, timeout},
};

use super::{
    Authority, ConnectionContext,
    downstream::{Downstream, DownstreamError, MAX_QUEUED, Received},
};
use crate::{
    cancel::{Cancellable, Registered},
    catalog::CatalogError,
    log::Durability,
    upstream::{self, Upstream, UpstreamError, UpstreamStream},
};

/// Most bytes that one read of the database takes.
const READ: usize = 64 * 1024;

/// Most bytes for the database that may wait; beyond that the client is not read.
const MAX_UPSTREAM_QUEUED: usize = 256 * 1024;

/// How long the last words may take to reach a client that reads slowly.
const LAST_WORDS: Duration = Duration::from_secs(5);

type Dial = Pin<Box<dyn Future<Output = Result<Upstream, UpstreamError>> + Send>>;
type Reading = Pin<Box<dyn Future<Output = Result<Arc<Catalog>, CatalogError>> + Send>>;

/// One connection with everything that feeds it.
pub(super) struct Pump {
    context: ConnectionContext,
    machine: Connection,
    downstream: Downstream,
    database: Option<Database>,
    durable: watch::Receiver<Durability>,
    catalog: watch::Receiver<Option<Arc<Catalog>>>,
    authority: watch::Receiver<Authority>,
    dial: Option<Dial>,
    reading: Option<Reading>,
    catalog_gone: bool,
    ended: Option<String>,
}

/// The database's end.
struct Database {
    reader: ReadHalf<UpstreamStream>,
    writer: WriteHalf<UpstreamStream>,
    queue: BytesMut,
    buffer: BytesMut,
    cancel: Option<Registered>,
}

/// What woke the loop.
enum Event {
    Client(Result<Received, DownstreamError>),
    Sent(Result<(), DownstreamError>),
    Server(std::io::Result<usize>),
    Written(std::io::Result<usize>),
    Durable,
    Catalog,
    Read(Result<Arc<Catalog>, CatalogError>),
    Authority,
    /// Nobody can say any more whether the session may go on.
    Orphaned,
    LogGone,
    CatalogGone,
    Dialled(Box<Result<Upstream, UpstreamError>>),
    Deadline,
}

impl Pump {
    /// A connection that is about to start. The error is the code of its end.
    pub(super) fn new(context: ConnectionContext, mut downstream: Downstream) -> Result<Self, String> {
        let mut seed = [0u8; 32];
        aws_lc_rs::rand::fill(&mut seed).map_err(|_| "no_randomness".to_owned())?;
        let authority = context.authority.clone();
        let grant = match &*authority.borrow() {
            Authority::InForce(grant) => grant.clone(),
            Authority::Ended(ending) => return Err(ending.code.clone()),
        };
        let catalog = context.resource.catalog.subscribe();
        let snapshot = catalog.borrow().clone();
        let machine = Connection::new(Setup {
            facts: context.facts.clone(),
            grant,
            catalog: snapshot,
            mask_key: context.mask_key.clone(),
            commitment_key: context.commitment_key,
            seed,
            limits: Limits::default(),
            opened: Instant::now(),
        });
        downstream.writer.frame(&Frame::Opened(Opened::Accepted { resume_from: 0 }));
        let durable = context.log.durable();
        Ok(Self {
            context,
            machine,
            downstream,
            database: None,
            durable,
            catalog,
            authority,
            dial: None,
            reading: None,
            catalog_gone: false,
            ended: None,
        })
    }

    /// Runs to the end; the code says why it ended.
    pub(super) async fn run(mut self) -> String {
        loop {
            self.carry_out();
            if let Some(code) = self.ended.take() {
                self.close(&code).await;
                return code;
            }
            let event = self.next_event().await;
            self.take(event);
        }
    }

    async fn next_event(&mut self) -> Event {
        let appetite = self.machine.appetite();
        let deadline = self.machine.deadline().map(|(at, _)| at);
        let queued_up = self.database.as_ref().map_or(0, |database| database.queue.len());
        let read_client =
            appetite.client && !self.downstream.reader.has_ended() && queued_up < MAX_UPSTREAM_QUEUED;
        let read_server = appetite.server && self.downstream.writer.queued() < MAX_QUEUED;
        let send = self.downstream.writer.queued() > 0;
        let (reader, writer) = match &mut self.database {
            Some(Database { reader, writer, queue, buffer, .. }) => {
                (Some((reader, buffer)), Some((writer, queue)))
            }
            None => (None, None),
        };
        tokio::select! {
            // What lets others go on comes first; what brings more work, last.
            biased;
            changed = self.authority.changed() => changed.map_or(Event::Orphaned, |()| Event::Authority),
            changed = self.durable.changed() => changed.map_or(Event::LogGone, |()| Event::Durable),
            written = write(writer), if queued_up > 0 => Event::Written(written),
            sent = self.downstream.writer.send(), if send => Event::Sent(sent),
            read = read(reader), if read_server => Event::Server(read),
            dialled = pending(&mut self.dial) => Event::Dialled(Box::new(dialled)),
            read = pending(&mut self.reading) => Event::Read(read),
            // While a reading is under way only its own answer is new enough for what waits.
            changed = self.catalog.changed(), if self.reading.is_none() && !self.catalog_gone => {
                changed.map_or(Event::CatalogGone, |()| Event::Catalog)
            }
            received = self.downstream.reader.receive(), if read_client => Event::Client(received),
            () = at(deadline) => Event::Deadline,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Client(Ok(Received::Data(bytes))) => {
                self.feed(Input::Client(bytes));
                self.downstream.writer.acknowledge(self.downstream.reader.offset());
            }
            Event::Client(Ok(Received::End)) => self.feed(Input::ClientClosed),
            Event::Client(Err(error)) | Event::Sent(Err(error)) => {
                tracing::debug!(connection = %self.context.connection(), %error, "the client is gone");
                self.feed(Input::ClientClosed);
            }
            Event::Sent(Ok(())) | Event::Written(Ok(1..)) => {}
            Event::Server(Ok(1..)) => self.server_bytes(),
            Event::Server(_) | Event::Written(_) => self.feed(Input::ServerClosed),
            Event::Durable => self.durability(),
            Event::Catalog => {
                let snapshot = self.catalog.borrow_and_update().clone();
                if let Some(catalog) = snapshot {
                    self.feed(Input::Catalog(catalog));
                }
            }
            Event::Read(read) => {
                self.reading = None;
                self.feed(read.map_or(Input::CatalogFailed, Input::Catalog));
            }
            Event::Authority => self.authority_changed(),
            Event::Orphaned => self.feed(Input::End(orphaned())),
            Event::LogGone => self.feed(Input::RecordFailed),
            Event::CatalogGone => self.catalog_gone = true,
            Event::Dialled(dialled) => {
                self.dial = None;
                self.dialled(*dialled);
            }
            Event::Deadline => self.feed(Input::Tick),
        }
    }

    fn feed(&mut self, input: Input) {
        self.machine.handle(Instant::now(), input);
    }

    fn server_bytes(&mut self) {
        if let Some(database) = &mut self.database {
            let bytes = database.buffer.split().freeze();
            self.feed(Input::Server(bytes));
        }
    }

    fn durability(&mut self) {
        let (upto, failed) = {
            let durability = self.durable.borrow_and_update();
            (durability.upto, durability.failed.is_some())
        };
        self.feed(Input::Durable { upto });
        if failed {
            self.feed(Input::RecordFailed);
        }
    }

    fn authority_changed(&mut self) {
        let authority = self.authority.borrow_and_update().clone();
        self.feed(match authority {
            Authority::InForce(grant) => Input::Grant(grant),
            Authority::Ended(ending) => Input::End(ending),
        });
    }

    fn dialled(&mut self, dialled: Result<Upstream, UpstreamError>) {
        let upstream = match dialled {
            Ok(upstream) => upstream,
            Err(error) => return self.feed(Input::UpstreamFailed(self.unreachable(&error))),
        };
        let cancel = upstream.cancel_key.and_then(|key| {
            self.context.cancels.register(Cancellable {
                principal: self.context.facts.principal.reference.clone(),
                session: self.context.facts.session,
                connection: self.context.facts.connection,
                upstream: self.context.resource.upstream.clone(),
                key,
            })
        });
        // Without a key of the server's there is nothing to cancel, and zeros reach nobody.
        let zeros = connect_core::machine::CancelKey { process: 0, secret: 0 };
        let cancel_key = cancel.as_ref().map_or(zeros, |registered| registered.key);
        let (reader, writer) = tokio::io::split(upstream.stream);
        let (queue, buffer) = (BytesMut::new(), BytesMut::new());
        self.database = Some(Database { reader, writer, queue, buffer, cancel });
        self.feed(Input::UpstreamReady(UpstreamReady { parameters: upstream.parameters, cancel_key }));
    }

    /// The operator's log hears the whole reason; the client hears whom to ask.
    fn unreachable(&self, error: &UpstreamError) -> Ending {
        let resource = &self.context.facts.resource.name;
        tracing::warn!(resource, %error, "the database cannot be reached");
        Ending {
            code: "upstream_unreachable".to_owned(),
            sqlstate: "08006",
            message: format!("the agent cannot open `{resource}`: the database refused it or did not answer"),
            hint: Some("Tell the operator of the agent; its log says why.".to_owned()),
        }
    }

    /// Carries every output out, in order.
    fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::ToClient(bytes) => self.downstream.writer.data(bytes),
                Output::ToServer(bytes) => self.say_to_server(&bytes),
                Output::StatementText { fingerprint, sql } => {
                    if self.context.log.append_statement_text_once(&fingerprint, &sql).is_err() {
                        self.feed(Input::RecordFailed);
                    }
                }
                Output::Record { ticket, entry } => self.record(ticket, entry),
                Output::NeedUpstream { parameters } => self.start_dial(parameters),
                Output::NeedCatalog { newer_than } => self.start_reading(newer_than),
                Output::Cancel(key) => self.cancel(key),
                Output::Finished { code } => self.ended = Some(code),
            }
        }
    }

    fn say_to_server(&mut self, bytes: &Bytes) {
        if let Some(database) = &mut self.database {
            database.queue.extend_from_slice(bytes);
        }
    }

    fn record(&mut self, ticket: Ticket, entry: Entry) {
        match self.context.log.append(entry) {
            Ok(seq) => self.feed(Input::Appended { ticket, seq }),
            Err(error) => {
                tracing::error!(%error, "the log refused an entry");
                self.feed(Input::RecordFailed);
            }
        }
    }

    fn start_dial(&mut self, parameters: Vec<(String, String)>) {
        let config = self.context.resource.upstream.clone();
        self.dial = Some(Box::pin(async move { upstream::connect(&config, &parameters).await }));
    }

    fn start_reading(&mut self, newer_than: u64) {
        let catalog = self.context.resource.catalog.clone();
        self.reading = Some(Box::pin(async move { catalog.newer_than(newer_than).await }));
    }

    /// A cancel request: it reaches what the same principal runs, and nobody else.
    fn cancel(&self, key: connect_core::machine::CancelKey) {
        let Some(found) = self.context.cancels.find(key, &self.context.facts.principal.reference) else {
            return;
        };
        let entry = Entry::CancelRequested { session: found.session, connection: found.connection };
        if self.context.log.append(entry).is_ok() {
            spawn_cancel(found);
        }
    }

    /// The end: stop what still runs, let the last words out, close both sides.
    async fn close(&mut self, code: &str) {
        if !matches!(code, "terminated" | "cancel") {
            self.cancel_own();
        }
        let last = async {
            if let Some(database) = &mut self.database {
                // Only what the machine let through before the end: a Terminate, as a rule.
                let _gone = database.writer.write_all(&database.queue).await;
                let _gone = database.writer.shutdown().await;
            }
            self.downstream.writer.finish().await;
        };
        // A client that does not read forfeits the last words.
        let _too_slow = timeout(LAST_WORDS, last).await;
    }

    fn cancel_own(&self) {
        let registered = self.database.as_ref().and_then(|database| database.cancel.as_ref());
        if let Some(registered) = registered
            && let Some(own) =
                self.context.cancels.find(registered.key, &self.context.facts.principal.reference)
        {
            spawn_cancel(own);
        }
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

fn spawn_cancel(cancellable: Cancellable) {
    tokio::spawn(async move {
        if let Err(error) = upstream::cancel(&cancellable.upstream, cancellable.key).await {
            tracing::warn!(connection = %cancellable.connection, %error, "a cancel request did not arrive");
        }
    });
}

async fn read(database: Option<(&mut ReadHalf<UpstreamStream>, &mut BytesMut)>) -> std::io::Result<usize> {
    match database {
        Some((reader, buffer)) => {
            buffer.reserve(READ);
            reader.read_buf(buffer).await
        }
        None => std::future::pending().await,
    }
}

async fn write(database: Option<(&mut WriteHalf<UpstreamStream>, &mut BytesMut)>) -> std::io::Result<usize> {
    match database {
        Some((writer, queue)) => {
            let written = writer.write_buf(queue).await?;
            writer.flush().await?;
            Ok(written)
        }
        None => std::future::pending().await,
    }
}

async fn pending<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
