//! Graphviz and Mermaid. Names are others', so they stand where they can mean nothing but themselves.

use std::{collections::HashMap, fmt::Write as _};

use connect_shared::{
    api::{Flow, LineageEdge, NodeKind},
    text::printable_name,
};

use crate::command::lineage::graph::Graph;

pub(in crate::command::lineage) fn dot(graph: &Graph<'_>) -> String {
    let mut text = String::from("digraph lineage {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    let number = numbers(graph);
    for (place, node) in graph.answer.nodes.iter().enumerate() {
        let shape = match node.kind {
            NodeKind::Column { .. } => "box",
            NodeKind::Run { .. } => "hexagon",
            NodeKind::File { .. } => "note",
            NodeKind::Principal { .. } => "ellipse",
        };
        let bold = if graph.answer.roots.contains(&node.id) { ", penwidth=2" } else { "" };
        let _infallible = writeln!(text, "  n{place} [label={}, shape={shape}{bold}];", quoted(&node.name));
    }
    for edge in &graph.answer.edges {
        let style = if edge.flow == Flow::Indirect { ", style=dashed" } else { "" };
        let (from, to, label) = (number(&edge.from), number(&edge.to), quoted(&label(edge)));
        let _infallible = writeln!(text, "  n{from} -> n{to} [label={label}{style}];");
    }
    text.push('}');
    text
}

pub(in crate::command::lineage) fn mermaid(graph: &Graph<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    let number = numbers(graph);
    for (place, node) in graph.answer.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            NodeKind::Column { .. } => ("[", "]"),
            NodeKind::Run { .. } => ("{{", "}}"),
            NodeKind::File { .. } => ("[/", "/]"),
            NodeKind::Principal { .. } => ("([", "])"),
        };
        let _infallible = writeln!(text, "  n{place}{open}\"{}\"{close}", entities(&node.name));
    }
    for edge in &graph.answer.edges {
        let arrow = if edge.flow == Flow::Indirect { "-.->" } else { "-->" };
        let (from, to) = (number(&edge.from), number(&edge.to));
        let label = entities(&label(edge));
        let label = if label.is_empty() { label } else { format!("|\"{label}\"|") };
        let _infallible = writeln!(text, "  n{from} {arrow}{label} n{to}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Nodes by their places: two ids that look alike in print are two.
fn numbers(graph: &Graph<'_>) -> impl Fn(&str) -> usize {
    let nodes = graph.answer.nodes.iter().enumerate();
    let places: HashMap<&str, usize> = nodes.map(|(place, node)| (node.id.as_str(), place)).collect();
    move |id| places.get(id).copied().unwrap_or_default()
}

fn label(edge: &LineageEdge) -> String {
    let flow = match edge.flow {
        Flow::Direct => "",
        Flow::Indirect => "decides",
        Flow::Written => "writes",
        Flow::Input => "input",
        Flow::Output => "output",
        Flow::Same => "same",
    };
    let masked = edge.masked.map(|label| format!("masked {label}"));
    let through = edge.through.iter().map(|view| format!("through {view}"));
    let approved = edge.approvals.iter().map(|request| format!("approved {request}"));
    let parts = [flow.to_owned()].into_iter().chain(masked).chain(through).chain(approved);
    let parts = parts.filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

/// A quoted string of Graphviz.
fn quoted(text: &str) -> String {
    format!("\"{}\"", printable_name(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// Whatever is no letter, digit or plain sign as a number: Mermaid reads HTML and Markdown in labels.
fn entities(text: &str) -> String {
    let mut safe = String::new();
    for letter in printable_name(text).chars() {
        if letter.is_alphanumeric() || " ._-:/@+,…".contains(letter) {
            safe.push(letter);
        } else {
            let _infallible = write!(safe, "#{};", u32::from(letter));
        }
    }
    safe
}
