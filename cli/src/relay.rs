//! The bytes of one database connection, between a local socket and a stream of the tunnel. Of what they
//! mean, nothing is known here but the first words and the last (see [`connect_shared::engine`]).
//!
//! One task a connection: both directions are futures of it, so that neither waits for the other. When the
//! tunnel goes, the local socket stays, and the connection goes on in the next tunnel where it was.

mod first_words;
mod pump;
mod stream;
mod traffic;

use std::{sync::Arc, time::Duration};

use connect_shared::{
    engine::Engine,
    error::{ErrorReport, UNANSWERED},
    frame::{Attempt, Open, VERSION},
    ids::{ConnectionId, SessionId},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::watch,
    time::timeout,
};

use self::{
    pump::{Ended, Pump},
    stream::Broken,
    traffic::Traffic,
};
use crate::{failure, tunnel::Tunnel};

/// How long a local program may take to say its first words.
const FIRST_WORDS: Duration = Duration::from_secs(60);
/// How long the tunnel may take to have room for one more stream.
const ROOM: Duration = Duration::from_secs(10);
/// How long a local program may take to hear the last words.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often a draining connection is looked at.
const LOOK: Duration = Duration::from_millis(25);

/// Where connections go.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) link: watch::Receiver<Option<Live>>,
    pub(crate) resource: String,
    pub(crate) engine: Engine,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// The tunnel of the moment.
#[derive(Clone)]
pub(crate) struct Live {
    /// Counts the tunnels of a process.
    pub(crate) number: u64,
    /// What the agent calls the session: a connection cannot be gone on with in another one.
    pub(crate) session: SessionId,
    pub(crate) tunnel: Arc<Tunnel>,
}

/// How it stands with the session, for its connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// A connection that nothing is running on is closed; the others may finish.
    Draining,
    /// Everything is closed, with these words.
    Over(ErrorReport),
}

/// Serves one local connection to its end.
pub(crate) async fn serve<R, W>(mut reader: R, mut writer: W, route: Route)
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let opening = first_words::receive(&mut reader, &mut writer, route.engine);
    let Ok(Some(first)) = timeout(FIRST_WORDS, opening).await else { return };
    let traffic = Arc::new(Traffic::default());
    let mut pump = Pump::new(&mut reader, &mut writer, first, route.engine, traffic.clone());
    let mut phase = route.phase.clone();
    let report = tokio::select! {
        report = carry(&mut pump, &route) => report,
        report = cut(&mut phase, &traffic) => Some(report),
    };
    // In the middle of a message nothing can be said: the end of the socket must do.
    let may_speak = pump.is_between_messages();
    drop(pump);
    if let Some(report) = report.filter(|_| may_speak) {
        let words = route.engine.last_words(&report.message, report.help.first().map_or("", String::as_str));
        let _slow = timeout(LAST_WORDS, writer.write_all(&words)).await;
    }
    let _slow = timeout(LAST_WORDS, farewell(&mut reader, &mut writer)).await;
}

/// Carries bytes until the end, over one tunnel after another; the report is what the local program has not
/// been told yet.
async fn carry<R, W>(pump: &mut Pump<'_, R, W>, route: &Route) -> Option<ErrorReport>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let Some(connection) = fresh_id() else { return Some(failure::unexpected("no randomness")) };
    let mut link = route.link.clone();
    let (mut last, mut begun_in) = (0, None);
    loop {
        let newer = |live: &Option<Live>| live.as_ref().is_some_and(|live| live.number > last);
        let live = match link.wait_for(newer).await {
            Ok(live) => live.clone()?,
            // Nobody looks for another tunnel any more: the phase says why.
            Err(_) => return Some(why_gone(&route.phase, closed_here())),
        };
        last = live.number;
        if begun_in.is_some_and(|session| session != live.session) {
            return Some(forgotten());
        }
        let attempt = match (begun_in, pump.was_opened()) {
            (None, _) => Attempt::First,
            (Some(_), false) => Attempt::Again,
            (Some(_), true) => Attempt::Resume,
        };
        let open = Open {
            version: VERSION,
            connection,
            resource: route.resource.clone(),
            engine: route.engine,
            resume_from: pump.received(),
            attempt,
        };
        match carry_on(pump, &live, &open).await {
            Carried::End(ended) => return tell(ended, route),
            Carried::Room => return Some(too_many()),
            Carried::Unsent => {}
            Carried::Lost => begun_in = Some(live.session),
        }
    }
}

/// How it went on one tunnel.
enum Carried {
    End(Ended),
    /// The tunnel has no room for one more stream.
    Room,
    /// The tunnel was gone before anything was said.
    Unsent,
    /// It went away.
    Lost,
}

async fn carry_on<R, W>(pump: &mut Pump<'_, R, W>, live: &Live, open: &Open) -> Carried
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let (mut send, mut receive) = match timeout(ROOM, live.tunnel.connection().open_bi()).await {
        Ok(Ok(streams)) => streams,
        Ok(Err(_)) => return Carried::Unsent,
        Err(_) => return Carried::Room,
    };
    match pump.run(&mut send, &mut receive, open).await {
        Ended::Broken(Broken::Tunnel) => Carried::Lost,
        ended => Carried::End(ended),
    }
}

fn tell(ended: Ended, route: &Route) -> Option<ErrorReport> {
    match ended {
        Ended::Orderly | Ended::LocalGone => None,
        Ended::Told(report) => Some(report),
        Ended::Broken(Broken::Stream(why)) => Some(why_gone(&route.phase, stream_gone(&why))),
        Ended::Broken(Broken::Tunnel) => Some(why_gone(&route.phase, closed_here())),
    }
}

/// Waits until the session is over for this connection.
async fn cut(phase: &mut watch::Receiver<Phase>, traffic: &Traffic) -> ErrorReport {
    loop {
        let now = phase.borrow_and_update().clone();
        match now {
            Phase::Over(report) => return report,
            Phase::Open => {
                if phase.changed().await.is_err() {
                    return closed_here();
                }
            }
            Phase::Draining if traffic.is_quiet() => return closed_here(),
            Phase::Draining => {
                let _time_to_look = timeout(LOOK, phase.changed()).await;
            }
        }
    }
}

/// Lets the local program read what was written before the socket goes: closing with unread bytes would
/// reset it.
async fn farewell<R, W>(reader: &mut R, writer: &mut W)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if writer.shutdown().await.is_ok() {
        let _gone = tokio::io::copy(reader, &mut tokio::io::sink()).await;
    }
}

/// The session's own reason, where there is one, says more than a stream that broke.
fn why_gone(phase: &watch::Receiver<Phase>, otherwise: ErrorReport) -> ErrorReport {
    match &*phase.borrow() {
        Phase::Over(report) => report.clone(),
        _ => otherwise,
    }
}

pub(crate) fn closed_here() -> ErrorReport {
    failure::not_found("session_closed", "the session was closed on this machine").help("connect ls")
}

fn too_many() -> ErrorReport {
    failure::unreachable("too_many_connections", "this session has as many connections as the agent allows")
        .help("close some, then connect again")
}

/// The agent that answers now is not the one that had the connection.
fn forgotten() -> ErrorReport {
    failure::unreachable(
        "connection_lost",
        "the agent was started anew or gave the session up, and with it this connection",
    )
    .help(format!("Connect again; {UNANSWERED}."))
}

fn stream_gone(why: &str) -> ErrorReport {
    failure::unreachable("connection_lost", format!("the agent ended this connection: {why}"))
        .help("connect again")
}

fn fresh_id() -> Option<ConnectionId> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(ConnectionId::from_random(bytes))
}
