//! `POST /v1/explain`: what would become of a text, for whoever may have a grant for the resource. It is
//! decided against a snapshot that is read for the question; nothing of the text is executed, and who
//! asked is an entry.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Extension, Json,
    extract::{FromRequest, Request, State},
};
use connect_core::{
    catalog::Catalog,
    decide::Policies,
    explain::{Asker, Explained, explain as explain_text},
    mask::MaskKey,
    principal::{GrantInForce, Narrowed, Principal, Resource},
    understand::{Limits, new_session_as},
};
use connect_shared::{
    api::{ExplainRequest, Explanation, GrantRequest},
    decision::OutcomeKind,
    entry::{Entry, PrincipalRef, TextRef},
    error::{ErrorReport, Exit},
    grant::Action,
    ids::GrantId,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    caller::Caller,
    error::ApiError,
    grants::{no_key, refused},
};
use crate::{
    config::WorksAs,
    grants::{GrantError, Thumbprint, check_reason},
    listener::Peer,
    log::{Log, LogClosed},
    resource::ResourceRuntime,
    serve::{Agent, now, wall_clock},
};

/// A text of the greatest length, every second byte of it escaped in JSON.
pub(super) const MAX_BODY: usize = 2 * (1 << 20) + 64 * 1024;

/// Texts that are held and analysed at once, whoever sends them: statements that are meant to run come
/// first.
static PLACES: Semaphore = Semaphore::const_new(4);

/// Bodies that are read before anybody knows whose they are, since the grant stands in them. Who sends such a body
/// slowly holds up these and nobody who has signed in.
static UNKNOWN: Semaphore = Semaphore::const_new(4);

pub(super) async fn explain(
    State(agent): State<Arc<Agent>>,
    Extension(peer): Extension<Peer>,
    caller: Result<Caller, ApiError>,
    request: Request,
) -> Result<Json<Explanation>, ApiError> {
    // The proof of a key is asked for as for a grant, so that a stolen token alone explains nothing.
    let certificate = peer.certificate.as_ref();
    if let (Err(error), None) = (&caller, certificate) {
        refused(&agent, error, "", None);
        return caller.and(Err(no_key()));
    }
    let certificate = certificate.ok_or_else(no_key)?;
    let (asking, body, place) = match caller {
        Ok(Caller(principal)) => {
            let place = PLACES.acquire().await.map_err(|_| stopped())?;
            let body = read_body(request).await?;
            let (principal, actions) = admitted(&agent, principal, &body)?;
            ((principal, actions, Narrowed::default()), body, place)
        }
        Err(error) => {
            let _unknown = UNKNOWN.acquire().await.map_err(|_| stopped())?;
            let mut body = read_body(request).await?;
            let granted = by_grant(&agent, certificate, &mut body, error);
            let granted = granted.inspect_err(|error| refused(&agent, error, &body.resource, None))?;
            (granted, body, PLACES.acquire().await.map_err(|_| stopped())?)
        }
    };
    let reference = asking.0.reference.clone();
    let resource = body.resource.clone();
    let answer = answer(&agent, asking, body, place).await;
    answer.map(Json).inspect_err(|error| refused(&agent, error, &resource, Some(reference)))
}

/// What would be granted to whoever has signed in.
fn admitted(
    agent: &Agent,
    principal: Principal,
    body: &ExplainRequest,
) -> Result<(Principal, Vec<Action>), ApiError> {
    let reference = principal.reference.clone();
    let admitted = agent.grants.admit(principal, &as_grant(body)).map_err(ApiError::from);
    admitted.inspect_err(|error| refused(agent, error, &body.resource, Some(reference)))
}

/// Who asks, and what is granted to them and what is not.
type Granted = (Principal, Vec<Action>, Narrowed);

/// What the caller's own grant says. `stranger`: what becomes of one who shows none.
fn by_grant(
    agent: &Agent,
    certificate: &Thumbprint,
    body: &mut ExplainRequest,
    stranger: ApiError,
) -> Result<Granted, ApiError> {
    let Some(grant) = &body.grant else { return Err(stranger) };
    let grant = agent.grants.verify(grant, certificate, now()).map_err(|error| error.report())?;
    if agent.revocations.is_over(&grant, now()) {
        return Err(GrantError::Revoked.report().into());
    }
    if grant.resource != body.resource {
        return Err(GrantError::Resource.report().into());
    }
    let narrowed = grant.narrowed();
    (body.task, body.actor) = (grant.task, grant.principal.reference.actor.clone());
    body.reason = grant.reason.as_deref().map(str::to_owned);
    Ok((grant.principal, grant.actions, narrowed))
}

async fn answer(
    agent: &Agent,
    (principal, actions, narrowed): Granted,
    request: ExplainRequest,
    place: SemaphorePermit<'static>,
) -> Result<Explanation, ApiError> {
    // It is in the log and before policies, as a reason is.
    check_reason(request.purpose.as_deref())?;
    let served = agent.resources.get(&request.resource).ok_or_else(stopped)?;
    // A reading that begins now: what was changed a moment ago counts.
    let catalog = served.runtime.catalog.newer_than(0).await?;
    let role = match served.runtime.roles.of(&principal) {
        WorksAs::Role(role) => Some(role),
        // Nobody has been refused by the rules of grants.
        WorksAs::Account | WorksAs::Nobody => None,
    };
    let leaves = agent.requests.leaves(&principal.reference, &request.resource);
    let asked = Asked {
        principal,
        role,
        // The grant is assumed, not issued.
        grant: GrantInForce {
            id: GrantId::from_random([0; 16]),
            actions,
            reason: request.reason.as_deref().map(Into::into),
            task: request.task.as_deref().map(Arc::from),
            narrowed,
            leaves,
        },
        resource: Arc::clone(&served.runtime.resource),
        catalog,
        mask_key: Arc::clone(&agent.mask_key),
        policies: agent.policies.current(),
        sql: request.sql,
        purpose: request.purpose.clone(),
        search_path: request.search_path,
        _place: place,
    };
    // Parsing takes its time, and the tunnels' threads have better to do.
    let runtime = Arc::clone(&served.runtime);
    let analysed = tokio::task::spawn_blocking(move || {
        let explained = asked.explain(&runtime);
        (asked, explained)
    });
    let (asked, mut explained) = analysed.await.map_err(|_| stopped())?;
    for one in &mut explained {
        if let Some(question) = &one.radius {
            let found = served.runtime.looks.look(question, &asked.principal.reference).await;
            one.answer.radius = Some(Box::new(found));
        }
    }
    let outcome = outcome(&explained);
    let (task, purpose) = (request.task, request.purpose.or(request.reason));
    let asked_for = AskedFor { resource: &request.resource, task, purpose };
    record(&agent.log, &asked.principal.reference, asked_for, &explained, outcome)?;
    Ok(Explanation {
        schema: "connect.explain/1".to_owned(),
        resource: request.resource,
        principal: asked.principal.name,
        actor: request.actor,
        actions: asked.grant.actions,
        outcome,
        policy_digest: asked.policies.digest().to_owned(),
        server_version: (asked.catalog.server_version / 10_000).to_string(),
        statements: explained.into_iter().map(|explained| explained.answer).collect(),
    })
}

/// Everything that the answer depends on.
struct Asked {
    principal: Principal,
    grant: GrantInForce,
    resource: Arc<Resource>,
    catalog: Arc<Catalog>,
    mask_key: Arc<MaskKey>,
    policies: Arc<Policies>,
    sql: String,
    /// What the session would say that it is for.
    purpose: Option<String>,
    search_path: Option<Vec<String>>,
    /// As which role of the database the caller works.
    role: Option<Arc<str>>,
    /// Held until the analysis ends, even if nobody waits for it any more.
    _place: SemaphorePermit<'static>,
}

impl Asked {
    fn explain(&self, runtime: &ResourceRuntime) -> Vec<Explained> {
        let asker = Asker {
            principal: &self.principal,
            grant: &self.grant,
            resource: &self.resource,
            mask_key: &self.mask_key,
            policies: &self.policies,
            purpose: self.purpose.as_deref(),
            wall: wall_clock(),
        };
        let catalog = runtime.seen_by(&asker.asking(), &self.policies, Arc::clone(&self.catalog));
        let path = self.search_path.as_deref();
        let mut session = new_session_as(self.role.as_deref(), &catalog, path);
        explain_text(self.sql.as_bytes(), &catalog, &mut session, &asker, &Limits::default())
    }
}

/// What the same caller would ask for to send the text.
fn as_grant(request: &ExplainRequest) -> GrantRequest {
    GrantRequest {
        resource: request.resource.clone(),
        actions: request.actions.clone(),
        reason: request.reason.clone(),
        actor: request.actor.clone(),
        run: None,
        task: request.task.clone(),
        tables: Vec::new(),
        hand_on: None,
    }
}

/// Deny beats hold beats permit.
fn outcome(explained: &[Explained]) -> OutcomeKind {
    let outcomes = explained.iter().map(|explained| explained.answer.decision.outcome.kind());
    outcomes.min().unwrap_or(OutcomeKind::Permit)
}

/// Of what a text is explained, and what for.
struct AskedFor<'a> {
    resource: &'a str,
    task: Option<String>,
    purpose: Option<String>,
}

fn record(
    log: &Log,
    principal: &PrincipalRef,
    AskedFor { resource, task, purpose }: AskedFor<'_>,
    explained: &[Explained],
    outcome: OutcomeKind,
) -> Result<(), LogClosed> {
    let mut written = BTreeSet::new();
    for Explained { statement, .. } in explained {
        if let (TextRef::Fingerprint(fingerprint), Some(sql)) = (&statement.text, &statement.normalized)
            && written.insert(fingerprint)
        {
            log.append_statement_text_once(fingerprint, sql)?;
        }
    }
    let texts = explained.iter().map(|explained| explained.statement.text.clone()).collect();
    let (principal, resource) = (principal.clone(), resource.to_owned());
    log.append(Entry::Explained { principal, resource, texts, outcome, task, purpose }).map(|_| ())
}

async fn read_body(request: Request) -> Result<ExplainRequest, ApiError> {
    match Json::<ExplainRequest>::from_request(request, &()).await {
        Ok(Json(body)) => Ok(body),
        Err(rejection) => {
            let words = format!("what is to be explained cannot be read: {}", rejection.body_text());
            Err(ErrorReport::new("bad_request", Exit::Usage, words).into())
        }
    }
}

fn stopped() -> ApiError {
    ErrorReport::new("internal", Exit::Unexpected, "the agent could not explain the text").into()
}
