//! A table while it is put together or changed: columns by number, with what flowed into them.

use std::collections::BTreeSet;

use super::{
    Life, OwnRelation,
    change::{ColumnSpec, Constraint},
};
use crate::{
    catalog::{Column, ColumnExpression, Details, Modifier, Oid, Relation, Unique, code::Name},
    lineage::{ColumnId, Columns, Gap},
};

/// Bits of `TableLikeClause.options` (`TableLikeOption` of the server).
const LIKE_DEFAULTS: u32 = 1 << 3;
const LIKE_GENERATED: u32 = 1 << 4;
const LIKE_IDENTITY: u32 = 1 << 5;
const LIKE_INDEXES: u32 = 1 << 6;

/// Most gaps of one relation.
const MOST_GAPS: usize = 16;

/// What a new relation takes over from one that it inherits from, beside columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inherited {
    Identity,
    Columns,
}

/// Whether LIKE with these options makes identity columns.
pub(super) const fn copies_identity(options: u32) -> bool {
    options & LIKE_IDENTITY != 0
}

/// A relation in the making.
pub(super) struct Table {
    pub(super) own: OwnRelation,
}

impl Table {
    pub(super) fn new(relation: Relation) -> Self {
        Self { own: OwnRelation::stored(relation) }
    }

    pub(super) const fn of(own: OwnRelation) -> Self {
        Self { own }
    }

    /// With what the whole relation is known for.
    pub(super) fn finish(self, through: bool, life: Life) -> OwnRelation {
        let highest = self.own.life.highest;
        OwnRelation { temporary: through, life: Life { highest, ..life }, ..self.own }
    }

    pub(super) fn number(&self, name: &str) -> Option<i16> {
        self.own.relation.columns.iter().find(|column| &*column.name == name).map(|column| column.number)
    }

    pub(super) fn column_mut(&mut self, name: &str) -> Option<&mut Column> {
        self.own.relation.columns.iter_mut().find(|column| &*column.name == name)
    }

    /// Adds a column behind all that there ever were.
    pub(super) fn push(&mut self, name: Name, type_oid: Oid) -> i16 {
        let number = self.own.life.highest.saturating_add(1);
        self.own.life.highest = number;
        self.own.relation.columns.push(Column::new(number, name, type_oid));
        number
    }

    fn details(&mut self) -> &mut Details {
        self.own.relation.details.get_or_insert_default()
    }

    /// What a column gets if no statement gives it a value.
    pub(super) fn set_expression(&mut self, number: i16, expression: Option<ColumnExpression>) {
        if expression.is_none() && self.own.relation.details.is_none() {
            return;
        }
        let expressions = &mut self.details().expressions;
        expressions.retain(|(of, _)| *of != number);
        expressions.extend(expression.map(|expression| (number, expression)));
    }

    /// Columns of a parent or of a composite type, merged by name. A partition of PostgreSQL 17 takes its
    /// numbers from the same sequence.
    pub(super) fn inherit(&mut self, parent: &Relation, identity: Inherited) {
        for column in &parent.columns {
            let known = self.number(&column.name);
            let number = known.unwrap_or_else(|| self.push(column.name.clone(), column.type_oid));
            if let Some(own) = self.column_mut(&column.name) {
                own.not_null |= column.not_null;
                own.modifier = column.modifier;
                if identity == Inherited::Identity {
                    own.identity = column.identity;
                }
            }
            if let Some(expression) = expression_of(parent, column.number) {
                self.set_expression(number, Some(expression.clone()));
            }
        }
    }

    /// LIKE.
    pub(super) fn like(&mut self, other: &Relation, options: u32) {
        for column in &other.columns {
            let number = self.push(column.name.clone(), column.type_oid);
            if let Some(own) = self.column_mut(&column.name) {
                own.not_null = column.not_null;
                own.modifier = column.modifier;
                own.identity = column.identity.filter(|_| copies_identity(options));
            }
            let expression = expression_of(other, column.number);
            let copied = match expression {
                Some(ColumnExpression::Default(_)) => options & LIKE_DEFAULTS != 0,
                Some(_) => options & LIKE_GENERATED != 0,
                None => false,
            };
            if let Some(expression) = expression.filter(|_| copied) {
                self.set_expression(number, Some(expression.clone()));
            }
        }
        let uniques = other.details.iter().flat_map(|details| &details.uniques);
        for unique in uniques.filter(|_| options & LIKE_INDEXES != 0) {
            let names = unique.columns.iter().filter_map(|number| other.column(*number));
            let columns: Vec<Name> = names.map(|column| column.name.clone()).collect();
            self.unique(None, unique.primary, &columns);
        }
    }

    /// A column as it is written; one that is inherited takes what is added.
    pub(super) fn define(&mut self, column: &ColumnSpec, kind: Option<(Oid, Modifier)>) {
        let number = match (self.number(&column.name), kind) {
            (Some(number), _) => number,
            (None, kind) => self.push(column.name.clone(), kind.map(|(oid, _)| oid).unwrap_or_default()),
        };
        if let Some(own) = self.column_mut(&column.name) {
            own.modifier = kind.map_or(own.modifier, |(_, modifier)| modifier);
            own.identity = column.identity.or(own.identity);
            own.not_null |= column.not_null;
        }
        if column.expression.is_some() {
            self.set_expression(number, column.expression.clone());
        }
    }

    pub(super) fn constrain(&mut self, constraints: &[Constraint]) {
        for constraint in constraints {
            if let Constraint::Unique { name, primary, columns } = constraint {
                self.unique(name.clone(), *primary, columns);
            }
        }
    }

    fn unique(&mut self, name: Option<Name>, primary: bool, columns: &[Name]) {
        let table = self.own.relation.name.clone();
        let name = name.unwrap_or_else(|| default_name(&table, primary, columns));
        let mut numbers = Vec::with_capacity(columns.len());
        for column in columns {
            numbers.push(self.number(column).unwrap_or(0));
            if let Some(own) = self.column_mut(column) {
                own.tested_on_write = true;
                own.not_null |= primary;
            }
        }
        self.details().uniques.push(Unique {
            name,
            primary,
            columns: numbers.into(),
            others: Box::default(),
        });
    }

    /// Adds to what flowed into a column. False if that was known already.
    pub(super) fn flows(&mut self, number: i16, from: &Columns) -> bool {
        let id = ColumnId { relation: self.own.relation.oid, number };
        merge(self.own.sources.entry(id).or_default(), from)
    }

    /// Adds to what decided about rows, and to what is not known. False if that was known already.
    pub(super) fn decided_by(&mut self, indirect: &Columns, gaps: &[Gap]) -> bool {
        let mut more = merge(&mut self.own.indirect, indirect);
        for gap in gaps {
            if self.own.gaps.len() < MOST_GAPS && !self.own.gaps.contains(gap) {
                self.own.gaps.push(gap.clone());
                more = true;
            }
        }
        more
    }

    /// Everything that flowed into these columns.
    pub(super) fn sources_of(&self, names: &[Name]) -> Columns {
        let numbers = names.iter().filter_map(|name| self.number(name));
        numbers.filter_map(|number| self.own.sources_of(number)).flatten().copied().collect()
    }
}

/// True if something was added.
fn merge(into: &mut BTreeSet<ColumnId>, from: &Columns) -> bool {
    let before = into.len();
    into.extend(from);
    into.len() > before
}

fn expression_of(relation: &Relation, number: i16) -> Option<&ColumnExpression> {
    let details = relation.details.as_ref()?;
    details.expressions.iter().find(|(of, _)| *of == number).map(|(_, expression)| expression)
}

/// Name of a constraint that has none (`ChooseIndexName`), as long as nothing must be cut.
fn default_name(table: &str, primary: bool, columns: &[Name]) -> Name {
    if primary {
        return format!("{table}_pkey").into();
    }
    let columns: Vec<&str> = columns.iter().map(|name| &**name).collect();
    format!("{table}_{}_key", columns.join("_")).into()
}
