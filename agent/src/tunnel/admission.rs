//! The way in: handshake, HELLO, grant, record, WELCOME. Whoever fails on it gets a reason and nothing
//! else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
    frame::{Frame, Hello, Notice, VERSION},
    ids::{SessionId, TunnelId},
};
use quinn::{Connection, Incoming};
use rustls::pki_types::CertificateDer;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
    close::Close,
    door::Door,
    frames::FrameReader,
    session::{Arrival, Control, Session},
    sessions::{ResumeRefusal, Sessions},
};
use crate::{
    grants::{GrantError, Thumbprint, VerifiedGrant},
    keys,
    lineage::{ClaimError, Lasting},
    listener::{Place, stopped},
    log::LogClosed,
    revocation::{Line, Watched},
    serve::{Agent, now, record_unavailable},
    sharing,
};

/// From the first packet to a finished handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// From a finished handshake to a whole HELLO.
const HELLO_TIME: Duration = Duration::from_secs(5);
/// From an entry to its place on the disk.
const RECORD_TIME: Duration = Duration::from_secs(10);
/// How long the last words may take to arrive.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Longest name of a client program that is recorded.
const MAX_CLIENT: usize = 100;

/// Takes a tunnel from its first packet to its end.
pub(super) async fn admit(
    agent: Arc<Agent>,
    sessions: Arc<Sessions>,
    (incoming, address): (Incoming, SocketAddr),
    door: Arc<Door>,
    stranger: Place,
    mut stop: watch::Receiver<bool>,
) {
    let seen_at = incoming.remote_address();
    let way_in = async {
        let connection = shake_hands(incoming, address).await?;
        let way = greet(&agent, &sessions, &connection, address).await;
        way.map_err(|turned_away| connection.close(turned_away.code(), turned_away.words())).ok()
    };
    let way = tokio::select! {
        way = way_in => way,
        () = stopped(&mut stop) => None,
    };
    drop(stranger);
    if way.is_some() {
        door.admitted(seen_at);
    }
    match way {
        Some(Way::Begun(session)) => session.run(stop).await,
        // The session runs where it began; the tunnel's place is taken for as long as it lasts.
        Some(Way::Resumed(connection)) => {
            connection.closed().await;
        }
        None => {}
    }
}

/// What a tunnel is for.
enum Way {
    Begun(Box<Session>),
    Resumed(Connection),
}

async fn shake_hands(incoming: Incoming, address: SocketAddr) -> Option<Connection> {
    let connecting =
        incoming.accept().inspect_err(|error| tracing::debug!(%address, %error, "no tunnel")).ok()?;
    match timeout(HANDSHAKE_TIME, connecting).await {
        Ok(Ok(connection)) => Some(connection),
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "a tunnel's handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!(%address, "a tunnel's handshake took too long");
            None
        }
    }
}

/// The first stream, its HELLO, and the answer.
async fn greet(
    agent: &Arc<Agent>,
    sessions: &Arc<Sessions>,
    connection: &Connection,
    address: SocketAddr,
) -> Result<Way, Close> {
    let certificate = thumbprint(connection).ok_or(Close::Refused)?;
    let hello = timeout(HELLO_TIME, async {
        let (send, receive) = connection.accept_bi().await.map_err(|_| Close::Done)?;
        let mut frames = FrameReader::new(receive);
        match frames.next().await {
            Ok(Some(Frame::Hello(hello))) => Ok((hello, send, frames)),
            Ok(_) => Err(Close::Violation),
            Err(error) => {
                tracing::debug!(%address, %error, "a tunnel's first frame is not one");
                Err(Close::Violation)
            }
        }
    });
    let greeted = hello.await.unwrap_or(Err(Close::NoHello));
    let (hello, send, frames) = greeted.inspect_err(|reason| turned_away(agent, reason.as_str(), address))?;
    let come = come_in(agent, sessions, &hello, certificate, address).await;
    match come {
        Ok(Come::New(opened)) => {
            welcome(agent, sessions, connection, *opened, Control::new(send, frames)).await
        }
        Ok(Come::Again { grant, tunnel, arrivals }) => {
            let control = Control::new(send, frames);
            let arrival = Arrival { connection: connection.clone(), control, grant: *grant, tunnel };
            match arrivals.send(arrival).await {
                Ok(()) => Ok(Way::Resumed(connection.clone())),
                // It ended in this very moment.
                Err(gone) => {
                    refuse(gone.0.control, ResumeRefusal::Unknown.report()).await;
                    Err(Close::Refused)
                }
            }
        }
        Err(report) => {
            turned_away(agent, &report.code, address);
            refuse(Control::new(send, frames), *report).await;
            Err(Close::Refused)
        }
    }
}

/// A session that is in the log.
pub(super) struct Opened {
    pub(super) id: SessionId,
    pub(super) tunnel: TunnelId,
    pub(super) grant: VerifiedGrant,
    pub(super) certificate: Thumbprint,
    pub(super) watched: Watched,
    /// Of a session of a run: it counts there for as long as it lasts.
    pub(super) lasting: Option<Lasting>,
}

/// A tunnel whose grant is good.
enum Come {
    New(Box<Opened>),
    Again { grant: Box<VerifiedGrant>, tunnel: TunnelId, arrivals: mpsc::Sender<Arrival> },
}

async fn come_in(
    agent: &Agent,
    sessions: &Sessions,
    hello: &Hello,
    certificate: Thumbprint,
    address: SocketAddr,
) -> Result<Come, Box<ErrorReport>> {
    if hello.version != VERSION {
        return Err(Box::new(other_version(hello.version)));
    }
    let grant =
        agent.grants.verify(&hello.grant, &certificate, now()).map_err(|error| Box::new(error.report()))?;
    if hello.resume.is_none() && *agent.draining.borrow() {
        return Err(Box::new(draining()));
    }
    // What nobody can end at its time does not begin.
    if agent.sharing.as_ref().is_some_and(|sharing| sharing.left().is_zero()) {
        return Err(Box::new(sharing::away()));
    }
    if agent.revocations.is_over(&grant, now()) {
        return Err(Box::new(GrantError::Revoked.report()));
    }
    let internal =
        |error: keys::KeyError| Box::new(ErrorReport::new("internal", Exit::Unexpected, error.to_string()));
    let tunnel = TunnelId::from_random(keys::random().map_err(internal)?);
    if let Some(resume) = &hello.resume {
        let found = sessions.find(resume, &certificate, &grant);
        let arrivals = found.map_err(|refusal| Box::new(refusal.report()))?;
        let (session, address) = (resume.session, address.to_string());
        record(agent, Entry::SessionResumed { session, tunnel, grant: grant.id, address }).await?;
        return Ok(Come::Again { grant: Box::new(grant), tunnel, arrivals });
    }
    let id = SessionId::from_random(keys::random().map_err(internal)?);
    let scope = (grant.resource.as_str(), grant.actions.as_slice());
    let line = Line::of(&grant);
    let watched = agent.revocations.enter(id, grant.standing(), scope, line, now());
    let watched = watched.ok_or_else(|| Box::new(GrantError::Revoked.report()))?;
    let lasting = enter_run(agent, &grant).await?;
    let entry = Entry::SessionOpened {
        session: id,
        tunnel,
        grant: grant.id,
        principal: grant.principal.reference.clone(),
        resource: grant.resource.clone(),
        client: hello.client.chars().filter(|c| !c.is_control()).take(MAX_CLIENT).collect(),
        address: address.to_string(),
    };
    record(agent, entry).await?;
    Ok(Come::New(Box::new(Opened { id, tunnel, grant, certificate, watched, lasting })))
}

/// A session of a run that is over would do what stands in no record of it.
async fn enter_run(agent: &Agent, grant: &VerifiedGrant) -> Result<Option<Lasting>, Box<ErrorReport>> {
    let Some(run) = grant.run else { return Ok(None) };
    // Of a run that an index in the making does not have yet nobody knows whether it is over.
    let mut seen = agent.index.seen();
    if !matches!(timeout(RECORD_TIME, seen.wait_for(|seen| seen.usable)).await, Ok(Ok(_))) {
        return Err(unknown_run("the index is being made"));
    }
    let (runs, path, until) = (Arc::clone(&agent.runs), agent.index.path().to_owned(), grant.expires_at);
    let entered = tokio::task::spawn_blocking(move || runs.enter(&path, run, until)).await;
    let entered = entered.map_err(|error| error.to_string());
    match entered {
        Ok(Ok(lasting)) => Ok(Some(lasting)),
        Ok(Err(error @ (ClaimError::Ended(_) | ClaimError::Taken(_)))) => {
            let report = ErrorReport::new("run_ended", Exit::SessionEnded, error.to_string());
            Err(Box::new(report.help("run the command again: each run has an id of its own")))
        }
        Ok(Err(ClaimError::Unknown(error))) => Err(unknown_run(&error.to_string())),
        Err(error) => Err(unknown_run(&error)),
    }
}

fn unknown_run(error: &str) -> Box<ErrorReport> {
    tracing::warn!(error, "it cannot be known whether a run is over");
    let words = "the agent cannot know now whether the run is over";
    let report = ErrorReport::new("search_unavailable", Exit::Unreachable, words);
    Box::new(report.help("try again in a moment").retryable())
}

/// No session without its entry: the welcome waits for the disk.
async fn record(agent: &Agent, entry: Entry) -> Result<(), Box<ErrorReport>> {
    let recorded = timeout(RECORD_TIME, async { agent.log.wait_durable(agent.log.append(entry)?).await });
    recorded.await.unwrap_or(Err(LogClosed::Full)).map_err(|error| Box::new(record_unavailable(&error)))
}

async fn welcome(
    agent: &Arc<Agent>,
    sessions: &Arc<Sessions>,
    connection: &Connection,
    opened: Opened,
    control: Control,
) -> Result<Way, Close> {
    tracing::info!(session = %opened.id, resource = %opened.grant.resource, "a session opened");
    let session = Session::new(Arc::clone(agent), sessions, connection.clone(), opened, control);
    let mut session = session.ok_or(Close::Refused)?;
    // If the client is gone already, the session notices at its first look at the connection.
    session.welcome().await;
    Ok(Way::Begun(Box::new(session)))
}

fn turned_away(agent: &Agent, code: &str, address: SocketAddr) {
    tracing::debug!(%address, code, "a tunnel was turned away");
    agent.record_refusal(Entry::TunnelRefused { code: code.to_owned(), address: address.to_string() });
}

/// The answer to a tunnel that came for a session which was just ending.
pub(super) async fn come_too_late(arrival: Arrival) {
    refuse(arrival.control, ResumeRefusal::Unknown.report()).await;
    arrival.connection.close(Close::Refused.code(), Close::Refused.words());
}

async fn refuse(mut control: Control, report: ErrorReport) {
    if control.say(&Frame::Notice(Notice::Closed { error: report })).await.is_ok() {
        control.flush(LAST_WORDS).await;
    }
}

/// The answer to whatever is new while the agent drains.
pub(crate) fn draining() -> ErrorReport {
    let words = "this agent is about to stop, and takes nothing new";
    ErrorReport::new("agent_draining", Exit::Unreachable, words).help("try again in a minute").retryable()
}

fn other_version(theirs: u16) -> ErrorReport {
    let words =
        format!("this agent speaks version {VERSION} of the tunnel's frames, and the client speaks {theirs}");
    ErrorReport::new("version_unsupported", Exit::Local, words)
        .help("install the `connect` that fits the agent's version")
}

/// The certificate of the handshake; its key has signed it.
fn thumbprint(connection: &Connection) -> Option<Thumbprint> {
    let identity = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    identity.first().map(Thumbprint::of)
}
