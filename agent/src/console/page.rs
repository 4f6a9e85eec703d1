//! What people see. No script, no inline style, nothing from elsewhere; every text is escaped, and letters
//! that are not seen, or that turn the reading direction, are shown as what they are ([`text`]).

mod list;
mod request;
mod rest;
mod text;

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};

use self::text::Shown;
pub(crate) use self::text::plain;
pub(super) use self::{list::list, request::request};
use super::{session::Session, ticket::Errand};
use crate::api::error::ApiError;

/// Everything comes from here, and forms lead here only; nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";
/// The style of the provider that `connect demo` has, so that both look alike, and what is the console's own.
const STYLE: &str = concat!(include_str!("../dev_idp/page/style.css"), include_str!("page/style.css"));
const MARK: &str = include_str!("../dev_idp/page/mark.svg");

/// A page as it is sent.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    html: String,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            // With `no-referrer`, browsers would not say from where a form comes.
            (header::REFERRER_POLICY, "same-origin"),
            (header::X_FRAME_OPTIONS, "DENY"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        (self.status, headers, Html(self.html)).into_response()
    }
}

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

pub(super) async fn mark() -> Response {
    asset("image/svg+xml", MARK)
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let cache = HeaderValue::from_static("public, max-age=3600");
    let kind = HeaderValue::from_static(kind);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)], text).into_response()
}

/// For somebody who has not signed in. It says nothing of what is behind it.
pub(super) fn sign_in(agent: &str, errand: &Errand) -> Page {
    let body = format!(
        "<h1>Approvals</h1>\n<p class=\"lead\">Sign in to see what waits at the agent <strong>{}</strong>: \
         what you have asked for, and what you may decide.</p>\n{}",
        Shown(agent),
        sign_in_link(errand, "Sign in"),
    );
    framed(StatusCode::OK, "Sign in", None, &body)
}

/// The session ended while a page was open.
pub(super) fn over(errand: &Errand) -> Page {
    let body = format!(
        "<h1>Nothing was decided</h1>\n<p class=\"lead\">Your sign-in here is over. Sign in, look again, and \
         decide then.</p>\n{}",
        sign_in_link(errand, "Sign in again"),
    );
    framed(StatusCode::UNAUTHORIZED, "Sign in again", None, &body)
}

pub(super) fn not_signed_in(why: &str, errand: &Errand) -> Page {
    let body = format!(
        "<h1>You are not signed in</h1>\n<p class=\"lead\">{}.</p>\n{}",
        Shown(why),
        sign_in_link(errand, "Try again"),
    );
    framed(StatusCode::FORBIDDEN, "Not signed in", None, &body)
}

pub(super) fn signed_out() -> Page {
    let body = format!(
        "<h1>Signed out</h1>\n<p class=\"lead\">This browser is signed out here. At your identity provider it \
         may be signed in still.</p>\n{}",
        sign_in_link(&Errand::default(), "Sign in again"),
    );
    framed(StatusCode::OK, "Signed out", None, &body)
}

fn sign_in_link(errand: &Errand, words: &str) -> String {
    let to = errand.request.map(|request| format!("to={request}"));
    let signature = errand.signature.as_ref().map(|signature| format!("t={signature}"));
    let query: Vec<String> = to.into_iter().chain(signature).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&amp;")) };
    format!("<p><a class=\"plain\" href=\"/console/sign-in{query}\">{words}</a></p>\n")
}

/// The agent has no console.
pub(super) fn absent() -> Page {
    let body = "<h1>This agent has no console</h1>\n<p class=\"lead\">Its operator turns it on with a \
                <code>[console]</code> section in <code>agent.toml</code>. Until then: \
                <code>connect requests</code> and <code>connect approve</code>.</p>\n";
    framed(StatusCode::NOT_FOUND, "No console", None, body)
}

/// It was asked by another name than its own.
pub(super) fn elsewhere(url: &str) -> Page {
    let body = format!(
        "<h1>The console is elsewhere</h1>\n<p class=\"lead\">It answers to its own name only: \
         <a href=\"{0}/console\">{0}/console</a>.</p>\n",
        Shown(url)
    );
    framed(StatusCode::MISDIRECTED_REQUEST, "Elsewhere", None, &body)
}

pub(super) fn nothing_there() -> Page {
    let body = format!("<h1>There is nothing here</h1>\n{BACK}");
    framed(StatusCode::NOT_FOUND, "Nothing here", None, &body)
}

/// A form that no page of this session has sent. It changed nothing.
pub(super) fn forged() -> Page {
    let body = format!(
        "<h1>Nothing was changed</h1>\n<p class=\"lead\">This did not come from a page of this console that \
         belongs to your sign-in. Open the request here, and decide there.</p>\n{BACK}"
    );
    framed(StatusCode::FORBIDDEN, "Nothing was changed", None, &body)
}

pub(super) fn no_randomness() -> Page {
    let body = "<h1>Not now</h1>\n<p class=\"lead\">The agent's machine has no randomness to give. Tell its \
                operator.</p>\n";
    framed(StatusCode::SERVICE_UNAVAILABLE, "Not now", None, body)
}

/// What the API would answer, in words for a person.
pub(super) fn failed(error: ApiError) -> Page {
    let (status, report) = error.into_parts();
    let body = format!(
        "<h1>That did not work</h1>\n<p class=\"lead\">{}.</p>\n<p class=\"note\">{}</p>\n{BACK}",
        Shown(&sentence(&report.message)),
        Shown(&report.code),
    );
    framed(status, "That did not work", None, &body)
}

const BACK: &str = "<p><a class=\"quiet\" href=\"/console\">All requests</a></p>\n";

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn framed(status: StatusCode, title: &str, session: Option<&Session>, body: &str) -> Page {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{title} · connect</title>\n\
         <link rel=\"icon\" href=\"/console/mark.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/console/style.css\">\n</head>\n<body>\n<main>\n\
         <header class=\"brand\"><img src=\"/console/mark.svg\" alt=\"\" width=\"28\" height=\"28\">\
         <a href=\"/console\">connect</a></header>\n{body}{foot}</main>\n</body>\n</html>\n",
        title = Shown(title),
        foot = session.map(foot).unwrap_or_default(),
    );
    Page { status, html }
}

/// Who is signed in, and the way out.
fn foot(session: &Session) -> String {
    format!(
        "<form class=\"foot\" method=\"post\" action=\"/console/sign-out\">\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\
         <span>{}</span><button class=\"quiet\">Sign out</button></form>\n",
        Shown(&session.token),
        Shown(&session.standing.principal.name),
    )
}

#[cfg(test)]
pub(super) fn html_of(page: &Page) -> &str {
    &page.html
}
