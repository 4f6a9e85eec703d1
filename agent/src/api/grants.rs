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
    entry::{Entry, PrincipalRef},
    error::{ErrorReport, Exit},
    ids::GrantId,
};

use super::{caller::Caller, error::ApiError, info::describe};
use crate::{
    grants::{Issued, Thumbprint},
    keys,
    listener::Peer,
    serve::{Agent, now},
};

pub(super) async fn issue(
    State(agent): State<Arc<Agent>>,
    Extension(peer): Extension<Peer>,
    caller: Result<Caller, ApiError>,
    request: Request,
) -> Result<Json<GrantResponse>, ApiError> {
    let Caller(principal) = caller.inspect_err(|error| refused(&agent, error, "", None))?;
    let reference = principal.reference.clone();
    let body = read_body(request).await?;
    let resource = body.resource.clone();
    let outcome = grant(&agent, peer.certificate.as_ref(), principal, body).await;
    if let Ok(Json(grant)) = &outcome {
        tracing::info!(address = %peer.address, grant = %grant.id, %resource, "a grant was issued");
    }
    outcome.inspect_err(|error| refused(&agent, error, &resource, Some(reference)))
}

async fn grant(
    agent: &Agent,
    certificate: Option<&Thumbprint>,
    principal: Principal,
    request: GrantRequest,
) -> Result<Json<GrantResponse>, ApiError> {
    let certificate = certificate.ok_or_else(no_key)?;
    let id = GrantId::from_random(keys::random().map_err(|_| no_randomness())?);
    let issued = agent.grants.issue(principal, &request, certificate, id, now())?;
    // A grant that is not in the log must not exist.
    let seq = agent.log.append(entry(&issued, &request, certificate))?;
    agent.log.wait_durable(seq).await?;
    let config = agent.grants.resources(&issued.principal).into_iter();
    let described = config.map(|(config, _)| config).find(|config| config.resource.name == request.resource);
    let resource =
        described.map(|config| describe(agent, config, issued.actions)).ok_or_else(no_randomness)?;
    Ok(Json(GrantResponse {
        schema: "connect.grant/1".to_owned(),
        id,
        grant: issued.text,
        expires_at: issued.claims.exp,
        principal: issued.principal.name,
        resource,
    }))
}

fn entry(issued: &Issued, request: &GrantRequest, certificate: &Thumbprint) -> Entry {
    Entry::GrantIssued {
        grant: issued.claims.jti,
        principal: issued.principal.reference.clone(),
        name: issued.principal.name.clone(),
        groups: issued.principal.groups.clone(),
        resource: issued
            .claims
            .authorization_details
            .iter()
            .map(|detail| detail.identifier.as_str())
            .collect(),
        actions: issued.actions.clone(),
        reason: request.reason.clone(),
        expires_at: issued.claims.exp,
        certificate: certificate.as_str().to_owned(),
        run: request.run.clone(),
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
