//! Administration: storage, locks, roles, extensions, replication.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{LockStmt, Node, RangeVar, VacuumStmt, VariableSetStmt},
};

use super::{administration, names, privilege};
use crate::{
    catalog::{Catalog, ViewReading},
    statement::{Effect, Kind, Shape},
    understand::{found::Found, refusal, resolve, settings},
};

/// `AccessShareLock` (`lockdefs.h`).
const ACCESS_SHARE: i32 = 1;

/// Lock modes up to `ROW EXCLUSIVE`, which every write takes (`lockdefs.h`).
const WEAK_LOCKS: i32 = 3;

/// Analyses a command of this group. `None` if it is of another.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    let found = match node {
        NodeEnum::VacuumStmt(vacuum) => vacuumed(vacuum, catalog),
        NodeEnum::ReindexStmt(reindex) => {
            let writes = names::recorded(reindex.relation.as_ref(), catalog);
            Found { writes, ..administration("reindex") }
        }
        NodeEnum::ClusterStmt(cluster) => clustered(cluster.relation.as_ref(), catalog),
        NodeEnum::RefreshMatViewStmt(refresh) => refreshed(refresh.relation.as_ref(), catalog),
        NodeEnum::LockStmt(lock) => locked(lock, catalog),
        NodeEnum::CheckPointStmt(_) => administration("checkpoint"),
        NodeEnum::GrantStmt(_) | NodeEnum::GrantRoleStmt(_) => privilege("grant"),
        NodeEnum::AlterDefaultPrivilegesStmt(_) => privilege("alter default privileges"),
        NodeEnum::CreateRoleStmt(_) => privilege("create role"),
        NodeEnum::AlterRoleStmt(_) => privilege("alter role"),
        NodeEnum::AlterRoleSetStmt(alter) => storing(privilege("alter role"), alter.setstmt.as_ref()),
        NodeEnum::AlterDatabaseSetStmt(alter) => {
            storing(administration("alter database"), alter.setstmt.as_ref())
        }
        NodeEnum::ReassignOwnedStmt(_) => privilege("reassign owned"),
        NodeEnum::SecLabelStmt(_) => privilege("security label"),
        NodeEnum::CreatePolicyStmt(_) => privilege("create policy"),
        NodeEnum::AlterPolicyStmt(_) => privilege("alter policy"),
        other => return never(other).map(administration),
    };
    Some(found)
}

/// A setting is stored for later; FROM CURRENT would store what it holds now, for everybody to read.
fn storing(found: Found, set: Option<&VariableSetStmt>) -> Found {
    match settings::check_show(set.map_or("", |set| &set.name)) {
        Ok(()) => found,
        Err(refusal) => found.refused(refusal),
    }
}

/// Commands that no class of resource permits by default.
fn never(node: &NodeEnum) -> Option<&'static str> {
    let verb = match node {
        NodeEnum::AlterSystemStmt(_) => "alter system",
        NodeEnum::CreatedbStmt(_) => "create database",
        NodeEnum::AlterDatabaseStmt(_) | NodeEnum::AlterDatabaseRefreshCollStmt(_) => "alter database",
        NodeEnum::CreateTableSpaceStmt(_) => "create tablespace",
        NodeEnum::AlterTableSpaceOptionsStmt(_) | NodeEnum::AlterTableMoveAllStmt(_) => "alter tablespace",
        NodeEnum::CreateExtensionStmt(_) => "create extension",
        NodeEnum::AlterExtensionStmt(_) | NodeEnum::AlterExtensionContentsStmt(_) => "alter extension",
        NodeEnum::CreateFdwStmt(_) | NodeEnum::AlterFdwStmt(_) => "foreign data wrapper",
        NodeEnum::CreateForeignServerStmt(_) | NodeEnum::AlterForeignServerStmt(_) => "foreign server",
        NodeEnum::CreateForeignTableStmt(_) | NodeEnum::ImportForeignSchemaStmt(_) => "foreign table",
        NodeEnum::CreateUserMappingStmt(_) | NodeEnum::AlterUserMappingStmt(_) => "user mapping",
        NodeEnum::CreatePublicationStmt(_) | NodeEnum::AlterPublicationStmt(_) => "publication",
        NodeEnum::CreateSubscriptionStmt(_) | NodeEnum::AlterSubscriptionStmt(_) => "subscription",
        NodeEnum::CreateEventTrigStmt(_) | NodeEnum::AlterEventTrigStmt(_) => "event trigger",
        NodeEnum::CreateAmStmt(_) => "access method",
        NodeEnum::CreatePlangStmt(_) => "create language",
        NodeEnum::LoadStmt(_) => "load",
        _ => return None,
    };
    Some(verb)
}

fn vacuumed(vacuum: &VacuumStmt, catalog: &Catalog) -> Found {
    let full = vacuum.options.iter().any(|node| is_option(node, "full"));
    let verb = match (vacuum.is_vacuumcmd, full) {
        (false, _) => "analyze",
        (true, true) => "vacuum full",
        (true, false) => "vacuum",
    };
    let relations = vacuum.rels.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::VacuumRelation(relation)) => relation.relation.as_ref(),
        _ => None,
    });
    let writes = relations.flat_map(|relation| names::recorded(Some(relation), catalog)).collect();
    let found = Found { writes, ..administration(verb) };
    if full { found.shape(Shape::Destructive { what: "vacuum full".to_owned() }) } else { found }
}

fn is_option(node: &Node, name: &str) -> bool {
    matches!(&node.node, Some(NodeEnum::DefElem(option)) if option.defname == name)
}

/// Rows in the order of an index: who sees `ctid` then sees the order of values.
fn clustered(relation: Option<&RangeVar>, catalog: &Catalog) -> Found {
    let found = Found { writes: names::recorded(relation, catalog), ..administration("cluster") };
    match names::protected(relation, catalog) {
        Some(relation) => {
            let object = relation.qualified_name();
            let message =
                format!("CLUSTER would put rows of `{object}` into an order that may show protected values");
            let hint = "Ask an administrator of this resource.";
            found.refused(refusal::refusal(ReasonCode::ProtectedCondition, Some(object), message, hint))
        }
        None => found,
    }
}

fn refreshed(relation: Option<&RangeVar>, catalog: &Catalog) -> Found {
    let writes = names::recorded(relation, catalog);
    let found = Found { writes, ..administration("refresh materialized view") };
    let views = relation.map(|relation| resolve::candidates(relation, catalog)).unwrap_or_default();
    match views.into_iter().find(|view| view.view == ViewReading::Computed) {
        Some(view) => found.refused(refusal::computed_view(view)),
        None => found,
    }
}

fn locked(lock: &LockStmt, catalog: &Catalog) -> Found {
    let relations: Vec<&RangeVar> = lock
        .relations
        .iter()
        .filter_map(|node| match &node.node {
            Some(NodeEnum::RangeVar(relation)) => Some(relation),
            _ => None,
        })
        .collect();
    if lock.mode == ACCESS_SHARE && relations.len() == lock.relations.len() {
        return locked_as_read(&relations, catalog);
    }
    let writes = relations.iter().flat_map(|relation| names::recorded(Some(relation), catalog)).collect();
    let kind = if lock.mode <= WEAK_LOCKS { Kind::Write } else { Kind::Administration };
    Found { writes, effect: Effect::None, ..Found::new("lock table", kind) }
}

/// The lock that a SELECT of these relations takes, for as long: who may read each of them may take it. It is a
/// lock all the same, for those who hold none.
fn locked_as_read(relations: &[&RangeVar], catalog: &Catalog) -> Found {
    let found = Found::new("lock table", Kind::Read).may_write().shape(Shape::Lock);
    let reads = relations.iter().flat_map(|relation| names::recorded(Some(relation), catalog)).collect();
    let found = Found { reads, ..found };
    if let Some(other) = relations.iter().find(|relation| !relation.catalogname.is_empty()) {
        return found.refused(refusal::other_database(other));
    }
    match relations.iter().find(|relation| resolve::candidates(relation, catalog).is_empty()) {
        Some(unknown) => found.refused(refusal::unknown_relation(unknown)),
        None => found,
    }
}
