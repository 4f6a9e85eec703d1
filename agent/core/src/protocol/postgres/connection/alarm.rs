//! A value that must never leave was on its way to the client: it has not left, and from here on nothing does. The
//! alarm is recorded, the driver takes the grant away from whoever it was, and the connection ends.

use connect_shared::{
    decision::ReasonCode,
    entry::{Entry, StatementResult},
};

use super::{Connection, Expect, run::Run};
use crate::{
    canary::Sighting,
    machine::{Ending, Output},
    record::Claim,
};

impl Connection {
    /// Whether something must not leave that was about to; then this was its end.
    pub(super) fn sees_canary(&mut self) -> bool {
        let Some(sighting) = self.outbox.seen() else { return false };
        if !self.is_finished() {
            self.raise_alarm(&sighting);
        }
        true
    }

    fn raise_alarm(&mut self, sighting: &Sighting) {
        let run = self.take_current_run();
        let facts = &self.setup.facts;
        let entry = Entry::CanarySeen {
            canary: sighting.canary.to_string(),
            form: sighting.form.as_str().to_owned(),
            session: facts.session,
            connection: facts.connection,
            principal: facts.principal.reference.clone(),
            grant: self.setup.grant.id,
            resource: facts.resource.name.clone(),
            statement: run.as_ref().map(|run| run.id),
            run: facts.run,
        };
        self.record(Claim::Unclaimed, entry);
        self.outbox.push(Output::Alarm { canary: sighting.canary.to_string() });
        if let Some(run) = run {
            self.account(run, StatementResult::Cut(ReasonCode::Canary.as_str().to_owned()));
        }
        self.outbox.push(Output::CancelOwn);
        self.end(&Ending {
            code: ReasonCode::Canary.as_str().to_owned(),
            sqlstate: ReasonCode::Canary.sqlstate(),
            message: "what this would have given has a value in it that must never leave this database, so \
                      nothing of it was given, and your access has ended"
                .to_owned(),
            hint: Some("Ask the administrators of this resource; they have been told.".to_owned()),
        });
    }

    /// The statement whose results were coming.
    fn take_current_run(&mut self) -> Option<Run> {
        if let Some(Expect::Query(runs)) = self.in_flight.front_mut() {
            return runs.pop_front();
        }
        match self.in_flight.pop_front()? {
            Expect::Execute(run) => Some(*run),
            other => {
                self.in_flight.push_front(other);
                None
            }
        }
    }
}
