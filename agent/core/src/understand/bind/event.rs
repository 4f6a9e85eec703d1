//! Event triggers: their functions run when something is made, changed or dropped.

use pg_query::NodeEnum;

use super::{Binder, statement::into};
use crate::lineage::GapKind;

impl Binder<'_> {
    /// Notes what event triggers run beside a statement.
    pub(super) fn event_triggers(&mut self, node: &NodeEnum) {
        let catalog = self.catalog;
        if catalog.event_triggers.is_empty() || !fires(node) {
            return;
        }
        for trigger in catalog.event_triggers.iter() {
            self.gap(GapKind::Trigger, format!("the event trigger {}", trigger.name));
            self.facts.functions.insert(trigger.function);
            if let Some(function) = catalog.code.functions.get(&trigger.function) {
                self.open_plpgsql(function);
            }
        }
    }
}

/// Whether event triggers may fire: not for queries and writes, sessions, roles, databases, nor for event
/// triggers themselves.
pub(crate) fn fires(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::SelectStmt(select) => into(select).is_some(),
        NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::TruncateStmt(_)
        | NodeEnum::CopyStmt(_)
        | NodeEnum::ExplainStmt(_)
        | NodeEnum::DoStmt(_)
        | NodeEnum::CallStmt(_)
        | NodeEnum::TransactionStmt(_)
        | NodeEnum::VariableSetStmt(_)
        | NodeEnum::VariableShowStmt(_)
        | NodeEnum::DiscardStmt(_)
        | NodeEnum::ListenStmt(_)
        | NodeEnum::UnlistenStmt(_)
        | NodeEnum::NotifyStmt(_)
        | NodeEnum::PrepareStmt(_)
        | NodeEnum::ExecuteStmt(_)
        | NodeEnum::DeallocateStmt(_)
        | NodeEnum::DeclareCursorStmt(_)
        | NodeEnum::FetchStmt(_)
        | NodeEnum::ClosePortalStmt(_)
        | NodeEnum::LockStmt(_)
        | NodeEnum::CheckPointStmt(_)
        | NodeEnum::VacuumStmt(_)
        | NodeEnum::ConstraintsSetStmt(_)
        | NodeEnum::LoadStmt(_)
        | NodeEnum::CreatedbStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::AlterDatabaseSetStmt(_)
        | NodeEnum::AlterSystemStmt(_)
        | NodeEnum::CreateRoleStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::AlterRoleSetStmt(_)
        | NodeEnum::DropRoleStmt(_)
        | NodeEnum::GrantRoleStmt(_)
        | NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::CreateEventTrigStmt(_)
        | NodeEnum::AlterEventTrigStmt(_) => false,
        _ => true,
    }
}
