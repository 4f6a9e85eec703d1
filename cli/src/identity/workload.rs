//! How a program signs in: with an ID token that its surroundings give to it (a CI service, a cluster, a
//! SPIFFE agent), or with client credentials and a key. Nobody is asked anything, nothing is kept.
//!
//! The token is not checked here: the agent does that, and what it says of itself is used for the time at
//! which a newer one is asked for, and for words. Read next: [`assertion`] for client credentials.

mod assertion;
mod source;

use std::{path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Url;
use serde::Deserialize;

pub(crate) use self::source::Source;
use super::{
    tokens::{Profile, Secret, SignIn},
    transport,
};
use crate::{
    agents::{Agent, Identity},
    api::{Limit, read_body},
    failure::{self, Outcome},
};

/// Longest token, and longest answer with one.
const MAX_TOKEN: usize = 16 * 1024;
const MAX_ANSWER: usize = 64 * 1024;

/// Where a program's tokens for one agent come from.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    source: Source,
    /// For whom they are asked for: the agent.
    audience: String,
    identity: Identity,
}

/// An answer with a token in it, by the name that the one or the other service gives it.
#[derive(Deserialize)]
struct Answer {
    #[serde(alias = "id_token", alias = "access_token", alias = "token")]
    value: String,
}

/// What a token says of itself.
#[derive(Deserialize)]
struct Said {
    sub: String,
    exp: u64,
    #[serde(default)]
    iss: Option<String>,
}

impl Workload {
    pub(crate) fn new(source: Source, agent: &Agent) -> Self {
        Self { source, audience: agent.log.origin.clone(), identity: agent.identity.clone() }
    }

    /// A token of now.
    pub(super) async fn sign_in(&self) -> Outcome<SignIn> {
        let token = match &self.source {
            Source::Variable(name) => of_variable(name)?,
            Source::File(path) => of_file(path).await?,
            Source::Address(url) => of_address(url, None).await?,
            Source::GitHub => self.of_github().await?,
            Source::Client(client) => assertion::token(client, &self.identity).await?,
        };
        read(token.trim(), &self.source)
    }

    /// The address comes with the job, and so does the right to ask there.
    async fn of_github(&self) -> Outcome<String> {
        let variable = |name: &str| {
            std::env::var(name).map_err(|_| {
                failure::sign_in_needed(format!("`{name}` is not set: this job may not ask for ID tokens"))
                    .help("let the job have `permissions: id-token: write`")
            })
        };
        let mut url = acceptable(&variable("ACTIONS_ID_TOKEN_REQUEST_URL")?)?;
        url.query_pairs_mut().append_pair("audience", &self.audience);
        of_address(&url, Some(&variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?)).await
    }
}

fn of_variable(name: &str) -> Outcome<String> {
    std::env::var(name).map_err(|_| {
        no_token(format!("the variable `{name}` is not set, so there is no token to sign in with"))
    })
}

async fn of_file(path: &Path) -> Outcome<String> {
    let unreadable = |why: String| no_token(format!("the token file {} {why}", path.display()));
    let read = tokio::fs::metadata(path).await;
    let length =
        read.map_err(|error| unreadable(format!("cannot be read: {}", failure::reason(&error))))?.len();
    if length > MAX_TOKEN as u64 {
        return Err(unreadable(format!("is over {MAX_TOKEN} bytes long")));
    }
    let text = tokio::fs::read_to_string(path).await;
    text.map_err(|error| unreadable(format!("cannot be read: {}", failure::reason(&error))))
}

async fn of_address(url: &Url, bearer: Option<&str>) -> Outcome<String> {
    let place = url.origin().ascii_serialization();
    let mut request = transport::client(url)?.get(url.clone()).header("accept", "application/json");
    if let Some(bearer) = bearer {
        request = request.bearer_auth(bearer);
    }
    let silent = |why: String| {
        failure::unreachable("token_unreachable", format!("{place} gives no ID token: {why}"))
            .help("connect doctor")
    };
    let answer = request.send().await.map_err(|error| silent(failure::chain(&error.without_url())))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(no_token(format!("{place} gives no ID token: it answers with {status}")));
    }
    let body = read_body(answer, Limit::Bytes(MAX_ANSWER)).await?;
    let text = String::from_utf8(body).map_err(|_| silent("its answer is not text".to_owned()))?;
    // A token begins with the base64 of a brace.
    Ok(serde_json::from_str::<Answer>(&text).map_or(text, |answer| answer.value))
}

/// Secrets are asked for over HTTPS, or on this machine.
pub(super) fn acceptable(text: &str) -> Outcome<Url> {
    let url = Url::parse(text).ok().filter(transport::is_acceptable);
    url.ok_or_else(|| failure::usage("the address of ID tokens is neither https nor on this machine"))
}

fn read(token: &str, source: &Source) -> Outcome<SignIn> {
    let said: Option<Said> = token
        .split('.')
        .nth(1)
        .filter(|_| token.len() <= MAX_TOKEN)
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
        .and_then(|payload| serde_json::from_slice(&payload).ok());
    let Some(said) = said else {
        return Err(no_token(format!("what {source} holds is not a token in three parts")));
    };
    let profile = Profile {
        issuer: said.iss.unwrap_or_default(),
        subject: said.sub,
        email: None,
        name: None,
        groups: Vec::new(),
        expires_at: said.exp,
    };
    let sign_in = SignIn { id_token: Secret::new(token), refresh_token: None, profile };
    if sign_in.is_over() {
        return Err(no_token(format!("the token of {source} has expired")));
    }
    Ok(sign_in)
}

fn no_token(words: String) -> connect_shared::error::ErrorReport {
    connect_shared::error::ErrorReport::new("no_token", connect_shared::error::Exit::SignInNeeded, words)
        .help("see `workload` in: connect config list")
}

/// Shared by the clones of a holder.
pub(super) type Shared = Arc<Workload>;

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.AAAA", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_token_says_whose_it_is_and_until_when() {
        let source = Source::Variable("CI_TOKEN".to_owned());
        let text = token(r#"{"sub":"repo:acme/shop","iss":"https://ci.example.com","exp":4000000000}"#);
        let sign_in = read(&text, &source).expect("it is one");
        assert_eq!(sign_in.profile.principal(), "repo:acme/shop");
        assert!(sign_in.is_fresh());
    }

    #[test]
    fn what_is_no_token_or_an_old_one_is_named_and_never_shown() {
        let source = Source::Variable("CI_TOKEN".to_owned());
        for text in
            ["", "hunter2", "a.b.c", &token("{}"), &token(r#"{"sub":"s","exp":1}"#), &"a".repeat(20_000)]
        {
            let report = read(text, &source).expect_err("no token");
            assert_eq!(report.exit.code(), 4);
            assert!(text.is_empty() || !report.message.contains(text), "{}", report.message);
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_there_is_named() {
        let report = of_file(Path::new("/nonexistent/token")).await.expect_err("missing");
        insta::assert_snapshot!(report.message, @"the token file /nonexistent/token cannot be read: no such file or directory");
    }
}
