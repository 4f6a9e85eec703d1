//! What the rules say about a statement: the first denial, the first hold, or the permission with what it is
//! bound to. Deny beats hold beats permit.

use std::time::Duration;

use connect_shared::decision::{Obligation, Reason};

use super::{
    Asking, Policies,
    ask::{self, Target, World},
    column,
    limit::{self, Limits},
    narrow,
    set::{Rule, Spoken},
    words::{self, Subject},
};
use crate::{
    approval::Approved,
    statement::{Effect, Protection, Refusal, Statement},
};

/// What the rules say, without what only one execution has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    pub(super) denied: Option<(Reason, &'static str)>,
    pub(super) held: Option<(Reason, Need)>,
    /// Why it may run, if nothing stands against it.
    pub(super) permitted: Reason,
    /// What was approved for a time and lets it run or shows it something: each names its request.
    pub(super) by_leave: Vec<Reason>,
    /// Some of that lets it run at all.
    pub(super) released: bool,
    pub(super) obligations: Vec<Obligation>,
    /// What rules in shadow mode would have said.
    pub(super) shadow: Vec<Reason>,
    pub(super) digest: String,
}

/// Who must approve what is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// `group:X`, `principal:X`; empty: the approvers of the resource.
    pub who: Vec<String>,
    /// How many different persons.
    pub count: u32,
    /// How long it can be run then; `None`: as the agent is configured.
    pub window: Option<Duration>,
    /// Whether its form may be approved with any values.
    pub template: bool,
}

/// What the rules that count, or those with the ones in shadow mode, come to.
#[derive(Default)]
struct Sum<'p> {
    denied: Option<(Reason, &'static str)>,
    held: Option<(Reason, Need)>,
    /// Every rule that holds it.
    held_by: Vec<String>,
    permitted: Option<&'p Rule>,
    limits: Limits,
}

/// With what was approved for a time as context, where that speaks of all that would hold it: what is denied stays
/// so, and what such an approval changes for the rules themselves they say.
pub(super) fn evaluate(
    policies: &Policies,
    asking: &Asking<'_>,
    statement: &Statement,
    approved: Option<Approved<'_>>,
) -> Evaluated {
    let (evaluated, held_by) = by_rules(policies, asking, statement, approved);
    let leave = match (&evaluated.denied, &evaluated.held, approved) {
        (None, Some(_), None) => asking.released_by(&held_by, policies.digest()),
        _ => None,
    };
    let Some(leave) = leave else { return evaluated };
    let (mut released, held_by) = by_rules(policies, asking, statement, Some(leave.approved()));
    // Another rule may hold what is approved.
    if !held_by.is_empty() && !leave.releases(&held_by, policies.digest()) {
        return evaluated;
    }
    released.held = None;
    if let Some((held, _)) = &evaluated.held {
        released.by_leave.insert(0, super::by_approval(&held.policy, leave.approved()));
        released.released = true;
    }
    released
}

fn by_rules(
    policies: &Policies,
    asking: &Asking<'_>,
    statement: &Statement,
    approved: Option<Approved<'_>>,
) -> (Evaluated, Vec<String>) {
    let mut evaluated = Evaluated {
        denied: None,
        held: None,
        permitted: words::granted(None, statement),
        by_leave: column::by_leave(asking, statement),
        released: false,
        obligations: obligations(statement),
        shadow: Vec::new(),
        digest: policies.digest().to_owned(),
    };
    if let Protection::Refused(refusal) = &statement.protection {
        evaluated.denied = Some(refused(refusal));
        return (evaluated, Vec::new());
    }
    if let Some(denied) = narrow::denied(asking, statement) {
        evaluated.denied = Some(denied);
        return (evaluated, Vec::new());
    }
    let questions = ask::questions(statement, policies.speaks_of_columns() || column::needs_leave(statement));
    let (mut real, mut shadow) = (Sum::default(), Sum::default());
    for who in ask::everybody(asking.principal) {
        let world = match World::new(policies, asking, who, statement, &questions, approved) {
            Ok(world) => world,
            Err(error) => {
                evaluated.denied = Some(words::failed(&error));
                return (evaluated, Vec::new());
            }
        };
        for (act, target) in &questions {
            let subject = Subject { act: *act, target, asking, statement };
            let spoken = world.ask(*act, target);
            real.add(&spoken, &subject, Mode::Real);
            if let Target::Column(name, _) = target {
                let mut columns = ask::labelled(statement).filter(|column| column.name == *name);
                if !columns.all(|column| column::holds(asking, &spoken, column)) {
                    real.denied.get_or_insert_with(|| words::seen_otherwise(name));
                }
            }
            if policies.has_shadow() {
                shadow.add(&spoken, &subject, Mode::WithShadow);
            }
        }
    }
    if policies.has_shadow() {
        evaluated.shadow = difference(&real, &shadow);
    }
    evaluated.permitted = words::granted(real.permitted, statement);
    evaluated.denied = real.denied;
    let limits = real.limits.into_obligations();
    evaluated.obligations.extend(limits.filter(|limit| limit::binds(statement, limit)));
    // PREPARE runs nothing: what it names is held when it is executed.
    if !matches!(statement.effect, Effect::Prepare { .. }) {
        evaluated.held = real.held;
    }
    (evaluated, real.held_by)
}

/// Which rules count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Real,
    WithShadow,
}

impl<'p> Sum<'p> {
    fn add(&mut self, spoken: &Spoken<'p>, subject: &Subject<'_>, mode: Mode) {
        let counts = |rule: &&&'p Rule| mode == Mode::WithShadow || !rule.shadow;
        if let Some(error) = &spoken.failed {
            self.denied.get_or_insert_with(|| words::failed(error));
            return;
        }
        for rule in spoken.permits.iter().filter(counts) {
            self.limits.add(rule);
        }
        match spoken.permits.iter().find(counts) {
            Some(rule) => {
                self.permitted.get_or_insert(rule);
            }
            None => {
                self.denied.get_or_insert_with(|| words::not_permitted(subject));
            }
        }
        for rule in spoken.forbids.iter().filter(counts) {
            match &rule.approval {
                Some(approval) if approval.asks_anybody(subject.asking.resource) => {
                    let need = Need {
                        who: approval.who.clone(),
                        count: approval.count,
                        window: approval.window,
                        template: approval.template,
                    };
                    if !self.held_by.contains(&rule.id) {
                        self.held_by.push(rule.id.clone());
                    }
                    let reason = words::held(rule, subject, &need);
                    match &mut self.held {
                        // One request is for all of them: nobody who is asked is left out.
                        Some((_, known)) => known.add(&need),
                        None => self.held = Some((reason, need)),
                    }
                }
                _ => {
                    self.denied.get_or_insert_with(|| words::denied(rule, subject));
                }
            }
        }
    }
}

impl Need {
    /// The stricter of both. Where different people are asked, those of the resource decide about neither
    /// alone: the first list stays and the count grows.
    fn add(&mut self, other: &Self) {
        self.count = self.count.max(other.count);
        self.template &= other.template;
        self.window = match (self.window, other.window) {
            (Some(one), Some(another)) => Some(one.min(another)),
            (one, another) => one.or(another),
        };
        if self.who.is_empty() {
            self.who.clone_from(&other.who);
        }
    }
}

/// What the rules in shadow mode would change.
fn difference(real: &Sum<'_>, shadow: &Sum<'_>) -> Vec<Reason> {
    let kind = |sum: &Sum<'_>| (sum.denied.is_some(), sum.held.is_some());
    if kind(real) == kind(shadow) {
        return Vec::new();
    }
    match (&shadow.denied, &shadow.held) {
        (Some((reason, _)), _) => vec![reason.clone()],
        (None, Some((reason, _))) => vec![reason.clone()],
        (None, None) => shadow.permitted.map(words::would_permit).into_iter().collect(),
    }
}

pub(super) fn refused(refusal: &Refusal) -> (Reason, &'static str) {
    let reason = Reason {
        policy: "default/understood".to_owned(),
        code: refusal.code,
        object: refusal.object.clone(),
        message: refusal.message.clone(),
        hint: refusal.hint.clone(),
    };
    (reason, refusal.sqlstate.unwrap_or_else(|| refusal.code.sqlstate()))
}

pub(super) fn obligations(statement: &Statement) -> Vec<Obligation> {
    let masked = ask::protected(statement).iter();
    let masked = masked.map(|column| Obligation::Mask { column: column.name.clone(), label: column.label });
    let shown = statement.shown.iter();
    let shown = shown.map(|column| Obligation::Show { column: column.name.clone(), label: column.label });
    masked.chain(shown).collect()
}

#[cfg(test)]
mod tests {
    use connect_shared::decision::ReasonCode;

    use super::*;

    #[test]
    fn of_two_needs_the_stricter_counts() {
        let need = |who: &[&str], count, window: Option<u64>| Need {
            who: who.iter().map(|who| (*who).to_owned()).collect(),
            count,
            window: window.map(Duration::from_secs),
            template: false,
        };
        let mut one = need(&[], 1, Some(60));
        one.add(&need(&["group:dba"], 2, Some(30)));
        assert_eq!(one, need(&["group:dba"], 2, Some(30)));
    }

    #[test]
    fn a_refusal_keeps_the_servers_own_sqlstate() {
        let refusal = Refusal {
            code: ReasonCode::NotUnderstood,
            object: None,
            message: "why".into(),
            hint: None,
            sqlstate: Some("42601"),
            unknown_object: None,
        };
        assert_eq!(refused(&refusal).1, "42601");
    }
}
