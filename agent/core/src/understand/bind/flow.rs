//! What one value comes from.

use std::{collections::BTreeSet, sync::Arc};

use super::set::Set;
use crate::{
    catalog::{Modifier, Oid},
    lineage::{ColumnId, Gap},
};

/// The type of an untyped literal.
pub(in crate::understand) const UNKNOWN: Oid = Oid(705);
/// `record`, the type of rows that no table has.
pub(super) const RECORD: Oid = Oid(2249);
pub(super) const BOOL: Oid = Oid(16);
pub(super) const INT4: Oid = Oid(23);
pub(super) const INT8: Oid = Oid(20);
pub(super) const NUMERIC: Oid = Oid(1700);
pub(super) const TEXT: Oid = Oid(25);
pub(super) const BIT: Oid = Oid(1560);
/// Nobody here knows the type.
pub(super) const NO_TYPE: Oid = Oid(0);

/// What a value comes from.
#[derive(Debug, Clone, Default)]
pub(in crate::understand) struct Flow {
    /// Columns whose values can be in it.
    pub(super) direct: Set,
    /// Columns that decided which value it is.
    pub(super) indirect: Set,
    pub(super) type_oid: Oid,
    /// Length or precision that it is known to have (`exprTypmod`).
    pub(super) modifier: Modifier,
    /// It is this column's value, unchanged.
    pub(super) identity: Option<ColumnId>,
    /// Of a row whose fields are known one by one.
    pub(super) fields: Option<Arc<Vec<Field>>>,
    /// What computing it runs, for whoever uses it: a column that nobody uses runs nothing but what is
    /// volatile, which is counted where it stands.
    pub(super) runs: Vec<Arc<Runs>>,
}

/// What computing a column of a subquery or view runs, and what of that is not understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::understand) struct Runs {
    pub(super) functions: BTreeSet<Oid>,
    pub(super) gaps: Vec<Gap>,
}

/// One field of a row value.
#[derive(Debug, Clone)]
pub(in crate::understand) struct Field {
    pub(super) name: Arc<str>,
    pub(super) flow: Flow,
}

impl Flow {
    /// A value without a source.
    pub(super) fn constant(type_oid: Oid) -> Self {
        Self { type_oid, ..Self::default() }
    }

    /// A stored column's value.
    pub(super) fn column(column: ColumnId, type_oid: Oid) -> Self {
        Self { direct: Set::one(column), type_oid, identity: Some(column), ..Self::default() }
    }

    /// Functions that computing it runs.
    pub(super) fn functions(&self) -> BTreeSet<Oid> {
        self.runs.iter().flat_map(|runs| runs.functions.iter().copied()).collect()
    }

    /// The same of this length or precision.
    pub(super) fn with_modifier(self, modifier: Modifier) -> Self {
        Self { modifier, ..self }
    }

    fn run_too(&mut self, others: &[Arc<Runs>]) {
        for other in others {
            if !self.runs.iter().any(|own| Arc::ptr_eq(own, other)) {
                self.runs.push(Arc::clone(other));
            }
        }
    }

    /// Both flow into a value.
    pub(super) fn mix(&mut self, other: &Self) {
        self.direct.add(&other.direct);
        self.indirect.add(&other.indirect);
        self.run_too(&other.runs);
    }

    /// The other flows in, into each of its fields as well.
    pub(super) fn take_in(&mut self, other: &Self) {
        self.mix(other);
        self.identity = None;
        for field in self.fields.as_mut().map(Arc::make_mut).into_iter().flatten() {
            field.flow.mix(other);
            field.flow.identity = None;
        }
    }

    /// The other decides which value it is.
    pub(super) fn depend(&mut self, other: &Self) {
        self.indirect.add(&other.direct);
        self.indirect.add(&other.indirect);
        self.run_too(&other.runs);
    }

    /// What decides about it, about each of its fields as well.
    pub(super) fn depend_also(&mut self, deciding: &Self) {
        self.indirect.add(&deciding.indirect);
        self.run_too(&deciding.runs);
        for field in self.fields.as_mut().map(Arc::make_mut).into_iter().flatten() {
            field.flow.indirect.add(&deciding.indirect);
        }
    }

    /// Something computed from this value.
    pub(super) fn computed(mut self, type_oid: Oid) -> Self {
        self.identity = None;
        self.fields = None;
        self.type_oid = type_oid;
        self.modifier = Modifier::NONE;
        self
    }

    /// The same value under another type, or as one of several that it could be.
    pub(super) fn either(&mut self, other: &Self) {
        let alone = Self { fields: None, ..self.clone() };
        self.mix(other);
        self.modifier = self.modifier.common(other.modifier);
        if self.identity != other.identity {
            self.identity = None;
        }
        self.fields = match (self.fields.take(), &other.fields) {
            (Some(own), Some(others)) if own.len() == others.len() => Some(merge(own, others)),
            (Some(_), Some(_)) | (None, None) => None,
            // Of a row that is known as a whole only, all of it flows into each field.
            (Some(own), None) => Some(mixed(own, other)),
            (None, Some(others)) => Some(mixed(Arc::clone(others), &alone)),
        };
    }
}

fn mixed(own: Arc<Vec<Field>>, whole: &Flow) -> Arc<Vec<Field>> {
    let mut own = Arc::unwrap_or_clone(own);
    for field in &mut own {
        field.flow.mix(whole);
        field.flow.identity = None;
    }
    Arc::new(own)
}

fn merge(own: Arc<Vec<Field>>, others: &[Field]) -> Arc<Vec<Field>> {
    let mut own = Arc::unwrap_or_clone(own);
    for (field, other) in own.iter_mut().zip(others) {
        field.flow.either(&other.flow);
    }
    Arc::new(own)
}
