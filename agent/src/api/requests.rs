//! `/v1/requests`: asking for access; looking at requests, and deciding them. A request that does not
//! concern the caller is not there for it. [`ask`](self::ask) is for what can be asked for beside access.
//!
//! [`all`], [`look`] and [`give`] are what the pages of [`crate::console`] do, too: who may do what is said once.

mod ask;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
};
use connect_core::{decide::is_program, principal::Principal};
use connect_shared::{
    api::{AccessWish, GrantRequest, RequestInfo, RequestList, VerdictInfo, VerdictWish},
    error::{ErrorReport, Exit},
    grant::Action,
    ids::RequestId,
    request::{RequestState, Through},
};
use serde::Deserialize;

use super::{caller::Caller, error::ApiError, grants::no_key};
use crate::{
    config::AccessList,
    grants::check_reason,
    listener::Peer,
    requests::{Given, RequestsError},
    serve::{Agent, now},
    store::{Details, Request, StoreError, VerdictError},
};

/// Most requests in one answer.
const MAX_LISTED: u32 = 1_000;
/// Longest that one call waits for a verdict.
const LONGEST_WAIT: u64 = 25;

#[derive(Debug, Deserialize)]
pub(super) struct Patience {
    /// Seconds.
    #[serde(default)]
    wait: u64,
}

pub(super) async fn asked_for(
    State(agent): State<Arc<Agent>>,
    Extension(peer): Extension<Peer>,
    caller: Caller,
    Json(wish): Json<AccessWish>,
) -> Result<Json<RequestInfo>, ApiError> {
    peer.certificate.as_ref().ok_or_else(no_key)?;
    in_contact(&agent)?;
    let as_grant = GrantRequest {
        resource: wish.resource.clone(),
        actions: wish.actions.clone(),
        reason: wish.reason.clone(),
        actor: wish.actor.clone(),
        run: None,
        task: None,
        tables: Vec::new(),
        hand_on: None,
    };
    let (principal, allowed) = agent.grants.admit(caller.0, &as_grant)?;
    if let Some(request) = ask::beside_access(&agent, &principal, &wish).await? {
        return Ok(Json(describe(&agent, &principal, request)));
    }
    let on_request = agent.grants.on_request(&wish.resource, &allowed);
    if on_request.is_empty() {
        let words = format!("`{}` needs no approval for that", wish.resource);
        let report = ErrorReport::new("no_approval_needed", Exit::Usage, words);
        return Err(report.help(format!("connect open {}", wish.resource)).into());
    }
    let longest = agent.requests.config().access.as_secs();
    let seconds = wish.seconds.unwrap_or(longest);
    if seconds == 0 || seconds > longest {
        return Err(too_long(seconds, longest));
    }
    let asked =
        agent.requests.ask_for_access(&principal, &wish.resource, allowed, seconds, wish.reason).await;
    let request = asked.map_err(failed)?;
    Ok(Json(describe(&agent, &principal, request)))
}

fn too_long(seconds: u64, longest: u64) -> ApiError {
    let words = format!("it can be asked for up to {longest} s, and not for {seconds} s");
    ErrorReport::new("too_long", Exit::Usage, words).into()
}

pub(super) async fn list(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
) -> Result<Json<RequestList>, ApiError> {
    let requests = all(&agent, &caller.0).await?;
    Ok(Json(RequestList { schema: "connect.requests/1".to_owned(), requests }))
}

/// Those that concern somebody.
pub(crate) async fn all(agent: &Agent, caller: &Principal) -> Result<Vec<RequestInfo>, ApiError> {
    let found = agent.requests.list(&caller.reference, MAX_LISTED).await.map_err(failed)?;
    let concerning = found.into_iter().filter(|request| concerns(agent, caller, request));
    Ok(concerning.map(|request| describe(agent, caller, request)).collect())
}

pub(super) async fn one(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(patience): Query<Patience>,
) -> Result<Json<RequestInfo>, ApiError> {
    let request = look(&agent, &caller.0, &id, None).await?;
    let wait = Duration::from_secs(patience.wait.min(LONGEST_WAIT));
    let request = match request.state {
        RequestState::Pending if !wait.is_zero() => {
            let decided = agent.requests.decided(request.id, wait).await.map_err(failed)?;
            decided.ok_or_else(unknown)?
        }
        _ => request,
    };
    Ok(Json(describe(&agent, &caller.0, request)))
}

/// One that concerns somebody. If they may decide it, it is an entry that they looked.
pub(crate) async fn look(
    agent: &Agent,
    caller: &Principal,
    id: &str,
    through: Option<Through>,
) -> Result<Request, ApiError> {
    let request = concerning(agent, caller, id).await?;
    if may_decide(agent, caller, &request) {
        agent.requests.seen(&request, caller, through).await.map_err(failed)?;
    }
    Ok(request)
}

pub(super) async fn decide(
    State(agent): State<Arc<Agent>>,
    Extension(peer): Extension<Peer>,
    caller: Caller,
    Path(id): Path<String>,
    Json(wish): Json<VerdictWish>,
) -> Result<Json<RequestInfo>, ApiError> {
    // A stolen token alone approves nothing.
    peer.certificate.as_ref().ok_or_else(no_key)?;
    give(&agent, &caller.0, &id, wish, None).await.map(Json)
}

/// Gives a verdict, of somebody who has proved who they are.
pub(crate) async fn give(
    agent: &Agent,
    caller: &Principal,
    id: &str,
    wish: VerdictWish,
    through: Option<Through>,
) -> Result<RequestInfo, ApiError> {
    in_contact(agent)?;
    let request = concerning(agent, caller, id).await?;
    let (state, reason, binding, any_values) = match wish {
        VerdictWish::Approve { binding, any_values } => (RequestState::Approved, None, binding, any_values),
        VerdictWish::Reject { reason } => (RequestState::Rejected, reason, String::new(), None),
        VerdictWish::Withdraw => (RequestState::Withdrawn, None, String::new(), None),
    };
    check_reason(reason.as_deref())?;
    let own = is_own(caller, &request);
    if state != RequestState::Withdrawn && !own && !is_approver(agent, caller, &request) {
        return Err(not_approver(&request));
    }
    let given = Given { state, by: caller.clone(), reason, binding, any_values, through };
    let decided = agent.requests.decide(request.id, given).await.map_err(failed)?;
    Ok(describe(agent, caller, decided))
}

/// Of a store that is known to be away nobody waits for an answer.
fn in_contact(agent: &Agent) -> Result<(), ApiError> {
    agent.sharing.as_ref().map_or(Ok(()), |sharing| sharing.in_contact()).map_err(ApiError::from)
}

async fn concerning(agent: &Agent, caller: &Principal, id: &str) -> Result<Request, ApiError> {
    let id: RequestId = id.parse().map_err(|_| unknown())?;
    let found = agent.requests.find(id).await.map_err(failed)?;
    found.filter(|request| concerns(agent, caller, request)).ok_or_else(unknown)
}

fn concerns(agent: &Agent, caller: &Principal, request: &Request) -> bool {
    is_own(caller, request) || is_approver(agent, caller, request)
}

/// One's own, whichever AI agent acts: nobody approves what a program does in one's own name.
fn is_own(caller: &Principal, request: &Request) -> bool {
    let asked = &request.key.principal;
    asked.is_same_person(&caller.reference)
}

/// Programs approve nothing, whatever list admits them.
fn is_approver(agent: &Agent, caller: &Principal, request: &Request) -> bool {
    !is_program(caller) && asked(agent, request).admits(caller)
}

/// Whom the policy names, else the approvers of the resource.
fn asked(agent: &Agent, request: &Request) -> AccessList {
    match &request.details {
        // A list that cannot be read is nobody's.
        Details::Statement(statement) if !statement.who.is_empty() => {
            AccessList::of(&statement.who).unwrap_or_default()
        }
        Details::Unmask { who, .. } | Details::Window { who, .. } if !who.is_empty() => {
            AccessList::of(who).unwrap_or_default()
        }
        _ => agent.grants.approvers(&request.key.resource).cloned().unwrap_or_default(),
    }
}

fn may_decide(agent: &Agent, caller: &Principal, request: &Request) -> bool {
    request.state == RequestState::Pending
        && request.expires_at > now()
        && !is_own(caller, request)
        && is_approver(agent, caller, request)
}

/// A request as `caller` may see it.
pub(crate) fn describe(agent: &Agent, caller: &Principal, request: Request) -> RequestInfo {
    let approvers = asked(agent, &request).words();
    let open = agent.requests.opened(&request);
    let state = request.state_at(now());
    let ended = request.rejected_at();
    let verdicts = request.verdicts.iter().map(|verdict| VerdictInfo {
        verdict: verdict.state,
        by: verdict.name.clone(),
        at: verdict.at,
        reason: verdict.reason.clone(),
    });
    let mut info = RequestInfo {
        schema: "connect.request/1".to_owned(),
        id: request.id,
        kind: request.key.kind,
        state,
        resource: request.key.resource.clone(),
        principal: request.name.clone(),
        actor: request.key.principal.actor.clone(),
        reason: request.reason.clone(),
        approvers,
        own: is_own(caller, &request),
        to_decide: may_decide(agent, caller, &request),
        actions: Vec::<Action>::new(),
        seconds: None,
        statement: None,
        columns: Vec::new(),
        rules: Vec::new(),
        approvals: None,
        runs_left: request.runs_left,
        binding: request.key.binding.clone(),
        created_at: request.created_at,
        expires_at: request.expires_at,
        verdicts: verdicts.collect(),
        link: agent.console.as_ref().map(|console| console.page_of(request.id)),
    };
    match request.details {
        Details::Access { actions, seconds } => {
            info.actions = actions;
            info.seconds = Some(seconds);
        }
        Details::Statement(mut statement) => {
            if let Some(open) = open {
                statement.text = Some(open.text);
                statement.parameters = open.parameters;
            }
            info.statement = Some(*statement);
        }
        Details::Unmask { columns, seconds, .. } => (info.columns, info.seconds) = (columns, Some(seconds)),
        Details::Window { rules, seconds, approvals, .. } => {
            (info.rules, info.seconds, info.approvals) = (rules, Some(seconds), Some(approvals));
        }
        Details::BreakGlass { until } => info.expires_at = ended.map_or(until, |at| at.min(until)),
    }
    info
}

fn unknown() -> ApiError {
    ErrorReport::new("no_such_request", Exit::NotFound, "there is no such request, or it is none of yours")
        .help("connect requests")
        .into()
}

fn not_approver(request: &Request) -> ApiError {
    let words = format!("you are not among those who may decide about `{}`", request.key.resource);
    ErrorReport::new("not_approver", Exit::Denied, words).of_request(request.id).into()
}

pub(super) fn failed(error: RequestsError) -> ApiError {
    match error {
        RequestsError::Log(closed) => closed.into(),
        RequestsError::Verdict(VerdictError::Unknown) => unknown(),
        RequestsError::Verdict(error) => {
            let (code, exit) = match &error {
                VerdictError::Own => ("own_request", Exit::Denied),
                VerdictError::NotOwn => ("not_own_request", Exit::Denied),
                VerdictError::OtherBinding => ("request_changed", Exit::Denied),
                VerdictError::Already => ("already_approved", Exit::ApprovalNeeded),
                VerdictError::NoTemplate(_) => ("not_with_any_values", Exit::Denied),
                _ => ("request_over", Exit::ApprovalNeeded),
            };
            let help = match &error {
                VerdictError::Own => "ask somebody else who may approve",
                VerdictError::NoTemplate(_) => "connect approve it as it is, without --template",
                _ => "connect requests",
            };
            ErrorReport::new(code, exit, error.to_string()).help(help).into()
        }
        RequestsError::Unreviewed(id) => {
            let help = format!("ask an approver to review it: connect approve {id}, or connect reject {id}");
            ErrorReport::new("glass_not_reviewed", Exit::Denied, error.to_string())
                .help(help)
                .of_request(id)
                .into()
        }
        RequestsError::BrokenWrongly(id) => {
            let help = "ask an approver: send the statement without --break-glass, and it waits for one";
            ErrorReport::new("glass_rejected", Exit::Denied, error.to_string())
                .help(help)
                .of_request(id)
                .into()
        }
        RequestsError::Store(StoreError::TooMany) => {
            let report = ErrorReport::new("too_many_requests", Exit::Denied, error.to_string());
            report.help("connect requests").into()
        }
        other => {
            tracing::warn!(error = %other, "requests cannot be kept");
            let words = "the agent cannot keep requests now, so nothing can be approved";
            let report = ErrorReport::new("store_unavailable", Exit::Unreachable, words);
            report
                .help("try again in a moment, or tell the operator of the agent; its `/readyz` says why")
                .retryable()
                .into()
        }
    }
}
