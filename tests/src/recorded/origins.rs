//! The origin of each result column: the server's row description, and `origin` of `connect-agent analyze`.
//!
//! The server names the relation and attribute of a column that is passed on as it is, through subqueries
//! and WITH; not through expressions, set operations and full joins. What is held against each other:
//!
//! - A view's column: the server names the view. It is asked again about the view's own definition, until a
//!   stored relation is named, or nothing.
//! - A whole row is described as attribute 0 of its table, which is no column: no origin.
//! - Temporary tables, and views that the session itself has made, are gone through to what they were made
//!   from; no origin is named through them.

use std::collections::HashMap;

use super::{Bench, Case, Figures};
use crate::{
    differential::{
        explained::Explained,
        told::{Output, Told},
    },
    oracle::{Column, catalog::Catalog, wire::Wire},
};

/// Columns of views that stay, with where they come from; `None` where the server does not say.
type Views = HashMap<u32, Option<Vec<Column>>>;

/// Compares each column of each result.
pub fn compare(bench: &mut Bench, cases: &[Case], explained: &Explained, figures: &mut Figures) {
    let mut views = Views::new();
    let mut described = Vec::new();
    for case in cases.iter().filter(|case| !case.sql.starts_with("EXPLAIN ")) {
        let origins =
            bench.in_session(case, |oracle, wire| origins(wire, &oracle.catalog, &case.judged, &mut views));
        match origins {
            Ok(Some(origins)) => described.push((case, origins)),
            Ok(None) => figures.add("without a result", 1),
            Err(()) => figures.add("refused by the server, or of a view that it cannot read back", 1),
        }
    }
    let questions = described.iter().map(|(case, _)| case.question(&case.sql)).collect();
    let answers = bench.analyst.ask_all(questions);
    for ((case, origins), told) in described.iter().zip(&answers) {
        if told.status == "opaque" {
            figures.add("opaque", 1);
            continue;
        }
        figures.add("statements compared", 1);
        figures.add("columns", origins.len());
        figures.add("of them with an origin", origins.iter().flatten().count());
        figures.differ(&case.sql, differences(origins, told), explained);
    }
}

/// Where the server says that the columns of a result come from.
fn origins(
    wire: &mut Wire,
    catalog: &Catalog,
    sql: &str,
    views: &mut Views,
) -> Result<Option<Vec<Option<String>>>, ()> {
    let Some(fields) = wire.parse(sql).map_err(drop)?.fields else { return Ok(None) };
    let origin = |field: &crate::oracle::wire::Field| stored(wire, catalog, field.origin, views);
    fields.iter().map(origin).collect::<Result<_, ()>>().map(Some)
}

/// The stored column behind what the server names; an error where it is a view's whose definition the server
/// writes and does not take back (the new names of a function's rows of which columns were dropped).
fn stored(
    wire: &mut Wire,
    catalog: &Catalog,
    column: Column,
    views: &mut Views,
) -> Result<Option<String>, ()> {
    let (relation, place) = column;
    if relation == 0 || place == 0 {
        return Ok(None);
    }
    let Some(known) = catalog.relations.get(&relation) else { return Ok(own(wire, column)) };
    if known.kind != 'v' {
        return Ok(Some(catalog.column_name(column)));
    }
    let columns = views.entry(relation).or_insert_with(|| view(wire, relation)).as_ref().ok_or(())?;
    let place = usize::try_from(place - 1).ok();
    match place.and_then(|place| columns.get(place)) {
        Some(&behind) => stored(wire, catalog, behind, views),
        None => Ok(None),
    }
}

/// The same of a relation that the session has made.
fn own(wire: &mut Wire, (relation, place): Column) -> Option<String> {
    let rows = wire.run(&format!(
        "SELECT c.relkind, c.relpersistence, n.nspname || '.' || c.relname || '.' || a.attname
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
         WHERE c.oid = {relation} AND a.attnum = {place}"
    ));
    let [kind, persistence, name] = <[Option<String>; 3]>::try_from(rows.into_iter().next()?).ok()?;
    let is_gone_through = kind.as_deref() == Some("v") || persistence.as_deref() == Some("t");
    name.filter(|_| !is_gone_through)
}

/// What the server says of the query that a view is.
fn view(wire: &mut Wire, view: u32) -> Option<Vec<Column>> {
    let definition = wire.run(&format!("SELECT pg_catalog.pg_get_viewdef({view}::pg_catalog.oid)"));
    let definition = definition.into_iter().flatten().flatten().next().expect("a view has a definition");
    let parsed = wire.parse(definition.trim_end().trim_end_matches(';')).ok()?;
    Some(parsed.fields.unwrap_or_default().into_iter().map(|field| field.origin).collect())
}

fn differences(origins: &[Option<String>], told: &Told) -> Vec<String> {
    let is_result = |output: &&Output| output.kind != "table" || output.created;
    let complete = told.status == "complete";
    let columns = told.outputs.iter().find(is_result).map_or(&[][..], |output| &output.columns);
    if columns.len() != origins.len() {
        let lacks =
            complete.then(|| format!("{} columns come out, told are {}", origins.len(), columns.len()));
        return lacks.into_iter().collect();
    }
    let mut found = Vec::new();
    for (origin, column) in origins.iter().zip(columns) {
        let unsaid = !complete && column.origin.is_none();
        if *origin != column.origin && !unsaid {
            let [origin, own] = [origin, &column.origin].map(|name| name.as_deref().unwrap_or("nothing"));
            found.push(format!("column {} is {origin}, told is {own}", column.name));
        }
    }
    found
}
