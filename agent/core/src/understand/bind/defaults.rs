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
    catalog::{ColumnExpression, Relation, RelationKind},
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
        let is_given = |column: &ColumnId| column.relation == base.oid && given.contains(&column.number);
        for (number, expression) in &details.expressions {
            let (expression, is_stored) = match expression {
                ColumnExpression::Stored(expression) => (expression, true),
                ColumnExpression::Virtual(expression) => (expression, false),
                ColumnExpression::Default(_) => continue,
            };
            let mut flow = self.apart(|binder| binder.of_row(expression, base))?;
            let depends = flow.direct.iter().chain(flow.indirect.iter()).any(|column| is_given(&column));
            if event == Event::Update && !depends {
                continue;
            }
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
        let (mut rest, mut seen) = (base.children.clone(), vec![base.oid]);
        while let Some(oid) = rest.pop().filter(|_| goes_below) {
            let Some(below) = self.catalog.relation(oid).filter(|_| !seen.contains(&oid)) else { continue };
            seen.push(oid);
            rest.extend(&below.children);
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

/// Stored generated columns, by name.
fn stored_expressions(relation: &Relation) -> impl Iterator<Item = (&str, &str)> {
    let expressions = relation.details.iter().flat_map(|details| &details.expressions);
    expressions.filter_map(move |(number, expression)| match expression {
        ColumnExpression::Stored(text) => Some((&*relation.column(*number)?.name, &**text)),
        _ => None,
    })
}
