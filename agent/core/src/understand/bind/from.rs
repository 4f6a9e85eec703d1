//! FROM: relations, joins, subqueries, samples.

use std::{borrow::Cow, rc::Rc, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{Alias, JoinExpr, JoinType, Node, RangeSubselect, RangeTableSample, RangeVar},
};

use super::{
    Binder, Bound, Meaning,
    flow::{Flow, Runs},
    gap,
    item::{Found, Item, JoinColumn, Whole},
    relation::{Target, alias_columns},
    scope::{Entry, Env, Level},
    set::Set,
};
use crate::{
    catalog::{Modifier, Oid, code::CastContext},
    lineage::GapKind,
    understand::walk::{text, texts},
};

const FLOAT4: Oid = Oid(700);
const FLOAT8: Oid = Oid(701);

/// One item of FROM with everything in it.
pub(super) struct Part<'a> {
    /// What `*` shows.
    pub(super) top: Rc<Item<'a>>,
    /// What can be named.
    pub(super) entries: Vec<Entry<'a>>,
}

impl<'a> Part<'a> {
    pub(super) fn of(item: Item<'a>) -> Self {
        let top = Rc::new(item);
        Self { entries: vec![Entry::visible(Rc::clone(&top))], top }
    }
}

impl<'a> Binder<'a> {
    /// Everything that a FROM list shows. `indirect` takes what decides its rows.
    pub(super) fn items(
        &mut self,
        list: &'a [Node],
        env: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Vec<Entry<'a>>> {
        let mut entries = Vec::with_capacity(list.len());
        for node in list {
            let part = self.from(node, env, &entries, indirect)?;
            entries.extend(part.entries);
        }
        Ok(entries)
    }

    /// `before`: what LATERAL sees beside the levels around.
    pub(super) fn from(
        &mut self,
        node: &'a Node,
        env: Env<'_, 'a>,
        before: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<Part<'a>> {
        self.deeper(|binder| match &node.node {
            Some(NodeEnum::RangeVar(relation)) => binder.range_var(relation, env, indirect).map(Part::of),
            Some(NodeEnum::JoinExpr(join)) => binder.join(join, env, before, indirect),
            Some(NodeEnum::RangeSubselect(subselect)) => {
                binder.subselect(subselect, env, before, indirect).map(Part::of)
            }
            Some(NodeEnum::RangeFunction(function)) => {
                binder.range_function(function, env, before, indirect).map(Part::of)
            }
            Some(NodeEnum::RangeTableSample(sample)) => binder.sample(sample, env, before, indirect),
            Some(NodeEnum::RangeTableFunc(table)) => {
                binder.xml_table(table, env, before, indirect).map(Part::of)
            }
            Some(NodeEnum::JsonTable(table)) => binder.json_table(table, env, before, indirect).map(Part::of),
            _ => Err(gap(GapKind::NotReviewed, "an item of FROM")),
        })
    }

    /// A name: of a query in WITH, else of a relation.
    pub(super) fn range_var(
        &mut self,
        relation: &'a RangeVar,
        env: Env<'_, 'a>,
        indirect: &mut Set,
    ) -> Bound<Item<'a>> {
        let RangeVar { catalogname: _, schemaname, relname, inh: _, relpersistence: _, alias, location } =
            relation;
        let name = alias.as_ref().map_or(relname.as_str(), |alias| &alias.aliasname);
        if schemaname.is_empty()
            && let Some(shared) = self.find_cte(relname, env)?
        {
            self.facts.names.relations.insert(*location, Meaning::Query);
            indirect.add(&shared.indirect);
            let mut item = Item::derived(Cow::Borrowed(name), Rc::clone(&shared.columns));
            item.aliases = alias.as_ref().map(alias_columns).unwrap_or_default();
            return Ok(item);
        }
        let target = self.relation(relation)?;
        self.means(relation, &target);
        let item = self.relation_item(target, Cow::Borrowed(name), alias.as_ref())?;
        self.hidden_conditions(&item, indirect)?;
        Ok(item)
    }

    /// Remembers what a name in the text means.
    pub(super) fn means(&mut self, named: &RangeVar, target: &Target<'_>) {
        let meaning = match target {
            Target::Catalog(relation) => Meaning::Relation(relation.oid),
            Target::Own(_) => Meaning::Own,
        };
        self.facts.names.relations.insert(named.location, meaning);
    }

    fn subselect(
        &mut self,
        subselect: &'a RangeSubselect,
        env: Env<'_, 'a>,
        before: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<Item<'a>> {
        let RangeSubselect { lateral, subquery, alias } = subselect;
        let Some(query) = subquery.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "an empty subquery"));
        };
        let level = Level::of(before.to_vec(), env.level);
        let around = if *lateral { Env { level: Some(&level), ..env } } else { env };
        let rows = self.query(query, around)?;
        indirect.add(&rows.indirect);
        Ok(named(alias.as_ref(), Item::derived(Cow::Borrowed(""), Rc::new(rows.columns))))
    }

    fn sample(
        &mut self,
        sample: &'a RangeTableSample,
        env: Env<'_, 'a>,
        before: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<Part<'a>> {
        let RangeTableSample { relation, method, args, repeatable, location: _ } = sample;
        let Some(relation) = relation.as_deref() else {
            return Err(gap(GapKind::NotReviewed, "TABLESAMPLE of nothing"));
        };
        let part = self.from(relation, env, before, indirect)?;
        if !matches!(texts(method).last(), Some(&("system" | "bernoulli"))) {
            self.gap(GapKind::OpaqueFunction, format!("the sampling method {}", texts(method).join(".")));
        }
        for (nodes, type_oid) in
            [(args.as_slice(), FLOAT4), (repeatable.as_deref().map_or(&[], std::slice::from_ref), FLOAT8)]
        {
            for node in nodes {
                let flow = self.expression(node, env)?;
                self.convert(flow.type_oid, type_oid, CastContext::Assignment);
                self.settle_deciding(indirect);
                indirect.add(&flow.direct);
                indirect.add(&flow.indirect);
            }
        }
        Ok(part)
    }

    fn join(
        &mut self,
        join: &'a JoinExpr,
        env: Env<'_, 'a>,
        before: &[Entry<'a>],
        indirect: &mut Set,
    ) -> Bound<Part<'a>> {
        let JoinExpr { larg, rarg, quals, .. } = join;
        let (Some(left), Some(right)) = (larg.as_deref(), rarg.as_deref()) else {
            return Err(gap(GapKind::NotReviewed, "a join with one side"));
        };
        let left = self.from(left, env, before, indirect)?;
        let mut seen = before.to_vec();
        seen.extend(left.entries.iter().cloned());
        let right = self.from(right, env, &seen, indirect)?;
        let merged = self.merged(join, &left, &right, indirect)?;
        if let Some(quals) = quals.as_deref() {
            let entries = left.entries.iter().chain(&right.entries).cloned().collect();
            let level = Level::of(entries, env.level);
            self.condition(Some(quals), Env { level: Some(&level), ..env }, indirect)?;
        }
        Ok(joined(join, left, right, merged))
    }

    /// Columns that USING or NATURAL makes one.
    fn merged(
        &mut self,
        join: &'a JoinExpr,
        left: &Part<'a>,
        right: &Part<'a>,
        indirect: &mut Set,
    ) -> Bound<Vec<Merged<'a>>> {
        let names: Vec<Cow<'a, str>> = if join.is_natural {
            (0..left.top.len())
                .filter_map(|place| left.top.column_name(place))
                .filter(|name| matches!(right.top.find(name), Found::One(_)))
                .collect()
        } else {
            join.using_clause.iter().filter_map(text).map(Cow::Borrowed).collect()
        };
        self.step(names.len().saturating_mul(left.top.len() + right.top.len()))?;
        let mut merged = Vec::with_capacity(names.len());
        let kind = JoinType::try_from(join.jointype).unwrap_or(JoinType::JoinInner);
        for name in names {
            let (Found::One(own), Found::One(other)) = (left.top.find(&name), right.top.find(&name)) else {
                return Err(gap(GapKind::UnknownObject, format!("the column {name} is not on both sides")));
            };
            let flows: [Flow; 2] = [left.top.flow(own), right.top.flow(other)];
            for flow in &flows {
                self.used(&mut flow.clone());
                self.facts.reads.add(&flow.direct);
                indirect.add(&flow.direct);
                indirect.add(&flow.indirect);
            }
            self.operate(&["="], Some(flows[0].type_oid), flows[1].type_oid);
            self.settle_deciding(indirect);
            let type_oid = self.common(&[flows[0].type_oid, flows[1].type_oid]);
            let modifier = super::types::common_modifier(type_oid, flows.iter());
            let sides = Sides::shown(kind, &flows, (type_oid, modifier));
            let (_, runs) = self.aside(|binder| {
                for side in sides.types(&flows) {
                    binder.convert(side, type_oid, CastContext::Implicit);
                }
                Ok(())
            })?;
            merged.push(Merged { name, left: own, right: other, sides, type_oid, modifier, runs });
        }
        Ok(merged)
    }
}

/// A column that is one of both sides.
struct Merged<'a> {
    name: Cow<'a, str>,
    left: usize,
    right: usize,
    sides: Sides,
    type_oid: Oid,
    modifier: Modifier,
    /// What making the sides of that type runs, for whoever uses it.
    runs: Option<Arc<Runs>>,
}

/// Which side a merged column shows.
#[derive(Debug, Clone, Copy)]
enum Sides {
    Left,
    Right,
    Both,
}

impl Sides {
    fn shown(kind: JoinType, [left, right]: &[Flow; 2], merged: (Oid, Modifier)) -> Self {
        let fits = |side: &Flow| (side.type_oid, side.modifier) == merged;
        match kind {
            JoinType::JoinFull => Self::Both,
            JoinType::JoinRight => Self::Right,
            // Of two types the side that has the common one is taken as it is.
            JoinType::JoinInner if !fits(left) && fits(right) => Self::Right,
            _ => Self::Left,
        }
    }

    fn types(self, [left, right]: &[Flow; 2]) -> Vec<Oid> {
        match self {
            Self::Left => vec![left.type_oid],
            Self::Right => vec![right.type_oid],
            Self::Both => vec![left.type_oid, right.type_oid],
        }
    }
}

impl<'a> Merged<'a> {
    fn column(&self, left: &Rc<Item<'a>>, right: &Rc<Item<'a>>) -> JoinColumn<'a> {
        let own = (Rc::clone(left), self.left);
        let other = (Rc::clone(right), self.right);
        let from = match self.sides {
            Sides::Left => vec![own],
            Sides::Right => vec![other],
            Sides::Both => vec![own, other],
        };
        let runs = self.runs.clone();
        let merged = Some((self.type_oid, self.modifier));
        JoinColumn { name: self.name.clone(), from, merged, runs }
    }
}

fn joined<'a>(join: &'a JoinExpr, left: Part<'a>, right: Part<'a>, merged: Vec<Merged<'a>>) -> Part<'a> {
    let mut columns: Vec<JoinColumn<'a>> =
        merged.iter().map(|column| column.column(&left.top, &right.top)).collect();
    let using: Vec<JoinColumn<'a>> = columns.clone();
    for (side, places) in [
        (&left.top, merged.iter().map(|column| column.left).collect::<Vec<_>>()),
        (&right.top, merged.iter().map(|column| column.right).collect()),
    ] {
        let rest = (0..side.len()).filter(|place| !places.contains(place));
        columns.extend(rest.map(|place| JoinColumn {
            name: side.column_name(place).unwrap_or_default(),
            from: vec![(Rc::clone(side), place)],
            merged: None,
            runs: None,
        }));
    }
    let top = Rc::new(join_item(join.alias.as_ref(), columns));
    let mut entries = Vec::new();
    if join.alias.is_some() {
        entries.push(Entry::visible(Rc::clone(&top)));
    } else {
        let sides = left.entries.into_iter().chain(right.entries);
        entries.extend(sides.map(|entry| Entry { by_column: false, ..entry }));
        entries.push(Entry { item: Rc::clone(&top), by_name: false, by_column: true });
    }
    if let Some(alias) = &join.join_using_alias {
        let item = Rc::new(Item { whole: Whole::Made, ..join_item(Some(alias), using) });
        entries.push(Entry { item, by_name: true, by_column: false });
    }
    Part { top, entries }
}

fn join_item<'a>(alias: Option<&'a Alias>, columns: Vec<JoinColumn<'a>>) -> Item<'a> {
    let source = super::item::Source::Join(columns);
    let row_type = super::flow::RECORD;
    let item = Item {
        name: Cow::Borrowed(""),
        relation: None,
        source,
        aliases: Vec::new(),
        row_type,
        whole: Whole::Row,
    };
    named(alias, item)
}

/// An item under its alias.
pub(super) fn named<'a>(alias: Option<&'a Alias>, mut item: Item<'a>) -> Item<'a> {
    if let Some(alias) = alias {
        item.name = Cow::Borrowed(&alias.aliasname);
        item.aliases = alias_columns(alias);
    }
    item
}
