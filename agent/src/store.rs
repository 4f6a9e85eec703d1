//! Authority state that must survive: requests, verdicts and uses. One trait: [`sqlite`] keeps it in the agent's own
//! folder, [`postgres`] in a database that several agents share.
//!
//! What the trait promises, and [`tests`] ask of every implementation:
//! - what a method has answered is on stable storage, whatever happens to the process a moment later;
//! - a change of state happens once, however many ask for it at the same time;
//! - nobody decides a request of one's own, whichever program acts in one's name;
//! - nothing is decided or used at or behind its end.

mod key;
mod postgres;
mod sqlite;

#[cfg(test)]
mod tests;

use std::any::Any;

use connect_core::usage::{Given, UsageKey};
use connect_shared::{
    api::{HeldStatement, LabelledColumn},
    entry::PrincipalRef,
    grant::Action,
    ids::RequestId,
    request::{RequestKind, RequestState},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

#[cfg(test)]
pub(crate) use self::postgres::testing;
pub(crate) use self::postgres::{Behind, Listening, OF_REQUEST, OF_REVOCATION, Told};
pub use self::{
    key::StoreKey,
    postgres::{Looked, Own, PostgresStore},
    sqlite::SqliteStore,
};

/// Most requests of one principal that wait for a verdict.
pub const MAX_PENDING: u32 = 500;

/// Seconds since 1970-01-01T00:00:00Z.
pub type Moment = u64;

/// What two askings must have in common to be the same request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub kind: RequestKind,
    /// With the AI agent that acts: what is approved for one program is not for another.
    pub principal: PrincipalRef,
    pub resource: String,
    /// Digest of everything else that an approval holds for.
    pub binding: String,
}

/// A request that is about to be made.
#[derive(Debug, Clone)]
pub struct NewRequest {
    /// Used if there is no such request yet.
    pub id: RequestId,
    pub key: Key,
    /// The name that people read.
    pub name: String,
    pub reason: Option<String>,
    pub details: Details,
    /// The exact text, sealed by the agent's key.
    pub sealed: Option<Vec<u8>>,
    /// Digest of what an approval with any values would be for, where one can be given.
    pub template: Option<String>,
    /// Until when it can be decided.
    pub expires_at: Moment,
}

/// What is asked for, in words for whoever decides. It holds no value of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Details {
    Access {
        actions: Vec<Action>,
        seconds: u64,
    },
    Statement(Box<HeldStatement>),
    /// To see these in clear.
    Unmask {
        columns: Vec<LabelledColumn>,
        seconds: u64,
        who: Vec<String>,
    },
    /// That what these rules would hold does not wait, as long as the policy set is that of the digest. `who` and
    /// `approvals` are as those of a held statement.
    Window {
        rules: Vec<String>,
        digest: String,
        seconds: u64,
        who: Vec<String>,
        approvals: u32,
    },
    /// Nothing waits until then; whether that was right is decided afterwards.
    BreakGlass {
        until: Moment,
    },
}

/// A request as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub id: RequestId,
    pub key: Key,
    pub state: RequestState,
    pub name: String,
    pub reason: Option<String>,
    pub details: Details,
    pub sealed: Option<Vec<u8>>,
    pub created_at: Moment,
    /// Until when it can be decided; behind an approval, until when that can be used.
    pub expires_at: Moment,
    pub template: Option<String>,
    /// Of an approval with any values.
    pub runs_left: Option<u32>,
    pub verdicts: Vec<Verdict>,
}

impl Request {
    /// What it is at this moment, though nobody has noted its end yet. A broken glass is never too late to review, and
    /// stays what its review says.
    #[must_use]
    pub fn state_at(&self, now: Moment) -> RequestState {
        let ends = self.key.kind != RequestKind::BreakGlass && self.expires_at <= now;
        match self.state {
            RequestState::Pending | RequestState::Approved if ends => RequestState::Expired,
            state => state,
        }
    }

    /// When it was rejected last.
    #[must_use]
    pub fn rejected_at(&self) -> Option<Moment> {
        let rejected = self.verdicts.iter().filter(|verdict| verdict.state == RequestState::Rejected);
        rejected.map(|verdict| verdict.at).max()
    }

    /// Until when something holds by it that is for a time; `None` if nothing does, or it is of another kind.
    #[must_use]
    pub const fn holds_until(&self) -> Option<Moment> {
        match (&self.details, self.state) {
            (Details::Unmask { .. } | Details::Window { .. }, RequestState::Approved) => {
                Some(self.expires_at)
            }
            // Nobody has said yet that it was wrong.
            (Details::BreakGlass { until }, RequestState::Pending | RequestState::Approved) => Some(*until),
            _ => None,
        }
    }
}

/// How far an approval goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// It can be used until then.
    pub until: Moment,
    /// With any values, so often; `None`: once, and as it is.
    pub runs: Option<u32>,
}

/// What somebody has decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// `Approved`, `Rejected` or `Withdrawn`.
    pub state: RequestState,
    pub by: PrincipalRef,
    pub name: String,
    pub reason: Option<String>,
    pub at: Moment,
}

/// What other agents have in their logs of a request, and this one has not in its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Elsewhere {
    /// The name of the log that says that it was made.
    pub made_in: Option<String>,
    /// Each with the name of the log that has it, in their order.
    pub verdicts: Vec<(Verdict, String)>,
    /// What [`Store::mark_logged`] is told when all of it is in the log.
    pub mark: i64,
}

/// Whether something is there since now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    New,
    Known,
}

/// The state cannot be read or written, so nothing is permitted that depends on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("the store of requests cannot be used: {0}")]
    Unavailable(String),
    #[error("{MAX_PENDING} requests of this principal wait for a verdict already")]
    TooMany,
    #[error("the store of requests was written by a newer agent (version {0})")]
    Newer(i64),
    #[error(
        "the agents that use this store have another key: give all of them the same `key_file` in `[store]`"
    )]
    OtherKey,
}

/// Why a verdict does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerdictError {
    #[error("there is no such request")]
    Unknown,
    #[error("nobody decides a request of one's own")]
    Own,
    #[error("only whoever asked can take it back")]
    NotOwn,
    #[error("the request is {} already", .0.as_str())]
    Over(RequestState),
    #[error("what was looked at is not what the request is for")]
    OtherBinding,
    #[error("you have approved it already; somebody else must, too")]
    Already,
    #[error("it can be approved as it is, and not with any values: {0}")]
    NoTemplate(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps requests. Every answer is durable.
pub trait Store: Send + Sync {
    /// The pending request of this key, made if there is none.
    fn ask(&self, new: NewRequest, now: Moment) -> BoxFuture<'_, Result<(Request, Origin), StoreError>>;

    /// The pending request of this key, if there is one.
    fn pending(&self, key: Key, now: Moment) -> BoxFuture<'_, Result<Option<Request>, StoreError>>;

    fn find(&self, id: RequestId) -> BoxFuture<'_, Result<Option<Request>, StoreError>>;

    /// Requests of one person (whoever acts for it) and all that can still be decided, the newest first; without
    /// their sealed texts.
    fn list(&self, of: PrincipalRef, limit: u32) -> BoxFuture<'_, Result<Vec<Request>, StoreError>>;

    /// Remembers that `by` has looked at it; `New` the first time.
    fn seen(&self, id: RequestId, by: PrincipalRef) -> BoxFuture<'_, Result<Origin, StoreError>>;

    /// Gives a verdict on what `binding` stands for. An approval can be used as `terms` say.
    fn decide(
        &self,
        id: RequestId,
        binding: String,
        verdict: Verdict,
        terms: Terms,
    ) -> BoxFuture<'_, Result<Request, VerdictError>>;

    /// Uses the approval of a statement, or one with any values for its form: each run once, whoever else asks at the
    /// same time.
    fn take(
        &self,
        key: Key,
        template: Option<String>,
        now: Moment,
    ) -> BoxFuture<'_, Result<Option<Request>, StoreError>>;

    /// Whatever holds for a time ([`Request::holds_until`]), of everybody; the oldest first.
    fn for_a_time(&self, now: Moment) -> BoxFuture<'_, Result<Vec<Request>, StoreError>>;

    /// The glass of a resource that somebody has broken last, in whatever state.
    fn last_glass(
        &self,
        principal: PrincipalRef,
        resource: String,
    ) -> BoxFuture<'_, Result<Option<Request>, StoreError>>;

    /// Approved access of this very principal that has not ended; `New` until [`Self::mark_used`] says that this
    /// agent's log has its use.
    fn access(
        &self,
        principal: PrincipalRef,
        resource: String,
        now: Moment,
    ) -> BoxFuture<'_, Result<Vec<(Request, Origin)>, StoreError>>;

    /// The log of this agent has the use of this access, and every verdict that it is by.
    fn mark_used(&self, id: RequestId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What nobody decided or used in time, and has not ended yet; without sealed texts.
    fn over(&self, now: Moment) -> BoxFuture<'_, Result<Vec<Request>, StoreError>>;

    /// Ends it, and forgets what ended long ago.
    fn expire(&self, now: Moment) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What principals were given from this minute on.
    fn usage(&self, from: u64) -> BoxFuture<'_, Result<Vec<(UsageKey, Given)>, StoreError>>;

    /// Keeps what was given within whole minutes, in place of what was kept for them; what is older than `from`
    /// is forgotten.
    fn keep_usage(&self, given: Vec<(UsageKey, Given)>, from: u64) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The same of all other agents together.
    fn usage_elsewhere(&self, _from: u64) -> BoxFuture<'_, Result<Vec<(UsageKey, Given)>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// One verdict at a time on this request, whichever agent gives it, until what this answers is dropped. It keeps
    /// order between log and store; that a verdict counts once is [`Self::decide`]'s to see to.
    fn lock(&self, _id: RequestId) -> BoxFuture<'_, Result<Box<dyn Any + Send>, StoreError>> {
        Box::pin(async { Ok(Box::new(()) as Box<dyn Any + Send>) })
    }

    /// What the log of this agent does not have of it, as far as [`Self::mark_logged`] was told.
    fn elsewhere(&self, _id: RequestId) -> BoxFuture<'_, Result<Elsewhere, StoreError>> {
        Box::pin(async { Ok(Elsewhere::default()) })
    }

    /// The log of this agent has all that [`Elsewhere`] said.
    fn mark_logged(&self, _id: RequestId, _mark: i64) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    /// Those of them that wait for no verdict any more.
    fn decided_among(&self, _ids: Vec<RequestId>) -> BoxFuture<'_, Result<Vec<RequestId>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

fn has_approved(request: &Request, who: &PrincipalRef) -> bool {
    let mut approved = request.verdicts.iter().filter(|verdict| verdict.state == RequestState::Approved);
    approved.any(|verdict| verdict.by.is_same_person(who))
}

/// What the request is after one more approval: it waits until enough different persons have given theirs.
pub fn after_approval(request: &Request) -> RequestState {
    let needed = match &request.details {
        Details::Statement(statement) => statement.approvals,
        Details::Window { approvals, .. } => *approvals,
        Details::Access { .. } | Details::Unmask { .. } | Details::BreakGlass { .. } => 1,
    };
    let given = request.verdicts.iter().filter(|verdict| verdict.state == RequestState::Approved).count();
    if given as u64 + 1 >= u64::from(needed) { RequestState::Approved } else { RequestState::Pending }
}

/// Whether this verdict on this request counts: the rules that every implementation keeps.
pub fn may_be_decided(request: &Request, binding: &str, verdict: &Verdict) -> Result<(), VerdictError> {
    let asked = &request.key.principal;
    let own = asked.is_same_person(&verdict.by);
    match (request.state, verdict.state) {
        (_, RequestState::Withdrawn) if !own => Err(VerdictError::NotOwn),
        // It is done: whoever has broken a glass waits for the review.
        (_, RequestState::Withdrawn) if request.key.kind == RequestKind::BreakGlass => Err(VerdictError::Own),
        (_, RequestState::Approved | RequestState::Rejected) if own => Err(VerdictError::Own),
        (RequestState::Pending, _) if request.expires_at <= verdict.at => {
            Err(VerdictError::Over(RequestState::Expired))
        }
        (RequestState::Pending, RequestState::Approved) if request.key.binding != binding => {
            Err(VerdictError::OtherBinding)
        }
        (RequestState::Pending, RequestState::Approved) if has_approved(request, &verdict.by) => {
            Err(VerdictError::Already)
        }
        (
            RequestState::Pending,
            RequestState::Approved | RequestState::Rejected | RequestState::Withdrawn,
        ) => Ok(()),
        (state, _) => Err(VerdictError::Over(state)),
    }
}
