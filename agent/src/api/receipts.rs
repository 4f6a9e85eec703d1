//! `GET /v1/receipts/…`: proofs that a statement stands in the log, for those who sent it and for
//! auditors. To anyone else a statement of others is not there.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use connect_shared::{
    error::{ErrorReport, Exit},
    ids::{ConnectionId, StatementId},
};
use http::header;
use serde::Deserialize;

use super::{caller::Caller, error::ApiError};
use crate::serve::Agent;

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
        None => agent.log.last_statement(&caller.0.reference.sub).map(|(_, index)| index),
        Some(text) => {
            let id = text.parse::<ConnectionId>().map_err(|error| bad(&error.to_string()))?;
            let place = agent.log.last_on_connection(id);
            place.filter(|place| may_see(&agent, &caller, &place.sub)).map(|place| place.end)
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
    let place = agent.log.statement(id).filter(|place| may_see(&agent, &caller, &place.sub));
    receipt(&agent, place.map(|place| place.end)).await
}

fn may_see(agent: &Agent, caller: &Caller, sub: &str) -> bool {
    caller.0.reference.sub == sub || agent.auditors.admits(&caller.0)
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
