//! The life of a session: renewals, reminders, database connections, and the end, which is told to
//! everyone before the tunnel closes.

use std::{sync::Arc, time::Duration};

use connect_core::{
    machine::Ending,
    principal::{GrantInForce, Principal},
};
use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
    frame::{Frame, Notice, Renew},
};
use quinn::{Connection, RecvStream, SendStream};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    admission::Opened,
    close::Close,
    connection::{self, Origin},
    frames::{self, Deaf, FrameReader, ReadFrameError},
    lifetime::{Due, Lifetime},
};
use crate::{
    driver::Authority,
    grants::VerifiedGrant,
    listener::stopped,
    serve::{Agent, Served, now, wall_clock},
};

/// How long database connections may take to end, and then the last notice to arrive.
const END_TIME: Duration = Duration::from_secs(3);
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Refused renewals before the tunnel is closed: a good client asks twice at most.
const MAX_REFUSED_RENEWALS: u32 = 8;

/// The control stream after its HELLO.
pub(super) struct Control {
    send: SendStream,
    frames: FrameReader,
}

impl Control {
    pub(super) fn new(send: SendStream, frames: FrameReader) -> Self {
        Self { send, frames }
    }

    pub(super) async fn say(&mut self, frame: &Frame) -> Result<(), Deaf> {
        frames::write(&mut self.send, frame).await
    }
}

/// One principal's use of one resource, over one tunnel.
pub(super) struct Session {
    agent: Arc<Agent>,
    connection: Connection,
    control: Control,
    opened: Opened,
    principal: Arc<Principal>,
    served: Served,
    authority: watch::Sender<Authority>,
    lifetime: Lifetime,
    refused_renewals: u32,
    connections: JoinSet<()>,
}

/// What happened on a tunnel.
enum Event {
    Control(Result<Option<Frame>, ReadFrameError>),
    Stream(SendStream, RecvStream),
    Time,
    /// A database connection ended.
    Freed,
    Gone,
    Stop,
}

impl Session {
    /// `None` if the agent has no such resource.
    pub(super) fn new(
        agent: Arc<Agent>,
        connection: Connection,
        opened: Opened,
        control: Control,
    ) -> Option<Self> {
        let served = agent.resources.get(&opened.grant.resource)?.clone();
        let (authority, _) = watch::channel(Authority::InForce(in_force(&opened.grant)));
        Some(Self {
            principal: Arc::new(opened.grant.principal.clone()),
            lifetime: Lifetime::new(opened.grant.expires_at, wall_clock(), Instant::now()),
            agent,
            connection,
            control,
            opened,
            served,
            authority,
            refused_renewals: 0,
            connections: JoinSet::new(),
        })
    }

    /// Runs the session to its end.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let close = loop {
            let event = self.next_event(&mut stop).await;
            if let Some(close) = self.handle(event).await {
                break close;
            }
        };
        self.end(close).await;
    }

    async fn next_event(&mut self, stop: &mut watch::Receiver<bool>) -> Event {
        let look = self.lifetime.next_look(Instant::now());
        tokio::select! {
            frame = self.control.frames.next() => Event::Control(frame),
            stream = self.connection.accept_bi() => match stream {
                Ok((send, receive)) => Event::Stream(send, receive),
                Err(_) => Event::Gone,
            },
            () = sleep_until(look) => Event::Time,
            Some(_) = self.connections.join_next() => Event::Freed,
            () = stopped(stop) => Event::Stop,
        }
    }

    /// `Some` if the session is over.
    async fn handle(&mut self, event: Event) -> Option<Close> {
        match event {
            Event::Control(Ok(Some(Frame::Renew(renew)))) => self.renew(&renew).await,
            Event::Control(Ok(Some(_))) => Some(Close::Violation),
            Event::Control(Ok(None)) | Event::Gone => Some(Close::Done),
            Event::Control(Err(ReadFrameError::Stream(_))) => Some(Close::Done),
            Event::Control(Err(error)) => {
                tracing::debug!(session = %self.opened.id, %error, "the control stream broke the protocol");
                Some(Close::Violation)
            }
            Event::Stream(send, receive) => {
                self.open_connection(send, receive);
                None
            }
            Event::Time => self.look_at_the_clock().await,
            Event::Freed => None,
            Event::Stop => Some(Close::Stopping),
        }
    }

    fn open_connection(&mut self, send: SendStream, receive: RecvStream) {
        let origin = Origin {
            agent: Arc::clone(&self.agent),
            session: self.opened.id,
            principal: Arc::clone(&self.principal),
            served: self.served.clone(),
            authority: self.authority.subscribe(),
        };
        // The transport bounds the streams of a tunnel, and so the tasks.
        self.connections.spawn(connection::serve(origin, send, receive));
    }

    async fn renew(&mut self, renew: &Renew) -> Option<Close> {
        let answer = match self.accept(&renew.grant) {
            Ok(expires_at) => Notice::Renewed { expires_at },
            Err(error) => {
                self.refused_renewals += 1;
                if self.refused_renewals > MAX_REFUSED_RENEWALS {
                    return Some(Close::Violation);
                }
                Notice::RenewalRefused { error: *error }
            }
        };
        self.control.say(&Frame::Notice(answer)).await.err().map(|Deaf| Close::Done)
    }

    /// A newer grant of the same principal, for the same resource, bound to the same key.
    fn accept(&mut self, token: &str) -> Result<u64, Box<ErrorReport>> {
        let verified = self.agent.grants.verify(token, &self.opened.certificate, now());
        let grant = verified.map_err(|error| Box::new(error.report()))?;
        let own = &self.opened.grant;
        if grant.principal.reference != own.principal.reference || grant.resource != own.resource {
            return Err(Box::new(other_session()));
        }
        let entry =
            Entry::GrantRenewed { session: self.opened.id, grant: grant.id, expires_at: grant.expires_at };
        let recorded = self.agent.log.append(entry);
        recorded.map_err(|error| Box::new(crate::serve::record_unavailable(&error)))?;
        self.authority.send_replace(Authority::InForce(in_force(&grant)));
        self.lifetime = Lifetime::new(grant.expires_at, wall_clock(), Instant::now());
        self.refused_renewals = 0;
        let expires_at = grant.expires_at;
        self.opened.grant = grant;
        Ok(expires_at)
    }

    async fn look_at_the_clock(&mut self) -> Option<Close> {
        match self.lifetime.due(wall_clock(), Instant::now()) {
            Due::Nothing => None,
            Due::End => Some(Close::Expired),
            Due::Reminder => {
                let notice = Notice::Expiring { expires_at: self.lifetime.expires_at };
                self.control.say(&Frame::Notice(notice)).await.err().map(|Deaf| Close::Done)
            }
        }
    }

    /// Tells the database connections, then the client, then the log.
    async fn end(mut self, close: Close) {
        let report = self.last_report(close);
        let hint = report.help.first().cloned();
        let ending = Ending {
            code: close.as_str().to_owned(),
            sqlstate: "57P01",
            message: report.message.clone(),
            hint,
        };
        self.authority.send_replace(Authority::Ended(ending));
        let _ended = timeout(END_TIME, async { while self.connections.join_next().await.is_some() {} }).await;
        let notice = Frame::Notice(Notice::Closed { error: report });
        if !matches!(close, Close::Done | Close::Violation) && self.control.say(&notice).await.is_ok() {
            frames::flush(&mut self.control.send, LAST_WORDS).await;
        }
        self.connection.close(close.code(), close.words());
        tracing::info!(session = %self.opened.id, code = close.as_str(), "a session ended");
        let entry = Entry::SessionClosed { session: self.opened.id, code: close.as_str().to_owned() };
        if let Err(error) = self.agent.log.append(entry) {
            tracing::warn!(session = %self.opened.id, %error, "the end of a session could not be recorded");
        }
    }

    fn last_report(&self, close: Close) -> ErrorReport {
        let resource = &self.opened.grant.resource;
        let again = format!("connect {resource}");
        let report = |words: String| ErrorReport::new(close.as_str(), Exit::SessionEnded, words).help(again);
        match close {
            Close::Expired => report(format!("the grant for `{resource}` is over, and with it the session")),
            Close::Stopping => report(format!("the agent of `{resource}` is stopping")).retryable(),
            _ => report(format!("the tunnel to `{resource}` was closed")),
        }
    }
}

fn in_force(grant: &VerifiedGrant) -> GrantInForce {
    GrantInForce { id: grant.id, actions: grant.actions.clone(), reason: grant.reason.clone() }
}

fn other_session() -> ErrorReport {
    let words = "the new grant is for another principal or resource than this session";
    ErrorReport::new("grant_other_session", Exit::Denied, words).help("open a session of its own for it")
}
