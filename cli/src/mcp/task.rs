//! What an AI agent works on: an id that stands in every record of what it does. It is said by whoever started
//! us (`--task`), by the program with each request (`_meta`), or by the AI agent itself (the argument `task` of
//! every tool). It is a name for the record, never a right; what a person said is not replaced but continued.

use rmcp::model::{JsonObject, RequestMetaObject};
use serde_json::Value;

/// Longest id.
const MAX_TASK: usize = 128;
/// Ours in `_meta`.
pub(super) const OURS: &str = "connect/task";
/// The protocol's own in `_meta`: an object with a `taskId`.
const RELATED: &str = "io.modelcontextprotocol/related-task";

/// The task of one call; its argument is taken out of the others.
pub(super) fn of(
    given: &mut JsonObject,
    meta: Option<&RequestMetaObject>,
    start: Option<&str>,
) -> Result<Option<String>, String> {
    let said = match given.remove("task") {
        Some(Value::String(task)) => Some(task),
        Some(_) => return Err("`task` is a text".to_owned()),
        None => meta.and_then(in_meta),
    };
    if let Some(task) = said.as_deref().filter(|task| !is_sound(task)) {
        return Err(format!("`task` is not {WORDS}: it has {} bytes", task.len()));
    }
    let whole = match (start, said) {
        (Some(start), Some(said)) => Some(format!("{start}/{said}")),
        (Some(start), None) => Some(start.to_owned()),
        (None, said) => said,
    };
    match whole {
        Some(whole) if !is_sound(&whole) => Err(format!("`task` behind {} is too long", start.unwrap_or(""))),
        whole => Ok(whole),
    }
}

fn in_meta(meta: &RequestMetaObject) -> Option<String> {
    let meta = serde_json::to_value(meta).ok()?;
    let said = meta.get(OURS).or_else(|| meta.get(RELATED)?.get("taskId"))?;
    said.as_str().map(str::to_owned)
}

/// What a task may look like, in words.
pub(crate) const WORDS: &str = "1 to 128 letters, digits, `-`, `_`, `.`, `/`, `:` or `#`";

pub(super) fn is_sound(task: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:#".contains(&byte);
    !task.is_empty() && task.len() <= MAX_TASK && task.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn arguments(value: &Value) -> JsonObject {
        value.as_object().cloned().expect("an object")
    }

    fn meta(value: Value) -> RequestMetaObject {
        serde_json::from_value(value).expect("meta")
    }

    #[test]
    fn a_task_is_said_by_the_call_or_its_meta_and_continues_what_a_person_said() {
        let mut given = arguments(&json!({ "task": "step-1", "sql": "x" }));
        assert_eq!(of(&mut given, None, Some("T-12")), Ok(Some("T-12/step-1".to_owned())));
        assert_eq!(given.keys().collect::<Vec<_>>(), ["sql"]);
        let none = &mut JsonObject::new();
        assert_eq!(of(none, None, None), Ok(None));
        assert_eq!(of(none, None, Some("T-12")), Ok(Some("T-12".to_owned())));
        let ours = meta(json!({ OURS: "a", RELATED: { "taskId": "b" } }));
        assert_eq!(of(none, Some(&ours), None), Ok(Some("a".to_owned())));
        let related = meta(json!({ RELATED: { "taskId": "b" }, "progressToken": 7 }));
        assert_eq!(of(none, Some(&related), None), Ok(Some("b".to_owned())));
    }

    #[test]
    fn what_would_break_a_record_is_no_task() {
        let long = "x".repeat(129);
        for task in
            [json!(""), json!("a b"), json!("a\nb"), json!("\u{202e}"), json!(7), json!(null), json!(long)]
        {
            let refused = of(&mut arguments(&json!({ "task": task })), None, None);
            assert!(refused.is_err(), "{task}");
        }
        let half = "x".repeat(70);
        assert!(of(&mut arguments(&json!({ "task": half })), None, Some(&half)).is_err());
    }
}
