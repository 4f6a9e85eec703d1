//! Whether two expressions are written alike.

use pg_query::{
    NodeEnum,
    protobuf::{AExpr, Node},
};

use super::super::walk::text;

/// The operator's name; `!=` is another way to write `<>`.
pub(super) fn operator(expression: &AExpr) -> Option<&str> {
    expression.name.last().and_then(text).map(|name| if name == "!=" { "<>" } else { name })
}

pub(super) fn same_optional(one: Option<&Node>, other: Option<&Node>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same(one, other),
        (None, None) => true,
        _ => false,
    }
}

/// Whether two expressions are written alike, but for qualifiers that one of them leaves out.
pub(super) fn same(one: &Node, other: &Node) -> bool {
    match (&one.node, &other.node) {
        (Some(NodeEnum::ColumnRef(a)), Some(NodeEnum::ColumnRef(b))) => {
            let mut pair = a.fields.iter().rev().zip(b.fields.iter().rev());
            pair.all(|(a, b)| text(a).is_some() && text(a) == text(b))
        }
        (Some(NodeEnum::ParamRef(a)), Some(NodeEnum::ParamRef(b))) => a.number == b.number,
        (Some(NodeEnum::AConst(a)), Some(NodeEnum::AConst(b))) => a.val == b.val,
        (Some(NodeEnum::TypeCast(a)), _) => a.arg.as_deref().is_some_and(|arg| same(arg, other)),
        (_, Some(NodeEnum::TypeCast(b))) => b.arg.as_deref().is_some_and(|arg| same(one, arg)),
        (Some(NodeEnum::AExpr(a)), Some(NodeEnum::AExpr(b))) => {
            a.kind == b.kind
                && operator(a) == operator(b)
                && same_optional(a.lexpr.as_deref(), b.lexpr.as_deref())
                && same_optional(a.rexpr.as_deref(), b.rexpr.as_deref())
        }
        (Some(NodeEnum::NullTest(a)), Some(NodeEnum::NullTest(b))) => {
            a.nulltesttype == b.nulltesttype && same_optional(a.arg.as_deref(), b.arg.as_deref())
        }
        (Some(NodeEnum::FuncCall(a)), Some(NodeEnum::FuncCall(b))) => {
            a.funcname.iter().map(text).eq(b.funcname.iter().map(text)) && same_list(&a.args, &b.args)
        }
        (Some(NodeEnum::List(a)), Some(NodeEnum::List(b))) => same_list(&a.items, &b.items),
        _ => false,
    }
}

fn same_list(one: &[Node], other: &[Node]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same(a, b))
}
