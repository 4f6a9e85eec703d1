//! Expressions that a table has of its own: defaults and generated columns.

use std::rc::Rc;

use super::{
    Binder, Bound,
    flow::Flow,
    insert::put,
    set::Set,
    write::{Event, Values, WriteTarget},
};
use crate::{
    catalog::{Column, ColumnExpression, Relation, RelationKind, UNREAD},
    lineage::GapKind,
    session,
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
            // The server computes it anew if its text names a column that is given, whatever it makes of that.
            let names_given = || given.iter().any(|given| names_column(expression, base, *given));
            if event == Event::Update && **expression != *UNREAD && !names_given() {
                continue;
            }
            let mut flow = self.apart(|binder| binder.of_column(expression, *number, base))?;
            if is_stored {
                self.used(&mut flow);
            }
            let Some(column) = base.column(*number) else { continue };
            let mut new = self.renewed(&flow, target, values, event);
            new.type_oid = column.type_oid;
            if is_stored {
                self.facts.indirect.add(&new.indirect);
            }
            // One that is computed when it is read runs for whoever reads it.
            new.runs.extend(flow.runs);
            values.insert(*number, new);
        }
        Ok(())
    }

    /// Rows may lie in tables under the one that is named, whose generated columns are others.
    pub(super) fn generated_below(&mut self, base: &'a Relation, event: Event) {
        let goes_below = match event {
            Event::Update => true,
            Event::Insert => base.kind == RelationKind::PartitionedTable,
            Event::Delete | Event::Truncate => false,
        };
        if !goes_below {
            return;
        }
        for below in self.catalog.with_children(base).into_iter().skip(1) {
            if stored_expressions(below).any(|own| stored_expressions(base).all(|known| known != own)) {
                let what = format!("generated columns of {}", below.qualified_name());
                self.gap(GapKind::NotReviewed, what);
            }
        }
    }

    /// What an expression over the row comes from once the row has its new values.
    fn renewed(&mut self, flow: &Flow, target: &WriteTarget<'a>, values: &Values, event: Event) -> Flow {
        let mut new = Flow::default();
        for (source, decides) in
            flow.direct.iter().map(|id| (id, false)).chain(flow.indirect.iter().map(|id| (id, true)))
        {
            let own = source.relation == target.base.oid;
            let value = match values.get(&source.number).filter(|_| own) {
                Some(value) => value.clone(),
                // A column that was not given has its default, or stays as it is stored.
                None if own && event == Event::Insert => continue,
                None if own => target.stored(source),
                None => Flow { direct: Set::one(source), ..Flow::default() },
            };
            if !(own && values.contains_key(&source.number)) {
                self.facts.reads.add(&value.direct);
            }
            if decides { new.depend(&value) } else { new.mix(&value) }
        }
        new
    }

    /// Columns that are computed when they are read, by attribute number.
    pub(super) fn virtual_columns(&mut self, relation: &Relation) -> Bound<Option<Rc<Values>>> {
        let Some(details) = &relation.details else { return Ok(None) };
        let mut values = Values::new();
        for (number, expression) in &details.expressions {
            if let ColumnExpression::Virtual(expression) = expression {
                let flow = self.apart(|binder| binder.of_column(expression, *number, relation))?;
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

    /// What a column of a table gets that nobody gives it.
    pub(super) fn given_by_none(&mut self, table: &Relation, number: i16) -> Bound<Flow> {
        table.column(number).map_or_else(|| Ok(Flow::default()), |column| self.default_of(table, column))
    }

    /// The same: its own default, else its domain's.
    fn default_of(&mut self, base: &Relation, column: &Column) -> Bound<Flow> {
        let mut expressions = base.details.iter().flat_map(|details| &details.expressions);
        let own = expressions.find_map(|(own, expression)| match expression {
            ColumnExpression::Default(text) if *own == column.number => Some(text),
            _ => None,
        });
        let flow = match own {
            Some(text) => self.of_column(text, column.number, base)?,
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

/// Stored generated columns, by name.
fn stored_expressions(relation: &Relation) -> impl Iterator<Item = (&str, &str)> {
    let expressions = relation.details.iter().flat_map(|details| &details.expressions);
    expressions.filter_map(move |(number, expression)| match expression {
        ColumnExpression::Stored(text) => Some((&*relation.column(*number)?.name, &**text)),
        _ => None,
    })
}

/// Whether an expression of a table names this column of it. The server writes `"` in a name twice.
fn names_column(expression: &str, relation: &Relation, number: i16) -> bool {
    let column = relation.column(number);
    column.is_some_and(|column| session::names(expression, &column.name.replace('"', "\"\"")))
}
