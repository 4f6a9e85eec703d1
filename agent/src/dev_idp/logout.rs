//! `/logout`: OpenID Connect RP-Initiated Logout 1.0. A sign-out ends the refresh tokens too.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Form, Query, State, rejection::FormRejection, rejection::QueryRejection},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;

use super::{
    Provider,
    keys::random_text,
    page,
    redirect::LoopbackRedirect,
    sign_in::{BrowserCookie, comes_from_our_page, failed},
};

/// The query of the request.
#[derive(Debug, Deserialize)]
pub struct LogoutQuery {
    id_token_hint: Option<String>,
    post_logout_redirect_uri: Option<String>,
    client_id: Option<String>,
    state: Option<String>,
}

/// The click on «Sign out».
#[derive(Debug, Deserialize)]
pub struct Confirmation {
    question: String,
}

/// `GET`: with a token of ours it happens at once, else a person is asked.
pub async fn ask(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    query: Result<Query<LogoutQuery>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        return refused("the request has a parameter twice or cannot be read");
    };
    let hint =
        query.id_token_hint.as_deref().and_then(|token| provider.key.read_hint(token, &provider.issuer));
    match hint {
        Some(claims) if query.client_id.as_ref().is_none_or(|client| *client == claims.aud) => {
            provider.store().sign_out(&claims.sid);
            leave(&query)
        }
        _ => ask_person(&provider, &headers),
    }
}

/// Only an address of this machine is followed.
fn leave(query: &LogoutQuery) -> Response {
    match query.post_logout_redirect_uri.as_deref().map(LoopbackRedirect::parse) {
        None => page::signed_out().into_response(),
        Some(None) => refused("the address to go to after the sign-out is not a plain http loopback address"),
        Some(Some(to)) => Redirect::to(&to.with(&[("state", query.state.as_deref())])).into_response(),
    }
}

fn ask_person(provider: &Provider, headers: &HeaderMap) -> Response {
    let Some(browser) = BrowserCookie::read(provider, headers) else {
        return page::signed_out().into_response();
    };
    match random_text() {
        Ok(question) => {
            let page = page::sign_out(&question, "");
            provider.store().sign_outs.insert(Instant::now(), question, browser.value().to_owned());
            page.into_response()
        }
        Err(error) => failed(&error),
    }
}

/// `POST`: the answer of the person.
pub async fn confirm(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Result<Form<Confirmation>, FormRejection>,
) -> Response {
    let Ok(Form(confirmation)) = form else {
        return refused("the form cannot be read");
    };
    let now = Instant::now();
    let asked = provider.store().sign_outs.remove(now, &confirmation.question);
    let browser = BrowserCookie::read(&provider, &headers);
    let same = asked.is_some() && asked.as_deref() == browser.as_ref().map(BrowserCookie::value);
    if !same || !comes_from_our_page(&provider, &headers) {
        return refused("this sign-out is over or was started in another browser");
    }
    let mut store = provider.store();
    let signed_in = asked.and_then(|browser| store.browsers.remove(now, &browser));
    if let Some(signed_in) = signed_in {
        store.sign_out(&signed_in.sid);
    }
    drop(store);
    page::signed_out().into_response()
}

fn refused(why: &str) -> Response {
    page::refused(why).into_response()
}
