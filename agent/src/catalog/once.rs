//! One reading, for a program that serves nobody: nothing of it is kept.

use std::{sync::Arc, time::Instant};

use connect_core::catalog::{Catalog, Column, FIRST_NORMAL_OID, Relation, RelationKind};
use connect_shared::label::Label;

use super::{
    CatalogError, LabelOverrides, Registered, Unregistered,
    connection::{Connection, ReadError},
    inherit,
    labels::LabelStore,
    overrides::Override,
    read::read,
};
use crate::upstream::UpstreamConfig;

/// The label of one column, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// `schema.table.column`
    pub column: String,
    /// What is in force; `None`: free to show.
    pub label: Option<Label>,
    /// What was found without the configuration.
    pub found: Option<Label>,
    /// Why, in words.
    pub why: String,
    /// The configuration speaks of it.
    pub configured: bool,
}

/// Labels every column of a database as the agent would at first contact, by name.
///
/// # Errors
/// The database cannot be reached or read.
pub async fn label_once(
    upstream: &UpstreamConfig,
    overrides: &LabelOverrides,
) -> Result<Vec<Labelled>, CatalogError> {
    labelled(upstream, overrides).await.map_err(|error| unreadable(upstream, &error))
}

/// The catalog with the labels that would be in force at first contact.
///
/// # Errors
/// The database cannot be reached or read.
pub async fn labelled_once(
    upstream: &UpstreamConfig,
    overrides: &LabelOverrides,
    functions: &Registered,
) -> Result<Catalog, CatalogError> {
    let reading = async {
        let mut connection = Connection::open(upstream).await?;
        let mut reading = read(&mut connection).await?;
        let (mut labels, mut catalog) = (LabelStore::default(), reading.catalog.clone());
        labels.label(&connection, &mut reading, &mut catalog, Instant::now()).await?;
        functions.settle(&connection, &mut catalog).await?;
        inherit::settle(&mut catalog, &reading, overrides);
        Ok::<_, ReadError>(Catalog { version: 1, ..catalog })
    };
    reading.await.map_err(|error| unreadable(upstream, &error))
}

async fn labelled(upstream: &UpstreamConfig, overrides: &LabelOverrides) -> Result<Vec<Labelled>, ReadError> {
    let mut connection = Connection::open(upstream).await?;
    let mut reading = read(&mut connection).await?;
    let (mut labels, mut catalog) = (LabelStore::default(), reading.catalog.clone());
    labels.label(&connection, &mut reading, &mut catalog, Instant::now()).await?;
    // What would be in force if the configuration said nothing.
    let mut found = catalog.clone();
    inherit::settle(&mut found, &reading, &LabelOverrides::default());
    inherit::settle(&mut catalog, &reading, overrides);
    let own = |relation: &&Arc<Relation>| {
        let holds =
            !matches!(relation.kind, RelationKind::Index | RelationKind::Composite | RelationKind::Sequence);
        relation.oid.0 >= FIRST_NORMAL_OID && !relation.is_system() && holds
    };
    let mut all = Vec::new();
    for relation in catalog.relations.values().filter(own) {
        for column in &relation.columns {
            let without = found.relation(relation.oid).and_then(|relation| relation.column(column.number));
            let without = without.and_then(|column| column.label);
            let alone = labels.found(relation.oid, column.number);
            let chosen = overrides.of(&relation.schema, &relation.name, &column.name);
            all.push(told(relation, column, without, alone, chosen));
        }
    }
    all.sort_by(|one, other| one.column.cmp(&other.column));
    Ok(all)
}

fn told(
    relation: &Relation,
    column: &Column,
    found: Option<Label>,
    alone: Option<(Option<Label>, &str)>,
    chosen: Option<Override>,
) -> Labelled {
    let why = match (chosen, alone) {
        (Some(_), _) => "configuration".to_owned(),
        (None, Some((label, why))) if label == column.label => why.to_owned(),
        (None, _) => "another column that it shows, holds or belongs to".to_owned(),
    };
    let column_name = format!("{}.{}", relation.qualified_name(), column.name);
    Labelled { column: column_name, label: column.label, found, why, configured: chosen.is_some() }
}

/// Reads the catalog of a database in one consistent, read-only transaction, and hangs up.
///
/// # Errors
/// The database cannot be reached or read.
pub async fn read_once(upstream: &UpstreamConfig) -> Result<Catalog, CatalogError> {
    let reading = async { read(&mut Connection::open(upstream).await?).await };
    let reading = reading.await.map_err(|error| unreadable(upstream, &error))?;
    Ok(Catalog { version: 1, ..reading.catalog })
}

/// The registered functions of a database that do not count.
///
/// # Errors
/// The database cannot be reached or read.
pub async fn unregistered_once(
    upstream: &UpstreamConfig,
    functions: &Registered,
) -> Result<Vec<Unregistered>, CatalogError> {
    let looking = async { functions.look(&Connection::open(upstream).await?).await };
    looking.await.map_err(|error| unreadable(upstream, &error))
}

fn unreadable(upstream: &UpstreamConfig, error: &ReadError) -> CatalogError {
    CatalogError::Unreadable { resource: upstream.database.clone(), reason: error.to_string() }
}
