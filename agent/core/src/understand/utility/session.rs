//! Transactions, settings, names of statements and cursors, notifications.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{
        DiscardMode, Node, NotifyStmt, TransactionStmt, TransactionStmtKind, VariableSetKind,
        VariableSetStmt, a_const::Val,
    },
};

use crate::{
    catalog::Catalog,
    statement::{Effect, Kind, Protection, Refusal},
    understand::{
        facts::Place,
        found::Found,
        functions::{self, Consequence},
        query, refusal, settings, walk,
    },
};

/// Analyses a command of this group. `None` if it is of another.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    let found = match node {
        NodeEnum::TransactionStmt(transaction) => transaction_control(transaction),
        NodeEnum::VariableSetStmt(set) => set_variable(set),
        NodeEnum::VariableShowStmt(show) => {
            control("show").protected_by(settings::check_show(&show.name).map(|()| Protection::Introspection))
        }
        NodeEnum::DiscardStmt(discard) => match DiscardMode::try_from(discard.target) {
            Ok(DiscardMode::DiscardAll) => control("discard all").effect(Effect::DiscardAll).may_write(),
            Ok(DiscardMode::DiscardTemp) => control("discard temp").effect(Effect::Catalog).may_write(),
            _ => control("discard"),
        },
        NodeEnum::ConstraintsSetStmt(_) => control("set constraints").may_write(),
        NodeEnum::ListenStmt(_) => control("listen").may_write(),
        NodeEnum::UnlistenStmt(_) => control("unlisten").may_write(),
        NodeEnum::NotifyStmt(NotifyStmt { .. }) => Found::new("notify", Kind::Write),
        NodeEnum::DeallocateStmt(deallocate) => {
            let name = (!deallocate.isall).then(|| deallocate.name.clone());
            control("deallocate").effect(Effect::Deallocate { name })
        }
        NodeEnum::ClosePortalStmt(close) => {
            let name = (!close.portalname.is_empty()).then(|| close.portalname.clone());
            control("close cursor").effect(Effect::CloseCursor { name })
        }
        NodeEnum::FetchStmt(fetch) => {
            let verb = if fetch.ismove { "move" } else { "fetch" };
            Found::new(verb, Kind::Read).effect(Effect::Fetch { name: fetch.portalname.clone() })
        }
        NodeEnum::ExecuteStmt(execute) => {
            let settings = execute.params.iter().map(settings::is_harmless).collect();
            let effect = Effect::Execute { name: execute.name.clone(), settings };
            with_arguments(Found::new("execute", Kind::Read).effect(effect), &execute.params, catalog)
        }
        _ => return None,
    };
    Some(found)
}

fn control(verb: &str) -> Found {
    Found::new(verb, Kind::SessionControl)
}

fn transaction_control(transaction: &TransactionStmt) -> Found {
    use TransactionStmtKind as T;
    let verb = match TransactionStmtKind::try_from(transaction.kind) {
        Ok(T::TransStmtBegin) => "begin",
        Ok(T::TransStmtStart) => "start transaction",
        Ok(T::TransStmtCommit) => "commit",
        Ok(T::TransStmtRollback) => "rollback",
        Ok(T::TransStmtSavepoint) => "savepoint",
        Ok(T::TransStmtRelease) => "release",
        Ok(T::TransStmtRollbackTo) => "rollback to",
        Ok(T::TransStmtPrepare) => return super::administration("prepare transaction"),
        Ok(T::TransStmtCommitPrepared) => return super::administration("commit prepared"),
        Ok(T::TransStmtRollbackPrepared) => return super::administration("rollback prepared"),
        Ok(T::Undefined) | Err(_) => return super::not_reviewed(),
    };
    Found::new(verb, Kind::Transaction)
}

fn set_variable(set: &VariableSetStmt) -> Found {
    let (verb, checked) = match VariableSetKind::try_from(set.kind) {
        Ok(VariableSetKind::VarSetValue) => ("set", check_values(set)),
        Ok(VariableSetKind::VarSetDefault | VariableSetKind::VarSetCurrent) => {
            ("set", settings::check_reset(&set.name))
        }
        Ok(VariableSetKind::VarReset) => ("reset", settings::check_reset(&set.name)),
        Ok(VariableSetKind::VarResetAll) => ("reset", Ok(())),
        // TRANSACTION, SESSION CHARACTERISTICS, TRANSACTION SNAPSHOT.
        Ok(VariableSetKind::VarSetMulti) => ("set", Ok(())),
        Ok(VariableSetKind::Undefined) | Err(_) => ("set", Err(refusal::not_reviewed("this form of SET"))),
    };
    let found = control(verb);
    match checked {
        Ok(()) => found,
        Err(refusal) => found.refused(refusal),
    }
}

fn check_values(set: &VariableSetStmt) -> Result<(), Refusal> {
    let value = match set.args.as_slice() {
        [only] => constant(only),
        _ => None,
    };
    settings::check_value(&set.name, value.as_deref())
}

fn constant(node: &Node) -> Option<String> {
    let Some(NodeEnum::AConst(constant)) = &node.node else { return None };
    match constant.val.as_ref()? {
        Val::Sval(value) => Some(value.sval.clone()),
        Val::Ival(value) => Some(value.ival.to_string()),
        Val::Boolval(value) => Some(value.boolval.to_string()),
        Val::Fval(_) | Val::Bsval(_) => None,
    }
}

/// Arguments of EXECUTE are expressions, which run here and now, beside what was prepared and is decided about. So
/// they compute values, and do nothing else.
pub(super) fn with_arguments(found: Found, arguments: &[Node], catalog: &Catalog) -> Found {
    let facts = walk::expressions(arguments, None, Place::Expression);
    let found = Found { gives_mask: facts.gives_mask, ..found };
    let is_a_users = facts.calls.iter().any(|call| functions::may_be_a_users(call, catalog))
        || facts.operators.iter().any(|name| query::is_user_operator(name, catalog));
    match query::judge(&facts, None, catalog) {
        Ok(judged) if judged.consequence == Consequence::None && !is_a_users => found,
        Ok(_) => found.refused(refusal::refusal(
            ReasonCode::NotUnderstood,
            None,
            "arguments of EXECUTE may call PostgreSQL's own functions that compute, and no others".to_owned(),
            "Give the value itself, or call the function in a statement of its own.",
        )),
        Err(refusal) => found.refused(refusal),
    }
}
