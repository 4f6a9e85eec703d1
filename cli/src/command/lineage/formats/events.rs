//! OpenLineage: of each run in the answer, and of what people and AI agents did outside of runs, one event.

use std::collections::{BTreeMap, BTreeSet};

use connect_shared::{
    api::{Flow, LineageEdge, LineageNode, NodeKind},
    openlineage::{self, Input, Transformation},
};
use serde_json::{Value, json};

use crate::command::lineage::graph::{Graph, column};

pub(in crate::command::lineage) fn openlineage(graph: &Graph<'_>) -> Vec<Value> {
    graph.runs().into_iter().chain(graph.principals()).filter_map(|node| event(graph, node)).collect()
}

fn event(graph: &Graph<'_>, node: &LineageNode) -> Option<Value> {
    let origin = &graph.answer.origin;
    let (id, job) = match &node.kind {
        NodeKind::Run { run, job, .. } => (run.clone(), job.clone()),
        NodeKind::Principal { .. } => (openlineage::run_id(&[origin, &node.id]), node.name.clone()),
        _ => return None,
    };
    let read: Vec<&LineageEdge> = graph.into(&node.id).collect();
    let written: Vec<&LineageEdge> = graph.out_of(&node.id).collect();
    let last = read.iter().chain(&written).map(|edge| edge.last.time).max()?;
    let inputs: Vec<Input> = read.iter().filter_map(|edge| input(graph, edge)).collect();
    let mut outputs: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for edge in &written {
        let Some(far) = graph.node(&edge.to) else { continue };
        match (&far.kind, column(far)) {
            (_, Some((resource, table, column))) => {
                let of = (openlineage::namespace(origin, resource), table.to_owned());
                outputs.entry(of).or_default().insert(column.to_owned());
            }
            (NodeKind::File { sha256, files, .. }, _) => {
                let name = openlineage::file_name(&far.name, sha256, files.is_some());
                outputs.entry(("file".to_owned(), name)).or_default();
            }
            _ => {}
        }
    }
    // Whoever has seen it is where it went to.
    if outputs.is_empty() {
        outputs.entry((openlineage::client(origin), node.name.clone())).or_default();
    }
    let outputs: Vec<Value> = outputs
        .iter()
        .map(|((namespace, name), fields)| {
            let lineage = openlineage::column_lineage(fields.iter().map(|field| (field, [])), &inputs);
            json!({ "namespace": namespace, "name": name, "facets": { "columnLineage": lineage } })
        })
        .collect();
    let datasets = openlineage::datasets(&inputs);
    let job = json!({ "namespace": openlineage::client(origin), "name": job });
    Some(openlineage::run_event(last, "COMPLETE", json!({ "runId": id }), &job, &datasets, &outputs))
}

fn input(graph: &Graph<'_>, edge: &LineageEdge) -> Option<Input> {
    let near = graph.node(&edge.from)?;
    let transformation = match edge.flow {
        Flow::Indirect => Transformation::Indirect,
        _ => Transformation::Direct,
    };
    match &near.kind {
        NodeKind::Column { resource, table, column, .. } => Some(Input {
            namespace: openlineage::namespace(&graph.answer.origin, resource),
            name: table.clone(),
            field: column.clone(),
            transformation,
            masking: edge.masked.is_some(),
        }),
        _ => None,
    }
}
