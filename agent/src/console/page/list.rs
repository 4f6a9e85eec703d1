//! The list of requests: first what somebody may decide, then what they have asked for.

use connect_shared::{api::RequestInfo, request::RequestState};
use http::StatusCode;

use super::{
    Page, framed,
    request::{asker, moment, state, what},
    text::Shown,
};
use crate::console::session::Session;

/// Most of one's own that are shown.
const MAX_OWN: usize = 50;
/// Letters of a headline.
const HEADLINE: usize = 120;

pub(in crate::console) fn list(agent: &str, session: &Session, all: &[RequestInfo], now: u64) -> Page {
    let decide = all.iter().filter(|info| info.to_decide);
    let waiting = all.iter().filter(|info| info.own && info.state == RequestState::Pending);
    let past = all.iter().filter(|info| info.own && info.state != RequestState::Pending);
    let mine: Vec<&RequestInfo> = waiting.chain(past).take(MAX_OWN).collect();
    let body = format!(
        "<h1>Approvals</h1>\n<p class=\"lead\">At the agent <strong>{}</strong>.</p>\n{}{}",
        Shown(agent),
        part("For you to decide", "Nothing waits for you.", &decide.collect::<Vec<_>>(), now),
        part("Yours", "You have asked for nothing.", &mine, now),
    );
    framed(StatusCode::OK, "Approvals", Some(session), &body)
}

fn part(heading: &str, nothing: &str, all: &[&RequestInfo], now: u64) -> String {
    if all.is_empty() {
        return format!("<h2>{heading}</h2>\n<p class=\"lead\">{nothing}</p>\n");
    }
    let items: String = all.iter().map(|info| item(info, now)).collect();
    format!("<h2>{heading}</h2>\n<ul class=\"requests\">\n{items}</ul>\n")
}

fn item(info: &RequestInfo, now: u64) -> String {
    format!(
        "<li><a class=\"request\" href=\"/console/requests/{id}\"><span class=\"groups\">\
         <span class=\"group\">{kind}</span>{state}</span>\
         <span class=\"name\">{what}</span><code class=\"headline\">{headline}</code>\
         <span class=\"about\">{asker} · until {until}</span></a></li>\n",
        id = info.id,
        kind = info.kind.as_str(),
        state = state(info.state),
        what = Shown(&what(info)),
        headline = Shown(&headline(info)),
        asker = Shown(&asker(info)),
        until = moment(info.expires_at, now),
    )
}

/// The statement in one line.
fn headline(info: &RequestInfo) -> String {
    let Some(statement) = &info.statement else { return String::new() };
    let text = statement.text.as_ref().or(statement.normalized.as_ref());
    let whole = text.map_or_else(|| statement.verbs.join(", "), |text| words(text));
    match whole.char_indices().nth(HEADLINE) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole,
    }
}

/// Its beginning only: a text may be long, and there may be many.
fn words(text: &str) -> String {
    let beginning: String = text.chars().take(4 * HEADLINE).collect();
    beginning.split_whitespace().collect::<Vec<_>>().join(" ")
}
