//! What is said to people about a decision: the rule, the object, and what would pass or whom to ask.

use connect_shared::{
    decision::{Reason, ReasonCode},
    grant::Action,
};

use super::{
    Asking, Need,
    ask::{self, Target},
    set::{Act, Rule},
};
use crate::statement::{Kind, Shape, Statement};

/// Hint where only an approval could help.
const NO_APPROVERS: &str = "This needs an approval, and no approvers are configured for this resource.";

/// What a rule spoke about.
pub(super) struct Subject<'a> {
    pub(super) act: Act,
    pub(super) target: &'a Target,
    pub(super) asking: &'a Asking<'a>,
    pub(super) statement: &'a Statement,
}

impl Subject<'_> {
    fn verb(&self) -> String {
        self.statement.verb.to_uppercase()
    }

    fn object(&self) -> Option<String> {
        match self.target {
            Target::Database => None,
            Target::Table(name) | Target::Column(name, _) => Some(name.clone()),
        }
    }

    fn place(&self) -> &str {
        match self.target {
            Target::Database => &self.asking.resource.name,
            Target::Table(name) | Target::Column(name, _) => name,
        }
    }
}

/// It may run.
pub(super) fn granted(rule: Option<&Rule>, statement: &Statement) -> Reason {
    Reason {
        policy: rule.map_or_else(|| permitting(statement.kind).to_owned(), |rule| rule.id.clone()),
        code: ReasonCode::Granted,
        object: None,
        message: "within the grant".to_owned(),
        hint: None,
    }
}

/// A rule in shadow mode would have let it run.
pub(super) fn would_permit(rule: &Rule) -> Reason {
    Reason {
        policy: rule.id.clone(),
        code: ReasonCode::Granted,
        object: None,
        message: "it would be permitted".to_owned(),
        hint: None,
    }
}

/// A policy could not be evaluated.
pub(super) fn failed(error: &str) -> (Reason, &'static str) {
    let reason = Reason {
        policy: "default/understood".to_owned(),
        code: ReasonCode::NotUnderstood,
        object: None,
        message: format!("a policy cannot be evaluated for this statement: {error}"),
        hint: Some("Tell the operator of the agent.".to_owned()),
    };
    (reason, "42501")
}

/// The rule of the default policy that would permit a kind of statement.
const fn permitting(kind: Kind) -> &'static str {
    match kind {
        Kind::Read => "default/read",
        Kind::Write => "default/write",
        Kind::SchemaChange | Kind::Privilege => "default/change",
        Kind::Administration => "default/maintain",
        Kind::Transaction | Kind::SessionControl => "default/transaction",
    }
}

/// No rule permits it.
pub(super) fn not_permitted(subject: &Subject<'_>) -> (Reason, &'static str) {
    let verb = subject.verb();
    let policy = permitting(subject.statement.kind);
    if subject.act == Act::Admin && !ask::is_ordinary(&subject.statement.verb) {
        let message = format!("{verb} administers the server");
        let hint = "Ask an administrator of the database.";
        return coded(reason("default/administration", ReasonCode::Administration, message, hint));
    }
    let (needed, name, hint) = match subject.act {
        Act::Read | Act::Connect | Act::Copy | Act::Call => {
            (Action::Read, "read", "Ask for a grant that reads.")
        }
        _ => (Action::Write, "write", "Ask an administrator of this resource for the action write."),
    };
    if !subject.asking.grant.actions.contains(&needed) {
        let message = format!("{verb} needs the action {name}, and the grant does not carry it");
        return coded(reason(policy, ReasonCode::NotGranted, message, hint));
    }
    let message = format!("no policy permits to {} `{}`", subject.act.as_str(), subject.place());
    let hint = "Ask an administrator of this resource for a policy that permits it.";
    let object = subject.object();
    coded(Reason { object, ..reason("none", ReasonCode::NotGranted, message, hint) })
}

/// Policies say less of a column than the connection would show, or say it of other statements only.
pub(super) fn seen_otherwise(column: &str) -> (Reason, &'static str) {
    let message = format!("`{column}` may not be shown by this statement, or not any more");
    let hint = "A connection that is opened now shows what may be seen now; `connect explain` says how.";
    let object = Some(column.to_owned());
    coded(Reason { object, ..reason("default/mask", ReasonCode::Policy, message, hint) })
}

/// A rule forbids it, and nobody can lift that.
pub(super) fn denied(rule: &Rule, subject: &Subject<'_>) -> (Reason, &'static str) {
    let mut reason = said(rule, subject);
    if rule.approval.is_some() && reason.code != ReasonCode::UnboundedWrite && rule.hint.is_none() {
        reason.hint = Some(NO_APPROVERS.to_owned());
    }
    coded(reason)
}

/// A rule forbids it unless somebody approves it.
pub(super) fn held(rule: &Rule, subject: &Subject<'_>, need: &Need) -> Reason {
    let reason = said(rule, subject);
    let waits = match (need.who.as_slice(), need.count) {
        ([], 1) => format!("It waits until {} approves it.", subject.asking.resource.approvers.join(" or ")),
        ([], count) => {
            let names = subject.asking.resource.approvers.join(" or ");
            format!("It waits until {count} of {names} approve it.")
        }
        (who, 1) => format!("It waits until {} approves it.", names(who)),
        (who, count) => format!("It waits until {count} of {} approve it.", names(who)),
    };
    let hint = match (&rule.hint, reason.hint) {
        (Some(hint), _) => format!("{hint} {waits}"),
        (None, Some(hint)) if reason.code == ReasonCode::UnboundedWrite => format!("{hint} {waits}"),
        _ => waits,
    };
    Reason { hint: Some(hint), ..reason }
}

/// `dba or li@example.com`
#[must_use]
pub fn names(who: &[String]) -> String {
    let plain = who.iter().map(|who| who.split_once(':').map_or(who.as_str(), |(_, name)| name));
    plain.collect::<Vec<_>>().join(" or ")
}

fn coded(reason: Reason) -> (Reason, &'static str) {
    let sqlstate = reason.code.sqlstate();
    (reason, sqlstate)
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

/// In its own words, in ours for a rule of the default policy, else plainly.
fn said(rule: &Rule, subject: &Subject<'_>) -> Reason {
    let known = known(&rule.id, subject);
    let plain = || {
        let message = format!("a policy forbids to {} `{}`", subject.act.as_str(), subject.place());
        Reason { object: subject.object(), ..reason(&rule.id, ReasonCode::Policy, message, "") }
    };
    let mut reason = known.unwrap_or_else(plain);
    if let Some(message) = &rule.message {
        reason.message.clone_from(message);
    }
    if rule.hint.is_some() {
        reason.hint.clone_from(&rule.hint);
    }
    reason
}

fn known(id: &str, subject: &Subject<'_>) -> Option<Reason> {
    let verb = subject.verb();
    let production =
        || format!("{verb} is not permitted on `{}`, which is production", subject.asking.resource.name);
    Some(match id {
        "default/server-file" => reason(
            id,
            ReasonCode::Administration,
            "COPY to or from a file or program runs on the database server".to_owned(),
            "Use \\copy or COPY … TO STDOUT, which move rows through this connection.",
        ),
        "default/ai-agent" => reason(
            id,
            ReasonCode::NotGranted,
            format!("AI agents read; {verb} does more"),
            "Let the person it acts for send this statement.",
        ),
        "default/schema-change" => reason(id, ReasonCode::SchemaChange, production(), ""),
        "default/administration" => reason(id, ReasonCode::Administration, production(), ""),
        "default/privilege" => reason(
            id,
            ReasonCode::Privilege,
            format!("{verb} changes who may do what"),
            "Privileges are changed by an administrator of the database, not through connect.",
        ),
        "default/destructive" => {
            let what = subject.statement.shapes.iter().find_map(|shape| match shape {
                Shape::Destructive { what } => Some(what.as_str()),
                _ => None,
            });
            let what = what.unwrap_or(&subject.statement.verb);
            let message =
                format!("{what} is not permitted on `{}`, which is production", subject.asking.resource.name);
            reason(id, ReasonCode::Destructive, message, "")
        }
        "default/unbounded-write" => unbounded(id, subject.statement)?,
        _ => return None,
    })
}

fn unbounded(id: &str, statement: &Statement) -> Option<Reason> {
    let (relation, verb) = statement.shapes.iter().find_map(|shape| match shape {
        Shape::Unbounded { relation, verb } => Some((relation, verb)),
        _ => None,
    })?;
    let what = match *verb {
        "delete" => "delete",
        _ => "change",
    };
    let message = format!("this would {what} every row of `{relation}`");
    let hint = format!("Say which rows: add a WHERE that depends on a column of {relation}.");
    Some(Reason { object: Some(relation.clone()), ..reason(id, ReasonCode::UnboundedWrite, message, &hint) })
}
