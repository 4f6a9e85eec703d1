//! SELECT: FROM, output list, conditions, groups, order.

use std::{borrow::Cow, rc::Rc};

use pg_query::{
    NodeEnum,
    protobuf::{List, Node, SelectStmt, SetOperation},
};

use super::{
    Binder, Bound,
    flow::{Flow, INT8},
    gap,
    item::{Item, Named},
    scope::{Entry, Env, Level},
    set::Set,
    window::Windows,
};
use crate::{catalog::code::CastContext, lineage::GapKind};

/// What a query gives.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows<'a> {
    pub(super) columns: Vec<Named<'a>>,
    /// What decides which rows there are, and in which order.
    pub(super) indirect: Set,
}

impl<'a> Binder<'a> {
    /// A query as it stands in WITH, in a subquery or by itself.
    pub(super) fn query(&mut self, node: &'a Node, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        match &node.node {
            Some(node) => self.query_node(node, env),
            None => Err(gap(GapKind::NotReviewed, "an empty query")),
        }
    }

    pub(super) fn query_node(&mut self, node: &'a NodeEnum, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        self.deeper(|binder| match node {
            NodeEnum::SelectStmt(select) => binder.select(select, env),
            NodeEnum::InsertStmt(insert) => binder.insert(insert, env),
            NodeEnum::UpdateStmt(update) => binder.update(update, env),
            NodeEnum::DeleteStmt(delete) => binder.delete(delete, env),
            NodeEnum::MergeStmt(merge) => binder.merge(merge, env),
            _ => Err(gap(GapKind::NotReviewed, "a command inside another")),
        })
    }

    pub(super) fn select(&mut self, select: &'a SelectStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        self.step(1)?;
        let env = Env { windows: None, ..env };
        self.with(select.with_clause.as_ref(), env, |binder, env| {
            binder.deeper(|binder| match SetOperation::try_from(select.op) {
                Ok(SetOperation::SetopNone | SetOperation::Undefined) if !select.values_lists.is_empty() => {
                    binder.values(select, env)
                }
                Ok(SetOperation::SetopNone | SetOperation::Undefined) => binder.plain_select(select, env),
                _ => binder.set_operation(select, env),
            })
        })
    }

    fn plain_select(&mut self, select: &'a SelectStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let mut indirect = Set::default();
        let entries = self.items(&select.from_clause, env, &mut indirect)?;
        let level = Level::of(entries, env.level);
        let here = Env { level: Some(&level), ..env };
        let windows = Windows::of(&select.window_clause)?;
        let here = Env { windows: Some(&windows), ..here };
        let columns = self.targets(&select.target_list, here, &mut indirect)?;
        self.unused_windows(&windows, here)?;
        self.condition(select.where_clause.as_deref(), here, &mut indirect)?;
        self.condition(select.having_clause.as_deref(), here, &mut indirect)?;
        self.group_by(&select.group_clause, &columns, here, &mut indirect)?;
        self.order_by(&select.sort_clause, &columns, here, &mut indirect)?;
        self.distinct(&select.distinct_clause, &columns, here, &mut indirect)?;
        self.limit(select, here, &mut indirect)?;
        Ok(Rows { columns, indirect })
    }

    pub(super) fn limit(
        &mut self,
        select: &'a SelectStmt,
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        for node in [&select.limit_offset, &select.limit_count].into_iter().flatten() {
            let flow = self.expression(node, here)?;
            self.convert(flow.type_oid, INT8, CastContext::Implicit);
            self.settle_deciding(indirect);
            indirect.add(&flow.direct);
            indirect.add(&flow.indirect);
        }
        Ok(())
    }

    /// An expression that decides, if there is one.
    pub(super) fn condition(
        &mut self,
        node: Option<&'a Node>,
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<()> {
        if let Some(node) = node {
            let flow = self.expression(node, here)?;
            indirect.add(&flow.direct);
            indirect.add(&flow.indirect);
        }
        Ok(())
    }

    /// An output list, with `*` written out.
    pub(super) fn targets(
        &mut self,
        list: &'a [Node],
        here: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Vec<Named<'a>>> {
        let mut columns = Vec::with_capacity(list.len());
        for node in list {
            let Some(NodeEnum::ResTarget(target)) = &node.node else {
                return Err(gap(GapKind::NotReviewed, "an item of an output list"));
            };
            let Some(value) = target.val.as_deref() else {
                return Err(gap(GapKind::NotReviewed, "an empty item of an output list"));
            };
            let outside = self.facts.multiplying.take();
            let flow = match self.star(value, here, &mut columns)? {
                true => None,
                false => Some(self.apart(|binder| binder.expression(value, here))?),
            };
            let multiplying = std::mem::replace(&mut self.facts.multiplying, outside);
            indirect.add(multiplying.as_ref().unwrap_or(&Set::NONE));
            let Some(mut flow) = flow else { continue };
            if multiplying.is_some() || self.always_runs(&flow) {
                // It decides how many rows there are, or runs, whether anybody uses its value or not.
                self.used(&mut flow);
            }
            let name = match target.name.as_str() {
                "" => super::clause::figured_name(value),
                name => Cow::Borrowed(name),
            };
            columns.push(Named { name, flow });
        }
        self.step(columns.len())?;
        Ok(columns)
    }

    /// `VALUES (…), (…)`
    pub(super) fn values(&mut self, select: &'a SelectStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let mut rows = select.values_lists.iter();
        let mut columns = match rows.next() {
            Some(first) => self.values_row(first, env)?,
            None => Vec::new(),
        };
        for row in rows {
            let next = self.values_row(row, env)?;
            if next.len() != columns.len() {
                return Err(gap(GapKind::UnknownObject, "VALUES lists differ in length"));
            }
            for (column, other) in columns.iter_mut().zip(&next) {
                self.join_values(column, other);
            }
        }
        let columns: Vec<Named<'a>> = columns
            .into_iter()
            .enumerate()
            .map(|(place, flow)| Named { name: Cow::Owned(format!("column{}", place + 1)), flow })
            .collect();
        let mut indirect = Set::default();
        // The server calls the list so when it prints a definition.
        let list = Item::derived(Cow::Borrowed("*VALUES*"), Rc::new(columns.clone()));
        let level = Level::of(vec![Entry::visible(Rc::new(list))], env.level);
        let here = Env { level: Some(&level), ..env };
        self.order_by(&select.sort_clause, &columns, here, &mut indirect)?;
        self.limit(select, here, &mut indirect)?;
        Ok(Rows { columns, indirect })
    }

    fn join_values(&mut self, column: &mut Flow, other: &Flow) {
        let type_oid = self.common_of(&[column.type_oid, other.type_oid]);
        let modifier = super::types::common_modifier(type_oid, [&*column, other]);
        column.either(other);
        self.settle(column);
        column.identity = None;
        column.type_oid = type_oid;
        column.modifier = modifier;
    }

    pub(super) fn values_row(&mut self, row: &'a Node, env: Env<'_, 'a>) -> Bound<Vec<Flow>> {
        self.values_row_by(row, env, |binder, item| binder.expression(item, env))
    }

    /// The same with each value by itself.
    pub(super) fn values_row_by(
        &mut self,
        row: &'a Node,
        env: Env<'_, 'a>,
        mut value: impl FnMut(&mut Self, &'a Node) -> Bound<Flow>,
    ) -> Bound<Vec<Flow>> {
        let Some(NodeEnum::List(List { items })) = &row.node else {
            return Err(gap(GapKind::NotReviewed, "a VALUES list"));
        };
        let mut flows = Vec::with_capacity(items.len());
        for item in items {
            let mut stars = Vec::new();
            if self.star(item, env, &mut stars)? {
                flows.extend(stars.into_iter().map(|column| column.flow));
            } else {
                flows.push(value(self, item)?);
            }
        }
        Ok(flows)
    }
}
