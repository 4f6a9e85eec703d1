//! `POST /v1/grants`: a good ID token and a client key in, a grant bound to that key out. The entry is
//! durable before the grant leaves.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{FromRequest, Request, State},
};
use connect_core::principal::Principal;
use connect_shared::{
    api::{GrantRequest, GrantResponse},
    attest::ApprovedAccess,
    entry::{Entry, PrincipalRef},
    error::{ErrorReport, Exit},
    grant::{Action, RunIdentity},
    ids::GrantId,
};

use super::{
    caller::Identified,
    error::ApiError,
    info::{describe, in_force},
    requests::failed,
    search::{unfindable, until_usable},
};
use crate::{
    grants::{Admitted, GrantError, Issued, Thumbprint},
    identity::SignedIn,
    keys,
    lineage::ClaimError,
    listener::Peer,
    serve::{Agent, now},
    sharing,
    store::{self, Details},
};

pub(super) async fn issue(
    State(agent): State<Arc<Agent>>,
    Extension(peer): Extension<Peer>,
    caller: Result<Identified, ApiError>,
    request: Request,
) -> Result<Json<GrantResponse>, ApiError> {
    let Identified(signed_in) = match (caller, &peer.certificate) {
        (Ok(identified), _) => identified,
        // Whoever hands a grant on shows that, and no sign-in.
        (Err(error), Some(certificate)) => {
            let handed_on = handed_on(&agent, certificate, request, error).await;
            return handed_on.map_err(|(error, resource, giver)| {
                refused(&agent, &error, &resource, giver);
                error
            });
        }
        (Err(error), None) => {
            refused(&agent, &error, "", None);
            return Err(error);
        }
    };
    agent.reconsider(&signed_in);
    let reference = signed_in.principal.reference.clone();
    let body = read_body(request).await?;
    if body.hand_on.is_some() {
        let words = "a grant is handed on by its own word: with a sign-in, ask for one";
        return Err(ErrorReport::new("bad_request", Exit::Usage, words).into());
    }
    let resource = body.resource.clone();
    let outcome = grant(&agent, peer.certificate.as_ref(), signed_in, body).await;
    if let Ok(Json(grant)) = &outcome {
        tracing::info!(address = %peer.address, grant = %grant.id, %resource, "a grant was issued");
    }
    outcome.inspect_err(|error| refused(&agent, error, &resource, Some(reference)))
}

/// What is refused, of which resource, and whose grant it was.
type Refused = (ApiError, String, Option<PrincipalRef>);

/// A part of the caller's own grant, for another AI agent. `stranger`: what becomes of a caller who shows none.
async fn handed_on(
    agent: &Agent,
    certificate: &Thumbprint,
    request: Request,
    stranger: ApiError,
) -> Result<Json<GrantResponse>, Refused> {
    let unknown = |error| (error, String::new(), None);
    let body = read_body(request).await.map_err(unknown)?;
    let Some(hand_on) = &body.hand_on else { return Err(unknown(stranger)) };
    let resource = body.resource.clone();
    if let Some(sharing) = &agent.sharing {
        let heard = sharing.catch_up(agent).await;
        heard.map_err(|_| (sharing::away().into(), resource.clone(), None))?;
    }
    let giver = agent.grants.giver(hand_on, certificate, now());
    let (claims, verified) =
        giver.map_err(|error| (ApiError::from(error.report()), resource.clone(), None))?;
    let who = verified.principal.reference.clone();
    let refused = |error: ApiError| (error, resource.clone(), Some(who.clone()));
    // The giver's own sessions may have been cut since it was given this grant, too.
    if agent.revocations.hands_nothing_on(&verified, now()) {
        return Err(refused(GrantError::Revoked.report().into()));
    }
    let id = keys::random().map_err(|_| refused(no_randomness()))?;
    let issued = agent.grants.hand_on(&claims, &body, hand_on, GrantId::from_random(id), now());
    let issued = issued.map_err(|error| refused(error.report().into()))?;
    recorded(agent, issued, &body, hand_on.certificate.clone()).await.map_err(refused)
}

async fn grant(
    agent: &Agent,
    certificate: Option<&Thumbprint>,
    signed_in: SignedIn,
    request: GrantRequest,
) -> Result<Json<GrantResponse>, ApiError> {
    let certificate = certificate.ok_or_else(no_key)?;
    let id = GrantId::from_random(keys::random().map_err(|_| no_randomness())?);
    let (principal, allowed) = agent.grants.admit(signed_in.principal.clone(), &request)?;
    let latest = latest_end(agent, certificate, &principal, &request)?;
    let mut admitted = approved(agent, &principal, &request, allowed).await?;
    admitted.until = admitted.until.min(latest);
    let issued =
        agent.grants.issue_admitted(signed_in, principal, admitted, &request, certificate, id, now())?;
    if let Some(run) = &request.run {
        claim(agent, run, &issued, &request.resource).await?;
    }
    recorded(agent, issued, &request, certificate.as_str().to_owned()).await
}

/// Until when a grant may last, as far as the store goes: while it is away nothing new is granted, and a session that
/// is there is given no more than the lease.
fn latest_end(
    agent: &Agent,
    certificate: &Thumbprint,
    principal: &Principal,
    request: &GrantRequest,
) -> Result<u64, ApiError> {
    let Some(sharing) = &agent.sharing else { return Ok(u64::MAX) };
    let Err(away) = sharing.in_contact() else { return Ok(u64::MAX) };
    let (key, owner) = (certificate.as_str(), &principal.reference);
    let left = sharing.left().as_secs();
    if left > 0 && agent.revocations.has_session(key, owner, &request.resource) {
        return Ok(now().saturating_add(left));
    }
    Err(away.into())
}

/// The answer. A grant that is not in the log must not exist.
async fn recorded(
    agent: &Agent,
    issued: Issued,
    request: &GrantRequest,
    certificate: String,
) -> Result<Json<GrantResponse>, ApiError> {
    let seq = agent.log.append(entry(&issued, request, certificate))?;
    agent.log.wait_durable(seq).await?;
    let config = agent.grants.resources(&issued.principal).into_iter();
    let described = config.map(|(config, _)| config).find(|config| config.resource.name == request.resource);
    let grant = in_force(issued.actions, (issued.claims.reason.as_ref(), issued.claims.task.as_ref()));
    let resource = described
        .map(|config| describe(agent, config, &issued.principal, &grant))
        .ok_or_else(no_randomness)?;
    Ok(Json(GrantResponse {
        schema: "connect.grant/1".to_owned(),
        id: issued.claims.jti,
        grant: issued.text,
        expires_at: issued.claims.exp,
        principal: issued.principal.name,
        resource,
    }))
}

/// A run goes on as it began.
async fn claim(agent: &Agent, run: &RunIdentity, issued: &Issued, resource: &str) -> Result<(), ApiError> {
    // Of a run that an index in the making does not have yet nobody knows whose it is.
    until_usable(agent).await?;
    let (runs, path, run) = (Arc::clone(&agent.runs), agent.index.path().to_owned(), run.clone());
    let (principal, resource) = (issued.principal.reference.clone(), resource.to_owned());
    let until = issued.claims.exp;
    let claimed =
        tokio::task::spawn_blocking(move || runs.claim(&path, &run, &principal, (&resource, until)));
    claimed.await.map_err(|error| unfindable(&error))?.map_err(|error| {
        let words = error.to_string();
        let (code, exit) = match &error {
            ClaimError::Taken(_) => ("run_taken", Exit::Denied),
            ClaimError::Ended(_) => ("run_ended", Exit::Denied),
            ClaimError::Unknown(error) => return unfindable(error),
        };
        ErrorReport::new(code, exit, words)
            .help("run the command again: each run has an id of its own")
            .into()
    })
}

/// What of the allowed actions may be used now: those that need no approval, and those that somebody has
/// approved for a time that is not over.
async fn approved(
    agent: &Agent,
    principal: &Principal,
    request: &GrantRequest,
    allowed: Vec<Action>,
) -> Result<Admitted, ApiError> {
    let on_request = agent.grants.on_request(&request.resource, &allowed);
    if on_request.is_empty() {
        return Ok(Admitted { actions: allowed, until: u64::MAX, approvals: ApprovedAccess::new() });
    }
    let standing = agent.requests.access(&principal.reference, &request.resource).await.map_err(failed)?;
    let mut until = u64::MAX;
    let mut actions = Vec::with_capacity(allowed.len());
    let mut approvals = ApprovedAccess::new();
    for action in &allowed {
        if !on_request.contains(action) {
            actions.push(*action);
        } else if let Some(request) = latest(&standing, *action) {
            actions.push(*action);
            approvals.insert(*action, request.id);
            until = until.min(request.expires_at);
        }
    }
    // Whoever names no action takes what there is; whoever names one wants that.
    let enough = if request.actions.is_empty() { !actions.is_empty() } else { actions == allowed };
    if enough {
        Ok(Admitted { actions, until, approvals })
    } else {
        Err(approval_needed(agent, &request.resource))
    }
}

/// What approves an action for the longest time.
fn latest(standing: &[store::Request], action: Action) -> Option<&store::Request> {
    let approves = |request: &&store::Request| match &request.details {
        Details::Access { actions, .. } => actions.contains(&action),
        _ => false,
    };
    standing.iter().filter(approves).max_by_key(|request| request.expires_at)
}

fn approval_needed(agent: &Agent, resource: &str) -> ApiError {
    let approvers = agent.grants.approvers(resource).map(|list| list.words().join(", ")).unwrap_or_default();
    let words = format!("`{resource}` needs approval from {approvers}");
    ErrorReport::new("approval_needed", Exit::ApprovalNeeded, words)
        .help(format!("connect request {resource} --reason \"why\""))
        .into()
}

fn entry(issued: &Issued, request: &GrantRequest, certificate: String) -> Entry {
    let details = &issued.claims.authorization_details;
    Entry::GrantIssued {
        grant: issued.claims.jti,
        principal: issued.principal.reference.clone(),
        name: issued.principal.name.clone(),
        groups: issued.principal.groups.clone(),
        resource: details.iter().map(|detail| detail.identifier.as_str()).collect(),
        actions: issued.actions.clone(),
        reason: issued.claims.reason.clone(),
        expires_at: issued.claims.exp,
        certificate,
        run: request.run.clone(),
        task: issued.claims.task.clone(),
        parent: issued.claims.parent,
        tables: details.iter().flat_map(|detail| detail.tables.clone()).collect(),
        budget: issued.claims.handed_on.last().map(|step| Box::new(step.budget)),
        approvals: issued.approvals.clone(),
    }
}

/// Records that somebody was turned away.
pub(super) fn refused(agent: &Agent, error: &ApiError, resource: &str, principal: Option<PrincipalRef>) {
    let resource = resource.chars().take(64).collect();
    agent.record_refusal(Entry::GrantRefused { code: error.code().to_owned(), resource, principal });
}

async fn read_body(request: Request) -> Result<GrantRequest, ApiError> {
    match Json::<GrantRequest>::from_request(request, &()).await {
        Ok(Json(body)) => Ok(body),
        Err(rejection) => {
            let words = format!("the request for a grant cannot be read: {}", rejection.body_text());
            Err(ErrorReport::new("bad_request", Exit::Usage, words).into())
        }
    }
}

pub(super) fn no_key() -> ApiError {
    let words = "a grant is bound to the key of a client certificate, and the caller showed none";
    ErrorReport::new("certificate_needed", Exit::Usage, words)
        .help("call with a client certificate; `connect` makes one for every process")
        .into()
}

fn no_randomness() -> ApiError {
    ErrorReport::new("internal", Exit::Unexpected, "the agent could not make the grant").into()
}
