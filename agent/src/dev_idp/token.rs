//! `/token` and `/revoke`: codes and refresh tokens become tokens, once each.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{Form, State, rejection::FormRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{
    Provider,
    keys::{ID_TOKEN_LIFETIME, IdClaims, KeyError, random_text, sha256_base64url, unix_now},
    request::AuthorizationRequest,
    store::{ACCESS_LIFETIME, Access, Family, SignedIn},
};

/// The body of a token request. A parameter given twice does not parse.
#[derive(Debug, Deserialize)]
pub struct TokenForm {
    grant_type: Option<String>,
    client_id: Option<String>,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

/// An error of RFC 6749, section 5.2.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    error: &'static str,
    description: &'static str,
}

const fn refused(error: &'static str, description: &'static str) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, error, description }
}

const BAD_CODE: Refused =
    refused("invalid_grant", "the code is unknown, expired, used, or of another client");
const BAD_REFRESH: Refused = refused(
    "invalid_grant",
    "the refresh token is unknown, expired, revoked, used before, or of another client",
);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        (self.status, body).into_response()
    }
}

impl From<KeyError> for Refused {
    fn from(error: KeyError) -> Self {
        tracing::error!(%error, "the development identity provider failed");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            error: "server_error",
            description: "the provider failed; see its log",
        }
    }
}

/// The token route.
pub async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Result<Response, Refused> {
    let form = public_client_form(&provider, &headers, form)?;
    match form.grant_type.as_deref() {
        Some("authorization_code") => redeem_code(&provider, &form),
        Some("refresh_token") => refresh(&provider, &form),
        _ => Err(refused("unsupported_grant_type", "use authorization_code or refresh_token")),
    }
}

/// Clients here are public: they name themselves in the body and have no secret.
fn public_client_form(
    provider: &Provider,
    headers: &HeaderMap,
    form: Result<Form<TokenForm>, FormRejection>,
) -> Result<TokenForm, Refused> {
    let unknown =
        |description| Refused { status: StatusCode::UNAUTHORIZED, error: "invalid_client", description };
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(unknown("clients are public: send client_id in the body and no Authorization header"));
    }
    let Ok(Form(form)) = form else {
        return Err(refused(
            "invalid_request",
            "the form has a parameter twice, is too large or cannot be read",
        ));
    };
    if !form.client_id.as_deref().is_some_and(|client| provider.knows_client(client)) {
        return Err(unknown("the client_id is not known here"));
    }
    Ok(form)
}

fn redeem_code(provider: &Provider, form: &TokenForm) -> Result<Response, Refused> {
    let now = Instant::now();
    let presented = form.code.as_deref().unwrap_or_default();
    let mut store = provider.store();
    let code = store.codes.find(now, presented).ok_or(BAD_CODE)?;
    let family = random_text()?;
    // Whatever follows, the code is used up: a second try with a guessed verifier does not exist.
    if let Some(earlier) = code.used.replace(family.clone()) {
        // RFC 6749, section 4.1.2: a code seen twice has leaked, and what it gave must end.
        store.revoke_family(now, &earlier);
        tracing::info!("a code was presented twice; its tokens are revoked");
        return Err(BAD_CODE);
    }
    check_code(&code.request, form)?;
    if code.is_stale(now) {
        return Err(BAD_CODE);
    }
    let (request, signed_in) = (code.request.clone(), code.signed_in.clone());
    let offline = request.scopes.iter().any(|scope| scope == "offline_access");
    let secret = if offline { Some(random_text()?) } else { None };
    let refresh_token = secret.as_ref().map(|secret| format!("{family}.{secret}"));
    let record = Family {
        client: request.client.clone(),
        signed_in: signed_in.clone(),
        scopes: request.scopes.clone(),
        secret,
    };
    store.families.insert(now, family.clone(), record);
    drop(store);
    let issue =
        Issue { family: &family, signed_in: &signed_in, client: &request.client, scopes: &request.scopes };
    issue.respond(provider, request.nonce, refresh_token)
}

/// The parts that bind a code to who asked for it.
fn check_code(request: &AuthorizationRequest, form: &TokenForm) -> Result<(), Refused> {
    let verifier = form.code_verifier.as_deref().unwrap_or_default();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if form.client_id.as_deref() != Some(request.client.as_str()) {
        return Err(BAD_CODE);
    }
    if form.redirect_uri.as_deref() != Some(request.redirect.as_str()) {
        return Err(refused("invalid_grant", "redirect_uri is not the one of the authorization request"));
    }
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(refused("invalid_request", "code_verifier must be 43 to 128 unreserved characters"));
    }
    if sha256_base64url(verifier.as_bytes()) != request.challenge {
        return Err(refused("invalid_grant", "code_verifier does not match code_challenge"));
    }
    Ok(())
}

fn refresh(provider: &Provider, form: &TokenForm) -> Result<Response, Refused> {
    let now = Instant::now();
    let presented = form.refresh_token.as_deref().unwrap_or_default();
    let (id, secret) = presented.split_once('.').ok_or(BAD_REFRESH)?;
    let mut store = provider.store();
    let family = store.families.find(now, id).ok_or(BAD_REFRESH)?;
    if form.client_id.as_deref() != Some(family.client.as_str()) {
        return Err(BAD_REFRESH);
    }
    if family.secret.as_deref() != Some(secret) {
        // Only a token that was rotated away knows the family and not its secret: it has leaked.
        store.revoke_family(now, id);
        tracing::info!("a refresh token was presented twice; its sign-in is revoked");
        return Err(BAD_REFRESH);
    }
    let scopes = narrowed(&family.scopes, form.scope.as_deref())?;
    let renewed = random_text()?;
    family.secret = Some(renewed.clone());
    let (signed_in, client) = (family.signed_in.clone(), family.client.clone());
    drop(store);
    let issue = Issue { family: id, signed_in: &signed_in, client: &client, scopes: &scopes };
    // No nonce: the token answers no authorization request (OpenID Connect Core, section 12.2).
    issue.respond(provider, None, Some(format!("{id}.{renewed}")))
}

/// A refresh may ask for less, never for more.
fn narrowed(granted: &[String], asked: Option<&str>) -> Result<Vec<String>, Refused> {
    let Some(asked) = asked else { return Ok(granted.to_vec()) };
    let asked: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
    if asked.iter().all(|scope| granted.contains(scope)) {
        Ok(asked)
    } else {
        Err(refused("invalid_scope", "a refresh cannot ask for more than was granted"))
    }
}

/// Tokens about to be written.
struct Issue<'a> {
    family: &'a str,
    signed_in: &'a SignedIn,
    client: &'a str,
    scopes: &'a [String],
}

impl Issue<'_> {
    fn respond(
        &self,
        provider: &Provider,
        nonce: Option<String>,
        refresh_token: Option<String>,
    ) -> Result<Response, Refused> {
        let id_token = self.id_token(provider, nonce)?;
        let access_token = random_text()?;
        let access = Access { family: self.family.to_owned() };
        provider.store().access.insert(Instant::now(), access_token.clone(), access);
        let mut body = json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": ACCESS_LIFETIME,
            "id_token": id_token,
            "scope": self.scopes.join(" "),
        });
        if let (Some(refresh_token), Some(fields)) = (refresh_token, body.as_object_mut()) {
            fields.insert("refresh_token".into(), refresh_token.into());
        }
        Ok(([(header::PRAGMA, "no-cache")], Json(body)).into_response())
    }

    fn id_token(&self, provider: &Provider, nonce: Option<String>) -> Result<String, Refused> {
        let person = provider.person(&self.signed_in.email).ok_or(BAD_REFRESH)?;
        let now = unix_now();
        Ok(provider.key.sign(&IdClaims {
            iss: provider.issuer.clone(),
            sub: person.subject.clone(),
            aud: self.client.to_owned(),
            exp: now + ID_TOKEN_LIFETIME,
            iat: now,
            auth_time: self.signed_in.auth_time,
            nonce,
            sid: self.signed_in.sid.clone(),
            email: person.email.clone(),
            email_verified: true,
            name: person.name.clone(),
            groups: person.groups.clone(),
        })?)
    }
}

/// The body of a revocation (RFC 7009).
#[derive(Debug, Deserialize)]
pub struct RevokeForm {
    client_id: Option<String>,
    token: Option<String>,
}

/// The revocation route. An unknown token is no error: it is as good as revoked.
pub async fn revoke(
    State(provider): State<Arc<Provider>>,
    form: Result<Form<RevokeForm>, FormRejection>,
) -> Result<StatusCode, Refused> {
    let Ok(Form(form)) = form else {
        return Err(refused("invalid_request", "the form cannot be read"));
    };
    let token = form.token.as_deref().unwrap_or_default();
    let now = Instant::now();
    let mut store = provider.store();
    let family = match token.split_once('.') {
        Some((family, _secret)) => Some(family.to_owned()),
        None => store.access.find(now, token).map(|access| access.family.clone()),
    };
    let Some(family) = family else { return Ok(StatusCode::OK) };
    let owner = store.families.find(now, &family).map(|found| found.client.clone());
    if owner.is_some() && owner == form.client_id {
        store.revoke_family(now, &family);
    }
    Ok(StatusCode::OK)
}
