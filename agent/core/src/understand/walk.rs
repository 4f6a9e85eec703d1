//! Collects [`Facts`] from a parse tree.
//!
//! Every node type that is looked into is destructured in full, so that a field that a newer parser
//! brings does not compile until somebody has thought about it. Every other node type is unreviewed, and
//! the statement with it. Depth is bounded by the decoder, which takes at most a hundred levels.

mod expression;
mod from;
mod query;
mod special;
mod write;

use pg_query::{NodeEnum, protobuf::Node};

pub(super) use self::expression::{is_text_type, plain_text};
use super::facts::{Facts, Place, Scope, ScopeId};

/// Where the walk stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) scope: ScopeId,
    pub(super) place: Place,
}

impl Position {
    const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// A condition; of something that is written it stays the condition of it.
    const fn condition(self) -> Self {
        self.at(Place::Condition)
    }

    /// Inside something computed from what stands here.
    const fn within(self) -> Self {
        match self.place {
            Place::Plain | Place::Ignored => self.at(Place::Expression),
            _ => self,
        }
    }
}

/// The walk over one statement.
#[derive(Debug, Default)]
pub(super) struct Walk<'a> {
    pub(super) facts: Facts<'a>,
}

/// Facts of one query or data-modifying statement.
pub(super) fn statement(node: &Node) -> Facts<'_> {
    let mut walk = Walk::default();
    walk.statement(node, None, Place::Plain);
    walk.facts
}

/// Facts of one query or data-modifying statement, or of none if it is another command.
pub(super) fn command(node: &NodeEnum) -> Facts<'_> {
    let mut walk = Walk::default();
    walk.command(node, None, Place::Plain);
    walk.facts
}

/// Facts of a query whose result, or whose text, stays in the database.
pub(super) fn stored(node: &Node) -> Facts<'_> {
    let mut walk = Walk::default();
    walk.statement(node, None, Place::Copy);
    walk.facts
}

/// Facts of the columns and the condition of an index, or of any list of that form.
pub(super) fn index<'a>(
    relation: &'a pg_query::protobuf::RangeVar,
    columns: impl IntoIterator<Item = &'a Node>,
    condition: Option<&'a Node>,
) -> Facts<'a> {
    let mut walk = Walk::default();
    let here = Position { scope: walk.open(None), place: Place::Condition };
    walk.range_var(relation, here.scope);
    for node in columns {
        walk.index_element(node, here);
    }
    if let Some(condition) = condition {
        walk.expression(condition, here);
    }
    walk.facts
}

/// Facts of an expression list over a relation, as COPY names columns.
pub(super) fn listed<'a>(relation: &'a pg_query::protobuf::RangeVar, columns: &'a [Node]) -> Facts<'a> {
    let mut walk = Walk::default();
    let scope = walk.open(None);
    walk.range_var(relation, scope);
    let (place, target) = (Place::Copy, None);
    if columns.is_empty() {
        walk.facts.columns.push(super::facts::ColumnUse {
            scope,
            names: Vec::new(),
            star: true,
            place,
            target,
            location: -1,
        });
    }
    for name in columns.iter().filter_map(text) {
        let names = vec![name];
        walk.facts.columns.push(super::facts::ColumnUse {
            scope,
            names,
            star: false,
            place,
            target,
            location: -1,
        });
    }
    walk.facts
}

/// Facts of expressions that stand outside of any query, over the columns of `relation` if given.
pub(super) fn expressions<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    relation: Option<&'a pg_query::protobuf::RangeVar>,
    place: Place,
) -> Facts<'a> {
    let mut walk = Walk::default();
    let scope = walk.open(None);
    if let Some(relation) = relation {
        walk.range_var(relation, scope);
    }
    for node in nodes {
        walk.expression(node, Position { scope, place });
    }
    walk.facts
}

impl<'a> Walk<'a> {
    pub(super) fn open(&mut self, parent: Option<ScopeId>) -> ScopeId {
        self.facts.scopes.push(Scope { parent, ..Scope::default() });
        ScopeId(self.facts.scopes.len() - 1)
    }

    pub(super) fn scope(&mut self, id: ScopeId) -> Option<&mut Scope<'a>> {
        self.facts.scopes.get_mut(id.0)
    }

    /// A statement that can stand by itself, in WITH or in a subquery.
    pub(super) fn statement(&mut self, node: &'a Node, parent: Option<ScopeId>, place: Place) {
        match &node.node {
            Some(node) => self.command(node, parent, place),
            None => self.facts.refuse("a command inside another", 0),
        }
    }

    fn command(&mut self, node: &'a NodeEnum, parent: Option<ScopeId>, place: Place) {
        match node {
            NodeEnum::SelectStmt(select) => self.select(select, parent, place),
            NodeEnum::InsertStmt(insert) => self.insert(insert, parent, place),
            NodeEnum::UpdateStmt(update) => self.update(update, parent, place),
            NodeEnum::DeleteStmt(delete) => self.delete(delete, parent, place),
            NodeEnum::MergeStmt(merge) => self.merge(merge, parent, place),
            _ => self.facts.refuse("a command inside another", 0),
        }
    }
}

/// The text of a `String` node.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::String(string)) => Some(&string.sval),
        _ => None,
    }
}

/// Texts of a list of `String` nodes; anything else in it is left out.
pub(super) fn texts(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().filter_map(text).collect()
}
