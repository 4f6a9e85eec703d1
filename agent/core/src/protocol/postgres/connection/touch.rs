//! What whoever approves a statement wants to know of a database: how many rows it would touch.

use connect_shared::ids::StatementId;

use super::{
    Connection, Transaction,
    stage::{Carrier, Execution},
};
use crate::{
    decide::{Asking, Verdict},
    protocol::postgres::values::Values,
    radius::{MAY_NOT_READ, Part, Question},
    session::Session,
    statement::Statement,
};

/// Settings of a beginning connection by which dates and intervals are read.
const READS_CONSTANTS: [&str; 3] = ["DateStyle", "IntervalStyle", "TimeZone"];

impl Connection {
    /// The question, for the agent to ask. Nothing of it is decided on.
    pub(super) fn radius(&self, executions: &[Execution], carrier: &Carrier) -> Option<Question> {
        let catalog = self.setup.catalog.as_deref()?;
        let unknown = Session::default();
        let session = self.session_ahead().unwrap_or(&unknown);
        let parts: Vec<Part<'_>> = executions
            .iter()
            .map(|execution| Part {
                facts: &execution.facts,
                text: &execution.text,
                place: execution.prepared.place,
                literals: literals(execution, carrier),
            })
            .collect();
        // What is asked about its rows is what it could ask itself.
        let may_read = |facts: &Statement| {
            // Its constants may mean something else on the agent's own connection.
            if !self.has_no_trail() {
                return Err("this session has settings of its own");
            }
            if self.is_permitted(facts, session) { Ok(()) } else { Err(MAY_NOT_READ) }
        };
        let mut question = Question::of(&parts, catalog, session, may_read)?;
        if let Some(plan) = &mut question.plan {
            let given = self
                .startup_settings()
                .filter(|(name, _)| READS_CONSTANTS.iter().any(|known| name.eq_ignore_ascii_case(known)));
            // Nobody else sees what this transaction has changed, or what stands before it in a pipeline.
            plan.exact &= self.transaction == Transaction::Idle && matches!(carrier, Carrier::Query);
            plan.settings = given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        }
        if self.transaction != Transaction::Idle {
            question.unknown.push("what its transaction has changed before it".to_owned());
        }
        Some(question)
    }

    fn is_permitted(&self, facts: &Statement, session: &Session) -> bool {
        let setup = &self.setup;
        let asking = Asking {
            principal: &setup.facts.principal,
            grant: &setup.grant,
            resource: &setup.facts.resource,
            purpose: session.purpose().map(|purpose| &**purpose),
            wall: setup.wall + self.now.saturating_duration_since(setup.opened),
        };
        // No entry will ever have this id: the permit is not spent.
        let id = StatementId::from_random([0; 16]);
        matches!(self.policies.decide(&asking, facts, id, None), Verdict::Permit(..))
    }
}

/// Values that stand in place of parameters, as far as they are kept.
fn literals(execution: &Execution, carrier: &Carrier) -> Vec<Option<String>> {
    let bound = match carrier {
        Carrier::Execute { portal, .. } => portal.values.as_ref(),
        Carrier::Query => None,
    };
    bound.or(execution.given.as_ref()).map(Values::literals).unwrap_or_default()
}
