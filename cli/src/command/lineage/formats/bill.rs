//! A bill of materials in CycloneDX 1.6, and an in-toto statement. Neither is signed: what is, is the log that
//! they are made from, and the attestation of a run.

use std::collections::BTreeSet;

use connect_shared::{
    api::{Flow, LineageEdge, NodeKind},
    attest::STATEMENT_TYPE,
    ids::RequestId,
    label::Label,
};
use serde_json::{Map, Value, json};

use crate::command::lineage::graph::{File, Graph, column};

/// `predicateType` of an answer about lineage.
const LINEAGE_TYPE: &str = "tag:connect.invalid,2026:lineage/v1";

/// Tables are data, files are models or whatever their maker calls them, runs are what joins them.
pub(in crate::command::lineage) fn cyclonedx(graph: &Graph<'_>) -> Value {
    let answer = graph.answer;
    let tables = graph.tables();
    let of_tables = tables.iter().map(|((resource, table), columns)| {
        json!({
            "type": "data",
            "bom-ref": table_id(resource, table),
            "name": format!("{resource}/{table}"),
            "properties": of_table(graph, (resource, table)).properties(graph),
            "data": [{
                "type": "dataset",
                "name": table,
                "classification": classification(graph, resource, table),
                "description": format!("columns: {}", columns.iter().copied().collect::<Vec<_>>().join(", ")),
            }],
        })
    });
    let files = graph.files();
    let of_files = files.iter().map(|file| of_file(graph, file));
    let components: Vec<Value> = of_tables.chain(of_files).collect();
    let depends = files.iter().map(|file| {
        let on: Vec<String> = sources(graph, &file.node.id).0.into_iter().collect();
        json!({ "ref": file.node.id, "dependsOn": on })
    });
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "connect", "version": env!("CARGO_PKG_VERSION") }] },
            "properties": [
                { "name": "connect:origin", "value": answer.origin },
                { "name": "connect:entries", "value": answer.indexed.to_string() },
                { "name": "connect:gaps", "value": answer.gaps.iter().map(|gap| gap.statements).sum::<u64>().to_string() },
                { "name": "connect:more", "value": answer.more.to_string() },
            ],
        },
        "components": components,
        "dependencies": depends.collect::<Vec<_>>(),
    })
}

/// `hashes` are of bytes that somebody has, so a folder has none: its files have.
fn of_file(graph: &Graph<'_>, file: &File<'_>) -> Value {
    let node = file.node;
    let made = graph.into(&node.id).any(|edge| edge.flow == Flow::Output);
    let mut component = Map::new();
    component.insert("type".into(), if made { "machine-learning-model" } else { "file" }.into());
    component.insert("bom-ref".into(), node.id.as_str().into());
    component.insert("name".into(), node.name.as_str().into());
    let mut about = Vec::new();
    match file.files {
        None => drop(component.insert("hashes".into(), hashes(file.hash))),
        Some(files) => {
            about.push(property("connect:dirHash", file.hash));
            about.push(property("connect:files", files.to_string()));
            let one = |one| json!({ "type": "file", "name": file.path(one), "hashes": hashes(&one.sha256) });
            component.insert("components".into(), file.within.iter().map(one).collect());
        }
    }
    if made {
        let (sources, read) = sources(graph, &node.id);
        let datasets: Vec<Value> = sources.into_iter().map(|id| json!({ "ref": id })).collect();
        component.insert("modelCard".into(), json!({ "modelParameters": { "datasets": datasets } }));
        about.extend(read.properties(graph));
    }
    component.insert("properties".into(), about.into());
    component.into()
}

fn hashes(sha256: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

fn property(name: &str, value: impl Into<Value>) -> Value {
    json!({ "name": name, "value": value.into() })
}

fn table_id(resource: &str, table: &str) -> String {
    format!("table:{resource}/{table}")
}

/// The labels of a table's columns.
fn classification(graph: &Graph<'_>, resource: &str, table: &str) -> String {
    let labels: BTreeSet<String> = graph
        .answer
        .nodes
        .iter()
        .filter_map(|node| match &node.kind {
            NodeKind::Column { resource: of, table: name, label: Some(label), .. }
                if of == resource && name == table =>
            {
                Some(label.to_string())
            }
            _ => None,
        })
        .collect();
    if labels.is_empty() { "none".to_owned() } else { labels.into_iter().collect::<Vec<_>>().join(", ") }
}

/// How values were read: those of columns with a label by masks or as they are stored, and by whose leave; and which
/// columns have some of whose origin nobody knows more than who wrote them.
#[derive(Default)]
struct Read {
    masked: BTreeSet<String>,
    clear: BTreeSet<String>,
    approvals: BTreeSet<RequestId>,
    outside: BTreeSet<String>,
}

impl Read {
    fn add(&mut self, graph: &Graph<'_>, edge: &LineageEdge) {
        self.approvals.extend(&edge.approvals);
        if let Some((writer, to)) = graph.brought(edge) {
            let resource = column(to).map_or("", |(resource, ..)| resource);
            self.outside.insert(format!("{resource}/{}: by {}", to.name, writer.name));
        }
        let Some(from) = graph.node(&edge.from) else { return };
        let Some((resource, ..)) = column(from) else { return };
        let named = |label: Label| format!("{resource}/{}: {label}", from.name);
        self.masked.extend(edge.masked.map(named));
        self.clear.extend(graph.clear(edge).map(named));
    }

    fn properties(&self, graph: &Graph<'_>) -> Vec<Value> {
        let columns = |name, all: &BTreeSet<String>| -> Vec<Value> {
            all.iter().map(|column| property(name, column.as_str())).collect()
        };
        let approvals =
            self.approvals.iter().map(|request| property("connect:approval", graph.approved(*request)));
        let mut all = columns("connect:masked", &self.masked);
        all.extend(columns("connect:clear", &self.clear));
        all.extend(columns("connect:outside", &self.outside));
        all.extend(approvals);
        all
    }
}

/// Tables and files that can be in a file, however far back, and how they were read on the way.
fn sources<'a>(graph: &Graph<'a>, file: &'a str) -> (BTreeSet<String>, Read) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let (mut found, mut read) = (BTreeSet::new(), Read::default());
    let mut next: Vec<&str> = vec![file];
    while let Some(id) = next.pop() {
        for edge in graph.into(id) {
            read.add(graph, edge);
            let Some(node) = graph.node(&edge.from).filter(|node| seen.insert(&node.id)) else { continue };
            match &node.kind {
                NodeKind::File { .. } => drop(found.insert(node.id.clone())),
                _ => {
                    found.extend(column(node).map(|(resource, table, _)| table_id(resource, table)));
                }
            }
            next.push(&node.id);
        }
    }
    found.remove(file);
    (found, read)
}

/// How columns of a table were read, and which were written from outside.
fn of_table(graph: &Graph<'_>, of: (&str, &str)) -> Read {
    let is = |id: &str| {
        graph.node(id).and_then(column).is_some_and(|(resource, table, _)| (resource, table) == of)
    };
    let mut read = Read::default();
    let about = |edge: &&LineageEdge| is(&edge.from) || (edge.flow == Flow::Written && is(&edge.to));
    graph.answer.edges.iter().filter(about).for_each(|edge| read.add(graph, edge));
    read
}

pub(in crate::command::lineage) fn intoto(graph: &Graph<'_>) -> Value {
    let subject: Vec<Value> = graph.files().iter().flat_map(subjects).collect();
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subject,
        "predicateType": LINEAGE_TYPE,
        "predicate": graph.answer,
    })
}

/// As an attestation has them: a folder itself, and every file in it for tools that know files only.
fn subjects(file: &File<'_>) -> Vec<Value> {
    let whole = json!({ "name": file.node.name, "digest": { file.digest(): file.hash } });
    let inside =
        file.within.iter().map(|one| json!({ "name": file.path(one), "digest": { "sha256": one.sha256 } }));
    std::iter::once(whole).chain(inside).collect()
}
