//! Signing a browser in and out.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse as _, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;

use super::{
    Console, guard,
    page::{self, Page},
    session, ticket,
    ticket::Errand,
};
use crate::{
    identity::{Answer, SignInError, TokenError},
    revocation::Standing,
    serve::{Agent, now},
};

/// Where somebody was going. Anything else than a request of ours is the list.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Going {
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    t: Option<String>,
}

/// To the provider.
pub(super) async fn begin(
    State(agent): State<Arc<Agent>>,
    headers: HeaderMap,
    going: Result<Query<Going>, QueryRejection>,
) -> Result<Response, Page> {
    let console = guard::console(&agent, &headers)?;
    let Query(going) = going.unwrap_or_default();
    let errand = Errand::of(going.to.as_deref(), going.t.as_deref());
    let (text, question) = console.tickets.issue(&errand, now()).ok_or_else(page::no_randomness)?;
    let address = console.door.address(&question).await.map_err(|error| {
        tracing::warn!(%error, "nobody can sign in to the console");
        page::not_signed_in(&error.to_string(), &errand)
    })?;
    let mut response = Redirect::to(&address).into_response();
    put(&mut response, guard::set_cookie(&asking(console), &text, ticket::LIFE));
    Ok(response)
}

/// Back from the provider.
pub(super) async fn finish(
    State(agent): State<Arc<Agent>>,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Result<Response, Page> {
    let console = guard::console(&agent, &headers)?;
    let asked = guard::cookie(&headers, &asking(console)).and_then(|text| console.tickets.read(text, now()));
    let (Some((question, errand)), Ok(Query(answer))) = (asked, answer) else {
        return Err(page::not_signed_in(&SignInError::OtherQuestion.to_string(), &Errand::default()));
    };
    let signed_in = console.door.redeem(&answer, &question, now()).await;
    guard::catch_up(&agent).await?;
    let signed_in = signed_in.and_then(|signed_in| {
        let standing = Standing::from(&signed_in);
        if agent.revocations.is_shut_out(&standing, now()) {
            return Err(TokenError::Revoked.into());
        }
        Ok(standing)
    });
    let standing = signed_in.map_err(|error| {
        tracing::debug!(%error, "a sign-in to the console failed");
        // What the browser has not proved to be its own says nothing of where it was going.
        let errand = if error == SignInError::OtherQuestion { Errand::default() } else { errand.clone() };
        page::not_signed_in(&error.to_string(), &errand)
    })?;
    // Never an id that was there before the sign-in.
    if let Some(old) = guard::cookie(&headers, &console.cookie) {
        console.sessions.end(old);
    }
    let life = session::LIFE.min(console.longest);
    let id = console.sessions.begin(standing, life, now()).map_err(|_| page::no_randomness())?;
    let mut response = Redirect::to(&errand.path()).into_response();
    put(&mut response, guard::set_cookie(&console.cookie, &id, life));
    put(&mut response, guard::set_cookie(&asking(console), "", 0));
    Ok(response)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leaving {
    token: String,
}

/// Ends the session, here; the provider's own goes on.
pub(super) async fn end(
    State(agent): State<Arc<Agent>>,
    headers: HeaderMap,
    form: Result<Form<Leaving>, axum::extract::rejection::FormRejection>,
) -> Result<Response, Page> {
    let console = guard::console(&agent, &headers)?;
    let Ok(Form(form)) = form else { return Err(page::forged()) };
    if let Some(session) = guard::visitor(&agent, console, &headers) {
        if !guard::is_from_here(console, &headers) || !session.is_token(&form.token) {
            return Err(page::forged());
        }
        if let Some(id) = guard::cookie(&headers, &console.cookie) {
            console.sessions.end(id);
        }
    }
    let mut response = page::signed_out().into_response();
    put(&mut response, guard::set_cookie(&console.cookie, "", 0));
    Ok(response)
}

/// The cookie of a sign-in that is under way.
fn asking(console: &Console) -> String {
    format!("{}-asking", console.cookie)
}

fn put(response: &mut Response, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
