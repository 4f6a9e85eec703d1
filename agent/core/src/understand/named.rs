//! What a query names, for those who follow the session: relations, calls, targets of writes.

use pg_query::{
    NodeEnum,
    protobuf::{Node, RangeVar, a_const::Val},
};

use super::{
    facts::{Facts, Place, Source},
    walk,
};

/// What a query or data-modifying statement names, at any depth.
#[derive(Debug, Default)]
pub(crate) struct Named<'a> {
    /// Names of the functions that are called, each with its qualifiers.
    pub(crate) calls: Vec<Vec<&'a str>>,
    /// Relations that are read or written; a name of WITH is left out.
    pub(crate) relations: Vec<&'a RangeVar>,
    pub(crate) targets: Vec<&'a RangeVar>,
    /// It has one level only: no subquery, no WITH.
    pub(crate) is_flat: bool,
    /// Some of it was not looked into.
    pub(crate) incomplete: bool,
}

/// Collects what a statement names.
pub(crate) fn named(node: &NodeEnum) -> Named<'_> {
    let facts = walk::command(node);
    let is_with = |relation: &RangeVar| {
        relation.schemaname.is_empty() && facts.ctes.contains(&relation.relname.as_str())
    };
    let relations = facts.items().filter_map(|item| match item.source {
        Source::Relation { relation, .. } if !is_with(relation) => Some(relation),
        _ => None,
    });
    Named {
        relations: relations.collect(),
        calls: facts.calls.iter().map(|call| call.name.clone()).collect(),
        targets: facts.writes.iter().map(|write| write.relation).collect(),
        is_flat: facts.scopes.len() == 1 && facts.ctes.is_empty(),
        incomplete: is_incomplete(&facts),
    }
}

/// Columns that an expression names, without their qualifiers.
pub(crate) fn columns(expression: &Node) -> Vec<&str> {
    let facts = walk::expressions([expression], None, Place::Expression);
    facts.columns.iter().filter_map(|column| column.names.last().copied()).collect()
}

/// The numbers behind a type's name; `None` for what is none.
pub(crate) fn numbers(modifiers: &[Node]) -> Box<[Option<i32>]> {
    let number = |node: &Node| match &node.node {
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(Val::Ival(number)) => Some(number.ival),
            _ => None,
        },
        _ => None,
    };
    modifiers.iter().map(number).collect()
}

fn is_incomplete(facts: &Facts<'_>) -> bool {
    facts.unreviewed.is_some()
}
