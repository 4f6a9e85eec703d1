//! What is written, where: tables by themselves or through updatable views, and what their own code adds.

use std::{borrow::Cow, collections::HashMap, rc::Rc};

use pg_query::protobuf::RangeVar;

use super::{
    Binder, Bound,
    flow::Flow,
    gap,
    item::{Item, Named, Source, Whole},
    scope::{Entry, Env, Level},
    set::Set,
};
use crate::{
    catalog::{Catalog, Column, ColumnExpression, FIRST_NORMAL_OID, Oid, Relation, RelationKind, Trigger},
    lineage::{ColumnId, GapKind},
};

/// A table that is written, with the columns that get values.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) relation: Oid,
    pub(super) columns: Vec<WrittenColumn>,
}

/// A column that gets values.
#[derive(Debug, Clone)]
pub(super) struct WrittenColumn {
    pub(super) number: i16,
    pub(super) name: String,
    pub(super) type_oid: Oid,
    pub(super) direct: Set,
}

/// What a statement does to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Insert,
    /// INSERT … ON CONFLICT DO UPDATE returns as an update does: there may have been a row.
    Update,
    Delete,
    Truncate,
}

/// The target of a write, and how it is named.
#[derive(Debug)]
pub(super) struct WriteTarget<'a> {
    /// As names in the statement see it: the table, or the view that it is reached through.
    pub(super) item: Rc<Item<'a>>,
    /// The table that is written.
    pub(super) base: &'a Relation,
    /// For each column of the item: the column of the table that it is. Empty if they are the same.
    map: Vec<Option<i16>>,
    /// What the view computes may read the table's other rows as well.
    reads_others: bool,
}

/// New values by attribute number.
pub(super) type Values = HashMap<i16, Flow>;

impl<'a> WriteTarget<'a> {
    /// The column of the table behind a column of the item.
    pub(super) fn column_at(&self, place: usize) -> Option<&'a Column> {
        if self.map.is_empty() {
            return self.base.columns.get(place);
        }
        let number = self.map.get(place).copied().flatten()?;
        self.base.column(number)
    }

    /// A table by itself.
    pub(super) fn table(item: Item<'a>, base: &'a Relation) -> Self {
        Self { item: Rc::new(item), base, map: Vec::new(), reads_others: false }
    }

    pub(super) const fn id(&self, column: &Column) -> ColumnId {
        ColumnId { relation: self.base.oid, number: column.number }
    }

    /// What is stored in a column of the table, whether a view shows it or not.
    pub(super) fn stored(&self, column: ColumnId) -> Flow {
        let place = (0..self.item.len())
            .find(|place| self.column_at(*place).is_some_and(|own| own.number == column.number));
        place.map_or_else(
            || {
                let type_oid = self.base.column(column.number).map(|own| own.type_oid);
                Flow::column(column, type_oid.unwrap_or_default())
            },
            |place| self.item.flow(place),
        )
    }

    /// A column that a view computes, of a row with new values.
    fn computed(&self, stored: Flow, values: &Values) -> Flow {
        let is_new = |id: &ColumnId| id.relation == self.base.oid && values.contains_key(&id.number);
        if !stored.direct.iter().chain(stored.indirect.iter()).any(|id| is_new(&id)) {
            return stored;
        }
        let kept = |id: &ColumnId| self.reads_others || !is_new(id);
        let mut new = Flow {
            direct: stored.direct.iter().filter(kept).collect(),
            indirect: stored.indirect.iter().filter(kept).collect(),
            // Each field may have any of it.
            fields: None,
            ..stored.clone()
        };
        let value = |id: ColumnId| values.get(&id.number).filter(|_| is_new(&id));
        stored.direct.iter().filter_map(value).for_each(|value| new.mix(value));
        stored.indirect.iter().filter_map(value).for_each(|value| new.depend(value));
        new
    }

    /// It is written through a view.
    pub(super) fn is_view(&self) -> bool {
        !self.map.is_empty()
    }

    pub(super) fn column_named(&self, name: &str) -> Bound<&'a Column> {
        let place = (0..self.item.len()).find(|place| self.own_name(*place).as_deref() == Some(name));
        place
            .and_then(|place| self.column_at(place))
            .ok_or_else(|| gap(GapKind::UnknownObject, format!("the column {name} cannot be written")))
    }

    /// Aliases of the target do not rename what SET and the column list name.
    fn own_name(&self, place: usize) -> Option<String> {
        match &self.item.source {
            Source::Table { relation, .. } | Source::View { relation, .. } => {
                relation.columns.get(place).map(|column| column.name.to_string())
            }
            Source::Own(own) => own.relation.columns.get(place).map(|column| column.name.to_string()),
            _ => self.item.column_name(place).map(Cow::into_owned),
        }
    }

    /// The target with new values in place of stored ones.
    pub(super) fn with(&self, values: &Values, name: Cow<'a, str>) -> Item<'a> {
        let columns = (0..self.item.len()).map(|place| {
            let stored = self.item.flow(place);
            let column = self.column_at(place);
            let new = column.and_then(|column| values.get(&column.number));
            let flow = match (new, column) {
                (Some(new), _) => {
                    Flow { type_oid: stored.type_oid, identity: stored.identity, ..new.clone() }
                }
                (None, Some(_)) => stored,
                (None, None) => self.computed(stored, values),
            };
            Named { name: self.item.column_name(place).unwrap_or_default(), flow }
        });
        let columns = Rc::new(columns.collect::<Vec<_>>());
        let relation = self.item.relation;
        let source = match (&self.item.source, self.map.is_empty()) {
            // System columns stay known.
            (Source::Table { relation, written }, true) => {
                let mut all = written.as_deref().cloned().unwrap_or_default();
                all.extend(values.iter().map(|(number, flow)| (*number, flow.clone())));
                Source::Table { relation, written: Some(Rc::new(all)) }
            }
            _ => Source::Columns(columns),
        };
        let aliases =
            if matches!(source, Source::Columns(_)) { Vec::new() } else { self.item.aliases.clone() };
        Item { name, relation, source, aliases, row_type: self.item.row_type, whole: Whole::Row }
    }
}

impl<'a> Binder<'a> {
    /// Finds the target of a write.
    pub(super) fn write_target(&mut self, relation: &'a RangeVar, event: Event) -> Bound<WriteTarget<'a>> {
        let functions = self.facts.functions.clone();
        let target = self.merge_target(relation, &[event])?;
        if event == Event::Insert {
            // What decides which rows a view shows does not run for a new one.
            self.facts.functions = functions;
        }
        Ok(target)
    }

    /// Finds what several actions write.
    pub(super) fn merge_target(
        &mut self,
        relation: &'a RangeVar,
        events: &[Event],
    ) -> Bound<WriteTarget<'a>> {
        let target = self.relation(relation)?;
        let name = relation.alias.as_ref().map_or(relation.relname.as_str(), |alias| &alias.aliasname);
        let item = Rc::new(self.relation_item(target, Cow::Borrowed(name), relation.alias.as_ref())?);
        let own = target.relation();
        let behind = views_behind(self.catalog, &item);
        let replaced = own.kind == RelationKind::View
            && std::iter::once(own).chain(behind.iter().copied()).any(|view| self.is_replaced(view, events));
        if own.kind != RelationKind::View || replaced {
            return Ok(WriteTarget { item, base: own, map: Vec::new(), reads_others: false });
        }
        if events.iter().any(|event| matches!(event, Event::Insert | Event::Update)) {
            std::iter::once(own).chain(behind.iter().copied()).for_each(|view| self.view_defaults(view));
        }
        self.through_view(item, own, &behind)
    }

    /// A view's own default takes the place of the table's.
    fn view_defaults(&mut self, view: &Relation) {
        let mut expressions = view.details.iter().flat_map(|details| &details.expressions);
        if expressions.any(|(_, own)| matches!(own, ColumnExpression::Default(_))) {
            let what = format!("a default of the view {}", view.qualified_name());
            self.gap(GapKind::NotReviewed, what);
        }
    }

    /// INSTEAD OF triggers and rules do something else in place of the write.
    fn is_replaced(&mut self, view: &Relation, events: &[Event]) -> bool {
        let Some(details) = &view.details else { return false };
        let instead =
            |trigger: &Trigger| trigger.instead && events.iter().any(|event| fires(trigger, *event));
        let replaced = !details.rules.is_empty() || details.triggers.iter().any(instead);
        if replaced {
            let name = view.qualified_name();
            self.gap(GapKind::Trigger, format!("what writing the view {name} does is code of its own"));
        }
        replaced
    }

    fn through_view(
        &mut self,
        item: Rc<Item<'a>>,
        view: &'a Relation,
        behind: &[&'a Relation],
    ) -> Bound<WriteTarget<'a>> {
        let identities: Vec<Option<ColumnId>> =
            (0..view.columns.len()).map(|place| item.flow(place).identity).collect();
        let base = identities.iter().flatten().next().map(|id| id.relation);
        let base = base.and_then(|base| self.catalog.relation(base));
        let Some(base) = base else {
            return Err(gap(
                GapKind::NotReviewed,
                format!("the view {} cannot be written", view.qualified_name()),
            ));
        };
        let map = identities
            .into_iter()
            .map(|id| id.filter(|id| id.relation == base.oid).map(|id| id.number))
            .collect();
        let reads_others =
            has_own_functions(&item) || std::iter::once(&view).chain(behind).any(|view| has_subquery(view));
        Ok(WriteTarget { item, base, map, reads_others })
    }

    /// Notes that a table is written: new values, generated columns, triggers, rules, and what foreign keys
    /// do elsewhere.
    pub(super) fn write(&mut self, target: &WriteTarget<'a>, values: &Values, event: Event) -> Bound<()> {
        self.write_with(target, values, event, &mut Vec::new())
    }

    /// `seen`: what has led here.
    pub(super) fn write_with(
        &mut self,
        target: &WriteTarget<'a>,
        values: &Values,
        event: Event,
        seen: &mut Vec<super::cascade::Seen>,
    ) -> Bound<()> {
        let base = target.base;
        let mut columns: Vec<WrittenColumn> = base
            .columns
            .iter()
            .filter(|column| !is_virtual(base, column.number))
            .filter_map(|column| {
                values.get(&column.number).map(|flow| WrittenColumn {
                    number: column.number,
                    name: column.name.to_string(),
                    type_oid: column.type_oid,
                    direct: flow.direct.clone(),
                })
            })
            .collect();
        columns.sort_by_key(|column| column.number);
        self.write_out(Written { relation: base.oid, columns });
        self.own_code(base, event);
        self.new_rows(target, values, event)?;
        if event == Event::Update && base.kind == RelationKind::PartitionedTable {
            // A row that goes to another partition is deleted in its own and inserted there.
            self.own_code(base, Event::Delete);
            self.own_code(base, Event::Insert);
        }
        self.generated_below(base, event);
        self.cascades(target, values, event, seen)
    }

    /// Adds to what is written; each table once, each column once.
    pub(super) fn write_out(&mut self, written: Written) {
        let known = self.facts.written.iter_mut().find(|known| known.relation == written.relation);
        let Some(known) = known else {
            self.facts.written.push(written);
            return;
        };
        for column in written.columns {
            match known.columns.iter_mut().find(|own| own.number == column.number) {
                Some(own) => {
                    own.direct.add(&column.direct);
                }
                None => known.columns.push(column),
            }
        }
        known.columns.sort_by_key(|column| column.number);
    }

    /// Triggers and rules of a table, its partitions' included, may do more than the statement says.
    pub(super) fn own_code(&mut self, base: &'a Relation, event: Event) {
        for relation in self.catalog.with_children(base) {
            if let Some(details) = &relation.details {
                if !details.rules.is_empty() && event != Event::Truncate {
                    let what = format!("a rule of {}", relation.qualified_name());
                    self.gap(GapKind::Trigger, what);
                }
                for trigger in details.triggers.iter().filter(|trigger| fires(trigger, event)) {
                    let what = format!("the trigger {} of {}", trigger.name, relation.qualified_name());
                    self.gap(GapKind::Trigger, what);
                    if let Some(function) = self.catalog.code.functions.get(&trigger.function) {
                        self.facts.functions.insert(function.oid);
                        self.open_plpgsql(function);
                    }
                }
            }
        }
    }

    /// A level in which a target stands with what else is there.
    pub(super) fn write_level<'e>(
        target: Rc<Item<'a>>,
        others: Vec<Entry<'a>>,
        env: Env<'e, 'a>,
    ) -> Level<'e, 'a> {
        let mut entries = vec![Entry::visible(target)];
        entries.extend(others);
        Level::of(entries, env.level)
    }
}

/// It is computed when it is read, and never written.
fn is_virtual(relation: &Relation, number: i16) -> bool {
    relation.details.as_ref().is_some_and(|details| {
        details
            .expressions
            .iter()
            .any(|(own, expression)| *own == number && matches!(expression, ColumnExpression::Virtual(_)))
    })
}

fn fires(trigger: &Trigger, event: Event) -> bool {
    let [insert, update, delete, truncate] = trigger.on;
    match event {
        Event::Truncate => truncate,
        Event::Insert => insert,
        Event::Update => update,
        Event::Delete => delete,
    }
}

/// The views that a view is made of, at any depth.
fn views_behind<'a>(catalog: &'a Catalog, item: &Item<'a>) -> Vec<&'a Relation> {
    let Source::View { bound, .. } = &item.source else { return Vec::new() };
    let relations = bound.relations.iter().filter_map(|oid| catalog.relation(*oid));
    relations.filter(|relation| relation.kind == RelationKind::View).collect()
}

/// Functions of users may read what they like.
fn has_own_functions(item: &Item<'_>) -> bool {
    match &item.source {
        Source::View { bound, .. } => bound.calls().any(|oid| oid.0 >= FIRST_NORMAL_OID),
        _ => false,
    }
}

/// Whether a definition holds a second query: `pg_get_viewdef` writes its words in capitals.
fn has_subquery(view: &Relation) -> bool {
    let definition = view.details.as_deref().and_then(|details| details.definition.as_deref());
    definition.is_none_or(|text| text.matches("SELECT").nth(1).is_some())
}
