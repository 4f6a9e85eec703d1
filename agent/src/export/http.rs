//! What the sinks over HTTP have in common: one client each, no redirects, and what a status means.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode, redirect::Policy};

use super::Undelivered;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest answer that is looked into.
const MAX_ANSWER: usize = 64 * 1024;

pub(crate) fn client() -> Option<Client> {
    let tls = crate::identity::public_tls().ok()?;
    let client = Client::builder().tls_backend_preconfigured(tls);
    client.redirect(Policy::none()).timeout(PATIENCE).build().ok()
}

/// Sends, and gives what a receiver that has taken it answers.
pub(crate) async fn send(request: RequestBuilder) -> Result<Vec<u8>, Undelivered> {
    let mut response = request.send().await.map_err(|_| Undelivered::NotNow("no_answer"))?;
    judge(response.status())?;
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > MAX_ANSWER {
            // It was taken; what else is said is of no use.
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Only what is wrong with this very message is never taken.
fn judge(status: StatusCode) -> Result<(), Undelivered> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
            Err(Undelivered::Refused("refused"))
        }
        status if status.is_client_error() => Err(Undelivered::NotNow("not_accepted")),
        _ => Err(Undelivered::NotNow("server_error")),
    }
}
