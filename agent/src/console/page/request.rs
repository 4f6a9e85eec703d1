//! One request as whoever decides reads it, and the forms of the verdict.

use connect_shared::{
    api::{HeldStatement, LabelledColumn, Radius, RequestInfo, VerdictInfo},
    grant::Action,
    request::{RequestKind, RequestState},
};
use http::StatusCode;
use time::{OffsetDateTime, macros::format_description};

use super::{Page, framed, rest, text::Shown};
use crate::console::{link::Worth, session::Session};

pub(in crate::console) fn request(
    agent: &str,
    session: &Session,
    info: &RequestInfo,
    worth: Worth,
    now: u64,
) -> Page {
    let body = format!(
        "{note}<p class=\"groups\"><span class=\"group\">{resource}</span>{state}</p>\n<h1>{what}</h1>\n\
         <p class=\"lead\">Asked by <strong>{asker}</strong> at the agent {agent}.</p>\n<dl>\n{facts}</dl>\n\
         {forms}<p class=\"note\">{id} · <a href=\"/console\">all requests</a></p>\n",
        note = note(worth),
        resource = Shown(&info.resource),
        state = state(info.state),
        what = Shown(&what(info)),
        asker = Shown(&asker(info)),
        agent = Shown(agent),
        facts = facts(info, now),
        forms = forms(session, info),
        id = info.id,
    );
    framed(StatusCode::OK, &what(info), Some(session), &body)
}

/// What somebody should know who followed a link.
fn note(worth: Worth) -> &'static str {
    match worth {
        Worth::Good => "",
        Worth::Over => {
            "<p class=\"warn\">The link that led here is over: its request does not wait any more. What you see is \
             what became of it.</p>\n"
        }
        Worth::Foreign => {
            "<p class=\"warn\">The link that led here is not one that this agent has made. What you see is the \
             request as it stands in your own list, which you can trust; the message with the link may not be.</p>\n"
        }
    }
}

fn facts(info: &RequestInfo, now: u64) -> String {
    let mut facts = String::new();
    if let Some(reason) = &info.reason {
        facts += &fact("Why", &format!("<p>{}</p>", Shown(reason)));
    }
    if let Some(statement) = &info.statement {
        facts += &of_statement(statement);
    }
    facts += &protected("In clear", &info.columns);
    if !info.rules.is_empty() {
        facts += &fact("Rules", &list(&info.rules));
    }
    if let Some(runs) = info.runs_left {
        facts += &fact("Approved", &format!("<p>In this form with any values: {runs} more runs.</p>"));
    }
    // What this page has no place for is shown all the same: nobody approves what was not shown.
    facts += &rest::rest(info);
    // A broken glass can be reviewed for ever.
    if info.kind != RequestKind::BreakGlass {
        facts += &fact("Until", &moment(info.expires_at, now));
    }
    let needed = info.needs();
    let count = if needed > 1 { format!("<p>{needed} of these:</p>") } else { String::new() };
    facts += &fact("Who may decide", &format!("{count}{}", list(&info.approvers)));
    if !info.verdicts.is_empty() {
        let verdicts: String = info.verdicts.iter().map(|verdict| said(verdict, now)).collect();
        facts += &fact("Verdicts", &format!("<ul>{verdicts}</ul>"));
    }
    facts
}

fn of_statement(statement: &HeldStatement) -> String {
    let mut facts = fact(
        "Rule",
        &format!("<p>{}</p><p class=\"about\">{}</p>", Shown(&statement.why), Shown(&statement.policy)),
    );
    facts += &match (&statement.text, &statement.normalized) {
        (Some(text), _) => fact("Statement", &format!("<pre><code>{}</code></pre>", Shown(text))),
        (None, Some(text)) => {
            fact("Statement, without its values", &format!("<pre><code>{}</code></pre>", Shown(text)))
        }
        (None, None) => fact("Statement", "<p>It is not kept any more.</p>"),
    };
    if !statement.parameters.is_empty() {
        let values = statement.parameters.iter().zip(1..);
        let values: String = values
            .map(|(value, place)| format!("<li><code>${place} = {}</code></li>", Shown(value)))
            .collect();
        facts += &fact("Values", &format!("<ul class=\"bare\">{values}</ul>"));
    } else if statement.with_parameters {
        facts += &fact("Values", "<p>Not kept any more, or too long to be: it runs with these only.</p>");
    }
    if !statement.writes.is_empty() {
        facts += &fact("Writes", &list(&statement.writes));
    }
    if !statement.reads.is_empty() {
        facts += &fact("Reads", &list(&statement.reads));
    }
    facts += &statement.radius.as_deref().map(touched).unwrap_or_default();
    facts + &protected("Protected", &statement.labelled)
}

/// What it would touch, each kind of fact under its name.
fn touched(radius: &Radius) -> String {
    let mut shown = String::new();
    for (name, words) in radius.facts() {
        if !name.is_empty() {
            shown += &format!("<dt>{}</dt>\n", Shown(&rest::title(name)));
        }
        shown += &format!("<dd><p>{}</p></dd>\n", Shown(&words));
    }
    shown
}

/// Columns with their labels, if there are any.
fn protected(name: &str, columns: &[LabelledColumn]) -> String {
    if columns.is_empty() {
        return String::new();
    }
    let columns = columns.iter().map(|one| {
        let (column, label) = (Shown(&one.column), Shown(one.label.as_str()));
        format!("<li><code>{column}</code> <span class=\"group kind\">{label}</span></li>")
    });
    fact(name, &format!("<ul class=\"bare\">{}</ul>", columns.collect::<String>()))
}

pub(super) fn fact(name: &str, html: &str) -> String {
    format!("<dt>{}</dt>\n<dd>{html}</dd>\n", Shown(name))
}

fn list(items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<li><code>{}</code></li>", Shown(item))).collect();
    format!("<ul class=\"bare\">{items}</ul>")
}

fn said(verdict: &VerdictInfo, now: u64) -> String {
    let because = verdict.reason.as_ref().map(|reason| format!(": {}", Shown(reason))).unwrap_or_default();
    let (by, at) = (Shown(&verdict.by), moment(verdict.at, now));
    format!("<li>{} by {by}, {at}{because}</li>", verdict.verdict.as_str())
}

fn forms(session: &Session, info: &RequestInfo) -> String {
    if info.to_decide {
        let (words, yes) = match info.kind {
            RequestKind::BreakGlass => {
                ("It was done already. You say whether that was right.", "It was right")
            }
            _ => ("You approve exactly what is shown above, and nothing else.", "Approve"),
        };
        let approve = format!("<p class=\"about\">{words}</p><button class=\"plain\">{yes}</button>");
        let approve = form(session, info, "approve", &approve);
        let reject = form(
            session,
            info,
            "reject",
            "<label>Why not, if you like<input name=\"reason\" maxlength=\"500\" autocomplete=\"off\"></label>\
             <button class=\"plain no\">Reject</button>",
        );
        return format!("{approve}{reject}");
    }
    if info.own && info.state == RequestState::Pending {
        let words = "<p class=\"about\">Somebody else decides about it.</p>\
                     <button class=\"plain no\">Take it back</button>";
        return form(session, info, "withdraw", words);
    }
    String::new()
}

fn form(session: &Session, info: &RequestInfo, verdict: &str, inside: &str) -> String {
    format!(
        "<form class=\"verdict\" method=\"post\" action=\"/console/requests/{id}/verdict\">\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <input type=\"hidden\" name=\"verdict\" value=\"{verdict}\">\
         <input type=\"hidden\" name=\"binding\" value=\"{binding}\">{inside}</form>\n",
        id = info.id,
        token = Shown(&session.token),
        binding = Shown(&info.binding),
    )
}

/// `ana@example.com`, or `claude for ana@example.com`.
pub(super) fn asker(info: &RequestInfo) -> String {
    match &info.actor {
        Some(actor) => format!("{actor} for {}", info.principal),
        None => info.principal.clone(),
    }
}

/// In a few words.
pub(super) fn what(info: &RequestInfo) -> String {
    let actions = if info.actions.contains(&Action::Write) { "Read and write" } else { "Read" };
    match (&info.statement, info.seconds) {
        (Some(statement), _) => format!("Run {} on {}", statement.verbs.join(", "), info.resource),
        (None, _) if info.kind == RequestKind::BreakGlass => {
            format!("The glass of {} was broken: nothing waited", info.resource)
        }
        (None, Some(seconds)) if info.kind == RequestKind::Unmask => {
            format!("See columns of {} in clear for {}", info.resource, how_long(seconds))
        }
        (None, Some(seconds)) if info.kind == RequestKind::Window => {
            format!("Let what these rules hold on {} not wait for {}", info.resource, how_long(seconds))
        }
        (None, Some(seconds)) => format!("{actions} {} for {}", info.resource, how_long(seconds)),
        (None, None) => format!("{actions} {}", info.resource),
    }
}

fn how_long(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

pub(super) fn state(state: RequestState) -> String {
    let class = match state {
        RequestState::Pending => "group here",
        _ => "group kind",
    };
    format!("<span class=\"{class}\">{}</span>", state.as_str())
}

/// A moment as people read it, and how far off it is.
pub(super) fn moment(at: u64, now: u64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let time = i64::try_from(at).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    let time = time.and_then(|time| time.format(&format).ok()).unwrap_or_else(|| "(never)".to_owned());
    let minutes = |seconds: u64| match seconds / 60 {
        0 => "less than a minute".to_owned(),
        minutes if minutes < 120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    };
    if at > now {
        format!("{time} (in {})", minutes(at - now))
    } else {
        format!("{time} ({} ago)", minutes(now - at))
    }
}
