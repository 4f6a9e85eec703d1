//! What an approval with any values would be for: everything that a [`Binding`] holds but constants and parameters
//! that are plainly values. Any other may be code, a name or a place, and is bound as it is written. What values do to
//! the decision about a statement stays bound, since what is approved is a kind of change: that a value makes a
//! condition true of every row is another one.

use connect_shared::entry::TextRef;

use super::super::{
    Connection,
    deny::Denied,
    stage::{Carrier, Execution},
};
use crate::{
    approval::{Binder, Binding},
    catalog::FIRST_NORMAL_OID,
    lineage::Status,
    statement::{Kind, Statement},
    understand::{self, Form},
};

/// Statements that have plain values. In others a constant may be code: the body of a DO block or a function.
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
        let is_known = permitted && has_form(&execution.facts);
        let (text, place) = (&execution.text, execution.prepared.place);
        let catalog = self.setup.catalog.as_deref().filter(|_| is_known)?;
        let form = understand::form(text, place, catalog, &self.setup.limits)?;
        let mut binder = self.binder(b"with any values", executions.len(), carrier);
        for reason in &denied.decision.reasons {
            binder.part(reason.policy.as_bytes());
        }
        binder.parts(form.parts.iter().map(String::as_str));
        bind_parameters(&mut binder, &form, execution, carrier);
        bind_effects(&mut binder, &execution.facts);
        self.bind_meaning(&mut binder, execution);
        self.bind_catalog(&mut binder, executions);
        Some(binder.finish())
    }
}

/// Their types decide what is called; where they are no plain values, they are part of the form.
fn bind_parameters(binder: &mut Binder, form: &Form, execution: &Execution, carrier: &Carrier) {
    binder.part(&execution.prepared.types);
    if let Carrier::Execute { portal, .. } = carrier {
        binder.part(format!("{:?}", portal.shapes).as_bytes());
    }
    if form.needs_parameters {
        match super::values(carrier) {
            Some(values) => values.parts().into_iter().for_each(|part| binder.part(part)),
            None => binder.part(execution.binds.digest()),
        }
    }
}

/// What values do to what is decided.
fn bind_effects(binder: &mut Binder, facts: &Statement) {
    let Statement { proof, protection, shapes, changes, lookups, shown, assigned, lineage, .. } = facts;
    let effects = format!("{proof:?}{protection:?}{shapes:?}{changes:?}{lookups:?}{shown:?}{assigned:?}");
    binder.part(effects.as_bytes());
    binder.part(format!("{:?}", lineage.functions).as_bytes());
}

/// Everything that it calls is known, and PostgreSQL's own: what somebody else's code makes of a value nobody knows.
fn has_form(facts: &Statement) -> bool {
    let known = matches!(facts.text, TextRef::Fingerprint(_)) && facts.lineage.status == Status::Complete;
    let plain = matches!(facts.kind, Kind::Read | Kind::Write) && VERBS.contains(&facts.verb.as_str());
    let own = facts.lineage.functions.iter().all(|function| function.0 < FIRST_NORMAL_OID);
    known && plain && own
}
