//! What each tool does, from its arguments to its answer.

use connect_shared::{
    api::{Explanation, StatementKind},
    decision::OutcomeKind,
};
use rmcp::{
    ErrorData,
    model::{CallToolResult, JsonObject},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    actor::Who,
    answer::Answer,
    delegate, describe,
    ended::{Stopped, said},
    lineage, people,
    rows::Rows,
    server::{Server, internal},
    statement,
    tools::{Describe, Explain, MAX_SQL, Nothing, Query},
};

impl Server {
    pub(super) async fn call(
        &self,
        name: &str,
        given: JsonObject,
        who: &Who,
    ) -> Result<CallToolResult, ErrorData> {
        let answer = match name {
            "list_resources" => self.list_resources(given, who).await,
            "describe" => self.describe(given, who).await,
            "query" => self.query(given, who).await,
            "explain" => self.explain(given, who).await,
            "lineage" => self.lineage(given, who).await,
            "delegate" => self.delegate(given, who).await,
            "request_access" => self.request_access(given, who).await,
            "wait_for_approval" => self.wait_for_approval(given, who).await,
            _ => return Err(ErrorData::invalid_params("there is no such tool", None)),
        };
        said(answer)?.into_result().map_err(|report| internal(&report.message))
    }

    async fn list_resources(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        let Nothing {} = arguments(given)?;
        self.databases(who).await
    }

    pub(super) async fn databases(&self, who: &Who) -> Result<Answer, Stopped> {
        let found = self.sessions.resources(who).await?;
        let resources: Vec<Value> = found
            .iter()
            .map(|(agent, resource)| {
                json!({
                    "name": resource.name, "agent": agent, "engine": resource.engine,
                    "server_version": resource.server_version, "database": resource.database,
                    "class": resource.class, "masked_columns": resource.masked_columns,
                })
            })
            .collect();
        Ok(Answer::new("done", format!("{} resources can be read.", resources.len()))
            .by(who)
            .data(json!({ "resources": resources })))
    }

    async fn describe(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        self.tables(&arguments(given)?, who).await
    }

    pub(super) async fn tables(&self, wish: &Describe, who: &Who) -> Result<Answer, Stopped> {
        let found = describe::run(&self.sessions, wish, who).await?;
        let words = format!("{} tables; {} of their columns are masked.", found.tables.len(), found.masked);
        Ok(Answer::new("done", words)
            .by(who)
            .fact("tables_cut", found.cut)
            .data(json!({ "tables": found.tables })))
    }

    async fn explain(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        let wish: Explain = arguments(given)?;
        let explanation = self.explained(&wish.resource, &wish.sql, who).await?;
        let words = "What would become of the statement; nothing was executed.";
        Ok(Answer::new("done", words)
            .by(who)
            .fact("outcome", json!(explanation.outcome))
            .data(serde_json::to_value(&explanation).unwrap_or_default()))
    }

    async fn query(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        let wish: Query = arguments(given)?;
        let explanation = self.explained(&wish.resource, &wish.sql, who).await?;
        let masked = check(&explanation)?;
        let client = self.sessions.client(&wish.resource, who).await?;
        let mut rows = Rows::new(wish.max_rows);
        if let Err(problem) = statement::run(&client, self.sessions.purpose(), &wish.sql, &mut rows).await {
            let page = people::page_of(&self.sessions, &wish.resource, &problem).await;
            return Err(Stopped::Statement(problem, page));
        }
        Ok(result(&explanation, &masked, rows, who))
    }

    async fn lineage(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        lineage::run(&self.sessions, arguments(given)?, who).await
    }

    async fn delegate(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        delegate::run(&self.sessions, arguments(given)?, who).await
    }

    async fn request_access(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        people::request_access(&self.sessions, arguments(given)?, who).await
    }

    async fn wait_for_approval(&self, given: JsonObject, who: &Who) -> Result<Answer, Stopped> {
        people::wait_for_approval(&self.sessions, arguments(given)?, who).await
    }

    async fn explained(&self, resource: &str, sql: &str, who: &Who) -> Result<Explanation, Stopped> {
        if sql.len() > MAX_SQL {
            return Err(Stopped::Arguments(format!("the statement has more than {MAX_SQL} bytes")));
        }
        Ok(self.sessions.explain(resource, sql, who).await?)
    }
}

/// The agent decides again when the statement comes; this is what only this door asks for: one statement, and
/// one that reads. Positions of masked columns, from 1.
fn check(explanation: &Explanation) -> Result<Vec<usize>, Stopped> {
    let [statement] = explanation.statements.as_slice() else {
        let words = format!("Send one statement; this text has {}.", explanation.statements.len());
        return Err(Stopped::Said(Box::new(Answer::new("denied", words).fact("code", "one_statement_only"))));
    };
    // What is held is sent all the same: the agent files the request that people then decide.
    if statement.decision.outcome.kind() == OutcomeKind::Deny {
        return Err(Stopped::Said(Box::new(denied(statement))));
    }
    // Locks that others wait for, and what a session keeps, are no reading either.
    if statement.kind != StatementKind::Read || !statement.read_only {
        let words = "An AI agent reads; this statement does something else.";
        return Err(Stopped::Said(Box::new(Answer::new("denied", words).fact("code", "actor_reads_only"))));
    }
    let columns = statement.lineage.outputs.first().map(|output| output.columns.as_slice());
    let masked = columns.unwrap_or_default().iter().enumerate().filter(|(_, column)| column.masked.is_some());
    Ok(masked.map(|(nth, _)| nth + 1).collect())
}

fn denied(statement: &connect_shared::api::ExplainedStatement) -> Answer {
    let codes: Vec<&str> = statement.decision.reasons.iter().map(|reason| reason.code.as_str()).collect();
    Answer::new("denied", "The rules do not allow this statement. The reasons say what would work.")
        .fact("code", codes.first().copied().unwrap_or("denied"))
        .fact("sqlstate", statement.sqlstate.clone())
        .data(json!({ "reasons": statement.decision.reasons }))
}

fn result(explanation: &Explanation, masked: &[usize], rows: Rows, who: &Who) -> Answer {
    let statement = explanation.statements.first();
    let masks: Vec<Value> = statement
        .into_iter()
        .flat_map(|statement| &statement.masks)
        .map(|mask| json!({ "column": mask.column, "label": mask.label }))
        .collect();
    let mut words = format!(
        "{} rows of {} columns, of which {} are masked; {}{} rows and {} values were cut.",
        rows.count(),
        rows.columns.len(),
        masked.len(),
        if rows.more { "at least " } else { "" },
        rows.rows_cut,
        rows.cells_cut
    );
    if rows.rows_cut > 0 {
        // They came as far as this program.
        words.push_str(
            " Rows that were cut are paid from the budget, too: a LIMIT in the statement saves them.",
        );
    }
    if rows.more {
        words.push_str(" More of them than were counted may have been paid: what was on its way by then.");
    }
    let answer = Answer::new("done", words)
        .by(who)
        .fact("row_count", rows.count())
        .fact("rows_cut", rows.rows_cut)
        .fact("more_rows_cut", rows.more)
        .fact(rows.paid_name(), rows.paid())
        .fact("values_cut", rows.cells_cut)
        .fact("masked_positions", masked.to_vec());
    let mut data = rows.into_data();
    data["masked"] = masks.into();
    answer.data(data)
}

fn arguments<T: DeserializeOwned>(given: JsonObject) -> Result<T, Stopped> {
    serde_json::from_value(Value::Object(given)).map_err(|error| Stopped::Arguments(error.to_string()))
}
