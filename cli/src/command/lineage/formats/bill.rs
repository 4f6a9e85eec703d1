//! A bill of materials in CycloneDX 1.6, and an in-toto statement. Neither is signed: what is, is the log that
//! they are made from, and the attestation of a run.

use std::collections::BTreeSet;

use connect_shared::{
    api::{Flow, NodeKind},
    attest::STATEMENT_TYPE,
    ids::RequestId,
};
use serde_json::{Value, json};

use crate::command::lineage::graph::{Graph, column};

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
            "properties": properties(graph, of_table(graph, (resource, table))),
            "data": [{
                "type": "dataset",
                "name": table,
                "classification": classification(graph, resource, table),
                "description": format!("columns: {}", columns.iter().copied().collect::<Vec<_>>().join(", ")),
            }],
        })
    });
    let of_files = graph.files().into_iter().map(|node| {
        let NodeKind::File { sha256, .. } = &node.kind else { return Value::Null };
        let made = graph.into(&node.id).any(|edge| edge.flow == Flow::Output);
        let mut component = json!({
            "type": if made { "machine-learning-model" } else { "file" },
            "bom-ref": node.id,
            "name": node.name,
            "hashes": [{ "alg": "SHA-256", "content": sha256 }],
        });
        if made && let Some(fields) = component.as_object_mut() {
            let (sources, behind) = sources(graph, &node.id);
            let datasets: Vec<Value> = sources.into_iter().map(|id| json!({ "ref": id })).collect();
            fields.insert("modelCard".into(), json!({ "modelParameters": { "datasets": datasets } }));
            fields.insert("properties".into(), properties(graph, behind).into());
        }
        component
    });
    let components: Vec<Value> = of_tables.chain(of_files).collect();
    let depends = graph.files().into_iter().map(|node| {
        let on: Vec<String> = sources(graph, &node.id).0.into_iter().collect();
        json!({ "ref": node.id, "dependsOn": on })
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

/// Tables and files that can be in a file, however far back, and the approvals on the way.
fn sources<'a>(graph: &Graph<'a>, file: &'a str) -> (BTreeSet<String>, BTreeSet<RequestId>) {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let (mut found, mut approvals) = (BTreeSet::new(), BTreeSet::new());
    let mut next: Vec<&str> = vec![file];
    while let Some(id) = next.pop() {
        for edge in graph.into(id) {
            approvals.extend(&edge.approvals);
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
    (found, approvals)
}

/// Those by which columns of a table were read.
fn of_table(graph: &Graph<'_>, of: (&str, &str)) -> BTreeSet<RequestId> {
    let is = |id: &str| {
        graph.node(id).and_then(column).is_some_and(|(resource, table, _)| (resource, table) == of)
    };
    let edges = graph.answer.edges.iter().filter(|edge| is(&edge.from));
    edges.flat_map(|edge| edge.approvals.iter().copied()).collect()
}

fn properties(graph: &Graph<'_>, approvals: BTreeSet<RequestId>) -> Vec<Value> {
    let property = |request| json!({ "name": "connect:approval", "value": graph.approved(request) });
    approvals.into_iter().map(property).collect()
}

pub(in crate::command::lineage) fn intoto(graph: &Graph<'_>) -> Value {
    let subject = graph.files().into_iter().map(|node| match &node.kind {
        NodeKind::File { sha256, .. } => json!({ "name": node.name, "digest": { "sha256": sha256 } }),
        _ => Value::Null,
    });
    json!({
        "_type": STATEMENT_TYPE,
        "subject": subject.collect::<Vec<_>>(),
        "predicateType": LINEAGE_TYPE,
        "predicate": graph.answer,
    })
}
