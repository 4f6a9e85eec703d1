//! The time between "ready" and the end: local programs come and go, until the person, the agent or the
//! grant ends it.

use std::{future::Future, time::Duration};

use connect_shared::error::ErrorReport;
use rustix::process::Signal;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};

use super::{board::Stage, open::Opened, signals::Signals};
use crate::{
    console::Console,
    failure::{self, Outcome},
    listen::{Local, peer},
    relay::{self, Phase, Route},
};

/// How long running statements may take after the first request to end.
const DRAIN: Duration = Duration::from_secs(5);
/// How long connections may take to hear that it is over.
const OVER: Duration = Duration::from_secs(2);
/// The same after the second request to end.
const AT_ONCE: Duration = Duration::from_millis(300);
/// Local connections of one session at once.
const MAX_CONNECTIONS: usize = 500;

/// Why it ended.
#[derive(Debug)]
pub(crate) enum Held {
    /// What was waited for happened.
    Reached,
    /// A signal; the second one does not wait.
    Signal(Signal),
    /// `connect close`.
    Closed,
    /// The agent, the grant or the tunnel.
    Ended(ErrorReport),
}

/// What ends a session from this side.
pub(crate) enum Until<'a, F> {
    /// Only a signal or another process.
    Asked(&'a mut Signals),
    /// This happens; signals are somebody else's business.
    Happens(F),
}

/// What happened.
enum Event {
    Local(Result<Local, ErrorReport>),
    /// A local connection ended, or was not this person's.
    Left(Outcome<()>),
    Over(ErrorReport),
    Signal(Signal),
    Close,
    Happened,
    Late,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    GoOn,
    Leave,
}

struct Holding<'a, F> {
    opened: Opened,
    console: &'a Console,
    phase: watch::Sender<Phase>,
    relays: JoinSet<Outcome<()>>,
    keeper: JoinHandle<ErrorReport>,
    until: Until<'a, F>,
    deadline: Option<Instant>,
}

impl Opened {
    /// Serves local programs until the end.
    pub(crate) async fn hold<F>(mut self, console: &Console, until: Until<'_, F>) -> Held
    where
        F: Future<Output = ()> + Unpin,
    {
        let (phase, _) = watch::channel(Phase::Open);
        let keeper = self.keeper.take();
        let keeper = tokio::spawn(async move {
            match keeper {
                Some(keeper) => keeper.run().await,
                None => failure::unexpected("the session is held twice"),
            }
        });
        let holding =
            Holding { opened: self, console, phase, relays: JoinSet::new(), keeper, until, deadline: None };
        holding.run().await
    }
}

impl<F: Future<Output = ()> + Unpin> Holding<'_, F> {
    async fn run(mut self) -> Held {
        let mut held = None;
        while held.is_none() || !self.relays.is_empty() {
            let event = self.next(held.is_some()).await;
            if self.handle(event, &mut held) == Course::Leave {
                break;
            }
        }
        self.keeper.abort();
        self.relays.shutdown().await;
        let live = self.opened.link.borrow().clone();
        if let Some(live) = live {
            live.tunnel.close().await;
        }
        held.unwrap_or(Held::Closed)
    }

    /// The first reason to end is the one that is told.
    fn handle(&mut self, event: Event, held: &mut Option<Held>) -> Course {
        match event {
            Event::Local(Ok(local)) => self.serve(local),
            Event::Local(Err(report)) => self.console.warn(&report.message),
            Event::Left(ended) => {
                if let Err(report) = ended {
                    self.console.warn(&report.message);
                }
                self.count();
            }
            Event::Over(report) => {
                self.end_now(report.clone(), OVER);
                held.get_or_insert(Held::Ended(report));
            }
            Event::Signal(_) | Event::Late if self.is_over() => return Course::Leave,
            Event::Signal(_) if held.is_some() => self.end_now(relay::closed_here(), AT_ONCE),
            Event::Late => self.end_now(relay::closed_here(), OVER),
            Event::Signal(signal) => {
                self.drain();
                *held = Some(Held::Signal(signal));
            }
            Event::Close if held.is_none() => {
                self.drain();
                *held = Some(Held::Closed);
            }
            Event::Close => {}
            Event::Happened => {
                self.finish_soon();
                *held = Some(Held::Reached);
            }
        }
        Course::GoOn
    }

    async fn next(&mut self, ending: bool) -> Event {
        let room = !ending && self.relays.len() < MAX_CONNECTIONS;
        let over = self.is_over();
        let (signals, happening) = match &mut self.until {
            Until::Asked(signals) => (Some(signals), None),
            Until::Happens(future) => (None, Some(future)),
        };
        tokio::select! {
            local = self.opened.listener.accept(), if room => Event::Local(local),
            Some(ended) = self.relays.join_next() => Event::Left(ended.unwrap_or(Ok(()))),
            // Once it has said why the session is over, it is not asked again.
            report = &mut self.keeper, if !over => {
                Event::Over(report.unwrap_or_else(|error| failure::unexpected(error.to_string())))
            }
            signal = next_signal(signals) => Event::Signal(signal),
            () = self.opened.board.close_requested() => Event::Close,
            () = happens(happening), if !ending => Event::Happened,
            () = at(self.deadline) => Event::Late,
        }
    }

    fn serve(&mut self, local: Local) {
        let route = Route {
            link: self.opened.link.clone(),
            resource: self.opened.resource.name.clone(),
            engine: self.opened.resource.engine,
            phase: self.phase.subscribe(),
        };
        self.relays.spawn(serve_if_ours(local, route));
        self.count();
    }

    fn count(&self) {
        let connections = self.relays.len();
        self.opened.board.change(|info| info.connections = connections);
    }

    /// Nothing new; what runs may finish.
    fn drain(&mut self) {
        self.opened.board.change(|info| info.stage = Stage::Closing);
        self.phase.send_replace(Phase::Draining);
        self.deadline.get_or_insert(Instant::now() + DRAIN);
        if !self.relays.is_empty() {
            let seconds = DRAIN.as_secs();
            self.console
                .say(&format!("Closing: running statements have {seconds} s; Ctrl-C again to end now"));
        }
    }

    /// The command is done; its connections are only saying goodbye.
    fn finish_soon(&mut self) {
        self.opened.board.change(|info| info.stage = Stage::Closing);
        self.phase.send_replace(Phase::Draining);
        self.deadline = Some(Instant::now() + OVER);
    }

    fn is_over(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Over(_))
    }

    /// Every connection hears why it ends, if it listens within `patience`.
    fn end_now(&mut self, report: ErrorReport, patience: Duration) {
        self.opened.board.change(|info| info.stage = Stage::Closing);
        self.phase.send_replace(Phase::Over(report));
        self.deadline = Some(Instant::now() + patience);
    }
}

/// Not a byte is taken from a program that is not this person's.
async fn serve_if_ours(local: Local, route: Route) -> Outcome<()> {
    if let Err(report) = local.check() {
        let may_cancel = report.code == peer::UNKNOWN && local.is_cancel_request(route.engine).await;
        if !may_cancel {
            return Err(report);
        }
    }
    match local {
        Local::Tcp { stream, .. } => {
            let (reader, writer) = stream.into_split();
            relay::serve(reader, writer, route).await;
        }
        Local::Unix(stream) => {
            let (reader, writer) = stream.into_split();
            relay::serve(reader, writer, route).await;
        }
    }
    Ok(())
}

async fn next_signal(signals: Option<&mut &mut Signals>) -> Signal {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

async fn happens<F: Future<Output = ()> + Unpin>(future: Option<&mut F>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
