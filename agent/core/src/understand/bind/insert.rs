//! INSERT.

use std::borrow::Cow;

use pg_query::{
    NodeEnum,
    protobuf::{InsertStmt, Node, OnConflictAction, OverridingKind, ResTarget},
};

use super::{
    Binder, Bound,
    flow::Flow,
    gap,
    item::Named,
    returning::Outcome,
    scope::{Entry, Env, Level},
    select::Rows,
    set::Set,
    write::{Event, Values, WriteTarget},
};
use crate::{catalog::Column, lineage::GapKind};

/// A column of the list, with the subscripts that stand behind it.
struct Listed<'a> {
    column: &'a Column,
    steps: &'a [Node],
}

impl<'a> Binder<'a> {
    pub(super) fn insert(&mut self, insert: &'a InsertStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let env = Env { windows: None, ..env };
        self.with(insert.with_clause.as_ref(), env, |binder, env| binder.insert_rows(insert, env))
    }

    fn insert_rows(&mut self, insert: &'a InsertStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let InsertStmt {
            relation,
            cols,
            select_stmt,
            on_conflict_clause,
            returning_clause,
            with_clause: _,
            r#override,
        } = insert;
        let Some(relation) = relation else {
            return Err(gap(GapKind::NotReviewed, "INSERT into nothing"));
        };
        let target = self.write_target(relation, Event::Insert)?;
        let overridden = *r#override == OverridingKind::OverridingUserValue as i32;
        let source = match select_stmt.as_deref() {
            Some(query) if plain_values(query).is_some() => self.insert_values(query, cols, &target, env)?,
            Some(query) => self.query(query, env)?,
            None => Rows::default(),
        };
        let mut indirect = source.indirect;
        let listed = listed(&target, cols, source.columns.len())?;
        let mut values = Values::new();
        for (listed, column) in listed.iter().zip(source.columns) {
            let mut flow = column.flow;
            if overridden && listed.column.identity.is_some() {
                // The sequence's number takes its place (`rewriteTargetListIU`), and what was given is dead.
                put(&mut values, listed.column, Flow::constant(listed.column.type_oid));
                continue;
            }
            self.used(&mut flow);
            indirect.add(&flow.indirect);
            self.subscripted(listed.steps, env, &mut flow, &mut indirect)?;
            self.assign_part(&flow, listed.column, listed.steps);
            self.settle(&mut flow);
            indirect.add(&flow.indirect);
            put(&mut values, listed.column, flow);
        }
        self.run_defaults(&target, &mut values)?;
        self.generate(&target, &mut values, Event::Insert)?;
        self.write(&target, &values, Event::Insert)?;
        let mut returned = self.defaults(&target, &values);
        let mut event = Event::Insert;
        if let Some(clause) = on_conflict_clause {
            self.on_conflict(clause, &target, &mut returned, env, &mut indirect)?;
            // Only DO UPDATE has a row that was there before.
            if OnConflictAction::try_from(clause.action) == Ok(OnConflictAction::OnconflictUpdate) {
                event = Event::Update;
            }
        }
        let clause = returning_clause.as_ref();
        let outcome = Outcome::of(&target, &returned, event);
        let columns = self.returning(clause, &outcome, Vec::new(), env)?;
        Ok(Rows { columns, indirect })
    }

    /// `VALUES` right in an INSERT: each value is made of its column's type by itself.
    fn insert_values(
        &mut self,
        query: &'a Node,
        cols: &'a [Node],
        target: &WriteTarget<'a>,
        env: Env<'_, 'a>,
    ) -> Bound<Rows<'a>> {
        let mut columns: Vec<Named<'a>> = Vec::new();
        for row in plain_values(query).into_iter().flatten() {
            let mut flows =
                self.values_row_by(row, env, |binder, item| binder.apart(|b| b.expression(item, env)))?;
            let listed = listed(target, cols, flows.len())?;
            for ((listed, node), flow) in listed.iter().zip(row_items(row)).zip(&mut flows) {
                if let Some(NodeEnum::SetToDefault(_)) = node.node {
                    let default = self.run_default(target, listed.column.number, Event::Insert)?;
                    flow.mix(&default);
                }
            }
            for (place, (listed, mut flow)) in listed.iter().zip(flows).enumerate() {
                if listed.steps.is_empty() {
                    let Column { type_oid, modifier, .. } = *listed.column;
                    flow = self.apart(|binder| {
                        binder.assign(&flow, listed.column);
                        binder.settle(&mut flow);
                        Ok(Flow { type_oid, modifier, ..flow })
                    })?;
                }
                match columns.get_mut(place) {
                    Some(column) => column.flow.mix(&flow),
                    None => columns.push(Named { name: Cow::Borrowed(""), flow }),
                }
            }
        }
        Ok(Rows { columns, indirect: Set::default() })
    }

    /// Subscripts of a target: they choose which part of the value is replaced.
    pub(super) fn subscripted(
        &mut self,
        steps: &'a [Node],
        here: Env<'_, 'a>,
        flow: &mut Flow,
        indirect: &mut Set,
    ) -> Bound<()> {
        for node in steps {
            if let Some(NodeEnum::AIndices(indices)) = &node.node {
                for node in [&indices.lidx, &indices.uidx].into_iter().flatten() {
                    let index = self.expression(node, here)?;
                    indirect.add(&index.indirect);
                    flow.direct.add(&index.direct);
                }
            }
        }
        Ok(())
    }

    /// Every column of a new row: what was not given comes from a default, which has no column.
    fn defaults(&mut self, target: &WriteTarget<'a>, values: &Values) -> Values {
        let all = target.base.columns.iter().map(|column| {
            let flow = values.get(&column.number).cloned();
            (column.number, flow.unwrap_or_else(|| Flow::constant(column.type_oid)))
        });
        all.collect()
    }

    /// A row level for a target alone.
    pub(super) fn alone<'e>(target: std::rc::Rc<super::item::Item<'a>>, env: Env<'e, 'a>) -> Level<'e, 'a> {
        Level::of(vec![Entry::visible(target)], env.level)
    }
}

/// The lists of a VALUES without order, limit or WITH.
fn plain_values(query: &Node) -> Option<&[Node]> {
    match &query.node {
        Some(NodeEnum::SelectStmt(select))
            if !select.values_lists.is_empty()
                && select.sort_clause.is_empty()
                && select.limit_count.is_none()
                && select.limit_offset.is_none()
                && select.with_clause.is_none() =>
        {
            Some(&select.values_lists)
        }
        _ => None,
    }
}

/// The values of one list. With a star among them, none is DEFAULT.
fn row_items(row: &Node) -> &[Node] {
    match &row.node {
        Some(NodeEnum::List(list)) => &list.items,
        _ => &[],
    }
}

/// The sequences' numbers take the place of what is given for identity columns.
pub(super) fn renumber(target: &WriteTarget<'_>, values: &mut Values) {
    for column in target.base.columns.iter().filter(|column| column.identity.is_some()) {
        values.entry(column.number).and_modify(|flow| *flow = Flow::constant(column.type_oid));
    }
}

/// Adds a value; parts of one column add up.
pub(super) fn put(values: &mut Values, column: &Column, flow: Flow) {
    let flow = Flow { identity: None, modifier: column.modifier, ..flow };
    match values.get_mut(&column.number) {
        Some(known) => known.mix(&flow),
        None => {
            values.insert(column.number, flow);
        }
    }
}

/// The columns that get values: those named, or as many as there are values.
fn listed<'a>(target: &WriteTarget<'a>, cols: &'a [Node], values: usize) -> Bound<Vec<Listed<'a>>> {
    if cols.is_empty() {
        let columns = (0..target.item.len()).filter_map(|place| target.column_at(place));
        return Ok(columns.take(values).map(|column| Listed { column, steps: &[] }).collect());
    }
    cols.iter()
        .map(|node| match &node.node {
            Some(NodeEnum::ResTarget(listed)) => {
                let ResTarget { name, indirection, val: _, location: _ } = &**listed;
                Ok(Listed { column: target.column_named(name)?, steps: indirection })
            }
            _ => Err(gap(GapKind::NotReviewed, "a column of INSERT")),
        })
        .collect()
}
