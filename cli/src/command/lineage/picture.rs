//! The picture in a terminal: a tree from what was asked about, then what there is in all, then what is not
//! known.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt::Write as _,
};

use connect_shared::{
    api::{Flow, LineageDirection, LineageEdge, LineageKind, LineageNode, NodeKind, SearchScope},
    attest::digest_of,
    ids::RequestId,
    label::Label,
    lineage::UnderstandingStatus,
    text::cited,
};

use super::graph::{Graph, column};
use crate::command::attest::day;

/// Lines of one picture.
const MAX_LINES: usize = 400;
/// Digits of a hash that tell two files apart.
const DIGITS: usize = 12;

/// `before_label`: the question was about what was done before columns had one.
pub(super) fn draw(graph: &Graph<'_>, before_label: bool) -> String {
    let mut picture = Picture { graph, text: String::new(), lines: 0, drawn: HashSet::new() };
    for (names, onward) in picture.roots() {
        let _infallible = writeln!(picture.text, "{names}");
        match onward {
            Some(root) => picture.branches(root, ""),
            None if before_label => {
                picture.text.push_str(
                    "└─ nothing before it had a label, or it has none: see without --before-label\n",
                );
            }
            None => picture.text.push_str("└─ nothing that this log knows\n"),
        }
    }
    if picture.lines >= MAX_LINES {
        picture.text.push_str("… the picture is cut here; --json has everything\n");
    }
    picture.totals();
    picture.edge_of_sight();
    picture.approvals();
    picture.unknown();
    picture.text
}

struct Picture<'g, 'a> {
    graph: &'g Graph<'a>,
    text: String,
    lines: usize,
    /// Nodes whose branches are shown already.
    drawn: HashSet<&'a str>,
}

/// What several leaves of one table have in common: table, and how it is used.
type Alike<'a> = (&'a str, &'a str, Vec<(Flow, Option<Label>, BTreeSet<String>, BTreeSet<RequestId>)>);

impl<'a> Picture<'_, 'a> {
    /// What was asked about; columns of one table from which nothing goes on stand on one line.
    fn roots(&self) -> Vec<(String, Option<&'a str>)> {
        let mut lines = Vec::new();
        let mut ends: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for id in &self.graph.answer.roots {
            let Some(node) = self.graph.node(id) else { continue };
            match column(node) {
                Some((resource, table, column)) if self.graph.is_end(id) => {
                    ends.entry((resource, table)).or_default().push(column);
                }
                _ => lines.push((heading(node), Some(node.id.as_str()).filter(|id| !self.graph.is_end(id)))),
            }
        }
        for ((resource, table), columns) in ends {
            let columns: Vec<String> = columns.into_iter().map(cited).collect();
            let names = format!("{}.{{{}}} · {}", cited(table), columns.join(", "), cited(resource));
            lines.push((names, None));
        }
        lines
    }

    fn branches(&mut self, id: &'a str, margin: &str) {
        self.drawn.insert(id);
        let mut lines: Vec<(String, Option<&'a str>)> = Vec::new();
        let mut alike: BTreeMap<Alike<'a>, Vec<(String, Vec<&LineageEdge>)>> = BTreeMap::new();
        for (far, edges) in self.graph.next(id) {
            let Some(node) = self.graph.node(far) else { continue };
            match column(node) {
                Some((resource, table, name)) if self.graph.is_end(far) => {
                    let how = |edge: &&LineageEdge| {
                        (edge.flow, edge.masked, edge.through.clone(), edge.approvals.clone())
                    };
                    let key = (resource, table, edges.iter().map(how).collect());
                    alike.entry(key).or_default().push((cited(name), edges));
                }
                _ => {
                    let line = format!("{}{}", name_of(node), notes(self.graph, node, &edges));
                    let onward = Some(node.id.as_str()).filter(|id| !self.graph.is_end(id));
                    lines.push((line, onward));
                }
            }
        }
        for ((_, table, _), columns) in alike {
            let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
            let names = match names.as_slice() {
                [only] => format!("{}.{only}", cited(table)),
                several => format!("{}.{{{}}}", cited(table), several.join(", ")),
            };
            let edges = columns.first().map(|(_, edges)| edges.as_slice()).unwrap_or_default();
            lines.push((format!("{names}{}", words(self.graph, edges, false)), None));
        }
        let count = lines.len();
        for (place, (line, onward)) in lines.into_iter().enumerate() {
            self.lines += 1;
            if self.lines > MAX_LINES {
                return;
            }
            let last = place + 1 == count;
            let again = onward.is_some_and(|id| self.drawn.contains(id));
            let mark = if again { " · (as above)" } else { "" };
            let _infallible = writeln!(self.text, "{margin}{} {line}{mark}", if last { "└─" } else { "├─" });
            if let Some(id) = onward.filter(|_| !again) {
                self.branches(id, &format!("{margin}{}", if last { "   " } else { "│  " }));
            }
        }
    }

    /// The answer to "what must be made again" and "who saw it" at a glance.
    fn totals(&mut self) {
        let down = self.graph.answer.direction == LineageDirection::Down;
        let roots: HashSet<&str> = self.graph.answer.roots.iter().map(String::as_str).collect();
        let others = |nodes: Vec<&'a LineageNode>| -> Vec<&'a LineageNode> {
            nodes.into_iter().filter(|node| !roots.contains(node.id.as_str())).collect()
        };
        let files = others(self.graph.files().iter().map(|file| file.node).collect());
        let people = others(self.graph.principals());
        let runs = others(self.graph.runs());
        if files.is_empty() && people.is_empty() && runs.is_empty() {
            return;
        }
        self.text.push('\n');
        self.list(if down { "made from it" } else { "made of" }, &files);
        self.list("runs", &runs);
        self.list(if down { "seen by" } else { "written by" }, &people);
    }

    /// Where paths end though values went on, or came from somewhere: with people, outside of runs.
    fn edge_of_sight(&mut self) {
        let answer = self.graph.answer;
        if answer.direction == LineageDirection::Down {
            let is_person = |id: &str| {
                self.graph.node(id).is_some_and(|node| matches!(node.kind, NodeKind::Principal { .. }))
            };
            if answer.edges.iter().any(|edge| edge.flow == Flow::Direct && is_person(&edge.to)) {
                self.text
                    .push_str("\nLeft to people: where they took it from there this log does not know\n");
            }
            return;
        }
        for (place, (column, writers)) in self.graph.outside().into_iter().enumerate() {
            if place == 0 {
                self.text.push_str("\nvalues from outside: where these came from this log does not know\n");
            }
            let writers: Vec<String> = writers.into_iter().map(cited).collect();
            let _infallible = writeln!(self.text, "  {} · by {}", cited(&column), writers.join(", "));
        }
    }

    fn list(&mut self, heading: &str, nodes: &[&LineageNode]) {
        for (place, node) in nodes.iter().enumerate() {
            let heading = if place == 0 { heading } else { "" };
            let saw = self.saw(node);
            let _infallible = writeln!(self.text, "{heading:<13}{}{saw}", name_of(node));
        }
    }

    /// What whoever read has seen; of a file, what the runs have that wrote it.
    fn saw(&self, node: &LineageNode) -> String {
        let makers = self.graph.into(&node.id).filter(|edge| edge.flow == Flow::Output);
        let makers: BTreeSet<&str> = makers.map(|edge| edge.from.as_str()).collect();
        match node.kind {
            NodeKind::File { .. } => self.seen(&makers),
            _ => self.seen(&[node.id.as_str()].into_iter().collect()),
        }
    }

    /// Who allowed what is shown.
    fn approvals(&mut self) {
        let named: BTreeSet<RequestId> =
            self.graph.answer.edges.iter().flat_map(|edge| edge.approvals.iter().copied()).collect();
        if !named.is_empty() {
            self.text.push_str("\napproved\n");
        }
        for request in named {
            let _infallible = writeln!(self.text, "  {}", self.graph.approved(request));
        }
    }

    /// Clear values or masks, of those who read.
    fn seen(&self, whom: &BTreeSet<&str>) -> String {
        let edges = whom.iter().flat_map(|id| self.graph.into(id));
        let read = edges.filter(|edge| matches!(edge.flow, Flow::Direct | Flow::Indirect));
        let (mut masks, mut clear) = (BTreeSet::new(), BTreeSet::new());
        for edge in read {
            let from = self.graph.node(&edge.from);
            let Some(NodeKind::Column { label, column, .. }) = from.map(|node| &node.kind) else { continue };
            match (edge.masked, label) {
                (Some(label), _) => drop(masks.insert(label.to_string())),
                (None, Some(label)) => drop(clear.insert(format!("{} ({label})", cited(column)))),
                (None, None) => {}
            }
        }
        let join = |words: BTreeSet<String>| words.into_iter().collect::<Vec<_>>().join(", ");
        let mut text = String::new();
        if !masks.is_empty() {
            let _infallible = write!(text, " · masks of {}", join(masks));
        }
        if !clear.is_empty() {
            let _infallible = write!(text, " · clear: {}", join(clear));
        }
        text
    }

    fn unknown(&mut self) {
        let answer = self.graph.answer;
        if !answer.gaps.is_empty() {
            self.text.push_str("\nnot known in full: these statements can have done more than is shown\n");
        }
        for gap in &answer.gaps {
            let why = gap.reasons.first().map_or_else(String::new, |why| format!(" · {}", cited(why)));
            let _infallible = writeln!(
                self.text,
                "  {} {} of {} at {}, from entry {} on{why}",
                gap.statements,
                match gap.status {
                    UnderstandingStatus::Opaque => "not understood",
                    _ => "understood in part",
                },
                cited(&gap.name),
                cited(&gap.resource),
                gap.first.index,
            );
        }
        if !answer.also.is_empty() {
            let kinds: Vec<String> = answer.also.iter().map(|kind| format!("--as {}", word(*kind))).collect();
            let _infallible =
                writeln!(self.text, "\nSomething else is called so, and is not shown: {}", kinds.join(", "));
        }
        if answer.more {
            self.text.push_str("\nThere is more than is shown: a greater --depth, or a narrower question\n");
        }
        if answer.scope == SearchScope::Own {
            self.text.push_str("\nBy your own statements only; --all is for auditors\n");
        }
    }
}

const fn word(kind: LineageKind) -> &'static str {
    match kind {
        LineageKind::Column => "column",
        LineageKind::Table => "table",
        LineageKind::Run => "run",
        LineageKind::Job => "job",
        LineageKind::File => "file",
        LineageKind::Principal => "principal",
    }
}

fn heading(node: &LineageNode) -> String {
    let NodeKind::Column { resource, label, names, labelled, .. } = &node.kind else { return name_of(node) };
    let mut text = format!("{} · {}", cited(&node.name), cited(resource));
    if let Some(label) = label {
        let _infallible = write!(text, " · {label}");
    }
    if let Some(at) = labelled {
        let _infallible = write!(text, " since {} at the latest", day(at.time));
    }
    let former: Vec<String> = names.iter().rev().skip(1).map(|named| cited(&named.name)).collect();
    if !former.is_empty() {
        let _infallible = write!(text, " · was {}", former.join(", "));
    }
    text
}

fn name_of(node: &LineageNode) -> String {
    let name = cited(&node.name);
    match &node.kind {
        NodeKind::Run { run, job, status, by, .. } => {
            let status = match status {
                Some(0) => String::new(),
                Some(status) => format!(" · failed with {status}"),
                None => " · not ended".to_owned(),
            };
            let by = if by.is_empty() { String::new() } else { format!(" · by {}", cited(by)) };
            format!("run {} of {}{by}{status}", cited(run), cited(job))
        }
        NodeKind::File { sha256, files, .. } => {
            let digits: String = sha256.chars().take(DIGITS).collect();
            format!("{name} · {} {}…", digest_of(files.is_some()), cited(&digits))
        }
        NodeKind::Column { .. } | NodeKind::Principal { .. } => name,
    }
}

fn notes(graph: &Graph<'_>, node: &LineageNode, edges: &[&LineageEdge]) -> String {
    let former = match &node.kind {
        NodeKind::Column { label: Some(label), .. } => format!(" · {label}"),
        _ => String::new(),
    };
    format!("{former}{}", words(graph, edges, true))
}

/// How values went along some edges between the same two nodes.
fn words(graph: &Graph<'_>, edges: &[&LineageEdge], counted: bool) -> String {
    let mut text = String::new();
    for edge in edges {
        let how = match (edge.flow, edge.masked) {
            (Flow::Direct, None) if graph.clear(edge).is_some() => " · clear".to_owned(),
            (Flow::Direct, None) => String::new(),
            (Flow::Direct, Some(label)) => format!(" · masked: {label}"),
            (Flow::Indirect, None) => " · decided which rows".to_owned(),
            (Flow::Indirect, Some(label)) => format!(" · decided which rows, by masks: {label}"),
            (Flow::Written, _) => " · wrote values".to_owned(),
            (Flow::Input, _) => " · input".to_owned(),
            (Flow::Output, _) => " · output".to_owned(),
            (Flow::Same, _) => " · the same table by its name".to_owned(),
        };
        text.push_str(&how);
        let views: Vec<String> = edge.through.iter().map(|view| cited(view)).collect();
        if !views.is_empty() {
            let _infallible = write!(text, " · through {}", views.join(", "));
        }
        for request in &edge.approvals {
            let _infallible = write!(text, " · approved: {request}");
        }
        match edge.status {
            UnderstandingStatus::Complete => {}
            UnderstandingStatus::Partial => text.push_str(" · understood in part"),
            UnderstandingStatus::Opaque => text.push_str(" · not understood"),
        }
    }
    let statements = edges.iter().map(|edge| edge.statements).max().unwrap_or_default();
    if counted && statements > 0 {
        let rows = edges.iter().map(|edge| edge.rows).max().unwrap_or_default();
        let last = edges.iter().map(|edge| edge.last).max();
        let count = |number: u64, one: &str| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {one}s"),
        };
        let _infallible = write!(text, " · {}, {}", count(statements, "statement"), count(rows, "row"));
        if let Some(last) = last {
            let _infallible = write!(text, " · {}", day(last.time));
        }
    }
    text
}
