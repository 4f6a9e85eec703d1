//! Commands that carry no query: those that move no value, and those that run code that is not seen.

use std::borrow::Cow;

use pg_query::{
    NodeEnum,
    protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType},
};

use super::{
    Binder, Bound,
    flow::{Flow, TEXT},
    gap,
    item::Named,
    statement::Result,
    write::{Written, WrittenColumn},
};
use crate::lineage::{GapKind, OutputKind};

impl<'a> Binder<'a> {
    pub(super) fn plain_command(&mut self, node: &'a NodeEnum) -> Bound<Result<'a>> {
        match node {
            NodeEnum::DoStmt(_) => Err(gap(GapKind::Code, "DO runs a block of code")),
            NodeEnum::CallStmt(_) => Err(gap(GapKind::Code, "CALL runs a procedure")),
            NodeEnum::LoadStmt(_) => Err(gap(GapKind::Code, "LOAD runs a library")),
            NodeEnum::CreateExtensionStmt(_) | NodeEnum::AlterExtensionStmt(_) => {
                Err(gap(GapKind::Code, "an extension's script"))
            }
            NodeEnum::AlterTableStmt(alter) => {
                self.altered_rows(alter)?;
                self.rewritten(alter)?;
                self.attached(alter);
                self.alter_table(alter)
            }
            NodeEnum::IndexStmt(index) => self.create_index(index),
            NodeEnum::AlterDomainStmt(alter) => self.alter_domain(alter),
            NodeEnum::CreateSchemaStmt(create) => self.create_schema(create),
            NodeEnum::VariableShowStmt(show) => Ok(shown(&show.name)),
            other if moves_nothing(other) => {
                self.renamed(other);
                match other {
                    NodeEnum::CreateStmt(create) => self.made_part(create),
                    NodeEnum::CreateForeignTableStmt(create) => {
                        create.base_stmt.iter().for_each(|create| self.made_part(create));
                    }
                    _ => {}
                }
                Ok(Result::default())
            }
            _ => Err(gap(GapKind::NotReviewed, "this command")),
        }
    }

    /// `ALTER TABLE … ALTER COLUMN … TYPE … USING expression` writes the column anew.
    fn alter_table(&mut self, alter: &'a AlterTableStmt) -> Bound<Result<'a>> {
        let AlterTableStmt { relation, cmds, .. } = alter;
        for node in cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "a part of ALTER TABLE"));
            };
            let AlterTableCmd { subtype, name, def, .. } = &**command;
            if AlterTableType::try_from(*subtype) != Ok(AlterTableType::AtAlterColumnType) {
                continue;
            }
            let Some(NodeEnum::ColumnDef(definition)) = def.as_deref().and_then(|def| def.node.as_ref())
            else {
                continue;
            };
            let (Some(relation), Some(using)) = (relation, definition.raw_default.as_deref()) else {
                continue;
            };
            let target = self.write_target(relation, super::write::Event::Update)?;
            let level = Self::alone(std::rc::Rc::clone(&target.item), super::scope::Env::default());
            let here = super::scope::Env { level: Some(&level), ..super::scope::Env::default() };
            let flow = self.expression(using, here)?;
            self.facts.indirect.add(&flow.indirect);
            let column = target.column_named(name)?;
            let type_oid = self.type_name(definition.type_name.as_ref())?;
            let (number, name) = (column.number, column.name.to_string());
            let columns = vec![WrittenColumn { number, name, type_oid, direct: flow.direct }];
            self.write_out(Written { relation: target.base.oid, columns });
        }
        Ok(Result::default())
    }
}

/// Settings come out; no column is their source.
fn shown<'a>(name: &'a str) -> Result<'a> {
    let names: &[&'a str] = match name {
        "all" => &["name", "setting", "description"],
        _ => std::slice::from_ref(&name),
    };
    let columns = names.iter().map(|name| Named { name: Cow::Borrowed(name), flow: Flow::constant(TEXT) });
    Result { outputs: vec![(OutputKind::Result, columns.collect())], known: None }
}

/// Commands that show, copy and compute nothing of what is stored.
fn moves_nothing(node: &NodeEnum) -> bool {
    defines(node)
        || matches!(
            node,
            NodeEnum::TransactionStmt(_)
                | NodeEnum::VariableSetStmt(_)
                | NodeEnum::DiscardStmt(_)
                | NodeEnum::ListenStmt(_)
                | NodeEnum::UnlistenStmt(_)
                | NodeEnum::NotifyStmt(_)
                | NodeEnum::DeallocateStmt(_)
                | NodeEnum::ClosePortalStmt(_)
                | NodeEnum::LockStmt(_)
                | NodeEnum::CheckPointStmt(_)
                | NodeEnum::VacuumStmt(_)
                | NodeEnum::ClusterStmt(_)
                | NodeEnum::ReindexStmt(_)
                | NodeEnum::ConstraintsSetStmt(_)
                | NodeEnum::CommentStmt(_)
                | NodeEnum::SecLabelStmt(_)
                | NodeEnum::GrantStmt(_)
                | NodeEnum::GrantRoleStmt(_)
                | NodeEnum::AlterDefaultPrivilegesStmt(_)
                | NodeEnum::DropStmt(_)
                | NodeEnum::DropOwnedStmt(_)
                | NodeEnum::ReassignOwnedStmt(_)
                | NodeEnum::DropRoleStmt(_)
                | NodeEnum::DropdbStmt(_)
                | NodeEnum::DropTableSpaceStmt(_)
                | NodeEnum::RenameStmt(_)
        )
}

/// Definitions: what they define runs later, if ever.
fn defines(node: &NodeEnum) -> bool {
    matches!(
        node,
        NodeEnum::CreateStmt(_)
            | NodeEnum::CreateSchemaStmt(_)
            | NodeEnum::CreateSeqStmt(_)
            | NodeEnum::AlterSeqStmt(_)
            | NodeEnum::CreateFunctionStmt(_)
            | NodeEnum::AlterFunctionStmt(_)
            | NodeEnum::CreateTrigStmt(_)
            | NodeEnum::RuleStmt(_)
            | NodeEnum::CreatePolicyStmt(_)
            | NodeEnum::AlterPolicyStmt(_)
            | NodeEnum::DefineStmt(_)
            | NodeEnum::CompositeTypeStmt(_)
            | NodeEnum::CreateEnumStmt(_)
            | NodeEnum::AlterEnumStmt(_)
            | NodeEnum::CreateRangeStmt(_)
            | NodeEnum::CreateDomainStmt(_)
            | NodeEnum::AlterTypeStmt(_)
            | NodeEnum::CreateCastStmt(_)
            | NodeEnum::CreateStatsStmt(_)
            | NodeEnum::AlterStatsStmt(_)
            | NodeEnum::CreateRoleStmt(_)
            | NodeEnum::AlterRoleStmt(_)
            | NodeEnum::AlterRoleSetStmt(_)
            | NodeEnum::AlterDatabaseStmt(_)
            | NodeEnum::AlterDatabaseSetStmt(_)
            | NodeEnum::AlterSystemStmt(_)
            | NodeEnum::CreatedbStmt(_)
            | NodeEnum::CreateForeignTableStmt(_)
            | NodeEnum::AlterObjectSchemaStmt(_)
            | NodeEnum::AlterObjectDependsStmt(_)
            | NodeEnum::AlterOwnerStmt(_)
            | NodeEnum::CreateTableSpaceStmt(_)
    )
}
