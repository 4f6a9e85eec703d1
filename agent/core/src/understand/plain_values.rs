//! Which constants of a statement are plainly values: those that a column is compared with in its WHERE, that a row
//! of an INSERT has, or that an UPDATE sets. Only what is known to be one is; anywhere else a constant may decide what
//! the statement does (`ORDER BY 2`, `varchar(200)`, `nextval('orders_id')`, `data -> 'ssn'`).

use std::collections::BTreeSet;

use pg_query::{
    NodeEnum,
    protobuf::{AExpr, AExprKind, List, Node, TypeName},
};

use super::walk::text;

/// Operators that compare.
const COMPARES: [&str; 10] = ["=", "<>", "<", ">", "<=", ">=", "~~", "!~~", "~~*", "!~~*"];

/// Types of values that are nothing else: no name of anything (`regclass`), and no path.
const VALUES: [&str; 18] = [
    "bool",
    "int2",
    "int4",
    "int8",
    "float4",
    "float8",
    "numeric",
    "text",
    "varchar",
    "bpchar",
    "date",
    "time",
    "timetz",
    "timestamp",
    "timestamptz",
    "interval",
    "uuid",
    "bytea",
];

/// Where the constants and parameters stand that are plainly values: offsets of their first tokens.
pub(super) fn plain_values(statement: &NodeEnum) -> BTreeSet<i32> {
    let mut places = BTreeSet::new();
    let condition = match statement {
        NodeEnum::SelectStmt(select) => select.where_clause.as_deref(),
        NodeEnum::DeleteStmt(delete) => delete.where_clause.as_deref(),
        NodeEnum::UpdateStmt(update) => {
            for target in &update.target_list {
                if let Some(NodeEnum::ResTarget(target)) = &target.node {
                    value(target.val.as_deref(), &mut places);
                }
            }
            update.where_clause.as_deref()
        }
        NodeEnum::InsertStmt(insert) => {
            if let Some(NodeEnum::SelectStmt(rows)) = insert.select_stmt.as_deref().and_then(inner) {
                rows.values_lists.iter().for_each(|row| values(Some(row), &mut places));
            }
            None
        }
        _ => None,
    };
    compared(condition, &mut places);
    places
}

fn inner(node: &Node) -> Option<&NodeEnum> {
    node.node.as_ref()
}

/// In a condition. How deep one is the decoder bounds.
fn compared(condition: Option<&Node>, places: &mut BTreeSet<i32>) {
    match condition.and_then(inner) {
        Some(NodeEnum::BoolExpr(parts)) => parts.args.iter().for_each(|part| compared(Some(part), places)),
        Some(NodeEnum::AExpr(expression)) => comparison(expression, places),
        _ => {}
    }
}

fn comparison(expression: &AExpr, places: &mut BTreeSet<i32>) {
    let AExpr { name, lexpr, rexpr, .. } = expression;
    let (left, right) = (lexpr.as_deref(), rexpr.as_deref());
    match expression.kind() {
        AExprKind::AexprOp | AExprKind::AexprLike | AExprKind::AexprIlike => {
            if !is_of(name, &COMPARES) {
                return;
            }
            // Two constants say nothing of a row: they open or close the whole condition.
            if is_column(left) {
                value(right, places);
            } else if is_column(right) {
                value(left, places);
            }
        }
        AExprKind::AexprIn | AExprKind::AexprBetween | AExprKind::AexprNotBetween if is_column(left) => {
            values(right, places);
        }
        _ => {}
    }
}

/// A column, by itself, cast, given to a function alone, or a part of what it holds.
fn is_column(node: Option<&Node>) -> bool {
    match node.and_then(inner) {
        Some(NodeEnum::ColumnRef(_)) => true,
        Some(NodeEnum::TypeCast(cast)) => is_column(cast.arg.as_deref()),
        Some(NodeEnum::FuncCall(call)) => matches!(call.args.as_slice(), [only] if is_column(Some(only))),
        Some(NodeEnum::AExpr(part)) => {
            part.kind() == AExprKind::AexprOp
                && is_of(&part.name, &["->", "->>"])
                && is_column(part.lexpr.as_deref())
        }
        _ => false,
    }
}

fn values(list: Option<&Node>, places: &mut BTreeSet<i32>) {
    if let Some(NodeEnum::List(List { items })) = list.and_then(inner) {
        items.iter().for_each(|item| value(Some(item), places));
    }
}

fn value(node: Option<&Node>, places: &mut BTreeSet<i32>) {
    match node.and_then(inner) {
        Some(NodeEnum::AConst(constant)) => {
            places.insert(constant.location);
        }
        Some(NodeEnum::ParamRef(parameter)) => {
            places.insert(parameter.location);
        }
        Some(NodeEnum::TypeCast(cast)) if cast.type_name.as_ref().is_some_and(is_of_values) => {
            value(cast.arg.as_deref(), places);
        }
        _ => {}
    }
}

/// Without modifiers, which are no values.
fn is_of_values(named: &TypeName) -> bool {
    let TypeName { names, setof, pct_type, typmods, array_bounds, .. } = named;
    !setof && !pct_type && typmods.is_empty() && array_bounds.is_empty() && is_of(names, &VALUES)
}

/// One of PostgreSQL's own, as far as the name says: what it means here is bound beside it.
fn is_of(names: &[Node], known: &[&str]) -> bool {
    let last = match names {
        [only] => text(only),
        [schema, name] if text(schema) == Some("pg_catalog") => text(name),
        _ => None,
    };
    last.is_some_and(|name| known.contains(&name))
}
