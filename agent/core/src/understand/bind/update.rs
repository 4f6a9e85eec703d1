//! UPDATE and DELETE.

use std::rc::Rc;

use pg_query::{
    NodeEnum,
    protobuf::{DeleteStmt, MultiAssignRef, Node, ResTarget, UpdateStmt},
};

use super::{
    Binder, Bound,
    flow::Flow,
    gap,
    insert::put,
    returning::Outcome,
    scope::Env,
    select::Rows,
    set::Set,
    write::{Event, Values, WriteTarget},
};
use crate::lineage::GapKind;

impl<'a> Binder<'a> {
    pub(super) fn update(&mut self, update: &'a UpdateStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let env = Env { windows: None, ..env };
        self.with(update.with_clause.as_ref(), env, |binder, env| binder.update_rows(update, env))
    }

    fn update_rows(&mut self, update: &'a UpdateStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let UpdateStmt { relation, target_list, where_clause, from_clause, returning_clause, with_clause: _ } =
            update;
        let Some(relation) = relation else {
            return Err(gap(GapKind::NotReviewed, "UPDATE of nothing"));
        };
        let target = self.write_target(relation, Event::Update)?;
        let mut indirect = Set::default();
        self.hidden_conditions(&target.item, &mut indirect)?;
        self.policies(target.base, b'w', &mut indirect)?;
        let others = self.items(from_clause, env, &mut indirect)?;
        let level = Self::write_level(Rc::clone(&target.item), others.clone(), env);
        let here = Env { level: Some(&level), ..env };
        let mut values = self.assignments(target_list, &target, here, &mut indirect)?;
        self.condition(where_clause.as_deref(), here, &mut indirect)?;
        self.generate(&target, &mut values, Event::Update)?;
        self.write(&target, &values, Event::Update)?;
        let outcome = Outcome::of(&target, &values, Event::Update);
        let columns = self.returning(returning_clause.as_ref(), &outcome, others, env)?;
        Ok(Rows { columns, indirect })
    }

    pub(super) fn delete(&mut self, delete: &'a DeleteStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let env = Env { windows: None, ..env };
        self.with(delete.with_clause.as_ref(), env, |binder, env| binder.delete_rows(delete, env))
    }

    fn delete_rows(&mut self, delete: &'a DeleteStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let DeleteStmt { relation, using_clause, where_clause, returning_clause, with_clause: _ } = delete;
        let Some(relation) = relation else {
            return Err(gap(GapKind::NotReviewed, "DELETE from nothing"));
        };
        let target = self.write_target(relation, Event::Delete)?;
        let mut indirect = Set::default();
        self.hidden_conditions(&target.item, &mut indirect)?;
        self.policies(target.base, b'd', &mut indirect)?;
        let others = self.items(using_clause, env, &mut indirect)?;
        let level = Self::write_level(Rc::clone(&target.item), others.clone(), env);
        self.condition(where_clause.as_deref(), Env { level: Some(&level), ..env }, &mut indirect)?;
        let values = Values::new();
        self.write(&target, &values, Event::Delete)?;
        let outcome = Outcome::of(&target, &values, Event::Delete);
        let columns = self.returning(returning_clause.as_ref(), &outcome, others, env)?;
        Ok(Rows { columns, indirect })
    }

    /// A SET list: new values of the target's columns.
    pub(super) fn assignments(
        &mut self,
        list: &'a [Node],
        target: &WriteTarget<'a>,
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Values> {
        let mut values = Values::new();
        for node in list {
            let Some(NodeEnum::ResTarget(assigned)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an item of SET"));
            };
            let ResTarget { name, indirection, val, location: _ } = &**assigned;
            let column = target.column_named(name)?;
            let default = match val.as_deref() {
                Some(value) if is_default(value) => {
                    Some(self.run_default(target, column.number, Event::Update)?)
                }
                _ => None,
            };
            let mut flow = match val.as_deref() {
                Some(value) => self.assigned(value, here)?,
                None => return Err(gap(GapKind::NotReviewed, "an item of SET without a value")),
            };
            default.iter().for_each(|default| flow.mix(default));
            self.assign_part(&flow, column, indirection);
            self.settle(&mut flow);
            if !indirection.is_empty() {
                self.subscripted(indirection, here, &mut flow, indirect)?;
                // A part is replaced; the rest stays as it was.
                if let Some(place) = (0..target.item.len())
                    .find(|place| target.column_at(*place).is_some_and(|own| own.number == column.number))
                {
                    let stored = target.item.flow(place);
                    self.facts.reads.add(&stored.direct);
                    flow.mix(&stored);
                }
            }
            indirect.add(&flow.indirect);
            put(&mut values, column, flow);
        }
        Ok(values)
    }

    fn assigned(&mut self, value: &'a Node, here: Env<'_, 'a>) -> Bound<Flow> {
        match &value.node {
            Some(NodeEnum::MultiAssignRef(part)) => self.part(part, here),
            _ => self.expression(value, here),
        }
    }

    /// One column of `(a, b) = …`
    fn part(&mut self, part: &'a MultiAssignRef, here: Env<'_, 'a>) -> Bound<Flow> {
        let MultiAssignRef { source, colno, ncolumns: _ } = part;
        let place = usize::try_from(*colno).ok().and_then(|number| number.checked_sub(1));
        let missing = || gap(GapKind::UnknownObject, "a row that is assigned has too few columns");
        let (Some(place), Some(source)) = (place, source.as_deref()) else { return Err(missing()) };
        match &source.node {
            Some(NodeEnum::RowExpr(row)) => {
                let node = row.args.get(place).ok_or_else(missing)?;
                self.expression(node, here)
            }
            Some(NodeEnum::SubLink(link)) => {
                let Some(query) = link.subselect.as_deref() else { return Err(missing()) };
                let mut rows = self.query(query, here)?;
                self.use_all(&mut rows);
                let row = super::sublink::as_row(rows);
                let fields = self.fields(&row)?;
                fields.get(place).map(|field| field.flow.clone()).ok_or_else(missing)
            }
            _ => {
                let row = self.expression(source, here)?;
                let fields = self.fields(&row)?;
                fields.get(place).map(|field| field.flow.clone()).ok_or_else(missing)
            }
        }
    }
}

/// DEFAULT, by itself or in its place of `(a, b) = (…)`.
fn is_default(value: &Node) -> bool {
    match &value.node {
        Some(NodeEnum::SetToDefault(_)) => true,
        Some(NodeEnum::MultiAssignRef(part)) => {
            let place = usize::try_from(part.colno).ok().and_then(|number| number.checked_sub(1));
            match (place, part.source.as_deref().and_then(|source| source.node.as_ref())) {
                (Some(place), Some(NodeEnum::RowExpr(row))) => row.args.get(place).is_some_and(is_default),
                _ => false,
            }
        }
        _ => false,
    }
}
