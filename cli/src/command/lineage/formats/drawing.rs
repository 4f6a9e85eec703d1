//! Graphviz and Mermaid. Names are others', so they stand where they can mean nothing but themselves.

use std::fmt::Write as _;

use connect_shared::{
    api::{Flow, LineageEdge, NodeKind},
    text::printable_name,
};

use crate::command::lineage::graph::Graph;

pub(in crate::command::lineage) fn dot(graph: &Graph<'_>) -> String {
    let mut text = String::from("digraph lineage {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for node in &graph.answer.nodes {
        let shape = match node.kind {
            NodeKind::Column { .. } => "box",
            NodeKind::Run { .. } => "hexagon",
            NodeKind::File { .. } => "note",
            NodeKind::Principal { .. } => "ellipse",
        };
        let bold = if graph.answer.roots.contains(&node.id) { ", penwidth=2" } else { "" };
        let _infallible =
            writeln!(text, "  {} [label={}, shape={shape}{bold}];", quoted(&node.id), quoted(&node.name));
    }
    for edge in &graph.answer.edges {
        let style = if edge.flow == Flow::Indirect { ", style=dashed" } else { "" };
        let (from, to, label) = (quoted(&edge.from), quoted(&edge.to), quoted(&label(edge)));
        let _infallible = writeln!(text, "  {from} -> {to} [label={label}{style}];");
    }
    text.push('}');
    text
}

pub(in crate::command::lineage) fn mermaid(graph: &Graph<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    let number = |id: &str| graph.answer.nodes.iter().position(|node| node.id == id).unwrap_or_default();
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
    let parts = [flow.to_owned()].into_iter().chain(masked).chain(through).filter(|part| !part.is_empty());
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
