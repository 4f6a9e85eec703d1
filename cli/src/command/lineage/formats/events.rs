//! OpenLineage: of each run in the answer, and of what people and AI agents did outside of runs, one event. What was
//! not understood is said with each, and of whoever is in the answer for nothing else, too.

use std::collections::{BTreeMap, BTreeSet};

use connect_shared::{
    api::{Flow, LineageEdge, LineageGap, LineageNode, NodeKind},
    lineage::UnderstandingStatus,
    openlineage::{self, Input, Transformation},
};
use serde_json::{Value, json};

use crate::command::lineage::graph::{File, Graph, column};

pub(in crate::command::lineage) fn openlineage(graph: &Graph<'_>) -> Vec<Value> {
    let who = graph.runs().into_iter().chain(graph.principals());
    who.filter_map(|node| event(graph, node)).chain(unknown(graph)).collect()
}

fn event(graph: &Graph<'_>, node: &LineageNode) -> Option<Value> {
    let origin = &graph.answer.origin;
    let job = match &node.kind {
        NodeKind::Run { job, .. } => job,
        NodeKind::Principal { .. } => &node.name,
        _ => return None,
    };
    let read: Vec<&LineageEdge> = graph.into(&node.id).collect();
    let written: Vec<&LineageEdge> = graph.out_of(&node.id).collect();
    let last = read.iter().chain(&written).map(|edge| edge.last.time).max()?;
    let inputs: Vec<Input> = read.iter().filter_map(|edge| input(graph, edge)).collect();
    let mut outputs = outputs(graph, &written);
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
    let worst = read.iter().chain(&written).map(|edge| edge.status).max().unwrap_or_default();
    let gaps: Vec<&LineageGap> = graph.answer.gaps.iter().filter(|gap| gap.by == node.id).collect();
    let outside = written.iter().any(|edge| graph.brought(edge).is_some());
    let run = run(graph, &node.id, worst, (&gaps, outside));
    let job = json!({ "namespace": openlineage::client(origin), "name": job });
    Some(openlineage::run_event(last, "COMPLETE", run, &job, &datasets, &outputs))
}

/// Tables with their columns, and files, that somebody wrote.
fn outputs(graph: &Graph<'_>, written: &[&LineageEdge]) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut outputs: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for edge in written {
        let Some(far) = graph.node(&edge.to) else { continue };
        if let Some((resource, table, column)) = column(far) {
            let of = (openlineage::namespace(&graph.answer.origin, resource), table.to_owned());
            outputs.entry(of).or_default().insert(column.to_owned());
        } else if let Some(file) = File::of(far) {
            let name = openlineage::file_name(&far.name, file.hash, file.files.is_some());
            outputs.entry(("file".to_owned(), name)).or_default();
        }
    }
    outputs
}

/// Of those of whom nothing is known but that something was not understood: else nobody would know of it.
fn unknown(graph: &Graph<'_>) -> Vec<Value> {
    let told = |id: &str| {
        let node = graph.node(id);
        node.is_some() && graph.into(id).chain(graph.out_of(id)).next().is_some()
    };
    let mut others: BTreeMap<&str, Vec<&LineageGap>> = BTreeMap::new();
    for gap in graph.answer.gaps.iter().filter(|gap| !told(&gap.by)) {
        others.entry(&gap.by).or_default().push(gap);
    }
    let event = |(by, gaps): (&str, Vec<&LineageGap>)| {
        let first = gaps.iter().map(|gap| gap.first.time).min()?;
        let run = run(graph, by, UnderstandingStatus::Complete, (&gaps, false));
        let job =
            json!({ "namespace": openlineage::client(&graph.answer.origin), "name": gaps.first()?.name });
        Some(openlineage::run_event(first, "OTHER", run, &job, &[], &[]))
    };
    others.into_iter().filter_map(event).collect()
}

/// A run, or what somebody did outside of runs, with how well it is known. `outside`: values were written that came from
/// anywhere.
fn run(
    graph: &Graph<'_>,
    id: &str,
    worst: UnderstandingStatus,
    (gaps, outside): (&[&LineageGap], bool),
) -> Value {
    let answer = graph.answer;
    let mut status = gaps.iter().map(|gap| gap.status).fold(worst, Ord::max);
    let mut reasons: BTreeSet<&str> =
        gaps.iter().flat_map(|gap| gap.reasons.iter().map(String::as_str)).collect();
    let cut = [
        (answer.more, "cut: there is more than the answer holds"),
        (answer.indexed < answer.size, "behind: not all of the log was looked through"),
        (outside, "outside: where values came from that were written is not known"),
    ];
    for (_, why) in cut.into_iter().filter(|(is, _)| *is) {
        status = status.max(UnderstandingStatus::Partial);
        reasons.insert(why);
    }
    let run_id = match id.strip_prefix("run:") {
        Some(run) => run.to_owned(),
        None => openlineage::run_id(&[&answer.origin, id]),
    };
    json!({ "runId": run_id, "facets": { "connect_lineage": openlineage::understood(status, reasons) } })
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
