//! Views are opened: each is bound once a snapshot, by its definition, and gives its columns' sources.

use std::sync::OnceLock;

use super::{Binder, Bound, Facts, flow::Flow, gap, row_security::Secured, set::Set, write::Written};
use crate::{
    catalog::{ColumnExpression, Oid, Relation, RelationKind},
    lineage::{Gap, GapKind},
    session::{Change, SearchPath, Session},
};

/// What a view's columns come from.
#[derive(Debug, Clone, Default)]
pub(super) struct BoundView {
    columns: Vec<Flow>,
    /// What decides which rows it has.
    pub(super) indirect: Set,
    reads: Set,
    relations: Vec<Oid>,
    functions: Vec<Oid>,
    gaps: Vec<Gap>,
    /// What functions in it write, and what decides about that.
    written: Vec<Written>,
    decided: Set,
    secured: Secured,
}

/// A place for one view's binding within a snapshot, filled at its first use. A clone is empty: what is
/// opened on the way may have changed since.
#[derive(Debug, Default)]
pub struct ViewCell(OnceLock<Box<BoundView>>);

impl Clone for ViewCell {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl BoundView {
    pub(super) fn flow(&self, relation: &Relation, place: usize) -> Flow {
        let column = relation.columns.get(place);
        let (type_oid, modifier) =
            column.map(|column| (column.type_oid, column.modifier)).unwrap_or_default();
        let found = self.columns.get(place).cloned().unwrap_or_default();
        Flow { type_oid, modifier, ..found }
    }

    fn unknown(kind: GapKind, what: String) -> Self {
        Self { gaps: vec![gap(kind, what)], ..Self::default() }
    }
}

impl<'a> Binder<'a> {
    /// What a view of the snapshot comes from.
    pub(super) fn view(&mut self, view: &'a Relation) -> Bound<&'a BoundView> {
        static NOTHING: BoundView = BoundView {
            columns: Vec::new(),
            indirect: Set::NONE,
            reads: Set::NONE,
            relations: Vec::new(),
            functions: Vec::new(),
            gaps: Vec::new(),
            written: Vec::new(),
            decided: Set::NONE,
            secured: Secured::Nothing,
        };
        let Some(cell) = self.catalog.views.get(&view.oid) else {
            self.gap(GapKind::UnknownObject, format!("the view {} is not known", view.qualified_name()));
            return Ok(&NOTHING);
        };
        let bound = match cell.0.get() {
            Some(bound) => bound,
            None => {
                let opened = Box::new(self.open_view(view)?);
                cell.0.get_or_init(|| opened)
            }
        };
        self.take_in(bound);
        self.is_unchanged(bound)?;
        Ok(bound)
    }

    /// A view is bound once for all sessions: what it reads may be something else in this one by now.
    fn is_unchanged(&self, bound: &BoundView) -> Bound<()> {
        let changed = &self.session.relations.changed;
        if changed.is_empty() {
            return Ok(());
        }
        for relation in bound.relations.iter().filter_map(|oid| self.catalog.relation(*oid)) {
            let is_other = match changed.get(&(relation.schema.clone(), relation.name.clone())) {
                Some(Change::Unknown) => true,
                Some(Change::Known(own)) => {
                    own.relation.kind == RelationKind::View || computed(&own.relation) != computed(relation)
                }
                // Under another name it is still the same, and what was dropped has taken its views along.
                Some(Change::Dropped) | None => false,
            };
            if is_other {
                let name = relation.qualified_name();
                return Err(gap(GapKind::Changed, format!("{name} was changed in this session")));
            }
        }
        Ok(())
    }

    pub(super) fn take_in(&mut self, bound: &BoundView) {
        self.facts.reads.add(&bound.reads);
        self.facts.relations.extend(bound.relations.iter().copied());
        self.facts.functions.extend(bound.functions.iter().copied());
        for gap in &bound.gaps {
            self.gap(gap.kind, gap.what.clone());
        }
        self.facts.indirect.add(&bound.decided);
        bound.written.iter().for_each(|written| self.write_out(written.clone()));
        self.facts.secured = self.facts.secured.max(bound.secured);
        if let Some(gap) = self.row_security_elsewhere(bound.secured) {
            self.gap(gap.kind, gap.what);
        }
    }

    /// Binds a definition: every name in it is qualified or of `pg_catalog`.
    fn open_view(&mut self, view: &Relation) -> Bound<BoundView> {
        let name = view.qualified_name();
        if self.open.contains(&view.oid) {
            return Ok(BoundView::unknown(GapKind::UnknownObject, format!("the view {name} reads itself")));
        }
        let definition = view.details.as_ref().and_then(|details| details.definition.as_deref());
        let Some(definition) = definition else {
            return Ok(BoundView::unknown(
                GapKind::UnknownObject,
                format!("the definition of {name} is not known"),
            ));
        };
        let bound = self.in_definition(definition, view.oid)?;
        let failed = bound.columns.is_empty() && !bound.gaps.is_empty();
        if !failed && bound.columns.len() < view.columns.len() {
            return Ok(BoundView::unknown(
                GapKind::Changed,
                format!("the definition of {name} has other columns"),
            ));
        }
        Ok(bound)
    }

    pub(super) fn in_definition(&mut self, definition: &str, view: Oid) -> Bound<BoundView> {
        let statements = match super::super::parse::statements(definition) {
            Ok(statements) => statements,
            Err(_) => {
                return Ok(BoundView::unknown(
                    GapKind::Syntax,
                    format!("a view's definition does not parse (OID {})", view.0),
                ));
            }
        };
        let path = SearchPath { schemas: vec!["pg_catalog".into()], creation: None };
        let session = Session::default();
        let mut inner = Binder::new(self.catalog, &session, &path);
        inner.depth = self.depth + 1;
        inner.steps = self.steps;
        inner.open.clone_from(&self.open);
        inner.open.push(view);
        if let Some(view) = self.catalog.relation(view) {
            inner.actors = inner.actors.in_view(view);
        }
        let query = statements.first().and_then(|raw| raw.stmt.as_deref());
        let Some(query) = query else {
            return Ok(BoundView::unknown(GapKind::Syntax, "a view's definition is empty".to_owned()));
        };
        let bound = inner.deeper(|inner| inner.query(query, super::scope::Env::default()));
        inner.close();
        self.steps = inner.steps;
        match bound {
            Ok(rows) => {
                let columns = rows.columns.iter().map(|column| column.flow.clone()).collect();
                Ok(BoundView { columns, indirect: rows.indirect, ..BoundView::of(inner.facts) })
            }
            Err(failed) if failed.kind == GapKind::TooLarge => Err(failed),
            Err(failed) => Ok(BoundView { gaps: vec![failed], ..BoundView::of(inner.facts) }),
        }
    }
}

impl BoundView {
    fn of(facts: Facts) -> Self {
        Self {
            reads: facts.reads,
            relations: facts.relations.into_iter().collect(),
            functions: facts.functions.into_iter().collect(),
            gaps: facts.gaps,
            written: facts.written,
            decided: facts.indirect,
            secured: facts.secured,
            ..Self::default()
        }
    }
}

/// What is computed when the relation is read.
fn computed(relation: &Relation) -> Vec<&(i16, ColumnExpression)> {
    let expressions = relation.details.iter().flat_map(|details| &details.expressions);
    expressions.filter(|(_, expression)| matches!(expression, ColumnExpression::Virtual(_))).collect()
}
