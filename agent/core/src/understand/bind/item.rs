//! What stands in FROM: something with named columns, each with what it comes from.

use std::{borrow::Cow, collections::HashMap, rc::Rc, sync::Arc};

use super::{
    flow::{Flow, Runs},
    set::Set,
    view::BoundView,
};
use crate::{
    catalog::{Modifier, Oid, Relation},
    lineage::ColumnId,
    session::OwnRelation,
};

/// The system columns of stored tables, with their attribute numbers and types.
const SYSTEM: [(&str, i16, Oid); 6] = [
    ("ctid", -1, Oid(27)),
    ("xmin", -2, Oid(28)),
    ("cmin", -3, Oid(29)),
    ("xmax", -4, Oid(28)),
    ("cmax", -5, Oid(29)),
    ("tableoid", -6, Oid(26)),
];

/// An item of FROM, or the target of a write.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// Alias or own name; empty if it has none.
    pub(super) name: Cow<'a, str>,
    /// A relation without an alias: `schema.name` means it too.
    pub(super) relation: Option<&'a Relation>,
    pub(super) source: Source<'a>,
    /// New names of the first columns.
    pub(super) aliases: Vec<&'a str>,
    /// Type of its whole row.
    pub(super) row_type: Oid,
    pub(super) whole: Whole,
}

/// What the name of an item is as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    /// A row of its columns.
    Row,
    /// Of a function that gives one plain value a row: that value.
    Value,
    /// Of a join's USING alias: a row that is put together, whose fields are no columns of a table any more.
    Made,
}

/// Where the columns of an item come from.
#[derive(Debug)]
pub(super) enum Source<'a> {
    /// A stored table. `written`: values that this statement has just given it, by attribute number.
    Table {
        relation: &'a Relation,
        written: Option<Rc<HashMap<i16, Flow>>>,
    },
    View {
        relation: &'a Relation,
        bound: &'a BoundView,
    },
    /// A temporary table, or a view that this session made: lineage goes through it.
    Own(&'a OwnRelation),
    /// A subquery, CTE, function or VALUES list.
    Columns(Rc<Vec<Named<'a>>>),
    /// A join: each column is that of one side, or of both.
    Join(Vec<JoinColumn<'a>>),
}

/// A column of a subquery.
#[derive(Debug, Clone)]
pub(super) struct Named<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) flow: Flow,
}

/// A column of a join.
#[derive(Debug, Clone)]
pub(super) struct JoinColumn<'a> {
    pub(super) name: Cow<'a, str>,
    /// Several for a column merged by a full join.
    pub(super) from: Vec<(Rc<Item<'a>>, usize)>,
    /// Merged of two into this type and modifier.
    pub(super) merged: Option<(Oid, Modifier)>,
    /// What making it of that type runs.
    pub(super) runs: Option<Arc<Runs>>,
}

/// What a name is in an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    None,
    /// The column at this place.
    One(usize),
    /// A system column of this attribute number and type.
    System(ColumnId, Oid),
    Several,
}

impl<'a> Item<'a> {
    pub(super) fn derived(name: Cow<'a, str>, columns: Rc<Vec<Named<'a>>>) -> Self {
        let source = Source::Columns(columns);
        Self {
            name,
            relation: None,
            source,
            aliases: Vec::new(),
            row_type: super::flow::RECORD,
            whole: Whole::Row,
        }
    }

    pub(super) fn len(&self) -> usize {
        match &self.source {
            Source::Table { relation, .. } | Source::View { relation, .. } => relation.columns.len(),
            Source::Own(own) => own.relation.columns.len(),
            Source::Columns(columns) => columns.len(),
            Source::Join(columns) => columns.len(),
        }
    }

    /// Name of the column at this place.
    pub(super) fn column_name(&self, place: usize) -> Option<Cow<'a, str>> {
        if let Some(alias) = self.aliases.get(place) {
            return Some(Cow::Borrowed(alias));
        }
        match &self.source {
            Source::Table { relation, .. } | Source::View { relation, .. } => {
                relation.columns.get(place).map(|column| Cow::Borrowed(&*column.name))
            }
            Source::Own(own) => own.relation.columns.get(place).map(|column| Cow::Borrowed(&*column.name)),
            Source::Columns(columns) => columns.get(place).map(|column| column.name.clone()),
            Source::Join(columns) => columns.get(place).map(|column| column.name.clone()),
        }
    }

    /// Looks a column up by name.
    pub(super) fn find(&self, name: &str) -> Found {
        let mut found = Found::None;
        for place in 0..self.len() {
            if self.is_named(place, name) {
                match found {
                    Found::None => found = Found::One(place),
                    _ => return Found::Several,
                }
            }
        }
        match (found, &self.source) {
            (Found::None, Source::Table { relation, .. }) => system(relation.oid, name),
            (Found::None, Source::Own(own)) => system(own.relation.oid, name),
            _ => found,
        }
    }

    fn is_named(&self, place: usize, name: &str) -> bool {
        if let Some(alias) = self.aliases.get(place) {
            return *alias == name;
        }
        let own = match &self.source {
            Source::Table { relation, .. } | Source::View { relation, .. } => {
                relation.columns.get(place).map(|column| &*column.name)
            }
            Source::Own(own) => own.relation.columns.get(place).map(|column| &*column.name),
            Source::Columns(columns) => columns.get(place).map(|column| &*column.name),
            Source::Join(columns) => columns.get(place).map(|column| &*column.name),
        };
        own == Some(name)
    }

    /// What a system column comes from: of something temporary, from nothing that is stored.
    pub(super) fn system_flow(&self, id: ColumnId, type_oid: Oid) -> Flow {
        match &self.source {
            Source::Own(_) => Flow::constant(type_oid),
            _ => Flow::column(id, type_oid),
        }
    }

    /// What the column at this place comes from.
    pub(super) fn flow(&self, place: usize) -> Flow {
        match &self.source {
            Source::Table { relation, written } => stored(relation, place, written.as_deref()),
            Source::View { relation, bound } => bound.flow(relation, place),
            Source::Own(own) => own_flow(own, place),
            Source::Columns(columns) => {
                columns.get(place).map(|column| column.flow.clone()).unwrap_or_default()
            }
            Source::Join(columns) => columns.get(place).map(JoinColumn::flow).unwrap_or_default(),
        }
    }
}

impl JoinColumn<'_> {
    fn flow(&self) -> Flow {
        let mut flows = self.from.iter().map(|(item, place)| item.flow(*place));
        let Some(mut flow) = flows.next() else { return Flow::default() };
        for other in flows {
            flow.either(&other);
            // One of two, also where both are the same column of a table.
            flow.identity = None;
        }
        if let Some((type_oid, modifier)) = self.merged {
            if (type_oid, modifier) != (flow.type_oid, flow.modifier) {
                flow = flow.computed(type_oid);
            }
            flow.modifier = modifier;
        }
        flow.runs.extend(self.runs.clone());
        flow
    }
}

fn stored(relation: &Relation, place: usize, written: Option<&HashMap<i16, Flow>>) -> Flow {
    let Some(column) = relation.columns.get(place) else { return Flow::default() };
    if let Some(flow) = written.and_then(|written| written.get(&column.number)) {
        // The server names the stored column as the origin of what RETURNING shows of it.
        let id = ColumnId { relation: relation.oid, number: column.number };
        let modifier = column.modifier;
        return Flow { type_oid: column.type_oid, modifier, identity: Some(id), ..flow.clone() };
    }
    let id = ColumnId { relation: relation.oid, number: column.number };
    Flow::column(id, column.type_oid).with_modifier(column.modifier)
}

fn own_flow(own: &OwnRelation, place: usize) -> Flow {
    let Some(column) = own.relation.columns.get(place) else { return Flow::default() };
    let id = ColumnId { relation: own.relation.oid, number: column.number };
    let direct: Set = own.sources.get(&id).into_iter().flatten().copied().collect();
    Flow { direct, type_oid: column.type_oid, modifier: column.modifier, ..Flow::default() }
}

fn system(relation: Oid, name: &str) -> Found {
    let column = SYSTEM.iter().find(|(own, ..)| *own == name);
    column.map_or(Found::None, |(_, number, type_oid)| {
        Found::System(ColumnId { relation, number: *number }, *type_oid)
    })
}
