//! Tables and columns, with the labels of those that are masked: names from the database's catalog through
//! the tunnel, the rest from the agent's own understanding.

use connect_shared::api::Explanation;
use serde_json::{Value, json};

use super::{
    actor::Who,
    ended::Stopped,
    rows::{MOST_ROWS, MOST_TABLES_COUNTED, Rows},
    sessions::Sessions,
    statement,
    tools::Describe,
};

/// Tables whose columns are told in one answer.
const MOST_TABLES: usize = 100;

/// Every relation that holds rows and is not the server's own.
const TABLES: &str = "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c \
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema') \
     AND left(n.nspname, 3) <> 'pg_' ORDER BY n.nspname, c.relname";

/// What is told, and how many tables there are beside.
pub(super) struct Described {
    pub(super) tables: Vec<Value>,
    pub(super) masked: usize,
    pub(super) cut: usize,
}

pub(super) async fn run(sessions: &Sessions, wish: &Describe, who: &Who) -> Result<Described, Stopped> {
    let (names, cut) = match &wish.table {
        Some(table) => (vec![(wish.schema.clone().unwrap_or_else(|| "public".to_owned()), table.clone())], 0),
        None => tables(sessions, wish, who).await?,
    };
    // One text for all: its statements come back in order.
    let text: Vec<String> = names
        .iter()
        .map(|(schema, table)| format!("SELECT * FROM {}.{}", quoted(schema), quoted(table)))
        .collect();
    let explanation = sessions.explain(&wish.resource, &text.join(";\n"), who).await?;
    let (tables, masked) = told(&names, &explanation);
    Ok(Described { tables, masked, cut })
}

async fn tables(
    sessions: &Sessions,
    wish: &Describe,
    who: &Who,
) -> Result<(Vec<(String, String)>, usize), Stopped> {
    let client = sessions.client(&wish.resource, who).await?;
    let mut rows = Rows::new(Some(MOST_ROWS));
    rows.most_counted = MOST_TABLES_COUNTED;
    statement::run(&client, sessions.purpose(), TABLES, &mut rows).await?;
    let cut = rows.rows_cut;
    let data = rows.into_data();
    let cell = |row: &Value, nth: usize| row[nth].as_str().unwrap_or_default().to_owned();
    let all = data["rows"].as_array().into_iter().flatten().map(|row| (cell(row, 0), cell(row, 1)));
    let mut names: Vec<_> =
        all.filter(|(schema, _)| wish.schema.as_ref().is_none_or(|wanted| wanted == schema)).collect();
    let more = names.len().saturating_sub(MOST_TABLES);
    names.truncate(MOST_TABLES);
    Ok((names, cut + more))
}

fn told(names: &[(String, String)], explanation: &Explanation) -> (Vec<Value>, usize) {
    let mut masked = 0;
    let mut tables = Vec::new();
    for ((schema, table), statement) in names.iter().zip(&explanation.statements) {
        let outputs = statement.lineage.outputs.first().map(|output| output.columns.as_slice());
        let columns: Vec<Value> = outputs
            .unwrap_or_default()
            .iter()
            .map(|column| {
                masked += usize::from(column.masked.is_some());
                json!({ "name": column.name, "type": column.data_type, "masked_as": column.masked })
            })
            .collect();
        // An unknown name has no columns and a denial: the agent's words say why.
        let problem = statement.decision.reasons.first().filter(|_| !statement.decision.is_permit());
        tables.push(json!({
            "schema": schema,
            "table": table,
            "columns": columns,
            "denied": problem.map(|reason| reason.message.as_str()),
        }));
    }
    (tables, masked)
}

/// A name as SQL takes any name.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name_whatever_it_holds() {
        assert_eq!(quoted("a\"; DROP TABLE b; --\0"), "\"a\"\"; DROP TABLE b; --\"");
    }
}
