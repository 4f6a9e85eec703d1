//! The same door over HTTP, for programs that do not start us: the protocol's Streamable HTTP on the loopback.
//!
//! Whoever may speak to it acts for the person who is signed in, so nothing is answered without the token that
//! this process drew or was given; other users of the machine and pages in a browser do not have it. On top,
//! names other than the loopback's in `Host` and any `Origin` but the loopback's are refused, as the protocol
//! asks against DNS rebinding.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::server::Server;
use crate::{
    console::Console,
    failure::{self, Outcome},
    session::Signals,
};

/// Where a token comes from that outlives a restart.
pub(super) const TOKEN: &str = "CONNECT_MCP_TOKEN";
/// Shorter ones can be guessed.
const SHORTEST_TOKEN: usize = 32;
/// Longest request: a statement, in JSON that escapes every byte of it, and room.
const MAX_BODY: usize = 512 * 1024;
const PATH: &str = "/mcp";

/// Serves until a signal comes.
pub(super) async fn serve(server: Server, port: u16, console: &Console) -> Outcome<()> {
    let token = token(std::env::var(TOKEN).ok())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        failure::usage(format!("cannot listen on {address}: {}", failure::reason(&error)))
            .help("connect mcp serve --http 0 takes a port that is free")
    })?;
    let address = listener.local_addr().map_err(|error| failure::unexpected(failure::reason(&error)))?;
    let mut signals = Signals::catch()?;
    let config = config(address.port());
    let stopping = config.cancellation_token.clone();
    let router = router(server, config, &token.secret);
    announce(&format!("http://{address}{PATH}"), &token, console)?;
    let ended = async move {
        signals.next().await;
        stopping.cancel();
    };
    let served = axum::serve(listener, router).with_graceful_shutdown(ended).await;
    served.map_err(|error| failure::unexpected(failure::reason(&error)))
}

/// Where it is, and the token unless it was given to us.
fn announce(url: &str, token: &Token, console: &Console) -> Outcome<()> {
    if console.is_for_programs() {
        let drawn = (!token.given).then_some(&token.secret);
        return console.object(&json!({ "schema": "connect.mcp_server/1", "url": url, "token": drawn }));
    }
    console.say(&format!("MCP is served at {url} to whoever has the token:"));
    match token.given {
        true => console.say(&format!("  Authorization: Bearer … (as {TOKEN} has it)")),
        false => console.say(&format!("  Authorization: Bearer {}", token.secret)),
    }
    console.say("Ctrl-C to close.");
    Ok(())
}

fn config(port: u16) -> StreamableHttpServerConfig {
    let names = ["127.0.0.1", "localhost"];
    StreamableHttpServerConfig::default()
        .with_allowed_hosts(names.map(|name| format!("{name}:{port}")))
        .with_allowed_origins(names.map(|name| format!("http://{name}:{port}")))
        .enforce_origin_validation()
        .with_max_request_body_bytes(MAX_BODY)
}

fn router(server: Server, config: StreamableHttpServerConfig, token: &str) -> Router {
    let sessions = Arc::new(LocalSessionManager::default());
    let service = StreamableHttpService::new(move || Ok(server.clone()), sessions, config);
    let expected: Arc<str> = format!("Bearer {token}").into();
    Router::new().route_service(PATH, service).layer(middleware::from_fn_with_state(expected, with_token))
}

/// Nothing is looked at before the token was.
async fn with_token(State(expected): State<Arc<str>>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
    if aws_lc_rs::constant_time::verify_slices_are_equal(given, expected.as_bytes()).is_ok() {
        return next.run(request).await;
    }
    let words = "the token is missing or wrong: connect mcp serve printed it when it started\n";
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], words).into_response()
}

struct Token {
    secret: String,
    /// By whoever started us, who knows it.
    given: bool,
}

fn token(given: Option<String>) -> Outcome<Token> {
    if let Some(secret) = given {
        let fits = secret.len() >= SHORTEST_TOKEN && secret.bytes().all(|byte| byte.is_ascii_graphic());
        return match fits {
            true => Ok(Token { secret, given: true }),
            false => Err(failure::usage(format!(
                "{TOKEN} must have at least {SHORTEST_TOKEN} characters, none of them a space"
            ))
            .help("openssl rand -hex 32 makes one")),
        };
    }
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| failure::unexpected("no randomness"))?;
    Ok(Token { secret: URL_SAFE_NO_PAD.encode(bytes), given: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_drawn_anew_or_is_long_enough() {
        let drawn = || token(None).expect("a token").secret;
        assert!(drawn() != drawn() && drawn().len() >= SHORTEST_TOKEN);
        assert!(token(Some("x".repeat(31))).is_err());
        assert!(token(Some(format!("{} x", "x".repeat(40)))).is_err());
        assert!(token(Some("x".repeat(32))).is_ok_and(|token| token.given));
    }
}
