//! Comparing values to sort them, to group them, to tell them apart: their type's operator class says how.

use pg_query::protobuf::SortBy;

use super::{
    Binder,
    flow::{BOOL, Flow},
};
use crate::{
    catalog::{
        FIRST_NORMAL_OID, Oid,
        code::{Operator, Type, TypeKind},
    },
    lineage::GapKind,
    understand::{overload, review, walk::texts},
};

impl Binder<'_> {
    /// Sorts by a value: with USING by the operator that is named.
    pub(super) fn sorted(&mut self, flow: &Flow, sort: &SortBy) {
        if sort.use_op.is_empty() {
            self.compare_values(flow);
        } else {
            let operator = texts(&sort.use_op);
            let compared = self.quietly(|binder| {
                binder.operate(&operator, Some(flow.type_oid), flow.type_oid);
                Ok(())
            });
            if let Err(failed) = compared {
                self.gap(failed.kind, failed.what);
            }
        }
    }

    /// Operator classes are not in the snapshot, but what they are made of is: operators of users that compare
    /// values of a type stand for one.
    pub(super) fn compare_values(&mut self, flow: &Flow) {
        if self.catalog.user_operators.is_empty() {
            return;
        }
        let fields = flow.fields.iter().flat_map(|fields| fields.iter()).map(|field| field.flow.type_oid);
        let mut rest: Vec<Oid> = std::iter::once(flow.type_oid).chain(fields).collect();
        let mut seen = Vec::new();
        while let Some(next) = rest.pop() {
            let base = overload::base_type(self.catalog, next);
            if seen.contains(&base) {
                continue;
            }
            seen.push(base);
            rest.extend(self.parts(base));
            let Some(found) = self.catalog.code.types.get(&base) else { continue };
            if !self.is_sorted_by_the_server(found) && self.compares_by_code(base) {
                let what = format!("how values of {}.{} are compared", found.schema, found.name);
                self.gap(GapKind::OpaqueFunction, what);
            }
        }
    }

    /// Types whose values are compared on the way.
    fn parts(&self, base: Oid) -> Vec<Oid> {
        let element = overload::element_type(self.catalog, base);
        let about = match self.catalog.code.types.get(&base).map(|found| found.kind) {
            Some(TypeKind::Range(about) | TypeKind::Multirange(about)) => Some(about),
            _ => None,
        };
        let row = overload::row_relation(self.catalog, base).and_then(|oid| self.catalog.relation(oid));
        let fields = row.into_iter().flat_map(|row| &row.columns).map(|column| column.type_oid);
        fields.chain(element).chain(about).collect()
    }

    /// A type of the server's with an order of its own: nobody can give it another one.
    fn is_sorted_by_the_server(&self, found: &Type) -> bool {
        const GEOMETRIC: u8 = b'G';
        let code = &self.catalog.code;
        let mut less = code.operators_by_name.get("<").into_iter().flatten();
        found.oid.0 < FIRST_NORMAL_OID
            && found.category != GEOMETRIC
            && less.any(|oid| code.operators.get(oid).is_some_and(|own| is_between(own, found.oid)))
    }

    fn compares_by_code(&self, base: Oid) -> bool {
        let code = &self.catalog.code;
        let named = self.catalog.user_operators.iter().filter_map(|name| code.operators_by_name.get(name));
        let operators = named.flatten().filter_map(|oid| code.operators.get(oid));
        let own = operators.filter(|own| own.oid.0 >= FIRST_NORMAL_OID && is_between(own, base));
        own.filter_map(|own| code.functions.get(&own.function))
            .any(|function| review::review(function).class.gap().is_some())
    }
}

fn is_between(operator: &Operator, base: Oid) -> bool {
    operator.left == base && operator.right == base && operator.result == BOOL
}
