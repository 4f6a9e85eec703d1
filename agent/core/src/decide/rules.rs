//! The rules of the default policy, in the order in which they speak: the first denial is the answer.

use connect_shared::{
    decision::{Reason, ReasonCode},
    grant::Action,
};

use crate::{
    principal::{GrantInForce, Principal, Resource, ResourceClass},
    statement::{Effect, Kind, Protection, Refusal, Shape, Statement},
};

/// Group whose members are programs, whoever they act for.
const AI_AGENTS: &str = "ai-agents";

/// Administration that a development resource permits: of one's own objects, without lasting effect on
/// the server.
const PLAIN_ADMINISTRATION: [&str; 11] = [
    "analyze",
    "checkpoint",
    "cluster",
    "commit prepared",
    "lock table",
    "prepare transaction",
    "refresh materialized view",
    "reindex",
    "rollback prepared",
    "vacuum",
    "vacuum full",
];

/// Hint where only an approval could help.
const NO_APPROVERS: &str = "This needs an approval, and no approvers are configured for this resource.";

/// What a rule has against a statement.
pub(super) enum Objection {
    /// With the SQLSTATE to show.
    Deny(Reason, &'static str),
    /// Unless somebody approves it.
    Hold(Reason),
}

/// The rule that permits a kind of statement.
pub(super) const fn permitting(kind: Kind) -> &'static str {
    match kind {
        Kind::Read => "default/read",
        Kind::Write => "default/write",
        Kind::SchemaChange => "default/schema-change",
        Kind::Privilege => "default/privilege",
        Kind::Administration => "default/administration",
        Kind::Transaction | Kind::SessionControl => "default/transaction",
    }
}

/// What stands against a statement: the first denial, else the first hold. None where it may run.
pub(super) fn objection(
    principal: &Principal,
    grant: &GrantInForce,
    resource: &Resource,
    statement: &Statement,
) -> Option<Objection> {
    if let Protection::Refused(refusal) = &statement.protection {
        return Some(refused(refusal));
    }
    let mut held = None;
    let all = server_file(statement)
        .into_iter()
        .chain(kind(grant, resource, statement))
        .chain(ai_agent(principal, statement))
        .chain(shapes(resource, statement));
    for objection in all {
        match objection {
            Objection::Deny(..) => return Some(objection),
            // PREPARE runs nothing: what it names is held when it is executed.
            Objection::Hold(_) if matches!(statement.effect, Effect::Prepare { .. }) => {}
            Objection::Hold(_) => {
                held.get_or_insert(objection);
            }
        }
    }
    held
}

fn denied(reason: Reason) -> Objection {
    let sqlstate = reason.code.sqlstate();
    Objection::Deny(reason, sqlstate)
}

/// Held where somebody may approve it; elsewhere denied.
fn needs_approval(resource: &Resource, reason: Reason) -> Objection {
    if resource.approvers.is_empty() {
        return denied(reason);
    }
    let waits = format!("It waits until {} approves it.", resource.approvers.join(" or "));
    let hint = match reason.hint {
        Some(hint) if reason.code == ReasonCode::UnboundedWrite => format!("{hint} {waits}"),
        _ => waits,
    };
    Objection::Hold(Reason { hint: Some(hint), ..reason })
}

fn refused(refusal: &Refusal) -> Objection {
    let reason = Reason {
        policy: "default/understood".to_owned(),
        code: refusal.code,
        object: refusal.object.clone(),
        message: refusal.message.clone(),
        hint: refusal.hint.clone(),
    };
    Objection::Deny(reason, refusal.sqlstate.unwrap_or_else(|| refusal.code.sqlstate()))
}

fn reason(policy: &str, code: ReasonCode, message: String, hint: &str) -> Reason {
    Reason {
        policy: policy.to_owned(),
        code,
        object: None,
        message,
        hint: (!hint.is_empty()).then(|| hint.to_owned()),
    }
}

fn server_file(statement: &Statement) -> Option<Objection> {
    statement.shapes.contains(&Shape::ServerFile).then(|| {
        denied(reason(
            "default/server-file",
            ReasonCode::Administration,
            "COPY to or from a file or program runs on the database server".to_owned(),
            "Use \\copy or COPY … TO STDOUT, which move rows through this connection.",
        ))
    })
}

fn kind(grant: &GrantInForce, resource: &Resource, statement: &Statement) -> Vec<Objection> {
    let objections = match statement.kind {
        Kind::Transaction | Kind::SessionControl => [None, None],
        Kind::Read => [needs(Action::Read, grant, statement), None],
        Kind::Write => [needs(Action::Write, grant, statement), None],
        Kind::SchemaChange => {
            let production =
                development("default/schema-change", ReasonCode::SchemaChange, resource, statement);
            [production, needs(Action::Write, grant, statement)]
        }
        Kind::Privilege => [Some(privilege(resource, statement)), needs(Action::Write, grant, statement)],
        Kind::Administration => administration(grant, resource, statement),
    };
    objections.into_iter().flatten().collect()
}

fn privilege(resource: &Resource, statement: &Statement) -> Objection {
    let reason = reason(
        "default/privilege",
        ReasonCode::Privilege,
        format!("{} changes who may do what", statement.verb.to_uppercase()),
        "Privileges are changed by an administrator of the database, not through connect.",
    );
    needs_approval(resource, reason)
}

fn needs(action: Action, grant: &GrantInForce, statement: &Statement) -> Option<Objection> {
    if grant.actions.contains(&action) {
        return None;
    }
    let (name, hint) = match action {
        Action::Read => ("read", "Ask for a grant that reads."),
        Action::Write => ("write", "Ask an administrator of this resource for the action write."),
    };
    let policy = permitting(statement.kind);
    let message =
        format!("{} needs the action {name}, and the grant does not carry it", statement.verb.to_uppercase());
    Some(denied(reason(policy, ReasonCode::NotGranted, message, hint)))
}

/// Only a resource for development permits it unasked.
fn development(
    policy: &str,
    code: ReasonCode,
    resource: &Resource,
    statement: &Statement,
) -> Option<Objection> {
    (resource.class != ResourceClass::Development).then(|| {
        let verb = statement.verb.to_uppercase();
        let message = format!("{verb} is not permitted on `{}`, which is production", resource.name);
        needs_approval(resource, reason(policy, code, message, NO_APPROVERS))
    })
}

fn administration(
    grant: &GrantInForce,
    resource: &Resource,
    statement: &Statement,
) -> [Option<Objection>; 2] {
    let policy = "default/administration";
    let code = ReasonCode::Administration;
    if PLAIN_ADMINISTRATION.contains(&statement.verb.as_str()) {
        return [development(policy, code, resource, statement), needs(Action::Write, grant, statement)];
    }
    let message = format!("{} administers the server", statement.verb.to_uppercase());
    [Some(denied(reason(policy, code, message, "Ask an administrator of the database."))), None]
}

fn ai_agent(principal: &Principal, statement: &Statement) -> Option<Objection> {
    let is_program =
        principal.reference.actor.is_some() || principal.groups.iter().any(|group| group == AI_AGENTS);
    let reads = matches!(statement.kind, Kind::Read | Kind::Transaction | Kind::SessionControl);
    (is_program && !reads).then(|| {
        denied(reason(
            "default/ai-agent",
            ReasonCode::NotGranted,
            format!("AI agents read; {} does more", statement.verb.to_uppercase()),
            "Let the person it acts for send this statement.",
        ))
    })
}

fn shapes(resource: &Resource, statement: &Statement) -> Vec<Objection> {
    let objections = statement.shapes.iter().filter_map(|shape| match shape {
        Shape::Unbounded { relation, verb } => Some(unbounded(relation, verb)),
        Shape::Destructive { what } if resource.class != ResourceClass::Development => {
            let message = format!("{what} is not permitted on `{}`, which is production", resource.name);
            Some(reason("default/destructive", ReasonCode::Destructive, message, NO_APPROVERS))
        }
        Shape::Destructive { .. } | Shape::ServerFile => None,
    });
    objections.map(|reason| needs_approval(resource, reason)).collect()
}

fn unbounded(relation: &str, verb: &str) -> Reason {
    let what = match verb {
        "delete" => "delete",
        _ => "change",
    };
    let message = format!("this would {what} every row of `{relation}`");
    let hint = format!("Say which rows: add a WHERE that depends on a column of {relation}.");
    Reason {
        object: Some(relation.to_owned()),
        ..reason("default/unbounded-write", ReasonCode::UnboundedWrite, message, &hint)
    }
}
