//! Expressions that a table has of its own: defaults, generated columns, and what row security adds.

use std::rc::Rc;

use pg_query::{NodeEnum, protobuf::RawStmt};

use super::{
    Binder, Bound,
    flow::Flow,
    item::{Item, Source, Whole},
    scope::{Entry, Env, Level},
    set::Set,
    write::{Event, Values, WriteTarget},
};
use crate::{
    catalog::{ColumnExpression, Relation},
    lineage::{ColumnId, GapKind},
    session::{SearchPath, Session},
    understand::parse,
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

    /// What the defaults run of the columns that were not given.
    pub(super) fn run_defaults(&mut self, target: &WriteTarget<'a>, values: &Values) -> Bound<()> {
        let base = target.base;
        let Some(details) = &base.details else { return Ok(()) };
        for (number, expression) in &details.expressions {
            if let ColumnExpression::Default(expression) = expression
                && !values.contains_key(number)
            {
                self.of_row(expression, base)?;
            }
        }
        Ok(())
    }

    /// What the default of a column runs that is asked for by name.
    pub(super) fn run_default(&mut self, target: &WriteTarget<'a>, number: i16, event: Event) -> Bound<()> {
        let base = target.base;
        if event == Event::Update && target.is_view() {
            // The view's own default, of which there is none.
            return Ok(());
        }
        let expressions = base.details.iter().flat_map(|details| &details.expressions);
        for (_, expression) in expressions.filter(|(own, _)| *own == number) {
            if let ColumnExpression::Default(expression) = expression {
                self.of_row(expression, base)?;
            }
        }
        Ok(())
    }

    /// An expression over a table's own columns, as the catalog prints it.
    pub(super) fn of_row(&mut self, expression: &str, relation: &Relation) -> Bound<Flow> {
        let name = relation.qualified_name();
        let Ok(statements) = parse::statements(&format!("SELECT {expression}")) else {
            self.gap(GapKind::Syntax, format!("an expression of {name} does not parse"));
            return Ok(Flow::default());
        };
        let path = SearchPath { schemas: vec!["pg_catalog".into()], creation: None };
        let session = Session::default();
        let mut inner = Binder::new(self.catalog, &session, &path);
        inner.depth = self.depth + 1;
        inner.steps = self.steps;
        inner.actors = self.actors;
        let flow = inner.selected(&statements, relation);
        let (steps, facts) = (inner.steps, inner.facts);
        self.steps = steps;
        self.facts.functions.extend(facts.functions);
        self.facts.secured = self.facts.secured.max(facts.secured);
        for gap in facts.gaps {
            self.gap(gap.kind, gap.what);
        }
        match flow {
            Ok(flow) => Ok(flow),
            Err(failed) if failed.kind == GapKind::TooLarge => Err(failed),
            Err(failed) => {
                self.gap(failed.kind, format!("an expression of {name}: {}", failed.what));
                Ok(Flow::default())
            }
        }
    }

    /// The one output of `SELECT expression`, over a row of the relation.
    fn selected(&mut self, statements: &'a [RawStmt], relation: &'a Relation) -> Bound<Flow> {
        let item = Item {
            name: std::borrow::Cow::Borrowed(&*relation.name),
            relation: Some(relation),
            source: Source::Table { relation, written: None },
            aliases: Vec::new(),
            row_type: self.row_type(relation),
            whole: Whole::Row,
        };
        let level = Level::of(vec![Entry::visible(Rc::new(item))], None);
        let here = Env { level: Some(&level), ..Env::default() };
        let query = statements.first().and_then(|raw| raw.stmt.as_deref());
        let Some(NodeEnum::SelectStmt(select)) = query.and_then(|node| node.node.as_ref()) else {
            return Ok(Flow::default());
        };
        let columns = self.targets(&select.target_list, here, &mut Set::default())?;
        let mut flow = columns.into_iter().next().map(|column| column.flow).unwrap_or_default();
        self.used(&mut flow);
        Ok(flow)
    }
}
