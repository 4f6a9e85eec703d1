//! Reads from a parse tree what the statement changes for those after it.
//!
//! A command that is not named here is taken for one that could change anything.

mod columns;
mod create;
mod define;
mod names;
mod query;
mod remove;
mod set;
mod table;

pub(crate) use self::names::WITH_HOLD;
use pg_query::{
    NodeEnum,
    protobuf::{Node, ReindexObjectType},
};

use super::{
    change::{Control, SessionChange, Step},
    find::Named,
};
use crate::{
    catalog::{Catalog, code::Name},
    lineage::{GapKind, Lineage},
    understand::fires,
};

/// What a statement changes, if it succeeds. `lineage` is the statement's own, of PREPARE, DECLARE and
/// EXPLAIN that of the statement inside.
#[must_use]
pub fn change_of(node: &NodeEnum, lineage: &Lineage, catalog: &Catalog) -> SessionChange {
    let mut reader = Reader { lineage, catalog, steps: Vec::new() };
    reader.statement(node);
    SessionChange { steps: reader.steps.into() }
}

/// One statement being read.
struct Reader<'a> {
    lineage: &'a Lineage,
    catalog: &'a Catalog,
    steps: Vec<Step>,
}

/// Whether a group of commands has the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Here,
    Elsewhere,
}

impl Reader<'_> {
    fn statement(&mut self, node: &NodeEnum) {
        let groups = [
            Self::query,
            Self::control,
            Self::by_name,
            Self::creation,
            Self::alteration,
            Self::removal,
            Self::definition,
        ];
        if groups.iter().all(|group| group(self, node) == Found::Elsewhere) && !is_harmless(node) {
            self.push(Step::CodeRan);
        }
        if matches!(node, NodeEnum::IndexStmt(_) | NodeEnum::AlterDomainStmt(_))
            || (fires(node) && self.lineage.gaps.iter().any(|gap| gap.kind == GapKind::Trigger))
        {
            self.code_beside();
        }
        let parts = &self.lineage.renames.parts;
        if !parts.is_empty() && joins(node) {
            self.push(Step::Join { parts: parts.clone().into() });
        }
        if commits_at_once(node) {
            self.push(Step::Transaction(Control::AtOnce));
        }
    }

    fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn touch(&mut self, relation: Option<&pg_query::protobuf::RangeVar>) {
        match relation {
            Some(relation) => self.push(Step::Touch { relation: Named::of(relation) }),
            None => self.push(Step::Lost),
        }
    }

    /// The change of a statement inside this one, which has the same lineage.
    fn inner(&self, node: &NodeEnum) -> SessionChange {
        change_of(node, self.lineage, self.catalog)
    }
}

/// Commands that make something a part of something. Those of CREATE SCHEMA are read one by one.
const fn joins(node: &NodeEnum) -> bool {
    matches!(
        node,
        NodeEnum::CreateStmt(_) | NodeEnum::CreateForeignTableStmt(_) | NodeEnum::AlterTableStmt(_)
    )
}

/// Commands that leave everything as it is, as far as names and settings go.
const fn is_harmless(node: &NodeEnum) -> bool {
    matches!(
        node,
        NodeEnum::AlterCollationStmt(_)
            | NodeEnum::AlterDatabaseRefreshCollStmt(_)
            | NodeEnum::AlterDatabaseSetStmt(_)
            | NodeEnum::AlterDatabaseStmt(_)
            | NodeEnum::AlterDefaultPrivilegesStmt(_)
            | NodeEnum::AlterObjectDependsStmt(_)
            | NodeEnum::AlterPublicationStmt(_)
            | NodeEnum::AlterRoleSetStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::AlterStatsStmt(_)
            | NodeEnum::AlterSubscriptionStmt(_)
            | NodeEnum::AlterSystemStmt(_)
            | NodeEnum::AlterTableSpaceOptionsStmt(_)
            | NodeEnum::AlterTableMoveAllStmt(_)
            | NodeEnum::AlterTsconfigurationStmt(_)
            | NodeEnum::AlterTsdictionaryStmt(_)
            | NodeEnum::AlterUserMappingStmt(_)
            | NodeEnum::CheckPointStmt(_)
            | NodeEnum::ClusterStmt(_)
            | NodeEnum::CommentStmt(_)
            | NodeEnum::ConstraintsSetStmt(_)
            | NodeEnum::CreatePublicationStmt(_)
            | NodeEnum::CreateRoleStmt(_)
            | NodeEnum::CreateStatsStmt(_)
            | NodeEnum::CreateSubscriptionStmt(_)
            | NodeEnum::CreateTableSpaceStmt(_)
            | NodeEnum::CreateUserMappingStmt(_)
            | NodeEnum::CreatedbStmt(_)
            | NodeEnum::DropRoleStmt(_)
            | NodeEnum::DropSubscriptionStmt(_)
            | NodeEnum::DropTableSpaceStmt(_)
            | NodeEnum::DropUserMappingStmt(_)
            | NodeEnum::DropdbStmt(_)
            | NodeEnum::IndexStmt(_)
            | NodeEnum::ListenStmt(_)
            | NodeEnum::LockStmt(_)
            | NodeEnum::NotifyStmt(_)
            | NodeEnum::RefreshMatViewStmt(_)
            | NodeEnum::ReindexStmt(_)
            | NodeEnum::SecLabelStmt(_)
            | NodeEnum::UnlistenStmt(_)
            | NodeEnum::VacuumStmt(_)
            | NodeEnum::VariableShowStmt(_)
    )
}

/// Commands that may not stand in a transaction.
fn commits_at_once(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::VacuumStmt(vacuum) => vacuum.is_vacuumcmd,
        NodeEnum::IndexStmt(index) => index.concurrent,
        NodeEnum::DropStmt(drop) => drop.concurrent,
        NodeEnum::ReindexStmt(reindex) => {
            let single = [ReindexObjectType::ReindexObjectIndex, ReindexObjectType::ReindexObjectTable];
            let one = ReindexObjectType::try_from(reindex.kind).is_ok_and(|kind| single.contains(&kind));
            let concurrently = |option: &Node| matches!(&option.node, Some(NodeEnum::DefElem(option)) if option.defname == "concurrently");
            !one || reindex.params.iter().any(concurrently)
        }
        NodeEnum::AlterSystemStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::CreatedbStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::DropdbStmt(_) => true,
        _ => false,
    }
}

/// Texts of a list of `String` nodes.
fn texts(nodes: &[Node]) -> Vec<Name> {
    let texts = nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::String(text)) => Some(text.sval.as_str().into()),
        _ => None,
    });
    texts.collect()
}

/// A name with its qualifiers; a database's name before them says nothing.
fn qualified(names: &[Name]) -> Option<Named> {
    let (schema, name) = match names {
        [name] => (None, name),
        [.., schema, name] => (Some(schema.clone()), name),
        [] => return None,
    };
    Some(Named { schema, name: name.clone(), temporary: false })
}
