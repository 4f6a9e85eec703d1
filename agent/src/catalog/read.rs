//! Reads the catalog in one consistent transaction, without labels: all of it, or what was changed since
//! an earlier reading.

mod code;
mod parts;
mod relations;
mod rows;

use std::{collections::HashMap, sync::Arc};

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

/// A column by relation and attribute number.
pub(super) type ColumnKey = (Oid, i16);

/// The catalog as it was at one moment, and what labelling needs beside it.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) catalog: Catalog,
    pub(super) facts: HashMap<Oid, TableFacts>,
    /// A column and another whose values it repeats.
    pub(super) same_values: Vec<(ColumnKey, ColumnKey)>,
    pub(super) mark: Mark,
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

/// Reads what was changed since `previous`, or everything.
pub(super) async fn read(
    connection: &mut Connection,
    previous: Option<Reading>,
) -> Result<Reading, ReadError> {
    let transaction = connection
        .client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    let mark = Mark::take(&transaction).await?;
    let moved = previous.as_ref().map_or(Moved::All, |previous| previous.mark.moved(&mark));
    let mut reading = previous.filter(|_| moved != Moved::All).unwrap_or_default();
    reading.catalog.server_version = mark.server.version;
    reading.catalog.utf8 = mark.server.utf8;
    reading.catalog.role = mark.server.role.as_str().into();
    reading.catalog.search_path = mark.search_path.as_str().into();
    reading.mark = mark;
    reading.take(&transaction, &moved).await?;
    transaction.commit().await?;
    Ok(reading)
}

impl Reading {
    async fn take(&mut self, transaction: &Transaction<'_>, moved: &Moved) -> Result<(), ReadError> {
        let mut source = Source { transaction, names: &mut self.names };
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
        if moved.any(&[Part::Functions, Part::Languages, Part::Extensions]) || renamed {
            renamed |= read.functions(&mut source).await?;
        }
        if moved.any(&[Part::Operators]) || schemas {
            renamed |= read.operators(&mut source).await?;
        }
        if moved.any(&[Part::Casts]) {
            read.casts(&mut source).await?;
        }
        read.into_catalog(&mut self.catalog);
        parts::read(&mut source, moved, renamed, &mut self.catalog).await?;
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
        Ok(())
    }
}
