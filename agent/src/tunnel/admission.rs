//! The way in: handshake, HELLO, grant, record, WELCOME. Whoever fails on it gets a reason and nothing
//! else.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
    frame::{Frame, Hello, Notice, VERSION, Welcome},
    ids::{SessionId, TunnelId},
};
use quinn::{Connection, Incoming, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::{sync::watch, time::timeout};

use super::{
    close::Close,
    frames::{self, FrameReader},
    session::{Control, Session},
};
use crate::{
    grants::{Thumbprint, VerifiedGrant},
    keys,
    listener::{Place, stopped},
    log::LogClosed,
    serve::{Agent, now, record_unavailable},
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
    incoming: Incoming,
    stranger: Place,
    mut stop: watch::Receiver<bool>,
) {
    let address = incoming.remote_address();
    let way_in = async {
        let connection = shake_hands(incoming, address).await?;
        let session = greet(&agent, &connection, address).await;
        session.map_err(|turned_away| connection.close(turned_away.code(), turned_away.words())).ok()
    };
    let session = tokio::select! {
        session = way_in => session,
        () = stopped(&mut stop) => None,
    };
    drop(stranger);
    if let Some(session) = session {
        session.run(stop).await;
    }
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
async fn greet(agent: &Arc<Agent>, connection: &Connection, address: SocketAddr) -> Result<Session, Close> {
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
    let (hello, mut send, frames) =
        greeted.inspect_err(|reason| turned_away(agent, reason.as_str(), address))?;
    match open_session(agent, &hello, certificate, address).await {
        Ok(opened) => welcome(agent, connection, opened, Control::new(send, frames)).await,
        Err(report) => {
            turned_away(agent, &report.code, address);
            refuse(&mut send, *report).await;
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
}

async fn open_session(
    agent: &Agent,
    hello: &Hello,
    certificate: Thumbprint,
    address: SocketAddr,
) -> Result<Opened, Box<ErrorReport>> {
    if hello.version != VERSION {
        return Err(Box::new(other_version(hello.version)));
    }
    let grant =
        agent.grants.verify(&hello.grant, &certificate, now()).map_err(|error| Box::new(error.report()))?;
    let ids = keys::random().and_then(|session| Ok((session, keys::random()?)));
    let (session, tunnel) =
        ids.map_err(|error| Box::new(ErrorReport::new("internal", Exit::Unexpected, error.to_string())))?;
    let (id, tunnel) = (SessionId::from_random(session), TunnelId::from_random(tunnel));
    let entry = Entry::SessionOpened {
        session: id,
        tunnel,
        grant: grant.id,
        principal: grant.principal.reference.clone(),
        resource: grant.resource.clone(),
        client: hello.client.chars().filter(|c| !c.is_control()).take(MAX_CLIENT).collect(),
        address: address.to_string(),
    };
    // No session without its entry: the welcome waits for the disk.
    let recorded = timeout(RECORD_TIME, async { agent.log.wait_durable(agent.log.append(entry)?).await });
    recorded.await.unwrap_or(Err(LogClosed::Full)).map_err(|error| Box::new(record_unavailable(&error)))?;
    Ok(Opened { id, tunnel, grant, certificate })
}

async fn welcome(
    agent: &Arc<Agent>,
    connection: &Connection,
    opened: Opened,
    mut control: Control,
) -> Result<Session, Close> {
    let welcome = Welcome {
        version: VERSION,
        tunnel: opened.tunnel,
        session: opened.id,
        expires_at: opened.grant.expires_at,
    };
    tracing::info!(session = %opened.id, resource = %opened.grant.resource, "a session opened");
    // If the client is gone already, the session notices at its first look at the connection.
    let _heard = control.say(&Frame::Welcome(welcome)).await;
    Session::new(Arc::clone(agent), connection.clone(), opened, control).ok_or(Close::Refused)
}

fn turned_away(agent: &Agent, code: &str, address: SocketAddr) {
    tracing::debug!(%address, code, "a tunnel was turned away");
    agent.record_refusal(Entry::TunnelRefused { code: code.to_owned(), address: address.to_string() });
}

async fn refuse(send: &mut SendStream, report: ErrorReport) {
    if frames::write(send, &Frame::Notice(Notice::Closed { error: report })).await.is_ok() {
        frames::flush(send, LAST_WORDS).await;
    }
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
