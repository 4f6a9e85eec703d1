//! The tools: their names, what they are for in an AI agent's words, and the schemas of their arguments.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::rows;

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

/// All of them.
pub(super) fn all() -> Vec<Tool> {
    let resource = json!({ "type": "string", "description": "a name from list_resources" });
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

fn tool(name: &'static str, description: &'static str, properties: Value, required: &[&str]) -> Tool {
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
    fn every_tool_says_that_it_only_reads_and_takes_no_argument_that_it_does_not_name() {
        for tool in all() {
            assert_eq!(tool.input_schema["additionalProperties"], false, "{}", tool.name);
            let hints = tool.annotations.expect("hints");
            assert_eq!((hints.read_only_hint, hints.destructive_hint), (Some(true), Some(false)));
        }
    }

    #[test]
    fn an_argument_of_another_name_is_refused() {
        let smuggled = json!({ "resource": "a", "sql": "SELECT 1", "actor": "root" });
        assert!(serde_json::from_value::<Query>(smuggled).is_err());
        assert!(serde_json::from_value::<Nothing>(json!({ "resource": "a" })).is_err());
    }
}
