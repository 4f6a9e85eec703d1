//! Who listens, and who watches the lease.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::Sharing;
use crate::{
    serve::{Agent, now},
    store::{Listening, OF_REQUEST, OF_REVOCATION, Store as _, StoreError},
};

/// How often everything is looked at, whether somebody has told of it or not.
const LOOK: Duration = Duration::from_secs(1);
/// How long nobody tries again after the store went away.
const PAUSE: Duration = Duration::from_millis(500);
/// How often the lease is looked at.
const LEASE_LOOK: Duration = Duration::from_millis(250);

/// Why sessions end that could not hear of their end: a sentence's end.
const LAPSED: &str =
    "the agent has lost the store that tells it who may go on, and its time without it is over";

/// What woke a listener.
enum Woken {
    Told(String),
    Untold,
    Time,
    Gone,
}

impl Sharing {
    /// Listens and tells until the agent is gone.
    pub fn follow(self: &Arc<Self>, agent: &Arc<Agent>, polls: &mut JoinSet<()>) {
        polls.spawn(listen(Arc::clone(self), Arc::downgrade(agent)));
        polls.spawn(watch(Arc::clone(self), Arc::downgrade(agent)));
    }

    /// Everything that there is to tell and to hear.
    async fn round(&self, agent: &Agent) -> Result<(), StoreError> {
        let told = self.tell().await;
        self.look(agent).await?;
        told?;
        let awaited = agent.requests.awaited();
        if !awaited.is_empty() {
            let decided = self.store.decided_among(awaited).await?;
            decided.into_iter().for_each(|id| agent.requests.tell(id));
        }
        agent.requests.look_up().await;
        Ok(())
    }

    async fn tell(&self) -> Result<(), StoreError> {
        let Some(first) = self.untold.first() else { return Ok(()) };
        let mut event = first;
        let outcome = loop {
            let Ok(text) = serde_json::to_string(&event) else { break Ok(()) };
            let told = self.store.tell_event(&text, event.forgotten_at(now()), now()).await;
            if told.is_err() {
                break told;
            }
            self.untold.told(&event);
            match self.untold.first() {
                Some(next) => event = next,
                None => break Ok(()),
            }
        };
        // What is left is left for the next start, too; and what was told is not told again.
        self.untold.keep();
        outcome
    }
}

async fn listen(sharing: Arc<Sharing>, agent: Weak<Agent>) {
    loop {
        match sharing.store.listen().await {
            Ok(listening) => hear(&sharing, &agent, listening).await,
            Err(error) => tracing::debug!(%error, "nobody listens to the store"),
        }
        let Some(agent) = Weak::upgrade(&agent) else { return };
        // It may be that only the listener's own connection is gone.
        if let Err(error) = sharing.round(&agent).await {
            tracing::debug!(%error, "the store is away");
        }
        drop(agent);
        sleep(PAUSE).await;
    }
}

/// Until the connection ends or the store does not answer.
async fn hear(sharing: &Sharing, agent: &Weak<Agent>, mut listening: Listening) {
    let mut time = interval(LOOK);
    time.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let woken = tokio::select! {
            told = listening.news.recv() => told.map_or(Woken::Gone, Woken::Told),
            () = sharing.untold.added() => Woken::Untold,
            _ = time.tick() => Woken::Time,
        };
        let Some(agent) = Weak::upgrade(agent) else { return };
        let done = match woken {
            Woken::Told(what) => match what.split_once(' ') {
                Some((OF_REQUEST, id)) => {
                    // Anybody can say so who may connect to the database: whoever waits looks for themselves.
                    if let Ok(id) = id.parse() {
                        agent.requests.tell(id);
                    }
                    agent.requests.look_up().await;
                    Ok(())
                }
                _ if what == OF_REVOCATION => sharing.look(&agent).await,
                _ => Ok(()),
            },
            Woken::Untold | Woken::Time => sharing.round(&agent).await,
            Woken::Gone => return,
        };
        if done.is_err() {
            return;
        }
    }
}

/// Ends all sessions when the lease is over.
async fn watch(sharing: Arc<Sharing>, agent: Weak<Agent>) {
    loop {
        sleep(LEASE_LOOK).await;
        let Some(agent) = Weak::upgrade(&agent) else { return };
        if !sharing.left().is_zero() {
            continue;
        }
        let first = !std::mem::replace(&mut sharing.contact().lapsed, true);
        let sessions = agent.revocations.cut_all(LAPSED);
        if first || sessions > 0 {
            tracing::warn!(sessions, "the store is away for longer than its lease: sessions end");
        }
    }
}
