//! Commands that bring code, or run code that the text does not show.

use pg_query::NodeEnum;

use super::schema_change;
use crate::{
    catalog::Catalog,
    statement::{Kind, Refusal},
    understand::{found::Found, refusal},
};

/// Analyses a command of this group. `None` if it is of another.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    if let Some((verb, hint)) = runs(node) {
        let what = verb.to_ascii_uppercase();
        let refusal = refusal::opaque(what, "runs code that the statement does not show", hint);
        return Some(Found::new(verb, Kind::Administration).refused(refusal));
    }
    let verb = brings(node)?;
    let found = schema_change(verb);
    if catalog.has_protected() {
        return Some(found.refused(hidden(&verb.to_ascii_uppercase())));
    }
    Some(found)
}

fn runs(node: &NodeEnum) -> Option<(&'static str, &'static str)> {
    match node {
        NodeEnum::DoStmt(_) => Some(("do", "Send the statements one by one.")),
        NodeEnum::CallStmt(_) => Some(("call", "Send what the procedure does as statements of their own.")),
        _ => None,
    }
}

pub(super) fn brings(node: &NodeEnum) -> Option<&'static str> {
    let verb = match node {
        NodeEnum::CreateFunctionStmt(_) => "create function",
        NodeEnum::AlterFunctionStmt(_) => "alter function",
        NodeEnum::CreateTrigStmt(_) => "create trigger",
        NodeEnum::RuleStmt(_) => "create rule",
        NodeEnum::CreateCastStmt(_) => "create cast",
        NodeEnum::DefineStmt(_) => "create operator, aggregate or type",
        NodeEnum::CreateOpClassStmt(_) => "create operator class",
        NodeEnum::CreateOpFamilyStmt(_) | NodeEnum::AlterOpFamilyStmt(_) => "operator family",
        NodeEnum::AlterOperatorStmt(_) => "alter operator",
        NodeEnum::AlterTypeStmt(_) => "alter type",
        NodeEnum::CreateRangeStmt(_) => "create type",
        NodeEnum::CreateConversionStmt(_) => "create conversion",
        NodeEnum::CreateTransformStmt(_) => "create transform",
        NodeEnum::AlterStatsStmt(_) => "alter statistics",
        NodeEnum::AlterCollationStmt(_) => "alter collation",
        NodeEnum::AlterTsdictionaryStmt(_) | NodeEnum::AlterTsconfigurationStmt(_) => "text search",
        NodeEnum::AlterObjectDependsStmt(_) => "alter depends",
        _ => return None,
    };
    Some(verb)
}

/// Code that could read protected columns.
pub(super) fn hidden(what: &str) -> Refusal {
    refusal::opaque(
        what.to_owned(),
        "could read or test protected columns in a way that no statement shows",
        "Ask an administrator of this resource to make this change.",
    )
}
