//! What a table computes of each row that is written: CHECK constraints, expressions of indexes, and the
//! conditions that row security has for new rows.

use std::rc::Rc;

use super::{
    Binder, Bound,
    flow::Flow,
    known::Place,
    printed::Sight,
    write::{Event, Values, WriteTarget},
};
use crate::catalog::Relation;

impl<'a> Binder<'a> {
    /// Notes what runs for each new row.
    pub(super) fn new_rows(&mut self, target: &WriteTarget<'a>, values: &Values, event: Event) -> Bound<()> {
        if event == Event::Delete {
            return Ok(());
        }
        let base = target.base;
        for relation in self.catalog.with_children(base) {
            self.step(1)?;
            if relation.details.as_deref().is_some_and(|details| !details.checks.is_empty()) {
                let new = Rc::new(new_row(base, relation, values, event));
                self.checks(relation, &new)?;
            }
        }
        self.new_row_policies(base, values, event)
    }

    /// The same of rows that are stored already.
    pub(super) fn stored_rows(&mut self, relation: &Relation) -> Bound<()> {
        self.checks(relation, &Rc::default())
    }

    fn checks(&mut self, relation: &Relation, row: &Rc<Values>) -> Bound<()> {
        let name = relation.qualified_name();
        let checks = relation.details.iter().flat_map(|details| &details.checks);
        for (place, check) in checks.enumerate() {
            if let Some(known) = self.own_expression(relation, Place::Check(place), check)? {
                self.quietly(|binder| {
                    binder.facts.functions.extend(&known.functions);
                    Ok(())
                })?;
                continue;
            }
            let sight = Sight { relation: Some(relation), written: Some(Rc::clone(row)), value: None };
            self.quietly(|binder| binder.printed(check, sight, &name))?;
        }
        Ok(())
    }

    /// Of a policy without a condition for new rows the other one counts.
    fn new_row_policies(&mut self, base: &Relation, values: &Values, event: Event) -> Bound<()> {
        let command = if event == Event::Insert { b'a' } else { b'w' };
        let Some(details) = base.details.as_deref().filter(|details| details.secures_rows()) else {
            return Ok(());
        };
        let name = base.qualified_name();
        for policy in details.policies.iter().filter(|policy| [command, b'*'].contains(&policy.command)) {
            // One that may hold may run.
            if self.holds(details, policy) != Some(false)
                && let Some(condition) = policy.check.as_ref().or(policy.using.as_ref())
            {
                let row = Rc::new(new_row(base, base, values, event));
                let sight = Sight { relation: Some(base), written: Some(row), value: None };
                self.printed(condition, sight, &name)?;
            }
        }
        Ok(())
    }
}

/// The new row as a relation has it: of a child, by its own attribute numbers.
fn new_row(base: &Relation, relation: &Relation, values: &Values, event: Event) -> Values {
    let mut row = Values::new();
    for column in &relation.columns {
        let own = if base.oid == relation.oid {
            Some(column.number)
        } else {
            base.columns.iter().find(|own| own.name == column.name).map(|own| own.number)
        };
        match own.and_then(|number| values.get(&number)) {
            Some(flow) => {
                row.insert(column.number, flow.clone());
            }
            // What was not given is not stored either.
            None if event == Event::Insert => {
                row.insert(column.number, Flow::constant(column.type_oid));
            }
            None => {}
        }
    }
    row
}
