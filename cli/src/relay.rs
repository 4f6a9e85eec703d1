//! The bytes of one database connection, between a local socket and a stream of the tunnel. Of what they
//! mean, nothing is known here but the first words and the last (see [`connect_shared::engine`]).
//!
//! One task a connection: both directions are futures of it, so that neither waits for the other.

mod first_words;
mod pump;
mod stream;
mod traffic;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use connect_shared::{
    engine::Engine,
    error::ErrorReport,
    frame::{Open, VERSION},
    ids::ConnectionId,
};
use quinn::Connection;
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
use crate::failure;

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
    pub(crate) tunnel: Connection,
    pub(crate) resource: String,
    pub(crate) engine: Engine,
    pub(crate) phase: watch::Receiver<Phase>,
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
    let report = carry(&mut reader, &mut writer, first, &route).await;
    if let Some(report) = report {
        let words = route.engine.last_words(&report.message, report.help.first().map_or("", String::as_str));
        let _slow = timeout(LAST_WORDS, writer.write_all(&words)).await;
    }
    let _slow = timeout(LAST_WORDS, farewell(&mut reader, &mut writer)).await;
}

/// Carries bytes until the end; the report is what the local program has not been told yet.
async fn carry<R, W>(reader: &mut R, writer: &mut W, first: Bytes, route: &Route) -> Option<ErrorReport>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let opened = timeout(ROOM, route.tunnel.open_bi()).await;
    let (send, receive) = match opened {
        Ok(Ok(streams)) => streams,
        Ok(Err(error)) => return Some(why_gone(&route.phase, crate::tunnel::lost(&error))),
        Err(_) => return Some(too_many()),
    };
    let Some(connection) = fresh_id() else { return Some(failure::unexpected("no randomness")) };
    let open = Open {
        version: VERSION,
        connection,
        resource: route.resource.clone(),
        engine: route.engine,
        resume_from: 0,
    };
    let traffic = Arc::new(Traffic::default());
    let pump = Pump::new(reader, writer, send, receive, traffic.clone());
    let mut phase = route.phase.clone();
    tokio::select! {
        ended = pump.run(&open, first) => match ended {
            Ended::Orderly => None,
            Ended::Told(report) => Some(report),
            Ended::Broken(Broken::Tunnel(error)) => {
                Some(why_gone(&route.phase, crate::tunnel::lost(&error)))
            }
            Ended::Broken(Broken::Stream(why)) => Some(why_gone(&route.phase, stream_gone(&why))),
            Ended::LocalGone => None,
        },
        report = cut(&mut phase, &traffic) => Some(report),
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

fn stream_gone(why: &str) -> ErrorReport {
    failure::unreachable("connection_lost", format!("the agent ended this connection: {why}"))
        .help("connect again")
}

fn fresh_id() -> Option<ConnectionId> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(ConnectionId::from_random(bytes))
}
