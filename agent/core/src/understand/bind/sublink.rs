//! Subqueries in expressions.

use pg_query::{
    NodeEnum,
    protobuf::{Node, SubLink, SubLinkType},
};

use super::{
    Binder, Bound,
    flow::{BOOL, Field, Flow, NO_TYPE},
    gap,
    scope::Env,
    select::Rows,
};
use crate::{catalog::Oid, lineage::GapKind, understand::walk::texts};

impl<'a> Binder<'a> {
    pub(super) fn sublink(&mut self, link: &'a SubLink, here: Env<'_, 'a>) -> Bound<Flow> {
        let SubLink { xpr: _, sub_link_type, sub_link_id: _, testexpr, oper_name, subselect, location: _ } =
            link;
        let Some(query) = subselect.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "an empty subquery"));
        };
        let mut rows = self.query(query, here)?;
        if SubLinkType::try_from(*sub_link_type) != Ok(SubLinkType::ExistsSublink) {
            self.use_all(&mut rows);
        }
        match SubLinkType::try_from(*sub_link_type) {
            Ok(SubLinkType::ExistsSublink) => {
                Ok(Flow { indirect: rows.indirect, type_oid: BOOL, ..Flow::default() })
            }
            Ok(SubLinkType::ExprSublink) => Ok(single(rows)),
            Ok(SubLinkType::MultiexprSublink) => Ok(as_row(rows)),
            Ok(SubLinkType::ArraySublink) => {
                let flow = single(rows);
                let (type_oid, modifier) = (self.array_of(flow.type_oid), flow.modifier);
                Ok(flow.computed(type_oid).with_modifier(modifier))
            }
            Ok(SubLinkType::AnySublink | SubLinkType::AllSublink) => {
                let name = if oper_name.is_empty() { vec!["="] } else { texts(oper_name) };
                self.compared(&name, testexpr.as_deref(), rows, here)
            }
            _ => Err(gap(GapKind::NotReviewed, "a subquery of an unknown kind")),
        }
    }

    /// `(a, b) < (SELECT c, d …)` compares column by column.
    pub(super) fn row_against_query(
        &mut self,
        name: &[&str],
        row: Option<&'a Node>,
        link: &'a SubLink,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let Some(query) = link.subselect.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "an empty subquery"));
        };
        let mut rows = self.query(query, here)?;
        self.use_all(&mut rows);
        self.compared(name, row, rows, here)
    }

    /// `x IN (SELECT …)`, `(a, b) = ANY (SELECT …)`
    fn compared(
        &mut self,
        name: &[&str],
        tested: Option<&'a Node>,
        rows: Rows<'a>,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let mut flow = Flow { indirect: rows.indirect, ..Flow::default() };
        let row = match tested.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::RowExpr(row)) => Some(&row.args),
            _ => None,
        };
        let mut types = Vec::new();
        match (row, tested) {
            (Some(args), _) => {
                for next in self.row_values(args, here)? {
                    types.push(next.type_oid);
                    flow.mix(&next);
                }
            }
            (None, Some(node)) => {
                let next = self.expression(node, here)?;
                types.push(next.type_oid);
                flow.mix(&next);
            }
            (None, None) => {}
        }
        for (column, left) in rows.columns.iter().zip(&types) {
            self.operate(name, Some(*left), column.flow.type_oid);
        }
        rows.columns.iter().for_each(|column| flow.mix(&column.flow));
        Ok(flow.computed(BOOL))
    }

    /// Every column of a query is used.
    pub(super) fn use_all(&mut self, rows: &mut Rows<'a>) {
        rows.columns.iter_mut().for_each(|column| self.used(&mut column.flow));
    }

    pub(super) fn array_of(&self, element: Oid) -> Oid {
        let element = if element == super::flow::UNKNOWN { super::flow::TEXT } else { element };
        match self.catalog.code.types.get(&element) {
            Some(found) if found.element != Oid(0) => element,
            Some(found) => found.array,
            None => NO_TYPE,
        }
    }
}

/// The value of a query with one column.
fn single(rows: Rows<'_>) -> Flow {
    let mut columns = rows.columns.into_iter();
    let mut flow = columns.next().map(|column| column.flow).unwrap_or_default();
    flow.identity = None;
    flow.indirect.add(&rows.indirect);
    if let Some(fields) = &mut flow.fields {
        // What decides the row decides each field of it.
        let fields = std::sync::Arc::make_mut(fields);
        fields.iter_mut().for_each(|field| {
            field.flow.indirect.add(&rows.indirect);
        });
    }
    if flow.type_oid == super::flow::UNKNOWN {
        flow.type_oid = super::flow::TEXT;
    }
    flow
}

/// The row that a query gives, field by field.
pub(super) fn as_row(rows: Rows<'_>) -> Flow {
    let mut row = Flow::constant(super::flow::RECORD);
    let mut fields = Vec::with_capacity(rows.columns.len());
    for column in rows.columns {
        let mut flow = Flow { identity: None, ..column.flow };
        flow.indirect.add(&rows.indirect);
        row.mix(&flow);
        fields.push(Field { name: std::sync::Arc::from(&*column.name), flow });
    }
    row.fields = Some(std::sync::Arc::new(fields));
    row
}
