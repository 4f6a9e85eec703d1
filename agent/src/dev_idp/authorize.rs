//! `GET /authorize`: answers at once where no person need be asked, else shows the page.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{
    Provider, SignIn,
    keys::{KeyError, random_text, unix_now},
    page,
    people::Person,
    request::{self, Answer, AuthorizationRequest, AuthorizeQuery, Prompt, Refusal},
    sign_in::{BrowserCookie, failed},
    store::{Pending, SignedIn},
};

/// The route.
pub async fn authorize(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    query: Result<Query<AuthorizeQuery>, QueryRejection>,
) -> Response {
    let Ok(Query(query)) = query else {
        return page::refused("the request has a parameter twice or cannot be read").into_response();
    };
    let request = match request::check(&provider, query) {
        Ok(request) => request,
        Err(refusal) => return refuse(&provider, refusal),
    };
    let browser = BrowserCookie::read(&provider, &headers);
    match answer(&provider, request, browser) {
        Ok(response) => response,
        Err(error) => failed(&error),
    }
}

fn answer(
    provider: &Provider,
    request: AuthorizationRequest,
    browser: Option<BrowserCookie>,
) -> Result<Response, KeyError> {
    if let Some(person) = person_by_hint(provider, &request) {
        let signed_in = signed_in_now(person)?;
        return redirect_with_code(provider, request, signed_in);
    }
    let session = browser.as_ref().and_then(|cookie| {
        provider.store().browsers.find(Instant::now(), cookie.value()).map(|signed_in| signed_in.clone())
    });
    if request.prompt == Prompt::Ask {
        return show_page(provider, request, browser, session.as_ref());
    }
    match session.filter(|signed_in| is_fresh(signed_in, request.max_age)) {
        Some(signed_in) => redirect_with_code(provider, request, signed_in),
        None => Ok(send_back(
            provider,
            &Answer {
                to: request.redirect,
                state: request.state,
                error: "login_required",
                description: "nobody is signed in and prompt is `none`".into(),
            },
        )),
    }
}

/// The person whom a script named, where scripts may.
fn person_by_hint<'p>(provider: &'p Provider, request: &AuthorizationRequest) -> Option<&'p Person> {
    match provider.sign_in {
        SignIn::ByHint => provider.person(request.login_hint.as_deref()?),
        SignIn::Page => None,
    }
}

/// A new sign-in of a person.
pub fn signed_in_now(person: &Person) -> Result<SignedIn, KeyError> {
    Ok(SignedIn { email: person.email.clone(), auth_time: unix_now(), sid: random_text()? })
}

fn is_fresh(signed_in: &SignedIn, max_age: Option<u64>) -> bool {
    max_age.is_none_or(|oldest| unix_now().saturating_sub(signed_in.auth_time) <= oldest)
}

fn show_page(
    provider: &Provider,
    request: AuthorizationRequest,
    browser: Option<BrowserCookie>,
    session: Option<&SignedIn>,
) -> Result<Response, KeyError> {
    let browser = match browser {
        Some(browser) => browser,
        None => BrowserCookie::new(provider)?,
    };
    let question = random_text()?;
    let page = page::sign_in(&page::SignInPage {
        people: &provider.people,
        client: &request.client,
        question: &question,
        hint: request.login_hint.as_deref(),
        current: session.map(|signed_in| signed_in.email.as_str()),
        form_action: &request.redirect.form_action_source(),
    });
    let pending = Pending { request, browser: browser.value().to_owned() };
    provider.store().pending.insert(Instant::now(), question, pending);
    Ok(([(header::SET_COOKIE, browser.header())], page).into_response())
}

/// Sends the browser back with a code.
pub fn redirect_with_code(
    provider: &Provider,
    request: AuthorizationRequest,
    signed_in: SignedIn,
) -> Result<Response, KeyError> {
    let (redirect, state) = (request.redirect.clone(), request.state.clone());
    let code = provider.store().issue_code(Instant::now(), request, signed_in)?;
    let to =
        redirect.with(&[("code", Some(&code)), ("state", state.as_deref()), ("iss", Some(&provider.issuer))]);
    Ok(Redirect::to(&to).into_response())
}

fn refuse(provider: &Provider, refusal: Refusal) -> Response {
    match refusal {
        Refusal::Page(why) => page::refused(&why).into_response(),
        Refusal::Redirect(answer) => send_back(provider, &answer),
    }
}

fn send_back(provider: &Provider, answer: &Answer) -> Response {
    let to = answer.to.with(&[
        ("error", Some(answer.error)),
        ("error_description", Some(&answer.description)),
        ("state", answer.state.as_deref()),
        ("iss", Some(&provider.issuer)),
    ]);
    Redirect::to(&to).into_response()
}
