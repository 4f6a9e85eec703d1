//! Requests as pages: the list, one of them, and the verdict.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, Query, State, rejection::FormRejection},
    response::{IntoResponse as _, Redirect, Response},
};
use connect_shared::{api::VerdictWish, request::Through};
use http::HeaderMap;
use serde::Deserialize;

use super::{
    guard,
    link::Worth,
    page::{self, Page},
    ticket::Errand,
};
use crate::{
    api::requests,
    serve::{Agent, now},
};

/// Those that concern whoever is signed in.
pub(super) async fn list(State(agent): State<Arc<Agent>>, headers: HeaderMap) -> Result<Response, Page> {
    let console = guard::console(&agent, &headers)?;
    let Some(session) = guard::visitor(&agent, console, &headers) else {
        return Ok(page::sign_in(&agent.name, &Errand::default()).into_response());
    };
    let all = requests::all(&agent, &session.standing.principal).await.map_err(page::failed)?;
    Ok(page::list(&agent.name, &session, &all, now()).into_response())
}

/// The signature of a link, where somebody has followed one.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Followed {
    #[serde(default)]
    t: Option<String>,
}

/// One of them. That somebody who may decide has opened it is an entry.
pub(super) async fn one(
    State(agent): State<Arc<Agent>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    followed: Result<Query<Followed>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Page> {
    let console = guard::console(&agent, &headers)?;
    let signature = followed.unwrap_or_default().0.t;
    let Some(session) = guard::visitor(&agent, console, &headers) else {
        let errand = Errand::of(Some(&id), signature.as_deref());
        return Ok(page::sign_in(&agent.name, &errand).into_response());
    };
    let caller = &session.standing.principal;
    let request = requests::look(&agent, caller, &id, Some(Through::Console)).await.map_err(page::failed)?;
    let worth = signature.map_or(Worth::Good, |text| console.links.worth(&request, &text, now()));
    let info = requests::describe(&agent, caller, request);
    Ok(page::request(&agent.name, &session, &info, worth, now()).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    token: String,
    verdict: String,
    /// What was shown.
    #[serde(default)]
    binding: String,
    #[serde(default)]
    reason: String,
}

impl Given {
    fn wish(self) -> Option<VerdictWish> {
        let reason = Some(self.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
        match self.verdict.as_str() {
            "approve" => Some(VerdictWish::Approve { binding: self.binding, any_values: None }),
            "reject" => Some(VerdictWish::Reject { reason }),
            "withdraw" => Some(VerdictWish::Withdraw),
            _ => None,
        }
    }
}

/// A verdict of whoever is signed in, from a page that this session was shown.
pub(super) async fn verdict(
    State(agent): State<Arc<Agent>>,
    headers: HeaderMap,
    Path(id): Path<String>,
    form: Result<Form<Given>, FormRejection>,
) -> Result<Response, Page> {
    let console = guard::console(&agent, &headers)?;
    if !guard::is_from_here(console, &headers) {
        return Err(page::forged());
    }
    let Ok(Form(given)) = form else { return Err(page::forged()) };
    guard::catch_up(&agent).await?;
    let Some(session) = guard::visitor(&agent, console, &headers) else {
        return Err(page::over(&Errand::of(Some(&id), None)));
    };
    if !session.is_token(&given.token) {
        return Err(page::forged());
    }
    let wish = given.wish().ok_or_else(page::forged)?;
    let caller = &session.standing.principal;
    let given = requests::give(&agent, caller, &id, wish, Some(Through::Console)).await;
    let info = given.map_err(page::failed)?;
    Ok(Redirect::to(&format!("/console/requests/{}", info.id)).into_response())
}

/// What is not there.
pub(super) async fn nothing(State(agent): State<Arc<Agent>>, headers: HeaderMap) -> Page {
    guard::console(&agent, &headers).map_or_else(|absent| absent, |_| page::nothing_there())
}
