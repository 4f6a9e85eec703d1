//! ON CONFLICT: arbiters decide, `excluded` is the row that was to be inserted.

use std::{borrow::Cow, rc::Rc};

use pg_query::{
    NodeEnum,
    protobuf::{InferClause, OnConflictAction, OnConflictClause},
};

use super::{
    Binder, Bound, gap,
    item::Item,
    scope::{Entry, Env, Level},
    set::Set,
    write::{Event, Values, WriteTarget},
};
use crate::lineage::{ColumnId, GapKind};

impl<'a> Binder<'a> {
    /// `returned`: values of the row that comes out, to which those of an update are added.
    pub(super) fn on_conflict(
        &mut self,
        clause: &'a OnConflictClause,
        target: &WriteTarget<'a>,
        returned: &mut Values,
        env: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        let OnConflictClause { action, infer, target_list, where_clause, location: _ } = clause;
        if let Some(infer) = infer {
            self.arbiters(infer, target, env, indirect)?;
        }
        if OnConflictAction::try_from(*action) != Ok(OnConflictAction::OnconflictUpdate) {
            return Ok(());
        }
        // `excluded` is no table: its name is all that names it.
        let excluded = Item { relation: None, ..target.with(returned, Cow::Borrowed("excluded")) };
        let excluded = Rc::new(excluded);
        let entries = vec![
            Entry::visible(Rc::clone(&target.item)),
            Entry { item: excluded, by_name: true, by_column: false },
        ];
        let level = Level { entries, parent: env.level };
        let here = Env { level: Some(&level), ..env };
        let mut values = self.assignments(target_list, target, here, indirect)?;
        self.condition(where_clause.as_deref(), here, indirect)?;
        self.generate(target, &mut values, Event::Update)?;
        self.write(target, &values, Event::Update)?;
        for place in 0..target.item.len() {
            let Some(column) = target.column_at(place) else { continue };
            let stored = target.item.flow(place);
            let flow = values.get(&column.number).unwrap_or(&stored);
            if let Some(returned) = returned.get_mut(&column.number) {
                returned.mix(flow);
            }
        }
        Ok(())
    }

    fn arbiters(
        &mut self,
        infer: &'a InferClause,
        target: &WriteTarget<'a>,
        env: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        let InferClause { index_elems, where_clause, conname, location: _ } = infer;
        let base = target.base;
        if !conname.is_empty() {
            let uniques = base.details.iter().flat_map(|details| &details.uniques);
            let Some(unique) = uniques.into_iter().find(|unique| *unique.name == **conname) else {
                self.gap(GapKind::UnknownObject, format!("the constraint {conname} is not known"));
                return Ok(());
            };
            for number in unique.columns.iter().filter(|number| **number != 0) {
                let id = ColumnId { relation: base.oid, number: *number };
                self.facts.reads.insert(id);
                indirect.insert(id);
            }
        }
        let level = Self::alone(Rc::clone(&target.item), env);
        let here = Env { level: Some(&level), ..env };
        for node in index_elems {
            let Some(NodeEnum::IndexElem(element)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an arbiter of ON CONFLICT"));
            };
            if element.name.is_empty() {
                self.condition(element.expr.as_deref(), here, indirect)?;
            } else {
                let column = target.column_named(&element.name)?;
                let id = ColumnId { relation: base.oid, number: column.number };
                self.facts.reads.insert(id);
                indirect.insert(id);
            }
        }
        self.condition(where_clause.as_deref(), here, indirect)
    }
}
