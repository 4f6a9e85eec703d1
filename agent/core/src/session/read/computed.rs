//! What a table that the session made or changed computes of each row from now on: checks, indexes' expressions. They
//! are not followed; that they are there is.

use pg_query::{
    NodeEnum,
    protobuf::{Constraint, IndexStmt, Node, RangeVar, ResTarget, SelectStmt},
};

use super::Reader;
use crate::{
    session::{change::Step, find::Named},
    understand::runs_code,
};

impl Reader<'_> {
    /// Notes that writing a relation runs code of users from now on.
    pub(super) fn computed(&mut self, node: &NodeEnum) {
        let Some((relation, expressions)) = expressions(node) else { return };
        if !expressions.is_empty() && runs_code(&selected(expressions), self.catalog) {
            self.push(Step::Computes { relation: Named::of(relation) });
        }
    }
}

/// The relation, and what it computes by this command.
fn expressions(node: &NodeEnum) -> Option<(&RangeVar, Vec<&Node>)> {
    let mut all = Vec::new();
    let relation = match node {
        NodeEnum::CreateStmt(create) => {
            create.table_elts.iter().chain(&create.constraints).for_each(|node| of_element(node, &mut all));
            create.relation.as_ref()
        }
        NodeEnum::AlterTableStmt(alter) => {
            for node in &alter.cmds {
                if let Some(NodeEnum::AlterTableCmd(command)) = &node.node {
                    command.def.iter().for_each(|node| of_element(node, &mut all));
                }
            }
            alter.relation.as_ref()
        }
        NodeEnum::IndexStmt(index) => {
            let IndexStmt { relation, index_params, where_clause, .. } = &**index;
            index_params.iter().for_each(|node| of_index(node, &mut all));
            all.extend(where_clause.as_deref());
            relation.as_ref()
        }
        _ => None,
    };
    relation.map(|relation| (relation, all))
}

fn of_element<'n>(node: &'n Node, into: &mut Vec<&'n Node>) {
    match &node.node {
        Some(NodeEnum::ColumnDef(column)) => {
            column.constraints.iter().for_each(|node| of_element(node, into))
        }
        Some(NodeEnum::Constraint(constraint)) => {
            let Constraint { contype, raw_expr, exclusions, where_clause, .. } = &**constraint;
            use pg_query::protobuf::ConstrType as T;
            if T::try_from(*contype) == Ok(T::ConstrCheck) {
                into.extend(raw_expr.as_deref());
            }
            into.extend(where_clause.as_deref());
            for node in exclusions {
                if let Some(NodeEnum::List(pair)) = &node.node {
                    pair.items.iter().for_each(|node| of_index(node, into));
                }
            }
        }
        _ => {}
    }
}

fn of_index<'n>(node: &'n Node, into: &mut Vec<&'n Node>) {
    if let Some(NodeEnum::IndexElem(element)) = &node.node {
        into.extend(element.expr.as_deref());
    }
}

/// A query of these expressions.
fn selected(expressions: Vec<&Node>) -> Node {
    let target = |node: &Node| {
        let target = ResTarget { val: Some(Box::new(node.clone())), ..ResTarget::default() };
        Node { node: Some(NodeEnum::ResTarget(Box::new(target))) }
    };
    let target_list = expressions.into_iter().map(target).collect();
    Node { node: Some(NodeEnum::SelectStmt(Box::new(SelectStmt { target_list, ..SelectStmt::default() }))) }
}
