//! Lineage as OpenLineage 2-0-2 run events (<https://openlineage.io/spec/2-0-2/OpenLineage.json>): a
//! deterministic rendering of what stands in the log, made when it is shown or exported.
//!
//! A dataset is a table of a resource: its namespace is [`namespace`], its name `schema.table`. What goes to
//! whoever asked is a dataset, too, under [`client`], because a person or a program that saw values is where
//! these went. Facets of our own begin with `connect_`; `agent/openlineage` has a schema of each.

mod flows;
mod run;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::digest;
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::{
    run::{Part, RunTold, begun, whole_run},
    statement::{Told, ended, file_name, statement, understood},
};
use crate::ids::RunId;

/// Who makes the events.
pub const PRODUCER: &str = "tag:connect.invalid,2026:connect";
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
const COLUMN_LINEAGE: &str = "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json#/$defs/ColumnLineageDatasetFacet";

/// The namespace of a resource's tables.
#[must_use]
pub fn namespace(origin: &str, resource: &str) -> String {
    format!("connect://{origin}/{resource}")
}

/// The namespace of whoever asks an agent: of jobs, and of results as datasets.
#[must_use]
pub fn client(origin: &str) -> String {
    format!("connect://{origin}")
}

/// A run's id for something that has one of another form: the same for the same parts.
#[must_use]
pub fn run_id(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        // Lengths, so that no two lists are one text.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(byte, digest)| *byte = *digest);
    RunId::from_random(bytes).to_string()
}

/// A column that something is made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Input {
    pub namespace: String,
    pub name: String,
    pub field: String,
    pub transformation: Transformation,
    pub masking: bool,
}

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transformation {
    /// Passed on as it is.
    Identity,
    /// Computed from it, in some way.
    Direct,
    Indirect,
}

impl Input {
    fn transformation(&self) -> Value {
        let (kind, subtype) = match self.transformation {
            Transformation::Identity => ("DIRECT", "IDENTITY"),
            Transformation::Direct => ("DIRECT", "TRANSFORMATION"),
            Transformation::Indirect => ("INDIRECT", "CONDITION"),
        };
        json!({ "type": kind, "subtype": subtype, "masking": self.masking })
    }
}

/// Each column once, with all that was done to it: receivers keep one edge between two columns.
fn input_fields<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Vec<Value> {
    let inputs: BTreeSet<&Input> = inputs.into_iter().collect();
    let mut columns: BTreeMap<(&str, &str, &str), Vec<Value>> = BTreeMap::new();
    for input in inputs {
        let column = (input.namespace.as_str(), input.name.as_str(), input.field.as_str());
        columns.entry(column).or_default().push(input.transformation());
    }
    let field = |((namespace, name, field), transformations)| json!({ "namespace": namespace, "name": name, "field": field, "transformations": transformations });
    columns.into_iter().map(field).collect()
}

/// The facet `columnLineage` of an output: by field, and for the output as a whole.
pub fn column_lineage<'a, I>(fields: impl Iterator<Item = (&'a String, I)>, whole: &[Input]) -> Value
where
    I: IntoIterator<Item = Input>,
{
    let each = fields.map(|(name, inputs)| {
        let inputs: Vec<Input> = inputs.into_iter().collect();
        (name.clone(), json!({ "inputFields": input_fields(&inputs) }))
    });
    let fields: Map<String, Value> = each.collect();
    facet(COLUMN_LINEAGE, json!({ "fields": fields, "dataset": input_fields(whole) }))
}

/// The datasets of some columns, each once.
#[must_use]
pub fn datasets(inputs: &[Input]) -> Vec<Value> {
    let names: BTreeSet<(&str, &str)> =
        inputs.iter().map(|input| (input.namespace.as_str(), input.name.as_str())).collect();
    names.into_iter().map(|(namespace, name)| json!({ "namespace": namespace, "name": name })).collect()
}

/// One event.
#[must_use]
pub fn run_event(
    time: u64,
    kind: &str,
    run: Value,
    job: &Value,
    inputs: &[Value],
    outputs: &[Value],
) -> Value {
    json!({
        "eventType": kind,
        "eventTime": moment(time),
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": run,
        "job": job,
        "inputs": inputs,
        "outputs": outputs,
    })
}

/// What the end of a run is, by its exit status and by why the agent ended it, where nobody else has. A shell gives
/// a command that a signal ended the status 128 and the signal's number: that was not the job's own failure.
const fn ended_as((status, reason): (u8, Option<&str>)) -> &'static str {
    match (status, reason) {
        (_, Some(_)) => "ABORT",
        (0, None) => "COMPLETE",
        (129..=192, None) => "ABORT",
        _ => "FAIL",
    }
}

/// A facet of the schema `url`.
fn facet(url: &str, fields: Value) -> Value {
    let mut facet = Map::new();
    facet.insert("_producer".to_owned(), PRODUCER.into());
    facet.insert("_schemaURL".to_owned(), url.into());
    if let Value::Object(fields) = fields {
        facet.extend(fields);
    }
    Value::Object(facet)
}

fn moment(milliseconds: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000).ok();
    let text = at.and_then(|at| at.format(&Rfc3339).ok());
    text.unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}

/// Parts of a name as the log has it: `schema.table` and the column; parts in double quotes may hold dots.
#[must_use]
pub fn split(name: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let mut last = None;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'.' if !quoted => last = Some(at),
            _ => {}
        }
    }
    let at = last?;
    Some((name.get(..at)?, name.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_other_forms_become_uuids_that_stay() {
        let id = run_id(&["log", "st_1"]);
        assert_eq!(id, run_id(&["log", "st_1"]));
        assert!(id.parse::<RunId>().is_ok());
        assert_ne!(run_id(&["ab", "c"]), run_id(&["a", "bc"]));
    }

    #[test]
    fn a_column_that_was_passed_on_and_also_decided_is_one_input_field() {
        let input = |transformation, masking| Input {
            namespace: "n".to_owned(),
            name: "t".to_owned(),
            field: "a".to_owned(),
            transformation,
            masking,
        };
        let both = [
            input(Transformation::Indirect, false),
            input(Transformation::Identity, true),
            input(Transformation::Identity, true),
        ];
        let fields = input_fields(&both);
        assert_eq!(fields.len(), 1);
        assert_eq!(fields[0]["transformations"].as_array().map(Vec::len), Some(2), "{fields:?}");
    }

    #[test]
    fn a_run_ends_as_its_command_did() {
        assert_eq!(
            [0, 1, 128, 129, 143, 192, 193, 255].map(|status| ended_as((status, None))),
            ["COMPLETE", "FAIL", "FAIL", "ABORT", "ABORT", "ABORT", "FAIL", "FAIL"]
        );
    }

    #[test]
    fn the_last_dot_outside_of_quotes_divides_table_and_column() {
        assert_eq!(split("public.t.a"), Some(("public.t", "a")));
        assert_eq!(split("public.\"a.b\".\"c.d\""), Some(("public.\"a.b\"", "\"c.d\"")));
        assert_eq!(split("alone"), None);
    }
}
