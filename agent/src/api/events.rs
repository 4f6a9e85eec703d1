//! What identity providers tell: `POST /v1/back-channel-logout` (OpenID Connect Back-Channel Logout 1.0) and
//! `POST /v1/events` (RFC 8935). They prove themselves by what they signed; answers are those of the standards.

use std::sync::Arc;

use axum::{
    Form, Json,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use crate::{
    identity::{Logout, TokenError},
    serve::{Agent, now},
};

#[derive(Deserialize)]
pub(super) struct LogoutForm {
    logout_token: String,
}

pub(super) async fn logout(
    State(agent): State<Arc<Agent>>,
    form: Result<Form<LogoutForm>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return refused("there is no logout_token") };
    match told_by(&agent, &form.logout_token).await {
        Ok(logout) => {
            let words = ("logout", "you signed out at the identity provider");
            agent.revoke(&logout.whom, &logout.until, words, None);
            StatusCode::OK.into_response()
        }
        Err(error @ TokenError::Provider(_)) => {
            tracing::warn!(%error, "a logout token could not be checked");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Err(error) => {
            tracing::debug!(%error, "a logout token was refused");
            refused(&error.to_string())
        }
    }
}

/// The console may be another client of the same provider, which tells each of them.
async fn told_by(agent: &Agent, token: &str) -> Result<Logout, TokenError> {
    match (agent.identity.logout(token, now()).await, &agent.console) {
        (Err(TokenError::Issuer { .. }), Some(console)) => console.door().logout(token, now()).await,
        (told, _) => told,
    }
}

/// 2.8 of the standard.
fn refused(why: &str) -> Response {
    let body = json!({"error": "invalid_request", "error_description": why});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

pub(super) async fn events(State(agent): State<Arc<Agent>>, headers: HeaderMap, token: String) -> Response {
    let is_event = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/secevent+jwt");
    if !is_event {
        return told(
            StatusCode::BAD_REQUEST,
            "invalid_request",
            "the content type is not application/secevent+jwt",
        );
    }
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let bearer = bearer.strip_prefix("Bearer ").unwrap_or(bearer);
    match agent.signals.pushed(&agent, bearer, token.trim()).await {
        None => told(StatusCode::UNAUTHORIZED, "authentication_failed", "this transmitter is not known here"),
        Some(Ok(())) => StatusCode::ACCEPTED.into_response(),
        Some(Err(error)) => {
            tracing::warn!(%error, "an event was refused");
            let (status, code) = match &error {
                TokenError::Provider(_) => (StatusCode::SERVICE_UNAVAILABLE, "invalid_key"),
                TokenError::UnknownKey | TokenError::Jws(_) => (StatusCode::BAD_REQUEST, "invalid_key"),
                TokenError::Issuer { .. } => (StatusCode::BAD_REQUEST, "invalid_issuer"),
                TokenError::Audience { .. } => (StatusCode::BAD_REQUEST, "invalid_audience"),
                _ => (StatusCode::BAD_REQUEST, "invalid_request"),
            };
            told(status, code, &error.to_string())
        }
    }
}

/// RFC 8935, 2.3.
fn told(status: StatusCode, code: &str, why: &str) -> Response {
    (status, Json(json!({"err": code, "description": why}))).into_response()
}
