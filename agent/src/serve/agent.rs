//! What every part of a running agent shares.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use connect_core::{budget::LookupBudget, decide::InForce, mask::MaskKey, principal::Principal};
use connect_shared::{
    api::{IdentityInfo, OtherIdentity},
    engine::Engine,
    entry::{Entry, PrincipalRef},
    error::{ErrorReport, Exit},
    ids::ConnectionId,
};

use tokio::sync::watch;

use crate::{
    audit::Follower,
    cancel::CancelRegistry,
    config::AccessList,
    driver::Kept,
    export::Exporter,
    grants::GrantAuthority,
    identity::{IdentityVerifier, SignedIn},
    lineage::Runs,
    log::{Log, LogClosed},
    parking::Parking,
    requests::Requests,
    resource::ResourceRuntime,
    revocation::{Lifted, Lock, Revocations, Until, Whom},
    signals::Signals,
    usage::KeptUsage,
    witness::Asker,
};

/// Most database connections of the whole agent.
const MAX_CONNECTIONS: usize = 4_096;
/// Entries about strangers that were turned away, per second: they must not be able to fill the disk.
const REFUSALS_PER_SECOND: u32 = 5;

/// A running agent.
pub struct Agent {
    pub name: String,
    pub identity_info: IdentityInfo,
    pub other_identities: Vec<OtherIdentity>,
    pub identity: IdentityVerifier,
    pub grants: GrantAuthority,
    pub revocations: Arc<Revocations>,
    pub signals: Signals,
    pub auditors: AccessList,
    /// Who may end the sessions of others.
    pub revokers: AccessList,
    pub resources: BTreeMap<String, Served>,
    pub log: Log,
    pub index: Follower,
    pub runs: Arc<Runs>,
    pub witnesses: Option<Arc<Asker>>,
    pub _sinks: Exporter,
    pub mask_key: Arc<MaskKey>,
    pub lookups: Arc<LookupBudget>,
    /// What principals were given within the hour.
    pub usage: Arc<KeptUsage>,
    pub commitment_key: [u8; 32],
    pub cancels: Arc<CancelRegistry>,
    pub connections: Arc<OpenConnections>,
    pub parking: Arc<Parking>,
    /// What is kept for clients of all sessions.
    pub kept: Kept,
    /// Set when the agent is about to stop: nothing new, and what is at rest ends.
    pub draining: watch::Receiver<bool>,
    pub refusals: RefusalBudget,
    pub requests: Arc<Requests>,
    pub policies: Arc<InForce>,
}

/// A resource with its engine.
#[derive(Debug, Clone)]
pub struct Served {
    pub engine: Engine,
    pub runtime: Arc<ResourceRuntime>,
}

/// Seconds since 1970-01-01T00:00:00Z.
#[must_use]
pub fn now() -> u64 {
    wall_clock().as_secs()
}

/// Time since 1970-01-01T00:00:00Z.
#[must_use]
pub fn wall_clock() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

impl Agent {
    /// Shuts somebody out and ends their sessions (how many), and records that: what caused it, and why, for
    /// those whom it means.
    pub fn revoke(
        &self,
        whom: &Whom,
        until: &Until,
        (cause, why): (&str, &str),
        by: Option<&PrincipalRef>,
    ) -> usize {
        self.revoke_known((whom, None), until, (cause, why), by)
    }

    /// The same of a principal, by stable id and by name.
    pub fn revoke_principal(&self, principal: &Principal, until: &Until, causes: (&str, &str)) -> usize {
        let reference = &principal.reference;
        let whom = Whom::Subject { idp: reference.idp.clone(), sub: reference.sub.clone() };
        self.revoke_known((&whom, Some(&principal.name)), until, causes, None)
    }

    fn revoke_known(
        &self,
        (whom, name): (&Whom, Option<&str>),
        until: &Until,
        (cause, why): (&str, &str),
        by: Option<&PrincipalRef>,
    ) -> usize {
        let sessions = self.revocations.revoke_known((whom, name), until, why, now());
        tracing::info!(%whom, cause, sessions, "a sign-in was revoked");
        self.record(Entry::Revoked {
            cause: cause.to_owned(),
            whom: whom.to_string(),
            by: by.cloned(),
            sessions: sessions as u64,
            until: Some(until.to_string()),
        });
        sessions
    }

    /// Takes a lock off somebody.
    pub fn restore(&self, whom: &Whom, lock: &Lock, cause: &str) {
        self.revocations.restore(whom, lock, now());
        let (cause, whom) = (cause.to_owned(), whom.to_string());
        self.record(Entry::Restored { cause, whom, by: None, reason: None });
    }

    /// Lets somebody in again who was kept out for a time. It is in the log before it counts.
    ///
    /// # Errors
    /// It cannot be recorded.
    pub fn lift(&self, name: &str, by: &PrincipalRef, reason: Option<&str>) -> Result<Lifted, LogClosed> {
        self.log.append(Entry::Restored {
            cause: "operator".to_owned(),
            whom: Whom::Named(name.to_owned()).to_string(),
            by: Some(by.clone()),
            reason: reason.map(str::to_owned),
        })?;
        Ok(self.revocations.lift(name, now()))
    }

    /// Ends sessions of somebody that a newer token of theirs would not be given.
    pub fn reconsider(&self, newer: &SignedIn) {
        let may = |older: &Principal, newer: &Principal, resource: &str| {
            // What is open stays as the role that it was opened with.
            let keeps_role = self.grants.keeps_role(older, newer, resource);
            if keeps_role { self.grants.may(newer, resource) } else { Vec::new() }
        };
        let sessions = self.revocations.reconsider(newer, may);
        if !sessions.is_empty() {
            self.record_groups(&newer.principal.reference, sessions.len() as u64);
        }
    }

    /// Records that sessions ended because somebody is in other groups than before.
    pub fn record_groups(&self, reference: &PrincipalRef, sessions: u64) {
        let whom = format!("subject {} of {}", reference.sub, reference.idp);
        let cause = "groups".to_owned();
        self.record(Entry::Revoked { cause, whom, by: None, sessions, until: None });
    }

    /// A log that is closed has said so; what was ordered is in force either way.
    fn record(&self, entry: Entry) {
        if let Err(error) = self.log.append(entry) {
            tracing::warn!(%error, "a revocation could not be recorded");
        }
    }

    /// Appends an entry about somebody who was turned away, while the budget for such lasts.
    pub fn record_refusal(&self, entry: Entry) {
        if self.refusals.spend(Instant::now())
            && let Err(error) = self.log.append(entry)
        {
            tracing::debug!(%error, "a refusal could not be recorded");
        }
    }
}

/// The answer of an agent that cannot record: it lets nobody do anything.
#[must_use]
pub fn record_unavailable(error: &LogClosed) -> ErrorReport {
    tracing::warn!(%error, "the log does not take entries");
    ErrorReport::new(
        "record_unavailable",
        Exit::Unreachable,
        "the agent cannot write its log now, so it lets nobody in",
    )
    .help("tell the operator of the agent; its `/readyz` says why")
    .retryable()
}

/// How many refusals of strangers may still be recorded.
#[derive(Debug)]
pub struct RefusalBudget(Mutex<(Instant, u32)>);

impl Default for RefusalBudget {
    fn default() -> Self {
        Self(Mutex::new((Instant::now(), REFUSALS_PER_SECOND)))
    }
}

impl RefusalBudget {
    fn spend(&self, now: Instant) -> bool {
        let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, left) = &mut *budget;
        if now.saturating_duration_since(*since) >= Duration::from_secs(1) {
            (*since, *left) = (now, REFUSALS_PER_SECOND);
        }
        *left = match left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

/// Ids of all open database connections: an id names one of them at a time, whoever chose it.
#[derive(Debug, Default)]
pub struct OpenConnections(Mutex<HashSet<ConnectionId>>);

/// A place among the open connections; given back when this is dropped.
#[derive(Debug)]
pub struct OpenConnection {
    all: Arc<OpenConnections>,
    id: ConnectionId,
}

/// Why there is no place for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    Full,
    /// The id is in use.
    Taken,
}

impl OpenConnections {
    /// A place for the connection `id`.
    ///
    /// # Errors
    /// The agent is full, or has a connection of that id.
    pub fn enter(self: &Arc<Self>, id: ConnectionId) -> Result<OpenConnection, NoPlace> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_CONNECTIONS {
            return Err(NoPlace::Full);
        }
        if !open.insert(id) {
            return Err(NoPlace::Taken);
        }
        Ok(OpenConnection { all: Arc::clone(self), id })
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_connection_is_taken_until_that_connection_ends() {
        let open = Arc::new(OpenConnections::default());
        let id = ConnectionId::from_random([5; 16]);
        let place = open.enter(id).expect("the first");
        assert_eq!(open.enter(id).err(), Some(NoPlace::Taken));
        drop(place);
        assert!(open.enter(id).is_ok());
    }

    #[test]
    fn strangers_cannot_make_the_agent_write_without_end() {
        let budget = RefusalBudget::default();
        let now = Instant::now();
        let spent = (0..1_000).filter(|_| budget.spend(now)).count();
        assert_eq!(spent, REFUSALS_PER_SECOND as usize);
        assert!(budget.spend(now + Duration::from_secs(2)));
    }
}
