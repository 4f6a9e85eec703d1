//! Types of values, casts, and what converting runs.

use std::sync::Arc;

use pg_query::{
    NodeEnum,
    protobuf::{AArrayExpr, Node, TypeCast, TypeName},
};

use super::{
    Binder, Bound,
    flow::{Field, Flow, NO_TYPE, RECORD, UNKNOWN},
    gap,
    scope::Env,
};
use crate::{
    catalog::{
        Column, Modifier, Oid,
        code::{CastContext, Type, TypeKind},
    },
    lineage::GapKind,
    understand::{named, overload, walk::text},
};

const INTERVAL: Oid = Oid(1186);

impl<'a> Binder<'a> {
    pub(super) fn cast(&mut self, cast: &'a TypeCast, here: Env<'_, 'a>) -> Bound<Flow> {
        let TypeCast { arg, type_name, location: _ } = cast;
        let (target, modifier) = self.written_type(type_name.as_ref())?;
        let base = overload::base_type(self.catalog, target);
        let element = overload::element_type(self.catalog, base);
        let flow = match (arg.as_deref().and_then(|arg| arg.node.as_ref()), element) {
            // The elements of ARRAY[…]::type[] are converted one by one.
            (Some(NodeEnum::AArrayExpr(array)), Some(element)) => {
                let length = modifier.or(self.domain_modifier(target));
                let flow = self.array_of_type(array, element, length, here)?;
                let modifier = if array.elements.is_empty() { Modifier::NONE } else { length };
                flow.computed(base).with_modifier(modifier)
            }
            _ => self.optional(arg.as_deref(), here)?,
        };
        if flow.type_oid == target && flow.modifier == modifier && modifier != Modifier::UNKNOWN {
            return Ok(flow);
        }
        self.convert_to(&flow, target, modifier, CastContext::Explicit);
        Ok(self.as_type(flow, target).with_modifier(modifier))
    }

    /// `ARRAY[…]` whose elements are made of a type; arrays within it have the same elements.
    fn array_of_type(
        &mut self,
        array: &'a AArrayExpr,
        element: Oid,
        modifier: Modifier,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        self.deeper(|binder| {
            let mut flow = Flow::default();
            for node in &array.elements {
                let next = match &node.node {
                    Some(NodeEnum::AArrayExpr(inner)) => {
                        binder.array_of_type(inner, element, modifier, here)?
                    }
                    _ => {
                        let next = binder.expression(node, here)?;
                        binder.convert_to(&next, element, modifier, CastContext::Explicit);
                        next
                    }
                };
                flow.mix(&next);
            }
            Ok(flow)
        })
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
        self.convert_to(&Flow::constant(from), to, Modifier::NONE, context);
    }

    /// Notes what giving a value to a column runs.
    pub(super) fn assign(&mut self, flow: &Flow, column: &Column) {
        self.convert_to(flow, column.type_oid, column.modifier, CastContext::Assignment);
    }

    /// Notes what giving a value to a part of a column runs: `column[1]`, `column.field`.
    pub(super) fn assign_part(&mut self, flow: &Flow, column: &Column, steps: &[Node]) {
        let (mut type_oid, mut modifier) = (column.type_oid, column.modifier);
        let mut rest = steps;
        while let Some(step) = rest.first() {
            let base = overload::base_type(self.catalog, type_oid);
            // Subscripts beside each other are one step.
            let count =
                rest.iter().take_while(|node| matches!(node.node, Some(NodeEnum::AIndices(_)))).count();
            let (now, after) = rest.split_at(count.max(1));
            rest = after;
            match &step.node {
                Some(NodeEnum::AIndices(_)) if now.iter().any(is_slice) => type_oid = base,
                Some(NodeEnum::AIndices(_)) => {
                    type_oid = overload::subscript_type(self.catalog, base).unwrap_or(NO_TYPE);
                }
                Some(NodeEnum::String(name)) => {
                    let row = overload::row_relation(self.catalog, base);
                    let fields = row.and_then(|oid| self.catalog.relation(oid));
                    let field = fields.and_then(|row| row.columns.iter().find(|own| *own.name == *name.sval));
                    (type_oid, modifier) = field.map(|own| (own.type_oid, own.modifier)).unwrap_or_default();
                }
                _ => return,
            }
        }
        self.convert_to(flow, type_oid, modifier, CastContext::Assignment);
    }

    /// Notes what making a value of this type, and of its length or precision, runs
    /// (`coerce_to_target_type`).
    pub(super) fn convert_to(&mut self, flow: &Flow, to: Oid, modifier: Modifier, context: CastContext) {
        let from = flow.type_oid;
        if from == NO_TYPE || to == NO_TYPE {
            self.made_unseen(to);
            return;
        }
        let mut length = if from == to { flow.modifier } else { Modifier::NONE };
        if from != to {
            let base = overload::base_type(self.catalog, to);
            if from == UNKNOWN {
                // Of all input functions that of intervals alone is told the precision.
                length = if base == INTERVAL { modifier } else { Modifier::NONE };
            } else if let Some(pathway) = overload::coercion(self.catalog, from, to, context)
                && let Some(function) = pathway.function
            {
                self.run(function);
                // It brings the value to its length by itself.
                let arguments = self.catalog.code.functions.get(&function).map(|found| found.arguments.len());
                if arguments.is_some_and(|count| count > 1) {
                    length = modifier;
                }
            }
            let own = if overload::base_type(self.catalog, from) == base { flow.modifier } else { length };
            let of_domain = self.domain_modifier(to);
            self.lengthen(base, own, of_domain);
        }
        self.lengthen(to, length, modifier);
        if from != to
            && let Err(failed) = self.domain_checks(to, flow)
        {
            self.gap(failed.kind, failed.what);
        }
    }

    /// Runs what brings a value to its length, if it does not have it (`coerce_type_typmod`).
    fn lengthen(&mut self, type_oid: Oid, own: Modifier, wanted: Modifier) {
        if wanted != Modifier::NONE
            && !own.is(wanted)
            && let Some(function) = overload::length_coercion(self.catalog, type_oid)
        {
            self.run(function);
        }
    }

    /// The length that a domain gives the type under it.
    fn domain_modifier(&self, type_oid: Oid) -> Modifier {
        let types = &self.catalog.code.types;
        let mut modifier = Modifier::NONE;
        let mut at = type_oid;
        for _ in 0..types.len() {
            let Some(Type { kind: TypeKind::Domain(under), modifier: own, .. }) = types.get(&at) else {
                break;
            };
            (at, modifier) = (*under, *own);
        }
        modifier
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

    /// The same with its length or precision, of values that are made one by one.
    pub(super) fn full_type(&mut self, name: Option<&TypeName>) -> Bound<(Oid, Modifier)> {
        let (type_oid, modifier) = self.written_type(name)?;
        self.made_unseen(type_oid);
        Ok((type_oid, modifier))
    }

    /// The same, of a value that is converted.
    pub(super) fn written_type(&mut self, name: Option<&TypeName>) -> Bound<(Oid, Modifier)> {
        let type_oid = self.type_name(name)?;
        let element = overload::element_type(self.catalog, type_oid).unwrap_or(type_oid);
        let numbers = name.map(|name| named::numbers(&name.typmods)).unwrap_or_default();
        Ok((type_oid, Modifier::written(element, &numbers)))
    }

    /// Name, type and modifier of a column definition (`AS t(a int, b text)`).
    pub(super) fn column_definition(&mut self, node: &'a Node) -> Bound<(&'a str, Oid, Modifier)> {
        match &node.node {
            Some(NodeEnum::ColumnDef(definition)) => {
                let (type_oid, modifier) = self.full_type(definition.type_name.as_ref())?;
                Ok((&definition.colname, type_oid, modifier))
            }
            _ => Err(gap(GapKind::NotReviewed, "a column definition")),
        }
    }
}

fn is_slice(node: &Node) -> bool {
    matches!(&node.node, Some(NodeEnum::AIndices(indices)) if indices.is_slice)
}

/// The modifier that one of several values of a type has (`select_common_typmod`).
pub(super) fn common_modifier<'f>(type_oid: Oid, flows: impl IntoIterator<Item = &'f Flow>) -> Modifier {
    let mut flows = flows.into_iter();
    let of = |flow: &Flow| if flow.type_oid == type_oid { flow.modifier } else { Modifier::NONE };
    let first = flows.next().map(of).unwrap_or_default();
    flows.fold(first, |common, flow| common.common(of(flow)))
}
