//! What somebody says of a statement, held against its answer.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Answer, Column, Output, Sources, Status};

/// What somebody says of a statement.
#[derive(Debug, Clone, Default)]
pub struct Said {
    pub outputs: Vec<Output>,
    pub indirect: Sources,
    /// It said itself that something is not known.
    pub flagged: bool,
    /// Why.
    pub reasons: Vec<String>,
}

/// How what was said compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Every output and every column of it with exactly its sources; of a partial statement at least what
    /// can be seen. `None` where nothing can be seen.
    pub direct: Option<bool>,
    pub indirect: Option<bool>,
    /// A column that decides is not named.
    pub lacks_indirect: bool,
    pub flagged: bool,
    /// It should have been flagged and was.
    pub flagged_as_it_should: Option<bool>,
}

impl Verdict {
    /// Wrong, and nobody was told.
    #[must_use]
    pub fn is_silently_wrong(self) -> bool {
        let wrong = self.direct == Some(false) || self.lacks_indirect;
        !self.flagged && (wrong || self.flagged_as_it_should == Some(false))
    }
}

/// What `connect-agent analyze` reads: one statement as a line.
#[must_use]
pub fn question(answer: &Answer) -> String {
    let Answer { id, sql, search_path, session, .. } = answer;
    json!({ "id": id, "sql": sql, "search_path": search_path, "session": session }).to_string()
}

/// The answer in the form in which `connect-agent analyze` gives its own.
#[must_use]
pub fn as_json(answer: &Answer) -> Value {
    let outputs: Vec<Value> = answer.outputs.iter().map(output_as_json).collect();
    json!({
        "id": answer.id, "sql": answer.sql, "search_path": answer.search_path, "session": answer.session,
        "outputs": outputs, "indirect": answer.indirect, "status": answer.status.as_str(),
    })
}

fn output_as_json(output: &Output) -> Value {
    let columns: Vec<Value> =
        output.columns.iter().map(|column| json!({ "name": column.name, "direct": column.direct })).collect();
    match &output.table {
        Some(table) => json!({ "kind": "table", "table": table, "columns": columns }),
        None => json!({ "kind": "result", "columns": columns }),
    }
}

/// Reads a line that `connect-agent analyze` answered: the statement's id and what is said of it.
///
/// # Panics
/// It is not in the form that is agreed.
#[must_use]
pub fn read_said(line: &str) -> (String, Said) {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in `{line}`"));
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in `{line}`")).to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let sources = |value: &Value| list(value).iter().map(text).collect::<Sources>();
    let outputs = list(&value["outputs"]).into_iter().map(|output| Output {
        table: (output["kind"] != "result").then(|| text(&output["table"])),
        columns: list(&output["columns"])
            .iter()
            .map(|column| Column { name: text(&column["name"]), direct: sources(&column["direct"]) })
            .collect(),
    });
    let said = Said {
        outputs: outputs.collect(),
        indirect: sources(&value["indirect"]),
        flagged: value["status"] != "complete",
        reasons: list(&value["reasons"]).iter().map(Value::to_string).collect(),
    };
    (text(&value["id"]), said)
}

/// Compares.
#[must_use]
pub fn judge(answer: &Answer, said: &Said) -> Verdict {
    let flagged_as_it_should = (answer.status != Status::Complete).then_some(said.flagged);
    let (direct, indirect) = match answer.status {
        Status::Opaque => (None, None),
        Status::Partial => {
            (Some(contains(&said.outputs, &answer.outputs)), Some(answer.indirect.is_subset(&said.indirect)))
        }
        Status::Complete => (
            Some(Outputs::of(&said.outputs) == Outputs::of(&answer.outputs)),
            Some(answer.indirect == said.indirect),
        ),
    };
    let lacks_indirect = answer.status != Status::Opaque && !answer.indirect.is_subset(&said.indirect);
    Verdict { direct, indirect, lacks_indirect, flagged: said.flagged, flagged_as_it_should }
}

/// Outputs in a form in which equal ones are equal: a table once, without the order of its columns; a
/// table of which no column is written is left out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outputs<'a> {
    result: Vec<(&'a str, &'a Sources)>,
    tables: BTreeMap<&'a str, BTreeMap<&'a str, Sources>>,
}

impl<'a> Outputs<'a> {
    fn of(outputs: &'a [Output]) -> Self {
        let mut all = Self::default();
        for output in outputs {
            match output.table.as_deref() {
                None => {
                    all.result
                        .extend(output.columns.iter().map(|column| (column.name.as_str(), &column.direct)));
                }
                Some(table) => {
                    for column in &output.columns {
                        let columns = all.tables.entry(table).or_default();
                        columns.entry(&column.name).or_default().extend(column.direct.iter().cloned());
                    }
                }
            }
        }
        all
    }
}

fn contains(said: &[Output], wanted: &[Output]) -> bool {
    let (said, wanted) = (Outputs::of(said), Outputs::of(wanted));
    let result = said.result.len() == wanted.result.len()
        && said
            .result
            .iter()
            .zip(&wanted.result)
            .all(|(said, wanted)| said.0 == wanted.0 && wanted.1.is_subset(said.1));
    let tables = wanted.tables.iter().all(|(table, columns)| {
        columns.iter().all(|(column, sources)| {
            said.tables
                .get(table)
                .and_then(|said| said.get(column))
                .is_some_and(|said| sources.is_subset(said))
        })
    });
    result && tables
}
