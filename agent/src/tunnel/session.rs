//! The life of a session: renewals, reminders, database connections, tunnels that go and come, and the end,
//! which is told to everyone before the tunnel closes.

mod clock;
mod end;
mod grant;
mod link;

use std::{sync::Arc, time::Duration};

use connect_core::principal::Principal;
use connect_shared::{
    entry::Entry,
    frame::{Frame, Notice, VERSION, Welcome},
    ids::TunnelId,
};
use quinn::{Connection, ReadError, RecvStream, SendStream};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout_at},
};

use self::{
    grant::in_force,
    link::{LastCall, Link, is_farewell},
};
use super::{
    admission::Opened,
    close::Close,
    connection::{self, Origin},
    connections::Connections,
    frames::{self, Deaf, FrameReader, ReadFrameError},
    lifetime::Lifetime,
    sessions::{Registered, Sessions},
};
use crate::{
    driver::{Authority, Kept},
    grants::VerifiedGrant,
    lineage::Lasting,
    listener::stopped,
    serve::{Agent, Served, wall_clock},
};

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

    /// Ends it, and waits for a moment until the client has all of it.
    pub(super) async fn flush(&mut self, at_most: Duration) {
        frames::flush(&mut self.send, at_most).await;
    }
}

/// Another tunnel for a session, with a grant that was good a moment ago.
pub(super) struct Arrival {
    pub(super) connection: Connection,
    pub(super) control: Control,
    pub(super) grant: VerifiedGrant,
    pub(super) tunnel: TunnelId,
}

/// One principal's use of one resource, over one tunnel after another.
pub(super) struct Session {
    agent: Arc<Agent>,
    link: Link,
    opened: Opened,
    principal: Arc<Principal>,
    served: Served,
    authority: watch::Sender<Authority>,
    lifetime: Lifetime,
    last_call: Option<LastCall>,
    /// The grant in force is over; not a byte moves.
    lapsed: bool,
    refused_renewals: u32,
    connections: JoinSet<()>,
    known: Arc<Connections>,
    /// What is kept for its client.
    kept: Kept,
    registered: Registered,
    arrivals: mpsc::Receiver<Arrival>,
    draining: watch::Receiver<bool>,
    told_of_drain: bool,
    /// The client has been heard in this tunnel: then the end of the tunnel may be what it wishes. One that it
    /// gave up before it was welcome is not.
    proved: bool,
}

/// What happened to a session.
enum Event {
    Control(Result<Option<Frame>, ReadFrameError>),
    Stream(SendStream, RecvStream),
    Arrived(Box<Arrival>),
    Time,
    /// A database connection ended.
    Freed,
    /// The client closed the tunnel.
    Gone,
    /// The tunnel broke or fell silent.
    Lost,
    /// The agent is about to stop.
    Drain,
    Stop,
    /// It ends before its time.
    Cut,
    /// The run that it is of is over.
    RunOver,
}

impl Session {
    /// `None` if the agent has no such resource, or no randomness.
    pub(super) fn new(
        agent: Arc<Agent>,
        sessions: &Arc<Sessions>,
        connection: Connection,
        opened: Opened,
        control: Control,
    ) -> Option<Self> {
        let served = agent.resources.get(&opened.grant.resource)?.clone();
        let (authority, _) = watch::channel(Authority::InForce(in_force(&opened.grant)));
        let (registered, arrivals) = sessions.enter(opened.id, &opened.certificate, &opened.grant)?;
        let (draining, kept) = (agent.draining.clone(), agent.kept.of_session());
        Some(Self {
            principal: Arc::new(opened.grant.principal.clone()),
            lifetime: Lifetime::new(opened.grant.expires_at, wall_clock(), Instant::now()),
            agent,
            link: Link::Up { connection, control },
            opened,
            served,
            authority,
            last_call: None,
            lapsed: false,
            refused_renewals: 0,
            connections: JoinSet::new(),
            known: Arc::default(),
            kept,
            registered,
            arrivals,
            draining,
            told_of_drain: false,
            proved: true,
        })
    }

    /// Tells the client that it is in, and how to come back.
    pub(super) async fn welcome(&mut self) {
        let welcome = Welcome {
            version: VERSION,
            tunnel: self.opened.tunnel,
            session: self.opened.id,
            expires_at: self.lifetime.expires_at,
            secret: self.registered.secret.clone(),
            park: self.agent.parking.limits.limit.as_secs(),
        };
        // If it does not hear, the tunnel's end is found at the next look.
        let _heard = self.say_in_time(&Frame::Welcome(welcome)).await;
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
        let look = self.next_look(Instant::now());
        tokio::select! {
            // What ends it comes first, however much its client says.
            biased;
            Ok(_) = self.opened.watched.cut.wait_for(Option::is_some) => Event::Cut,
            () = stopped(stop) => Event::Stop,
            () = run_over(&mut self.opened.lasting) => Event::RunOver,
            Some(arrival) = self.arrivals.recv() => Event::Arrived(Box::new(arrival)),
            () = sleep_until(look) => Event::Time,
            Some(_) = self.connections.join_next() => Event::Freed,
            () = stopped(&mut self.draining), if !self.told_of_drain => Event::Drain,
            event = self.link.next() => event,
        }
    }

    /// `Some` if the session is over.
    async fn handle(&mut self, event: Event) -> Option<Close> {
        self.proved |= matches!(event, Event::Stream(..) | Event::Control(Ok(Some(_))));
        match event {
            Event::Control(Ok(Some(Frame::Renew(renew)))) => self.renew(&renew).await,
            Event::Control(Ok(Some(_))) => Some(Close::Violation),
            Event::Control(Ok(None)) | Event::Gone if !self.proved => self.lose(),
            Event::Control(Ok(None)) | Event::Gone => Some(Close::Done),
            Event::Control(Err(ReadFrameError::Stream(ReadError::ConnectionLost(error)))) => {
                if self.proved && is_farewell(&error) { Some(Close::Done) } else { self.lose() }
            }
            Event::Control(Err(ReadFrameError::Stream(_))) => Some(Close::Done),
            Event::Control(Err(error)) => {
                tracing::debug!(session = %self.opened.id, %error, "the control stream broke the protocol");
                Some(Close::Violation)
            }
            Event::Stream(send, receive) => {
                self.open_connection(send, receive);
                None
            }
            Event::Arrived(arrival) => self.go_on(*arrival).await,
            Event::Lost => self.lose(),
            Event::Time => self.look_at_the_clock().await,
            Event::Freed if !self.connections.is_empty() => None,
            Event::Freed if self.told_of_drain => Some(Close::Stopping),
            // Nobody is there, and nothing is left to come back to.
            Event::Freed => self.link.is_down().then_some(Close::Lost),
            Event::Drain => self.drain().await,
            Event::Stop => Some(Close::Stopping),
            Event::Cut => Some(Close::Revoked),
            Event::RunOver => Some(Close::RunEnded),
        }
    }

    /// Nothing new; what is at rest ends by itself, and the session with the last of it.
    async fn drain(&mut self) -> Option<Close> {
        self.told_of_drain = true;
        if self.connections.is_empty() {
            return Some(Close::Stopping);
        }
        if self.link.is_down() { None } else { self.say(&Frame::Notice(Notice::Draining)).await }
    }

    /// The tunnel is gone: the database connections wait for another one.
    fn lose(&mut self) -> Option<Close> {
        self.last_call = None;
        if let Link::Up { connection, .. } = std::mem::replace(&mut self.link, Link::Down) {
            connection.close(Close::Lost.code(), Close::Lost.words());
        }
        if self.connections.is_empty() {
            return Some(Close::Lost);
        }
        let (session, connections) = (self.opened.id, self.connections.len() as u64);
        tracing::info!(%session, connections, "the tunnel of a session is gone");
        if self.lapsed {
            self.note_lapse();
        }
        if let Err(error) = self.agent.log.append(Entry::SessionParked { session, connections }) {
            tracing::warn!(%session, %error, "that a session is parked could not be recorded");
        }
        None
    }

    /// Another tunnel. The newest one counts: its client knows best which one is dead.
    async fn go_on(&mut self, arrival: Arrival) -> Option<Close> {
        let Arrival { connection, control, grant, tunnel } = arrival;
        if connection.close_reason().is_some() || Duration::from_secs(grant.expires_at) <= wall_clock() {
            // It is dead already, or its grant has ended on the way: the session stays where it is.
            connection.close(Close::Refused.code(), Close::Refused.words());
            return None;
        }
        self.proved = false;
        if let Link::Up { connection: old, .. } =
            std::mem::replace(&mut self.link, Link::Up { connection, control })
        {
            old.close(Close::Superseded.code(), Close::Superseded.words());
        }
        tracing::info!(session = %self.opened.id, "a session goes on in another tunnel");
        self.opened.tunnel = tunnel;
        self.last_call = None;
        if !self.take(grant) {
            return Some(Close::Revoked);
        }
        self.welcome().await;
        None
    }

    fn open_connection(&mut self, send: SendStream, receive: RecvStream) {
        let origin = Origin {
            agent: Arc::clone(&self.agent),
            session: self.opened.id,
            principal: Arc::clone(&self.principal),
            served: self.served.clone(),
            run: self.opened.grant.run,
            gate: self.opened.lasting.as_ref().map(|lasting| lasting.gate.clone()),
            task: self.opened.grant.task.as_deref().map(Arc::from),
            authority: self.authority.subscribe(),
            connections: Arc::clone(&self.known),
            kept: self.kept.clone(),
        };
        // The transport bounds the streams of a tunnel, and so the tasks.
        self.connections.spawn(connection::serve(origin, send, receive));
    }

    /// A client that does not take a few bytes is not there.
    async fn say(&mut self, frame: &Frame) -> Option<Close> {
        match self.say_in_time(frame).await {
            Ok(()) => None,
            Err(Deaf) => self.lose(),
        }
    }

    /// Words wait for whoever does not take them, but not beyond the grant, which ends at its time, and not when
    /// the session is cut: that is what comes next then.
    async fn say_in_time(&mut self, frame: &Frame) -> Result<(), Deaf> {
        tokio::select! {
            biased;
            Ok(_) = self.opened.watched.cut.wait_for(Option::is_some) => Ok(()),
            said = timeout_at(self.lifetime.deadline(), self.link.say(frame)) => said.unwrap_or(Err(Deaf)),
        }
    }
}

/// Never, for a session of no run.
async fn run_over(lasting: &mut Option<Lasting>) {
    match lasting {
        Some(lasting) => lasting.gate.shut().await,
        None => std::future::pending().await,
    }
}
