//! UNION, INTERSECT and EXCEPT.

use pg_query::protobuf::{SelectStmt, SetOperation};

use super::{
    Binder, Bound, gap,
    scope::{Env, Level},
    select::Rows,
};
use crate::lineage::GapKind;

impl<'a> Binder<'a> {
    pub(super) fn set_operation(&mut self, select: &'a SelectStmt, env: Env<'_, 'a>) -> Bound<Rows<'a>> {
        let (Some(first), Some(second)) = (&select.larg, &select.rarg) else {
            return Err(gap(GapKind::NotReviewed, "a set operation with one side"));
        };
        let left = self.select(first, env)?;
        let right = self.select(second, env)?;
        let mut rows = self.combine(select, left, &right)?;
        // Only names and places of the output can be ordered by.
        let level = Level::of(Vec::new(), env.level);
        let here = Env { level: Some(&level), ..env };
        let mut indirect = std::mem::take(&mut rows.indirect);
        self.order_by(&select.sort_clause, &rows.columns, here, &mut indirect)?;
        self.limit(select, here, &mut indirect)?;
        Ok(Rows { indirect, ..rows })
    }

    fn combine(&mut self, select: &SelectStmt, left: Rows<'a>, right: &Rows<'a>) -> Bound<Rows<'a>> {
        let Rows { mut columns, mut indirect } = left;
        if columns.len() != right.columns.len() {
            return Err(gap(GapKind::UnknownObject, "the sides of a set operation differ in columns"));
        }
        indirect.add(&right.indirect);
        let operation = SetOperation::try_from(select.op);
        let except = operation == Ok(SetOperation::SetopExcept);
        let compares = !(select.all && operation == Ok(SetOperation::SetopUnion));
        for (column, other) in columns.iter_mut().zip(&right.columns) {
            let type_oid = self.common_of(&[column.flow.type_oid, other.flow.type_oid]);
            let modifier = super::types::common_modifier(type_oid, [&column.flow, &other.flow]);
            if compares {
                for flow in [&column.flow, &other.flow] {
                    self.used(&mut flow.clone());
                    indirect.add(&flow.direct);
                    indirect.add(&flow.indirect);
                }
            }
            if !except {
                column.flow.either(&other.flow);
            }
            self.settle(&mut column.flow);
            column.flow.identity = None;
            column.flow.type_oid = type_oid;
            column.flow.modifier = modifier;
        }
        Ok(Rows { columns, indirect })
    }
}
