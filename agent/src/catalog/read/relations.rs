//! Relations and their columns.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use connect_core::catalog::{
    Catalog, Column, Identity, Modifier, Oid, Relation, RelationKind, ViewReading, code::Name,
};

use super::{
    super::{connection::ReadError, names::Names, queries},
    TableFacts,
    rows::{Row, Source},
};

/// Bounds the memory of a snapshot; every relation but the emptiest has a column.
const MOST_COLUMNS: usize = 500_000;

type Relations = HashMap<Oid, Arc<Relation>>;

/// Reads relations that are newer than `since`, or all; tells whether something that was there before has
/// other names now.
pub(super) async fn read(
    source: &mut Source<'_>,
    since: Option<i64>,
    catalog: &mut Catalog,
    facts: &mut HashMap<Oid, TableFacts>,
) -> Result<bool, ReadError> {
    let before = Arc::clone(&catalog.relations);
    let mut fresh = heads(source, since, facts).await?;
    match since {
        None => {
            let most = MOST_COLUMNS as i64 + 1;
            let found = columns(source, &queries::columns(), &[&most], &mut fresh, facts).await?;
            if found > MOST_COLUMNS {
                return Err(ReadError::TooLarge(MOST_COLUMNS));
            }
        }
        Some(since) => newer_columns(source, since, &before, &mut fresh, facts).await?,
    }
    let mut relations = if since.is_none() { Relations::new() } else { Relations::clone(&before) };
    if since.is_some() {
        let there: HashSet<u32> = source.oids(queries::RELATION_OIDS).await?.into_iter().collect();
        relations.retain(|oid, _| there.contains(&oid.0));
        facts.retain(|oid, _| there.contains(&oid.0));
    }
    let renamed = fresh.values().any(|new| before.get(&new.oid).is_some_and(|old| !same_names(old, new)));
    for (oid, mut new) in fresh {
        if let Some(old) = before.get(&oid) {
            keep(old, &mut new);
        }
        relations.insert(oid, Arc::new(new));
    }
    let held: usize = relations.values().map(|relation| relation.columns.len()).sum();
    if held > MOST_COLUMNS {
        return Err(ReadError::TooLarge(MOST_COLUMNS));
    }
    catalog.set_relations(relations);
    Ok(renamed)
}

async fn heads(
    source: &mut Source<'_>,
    since: Option<i64>,
    facts: &mut HashMap<Oid, TableFacts>,
) -> Result<HashMap<Oid, Relation>, ReadError> {
    let mut fresh = HashMap::new();
    let mut take = |row: &Row, names: &mut Names| {
        let (relation, known) = head(row, names)?;
        facts.insert(relation.oid, known);
        fresh.insert(relation.oid, relation);
        Ok(())
    };
    match since {
        None => source.each(&queries::relations(), &[], &mut take).await?,
        Some(since) => source.each(&queries::newer_relations(), &[&since], &mut take).await?,
    }
    Ok(fresh)
}

fn head(row: &Row, names: &mut Names) -> Result<(Relation, TableFacts), ReadError> {
    let kind = match row.letter(3)? {
        b'r' => RelationKind::Table,
        b'p' => RelationKind::PartitionedTable,
        b'v' => RelationKind::View,
        b'm' => RelationKind::MaterializedView,
        b'f' => RelationKind::ForeignTable,
        b'S' => RelationKind::Sequence,
        b'c' => RelationKind::Composite,
        _ => RelationKind::Index,
    };
    let facts = TableFacts {
        temporary: row.of(4)?,
        partition: row.of(5)?,
        rows: row.of(6)?,
        bytes: row.of(7)?,
        virtual_columns: false,
    };
    let relation = Relation {
        oid: row.oid(0)?,
        schema: row.name(1, names)?,
        name: row.name(2, names)?,
        kind,
        columns: Vec::new(),
        view_reads: Vec::new(),
        view: ViewReading::Untouched,
        children: Vec::new(),
        runs_code: false,
        details: None,
    };
    Ok((relation, facts))
}

/// Fills the columns of `fresh` relations, and tells how many came.
async fn columns(
    source: &mut Source<'_>,
    query: &str,
    parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
    fresh: &mut HashMap<Oid, Relation>,
    facts: &mut HashMap<Oid, TableFacts>,
) -> Result<usize, ReadError> {
    let mut found = 0;
    // Rows come relation by relation; the finished one gives back what it reserved.
    let mut last: Option<(Oid, Vec<Column>)> = None;
    let mut finish = |done: Option<(Oid, Vec<Column>)>| {
        if let Some((oid, mut columns)) = done
            && let Some(relation) = fresh.get_mut(&oid)
        {
            columns.shrink_to_fit();
            relation.columns = columns;
        }
    };
    source
        .each(query, parameters, |row, names| {
            found += 1;
            let oid = row.oid(0)?;
            if let (true, Some(facts)) = (row.of(5)?, facts.get_mut(&oid)) {
                facts.virtual_columns = true;
            }
            let column = column(row, names)?;
            match &mut last {
                Some((same, columns)) if *same == oid => columns.push(column),
                last => finish(last.replace((oid, vec![column]))),
            }
            Ok(())
        })
        .await?;
    finish(last);
    Ok(found)
}

fn column(row: &Row, names: &mut Names) -> Result<Column, ReadError> {
    Ok(Column {
        not_null: row.of(4)?,
        modifier: Modifier(row.of(6)?),
        identity: Identity::from_catalog(row.letter(7)?),
        collation: collation(row, names)?,
        ..Column::new(row.of(1)?, row.name(2, names)?, row.oid(3)?)
    })
}

fn collation(row: &Row, names: &mut Names) -> Result<Option<Box<(Name, Name)>>, ReadError> {
    let parts: Option<Vec<&str>> = row.of(8)?;
    Ok(match parts.as_deref() {
        Some([schema, name]) => Some(Box::new((names.of(schema), names.of(name)))),
        _ => None,
    })
}

/// Columns of relations of which some row is newer than `since`; the relations themselves may be as they
/// were.
async fn newer_columns(
    source: &mut Source<'_>,
    since: i64,
    before: &Relations,
    fresh: &mut HashMap<Oid, Relation>,
    facts: &mut HashMap<Oid, TableFacts>,
) -> Result<(), ReadError> {
    let mut touched: Vec<Oid> = Vec::new();
    source
        .each(&queries::newer_columns(), &[&since], |row, _| {
            touched.push(row.oid(0)?);
            Ok(())
        })
        .await?;
    for old in touched.iter().filter_map(|oid| before.get(oid)) {
        fresh.entry(old.oid).or_insert_with(|| Relation { columns: Vec::new(), ..Relation::clone(old) });
    }
    let wanted: Vec<u32> = fresh.keys().map(|oid| oid.0).collect();
    for oid in fresh.keys() {
        facts.entry(*oid).and_modify(|facts| facts.virtual_columns = false);
    }
    columns(source, &queries::columns_of(), &[&wanted], fresh, facts).await.map(|_| ())
}

/// Whether a definition that names the one would name the other in the same words.
fn same_names(old: &Relation, new: &Relation) -> bool {
    let column = |column: &Column| (column.number, column.name.clone(), column.type_oid);
    old.schema == new.schema
        && old.name == new.name
        && old.columns.iter().map(column).eq(new.columns.iter().map(column))
}

/// What other catalogs tell of a relation stays until they are read again.
fn keep(old: &Relation, new: &mut Relation) {
    new.view_reads.clone_from(&old.view_reads);
    new.children.clone_from(&old.children);
    new.runs_code = old.runs_code;
    new.details.clone_from(&old.details);
    for column in &mut new.columns {
        column.tested_on_write = old.column(column.number).is_some_and(|old| old.tested_on_write);
    }
}
