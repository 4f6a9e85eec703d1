//! An answer, so that it can be walked through.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use connect_shared::{
    api::{Flow, LineageAnswer, LineageDirection, LineageEdge, LineageNode, NodeKind},
    attest::{FolderFile, digest_of},
    ids::RequestId,
    label::Label,
};

use crate::command::attest::in_words;

pub(super) struct Graph<'a> {
    pub(super) answer: &'a LineageAnswer,
    nodes: HashMap<&'a str, &'a LineageNode>,
    /// Edges away from the roots.
    onward: HashMap<&'a str, Vec<&'a LineageEdge>>,
    into: HashMap<&'a str, Vec<&'a LineageEdge>>,
    out_of: HashMap<&'a str, Vec<&'a LineageEdge>>,
}

impl<'a> Graph<'a> {
    pub(super) fn new(answer: &'a LineageAnswer) -> Self {
        let nodes = answer.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let mut onward: HashMap<&str, Vec<&LineageEdge>> = HashMap::new();
        let (mut into, mut out_of): (HashMap<&str, Vec<_>>, HashMap<&str, Vec<_>>) = Default::default();
        for edge in &answer.edges {
            into.entry(&edge.to).or_default().push(edge);
            out_of.entry(&edge.from).or_default().push(edge);
            let near = if answer.direction == LineageDirection::Down { &edge.from } else { &edge.to };
            onward.entry(near).or_default().push(edge);
        }
        Self { answer, nodes, onward, into, out_of }
    }

    pub(super) fn node(&self, id: &str) -> Option<&'a LineageNode> {
        self.nodes.get(id).copied()
    }

    /// The end of an edge that is away from the roots.
    pub(super) fn far<'e>(&self, edge: &'e LineageEdge) -> &'e str {
        if self.answer.direction == LineageDirection::Down { &edge.to } else { &edge.from }
    }

    /// What is one step away, with every edge to it.
    pub(super) fn next(&self, id: &str) -> BTreeMap<&'a str, Vec<&'a LineageEdge>> {
        let mut next: BTreeMap<&str, Vec<&LineageEdge>> = BTreeMap::new();
        for edge in self.onward.get(id).into_iter().flatten() {
            next.entry(self.far(edge)).or_default().push(edge);
        }
        next
    }

    pub(super) fn is_end(&self, id: &str) -> bool {
        !self.onward.contains_key(id)
    }

    /// Nodes of a kind, by name.
    pub(super) fn of(&self, is: impl Fn(&NodeKind) -> bool) -> Vec<&'a LineageNode> {
        let mut found: Vec<_> = self.answer.nodes.iter().filter(|node| is(&node.kind)).collect();
        found.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        found
    }

    /// An approval in words.
    pub(super) fn approved(&self, request: RequestId) -> String {
        let known = self.answer.approvals.iter().find(|approval| approval.request == request);
        known.map_or_else(|| format!("{request} · the log no longer says by whom"), in_words)
    }

    pub(super) fn runs(&self) -> Vec<&'a LineageNode> {
        self.of(|kind| matches!(kind, NodeKind::Run { .. }))
    }

    pub(super) fn files(&self) -> Vec<File<'a>> {
        self.of(|kind| matches!(kind, NodeKind::File { .. })).into_iter().filter_map(File::of).collect()
    }

    pub(super) fn principals(&self) -> Vec<&'a LineageNode> {
        self.of(|kind| matches!(kind, NodeKind::Principal { .. }))
    }

    /// Every edge into, or out of, a node.
    pub(super) fn into(&self, id: &str) -> impl Iterator<Item = &'a LineageEdge> {
        self.into.get(id).into_iter().flatten().copied()
    }

    pub(super) fn out_of(&self, id: &str) -> impl Iterator<Item = &'a LineageEdge> {
        self.out_of.get(id).into_iter().flatten().copied()
    }

    /// The label of a protected value that went on as it is stored.
    pub(super) fn clear(&self, edge: &LineageEdge) -> Option<Label> {
        match (edge.flow, edge.masked, &self.node(&edge.from)?.kind) {
            (Flow::Direct, None, NodeKind::Column { label, .. }) => *label,
            _ => None,
        }
    }

    /// Who wrote values of whatever origin, and where: a principal outside of a run, whose reads are followed to nowhere.
    pub(super) fn brought(&self, edge: &LineageEdge) -> Option<(&'a LineageNode, &'a LineageNode)> {
        let (from, to) = self.node(&edge.from).zip(self.node(&edge.to))?;
        let is_outside = edge.flow == Flow::Written && matches!(from.kind, NodeKind::Principal { .. });
        is_outside.then_some((from, to))
    }

    /// Columns with values from outside, in full, with whoever wrote them.
    pub(super) fn outside(&self) -> BTreeMap<String, BTreeSet<&'a str>> {
        let mut outside: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in self.answer.edges.iter().filter_map(|edge| self.brought(edge)) {
            let name = column(to)
                .map_or_else(|| to.name.clone(), |(resource, ..)| format!("{resource}/{}", to.name));
            outside.entry(name).or_default().insert(&from.name);
        }
        outside
    }

    /// Resource, table and column names of each table.
    pub(super) fn tables(&self) -> BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>> {
        let mut tables: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for node in &self.answer.nodes {
            if let NodeKind::Column { resource, table, column, .. } = &node.kind {
                tables.entry((resource, table)).or_default().insert(column);
            }
        }
        tables
    }
}

/// A node that is a file, or a folder.
#[derive(Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) node: &'a LineageNode,
    /// Of a folder: in-toto's `dirHash`, which is the SHA-256 of no bytes that it has.
    pub(super) hash: &'a str,
    /// How many files it has, if it is a folder.
    pub(super) files: Option<u64>,
    /// All of them, where they are known.
    pub(super) within: &'a [FolderFile],
}

impl<'a> File<'a> {
    pub(super) fn of(node: &'a LineageNode) -> Option<Self> {
        match &node.kind {
            NodeKind::File { sha256, files, within, .. } => {
                Some(Self { node, hash: sha256, files: *files, within })
            }
            _ => None,
        }
    }

    /// What its hash is, in in-toto's words.
    pub(super) const fn digest(&self) -> &'static str {
        digest_of(self.files.is_some())
    }

    /// How a file in it is called from outside.
    pub(super) fn path(&self, file: &FolderFile) -> String {
        format!("{}{}", self.node.name, file.name)
    }

    /// Whether there are files in it that nobody can name any more.
    pub(super) fn is_unlisted(&self) -> bool {
        self.files.is_some_and(|files| files > 0) && self.within.is_empty()
    }
}

/// Resource, table and column of a node that is one.
pub(super) fn column(node: &LineageNode) -> Option<(&str, &str, &str)> {
    match &node.kind {
        NodeKind::Column { resource, table, column, .. } => Some((resource, table, column)),
        _ => None,
    }
}
