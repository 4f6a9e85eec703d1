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
use crate::{
    catalog::{RelationKind, Unique},
    lineage::{ColumnId, GapKind},
};

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
        self.arbiters(infer.as_deref(), target, returned, env, indirect)?;
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
        let level = Level::of(entries, env.level);
        let here = Env { level: Some(&level), ..env };
        let mut values = self.assignments(target_list, target, here, indirect)?;
        self.condition(where_clause.as_deref(), here, indirect)?;
        self.generate(target, &mut values, Event::Update)?;
        self.write(target, &values, Event::Update)?;
        for column in &target.base.columns {
            let stored = target.stored(target.id(column));
            let flow = values.get(&column.number).unwrap_or(&stored);
            if let Some(returned) = returned.get_mut(&column.number) {
                returned.mix(flow);
            }
        }
        Ok(())
    }

    /// What decides whether there is a conflict: the stored values of the arbiters' columns, and what is
    /// proposed for them.
    fn arbiters(
        &mut self,
        infer: Option<&'a InferClause>,
        target: &WriteTarget<'a>,
        proposed: &Values,
        env: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        let uniques = target.base.details.as_deref().map_or(&[][..], |details| &details.uniques);
        let Some(infer) = infer else {
            // Without a name, every one of them may be it.
            uniques.iter().for_each(|unique| self.arbiter(unique, target, proposed, indirect));
            if target.base.kind == RelationKind::PartitionedTable {
                self.partition_arbiters(target, proposed, indirect);
            }
            return Ok(());
        };
        let InferClause { index_elems, where_clause, conname, location: _ } = infer;
        if !conname.is_empty() {
            match uniques.iter().find(|unique| *unique.name == **conname) {
                Some(unique) => self.arbiter(unique, target, proposed, indirect),
                None => self.gap(GapKind::UnknownObject, format!("the constraint {conname} is not known")),
            }
            return Ok(());
        }
        let name = target.item.name.clone();
        for item in [Rc::clone(&target.item), Rc::new(target.with(proposed, name))] {
            let level = Self::alone(item, env);
            let here = Env { level: Some(&level), ..env };
            for node in index_elems {
                let Some(NodeEnum::IndexElem(element)) = &node.node else {
                    return Err(gap(GapKind::NotReviewed, "an arbiter of ON CONFLICT"));
                };
                if element.name.is_empty() {
                    self.condition(element.expr.as_deref(), here, indirect)?;
                } else {
                    let column = target.column_named(&element.name)?;
                    self.meets(column.number, target, proposed, indirect);
                }
            }
            self.condition(where_clause.as_deref(), here, indirect)?;
        }
        Ok(())
    }

    fn arbiter(&mut self, unique: &Unique, target: &WriteTarget<'a>, proposed: &Values, indirect: &mut Set) {
        for number in unique.columns.iter().chain(&unique.others).filter(|number| **number != 0) {
            self.meets(*number, target, proposed, indirect);
        }
    }

    /// Those that single partitions have, whose columns may have other numbers.
    fn partition_arbiters(&mut self, target: &WriteTarget<'a>, proposed: &Values, indirect: &mut Set) {
        let all = self.catalog.with_children(target.base);
        if all.iter().flat_map(|relation| &relation.children).any(|oid| self.catalog.relation(*oid).is_none())
        {
            self.gap(GapKind::UnknownObject, format!("a partition of {}", target.base.qualified_name()));
        }
        for partition in all.into_iter().skip(1) {
            for unique in partition.details.iter().flat_map(|details| &details.uniques) {
                let own = unique.columns.iter().chain(&unique.others);
                for column in own.filter_map(|number| partition.column(*number)) {
                    let named = target.base.columns.iter().find(|own| own.name == column.name);
                    named.into_iter().for_each(|own| self.meets(own.number, target, proposed, indirect));
                }
            }
        }
    }

    /// A stored column is compared with what is proposed for it.
    fn meets(&mut self, number: i16, target: &WriteTarget<'a>, proposed: &Values, indirect: &mut Set) {
        let id = ColumnId { relation: target.base.oid, number };
        self.facts.reads.insert(id);
        indirect.insert(id);
        if let Some(flow) = proposed.get(&number) {
            indirect.add(&flow.direct);
        }
    }
}
