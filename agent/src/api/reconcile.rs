//! `POST /v1/reconcile`: the log held against a database's own view, for auditors. That somebody asked is an
//! entry, durable before the answer leaves.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{FromRequest, Request, State},
};
use connect_shared::{
    api::{ReconcileRequest, Reconciliation},
    entry::Entry,
    error::{ErrorReport, Exit},
};
use tokio::{sync::Semaphore, time::timeout};

use super::{caller::Caller, error::ApiError, search};
use crate::{
    reconcile::{Found, ReconcileError, Sides},
    serve::Agent,
};

/// Comparisons at once: each logs in at the database.
static PLACES: Semaphore = Semaphore::const_new(1);
/// From the question to the answer, with the wait for a place.
const PATIENCE: Duration = Duration::from_secs(25);

pub(super) async fn reconcile(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
    request: Request,
) -> Result<Json<Reconciliation>, ApiError> {
    let Caller(principal) = caller;
    if !agent.auditors.admits(&principal) {
        let words =
            format!("`{}` may not see what others do at a database: it is no auditor", principal.name);
        return Err(ErrorReport::new("not_an_auditor", Exit::Denied, words).help("connect history").into());
    }
    let Json(ReconcileRequest { resource }) = Json::from_request(request, &())
        .await
        .map_err(|error| ErrorReport::new("bad_request", Exit::Usage, error.body_text()))?;
    let served = agent.resources.get(&resource).ok_or_else(|| {
        let words = format!("there is no resource `{resource}` here");
        ErrorReport::new("no_such_resource", Exit::NotFound, words).help("connect ls")
    })?;
    let sides = Sides {
        resource: &resource,
        upstream: &served.runtime.upstream,
        log: &agent.log,
        index: agent.index.path().to_owned(),
        roles: &served.runtime.roles,
        catalog: served.runtime.catalog.subscribe().borrow().clone(),
    };
    let compared = async {
        let _place = PLACES.acquire().await;
        sides
            .compare(|| async {
                Some(search::catch_up(&agent).await).filter(|(at, size)| at >= size).map(|at| at.0)
            })
            .await
    };
    let compared = timeout(PATIENCE, compared).await.map_err(|_| incomparable("it takes too long"))?;
    let found = compared.map_err(|error| incomparable(&words(&error)))?;
    let entry = Entry::Reconciled {
        principal: principal.reference.clone(),
        resource: resource.clone(),
        sessions: found.sessions.len() as u64,
        statements: (found.statements.found.len() + found.statements.unexplained.len()) as u64,
    };
    let seq = agent.log.append(entry)?;
    agent.log.wait_durable(seq).await?;
    let Found { time, indexed, own, sessions, statements } = found;
    Ok(Json(Reconciliation {
        schema: "connect.reconciliation/1".to_owned(),
        origin: agent.log.origin().to_owned(),
        account: served.runtime.upstream.user.clone(),
        database: served.runtime.upstream.database.clone(),
        own_sessions: own,
        resource,
        indexed,
        time,
        sessions,
        statements,
    }))
}

/// What a server says may quote anything: it is for the operator.
fn words(error: &ReconcileError) -> String {
    tracing::warn!(%error, "the log cannot be held against a database");
    match error {
        ReconcileError::Database(_) => {
            "the database cannot be asked; the agent's own log says why".to_owned()
        }
        other => other.to_string(),
    }
}

fn incomparable(why: &str) -> ApiError {
    let words = format!("the log cannot be held against the database now: {why}");
    ErrorReport::new("incomparable", Exit::Unreachable, words)
        .help("try again in a moment")
        .retryable()
        .into()
}
