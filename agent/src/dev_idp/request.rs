//! The authorization request: read, checked whole, and turned into something that can be answered.

use serde::Deserialize;

use super::{Provider, redirect::LoopbackRedirect};

/// Longest value of a parameter, in bytes.
const LONGEST_PARAMETER: usize = 2048;
const KNOWN_SCOPES: [&str; 5] = ["openid", "email", "profile", "groups", "offline_access"];

/// The query of `/authorize` as it comes. A parameter given twice does not parse (RFC 6749, section 3.1).
#[derive(Debug, Default, Deserialize)]
pub struct AuthorizeQuery {
    response_type: Option<String>,
    response_mode: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    login_hint: Option<String>,
    max_age: Option<String>,
    request: Option<String>,
    request_uri: Option<String>,
}

/// Whether the person may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// The page is shown.
    Ask,
    /// `prompt=none`: only an existing sign-in answers.
    Never,
}

/// A request that passed every check.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    pub client: String,
    pub redirect: LoopbackRedirect,
    pub scopes: Vec<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub challenge: String,
    pub prompt: Prompt,
    pub login_hint: Option<String>,
    /// Oldest sign-in that answers silently, in seconds.
    pub max_age: Option<u64>,
}

/// Why a request is not answered with a code.
#[derive(Debug)]
pub enum Refusal {
    /// The client or its address cannot be trusted: tell the person, redirect nowhere.
    Page(String),
    /// Tell the client.
    Redirect(Box<Answer>),
}

/// An error for the client (RFC 6749, section 4.1.2.1).
#[derive(Debug)]
pub struct Answer {
    pub to: LoopbackRedirect,
    pub state: Option<String>,
    pub error: &'static str,
    pub description: String,
}

/// Checks a request. The client and its address come first: until both are good nothing is redirected.
pub fn check(provider: &Provider, query: AuthorizeQuery) -> Result<AuthorizationRequest, Refusal> {
    let client = query.client_id.as_deref().unwrap_or_default();
    if !provider.knows_client(client) {
        return Err(Refusal::Page(format!("the client `{}` is not known here", shortened(client))));
    }
    let address = query.redirect_uri.as_deref().unwrap_or_default();
    let Some(redirect) = LoopbackRedirect::parse(address) else {
        return Err(Refusal::Page(format!(
            "the redirect address `{}` is not a plain http loopback address",
            shortened(address)
        )));
    };
    let state = query.state.clone();
    let parts = check_parts(&query).map_err(|(error, description)| {
        // A state too long to repeat is not repeated.
        let state = state.clone().filter(|text| text.len() <= LONGEST_PARAMETER);
        Refusal::Redirect(Box::new(Answer { to: redirect.clone(), state, error, description }))
    })?;
    Ok(AuthorizationRequest {
        client: client.to_owned(),
        redirect,
        scopes: parts.scopes,
        state,
        nonce: query.nonce,
        challenge: parts.challenge,
        prompt: parts.prompt,
        login_hint: query.login_hint,
        max_age: parts.max_age,
    })
}

type Fault = (&'static str, String);

struct Parts {
    scopes: Vec<String>,
    challenge: String,
    prompt: Prompt,
    max_age: Option<u64>,
}

fn check_parts(query: &AuthorizeQuery) -> Result<Parts, Fault> {
    let texts = [&query.state, &query.nonce, &query.scope, &query.login_hint, &query.code_challenge];
    if texts.into_iter().flatten().any(|text| text.len() > LONGEST_PARAMETER) {
        return Err(("invalid_request", format!("a parameter is longer than {LONGEST_PARAMETER} bytes")));
    }
    if query.request.is_some() {
        return Err(("request_not_supported", "request objects are not supported".into()));
    }
    if query.request_uri.is_some() {
        return Err(("request_uri_not_supported", "request objects are not supported".into()));
    }
    if query.response_type.as_deref() != Some("code") {
        return Err(("unsupported_response_type", "response_type must be `code`".into()));
    }
    if query.response_mode.as_deref().is_some_and(|mode| mode != "query") {
        return Err(("invalid_request", "response_mode must be `query`".into()));
    }
    let max_age = match query.max_age.as_deref() {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| ("invalid_request", "max_age must be seconds".into()))?),
    };
    Ok(Parts { scopes: scopes(query)?, challenge: challenge(query)?, prompt: prompt(query)?, max_age })
}

/// Unknown scopes are ignored, as providers do; `openid` must be there.
fn scopes(query: &AuthorizeQuery) -> Result<Vec<String>, Fault> {
    let asked: Vec<&str> = query.scope.as_deref().unwrap_or_default().split(' ').collect();
    if !asked.contains(&"openid") {
        return Err(("invalid_scope", "scope must contain `openid`".into()));
    }
    Ok(KNOWN_SCOPES.iter().filter(|known| asked.contains(known)).map(|&scope| scope.to_owned()).collect())
}

fn challenge(query: &AuthorizeQuery) -> Result<String, Fault> {
    let challenge = query.code_challenge.as_deref().unwrap_or_default();
    let url_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if query.code_challenge_method.as_deref() != Some("S256") {
        return Err(("invalid_request", "PKCE is required: code_challenge_method must be `S256`".into()));
    }
    if challenge.len() != 43 || !challenge.bytes().all(url_safe) {
        return Err((
            "invalid_request",
            "PKCE is required: code_challenge must be 43 base64url characters".into(),
        ));
    }
    Ok(challenge.to_owned())
}

fn prompt(query: &AuthorizeQuery) -> Result<Prompt, Fault> {
    let words: Vec<&str> = query.prompt.as_deref().unwrap_or_default().split_whitespace().collect();
    match words.as_slice() {
        ["none"] => Ok(Prompt::Never),
        mixed if mixed.contains(&"none") => {
            Err(("invalid_request", "prompt `none` cannot be combined with another".into()))
        }
        _ => Ok(Prompt::Ask),
    }
}

/// Enough of a wrong value to recognise it on a page.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
