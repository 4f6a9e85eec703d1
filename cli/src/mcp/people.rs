//! What an AI agent asks of people: access to a resource, and whether somebody has decided. It never approves.

use std::time::Duration;

use connect_shared::{
    api::{AccessWish, RequestInfo},
    grant::Action,
    ids::RequestId,
    request::RequestState,
};
use serde_json::json;

use super::{
    actor::Who,
    answer::Answer,
    ended::{Stopped, held_request},
    sessions::Sessions,
    statement::Problem,
    tools::{RequestAccess, WaitForApproval},
};
use crate::failure;

/// Longest that one call waits; programs give a call a minute.
pub(super) const LONGEST_WAIT: u64 = 20;
/// When it makes sense to ask again for a verdict.
const RETRY: u64 = 30;
/// Longest that access may be asked for.
pub(super) const MOST_MINUTES: u64 = 24 * 60;
/// Longest reason that an approver has to read.
const MOST_REASON: usize = 1_000;

/// Asks for access to read.
pub(super) async fn request_access(
    sessions: &Sessions,
    wish: RequestAccess,
    who: &Who,
) -> Result<Answer, Stopped> {
    if wish.minutes.is_some_and(|minutes| !(1..=MOST_MINUTES).contains(&minutes)) {
        return Err(Stopped::Arguments(format!("minutes are from 1 to {MOST_MINUTES}")));
    }
    if wish.reason.len() > MOST_REASON {
        return Err(Stopped::Arguments(format!("the reason has more than {MOST_REASON} bytes")));
    }
    let desk = sessions.desk(&wish.resource).await?;
    let access = AccessWish {
        resource: desk.target.resource.clone(),
        actions: vec![Action::Read],
        reason: Some(wish.reason),
        actor: Some(who.actor.clone()),
        seconds: wish.minutes.map(|minutes| Duration::from_mins(minutes).as_secs()),
        ..AccessWish::default()
    };
    let asked = desk.api.ask(desk.sign_in.id_token.reveal(), &access).await?;
    Ok(state_of(&asked, who))
}

/// What became of a request, as soon as it is decided or after a while.
pub(super) async fn wait_for_approval(
    sessions: &Sessions,
    wish: WaitForApproval,
    who: &Who,
) -> Result<Answer, Stopped> {
    let Ok(id) = wish.request.parse::<RequestId>() else {
        return Err(Stopped::Arguments("`request` is the id that an answer gave: req_…".to_owned()));
    };
    let seconds = wish.seconds.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
    let desk = sessions.desk(&wish.resource).await?;
    let info = desk.api.request_of(desk.sign_in.id_token.reveal(), id, seconds).await?;
    // Its person may see more requests than the resources that are offered here.
    if info.resource != desk.target.resource {
        let words = format!("there is no request {id} for {}", wish.resource);
        return Err(failure::not_found("no_such_request", words).into());
    }
    Ok(state_of(&info, who))
}

/// The page of the request that a statement waits for. It is the agent that is asked: a database may say anything.
pub(super) async fn page_of(sessions: &Sessions, resource: &str, problem: &Problem) -> Option<String> {
    let Problem::Database { message, .. } = problem else { return None };
    let request = held_request(message)?;
    let desk = sessions.desk(resource).await.ok()?;
    let info = desk.api.request_of(desk.sign_in.id_token.reveal(), request, 0).await.ok()?;
    info.link
}

/// An answer for something that waits for people; `link` leads to the page where they decide, if there is one.
pub(super) fn pending(words: &str, request: &str, link: Option<&str>) -> Answer {
    let answer = Answer::new("approval_pending", words).fact("request", request);
    let answer = match link {
        Some(link) => answer.fact("link", link),
        None => answer,
    };
    answer
        .fact("command", format!("connect requests {request}"))
        .fact("approve_command", format!("connect approve {request}"))
        .fact("retryable", true)
        .fact("retry_after_seconds", RETRY)
}

fn state_of(info: &RequestInfo, who: &Who) -> Answer {
    let id = info.id.to_string();
    let answer = match info.state {
        RequestState::Pending => pending(
            "People must approve this. Go on with something else, or call wait_for_approval; nothing that you \
             can do makes it faster.",
            &id,
            info.link.as_deref(),
        ),
        RequestState::Approved | RequestState::Used => {
            Answer::new("done", "It is approved; what was asked for works now.").fact("request", id)
        }
        RequestState::Rejected => {
            Answer::new("denied", "A person has rejected it. Do not ask again for the same.")
                .fact("request", id)
        }
        _ => Answer::new("failed", "It was taken back, or nobody decided it in time.").fact("request", id),
    };
    // Who approves is written by the operator, what was decided by an approver.
    answer.by(who).fact("state", info.state.as_str()).data(json!({
        "resource": info.resource,
        "approvers": info.approvers,
        "verdicts": info.verdicts,
        "expires_at": info.expires_at,
    }))
}
