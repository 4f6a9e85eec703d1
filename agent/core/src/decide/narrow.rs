//! What holds before any policy is asked: the tables that a grant is narrowed to, and that an AI agent holds no
//! locks.

use connect_shared::decision::{Reason, ReasonCode};

use super::{Asking, ask};
use crate::{
    catalog::FIRST_NORMAL_OID,
    lineage::Status,
    statement::{Kind, Shape, Statement},
};

/// Relations of the server that hold values of tables: they are part of no table that a grant names.
const BEARING: [&str; 7] = [
    "pg_catalog.pg_largeobject",
    "pg_catalog.pg_statistic",
    "pg_catalog.pg_statistic_ext_data",
    "pg_catalog.pg_stats",
    "pg_catalog.pg_stats_ext",
    "pg_catalog.pg_stats_ext_exprs",
    "pg_catalog.pg_stat_activity",
];

/// Why a statement is denied whatever policies say.
pub(super) fn denied(asking: &Asking<'_>, statement: &Statement) -> Option<(Reason, &'static str)> {
    if ask::is_agent(asking.principal) && statement.shapes.contains(&Shape::Lock) {
        let message = "an AI agent holds no locks, and this statement takes one".to_owned();
        let hint = "Read without it, or let the human whom it acts for take the lock.";
        return Some(reason("default/agent-locks", None, message, hint));
    }
    outside(asking, statement)
}

/// Of a statement that goes beyond the tables of its grant.
fn outside(asking: &Asking<'_>, statement: &Statement) -> Option<(Reason, &'static str)> {
    let narrowed = &asking.grant.narrowed;
    if narrowed.tables.is_empty() {
        return None;
    }
    let hint = || format!("It is for {}. Ask whoever handed it on for more.", narrowed.tables.join(", "));
    let beyond =
        |object: Option<String>, message: String| Some(reason("grant/tables", object, message, &hint()));
    if !matches!(statement.kind, Kind::Read | Kind::Write | Kind::Transaction | Kind::SessionControl) {
        let message = format!("{} needs more than a grant for some tables", statement.verb.to_uppercase());
        return beyond(None, message);
    }
    let mut named = statement.reads.iter().chain(&statement.writes);
    let is_outside = |name: &&String| match ask::is_system(name) {
        true => BEARING.contains(&name.as_str()),
        false => !narrowed.has(name),
    };
    if let Some(name) = named.find(is_outside) {
        return beyond(Some(name.clone()), format!("the grant is not for `{name}`"));
    }
    // What is not known in full could read anything.
    let is_known = statement.lineage.status == Status::Complete;
    if matches!(statement.kind, Kind::Read | Kind::Write) && !is_known {
        let message = "what it reads is not known in full, and the grant is for some tables".to_owned();
        return beyond(None, message);
    }
    // What a function reads, no name in the statement says.
    if statement.lineage.functions.iter().any(|function| function.0 >= FIRST_NORMAL_OID) {
        let message = "it calls a function that is not PostgreSQL's own, and the grant is for some tables";
        return beyond(None, message.to_owned());
    }
    None
}

fn reason(policy: &str, object: Option<String>, message: String, hint: &str) -> (Reason, &'static str) {
    let code = ReasonCode::NotGranted;
    let reason = Reason { policy: policy.to_owned(), code, object, message, hint: Some(hint.to_owned()) };
    (reason, code.sqlstate())
}
