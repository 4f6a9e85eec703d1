//! Column references: columns, whole rows, `*`, and functions in the notation of a column.

use std::{borrow::Cow, rc::Rc, sync::Arc};

use pg_query::{
    NodeEnum,
    protobuf::{ColumnRef, Node},
};

use super::{
    Binder, Bound,
    flow::{Field, Flow},
    gap,
    item::{Found, Item, Named, Whole},
    scope::{Env, Meaning},
};
use crate::{lineage::GapKind, understand::walk::text};

/// A column reference by its parts.
enum Parts<'n> {
    /// `column`
    Bare(&'n str),
    /// `item.column`, with a schema if there is one.
    Of { schema: Option<&'n str>, item: &'n str, column: &'n str },
    /// `*`
    Star,
    /// `item.*`
    StarOf { schema: Option<&'n str>, item: &'n str },
}

fn parts(column: &ColumnRef) -> Bound<Parts<'_>> {
    let star = matches!(column.fields.last().map(|node| &node.node), Some(Some(NodeEnum::AStar(_))));
    let names: Vec<&str> = column.fields.iter().filter_map(text).collect();
    Ok(match (names.as_slice(), star) {
        ([name], false) => Parts::Bare(name),
        ([item, column], false) => Parts::Of { schema: None, item, column },
        ([schema, item, column] | [_, schema, item, column], false) => {
            Parts::Of { schema: Some(schema), item, column }
        }
        ([], true) => Parts::Star,
        ([item], true) => Parts::StarOf { schema: None, item },
        ([schema, item] | [_, schema, item], true) => Parts::StarOf { schema: Some(schema), item },
        _ => return Err(gap(GapKind::NotReviewed, "a column reference")),
    })
}

impl<'a> Binder<'a> {
    pub(super) fn column(&mut self, column: &'a ColumnRef, here: Env<'_, 'a>) -> Bound<Flow> {
        let mut flow = self.meaning(column, here)?;
        self.read(&mut flow);
        let known = self.facts.names.columns.entry(column.location).or_insert(flow.identity);
        if *known != flow.identity {
            *known = None;
        }
        Ok(flow)
    }

    /// What a reference means, for whoever says how much of it is read.
    pub(super) fn meaning(&mut self, column: &'a ColumnRef, here: Env<'_, 'a>) -> Bound<Flow> {
        self.step(1)?;
        match parts(column)? {
            Parts::Bare(name) => self.bare(name, here),
            Parts::Of { schema, item, column } => self.qualified(schema, item, column, here),
            Parts::StarOf { schema, item } => match item_named(here, schema, item) {
                Some(found) => self.whole_row(&found),
                None => Err(missing_item(item)),
            },
            Parts::Star => Err(gap(GapKind::NotReviewed, "`*` where a value is needed")),
        }
    }

    /// Whether a reference means the rows of an item of FROM.
    pub(super) fn is_whole_row(&self, column: &'a ColumnRef, here: Env<'_, 'a>) -> Bound<bool> {
        Ok(match parts(column)? {
            Parts::Bare(name) => {
                let none = here.level.is_none_or(|level| matches!(level.column(name), Meaning::None));
                none && self.parameter(name).is_none()
            }
            Parts::StarOf { .. } => true,
            Parts::Of { .. } | Parts::Star => false,
        })
    }

    pub(super) fn read(&mut self, flow: &mut Flow) {
        self.used(flow);
        self.facts.reads.add(&flow.direct);
    }

    fn bare(&mut self, name: &'a str, here: Env<'_, 'a>) -> Bound<Flow> {
        let meaning = here.level.map_or(Meaning::None, |level| level.column(name));
        match meaning {
            Meaning::Value(flow) => return Ok(flow),
            Meaning::Ambiguous => {
                return Err(gap(GapKind::Ambiguous, format!("the column {name} is ambiguous")));
            }
            Meaning::None => {}
        }
        if let Some(flow) = self.parameter(name) {
            return Ok(flow);
        }
        match item_named(here, None, name) {
            Some(item) => self.whole_row(&item),
            None => Err(gap(GapKind::UnknownObject, format!("the column {name} is not known"))),
        }
    }

    /// An argument of the function whose body this is.
    fn parameter(&self, name: &str) -> Option<Flow> {
        let found = self.parameters.iter().find(|parameter| !name.is_empty() && *parameter.name == *name);
        found.map(|parameter| parameter.flow.clone())
    }

    fn qualified(
        &mut self,
        schema: Option<&'a str>,
        item: &'a str,
        column: &'a str,
        here: Env<'_, 'a>,
    ) -> Bound<Flow> {
        let Some(found) = item_named(here, schema, item) else {
            if schema.is_none()
                && item == self.function
                && let Some(flow) = self.parameter(column)
            {
                return Ok(flow);
            }
            // A composite argument's field.
            if schema.is_none()
                && let Some(row) = self.parameter(item)
            {
                return self.field(&row, column);
            }
            return Err(missing_item(item));
        };
        match found.find(column) {
            Found::One(place) => Ok(found.flow(place)),
            Found::System(id, type_oid) => Ok(found.system_flow(id, type_oid)),
            Found::Several => {
                Err(gap(GapKind::Ambiguous, format!("the column {item}.{column} is ambiguous")))
            }
            Found::None => {
                let row = self.whole_row(&found)?;
                self.function_of_row(column, row)
            }
        }
    }

    /// Whole rows of an item: every column.
    pub(super) fn whole_row(&mut self, item: &Rc<Item<'a>>) -> Bound<Flow> {
        self.step(item.len())?;
        let mut row = Flow::constant(item.row_type);
        let mut fields = Vec::with_capacity(item.len());
        for place in 0..item.len() {
            let mut flow = item.flow(place);
            row.mix(&flow);
            if item.whole == Whole::Made {
                flow.identity = None;
            }
            let name = item.column_name(place).unwrap_or_default();
            fields.push(Field { name: Arc::from(&*name), flow });
        }
        // A function in FROM that gives one plain value is that value, also as a whole.
        if item.whole == Whole::Value
            && let [only] = fields.as_slice()
        {
            return Ok(only.flow.clone());
        }
        row.fields = Some(Arc::new(fields));
        Ok(row)
    }

    /// Writes `*`, `item.*` and `(row).*` out. False if it is something else.
    pub(super) fn star(
        &mut self,
        node: &'a Node,
        here: Env<'_, 'a>,
        columns: &mut Vec<Named<'a>>,
    ) -> Bound<bool> {
        match &node.node {
            Some(NodeEnum::ColumnRef(column)) if ends_in_star(&column.fields) => {
                match parts(column)? {
                    Parts::Star => self.star_of_level(here, columns)?,
                    Parts::StarOf { schema, item } => match item_named(here, schema, item) {
                        Some(found) => self.star_of(&found, columns)?,
                        None => match self.parameter(item) {
                            Some(row) => self.star_of_row(&row, columns)?,
                            None => return Err(missing_item(item)),
                        },
                    },
                    _ => return Ok(false),
                }
                Ok(true)
            }
            Some(NodeEnum::AIndirection(indirection)) if ends_in_star(&indirection.indirection) => {
                let row = self.indirection_before_star(indirection, here)?;
                self.star_of_row(&row, columns)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn star_of_level(&mut self, here: Env<'_, 'a>, columns: &mut Vec<Named<'a>>) -> Bound<()> {
        let Some(level) = here.level else {
            return Err(gap(GapKind::UnknownObject, "`*` without FROM"));
        };
        for entry in level.entries.iter().filter(|entry| entry.by_column) {
            self.star_of(&entry.item, columns)?;
        }
        Ok(())
    }

    fn star_of(&mut self, item: &Rc<Item<'a>>, columns: &mut Vec<Named<'a>>) -> Bound<()> {
        self.step(item.len())?;
        for place in 0..item.len() {
            let flow = item.flow(place);
            self.facts.reads.add(&flow.direct);
            columns.push(Named { name: item.column_name(place).unwrap_or_default(), flow });
        }
        Ok(())
    }

    fn star_of_row(&mut self, row: &Flow, columns: &mut Vec<Named<'a>>) -> Bound<()> {
        let fields = self.fields(row)?;
        self.step(fields.len())?;
        for field in fields.iter() {
            columns.push(Named { name: Cow::Owned(field.name.to_string()), flow: field.flow.clone() });
        }
        Ok(())
    }
}

fn ends_in_star(fields: &[Node]) -> bool {
    matches!(fields.last().map(|node| &node.node), Some(Some(NodeEnum::AStar(_))))
}

fn item_named<'a>(here: Env<'_, 'a>, schema: Option<&str>, name: &str) -> Option<Rc<Item<'a>>> {
    here.level.and_then(|level| level.item(schema, name))
}

fn missing_item(name: &str) -> super::Gap {
    gap(GapKind::UnknownObject, format!("{name} is not in FROM"))
}
