//! The tools: their names, what they are for in an AI agent's words, and the schemas of their arguments.

use std::sync::Arc;

use connect_shared::{
    api::{LineageDirection, LineageKind},
    grant::BudgetPart,
};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{delegate, people, rows};

/// Longest statement that is taken.
pub(super) const MAX_SQL: usize = 64 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Describe {
    pub(super) resource: String,
    #[serde(default)]
    pub(super) schema: Option<String>,
    #[serde(default)]
    pub(super) table: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    pub(super) resource: String,
    pub(super) sql: String,
    #[serde(default)]
    pub(super) max_rows: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Explain {
    pub(super) resource: String,
    pub(super) sql: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lineage {
    pub(super) resource: String,
    pub(super) about: String,
    #[serde(default)]
    pub(super) kind: Option<LineageKind>,
    #[serde(default)]
    pub(super) direction: Option<LineageDirection>,
    #[serde(default)]
    pub(super) depth: Option<u8>,
    #[serde(default)]
    pub(super) since: Option<String>,
    #[serde(default)]
    pub(super) until: Option<String>,
    #[serde(default)]
    pub(super) before_label: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delegate {
    pub(super) resource: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) tables: Vec<String>,
    #[serde(default)]
    pub(super) minutes: Option<u64>,
    #[serde(default)]
    pub(super) budget: Option<BudgetPart>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestAccess {
    pub(super) resource: String,
    pub(super) reason: String,
    #[serde(default)]
    pub(super) minutes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitForApproval {
    pub(super) resource: String,
    pub(super) request: String,
    #[serde(default)]
    pub(super) seconds: Option<u64>,
}

/// All of them.
pub(super) fn all() -> Vec<Tool> {
    let resource = json!({ "type": "string", "description": "a name from list_resources" });
    let mut all = statements(&resource);
    all.extend([
        lineage(&resource),
        delegate(&resource),
        request_access(&resource),
        wait_for_approval(&resource),
    ]);
    all
}

/// What is done with statements.
fn statements(resource: &Value) -> Vec<Tool> {
    let sql = |what: &str| json!({ "type": "string", "maxLength": MAX_SQL, "description": what });
    vec![
        tool("list_resources", "List the databases that can be read.", json!({}), &[]),
        tool(
            "describe",
            "List tables with their columns, types and the label of every column that is masked. Without \
             `table`: all tables.",
            json!({
                "resource": resource,
                "schema": { "type": "string", "description": "schema of the table; `public` if left out" },
                "table": { "type": "string" },
            }),
            &["resource"],
        ),
        tool(
            "query",
            "Run one statement that reads. Columns with personal data or secrets come out as masks: equal \
             values have equal masks, and they cannot be turned back.",
            json!({
                "resource": resource,
                "sql": sql("one SELECT statement of PostgreSQL"),
                "max_rows": { "type": "integer", "minimum": 1, "maximum": rows::MOST_ROWS },
            }),
            &["resource", "sql"],
        ),
        tool(
            "explain",
            "Say what would become of a statement: permitted or denied and why, which columns would be \
             masked, what each column is computed from. Executes nothing.",
            json!({ "resource": resource, "sql": sql("the statement") }),
            &["resource", "sql"],
        ),
    ]
}

fn lineage(resource: &Value) -> Tool {
    tool(
        "lineage",
        "Say where values came from or where they went, by the record of what this person did: columns, \
         files, runs, and whether they were masked.",
        json!({
            "resource": resource,
            "about": { "type": "string", "description": "a column, table, run, job, file (name or SHA-256) or principal" },
            "kind": { "enum": ["column", "table", "run", "job", "file", "principal"] },
            "direction": { "enum": ["up", "down"], "description": "up: where it came from (usual); down: where it went" },
            "depth": { "type": "integer", "minimum": 1, "maximum": 32 },
            "since": { "type": "string", "description": "only what was read and written from then on: 2h, 7d, 2026-11-25, or a time of RFC 3339" },
            "until": { "type": "string", "description": "and before then" },
            "before_label": { "type": "boolean", "description": "of columns: only what was done before they had a label" },
        }),
        &["resource", "about"],
    )
}

fn delegate(resource: &Value) -> Tool {
    let most = json!({ "type": "integer", "minimum": 0 });
    let budget =
        ["statements", "rows", "cells", "bytes", "persons"].map(|name| (name.to_owned(), most.clone()));
    let tool = tool(
        "delegate",
        "Hand a part of what you may do on to a sub-agent that runs as a program of its own: for some tables, \
         a while and so much. Answers with the command to start it with. It never gets more than you have.",
        json!({
            "resource": resource,
            "name": { "type": "string", "maxLength": 64, "description": "what the sub-agent is called in the record" },
            "tables": {
                "type": "array", "maxItems": 64, "items": { "type": "string" },
                "description": "schema.table or schema.*; all that you may read if left out",
            },
            "minutes": { "type": "integer", "minimum": 1, "maximum": delegate::MOST_MINUTES },
            "budget": {
                "type": "object", "additionalProperties": false,
                "properties": Value::Object(budget.into_iter().collect()),
                "description": "what it may take at most of your budget",
            },
        }),
        &["resource", "name"],
    );
    // Nothing is changed in a database; what is made is a way in.
    tool.with_annotations(ToolAnnotations::from_raw(None, Some(false), Some(false), Some(false), Some(false)))
}

fn request_access(resource: &Value) -> Tool {
    let tool = tool(
        "request_access",
        "Ask people for access to a resource that needs an approval. They see your name and the reason.",
        json!({
            "resource": resource,
            "reason": { "type": "string", "maxLength": 1000, "description": "what for, for the person who approves" },
            "minutes": { "type": "integer", "minimum": 1, "maximum": people::MOST_MINUTES },
        }),
        &["resource", "reason"],
    );
    // A request is there for people to see; two of them are two.
    tool.with_annotations(ToolAnnotations::from_raw(None, Some(false), Some(false), Some(false), Some(false)))
}

fn wait_for_approval(resource: &Value) -> Tool {
    tool(
        "wait_for_approval",
        "Say what became of a request for an approval; waits a while for a verdict.",
        json!({
            "resource": resource,
            "request": { "type": "string", "description": "the id that an answer gave: req_…" },
            "seconds": { "type": "integer", "minimum": 0, "maximum": people::LONGEST_WAIT },
        }),
        &["resource", "request"],
    )
}

fn tool(name: &'static str, description: &'static str, properties: Value, required: &[&str]) -> Tool {
    let mut properties = properties;
    properties["task"] = json!({
        "type": "string", "maxLength": 128, "description": "id of what you work on, for the record",
    });
    let schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let schema: JsonObject = schema.as_object().cloned().unwrap_or_default();
    let hints = ToolAnnotations::from_raw(None, Some(true), Some(false), Some(true), Some(false));
    Tool::new(name, description, Arc::new(schema)).with_annotations(hints)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_say_that_they_only_read_but_for_the_request_and_take_no_argument_that_they_do_not_name() {
        for tool in all() {
            assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
            let hints = tool.annotations.expect("hints");
            assert_eq!(
                (hints.read_only_hint, hints.destructive_hint),
                (Some(!matches!(&*tool.name, "request_access" | "delegate")), Some(false))
            );
        }
    }

    #[test]
    fn an_argument_of_another_name_is_refused() {
        let smuggled = json!({ "resource": "a", "sql": "SELECT 1", "actor": "root" });
        assert!(serde_json::from_value::<Query>(smuggled).is_err());
        assert!(serde_json::from_value::<Nothing>(json!({ "resource": "a" })).is_err());
    }
}
