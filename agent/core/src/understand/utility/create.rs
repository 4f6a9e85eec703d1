//! Commands that make tables, types, indexes and other things that hold no code of their own.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{CreateDomainStmt, CreateStatsStmt, CreateStmt, IndexStmt, Node, PartitionElem, RangeVar},
};

use super::{elements, names, privilege, schema_change};
use crate::{
    catalog::{Catalog, Relation},
    statement::{Protection, Refusal},
    understand::{facts::Place, found::Found, query, refusal, walk},
};

/// Analyses a command of this group. `None` if it is of another.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    let found = match node {
        NodeEnum::CreateStmt(create) => table(create, catalog),
        NodeEnum::IndexStmt(create) => index(create, catalog),
        NodeEnum::CreateStatsStmt(create) => statistics(create, catalog),
        NodeEnum::CreateSeqStmt(create) => {
            let writes = names::recorded(create.sequence.as_ref(), catalog);
            Found { writes, ..schema_change("create sequence") }
        }
        NodeEnum::CreateSchemaStmt(create) if create.authrole.is_some() => privilege("create schema"),
        NodeEnum::CreateSchemaStmt(create) if !create.schema_elts.is_empty() => {
            schema_change("create schema")
                .refused(refusal::not_reviewed("CREATE SCHEMA with what is to be made in it"))
        }
        NodeEnum::CreateSchemaStmt(_) => schema_change("create schema"),
        NodeEnum::CreateEnumStmt(_) | NodeEnum::CompositeTypeStmt(_) => schema_change("create type"),
        NodeEnum::CreateDomainStmt(create) => domain(create, catalog),
        NodeEnum::CommentStmt(_) => schema_change("comment"),
        _ => return None,
    };
    Some(found)
}

fn table(create: &CreateStmt, catalog: &Catalog) -> Found {
    let writes = names::recorded(create.relation.as_ref(), catalog);
    let found = Found { writes, ..schema_change("create table") };
    match check_table(create, catalog) {
        Ok(()) => found,
        Err(refusal) => found.refused(refusal),
    }
}

fn check_table(create: &CreateStmt, catalog: &Catalog) -> Result<(), Refusal> {
    for node in &create.inh_relations {
        match &node.node {
            Some(NodeEnum::RangeVar(parent)) => check_model(parent, catalog)?,
            _ => return Err(refusal::not_reviewed("a parent table")),
        }
    }
    for node in create.table_elts.iter().chain(&create.constraints) {
        match &node.node {
            Some(NodeEnum::ColumnDef(definition)) => elements::column(definition, None, catalog)?,
            Some(NodeEnum::Constraint(constraint)) => elements::constraint(constraint, None, "", catalog)?,
            Some(NodeEnum::TableLikeClause(like)) => {
                if let Some(relation) = &like.relation {
                    check_model(relation, catalog)?;
                }
            }
            _ => return Err(refusal::not_reviewed("a part of CREATE TABLE")),
        }
    }
    let keys = create.partspec.iter().flat_map(|spec| &spec.part_params);
    keys.into_iter().try_for_each(|node| partition_key(node, catalog))
}

fn partition_key(node: &Node, catalog: &Catalog) -> Result<(), Refusal> {
    match &node.node {
        Some(NodeEnum::PartitionElem(element)) => {
            let PartitionElem { name: _, expr, collation: _, opclass: _, location: _ } = &**element;
            elements::code_only(expr.as_deref(), catalog)
        }
        _ => Err(refusal::not_reviewed("a partition key")),
    }
}

/// A table made after a protected one would take its columns without their labels being known.
fn check_model(relation: &RangeVar, catalog: &Catalog) -> Result<(), Refusal> {
    match names::protected(Some(relation), catalog) {
        Some(protected) => Err(copies(protected)),
        None => Ok(()),
    }
}

fn copies(relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message = format!("`{object}` has protected columns, and tables made from it or under it share them");
    refusal::refusal(ReasonCode::ProtectedCopy, Some(object), message, "Write the columns out.")
}

fn index(create: &IndexStmt, catalog: &Catalog) -> Found {
    let writes = names::recorded(create.relation.as_ref(), catalog);
    let found = Found { writes, ..schema_change("create index") };
    let Some(relation) = &create.relation else { return found.refused(refusal::not_reviewed("an index")) };
    let columns = create.index_params.iter().chain(&create.index_including_params);
    let facts = walk::index(relation, columns, create.where_clause.as_deref());
    let judged = query::judge(&facts, None, catalog).map(|judged| judged.protection);
    found.protected_by(judged)
}

fn statistics(create: &CreateStatsStmt, catalog: &Catalog) -> Found {
    let found = schema_change("create statistics");
    let protected = create.relations.iter().find_map(|node| match &node.node {
        Some(NodeEnum::RangeVar(relation)) => names::protected(Some(relation), catalog),
        _ => None,
    });
    if let Some(relation) = protected {
        let object = relation.qualified_name();
        let message = format!("statistics of `{object}` would hold protected values");
        let hint = "Ask an administrator of this resource.";
        return found.refused(refusal::refusal(ReasonCode::ProtectedCopy, Some(object), message, hint));
    }
    let expressions = create.exprs.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::StatsElem(element)) => element.expr.as_deref(),
        _ => None,
    });
    let facts = walk::expressions(expressions, None, Place::Condition);
    match query::check_code(&facts, catalog) {
        Ok(()) => found,
        Err(refusal) => found.refused(refusal),
    }
}

fn domain(create: &CreateDomainStmt, catalog: &Catalog) -> Found {
    let found = schema_change("create domain");
    let checked: Result<(), Refusal> = create.constraints.iter().try_for_each(|node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => {
            elements::code_only(constraint.raw_expr.as_deref(), catalog)
        }
        _ => Err(refusal::not_reviewed("a constraint")),
    });
    match checked {
        Ok(()) => Found { protection: Protection::Untouched, ..found },
        Err(refusal) => found.refused(refusal),
    }
}
