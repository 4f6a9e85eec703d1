//! Rows as values: ROW(…), fields, subscripts.

use std::{borrow::Cow, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{AIndices, AIndirection, Node, RowExpr},
};

use super::{
    Binder, Bound,
    flow::{Field, Flow, NO_TYPE, RECORD, UNKNOWN},
    gap,
    item::Named,
    scope::Env,
};
use crate::{catalog::code::TypeKind, lineage::GapKind, understand::overload};

impl<'a> Binder<'a> {
    /// `ROW(a, b)`
    pub(super) fn row(&mut self, row: &'a RowExpr, here: Env<'_, 'a>) -> Bound<Flow> {
        let RowExpr { xpr: _, args, row_typeid: _, row_format: _, colnames: _, location: _ } = row;
        Ok(row_of(self.row_values(args, here)?.into_iter()))
    }

    /// The values of a row as they are written, with `*` written out.
    pub(super) fn row_values(&mut self, args: &'a [Node], here: Env<'_, 'a>) -> Bound<Vec<Flow>> {
        let mut columns: Vec<Named<'a>> = Vec::with_capacity(args.len());
        for node in args {
            if !self.star(node, here, &mut columns)? {
                let flow = self.expression(node, here)?;
                columns.push(Named { name: Cow::Borrowed(""), flow });
            }
        }
        Ok(columns.into_iter().map(|column| column.flow).collect())
    }

    /// The fields of a row, one by one.
    pub(super) fn fields(&mut self, row: &Flow) -> Bound<Arc<Vec<Field>>> {
        if let Some(fields) = &row.fields {
            return Ok(Arc::clone(fields));
        }
        let base = overload::base_type(self.catalog, row.type_oid);
        let relation = match self.catalog.code.types.get(&base).map(|found| found.kind) {
            Some(TypeKind::Composite(relation)) => self.catalog.relation(relation),
            _ => None,
        };
        let Some(relation) = relation else {
            return Err(gap(GapKind::UnknownObject, "the fields of a row whose type is not known"));
        };
        let fields = relation.columns.iter().map(|column| Field {
            name: Arc::from(&*column.name),
            flow: row.clone().computed(column.type_oid).with_modifier(column.modifier),
        });
        Ok(Arc::new(fields.collect()))
    }

    /// `(row).field`
    pub(super) fn field(&mut self, row: &Flow, name: &str) -> Bound<Flow> {
        if row.type_oid == NO_TYPE && row.fields.is_none() {
            return Ok(row.clone().computed(NO_TYPE));
        }
        let known = self.fields(row);
        if let Ok(fields) = &known
            && let Some(field) = fields.iter().find(|field| *field.name == *name)
        {
            return Ok(field.flow.clone());
        }
        self.function_of_row(name, row.clone())
    }

    /// `x[1]`, `(x).field`, in any number.
    pub(super) fn indirection(&mut self, indirection: &'a AIndirection, here: Env<'_, 'a>) -> Bound<Flow> {
        let AIndirection { arg, indirection } = indirection;
        let Some(arg) = arg.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "a subscript of nothing"));
        };
        let flow = self.taken_of(arg, here)?;
        let mut flow = self.steps_into(flow, indirection, here)?;
        self.read(&mut flow);
        Ok(flow)
    }

    /// What a field or an element is taken of. Of a row in FROM only the field is read.
    fn taken_of(&mut self, node: &'a Node, here: Env<'_, 'a>) -> Bound<Flow> {
        match &node.node {
            Some(NodeEnum::ColumnRef(column)) => {
                let mut flow = self.meaning(column, here)?;
                if !self.is_whole_row(column, here)? {
                    // A column that holds rows: what makes one runs, whichever field is taken.
                    self.used(&mut flow);
                }
                Ok(flow)
            }
            _ => self.expression(node, here),
        }
    }

    /// Everything before the `.*` at the end.
    pub(super) fn indirection_before_star(
        &mut self,
        indirection: &'a AIndirection,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let Some(arg) = indirection.arg.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "`.*` of nothing"));
        };
        let flow = self.expression(arg, here)?;
        let steps = indirection.indirection.split_last().map_or(&[][..], |(_, before)| before);
        self.steps_into(flow, steps, here)
    }

    fn steps_into(&mut self, mut flow: Flow, steps: &'a [Node], here: Env<'_, 'a>) -> Bound<Flow> {
        for node in steps {
            flow = match &node.node {
                Some(NodeEnum::String(name)) => self.field(&flow, &name.sval)?,
                Some(NodeEnum::AIndices(indices)) => self.subscript(flow, indices, here)?,
                Some(NodeEnum::AStar(_)) => flow,
                _ => return Err(gap(GapKind::NotReviewed, "a subscript")),
            };
        }
        Ok(flow)
    }

    fn subscript(&mut self, array: Flow, indices: &'a AIndices, here: Env<'_, 'a>) -> Bound<Flow> {
        let AIndices { is_slice, lidx, uidx } = indices;
        let base = overload::base_type(self.catalog, array.type_oid);
        // What has no elements, such as jsonb, gives what it is.
        let type_oid =
            if *is_slice { base } else { overload::subscript_type(self.catalog, base).unwrap_or(base) };
        // Elements are as long as the array says.
        let modifier = array.modifier;
        let mut flow = array.computed(type_oid).with_modifier(modifier);
        for node in [lidx, uidx].into_iter().flatten() {
            let index = self.expression(node, here)?;
            flow.mix(&index);
        }
        Ok(flow)
    }
}

/// A row of these values, with the names that PostgreSQL gives to its fields.
pub(super) fn row_of(values: impl Iterator<Item = Flow>) -> Flow {
    let mut row = Flow::constant(RECORD);
    let mut fields = Vec::new();
    for (place, flow) in values.enumerate() {
        row.mix(&flow);
        let type_oid = if flow.type_oid == UNKNOWN { super::flow::TEXT } else { flow.type_oid };
        fields.push(Field { name: Arc::from(format!("f{}", place + 1)), flow: Flow { type_oid, ..flow } });
    }
    row.fields = Some(Arc::new(fields));
    row
}
