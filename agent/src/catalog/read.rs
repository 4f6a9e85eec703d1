//! Reads the catalog in one consistent transaction, without labels.

use std::collections::{HashMap, HashSet};

use connect_core::catalog::{
    BuiltinFunction, Catalog, Column, Oid, Relation, RelationKind, ViewReading, Volatility,
};
use tokio_postgres::{IsolationLevel, Row, Transaction};

use super::{
    connection::{Connection, ReadError},
    queries,
};

/// Bounds the memory of a snapshot; every relation but the emptiest has a column.
const MOST_COLUMNS: usize = 500_000;

/// A column by relation and attribute number.
pub(super) type ColumnKey = (Oid, i16);

/// The catalog as it was at one moment, and what labelling needs beside it.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) catalog: Catalog,
    /// Of views and materialized views.
    pub(super) definitions: HashMap<Oid, String>,
    pub(super) facts: HashMap<Oid, TableFacts>,
    /// Types of columns with what is under their domains.
    pub(super) base_types: HashMap<ColumnKey, Oid>,
    /// A column and another whose values it repeats.
    pub(super) same_values: Vec<(ColumnKey, ColumnKey)>,
    pub(super) mark: Mark,
}

/// What the catalog does not keep of a relation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TableFacts {
    /// Of another session, which alone can read it.
    pub(super) temporary: bool,
    pub(super) partition: bool,
    pub(super) rows: f64,
    pub(super) bytes: i64,
    /// Some column is computed when it is read, by code that may be anybody's.
    pub(super) virtual_columns: bool,
}

/// Tells whether anything was changed since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mark {
    visible: String,
    fingerprint: String,
}

/// What became of the catalog since a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is as it was; the newer mark says so more cheaply next time.
    None(Mark),
    Some,
}

impl Mark {
    /// Compares with now: first the transactions that can be seen, then the fingerprint.
    pub(super) async fn compare(&self, connection: &Connection) -> Result<Change, ReadError> {
        let visible: String = connection.client.query_one(queries::VISIBLE, &[]).await?.try_get(0)?;
        if visible == self.visible {
            return Ok(Change::None(self.clone()));
        }
        let fingerprint: String = connection.client.query_one(queries::FINGERPRINT, &[]).await?.try_get(0)?;
        // The older list of transactions goes with the newer fingerprint: the next comparison then looks
        // at most once too often.
        let same = fingerprint == self.fingerprint;
        Ok(if same { Change::None(Self { visible, fingerprint }) } else { Change::Some })
    }
}

/// Reads everything.
pub(super) async fn read(connection: &mut Connection) -> Result<Reading, ReadError> {
    let transaction = connection
        .client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let mut reading = Reading { mark: mark(&transaction).await?, ..Reading::default() };
    let server = transaction.query_one(queries::SERVER, &[]).await?;
    reading.catalog.server_version = u32::try_from(server.try_get::<_, i32>(0)?).unwrap_or_default();
    reading.catalog.utf8 = server.try_get(1)?;
    read_relations(&transaction, &mut reading).await?;
    read_names(&transaction, &mut reading.catalog).await?;
    for row in transaction.query(queries::VIEW_DEFINITIONS, &[]).await? {
        // No definition: dropped meanwhile, so another reading follows.
        if let Some(definition) = row.try_get::<_, Option<String>>(1)? {
            reading.definitions.insert(Oid(row.try_get(0)?), definition);
        }
    }
    transaction.commit().await?;
    Ok(reading)
}

async fn mark(transaction: &Transaction<'_>) -> Result<Mark, ReadError> {
    Ok(Mark {
        visible: transaction.query_one(queries::VISIBLE, &[]).await?.try_get(0)?,
        fingerprint: transaction.query_one(queries::FINGERPRINT, &[]).await?.try_get(0)?,
    })
}

async fn read_relations(transaction: &Transaction<'_>, reading: &mut Reading) -> Result<(), ReadError> {
    let mut relations = HashMap::new();
    for row in transaction.query(queries::RELATIONS, &[]).await? {
        let (relation, facts) = relation(&row)?;
        reading.facts.insert(relation.oid, facts);
        relations.insert(relation.oid, relation);
    }
    read_columns(transaction, reading, &mut relations).await?;
    for (oid, read) in pairs(transaction, queries::VIEW_READS).await? {
        if let Some(view) = relations.get_mut(&oid) {
            view.view_reads.push(read);
        }
    }
    for (parent, child) in pairs(transaction, queries::CHILDREN).await? {
        if let Some(parent) = relations.get_mut(&parent) {
            parent.children.push(child);
        }
    }
    for row in transaction.query(queries::RUNS_CODE, &[]).await? {
        if let Some(relation) = relations.get_mut(&Oid(row.try_get(0)?)) {
            relation.runs_code = true;
        }
    }
    let mut ordered: Vec<Relation> = relations.into_values().collect();
    ordered.sort_by_key(|relation| relation.oid);
    ordered.into_iter().for_each(|relation| reading.catalog.insert(relation));
    Ok(())
}

async fn read_columns(
    transaction: &Transaction<'_>,
    reading: &mut Reading,
    relations: &mut HashMap<Oid, Relation>,
) -> Result<(), ReadError> {
    let domains: HashMap<Oid, Oid> = pairs(transaction, queries::DOMAINS).await?.into_iter().collect();
    let tested = column_keys(transaction, queries::TESTED_ON_WRITE).await?;
    let rows = transaction.query(queries::COLUMNS, &[&(MOST_COLUMNS as i64 + 1)]).await?;
    if rows.len() > MOST_COLUMNS {
        return Err(ReadError::TooLarge(MOST_COLUMNS));
    }
    for row in rows {
        let (oid, number) = (Oid(row.try_get(0)?), row.try_get(1)?);
        let type_oid = Oid(row.try_get(3)?);
        if let (true, Some(facts)) = (row.try_get::<_, &str>(4)? == "v", reading.facts.get_mut(&oid)) {
            facts.virtual_columns = true;
        }
        reading.base_types.insert((oid, number), base_type(&domains, type_oid));
        if let Some(relation) = relations.get_mut(&oid) {
            let tested_on_write = tested.contains(&(oid, number));
            let name = row.try_get(2)?;
            relation.columns.push(Column {
                number,
                name,
                type_oid,
                label: None,
                tested_on_write,
                not_null: false,
            });
        }
    }
    for row in transaction.query(queries::SAME_VALUES, &[]).await? {
        let own = (Oid(row.try_get(0)?), row.try_get(1)?);
        let other = (Oid(row.try_get(2)?), row.try_get(3)?);
        reading.same_values.push((own, other));
    }
    Ok(())
}

/// Domains over domains are followed to the end.
fn base_type(domains: &HashMap<Oid, Oid>, type_oid: Oid) -> Oid {
    let mut base = type_oid;
    for _ in 0..domains.len() {
        let Some(under) = domains.get(&base) else { break };
        base = *under;
    }
    base
}

fn relation(row: &Row) -> Result<(Relation, TableFacts), ReadError> {
    let kind = match row.try_get::<_, &str>(3)? {
        "r" => RelationKind::Table,
        "p" => RelationKind::PartitionedTable,
        "v" => RelationKind::View,
        "m" => RelationKind::MaterializedView,
        "f" => RelationKind::ForeignTable,
        "S" => RelationKind::Sequence,
        "c" => RelationKind::Composite,
        _ => RelationKind::Index,
    };
    let facts = TableFacts {
        temporary: row.try_get(4)?,
        partition: row.try_get(5)?,
        rows: row.try_get(6)?,
        bytes: row.try_get(7)?,
        virtual_columns: false,
    };
    let relation = Relation {
        oid: Oid(row.try_get(0)?),
        schema: row.try_get(1)?,
        name: row.try_get(2)?,
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

async fn read_names(transaction: &Transaction<'_>, catalog: &mut Catalog) -> Result<(), ReadError> {
    catalog.user_functions = names(transaction, queries::USER_FUNCTIONS).await?;
    catalog.user_operators = names(transaction, queries::USER_OPERATORS).await?;
    catalog.user_types = names(transaction, queries::USER_TYPES).await?;
    for row in transaction.query(queries::BUILTIN_FUNCTIONS, &[]).await? {
        let volatility = match row.try_get::<_, i32>(1)? {
            0 => Volatility::Immutable,
            1 => Volatility::Stable,
            _ => Volatility::Volatile,
        };
        let aggregate = row.try_get(2)?;
        catalog.builtin_functions.insert(row.try_get(0)?, BuiltinFunction { volatility, aggregate });
    }
    Ok(())
}

async fn names(transaction: &Transaction<'_>, query: &str) -> Result<HashSet<String>, ReadError> {
    let rows = transaction.query(query, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn pairs(transaction: &Transaction<'_>, query: &str) -> Result<Vec<(Oid, Oid)>, ReadError> {
    let rows = transaction.query(query, &[]).await?;
    rows.iter().map(|row| Ok((Oid(row.try_get(0)?), Oid(row.try_get(1)?)))).collect()
}

async fn column_keys(transaction: &Transaction<'_>, query: &str) -> Result<HashSet<ColumnKey>, ReadError> {
    let rows = transaction.query(query, &[]).await?;
    rows.iter().map(|row| Ok((Oid(row.try_get(0)?), row.try_get(1)?))).collect()
}
