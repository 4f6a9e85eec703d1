//! Settings and transactions: SET, RESET, DISCARD, BEGIN …

use pg_query::{
    NodeEnum,
    protobuf::{
        DiscardMode, Node, TransactionStmt, TransactionStmtKind, VariableSetKind, VariableSetStmt,
        a_const::Val,
    },
};

use super::{Found, Reader};
use crate::{
    catalog::code::Name,
    session::{
        change::{Chain, Control, Step},
        settings::{Scope, Setting, Value},
    },
};

impl Reader<'_> {
    pub(super) fn control(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::TransactionStmt(transaction) => {
                if let Some(control) = control(transaction) {
                    self.push(Step::Transaction(control));
                }
            }
            NodeEnum::VariableSetStmt(set) => self.set(set),
            NodeEnum::DiscardStmt(discard) => match DiscardMode::try_from(discard.target) {
                Ok(DiscardMode::DiscardPlans | DiscardMode::DiscardSequences) => {}
                Ok(DiscardMode::DiscardTemp) => self.push(Step::DiscardTemporary),
                _ => self.push(Step::DiscardAll),
            },
            _ => return Found::Elsewhere,
        }
        Found::Here
    }

    fn set(&mut self, set: &VariableSetStmt) {
        let kind = VariableSetKind::try_from(set.kind).unwrap_or(VariableSetKind::Undefined);
        match (kind, Setting::named(&set.name)) {
            (VariableSetKind::VarResetAll, _) => self.push(Step::ResetAll),
            (_, None) => {}
            (kind, Some(setting)) => {
                let value = match kind {
                    VariableSetKind::VarSetValue => values(&set.args),
                    VariableSetKind::VarSetDefault | VariableSetKind::VarReset => Value::Default,
                    _ => Value::Unknown,
                };
                let scope = if set.is_local { Scope::Local } else { Scope::Session };
                self.push(Step::Set { setting, value, scope });
            }
        }
    }
}

fn control(transaction: &TransactionStmt) -> Option<Control> {
    use TransactionStmtKind as T;
    let chain = if transaction.chain { Chain::Next } else { Chain::None };
    let savepoint = Name::from(transaction.savepoint_name.as_str());
    Some(match TransactionStmtKind::try_from(transaction.kind) {
        Ok(T::TransStmtBegin | T::TransStmtStart) => Control::Begin,
        Ok(T::TransStmtCommit) => Control::Commit(chain),
        Ok(T::TransStmtRollback) => Control::Rollback(chain),
        Ok(T::TransStmtSavepoint) => Control::Savepoint(savepoint),
        Ok(T::TransStmtRelease) => Control::Release(savepoint),
        Ok(T::TransStmtRollbackTo) => Control::RollbackTo(savepoint),
        Ok(T::TransStmtPrepare) => Control::Prepare,
        Ok(T::TransStmtCommitPrepared) => Control::CommitPrepared,
        Ok(T::TransStmtRollbackPrepared | T::Undefined) | Err(_) => return None,
    })
}

/// Each constant of SET is a name of its own, whatever is in it.
fn values(nodes: &[Node]) -> Value {
    let names: Option<Vec<Name>> = nodes.iter().map(constant).collect();
    names.map_or(Value::Unknown, |names| Value::Names(names.into()))
}

fn constant(node: &Node) -> Option<Name> {
    let Some(NodeEnum::AConst(constant)) = &node.node else { return None };
    Some(match constant.val.as_ref()? {
        Val::Sval(value) => value.sval.as_str().into(),
        Val::Ival(value) => value.ival.to_string().into(),
        Val::Fval(value) => value.fval.to_ascii_lowercase().into(),
        Val::Boolval(value) => value.boolval.to_string().into(),
        Val::Bsval(_) => return None,
    })
}
