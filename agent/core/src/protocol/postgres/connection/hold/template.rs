//! What an approval with any values would be for: everything that a [`Binding`] holds but constants and parameters.
//! What they do to the decision about a statement stays bound, since what is approved is a kind of change: that a
//! value makes a condition true of every row is another one.

use connect_shared::entry::TextRef;

use super::super::{
    Connection,
    deny::Denied,
    stage::{Carrier, Execution},
};
use crate::{
    approval::{Binder, Binding},
    statement::{Kind, Statement},
};

/// Statements whose constants are values. In others a constant may be code: the body of a DO block or a function.
const VERBS: [&str; 5] = ["select", "insert", "update", "delete", "merge"];

impl Connection {
    /// `None` where a rule that holds it does not permit one, it is more than one statement, or has no normal form.
    pub(super) fn template(
        &self,
        denied: &Denied,
        executions: &[Execution],
        carrier: &Carrier,
    ) -> Option<Binding> {
        // What holds another one beside it is not known here.
        let [execution] = executions else { return None };
        let permitted = denied.need.as_ref().is_some_and(|need| need.template);
        let form = form(&execution.facts).filter(|_| permitted)?;
        let mut binder = self.binder(b"with any values", executions.len(), carrier);
        for reason in &denied.decision.reasons {
            binder.part(reason.policy.as_bytes());
        }
        binder.part(form.as_bytes());
        bind_effects(&mut binder, &execution.facts);
        self.bind_meaning(&mut binder, execution);
        self.bind_catalog(&mut binder, executions);
        Some(binder.finish())
    }
}

/// What values do to what is decided.
fn bind_effects(binder: &mut Binder, facts: &Statement) {
    let Statement { proof, protection, shapes, changes, lookups, shown, assigned, .. } = facts;
    let effects = format!("{proof:?}{protection:?}{shapes:?}{changes:?}{lookups:?}{shown:?}{assigned:?}");
    binder.part(effects.as_bytes());
}

fn form(facts: &Statement) -> Option<&str> {
    let known = matches!(facts.text, TextRef::Fingerprint(_));
    let plain = matches!(facts.kind, Kind::Read | Kind::Write) && VERBS.contains(&facts.verb.as_str());
    facts.normalized.as_deref().filter(|_| known && plain)
}
