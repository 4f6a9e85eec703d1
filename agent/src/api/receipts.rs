//! `GET /v1/receipts/…`: proofs that a statement stands in the log, for those who sent it and for
//! auditors. To anyone else a statement of others is not there.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use connect_shared::{
    entry::{Entry, PrincipalRef},
    error::{ErrorReport, Exit},
    ids::{ConnectionId, StatementId},
};
use http::header;
use serde::Deserialize;

use super::{caller::Caller, error::ApiError, search::unfindable};
use crate::{
    audit::{Leaves, owner},
    log::{PublicFolder, StatementPlace},
    serve::Agent,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Last {
    connection: Option<String>,
}

pub(super) async fn last(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
    query: Result<Query<Last>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(query) = query.map_err(|error| bad(&error.body_text()))?;
    let index = match query.connection {
        None => agent.log.last_statement(&caller.0.reference).map(|(_, index)| index),
        Some(text) => {
            let id = text.parse::<ConnectionId>().map_err(|error| bad(&error.to_string()))?;
            let place = agent.log.last_on_connection(id);
            place.filter(|place| may_see(&agent, &caller, place)).map(|place| place.end)
        }
    };
    receipt(&agent, index).await
}

pub(super) async fn of_statement(
    State(agent): State<Arc<Agent>>,
    Path(statement): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let id = statement.parse::<StatementId>().map_err(|error| bad(&error.to_string()))?;
    let place = agent.log.statement(id).filter(|place| may_see(&agent, &caller, place));
    receipt(&agent, place.map(|place| place.end)).await
}

pub(super) async fn of_entry(
    State(agent): State<Arc<Agent>>,
    Path(index): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    let index = index.parse::<u64>().map_err(|_| bad("the index is not a number"))?;
    let allowed = agent.auditors.admits(&caller.0) || is_own(&agent, &caller, index).await?;
    receipt(&agent, allowed.then_some(index).filter(|index| *index < agent.log.next())).await
}

/// Whether an entry is about the caller. Of entries that name nobody the index knows more.
async fn is_own(agent: &Agent, caller: &Caller, index: u64) -> Result<bool, ApiError> {
    let size = agent.log.published().borrow().size;
    if index >= size {
        return Ok(false);
    }
    let mut leaves = Leaves::new(PublicFolder::new(agent.log.public_dir()), size);
    let path = agent.index.path().to_owned();
    let whose = tokio::task::spawn_blocking(move || match leaves.get(index)?.leaf.entry {
        Entry::Outcome(outcome) => owner(&path, outcome.statement),
        entry => Ok(principal(&entry).map(|principal| (principal.sub.clone(), principal.idp.clone()))),
    });
    let whose = whose.await.map_err(|_| unfindable(&"the task was cancelled"))?;
    let whose = whose.map_err(|error| unfindable(&error))?;
    let own = &caller.0.reference;
    Ok(whose.is_some_and(|(sub, idp)| sub == own.sub && idp == own.idp))
}

fn principal(entry: &Entry) -> Option<&PrincipalRef> {
    match entry {
        Entry::Intent(intent) => Some(&intent.principal),
        Entry::Denial(denial) => Some(&denial.principal),
        Entry::Request(request) => Some(&request.principal),
        Entry::GrantIssued { principal, .. }
        | Entry::SessionOpened { principal, .. }
        | Entry::CanarySeen { principal, .. }
        | Entry::FolderListed { principal, .. }
        | Entry::RunEnded { principal, .. }
        | Entry::Reconciled { principal, .. }
        | Entry::TextShown { principal, .. }
        | Entry::Explained { principal, .. }
        | Entry::Searched { principal, .. }
        | Entry::LineageAsked { principal, .. } => Some(principal),
        Entry::GrantRefused { principal, .. } => principal.as_ref(),
        _ => None,
    }
}

fn may_see(agent: &Agent, caller: &Caller, place: &StatementPlace) -> bool {
    place.is_of(&caller.0.reference) || agent.auditors.admits(&caller.0)
}

async fn receipt(agent: &Agent, index: Option<u64>) -> Result<Response, ApiError> {
    let index = index.ok_or_else(|| {
        let words = "there is no such statement of yours in the log's index";
        let report = ErrorReport::new("no_such_statement", Exit::NotFound, words);
        report.help("a running statement has no receipt yet; one of others needs an auditor")
    })?;
    let text = agent.log.receipt(index).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn bad(words: &str) -> ApiError {
    ErrorReport::new("bad_request", Exit::Usage, format!("the request cannot be read: {words}")).into()
}
