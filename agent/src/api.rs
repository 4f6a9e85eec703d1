//! The control API over HTTPS: who may open what, grants, receipts, the log's files, health. The bodies
//! are those of [`connect_shared::api`]; every error is an [`ErrorReport`](connect_shared::error::ErrorReport).
//!
//! A caller is whoever the ID token in `Authorization` names; nothing is kept between two requests.

mod caller;
pub(crate) mod error;
mod events;
mod explain;
mod grants;
mod health;
mod info;
mod lineage;
mod log;
mod metrics;
mod receipts;
mod reconcile;
pub(crate) mod requests;
mod revocations;
mod runs;
mod search;
mod texts;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use connect_shared::{
    attest::MAX_RUN_END,
    error::{ErrorReport, Exit},
};
use http::{HeaderValue, StatusCode, header};

use self::error::ApiError;
use crate::{console, grants::MAX_GRANT, serve::Agent};

/// Longest body of a request.
const MAX_BODY: usize = 16 * 1024;
/// From a request's head to its answer's.
const ANSWER_TIME: Duration = Duration::from_secs(30);

/// All routes.
pub fn router(agent: Arc<Agent>) -> Router {
    Router::new()
        .route("/v1/agent", get(info::agent))
        .route("/v1/resources", get(info::resources))
        .route("/v1/grants", post(grants::issue).layer(DefaultBodyLimit::max(MAX_BODY + MAX_GRANT)))
        .route("/v1/explain", post(explain::explain).layer(DefaultBodyLimit::max(explain::MAX_BODY)))
        .route("/v1/revocations", post(revocations::revoke))
        .route("/v1/back-channel-logout", post(events::logout))
        .route("/v1/events", post(events::events))
        .route("/v1/search", post(search::search))
        .route("/v1/text", post(texts::show))
        .route("/v1/lineage", post(lineage::ask))
        .route("/v1/reconcile", post(reconcile::reconcile))
        .route("/v1/receipts/entry/{index}", get(receipts::of_entry))
        .route("/v1/requests", get(requests::list).post(requests::asked_for))
        .route("/v1/requests/{id}", get(requests::one))
        .route("/v1/requests/{id}/verdict", post(requests::decide))
        .route("/v1/receipts/last", get(receipts::last))
        .route("/v1/receipts/{statement}", get(receipts::of_statement))
        .route("/v1/runs/{run}/end", post(runs::end).layer(DefaultBodyLimit::max(MAX_RUN_END)))
        .route("/log/checkpoint", get(log::checkpoint))
        .route("/log/witnessed", get(log::witnessed))
        .route("/log/pruned", get(log::pruned))
        .route("/log/consistency", get(log::consistency))
        .route("/log/rotations/{number}", get(log::rotation))
        .route("/log/{*path}", get(log::file))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .merge(console::router())
        .fallback(async || not_found())
        .method_not_allowed_fallback(async || wrong_method())
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(answer_in_time))
        .with_state(agent)
}

async fn answer_in_time(request: Request, next: Next) -> Response {
    let mut response = match tokio::time::timeout(ANSWER_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => too_slow().into_response(),
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn too_slow() -> ApiError {
    let report =
        ErrorReport::new("too_slow", Exit::Unreachable, "the agent did not get to an answer in time");
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, report.help("try again in a moment").retryable())
}

fn not_found() -> ApiError {
    let report = ErrorReport::new("not_found", Exit::NotFound, "the agent has nothing under this path");
    ApiError::new(
        StatusCode::NOT_FOUND,
        report.help("see that `connect` and the agent are of the same version"),
    )
}

fn wrong_method() -> ApiError {
    let report = ErrorReport::new("wrong_method", Exit::Usage, "this path answers another HTTP method");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, report)
}
