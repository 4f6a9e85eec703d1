//! What flows where, of one statement or of many, as inputs and outputs of an event.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Input, Transformation, client, column_lineage, datasets, facet, namespace, split};
use crate::{
    label::Label,
    lineage::{LineageReport, OutputKind, OutputReport, RenameReport},
};

pub(super) const STATISTICS: &str = "https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet";

const STATE_CHANGE: &str = "https://openlineage.io/spec/facets/1-0-1/LifecycleStateChangeDatasetFacet.json#/$defs/LifecycleStateChangeDatasetFacet";

/// One statement, or several of one lineage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flowing<'a> {
    pub(super) origin: &'a str,
    pub(super) resource: &'a str,
    /// The dataset that the rows go to.
    pub(super) receiver: &'a str,
    pub(super) report: &'a LineageReport,
    pub(super) masks: &'a BTreeMap<String, Label>,
    pub(super) rows: u64,
    /// Where it is known.
    pub(super) bytes: Option<u64>,
    /// What it would have written was taken back.
    pub(super) failed: bool,
}

/// All of it together.
#[derive(Debug, Default)]
pub(super) struct Flows {
    read: BTreeSet<Input>,
    outputs: BTreeMap<(String, String), Output>,
}

#[derive(Debug, Default)]
struct Output {
    fields: BTreeMap<String, BTreeSet<Input>>,
    whole: BTreeSet<Input>,
    rows: u64,
    bytes: Option<u64>,
    /// What it was called before, if a statement gave it its name and wrote nothing.
    before: Option<Input>,
}

impl Flowing<'_> {
    fn input(&self, column: &str, transformation: Transformation) -> Input {
        let (name, field) = split(column).unwrap_or((column, "*"));
        Input {
            namespace: namespace(self.origin, self.resource),
            name: name.to_owned(),
            field: field.to_owned(),
            transformation,
            masking: self.masks.contains_key(column),
        }
    }

    fn dataset(&self, output: &OutputReport) -> (String, String) {
        match (output.kind, &output.table) {
            (OutputKind::Table, Some(table)) => (namespace(self.origin, self.resource), table.clone()),
            (OutputKind::File, _) => (namespace(self.origin, self.resource), "server-file".to_owned()),
            _ => (client(self.origin), self.receiver.to_owned()),
        }
    }
}

impl Flows {
    pub(super) fn add(&mut self, flowing: &Flowing<'_>) {
        let report = flowing.report;
        let whole = || report.indirect.iter().map(|column| flowing.input(column, Transformation::Indirect));
        self.read.extend(report.reads.iter().map(|column| flowing.input(column, Transformation::Direct)));
        let mut seen = BTreeSet::new();
        for output in &report.outputs {
            if flowing.failed && output.kind == OutputKind::Table {
                continue;
            }
            let dataset = flowing.dataset(output);
            let once = seen.insert(dataset.clone());
            let known = self.outputs.entry(dataset).or_default();
            known.whole.extend(whole());
            for column in &output.columns {
                let how = |source: &String| match &column.origin {
                    Some(origin) if origin == source => Transformation::Identity,
                    _ => Transformation::Direct,
                };
                let inputs = column.direct.iter().map(|source| flowing.input(source, how(source)));
                known.fields.entry(column.name.clone()).or_default().extend(inputs);
            }
            if once {
                known.rows = known.rows.saturating_add(flowing.rows);
                known.bytes =
                    flowing.bytes.map(|bytes| bytes.saturating_add(known.bytes.unwrap_or_default()));
            }
        }
        for rename in report.renames.iter().filter(|_| !flowing.failed) {
            self.rename(flowing, rename);
        }
    }

    /// What was under the old name is under the new one, whoever follows names.
    fn rename(&mut self, flowing: &Flowing<'_>, rename: &RenameReport) {
        let before =
            |old: &String| flowing.input(&format!("{}.{old}", rename.from), Transformation::Identity);
        let dataset = (namespace(flowing.origin, flowing.resource), rename.to.clone());
        let known = self.outputs.entry(dataset).or_default();
        for column in &rename.columns {
            let before = before(&column.from);
            known.fields.entry(column.to.clone()).or_default().insert(before.clone());
            self.read.insert(before);
        }
        if rename.from != rename.to {
            known.before = Some(before(&"*".to_owned()));
        }
    }

    pub(super) fn inputs(&self) -> Vec<Value> {
        let read: Vec<Input> = self.read.iter().cloned().collect();
        datasets(&read)
    }

    /// Everything that can be in what was made of the rows of a receiver.
    pub(super) fn received(&self, origin: &str, receiver: &str) -> BTreeSet<Input> {
        let output = self.outputs.get(&(client(origin), receiver.to_owned()));
        output
            .into_iter()
            .flat_map(|output| output.fields.values().flatten().chain(&output.whole))
            .cloned()
            .collect()
    }

    pub(super) fn outputs(self) -> Vec<Value> {
        let output = |((namespace, name), output): ((String, String), Output)| {
            let whole: Vec<Input> = output.whole.into_iter().collect();
            let lineage =
                column_lineage(output.fields.iter().map(|(name, inputs)| (name, inputs.clone())), &whole);
            let mut statistics = json!({ "rowCount": output.rows });
            if let (Some(bytes), Some(fields)) = (output.bytes, statistics.as_object_mut()) {
                fields.insert("size".to_owned(), bytes.into());
            }
            let mut facets = json!({ "columnLineage": lineage });
            if let (Some(before), Some(fields)) = (&output.before, facets.as_object_mut()) {
                let previous = json!({ "namespace": before.namespace, "name": before.name });
                let change = json!({ "lifecycleStateChange": "RENAME", "previousIdentifier": previous });
                fields.insert("lifecycleStateChange".to_owned(), facet(STATE_CHANGE, change));
            }
            json!({
                "namespace": namespace,
                "name": name,
                "facets": facets,
                "outputFacets": { "outputStatistics": facet(STATISTICS, statistics) },
            })
        };
        self.outputs.into_iter().map(output).collect()
    }
}
