//! Folding of constants and of what is true by its form.

use pg_query::{
    NodeEnum,
    protobuf::{
        AConst, AExpr, AExprKind, BoolExpr, BoolExprType, BoolTestType, CaseExpr, Node, NullTestType,
        SelectStmt, SubLink, SubLinkType, a_const::Val,
    },
};

use super::{
    linear,
    same::{operator, same, same_optional},
};

/// A constant that can be compared.
#[derive(Debug, PartialEq, PartialOrd)]
pub(super) enum Constant<'a> {
    Boolean(bool),
    Number(f64),
    Text(&'a str),
}

/// The value of a condition, if its form alone gives it. NULL counts as false, as WHERE takes it.
pub(super) fn truth(node: &Node) -> Option<bool> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) => const_truth(constant),
        NodeEnum::TypeCast(cast) => truth(cast.arg.as_deref()?),
        NodeEnum::BoolExpr(expression) => boolean(expression),
        NodeEnum::AExpr(expression) => comparison(expression),
        NodeEnum::NullTest(test) => {
            let never_null = is_never_null(test.arg.as_deref()?)?;
            let asks_null = test.nulltesttype == NullTestType::IsNull as i32;
            Some(never_null != asks_null)
        }
        NodeEnum::BooleanTest(test) => {
            let value = truth(test.arg.as_deref()?)?;
            match BoolTestType::try_from(test.booltesttype).ok()? {
                BoolTestType::IsTrue | BoolTestType::IsNotFalse => Some(value),
                BoolTestType::IsFalse | BoolTestType::IsNotTrue => Some(!value),
                _ => None,
            }
        }
        NodeEnum::CoalesceExpr(coalesce) => truth(coalesce.args.first()?),
        NodeEnum::CaseExpr(case) => case_truth(case),
        NodeEnum::SubLink(link) => sub_link(link),
        NodeEnum::CollateClause(collate) => truth(collate.arg.as_deref()?),
        _ => None,
    }
}

fn const_truth(constant: &AConst) -> Option<bool> {
    match constant.val.as_ref() {
        None => Some(false),
        Some(Val::Boolval(value)) => Some(value.boolval),
        Some(Val::Ival(value)) => Some(value.ival != 0),
        Some(Val::Sval(value)) => match value.sval.trim().to_ascii_lowercase().as_str() {
            "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" | "1" => Some(true),
            "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn boolean(expression: &BoolExpr) -> Option<bool> {
    let arms = &expression.args;
    match BoolExprType::try_from(expression.boolop).ok()? {
        BoolExprType::NotExpr => arms.first().and_then(truth).map(|value| !value),
        BoolExprType::AndExpr if arms.iter().any(|arm| truth(arm) == Some(false)) => Some(false),
        BoolExprType::AndExpr => arms.iter().all(|arm| truth(arm) == Some(true)).then_some(true),
        BoolExprType::OrExpr if arms.iter().any(|arm| truth(arm) == Some(true)) => Some(true),
        BoolExprType::OrExpr if covers(arms) => Some(true),
        BoolExprType::OrExpr => arms.iter().all(|arm| truth(arm) == Some(false)).then_some(false),
        BoolExprType::Undefined => None,
    }
}

/// Whether two arms together leave nothing out: `x IS NULL OR x IS NOT NULL`, `x > 0 OR x <= 0`.
fn covers(arms: &[Node]) -> bool {
    let mut rest = arms;
    while let Some((arm, others)) = rest.split_first() {
        if others.iter().any(|other| complement(arm, other) || complement(other, arm)) {
            return true;
        }
        rest = others;
    }
    false
}

fn complement(one: &Node, other: &Node) -> bool {
    match (&one.node, &other.node) {
        (Some(NodeEnum::NullTest(a)), Some(NodeEnum::NullTest(b))) => {
            a.nulltesttype != b.nulltesttype && same_optional(a.arg.as_deref(), b.arg.as_deref())
        }
        (Some(NodeEnum::BoolExpr(not)), _) if not.boolop == BoolExprType::NotExpr as i32 => {
            not.args.first().is_some_and(|arm| same(arm, other))
        }
        (Some(NodeEnum::AExpr(a)), Some(NodeEnum::AExpr(b))) => complementary_comparisons(a, b),
        _ => false,
    }
}

fn complementary_comparisons(one: &AExpr, other: &AExpr) -> bool {
    if !is_plain(one) || !is_plain(other) || !same_optional(one.lexpr.as_deref(), other.lexpr.as_deref()) {
        return false;
    }
    let (Some(first), Some(second)) = (operator(one), operator(other)) else { return false };
    if same_optional(one.rexpr.as_deref(), other.rexpr.as_deref()) {
        let pairs = [("=", "<>"), ("<", ">="), (">", "<="), ("<=", ">="), ("~~", "!~~"), ("~", "!~")];
        return pairs.contains(&(first, second)) || pairs.contains(&(second, first));
    }
    // `x > 1 OR x < 5`
    let bounds = (one.rexpr.as_deref().and_then(constant), other.rexpr.as_deref().and_then(constant));
    match (first, second, bounds) {
        (">" | ">=", "<" | "<=", (Some(lower), Some(upper))) => lower <= upper,
        _ => false,
    }
}

fn comparison(expression: &AExpr) -> Option<bool> {
    let kind = AExprKind::try_from(expression.kind).ok()?;
    let left = expression.lexpr.as_deref();
    let right = expression.rexpr.as_deref();
    match kind {
        AExprKind::AexprOp => compare(operator(expression)?, left?, right?),
        AExprKind::AexprNotDistinct => same(left?, right?).then_some(true),
        AExprKind::AexprDistinct => same(left?, right?).then_some(false),
        AExprKind::AexprIn => in_list(operator(expression)?, left?, right?),
        AExprKind::AexprOpAny => in_list(operator(expression)?, left?, right?),
        AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar => {
            let any = matches!(constant(pattern(right?))?, Constant::Text(text) if is_any_pattern(text));
            (any && !operator(expression)?.starts_with('!')).then_some(true)
        }
        AExprKind::AexprBetween | AExprKind::AexprBetweenSym => between(left?, right?),
        _ => None,
    }
}

fn compare(operator: &str, left: &Node, right: &Node) -> Option<bool> {
    if let (Some(a), Some(b)) = (constant(left), constant(right)) {
        return compared(operator, a.partial_cmp(&b)?);
    }
    if let (Some(NodeEnum::RowExpr(one)), Some(NodeEnum::RowExpr(other))) = (&left.node, &right.node) {
        let pairs = one.args.iter().zip(&other.args);
        let equal = one.args.len() == other.args.len()
            && pairs.into_iter().all(|(a, b)| compare("=", a, b) == Some(true));
        return (equal && matches!(operator, "=" | "<=" | ">=")).then_some(true);
    }
    if let Some(order) = linear::order(left, right) {
        return compared(operator, order);
    }
    match operator {
        "=" | "<=" | ">=" if same(left, right) => Some(true),
        "<>" | "<" | ">" if same(left, right) => Some(false),
        "~" | "~*" => match constant(right)? {
            Constant::Text("" | ".*" | "^" | "$" | "^.*$" | "^.*" | ".*$" | "()") => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn compared(operator: &str, order: std::cmp::Ordering) -> Option<bool> {
    match operator {
        "=" => Some(order.is_eq()),
        "<>" => Some(order.is_ne()),
        "<" => Some(order.is_lt()),
        ">" => Some(order.is_gt()),
        "<=" => Some(order.is_le()),
        ">=" => Some(order.is_ge()),
        _ => None,
    }
}

fn in_list(operator: &str, left: &Node, right: &Node) -> Option<bool> {
    let items = match right.node.as_ref()? {
        NodeEnum::List(list) => &list.items,
        NodeEnum::AArrayExpr(array) => &array.elements,
        _ => return None,
    };
    let hit = items.iter().any(|item| compare("=", left, item) == Some(true));
    match operator {
        "=" => hit.then_some(true),
        "<>" => hit.then_some(false),
        _ => None,
    }
}

fn between(left: &Node, right: &Node) -> Option<bool> {
    let Some(NodeEnum::List(list)) = &right.node else { return None };
    let [low, high] = list.items.as_slice() else { return None };
    let inside = compare(">=", left, low)? && compare("<=", left, high)?;
    Some(inside)
}

/// SIMILAR TO and LIKE … ESCAPE wrap the pattern into a function.
fn pattern(node: &Node) -> &Node {
    match &node.node {
        Some(NodeEnum::FuncCall(call)) => call.args.first().unwrap_or(node),
        _ => node,
    }
}

fn is_any_pattern(pattern: &str) -> bool {
    !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'%')
}

fn case_truth(case: &CaseExpr) -> Option<bool> {
    if case.arg.is_some() {
        return None;
    }
    let results = case.args.iter().map(|arm| match &arm.node {
        Some(NodeEnum::CaseWhen(when)) => when.result.as_deref().and_then(truth),
        _ => None,
    });
    let first = case.args.first().and_then(|arm| match &arm.node {
        Some(NodeEnum::CaseWhen(when)) if when.expr.as_deref().and_then(truth) == Some(true) => {
            when.result.as_deref().and_then(truth)
        }
        _ => None,
    });
    let otherwise = case.defresult.as_deref().map_or(Some(false), truth);
    let mut all = results.chain([otherwise]);
    first.or_else(|| all.next()?.filter(|first| all.all(|value| value == Some(*first))))
}

/// A subquery without FROM and WHERE gives one row.
fn sub_link(link: &SubLink) -> Option<bool> {
    let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_ref()?.node.as_ref() else { return None };
    if !gives_one_row(select) {
        return None;
    }
    match SubLinkType::try_from(link.sub_link_type).ok()? {
        SubLinkType::ExistsSublink => Some(true),
        SubLinkType::ExprSublink => match select.target_list.first()?.node.as_ref()? {
            NodeEnum::ResTarget(target) => truth(target.val.as_deref()?),
            _ => None,
        },
        _ => None,
    }
}

fn gives_one_row(select: &SelectStmt) -> bool {
    select.from_clause.is_empty()
        && select.where_clause.is_none()
        && select.having_clause.is_none()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.larg.is_none()
        && select.values_lists.is_empty()
        && !select.target_list.is_empty()
}

fn is_never_null(node: &Node) -> Option<bool> {
    match node.node.as_ref()? {
        NodeEnum::AConst(constant) => Some(constant.val.is_some()),
        NodeEnum::NullTest(_) | NodeEnum::BooleanTest(_) | NodeEnum::AArrayExpr(_) => Some(true),
        NodeEnum::TypeCast(cast) => is_never_null(cast.arg.as_deref()?),
        NodeEnum::CoalesceExpr(coalesce) => {
            coalesce.args.iter().any(|argument| is_never_null(argument) == Some(true)).then_some(true)
        }
        NodeEnum::SubLink(link) if link.sub_link_type == SubLinkType::ExistsSublink as i32 => Some(true),
        _ => None,
    }
}

fn is_plain(expression: &AExpr) -> bool {
    matches!(AExprKind::try_from(expression.kind), Ok(AExprKind::AexprOp | AExprKind::AexprLike))
}

pub(super) fn constant(node: &Node) -> Option<Constant<'_>> {
    match node.node.as_ref()? {
        NodeEnum::AConst(AConst { val: Some(value), .. }) => match value {
            Val::Ival(value) => Some(Constant::Number(f64::from(value.ival))),
            Val::Fval(value) => value.fval.parse().ok().map(Constant::Number),
            Val::Boolval(value) => Some(Constant::Boolean(value.boolval)),
            Val::Sval(value) => Some(Constant::Text(&value.sval)),
            Val::Bsval(_) => None,
        },
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_deref()?),
        NodeEnum::AExpr(negative) if operator(negative) == Some("-") && negative.lexpr.is_none() => {
            match constant(negative.rexpr.as_deref()?)? {
                Constant::Number(value) => Some(Constant::Number(-value)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether some column decides. Columns within a subquery count: they may be the outer row's.
pub(super) fn names_a_column(node: &Node) -> bool {
    let facts = super::super::walk::expressions([node], None, super::super::facts::Place::Condition);
    facts.unreviewed.is_some() || !facts.columns.is_empty()
}
