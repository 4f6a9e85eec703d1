//! Operators: which function computes them, and of which type.

use pg_query::{
    NodeEnum,
    protobuf::{AExpr, AExprKind, List, Node, SubLink, SubLinkType},
};

use super::{
    Binder, Bound,
    flow::{BOOL, Flow, NO_TYPE, RECORD, UNKNOWN},
    gap,
    scope::Env,
};
use crate::{
    catalog::{Modifier, Oid},
    lineage::GapKind,
    understand::{
        overload::{self, ChosenOperator, Failure},
        walk::texts,
    },
};

/// Most operators that are remembered: they are looked through one by one.
const MOST_REMEMBERED: usize = 32;

/// Operators that were chosen for signs without a schema, all along one path.
#[derive(Debug, Default)]
pub(super) struct Remembered(Vec<(Box<str>, Option<Oid>, Oid, ChosenOperator)>);

impl Remembered {
    /// The operator `name` between these types, from memory or by [`overload::operator`].
    fn choose(
        &mut self,
        name: &[&str],
        (left, right): (Option<Oid>, Oid),
        choose: impl FnOnce() -> Result<ChosenOperator, Failure>,
    ) -> Result<ChosenOperator, Failure> {
        let [sign] = name else { return choose() };
        let known = self
            .0
            .iter()
            .find(|(known, first, second, _)| (*first, *second, &**known) == (left, right, *sign));
        if let Some((.., chosen)) = known {
            return Ok(chosen.clone());
        }
        let chosen = choose()?;
        if self.0.len() < MOST_REMEMBERED {
            self.0.push(((*sign).into(), left, right, chosen.clone()));
        }
        Ok(chosen)
    }
}

impl<'a> Binder<'a> {
    pub(super) fn operator(&mut self, expression: &'a AExpr, here: Env<'_, 'a>) -> Bound<Flow> {
        let AExpr { kind, name, lexpr, rexpr, rexpr_list_start: _, rexpr_list_end: _, location: _ } =
            expression;
        let name = texts(name);
        let (left, right) = (lexpr.as_deref(), rexpr.as_deref());
        match AExprKind::try_from(*kind) {
            Ok(AExprKind::AexprOp) => self.plain(&name, left, right, here),
            Ok(AExprKind::AexprOpAny | AExprKind::AexprOpAll) => self.against_array(&name, left, right, here),
            Ok(AExprKind::AexprDistinct | AExprKind::AexprNotDistinct) => {
                Ok(self.plain(&["="], left, right, here)?.computed(BOOL))
            }
            Ok(AExprKind::AexprNullif) => self.nullif(left, right, here),
            Ok(AExprKind::AexprIn) => self.in_list(&name, left, right, here),
            Ok(AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar) => {
                self.plain(&name, left, right, here)
            }
            Ok(
                AExprKind::AexprBetween
                | AExprKind::AexprNotBetween
                | AExprKind::AexprBetweenSym
                | AExprKind::AexprNotBetweenSym,
            ) => self.between(*kind, left, right, here),
            _ => Err(gap(GapKind::NotReviewed, "an operator of an unknown kind")),
        }
    }

    fn plain(
        &mut self,
        name: &[&str],
        left: Option<&'a Node>,
        right: Option<&'a Node>,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        if let (Some(left), Some(right)) = (row_of(left), row_of(right)) {
            return self.compare_rows(name, left, right, here);
        }
        if let (Some(_), Some(link)) = (row_of(left), right.and_then(one_row)) {
            return self.row_against_query(name, left, link, here);
        }
        let left = match left {
            Some(left) => Some(self.expression(left, here)?),
            None => None,
        };
        let right = self.optional(right, here)?;
        let type_oid = self.operate(name, left.as_ref().map(|flow| flow.type_oid), right.type_oid);
        let mut flow = left.unwrap_or_default();
        flow.mix(&right);
        Ok(flow.computed(type_oid))
    }

    /// `(a, b) < (c, d)` compares column by column.
    fn compare_rows(
        &mut self,
        name: &[&str],
        left: &'a [Node],
        right: &'a [Node],
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let mut flow = Flow::constant(BOOL);
        let (left, right) = (self.row_values(left, here)?, self.row_values(right, here)?);
        for (left, right) in left.iter().zip(&right) {
            self.operate(name, Some(left.type_oid), right.type_oid);
            flow.mix(left);
            flow.mix(right);
        }
        Ok(flow)
    }

    /// `x = ANY (array)`
    fn against_array(
        &mut self,
        name: &[&str],
        left: Option<&'a Node>,
        right: Option<&'a Node>,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let mut flow = self.optional(left, here)?;
        let array = self.optional(right, here)?;
        let element = match array.type_oid {
            UNKNOWN => UNKNOWN,
            other => overload::element_type(self.catalog, other).unwrap_or(NO_TYPE),
        };
        self.operate(name, Some(flow.type_oid), element);
        flow.mix(&array);
        Ok(flow.computed(BOOL))
    }

    fn nullif(&mut self, left: Option<&'a Node>, right: Option<&'a Node>, here: Env<'_, 'a>) -> Bound<Flow> {
        let mut flow = self.optional(left, here)?;
        let right = self.optional(right, here)?;
        let chosen = self.chosen(&["="], Some(flow.type_oid), right.type_oid);
        let own = (flow.type_oid, flow.modifier);
        let (type_oid, modifier) = match chosen.and_then(|chosen| self.declared_left(&chosen)) {
            // What comes out is what the operator was given, of the type that it wants.
            Some(left) if left != own.0 => (left, Modifier::NONE),
            _ => own,
        };
        flow.mix(&right);
        Ok(flow.computed(type_oid).with_modifier(modifier))
    }

    /// `x IN (a, b)`
    fn in_list(
        &mut self,
        name: &[&str],
        left: Option<&'a Node>,
        right: Option<&'a Node>,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let Some(NodeEnum::List(List { items })) = right.and_then(|node| node.node.as_ref()) else {
            return Err(gap(GapKind::NotReviewed, "an IN list"));
        };
        if let Some(row) = row_of(left) {
            return self.row_in_list(name, row, items, here);
        }
        let mut flow = self.optional(left, here)?;
        let tested = flow.type_oid;
        let mut constants = vec![tested];
        let mut others = Vec::new();
        let uses = || here.level.map_or(0, |level| level.uses.get());
        for item in items {
            let before = uses();
            let next = self.expression(item, here)?;
            flow.mix(&next);
            if uses() == before { constants.push(next.type_oid) } else { others.push(next.type_oid) }
        }
        // Values without a column of this level are compared as one array, if a type fits them all.
        let common = if constants.len() > 2 { self.common(&constants) } else { NO_TYPE };
        if common == NO_TYPE || constants.len() <= 2 {
            constants.iter().skip(1).for_each(|right| {
                self.operate(name, Some(tested), *right);
            });
        } else {
            self.operate(name, Some(tested), common);
        }
        for right in others {
            self.operate(name, Some(tested), right);
        }
        Ok(flow.computed(BOOL))
    }

    fn row_in_list(
        &mut self,
        name: &[&str],
        row: &'a [Node],
        items: &'a [Node],
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let mut flow = Flow::constant(BOOL);
        for item in items {
            let next = match row_of(Some(item)) {
                Some(other) => self.compare_rows(name, row, other, here)?,
                None => self.expression(item, here)?,
            };
            flow.mix(&next);
        }
        Ok(flow)
    }

    fn between(
        &mut self,
        kind: i32,
        left: Option<&'a Node>,
        right: Option<&'a Node>,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let Some(NodeEnum::List(List { items })) = right.and_then(|node| node.node.as_ref()) else {
            return Err(gap(GapKind::NotReviewed, "BETWEEN"));
        };
        let outside =
            [AExprKind::AexprNotBetween as i32, AExprKind::AexprNotBetweenSym as i32].contains(&kind);
        let symmetric =
            [AExprKind::AexprBetweenSym as i32, AExprKind::AexprNotBetweenSym as i32].contains(&kind);
        let names = if outside { ["<", ">"] } else { [">=", "<="] };
        if let Some(row) = row_of(left) {
            return self.row_between(names, symmetric, row, items, here);
        }
        let mut flow = self.optional(left, here)?;
        let tested = Some(flow.type_oid);
        for (place, item) in items.iter().enumerate() {
            let bound = self.expression(item, here)?;
            for (own, name) in names.iter().enumerate() {
                if symmetric || own == place {
                    self.operate(&[name], tested, bound.type_oid);
                }
            }
            flow.mix(&bound);
        }
        Ok(flow.computed(BOOL))
    }

    /// `(a, b) BETWEEN (c, d) AND (e, f)` compares column by column.
    fn row_between(
        &mut self,
        names: [&str; 2],
        symmetric: bool,
        row: &'a [Node],
        bounds: &'a [Node],
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let mut flow = Flow::constant(BOOL);
        for (place, bound) in bounds.iter().enumerate() {
            for (own, name) in names.iter().enumerate() {
                if symmetric || own == place {
                    let next = match row_of(Some(bound)) {
                        Some(bound) => self.compare_rows(&[name], row, bound, here)?,
                        None => self.expression(bound, here)?,
                    };
                    flow.mix(&next);
                }
            }
        }
        Ok(flow)
    }

    /// Chooses an operator, notes what it runs, and gives its type.
    pub(super) fn operate(&mut self, name: &[&str], left: Option<Oid>, right: Oid) -> Oid {
        self.chosen(name, left, right).map_or(NO_TYPE, |chosen| chosen.result)
    }

    fn chosen(&mut self, name: &[&str], left: Option<Oid>, right: Oid) -> Option<ChosenOperator> {
        let (catalog, path) = (self.catalog, self.path);
        let choose = || overload::operator(catalog, path, name, left, right);
        match self.operators.choose(name, (left, right), choose) {
            Ok(chosen) => {
                self.run(chosen.function);
                chosen.coercions.iter().for_each(|function| self.run(*function));
                Some(chosen)
            }
            Err(Failure::Unknown) if self.only_builtin_operators(name) => None,
            Err(_) => {
                self.gap(GapKind::Ambiguous, format!("which operator {} is meant", name.join(".")));
                None
            }
        }
    }

    /// The type that an operator makes of its left operand; `None` if it takes that as it is.
    fn declared_left(&self, chosen: &ChosenOperator) -> Option<Oid> {
        let left = self.catalog.code.operators.get(&chosen.operator)?.left;
        (left != RECORD && !overload::is_polymorphic(left)).then_some(left)
    }

    /// Whatever is chosen, it is PostgreSQL's own, and computes from its arguments alone.
    fn only_builtin_operators(&self, name: &[&str]) -> bool {
        let Some(name) = name.last() else { return false };
        let candidates = self.catalog.code.operators_by_name.get(*name);
        candidates.into_iter().flatten().all(|oid| {
            self.catalog.code.operators.get(oid).is_some_and(|operator| &*operator.schema == "pg_catalog")
        })
    }
}

/// A subquery that stands for one row.
fn one_row(node: &Node) -> Option<&SubLink> {
    match node.node.as_ref()? {
        NodeEnum::SubLink(link) if link.sub_link_type == SubLinkType::ExprSublink as i32 => Some(link),
        _ => None,
    }
}

fn row_of(node: Option<&Node>) -> Option<&[Node]> {
    match node?.node.as_ref()? {
        NodeEnum::RowExpr(row) => Some(&row.args),
        _ => None,
    }
}
