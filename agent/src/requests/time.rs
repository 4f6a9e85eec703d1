//! What is approved for a time: columns in clear, what some rules would hold, and a broken glass. The store has it;
//! a copy in memory is what connections look at, and they are told when it changes. What cannot be looked up does not
//! hold.

use std::{collections::HashMap, sync::Arc};

use connect_core::{
    approval::{Leave, LeaveOf, Leaves},
    principal::Principal,
};
use connect_shared::{
    api::LabelledColumn,
    entry::PrincipalRef,
    hexadecimal::hexadecimal,
    ids::RequestId,
    request::{RequestKind, RequestState, RequestStep},
};
use tokio::sync::watch;

use super::{Requests, RequestsError, hold::approver};
use crate::{
    keys,
    serve::now,
    store::{Details, Key, Moment, NewRequest, Request},
};

/// A broken glass can be reviewed for as long as there is anybody who could.
const FOR_EVER: Moment = 1 << 40;

/// Whoever broke it wrongly does not break it again for so long, in seconds.
const AFTER_A_REJECTION: u64 = 24 * 3_600;

/// Whose it is: the person, and the resource.
type Owner = (String, String, String);

/// Everybody's. Another value whenever something begins or ends.
pub type Held = Arc<HashMap<Owner, Leaves>>;

/// What a window is asked for.
#[derive(Debug, Clone)]
pub struct WindowWish {
    pub rules: Vec<String>,
    /// Of the policy set that has these rules.
    pub digest: String,
    pub seconds: u64,
    /// Who must approve it, and how many: as the rules say.
    pub who: Vec<String>,
    pub approvals: u32,
}

impl Requests {
    /// What holds for somebody now. What was approved is for a person: a program that acts for one has none of it.
    pub fn leaves(&self, principal: &PrincipalRef, resource: &str) -> Leaves {
        if principal.actor.is_some() {
            return Leaves::default();
        }
        let owner = (principal.sub.clone(), principal.idp.clone(), resource.to_owned());
        self.held.borrow().get(&owner).cloned().unwrap_or_default()
    }

    /// Tells of every change of what [`Self::leaves`] says, of anybody.
    pub fn leaves_change(&self) -> watch::Receiver<Held> {
        self.held.subscribe()
    }

    /// Asks to see columns in clear.
    ///
    /// # Errors
    /// The store or the log does not take it.
    pub async fn ask_to_unmask(
        &self,
        principal: &Principal,
        resource: &str,
        (columns, seconds, who): (Vec<LabelledColumn>, u64, Vec<String>),
        reason: Option<String>,
    ) -> Result<Request, RequestsError> {
        let details = Details::Unmask { columns, seconds, who };
        let key = key(RequestKind::Unmask, principal, resource, &details);
        self.ask(key, &principal.name, reason, details, None).await
    }

    /// Asks that what some rules would hold does not wait.
    ///
    /// # Errors
    /// The store or the log does not take it.
    pub async fn ask_for_window(
        &self,
        principal: &Principal,
        resource: &str,
        wish: WindowWish,
        reason: Option<String>,
    ) -> Result<Request, RequestsError> {
        let WindowWish { rules, digest, seconds, who, approvals } = wish;
        let details = Details::Window { rules, digest, seconds, who, approvals };
        let key = key(RequestKind::Window, principal, resource, &details);
        self.ask(key, &principal.name, reason, details, None).await
    }

    /// Breaks the glass: from here on nothing waits, until `seconds` are over. One that is broken already is not broken
    /// again. Who may is the caller's to check.
    ///
    /// # Errors
    /// The last one was not reviewed yet, or was rejected within a day; the log or the store does not take it.
    pub async fn break_glass(
        &self,
        principal: &Principal,
        resource: &str,
        seconds: u64,
        reason: String,
    ) -> Result<Request, RequestsError> {
        let _one_at_a_time = self.deciding.lock().await;
        let moment = now();
        if let Some(broken) = self.broken(principal, resource, moment).await? {
            return Ok(broken);
        }
        let of = (principal.reference.clone(), resource.to_owned());
        if let Some(last) = self.store.last_glass(of.0, of.1).await? {
            may_break_again(&last, moment)?;
        }
        let id = RequestId::from_random(keys::random().map_err(|_| RequestsError::NoRandomness)?);
        let details = Details::BreakGlass { until: moment.saturating_add(seconds) };
        let binding = binding(&format!("{id} {details:?}"));
        let new = NewRequest {
            id,
            key: Key { binding, ..key(RequestKind::BreakGlass, principal, resource, &details) },
            name: principal.name.clone(),
            reason: Some(reason),
            details,
            sealed: None,
            template: None,
            expires_at: FOR_EVER,
        };
        // It is in the log before anything runs by it: if we stop behind this, no glass is broken.
        self.record(&new.as_made(moment), RequestStep::BrokenGlass, None).await?;
        let (request, _) = self.store.ask(new, moment).await?;
        tracing::warn!(request = %id, resource, principal = principal.name, "somebody has broken the glass");
        self.look_up().await;
        self.announce(&request, RequestStep::BrokenGlass);
        Ok(request)
    }

    /// The glass that somebody has broken, as long as it is.
    async fn broken(
        &self,
        principal: &Principal,
        resource: &str,
        now: Moment,
    ) -> Result<Option<Request>, RequestsError> {
        let all = self.store.for_a_time(now).await?;
        let own = |request: &Request| {
            let Key { kind, principal: whose, resource: of, .. } = &request.key;
            *kind == RequestKind::BreakGlass && *whose == principal.reference && of == resource
        };
        Ok(all.into_iter().find(own))
    }

    /// Looks up what holds, and tells those who follow it. When the next of it ends.
    pub(crate) async fn look_up(&self) -> Option<Moment> {
        let _one_at_a_time = self.looking.lock().await;
        let found = self.store.for_a_time(now()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was approved for a time cannot be looked up: none of it holds");
            Vec::new()
        });
        let mut held: HashMap<Owner, Vec<Leave>> = HashMap::new();
        let mut next: Option<Moment> = None;
        let known = Arc::clone(&self.held.borrow());
        for request in &found {
            let is_known =
                known.values().flat_map(|leaves| leaves.iter()).any(|leave| leave.request == request.id);
            // This agent's own log says why something can run, before it can.
            if !is_known && let Err(error) = self.record_elsewhere(request).await {
                tracing::warn!(request = %request.id, %error, "what another agent has recorded cannot be recorded here: it does not hold");
                continue;
            }
            let Some(leave) = leave(request) else { continue };
            next = Some(next.map_or(leave.until, |next| next.min(leave.until)));
            let Key { principal, resource, .. } = &request.key;
            let owner = (principal.sub.clone(), principal.idp.clone(), resource.clone());
            held.entry(owner).or_default().push(leave);
        }
        let held: HashMap<Owner, Leaves> =
            held.into_iter().map(|(owner, leaves)| (owner, leaves.into())).collect();
        self.held.send_if_modified(|known| {
            let changed = **known != held;
            if changed {
                *known = Arc::new(held);
            }
            changed
        });
        next
    }
}

/// Whether somebody whose last glass is this one may break another: it waits for nobody, so that nothing but its
/// review keeps it rare.
pub(super) fn may_break_again(last: &Request, now: Moment) -> Result<(), RequestsError> {
    let until = |at: Moment| at.saturating_add(AFTER_A_REJECTION);
    match last.state {
        RequestState::Pending => Err(RequestsError::Unreviewed(last.id)),
        RequestState::Rejected if last.rejected_at().is_none_or(|at| now < until(at)) => {
            Err(RequestsError::BrokenWrongly(last.id))
        }
        _ => Ok(()),
    }
}

fn leave(request: &Request) -> Option<Leave> {
    // Nothing of the kind is ever asked for by a program.
    let until = request.holds_until().filter(|_| request.key.principal.actor.is_none())?;
    let (by, of) = match &request.details {
        Details::Unmask { columns, .. } => {
            let columns = columns.iter().map(|column| (column.column.clone(), column.label)).collect();
            (approver(request), LeaveOf::Columns(columns))
        }
        Details::Window { rules, digest, .. } => {
            (approver(request), LeaveOf::Rules { rules: rules.clone(), digest: digest.clone() })
        }
        // Nobody else has, yet.
        Details::BreakGlass { .. } => (request.name.clone(), LeaveOf::Everything),
        Details::Access { .. } | Details::Statement(_) => return None,
    };
    Some(Leave { request: request.id, by, until, of })
}

fn key(kind: RequestKind, principal: &Principal, resource: &str, details: &Details) -> Key {
    Key {
        kind,
        principal: principal.reference.clone(),
        resource: resource.to_owned(),
        binding: binding(&format!("{resource:?} {details:?}")),
    }
}

fn binding(text: &str) -> String {
    let text = format!("connect.time/1 {text}");
    hexadecimal(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}

impl NewRequest {
    /// What the store makes of it.
    fn as_made(&self, moment: Moment) -> Request {
        Request {
            id: self.id,
            key: self.key.clone(),
            state: RequestState::Pending,
            name: self.name.clone(),
            reason: self.reason.clone(),
            details: self.details.clone(),
            sealed: None,
            created_at: moment,
            expires_at: self.expires_at,
            template: None,
            runs_left: None,
            verdicts: Vec::new(),
        }
    }
}
