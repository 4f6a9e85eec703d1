//! The routes, and what every answer has in common.

use std::sync::Arc;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};

use super::{Provider, authorize, logout, metadata, page, sign_in, token, userinfo};

/// Largest form that is read, in bytes.
const LARGEST_BODY: usize = 16 * 1024;

pub fn router(provider: Provider) -> Router {
    let provider = Arc::new(provider);
    Router::new()
        .route("/", get(metadata::index))
        .route("/.well-known/openid-configuration", get(metadata::discovery))
        .route("/jwks", get(metadata::jwks))
        .route("/authorize", get(authorize::authorize))
        .route("/sign-in", post(sign_in::sign_in))
        .route("/token", post(token::token))
        .route("/revoke", post(token::revoke))
        .route("/userinfo", get(userinfo::userinfo).post(userinfo::userinfo))
        .route("/logout", get(logout::ask).post(logout::confirm))
        .route("/style.css", get(async || ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], page::STYLE)))
        .route("/mark.svg", get(async || ([(header::CONTENT_TYPE, "image/svg+xml")], page::MARK)))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(provider.clone(), guard))
        .with_state(provider)
}

/// Answers only to its own name, so that a foreign site cannot reach it through a name of its own that it
/// points at 127.0.0.1; and lets nothing be cached or sniffed.
async fn guard(State(provider): State<Arc<Provider>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let port = provider.address.port();
    if host != provider.address.to_string() && host != format!("localhost:{port}") {
        return (StatusCode::MISDIRECTED_REQUEST, "this provider answers to its own address only\n")
            .into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}
