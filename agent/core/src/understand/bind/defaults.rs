//! Expressions that a table has of its own: defaults and generated columns.

use std::rc::Rc;

use super::{
    Binder, Bound,
    flow::Flow,
    insert::put,
    write::{Event, Values, WriteTarget},
};
use crate::{
    catalog::{Column, ColumnExpression, Relation},
    lineage::ColumnId,
};

impl<'a> Binder<'a> {
    /// Adds the stored generated columns that change.
    pub(super) fn generate(
        &mut self,
        target: &WriteTarget<'a>,
        values: &mut Values,
        event: Event,
    ) -> Bound<()> {
        let base = target.base;
        let Some(details) = &base.details else { return Ok(()) };
        let given: Vec<i16> = values.keys().copied().collect();
        for (number, expression) in &details.expressions {
            let (expression, is_stored) = match expression {
                ColumnExpression::Stored(expression) => (expression, true),
                ColumnExpression::Virtual(expression) => (expression, false),
                ColumnExpression::Default(_) => continue,
            };
            let mut flow = self.apart(|binder| binder.of_row(expression, base))?;
            let depends: Vec<ColumnId> = flow.direct.iter().chain(flow.indirect.iter()).collect();
            if event == Event::Update && !depends.iter().any(|column| given.contains(&column.number)) {
                continue;
            }
            if is_stored {
                self.used(&mut flow);
            }
            let Some(column) = base.column(*number) else { continue };
            // One that is computed when it is read runs for whoever reads it.
            let mut new = Flow { runs: flow.runs, ..Flow::constant(column.type_oid) };
            for source in flow.direct.iter() {
                match values.get(&source.number) {
                    Some(value) => new.mix(value),
                    // A column that was not given has its default, or stays as it is stored.
                    None if event == Event::Insert => {}
                    None => {
                        self.facts.reads.insert(source);
                        new.direct.insert(source);
                    }
                }
            }
            values.insert(*number, new);
        }
        Ok(())
    }

    /// Columns that are computed when they are read, by attribute number.
    pub(super) fn virtual_columns(&mut self, relation: &Relation) -> Bound<Option<Rc<Values>>> {
        let Some(details) = &relation.details else { return Ok(None) };
        let mut values = Values::new();
        for (number, expression) in &details.expressions {
            if let ColumnExpression::Virtual(expression) = expression {
                let flow = self.apart(|binder| binder.of_row(expression, relation))?;
                values.insert(*number, flow);
            }
        }
        Ok((!values.is_empty()).then(|| Rc::new(values)))
    }

    /// Adds what defaults give that comes from somewhere; the others run all the same.
    pub(super) fn run_defaults(&mut self, target: &WriteTarget<'a>, values: &mut Values) -> Bound<()> {
        let base = target.base;
        for column in base.columns.iter().filter(|column| column.identity.is_none()) {
            if values.contains_key(&column.number) || is_computed(base, column.number) {
                continue;
            }
            let flow = self.default_of(base, column)?;
            if !(flow.direct.is_empty() && flow.indirect.is_empty()) {
                self.facts.indirect.add(&flow.indirect);
                put(values, column, flow);
            }
        }
        Ok(())
    }

    /// The default of a column that is asked for by name.
    pub(super) fn run_default(&mut self, target: &WriteTarget<'a>, number: i16, event: Event) -> Bound<Flow> {
        if event == Event::Update && target.is_view() {
            // The view's own default, of which there is none.
            return Ok(Flow::default());
        }
        match target.base.column(number) {
            Some(column) if column.identity.is_none() && !is_computed(target.base, number) => {
                self.default_of(target.base, column)
            }
            _ => Ok(Flow::default()),
        }
    }

    /// What a column gets that nobody gives it: its own default, else its domain's.
    fn default_of(&mut self, base: &Relation, column: &Column) -> Bound<Flow> {
        let mut expressions = base.details.iter().flat_map(|details| &details.expressions);
        let own = expressions.find_map(|(own, expression)| match expression {
            ColumnExpression::Default(text) if *own == column.number => Some(text),
            _ => None,
        });
        let flow = match own {
            Some(text) => self.of_row(text, base)?,
            None => self.default_of_type(column.type_oid)?,
        };
        self.domain_checks(column.type_oid, &flow)?;
        Ok(Flow { identity: None, fields: None, type_oid: column.type_oid, ..flow })
    }
}

/// It is generated of other columns.
fn is_computed(relation: &Relation, number: i16) -> bool {
    let mut expressions = relation.details.iter().flat_map(|details| &details.expressions);
    expressions.any(|(own, expression)| *own == number && !matches!(expression, ColumnExpression::Default(_)))
}
