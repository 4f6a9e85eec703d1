//! Persons whose rows go out are counted before these leave, where a policy or the budget of an AI agent limits how
//! many they may be. Elsewhere nobody looks.

use super::{
    Connection,
    respond::{Fault, violation},
};
use crate::{mask::Field, person::Identifying, protocol::postgres::frame::HEADER, usage::persons::Person};

impl Connection {
    /// Finds out of whom the rows of the current statement will be. Without fields: of a COPY.
    pub(super) fn watch_for_persons(&mut self, fields: Option<&[Field]>) {
        let is_actor = self.setup.facts.principal.reference.actor.is_some();
        let Some(catalog) = self.setup.catalog.clone() else { return };
        if let Some(run) = self.current_run()
            && (is_actor || run.bounds.as_ref().is_some_and(|bounds| bounds.limits_persons()))
        {
            run.persons = Identifying::of(&catalog, &run.facts.lineage, fields);
        }
    }

    /// Whether these whole rows may leave, as far as it is about persons.
    pub(super) fn may_meet(&mut self, rows: &[u8]) -> Result<bool, Fault> {
        let Some(mut identifying) = self.current_run().and_then(|run| run.persons.take()) else {
            return Ok(true);
        };
        let mut met = Vec::new();
        let persons = &self.setup.usage.persons;
        let mut meet = |domain: u64, value: &[u8]| met.push(persons.person(domain, value));
        let mut rest = rows;
        while let Some(([_, length @ ..], behind)) = rest.split_first_chunk::<HEADER>() {
            let body = (u32::from_be_bytes(*length) as usize).saturating_sub(4);
            let Some((row, behind)) = behind.split_at_checked(body) else {
                return Err(violation("the server cut a row short"));
            };
            identifying.row(row, &mut meet)?;
            rest = behind;
        }
        self.meet(identifying, &met)
    }

    /// Whether a row may leave that is not seen as a whole, or has no description.
    pub(super) fn may_meet_somebody(&mut self) -> Result<bool, Fault> {
        let Some(mut identifying) = self.current_run().and_then(|run| run.persons.take()) else {
            return Ok(true);
        };
        let mut met = Vec::new();
        let persons = &self.setup.usage.persons;
        identifying.unseen_row(&mut |domain, value| met.push(persons.person(domain, value)));
        self.meet(identifying, &met)
    }

    fn meet(&mut self, identifying: Box<Identifying>, met: &[Person]) -> Result<bool, Fault> {
        let minute = self.minute();
        let setup = &self.setup;
        let reference = &setup.facts.principal.reference;
        if !met.is_empty() && reference.actor.is_some() {
            let met = setup.lookups.actors.meet(&self.spender(), &setup.usage.persons, met, minute);
            met.map_err(Fault::Unmaskable)?;
        }
        let Some(run) = self.current_run() else { return Ok(true) };
        run.persons = Some(identifying);
        if met.is_empty() {
            return Ok(true);
        }
        let Some(bounds) = run.bounds.take() else { return Ok(true) };
        let refused = bounds.meet(&self.setup.usage, met, minute);
        if let Some(run) = self.current_run() {
            run.bounds = Some(bounds);
        }
        let Err(reason) = refused else { return Ok(true) };
        self.break_limit(&reason);
        self.cancel_own();
        Ok(false)
    }
}
