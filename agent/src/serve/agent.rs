//! What every part of a running agent shares.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use connect_core::{decide::InForce, mask::MaskKey, principal::Principal};
use connect_shared::{
    api::{IdentityInfo, OtherIdentity},
    engine::Engine,
    entry::{Entry, PrincipalRef},
    error::{ErrorReport, Exit},
    ids::ConnectionId,
};

use tokio::sync::watch;

use super::counts::Counts;
use crate::{
    audit::Follower,
    budgets::KeptBudgets,
    cancel::CancelRegistry,
    config::AccessList,
    console::Console,
    driver::Kept,
    exact::Texts,
    export::Exporter,
    grants::GrantAuthority,
    identity::{IdentityVerifier, SignedIn},
    lineage::Runs,
    log::{Log, LogClosed},
    parking::Parking,
    requests::Requests,
    resource::ResourceRuntime,
    revocation::{Lifted, Lock, Revocations, Until, Whom},
    sharing::Sharing,
    signals::Signals,
    usage::KeptUsage,
    witness::Asker,
};

/// Most database connections of the whole agent.
const MAX_CONNECTIONS: usize = 4_096;
/// Entries about strangers that were turned away, per second: they must not be able to fill the disk.
const REFUSALS_PER_SECOND: u32 = 5;
const REFUSALS_EACH: Duration = Duration::from_secs(1);

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
    pub sinks: Exporter,
    pub counts: Counts,
    pub mask_key: Arc<MaskKey>,
    pub budgets: Arc<KeptBudgets>,
    /// What principals were given within the hour.
    pub usage: Arc<KeptUsage>,
    pub commitment_key: [u8; 32],
    /// Exact texts, if they are kept.
    pub(crate) texts: Option<Texts>,
    pub text_readers: AccessList,
    pub cancels: Arc<CancelRegistry>,
    pub connections: Arc<OpenConnections>,
    pub parking: Arc<Parking>,
    /// What is kept for clients of all sessions.
    pub kept: Kept,
    /// Set when the agent is about to stop: nothing new, and what is at rest ends.
    pub draining: watch::Receiver<bool>,
    pub refusals: Arc<RefusalBudget>,
    pub requests: Arc<Requests>,
    /// Where several agents share a store.
    pub sharing: Option<Arc<Sharing>>,
    /// The agent's pages, if it has some.
    pub console: Option<Console>,
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
        if let Some(console) = &self.console {
            // They do not come back when the time is over for which somebody was kept out.
            console.end(|standing| self.revocations.means(whom, until, standing, now()));
        }
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
        let sessions = self.revocations.reconsider(newer, may, now());
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

    /// Appends an entry about somebody who was turned away, while the budget for such lasts. How many were left out
    /// is an entry a second later.
    pub fn record_refusal(&self, entry: Entry) {
        let is_known = matches!(entry, Entry::GrantRefused { principal: Some(_), .. });
        let spent = match self.refusals.spend(is_known, Instant::now()) {
            Spent::Recorded if self.log.append(entry).is_ok() => return,
            Spent::Recorded => self.refusals.leave_out(),
            left_out => left_out,
        };
        if spent == Spent::FirstLeftOut {
            tokio::spawn(tell_left_out(self.log.clone(), Arc::clone(&self.refusals)));
        }
    }
}

/// Says in the log how many refusals are not in it, as soon as it takes that.
async fn tell_left_out(log: Log, refusals: Arc<RefusalBudget>) {
    loop {
        tokio::time::sleep(REFUSALS_EACH).await;
        let count = refusals.left_out();
        match log.append(Entry::RefusalsLeftOut { count }) {
            Ok(_) if refusals.told(count) => return,
            Ok(_) => {}
            Err(LogClosed::Stopped) => return,
            Err(error) => tracing::debug!(%error, "what was left out of the log cannot be recorded yet"),
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

/// How many refusals may still be recorded, and how many were not.
#[derive(Debug, Default)]
pub struct RefusalBudget(Mutex<Refusals>);

#[derive(Debug, Default)]
struct Refusals {
    /// Strangers, whom nothing stops from coming again and again, take nothing from who is known.
    strangers: Bucket,
    known: Bucket,
    left_out: u64,
    /// Somebody will say so in the log.
    is_telling: bool,
}

/// What was recorded since when.
#[derive(Debug, Default)]
struct Bucket(Option<Instant>, u32);

/// What becomes of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spent {
    Recorded,
    /// The count must be recorded soon.
    FirstLeftOut,
    LeftOut,
}

impl RefusalBudget {
    fn spend(&self, is_known: bool, now: Instant) -> Spent {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = if is_known { &mut refusals.known } else { &mut refusals.strangers };
        if bucket.spend(now) { Spent::Recorded } else { refusals.leave_out() }
    }

    fn leave_out(&self) -> Spent {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).leave_out()
    }

    pub(super) fn left_out(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).left_out
    }

    /// So many stand in the log now. Gives whether that is all.
    fn told(&self, count: u64) -> bool {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.left_out = refusals.left_out.saturating_sub(count);
        refusals.is_telling = refusals.left_out > 0;
        !refusals.is_telling
    }
}

impl Refusals {
    fn leave_out(&mut self) -> Spent {
        self.left_out += 1;
        if std::mem::replace(&mut self.is_telling, true) { Spent::LeftOut } else { Spent::FirstLeftOut }
    }
}

impl Bucket {
    fn spend(&mut self, now: Instant) -> bool {
        let Self(since, recorded) = self;
        if since.is_none_or(|since| now.saturating_duration_since(since) >= REFUSALS_EACH) {
            (*since, *recorded) = (Some(now), 0);
        }
        *recorded += 1;
        *recorded <= REFUSALS_PER_SECOND
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
    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

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
        let spent: Vec<Spent> = (0..1_000).map(|_| budget.spend(false, now)).collect();
        assert_eq!(
            spent.iter().filter(|spent| **spent == Spent::Recorded).count(),
            REFUSALS_PER_SECOND as usize
        );
        assert_eq!(spent.iter().filter(|spent| **spent == Spent::FirstLeftOut).count(), 1);
        assert_eq!(budget.spend(true, now), Spent::Recorded, "somebody who is known has room of their own");
        let left_out = 1_000 - u64::from(REFUSALS_PER_SECOND);
        assert_eq!(budget.left_out(), left_out);
        assert!(!budget.told(left_out - 1) && budget.told(1), "until all are told");
        assert_eq!(budget.spend(false, now), Spent::FirstLeftOut);
        assert_eq!(budget.spend(false, now + Duration::from_secs(2)), Spent::Recorded);
    }
}
