//! MERGE.

use std::rc::Rc;

use pg_query::{
    NodeEnum,
    protobuf::{CmdType, MergeMatchKind, MergeStmt, MergeWhenClause, Node, OverridingKind, ResTarget},
};

use super::{
    Binder, Bound,
    flow::Flow,
    gap,
    insert::put,
    returning::{Outcome, nothing},
    scope::{Entry, Env, Level},
    select::Rows,
    set::Set,
    write::{Event, Values, WriteTarget},
};
use crate::lineage::GapKind;

/// Rows that come out of all actions together.
#[derive(Debug, Default)]
struct Returned {
    row: Values,
    /// The same after the write: a deletion leaves none.
    new: Values,
}

impl<'a> Binder<'a> {
    pub(super) fn merge(&mut self, merge: &'a MergeStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        self.since(150_000, "MERGE")?;
        let env = Env { windows: None, ..env };
        self.with(merge.with_clause.as_ref(), env, |binder, env| binder.merge_rows(merge, env))
    }

    fn merge_rows(&mut self, merge: &'a MergeStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let MergeStmt {
            relation, source_relation, join_condition, merge_when_clauses, returning_clause, ..
        } = merge;
        let (Some(relation), Some(source)) = (relation, source_relation.as_deref()) else {
            return Err(gap(GapKind::NotReviewed, "MERGE without a target or a source"));
        };
        let events: Vec<Event> = merge_when_clauses.iter().filter_map(event_of).collect();
        let target = self.merge_target(relation, &events)?;
        let mut indirect = Set::default();
        if !events.is_empty() {
            // Where nothing can be done, nothing is decided about it.
            self.hidden_conditions(&target.item, &mut indirect)?;
        }
        let source = self.from(source, env, &[], &mut indirect)?.entries;
        let both = Self::write_level(Rc::clone(&target.item), source.clone(), env);
        let both = Env { level: Some(&both), ..env };
        self.condition(join_condition.as_deref(), both, &mut indirect)?;
        let mut returned = Returned::default();
        for node in merge_when_clauses {
            let Some(NodeEnum::MergeWhenClause(when)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an action of MERGE"));
            };
            self.merge_when(when, &target, &source, env, &mut returned, &mut indirect)?;
        }
        if returning_clause.is_some() {
            self.since(170_000, "MERGE … RETURNING")?;
        }
        // Only what was there before has an old row.
        let event =
            if events.iter().any(|event| *event != Event::Insert) { Event::Update } else { Event::Insert };
        // DO NOTHING alone returns nothing.
        for values in [&mut returned.row, &mut returned.new] {
            if values.is_empty() {
                *values = nothing(&target);
            }
        }
        let Returned { row, new } = returned;
        let outcome = Outcome { target: &target, values: &row, new, event };
        let columns = match returning_clause {
            Some(clause) => {
                // `*` shows the source first, then the target.
                let mut entries = source;
                entries.push(outcome.entry());
                self.returning_list(clause, &outcome, entries, env)?
            }
            None => Vec::new(),
        };
        Ok(Rows { columns, indirect })
    }

    fn merge_when(
        &mut self,
        when: &'a MergeWhenClause,
        target: &WriteTarget<'a>,
        source: &[Entry<'a>],
        env: Env<'_, 'a>,
        returned: &mut Returned,
        indirect: &mut Set,
    ) -> Bound<()> {
        let MergeWhenClause { match_kind, command_type, r#override, condition, target_list, values } = when;
        let own = Entry::visible(Rc::clone(&target.item));
        let entries: Vec<Entry<'a>> = match MergeMatchKind::try_from(*match_kind) {
            Ok(MergeMatchKind::MergeWhenNotMatchedBySource) => {
                self.since(170_000, "WHEN NOT MATCHED BY SOURCE")?;
                vec![own]
            }
            Ok(MergeMatchKind::MergeWhenNotMatchedByTarget) => source.to_vec(),
            _ => std::iter::once(own).chain(source.iter().cloned()).collect(),
        };
        let level = Level::of(entries, env.level);
        let here = Env { level: Some(&level), ..env };
        self.condition(condition.as_deref(), here, indirect)?;
        match CmdType::try_from(*command_type) {
            Ok(CmdType::CmdUpdate) => {
                let mut new = self.assignments(target_list, target, here, indirect)?;
                self.generate(target, &mut new, Event::Update)?;
                self.write(target, &new, Event::Update)?;
                for place in 0..target.item.len() {
                    let Some(column) = target.column_at(place) else { continue };
                    let flow = new.get(&column.number).cloned().unwrap_or_else(|| target.item.flow(place));
                    put(&mut returned.row, column, flow.clone());
                    put(&mut returned.new, column, flow);
                }
            }
            Ok(CmdType::CmdInsert) => {
                let mut new = self.merge_insert(target_list, values, target, here, indirect)?;
                if *r#override == OverridingKind::OverridingUserValue as i32 {
                    super::insert::renumber(target, &mut new);
                }
                self.run_defaults(target, &mut new)?;
                self.generate(target, &mut new, Event::Insert)?;
                self.write(target, &new, Event::Insert)?;
                for column in &target.base.columns {
                    let flow = new.get(&column.number).cloned();
                    let flow = flow.unwrap_or_else(|| Flow::constant(column.type_oid));
                    put(&mut returned.row, column, flow.clone());
                    put(&mut returned.new, column, flow);
                }
            }
            Ok(CmdType::CmdDelete) => {
                self.write(target, &Values::new(), Event::Delete)?;
                for place in 0..target.item.len() {
                    let Some(column) = target.column_at(place) else { continue };
                    put(&mut returned.row, column, target.item.flow(place));
                }
            }
            Ok(CmdType::CmdNothing) => {}
            _ => return Err(gap(GapKind::NotReviewed, "an action of MERGE")),
        }
        Ok(())
    }

    fn merge_insert(
        &mut self,
        columns: &'a [Node],
        values: &'a [Node],
        target: &WriteTarget<'a>,
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Values> {
        let mut new = Values::new();
        for (place, node) in values.iter().enumerate() {
            let column = match columns.get(place).map(|node| &node.node) {
                Some(Some(NodeEnum::ResTarget(listed))) => {
                    let ResTarget { name, .. } = &**listed;
                    Some(target.column_named(name)?)
                }
                _ if columns.is_empty() => target.column_at(place),
                _ => None,
            };
            let Some(column) = column else {
                return Err(gap(GapKind::UnknownObject, "INSERT of MERGE has more values than columns"));
            };
            let mut flow = self.expression(node, here)?;
            if let Some(NodeEnum::SetToDefault(_)) = node.node {
                let default = self.run_default(target, column.number, Event::Insert)?;
                flow.mix(&default);
            }
            self.assign(&flow, column);
            self.settle(&mut flow);
            indirect.add(&flow.indirect);
            put(&mut new, column, flow);
        }
        Ok(new)
    }
}

fn event_of(node: &Node) -> Option<Event> {
    let Some(NodeEnum::MergeWhenClause(when)) = &node.node else { return None };
    match CmdType::try_from(when.command_type).ok()? {
        CmdType::CmdInsert => Some(Event::Insert),
        CmdType::CmdUpdate => Some(Event::Update),
        CmdType::CmdDelete => Some(Event::Delete),
        _ => None,
    }
}
