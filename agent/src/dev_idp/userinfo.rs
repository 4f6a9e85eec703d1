//! `/userinfo`: the claims again, for whoever holds an access token.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::Provider;

/// The route (OpenID Connect Core, section 5.3).
pub async fn userinfo(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let email = {
        let now = Instant::now();
        let mut store = provider.store();
        let family = store.access.find(now, token).map(|access| access.family.clone());
        family
            .and_then(|family| store.families.find(now, &family).map(|family| family.signed_in.email.clone()))
    };
    let Some(person) = email.and_then(|email| provider.person(&email)) else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    };
    Json(json!({
        "sub": person.subject,
        "email": person.email,
        "email_verified": true,
        "name": person.name,
        "groups": person.groups,
    }))
    .into_response()
}
