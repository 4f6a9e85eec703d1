//! `POST /sign-in`: the click on a person. Only the browser that was asked can answer, only from our own page.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;

use super::{
    Provider,
    authorize::{redirect_with_code, signed_in_now},
    keys::{KeyError, random_text},
    page,
};

/// What the page sends.
#[derive(Debug, Deserialize)]
pub struct Answer {
    question: String,
    person: String,
}

/// The route.
pub async fn sign_in(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Result<Form<Answer>, FormRejection>,
) -> Response {
    let Ok(Form(answer)) = form else {
        return refused("the form cannot be read");
    };
    if !comes_from_our_page(&provider, &headers) {
        return refused("the form was not sent by this sign-in page");
    }
    let browser = BrowserCookie::read(&provider, &headers);
    match accept(&provider, &answer, browser.as_ref()) {
        Ok(response) => response,
        Err(error) => failed(&error),
    }
}

fn accept(
    provider: &Provider,
    answer: &Answer,
    browser: Option<&BrowserCookie>,
) -> Result<Response, KeyError> {
    let Some(person) = provider.person(&answer.person) else {
        return Ok(refused("nobody of this name is here"));
    };
    let now = Instant::now();
    // The question is a secret of the page and is bound to the cookie: another site knows neither.
    let pending = provider.store().pending.remove(now, &answer.question);
    let Some(pending) =
        pending.filter(|pending| browser.is_some_and(|known| known.value() == pending.browser))
    else {
        return Ok(refused("this sign-in is over, was answered already, or was started in another browser"));
    };
    let signed_in = signed_in_now(person)?;
    // A new cookie at each sign-in: one that was planted before it is worth nothing after it.
    let renewed = BrowserCookie::new(provider)?;
    let mut store = provider.store();
    store.browsers.remove(now, &pending.browser);
    store.browsers.insert(now, renewed.value().to_owned(), signed_in.clone());
    drop(store);
    let redirect = redirect_with_code(provider, pending.request, signed_in)?;
    Ok(([(header::SET_COOKIE, renewed.header())], redirect).into_response())
}

/// Browsers send `Origin` with every form; a program without one still needs question and cookie.
pub fn comes_from_our_page(provider: &Provider, headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_none_or(|origin| origin.as_bytes() == provider.issuer.as_bytes())
}

fn refused(why: &str) -> Response {
    page::refused(why).into_response()
}

/// Our own failure.
pub fn failed(error: &KeyError) -> Response {
    tracing::error!(%error, "the development identity provider failed");
    page::failed().into_response()
}

/// What tells one browser from another. Cookies do not know ports, so the name holds ours.
#[derive(Debug)]
pub struct BrowserCookie {
    name: String,
    value: String,
}

impl BrowserCookie {
    pub fn new(provider: &Provider) -> Result<Self, KeyError> {
        Ok(Self { name: name(provider), value: random_text()? })
    }

    pub fn read(provider: &Provider, headers: &HeaderMap) -> Option<Self> {
        let name = name(provider);
        let value = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(cookie, value)| (cookie == name).then(|| value.to_owned()))?;
        (value.len() == 43).then_some(Self { name, value })
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    /// `Lax`, since the way to the page begins at another port. No `Secure`: there is no TLS on loopback.
    pub fn header(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Lax", self.name, self.value)
    }
}

fn name(provider: &Provider) -> String {
    format!("connect_dev_idp_{}", provider.address.port())
}
