//! Types of values, casts, and what converting runs.

use std::sync::Arc;

use pg_query::{
    NodeEnum,
    protobuf::{Node, TypeCast, TypeName},
};

use super::{
    Binder, Bound,
    flow::{Field, Flow, NO_TYPE, RECORD, UNKNOWN},
    gap,
    scope::Env,
};
use crate::{
    catalog::{Oid, code::CastContext},
    lineage::GapKind,
    understand::{overload, walk::text},
};

impl<'a> Binder<'a> {
    pub(super) fn cast(&mut self, cast: &'a TypeCast, here: Env<'_, 'a>) -> Bound<Flow> {
        let TypeCast { arg, type_name, location: _ } = cast;
        let flow = self.optional(arg.as_deref(), here)?;
        let target = self.type_name(type_name.as_ref())?;
        let same = flow.type_oid == target && type_name.as_ref().is_some_and(|name| name.typmods.is_empty());
        if same {
            return Ok(flow);
        }
        if type_name.as_ref().is_some_and(|name| !name.typmods.is_empty())
            && let Some(function) = overload::length_coercion(self.catalog, target)
        {
            self.run(function);
        }
        let array = arg.as_deref().is_some_and(|arg| matches!(arg.node, Some(NodeEnum::AArrayExpr(_))));
        // The elements of ARRAY[…]::type[] are converted one by one.
        if !array {
            self.convert(flow.type_oid, target, CastContext::Explicit);
        }
        Ok(self.as_type(flow, target))
    }

    /// The same value as one of this type. Fields stay known one by one if the type has as many.
    pub(super) fn as_type(&self, flow: Flow, target: Oid) -> Flow {
        let base = overload::base_type(self.catalog, target);
        let Some(fields) = flow.fields.clone() else { return flow.computed(target) };
        let named =
            match overload::row_relation(self.catalog, base).and_then(|oid| self.catalog.relation(oid)) {
                Some(relation) if relation.columns.len() == fields.len() => {
                    let fields = fields.iter().zip(&relation.columns).map(|(field, column)| Field {
                        name: column.name.clone(),
                        flow: field.flow.clone().computed(column.type_oid),
                    });
                    Some(Arc::new(fields.collect::<Vec<_>>()))
                }
                Some(_) => None,
                None => (base == RECORD).then_some(fields),
            };
        Flow { fields: named, ..flow.computed(target) }
    }

    /// Notes what a conversion runs.
    pub(super) fn convert(&mut self, from: Oid, to: Oid, context: CastContext) {
        if from == to || [NO_TYPE, UNKNOWN].contains(&from) || to == NO_TYPE {
            return;
        }
        if let Some(pathway) = overload::coercion(self.catalog, from, to, context)
            && let Some(function) = pathway.function
        {
            self.run(function);
        }
    }

    /// The type that fits all of these; what nobody knows if none does.
    pub(super) fn common(&self, types: &[Oid]) -> Oid {
        let (Some(first), rest) = (types.first(), types.get(1..).unwrap_or_default()) else { return NO_TYPE };
        if rest.iter().all(|other| other == first) {
            return *first;
        }
        overload::common_type(self.catalog, types).unwrap_or(NO_TYPE)
    }

    /// The type that fits all of these, with what making them of it runs.
    pub(super) fn common_of(&mut self, types: &[Oid]) -> Oid {
        let common = self.common(types);
        for own in types {
            self.convert(*own, common, CastContext::Implicit);
        }
        common
    }

    pub(super) fn type_name(&mut self, name: Option<&TypeName>) -> Bound<Oid> {
        let Some(name) = name else { return Ok(NO_TYPE) };
        if name.pct_type {
            return Ok(NO_TYPE);
        }
        let names: Vec<&str> = name.names.iter().filter_map(text).collect();
        let array = !name.array_bounds.is_empty();
        overload::type_named(self.catalog, self.path, &names, array)
            .ok_or_else(|| gap(GapKind::UnknownObject, format!("the type {} is not known", names.join("."))))
    }

    /// Name and type of a column definition (`AS t(a int, b text)`).
    pub(super) fn column_definition(&mut self, node: &'a Node) -> Bound<(&'a str, Oid)> {
        match &node.node {
            Some(NodeEnum::ColumnDef(definition)) => {
                Ok((&definition.colname, self.type_name(definition.type_name.as_ref())?))
            }
            _ => Err(gap(GapKind::NotReviewed, "a column definition")),
        }
    }
}
