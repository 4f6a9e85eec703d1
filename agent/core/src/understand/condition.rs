//! Whether a condition names rows, or is true of all of them whatever they hold. Decided on the tree
//! after folding constants; values of parameters are not known here.

mod fold;
mod linear;
mod same;

use pg_query::{NodeEnum, protobuf::Node};

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    /// True of every row (NULLs aside).
    Always,
    /// True of no row.
    Never,
    /// No column in it: it holds for all rows or for none.
    AllOrNothing,
    /// Depends on the row.
    Rows,
}

/// Folds a condition.
pub(super) fn truth(node: &Node) -> Truth {
    match fold::truth(node) {
        Some(true) => Truth::Always,
        Some(false) => Truth::Never,
        None if matches!(node.node, Some(NodeEnum::CurrentOfExpr(_))) => Truth::Rows,
        None if fold::names_a_column(node) => Truth::Rows,
        None => Truth::AllOrNothing,
    }
}
