//! `POST /v1/revocations`: ends sessions at once. One's own are anybody's to end; who may end those of others,
//! and keep them out, says `[grants] revokers`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use connect_core::principal::Principal;
use connect_shared::{
    api::{RevocationAnswer, RevocationRequest},
    entry::{Entry, PrincipalRef},
    error::{ErrorReport, Exit},
    ids::SessionId,
};

use super::{caller::Caller, error::ApiError};
use crate::{
    revocation::{Until, Whom},
    serve::{Agent, now},
};

/// For how long somebody is kept out unless it is said, and at most: a month.
const USUAL: u64 = 60 * 60;
const LONGEST: u64 = 31 * 24 * 60 * 60;
const SCHEMA: &str = "connect.revocation/1";
/// Longest reason that goes into the log and onto screens.
const MAX_REASON: usize = 200;

pub(super) async fn revoke(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
    body: Result<Json<RevocationRequest>, JsonRejection>,
) -> Result<Json<RevocationAnswer>, ApiError> {
    let Json(request) = body.map_err(|error| bad(&error.body_text()))?;
    if request.lift {
        return lift(&agent, &caller.0, &request).map(Json);
    }
    let why = words(&caller.0, request.reason.as_deref())?;
    let may_others = agent.revokers.admits(&caller.0);
    let by = &caller.0.reference;
    let (sessions, until) = match (request.principal, request.session, request.mine) {
        (Some(name), None, false) if may_others => {
            let (count, until) = of_principal(&agent, &name, request.seconds, &why, by)?;
            (count, Some(until))
        }
        (Some(_), None, false) => return Err(not_allowed(&caller.0)),
        (None, Some(id), false) => (one(&agent, id, by, may_others, &why)?, None),
        (None, None, true) => (own(&agent, by, &why), None),
        _ => return Err(bad("it must name one of `principal`, `session` and `mine`")),
    };
    Ok(Json(RevocationAnswer { schema: SCHEMA.to_owned(), sessions, until, lifted: None }))
}

/// Lets a principal in again whom an operator or a canary has kept out.
fn lift(agent: &Agent, by: &Principal, request: &RevocationRequest) -> Result<RevocationAnswer, ApiError> {
    if !agent.revokers.admits(by) {
        return Err(not_allowed(by));
    }
    let (Some(name), None, false, None) =
        (&request.principal, request.session, request.mine, request.seconds)
    else {
        return Err(bad("to let somebody in again it names a `principal` and nothing else"));
    };
    check_name(name)?;
    words(by, request.reason.as_deref())?;
    if !agent.revocations.is_kept_out(name, now()) {
        let words = format!("nobody of the name `{name}` is kept out for a time");
        return Err(ErrorReport::new("not_kept_out", Exit::NotFound, words)
            .help("the entry `revoked` of the log names them: connect audit search --kind revoked")
            .into());
    }
    let lifted = agent.lift(name, &by.reference, request.reason.as_deref())?;
    Ok(RevocationAnswer { schema: SCHEMA.to_owned(), sessions: 0, until: None, lifted: Some(!lifted.still) })
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() || name.len() > 320 || name.chars().any(char::is_control) {
        return Err(bad("`principal` is no name"));
    }
    Ok(())
}

fn of_principal(
    agent: &Agent,
    name: &str,
    seconds: Option<u64>,
    why: &str,
    by: &PrincipalRef,
) -> Result<(u64, u64), ApiError> {
    check_name(name)?;
    let seconds = seconds.unwrap_or(USUAL);
    if !(1..=LONGEST).contains(&seconds) {
        return Err(bad(&format!("`seconds` must be between 1 and {LONGEST}")));
    }
    let until = now().saturating_add(seconds);
    let count = agent.revoke(&Whom::Named(name.to_owned()), &Until::Time(until), ("operator", why), Some(by));
    Ok((count as u64, until))
}

fn one(
    agent: &Agent,
    id: SessionId,
    by: &PrincipalRef,
    may_others: bool,
    why: &str,
) -> Result<u64, ApiError> {
    let owner = (!may_others).then_some(by);
    let count = agent.revocations.cut_session(id, owner, why, now()) as u64;
    if count == 0 {
        let words = "there is no such session of yours at this agent";
        return Err(ErrorReport::new("no_such_session", Exit::NotFound, words).help("connect status").into());
    }
    record(agent, format!("session {id}"), by, count);
    Ok(count)
}

fn own(agent: &Agent, by: &PrincipalRef, why: &str) -> u64 {
    let count = agent.revocations.cut_own(by, why, now()) as u64;
    record(agent, format!("subject {} of {}", by.sub, by.idp), by, count);
    count
}

fn record(agent: &Agent, whom: String, by: &PrincipalRef, sessions: u64) {
    let entry =
        Entry::Revoked { cause: "owner".to_owned(), whom, by: Some(by.clone()), sessions, until: None };
    if let Err(error) = agent.log.append(entry) {
        tracing::warn!(%error, "a revocation could not be recorded");
    }
}

/// What the one hears whose session it was.
fn words(by: &Principal, reason: Option<&str>) -> Result<String, ApiError> {
    let Some(reason) = reason else { return Ok(format!("by {}", by.name)) };
    if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
        return Err(bad(&format!("the reason must be one line of at most {MAX_REASON} characters")));
    }
    Ok(format!("by {}: {reason}", by.name))
}

fn not_allowed(by: &Principal) -> ApiError {
    let words = format!("`{}` may end its own sessions only", by.name);
    ErrorReport::new("not_allowed", Exit::Denied, words)
        .help("connect revoke --mine")
        .help("who may end those of others stands in `[grants] revokers` of the agent")
        .into()
}

fn bad(words: &str) -> ApiError {
    ErrorReport::new("bad_request", Exit::Usage, format!("the request cannot be read: {words}")).into()
}
