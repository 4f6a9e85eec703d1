//! One stream of a tunnel, from its first byte to the driver: OPEN is read and checked here, answered
//! there. It begins a database connection, or goes on with one that an earlier tunnel left.

use std::{sync::Arc, time::Duration};

use connect_core::principal::{ConnectionFacts, Principal};
use connect_shared::{
    error::{ErrorReport, Exit, UNANSWERED},
    frame::{Attempt, Frame, Open, VERSION},
    ids::{RunId, SessionId},
};
use quinn::{RecvStream, SendStream, VarInt};
use tokio::{sync::watch, time::timeout};

use super::{
    admission,
    connections::{Connections, Entered, Known},
    frames::FrameReader,
};
use crate::{
    driver::{self, Authority, Begun, ConnectionContext, Kept, NextStream, Offer, Resume},
    lineage::Gate,
    serve::{Agent, NoPlace, OpenConnection, Served},
};

/// From a new stream to its whole OPEN.
const OPEN_TIME: Duration = Duration::from_secs(5);
/// Code of a stream that broke the protocol.
const VIOLATION: VarInt = VarInt::from_u32(2);

/// The session that a stream belongs to.
pub(super) struct Origin {
    pub(super) agent: Arc<Agent>,
    pub(super) session: SessionId,
    pub(super) principal: Arc<Principal>,
    pub(super) served: Served,
    pub(super) run: Option<RunId>,
    /// Whether statements of the run may still be recorded.
    pub(super) gate: Option<Gate>,
    pub(super) task: Option<Arc<str>>,
    pub(super) authority: watch::Receiver<Authority>,
    pub(super) connections: Arc<Connections>,
    pub(super) kept: Kept,
}

/// Serves one stream to its end. How it begins is in a box, which is gone when it has begun: a task keeps room for
/// all that it ever holds.
pub(super) fn serve(origin: Origin, send: SendStream, receive: RecvStream) -> impl Future<Output = ()> {
    let beginning = Box::pin(begin(origin, send, receive));
    async move {
        let Some(Serving { begun, entered, place }) = beginning.await else { return };
        entered.ended(begun.run().await);
        drop(place);
    }
}

/// A connection that began with a stream.
struct Serving {
    begun: Begun,
    entered: Entered,
    place: OpenConnection,
}

/// Reads and answers OPEN. `None` if no connection began with it.
async fn begin(origin: Origin, mut send: SendStream, receive: RecvStream) -> Option<Serving> {
    let mut reader = FrameReader::new(receive);
    let open = match timeout(OPEN_TIME, reader.next()).await {
        Ok(Ok(Some(Frame::Open(open)))) => open,
        _ => {
            // A peer that does not speak the protocol would not understand a reason either.
            tracing::debug!(session = %origin.session, "a stream did not begin with OPEN");
            let (mut receive, _) = reader.into_parts();
            let _closed = (send.reset(VIOLATION), receive.stop(VIOLATION));
            return None;
        }
    };
    let (receive, buffered) = reader.into_parts();
    let from = open.resume_from;
    match origin.route(&open) {
        Ok(Way::New { place, entered, resumes }) => {
            match driver::begin(origin.context(&open), buffered, send, receive, resumes).await {
                Ok(begun) => return Some(Serving { begun, entered, place }),
                Err(code) => entered.ended(code),
            }
        }
        Ok(Way::Known(connection)) => {
            let resume = Box::new(Resume { send, receive, buffered, from });
            if let Err(gone) = connection.make(resume) {
                driver::refuse(&mut { gone.send }, ended("client_closed")).await;
            }
        }
        Err(error) => driver::refuse(&mut send, error).await,
    }
    None
}

/// Where a stream goes.
enum Way {
    New { place: OpenConnection, entered: Entered, resumes: NextStream },
    Known(Offer),
}

impl Origin {
    fn route(&self, open: &Open) -> Result<Way, ErrorReport> {
        check(self, open)?;
        match (open.attempt, self.connections.find(open.connection)) {
            (Attempt::Again | Attempt::Resume, Known::Open(connection)) => Ok(Way::Known(connection)),
            (Attempt::Again | Attempt::Resume, Known::Ended(code)) => Err(ended(&code)),
            (Attempt::Resume, Known::Unknown) => Err(ended("unknown")),
            (Attempt::First, Known::Open(_) | Known::Ended(_)) => Err(no_place(NoPlace::Taken)),
            (Attempt::First | Attempt::Again, Known::Unknown) => {
                if *self.agent.draining.borrow() {
                    return Err(admission::draining());
                }
                let place = self.agent.connections.enter(open.connection).map_err(no_place)?;
                let (entered, resumes) = self.connections.enter(open.connection);
                Ok(Way::New { place, entered, resumes })
            }
        }
    }
}

impl Origin {
    fn context(&self, open: &Open) -> ConnectionContext {
        ConnectionContext {
            facts: ConnectionFacts {
                session: self.session,
                connection: open.connection,
                principal: Arc::clone(&self.principal),
                resource: Arc::clone(&self.served.runtime.resource),
                run: self.run,
                task: self.task.clone(),
            },
            authority: self.authority.clone(),
            resource: Arc::clone(&self.served.runtime),
            mask_key: Arc::clone(&self.agent.mask_key),
            lookups: Arc::clone(&self.agent.budgets.counts),
            usage: Arc::clone(&self.agent.usage.counts),
            commitment_key: self.agent.commitment_key,
            texts: self.agent.texts.clone(),
            log: self.agent.log.pin(),
            cancels: Arc::clone(&self.agent.cancels),
            parking: Arc::clone(&self.agent.parking),
            kept: self.kept.clone(),
            draining: self.agent.draining.clone(),
            requests: Arc::clone(&self.agent.requests),
            policies: Arc::clone(&self.agent.policies),
            gate: self.gate.clone(),
            agent: Arc::clone(&self.agent),
        }
    }
}

fn check(origin: &Origin, open: &Open) -> Result<(), ErrorReport> {
    let granted = &origin.served.runtime.resource.name;
    if open.version != VERSION {
        let words =
            format!("this agent speaks version {VERSION} of the tunnel's frames, not {}", open.version);
        return Err(ErrorReport::new("version_unsupported", Exit::Local, words)
            .help("install the `connect` that fits the agent's version"));
    }
    if open.resource != *granted {
        let words = format!("this session's grant is for `{granted}` and nothing else");
        return Err(ErrorReport::new("grant_other_resource", Exit::Denied, words).help("connect ls"));
    }
    if open.engine != origin.served.engine {
        let words = format!("`{granted}` is a {} database", origin.served.engine.display_name());
        return Err(ErrorReport::new("other_engine", Exit::Usage, words).help("connect ls"));
    }
    Ok(())
}

/// A connection that cannot be gone on with, by the code of its end.
fn ended(code: &str) -> ErrorReport {
    let words = match code {
        "park_expired" => "the tunnel was gone for longer than the agent keeps a database connection",
        "park_full" => "the tunnel was gone, and the agent kept no more database connections for you",
        "unknown" => "the agent does not know this database connection any more",
        _ => "this database connection ended while the tunnel was gone",
    };
    let code = if code == "unknown" { "resume_unknown" } else { "resume_ended" };
    ErrorReport::new(code, Exit::SessionEnded, words).help(format!("connect again; {UNANSWERED}"))
}

fn no_place(reason: NoPlace) -> ErrorReport {
    match reason {
        NoPlace::Full => ErrorReport::new(
            "too_many_connections",
            Exit::Unreachable,
            "the agent has as many database connections as it takes",
        )
        .help("close some, then try again")
        .retryable(),
        NoPlace::Taken => ErrorReport::new(
            "connection_id_taken",
            Exit::Unexpected,
            "another open connection has the same id",
        )
        .help("try again: every connection gets an id of its own")
        .retryable(),
    }
}
