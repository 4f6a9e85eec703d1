//! What else a request brings: everything that the page has no place of its own for, by its own name. So
//! whatever an approval holds for is on the page, also what is newer than the page.

use connect_shared::api::RequestInfo;
use serde_json::Value;

use super::{request::fact, text::Shown};

/// What the page has a place for, or what is not for people.
const KNOWN: [&str; 23] = [
    "schema",
    "id",
    "kind",
    "state",
    "resource",
    "principal",
    "actor",
    "reason",
    "approvers",
    "own",
    "to_decide",
    "actions",
    "seconds",
    "statement",
    "columns",
    "rules",
    "approvals",
    "runs_left",
    "binding",
    "created_at",
    "expires_at",
    "verdicts",
    "link",
];
const KNOWN_OF_STATEMENT: [&str; 15] = [
    "text",
    "normalized",
    "verbs",
    "with_parameters",
    "parameters",
    "reads",
    "writes",
    "labelled",
    "who",
    "approvals",
    "window",
    "policy",
    "why",
    "any_values",
    "radius",
];

pub(super) fn rest(info: &RequestInfo) -> String {
    let Ok(value) = serde_json::to_value(info) else { return String::new() };
    let of_statement = value.get("statement").map(|statement| members(statement, &KNOWN_OF_STATEMENT));
    let window = info.statement.as_ref().and_then(|statement| statement.window);
    let window = window.map(|seconds| fact("Can be run for", &format!("{seconds} s")));
    format!("{}{}{}", of_statement.unwrap_or_default(), window.unwrap_or_default(), members(&value, &KNOWN))
}

fn members(value: &Value, known: &[&str]) -> String {
    let Some(members) = value.as_object() else { return String::new() };
    let others = members.iter().filter(|(name, value)| !known.contains(&name.as_str()) && !is_empty(value));
    others.map(|(name, value)| fact(&title(name), &shown(value))).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// `cascades_to` as `Cascades to`.
pub(super) fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains('\n') => format!("<pre><code>{}</code></pre>", Shown(text)),
        Value::String(text) => Shown(text).to_string(),
        Value::Array(items) => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>", shown(item))).collect();
            format!("<ul class=\"bare\">{items}</ul>")
        }
        Value::Object(members) => {
            let members: String =
                members.iter().map(|(name, value)| fact(&title(name), &shown(value))).collect();
            format!("<dl>{members}</dl>")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_newer_than_the_page_is_on_it() {
        let value = json!({
            "id": "req_1", "rows_at_most": 12, "none": null, "empty": [],
            "cascade": [{"table": "public.<b>", "rows": 3}], "sample": "a\nb", "whole": true,
        });
        insta::assert_snapshot!(members(&value, &KNOWN), @r#"
        <dt>Rows at most</dt>
        <dd>12</dd>
        <dt>Cascade</dt>
        <dd><ul class="bare"><li><dl><dt>Table</dt>
        <dd>public.&lt;b&gt;</dd>
        <dt>Rows</dt>
        <dd>3</dd>
        </dl></li></ul></dd>
        <dt>Sample</dt>
        <dd><pre><code>a
        b</code></pre></dd>
        <dt>Whole</dt>
        <dd>yes</dd>
        "#);
    }
}
