//! A notice as blocks of Slack. What others wrote stands in `plain_text`, where nothing is a mention, a link or
//! a picture, and letters that are not seen are shown as what they are; the rest is ours.

use serde_json::{Value, json};

use super::message::Message;
use crate::console::plain;

/// Slack's own limits, in letters, with room for what is put in front.
const MAX_TEXT: usize = 2_900;
const MAX_FIELD: usize = 1_900;

pub(super) fn blocks(message: &Message, agent: &str) -> Value {
    let headline = headline(message);
    let mut blocks = vec![section(&headline)];
    let fields = fields(message, agent);
    if !fields.is_empty() {
        blocks.push(json!({"type": "section", "fields": fields}));
    }
    if let Some(statement) = &message.normalized {
        blocks.push(section(statement));
    }
    // Where blocks are not understood, this is what is read.
    let mut text = escaped(&headline);
    if let Some(link) = &message.link {
        text = format!("{text} {link}");
        blocks.push(json!({"type": "actions", "elements": [
            {"type": "button", "url": link, "text": {"type": "plain_text", "text": "Look at it", "emoji": false}},
        ]}));
    }
    json!({"text": text, "blocks": blocks})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": plain_text(text, MAX_TEXT)})
}

fn plain_text(text: &str, limit: usize) -> Value {
    json!({"type": "plain_text", "emoji": false, "text": cut(&plain(text), limit)})
}

fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn headline(message: &Message) -> String {
    let asker = match &message.actor {
        Some(actor) => format!("{actor} for {}", message.principal),
        None => message.principal.clone(),
    };
    let what = format!("{} on {}", message.verbs.join(", "), message.resource);
    let by = message.by.as_deref().unwrap_or("somebody");
    match message.event().as_str() {
        "broken_glass" => {
            format!("{asker} has broken the glass of {}: nothing waits there", message.resource)
        }
        "requested" => format!("{asker} asks for an approval: {what}"),
        "approved" if message.approvals > 1 => {
            format!("{by} has approved: {what}, for {asker} ({} of {})", message.approved, message.approvals)
        }
        "withdrawn" => format!("{asker} has taken back: {what}"),
        event => format!("{by} has {event}: {what}, for {asker}"),
    }
}

/// Ten at most, as Slack takes them: a statement has no columns and rules of its own, and what has them no tables.
fn fields(message: &Message, agent: &str) -> Vec<Value> {
    let needs = match message.approvals {
        1 => message.approvers.join(", "),
        count => format!("{count} of {}", message.approvers.join(", ")),
    };
    let rule = message.why.as_ref().zip(message.policy.as_ref());
    let named = [
        ("Why", message.reason.clone()),
        ("Because", message.because.clone()),
        ("Rule", rule.map(|(why, policy)| format!("{why} ({policy})"))),
        ("Writes", list(&message.writes)),
        ("Reads", list(&message.reads)),
        ("Columns", list(&message.columns)),
        ("Rules", list(&message.rules)),
        ("Protected", list(&message.labels)),
        ("For", message.seconds.map(|seconds| format!("{} min", seconds / 60))),
        ("Who decides", Some(needs).filter(|_| message.event() == "requested")),
        ("Agent", Some(agent.to_owned())),
        ("Request", Some(message.request.to_string())),
    ];
    let given =
        named.into_iter().filter_map(|(name, text)| Some((name, text.filter(|text| !text.is_empty())?)));
    given.map(|(name, text)| plain_text(&format!("{name}: {text}"), MAX_FIELD)).collect()
}

fn list(names: &[String]) -> Option<String> {
    (!names.is_empty()).then(|| names.join(", "))
}

/// In a message's own text three letters are markup.
fn escaped(text: &str) -> String {
    cut(&plain(text), MAX_TEXT).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
