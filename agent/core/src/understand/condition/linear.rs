//! Sums and products with constants: `id + 0 = id` and `id < id + 1` hold for every row, whatever `id` is.

use pg_query::{NodeEnum, protobuf::Node};

use super::{
    fold::{Constant, constant},
    same::{operator, same},
};

/// Most operators that are followed.
const DEPTH: u8 = 32;

/// `factor × of + offset`
#[derive(Debug, Clone, Copy)]
struct Linear<'a> {
    of: &'a Node,
    factor: f64,
    offset: f64,
}

/// How two expressions of the same thing compare, if that is the same for all of its values.
pub(super) fn order(left: &Node, right: &Node) -> Option<std::cmp::Ordering> {
    let (one, other) = (linear(left, DEPTH)?, linear(right, DEPTH)?);
    let alike = one.factor.total_cmp(&other.factor).is_eq() && same(one.of, other.of);
    alike.then(|| one.offset.partial_cmp(&other.offset)).flatten()
}

fn linear(node: &Node, depth: u8) -> Option<Linear<'_>> {
    let itself = Linear { of: node, factor: 1.0, offset: 0.0 };
    let depth = depth.checked_sub(1)?;
    match node.node.as_ref()? {
        NodeEnum::TypeCast(cast) => linear(cast.arg.as_deref()?, depth),
        NodeEnum::AExpr(expression) => {
            let name = operator(expression)?;
            let right = expression.rexpr.as_deref()?;
            let Some(left) = expression.lexpr.as_deref() else {
                let inner = linear(right, depth)?;
                return match name {
                    "-" => Some(Linear { factor: -inner.factor, offset: -inner.offset, ..inner }),
                    "+" => Some(inner),
                    _ => Some(itself),
                };
            };
            Some(combined(name, left, right, depth).unwrap_or(itself))
        }
        _ => Some(itself),
    }
}

fn combined<'a>(name: &str, left: &'a Node, right: &'a Node, depth: u8) -> Option<Linear<'a>> {
    match (name, constant(left), constant(right)) {
        ("||", None, Some(Constant::Text(""))) => linear(left, depth),
        ("||", Some(Constant::Text("")), None) => linear(right, depth),
        ("+", None, Some(Constant::Number(number))) => shifted(linear(left, depth)?, number),
        ("+", Some(Constant::Number(number)), None) => shifted(linear(right, depth)?, number),
        ("-", None, Some(Constant::Number(number))) => shifted(linear(left, depth)?, -number),
        ("-", Some(Constant::Number(number)), None) => shifted(scaled(linear(right, depth)?, -1.0)?, number),
        ("*", None, Some(Constant::Number(number))) => scaled(linear(left, depth)?, number),
        ("*", Some(Constant::Number(number)), None) => scaled(linear(right, depth)?, number),
        // Whole numbers are divided without rest: only by one nothing is lost.
        ("/", None, Some(Constant::Number(number))) if number.total_cmp(&1.0).is_eq() => linear(left, depth),
        _ => None,
    }
}

fn shifted(linear: Linear<'_>, by: f64) -> Option<Linear<'_>> {
    Some(Linear { offset: linear.offset + by, ..linear })
}

fn scaled(linear: Linear<'_>, by: f64) -> Option<Linear<'_>> {
    Some(Linear { factor: linear.factor * by, offset: linear.offset * by, ..linear })
}
