//! Requests from asking to use: the store keeps them, the log has every step, and whoever waits is told.
//!
//! Order, so that a crash never leaves more than was decided: a verdict is in the log before it is in the
//! store (if we stop between, it has not been given, and can be given again); a use is in the store before
//! it is in the log, and in both before anything runs on it (if we stop between, it is lost, and the
//! statement has not run). Access can be used again and again: that this agent's log has its use is noted behind
//! that, and until then nothing is granted on it (if we stop between, the log has it twice).
//!
//! Where several agents share the store, a step is in the log of the agent that took it. An agent that uses an
//! approval has the verdicts of others in its own log, too, before the use, and what holds for a time before it holds
//! there: so each log says by itself why something could run. The end of what nobody decided is in the log of whoever notices it first, sometimes of two.

mod entry;
mod hold;
mod seal;
mod terms;
mod time;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
    time::Duration,
};

use connect_core::principal::Principal;
use connect_shared::{
    api::AnyValues,
    entry::{Entry, PrincipalRef, RequestEntry},
    grant::Action,
    hexadecimal::hexadecimal,
    ids::RequestId,
    request::{RequestKind, RequestState, RequestStep, Through},
};
use tokio::{sync::watch, time::timeout};

use self::{
    entry::{entry, request_entry},
    seal::Seal,
};
pub use self::{
    hold::{Holder, Waiting},
    time::{Held, WindowWish},
};
use crate::{
    config::RequestsConfig,
    keys,
    log::{Log, LogClosed},
    notify::Notices,
    serve::now,
    store::{
        Details, Elsewhere, Key, NewRequest, Origin, Request, Store, StoreError, Verdict, VerdictError,
        may_be_decided,
    },
};

/// How often requests are looked through for those that are over.
const SWEEP: Duration = Duration::from_secs(15);

/// Everything about requests that the parts of an agent share.
pub struct Requests {
    store: Arc<dyn Store>,
    log: Log,
    seal: Seal,
    config: RequestsConfig,
    /// One verdict at a time, of this agent's; among agents the store keeps the order. What the log says was decided
    /// is what the store takes.
    deciding: tokio::sync::Mutex<()>,
    waiting: Mutex<HashMap<RequestId, watch::Sender<()>>>,
    /// What holds for a time.
    held: watch::Sender<Held>,
    /// One look at it at a time: the last one is the newest.
    looking: tokio::sync::Mutex<()>,
    /// Who is told in a chat or elsewhere.
    notices: OnceLock<Notices>,
    /// Where requests have pages.
    pages: OnceLock<Arc<str>>,
}

/// Why a request cannot be made, found or used.
#[derive(Debug, thiserror::Error)]
pub enum RequestsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Verdict(VerdictError),
    #[error(transparent)]
    Log(#[from] LogClosed),
    #[error("nobody has reviewed yet whether you broke the glass rightly the last time ({0})")]
    Unreviewed(RequestId),
    #[error("the glass that you broke the last time was rejected less than a day ago ({0})")]
    BrokenWrongly(RequestId),
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl From<VerdictError> for RequestsError {
    fn from(error: VerdictError) -> Self {
        match error {
            VerdictError::Store(error) => Self::Store(error),
            other => Self::Verdict(other),
        }
    }
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("config", &self.config).finish_non_exhaustive()
    }
}

/// What of a held statement holds values: it stands in the store sealed and nowhere else.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Opened {
    pub text: String,
    pub parameters: Vec<String>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({} bytes)", self.text.len())
    }
}

/// What only a held statement has.
#[derive(Debug, Default)]
struct HeldText {
    open: Option<Opened>,
    /// Digest of its form with any values.
    template: Option<String>,
}

/// Who decides, and what.
#[derive(Debug, Clone)]
pub struct Given {
    pub state: RequestState,
    pub by: Principal,
    pub reason: Option<String>,
    /// What the approver was shown.
    pub binding: String,
    /// Of an approval: not as it is, but its form with any values.
    pub any_values: Option<AnyValues>,
    /// Where, if not by the control API.
    pub through: Option<Through>,
}

/// Who took a step, in which words, and where.
#[derive(Clone, Copy)]
struct By<'a> {
    who: &'a Principal,
    reason: Option<&'a str>,
    through: Option<Through>,
}

impl Requests {
    /// `key` seals texts: the agent's own, or that of all agents of the store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, log: Log, key: &[u8; 32], config: RequestsConfig) -> Arc<Self> {
        Arc::new(Self {
            store,
            log,
            seal: Seal::new(key),
            config,
            deciding: tokio::sync::Mutex::default(),
            waiting: Mutex::default(),
            held: watch::Sender::default(),
            looking: tokio::sync::Mutex::default(),
            notices: OnceLock::new(),
            pages: OnceLock::new(),
        })
    }

    /// Has others told of requests and verdicts from now on; the first to say so counts.
    pub fn announce_by(&self, notices: Notices) {
        let _first_counts = self.notices.set(notices);
    }

    /// Says where requests have pages: the id of one behind it is the address of its page.
    pub fn have_pages_at(&self, address: Arc<str>) {
        let _first_counts = self.pages.set(address);
    }

    pub fn pages(&self) -> Option<Arc<str>> {
        self.pages.get().cloned()
    }

    /// Never waits: whoever is told hears it in time or not at all.
    fn announce(&self, request: &Request, step: RequestStep) {
        if let Some(notices) = self.notices.get() {
            notices.tell(request, step);
        }
    }

    /// Ends what is over, for as long as somebody holds the requests.
    pub fn sweep(self: &Arc<Self>) {
        let requests = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(requests) = Weak::upgrade(&requests) {
                let next = requests.look_up().await;
                if let Err(error) = requests.end_what_is_over().await {
                    tracing::warn!(%error, "requests cannot be looked through");
                }
                drop(requests);
                // What ends before the next look is seen to end.
                let left = next.map_or(SWEEP, |next| Duration::from_secs(next.saturating_sub(now())));
                tokio::time::sleep(left.clamp(Duration::from_secs(1), SWEEP)).await;
            }
        });
    }

    async fn end_what_is_over(&self) -> Result<(), RequestsError> {
        let now = now();
        let over = self.store.over(now).await?;
        // What is over nothing brings back. It stands in the log before the store lets go of it: where the log does not
        // take it, the next sweep finds it again, and some are told of twice.
        let log = self.log.pin();
        let told = over.iter().map(|request| log.append(entry(request, RequestStep::Expired, None)));
        if let Some(last) = told.collect::<Result<Vec<_>, _>>()?.last() {
            log.wait_durable(*last).await?;
        }
        self.store.expire(now).await?;
        over.iter().for_each(|request| self.tell(request.id));
        Ok(())
    }

    pub const fn config(&self) -> &RequestsConfig {
        &self.config
    }

    /// Requests that a held statement waits for.
    pub fn waited_for(&self) -> usize {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().filter(|sender| sender.receiver_count() > 0).count()
    }

    /// Asks for access.
    ///
    /// # Errors
    /// The store or the log does not take it.
    pub async fn ask_for_access(
        &self,
        principal: &Principal,
        resource: &str,
        actions: Vec<Action>,
        seconds: u64,
        reason: Option<String>,
    ) -> Result<Request, RequestsError> {
        let key = Key {
            kind: RequestKind::Access,
            principal: principal.reference.clone(),
            resource: resource.to_owned(),
            binding: access_binding(resource, &actions, seconds),
        };
        let details = Details::Access { actions, seconds };
        self.ask(key, &principal.name, reason, details, None).await
    }

    async fn ask(
        &self,
        key: Key,
        name: &str,
        reason: Option<String>,
        details: Details,
        held: Option<HeldText>,
    ) -> Result<Request, RequestsError> {
        let id = RequestId::from_random(keys::random().map_err(|_| RequestsError::NoRandomness)?);
        let HeldText { open, template } = held.unwrap_or_default();
        let sealed = match open.and_then(|open| serde_json::to_vec(&open).ok()) {
            Some(open) => Some(self.seal.seal(id, &open).ok_or(RequestsError::NoRandomness)?),
            None => None,
        };
        let name = name.to_owned();
        let moment = now();
        let expires_at = moment.saturating_add(self.config.lifetime.as_secs());
        let new = NewRequest { id, key, name, reason, details, sealed, template, expires_at };
        let (request, origin) = self.store.ask(new, moment).await?;
        if origin == Origin::New {
            self.record(&request, RequestStep::Requested, None).await?;
            tracing::info!(request = %request.id, resource = %request.key.resource, "an approval is asked for");
            self.announce(&request, RequestStep::Requested);
        }
        Ok(request)
    }

    /// One request; `None` if there is none of this id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn find(&self, id: RequestId) -> Result<Option<Request>, RequestsError> {
        Ok(self.store.find(id).await?)
    }

    /// Those of one person, and all that can be decided.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self, of: &PrincipalRef, limit: u32) -> Result<Vec<Request>, RequestsError> {
        Ok(self.store.list(of.clone(), limit).await?)
    }

    /// The exact text of a held statement and its values, if they are still kept.
    pub fn opened(&self, request: &Request) -> Option<Opened> {
        let open = self.seal.open(request.id, request.sealed.as_deref()?)?;
        serde_json::from_slice(&open).ok()
    }

    /// Somebody who may decide has looked at it.
    ///
    /// # Errors
    /// The store or the log does not take it.
    pub async fn seen(
        &self,
        request: &Request,
        by: &Principal,
        through: Option<Through>,
    ) -> Result<(), RequestsError> {
        if self.store.seen(request.id, by.reference.clone()).await? == Origin::New {
            let by = By { who: by, reason: None, through };
            self.log.append(entry(request, RequestStep::Seen, Some(by)))?;
        }
        Ok(())
    }

    /// Gives a verdict. Who may is the caller's to check, but for requests of one's own.
    ///
    /// # Errors
    /// It does not count, or cannot be kept.
    pub async fn decide(&self, id: RequestId, given: Given) -> Result<Request, RequestsError> {
        let _one_at_a_time = self.deciding.lock().await;
        let _among_agents = self.store.lock(id).await?;
        let request = self.store.find(id).await?.ok_or(RequestsError::Verdict(VerdictError::Unknown))?;
        let moment = now();
        let verdict = Verdict {
            state: given.state,
            by: given.by.reference.clone(),
            name: given.by.name.clone(),
            reason: given.reason.clone(),
            at: moment,
        };
        may_be_decided(&request, &given.binding, &verdict)?;
        let terms = self.terms(&request, &given, moment)?;
        let step = step_of(given.state);
        let shown = Request { expires_at: terms.until, runs_left: terms.runs, ..request };
        let by = By { who: &given.by, reason: given.reason.as_deref(), through: given.through };
        self.record(&shown, step, Some(by)).await?;
        let decided = self.store.decide(id, given.binding, verdict, terms).await?;
        self.look_up().await;
        self.tell(id);
        self.announce(&decided, step);
        tracing::info!(request = %id, state = decided.state.as_str(), "a request was decided");
        Ok(decided)
    }

    /// Approved access that has not ended.
    ///
    /// # Errors
    /// The store or the log does not answer.
    pub async fn access(
        &self,
        principal: &PrincipalRef,
        resource: &str,
    ) -> Result<Vec<Request>, RequestsError> {
        let found = self.store.access(principal.clone(), resource.to_owned(), now()).await?;
        let mut requests = Vec::with_capacity(found.len());
        for (request, origin) in found {
            if origin == Origin::New {
                self.record_elsewhere(&request).await?;
                self.record(&request, RequestStep::Used, None).await?;
                // Not before: what did not come into the log is tried again with the next use.
                self.store.mark_used(request.id).await?;
            }
            requests.push(request);
        }
        Ok(requests)
    }

    /// Uses the approval of a statement, once. The use is on the disk, in store and log, before this answers.
    async fn take(&self, key: Key, template: Option<String>) -> Result<Option<Request>, RequestsError> {
        let taken = self.store.take(key, template, now()).await?;
        if let Some(request) = &taken {
            self.record_elsewhere(request).await?;
            self.record(request, RequestStep::Used, None).await?;
            self.tell(request.id);
        }
        Ok(taken)
    }

    /// The request as soon as it is decided or over, or as it is after `patience`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn decided(&self, id: RequestId, patience: Duration) -> Result<Option<Request>, RequestsError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            let mut news = self.subscribe(id);
            let Some(request) = self.store.find(id).await? else { return Ok(None) };
            let left = request.expires_at.saturating_sub(now());
            let patience = deadline.saturating_duration_since(tokio::time::Instant::now());
            if request.state != RequestState::Pending || left == 0 || patience.is_zero() {
                return Ok(Some(request));
            }
            // Running out is the ordinary case.
            let _ = timeout(patience.min(Duration::from_secs(left)), news.changed()).await;
        }
    }

    fn subscribe(&self, id: RequestId) -> watch::Receiver<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        waiting.entry(id).or_insert_with(|| watch::channel(()).0).subscribe()
    }

    /// Those that somebody waits for.
    pub(crate) fn awaited(&self) -> Vec<RequestId> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let awaited = waiting.iter().filter(|(_, sender)| sender.receiver_count() > 0);
        awaited.map(|(id, _)| *id).collect()
    }

    /// Whoever waits for this one looks at it again.
    pub(crate) fn tell(&self, id: RequestId) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.get(&id) {
            sender.send_replace(());
        }
    }

    /// What this agent's own log does not say yet: verdicts of other agents, and a glass that was broken at one.
    async fn record_elsewhere(&self, request: &Request) -> Result<(), RequestsError> {
        let Elsewhere { made_in, verdicts, mark } = self.store.elsewhere(request.id).await?;
        let mut entries = Vec::new();
        if let Some(log) = made_in.filter(|_| request.key.kind == RequestKind::BreakGlass) {
            let made = request_entry(request, RequestStep::BrokenGlass, None);
            entries.push(RequestEntry { first_in: Some(log), ..made });
        }
        for (verdict, log) in verdicts {
            let step = step_of(verdict.state);
            let by = Principal { reference: verdict.by, name: verdict.name, groups: Vec::new() };
            let by = By { who: &by, reason: verdict.reason.as_deref(), through: None };
            entries.push(RequestEntry { first_in: Some(log), ..request_entry(request, step, Some(by)) });
        }
        let log = self.log.pin();
        let appended = entries.into_iter().map(|entry| log.append(Entry::Request(Box::new(entry))));
        let Some(last) = appended.collect::<Result<Vec<_>, _>>()?.pop() else { return Ok(()) };
        log.wait_durable(last).await?;
        if let Err(error) = self.store.mark_logged(request.id, mark).await {
            tracing::debug!(request = %request.id, %error, "what other agents have decided may come into the log twice");
        }
        Ok(())
    }

    async fn record(
        &self,
        request: &Request,
        step: RequestStep,
        by: Option<By<'_>>,
    ) -> Result<(), RequestsError> {
        let seq = self.log.append(entry(request, step, by))?;
        Ok(self.log.wait_durable(seq).await?)
    }
}

const fn step_of(verdict: RequestState) -> RequestStep {
    match verdict {
        RequestState::Approved => RequestStep::Approved,
        RequestState::Rejected => RequestStep::Rejected,
        _ => RequestStep::Withdrawn,
    }
}

fn access_binding(resource: &str, actions: &[Action], seconds: u64) -> String {
    let text = format!("connect.access/1 {resource:?} {actions:?} {seconds}");
    hexadecimal(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}
