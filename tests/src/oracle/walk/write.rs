//! Statements that write: what goes into which column, and what RETURNING then shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use super::{Table, Walk, scope::Scope};
use crate::oracle::{
    Sources,
    node::{Node, Value},
};

const UPDATE: i64 = 2;
const INSERT: i64 = 3;
const DELETE: i64 = 4;
const MERGE: i64 = 5;

/// Sources of the columns of a row.
type Columns = BTreeMap<i16, Sources>;

/// A value, and where its variables point to.
type Given<'a> = (Rc<Scope<'a>>, &'a Value);

/// A row that is being written, as RETURNING sees it.
#[derive(Debug, Default, Clone)]
pub(super) struct Row<'a> {
    relation: u32,
    /// Values that columns have certainly been given, for whoever looks into them.
    given: BTreeMap<i16, Vec<Given<'a>>>,
    /// What a column without OLD or NEW means.
    plain: Columns,
    old: Columns,
    new: Columns,
}

/// What a query has written.
#[derive(Debug)]
pub(super) struct Written<'a> {
    /// The target's entry in the range table.
    entry: i64,
    row: Rc<Row<'a>>,
}

impl<'a> Row<'a> {
    /// A row that is the same before and after.
    pub(super) fn same(relation: u32, columns: Columns) -> Self {
        Self { relation, given: BTreeMap::new(), plain: columns.clone(), old: columns.clone(), new: columns }
    }

    /// The values that a column has been given, if it has none from anywhere else.
    pub(super) fn assigned(&self, number: i64, version: i64) -> Option<&[Given<'a>]> {
        const OLD: i64 = 1;
        let place = i16::try_from(number).ok().filter(|_| version != OLD)?;
        self.given.get(&place).map(Vec::as_slice)
    }

    /// The sources of a column; number 0 is the whole row.
    pub(super) fn column(&self, number: i64, version: i64) -> Sources {
        let columns = match version {
            1 => &self.old,
            2 => &self.new,
            _ => &self.plain,
        };
        let place = i16::try_from(number).expect("an attribute number");
        match place {
            0 => columns.values().flatten().copied().collect(),
            ..0 => Sources::from([(self.relation, place)]),
            1.. => columns.get(&place).cloned().unwrap_or_default(),
        }
    }

    /// Either this row or that.
    fn or(&mut self, other: &Self) {
        self.relation = other.relation;
        let mut others = other.given.clone();
        self.given.retain(|place, values| others.remove(place).map(|more| values.extend(more)).is_some());
        for (mine, others) in
            [(&mut self.plain, &other.plain), (&mut self.old, &other.old), (&mut self.new, &other.new)]
        {
            for (place, sources) in others {
                mine.entry(*place).or_default().extend(sources);
            }
        }
    }
}

impl<'a> Walk<'a> {
    /// The scope of what a query gives out: for one that writes, that of RETURNING.
    pub(super) fn returning(&mut self, scope: &Rc<Scope<'a>>) -> Rc<Scope<'a>> {
        match self.written.get(&scope.id).map(|written| (written.entry, Rc::clone(&written.row))) {
            Some((entry, row)) => self.with_stand_in(scope, entry, row),
            None => Rc::clone(scope),
        }
    }

    /// A query that writes runs.
    pub(super) fn write(&mut self, scope: &Rc<Scope<'a>>) {
        let query = scope.query;
        let entry = query.number("resultRelation");
        let relation = scope.entry(entry).oid("relid");
        self.from(scope, query.get("jointree"));
        self.decide(scope, query.get("mergeJoinCondition"));
        let row = match query.number("commandType") {
            INSERT => self.insert(scope, query.get("targetList"), relation),
            UPDATE => self.update(scope, query.get("targetList"), relation),
            DELETE => self.delete(relation),
            MERGE => self.merge(scope, relation),
            other => panic!("a command of type {other} is new to the oracle"),
        };
        self.written.insert(scope.id, Rc::new(Written { entry, row: Rc::new(row) }));
    }

    fn insert(&mut self, scope: &Rc<Scope<'a>>, targets: &'a Value, relation: u32) -> Row<'a> {
        let defaults = self.catalog.relations.get(&relation).map(|known| &known.defaults);
        let mut inserted = self.assigned(scope, targets, defaults);
        self.recompute(relation, &mut inserted, None);
        self.record(relation, &inserted, true);
        let given = given(scope, targets);
        let mut row = Row { relation, given, plain: inserted.clone(), old: Columns::new(), new: inserted };
        if let Some(conflict) = scope.query.get("onConflict").node() {
            let updated = self.on_conflict(scope, conflict, relation, &row);
            row.or(&updated);
        }
        self.compute(relation, &mut row.plain);
        self.compute(relation, &mut row.new);
        row
    }

    /// ON CONFLICT: the arbiters decide; DO UPDATE changes the stored row.
    fn on_conflict(
        &mut self,
        scope: &Rc<Scope<'a>>,
        node: &'a Node,
        relation: u32,
        proposed: &Row<'a>,
    ) -> Row<'a> {
        self.arbiters(scope, node, proposed);
        const UPDATE_IT: i64 = 2;
        if node.number("action") != UPDATE_IT {
            return Row { relation, ..Row::default() };
        }
        let mut excluded = proposed.new.clone();
        self.compute(relation, &mut excluded);
        let given = proposed.given.clone();
        let excluded = Rc::new(Row { given, ..Row::same(relation, excluded) });
        let scope = self.with_stand_in(scope, node.number("exclRelIndex"), excluded);
        self.decide(&scope, node.get("onConflictWhere"));
        self.update(&scope, node.get("onConflictSet"), relation)
    }

    /// Stored values and proposed ones meet in the arbiters; all unique indexes are such if none is named.
    fn arbiters(&mut self, scope: &Rc<Scope<'a>>, node: &'a Node, proposed: &Row<'a>) {
        let catalog = self.catalog;
        let target = scope.query.number("resultRelation");
        let elements = node.get("arbiterElems");
        let met = self.with_stand_in(scope, target, Rc::new(proposed.clone()));
        for scope in [scope, &met] {
            self.decide(scope, elements);
            self.decide(scope, node.get("arbiterWhere"));
        }
        let named = match node.oid("constraint") {
            0 if elements.nodes().next().is_none() => catalog.unique(proposed.relation),
            constraint => catalog.constraint(constraint),
        };
        for place in named {
            self.expected.indirect.insert((proposed.relation, *place));
            self.expected.indirect.extend(proposed.new.get(place).into_iter().flatten());
        }
    }

    fn update(&mut self, scope: &Rc<Scope<'a>>, targets: &'a Value, relation: u32) -> Row<'a> {
        let mut changed = self.assigned(scope, targets, None);
        let set: BTreeSet<i16> = changed.keys().copied().collect();
        self.recompute(relation, &mut changed, Some(&set));
        self.record(relation, &changed, false);
        let old = self.stored_row(relation);
        let mut new = old.clone();
        new.extend(changed);
        self.compute(relation, &mut new);
        Row { relation, given: given(scope, targets), plain: new.clone(), old, new }
    }

    fn delete(&mut self, relation: u32) -> Row<'a> {
        self.record(relation, &Columns::new(), false);
        let old = self.stored_row(relation);
        Row { relation, given: BTreeMap::new(), plain: old.clone(), old, new: Columns::new() }
    }

    /// Each action may be the one: what comes out may be any of theirs.
    fn merge(&mut self, scope: &Rc<Scope<'a>>, relation: u32) -> Row<'a> {
        let mut row = Row { relation, ..Row::default() };
        for action in scope.query.get("mergeActionList").nodes() {
            self.decide(scope, action.get("qual"));
            let targets = action.get("targetList");
            let one = match action.number("commandType") {
                INSERT => self.insert(scope, targets, relation),
                UPDATE => self.update(scope, targets, relation),
                DELETE => self.delete(relation),
                // DO NOTHING
                _ => continue,
            };
            row.or(&one);
        }
        row
    }

    /// What a target list assigns. Some columns may be there only because they have a default.
    fn assigned(
        &mut self,
        scope: &Rc<Scope<'a>>,
        targets: &'a Value,
        defaults: Option<&BTreeSet<i16>>,
    ) -> Columns {
        self.targets.push(targets);
        let mut assigned = Columns::new();
        for entry in targets.nodes().filter(|entry| !entry.is_true("resjunk")) {
            let place = i16::try_from(entry.number("resno")).expect("an attribute number");
            let aside = defaults.is_some_and(|defaults| defaults.contains(&place));
            self.aside += u32::from(aside);
            let sources = self.direct(scope, entry.get("expr"));
            self.aside -= u32::from(aside);
            assigned.entry(place).or_default().extend(sources);
        }
        self.targets.pop();
        assigned
    }

    fn stored_row(&mut self, relation: u32) -> Columns {
        let catalog = self.catalog;
        catalog.columns(relation).map(|place| (place, self.stored(relation, i64::from(place)))).collect()
    }

    /// Stored generated columns follow those that they are made of; all of them in a new row.
    fn recompute(&mut self, relation: u32, values: &mut Columns, set: Option<&BTreeSet<i16>>) {
        let catalog = self.catalog;
        let Some(known) = catalog.relations.get(&relation) else { return };
        let mut base = if set.is_some() { self.stored_row(relation) } else { Columns::new() };
        base.extend(values.clone());
        for (place, expression) in &known.stored {
            if set.is_none_or(|set| made_of(expression).any(|part| set.contains(&part))) {
                let sources = self.generated(expression, Row::same(relation, base.clone()));
                values.insert(*place, sources);
            }
        }
    }

    /// Virtual generated columns are made of the row's values.
    fn compute(&mut self, relation: u32, values: &mut Columns) {
        let catalog = self.catalog;
        let Some(known) = catalog.relations.get(&relation) else { return };
        for (place, expression) in &known.computed {
            let sources = self.generated(expression, Row::same(relation, values.clone()));
            values.insert(*place, sources);
        }
    }

    fn record(&mut self, relation: u32, columns: &Columns, inserted: bool) {
        let catalog = self.catalog;
        let defaults = catalog.relations.get(&relation).map(|known| &known.defaults);
        let table: &mut Table = self.expected.tables.entry(relation).or_default();
        for (place, sources) in columns {
            table.columns.entry(*place).or_default().extend(sources);
            if !inserted || defaults.is_none_or(|defaults| !defaults.contains(place)) {
                table.sure.insert(*place);
            }
        }
    }
}

/// The values of a target list, by attribute number. Parts of columns are none.
fn given<'a>(scope: &Rc<Scope<'a>>, targets: &'a Value) -> BTreeMap<i16, Vec<Given<'a>>> {
    let mut given: BTreeMap<i16, Vec<Given<'a>>> = BTreeMap::new();
    for entry in targets.nodes().filter(|entry| !entry.is_true("resjunk")) {
        const MULTIPLE_ASSIGNMENT: i64 = 3;
        let value = entry.get("expr");
        let mut of_query = false;
        value.every_node(&mut |node| {
            of_query |= node.kind == "PARAM" && node.number("paramkind") == MULTIPLE_ASSIGNMENT;
        });
        if !of_query {
            let place = i16::try_from(entry.number("resno")).expect("an attribute number");
            given.entry(place).or_default().push((Rc::clone(scope), value));
        }
    }
    given
}

/// Attribute numbers that an expression over one row names.
fn made_of(expression: &Value) -> impl Iterator<Item = i16> + use<> {
    let mut parts = Vec::new();
    expression.every_node(&mut |node| {
        if node.kind == "VAR" {
            parts.extend(i16::try_from(node.number("varattno")));
        }
    });
    parts.into_iter()
}
