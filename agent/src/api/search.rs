//! `POST /v1/search`: one's own entries for anybody, everybody's for auditors. That somebody searched is an
//! entry, durable before the answer leaves.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{FromRequest, Request, State},
};
use connect_core::principal::Principal;
use connect_shared::{
    api::{MAX_FILTER_BYTES, MAX_ROWS, SearchAnswer, SearchFilter, SearchRequest, SearchScope},
    entry::Entry,
    error::{ErrorReport, Exit},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

use super::{caller::Caller, error::ApiError};
use crate::{
    audit::{Found, IndexError, Leaves, Whose, search as look_up},
    log::PublicFolder,
    serve::Agent,
};

/// Questions that are looked up at once.
static PLACES: Semaphore = Semaphore::const_new(4);
/// How long the index may take to catch up with what was asked for.
const CATCH_UP: Duration = Duration::from_secs(5);
/// Longest wait for something new.
const MAX_WAIT: u8 = 20;

pub(super) async fn search(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
    request: Request,
) -> Result<Json<SearchAnswer>, ApiError> {
    let request = read_body(request).await?;
    let Caller(principal) = caller;
    if request.scope == SearchScope::All && !agent.auditors.admits(&principal) {
        let words = format!("`{}` may search its own entries only: it is no auditor", principal.name);
        return Err(ErrorReport::new("not_an_auditor", Exit::Denied, words).help("connect history").into());
    }
    let mut upto = catch_up(&agent).await;
    // Whoever waits for what is not there yet has searched nothing that is.
    let ahead = request.wait > 0 && request.from.is_some_and(|from| from >= upto.0);
    let mut found = if ahead { None } else { Some(ask(&agent, &principal, &request, upto.1).await?) };
    let deadline = Instant::now() + Duration::from_secs(request.wait.into());
    while request.wait > 0 && found.as_ref().is_none_or(|found| found.rows.is_empty()) {
        let before = upto.0;
        upto = wait_for_more(&agent, before, deadline).await;
        if upto.0 <= before {
            break;
        }
        found = Some(ask(&agent, &principal, &request, upto.1).await?);
    }
    let found = found.unwrap_or(Found { rows: Vec::new(), more: false });
    if !(ahead && found.rows.is_empty()) {
        record(&agent, &principal, &request, found.rows.len(), upto.0).await?;
    }
    Ok(Json(SearchAnswer {
        schema: "connect.search/1".to_owned(),
        origin: agent.log.origin().to_owned(),
        indexed: upto.0,
        size: upto.1,
        rows: found.rows,
        more: found.more,
    }))
}

/// Lets the index catch up with everything that was recorded before the question: entries that are found,
/// and entries that are signed.
pub(super) async fn catch_up(agent: &Agent) -> (u64, u64) {
    let mut seen = agent.index.seen();
    let caught_up = async {
        let size = agent.log.publish_now().await.map(|published| published.size).unwrap_or_default();
        let _gone = seen.wait_for(|seen| seen.indexed >= size).await;
    };
    let _behind = timeout(CATCH_UP, caught_up).await;
    places(agent)
}

fn places(agent: &Agent) -> (u64, u64) {
    let size = agent.log.published().borrow().size;
    let indexed = agent.index.seen().borrow().indexed;
    (indexed.min(size), size)
}

async fn wait_for_more(agent: &Agent, than: u64, until: Instant) -> (u64, u64) {
    let mut seen = agent.index.seen();
    let more = seen.wait_for(|seen| seen.indexed > than);
    let _nothing_new = timeout_at(until, more).await;
    places(agent)
}

async fn ask(
    agent: &Agent,
    principal: &Principal,
    request: &SearchRequest,
    size: u64,
) -> Result<Found, ApiError> {
    let _place = PLACES.acquire().await;
    must_be_usable(agent)?;
    let mut leaves = Leaves::new(PublicFolder::new(agent.log.public_dir()), size);
    let (path, request) = (agent.index.path().to_owned(), request.clone());
    let own = (request.scope == SearchScope::Own).then(|| principal.reference.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let whose = own.as_ref().map_or(Whose::Everybody, Whose::Own);
        look_up(&path, &mut leaves, &request, whose)
    });
    let found = asked.await.map_err(|error| unfindable(&error))?;
    found.map_err(|error| match error {
        IndexError::TooSlow => {
            let report = ErrorReport::new("too_slow", Exit::Unreachable, error.to_string());
            ApiError::from(report.help("add a filter: a principal, a resource, a time"))
        }
        other => unfindable(&other),
    })
}

async fn record(
    agent: &Agent,
    principal: &Principal,
    request: &SearchRequest,
    rows: usize,
    upto: u64,
) -> Result<(), ApiError> {
    let text_bytes = request.filter.text.as_ref().map(|text| text.len() as u64);
    let filter = SearchFilter { text: None, ..request.filter.clone() };
    let seq = agent.log.append(Entry::Searched {
        principal: principal.reference.clone(),
        scope: request.scope,
        filter: Box::new(filter),
        text_bytes,
        rows: rows as u64,
        upto,
    })?;
    agent.log.wait_durable(seq).await?;
    Ok(())
}

async fn read_body(request: Request) -> Result<SearchRequest, ApiError> {
    let bad = |words: String| ApiError::from(ErrorReport::new("bad_request", Exit::Usage, words));
    let body = match Json::<SearchRequest>::from_request(request, &()).await {
        Ok(Json(body)) => body,
        Err(rejection) => return Err(bad(format!("the question cannot be read: {}", rejection.body_text()))),
    };
    if body.limit == 0 || body.limit > MAX_ROWS {
        return Err(bad(format!("`limit` must be between 1 and {MAX_ROWS}")));
    }
    if body.wait > MAX_WAIT {
        return Err(bad(format!("`wait` must be at most {MAX_WAIT} seconds")));
    }
    if body.filter.texts().any(|text| text.len() > MAX_FILTER_BYTES) || body.filter.kinds.len() > 32 {
        return Err(bad(format!("a filter must have at most {MAX_FILTER_BYTES} bytes")));
    }
    if let Some(unknown) = body.filter.kinds.iter().find(|kind| !Entry::KINDS.contains(&kind.as_str())) {
        let known = Entry::KINDS.join(", ");
        return Err(bad(format!("`{unknown}` is no kind of entry; there are {known}")));
    }
    Ok(body)
}

/// Waits a moment for an index that is being opened or made.
///
/// # Errors
/// It takes longer.
pub(super) async fn until_usable(agent: &Agent) -> Result<(), ApiError> {
    let mut seen = agent.index.seen();
    let _in_vain = timeout(CATCH_UP, seen.wait_for(|seen| seen.usable)).await;
    must_be_usable(agent)
}

pub(super) fn must_be_usable(agent: &Agent) -> Result<(), ApiError> {
    if agent.index.seen().borrow().usable { Ok(()) } else { Err(unfindable(&"it is being made")) }
}

/// The index or what it points to cannot be read.
pub(super) fn unfindable(error: &dyn std::fmt::Display) -> ApiError {
    tracing::warn!(%error, "the log cannot be searched");
    let words = "the agent cannot search its log now";
    let report = ErrorReport::new("search_unavailable", Exit::Unreachable, words);
    report
        .help("try again in a moment; `connect-agent audit reindex` makes the index anew")
        .retryable()
        .into()
}
