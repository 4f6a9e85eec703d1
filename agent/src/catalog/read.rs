//! Reads the catalog in one consistent transaction, without labels: all of it, or what was changed since
//! an earlier reading.

mod code;
mod parts;
mod relations;
mod rows;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use connect_core::catalog::{
    Catalog, Oid,
    code::{Code, TypeKind},
};
use tokio_postgres::{IsolationLevel, Transaction};

use self::rows::Source;
use super::{
    connection::{Connection, ReadError},
    mark::{Mark, Moved},
    names::Names,
    queries::{self, change::Part},
};

/// When what was locked is asked for again.
const RETRY: Duration = Duration::from_secs(5);

/// A column by relation and attribute number.
pub(super) type ColumnKey = (Oid, i16);

/// The catalog as it was at one moment, and what labelling needs beside it.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) catalog: Catalog,
    pub(super) facts: HashMap<Oid, TableFacts>,
    /// A column and another whose values it repeats.
    pub(super) same_values: Vec<(ColumnKey, ColumnKey)>,
    mark: Mark,
    /// Since when some text is missing, for a lock on what it names.
    pub(super) incomplete: Option<Instant>,
    names: Names,
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

impl Reading {
    /// What is under a domain, and the type itself if it is none. Domains over domains are followed to the
    /// end.
    pub(super) fn base_type(&self, type_oid: Oid) -> Oid {
        base_type(&self.catalog.code, type_oid)
    }

    /// Of views and materialized views that are not the system's.
    pub(super) fn definitions(&self) -> HashMap<Oid, Arc<str>> {
        let users = self.catalog.relations.values();
        let users = users.filter(|relation| relation.oid.0 >= connect_core::catalog::FIRST_NORMAL_OID);
        users
            .filter_map(|relation| Some((relation.oid, relation.details.as_ref()?.definition.clone()?)))
            .collect()
    }
}

fn base_type(code: &Code, type_oid: Oid) -> Oid {
    let mut base = type_oid;
    for _ in 0..code.types.len() {
        let Some(TypeKind::Domain(under)) = code.types.get(&base).map(|known| known.kind) else { break };
        base = under;
    }
    base
}

/// What became of a database since it was read.
#[derive(Debug)]
pub(super) enum Found {
    Unchanged(Reading),
    Changed(Reading),
    /// New connections begin with other settings, so this one is not like them any more.
    OtherSettings,
}

/// Reads everything.
pub(super) async fn read(connection: &mut Connection) -> Result<Reading, ReadError> {
    let transaction = begin(connection).await?;
    let (mark, moved) = Mark::take(&transaction, None).await?;
    let reading = Reading::default().again(&transaction, mark, &moved).await?;
    transaction.commit().await?;
    Ok(reading)
}

/// Reads what was changed since `previous`.
pub(super) async fn follow(connection: &mut Connection, previous: Reading) -> Result<Found, ReadError> {
    let retry = previous.incomplete.is_some_and(|since| since.elapsed() >= RETRY);
    if !retry && previous.mark.is_current(&connection.client).await? {
        return Ok(Found::Unchanged(previous));
    }
    let transaction = begin(connection).await?;
    let (mark, moved) = Mark::take(&transaction, Some(&previous.mark)).await?;
    let found = match &moved {
        Moved::All => Found::Changed(Reading::default().again(&transaction, mark, &moved).await?),
        Moved::Some { parts, .. } if parts.contains(&Part::Settings) => Found::OtherSettings,
        Moved::Some { parts, .. } => {
            let mut previous = previous;
            if parts.is_empty() && !retry && previous.mark.search_path == mark.search_path {
                previous.mark.seen(mark);
                Found::Unchanged(previous)
            } else {
                Found::Changed(previous.again(&transaction, mark, &moved).await?)
            }
        }
    };
    transaction.commit().await?;
    Ok(found)
}

async fn begin(connection: &mut Connection) -> Result<Transaction<'_>, ReadError> {
    let transaction = connection.client.build_transaction();
    Ok(transaction.isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await?)
}

impl Reading {
    /// The database at `mark`, of which `moved` was changed since this reading.
    async fn again(
        mut self,
        transaction: &Transaction<'_>,
        mark: Mark,
        moved: &Moved,
    ) -> Result<Self, ReadError> {
        self.catalog.server_version = mark.server.version;
        self.catalog.utf8 = mark.server.utf8;
        self.catalog.role = mark.server.role.as_str().into();
        self.catalog.search_path = mark.search_path.as_str().into();
        self.catalog.state = mark.state().as_str().into();
        self.mark = mark;
        let retry = self.incomplete.is_some();
        self.take(transaction, moved, retry).await?;
        Ok(self)
    }

    /// `retry`: texts are asked for again in any case.
    async fn take(
        &mut self,
        transaction: &Transaction<'_>,
        moved: &Moved,
        retry: bool,
    ) -> Result<(), ReadError> {
        let mut source = Source { transaction, names: &mut self.names, locked: false };
        let mut schemas = false;
        if moved.any(&[Part::Schemas, Part::Role]) {
            schemas = code::schemas(&mut source, &mut self.catalog).await?;
        }
        // A schema's name is kept in everything that is in it.
        let since = moved.since().filter(|_| !schemas);
        let mut renamed = schemas;
        let mut read = code::CodeReading::new(&mut self.catalog);
        if moved.any(&[Part::Types]) || schemas {
            renamed |= read.types(&mut source, since).await?;
        }
        if moved.any(&[Part::Relations, Part::Columns]) || schemas {
            renamed |= relations::read(&mut source, since, &mut self.catalog, &mut self.facts).await?;
        }
        if moved.any(&[Part::Functions, Part::Languages, Part::Extensions]) || renamed || retry {
            renamed |= read.functions(&mut source).await?;
        }
        if moved.any(&[Part::Operators]) || schemas {
            renamed |= read.operators(&mut source).await?;
        }
        if moved.any(&[Part::Casts]) {
            read.casts(&mut source).await?;
        }
        if moved.any(&[Part::Types, Part::Constraints, Part::Functions]) || renamed || retry {
            read.unnamed(&mut source).await?;
        }
        read.into_catalog(&mut self.catalog);
        if moved.any(&[Part::EventTriggers, Part::Functions]) {
            code::event_triggers(&mut source, &mut self.catalog).await?;
        }
        parts::read(&mut source, moved, (renamed, retry), &mut self.catalog).await?;
        self.catalog.forget_bindings();
        if moved.any(&[Part::Constraints, Part::Expressions]) {
            self.same_values.clear();
            let same = &mut self.same_values;
            source
                .each(queries::parts::SAME_VALUES, &[], |row, _| {
                    same.push((row.column_key(0)?, row.column_key(2)?));
                    Ok(())
                })
                .await?;
        }
        self.incomplete = source.locked.then(Instant::now);
        Ok(())
    }
}
