//! Several agents on one store: each hears what the others have decided and revoked, and tells them its own.
//!
//! Words come at once, by the store's notifications, and everything is looked at again every second, so that a word
//! that was lost costs a second. Before anything new is granted the store is asked whether there is news; while it is
//! away nothing new is granted. What was granted before goes on for the lease: behind that, sessions that cannot
//! hear of their end have ended.
//!
//! Read next: [`follow`] for who listens, [`crate::revocation`] for what is told.

mod follow;
#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
    hexadecimal::hexadecimal,
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    revocation::{Event, Kept, Untold},
    serve::{Agent, now},
    store::{Behind, PostgresStore, StoreError, Told},
};

/// For how long nobody asks again what did not answer a moment ago; who follows asks all the same.
const FRESH: Duration = Duration::from_secs(2);
/// Within this time a look is done, or is an error.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// Up to which event of which store everything was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    store: String,
    number: i64,
    /// Digest of that event.
    #[serde(default)]
    event: String,
}

impl Cursor {
    const fn start_of(store: String) -> Self {
        Self { store, number: 0, event: String::new() }
    }

    fn advance(&mut self, last: &Told) {
        self.number = last.number;
        self.event = digest(&last.event);
    }

    /// The store has not given this number yet, or has given it to something else: it was restored from a backup, and
    /// what it tells since then has numbers that were heard.
    fn is_of_another_past(&self, behind: &Behind) -> bool {
        let is_other = |event: &String| !self.event.is_empty() && digest(event) != self.event;
        behind.newest < self.number || behind.at.as_ref().is_some_and(is_other)
    }
}

fn digest(event: &str) -> String {
    hexadecimal(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, event.as_bytes()).as_ref())
}

/// How it stands with the store.
#[derive(Debug)]
struct Contact {
    /// When all news was heard last.
    heard_at: Instant,
    /// Why it cannot be reached now, and when that was seen last.
    failure: Option<(String, Instant)>,
    /// The lease is over, and the sessions are cut.
    lapsed: bool,
}

/// What an agent has for sharing a store.
pub struct Sharing {
    store: Arc<PostgresStore>,
    lease: Duration,
    contact: Mutex<Contact>,
    /// One after the other: events count in their order.
    cursor: tokio::sync::Mutex<Cursor>,
    /// `heard.json` of the state folder.
    kept: Kept,
    untold: Arc<Untold>,
}

/// The same for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Why the store cannot be reached; none: it can.
    pub failure: Option<String>,
    /// For how long nothing was heard.
    pub unheard: Duration,
    pub lapsed: bool,
    /// What other agents do not know yet.
    pub untold: usize,
}

impl std::fmt::Debug for Sharing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharing").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Sharing {
    /// With what was heard, and not told, before the agent was started.
    ///
    /// # Errors
    /// A file of the state folder is damaged.
    pub fn open(store: Arc<PostgresStore>, lease: Duration, state: &Path) -> Result<Arc<Self>, String> {
        let kept = Kept::new(state.join("heard.json"));
        let known: Cursor =
            kept.read("what was heard from other agents", "remove it to hear all of it again")?;
        // What another store has told has other numbers.
        let cursor = match known.store == store.id() {
            true => known,
            false => Cursor::start_of(store.id().to_owned()),
        };
        let contact = Contact { heard_at: Instant::now(), failure: None, lapsed: false };
        Ok(Arc::new(Self {
            store,
            lease,
            contact: Mutex::new(contact),
            cursor: tokio::sync::Mutex::new(cursor),
            kept,
            untold: Arc::new(Untold::open(state.join("untold.json"))?),
        }))
    }

    /// What the agent has still to tell.
    pub(crate) const fn untold(&self) -> &Arc<Untold> {
        &self.untold
    }

    /// Hears what there is: when this answers, everything that was revoked anywhere before it was asked is in force
    /// here. While the store is away most hear so at once.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn catch_up(&self, agent: &Agent) -> Result<(), StoreError> {
        let failure = self.contact().failure.clone();
        match failure {
            Some((failure, at)) if at.elapsed() < FRESH => Err(StoreError::Unavailable(failure)),
            _ => self.look(agent).await,
        }
    }

    /// The same, whatever became of it a moment ago.
    async fn look(&self, agent: &Agent) -> Result<(), StoreError> {
        let began = Instant::now();
        // Whoever comes while another one looks waits no longer than alone.
        let heard = timeout(LONGEST_LOOK, self.hear_all(agent)).await;
        let heard =
            heard.unwrap_or_else(|_| Err(StoreError::Unavailable("it did not answer in time".into())));
        let mut contact = self.contact();
        match &heard {
            Ok(()) => {
                if let Some((failure, _)) = contact.failure.take() {
                    tracing::info!(failure, "the store is back");
                }
                contact.heard_at = contact.heard_at.max(began);
                contact.lapsed = false;
            }
            Err(error) => {
                if contact.failure.replace((error.to_string(), Instant::now())).is_none() {
                    tracing::warn!(%error, lease = ?self.lease, "the store is away: nothing new is granted or approved");
                }
            }
        }
        heard
    }

    async fn hear_all(&self, agent: &Agent) -> Result<(), StoreError> {
        let mut cursor = self.cursor.lock().await;
        loop {
            let behind = self.store.events_behind(cursor.number).await?;
            if cursor.is_of_another_past(&behind) {
                tracing::warn!("the store was restored: all that it tells is heard again");
                self.hear_again(agent, &mut cursor).await?;
                continue;
            }
            let Some(last) = behind.told.last() else { return Ok(()) };
            for told in behind.told.iter().filter(|told| !told.is_own) {
                hear(agent, &understood(told)?);
            }
            cursor.advance(last);
            self.keep(&cursor);
        }
    }

    /// Hears all of it. What this agent knows and the store does not any more stays in force: nothing that takes
    /// something back is heard, and neither is what it has taken back.
    async fn hear_again(&self, agent: &Agent, cursor: &mut Cursor) -> Result<(), StoreError> {
        let mut again = Cursor::start_of(cursor.store.clone());
        let mut events = Vec::new();
        loop {
            let told = self.store.events_behind(again.number).await?.told;
            let Some(last) = told.last() else { break };
            again.advance(last);
            for told in &told {
                events.push((understood(told)?, told.is_own));
            }
        }
        let in_force = agent.revocations.not_taken_back(events);
        in_force.iter().filter(|(_, is_own)| !is_own).for_each(|(event, _)| hear(agent, event));
        *cursor = again;
        self.keep(cursor);
        Ok(())
    }

    fn keep(&self, cursor: &Cursor) {
        if let Err(error) = self.kept.write(&Mutex::new(cursor.clone())) {
            tracing::warn!(%error, "what was heard cannot be kept; a restart would hear it again");
        }
    }

    /// Nothing is heard as long as this is held.
    #[cfg(test)]
    pub(crate) async fn deafen(&self) -> impl Sized + '_ {
        self.cursor.lock().await
    }

    /// Whether everything is heard. `Err`: nothing new may be granted, and why.
    ///
    /// # Errors
    /// The store is away.
    pub fn in_contact(&self) -> Result<(), ErrorReport> {
        match &self.contact().failure {
            None => Ok(()),
            Some((failure, _)) => {
                tracing::debug!(failure, "something new was asked for while the store is away");
                Err(away())
            }
        }
    }

    /// How long what was granted goes on. Zero: it is over.
    pub fn left(&self) -> Duration {
        let contact = self.contact();
        match contact.lapsed {
            true => Duration::ZERO,
            false => self.lease.saturating_sub(contact.heard_at.elapsed()),
        }
    }

    pub fn standing(&self) -> Standing {
        let contact = self.contact();
        Standing {
            failure: contact.failure.as_ref().map(|(failure, _)| failure.clone()),
            unheard: contact.heard_at.elapsed(),
            lapsed: contact.lapsed,
            untold: self.untold.count(),
        }
    }

    fn contact(&self) -> MutexGuard<'_, Contact> {
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a newer agent has told may not be. Whoever may have to go cannot stay because it was not understood.
fn understood(told: &Told) -> Result<Event, StoreError> {
    serde_json::from_str(&told.event).map_err(|error| {
        StoreError::Unavailable(format!(
            "another agent has told what this one does not understand (event {}, {error}): update this agent",
            told.number
        ))
    })
}

/// Does what another agent has done, and says so in this agent's own log.
fn hear(agent: &Agent, event: &Event) {
    let sessions = agent.revocations.hear(event, now()) as u64;
    let cause = "another_agent".to_owned();
    let entry = match event {
        Event::ShutOut { whom, until, .. } => {
            let (whom, until) = (whom.to_string(), Some(until.to_string()));
            Entry::Revoked { cause, whom, by: None, sessions, until }
        }
        Event::Restored { whom, .. } => {
            Entry::Restored { cause, whom: whom.to_string(), by: None, reason: None }
        }
        Event::Lifted { name } => {
            Entry::Restored { cause, whom: format!("principal {name}"), by: None, reason: None }
        }
        // Of other sessions than those that are here nothing is to be said.
        Event::Ended { .. } | Event::OwnEnded { .. } if sessions == 0 => return,
        Event::Ended { .. } => {
            Entry::Revoked { cause, whom: "parts of a grant".to_owned(), by: None, sessions, until: None }
        }
        Event::OwnEnded { owner, .. } => {
            let whom = format!("subject {} of {}", owner.sub, owner.idp);
            Entry::Revoked { cause, whom, by: Some(owner.clone()), sessions, until: None }
        }
    };
    if let Err(error) = agent.log.append(entry) {
        tracing::warn!(%error, "a revocation of another agent could not be recorded");
    }
}

/// The answer while the store is away.
#[must_use]
pub fn away() -> ErrorReport {
    let words =
        "the agent cannot reach the store that it shares with others, so it grants and approves nothing now";
    ErrorReport::new("store_unavailable", Exit::Unreachable, words)
        .help("try again in a moment, or tell the operator of the agent; its `/readyz` says why")
        .retryable()
}
