//! Asks a transmitter for events (RFC 8936): one long request after the other, each with what was heard
//! before. What is not acknowledged comes again, so nothing is lost with a connection or an agent.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Transmitter;
use crate::{
    config::SignalsConfig,
    identity::{self, FetchError},
    serve::Agent,
};

/// Most events of one answer, and its longest body.
const MAX_EVENTS: usize = 100;
const MAX_BODY: usize = 4 << 20;
/// How long the transmitter may hold a request back.
const PATIENCE: Duration = Duration::from_secs(60);
/// First and longest pause after a failure, and the one between answers without events: one that does not
/// hold requests back is not asked without end.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
const BETWEEN: Duration = Duration::from_millis(200);

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    max_events: usize,
    return_immediately: bool,
    ack: Vec<String>,
    set_errs: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    sets: BTreeMap<String, String>,
}

pub(super) async fn run(
    agent: Arc<Agent>,
    transmitter: Arc<Transmitter>,
    url: String,
    client: reqwest::Client,
) {
    let mut pause = PAUSES.0;
    let mut request = Request { max_events: MAX_EVENTS, ..Request::default() };
    loop {
        match ask(&client, &transmitter, &url, &request).await {
            Ok(answer) => {
                pause = PAUSES.0;
                let nothing = answer.sets.is_empty();
                request = hear(&agent, &transmitter, answer).await;
                if nothing {
                    tokio::time::sleep(BETWEEN).await;
                }
            }
            Err(error) => {
                tracing::warn!(url, error, "a transmitter of events does not answer");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

async fn hear(agent: &Agent, transmitter: &Transmitter, answer: Answer) -> Request {
    let mut next = Request { max_events: MAX_EVENTS, ..Request::default() };
    for (jti, token) in answer.sets.into_iter().take(MAX_EVENTS) {
        match transmitter.hear(agent, &token).await {
            Ok(_) => next.ack.push(jti),
            // The keys cannot be had now: the event comes again.
            Err(error @ identity::TokenError::Provider(_)) => tracing::warn!(%error, "an event waits"),
            Err(error) => {
                tracing::warn!(%error, "an event is not understood");
                let told = json!({"err": "invalid_request", "description": error.to_string()});
                next.set_errs.insert(jti, told);
            }
        }
    }
    next
}

async fn ask(
    client: &reqwest::Client,
    transmitter: &Transmitter,
    url: &str,
    request: &Request,
) -> Result<Answer, String> {
    let words = |error: reqwest::Error| error.without_url().to_string();
    let call = client.post(url).bearer_auth(&transmitter.token.0).json(request);
    let mut response = call.send().await.map_err(words)?;
    if !response.status().is_success() {
        return Err(format!("it answers with {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(words)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(format!("its answer is over {MAX_BODY} bytes long"));
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

pub(super) fn client(config: &SignalsConfig, url: &str) -> Result<reqwest::Client, FetchError> {
    let unusable = |reason: String| FetchError::Unusable { issuer: config.issuer.clone(), reason };
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(identity::tls_to(config.ca_file.as_deref()).map_err(unusable)?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .timeout(PATIENCE);
    if url.starts_with("http://") {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| unusable(error.to_string()))
}
