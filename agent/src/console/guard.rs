//! What a browser's request must show: the console's own name, a cookie of a session that still counts, and
//! for what changes something, that it comes from the console's own page.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    Console,
    page::{self, Page},
    session::Session,
};
use crate::{
    serve::{Agent, now},
    sharing,
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The console, if there is one and it is asked by its own name: cookies and answers of the provider belong
/// to that, and another name may be another's that leads here.
pub(super) fn console<'a>(agent: &'a Agent, headers: &HeaderMap) -> Result<&'a Console, Page> {
    let console = agent.console.as_ref().ok_or_else(page::absent)?;
    match only(headers, &header::HOST) {
        Some(host) if host.eq_ignore_ascii_case(&console.authority) => Ok(console),
        _ => Err(page::elsewhere(&console.url)),
    }
}

/// Hears what other agents have revoked, for whoever asks right behind it who may still do something.
pub(super) async fn catch_up(agent: &Agent) -> Result<(), Page> {
    let Some(sharing) = &agent.sharing else { return Ok(()) };
    sharing.catch_up(agent).await.map_err(|_| page::failed(sharing::away().into()))
}

/// Who is signed in at this browser, unless they are shut out by now.
pub(super) fn visitor(agent: &Agent, console: &Console, headers: &HeaderMap) -> Option<Arc<Session>> {
    let id = cookie(headers, &console.cookie)?;
    let session = console.sessions.find(id, now())?;
    if agent.revocations.is_shut_out(&session.standing, now()) {
        console.sessions.end(id);
        return None;
    }
    Some(session)
}

/// Whether a form was sent from a page of the console. Every browser says so of a POST; who says nothing is none.
pub(super) fn is_from_here(console: &Console, headers: &HeaderMap) -> bool {
    let site = headers.contains_key(SEC_FETCH_SITE).then(|| only(headers, &SEC_FETCH_SITE));
    only(headers, &header::ORIGIN) == Some(&console.url)
        && site.is_none_or(|site| site == Some("same-origin"))
}

/// The value of a cookie. Two of one name are as good as none: nobody could say which one counts.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    values.next().filter(|value| !value.is_empty() && values.next().is_none())
}

/// A cookie that no script reads, that goes to this very name only, and to it not with forms of other sites.
/// The provider and a chat lead here from other sites, so it is not `Strict`.
pub(super) fn set_cookie(name: &str, value: &str, seconds: u64) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(text).ok()
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}
