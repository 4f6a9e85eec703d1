//! Expressions as the catalog prints them: of defaults, generated columns, policies, checks, arguments. Every
//! name in them is qualified or of `pg_catalog`.

use std::rc::Rc;

use pg_query::{NodeEnum, protobuf::RawStmt};

use super::{
    Binder, Bound, Parameter,
    flow::Flow,
    item::{Item, Source, Whole},
    known::Place,
    scope::{Entry, Env, Level},
    set::Set,
    write::Values,
};
use crate::{
    catalog::{Relation, UNREAD},
    lineage::GapKind,
    session::SearchPath,
    understand::parse,
};

/// What reading one counts for, beside its length: it takes as long as so many columns.
const STEPS_OF_PARSING: usize = 64;

/// What such an expression can name.
#[derive(Debug, Clone, Default)]
pub(super) struct Sight<'r> {
    /// The columns of this relation.
    pub(super) relation: Option<&'r Relation>,
    /// Values of the row where they are not the stored ones.
    pub(super) written: Option<Rc<Values>>,
    /// `VALUE`, in a domain's check.
    pub(super) value: Option<Flow>,
}

impl Binder<'_> {
    /// An expression over a table's own columns, as the catalog prints it.
    pub(super) fn of_row(&mut self, expression: &str, relation: &Relation) -> Bound<Flow> {
        let sight = Sight { relation: Some(relation), ..Sight::default() };
        let flows = self.printed(expression, sight, &relation.qualified_name())?;
        Ok(flows.into_iter().next().unwrap_or_default())
    }

    /// The same of a column's own expression.
    pub(super) fn of_column(&mut self, expression: &str, number: i16, relation: &Relation) -> Bound<Flow> {
        let Some(known) = self.own_expression(relation, Place::Column(number), expression)? else {
            return self.of_row(expression, relation);
        };
        self.facts.functions.extend(&known.functions);
        Ok(known.flow.clone())
    }

    /// The values of a list of expressions; `of` is what they belong to. None of one that does not parse.
    pub(super) fn printed(&mut self, list: &str, sight: Sight<'_>, of: &str) -> Bound<Vec<Flow>> {
        self.step(STEPS_OF_PARSING + list.len() / 4)?;
        if list == UNREAD {
            self.gap(GapKind::Changed, format!("an expression of {of} could not be read yet, for a lock"));
            return Ok(Vec::new());
        }
        let Ok(statements) = parse::statements(&format!("SELECT {list}")) else {
            self.gap(GapKind::Syntax, format!("an expression of {of} does not parse"));
            return Ok(Vec::new());
        };
        let path = SearchPath { schemas: vec!["pg_catalog".into()], creation: None };
        let mut inner = Binder::new(self.catalog, self.session, &path);
        inner.depth = self.depth + 1;
        inner.steps = self.steps;
        inner.actors = self.actors;
        inner.open.clone_from(&self.open);
        if let Some(flow) = &sight.value {
            inner.parameters = vec![Parameter { name: "value".into(), flow: flow.clone() }];
        }
        let own = sight.relation.map(|relation| relation.oid);
        let flows = inner.selected(&statements, sight);
        inner.close();
        let (steps, mut facts) = (inner.steps, inner.facts);
        self.steps = steps;
        // Who reads its own columns for what, the caller says.
        facts.reads = facts.reads.iter().filter(|column| Some(column.relation) != own).collect();
        self.take(facts);
        match flows {
            Ok(flows) => Ok(flows),
            Err(failed) if failed.kind == GapKind::TooLarge => Err(failed),
            Err(failed) => {
                self.gap(failed.kind, format!("an expression of {of}: {}", failed.what));
                Ok(Vec::new())
            }
        }
    }
}

impl<'a> Binder<'a> {
    /// The outputs of `SELECT list`.
    fn selected(&mut self, statements: &'a [RawStmt], sight: Sight<'a>) -> Bound<Vec<Flow>> {
        let query = statements.first().and_then(|raw| raw.stmt.as_deref());
        let Some(NodeEnum::SelectStmt(select)) = query.and_then(|node| node.node.as_ref()) else {
            return Ok(Vec::new());
        };
        let item = sight.relation.map(|relation| Item {
            name: std::borrow::Cow::Borrowed(&*relation.name),
            relation: Some(relation),
            source: Source::Table { relation, written: sight.written },
            aliases: Vec::new(),
            row_type: self.row_type(relation),
            whole: Whole::Row,
        });
        let entries = item.map(|item| Entry::visible(Rc::new(item))).into_iter().collect();
        let level = Level::of(entries, None);
        let here = Env { level: Some(&level), ..Env::default() };
        let mut deciding = Set::default();
        let columns = self.targets(&select.target_list, here, &mut deciding)?;
        let flows = columns.into_iter().map(|column| {
            let mut flow = column.flow;
            self.used(&mut flow);
            flow.indirect.add(&deciding);
            flow
        });
        Ok(flows.collect())
    }
}
